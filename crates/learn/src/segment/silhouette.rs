//! How much closer rows are to their own group than to the next one.

use rayon::prelude::*;
use serde::Serialize;

use super::distance::squared;
use super::{Rows, SegmentError};
use crate::resample::Stream;

/// Silhouettes of a grouping.
///
/// A row's silhouette is (b - a) / max(a, b), with a its mean distance to the other rows of its group and b that to the rows of the
/// closest other group; 0 for the only row of a group. Range: -1 (wrong group) over 0 (between groups) to 1 (well apart).
/// Source: P. Rousseeuw, "Silhouettes" (1987).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Silhouette {
    /// Mean of all rows used.
    pub mean: f64,
    /// Mean by group; `None` for a group of which no row was used.
    pub by_group: Vec<Option<f64>>,
    /// Rows used, and compared with each other.
    pub n_rows_used: usize,
    /// Whether all rows were used; otherwise a sample was, and the figures vary a little with the seed.
    pub is_exact: bool,
}

/// Silhouettes of the groups `assignment` of `rows` (scaled as for k-means), with Euclidean distances.
///
/// Up to `rows_max` rows it is exact; beyond, a random sample of that many rows, drawn with `seed`, stands for all. Time and
/// comparisons grow with the square of the rows used.
///
/// Errors: [`SegmentError::Length`], [`SegmentError::OneGroup`], [`SegmentError::NotFinite`], those of [`Rows::new`].
pub fn silhouette(rows: &Rows, assignment: &[u32], rows_max: usize, seed: u64) -> Result<Silhouette, SegmentError> {
    rows.check_finite()?;
    if assignment.len() != rows.n_rows() {
        return Err(SegmentError::Length {
            what: "groups, one a row",
            expected: rows.n_rows(),
            found: assignment.len(),
        });
    }
    let is_exact = rows.n_rows() <= rows_max;
    let used = Stream::new(seed, "silhouette.sample").sample_indices(rows.n_rows(), rows_max);
    let rows = rows.pick(&used);
    let groups: Vec<u32> = used.iter().filter_map(|row_idx| assignment.get(*row_idx)).copied().collect();
    let k = assignment.iter().max().map_or(0, |group| *group as usize + 1);
    let mut sizes = vec![0u64; k];
    for group in &groups {
        if let Some(size) = sizes.get_mut(*group as usize) {
            *size += 1;
        }
    }
    let n_groups = sizes.iter().filter(|size| **size > 0).count();
    if n_groups < 2 {
        return Err(SegmentError::OneGroup { found: n_groups });
    }
    let silhouettes: Vec<f64> = rows
        .values
        .par_chunks(rows.n_cols)
        .zip(&groups)
        .map(|(row, group)| {
            let mut sums = vec![0.0; k];
            for (other, other_group) in rows.values.chunks_exact(rows.n_cols).zip(&groups) {
                if let Some(sum) = sums.get_mut(*other_group as usize) {
                    *sum += squared(row, other).sqrt();
                }
            }
            one(&sums, &sizes, *group as usize)
        })
        .collect();
    let mut sums = vec![0.0; k];
    for (group, silhouette) in groups.iter().zip(&silhouettes) {
        if let Some(sum) = sums.get_mut(*group as usize) {
            *sum += silhouette;
        }
    }
    let by_group = sums.iter().zip(&sizes).map(|(sum, size)| (*size > 0).then(|| sum / *size as f64)).collect();
    let mean = silhouettes.iter().sum::<f64>() / silhouettes.len() as f64;
    Ok(Silhouette { mean, by_group, n_rows_used: silhouettes.len(), is_exact })
}

/// The silhouette of a row of `own` group, from the sums of its distances to each group.
fn one(sums: &[f64], sizes: &[u64], own: usize) -> f64 {
    let mut a = 0.0;
    let mut b = f64::INFINITY;
    for (group, (sum, size)) in sums.iter().zip(sizes).enumerate() {
        if group == own {
            if *size < 2 {
                return 0.0;
            }
            a = sum / (*size - 1) as f64;
        } else if *size > 0 {
            b = b.min(sum / *size as f64);
        }
    }
    let most = a.max(b);
    if most > 0.0 { (b - a) / most } else { 0.0 }
}
