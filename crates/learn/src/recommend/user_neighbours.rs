//! User-based neighbours: what customers bought who bought the same.

use super::RecommendError;
use super::interactions::Interactions;
use super::item_cosine::length;
use super::ranker::{Own, Ranker};

/// Adds up what the most alike customers bought, each weighted by how alike they are:
/// `common / (|u| |v| + shrinkage)` over binary purchases.
#[derive(Clone, Debug)]
pub struct UserNeighbours {
    rows: Interactions,
    columns: Interactions,
    lengths: Vec<f64>,
    shrinkage: f64,
    neighbours_max: usize,
}

impl UserNeighbours {
    /// Keeps the customers. Range: `shrinkage` finite and at least 0, `neighbours_max` at least 1.
    ///
    /// Errors: a parameter out of range.
    pub fn new(interactions: &Interactions, shrinkage: f64, neighbours_max: usize) -> Result<Self, RecommendError> {
        if !(shrinkage.is_finite() && shrinkage >= 0.0) {
            let rule = "is finite and at least 0";
            return Err(RecommendError::Parameter { name: "shrinkage", found: shrinkage, rule });
        }
        if neighbours_max == 0 {
            return Err(RecommendError::Parameter { name: "neighbours_max", found: 0.0, rule: "is at least 1" });
        }
        let rows = interactions.binary();
        let lengths = (0..rows.n_users()).map(|user| length(&rows, user)).collect();
        Ok(Self { columns: rows.transposed(), rows, lengths, shrinkage, neighbours_max })
    }

    /// The most alike customers with how alike they are, most alike first; not the customer itself.
    pub fn neighbours(&self, own: &[Own], user: Option<u32>) -> Vec<(u32, f64)> {
        let mut common = vec![0_u32; self.rows.n_users() as usize];
        let mut touched = Vec::new();
        for own in own {
            for other in self.columns.row(own.item).0 {
                let n = &mut common[*other as usize];
                if *n == 0 && Some(*other) != user {
                    touched.push(*other);
                }
                *n += 1;
            }
        }
        let length = (own.len() as f64).sqrt();
        let alike =
            |other: u32| f64::from(common[other as usize]) / (length * self.lengths[other as usize] + self.shrinkage);
        let mut found: Vec<(u32, f64)> = touched.into_iter().map(|other| (other, alike(other))).collect();
        let best_first = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if found.len() > self.neighbours_max {
            found.select_nth_unstable_by(self.neighbours_max, best_first);
            found.truncate(self.neighbours_max);
        }
        found.sort_unstable_by(best_first);
        found
    }
}

impl Ranker for UserNeighbours {
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        for (other, alike) in self.neighbours(own, user) {
            for item in self.rows.row(other).0 {
                if let Some(score) = scores.get_mut(*item as usize) {
                    *score += alike;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_bought_the_same_speak() {
        let entries = vec![(0, 0, 1.0), (0, 1, 1.0), (1, 0, 3.0), (1, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (2, 0, 1.0)];
        let interactions = Interactions::new(3, 5, entries).unwrap();
        let ranker = UserNeighbours::new(&interactions, 0.0, 10).unwrap();
        let own = [Own::now(0), Own::now(1)];
        let neighbours = ranker.neighbours(&own, Some(0));
        assert_eq!(neighbours.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [1, 2]);
        assert!((neighbours[0].1 - 2.0 / 6.0_f64.sqrt()).abs() < 1e-12);
        let mut scores = vec![0.0; 5];
        ranker.score(&own, Some(0), &mut scores);
        assert!(scores[2] > scores[3] && scores[3] > 0.0 && scores[4] == 0.0);
        // The same past without a position: the customer's own row is one of the others.
        assert_eq!(ranker.neighbours(&own, None)[0].0, 0);
        let one = UserNeighbours::new(&interactions, 0.0, 1).unwrap();
        assert_eq!(one.neighbours(&own, Some(0)).len(), 1);
    }

    #[test]
    fn parameters_are_checked() {
        let interactions = Interactions::new(1, 1, vec![]).unwrap();
        assert!(UserNeighbours::new(&interactions, f64::NAN, 1).is_err());
        let error = UserNeighbours::new(&interactions, 0.0, 0).unwrap_err();
        assert_eq!(error.to_string(), "`neighbours_max` is 0, but it is at least 1");
    }
}
