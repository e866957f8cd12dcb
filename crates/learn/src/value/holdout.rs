//! Whether a prediction may be published: compared with what happened, and with the plainest baseline.

use crate::resample::Stream;
use std::collections::BTreeMap;

/// A total that is off by more than this ratio, either way, is calibrated.
const RATIO_MAX: f64 = 1.25;
/// A total that is off by more than this ratio is not worth calibrating: the model saw another shop.
const FACTOR_MAX: f64 = 4.0;
/// Counts from here on share a row of the curve.
const CURVE_TOP: u32 = 7;

/// What was predicted for one customer, and what happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldoutRow {
    /// Repeat purchases before the holdout.
    pub x: u32,
    /// Purchases that the model expects in the holdout. Range: finite, 0 or more.
    pub predicted: f64,
    /// Purchases in the holdout.
    pub actual: u32,
    /// Purchases in the last period of the same length.
    pub n_last_period: u32,
    /// The same without the customer's first purchase.
    pub n_last_period_repeat: u32,
}

/// What may be done with the model's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Show them as they are.
    Publish,
    /// Show them multiplied with [`Holdout::factor`].
    Calibrated,
    /// Do not show them: the plain baseline is better.
    Refused,
}

/// Which reading of "as many as in the last period" was the better one, and is the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Naive {
    /// All purchases of the last period.
    LastPeriod,
    /// Those of the last period without the customer's first purchase.
    LastPeriodRepeat,
}

/// One row of the calibration curve: customers with as many repeat purchases.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct CurveRow {
    /// Fewest repeat purchases.
    pub x_min: u32,
    /// Most repeat purchases; none for the last row, which is open.
    pub x_max: Option<u32>,
    /// Customers.
    pub n_customers: u64,
    /// Their purchases in the holdout, on average.
    pub mean_actual: f64,
    /// What the model expected, on average.
    pub mean_predicted: f64,
}

/// The comparison of a prediction with what happened.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Holdout {
    /// Customers compared.
    pub n_customers: u64,
    /// Length of the holdout. Unit: weeks.
    pub weeks: f64,
    /// Purchases that happened.
    pub actual: u64,
    /// Purchases that the model expected.
    pub predicted: f64,
    /// `actual / predicted`: what predictions are multiplied with to be right on average. 1 if one of them is 0.
    pub factor: f64,
    /// Mean absolute error of the model. Unit: purchases.
    pub model_mae: f64,
    /// Root of the model's mean squared error. Unit: purchases.
    pub model_rmse: f64,
    /// Mean absolute error of the calibrated model. Each half of the customers is judged by the factor of the other half.
    pub calibrated_mae: f64,
    /// Mean absolute error of the baseline.
    pub naive_mae: f64,
    /// Root of the baseline's mean squared error.
    pub naive_rmse: f64,
    /// Which baseline.
    pub naive: Naive,
    /// What may be done with the numbers.
    pub verdict: Verdict,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// Actual and predicted purchases by the number of repeat purchases before.
    pub curve: Vec<CurveRow>,
}

impl Holdout {
    /// Compares. The order of rows does not matter; `seed` splits the customers for `calibrated_mae`. `None` without rows.
    #[must_use]
    pub fn of(rows: &[HoldoutRow], weeks: f64, seed: u64) -> Option<Self> {
        if rows.is_empty() {
            return None;
        }
        let mut rows = rows.to_vec();
        rows.sort_unstable_by(|one, other| {
            let key = |row: &HoldoutRow| (row.x, row.actual, row.n_last_period, row.n_last_period_repeat);
            key(one).cmp(&key(other)).then(one.predicted.total_cmp(&other.predicted))
        });
        let n = rows.len() as f64;
        let actual: u64 = rows.iter().map(|row| u64::from(row.actual)).sum();
        let predicted: f64 = rows.iter().map(|row| row.predicted).sum();
        let errors = |forecast: &dyn Fn(&HoldoutRow) -> f64| {
            let off = rows.iter().map(|row| forecast(row) - f64::from(row.actual));
            let (absolute, squared) = off.fold((0.0, 0.0), |(a, s), off| (a + off.abs(), s + off * off));
            (absolute / n, (squared / n).sqrt())
        };
        let (model_mae, model_rmse) = errors(&|row| row.predicted);
        let last = errors(&|row| f64::from(row.n_last_period));
        let repeat = errors(&|row| f64::from(row.n_last_period_repeat));
        let (naive, (naive_mae, naive_rmse)) =
            if last.0 < repeat.0 { (Naive::LastPeriod, last) } else { (Naive::LastPeriodRepeat, repeat) };
        let mut found = Self {
            n_customers: rows.len() as u64,
            weeks,
            actual,
            predicted,
            factor: ratio(actual as f64, predicted),
            model_mae,
            model_rmse,
            calibrated_mae: calibrated_mae(&rows, seed),
            naive_mae,
            naive_rmse,
            naive,
            verdict: Verdict::Refused,
            reasons: Vec::new(),
            curve: curve(&rows),
        };
        found.judge();
        Some(found)
    }

