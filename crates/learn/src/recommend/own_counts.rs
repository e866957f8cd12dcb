//! Repeat purchases: what the customer bought before.

use super::popularity::Popularity;
use super::ranker::{Own, Ranker};

/// What the customer ordered most often; of equal ones the more popular.
#[derive(Clone, Debug)]
pub struct OwnCounts {
    /// Less than one order, even for the most popular item.
    ties: Vec<f64>,
}

impl OwnCounts {
    /// Ties go to the item with the higher number.
    pub fn new(popularity: &Popularity) -> Self {
        let most = popularity.numbers().iter().fold(0.0_f64, |most, number| most.max(number.abs()));
        let share = |number: &f64| if most > 0.0 { number / most * 0.5 } else { 0.0 };
        Self { ties: popularity.numbers().iter().map(share).collect() }
    }
}

impl Ranker for OwnCounts {
    fn score(&self, own: &[Own], _user: Option<u32>, scores: &mut [f64]) {
        for own in own {
            if let Some(score) = scores.get_mut(own.item as usize) {
                *score += f64::from(own.orders) + self.ties.get(own.item as usize).copied().unwrap_or(0.0);
            }
        }
    }
}
