//! The figures of one customer's list.

use super::super::interactions::Interactions;
use super::super::item_cosine::length;
use super::super::purchases::Case;
use super::{Mode, Protocol};

/// One customer's figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) ndcg: f64,
    pub(super) diversity: f64,
    pub(super) novelty: f64,
}

/// What is known of the items.
pub(super) struct Catalogue {
    /// Items by customers.
    buyers: Interactions,
    n_users: f64,
    lengths: Vec<f64>,
}

impl Catalogue {
    pub(super) fn new(before: &Interactions) -> Self {
        let buyers = before.binary().transposed();
        let lengths = (0..buyers.n_users()).map(|item| length(&buyers, item)).collect();
        Self { buyers, n_users: f64::from(before.n_users()), lengths }
    }

    /// None for a customer who bought nothing that may be recommended.
    pub(super) fn figures(&self, items: &[u32], case: &Case, protocol: Protocol) -> Option<Figures> {
        let relevant = relevant(case, protocol.mode);
        if relevant.is_empty() {
            return None;
        }
        let n_hits = items.iter().filter(|item| relevant.binary_search(item).is_ok()).count() as f64;
        Some(Figures {
            precision: n_hits / protocol.k.max(1) as f64,
            recall: n_hits / relevant.len() as f64,
            ndcg: ndcg(items, &relevant, protocol.k),
            diversity: self.diversity(items),
            novelty: self.novelty(items),
        })
    }

    fn diversity(&self, items: &[u32]) -> f64 {
        let mut alike = 0.0;
        let mut n_pairs = 0.0_f64;
        for (at, item) in items.iter().enumerate() {
            for other in items.iter().take(at) {
                alike += self.cosine(*item, *other);
                n_pairs += 1.0;
            }
        }
        if n_pairs > 0.0 { 1.0 - alike / n_pairs } else { 0.0 }
    }

    /// Of the buyers of two items; 0 if either has none.
    fn cosine(&self, one: u32, other: u32) -> f64 {
        let (mut one_left, mut other_left) = (self.buyers.row(one).0, self.buyers.row(other).0);
        let mut common = 0.0;
        while let (Some((a, one_rest)), Some((b, other_rest))) = (one_left.split_first(), other_left.split_first()) {
            match a.cmp(b) {
                std::cmp::Ordering::Less => one_left = one_rest,
                std::cmp::Ordering::Greater => other_left = other_rest,
                std::cmp::Ordering::Equal => {
                    common += 1.0;
                    (one_left, other_left) = (one_rest, other_rest);
                }
            }
        }
        let length = |item: u32| self.lengths.get(item as usize).copied().unwrap_or(0.0);
        if common > 0.0 { common / (length(one) * length(other)) } else { 0.0 }
    }

    fn novelty(&self, items: &[u32]) -> f64 {
        let bits = |item: &u32| -((self.buyers.row(*item).0.len() as f64 + 1.0) / (self.n_users + 1.0)).log2();
        if items.is_empty() { 0.0 } else { items.iter().map(bits).sum::<f64>() / items.len() as f64 }
    }
}

/// What was bought later and may be recommended, rising.
pub(in crate::recommend) fn relevant(case: &Case, mode: Mode) -> Vec<u32> {
    let is_own = |item: &u32| case.own.binary_search_by_key(item, |own| own.item).is_ok();
    case.later.iter().filter(|item| mode == Mode::Repeat || !is_own(item)).copied().collect()
}

/// nDCG of a list at `k`. `relevant` rises and is not empty.
pub(super) fn ndcg(items: &[u32], relevant: &[u32], k: usize) -> f64 {
    let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let hits = items.iter().take(k).enumerate().filter(|(_, item)| relevant.binary_search(item).is_ok());
    let found: f64 = hits.map(|(place, _)| gain(place)).sum();
    let best: f64 = (0..relevant.len().min(k)).map(gain).sum();
    if best > 0.0 { found / best } else { 0.0 }
}
