//! The solver of the regression: Newton's method with a search along each step, by hand.
//!
//! By hand and not with `faer`, since its sums depend on the width of the machine's vectors, and the problem is small: at most
//! 1,025 coefficients. Sums over rows run in fixed chunks of rows that are added up in order, whatever the number of threads.

use rayon::prelude::*;

use super::score::sigmoid;
use super::{ClassifyError, LogisticParams};

/// Chunks of rows at most; each holds a triangle of sums.
const CHUNKS_MAX: usize = 64;
const CHUNK_ROWS_MIN: usize = 2048;
/// The fit has settled when no slope is larger than this, per unit of weight.
const SLOPE_MAX: f64 = 1e-9;

/// Rows of a regression: each has one (slot, value) a feature, besides the constant in slot 0.
pub(super) struct Problem {
    pub n_coefficients: usize,
    pub n_features: usize,
    /// Row after row, rising within a row, from 1 on.
    pub slots: Vec<u32>,
    /// Beside `slots`.
    pub values: Vec<f64>,
    pub labels: Vec<bool>,
    pub weights: Vec<f64>,
}

pub(super) struct Solution {
    /// The constant first.
    pub coefficients: Vec<f64>,
    pub steps: u32,
    /// Mean loss of the rows.
    pub loss: f64,
}

/// Loss, its slopes, and its curvature as the rows of a lower triangle, one after the other.
struct Sums {
    loss: f64,
    slopes: Vec<f64>,
    curvature: Vec<f64>,
}

/// # Errors
/// [`ClassifyError::NotSettled`].
pub(super) fn minimise(problem: &Problem, params: &LogisticParams) -> Result<Solution, ClassifyError> {
    let n = problem.n_coefficients;
    let total: f64 = problem.weights.iter().sum();
    let mut at = vec![0.0; n];
    let mut objective = f64::INFINITY;
    let mut slope_max = f64::INFINITY;
    for step in 0..params.steps_max {
        let mut sums = problem.sums(&at);
        for slot in 1..n {
            add(&mut sums.slopes, slot, params.l2 * get(&at, slot));
            add(&mut sums.curvature, triangle(slot, slot), params.l2);
        }
        // Keeps the factor defined where all chances are 0 or 1 to the last bit.
        add(&mut sums.curvature, 0, 1e-10 * total);
        slope_max = (0..n).map(|slot| steepness(&sums.slopes, &at, slot, params.l1)).fold(0.0, f64::max) / total;
        let before = sums.loss + penalty(&at, params);
        // No slope left, or no gain that the sums can still show.
        let gained = objective - before;
        if slope_max <= SLOPE_MAX || (step > 0 && gained <= 1e-14 * before.abs() && slope_max <= 1e-6) {
            return Ok(Solution { coefficients: at, steps: step, loss: sums.loss / total });
        }
        objective = before;
        let direction = if params.l1 == 0.0 {
            newton_step(&mut sums.curvature, &sums.slopes)
        } else {
            shrunk_step(&sums.curvature, &sums.slopes, &at, params.l1)
        };
        let Some(next) = search(problem, params, &at, &direction, before) else {
            // The step goes downhill by construction: if no part of it helps, rounding has been reached.
            if slope_max <= 1e-6 {
                return Ok(Solution { coefficients: at, steps: step, loss: sums.loss / total });
            }
            return Err(ClassifyError::NotSettled { steps: step, slope_max });
        };
        at = next;
        if params.l1 > 0.0 {
            // What a step takes to 0 is there but for rounding.
            at.iter_mut().skip(1).filter(|c| c.abs() < 1e-12).for_each(|c| *c = 0.0);
        }
    }
    Err(ClassifyError::NotSettled { steps: params.steps_max, slope_max })
}

