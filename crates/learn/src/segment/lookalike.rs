//! Customers who are like those of a group.

use rayon::prelude::*;
use serde::Serialize;

use super::{BLOCK_ROWS, SegmentError};
use crate::rank_features::RidgeLogistic;
use crate::resample::Stream;

/// Vectors of customers, one behind the other.
#[derive(Debug, Clone, Copy)]
pub enum Vectors<'a> {
    /// Quantised, as the item vectors' format stores them.
    I8(&'a [i8]),
    /// As learned. What is not finite counts as 0.
    F32(&'a [f32]),
}

/// How closeness to a seed group is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookalikeMethod {
    /// Cosine between a vector and the mean of the seed group's directions. For small groups of one kind.
    Centroid,
    /// Chance, by a logistic regression, of belonging to the seed group rather than to ten times as many others (500 at least).
    /// For groups of several kinds; it knows what sets the group apart, where the centroid only knows what it has.
    Logistic,
}

/// A customer outside the seed group, and how close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Match {
    /// Position of the vector.
    pub row_idx: usize,
    /// Cosine (-1 to 1) or chance (0 to 1). A chance is relative to the others drawn, not to all customers: it ranks, no more.
    pub score: f64,
}

/// The `n_top` vectors most like those of `seed_group` (positions), without the group itself, the closest first.
///
/// Vectors of zeros have no direction: they neither count for the group nor are ranked. Of equal scores the earlier vector comes
/// first. Every vector is compared, on all threads; `seed` only matters for [`LookalikeMethod::Logistic`].
///
/// Errors: [`SegmentError::NoColumns`], [`SegmentError::RaggedRows`], [`SegmentError::BadSeedMember`],
/// [`SegmentError::EmptySeedGroup`], [`SegmentError::NobodyElse`].
pub fn lookalikes(
    vectors: Vectors<'_>,
    n_dims: usize,
    seed_group: &[usize],
    n_top: usize,
    method: LookalikeMethod,
    seed: u64,
) -> Result<Vec<Match>, SegmentError> {
    let n_values = vectors.n_values();
    if n_dims == 0 {
        return Err(SegmentError::NoColumns);
    }
    if !n_values.is_multiple_of(n_dims) {
        return Err(SegmentError::RaggedRows { n_values, n_cols: n_dims });
    }
    let n_rows = n_values / n_dims;
    let mut is_seed = vec![false; n_rows];
    for member in seed_group {
        *is_seed.get_mut(*member).ok_or(SegmentError::BadSeedMember { found: *member, n_rows })? = true;
    }
    let members: Vec<Vec<f64>> = (0..n_rows)
        .filter(|row| is_seed.get(*row) == Some(&true))
        .filter_map(|row| vectors.unit(row, n_dims))
        .collect();
    if members.is_empty() {
        return Err(SegmentError::EmptySeedGroup);
    }
    let score: Box<Score> = match method {
        LookalikeMethod::Centroid => {
            let mut centre = vec![0.0; n_dims];
            for member in &members {
                centre.iter_mut().zip(member).for_each(|(sum, value)| *sum += value);
            }
            let length = centre.iter().map(|value| value * value).sum::<f64>().sqrt();
            // Directions that cancel each other out leave none.
            if length < 1e-12 {
                return Err(SegmentError::EmptySeedGroup);
            }
            Box::new(move |unit| unit.iter().zip(&centre).map(|(a, b)| a * b).sum::<f64>() / length)
        }
        LookalikeMethod::Logistic => {
            let model = against_others(vectors, n_dims, &is_seed, &members, seed)?;
            Box::new(move |unit| model.chance(unit))
        }
    };
    let mut matches: Vec<Match> = (0..n_rows)
        .into_par_iter()
        .with_min_len(BLOCK_ROWS)
        .filter(|row| is_seed.get(*row) == Some(&false))
        .filter_map(|row_idx| vectors.unit(row_idx, n_dims).map(|unit| Match { row_idx, score: score(&unit) }))
        .collect();
    if matches.is_empty() {
        return Err(SegmentError::NobodyElse);
    }
    let closest_first = |a: &Match, b: &Match| b.score.total_cmp(&a.score).then(a.row_idx.cmp(&b.row_idx));
    if n_top < matches.len() {
        matches.select_nth_unstable_by(n_top, closest_first);
        matches.truncate(n_top);
    }
    matches.sort_by(closest_first);
    Ok(matches)
}

/// Closeness of a direction.
type Score = dyn Fn(&[f64]) -> f64 + Sync;

fn against_others(
    vectors: Vectors<'_>,
    n_dims: usize,
    is_seed: &[bool],
    members: &[Vec<f64>],
    seed: u64,
) -> Result<RidgeLogistic, SegmentError> {
    let others: Vec<usize> = is_seed.iter().enumerate().filter(|(_, is_seed)| !**is_seed).map(|(row, _)| row).collect();
    let n_drawn = members.len().saturating_mul(10).max(500);
    let drawn = Stream::new(seed, "lookalikes.others").sample_indices(others.len(), n_drawn);
    let others: Vec<Vec<f64>> = drawn
        .iter()
        .filter_map(|place| others.get(*place))
        .filter_map(|row_idx| vectors.unit(*row_idx, n_dims))
        .collect();
    if others.is_empty() {
        return Err(SegmentError::NobodyElse);
    }
    let outcomes = members.iter().map(|_| true).chain(others.iter().map(|_| false));
    let examples: Vec<(&[f64], bool)> = members.iter().chain(&others).map(Vec::as_slice).zip(outcomes).collect();
    Ok(RidgeLogistic::fit(n_dims, &examples, 1.0))
}

impl Vectors<'_> {
    fn n_values(&self) -> usize {
        match self {
            Self::I8(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// The direction of a vector: length 1. `None` for zeros.
    fn unit(&self, row_idx: usize, n_dims: usize) -> Option<Vec<f64>> {
        let range = row_idx.checked_mul(n_dims)?..(row_idx + 1).checked_mul(n_dims)?;
        let mut vector: Vec<f64> = match self {
            Self::I8(values) => values.get(range)?.iter().map(|value| f64::from(*value)).collect(),
            Self::F32(values) => {
                values.get(range)?.iter().map(|value| if value.is_finite() { f64::from(*value) } else { 0.0 }).collect()
            }
        };
        let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length <= 0.0 {
            return None;
        }
        vector.iter_mut().for_each(|value| *value /= length);
        Some(vector)
    }
}
