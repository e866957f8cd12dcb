//! Item neighbour lists: which items speak for which others, tuned and measured on a split of time.
//!
//! Pure numbers: purchases come in as positions of items, lists go out. The model is EASE: `ease.rs` has the formula,
//! `measure.rs` the yardstick.

mod ease;
mod measure;

use crate::engine::TasteRow;
use crate::report::{LambdaTried, Metrics, NeighbourReport};
use crate::{BuildError, NeighbourOptions};
use ease::Ease;
use measure::{OwnCounts, Popularity, Served, Sums, measure};
use std::collections::{BTreeMap, HashMap};

/// A neighbour: position of the item, and how strongly it is spoken for.
pub(crate) type Neighbour = (u32, f32);

/// Customers on which the tuning rests, at most.
const CUSTOMERS_TESTED_MAX: usize = 5_000;

/// Items in a profile's list, and steps of their weights: what `ease_served` has to work with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProfileShape {
    pub(crate) items_max: usize,
    pub(crate) weight_steps: u32,
}

/// One customer's purchases of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Taste {
    /// Position in the item table.
    pub(crate) item_idx: u32,
    /// Orders before the split.
    pub(crate) early_orders: u32,
    /// Sum of the weights of these orders, in the unit of `orders.weight`.
    pub(crate) early_weight: u64,
    /// Orders from the split on.
    pub(crate) late_orders: u32,
}

/// What customers bought: each customer's items by rising position, customers by rising id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tastes {
    tastes: Vec<Taste>,
    /// Where each customer's items end.
    ends: Vec<usize>,
    last_customer: Option<String>,
}

impl Tastes {
    /// Adds a row; rows come by rising customer and item.
    pub(crate) fn push(&mut self, row: &TasteRow<'_>, positions: &HashMap<String, u32>) {
        let Some(&item_idx) = positions.get(row.item_id) else { return };
        if self.last_customer.as_deref() != Some(row.customer_id) {
            self.last_customer = Some(row.customer_id.to_owned());
            self.ends.push(self.tastes.len());
        }
        self.tastes.push(Taste {
            item_idx,
            early_orders: u32::try_from(row.early_orders).unwrap_or(u32::MAX),
            early_weight: row.early_weight,
            late_orders: u32::try_from(row.late_orders).unwrap_or(u32::MAX),
        });
        if let Some(end) = self.ends.last_mut() {
            *end = self.tastes.len();
        }
    }

    fn customers(&self) -> impl Iterator<Item = &[Taste]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.tastes[start..*end])
    }
}

/// Neighbour lists and how good they are.
pub(crate) struct Fitted {
    /// One list an item, by position, strongest first.
    pub(crate) lists: Vec<Vec<Neighbour>>,
    /// The numbers, but for those that only the caller knows.
    pub(crate) report: NeighbourReport,
}

/// Number of fits that [`fit`] makes.
pub(crate) fn n_fits(options: &NeighbourOptions) -> u64 {
    options.lambdas.len() as u64 + 1
}

/// Tunes the regularisation on the time split, measures it beside simple rivals, and fits the lists on everything.
pub(crate) fn fit(
    tastes: &Tastes,
    n_items: usize,
    shape: ProfileShape,
    options: &NeighbourOptions,
    seed: u64,
    mut fitted: impl FnMut(u64),
) -> Result<Fitted, BuildError> {
    let mut lambdas = options.lambdas.clone();
    lambdas.sort_by(f64::total_cmp);
    let tested = sample(tastes, seed);
    let mut tried = Vec::new();
    let mut rankers = BTreeMap::new();
    let mut lambda = lambdas.get(lambdas.len() / 2).copied().unwrap_or(300.0);
    if !tested.is_empty() {
        let early = Ease::count(bought(tastes, |taste| taste.early_orders > 0), n_items, options.buyers_min);
        let mut best: Option<(f64, Vec<Vec<Neighbour>>)> = None;
        for (done, &candidate) in lambdas.iter().enumerate() {
            fitted(done as u64);
            let lists = early.fit(candidate, options.per_item)?;
            let novel = measure(&tested, n_items, &Sums { lists: &lists }).novel_ndcg_10.unwrap_or(0.0);
            tried.push(LambdaTried { lambda: candidate, novel_ndcg_10: novel });
            // Of equal ones the strongest regularisation: the simplest model.
            if best.as_ref().is_none_or(|(score, _)| novel >= *score) {
                lambda = candidate;
                best = Some((novel, lists));
            }
        }
        if let Some((_, lists)) = best {
            let n_buyers = early.n_buyers();
            rankers.insert("popularity".to_owned(), measure(&tested, n_items, &Popularity { n_buyers }));
            let own = measure(&tested, n_items, &OwnCounts { n_buyers });
            rankers.insert("own_counts".to_owned(), Metrics { novel_ndcg_10: None, ..own });
            rankers.insert("ease".to_owned(), measure(&tested, n_items, &Sums { lists: &lists }));
            rankers.insert("ease_served".to_owned(), measure(&tested, n_items, &Served::new(&lists, shape)));
        }
    }
    fitted(n_fits(options) - 1);
    let all = Ease::count(bought(tastes, |_| true), n_items, options.buyers_min);
    let lists = all.fit(lambda, options.per_item)?;
    fitted(n_fits(options));
    let report = NeighbourReport {
        items: n_items as u64,
        items_left_out: 0,
        items_with_list: lists.iter().filter(|list| !list.is_empty()).count() as u64,
        buyers_min: options.buyers_min,
        per_item: options.per_item as u64,
        lambda,
        split_at: None,
        customers_tested: tested.len() as u64,
        tried,
        rankers,
    };
    Ok(Fitted { lists, report })
}

/// The items that each customer bought, as far as they count.
fn bought(tastes: &Tastes, counts: impl Fn(&Taste) -> bool + Copy) -> impl Iterator<Item = Vec<u32>> {
    tastes.customers().map(move |own| own.iter().filter(|taste| counts(taste)).map(|taste| taste.item_idx).collect())
}

/// Customers with purchases on both sides of the split; by lot, if there are more than are needed.
fn sample(tastes: &Tastes, seed: u64) -> Vec<&[Taste]> {
    let mut tested: Vec<(u64, &[Taste])> = tastes
        .customers()
        .filter(|own| own.iter().any(|taste| taste.early_orders > 0) && own.iter().any(|taste| taste.late_orders > 0))
        .enumerate()
        .map(|(idx, own)| (mixed(seed ^ mixed(idx as u64)), own))
        .collect();
    if tested.len() > CUSTOMERS_TESTED_MAX {
        tested.sort_by_key(|(lot, _)| *lot);
        tested.truncate(CUSTOMERS_TESTED_MAX);
    }
    tested.into_iter().map(|(_, own)| own).collect()
}

/// SplitMix64's mixing function: a lot for each number.
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