    /// What to multiply predictions with before they are shown; `None` if they may not be shown.
    #[must_use]
    pub fn scale(&self) -> Option<f64> {
        match self.verdict {
            Verdict::Publish => Some(1.0),
            Verdict::Calibrated => Some(self.factor),
            Verdict::Refused => None,
        }
    }

    fn judge(&mut self) {
        let Self { factor, model_mae, calibrated_mae, naive_mae, .. } = *self;
        let mut reasons = Vec::new();
        if !(self.predicted.is_finite() && self.predicted > 0.0) || self.actual == 0 {
            reasons.push(format!(
                "nothing to compare: {} purchases happened, {:.1} were expected",
                self.actual, self.predicted
            ));
            self.reasons = reasons;
            return;
        }
        let is_close = (1.0 / RATIO_MAX..=RATIO_MAX).contains(&factor);
        let off = format!(
            "{:.0} purchases were expected and {} happened ({:+.0} %)",
            self.predicted,
            self.actual,
            100.0 * (self.predicted / self.actual as f64 - 1.0)
        );
        let against = |mae: f64, what: &str| {
            let word = if mae <= naive_mae { "no greater than" } else { "greater than" };
            format!(
                "the {what} model's mean error of {mae:.3} purchases a customer is {word} the {naive_mae:.3} of \"as many as in the last period\""
            )
        };
        reasons.push(off);
        reasons.push(against(model_mae, "plain"));
        self.verdict = if is_close && model_mae <= naive_mae {
            Verdict::Publish
        } else {
            reasons.push(against(calibrated_mae, "calibrated"));
            let is_far = !(1.0 / FACTOR_MAX..=FACTOR_MAX).contains(&factor);
            if is_far {
                reasons.push(format!("a factor of {factor:.3} is too far from 1 to be calibration"));
            }
            if calibrated_mae <= naive_mae && !is_far { Verdict::Calibrated } else { Verdict::Refused }
        };
        self.reasons = reasons;
    }
}

fn ratio(actual: f64, predicted: f64) -> f64 {
    if actual > 0.0 && predicted > 0.0 && predicted.is_finite() { actual / predicted } else { 1.0 }
}

/// Mean absolute error with the factor of the other half. `rows` are sorted, so that the halves do not depend on their order.
fn calibrated_mae(rows: &[HoldoutRow], seed: u64) -> f64 {
    let mut half_of: Vec<bool> = (0..rows.len()).map(|row| row % 2 == 0).collect();
    Stream::new(seed, "value.holdout.halves").shuffle(&mut half_of);
    let factor_of = |half: bool| {
        let others = rows.iter().zip(&half_of).filter(|(_, other)| **other != half);
        let (actual, predicted) =
            others.fold((0.0, 0.0), |(a, p), (row, _)| (a + f64::from(row.actual), p + row.predicted));
        ratio(actual, predicted)
    };
    let factors = (factor_of(false), factor_of(true));
    let off = rows.iter().zip(&half_of).map(|(row, half)| {
        let factor = if *half { factors.1 } else { factors.0 };
        (factor * row.predicted - f64::from(row.actual)).abs()
    });
    off.sum::<f64>() / rows.len() as f64
}

fn curve(rows: &[HoldoutRow]) -> Vec<CurveRow> {
    let mut sums: BTreeMap<u32, (u64, u64, f64)> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.x.min(CURVE_TOP)).or_default();
        *sum = (sum.0 + 1, sum.1 + u64::from(row.actual), sum.2 + row.predicted);
    }
    sums.into_iter()
        .map(|(x, (n, actual, predicted))| CurveRow {
            x_min: x,
            x_max: (x < CURVE_TOP).then_some(x),
            n_customers: n,
            mean_actual: actual as f64 / n as f64,
            mean_predicted: predicted / n as f64,
        })
        .collect()
}
