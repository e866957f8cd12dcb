//! Which lists a shop gets when nobody chooses: EASE, or item cosine where EASE would be too large.

use super::RecommendError;
use super::ease::EaseCounts;
use super::interactions::Interactions;
use super::item_cosine::item_cosine;
use super::lists::NeighbourLists;
use serde::Serialize;

/// The number of active items above which item cosine is the default, not EASE: its matrix would need a gigabyte and
/// half a minute.
pub const EASE_DEFAULT_ITEMS_MAX: usize = 10_000;

/// The shrinkage of item cosine as a default.
const SHRINKAGE: f64 = 20.0;
/// How many items speak for an item, in item cosine as a default, before the lists are cut.
const SPEAKERS: usize = 100;

/// What made default lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListsMethod {
    /// EASE.
    Ease,
    /// Item cosine.
    ItemCosine,
}

/// How default lists are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListsOptions<'a> {
    /// Items with fewer buyers have no list and are in none.
    pub buyers_min: u32,
    /// Regularisation of EASE. Range: finite, above 0.
    pub lambda: f64,
    /// Neighbours that are kept. Range: 20 to 50 is good; an item table takes 256 at most.
    pub per_item: usize,
    /// A factor of each item, such as its freshness; an item without one has factor 1.
    pub factors: &'a [f64],
    /// Active items up to which it is EASE; usually [`EASE_DEFAULT_ITEMS_MAX`].
    pub ease_items_max: usize,
}

impl Default for ListsOptions<'_> {
    fn default() -> Self {
        Self { buyers_min: 5, lambda: 300.0, per_item: 50, factors: &[], ease_items_max: EASE_DEFAULT_ITEMS_MAX }
    }
}

/// Makes the lists of a shop from binary purchases.
///
/// Errors: those of EASE.
pub fn default_lists(
    interactions: &Interactions,
    options: ListsOptions<'_>,
) -> Result<(ListsMethod, NeighbourLists), RecommendError> {
    let ListsOptions { buyers_min, lambda, per_item, factors, ease_items_max } = options;
    let n_buyers = interactions.n_buyers();
    let is_active = |item: u32| n_buyers.get(item as usize).is_some_and(|n| *n >= buyers_min.max(1));
    let n_active = (0..interactions.n_items()).filter(|item| is_active(*item)).count();
    if n_active <= ease_items_max {
        let lists = EaseCounts::new(interactions, buyers_min)?.fit(lambda)?.scaled_lists(factors, per_item);
        return Ok((ListsMethod::Ease, lists));
    }
    // An item without buyers enough has factor 0, so it is spoken for by none; and it speaks for none.
    let factor = |item: u32| match is_active(item) {
        true => factors.get(item as usize).copied().unwrap_or(1.0),
        false => 0.0,
    };
    let factors: Vec<f64> = (0..interactions.n_items()).map(factor).collect();
    let cosine = item_cosine(interactions, SHRINKAGE, SPEAKERS)?.scaled(&factors, per_item);
    Ok((ListsMethod::ItemCosine, cosine.only(is_active)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_shops_get_cosine() {
        let entries = (0..40).flat_map(|user| [(user, user % 2, 1.0), (user, 2 + user % 2, 1.0)]);
        let entries: Vec<_> = entries.chain([(0, 4, 1.0)]).collect();
        let interactions = Interactions::new(40, 5, entries).unwrap();
        for (ease_items_max, method) in [(4, ListsMethod::Ease), (3, ListsMethod::ItemCosine)] {
            let options = ListsOptions { ease_items_max, ..ListsOptions::default() };
            let (found, lists) = default_lists(&interactions, options).unwrap();
            assert_eq!(found, method);
            assert_eq!(lists.of(0).first().map(|(item, _)| *item), Some(2));
            // One buyer is not enough, on either side.
            assert!(lists.of(4).is_empty());
            assert!(lists.as_slice().iter().flatten().all(|(item, _)| *item != 4));
            let none = ListsOptions { factors: &[1.0, 1.0, 0.0, 1.0, 1.0], ..options };
            let (_, without) = default_lists(&interactions, none).unwrap();
            assert!(without.of(0).iter().all(|(item, _)| *item != 2));
        }
    }
}
