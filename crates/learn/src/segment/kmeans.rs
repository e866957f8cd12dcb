//! k-means: greedy k-means++ starts, Lloyd's iterations, and an order of groups that stays.

use std::cmp::Ordering;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::distance::{Lanes, squared};
use super::scale::storable;
use super::{BLOCK_ROWS, Rows, SegmentError};
use crate::resample::Stream;

/// Iterations of one start after which it counts as done.
const ITERATIONS_MAX: u32 = 300;
/// A start is done when the centres move less than this share of the mean variance of a column (squared lengths).
const MOVE_SHARE: f64 = 1e-4;

/// Groups of rows around centres.
///
/// Groups are numbered by size, largest first (equal ones by centre, largest first), so that equal rows give equal numbers whatever the start was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    /// Columns of a row.
    pub n_cols: usize,
    /// Centre by centre, `k * n_cols` values, in the units of the rows that were fitted.
    pub centres: Vec<f64>,
    /// Rows of each group, of those that were fitted.
    pub sizes: Vec<u64>,
    /// Sum of squared distances of the fitted rows to their centres.
    pub inertia: f64,
    /// Iterations of the start that was kept.
    pub n_iterations: u32,
    /// Whether that start came to rest before the limit of 300 iterations.
    pub has_converged: bool,
    /// Group of each fitted row; not stored.
    #[serde(skip)]
    pub assignment: Vec<u32>,
}

impl KMeans {
    /// The best of `n_starts` runs (least inertia; of equal ones the first).
    ///
    /// Starts are greedy k-means++ (D. Arthur, S. Vassilvitskii 2007; 2 + ln k candidates for each centre, the one that lowers the
    /// inertia most is kept). A run ends when no row changes its group, when the centres move less than 1e-4 of the mean
    /// variance, or after 300 iterations. A group that loses all rows restarts at the row farthest from its centre.
    /// Deterministic in `rows` (with their order), `k`, `n_starts` and `seed`, whatever the number of threads.
    ///
    /// Errors: [`SegmentError::NotFinite`], [`SegmentError::BadK`], [`SegmentError::Zero`], [`SegmentError::TooFewDistinct`],
    /// those of [`Rows::new`].
    pub fn fit(rows: &Rows, k: usize, n_starts: usize, seed: u64) -> Result<Self, SegmentError> {
        rows.check_finite()?;
        if k == 0 || k > rows.n_rows() {
            return Err(SegmentError::BadK { k, n_rows: rows.n_rows() });
        }
        if n_starts == 0 {
            return Err(SegmentError::Zero { setting: "n_starts" });
        }
        let rest = MOVE_SHARE * mean_variance(rows);
        let mut best: Option<Self> = None;
        for start in 0..n_starts as u64 {
            let mut stream = Stream::numbered(seed, "kmeans.start", start);
            let centres = plus_plus(rows, k, &mut stream)?;
            let run = lloyd(rows, centres, rest);
            if best.as_ref().is_none_or(|best| run.inertia < best.inertia) {
                best = Some(run);
            }
        }
        let mut best = best.ok_or(SegmentError::Zero { setting: "n_starts" })?;
        let order = best.order(|a, b| {
            let size = |idx: usize| best.sizes.get(idx).copied().unwrap_or(0);
            size(b).cmp(&size(a)).then_with(|| compare(best.centre(b), best.centre(a)))
        });
        best.renumber(&order);
        Ok(best)
    }

    /// Number of groups.
    #[must_use]
    pub fn k(&self) -> usize {
        self.centres.len().checked_div(self.n_cols).unwrap_or(0)
    }

    /// The centre of a group; empty if there is no such group.
    #[must_use]
    pub fn centre(&self, group: usize) -> &[f64] {
        let start = group.saturating_mul(self.n_cols);
        self.centres.get(start..start.saturating_add(self.n_cols)).unwrap_or_default()
    }

    /// The group of each row: the nearest centre, of equally near ones the first. Rows must be scaled as the fitted ones were.
    ///
    /// Errors: [`SegmentError::Length`] if they have another number of columns, [`SegmentError::NotFinite`].
    pub fn assign(&self, rows: &Rows) -> Result<Vec<u32>, SegmentError> {
        rows.check_finite()?;
        if rows.n_cols != self.n_cols {
            return Err(SegmentError::Length {
                what: "columns of the rows to assign",
                expected: self.n_cols,
                found: rows.n_cols,
            });
        }
        let lanes = Lanes::new(&self.centres, self.n_cols);
        Ok(rows.values.par_chunks(self.n_cols).with_min_len(BLOCK_ROWS).map(|row| lanes.nearest(row).0).collect())
    }

    /// Numbers the groups by the value of their centres in one column, largest first.
    ///
    /// For example by money, so that group 0 is always the one that spends most. A column that does not exist changes nothing.
    pub fn renumber_by_column(&mut self, col_idx: usize) {
        let value = |group: usize| self.centre(group).get(col_idx).copied().unwrap_or(0.0);
        let order = self.order(|a, b| value(b).total_cmp(&value(a)));
        self.renumber(&order);
    }

