//! The list that joins the three views.

use std::collections::BTreeSet;

use serde::Serialize;

use super::contingency::MutualInformation;
use super::{
    ChiSquare, Codes, Column, Contingency, Elimination, Importance, RankError, chi_square, eliminate, encode,
    mutual_information, ridge_importance,
};
use crate::resample::Stream;

/// Classes that an outcome may have.
const CLASSES_MAX: usize = 50;

/// A feature to rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its key; no two have the same.
    pub name: String,
    /// Its values, in the order of the outcome.
    pub column: Column,
}

/// How features are ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct RankSettings {
    /// Bins of a number, 2 or more. Default 10. Elimination uses half as many, at least 2.
    pub n_bins: usize,
    /// Values of a category that count by themselves, 2 or more. Default 30. Elimination uses a third, at least 2.
    pub n_values_max: usize,
    /// Share of features wrongly called related that is put up with (Benjamini-Hochberg), above 0 and below 1. Default 0.05.
    pub false_share: f64,
    /// Features to keep. Default `None`: as many as the tests and the elimination call for.
    pub n_keep: Option<usize>,
    /// Share of the best fit that the kept features must reach, above 0 and up to 1. Default 0.99.
    pub fit_share: f64,
    /// Features that elimination begins with: those that tell most by themselves. Default 64.
    pub n_eliminated_max: usize,
    /// Rows that elimination looks at; of more, a random sample. Default 20,000.
    pub elimination_rows_max: usize,
    /// Seed of that sample. Default 0.
    pub seed: u64,
}

impl Default for RankSettings {
    fn default() -> Self {
        Self {
            n_bins: 10,
            n_values_max: 30,
            false_share: 0.05,
            n_keep: None,
            fit_share: 0.99,
            n_eliminated_max: 64,
            elimination_rows_max: 20_000,
            seed: 0,
        }
    }
}

/// What was found about a feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureRank {
    /// Its key.
    pub name: String,
    /// 1 is best.
    pub rank: usize,
    /// Whether outcome and feature are related.
    pub chi_square: ChiSquare,
    /// The p-value, raised for the number of features tested (Benjamini-Hochberg).
    pub p_adjusted: f64,
    /// What it tells by itself.
    pub mutual_information: MutualInformation,
    /// 1 went last from the elimination; `None` for a feature that was not in it.
    pub elimination_rank: Option<usize>,
    /// Codes it has, missing among them.
    pub n_codes: usize,
    /// Share of the rows without value, 0 to 1.
    pub missing_share: f64,
    /// Whether it has one code only: it cannot tell anything and is never kept.
    pub is_constant: bool,
    /// Whether it is on the kept list.
    pub is_kept: bool,
}

/// The ranked features.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureRanking {
    /// All features, the best first.
    pub features: Vec<FeatureRank>,
    /// Keys of the kept ones, the best first.
    pub kept: Vec<String>,
    /// Number of features and fit, as elimination went on.
    pub elimination_fits: Vec<(usize, f64)>,
    /// Rows of the outcome.
    pub n_rows: usize,
    /// Classes of the outcome, ascending, with their rows.
    pub classes: Vec<(u32, u64)>,
}

/// A caller's own importance function, by positions in the list of features; see [`eliminate`].
pub type ImportanceFn<'a> = &'a mut dyn FnMut(&[usize]) -> Result<Importance, RankError>;

