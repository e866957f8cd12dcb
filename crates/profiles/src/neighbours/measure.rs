//! How well a ranker foretells what customers buy later from what they bought earlier.
//!
//! The yardstick is nDCG at 10: a hit at place `p` (from 1) is worth `1 / log2(p + 1)`, as a share of the best that is
//! possible for the customer. Rankers see the early side only.

use super::{Neighbour, ProfileShape, Taste};
use crate::report::Metrics;

const PLACES: usize = 10;

/// Gives items a score for a customer.
pub(super) trait Ranker {
    /// Adds to the scores of items (all 0 before) what the early side of a customer says.
    fn score(&self, own: &[Taste], scores: &mut [f64]);
}

/// The mean over the customers. Items of equal score are ranked by rising position.
pub(super) fn measure(customers: &[&[Taste]], n_items: usize, ranker: &impl Ranker) -> Metrics {
    let mut scores = vec![0.0; n_items];
    let mut order: Vec<u32> = Vec::with_capacity(n_items);
    let mut novel = Mean::default();
    let mut repeat = Mean::default();
    let mut is_own = vec![false; n_items];
    let mut is_later = vec![false; n_items];
    for own in customers {
        scores.fill(0.0);
        ranker.score(own, &mut scores);
        for taste in *own {
            is_own[taste.item_idx as usize] = taste.early_orders > 0;
            is_later[taste.item_idx as usize] = taste.late_orders > 0;
        }
        let mut ndcg = |may_rank: &dyn Fn(usize) -> bool| {
            order.clear();
            order.extend((0..n_items as u32).filter(|idx| may_rank(*idx as usize)));
            let best_first = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
            if order.len() > PLACES {
                order.select_nth_unstable_by(PLACES, best_first);
                order.truncate(PLACES);
            }
            order.sort_by(best_first);
            let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
            let n_hits = own.iter().filter(|t| t.late_orders > 0 && may_rank(t.item_idx as usize)).count();
            let best: f64 = (0..n_hits.min(PLACES)).map(gain).sum();
            let found: f64 = order
                .iter()
                .enumerate()
                .filter(|(_, idx)| is_later[**idx as usize])
                .map(|(place, _)| gain(place))
                .sum();
            (n_hits > 0).then(|| found / best)
        };
        novel.add(ndcg(&|idx| !is_own[idx]));
        repeat.add(ndcg(&|_| true));
        for taste in *own {
            is_own[taste.item_idx as usize] = false;
            is_later[taste.item_idx as usize] = false;
        }
    }
    Metrics { novel_ndcg_10: novel.get(), repeat_ndcg_10: repeat.get().unwrap_or(0.0) }
}

#[derive(Default)]
struct Mean {
    sum: f64,
    n: u32,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.n += 1;
        }
    }

    /// Rounded to four decimals: more would be noise.
    fn get(&self) -> Option<f64> {
        (self.n > 0).then(|| (self.sum / f64::from(self.n) * 1e4).round() / 1e4)
    }
}

/// The same for everybody: the most bought items.
pub(super) struct Popularity<'a> {
    /// Buyers of each item before the split.
    pub(super) n_buyers: &'a [u32],
}

impl Ranker for Popularity<'_> {
    fn score(&self, _own: &[Taste], scores: &mut [f64]) {
        for (score, n_buyers) in scores.iter_mut().zip(self.n_buyers) {
            *score = f64::from(*n_buyers);
        }
    }
}

/// What the customer bought most often; of equal ones the more popular.
pub(super) struct OwnCounts<'a> {
    /// Buyers of each item before the split.
    pub(super) n_buyers: &'a [u32],
}

impl Ranker for OwnCounts<'_> {
    fn score(&self, own: &[Taste], scores: &mut [f64]) {
        for taste in own {
            let idx = taste.item_idx as usize;
            if taste.early_orders > 0 {
                scores[idx] = f64::from(taste.early_orders) + f64::from(self.n_buyers[idx]) / 1e10;
            }
        }
    }
}

/// Sums over the neighbour lists of every item that the customer bought.
pub(super) struct Sums<'a> {
    pub(super) lists: &'a [Vec<Neighbour>],
}

