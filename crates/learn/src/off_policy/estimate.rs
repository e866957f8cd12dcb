//! The value of a policy, estimated from the log of another one.

use serde::Serialize;
use std::collections::BTreeMap;
use thiserror::Error;

use crate::resample::{bootstrap_of, folds};

/// Below this effective sample size an estimate is not fit for a decision. Unit: rows.
pub const MINIMUM_EFFECTIVE_ROWS: f64 = 100.0;

/// Resamples of the intervals.
const RESAMPLES: usize = 2_000;
/// Level of the intervals.
const LEVEL: f64 = 0.95;
/// Folds of the reward model: a row is never predicted from itself.
const FOLDS: u32 = 5;
/// Rows that the overall mean counts for in the reward model of one action.
const SHRINKAGE_ROWS: f64 = 20.0;

/// What was shown, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// Number of the offer, from 0.
    pub offer: u32,
    /// Number of the place, from 0.
    pub place: u32,
}

/// One showing of the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logged {
    /// What was shown.
    pub action: Action,
    /// The chance with which the logging policy showed it. Above 0, at most 1.
    pub propensity: f64,
    /// What came of it: 1 for a click and 0 for none, or an amount. Finite.
    pub reward: f64,
}

/// Why a log cannot be estimated from.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum OffPolicyError {
    /// No rows.
    #[error("the log has no rows")]
    Empty,
    /// A propensity outside of what a chance can be.
    #[error("row {row}: the propensity {propensity} is not above 0 and at most 1")]
    Propensity {
        /// The row, from 0.
        row: usize,
        /// What it says.
        propensity: f64,
    },
    /// A reward that is no number.
    #[error("row {row}: the reward {reward} is not finite")]
    Reward {
        /// The row, from 0.
        row: usize,
        /// What it says.
        reward: f64,
    },
    /// An offer or a place that the policy does not know.
    #[error("row {row}: the policy has no chance for offer {offer} in place {place}")]
    Unknown {
        /// The row, from 0.
        row: usize,
        /// Its offer.
        offer: u32,
        /// Its place.
        place: u32,
    },
    /// The log holds nothing that the policy would show.
    #[error("the policy would show nothing of what the log shows, so the log says nothing about it")]
    NoOverlap,
}

/// An estimate with its interval (95 %, by drawing rows anew).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimated {
    /// The value of one showing, in the unit of the rewards.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What a log says about a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyEstimates {
    /// Rows of the log.
    pub rows: usize,
    /// The value of the policy that ran: the mean reward.
    pub logged: Estimated,
    /// Inverse propensity scoring: unbiased, wide. Source: Horvitz and Thompson (1952).
    pub ips: Estimated,
    /// Self-normalised: divides by the weights instead of the rows. Source: Swaminathan and Joachims (2015).
    pub snips: Estimated,
    /// Doubly robust: a model of the rewards (means by offer and place, shrunk, cross-fitted), corrected by the weights.
    /// Source: Dudík, Langford, Li (2011).
    pub dr: Estimated,
    /// How many rows of the policy's own log would say as much: `(Σw)² / Σw²`. Source: Kish (1965).
    pub effective_rows: f64,
    /// Greatest weight of a row.
    pub weight_max: f64,
    /// Mean weight: 1 but for chance, unless the policy shows what the log never does.
    pub weight_mean: f64,
}

/// The weight of each row: the policy's chance of what was shown over the log's.
///
/// `policy`: one entry a place, each with one chance an offer, as [`super::thompson_propensities`] gives them.
///
/// # Errors
/// [`OffPolicyError`], the first found.
pub fn policy_weights(log: &[Logged], policy: &[Vec<f64>]) -> Result<Vec<f64>, OffPolicyError> {
    log.iter()
        .enumerate()
        .map(|(row, it)| {
            if !(it.propensity > 0.0 && it.propensity <= 1.0) {
                return Err(OffPolicyError::Propensity { row, propensity: it.propensity });
            }
            if !it.reward.is_finite() {
                return Err(OffPolicyError::Reward { row, reward: it.reward });
            }
            let Action { offer, place } = it.action;
            let chance = policy.get(place as usize).and_then(|offers| offers.get(offer as usize));
            let chance = chance.ok_or(OffPolicyError::Unknown { row, offer, place })?;
            Ok(chance / it.propensity)
        })
        .collect()
}

