//! Is one policy better than another? Only where the log can tell.

use serde::Serialize;

use super::estimate::{Estimated, Logged, MINIMUM_EFFECTIVE_ROWS, OffPolicyError, estimated, mean_of, policy_weights};

/// Which of two policies earns more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The policy earns more than the one that ran, by more than chance.
    Better,
    /// It earns less, by more than chance.
    Worse,
    /// The interval of the difference holds 0: the log cannot tell.
    CannotTell,
    /// Too few rows of the log are like what the policy shows.
    TooLittleOverlap,
}

/// A policy beside the one that ran.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Value of the policy (self-normalised) less that of the one that ran, by drawing the same rows anew for both.
    pub difference: Estimated,
    /// What follows.
    pub verdict: Verdict,
}

/// Compares `policy` with the one that wrote `log`. Deterministic in `seed`.
///
/// # Errors
/// [`OffPolicyError`].
pub fn compare(log: &[Logged], policy: &[Vec<f64>], seed: u64) -> Result<Comparison, OffPolicyError> {
    if log.is_empty() {
        return Err(OffPolicyError::Empty);
    }
    let weights = policy_weights(log, policy)?;
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return Err(OffPolicyError::NoOverlap);
    }
    let effective_rows = sum * sum / weights.iter().map(|it| it * it).sum::<f64>();
    let rewards: Vec<f64> = log.iter().map(|it| it.reward).collect();
    let weighted: Vec<f64> = weights.iter().zip(&rewards).map(|(weight, reward)| weight * reward).collect();
    let difference = estimated(log.len(), seed, |rows| {
        let weight = mean_of(&weights, rows);
        let policy = if weight > 0.0 { mean_of(&weighted, rows) / weight } else { 0.0 };
        policy - mean_of(&rewards, rows)
    });
    let verdict = if effective_rows < MINIMUM_EFFECTIVE_ROWS {
        Verdict::TooLittleOverlap
    } else if difference.low > 0.0 {
        Verdict::Better
    } else if difference.high < 0.0 {
        Verdict::Worse
    } else {
        Verdict::CannotTell
    };
    Ok(Comparison { difference, verdict })
}
