//! EASE: a linear model that foretells each item of a customer from the others.
//!
//! With `G` the sums over the customers of the products of the weights of each pair of items, and
//! `P = (G + lambda I)^-1`, the weight with which item `i` speaks for item `j` is `-P[i][j] / P[j][j]`. Source: H. Steck,
//! WWW 2019. Time and memory grow with the cube and the square of the number of items: up to about 10,000.

use super::RecommendError;
use super::interactions::Interactions;
use super::lists::{Neighbour, NeighbourLists, cut};
use super::ranker::{Own, Ranker};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::{MatMut, MatRef, Par};
use rayon::prelude::*;
use std::num::NonZeroUsize;

/// Threads of the linear algebra. Fixed: how work is shared out decides how sums are rounded.
const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// The most items that [`EaseCounts::new`] takes. Two matrices of this size need 6 GB.
pub const EASE_ITEMS_MAX: usize = 20_000;

/// Who bought what together: what does not depend on the regularisation.
#[derive(Clone, Debug)]
pub struct EaseCounts {
    n_items: usize,
    /// The items with buyers enough, by position in the item table.
    items: Vec<u32>,
    /// `G` over `items`, column by column: its lower triangle, zeros above it.
    together: Vec<f64>,
}

/// A fitted model.
#[derive(Clone, Debug)]
pub struct Ease {
    n_items: usize,
    items: Vec<u32>,
    /// What each item says of each other item, item by item. 0 for itself.
    weights: Vec<f64>,
}

impl EaseCounts {
    /// Counts pairs among the items that at least `buyers_min` customers bought.
    ///
    /// Errors: more than [`EASE_ITEMS_MAX`] such items.
    pub fn new(interactions: &Interactions, buyers_min: u32) -> Result<Self, RecommendError> {
        let n_items = interactions.n_items() as usize;
        let n_buyers = interactions.n_buyers();
        let items: Vec<u32> =
            (0_u32..).zip(&n_buyers).filter(|(_, n)| **n >= buyers_min.max(1)).map(|(item, _)| item).collect();
        if items.len() > EASE_ITEMS_MAX {
            return Err(RecommendError::TooManyItems { found: items.len(), max: EASE_ITEMS_MAX });
        }
        let columns = interactions.transposed();
        let mut together = vec![0.0; items.len() * items.len()];
        // Item by item, so that the sums that are added to fit into the nearest memory; customers by rising position, so that
        // every sum has one order.
        together.par_chunks_mut(items.len().max(1)).zip(&items).enumerate().for_each_init(
            || vec![0.0; n_items],
            |sums, (place, (column, item))| {
                sums.fill(0.0);
                for (user, by) in columns.entries(*item) {
                    let (others, weights) = interactions.row(user);
                    let from = others.partition_point(|other| other < item);
                    for (other, weight) in others.iter().zip(weights).skip(from) {
                        sums[*other as usize] += f64::from(*weight) * f64::from(by);
                    }
                }
                for (sum, other) in column.iter_mut().zip(&items).skip(place) {
                    *sum = sums[*other as usize];
                }
            },
        );
        Ok(Self { n_items, items, together })
    }

    /// Number of items with buyers enough.
    pub fn n_active(&self) -> usize {
        self.items.len()
    }

    /// Fits the model. Range of `lambda`: above 0; the larger, the more cautious.
    ///
    /// Errors: a `lambda` that is not finite and above 0, or so small that the matrix cannot be factored.
    pub fn fit(&self, lambda: f64) -> Result<Ease, RecommendError> {
        if !(lambda.is_finite() && lambda > 0.0) {
            return Err(RecommendError::Parameter { name: "lambda", found: lambda, rule: "is finite and above 0" });
        }
        let mut weights = self.inverse(lambda)?;
        let n = self.items.len();
        mirror(&mut weights, n);
        let diagonal: Vec<f64> = weights.iter().step_by(n + 1).copied().collect();
        weights.par_chunks_mut(n.max(1)).enumerate().for_each(|(item, says)| {
            says.iter_mut().zip(&diagonal).for_each(|(weight, by)| *weight = -*weight / by);
            says[item] = 0.0;
        });
        Ok(Ease { n_items: self.n_items, items: self.items.clone(), weights })
    }

    /// The lower triangle of `(G + lambda I)^-1`, column by column.
    fn inverse(&self, lambda: f64) -> Result<Vec<f64>, RecommendError> {
        let n = self.items.len();
        let par = Par::Rayon(THREADS);
        let mut inverse = vec![0.0; n * n];
        if n == 0 {
            return Ok(inverse);
        }
        let mut factor = MatRef::from_column_major_slice(&self.together, n, n).to_owned();
        for idx in 0..n {
            factor[(idx, idx)] += lambda;
        }
        let need = llt::factor::cholesky_in_place_scratch::<f64>(n, par, Default::default());
        let mut memory = MemBuffer::new(need.or(llt::inverse::inverse_scratch::<f64>(n, par)));
        let stack = MemStack::new(&mut memory);
        llt::factor::cholesky_in_place(factor.as_mut(), Default::default(), par, stack, Default::default())
            .map_err(|_| RecommendError::Singular { lambda })?;
        let lower = MatMut::from_column_major_slice_mut(&mut inverse, n, n);
        llt::inverse::inverse(lower, factor.as_ref(), par, stack);
        Ok(inverse)
    }
}