/// Ranks `features` by how they tell `outcome` (a class a row, such as 0 and 1).
///
/// A feature has three places: by chi-square (smaller p-value first, then larger Cramér's V), by bias-corrected mutual information,
/// and by elimination. Their sum decides the rank; of equal ones more information, then the order given. Constant features come last.
/// Kept are those that are related to the outcome beyond chance ([`RankSettings::false_share`]) and among the fewest with which
/// the model is as good as with all ([`RankSettings::fit_share`]), so of two copies one is kept; or, with [`RankSettings::n_keep`],
/// that many from the top. `importance`: a model of the caller's; without it [`ridge_importance`].
///
/// Errors: every variant of [`RankError`].
pub fn rank_features(
    features: &[Feature],
    outcome: &[u32],
    settings: &RankSettings,
    importance: Option<ImportanceFn<'_>>,
) -> Result<FeatureRanking, RankError> {
    check(features, outcome.len(), settings)?;
    let (classes, counts) = classes_of(outcome)?;
    let n_classes = counts.len();
    let mut ranked: Vec<FeatureRank> =
        features.iter().map(|feature| by_itself(feature, &classes, n_classes, settings)).collect();
    adjust(&mut ranked);
    let by_information = places(&ranked, |a, b| {
        b.mutual_information
            .bits
            .total_cmp(&a.mutual_information.bits)
            .then(a.chi_square.p_value.total_cmp(&b.chi_square.p_value))
    });
    let by_test = places(&ranked, |a, b| {
        a.chi_square
            .p_value
            .total_cmp(&b.chi_square.p_value)
            .then(b.chi_square.cramers_v.total_cmp(&a.chi_square.cramers_v))
    });
    let mut entering: Vec<usize> =
        (0..ranked.len()).filter(|idx| ranked.get(*idx).is_some_and(|f| !f.is_constant)).collect();
    entering.sort_by_key(|idx| by_information.get(*idx));
    entering.truncate(settings.n_eliminated_max);
    let elimination = run(features, &entering, &classes, n_classes, settings, importance)?;
    for (feature_idx, rank) in entering.iter().zip(&elimination.ranks) {
        if let Some(feature) = ranked.get_mut(*feature_idx) {
            feature.elimination_rank = Some(*rank);
        }
    }
    let chosen: BTreeSet<usize> = elimination.chosen.iter().filter_map(|place| entering.get(*place)).copied().collect();
    let mut order: Vec<(bool, usize, usize, usize)> = ranked
        .iter()
        .zip(by_information.iter().zip(&by_test))
        .enumerate()
        .map(|(idx, (feature, (information, test)))| {
            let last = feature.elimination_rank.unwrap_or(entering.len() + 1);
            (feature.is_constant, information + test + last, *information, idx)
        })
        .collect();
    order.sort_unstable();
    let features: Vec<FeatureRank> = order
        .iter()
        .enumerate()
        .filter_map(|(place, (is_constant, _, _, idx))| {
            let feature = ranked.get(*idx)?.clone();
            let is_kept = !is_constant
                && match settings.n_keep {
                    Some(n_keep) => place < n_keep,
                    None => feature.p_adjusted <= settings.false_share && chosen.contains(idx),
                };
            Some(FeatureRank { rank: place + 1, is_kept, ..feature })
        })
        .collect();
    Ok(FeatureRanking {
        kept: features.iter().filter(|feature| feature.is_kept).map(|feature| feature.name.clone()).collect(),
        features,
        elimination_fits: elimination.fits,
        n_rows: outcome.len(),
        classes: counts,
    })
}

fn check(features: &[Feature], n_rows: usize, settings: &RankSettings) -> Result<(), RankError> {
    let bad = |setting, found: String, expected| Err(RankError::Setting { setting, found, expected });
    if settings.n_bins < 2 {
        return bad("n_bins", settings.n_bins.to_string(), "2 or more");
    }
    if settings.n_values_max < 2 {
        return bad("n_values_max", settings.n_values_max.to_string(), "2 or more");
    }
    if !(settings.false_share > 0.0 && settings.false_share < 1.0) {
        return bad("false_share", settings.false_share.to_string(), "above 0 and below 1");
    }
    if !(settings.fit_share > 0.0 && settings.fit_share <= 1.0) {
        return bad("fit_share", settings.fit_share.to_string(), "above 0 and up to 1");
    }
    if settings.n_eliminated_max == 0 {
        return bad("n_eliminated_max", "0".to_owned(), "1 or more");
    }
    if settings.elimination_rows_max == 0 {
        return bad("elimination_rows_max", "0".to_owned(), "1 or more");
    }
    if settings.n_keep == Some(0) {
        return bad("n_keep", "0".to_owned(), "1 or more, or left out");
    }
    if features.is_empty() {
        return Err(RankError::NoFeatures);
    }
    if n_rows == 0 {
        return Err(RankError::NoRows);
    }
    let mut names = BTreeSet::new();
    for Feature { name, column } in features {
        if !names.insert(name) {
            return Err(RankError::DuplicateName { feature: name.clone() });
        }
        if column.n_rows() != n_rows {
            return Err(RankError::Length { feature: name.clone(), expected: n_rows, found: column.n_rows() });
        }
        if let Column::Numbers(values) = column
            && let Some((row_idx, found)) = values.iter().enumerate().find(|(_, value)| value.is_infinite())
        {
            return Err(RankError::Infinite { feature: name.clone(), row_idx, found: *found });
        }
    }
    Ok(())
}

/// Classes of an outcome, ascending, with their rows.
type ClassCounts = Vec<(u32, u64)>;