impl Problem {
    fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + Clone + '_ {
        let span = row * self.n_features..(row + 1) * self.n_features;
        let slots = self.slots.get(span.clone()).unwrap_or(&[]).iter();
        let values = self.values.get(span).unwrap_or(&[]).iter();
        std::iter::once((0, 1.0)).chain(slots.zip(values).map(|(slot, value)| (*slot as usize, *value)))
    }

    fn margin(&self, row: usize, at: &[f64]) -> f64 {
        self.row(row).map(|(slot, value)| get(at, slot) * value).sum()
    }

    fn outcome(&self, row: usize) -> (f64, f64) {
        let label = self.labels.get(row).copied().unwrap_or(false);
        (f64::from(u8::from(label)), get(&self.weights, row))
    }

    /// Spans of rows whose sums are taken apart. They depend on the number of rows alone.
    fn chunks(&self) -> Vec<std::ops::Range<usize>> {
        let n_rows = self.labels.len();
        let length = CHUNK_ROWS_MIN.max(n_rows.div_ceil(CHUNKS_MAX));
        (0..n_rows).step_by(length).map(|from| from..n_rows.min(from + length)).collect()
    }

    fn sums(&self, at: &[f64]) -> Sums {
        let n = self.n_coefficients;
        let parts: Vec<Sums> = self.chunks().into_par_iter().map(|rows| self.sums_of(rows, at)).collect();
        let mut all = Sums { loss: 0.0, slopes: vec![0.0; n], curvature: vec![0.0; triangle(n, 0)] };
        for part in parts {
            all.loss += part.loss;
            all.slopes.iter_mut().zip(part.slopes).for_each(|(sum, one)| *sum += one);
            all.curvature.iter_mut().zip(part.curvature).for_each(|(sum, one)| *sum += one);
        }
        all
    }

    fn sums_of(&self, rows: std::ops::Range<usize>, at: &[f64]) -> Sums {
        let n = self.n_coefficients;
        let mut sums = Sums { loss: 0.0, slopes: vec![0.0; n], curvature: vec![0.0; triangle(n, 0)] };
        let mut cells: Vec<(usize, f64)> = Vec::with_capacity(self.n_features + 1);
        for row in rows {
            cells.clear();
            cells.extend(self.row(row));
            let margin: f64 = cells.iter().map(|(slot, value)| get(at, *slot) * value).sum();
            let (label, weight) = self.outcome(row);
            let chance = sigmoid(margin);
            sums.loss += weight * loss(margin, label);
            let slope = weight * (chance - label);
            let bend = weight * chance * (1.0 - chance);
            for (place, (slot, value)) in cells.iter().enumerate() {
                add(&mut sums.slopes, *slot, slope * value);
                let (row_start, bend) = (triangle(*slot, 0), bend * value);
                let Some(line) = sums.curvature.get_mut(row_start..=row_start + slot) else { continue };
                for (other, other_value) in cells.iter().take(place + 1) {
                    add(line, *other, bend * other_value);
                }
            }
        }
        sums
    }

    fn loss(&self, at: &[f64]) -> f64 {
        let part = |rows: std::ops::Range<usize>| -> f64 {
            rows.map(|row| {
                let (label, weight) = self.outcome(row);
                weight * loss(self.margin(row, at), label)
            })
            .sum()
        };
        let parts: Vec<f64> = self.chunks().into_par_iter().map(part).collect();
        parts.iter().sum()
    }
}

/// Loss of one row in nats: `ln(1 + e^margin) - label * margin`, in a form that does not overflow.
pub(super) fn loss(margin: f64, label: f64) -> f64 {
    margin.max(0.0) + libm::log1p(libm::exp(-margin.abs())) - label * margin
}

fn penalty(at: &[f64], params: &LogisticParams) -> f64 {
    at.iter().skip(1).map(|c| 0.5 * params.l2 * c * c + params.l1 * c.abs()).sum()
}

/// Size of the slope in one coefficient; at 0 the penalty on sizes swallows slopes up to itself.
fn steepness(slopes: &[f64], at: &[f64], slot: usize, l1: f64) -> f64 {
    let (slope, value) = (get(slopes, slot), get(at, slot));
    if slot == 0 || l1 == 0.0 {
        slope.abs()
    } else if value == 0.0 {
        (slope.abs() - l1).max(0.0)
    } else {
        (slope + l1.copysign(value)).abs()
    }
}

