//! One half of a round: the best vectors of one side, while those of the other stand still.
//!
//! For a row with the items `u`, confidences `c` and `d = c - 1`, the vector solves `(G + Y_u' D Y_u) x = Y_u' c`, with
//! `G = Y'Y + regularisation I`. A short row is solved exactly: with `Z = Y G^-1` and `K = Y_u Z_u'` the answer is
//! `x = Z_u' (D^-1 + K)^-1 D^-1 c`, a system as small as the row. A long row takes a few steps of conjugate gradients from
//! where it was.

use super::super::RecommendError;
use super::super::interactions::Interactions;
use rayon::prelude::*;

/// Steps of conjugate gradients for a long row.
const STEPS: usize = 3;
/// Rows that are added up together. Fixed: it decides how sums are rounded.
const ROWS_TOGETHER: usize = 256;

/// Vectors of one side, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Side {
    pub(super) n_factors: usize,
    pub(super) values: Vec<f32>,
}

/// What is the same for all rows of a half round.
struct Other<'a> {
    n_factors: usize,
    /// `Y`.
    values: &'a [f32],
    /// `G`, row by row.
    gram: Vec<f32>,
    /// `Z = Y G^-1`.
    solved: Vec<f32>,
    alpha: f32,
    /// Rows up to this length are solved exactly.
    exact_max: usize,
}

/// Numbers that a thread keeps from row to row.
#[derive(Default)]
struct Scratch {
    system: Vec<f32>,
    answer: Vec<f32>,
    residual: Vec<f32>,
    direction: Vec<f32>,
    image: Vec<f32>,
}

impl Side {
    pub(super) fn len(&self) -> u32 {
        (self.values.len() / self.n_factors) as u32
    }

    pub(super) fn get(&self, row: u32) -> Option<&[f32]> {
        let begin = row as usize * self.n_factors;
        self.values.get(begin..begin + self.n_factors)
    }

    /// Finds the vectors of the rows, given those of the columns.
    pub(super) fn solve(
        &mut self,
        rows: &Interactions,
        columns: &Side,
        regularisation: f64,
        alpha: f64,
    ) -> Result<(), RecommendError> {
        let n_factors = self.n_factors;
        let gram = gram(columns, regularisation);
        let runaway = RecommendError::Runaway { regularisation };
        let solved = times_inverse(columns, &gram).ok_or(runaway.clone())?;
        let other = Other {
            n_factors,
            values: &columns.values,
            gram: gram.iter().map(|value| *value as f32).collect(),
            solved,
            alpha: alpha as f32,
            exact_max: (n_factors / 2).max(8),
        };
        self.values.par_chunks_mut(n_factors).enumerate().with_min_len(64).for_each_init(
            Scratch::default,
            |scratch, (row, vector)| {
                let (items, weights) = rows.row(row as u32);
                if items.len() <= other.exact_max {
                    other.exact(items, weights, vector, scratch);
                } else {
                    other.gradients(items, weights, vector, scratch);
                }
            },
        );
        if self.values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(runaway) }
    }
}

impl Other<'_> {
    fn row<'a>(&self, values: &'a [f32], item: u32) -> &'a [f32] {
        let begin = item as usize * self.n_factors;
        &values[begin..begin + self.n_factors]
    }

    /// The answer through a system as small as the row.
    fn exact(&self, items: &[u32], weights: &[f32], vector: &mut [f32], scratch: &mut Scratch) {
        let n = items.len();
        let Scratch { system, answer, .. } = scratch;
        system.clear();
        system.resize(n * n, 0.0);
        answer.clear();
        for (at, (item, weight)) in items.iter().zip(weights).enumerate() {
            let surer = self.alpha * weight;
            for (before, other) in items.iter().take(at + 1).enumerate() {
                system[at * n + before] = dot(self.row(self.values, *item), self.row(&self.solved, *other));
            }
            system[at * n + at] += 1.0 / surer;
            answer.push((1.0 + surer) / surer);
        }
        solve_lower(system, answer);
        vector.fill(0.0);
        for (item, by) in items.iter().zip(answer.iter()) {
            add(vector, *by, self.row(&self.solved, *item));
        }
    }

    /// A few steps from where the vector was.
    fn gradients(&self, items: &[u32], weights: &[f32], vector: &mut [f32], scratch: &mut Scratch) {
        let Scratch { residual, direction, image, .. } = scratch;
        residual.clear();
        residual.resize(self.n_factors, 0.0);
        self.times_gram(vector, residual);
        residual.iter_mut().for_each(|value| *value = -*value);
        for (item, weight) in items.iter().zip(weights) {
            let (surer, other) = (self.alpha * weight, self.row(self.values, *item));
            add(residual, 1.0 + surer - surer * dot(other, vector), other);
        }
        direction.clone_from(residual);
        image.clear();
        image.resize(self.n_factors, 0.0);
        let mut left = dot(residual, residual);
        for _ in 0..STEPS {
            if left < 1e-20 {
                break;
            }
            self.times_gram(direction, image);
            for (item, weight) in items.iter().zip(weights) {
                let other = self.row(self.values, *item);
                add(image, self.alpha * weight * dot(other, direction), other);
            }
            let step = left / dot(direction, image);
            add(vector, step, direction);
            add(residual, -step, image);
            let now = dot(residual, residual);
            let keep = now / left;
            for (value, residual) in direction.iter_mut().zip(residual.iter()) {
                *value = residual + keep * *value;
            }
            left = now;
        }
    }

    fn times_gram(&self, vector: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        // The matrix equals its mirror image, so rows can be added up instead of columns.
        for (row, by) in self.gram.chunks_exact(self.n_factors).zip(vector) {
            add(out, *by, row);
        }
    }
}