    /// Numbers the groups like the groups of an earlier build that they are closest to, so that names stay.
    ///
    /// Of all pairs of a new and an earlier centre the closest is joined, then the closest of the rest, and so on; new groups
    /// without partner come last, in their own order. Returns for each group, by its new number, the squared distance to its
    /// partner: `None` for a group without. Both must be scaled alike.
    ///
    /// Errors: [`SegmentError::Length`] if the columns differ.
    pub fn renumber_like(&mut self, earlier: &Self) -> Result<Vec<Option<f64>>, SegmentError> {
        if earlier.n_cols != self.n_cols {
            return Err(SegmentError::Length {
                what: "columns of the earlier groups",
                expected: self.n_cols,
                found: earlier.n_cols,
            });
        }
        let mut pairs: Vec<(f64, usize, usize)> = (0..self.k())
            .flat_map(|new| (0..earlier.k()).map(move |old| (new, old)))
            .map(|(new, old)| (squared(self.centre(new), earlier.centre(old)), old, new))
            .collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut joined: Vec<(usize, usize, f64)> = Vec::new();
        for (distance, old, new) in pairs {
            if joined.iter().all(|(other_old, other_new, _)| *other_old != old && *other_new != new) {
                joined.push((old, new, distance));
            }
        }
        joined.sort_by_key(|(old, _, _)| *old);
        let lonely = (0..self.k()).filter(|new| joined.iter().all(|(_, other, _)| other != new));
        let order: Vec<usize> = joined.iter().map(|(_, new, _)| *new).chain(lonely).collect();
        let mut distances: Vec<Option<f64>> = joined.iter().map(|(_, _, distance)| Some(*distance)).collect();
        distances.resize(self.k(), None);
        self.renumber(&order);
        Ok(distances)
    }

    fn order(&self, compare: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.k()).collect();
        order.sort_by(|a, b| compare(*a, *b));
        order
    }

    /// `order`: which old group comes at each new number.
    fn renumber(&mut self, order: &[usize]) {
        let mut new_of_old = vec![0u32; order.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(place) = new_of_old.get_mut(*old) {
                *place = new as u32;
            }
        }
        self.centres = order.iter().flat_map(|old| self.centre(*old)).copied().collect();
        self.sizes = order.iter().filter_map(|old| self.sizes.get(*old)).copied().collect();
        for group in &mut self.assignment {
            *group = new_of_old.get(*group as usize).copied().unwrap_or(*group);
        }
    }
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Mean over the columns of their variances.
fn mean_variance(rows: &Rows) -> f64 {
    let n = rows.n_rows() as f64;
    let columns = (0..rows.n_cols).map(|col| {
        let values = || rows.values.iter().skip(col).step_by(rows.n_cols);
        let mean = values().sum::<f64>() / n;
        values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n
    });
    columns.sum::<f64>() / rows.n_cols as f64
}

/// A row that may become a centre, and how far all rows would then be from their nearest one.
struct Candidate {
    total: f64,
    centre: Vec<f64>,
    nearest: Vec<f64>,
    sums: Vec<f64>,
}

/// Greedy k-means++: centres among the rows, far ones more likely.
fn plus_plus(rows: &Rows, k: usize, stream: &mut Stream) -> Result<Vec<f64>, SegmentError> {
    let n_candidates = 2 + libm::log(k as f64) as usize;
    let mut centres = rows.row(stream.index(rows.n_rows())).to_vec();
    let mut nearest = vec![f64::INFINITY; rows.n_rows()];
    let mut block_sums = closer(rows, &centres, &mut nearest);
    for n_chosen in 1..k {
        let total: f64 = block_sums.iter().sum();
        if total <= 0.0 {
            return Err(SegmentError::TooFewDistinct { k, n_distinct: n_chosen });
        }
        let mut best: Option<Candidate> = None;
        for _ in 0..n_candidates {
            let candidate = rows.row(draw(&nearest, &block_sums, stream.unit() * total)).to_vec();
            let mut then_nearest = nearest.clone();
            let then_sums = closer(rows, &candidate, &mut then_nearest);
            let then_total: f64 = then_sums.iter().sum();
            if best.as_ref().is_none_or(|best| then_total < best.total) {
                best = Some(Candidate { total: then_total, centre: candidate, nearest: then_nearest, sums: then_sums });
            }
        }
        if let Some(best) = best {
            centres.extend(best.centre);
            (nearest, block_sums) = (best.nearest, best.sums);
        }
    }
    Ok(centres)
}

/// Lowers `nearest` to the squared distance to `centre` where that is closer; gives the sum of each block.
fn closer(rows: &Rows, centre: &[f64], nearest: &mut [f64]) -> Vec<f64> {
    rows.values
        .par_chunks(BLOCK_ROWS * rows.n_cols)
        .zip(nearest.par_chunks_mut(BLOCK_ROWS))
        .map(|(block, nearest)| {
            let mut sum = 0.0;
            for (row, nearest) in block.chunks_exact(rows.n_cols).zip(nearest) {
                *nearest = nearest.min(squared(row, centre));
                sum += *nearest;
            }
            sum
        })
        .collect()
}

