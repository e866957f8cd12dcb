//! The rankers that are evaluated, fitted on one side of a split, and what is chosen on validation customers.

use super::history::History;
use vitrine_learn::recommend::{
    Als, AlsOptions, Blend, Case, Dimension, EASE_DEFAULT_ITEMS_MAX, Ease, EaseCounts, Interactions, Mode,
    NeighbourLists, OwnCounts, OwnOnly, Params, Part, Popularity, ProfileShape, Ranker, RecommendError, Scaled, Search,
    Served, Tuning, UserNeighbours, Weighing, content_lists, item_cosine, ndcg, tune, tune_blend, weights_of,
};
use vitrine_learn::resample::Stream;

/// Neighbours that cut lists keep.
const PER_ITEM: usize = 50;
/// Regularisation of EASE.
const LAMBDA: f64 = 300.0;
/// Shrinkage of the cosines, and neighbours that they keep.
const SHRINKAGE: f64 = 20.0;
const NEIGHBOURS: usize = 100;
/// An order counts half after so many days, where it matters what is popular lately.
const LATELY_DAYS: f64 = 14.0;
/// The same for the freshness of items.
const FRESH_DAYS: f64 = 21.0;
/// Customers on which anything is chosen or measured, at most.
const CUSTOMERS_MAX: usize = 10_000;

/// The rankers, in the order of the report.
pub(super) const RANKERS: [&str; 11] = [
    "popularity",
    "own_counts",
    "user_neighbours",
    "item_cosine",
    "content",
    "als",
    "ease",
    "ease_cut",
    "ease_cut_fresh",
    "edge_blend",
    "hybrid",
];

/// What is fitted on one side of a split.
pub(super) struct Fitted {
    /// Customers with purchases on both sides; by lot, if there are many.
    pub(super) cases: Vec<Case>,
    pub(super) binary: Interactions,
    /// Least buyers of an item that EASE knows.
    pub(super) ease_buyers_min: u32,
    buyers: Popularity,
    lately: Popularity,
    fresh: Vec<f64>,
    again: Vec<f64>,
    own_counts: OwnCounts,
    users: UserNeighbours,
    cosine: NeighbourLists,
    content: NeighbourLists,
    als: Als,
    ease: Ease,
    ease_lists: NeighbourLists,
    ease_fresh: NeighbourLists,
}

/// What was chosen for a mode on validation customers.
pub(super) struct Choice {
    pub(super) hybrid: Tuning,
    pub(super) edge: Tuning,
}

impl Fitted {
    /// Fits on what came before `day`; the customers bought again from then on and before `until`.
    pub(super) fn new(history: &History, day: i32, until: i32, seed: u64) -> Result<Self, RecommendError> {
        let split = history.purchases.split(day, until);
        let weights = |weighing| split.before.interactions(weighing, day);
        let binary = weights(Weighing::Binary)?;
        let fresh = split.before.freshness(FRESH_DAYS, day);
        let ease_buyers_min = ease_buyers_min(&binary.n_buyers(), EASE_DEFAULT_ITEMS_MAX);
        let ease = EaseCounts::new(&binary, ease_buyers_min)?.fit(LAMBDA)?;
        let als = AlsOptions { n_factors: 64, regularisation: 30.0, alpha: 4.0, n_iterations: 15, seed: 1 };
        let buyers = Popularity::of_buyers(&binary);
        let mut cases = split.cases;
        if cases.len() > CUSTOMERS_MAX {
            Stream::new(seed, "evaluate: customers").shuffle(&mut cases);
            cases.truncate(CUSTOMERS_MAX);
            cases.sort_by_key(|case| case.user);
        }
        Ok(Self {
            cases,
            lately: Popularity::of_weights(&weights(Weighing::Decayed { half_life_days: LATELY_DAYS })?),
            again: split.before.repeat_share(),
            own_counts: OwnCounts::new(&buyers),
            users: UserNeighbours::new(&binary, SHRINKAGE, NEIGHBOURS)?,
            cosine: item_cosine(&binary, SHRINKAGE, NEIGHBOURS)?,
            content: content_lists(&history.words, PER_ITEM)?,
            als: Als::fit(&binary, als)?,
            ease_lists: ease.lists(PER_ITEM),
            ease_fresh: ease.scaled_lists(&fresh, PER_ITEM),
            ease_buyers_min,
            ease,
            fresh,
            buyers,
            binary,
        })
    }

