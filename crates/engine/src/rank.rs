//! How eligible candidates are scored: one function a ranker, all over the same pool of candidates.

use alloc::vec;
use alloc::vec::Vec;

use crate::attribute::{AttributeIdx, NoProfile, Profile};
use crate::bandit::Bandit;
use crate::bundle::{ItemsRanker, OfferIdx, Ranker};
use crate::condition::{Sources, Test};
use crate::decide::{Chosen, Evaluation, Inputs, ScoreParts, Visitor};
use crate::formula::{Formula, OfferField, Terms};
use crate::items::ItemGraph;
use crate::random::mixed;
use crate::vector::{Directions, Sum};

/// The steps of a profile's item weights when vectors are added: weights become whole numbers.
const WEIGHT_STEPS: f32 = 1000.0;

/// Unweighted sums, each by offer.
pub(crate) struct ItemScores {
    profile: Vec<f64>,
    session: Vec<f64>,
    own: Vec<f64>,
}

impl<'a, P: Profile, G: ItemGraph> Evaluation<'a, P, G> {
    /// Scores the candidates of a placement; the factors of their margins are there already and stay. `seed` is that of the placement's draws, `n_max` how many will be shown.
    pub(crate) fn score(&self, pool: &mut [Chosen<'a>], ranker: &Ranker, seed: u64, n_max: usize) {
        match ranker {
            Ranker::Priority => {}
            Ranker::Items(weights) => {
                for it in pool {
                    it.score = ScoreParts { margin: it.score.margin, ..self.items_score(it.idx, weights) };
                }
            }
            Ranker::Popular => {
                for it in pool {
                    it.score.popularity = f64::from(self.inputs.index.popularity(it.idx));
                }
            }
            Ranker::Relevance => pool.iter_mut().for_each(|it| it.score.measure = self.relevance(it.idx)),
            Ranker::Formula(formula) => self.formula(pool, formula),
            Ranker::Hybrid(parts) => self.hybrid(pool, parts),
            Ranker::Bandit(bandit) => self.bandit(pool, bandit, seed, n_max),
        }
    }

    fn items_score(&self, idx: OfferIdx, weights: &ItemsRanker) -> ScoreParts {
        let scores = self.scores.get_or_init(|| self.item_scores());
        let sum = |of: &[f64]| of.get(usize::from(idx.0)).copied().unwrap_or(0.0);
        ScoreParts {
            profile: weights.profile * sum(&scores.profile),
            session: weights.session * sum(&scores.session),
            own: weights.own * sum(&scores.own),
            popularity: weights.popularity * f64::from(self.inputs.index.popularity(idx)),
            ..ScoreParts::default()
        }
    }

    /// Sums the neighbour weights of the visitor's items into the offers that they lead to.
    ///
    /// The order of additions is fixed by the history, the session and the neighbour lists, so sums are the same everywhere.
    fn item_scores(&self) -> ItemScores {
        let Inputs { graph, index, visitor, context, .. } = &self.inputs;
        let (mut profile, mut session, mut own) = (index.sums(), index.sums(), index.sums());
        if let Visitor::Known(known) = visitor {
            known.history(&mut |item, weight| {
                let weight = f64::from(weight);
                own.add(item, weight);
                graph.neighbours(item, &mut |neighbour, strength| {
                    profile.add(neighbour, weight * f64::from(strength));
                });
            });
        }
        for item in context.items.iter().filter_map(|id| graph.find(id)) {
            graph.neighbours(item, &mut |neighbour, strength| session.add(neighbour, f64::from(strength)));
        }
        ItemScores { profile: profile.finish(), session: session.finish(), own: own.finish() }
    }

    /// How alike visitor and offer point. Range: -1..=1; 0 where nothing is known of one of them.
    fn relevance(&self, idx: OfferIdx) -> f64 {
        let offers = self.inputs.index.directions();
        let visitor = self.direction.get_or_init(|| self.visitor_direction(offers.n_dims()));
        offers.cosine(usize::from(idx.0), visitor, 0)
    }

    /// The visitor's own vector if the profile has one; else the sum of those of the profile's items, by their weights, and
    /// of the session's items.
    fn visitor_direction(&self, n_dims: usize) -> Directions {
        let Inputs { graph, visitor, context, .. } = &self.inputs;
        let mut sum = Sum::new(n_dims);
        let mut is_own = false;
        if let Visitor::Known(known) = visitor {
            known.vector(&mut |codes| {
                is_own = codes.len() == n_dims;
                sum.add(codes, 1);
            });
            if !is_own {
                known.history(&mut |item, weight| {
                    // Within -1000..=1000.
                    let weight = (weight * WEIGHT_STEPS).clamp(-WEIGHT_STEPS, WEIGHT_STEPS) as i64;
                    graph.vector(item, &mut |codes| sum.add(codes, weight));
                });
            }
        }
        if !is_own {
            for item in context.items.iter().filter_map(|id| graph.find(id)) {
                graph.vector(item, &mut |codes| sum.add(codes, WEIGHT_STEPS as i64));
            }
        }
        let mut directions = Directions::new(n_dims);
        directions.push(&sum);
        directions
    }

    fn formula(&self, pool: &mut [Chosen<'a>], formula: &Formula) {
        for it in pool {
            it.score.measure = formula.value(&OfferTerms { evaluation: self, chosen: it });
        }
    }

    /// Each part's scores are brought to 0..=1 over the candidates: the least becomes 0, the greatest 1; when all are equal,
    /// every one is 0.
    fn hybrid(&self, pool: &mut [Chosen<'a>], parts: &[(f64, Ranker)]) {
        let unscored: Vec<Chosen<'a>> = pool.iter().map(|it| Chosen { score: ScoreParts::default(), ..*it }).collect();
        for (weight, ranker) in parts {
            let mut part = unscored.clone();
            // A checked bundle has no bandits in hybrids, so there is nothing to draw.
            self.score(&mut part, ranker, 0, 1);
            let total = |it: &Chosen<'a>| match ranker {
                Ranker::Priority => f64::from(it.offer.priority),
                _ => it.score.total(),
            };
            let (least, greatest) = bounds(part.iter().map(total));
            if greatest > least {
                for (it, part) in pool.iter_mut().zip(&part) {
                    it.score.measure += weight * ((total(part) - least) / (greatest - least));
                }
            }
        }
    }

    /// Scores every arm by one draw, and says how likely each was to be among the first `n_max`.
    fn bandit(&self, pool: &mut [Chosen<'a>], bandit: &Bandit, seed: u64, n_max: usize) {
        let features = self.features(bandit);
        let arm = |it: &Chosen<'a>| (self.inputs.index.number(it.idx), bandit.arm(it.idx, &features), it.score);
        let arms: Vec<_> = pool.iter().map(arm).collect();
        let draw =
            |round: u64, scores: &mut Vec<ScoreParts>| {
                let seed = mixed(seed, round);
                scores.clear();
                // Each arm has draws of its own, so that another arm changes none of them.
                scores.extend(arms.iter().map(|(number, arm, score)| ScoreParts {
                    measure: bandit.draw(*arm, mixed(seed, *number)),
                    ..*score
                }));
            };
        let mut scores = Vec::with_capacity(arms.len());
        draw(0, &mut scores);
        for (it, score) in pool.iter_mut().zip(&scores) {
            it.score = *score;
        }
        if !bandit.is_random() || arms.len() <= n_max {
            return;
        }
        let n_draws = Bandit::n_draws(arms.len());
        // The draw that decided counts as one, so that nothing that was shown had no chance.
        let mut hits = vec![0_u32; arms.len()];
        for round in 0..=u64::try_from(n_draws).unwrap_or(0) {
            if round > 0 {
                draw(round, &mut scores);
            }
            let bar = nth_greatest(scores.iter().map(ScoreParts::total), n_max);
            hits.iter_mut().zip(&scores).for_each(|(hits, score)| {
                *hits = hits.saturating_add(u32::from(score.total() >= bar));
            });
        }
        let n = n_draws as f64 + 1.0;
        pool.iter_mut().zip(hits).for_each(|(it, hits)| it.propensity = f64::from(hits) / n);
    }

    fn features(&self, bandit: &Bandit) -> Vec<f64> {
        let (names, context) = (self.inputs.bundle.attributes(), self.inputs.context);
        match self.inputs.visitor {
            Visitor::Known(profile) => bandit.features(names, profile, context),
            Visitor::Unknown(_) => bandit.features(names, &NoProfile, context),
        }
    }

    /// The number of an attribute; truth values are 1 and 0.
    fn number(&self, attribute: AttributeIdx) -> Option<f64> {
        let (names, context) = (self.inputs.bundle.attributes(), self.inputs.context);
        match self.inputs.visitor {
            Visitor::Known(profile) => Sources { names, profile, context }.number(attribute),
            Visitor::Unknown(_) => Sources { names, profile: &NoProfile, context }.number(attribute),
        }
    }

    fn passes(&self, attribute: AttributeIdx, test: &Test) -> bool {
        let (names, context) = (self.inputs.bundle.attributes(), self.inputs.context);
        match self.inputs.visitor {
            Visitor::Known(profile) => Sources { names, profile, context }.passes(attribute, test),
            Visitor::Unknown(_) => Sources { names, profile: &NoProfile, context }.passes(attribute, test),
        }
    }
}

/// The least and the greatest; equal when there is none.
pub(crate) fn bounds(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, greatest) =
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), it| (least.min(it), greatest.max(it)));
    if least <= greatest { (least, greatest) } else { (0.0, 0.0) }
}

