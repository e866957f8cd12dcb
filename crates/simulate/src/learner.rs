//! A bandit that learns: it counts what was shown and clicked, and publishes what is known then.

use std::collections::BTreeMap;
use vitrine_engine::{Bandit, BanditModel, OfferIdx};

use crate::posterior::{bernoulli, gaussian, linear};

/// A bandit and what was counted of its arms since it began.
pub(crate) struct Learner {
    /// As it began.
    prior: Bandit,
    counts: BTreeMap<OfferIdx, ArmCounts>,
}

/// What was counted of one arm.
#[derive(Clone, Default)]
struct ArmCounts {
    showings: u64,
    clicks: u64,
    /// Of linear models: the sum of x xᵀ, and that of x times click.
    squares: Vec<f64>,
    products: Vec<f64>,
}

impl Learner {
    pub(crate) fn new(prior: Bandit) -> Self {
        Self { prior, counts: BTreeMap::new() }
    }

    /// The bandit, for what it sees of a visitor.
    pub(crate) fn bandit(&self) -> &Bandit {
        &self.prior
    }

    /// Whether it looks at the visitor.
    pub(crate) fn is_linear(&self) -> bool {
        matches!(self.prior.model, BanditModel::LinearThompson | BanditModel::LinUcb { .. })
    }

    /// Counts a showing. `features`: what a linear model saw, with the constant; others count without.
    pub(crate) fn count(&mut self, offer: OfferIdx, features: &[f64], is_click: bool) {
        let is_linear = self.is_linear();
        let counts = self.counts.entry(offer).or_default();
        counts.showings += 1;
        counts.clicks += u64::from(is_click);
        if !is_linear {
            return;
        }
        let d = features.len();
        counts.squares.resize(d * d, 0.0);
        counts.products.resize(d, 0.0);
        for (a, x) in features.iter().enumerate() {
            if is_click {
                counts.products[a] += x;
            }
            counts.squares[a * d..(a + 1) * d].iter_mut().zip(features).for_each(|(it, y)| *it += x * y);
        }
    }

    /// The bandit with what is known by now: each arm's prior, and its counts. Means wait until the clicks tell how they scatter.
    pub(crate) fn learnt(&self) -> Bandit {
        let noise = self.noise();
        let mut arms: BTreeMap<OfferIdx, Vec<f64>> = self.prior.arms.iter().cloned().collect();
        for (offer, counts) in &self.counts {
            let before = arms.get(offer).unwrap_or(&self.prior.prior);
            let after = match (self.prior.model, before.as_slice(), noise) {
                (BanditModel::Bernoulli, [alpha, beta], _) => {
                    bernoulli([*alpha, *beta], counts.showings, counts.clicks).to_vec()
                }
                (BanditModel::Gaussian, [mean, deviation], Some(noise)) => {
                    gaussian([*mean, *deviation], counts.showings, counts.clicks as f64, noise).to_vec()
                }
                (BanditModel::LinearThompson | BanditModel::LinUcb { .. }, numbers, Some(noise)) => {
                    linear(numbers, &counts.squares, &counts.products, noise)
                }
                _ => continue,
            };
            arms.insert(*offer, after);
        }
        Bandit { arms: arms.into_iter().collect(), ..self.prior.clone() }
    }

    /// The variance of a click within the arms: an arm without any click would else seem to be known for certain. `None` until some
    /// showings of an arm were clicked and others were not.
    fn noise(&self) -> Option<f64> {
        let within = |it: &ArmCounts| {
            let (showings, clicks) = (it.showings as f64, it.clicks as f64);
            clicks - clicks * clicks / showings
        };
        let showings: u64 = self.counts.values().map(|it| it.showings).sum();
        let rest = showings.saturating_sub(self.counts.len() as u64) as f64;
        let noise = self.counts.values().map(within).sum::<f64>() / rest;
        (noise > 0.0 && noise.is_finite()).then_some(noise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learner(model: BanditModel, prior: &[f64], arms: Vec<(OfferIdx, Vec<f64>)>) -> Learner {
        Learner::new(Bandit { model, features: Vec::new(), prior: prior.to_vec(), arms })
    }

    #[test]
    fn what_was_counted_is_added_to_what_was_known() {
        let mut learner = learner(BanditModel::Bernoulli, &[1.0, 1.0], vec![(OfferIdx(2), vec![5.0, 9.0])]);
        assert_eq!(learner.learnt(), learner.prior);
        for (offer, is_click) in [(0, true), (0, false), (2, false), (0, false)] {
            learner.count(OfferIdx(offer), &[], is_click);
        }
        let expected = [(OfferIdx(0), vec![2.0, 3.0]), (OfferIdx(2), vec![5.0, 10.0])];
        assert_eq!(learner.learnt().arms, expected);
        // Publishing twice counts nothing twice.
        assert_eq!(learner.learnt().arms, expected);
    }

    #[test]
    fn means_wait_for_clicks() {
        let mut learner = learner(BanditModel::Gaussian, &[0.0, 1.0], Vec::new());
        (0..10).for_each(|_| learner.count(OfferIdx(0), &[], false));
        assert_eq!(learner.learnt(), learner.prior);
        learner.count(OfferIdx(1), &[], true);
        learner.count(OfferIdx(1), &[], false);
        // The squares within: 0 of ten, 1/2 of two; 12 showings of 2 arms.
        let [a, b] = &learner.learnt().arms[..] else { panic!("two arms") };
        let precision = |n: f64| 1.0 + n / 0.05;
        assert!((a.1[1] - (1.0 / precision(10.0)).sqrt()).abs() < 1e-12);
        assert!((b.1[0] - 20.0 / precision(2.0)).abs() < 1e-12);
    }

    #[test]
    fn a_linear_model_of_the_constant_is_the_gaussian_one() {
        let mut linear = learner(BanditModel::LinearThompson, &[0.0, 1.0], Vec::new());
        let mut gaussian = learner(BanditModel::Gaussian, &[0.0, 1.0], Vec::new());
        for round in 0..50 {
            linear.count(OfferIdx(1), &[1.0], round % 7 == 0);
            gaussian.count(OfferIdx(1), &[], round % 7 == 0);
        }
        let (a, b) = (linear.learnt().arms.remove(0).1, gaussian.learnt().arms.remove(0).1);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
    }
}
