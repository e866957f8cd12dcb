//! Neighbour lists: for each item, which items it speaks for and against, strongest first. What the item table holds.

use super::ranker::{Own, Ranker};
use serde::Serialize;

/// A neighbour: position of the item, and how strongly it is spoken for (above 0) or against (below 0).
pub type Neighbour = (u32, f32);

/// One list an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NeighbourLists {
    lists: Vec<Vec<Neighbour>>,
}

impl NeighbourLists {
    /// Keeps the `per_item` strongest of each list by absolute weight, strongest first, equal ones by rising position.
    /// Weights that are 0 or not finite, the item itself and items that do not exist are left out.
    pub fn new(lists: Vec<Vec<Neighbour>>, per_item: usize) -> Self {
        let n_items = lists.len();
        let cut = |(item, mut list): (usize, Vec<Neighbour>)| {
            list.retain(|(other, weight)| {
                *weight != 0.0 && weight.is_finite() && *other as usize != item && (*other as usize) < n_items
            });
            cut(&mut list, per_item);
            list
        };
        Self { lists: lists.into_iter().enumerate().map(cut).collect() }
    }

    /// The list of an item; empty for one that does not exist.
    pub fn of(&self, item: u32) -> &[Neighbour] {
        self.lists.get(item as usize).map_or(&[], Vec::as_slice)
    }

    /// The lists, one an item.
    pub fn as_slice(&self) -> &[Vec<Neighbour>] {
        &self.lists
    }

    /// Number of neighbours in all lists.
    pub fn n_neighbours(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }

    /// Multiplies what is said of each item by a factor of that item, then cuts anew: so that, say, the freshness of
    /// items is in the lists, and whoever adds them up needs to know nothing of it.
    pub fn scaled(&self, factors: &[f64], per_item: usize) -> Self {
        let scaled = |list: &Vec<Neighbour>| {
            let factor = |item: u32| factors.get(item as usize).copied().unwrap_or(0.0);
            list.iter().map(|(item, weight)| (*item, (f64::from(*weight) * factor(*item)) as f32)).collect()
        };
        Self::new(self.lists.iter().map(scaled).collect(), per_item)
    }

    /// The lists of some items; those of others become empty.
    pub fn only(self, keeps: impl Fn(u32) -> bool) -> Self {
        let kept = self.lists.into_iter().zip(0_u32..);
        Self { lists: kept.map(|(list, item)| if keeps(item) { list } else { Vec::new() }).collect() }
    }

    /// The same weights by the item that is spoken for: for each item, who speaks for it.
    pub fn transposed(&self) -> Self {
        let mut lists = vec![Vec::new(); self.lists.len()];
        for (item, list) in (0_u32..).zip(&self.lists) {
            for (other, weight) in list {
                if let Some(list) = lists.get_mut(*other as usize) {
                    list.push((item, *weight));
                }
            }
        }
        Self::new(lists, usize::MAX)
    }

    /// Several lists as one: the weights of equal neighbours, times the factor of their lists, are added, then cut. So a
    /// blend of item-based rankers needs one item table. Shape: as the longest.
    pub fn mixed(parts: &[(&Self, f64)], per_item: usize) -> Self {
        let n_items = parts.iter().map(|(part, _)| part.lists.len()).max().unwrap_or(0);
        let mix = |item: u32| {
            let mut all: Vec<(u32, usize, f64)> = Vec::new();
            for (at, (part, factor)) in parts.iter().enumerate() {
                all.extend(part.of(item).iter().map(|(other, weight)| (*other, at, f64::from(*weight) * factor)));
            }
            // By part among equal neighbours, so that every sum has one order.
            all.sort_unstable_by_key(|(other, at, _)| (*other, *at));
            let sums = all.chunk_by(|a, b| a.0 == b.0);
            sums.filter_map(|same| Some((same.first()?.0, same.iter().map(|entry| entry.2).sum::<f64>() as f32)))
                .collect()
        };
        Self::new((0..n_items as u32).map(mix).collect(), per_item)
    }

    /// The mean, over customers, of the highest score that the lists give: what brings different lists to one size.
    pub fn mean_highest<'a>(&self, customers: impl Iterator<Item = &'a [Own]>) -> f64 {
        let mut scores = vec![0.0; self.lists.len()];
        let (mut sum, mut n) = (0.0, 0.0_f64);
        for own in customers {
            scores.fill(0.0);
            self.score(own, None, &mut scores);
            sum += scores.iter().fold(0.0_f64, |most, score| most.max(*score));
            n += 1.0;
        }
        if n > 0.0 && sum > 0.0 { sum / n } else { 1.0 }
    }

    /// The lists as the item table keeps them: weights in 255 steps of the strongest, those that round to 0 left out.
    pub fn coarse(&self) -> Self {
        let coarse = |list: &Vec<Neighbour>| {
            let strongest = list.iter().fold(0.0_f32, |most, (_, weight)| most.max(weight.abs()));
            let scale = strongest / 127.0;
            list.iter().map(|(item, weight)| (*item, f32::from(code(*weight, scale)) * scale)).collect()
        };
        Self::new(self.lists.iter().map(coarse).collect(), usize::MAX)
    }
}