/// The `n`-th greatest of more than `n` numbers.
fn nth_greatest(numbers: impl Iterator<Item = f64>, n: usize) -> f64 {
    let mut best: Vec<f64> = Vec::with_capacity(n);
    for number in numbers {
        if best.len() >= n {
            if best.last().is_some_and(|last| number <= *last) {
                continue;
            }
            best.pop();
        }
        best.insert(best.partition_point(|it| *it >= number), number);
    }
    best.last().copied().unwrap_or(f64::NEG_INFINITY)
}

/// What a formula sees of one offer.
struct OfferTerms<'e, 'a, P, G> {
    evaluation: &'e Evaluation<'a, P, G>,
    chosen: &'e Chosen<'a>,
}

impl<P: Profile, G: ItemGraph> Terms for OfferTerms<'_, '_, P, G> {
    fn number(&self, attribute: AttributeIdx) -> Option<f64> {
        self.evaluation.number(attribute)
    }

    fn passes(&self, attribute: AttributeIdx, test: &Test) -> bool {
        self.evaluation.passes(attribute, test)
    }

    fn offer(&self, field: OfferField) -> f64 {
        let Chosen { idx, offer, .. } = self.chosen;
        match field {
            OfferField::Priority => f64::from(offer.priority),
            OfferField::Margin => offer.margin_minor.map_or(0.0, |it| f64::from(it) / 100.0),
            OfferField::Popularity => f64::from(self.evaluation.inputs.index.popularity(*idx)),
            OfferField::Relevance => self.evaluation.relevance(*idx),
            OfferField::Items => self.evaluation.items_score(*idx, &ItemsRanker::default()).total(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_greatest() {
        let numbers = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        let mut sorted: [f64; 8] = numbers;
        sorted.sort_by(|a, b| b.total_cmp(a));
        for n in 1..numbers.len() {
            assert_eq!(nth_greatest(numbers.into_iter(), n), sorted[n - 1], "{n}");
        }
        assert_eq!(bounds(numbers.into_iter()), (1.0, 9.0));
        assert_eq!(bounds(std::iter::empty()), (0.0, 0.0));
    }
}
