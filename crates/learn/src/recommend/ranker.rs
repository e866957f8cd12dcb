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

/// The `k` best of the items that may rank, best first; of equal ones the lower position.
pub fn top(scores: &[f64], k: usize, may_rank: impl Fn(u32) -> bool) -> Vec<u32> {
    let best_first = |a: &u32, b: &u32| {
        let score = |item: &u32| scores.get(*item as usize).copied().unwrap_or(f64::NEG_INFINITY);
        score(b).total_cmp(&score(a)).then(a.cmp(b))
    };
    let mut order: Vec<u32> = (0..scores.len() as u32).filter(|item| may_rank(*item)).collect();
    if k == 0 {
        return Vec::new();
    }
    if order.len() > k {
        order.select_nth_unstable_by(k, best_first);
        order.truncate(k);
    }
    order.sort_unstable_by(best_first);
    order
}
