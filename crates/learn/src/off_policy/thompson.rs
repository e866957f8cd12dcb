//! How often Bernoulli Thompson sampling shows each action in each place: the chances that its draws imply.

use thiserror::Error;

use crate::resample::Stream;

/// What is believed of the success rate of one action: a beta distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaPrior {
    /// Successes, prior ones included. Finite, above 0.
    pub alpha: f64,
    /// Failures, prior ones included. Finite, above 0.
    pub beta: f64,
}

/// Why beliefs cannot be drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum PriorError {
    /// A parameter that is not finite and above 0.
    #[error("action {action}: alpha {alpha} and beta {beta} must be finite and above 0")]
    Parameter {
        /// The action.
        action: usize,
        /// Its first parameter.
        alpha: f64,
        /// Its second parameter.
        beta: f64,
    },
    /// More places than actions, or no place.
    #[error("{places} places for {actions} actions; at least 1 place, and no more than there are actions")]
    Places {
        /// How many places.
        places: usize,
        /// How many actions.
        actions: usize,
    },
    /// No draws.
    #[error("at least one draw is needed")]
    NoDraws,
}

/// The chance with which each action is shown in each place, when each draw takes the actions with the greatest drawn rates, best first.
///
/// Shape: one entry a place, each with one entry an action; each place sums to 1. Estimated from `n_draws` draws, so each chance has a standard
/// error of at most `0.5 / sqrt(n_draws)`. Deterministic in `seed`.
/// Source: O. Chapelle, L. Li, "An Empirical Evaluation of Thompson Sampling" (2011); several places: Y. Saito et al., "Open Bandit
/// Dataset and Pipeline" (2020), §3.
///
/// # Errors
/// [`PriorError`].
pub fn thompson_propensities(
    priors: &[BetaPrior],
    places: usize,
    n_draws: usize,
    seed: u64,
) -> Result<Vec<Vec<f64>>, PriorError> {
    let fits = |it: f64| it.is_finite() && it > 0.0;
    if let Some((action, it)) = priors.iter().enumerate().find(|(_, it)| !fits(it.alpha) || !fits(it.beta)) {
        return Err(PriorError::Parameter { action, alpha: it.alpha, beta: it.beta });
    }
    if places == 0 || places > priors.len() {
        return Err(PriorError::Places { places, actions: priors.len() });
    }
    if n_draws == 0 {
        return Err(PriorError::NoDraws);
    }
    let mut counts = vec![vec![0u64; priors.len()]; places];
    let mut stream = Stream::new(seed, "off_policy.thompson");
    let mut drawn: Vec<(f64, usize)> = Vec::with_capacity(priors.len());
    for _ in 0..n_draws {
        drawn.clear();
        drawn.extend(priors.iter().enumerate().map(|(action, prior)| (beta(&mut stream, *prior), action)));
        // Only the first places need an order.
        for (place, counts) in counts.iter_mut().enumerate() {
            let Some(rest) = drawn.get_mut(place..) else { break };
            let best = rest.iter().enumerate().max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let Some(best) = best.map(|(at, _)| at) else { break };
            rest.swap(0, best);
            if let Some(count) = rest.first().and_then(|(_, action)| counts.get_mut(*action)) {
                *count += 1;
            }
        }
    }
    let share = |counts: Vec<u64>| counts.into_iter().map(|count| count as f64 / n_draws as f64).collect();
    Ok(counts.into_iter().map(share).collect())
}

fn beta(stream: &mut Stream, prior: BetaPrior) -> f64 {
    let a = gamma(stream, prior.alpha);
    let b = gamma(stream, prior.beta);
    if a + b > 0.0 { a / (a + b) } else { 0.5 }
}

/// A number of the gamma distribution with this shape and scale 1.
///
/// Source: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables" (2000); shapes below 1 by their §6.
fn gamma(stream: &mut Stream, shape: f64) -> f64 {
    if shape < 1.0 {
        let boosted = gamma(stream, shape + 1.0);
        return boosted * libm::pow(1.0 - stream.unit(), 1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = stream.normal();
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        if libm::log(1.0 - stream.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_rates_have_the_moments_of_their_beliefs() {
        for (alpha, beta_) in [(0.5, 0.5), (1.0, 3.0), (47.0, 12_198.0)] {
            let prior = BetaPrior { alpha, beta: beta_ };
            let mut stream = Stream::new(3, "moments");
            let n = 40_000;
            let draws: Vec<f64> = (0..n).map(|_| beta(&mut stream, prior)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / f64::from(n);
            let total = alpha + beta_;
            let expected = (alpha / total, alpha * beta_ / (total * total * (total + 1.0)));
            // Six standard errors.
            assert!((mean - expected.0).abs() < 6.0 * libm::sqrt(expected.1 / f64::from(n)), "{alpha} {beta_}: {mean}");
            assert!((variance / expected.1 - 1.0).abs() < 0.06, "{alpha} {beta_}: {variance} of {}", expected.1);
        }
    }

    #[test]
    fn equal_beliefs_give_equal_chances_and_better_ones_come_first() {
        let even = vec![BetaPrior { alpha: 2.0, beta: 2.0 }; 4];
        for place in thompson_propensities(&even, 2, 40_000, 1).unwrap() {
            assert!((place.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(place.iter().all(|it| (it - 0.25).abs() < 0.015), "{place:?}");
        }
        let sure = [(1.0, 1e6), (1e6, 1.0), (500.0, 500.0)].map(|(alpha, beta)| BetaPrior { alpha, beta });
        assert_eq!(
            thompson_propensities(&sure, 3, 100, 1).unwrap(),
            [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
        );
    }

    #[test]
    fn beliefs_that_cannot_be_drawn_from_are_refused() {
        let good = BetaPrior { alpha: 1.0, beta: 1.0 };
        for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let found = thompson_propensities(&[good, BetaPrior { alpha, beta: 1.0 }], 1, 1, 1);
            assert!(matches!(found, Err(PriorError::Parameter { action: 1, .. })), "{alpha}");
        }
        for places in [0, 3] {
            let expected = Err(PriorError::Places { places, actions: 2 });
            assert_eq!(thompson_propensities(&[good, good], places, 1, 1), expected);
        }
        assert_eq!(thompson_propensities(&[good], 1, 0, 1), Err(PriorError::NoDraws));
    }
}
