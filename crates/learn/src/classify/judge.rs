//! What a model must beat before anybody sees it: the plain rate, and the best rule that looks at one feature.

use std::collections::BTreeMap;

use serde::Serialize;

use super::grow::edges;
use super::logistic::code;
use super::measure::chance_loss;
use super::{Kind, Measures, Table};
use crate::resample::bootstrap_interval;

/// Bins of a number that a rule looks at.
const RULE_BINS: usize = 10;
/// Rows at the overall rate that are added to each bin of a rule.
const RULE_PRIOR: f64 = 5.0;
/// Resamples of an interval.
const RESAMPLES: usize = 500;
/// Rows of each outcome below which nothing is published.
const JUDGED_MIN: usize = 30;

/// A plain forecast, judged by the same rows as the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// `rate` for the training rows' rate, `rule` for the rate among rows with a similar value of one feature.
    pub name: &'static str,
    /// The feature that the rule looks at; of several parts that of the last.
    pub feature: Option<String>,
    /// How good it is.
    pub measures: Measures,
    /// Its mean loss less the model's, nats a row; above 0 the model is better.
    pub gain: f64,
    /// Lower end of the 95 % bootstrap interval of `gain`, groups of rows drawn together.
    pub gain_low: f64,
    /// Upper end of it.
    pub gain_high: f64,
}

/// Whether a model may be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It beats each baseline, and the interval of each gain lies above 0.
    Publish,
    /// It does not.
    Refused {
        /// Why, in words.
        reason: String,
    },
}

/// One judged row: who it is, and what was foretold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub row: u32,
    pub margin: f64,
    pub chance: f64,
    pub rate: f64,
    pub rule: f64,
}

/// Mean gain of the model over a forecast, with its interval.
pub(super) fn gain(table: &Table, judged: &[Judged], of: impl Fn(&Judged) -> f64, seed: u64) -> (f64, f64, f64) {
    let mut by_group: BTreeMap<u64, f64> = BTreeMap::new();
    let mut all = 0.0;
    for one in judged {
        let label = f64::from(u8::from(table.label(one.row)));
        let weight = table.weight(one.row);
        all += weight;
        let won = weight * (chance_loss(of(one), label) - chance_loss(one.chance, label));
        *by_group.entry(table.group(one.row as usize)).or_insert(0.0) += won;
    }
    let scale = by_group.len() as f64 / all;
    let values: Vec<f64> = by_group.values().map(|won| won * scale).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = bootstrap_interval(&values, RESAMPLES, 0.95, seed);
    (mean, low, high)
}

pub(super) fn verdict(measures: &Measures, baselines: &[Baseline]) -> Verdict {
    let rarer = measures.n_positive.min(measures.n_rows - measures.n_positive);
    if rarer < JUDGED_MIN {
        let reason = format!("only {rarer} judged rows have the rarer outcome, at least {JUDGED_MIN} are needed");
        return Verdict::Refused { reason };
    }
    for baseline in baselines {
        if baseline.gain_low > 0.0 {
            continue;
        }
        let feature = baseline.feature.as_ref().map(|feature| format!(" by `{feature}`")).unwrap_or_default();
        let reason = format!(
            "it loses {:.4} nats a row, the {}{feature} {:.4}; the gain's 95 % interval {:.4} to {:.4} does not lie above 0",
            measures.log_loss, baseline.name, baseline.measures.log_loss, baseline.gain_low, baseline.gain_high
        );
        return Verdict::Refused { reason };
    }
    Verdict::Publish
}

/// Rates by the bins of one feature.
pub(super) struct Rule {
    pub feature: usize,
    edges: Option<Vec<f32>>,
    /// One a bin; the last is for missing and unknown values.
    rates: Vec<f64>,
    /// Mean loss of the rows that it was made of.
    loss: f64,
}

impl Rule {
    /// The rule of a given feature, or of the one that loses least on these rows.
    pub fn fit(table: &Table, rows: &[u32], feature: Option<usize>) -> Option<Rule> {
        if let Some(feature) = feature {
            return Rule::of(table, rows, feature);
        }
        let rules = (0..table.n_features()).filter_map(|feature| Rule::of(table, rows, feature));
        rules.min_by(|a, b| a.loss.total_cmp(&b.loss))
    }

    fn of(table: &Table, rows: &[u32], feature: usize) -> Option<Rule> {
        let column = table.column(feature);
        let (n_bins, edges) = match &table.features().nth(feature)?.kind {
            Kind::Category { values } => (values.len(), None),
            Kind::Number => {
                let known = rows.iter().filter_map(|row| column.get(*row as usize).copied());
                let edges = edges(known.filter(|value| !value.is_nan()).collect(), RULE_BINS);
                (edges.len() + 1, Some(edges))
            }
        };
        let rate = table.rate(rows);
        let mut sums = vec![(RULE_PRIOR * rate, RULE_PRIOR); n_bins + 1];
        let mut rule = Rule { feature, edges, rates: vec![rate; n_bins + 1], loss: 0.0 };
        let value = |row: u32| column.get(row as usize).copied().unwrap_or(f64::NAN);
        for row in rows {
            let bin = rule.bin(value(*row));
            if let Some((positive, all)) = sums.get_mut(bin) {
                *all += table.weight(*row);
                *positive += if table.label(*row) { table.weight(*row) } else { 0.0 };
            }
        }
        rule.rates = sums.into_iter().map(|(positive, all)| positive / all).collect();
        let loss = |row: &u32| {
            table.weight(*row) * chance_loss(rule.chance(value(*row)), f64::from(u8::from(table.label(*row))))
        };
        let total: f64 = rows.iter().map(|row| table.weight(*row)).sum();
        rule.loss = rows.iter().map(loss).sum::<f64>() / total;
        Some(rule)
    }

    fn bin(&self, value: f64) -> usize {
        let last = self.rates.len().saturating_sub(1);
        match &self.edges {
            _ if value.is_nan() => last,
            Some(edges) => edges.partition_point(|edge| f64::from(*edge) <= value),
            None => code(value).map_or(last, |code| code.min(last)),
        }
    }

    /// The rate among training rows with a similar value.
    pub fn chance(&self, value: f64) -> f64 {
        self.rates.get(self.bin(value)).copied().unwrap_or(0.5)
    }
}
