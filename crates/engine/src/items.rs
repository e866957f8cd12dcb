//! Items and their neighbour lists: what connects a visitor's history with the offers that name items.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::bundle::{Bundle, OfferIdx};
use crate::random::number_of;
use crate::vector::{Directions, Sum};

/// Position of an item in the item table of the running build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemIdx(pub u32);

/// The item table, as the engine needs it. Implementations never fail: what is unknown is absent or 0.
pub trait ItemGraph {
    /// Number of items; valid [`ItemIdx`] are below it.
    fn n_items(&self) -> u32;
    /// The item with the shop's id `id`.
    fn find(&self, id: &str) -> Option<ItemIdx>;
    /// Calls `visit` with each item of `category`, in rising order. An item has at most one category.
    fn in_category(&self, category: &str, visit: &mut dyn FnMut(ItemIdx));
    /// Calls `visit` with the neighbours of `item` and their signed weights, strongest first.
    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32));
    /// Share of customers who bought the item, 0..=1.
    fn popularity(&self, item: ItemIdx) -> f32;
    /// Length of the items' vectors, at most 256; 0 (the default) when there are none.
    fn n_dims(&self) -> usize {
        0
    }
    /// Calls `visit` with the vector of `item`, signed bytes that all vectors of the table scale alike. Default: there is none.
    fn vector(&self, item: ItemIdx, visit: &mut dyn FnMut(&[u8])) {
        let _ = (item, visit);
    }
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
    fn n_dims(&self) -> usize {
        (**self).n_dims()
    }
    fn vector(&self, item: ItemIdx, visit: &mut dyn FnMut(&[u8])) {
        (**self).vector(item, visit);
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

/// Which offers each item leads to: a bundle joined with one item table. Made once per bundle and build.
///
/// Offers that name a category share one group, so that an item of a large category leads to one group and not to each of
/// its offers. An item that an offer names and also holds through a category counts once.
#[derive(Clone, Debug, Default)]
pub struct OfferIndex {
    /// By item: the group of its category, if an offer names that category.
    groups: Vec<Option<u16>>,
    /// By group: the offers that name its category, rising.
    group_offers: Vec<Vec<OfferIdx>>,
    /// `named[starts[i] .. starts[i + 1]]` are the offers that name item `i` itself, rising.
    starts: Vec<u32>,
    named: Vec<OfferIdx>,
    /// By offer: the popularity of its most popular item.
    popularity: Vec<f32>,
    /// By offer: the mean of its items' vectors.
    directions: Directions,
    /// By offer: a number for its id, for draws that no other offer changes.
    numbers: Vec<u64>,
}

/// Sums of weights by offer, collected item by item.
pub(crate) struct OfferSums<'i> {
    index: &'i OfferIndex,
    offers: Vec<f64>,
    groups: Vec<f64>,
}

impl OfferIndex {
    /// Joins the offers of `bundle` with the items of `graph`. Items that the table does not know are left out.
    pub fn new(bundle: &Bundle, graph: &impl ItemGraph) -> Self {
        let n_items = graph.n_items();
        let mut index = Self {
            groups: vec![None; usize::try_from(n_items).unwrap_or(usize::MAX)],
            popularity: vec![0.0; bundle.offers().len()],
            ..Self::default()
        };
        let mut categories: BTreeMap<&str, Vec<OfferIdx>> = BTreeMap::new();
        let mut named: BTreeMap<ItemIdx, Vec<OfferIdx>> = BTreeMap::new();
        for (idx, offer) in bundle.offers_with_idx() {
            for category in &offer.categories {
                categories.entry(category).or_default().push(idx);
            }
            for item in offer.items.iter().filter_map(|id| graph.find(id)) {
                named.entry(item).or_default().push(idx);
            }
        }
        for ((category, mut offers), group) in categories.into_iter().zip(0..) {
            offers.dedup();
            let mut popularity: f32 = 0.0;
            graph.in_category(category, &mut |item| {
                popularity = popularity.max(graph.popularity(item));
                if let Some(slot) = usize::try_from(item.0).ok().and_then(|at| index.groups.get_mut(at)) {
                    *slot = Some(group);
                }
            });
            offers.iter().for_each(|offer| index.raise_popularity(*offer, popularity));
            index.group_offers.push(offers);
        }
        for (item, mut offers) in named {
            offers.dedup();
            offers.retain(|offer| !index.group_of(item).is_some_and(|group| group.contains(offer)));
            offers.iter().for_each(|offer| index.raise_popularity(*offer, graph.popularity(item)));
            // Items before this one that no offer names: their part of the list is empty.
            index.start_through(item.0);
            index.named.extend(offers);
        }
        index.start_through(n_items);
        index.numbers = bundle.offers().iter().map(|it| number_of(&it.id)).collect();
        let n_dims = graph.n_dims();
        if n_dims > 0 {
            index.directions = Directions::new(n_dims);
            for offer in bundle.offers() {
                let mut sum = Sum::new(n_dims);
                let mut add = |item| graph.vector(item, &mut |codes| sum.add(codes, 1));
                offer.items.iter().filter_map(|id| graph.find(id)).for_each(&mut add);
                offer.categories.iter().for_each(|it| graph.in_category(it, &mut add));
                index.directions.push(&sum);
            }
        }
        index
    }