    /// Chooses the weights of the hybrid, and what the edge adds to its sums. Only ever asked of the validation side.
    pub(super) fn choose(&self, mode: Mode, k: usize) -> Result<Choice, RecommendError> {
        let hybrid = tune_blend("hybrid", &self.parts()?, self.binary.n_items(), &self.cases, mode, k)?;
        let space = [
            Dimension::new("own", &[0.0, 0.5, 1.0, 2.0, 4.0]),
            Dimension::new("lately", &[0.0, 0.05, 0.2, 0.5, 1.0]),
            Dimension::new("half_life_days", &[180.0, 1e6]),
        ];
        let score =
            |params: &Params| Ok::<_, RecommendError>(ndcg(&self.edge(params), &self.binary, &self.cases, mode, k));
        Ok(Choice { hybrid, edge: tune("edge", &space, Search::Grid, score)? })
    }

    /// The rankers of [`RANKERS`], each handed on with its name.
    pub(super) fn each_ranker(
        &self,
        choice: &Choice,
        mut each: impl FnMut(&str, &dyn Ranker),
    ) -> Result<(), RecommendError> {
        let parts = self.parts()?;
        let hybrid = Blend::new(&parts, &weights_of(&choice.hybrid, &parts))?;
        let edge = self.edge(choice.edge.best());
        let rankers: [&dyn Ranker; RANKERS.len()] = [
            &self.buyers,
            &self.own_counts,
            &self.users,
            &self.cosine,
            &self.content,
            &self.als,
            &self.ease,
            &self.ease_lists,
            &self.ease_fresh,
            &edge,
            &hybrid,
        ];
        for (name, ranker) in RANKERS.into_iter().zip(rankers) {
            each(name, ranker);
        }
        Ok(())
    }

    /// The parts of the hybrid.
    fn parts(&self) -> Result<Vec<Part<'_>>, RecommendError> {
        let fresh = || self.fresh.clone();
        Ok(vec![
            Part::as_is("own_orders", &self.own_counts),
            Part::new("own_lately", OwnOnly(&self.lately)),
            Part::new("own_again", OwnOnly(Popularity::of_numbers(&self.again))),
            Part::new("ease_fresh", &self.ease_fresh),
            Part::new("ease", &self.ease_lists),
            Part::new("cosine_fresh", Scaled::new(&self.cosine, fresh())?),
            Part::new("als_fresh", Scaled::new(&self.als, fresh())?),
            Part::new("content_fresh", Scaled::new(&self.content, fresh())?),
            Part::new("lately", &self.lately),
        ])
    }

    /// What the edge can do: few items of a profile with coarse weights, fresh lists in 8 bits, and a number an item.
    fn edge(&self, params: &Params) -> Served {
        let of = |name: &str| params.get(name).copied().unwrap_or(0.0);
        let most = self.lately.numbers().iter().fold(1e-9_f64, |most, number| most.max(*number));
        let popularity: Vec<f64> = self.lately.numbers().iter().map(|number| number / most * of("lately")).collect();
        let shape = ProfileShape { half_life_days: of("half_life_days"), ..ProfileShape::default() };
        Served::new(&self.ease_fresh, shape).with(of("own"), &popularity)
    }
}

/// The least number of buyers with which at most `items_max` items are left.
fn ease_buyers_min(n_buyers: &[u32], items_max: usize) -> u32 {
    let mut sorted = n_buyers.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.get(items_max).map_or(1, |first_left_out| first_left_out + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ease_takes_the_items_with_most_buyers() {
        assert_eq!(ease_buyers_min(&[3, 9, 1, 5], 4), 1);
        assert_eq!(ease_buyers_min(&[3, 9, 1, 5], 2), 4);
        // Equal items all stay or all go.
        assert_eq!(ease_buyers_min(&[2, 2, 2, 5], 2), 3);
    }
}
