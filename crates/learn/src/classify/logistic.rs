//! Logistic regression: what is fitted, how rows become columns of the regression, and the fitted model.

use serde::Serialize;

use super::newton::{Problem, minimise};
use super::table::NUMBER_MAX;
use super::{ClassifyError, Kind, Table};

/// Coefficients of a regression at most; the solver's work grows with their third power.
const SLOTS_MAX: usize = 1024;
/// Standardised numbers are cut to this size, so that one odd customer cannot carry a fit, nor be scored beyond reason.
pub(super) const Z_MAX: f64 = 10.0;

/// Settings of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LogisticParams {
    /// Penalty on squares: `l2 / 2 * sum(coefficient^2)` is added to the sum of the rows' losses. Range: 1e-6 to 1e9.
    /// Default: 1. It is never 0, so outcomes that a feature separates fully still have finite coefficients.
    pub l2: f64,
    /// Penalty on sizes: `l1 * sum(|coefficient|)` is added too. Range: 0 to 1e9. Default: 0.
    pub l1: f64,
    /// Steps at most. Range: 1 to 1,000. Default: 100; a regression usually settles within ten.
    pub steps_max: u32,
}

impl Default for LogisticParams {
    fn default() -> Self {
        LogisticParams { l2: 1.0, l1: 0.0, steps_max: 100 }
    }
}

impl LogisticParams {
    pub(super) fn check(&self) -> Result<(), ClassifyError> {
        let wrong = |setting, found, expected| Err(ClassifyError::Setting { setting, found, expected });
        if !(1e-6..=1e9).contains(&self.l2) {
            return wrong("l2", self.l2, "between 1e-6 and 1e9");
        }
        if !(0.0..=1e9).contains(&self.l1) {
            return wrong("l1", self.l1, "between 0 and 1e9");
        }
        if !(1..=1000).contains(&self.steps_max) {
            return wrong("steps_max", f64::from(self.steps_max), "between 1 and 1,000");
        }
        Ok(())
    }
}

/// What one feature adds to the margin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Term {
    /// `weight * z` with `z = (value - mean) / scale`, cut to -10..=10; or `missing`.
    Number {
        /// Mean of the training rows, in the feature's unit.
        mean: f32,
        /// Standard deviation of the training rows, positive; 1 for a feature that does not vary.
        scale: f32,
        /// Coefficient, log-odds per standard deviation.
        weight: f32,
        /// Log-odds of a missing value, against a value at the mean.
        missing: f32,
    },
    /// `weights[code]`, or `unknown`.
    Category {
        /// Log-odds of each value, in the order of the feature's values.
        weights: Vec<f32>,
        /// Log-odds of the unknown value.
        unknown: f32,
    },
}

/// A fitted regression. Its numbers are single-precision from the start, so that what is validated is what is exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logistic {
    /// Log-odds of a row whose numbers are at the mean, before its categories.
    pub intercept: f32,
    /// One entry a feature, in the table's order.
    pub terms: Vec<Term>,
    /// Steps that the solver took.
    pub steps: u32,
    /// Mean loss of the training rows in nats, without the penalty.
    pub training_loss: f64,
}

impl Logistic {
    /// Fits a regression to all rows of a table.
    ///
    /// # Errors
    /// [`ClassifyError::Setting`], [`ClassifyError::TooWide`], [`ClassifyError::NotSettled`].
    pub fn fit(table: &Table, params: &LogisticParams) -> Result<Self, ClassifyError> {
        Self::fit_rows(table, &table.all_rows(), params)
    }

    pub(super) fn fit_rows(table: &Table, rows: &[u32], params: &LogisticParams) -> Result<Self, ClassifyError> {
        params.check()?;
        let scales: Vec<Scale> = (0..table.n_features()).map(|feature| Scale::of(table, feature, rows)).collect();
        let n_slots = scales.iter().map(Scale::n_slots).sum::<usize>();
        if n_slots > SLOTS_MAX {
            return Err(ClassifyError::TooWide { found: n_slots, max: SLOTS_MAX });
        }
        let solution = minimise(&problem(table, rows, &scales, n_slots), params)?;
        let mut rest = solution.coefficients.iter().map(|coefficient| *coefficient as f32);
        let mut next = || rest.next().unwrap_or(0.0);
        let intercept = next();
        let mut terms = Vec::with_capacity(scales.len());
        for scale in &scales {
            terms.push(match *scale {
                Scale::Number { mean, scale } => Term::Number { mean, scale, weight: next(), missing: next() },
                Scale::Category { n_values } => {
                    Term::Category { weights: (0..n_values).map(|_| next()).collect(), unknown: next() }
                }
            });
        }
        Ok(Logistic { intercept, terms, steps: solution.steps, training_loss: solution.loss })
    }