impl Ranker for Sums<'_> {
    fn score(&self, own: &[Taste], scores: &mut [f64]) {
        for taste in own.iter().filter(|taste| taste.early_orders > 0) {
            for (idx, weight) in &self.lists[taste.item_idx as usize] {
                scores[*idx as usize] += f64::from(*weight);
            }
        }
    }
}

/// Sums over what the edge has: the few strongest items of the profile with coarse weights, and lists in 8 bits.
pub(super) struct Served {
    lists: Vec<Vec<Neighbour>>,
    shape: ProfileShape,
}

impl Served {
    pub(super) fn new(lists: &[Vec<Neighbour>], shape: ProfileShape) -> Self {
        let coarse = |list: &Vec<Neighbour>| {
            let scale = list.first().map_or(1.0, |(_, strongest)| strongest.abs() / 127.0);
            list.iter().map(|(idx, weight)| (*idx, (weight / scale).round() * scale)).collect()
        };
        Self { lists: lists.iter().map(coarse).collect(), shape }
    }
}

impl Ranker for Served {
    fn score(&self, own: &[Taste], scores: &mut [f64]) {
        let mut early: Vec<&Taste> = own.iter().filter(|taste| taste.early_orders > 0).collect();
        early.sort_by(|a, b| b.early_weight.cmp(&a.early_weight).then(a.item_idx.cmp(&b.item_idx)));
        early.truncate(self.shape.items_max);
        let strongest = early.first().map_or(1, |taste| taste.early_weight) as f64;
        let steps = f64::from(self.shape.weight_steps);
        for taste in early {
            let in_profile = (taste.early_weight as f64 / strongest * steps).round().max(1.0) / steps;
            for (idx, weight) in &self.lists[taste.item_idx as usize] {
                scores[*idx as usize] += in_profile * f64::from(*weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taste(item_idx: u32, early_orders: u32, late_orders: u32) -> Taste {
        Taste { item_idx, early_orders, early_weight: u64::from(early_orders) * 100, late_orders }
    }

    #[test]
    fn ndcg_is_the_textbooks() {
        // Bought item 0 before; later items 0, 2 and 3. Popularity ranks 1, 2, 0, 3.
        let own = [taste(0, 2, 1), taste(2, 0, 1), taste(3, 0, 1)];
        let found = measure(&[&own], 4, &Popularity { n_buyers: &[5, 9, 7, 1] });
        let gain = |place: f64| 1.0 / (place + 1.0).log2();
        let novel = (gain(2.0) + gain(3.0)) / (gain(1.0) + gain(2.0));
        let repeat = (gain(2.0) + gain(3.0) + gain(4.0)) / (gain(1.0) + gain(2.0) + gain(3.0));
        assert!((found.novel_ndcg_10.unwrap() - novel).abs() < 1e-4);
        assert!((found.repeat_ndcg_10 - repeat).abs() < 1e-4);
        // Own counts put item 0 first.
        let own_counts = measure(&[&own], 4, &OwnCounts { n_buyers: &[5, 9, 7, 1] });
        assert!(own_counts.repeat_ndcg_10 > found.repeat_ndcg_10);
    }

    #[test]
    fn customers_without_an_answer_do_not_count() {
        let nothing_new = [taste(0, 1, 1)];
        let found = measure(&[&nothing_new], 2, &Popularity { n_buyers: &[1, 1] });
        assert_eq!(found, Metrics { novel_ndcg_10: None, repeat_ndcg_10: 1.0 });
    }

    #[test]
    fn served_lists_are_as_coarse_as_the_item_table() {
        let lists = vec![vec![(1, 0.5_f32), (2, -0.001)], vec![], vec![]];
        let served = Served::new(&lists, ProfileShape { items_max: 1, weight_steps: 15 });
        let mut scores = vec![0.0; 3];
        served.score(&[taste(0, 1, 0)], &mut scores);
        assert!((scores[1] - 0.5).abs() < 1e-6);
        assert_eq!(scores[2], 0.0);
    }
}
