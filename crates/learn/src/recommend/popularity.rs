//! The same for everybody: what most customers bought, or bought lately.

use super::interactions::Interactions;
use super::ranker::{Own, Ranker};

/// Ranks by a number of the item.
#[derive(Clone, Debug, PartialEq)]
pub struct Popularity {
    scores: Vec<f64>,
}

impl Popularity {
    /// By number of buyers.
    pub fn of_buyers(interactions: &Interactions) -> Self {
        Self { scores: interactions.n_buyers().into_iter().map(f64::from).collect() }
    }

    /// By sum of the weights. With weights that fade, this is what is popular lately.
    pub fn of_weights(interactions: &Interactions) -> Self {
        let columns = interactions.transposed();
        let sum = |item| columns.entries(item).map(|(_, weight)| f64::from(weight)).sum();
        Self { scores: (0..columns.n_users()).map(sum).collect() }
    }

    /// By any number of the item, one an item. Numbers that are not finite count as 0.
    pub fn of_numbers(numbers: &[f64]) -> Self {
        Self { scores: numbers.iter().map(|number| if number.is_finite() { *number } else { 0.0 }).collect() }
    }

    /// The number of each item.
    pub fn numbers(&self) -> &[f64] {
        &self.scores
    }
}

impl Ranker for Popularity {
    fn score(&self, _own: &[Own], _user: Option<u32>, scores: &mut [f64]) {
        for (score, popularity) in scores.iter_mut().zip(&self.scores) {
            *score += popularity;
        }
    }
}
