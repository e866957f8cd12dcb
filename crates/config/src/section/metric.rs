//! `metrics`: what campaigns and experiments are measured by. The edge does not need them; reports do.
//!
//! Which keys a metric has follows from its type; a key that its type does not read is an error, so that nobody believes in
//! a setting without effect.

use crate::compile::Compiler;
use crate::limits::METRICS_MAX;
use crate::section::money;
use crate::source::{At, Kind};

pub(crate) const KEYS: [&str; 16] = [
    "id",
    "description",
    "name",
    "type",
    "event",
    "value",
    "numerator",
    "denominator",
    "goal",
    "after_days",
    "window_days",
    "winsorise",
    "unit",
    "cost",
    "minimum_effect",
    "owner",
];

/// Keys of the numerator and the denominator of a ratio.
pub(crate) const PART_KEYS: [&str; 3] = ["event", "value", "audience"];

/// Names of events, as pages, shops and the Worker report them.
pub(crate) const EVENTS: [&str; 14] = [
    "impression",
    "click",
    "dismiss",
    "conversion",
    "visit",
    "view",
    "search",
    "add_cart",
    "purchase",
    "refund",
    "review",
    "share",
    "participate",
    "service_contact",
];

/// What of an event is summed up. Without it events are counted.
const VALUES: [&str; 4] = ["revenue", "margin", "quantity", "rating"];

/// Longest window. Unit: days.
const WINDOW_DAYS_MAX: i64 = 730;

/// How a metric is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricType {
    /// Units with at least one event, of all exposed units.
    Proportion,
    /// Sum of a value, or number of events, of each unit.
    Mean,
    /// One sum divided by another, over all units.
    Ratio,
    /// Units that come back in a window of days, of all exposed units.
    Retention,
    /// (Value − cost) ÷ cost.
    ReturnOnInvestment,
}

/// A metric, for those who refer to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    /// `None` when the document does not say, which is reported already.
    pub kind: Option<MetricType>,
    /// Whether less is better.
    pub wants_decrease: bool,
}

impl MetricType {
    const CHOICE: [(&'static str, Self); 5] = [
        ("proportion", Self::Proportion),
        ("mean", Self::Mean),
        ("ratio", Self::Ratio),
        ("retention", Self::Retention),
        ("return_on_investment", Self::ReturnOnInvestment),
    ];

    fn word(self) -> &'static str {
        Self::CHOICE.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// Keys that a metric of this type must have, each with what to write.
    fn required(self) -> &'static [(&'static str, &'static str)] {
        const EVENT: (&str, &str) = ("event", "name the event that counts, for example event: purchase");
        match self {
            Self::Proportion | Self::Mean => &[EVENT],
            Self::Ratio => &[
                ("numerator", "write what is divided, for example numerator: { event: click }"),
                ("denominator", "write what it is divided by, for example denominator: { event: impression }"),
            ],
            Self::Retention => &[("window_days", "say for how many days a return counts, for example window_days: 7")],
            Self::ReturnOnInvestment => &[
                ("value", "say what comes in: value: margin, or value: revenue"),
                ("cost", "write cost: budget for the budget of the campaign, or cost: { amount: …, currency: … }"),
            ],
        }
    }

    /// Keys that only metrics of some types have, those of this one.
    fn optional(self) -> &'static [&'static str] {
        match self {
            Self::Proportion => &["window_days"],
            Self::Mean => &["value", "window_days", "winsorise"],
            Self::Ratio => &["window_days", "winsorise"],
            Self::Retention => &["event", "after_days"],
            Self::ReturnOnInvestment => &["event", "window_days", "winsorise"],
        }
    }

    /// Whether values of the metric are percentages of something, 0 to 100.
    pub fn is_share(self) -> bool {
        matches!(self, Self::Proportion | Self::Retention)
    }
}

/// Keys that depend on the type.
const TYPED_KEYS: [&str; 8] =
    ["event", "value", "numerator", "denominator", "after_days", "window_days", "winsorise", "cost"];

impl<'t> Compiler<'t, '_> {
    pub fn metrics(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "metrics", "too_many_metrics", METRICS_MAX).enumerate() {
            let metric = self.metric(at, idx);
            self.facts.metrics.push(metric);
        }
    }

    fn metric(&mut self, at: At<'t>, idx: usize) -> Metric {
        let mut metric = Metric { kind: None, wants_decrease: false };
        let Some(at) = self.report.object(at, &KEYS) else { return metric };
        self.metrics.declare(at, idx, self.report);
        for key in ["description", "name", "owner"] {
            at.get(key).and_then(|at| self.report.text(at));
        }
        let help = "say how it is computed, for example type: proportion with event: purchase";
        let kind = self.report.required(at, "type", help);
        metric.kind = kind.and_then(|at| self.report.word(at, &MetricType::CHOICE));
        if let Some(kind) = metric.kind {
            self.check_metric_keys(at, kind);
        }
        let goals = [("increase", false), ("decrease", true)];
        let goal = at.get("goal").and_then(|at| self.report.word(at, &goals));
        metric.wants_decrease = goal.unwrap_or(false);
        self.event_and_value(at);
        for key in ["numerator", "denominator"] {
            if let Some(at) = at.get(key) {
                self.metric_part(at);
            }
        }
        at.get("after_days").and_then(|at| self.report.integer(at, 1..=WINDOW_DAYS_MAX));
        at.get("window_days").and_then(|at| self.report.integer(at, 1..=WINDOW_DAYS_MAX));
        // The share of the greatest values that is cut down to the next smaller one.
        at.get("winsorise").and_then(|at| self.report.number_in(at, 0.001..=50.0));
        at.get("unit").and_then(|at| self.report.word(at, &[("visitor", ()), ("order", ())]));
        at.get("minimum_effect").and_then(|at| self.report.number_in(at, 0.001..=1_000.0));
        if let Some(at) = at.get("cost") {
            self.metric_cost(at);
        }
        metric
    }

    fn check_metric_keys(&mut self, at: At<'_>, kind: MetricType) {
        for (key, help) in kind.required() {
            self.report.required(at, key, help);
        }
        let word = kind.word();
        for key in TYPED_KEYS {
            let is_read =
                kind.optional().contains(&key) || kind.required().iter().any(|(required, _)| *required == key);
            if let (false, Some(child)) = (is_read, at.get(key)) {
                let message = format!("a metric of type {word} has no {key:?}");
                self.report.key_error(child, "contradictory_keys", message, "remove it, or choose another type");
            }
        }
    }

    fn event_and_value(&mut self, at: At<'_>) {
        at.get("event").and_then(|at| self.report.word(at, &EVENTS.map(|it| (it, ()))));
        at.get("value").and_then(|at| self.report.word(at, &VALUES.map(|it| (it, ()))));
    }

    /// An event, or the visitors of an audience.
    fn metric_part(&mut self, at: At<'t>) {
        let Some(at) = self.report.object(at, &PART_KEYS) else { return };
        self.event_and_value(at);
        for key in ["event", "value"] {
            self.report.contradiction(at, "audience", key, "count the visitors of an audience, or events");
        }
        match at.get("audience") {
            Some(at) => {
                self.audiences.resolve(at, "unknown_audience", self.report);
            }
            None => {
                self.report.required(at, "event", "name the event that counts, for example event: impression");
            }
        }
    }

    fn metric_cost(&mut self, at: At<'_>) {
        match at.kind() {
            Kind::Text(_) => {
                self.report.word(at, &[("budget", ())]);
            }
            _ => {
                money::sum(at, self.report);
            }
        }
    }
}
