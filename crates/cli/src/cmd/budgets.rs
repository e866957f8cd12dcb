//! `vitrine budgets`: what is left of caps and budgets of all visitors together.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::Edge;
use crate::failure::{Exit, Failure};
use crate::ui::{Ui, columns};
use clap::Args;
use vitrine_ledger::{BudgetReport, CapReport, MoneyReport};

/// Show what is left of caps of offers and budgets of campaigns.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine budgets --url https://offers.shop.example
  vitrine budgets --environment staging --json --url https://offers.shop.example")]
pub struct Budgets {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Asks, and shows two tables.
///
/// # Errors
/// 4 if the Worker refuses or does not answer.
pub fn run(args: &Budgets, ui: &Ui) -> Result<(), Failure> {
    let environment = &args.environment.environment;
    let answer = Edge::new(&args.edge)?.get(&format!("/v1/admin/budgets?environment={environment}"))?;
    let report: BudgetReport = serde_json::from_value(answer.clone())
        .map_err(|error| Failure::new(Exit::Edge, format!("the report is not readable: {error}")))?;
    ui.result(&answer, || shown(&report))
}

fn shown(report: &BudgetReport) -> String {
    if report.caps.is_empty() && report.budgets.is_empty() {
        return format!("{}: nothing is limited for all visitors together", report.environment);
    }
    let mut parts = vec![format!("{}, version {}, {}", report.environment, report.version, report.at)];
    if !report.caps.is_empty() {
        let head = ["offer", "cap", "shown", "of", "leased", ""].map(str::to_owned).to_vec();
        parts.push(columns(&[vec![head], report.caps.iter().map(cap).collect()].concat()).join("\n"));
    }
    if !report.budgets.is_empty() {
        let head = ["campaign", "paid by", "spent", "planned by now", "of", "leased", ""].map(str::to_owned).to_vec();
        parts.push(columns(&[vec![head], report.budgets.iter().map(budget).collect()].concat()).join("\n"));
    }
    parts.join("\n\n")
}

fn cap(it: &CapReport) -> Vec<String> {
    let numbers = [it.used, it.max, it.leased].map(|it| it.to_string());
    [vec![it.offer.clone(), it.cap.clone()], numbers.to_vec(), vec![state(it.open)]].concat()
}

fn budget(it: &MoneyReport) -> Vec<String> {
    let sums = [it.spent_minor, it.planned_minor, it.budget_minor, it.leased_minor].map(money);
    [vec![it.campaign.clone(), it.cost.clone()], sums.to_vec(), vec![state(it.open)]].concat()
}

fn state(open: bool) -> String {
    if open { String::new() } else { "stopped".to_owned() }
}

/// Hundredths as a decimal number.
fn money(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_two_tables() {
        let report = BudgetReport {
            environment: "production".into(),
            version: 3,
            at: "2026-12-01T08:00:00Z".into(),
            caps: vec![CapReport {
                offer: "tea".into(),
                cap: "total".into(),
                max: 100,
                used: 100,
                leased: 4,
                open: false,
            }],
            budgets: vec![MoneyReport {
                campaign: "spring".into(),
                cost: "cpc".into(),
                budget_minor: 500_000,
                planned_minor: 250_005,
                spent_minor: 99,
                leased_minor: 0,
                open: true,
            }],
        };
        let text = shown(&report);
        for part in ["production, version 3", "tea", "100", "stopped", "spring", "5000.00", "2500.05", "0.99"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let nothing = BudgetReport { environment: "staging".into(), ..BudgetReport::default() };
        assert_eq!(shown(&nothing), "staging: nothing is limited for all visitors together");
    }
}