/// Fills the upper triangle with the lower one, tile by tile: what is read along is written across.
fn mirror(matrix: &mut [f64], n: usize) {
    const TILE: usize = 32;
    for left in (0..n).step_by(TILE) {
        for above in (left..n).step_by(TILE) {
            for column in left..(left + TILE).min(n) {
                for row in above.max(column + 1)..(above + TILE).min(n) {
                    matrix[row * n + column] = matrix[column * n + row];
                }
            }
        }
    }
}

impl Ease {
    /// The `per_item` strongest weights of each item by absolute value. Items with too few buyers have none.
    pub fn lists(&self, per_item: usize) -> NeighbourLists {
        self.scaled_lists(&[], per_item)
    }

    /// As [`Ease::lists`], with what is said of each item multiplied by a factor of that item before the cut. Shape of
    /// `factors`: one an item; no factor is 1.
    pub fn scaled_lists(&self, factors: &[f64], per_item: usize) -> NeighbourLists {
        let factors: Vec<f64> =
            self.items.iter().map(|item| factors.get(*item as usize).copied().unwrap_or(1.0)).collect();
        let of = |list: &mut Vec<Neighbour>, (says, item): (&[f64], &u32)| {
            list.clear();
            let weighed = says.iter().zip(&factors).map(|(weight, factor)| (weight * factor) as f32);
            list.extend(
                self.items.iter().copied().zip(weighed).filter(|(other, weight)| *weight != 0.0 && other != item),
            );
            cut(list, per_item);
            (*item, list.clone())
        };
        let cut: Vec<(u32, Vec<Neighbour>)> =
            self.weights.par_chunks(self.items.len().max(1)).zip(&self.items).map_init(Vec::new, of).collect();
        let mut lists = vec![Vec::new(); self.n_items];
        for (item, list) in cut {
            lists[item as usize] = list;
        }
        NeighbourLists::new(lists, per_item)
    }
}

impl Ranker for Ease {
    fn score(&self, own: &[Own], _user: Option<u32>, scores: &mut [f64]) {
        let n = self.items.len();
        let place = |own: &Own| self.items.binary_search(&own.item).ok();
        let say: Vec<&[f64]> =
            own.iter().filter_map(place).map(|place| &self.weights[place * n..(place + 1) * n]).collect();
        for (other, item) in self.items.iter().enumerate() {
            let sum: f64 = say.iter().map(|says| says[other]).sum();
            if let Some(score) = scores.get_mut(*item as usize) {
                *score += sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought(customers: &[&[u32]], n_items: u32) -> Interactions {
        let entries =
            customers.iter().zip(0..).flat_map(|(items, user)| items.iter().map(move |item| (user, *item, 1.0)));
        Interactions::new(customers.len() as u32, n_items, entries.collect()).unwrap()
    }

    /// Two items bought by the same two of three customers, a third item by the third only.
    #[test]
    fn weights_are_those_of_the_formula() {
        let interactions = bought(&[&[0, 1], &[0, 1], &[2]], 4);
        let ease = EaseCounts::new(&interactions, 1).unwrap().fit(1.0).unwrap();
        let lists = ease.lists(10);
        // G + I = [[3, 2], [2, 3]]: the inverse is [[3, -2], [-2, 3]] / 5, so the weight is 2 / 3.
        assert_eq!(lists.of(0).len(), 1);
        assert_eq!(lists.of(0)[0].0, 1);
        assert!((lists.of(0)[0].1 - 2.0 / 3.0).abs() < 1e-6);
        assert!(lists.of(2).is_empty() && lists.of(3).is_empty());
        // With at least two buyers an item, the third is out.
        assert_eq!(EaseCounts::new(&interactions, 2).unwrap().items, [0, 1]);
    }

    #[test]
    fn full_lists_score_as_the_model_does() {
        let customers: Vec<Vec<u32>> = (0..60).map(|c| (0..12).filter(|i| (c * 7 + i * 5) % 3 < 2).collect()).collect();
        let customers: Vec<&[u32]> = customers.iter().map(Vec::as_slice).collect();
        let ease = EaseCounts::new(&bought(&customers, 12), 1).unwrap().fit(10.0).unwrap();
        let (all, few) = (ease.lists(11), ease.lists(3));
        for item in 0..12 {
            assert_eq!(&all.of(item)[..3], few.of(item));
            assert!(all.of(item).windows(2).all(|pair| pair[0].1.abs() >= pair[1].1.abs()));
        }
        let own = [Own::now(0), Own::now(5)];
        let (mut full, mut summed) = (vec![0.0; 12], vec![0.0; 12]);
        ease.score(&own, None, &mut full);
        all.score(&own, None, &mut summed);
        assert!(full.iter().zip(&summed).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn what_cannot_be_fitted_says_why() {
        let counts = EaseCounts::new(&bought(&[&[0, 1]], 2), 1).unwrap();
        for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(counts.fit(lambda).unwrap_err().to_string().starts_with("`lambda` is"), "{lambda}");
        }
        let nothing = EaseCounts::new(&bought(&[], 3), 1).unwrap().fit(1.0).unwrap();
        assert_eq!(nothing.lists(5).n_neighbours(), 0);
    }
}
