//! Means over customers, and how far they move when customers are drawn anew.

use super::figures::Figures;
use super::{Estimate, Protocol, Recommended};
use crate::resample::Stream;

/// Precision, recall, F1, nDCG, coverage, diversity, novelty.
const N: usize = 7;

/// The estimates, in the order of the fields of [`super::Evaluation`].
pub(super) fn estimates(lists: &[Recommended], figures: &[Figures], n_items: u32, protocol: Protocol) -> [Estimate; N] {
    // For each item, the draw in which it was seen last.
    let mut seen = vec![0_u32; n_items as usize];
    let mut draw = 0_u32;
    let mut over = |users: &mut dyn Iterator<Item = usize>| -> [f64; N] {
        draw += 1;
        let (mut sums, mut n_users, mut n_seen) = ([0.0; 5], 0_u32, 0_u32);
        for user in users {
            let (Some(list), Some(figures)) = (lists.get(user), figures.get(user)) else { continue };
            let Figures { precision, recall, ndcg, diversity, novelty } = *figures;
            for (sum, figure) in sums.iter_mut().zip([precision, recall, ndcg, diversity, novelty]) {
                *sum += figure;
            }
            n_users += 1;
            for item in &list.items {
                if let Some(seen) = seen.get_mut(*item as usize)
                    && *seen != draw
                {
                    *seen = draw;
                    n_seen += 1;
                }
            }
        }
        if n_users == 0 {
            return [0.0; N];
        }
        let [precision, recall, ndcg, diversity, novelty] = sums.map(|sum| sum / f64::from(n_users));
        let both = precision + recall;
        let f1 = if both > 0.0 { 2.0 * precision * recall / both } else { 0.0 };
        [precision, recall, f1, ndcg, f64::from(n_seen) / f64::from(n_items), diversity, novelty]
    };
    let values = over(&mut (0..lists.len()));
    let mut drawn: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(protocol.n_resamples));
    if !lists.is_empty() {
        let mut stream = Stream::new(protocol.seed, "recommend: intervals");
        for _ in 0..protocol.n_resamples {
            let found = over(&mut (0..lists.len()).map(|_| stream.index(lists.len())));
            drawn.iter_mut().zip(found).for_each(|(drawn, value)| drawn.push(value));
        }
    }
    let mut made = values.map(|value| Estimate { value, low: value, high: value });
    for (estimate, drawn) in made.iter_mut().zip(&mut drawn) {
        drawn.sort_unstable_by(f64::total_cmp);
        let outside = (1.0 - protocol.level.clamp(0.0, 1.0)) / 2.0;
        if let (Some(low), Some(high)) = (quantile(drawn, outside), quantile(drawn, 1.0 - outside)) {
            (estimate.low, estimate.high) = (low, high);
        }
    }
    made
}

/// Of sorted numbers, the one below which a share lies, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}
