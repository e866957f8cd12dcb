//! Turning margins into chances that can be taken at their word: by a scaled logistic curve (Platt), by steps that never fall
//! (isotonic), or not at all, whatever loses least on scores that the curve was not fitted to.

use serde::Serialize;

use super::newton::loss;
use super::score::sigmoid;

/// Rows, and rows of the rarer outcome, from which on the isotonic curve is tried instead of Platt's.
const ISOTONIC_ROWS_MIN: usize = 2000;
const ISOTONIC_RARER_MIN: usize = 200;
/// Rows of a knot of the exported curve at least; also at least a hundredth of all rows.
const KNOT_ROWS_MIN: usize = 50;

/// A map from margins (log-odds) to chances. Made by [`super::Validation`]; numbers are single-precision, as exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Calibration {
    /// `1 / (1 + exp(-margin))`.
    None,
    /// `1 / (1 + exp(-(slope * margin + offset)))`.
    Platt {
        /// At least 0.
        slope: f32,
        /// Log-odds.
        offset: f32,
    },
    /// Straight lines between knots; flat before the first and after the last.
    Isotonic {
        /// Margins of the knots, rising, at least one.
        margins: Vec<f32>,
        /// Their chances, never falling, above 0 and below 1.
        chances: Vec<f32>,
    },
}

/// How one way to calibrate did on rows that it had not been fitted to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationTrial {
    /// `none`, `platt` or `isotonic`.
    pub method: &'static str,
    /// Mean loss of the rows in nats.
    pub log_loss: f64,
    /// Whether it was taken.
    pub is_chosen: bool,
}

/// One row to calibrate on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored {
    pub margin: f64,
    pub label: bool,
    pub weight: f64,
}

/// A step of an isotonic curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Block {
    /// Lowest score in it.
    pub from: f64,
    /// Highest score in it.
    pub until: f64,
    /// Weighted mean of its scores.
    pub mean_score: f64,
    /// Weighted share of outcome 1.
    pub rate: f64,
    /// Weight of its rows.
    pub weight: f64,
    /// Its rows.
    pub n_rows: usize,
}

/// Ways to calibrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Platt,
    Isotonic,
}

impl Method {
    /// What is worth a try for so many rows: nothing at all, and one curve that the rows can carry.
    pub fn candidates(n_rows: usize, n_positive: usize) -> [Method; 2] {
        let rarer = n_positive.min(n_rows - n_positive);
        let carries = n_rows >= ISOTONIC_ROWS_MIN && rarer >= ISOTONIC_RARER_MIN;
        [Method::None, if carries { Method::Isotonic } else { Method::Platt }]
    }

    pub fn name(self) -> &'static str {
        match self {
            Method::None => "none",
            Method::Platt => "platt",
            Method::Isotonic => "isotonic",
        }
    }

    pub fn fit(self, rows: &[Scored]) -> Calibration {
        match self {
            Method::None => Calibration::None,
            Method::Platt => platt(rows),
            Method::Isotonic => isotonic(rows),
        }
    }
}

/// The non-falling steps that are nearest to the outcomes (pool adjacent violators). Rows of equal score share a step; the
/// result does not depend on the order of rows. Rows whose score is NaN, or beyond the shortest slice, are left out.
pub fn isotonic_blocks(scores: &[f64], labels: &[bool], weights: &[f64]) -> Vec<Block> {
    let rows = scores.iter().zip(labels).zip(weights);
    let mut rows: Vec<Scored> = rows
        .map(|((margin, label), weight)| Scored { margin: margin + 0.0, label: *label, weight: *weight })
        .filter(|row| !row.margin.is_nan())
        .collect();
    rows.sort_by(|a, b| a.margin.total_cmp(&b.margin).then(a.label.cmp(&b.label)).then(a.weight.total_cmp(&b.weight)));
    let mut blocks: Vec<Block> = Vec::new();
    for row in rows {
        let rate = if row.label { 1.0 } else { 0.0 };
        let (from, weight) = (row.margin, row.weight);
        let own = Block { from, until: from, mean_score: from, rate, weight, n_rows: 1 };
        match blocks.last_mut().filter(|last| last.until == from && last.from == from) {
            Some(last) => *last = pooled(*last, own),
            None => {
                settle(&mut blocks);
                blocks.push(own);
            }
        }
    }
    settle(&mut blocks);
    blocks
}