/// The row in which the running sum of `weights` passes `point`; the last row with any weight if rounding leaves none.
fn draw(weights: &[f64], block_sums: &[f64], mut point: f64) -> usize {
    let mut last = 0;
    for (block_idx, (block, sum)) in weights.chunks(BLOCK_ROWS).zip(block_sums).enumerate() {
        if point >= *sum {
            point -= sum;
            if let Some(place) = block.iter().rposition(|weight| *weight > 0.0) {
                last = block_idx * BLOCK_ROWS + place;
            }
            continue;
        }
        for (place, weight) in block.iter().enumerate() {
            if *weight > 0.0 {
                last = block_idx * BLOCK_ROWS + place;
                if point < *weight {
                    return last;
                }
            }
            point -= weight;
        }
        return last;
    }
    last
}

/// What one pass over the rows finds; blocks are joined in their order.
struct Pass {
    sums: Vec<f64>,
    counts: Vec<u64>,
    inertia: f64,
    n_changed: usize,
}

fn pass(rows: &Rows, centres: &[f64], assignment: &mut [u32], distances: &mut [f64]) -> Pass {
    let n_cols = rows.n_cols;
    let lanes = Lanes::new(centres, n_cols);
    let k = centres.len() / n_cols;
    let empty = || Pass { sums: vec![0.0; centres.len()], counts: vec![0; k], inertia: 0.0, n_changed: 0 };
    let blocks: Vec<Pass> = rows
        .values
        .par_chunks(BLOCK_ROWS * n_cols)
        .zip(assignment.par_chunks_mut(BLOCK_ROWS))
        .zip(distances.par_chunks_mut(BLOCK_ROWS))
        .map(|((block, assignment), distances)| {
            let mut found = empty();
            for ((row, group), distance) in block.chunks_exact(n_cols).zip(assignment).zip(distances) {
                let (nearest, squared) = lanes.nearest(row);
                found.n_changed += usize::from(*group != nearest);
                found.inertia += squared;
                (*group, *distance) = (nearest, squared);
                let nearest = nearest as usize;
                if let Some(count) = found.counts.get_mut(nearest) {
                    *count += 1;
                }
                for (sum, value) in found.sums.iter_mut().skip(nearest * n_cols).zip(row) {
                    *sum += value;
                }
            }
            found
        })
        .collect();
    blocks.into_iter().fold(empty(), |mut all, block| {
        all.sums.iter_mut().zip(block.sums).for_each(|(all, block)| *all += block);
        all.counts.iter_mut().zip(block.counts).for_each(|(all, block)| *all += block);
        all.inertia += block.inertia;
        all.n_changed += block.n_changed;
        all
    })
}

fn lloyd(rows: &Rows, mut centres: Vec<f64>, rest: f64) -> KMeans {
    let n_cols = rows.n_cols;
    let mut assignment = vec![u32::MAX; rows.n_rows()];
    let mut distances = vec![0.0; rows.n_rows()];
    let (mut n_iterations, mut has_converged) = (0, false);
    while n_iterations < ITERATIONS_MAX && !has_converged {
        n_iterations += 1;
        let found = pass(rows, &centres, &mut assignment, &mut distances);
        let mut moved = 0.0;
        let mut has_empty = false;
        let groups = centres.chunks_exact_mut(n_cols).zip(found.sums.chunks_exact(n_cols)).zip(&found.counts);
        for ((centre, sums), count) in groups {
            if *count == 0 {
                has_empty = true;
                if let Some(row_idx) = farthest(&mut distances) {
                    centre.copy_from_slice(rows.row(row_idx));
                }
                continue;
            }
            for (value, sum) in centre.iter_mut().zip(sums) {
                let mean = sum / *count as f64;
                moved += (mean - *value) * (mean - *value);
                *value = mean;
            }
        }
        has_converged = !has_empty && (found.n_changed == 0 || moved <= rest);
    }
    // The centres have moved since the last pass: groups, sizes and inertia are those of the final ones, as they will be stored.
    centres.iter_mut().for_each(|value| *value = storable(*value));
    let found = pass(rows, &centres, &mut assignment, &mut distances);
    KMeans { n_cols, centres, sizes: found.counts, inertia: found.inertia, n_iterations, has_converged, assignment }
}

/// The row farthest from its centre (the first of equal ones), which then counts as near.
fn farthest(distances: &mut [f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (row_idx, distance) in distances.iter().enumerate() {
        if best.is_none_or(|(_, most)| *distance > most) {
            best = Some((row_idx, *distance));
        }
    }
    let (row_idx, _) = best?;
    *distances.get_mut(row_idx)? = 0.0;
    Some(row_idx)
}
