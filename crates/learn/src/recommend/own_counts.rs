//! Repeat purchases: what the customer bought before.

use super::popularity::Popularity;
use super::ranker::{Own, Ranker};

/// What the customer ordered most often; of equal ones the more popular, and behind them the most popular of all.
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
        for (score, tie) in scores.iter_mut().zip(&self.ties) {
            *score += tie;
        }
        for own in own {
            if let Some(score) = scores.get_mut(own.item as usize) {
                *score += f64::from(own.orders);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_first_and_popularity_second() {
        let ranker = OwnCounts::new(&Popularity::of_numbers(&[10.0, 90.0, 50.0, 70.0]));
        let past = [Own::now(0), Own { orders: 2, ..Own::now(2) }, Own::now(9)];
        let mut scores = vec![0.0; 4];
        ranker.score(&past, None, &mut scores);
        assert_eq!(super::super::top(&scores, 4, |_| true), [2, 0, 1, 3]);
        let nothing = OwnCounts::new(&Popularity::of_numbers(&[0.0]));
        let mut scores = vec![0.0; 1];
        nothing.score(&[], None, &mut scores);
        assert_eq!(scores, [0.0]);
    }
}