/// Pools the last blocks until the last rate is above the one before.
fn settle(blocks: &mut Vec<Block>) {
    while let [.., before, last] = blocks.as_slice() {
        if before.rate < last.rate {
            return;
        }
        let pooled = pooled(*before, *last);
        blocks.truncate(blocks.len() - 2);
        blocks.push(pooled);
    }
}

fn pooled(a: Block, b: Block) -> Block {
    let weight = a.weight + b.weight;
    let mean = |of_a: f64, of_b: f64| (of_a * a.weight + of_b * b.weight) / weight;
    Block {
        from: a.from,
        until: b.until,
        mean_score: mean(a.mean_score, b.mean_score),
        rate: mean(a.rate, b.rate),
        weight,
        n_rows: a.n_rows + b.n_rows,
    }
}

fn isotonic(rows: &[Scored]) -> Calibration {
    let margins: Vec<f64> = rows.iter().map(|row| row.margin).collect();
    let labels: Vec<bool> = rows.iter().map(|row| row.label).collect();
    let weights: Vec<f64> = rows.iter().map(|row| row.weight).collect();
    let rows_min = KNOT_ROWS_MIN.max(rows.len() / 100);
    let mut knots: Vec<Block> = Vec::new();
    for block in isotonic_blocks(&margins, &labels, &weights) {
        match knots.last_mut().filter(|last| last.n_rows < rows_min) {
            Some(last) => *last = pooled(*last, block),
            None => knots.push(block),
        }
    }
    // The last knot may be small: it is pooled with the one before.
    if let [.., before, last] = knots.as_slice()
        && last.n_rows < rows_min
    {
        let pooled = pooled(*before, *last);
        knots.truncate(knots.len() - 2);
        knots.push(pooled);
    }
    // Nobody is certain: a curve may not say less than half a row's share.
    let least = 0.5 / (rows.len() as f64 + 1.0);
    let mut calibration = (Vec::new(), Vec::new());
    for knot in knots {
        let margin = knot.mean_score as f32;
        if calibration.0.last().is_none_or(|last| *last < margin) {
            calibration.0.push(margin);
            calibration.1.push(knot.rate.clamp(least, 1.0 - least) as f32);
        }
    }
    if calibration.0.is_empty() {
        return Calibration::None;
    }
    Calibration::Isotonic { margins: calibration.0, chances: calibration.1 }
}

/// Platt's curve: a regression of the outcome on the margin, with outcomes drawn in by one row's weight so that the curve stays
/// flat enough on separable margins.
fn platt(rows: &[Scored]) -> Calibration {
    let positive: f64 = rows.iter().filter(|row| row.label).map(|row| row.weight).sum();
    let negative: f64 = rows.iter().filter(|row| !row.label).map(|row| row.weight).sum();
    let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
    let aim = |row: &Scored| if row.label { high } else { low };
    let objective = |slope: f64, offset: f64| -> f64 {
        rows.iter().map(|row| row.weight * loss(slope * row.margin + offset, aim(row))).sum()
    };
    let mut at = (1.0, 0.0);
    let mut value = objective(at.0, at.1);
    for _ in 0..100 {
        // Slopes and curvature in (slope, offset).
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
        for row in rows {
            let chance = sigmoid(at.0 * row.margin + at.1);
            let off = row.weight * (chance - aim(row));
            let bend = row.weight * chance * (1.0 - chance);
            g0 += off * row.margin;
            g1 += off;
            h00 += bend * row.margin * row.margin;
            h01 += bend * row.margin;
            h11 += bend;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant.is_nan() || determinant <= 0.0 {
            break;
        }
        let step = (-(h11 * g0 - h01 * g1) / determinant, -(h00 * g1 - h01 * g0) / determinant);
        let mut length = 1.0;
        let mut better = None;
        while length > 1e-9 {
            let next = (at.0 + length * step.0, at.1 + length * step.1);
            let there = objective(next.0, next.1);
            if there < value {
                better = Some((next, there));
                break;
            }
            length *= 0.5;
        }
        let Some((next, there)) = better else { break };
        let gained = value - there;
        (at, value) = (next, there);
        if gained <= 1e-12 * value.abs() {
            break;
        }
    }
    if at.0 < 0.0 {
        // Higher margins with fewer outcomes: the best curve that does not fall is flat.
        let rate = (positive + 1.0) / (positive + negative + 2.0);
        return Calibration::Platt { slope: 0.0, offset: libm::log(rate / (1.0 - rate)) as f32 };
    }
    Calibration::Platt { slope: at.0 as f32, offset: at.1 as f32 }
}
