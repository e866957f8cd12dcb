//! `vitrine alerts`: what is out of order.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use clap::Args;
use serde_json::json;
use vitrine_loop::{AlertReport, AlertState};

/// Look for what is out of order, and tell the webhook what is new.
///
/// What is watched stands in the section `alerts` of the configuration. The Worker's cron trigger does the same by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine alerts --dry-run --url https://offers.shop.example
  vitrine alerts --test --url https://offers.shop.example     # is the webhook set up?
  vitrine alerts --open --json --url https://offers.shop.example")]
pub struct Alerts {
    /// Tell nobody, and note nothing; show what was found.
    #[arg(long)]
    pub dry_run: bool,
    /// Only send a test to the webhook.
    #[arg(long, conflicts_with = "dry_run")]
    pub test: bool,
    /// Do not look; show what is open since the last look.
    #[arg(long, conflicts_with_all = ["dry_run", "test"])]
    pub open: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Asks, and shows what was found.
///
/// # Errors
/// 4 if the Worker refuses or does not answer, or if the webhook did not take what was to be told.
pub fn run(args: &Alerts, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let environment = &args.environment.environment;
    let answer = if args.open {
        edge.get(&format!("/v1/admin/alerts?environment={environment}"))?
    } else {
        let body = json!({ "environment": environment, "dry_run": args.dry_run, "test": args.test });
        edge.post("/v1/admin/alerts", &body, Repeat::Never)?
    };
    let report: AlertReport = serde_json::from_value(answer.clone())
        .map_err(|error| Failure::new(Exit::Edge, format!("the report is not readable: {error}")))?;
    ui.result(&answer, || if args.test { tested(&report) } else { shown(&report) })?;
    match report.failure {
        Some(why) => Err(Failure::new(Exit::Edge, why)),
        None => Ok(()),
    }
}

fn tested(report: &AlertReport) -> String {
    let verdict = if report.told > 0 { "the webhook took the test" } else { "the webhook did not take the test" };
    format!("{}: {verdict}", report.environment)
}

/// What was found, what is open, and what was told.
fn shown(report: &AlertReport) -> String {
    let word = |state| match state {
        AlertState::Fires => "ALERT",
        AlertState::Clear => "ok",
        AlertState::Unknown => "?",
    };
    let mut lines: Vec<String> =
        report.findings.iter().map(|it| format!("{:5}  {}  {}", word(it.state), it.key, it.text)).collect();
    for alert in &report.open {
        let told = alert.told_at.as_ref().map_or("not told yet".to_owned(), |at| format!("told {at}"));
        lines.push(format!("open since {}, {told}: {}", alert.since, alert.key));
    }
    if report.told > 0 {
        lines.push(format!("told the webhook: {}", report.told));
    }
    if report.quiet {
        lines.push("these are quiet hours: nothing was told".to_owned());
    }
    if lines.is_empty() {
        lines.push(format!("{}: nothing is open", report.environment));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_lines() {
        let finding = |key: &str, state: &str, text: &str| json!({ "key": key, "state": state, "text": text, "observed": 3, "from": "2026-12-01T00:00:00Z", "to": "2026-12-01T06:00:00Z" });
        let mut report: AlertReport = serde_json::from_value(json!({
            "environment": "production", "quiet": true, "told": 0, "judged_at": "2026-12-01T06:05:00Z",
            "findings": [
                finding("counter/few-orders", "fires", "few-orders: 3 conversion in 6 h, below 10"),
                finding("sample_ratio/hero-test", "unknown", "hero-test: too few visitors"),
                finding("missing_impressions/home", "clear", "home: 12 impressions, 3 clicks"),
            ],
            "open": [{ "key": "counter/few-orders", "since": "2026-12-01T06:05:00Z", "text": "", "told_at": null }],
        }))
        .unwrap();
        let expected = "ALERT  counter/few-orders  few-orders: 3 conversion in 6 h, below 10\n\
                        ?      sample_ratio/hero-test  hero-test: too few visitors\n\
                        ok     missing_impressions/home  home: 12 impressions, 3 clicks\n\
                        open since 2026-12-01T06:05:00Z, not told yet: counter/few-orders\n\
                        these are quiet hours: nothing was told";
        assert_eq!(shown(&report), expected);
        report = AlertReport { environment: "production".to_owned(), ..AlertReport::default() };
        assert_eq!(shown(&report), "production: nothing is open");
        assert_eq!(tested(&report), "production: the webhook did not take the test");
    }
}
