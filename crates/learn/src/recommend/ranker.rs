//! What every ranker is: it gives items a score for a customer.

/// What is known of one item in a customer's past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own {
    /// Position of the item.
    pub item: u32,
    /// Orders that hold the item. Range: 1 and more.
    pub orders: u32,
    /// Days since the last of them. Range: 0 and more.
    pub days_since: f32,
    /// Days since the first of them. Range: `days_since` and more.
    pub days_known: f32,
}

impl Own {
    /// One order just now: what a click of a new visitor is worth.
    pub fn now(item: u32) -> Self {
        Self { item, orders: 1, days_since: 0.0, days_known: 0.0 }
    }
}

/// Gives items a score for a customer: the higher, the sooner it is recommended.
pub trait Ranker: Sync {
    /// Adds to the scores of items, which are all 0 before.
    ///
    /// `own` is the customer's past by rising item, each item once; `user` the customer's position among those that the
    /// ranker was fitted on, none for somebody new. Shape of `scores`: one an item. Positions beyond either end are
    /// passed over.
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]);
}

impl<R: Ranker + ?Sized> Ranker for &R {
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        (**self).score(own, user, scores);
    }
}

impl<R: Ranker + ?Sized> Ranker for Box<R> {
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        (**self).score(own, user, scores);
    }
}

/// Lists up to this length are kept in order while the scores pass by.
const SHORT_MAX: usize = 128;

/// The `k` best of the items that may rank, best first; of equal ones the lower position.
pub fn top(scores: &[f64], k: usize, may_rank: impl Fn(u32) -> bool) -> Vec<u32> {
    if k <= SHORT_MAX { short_top(scores, k, may_rank) } else { long_top(scores, k, may_rank) }
}

/// Most scores are not above the last of the best so far, and cost one comparison.
fn short_top(scores: &[f64], k: usize, may_rank: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut best: Vec<(i64, u32)> = Vec::with_capacity(k);
    // What an item must be above, once there are `k`: positions rise, so an equal one comes too late.
    let mut bar = None;
    for (item, score) in (0_u32..).zip(scores) {
        let key = total_order(*score);
        if bar.is_some_and(|bar| key <= bar) || !may_rank(item) {
            continue;
        }
        if best.len() >= k && best.pop().is_none() {
            break;
        }
        let place = best.partition_point(|(other, _)| *other >= key);
        best.insert(place, (key, item));
        bar = best.last().filter(|_| best.len() >= k).map(|(key, _)| *key);
    }
    best.into_iter().map(|(_, item)| item).collect()
}

/// A whole number for each float, in the order of [`f64::total_cmp`].
fn total_order(score: f64) -> i64 {
    let bits = score.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

fn long_top(scores: &[f64], k: usize, may_rank: impl Fn(u32) -> bool) -> Vec<u32> {
    let best_first = |a: &u32, b: &u32| {
        let score = |item: &u32| scores.get(*item as usize).copied().unwrap_or(f64::NEG_INFINITY);
        score(b).total_cmp(&score(a)).then(a.cmp(b))
    };
    let mut order: Vec<u32> = (0..scores.len() as u32).filter(|item| may_rank(*item)).collect();
    if order.len() > k {
        order.select_nth_unstable_by(k, best_first);
        order.truncate(k);
    }
    order.sort_unstable_by(best_first);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Stream;

    #[test]
    fn both_ways_give_the_same_lists() {
        let mut stream = Stream::new(1, "ranker: top");
        for round in 0..200_u32 {
            // Many equal scores, zeros of both signs, and what is no number.
            let special = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            let scores: Vec<f64> = (0..60)
                .map(|_| match stream.index(8) {
                    at if at < 6 && round % 2 == 0 => special[at],
                    _ => stream.index(9) as f64 - 4.0,
                })
                .collect();
            for k in [0, 1, 2, 10, 59, 60, 61, 128] {
                let may_rank = |item: u32| item % 7 != round % 9;
                assert_eq!(short_top(&scores, k, may_rank), long_top(&scores, k, may_rank), "{scores:?} {k}");
            }
        }
        assert!(top(&[], 5, |_| true).is_empty());
        assert_eq!(top(&[1.0; 300], 200, |_| true), (0..200).collect::<Vec<_>>());
    }
}