/// The outcome as classes from 0 without gaps, and the classes it had with their rows.
fn classes_of(outcome: &[u32]) -> Result<(Vec<u32>, ClassCounts), RankError> {
    let mut counts = std::collections::BTreeMap::new();
    for class in outcome {
        *counts.entry(*class).or_insert(0u64) += 1;
    }
    let counts: ClassCounts = counts.into_iter().collect();
    match counts.as_slice() {
        [] => return Err(RankError::NoRows),
        [(class, _)] => return Err(RankError::SingleClass { class: *class }),
        more if more.len() > CLASSES_MAX => {
            return Err(RankError::TooManyClasses { found: more.len(), most: CLASSES_MAX });
        }
        _ => {}
    }
    let classes = outcome.iter().map(|class| counts.partition_point(|(other, _)| other < class) as u32).collect();
    Ok((classes, counts))
}

fn by_itself(feature: &Feature, classes: &[u32], n_classes: usize, settings: &RankSettings) -> FeatureRank {
    let codes = encode(&feature.column, settings.n_bins, settings.n_values_max);
    let table = Contingency::count(&codes.codes, codes.n_codes, classes, n_classes);
    let chi_square = chi_square(&table);
    FeatureRank {
        name: feature.name.clone(),
        rank: 0,
        p_adjusted: chi_square.p_value,
        chi_square,
        mutual_information: mutual_information(&table),
        elimination_rank: None,
        n_codes: codes.n_codes,
        missing_share: codes.n_missing as f64 / classes.len() as f64,
        is_constant: codes.n_codes < 2,
        is_kept: false,
    }
}

/// Benjamini-Hochberg: from the largest p-value down, p times tests by place, never rising.
fn adjust(ranked: &mut [FeatureRank]) {
    let n = ranked.len() as f64;
    let mut order: Vec<usize> = (0..ranked.len()).collect();
    let p_value = |idx: usize| ranked.get(idx).map_or(1.0, |feature| feature.chi_square.p_value);
    order.sort_by(|a, b| p_value(*a).total_cmp(&p_value(*b)));
    let mut least: f64 = 1.0;
    for (place, idx) in order.into_iter().enumerate().rev() {
        if let Some(feature) = ranked.get_mut(idx) {
            least = least.min(feature.chi_square.p_value * n / (place as f64 + 1.0));
            feature.p_adjusted = least;
        }
    }
}

/// The place of each feature (0 is first) in the given order; equal ones in theirs.
fn places(ranked: &[FeatureRank], compare: impl Fn(&FeatureRank, &FeatureRank) -> std::cmp::Ordering) -> Vec<usize> {
    let mut order: Vec<(usize, &FeatureRank)> = ranked.iter().enumerate().collect();
    order.sort_by(|a, b| compare(a.1, b.1));
    let mut places = vec![0; ranked.len()];
    for (place, (idx, _)) in order.into_iter().enumerate() {
        if let Some(found) = places.get_mut(idx) {
            *found = place;
        }
    }
    places
}

fn run(
    features: &[Feature],
    entering: &[usize],
    classes: &[u32],
    n_classes: usize,
    settings: &RankSettings,
    importance: Option<ImportanceFn<'_>>,
) -> Result<Elimination, RankError> {
    if entering.is_empty() {
        return Ok(Elimination { ranks: Vec::new(), fits: Vec::new(), chosen: Vec::new() });
    }
    if let Some(importance) = importance {
        let mut by_place = |asked: &[usize]| {
            let positions: Vec<usize> = asked.iter().filter_map(|place| entering.get(*place)).copied().collect();
            importance(&positions)
        };
        return eliminate(entering.len(), settings.fit_share, &mut by_place);
    }
    let rows = Stream::new(settings.seed, "rank.rows").sample_indices(classes.len(), settings.elimination_rows_max);
    let pick = |codes: &[u32]| -> Vec<u32> { rows.iter().filter_map(|row| codes.get(*row)).copied().collect() };
    let codes: Vec<Codes> = entering
        .iter()
        .filter_map(|idx| features.get(*idx))
        .map(|feature| {
            let coarse = encode(&feature.column, (settings.n_bins / 2).max(2), (settings.n_values_max / 3).max(2));
            Codes { codes: pick(&coarse.codes), ..coarse }
        })
        .collect();
    let codes: Vec<&Codes> = codes.iter().collect();
    eliminate(entering.len(), settings.fit_share, &mut ridge_importance(&codes, &pick(classes), n_classes))
}
