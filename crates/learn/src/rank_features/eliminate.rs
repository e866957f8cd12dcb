//! Recursive elimination: the least important feature goes, again and again.

use rayon::prelude::*;
use serde::Serialize;

use super::linear::{factor, solve};
use super::{Codes, RankError};

/// What a model says about the features it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// Importance of each, in the order asked; larger is more important. Must not be `NaN`.
    pub scores: Vec<f64>,
    /// How good the model is with them, for example R² or AUC: larger is better. Must not be `NaN`.
    pub fit: f64,
}

/// The course of an elimination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elimination {
    /// Rank of each feature: 1 went last.
    pub ranks: Vec<usize>,
    /// Number of features and fit of the model with them, most features first.
    pub fits: Vec<(usize, f64)>,
    /// The fewest features whose fit is at least the given share of the best one; positions, ascending.
    pub chosen: Vec<usize>,
}

/// Removes the least important of `n_features` until none is left.
///
/// `importance` fits a model to the features at the given positions. One feature goes at a time; of more than 64, a tenth. Of equally
/// important ones the later goes first. `fit_share`: see [`Elimination::chosen`]; such as 0.99.
///
/// Errors: [`RankError::NoFeatures`], [`RankError::BadImportance`], those of `importance`.
pub fn eliminate(
    n_features: usize,
    fit_share: f64,
    importance: &mut dyn FnMut(&[usize]) -> Result<Importance, RankError>,
) -> Result<Elimination, RankError> {
    if n_features == 0 {
        return Err(RankError::NoFeatures);
    }
    let mut left: Vec<usize> = (0..n_features).collect();
    let mut ranks = vec![0; n_features];
    let mut rounds: Vec<(f64, Vec<usize>)> = Vec::new();
    while !left.is_empty() {
        let found = importance(&left)?;
        let n_usable = found.scores.iter().filter(|score| !score.is_nan()).count();
        if n_usable != left.len() || found.scores.len() != left.len() || found.fit.is_nan() {
            return Err(RankError::BadImportance { expected: left.len(), found: n_usable });
        }
        rounds.push((found.fit, left.clone()));
        let mut scored: Vec<(f64, usize)> = found.scores.into_iter().zip(left).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let n_kept = if scored.len() > 64 { scored.len() * 9 / 10 } else { scored.len() - 1 };
        for (place, (_, feature)) in scored.iter().enumerate().skip(n_kept) {
            if let Some(rank) = ranks.get_mut(*feature) {
                *rank = place + 1;
            }
        }
        left = scored.into_iter().take(n_kept).map(|(_, feature)| feature).collect();
        left.sort_unstable();
    }
    let best = rounds.iter().map(|(fit, _)| *fit).fold(f64::NEG_INFINITY, f64::max);
    let enough = if best > 0.0 { best * fit_share } else { best };
    let chosen = rounds.iter().rev().find(|(fit, _)| *fit >= enough).map(|(_, left)| left.clone()).unwrap_or_default();
    let fits = rounds.iter().map(|(fit, left)| (left.len(), *fit)).collect();
    Ok(Elimination { ranks, fits, chosen })
}

/// An importance function that needs no model from outside: ridge regression of the outcome's classes on the features' codes.
///
/// Every code is an input of 0 or 1, every class a target of 0 or 1, all less their means; the ridge is a thousandth of the rows,
/// but not below 1. A feature's importance is what leaving it out would cost (the rise of the sum of squared errors plus ridge, as a
/// share of the variance of the targets), so that a feature which others can stand in for is not important; the fit is R². Both are
/// over all classes. Counting is exact, so the order of rows does not matter. Classes must be below `n_classes`.
pub fn ridge_importance(
    features: &[&Codes],
    classes: &[u32],
    n_classes: usize,
) -> impl FnMut(&[usize]) -> Result<Importance, RankError> + use<> {
    let gram = Gram::count(features, classes, n_classes);
    move |asked: &[usize]| Ok(gram.importance(asked))
}

/// Second moments of all inputs and targets.
struct Gram {
    /// Where each feature's inputs are.
    places: Vec<std::ops::Range<usize>>,
    n_inputs: usize,
    /// Centred, inputs by inputs.
    inputs: Vec<f64>,
    /// Centred, class by class, inputs each.
    targets: Vec<Vec<f64>>,
    /// Sum over the classes of their sums of squares.
    total: f64,
    ridge: f64,
}