/// Estimates the value of `policy` from `log`. Deterministic in `seed`.
///
/// # Errors
/// [`OffPolicyError`].
pub fn estimate(log: &[Logged], policy: &[Vec<f64>], seed: u64) -> Result<PolicyEstimates, OffPolicyError> {
    if log.is_empty() {
        return Err(OffPolicyError::Empty);
    }
    let weights = policy_weights(log, policy)?;
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|it| it * it).sum();
    if sum <= 0.0 {
        return Err(OffPolicyError::NoOverlap);
    }
    let rewards: Vec<f64> = log.iter().map(|it| it.reward).collect();
    let weighted: Vec<f64> = weights.iter().zip(&rewards).map(|(weight, reward)| weight * reward).collect();
    let robust = doubly_robust(log, policy, &weights, seed);
    let mean = |values: &[f64]| estimated(values.len(), seed, |rows| mean_of(values, rows));
    Ok(PolicyEstimates {
        rows: log.len(),
        logged: mean(&rewards),
        ips: mean(&weighted),
        snips: estimated(log.len(), seed, |rows| {
            let weight = mean_of(&weights, rows);
            if weight > 0.0 { mean_of(&weighted, rows) / weight } else { 0.0 }
        }),
        dr: mean(&robust),
        effective_rows: sum * sum / squares,
        weight_max: weights.iter().copied().fold(0.0, f64::max),
        weight_mean: sum / log.len() as f64,
    })
}

/// The statistic of all rows, and of resamples.
pub(super) fn estimated(n: usize, seed: u64, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Estimated {
    let all: Vec<usize> = (0..n).collect();
    let (low, high) = bootstrap_of(n, RESAMPLES, LEVEL, seed, &statistic);
    Estimated { value: statistic(&all), low, high }
}

pub(super) fn mean_of(values: &[f64], rows: &[usize]) -> f64 {
    let sum: f64 = rows.iter().filter_map(|row| values.get(*row)).sum();
    sum / rows.len() as f64
}

/// By row: what the reward model expects of the policy there, corrected by how far the model is off at what was shown.
fn doubly_robust(log: &[Logged], policy: &[Vec<f64>], weights: &[f64], seed: u64) -> Vec<f64> {
    let fold_of = folds(log.len(), FOLDS, seed);
    let models: Vec<RewardModel> = (0..FOLDS)
        .map(|fold| RewardModel::fit(log.iter().zip(&fold_of).filter(|(_, it)| **it != fold).map(|(row, _)| row)))
        .collect();
    // What each model expects of the policy in each place.
    let expected: Vec<Vec<f64>> = models
        .iter()
        .map(|model| {
            let places = (0u32..).zip(policy);
            places
                .map(|(place, chances)| {
                    let offers = (0u32..).zip(chances);
                    offers.map(|(offer, chance)| chance * model.mean(Action { offer, place })).sum()
                })
                .collect()
        })
        .collect();
    log.iter()
        .zip(&fold_of)
        .zip(weights)
        .map(|((row, fold), weight)| {
            let place = row.action.place as usize;
            let model = models.get(*fold as usize);
            let expected = expected.get(*fold as usize).and_then(|it| it.get(place)).copied().unwrap_or(0.0);
            expected + weight * (row.reward - model.map_or(0.0, |it| it.mean(row.action)))
        })
        .collect()
}

/// Mean rewards by action, drawn towards the mean of all.
#[derive(Debug, Default)]
struct RewardModel {
    overall: f64,
    means: BTreeMap<Action, f64>,
}

impl RewardModel {
    fn fit<'l>(rows: impl Iterator<Item = &'l Logged>) -> Self {
        let mut sums: BTreeMap<Action, (f64, f64)> = BTreeMap::new();
        let (mut n, mut sum) = (0.0, 0.0);
        for row in rows {
            let entry = sums.entry(row.action).or_default();
            *entry = (entry.0 + 1.0, entry.1 + row.reward);
            n += 1.0;
            sum += row.reward;
        }
        let overall = if n > 0.0 { sum / n } else { 0.0 };
        let shrunk = |(n, sum): (f64, f64)| (sum + SHRINKAGE_ROWS * overall) / (n + SHRINKAGE_ROWS);
        Self { overall, means: sums.into_iter().map(|(action, it)| (action, shrunk(it))).collect() }
    }

    fn mean(&self, action: Action) -> f64 {
        self.means.get(&action).copied().unwrap_or(self.overall)
    }
}