/// `Y'Y + regularisation I`, row by row.
fn gram(side: &Side, regularisation: f64) -> Vec<f64> {
    let n = side.n_factors;
    let parts: Vec<Vec<f32>> = side
        .values
        .par_chunks(n * ROWS_TOGETHER)
        .map(|rows| {
            let mut part = vec![0.0_f32; n * n];
            for row in rows.chunks_exact(n) {
                for (at, by) in row.iter().enumerate() {
                    add(&mut part[at * n + at..(at + 1) * n], *by, &row[at..]);
                }
            }
            part
        })
        .collect();
    let mut gram = vec![0.0_f64; n * n];
    for part in parts {
        gram.iter_mut().zip(part).for_each(|(sum, value)| *sum += f64::from(value));
    }
    for at in 0..n {
        gram[at * n + at] += regularisation;
        for before in 0..at {
            gram[at * n + before] = gram[before * n + at];
        }
    }
    gram
}

/// `Y G^-1`; none if the matrix cannot be factored.
fn times_inverse(side: &Side, gram: &[f64]) -> Option<Vec<f32>> {
    let n = side.n_factors;
    // The factor of Cholesky, then the inverse column by column. `n` is small.
    let mut lower = gram.to_vec();
    for row in 0..n {
        for column in 0..=row {
            let before: f64 = (0..column).map(|at| lower[row * n + at] * lower[column * n + at]).sum();
            let rest = lower[row * n + column] - before;
            lower[row * n + column] = match row == column {
                true if rest > 0.0 && rest.is_finite() => rest.sqrt(),
                true => return None,
                false => rest / lower[column * n + column],
            };
        }
    }
    let mut inverse = vec![0.0_f32; n * n];
    let mut answer = vec![0.0_f64; n];
    for unit in 0..n {
        for row in 0..n {
            let before: f64 = (0..row).map(|at| lower[row * n + at] * answer[at]).sum();
            answer[row] = (f64::from(u8::from(row == unit)) - before) / lower[row * n + row];
        }
        for row in (0..n).rev() {
            let after: f64 = (row + 1..n).map(|at| lower[at * n + row] * answer[at]).sum();
            answer[row] = (answer[row] - after) / lower[row * n + row];
        }
        for (at, value) in answer.iter().enumerate() {
            inverse[unit * n + at] = *value as f32;
        }
    }
    let mut solved = vec![0.0_f32; side.values.len()];
    solved.par_chunks_mut(n).zip(side.values.par_chunks(n)).with_min_len(64).for_each(|(out, row)| {
        for (line, by) in inverse.chunks_exact(n).zip(row) {
            add(out, *by, line);
        }
    });
    Some(solved)
}

/// Solves a system in place, of which the lower triangle is given, row by row.
fn solve_lower(system: &mut [f32], answer: &mut [f32]) {
    let n = answer.len();
    for row in 0..n {
        for column in 0..=row {
            let before = dot(&system[row * n..row * n + column], &system[column * n..column * n + column]);
            let rest = system[row * n + column] - before;
            // A diagonal that is lost to rounding makes the vector not finite, which the caller finds.
            system[row * n + column] = if row == column { rest.sqrt() } else { rest / system[column * n + column] };
        }
        let before = dot(&system[row * n..row * n + row], &answer[..row]);
        answer[row] = (answer[row] - before) / system[row * n + row];
    }
    for row in (0..n).rev() {
        answer[row] /= system[row * n + row];
        let by = -answer[row];
        let (done, _) = answer.split_at_mut(row);
        add(done, by, &system[row * n..row * n + row]);
    }
}

/// The product of two vectors. Eight sums side by side, so that the compiler may use wide registers: without them the
/// order of adding would be fixed one by one.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

/// Adds a multiple of a vector.
fn add(out: &mut [f32], by: f32, values: &[f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += by * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways must satisfy the equations of the row.
    #[test]
    fn short_and_long_rows_solve_the_same_equations() {
        let n_factors = 6;
        let n_columns = 40_u32;
        let value = |at: usize| ((at * 7919 % 101) as f32 / 101.0 - 0.5) * 0.8;
        let columns = Side { n_factors, values: (0..n_columns as usize * n_factors).map(value).collect() };
        let row = |n: u32| (0..n).map(|at| (0, at * 40 / n, 0.5 + at as f32 / 20.0)).collect::<Vec<_>>();
        for n in [1, 5, 8, 9, 20, 40] {
            let rows = Interactions::new(1, n_columns, row(n)).unwrap();
            let mut side = Side { n_factors, values: vec![0.01; n_factors] };
            for _ in 0..30 {
                side.solve(&rows, &columns, 0.3, 5.0).unwrap();
            }
            let x = &side.values;
            let gram = gram(&columns, 0.3);
            for at in 0..n_factors {
                let mut gap: f64 = (0..n_factors).map(|to| gram[at * n_factors + to] * f64::from(x[to])).sum();
                for (item, weight) in rows.entries(0) {
                    let y = columns.get(item).unwrap();
                    let surer = 5.0 * weight;
                    gap += f64::from((surer * dot(y, x) - (1.0 + surer)) * y[at]);
                }
                assert!(gap.abs() < 2e-3, "{n} items, factor {at}: {gap}");
            }
        }
    }
}