impl Gram {
    fn count(features: &[&Codes], classes: &[u32], n_classes: usize) -> Self {
        let n = classes.len() as f64;
        let mut places = Vec::new();
        let mut n_inputs = 0;
        for feature in features {
            places.push(n_inputs..n_inputs + feature.n_codes);
            n_inputs += feature.n_codes;
        }
        let outcome = Codes { codes: classes.to_vec(), n_codes: n_classes, n_missing: 0 };
        let sums: Vec<f64> = features.iter().flat_map(|feature| feature.counts()).collect();
        let class_sums = outcome.counts();
        // All rows of a feature against all features, then against the classes.
        let bands: Vec<(Vec<f64>, Vec<f64>)> = features
            .par_iter()
            .map(|feature| {
                let own = feature.counts();
                let mut band = vec![0.0; feature.n_codes * n_inputs];
                for (other, place) in features.iter().zip(&places) {
                    let together = feature.together(other);
                    for (code, row) in together.chunks(other.n_codes.max(1)).enumerate() {
                        for (other_code, count) in row.iter().enumerate() {
                            let at = place.start + other_code;
                            let expected = value(&own, code) * value(&sums, at) / n;
                            if let Some(cell) = band.get_mut(code * n_inputs + at) {
                                *cell = *count as f64 - expected;
                            }
                        }
                    }
                }
                let mut with_classes = vec![0.0; feature.n_codes * n_classes];
                for (place, (cell, count)) in with_classes.iter_mut().zip(feature.together(&outcome)).enumerate() {
                    let expected = value(&own, place / n_classes) * value(&class_sums, place % n_classes) / n;
                    *cell = count as f64 - expected;
                }
                (band, with_classes)
            })
            .collect();
        // Of two classes one says all.
        let n_targets = if n_classes == 2 { 1 } else { n_classes };
        let targets = (0..n_targets)
            .map(|class| {
                bands.iter().flat_map(|(_, cells)| cells.iter().skip(class).step_by(n_classes)).copied().collect()
            })
            .collect();
        let total = class_sums.iter().take(n_targets).map(|sum| sum - sum * sum / n).sum();
        let inputs = bands.into_iter().flat_map(|(band, _)| band).collect();
        Self { places, n_inputs, inputs, targets, total, ridge: (n / 1000.0).max(1.0) }
    }

    fn importance(&self, asked: &[usize]) -> Importance {
        let places: Vec<_> = asked.iter().filter_map(|feature| self.places.get(*feature)).cloned().collect();
        let used: Vec<usize> = places.iter().cloned().flatten().collect();
        let n = used.len();
        let gram: Vec<f64> = used
            .iter()
            .flat_map(|row| used.iter().map(move |col| value(&self.inputs, row * self.n_inputs + col)))
            .collect();
        let mut l = gram.clone();
        l.iter_mut().step_by(n + 1).for_each(|diagonal| *diagonal += self.ridge);
        // Moments plus a ridge are positive definite.
        if !factor(&mut l, n) || self.total <= 0.0 {
            return Importance { scores: vec![0.0; places.len()], fit: 0.0 };
        }
        let mut explained = 0.0;
        let mut all_weights = Vec::new();
        for target in &self.targets {
            let cross: Vec<f64> = used.iter().map(|place| value(target, *place)).collect();
            let mut weights = cross.clone();
            solve(&l, n, &mut weights);
            let by_row: Vec<f64> = gram.chunks(n.max(1)).map(|row| dot(row, &weights)).collect();
            explained += 2.0 * dot(&cross, &weights) - dot(&by_row, &weights);
            all_weights.push(weights);
        }
        let starts = places.iter().scan(0, |end, place| {
            *end += place.len();
            Some(*end - place.len()..*end)
        });
        let owns: Vec<std::ops::Range<usize>> = starts.collect();
        let scores = owns.par_iter().map(|own| loss_without(&l, n, own, &all_weights) / self.total).collect();
        explained /= self.total;
        Importance { scores, fit: explained }
    }
}

/// How much the ridge objective rises when the inputs `own` are taken out: w' V^-1 w, summed over the targets, with their weights w and
/// their block V of the inverse of the matrix that `l` is the factor of.
fn loss_without(l: &[f64], n: usize, own: &std::ops::Range<usize>, all_weights: &[Vec<f64>]) -> f64 {
    let mut block = Vec::with_capacity(own.len() * own.len());
    for place in own.clone() {
        let mut column = vec![0.0; n];
        if let Some(one) = column.get_mut(place) {
            *one = 1.0;
        }
        solve(l, n, &mut column);
        block.extend_from_slice(column.get(own.clone()).unwrap_or_default());
    }
    if !factor(&mut block, own.len()) {
        return 0.0;
    }
    let losses = all_weights.iter().map(|weights| {
        let own_weights = weights.get(own.clone()).unwrap_or_default();
        let mut solved = own_weights.to_vec();
        solve(&block, own.len(), &mut solved);
        dot(own_weights, &solved)
    });
    losses.sum()
}

impl Codes {
    fn counts(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.n_codes];
        for code in &self.codes {
            if let Some(count) = counts.get_mut(*code as usize) {
                *count += 1.0;
            }
        }
        counts
    }

    /// Rows by own and other code.
    fn together(&self, other: &Self) -> Vec<u32> {
        let mut counts = vec![0u32; self.n_codes * other.n_codes];
        for (own, other_code) in self.codes.iter().zip(&other.codes) {
            if let Some(count) = counts.get_mut(*own as usize * other.n_codes + *other_code as usize) {
                *count += 1;
            }
        }
        counts
    }
}

fn value(values: &[f64], at: usize) -> f64 {
    values.get(at).copied().unwrap_or(0.0)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
