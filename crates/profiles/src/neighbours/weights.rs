//! Which weights of the edge's `items` ranker foretell best: a suggestion for whoever writes placements.

use super::{ItemsShape, K};
use crate::report::{SuggestedWeights, WeightsTried, rounded};
use vitrine_learn::recommend::{Case, Interactions, Mode, NeighbourLists, Popularity, ProfileShape, Served, ndcg_with};

/// What is tried of each weight; `profile` is 1, since only the relation of the weights matters.
const OWN: [f64; 4] = [0.0, 1.0, 2.0, 4.0];
const POPULARITY: [f64; 4] = [0.0, 0.1, 0.3, 1.0];
/// What the ranker has when nothing is given.
const DEFAULT: (f64, f64) = (1.0, 0.1);
/// For places that show what is new to a visitor: what was bought goes to the end. It is not measured, since nothing that was
/// bought is an answer there.
const OWN_NOVEL: f64 = -1.0;

/// The best weights for places that show what is new to a customer, and for those that may repeat. `profiles`: tested customers as
/// profiles have them. Of equal ones the first, which is the plainest.
pub(super) fn suggested(
    lists: &NeighbourLists,
    early: &Interactions,
    profiles: &[Case],
    shape: ItemsShape,
) -> Vec<SuggestedWeights> {
    // The weights of the profiles have faded already.
    let shape =
        ProfileShape { items_max: shape.items_max, weight_steps: shape.weight_steps, half_life_days: f64::INFINITY };
    // As the item table has it: the share of all customers.
    let n_customers = f64::from(early.n_users().max(1));
    let buyers = Popularity::of_buyers(early);
    let served = Served::new(lists, shape);
    // Kept in single precision there.
    let number = |n: &f64, popularity: f64| f64::from((n / n_customers * popularity) as f32);
    let tried = |mode: Mode, own: f64, popularities: &[f64]| -> Vec<WeightsTried> {
        let of = |popularity: &f64| buyers.numbers().iter().map(|n| number(n, *popularity)).collect::<Vec<f64>>();
        let numbers: Vec<Vec<f64>> = popularities.iter().map(of).collect();
        let numbers: Vec<&[f64]> = numbers.iter().map(Vec::as_slice).collect();
        let found = ndcg_with(&served.clone().with(own, &[]), &numbers, early, profiles, mode, K);
        let tried =
            |(popularity, ndcg): (&f64, f64)| WeightsTried { own, popularity: *popularity, ndcg_10: rounded(ndcg) };
        popularities.iter().zip(found).map(tried).collect()
    };
    let best = |placement: &str, trials: Vec<WeightsTried>, default_ndcg_10: f64| {
        let best = trials.iter().copied().reduce(|best, trial| if trial.ndcg_10 > best.ndcg_10 { trial } else { best });
        best.map(|WeightsTried { own, popularity, ndcg_10 }| SuggestedWeights {
            placement: placement.to_owned(),
            profile: 1.0,
            own,
            popularity,
            ndcg_10,
            default_ndcg_10,
            trials,
        })
    };
    let default = |mode| tried(mode, DEFAULT.0, &[DEFAULT.1]).first().map_or(0.0, |tried| tried.ndcg_10);
    let novel = tried(Mode::Novel, OWN_NOVEL, &POPULARITY);
    let repeat = OWN.into_iter().flat_map(|own| tried(Mode::Repeat, own, &POPULARITY)).collect();
    let found = [best("novel", novel, default(Mode::Novel)), best("repeat", repeat, default(Mode::Repeat))];
    found.into_iter().flatten().collect()
}