    /// The log-odds of outcome 1 for a row, before calibration.
    pub fn margin(&self, row: &[f64]) -> f64 {
        margin(f64::from(self.intercept), &self.terms, row)
    }
}

/// Shared by [`Logistic`] and the export, so that both give the same bits.
pub(super) fn margin(intercept: f64, terms: &[Term], row: &[f64]) -> f64 {
    let mut sum = intercept;
    for (idx, term) in terms.iter().enumerate() {
        let value = row.get(idx).copied().unwrap_or(f64::NAN);
        sum += match term {
            Term::Number { mean, scale, weight, missing } => match standardised(value, *mean, *scale) {
                Some(z) => f64::from(*weight) * z,
                None => f64::from(*missing),
            },
            Term::Category { weights, unknown } => {
                f64::from(code(value).and_then(|code| weights.get(code).copied()).unwrap_or(*unknown))
            }
        };
    }
    sum
}

/// A usable number; none if it is missing, infinite or beyond all reason.
pub(super) fn number(value: f64) -> Option<f64> {
    (-NUMBER_MAX..=NUMBER_MAX).contains(&value).then_some(value)
}

/// The position that a category's number stands for; none for fractions, negative and large numbers.
pub(super) fn code(value: f64) -> Option<usize> {
    let code = if (0.0..=255.0).contains(&value) { value as u8 } else { return None };
    (f64::from(code) == value).then_some(usize::from(code))
}

fn standardised(value: f64, mean: f32, scale: f32) -> Option<f64> {
    let z = (number(value)? - f64::from(mean)) / f64::from(scale);
    Some(z.clamp(-Z_MAX, Z_MAX))
}

enum Scale {
    Number { mean: f32, scale: f32 },
    Category { n_values: usize },
}

impl Scale {
    fn of(table: &Table, feature: usize, rows: &[u32]) -> Scale {
        if let Some(Kind::Category { values }) = table.features().nth(feature).map(|feature| &feature.kind) {
            return Scale::Category { n_values: values.len() };
        }
        let column = table.column(feature);
        let known = || {
            let value = |row: &u32| column.get(*row as usize).copied().filter(|value| !value.is_nan());
            rows.iter().filter_map(move |row| Some((table.weight(*row), value(row)?)))
        };
        let all: f64 = known().map(|(weight, _)| weight).sum();
        if all <= 0.0 {
            return Scale::Number { mean: 0.0, scale: 1.0 };
        }
        let mean = (known().map(|(weight, value)| weight * value).sum::<f64>() / all) as f32;
        let square = |value: f64| (value - f64::from(mean)) * (value - f64::from(mean));
        let deviation = (known().map(|(weight, value)| weight * square(value)).sum::<f64>() / all).sqrt();
        // A deviation that is only the rounding of the mean is none.
        let varies = deviation > 1e-6 * f64::from(mean).abs() && deviation > 1e-30;
        Scale::Number { mean, scale: if varies { deviation as f32 } else { 1.0 } }
    }

    fn n_slots(&self) -> usize {
        match self {
            Scale::Number { .. } => 2,
            Scale::Category { n_values } => n_values + 1,
        }
    }
}

/// Rows as short lists of (slot, value): numbers fill one of two slots, categories one of theirs.
fn problem(table: &Table, rows: &[u32], scales: &[Scale], n_slots: usize) -> Problem {
    let n_features = scales.len();
    let mut slots = vec![0_u32; rows.len() * n_features];
    let mut values = vec![1.0_f64; rows.len() * n_features];
    let mut first = 1_u32;
    for (feature, scale) in scales.iter().enumerate() {
        let column = table.column(feature);
        for (place, row) in rows.iter().enumerate() {
            let value = column.get(*row as usize).copied().unwrap_or(f64::NAN);
            let (offset, filled) = match scale {
                Scale::Number { mean, scale } => match standardised(value, *mean, *scale) {
                    Some(z) => (0, z),
                    None => (1, 1.0),
                },
                Scale::Category { n_values } => {
                    (code(value).filter(|code| code < n_values).unwrap_or(*n_values) as u32, 1.0)
                }
            };
            let place = place * n_features + feature;
            if let (Some(slot), Some(value)) = (slots.get_mut(place), values.get_mut(place)) {
                *slot = first + offset;
                *value = filled;
            }
        }
        first += scale.n_slots() as u32;
    }
    Problem {
        n_coefficients: n_slots + 1,
        n_features,
        slots,
        values,
        labels: rows.iter().map(|row| table.label(*row)).collect(),
        weights: rows.iter().map(|row| table.weight(*row)).collect(),
    }
}
