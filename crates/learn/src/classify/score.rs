//! Scoring one row, in a way that any other language can repeat to the bit.
//!
//! Only `+ - * /` and comparisons of double-precision numbers, in the order of `docs/formats/models.md`, and one `exp`:
//! `libm`'s, whose source is FreeBSD's `e_exp`, itself only `+ - * /`. Nothing here allocates or needs `std`.

use super::logistic::{code, margin, number};
use super::{Calibration, Export, Model, Node, Test, Tree};

/// The chance of outcome 1 for a row, calibrated.
///
/// `row` has one number a feature, in the export's order: the number itself, or the position of a category's value.
/// NaN, infinite and absurdly large numbers (beyond 1e30) are missing, other positions are the unknown value; so are the
/// features that a short row leaves out. What a long row has on top is ignored. Range of the result: 0 to 1.
pub fn score(export: &Export, row: &[f64]) -> f64 {
    let margin = match export.model() {
        Model::Logistic { intercept, terms } => margin(f64::from(*intercept), terms, row),
        Model::Trees { base, trees } => trees_margin(*base, trees, row),
    };
    export.calibration().chance(margin)
}

/// `1 / (1 + exp(-margin))`.
pub fn sigmoid(margin: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-margin))
}

pub(super) fn trees_margin(base: f32, trees: &[Tree], row: &[f64]) -> f64 {
    let mut sum = f64::from(base);
    for tree in trees {
        sum += f64::from(tree.value(row));
    }
    sum
}

impl Tree {
    /// What the leaf holds that a row falls into, log-odds.
    pub fn value(&self, row: &[f64]) -> f32 {
        let mut at = 0;
        // A checked tree leads to a leaf in fewer steps than it has nodes.
        for _ in 0..self.nodes.len() {
            match self.nodes.get(at) {
                None => return 0.0,
                Some(Node::Leaf(value)) => return *value,
                Some(Node::Split { feature, test, yes, no, missing }) => {
                    let value = row.get(*feature as usize).copied().unwrap_or(f64::NAN);
                    let next = match test.of(value) {
                        None => missing,
                        Some(true) => yes,
                        Some(false) => no,
                    };
                    at = *next as usize;
                }
            }
        }
        0.0
    }
}

impl Test {
    /// Whether a value passes; none if it is missing or unknown.
    fn of(&self, value: f64) -> Option<bool> {
        match self {
            Test::Below(limit) => number(value).map(|value| value < f64::from(*limit)),
            Test::Among { codes, n_values } => {
                let code = code(value).filter(|code| code < n_values)?;
                Some(codes.iter().any(|one| usize::from(*one) == code))
            }
        }
    }
}

impl Calibration {
    /// The chance that a margin stands for.
    pub fn chance(&self, margin: f64) -> f64 {
        match self {
            Calibration::None => sigmoid(margin),
            Calibration::Platt { slope, offset } => sigmoid(f64::from(*slope) * margin + f64::from(*offset)),
            Calibration::Isotonic { margins, chances } => between(margins, chances, margin),
        }
    }
}

/// The straight line between the two knots around `margin`; beyond the ends the end's chance.
fn between(margins: &[f32], chances: &[f32], margin: f64) -> f64 {
    let mut before: Option<(f64, f64)> = None;
    for (&knot, &chance) in margins.iter().zip(chances) {
        let (knot, chance) = (f64::from(knot), f64::from(chance));
        if margin < knot {
            return match before {
                None => chance,
                Some((low, low_chance)) => low_chance + (chance - low_chance) * ((margin - low) / (knot - low)),
            };
        }
        before = Some((knot, chance));
    }
    before.map_or(0.5, |(_, chance)| chance)
}
