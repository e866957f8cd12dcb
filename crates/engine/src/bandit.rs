//! Bandits: offers are shown as often as they may be the best, by what is known of each so far.
//!
//! What is known comes with the bundle (posteriors); draws are seeded, so that an answer repeats.

use alloc::vec::Vec;

use crate::attribute::{AttributeIdx, AttributeName, Context, Profile};
use crate::bundle::OfferIdx;
use crate::condition::{Literal, Sources, Test};
use crate::random::Draws;

/// Most features of a bandit, without the constant.
pub const BANDIT_FEATURES_MAX: usize = 15;

/// Draws of all arms for a propensity: as many as make this many draws of one arm, within [`DRAWS`].
const WORK: usize = 1_024;
const DRAWS: (usize, usize) = (16, 64);

/// What is known of each arm, and how an arm is chosen by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BanditModel {
    /// Thompson sampling of a share. An arm's numbers: alpha and beta of its beta distribution, both above 0.
    Bernoulli,
    /// Thompson sampling of a mean. An arm's numbers: mean and standard deviation of what its mean may be; the latter not below 0.
    Gaussian,
    /// Thompson sampling of a linear function of the features. An arm's numbers, for d features with the constant: the d
    /// means of its coefficients, then the lower triangle of a square root of their covariance (its Cholesky factor), row by row.
    LinearThompson,
    /// As [`BanditModel::LinearThompson`], but no draw: the mean and so many standard deviations on top (LinUCB).
    LinUcb {
        /// How many; not below 0.
        width: f64,
    },
}

/// One feature of a context: a number times a scale, or 1 where an attribute has a value and 0 elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct BanditFeature {
    /// The attribute; a missing one counts as 0.
    pub attribute: AttributeIdx,
    /// 1 if the attribute equals this, else 0; `None` takes its number.
    pub equals: Option<Literal>,
    /// What the number is multiplied by.
    pub scale: f64,
}

/// A bandit over the candidates of a placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Bandit {
    /// How arms are chosen.
    pub model: BanditModel,
    /// Of linear models: the features behind the constant 1, at most [`BANDIT_FEATURES_MAX`].
    pub features: Vec<BanditFeature>,
    /// The numbers of arms of which nothing is known.
    pub prior: Vec<f64>,
    /// The numbers of other arms, by rising offer.
    pub arms: Vec<(OfferIdx, Vec<f64>)>,
}

impl Bandit {
    /// What a linear model sees of a visitor and a request: the constant 1, and the features behind it. `names` are the attributes that the
    /// features point to: [`crate::Bundle::attributes`].
    pub fn features<P: Profile>(&self, names: &[AttributeName], profile: &P, context: &Context) -> Vec<f64> {
        let sources = Sources { names, profile, context };
        let features = self.features.iter().map(|it| match &it.equals {
            Some(literal) => {
                it.scale * f64::from(u8::from(sources.passes(it.attribute, &Test::Equals(literal.clone()))))
            }
            None => it.scale * sources.number(it.attribute).unwrap_or(0.0),
        });
        [1.0].into_iter().chain(features).collect()
    }

    /// Number of features with the constant.
    fn n_dims(&self) -> usize {
        self.features.len().saturating_add(1)
    }

    /// Numbers of an arm that has this many dimensions.
    pub(crate) fn n_numbers(&self) -> usize {
        let d = self.n_dims();
        match self.model {
            BanditModel::Bernoulli | BanditModel::Gaussian => 2,
            BanditModel::LinearThompson | BanditModel::LinUcb { .. } => {
                d.saturating_add(d.saturating_mul(d.saturating_add(1)) / 2)
            }
        }
    }

    /// Whether all numbers are what the model needs.
    pub(crate) fn is_sound(&self) -> bool {
        let is_linear = matches!(self.model, BanditModel::LinearThompson | BanditModel::LinUcb { .. });
        let is_arm = |numbers: &[f64]| {
            let are_fitting = match (self.model, numbers) {
                (BanditModel::Bernoulli, [alpha, beta]) => *alpha > 0.0 && *beta > 0.0,
                (BanditModel::Gaussian, [_, deviation]) => *deviation >= 0.0,
                _ => numbers.len() == self.n_numbers(),
            };
            are_fitting && numbers.iter().all(|it| it.abs() <= 1e9)
        };
        let are_features = self.features.len() <= BANDIT_FEATURES_MAX
            && (is_linear || self.features.is_empty())
            && self.features.iter().all(|it| it.scale.abs() <= 1e9);
        let is_width = !matches!(self.model, BanditModel::LinUcb { width } if !(0.0..=1e3).contains(&width));
        are_features
            && is_width
            && is_arm(&self.prior)
            && self.arms.iter().all(|(_, numbers)| is_arm(numbers))
            && self.arms.is_sorted_by(|(a, _), (b, _)| a < b)
    }

    /// Whether chance has a part in what is chosen.
    pub(crate) fn is_random(&self) -> bool {
        !matches!(self.model, BanditModel::LinUcb { .. })
    }

    /// How many draws of `n_arms` arms make a propensity.
    pub(crate) fn n_draws(n_arms: usize) -> usize {
        WORK.checked_div(n_arms).unwrap_or(DRAWS.1).clamp(DRAWS.0, DRAWS.1)
    }

    fn numbers(&self, offer: OfferIdx) -> &[f64] {
        match self.arms.binary_search_by_key(&offer, |(idx, _)| *idx) {
            Ok(at) => self.arms.get(at).map_or(&[], |(_, numbers)| numbers),
            Err(_) => &self.prior,
        }
    }

    /// What is known of an arm in the context of `features` (with the constant): mean and standard deviation, or the two
    /// numbers of a beta distribution.
    pub(crate) fn arm(&self, offer: OfferIdx, features: &[f64]) -> (f64, f64) {
        let numbers = self.numbers(offer);
        if let ([first, second], BanditModel::Bernoulli | BanditModel::Gaussian) = (numbers, self.model) {
            return (*first, *second);
        }
        let (means, mut root) = numbers.split_at_checked(self.n_dims()).unwrap_or_default();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        // x' L L' x is the sum of squares of L' x: collected row by row of L.
        let mut columns = [0.0_f64; BANDIT_FEATURES_MAX + 1];
        for (length, x) in (1..).zip(features) {
            let Some((row, rest)) = root.split_at_checked(length) else { break };
            columns.iter_mut().zip(row).for_each(|(column, entry)| *column += entry * x);
            root = rest;
        }
        (dot(means, features), libm::sqrt(dot(&columns, &columns)))
    }

    /// The score of an arm in one draw.
    pub(crate) fn draw(&self, (first, second): (f64, f64), seed: u64) -> f64 {
        match self.model {
            BanditModel::Bernoulli => Draws::new(seed).beta(first, second),
            BanditModel::Gaussian | BanditModel::LinearThompson => first + second * Draws::new(seed).normal(),
            BanditModel::LinUcb { width } => first + width * second,
        }
    }
}