    /// Directions of the offers, in their order; none without vectors of items.
    pub(crate) fn directions(&self) -> &Directions {
        &self.directions
    }

    /// The number of an offer's id.
    pub(crate) fn number(&self, offer: OfferIdx) -> u64 {
        self.numbers.get(usize::from(offer.0)).copied().unwrap_or_default()
    }

    /// The parts of `named` for items up to `item` begin where it ends now, unless they have begun before.
    fn start_through(&mut self, item: u32) {
        let n_starts = usize::try_from(item).unwrap_or(usize::MAX).saturating_add(1);
        if self.starts.len() < n_starts {
            self.starts.resize(n_starts, u32::try_from(self.named.len()).unwrap_or(u32::MAX));
        }
    }

    fn raise_popularity(&mut self, offer: OfferIdx, popularity: f32) {
        if let Some(slot) = self.popularity.get_mut(usize::from(offer.0)) {
            *slot = slot.max(popularity);
        }
    }

    fn group_idx(&self, item: ItemIdx) -> Option<usize> {
        self.groups.get(usize::try_from(item.0).ok()?).copied().flatten().map(usize::from)
    }

    /// The offers that hold `item` through its category.
    fn group_of(&self, item: ItemIdx) -> Option<&[OfferIdx]> {
        self.group_offers.get(self.group_idx(item)?).map(Vec::as_slice)
    }

    /// The offers that name `item` itself.
    fn named(&self, item: ItemIdx) -> &[OfferIdx] {
        let at = usize::try_from(item.0).unwrap_or(usize::MAX);
        match self.starts.get(at..).unwrap_or_default() {
            [from, to, ..] => {
                let bound = |at: &u32| usize::try_from(*at).unwrap_or(usize::MAX);
                self.named.get(bound(from)..bound(to)).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// The popularity of the offer's most popular item, 0..=1; 0 for an offer without known items.
    pub fn popularity(&self, offer: OfferIdx) -> f32 {
        self.popularity.get(usize::from(offer.0)).copied().unwrap_or(0.0)
    }

    pub(crate) fn sums(&self) -> OfferSums<'_> {
        OfferSums { index: self, offers: vec![0.0; self.popularity.len()], groups: vec![0.0; self.group_offers.len()] }
    }
}

impl OfferSums<'_> {
    /// Adds `weight` to every offer that `item` leads to.
    pub fn add(&mut self, item: ItemIdx, weight: f64) {
        if let Some(sum) = self.index.group_idx(item).and_then(|at| self.groups.get_mut(at)) {
            *sum += weight;
        }
        for offer in self.index.named(item) {
            if let Some(sum) = self.offers.get_mut(usize::from(offer.0)) {
                *sum += weight;
            }
        }
    }

    /// The sums, by offer.
    pub fn finish(mut self) -> Vec<f64> {
        for (offers, group) in self.index.group_offers.iter().zip(&self.groups) {
            for offer in offers {
                if let Some(sum) = self.offers.get_mut(usize::from(offer.0)) {
                    *sum += group;
                }
            }
        }
        self.offers
    }
}
