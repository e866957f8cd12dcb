//! Item-based neighbours: items are alike when the same customers bought them.
//!
//! `dot(i, j) / (|i| |j| + shrinkage)` over the columns of the matrix. The shrinkage keeps pairs small that rest on few
//! customers. Needs no matrix of all pairs, so it is the default for large shops.

use super::RecommendError;
use super::interactions::Interactions;
use super::lists::{Neighbour, NeighbourLists, cut};
use rayon::prelude::*;

/// Each item keeps the `per_item` items that speak most for it, and no others: so that an item with many buyers does not
/// drown those with few, as it would if each kept the items that it speaks most for. The lists that are given are
/// those of the items that speak, as everywhere; one of them may therefore be longer than `per_item`. What goes into an
/// item table is cut once more, by [`NeighbourLists::scaled`].
///
/// Errors: a `shrinkage` that is not finite and at least 0.
pub fn item_cosine(
    interactions: &Interactions,
    shrinkage: f64,
    per_item: usize,
) -> Result<NeighbourLists, RecommendError> {
    if !(shrinkage.is_finite() && shrinkage >= 0.0) {
        let rule = "is finite and at least 0";
        return Err(RecommendError::Parameter { name: "shrinkage", found: shrinkage, rule });
    }
    let columns = interactions.transposed();
    let lengths: Vec<f64> = (0..columns.n_users()).map(|item| length(&columns, item)).collect();
    let n_items = interactions.n_items();
    let new_scratch = || (vec![0.0_f64; n_items as usize], Vec::new());
    let lists =
        (0..n_items).into_par_iter().map_init(new_scratch, |(sums, touched): &mut (Vec<f64>, Vec<u32>), item| {
            // Customers by rising position, so every sum has one order.
            for (user, by) in columns.entries(item) {
                for (other, weight) in interactions.entries(user) {
                    let sum = &mut sums[other as usize];
                    if *sum == 0.0 {
                        touched.push(other);
                    }
                    *sum += f64::from(by) * f64::from(weight);
                }
            }
            let mut list: Vec<Neighbour> = Vec::with_capacity(touched.len());
            for other in touched.drain(..) {
                let dot = std::mem::take(&mut sums[other as usize]);
                if other != item {
                    let cosine = dot / (lengths[item as usize] * lengths[other as usize] + shrinkage);
                    list.push((other, cosine as f32));
                }
            }
            cut(&mut list, per_item);
            list
        });
    Ok(NeighbourLists::new(lists.collect(), per_item).transposed())
}

/// The Euclidean length of a row.
pub(super) fn length(rows: &Interactions, row: u32) -> f64 {
    rows.entries(row).map(|(_, weight)| f64::from(weight) * f64::from(weight)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_those_of_the_formula() {
        let entries = vec![(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.0), (2, 0, 1.0), (2, 2, 1.0), (3, 2, 1.0)];
        let interactions = Interactions::new(4, 4, entries).unwrap();
        let plain = item_cosine(&interactions, 0.0, 5).unwrap();
        assert_eq!(plain.of(0).iter().map(|(item, _)| *item).collect::<Vec<_>>(), [1, 2]);
        assert!((f64::from(plain.of(0)[0].1) - 2.0 / 6.0_f64.sqrt()).abs() < 1e-6);
        assert!((f64::from(plain.of(2)[0].1) - 1.0 / 6.0_f64.sqrt()).abs() < 1e-6);
        assert!(plain.of(3).is_empty());
        let shrunk = item_cosine(&interactions, 10.0, 1).unwrap();
        assert!((f64::from(shrunk.of(0)[0].1) - 2.0 / (6.0_f64.sqrt() + 10.0)).abs() < 1e-6);
        // Item 0 speaks most for both others, and only item 1 speaks most for item 0.
        assert_eq!([0, 1, 2].map(|item| shrunk.of(item).len()), [2, 1, 0]);
    }

    #[test]
    fn shrinkage_is_checked() {
        let interactions = Interactions::new(1, 1, vec![]).unwrap();
        for shrinkage in [-1.0, f64::NAN, f64::INFINITY] {
            let error = item_cosine(&interactions, shrinkage, 5).unwrap_err().to_string();
            assert!(error.starts_with("`shrinkage` is"), "{error}");
        }
    }
}
