//! EASE: a linear model that foretells each item of a customer from the others.
//!
//! With `G` the number of customers who bought each pair of items and `P = (G + lambda I)^-1`, the weight with which
//! item `i` speaks for item `j` is `-P[i][j] / P[j][j]`. Source: H. Steck, WWW 2019.

use super::Neighbour;
use crate::BuildError;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::{Mat, Par};
use std::num::NonZeroUsize;

/// Threads of the linear algebra. Fixed: how work is shared out decides how sums are rounded.
const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Who bought what together.
pub(super) struct Ease {
    n_buyers: Vec<u32>,
    /// The items with buyers enough, by position in the item table.
    items: Vec<u32>,
    /// `G` over `items`.
    together: Mat<f64>,
}

impl Ease {
    /// Counts customers by item and by pair of items. Each customer is a list of different items.
    pub(super) fn count(customers: impl Iterator<Item = Vec<u32>>, n_items: usize, buyers_min: u64) -> Self {
        let customers: Vec<Vec<u32>> = customers.collect();
        let mut n_buyers = vec![0_u32; n_items];
        for item_idx in customers.iter().flatten() {
            n_buyers[*item_idx as usize] += 1;
        }
        let items: Vec<u32> =
            (0..n_items as u32).filter(|idx| u64::from(n_buyers[*idx as usize]) >= buyers_min).collect();
        let mut places = vec![None; n_items];
        for (place, item_idx) in items.iter().enumerate() {
            places[*item_idx as usize] = Some(place);
        }
        let mut together = Mat::<f64>::zeros(items.len(), items.len());
        for customer in &customers {
            let own: Vec<usize> = customer.iter().filter_map(|item_idx| places[*item_idx as usize]).collect();
            for &column in &own {
                let column = together.col_mut(column).try_as_col_major_mut().map(|column| column.as_slice_mut());
                let Some(column) = column else { continue };
                for &row in &own {
                    column[row] += 1.0;
                }
            }
        }
        Self { n_buyers, items, together }
    }

    /// Customers who bought each item.
    pub(super) fn n_buyers(&self) -> &[u32] {
        &self.n_buyers
    }

    /// One list an item of the item table: the `per_item` strongest weights by absolute value, strongest first, equal
    /// ones by rising position. Items with too few buyers have none.
    pub(super) fn fit(&self, lambda: f64, per_item: usize) -> Result<Vec<Vec<Neighbour>>, BuildError> {
        let mut lists = vec![Vec::new(); self.n_buyers.len()];
        let inverse = self.inverse(lambda)?;
        for (row, item_idx) in self.items.iter().enumerate() {
            let mut list: Vec<Neighbour> = (0..self.items.len())
                .filter(|column| *column != row)
                .map(|column| {
                    // Only the lower triangle is there.
                    let pair = inverse[(row.max(column), row.min(column))];
                    (self.items[column], (-pair / inverse[(column, column)]) as f32)
                })
                .filter(|(_, weight)| *weight != 0.0)
                .collect();
            let strongest_first = |a: &Neighbour, b: &Neighbour| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
            if list.len() > per_item {
                list.select_nth_unstable_by(per_item, strongest_first);
                list.truncate(per_item);
            }
            list.sort_by(strongest_first);
            lists[*item_idx as usize] = list;
        }
        Ok(lists)
    }

    /// The lower triangle of `(G + lambda I)^-1`.
    fn inverse(&self, lambda: f64) -> Result<Mat<f64>, BuildError> {
        let n = self.items.len();
        let par = Par::Rayon(THREADS);
        let mut factor = self.together.clone();
        for idx in 0..n {
            factor[(idx, idx)] += lambda;
        }
        let mut inverse = Mat::zeros(n, n);
        if n == 0 {
            return Ok(inverse);
        }
        let need = llt::factor::cholesky_in_place_scratch::<f64>(n, par, Default::default());
        let mut memory = MemBuffer::new(need.or(llt::inverse::inverse_scratch::<f64>(n, par)));
        let stack = MemStack::new(&mut memory);
        llt::factor::cholesky_in_place(factor.as_mut(), Default::default(), par, stack, Default::default()).map_err(
            |error| BuildError::Neighbours { reason: format!("lambda {lambda}: {error:?}; choose a larger one") },
        )?;
        llt::inverse::inverse(inverse.as_mut(), factor.as_ref(), par, stack);
        Ok(inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two items bought by the same two of three customers, a third item by the third only.
    #[test]
    fn weights_are_those_of_the_formula() {
        let ease = Ease::count([vec![0, 1], vec![0, 1], vec![2]].into_iter(), 4, 1);
        assert_eq!(ease.n_buyers(), [2, 2, 1, 0]);
        let lists = ease.fit(1.0, 10).unwrap();
        // G + I = [[3, 2], [2, 3]]: the inverse is [[3, -2], [-2, 3]] / 5, so the weight is 2 / 3.
        assert_eq!(lists[0].len(), 1);
        assert_eq!(lists[0][0].0, 1);
        assert!((lists[0][0].1 - 2.0 / 3.0).abs() < 1e-6);
        assert!(lists[2].is_empty() && lists[3].is_empty());
        // With at least two buyers an item, the third is out.
        assert_eq!(Ease::count([vec![0, 1], vec![0, 1], vec![2]].into_iter(), 4, 2).items, [0, 1]);
    }

    #[test]
    fn only_the_strongest_are_kept_in_a_total_order() {
        let customers: Vec<Vec<u32>> = (0..60).map(|c| (0..12).filter(|i| (c * 7 + i * 5) % 3 < 2).collect()).collect();
        let all = Ease::count(customers.clone().into_iter(), 12, 1).fit(10.0, 11).unwrap();
        let few = Ease::count(customers.into_iter(), 12, 1).fit(10.0, 3).unwrap();
        for (all, few) in all.iter().zip(&few) {
            assert_eq!(&all[..3], &few[..]);
            assert!(all.windows(2).all(|pair| pair[0].1.abs() >= pair[1].1.abs()));
        }
    }
}
