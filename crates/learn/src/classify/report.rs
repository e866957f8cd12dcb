//! What a validation reports: every candidate, every part, and what came of it.

use serde::Serialize;

use super::{Baseline, CalibrationTrial, Candidate, LiftRow, Measures, ReliabilityRow, Verdict};

/// How one candidate did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// What was tried.
    pub candidate: Candidate,
    /// Measures of its uncalibrated chances, part after part; empty if it failed.
    pub parts: Vec<Measures>,
    /// Mean of the parts' losses in nats; this is what candidates are chosen by. None if it failed.
    pub log_loss: Option<f64>,
    /// Standard error of that mean over parts.
    pub log_loss_error: Option<f64>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// Whether it is the one to publish.
    pub is_chosen: bool,
}

/// How one part went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartReport {
    /// The origin, seconds since 1970; none for a fold.
    pub origin_s: Option<i64>,
    /// Rows to train on.
    pub n_training: usize,
    /// Rows to judge by.
    pub n_test: usize,
    /// Position of the candidate that the other parts chose; none for the first origin, which only serves later ones.
    pub trial: Option<usize>,
    /// Measures of its calibrated chances.
    pub measures: Option<Measures>,
}

/// Everything that a validation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `k-fold` or `rolling origin`.
    pub scheme: &'static str,
    /// Seed of folds, early stopping and intervals.
    pub seed: u64,
    /// Rows of the table.
    pub n_rows: usize,
    /// Rows with outcome 1.
    pub n_positive: usize,
    /// Weighted share of outcome 1.
    pub rate: f64,
    /// Every candidate, in the order given.
    pub trials: Vec<Trial>,
    /// Every part.
    pub parts: Vec<PartReport>,
    /// Measures of all judged rows, calibrated; `auc` is the mean of the parts', weighted by rows.
    pub measures: Measures,
    /// What calibration gained.
    pub calibration: Vec<CalibrationTrial>,
    /// Predicted against observed, ten bins.
    pub reliability: Vec<ReliabilityRow>,
    /// Lift by tenths.
    pub lift: Vec<LiftRow>,
    /// What had to be beaten.
    pub baselines: Vec<Baseline>,
    /// Whether it was.
    pub verdict: Verdict,
    /// What a person should look at.
    pub warnings: Vec<String>,
}