/// The longest of the step, its half, its quarter, … that lowers the objective.
fn search(problem: &Problem, params: &LogisticParams, at: &[f64], direction: &[f64], before: f64) -> Option<Vec<f64>> {
    let mut length = 1.0;
    for _ in 0..40 {
        let next: Vec<f64> = at.iter().zip(direction).map(|(at, step)| at + length * step).collect();
        if problem.loss(&next) + penalty(&next, params) < before {
            return Some(next);
        }
        length *= 0.5;
    }
    None
}

/// `-curvature^-1 * slopes` by a Cholesky factor, which takes the curvature's place.
fn newton_step(curvature: &mut [f64], slopes: &[f64]) -> Vec<f64> {
    let n = slopes.len();
    for row in 0..n {
        let (done, rest) = curvature.split_at_mut(triangle(row, 0));
        let Some(line) = rest.get_mut(..=row) else { continue };
        for column in 0..row {
            let other = done.get(triangle(column, 0)..=triangle(column, column)).unwrap_or(&[]);
            let product: f64 = line.iter().zip(other).take(column).map(|(a, b)| a * b).sum();
            let pivot = get(other, column);
            if let Some(cell) = line.get_mut(column) {
                *cell = (*cell - product) / pivot;
            }
        }
        let squares: f64 = line.iter().take(row).map(|cell| cell * cell).sum();
        if let Some(pivot) = line.get_mut(row) {
            // Positive but for rounding, since each penalty is.
            *pivot = (*pivot - squares).max(1e-12).sqrt();
        }
    }
    let mut step: Vec<f64> = slopes.iter().map(|slope| -slope).collect();
    for row in 0..n {
        let line = curvature.get(triangle(row, 0)..=triangle(row, row)).unwrap_or(&[]);
        let product: f64 = line.iter().zip(&step).take(row).map(|(a, b)| a * b).sum();
        if let Some(cell) = step.get_mut(row) {
            *cell = (*cell - product) / get(line, row);
        }
    }
    for row in (0..n).rev() {
        let line = curvature.get(triangle(row, 0)..=triangle(row, row)).unwrap_or(&[]);
        let solved = get(&step, row) / get(line, row);
        for (cell, factor) in step.iter_mut().zip(line).take(row) {
            *cell -= factor * solved;
        }
        if let Some(cell) = step.get_mut(row) {
            *cell = solved;
        }
    }
    step
}

/// The step to the minimum of the curved approximation plus the penalty on sizes, one coefficient after the other.
fn shrunk_step(curvature: &[f64], slopes: &[f64], at: &[f64], l1: f64) -> Vec<f64> {
    let n = slopes.len();
    let bend = |a: usize, b: usize| get(curvature, triangle(a.max(b), a.min(b)));
    let mut step = vec![0.0; n];
    let mut slopes = slopes.to_vec();
    for _ in 0..1000 {
        let mut moved = 0.0_f64;
        for slot in 0..n {
            let own = bend(slot, slot);
            let here = get(at, slot) + get(&step, slot);
            let aim = own * here - get(&slopes, slot);
            let shrink = if slot == 0 { 0.0 } else { l1 };
            let there = (aim.abs() - shrink).max(0.0).copysign(aim) / own;
            let change = there - here;
            if change == 0.0 {
                continue;
            }
            add(&mut step, slot, change);
            for other in 0..n {
                add(&mut slopes, other, bend(other, slot) * change);
            }
            moved = moved.max(change.abs() * own.sqrt());
        }
        if moved < 1e-12 {
            break;
        }
    }
    step
}

/// Place of a cell in a lower triangle stored row after row; `row >= column`.
fn triangle(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

fn get(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or(0.0)
}

fn add(values: &mut [f64], place: usize, amount: f64) {
    if let Some(value) = values.get_mut(place) {
        *value += amount;
    }
}