impl Ranker for NeighbourLists {
    /// The sum of what the customer's items say, each item once.
    fn score(&self, own: &[Own], _user: Option<u32>, scores: &mut [f64]) {
        for own in own {
            add(scores, self.of(own.item), 1.0);
        }
    }
}

/// Adds a list, times a factor, to scores.
pub(super) fn add(scores: &mut [f64], list: &[Neighbour], factor: f64) {
    for (item, weight) in list {
        if let Some(score) = scores.get_mut(*item as usize) {
            *score += factor * f64::from(*weight);
        }
    }
}

/// Keeps the strongest by absolute weight, strongest first, equal ones by rising position.
pub(super) fn cut(list: &mut Vec<Neighbour>, per_item: usize) {
    let strongest_first = |a: &Neighbour, b: &Neighbour| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
    if list.len() > per_item {
        if per_item > 0 {
            list.select_nth_unstable_by(per_item, strongest_first);
        }
        list.truncate(per_item);
    }
    list.sort_unstable_by(strongest_first);
}

/// The code of a number in steps of `scale`, rounded to the nearest, halves upwards. Range: -127..=127; 0 if the scale
/// is 0. Source: item-table v1, "Writing".
pub(super) fn code(number: f32, scale: f32) -> i8 {
    if scale > 0.0 { (f64::from(number) / f64::from(scale) + 0.5).floor().clamp(-127.0, 127.0) as i8 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_by_strength_whatever_the_sign() {
        let lists = NeighbourLists::new(
            vec![vec![(1, 0.1), (2, -0.5), (3, 0.5), (0, 9.0), (7, 9.0)], vec![], vec![], vec![]],
            2,
        );
        assert_eq!(lists.of(0), [(2, -0.5), (3, 0.5)]);
        assert_eq!((lists.of(1).len(), lists.of(44).len(), lists.n_neighbours()), (0, 0, 2));
        let none = NeighbourLists::new(vec![vec![(1, f32::NAN), (1, 0.0)], vec![(0, f32::INFINITY)]], 5);
        assert_eq!(none.n_neighbours(), 0);
        assert_eq!(NeighbourLists::new(vec![vec![(1, 1.0)], vec![]], 0).n_neighbours(), 0);
    }

    #[test]
    fn factors_belong_to_what_is_recommended() {
        let lists = NeighbourLists::new(vec![vec![(1, 0.5), (2, 0.4)], vec![], vec![]], 2);
        assert_eq!(lists.scaled(&[1.0, 0.5, 1.0], 1).of(0), [(2, 0.4)]);
        assert_eq!(lists.scaled(&[], 1).n_neighbours(), 0);
    }

    #[test]
    fn lists_are_turned_and_mixed() {
        let one = NeighbourLists::new(vec![vec![(1, 0.5), (2, 0.4)], vec![(2, -1.0)], vec![]], 9);
        assert_eq!(one.transposed().as_slice(), [vec![], vec![(0, 0.5)], vec![(1, -1.0), (0, 0.4)]]);
        assert_eq!(one.transposed().transposed(), one);
        let other = NeighbourLists::new(vec![vec![(2, 0.4)], vec![(2, 0.5)], vec![(0, 3.0)]], 9);
        let mixed = NeighbourLists::mixed(&[(&one, 1.0), (&other, 2.0)], 1);
        assert_eq!(mixed.as_slice(), [vec![(2, 1.2)], vec![], vec![(0, 6.0)]]);
        assert!(NeighbourLists::mixed(&[], 5).as_slice().is_empty());
        let past = [Own::now(0), Own::now(1)];
        assert!((one.mean_highest([&past[..], &past[..1]].into_iter()) - 0.5).abs() < 1e-7);
        assert_eq!(one.mean_highest(std::iter::empty()), 1.0);
    }

    #[test]
    fn coarse_weights_are_near() {
        let lists = NeighbourLists::new(vec![vec![(1, 0.5), (2, -0.3), (3, 0.001)], vec![], vec![], vec![]], 9);
        let coarse = lists.coarse();
        assert_eq!(coarse.of(0).len(), 2);
        assert!(
            coarse.of(0).iter().zip(lists.of(0)).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() <= 0.5 / 127.0 / 2.0)
        );
        assert_eq!(coarse.coarse(), coarse);
    }
}
