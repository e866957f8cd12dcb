//! What a campaign's plan must have, its budget, and how it is judged.

use vitrine_engine::{self as engine, CostModel, Pacing};

use crate::compile::Compiler;
use crate::limits::BUDGET_LINES_MAX;
use crate::section::campaign::Campaign;
use crate::section::money::{self, Hundredths};
use crate::source::{At, Kind};

pub(crate) const BUDGET_KEYS: [&str; 6] = ["amount", "currency", "lines", "cost", "price", "pacing"];
pub(crate) const BUDGET_LINE_KEYS: [&str; 3] = ["category", "amount", "description"];
pub(crate) const EVALUATION_KEYS: [&str; 5] = ["method", "rule", "experiment", "at", "owner"];

/// What money is spent on.
const CATEGORIES: [&str; 6] = ["media", "content", "technology", "people", "prizes", "other"];

/// What is paid for.
const COSTS: [(&str, CostModel); 4] =
    [("fixed", CostModel::Fixed), ("cpc", CostModel::Cpc), ("cpm", CostModel::Cpm), ("cpa", CostModel::Cpa)];

/// How a budget is spread.
const PACINGS: [(&str, Pacing); 2] = [("asap", Pacing::Asap), ("even", Pacing::Even)];

/// How success is told from chance, the most certain way first.
const METHODS: [&str; 4] = ["experiment", "holdout", "before_after", "target"];

/// Keys that a plan must have, what it lacks without them, and what to write. Content is looked for elsewhere: offers can
/// name their campaign.
const REQUIRED: [(&str, &str, &str); 4] = [
    ("goal", "no goal", "add goal: with metric and target"),
    ("budget", "no budget", "add budget: { amount: …, currency: … }; an amount of 0 is allowed"),
    ("channels", "no channels", "add channels:, for example [web, email]"),
    ("evaluation", "no rule by which it is judged", "add evaluation:, for example { method: experiment, rule: … }"),
];

impl<'t> Compiler<'t, '_> {
    pub(super) fn check_plan(&mut self, campaign: At<'t>) {
        for (key, lack, help) in REQUIRED {
            let found = campaign.get(key);
            if found.is_none() || found.is_some_and(|it| matches!(it.kind(), Kind::List(list) if list.is_empty())) {
                let message = format!("the campaign has {lack}");
                self.report.error(found.unwrap_or(campaign), "incomplete_campaign", message, help);
            }
        }
    }

    pub(super) fn budget(&mut self, at: At<'t>, campaign: &mut engine::Campaign) {
        let Some(at) = self.report.object(at, &BUDGET_KEYS) else { return };
        let amount = self.report.required(at, "amount", "write what may be spent, for example amount: 50000");
        let amount = amount.and_then(|at| money::amount(at, self.report));
        let currency = money::required_currency(at, self.report);
        campaign.budget_minor = amount.and_then(|it| u64::try_from(it.0).ok());
        self.spending(at, campaign);
        let Some(lines) = at.get("lines") else { return };
        let mut sum = Some(Hundredths(0));
        for line in self.report.list(lines, "lines", "too_many_budget_lines", BUDGET_LINES_MAX) {
            let amount = self.budget_line(line);
            sum = sum.and_then(|it| Some(Hundredths(it.0.checked_add(amount?.0)?)));
        }
        if let (Some(amount), Some(sum), Some(currency)) = (amount, sum, currency)
            && amount != sum
        {
            let message = format!("the lines sum up to {sum} {currency}, but the budget is {amount} {currency}");
            self.report.error(lines, "budget_sum", message, "change a line or the amount so that they agree");
        }
    }

    /// What of the budget is paid for, and how it is spread over the campaign's time.
    fn spending(&mut self, budget: At<'t>, campaign: &mut engine::Campaign) {
        campaign.cost = budget.get("cost").and_then(|at| self.report.word(at, &COSTS)).unwrap_or_default();
        match (budget.get("price"), campaign.cost) {
            (Some(at), CostModel::Fixed) => {
                let message = "a budget of fixed cost has no price";
                self.report.key_error(at, "contradictory_keys", message, "remove it, or write cost: cpc, cpm or cpa");
            }
            (Some(at), _) => {
                let price = money::amount(at, self.report).and_then(|it| u64::try_from(it.0).ok());
                campaign.cost_minor = price.unwrap_or_default();
            }
            (None, CostModel::Fixed) => {}
            (None, _) => {
                let help =
                    "say what a click (cpc), a thousand impressions (cpm) or a conversion (cpa) costs: price: 0.5";
                self.report.required(budget, "price", help);
            }
        }
        let Some(at) = budget.get("pacing") else { return };
        campaign.pacing = self.report.word(at, &PACINGS).unwrap_or_default();
        let is_bounded = campaign.schedule.starts().is_some() && campaign.schedule.ends().is_some();
        if campaign.pacing == Pacing::Even && !is_bounded {
            let message = "the budget is spread over the time of its campaign, which has no start or no end";
            self.report.error(at, "pacing_without_time", message, "give the campaign a start and an end");
        }
    }

    fn budget_line(&mut self, at: At<'t>) -> Option<Hundredths> {
        let at = self.report.object(at, &BUDGET_LINE_KEYS)?;
        at.get("description").and_then(|at| self.report.text(at));
        let help = format!("say what the money is for, one of {}", CATEGORIES.join(", "));
        let category = self.report.required(at, "category", &help);
        category.and_then(|at| self.report.word(at, &CATEGORIES.map(|it| (it, ()))));
        let amount = self.report.required(at, "amount", "write the amount of this line")?;
        money::amount(amount, self.report)
    }

    /// A text that states the rule, or an object with a method besides.
    pub(super) fn evaluation(&mut self, at: At<'t>, campaign: &Campaign<'t>) {
        if let Kind::Text(text) = at.kind() {
            if text.trim().is_empty() {
                let help = "write by what the campaign is judged";
                self.report.error(at, "incomplete_campaign", "the rule by which the campaign is judged is empty", help);
            }
            return;
        }
        let Some(at) = self.report.object(at, &EVALUATION_KEYS) else { return };
        for key in ["rule", "owner"] {
            at.get(key).and_then(|at| self.report.text(at));
        }
        at.get("at").and_then(|at| self.report.moment(at, campaign.zone.as_ref()));
        let experiment = at.get("experiment");
        if let Some(at) = experiment {
            self.facts.experiment_references.push(at);
        }
        let help = format!("say how success is told from chance, one of {}", METHODS.join(", "));
        let method = self.report.required(at, "method", &help);
        let Some(method_at) = method else { return };
        let method = self.report.word(method_at, &METHODS.map(|it| (it, it)));
        let has_experiments = experiment.is_some() || campaign.at.get("experiments").is_some();
        if method == Some("experiment") && !has_experiments {
            let help = "name the campaign's experiments, or choose the method holdout, before_after or target";
            self.report.error(method_at, "evaluation_without_experiment", "the campaign has no experiment", help);
        }
    }
}
