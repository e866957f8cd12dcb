//! Items and their neighbour lists: what connects a visitor's history with the offers that name items.

use alloc::vec::Vec;

use crate::bundle::{Bundle, OfferIdx};

/// Position of an item in the item table of the running build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemIdx(pub u32);

/// The item table, as the engine needs it. Implementations never fail: what is unknown is absent or 0.
pub trait ItemGraph {
    /// Number of items; valid [`ItemIdx`] are below it.
    fn n_items(&self) -> u32;
    /// The item with the shop's id `id`.
    fn find(&self, id: &str) -> Option<ItemIdx>;
    /// Calls `visit` with each item of `category`, in rising order.
    fn in_category(&self, category: &str, visit: &mut dyn FnMut(ItemIdx));
    /// Calls `visit` with the neighbours of `item` and their signed weights, strongest first.
    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32));
    /// Share of customers who bought the item, 0..=1.
    fn popularity(&self, item: ItemIdx) -> f32;
}

impl<G: ItemGraph> ItemGraph for &G {
    fn n_items(&self) -> u32 {
        (**self).n_items()
    }
    fn find(&self, id: &str) -> Option<ItemIdx> {
        (**self).find(id)
    }
    fn in_category(&self, category: &str, visit: &mut dyn FnMut(ItemIdx)) {
        (**self).in_category(category, visit);
    }
    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32)) {
        (**self).neighbours(item, visit);
    }
    fn popularity(&self, item: ItemIdx) -> f32 {
        (**self).popularity(item)
    }
}

/// A shop without an item table.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoItems;

impl ItemGraph for NoItems {
    fn n_items(&self) -> u32 {
        0
    }
    fn find(&self, _: &str) -> Option<ItemIdx> {
        None
    }
    fn in_category(&self, _: &str, _: &mut dyn FnMut(ItemIdx)) {}
    fn neighbours(&self, _: ItemIdx, _: &mut dyn FnMut(ItemIdx, f32)) {}
    fn popularity(&self, _: ItemIdx) -> f32 {
        0.0
    }
}

/// Which offers each item belongs to: a bundle joined with one item table. Made once per bundle and build.
#[derive(Clone, Debug, Default)]
pub struct OfferIndex {
    /// `offers[starts[i] .. starts[i + 1]]` are the offers of item `i`, rising.
    starts: Vec<u32>,
    offers: Vec<OfferIdx>,
    /// By offer: the popularity of its most popular item.
    popularity: Vec<f32>,
}

impl OfferIndex {
    /// Joins the offers of `bundle` with the items of `graph`. Items that the table does not know are left out.
    pub fn new(bundle: &Bundle, graph: &impl ItemGraph) -> Self {
        let mut pairs: Vec<(ItemIdx, OfferIdx)> = Vec::new();
        let mut popularity = Vec::with_capacity(bundle.offers().len());
        for (idx, offer) in bundle.offers_with_idx() {
            let from = pairs.len();
            for id in &offer.items {
                pairs.extend(graph.find(id).map(|item| (item, idx)));
            }
            for category in &offer.categories {
                graph.in_category(category, &mut |item| pairs.push((item, idx)));
            }
            let own = pairs.get(from..).unwrap_or_default();
            popularity.push(own.iter().map(|(item, _)| graph.popularity(*item)).fold(0.0, f32::max));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let n_items = graph.n_items();
        let starts = (0..=n_items)
            .map(|item| {
                let start = pairs.partition_point(|(have, _)| have.0 < item);
                u32::try_from(start).unwrap_or(u32::MAX)
            })
            .collect();
        let offers = pairs.into_iter().map(|(_, offer)| offer).collect();
        Self { starts, offers, popularity }
    }

    /// The offers that `item` belongs to, rising.
    pub fn offers_of(&self, item: ItemIdx) -> &[OfferIdx] {
        let bound = |at: u32| usize::try_from(*self.starts.get(usize::try_from(at).ok()?)?).ok();
        match (bound(item.0), item.0.checked_add(1).and_then(bound)) {
            (Some(from), Some(to)) => self.offers.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The popularity of the offer's most popular item, 0..=1; 0 for an offer without known items.
    pub fn popularity(&self, offer: OfferIdx) -> f32 {
        self.popularity.get(usize::from(offer.0)).copied().unwrap_or(0.0)
    }
}
