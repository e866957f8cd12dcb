//! What the edge can do: few items of a profile with coarse weights, lists in 8 bits. Ranked here as it is there, so
//! that the loss is measured.

use super::lists::{NeighbourLists, add};
use super::purchases::faded;
use super::ranker::{Own, Ranker};

/// What a profile keeps of a customer's items.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ProfileShape {
    /// Items in the profile.
    pub items_max: usize,
    /// Steps of their weights.
    pub weight_steps: u32,
    /// Orders count half as much after so many days, when the items are chosen and weighed. Range: above 0; infinite
    /// for orders that do not fade.
    pub half_life_days: f64,
}

impl Default for ProfileShape {
    fn default() -> Self {
        Self { items_max: 32, weight_steps: 15, half_life_days: 180.0 }
    }
}

/// Sums over the few items of the profile.
#[derive(Clone, Debug)]
pub struct Served {
    lists: NeighbourLists,
    shape: ProfileShape,
    own: f64,
    popularity: Vec<f64>,
}

impl Served {
    /// Ranks by the lists alone.
    pub fn new(lists: &NeighbourLists, shape: ProfileShape) -> Self {
        Self { lists: lists.coarse(), shape, own: 0.0, popularity: Vec::new() }
    }

    /// Adds to each item of the profile its weight times a factor, and to every item a number of that item, which is
    /// kept in single precision.
    pub fn with(self, own: f64, popularity: &[f64]) -> Self {
        Self { own, popularity: popularity.iter().map(|number| f64::from(*number as f32)).collect(), ..self }
    }

    /// The items of the profile with their weights, strongest first. Range of a weight: above 0, at most 1.
    pub fn profile(&self, own: &[Own]) -> Vec<(u32, f64)> {
        let fading = |own: &Own| f64::from(own.orders) * faded(f64::from(own.days_since), self.shape.half_life_days);
        let mut kept: Vec<(u32, f64)> = own.iter().map(|own| (own.item, fading(own))).collect();
        kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        kept.truncate(self.shape.items_max);
        let strongest = kept.first().map_or(1.0, |(_, weight)| *weight);
        let steps = f64::from(self.shape.weight_steps.max(1));
        for (_, weight) in &mut kept {
            *weight = (*weight / strongest * steps).round().clamp(1.0, steps) / steps;
        }
        kept
    }
}

impl Ranker for Served {
    fn score(&self, own: &[Own], _user: Option<u32>, scores: &mut [f64]) {
        for (item, weight) in self.profile(own) {
            add(scores, self.lists.of(item), weight);
            if let Some(score) = scores.get_mut(item as usize) {
                *score += self.own * weight;
            }
        }
        for (score, popularity) in scores.iter_mut().zip(&self.popularity) {
            *score += popularity;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(item: u32, orders: u32, days_since: f32) -> Own {
        Own { item, orders, days_since, days_known: days_since }
    }

    #[test]
    fn profiles_are_short_and_coarse() {
        let lists = NeighbourLists::new(vec![vec![(1, 0.5), (2, -0.001)], vec![(0, 0.2)], vec![]], 5);
        let shape = ProfileShape { items_max: 2, weight_steps: 4, half_life_days: 10.0 };
        let served = Served::new(&lists, shape);
        let past = [own(0, 4, 0.0), own(1, 4, 10.0), own(2, 1, 100.0)];
        assert_eq!(served.profile(&past), [(0, 1.0), (1, 0.5)]);
        let mut scores = vec![0.0; 3];
        served.score(&past, None, &mut scores);
        assert!((scores[1] - 0.5).abs() < 1e-6 && scores[2] == 0.0);
        let mut scores = vec![0.0; 3];
        served.with(2.0, &[0.0, 0.0, 0.25]).score(&past, None, &mut scores);
        assert!((scores[1] - 1.5).abs() < 1e-6 && scores[2] == 0.25);
        // The weakest item kept still counts one step.
        let faded = Served::new(&lists, ProfileShape { half_life_days: f64::INFINITY, ..shape });
        assert_eq!(faded.profile(&[own(0, 100, 900.0), own(1, 1, 0.0)]), [(0, 1.0), (1, 0.25)]);
        assert!(faded.profile(&[]).is_empty());
    }
}
