//! How good a ranker is at foretelling what customers buy later: one protocol, many figures, each with an interval.
//!
//! For a customer, `hits` are the recommended items that were bought later, among the first `k`:
//! - precision `hits / k`; recall `hits / later`; F1 `2 P R / (P + R)` of the two means;
//! - nDCG: a hit at place `p` (from 1) is worth `1 / log2(p + 1)`, as a share of the best that is possible;
//! - coverage: the share of all items that are recommended to anybody;
//! - diversity: 1 minus the mean cosine of the buyers of each pair in a list;
//! - novelty: the mean of `-log2((buyers + 1) / (customers + 1))` of the recommended items. Unit: bits.
//!
//! Means are over customers who bought something that could have been recommended. Intervals come from drawing customers
//! anew.

mod figures;
mod intervals;

use super::interactions::Interactions;
use super::purchases::Case;
use super::ranker::{Ranker, top};
use crate::resample::bootstrap_interval;
use figures::Catalogue;
pub(super) use figures::relevant;
use rayon::prelude::*;
use serde::Serialize;

/// Which items may be recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Items that the customer never bought before.
    Novel,
    /// All items.
    Repeat,
}

/// How to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Protocol {
    /// Which items may be recommended.
    pub mode: Mode,
    /// Length of the lists. Range: at least 1.
    pub k: usize,
    /// Times that customers are drawn anew, for the intervals; 0 for none.
    pub n_resamples: usize,
    /// Share of the intervals. Range: above 0, below 1.
    pub level: f64,
    /// Decides which customers are drawn.
    pub seed: u64,
}

impl Protocol {
    /// Lists of ten; 95 % intervals from 1,000 resamples.
    pub fn new(mode: Mode) -> Self {
        Self { mode, k: 10, n_resamples: 1_000, level: 0.95, seed: 1 }
    }
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Over all customers.
    pub value: f64,
    /// Lower end of the interval; the value itself when there are no resamples.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What one customer was recommended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommended {
    /// Position of the customer.
    pub user: u32,
    /// Positions of the items, best first. At most `k`.
    pub items: Vec<u32>,
    /// Their scores.
    pub scores: Vec<f64>,
}

/// How good a ranker is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Name of the ranker.
    pub ranker: String,
    /// How it was evaluated.
    pub protocol: Protocol,
    /// Customers over whom the means are.
    pub n_users: usize,
    /// Share of the list that was bought. Range: 0..=1.
    pub precision: Estimate,
    /// Share of what was bought that is in the list. Range: 0..=1.
    pub recall: Estimate,
    /// Harmonic mean of precision and recall. Range: 0..=1.
    pub f1: Estimate,
    /// Range: 0..=1.
    pub ndcg: Estimate,
    /// Share of all items that are in any list. Range: 0..=1. Fewer customers are drawn than there are (some twice), so
    /// the interval lies below the value.
    pub coverage: Estimate,
    /// Range: 0..=1.
    pub diversity: Estimate,
    /// Unit: bits. Range: 0 and more.
    pub novelty: Estimate,
    /// What was recommended, so that others can compute the figures themselves. By rising customer.
    #[serde(skip)]
    pub lists: Vec<Recommended>,
    /// nDCG of each customer, in the order of `lists`.
    #[serde(skip)]
    pub ndcg_of: Vec<f64>,
}

/// Evaluates a ranker. `before` is what it was fitted on: it says how popular and how alike items are.
///
/// An evaluation over no customers has 0 in every figure.
pub fn evaluate(
    name: &str,
    ranker: &dyn Ranker,
    before: &Interactions,
    cases: &[Case],
    protocol: Protocol,
) -> Evaluation {
    let catalogue = Catalogue::new(before);
    let measured: Vec<_> = cases
        .par_iter()
        .with_min_len(16)
        .map_init(
            || vec![0.0; before.n_items() as usize],
            |scores, case| {
                let list = recommend(ranker, case, scores, protocol)?;
                let figures = catalogue.figures(&list.items, case, protocol)?;
                Some((list, figures))
            },
        )
        .flatten_iter()
        .collect();
    let (lists, figures): (Vec<Recommended>, Vec<figures::Figures>) = measured.into_iter().unzip();
    let found = intervals::estimates(&lists, &figures, before.n_items(), protocol);
    let [precision, recall, f1, ndcg, coverage, diversity, novelty] = found;
    Evaluation {
        ranker: name.to_owned(),
        protocol,
        n_users: lists.len(),
        precision,
        recall,
        f1,
        ndcg,
        coverage,
        diversity,
        novelty,
        ndcg_of: figures.iter().map(|figures| figures.ndcg).collect(),
        lists,
    }
}

/// The mean nDCG alone: what tuning asks for many times.
pub fn ndcg(ranker: &dyn Ranker, before: &Interactions, cases: &[Case], mode: Mode, k: usize) -> f64 {
    ndcg_with(ranker, &[&[]], before, cases, mode, k).first().copied().unwrap_or(0.0)
}

/// The mean nDCG of a ranker to whose scores numbers of the items are added: one figure for each list of numbers. An item
/// without a number is added nothing to. The ranker itself is asked once.
pub fn ndcg_with(
    ranker: &dyn Ranker,
    added: &[&[f64]],
    before: &Interactions,
    cases: &[Case],
    mode: Mode,
    k: usize,
) -> Vec<f64> {
    let n_items = before.n_items() as usize;
    let found: Vec<Vec<f64>> = cases
        .par_iter()
        .with_min_len(16)
        .map_init(
            || (vec![0.0; n_items], vec![0.0; n_items]),
            |(scores, sums), case| {
                let relevant = relevant(case, mode);
                if relevant.is_empty() {
                    return None;
                }
                scores.fill(0.0);
                ranker.score(&case.own, Some(case.user), scores);
                let of = |numbers: &&[f64]| {
                    sums.copy_from_slice(scores);
                    sums.iter_mut().zip(*numbers).for_each(|(sum, number)| *sum += number);
                    figures::ndcg(&best(sums, case, mode, k), &relevant, k)
                };
                Some(added.iter().map(of).collect())
            },
        )
        .flatten_iter()
        .collect();
    if found.is_empty() {
        return vec![0.0; added.len()];
    }
    // Summed in the order of the customers, not of the threads.
    let mean = |at: usize| found.iter().filter_map(|found| found.get(at)).sum::<f64>() / found.len() as f64;
    (0..added.len()).map(mean).collect()
}

/// The items with the highest scores of those that may be recommended.
fn best(scores: &[f64], case: &Case, mode: Mode, k: usize) -> Vec<u32> {
    let is_own = |item: u32| case.own.binary_search_by_key(&item, |own| own.item).is_ok();
    top(scores, k, |item| mode == Mode::Repeat || !is_own(item))
}

/// The list for one customer; none for a customer who bought nothing that may be recommended.
fn recommend(ranker: &dyn Ranker, case: &Case, scores: &mut [f64], protocol: Protocol) -> Option<Recommended> {
    if relevant(case, protocol.mode).is_empty() {
        return None;
    }
    scores.fill(0.0);
    ranker.score(&case.own, Some(case.user), scores);
    let items = best(scores, case, protocol.mode, protocol.k);
    let scores = items.iter().filter_map(|item| scores.get(*item as usize).copied()).collect();
    Some(Recommended { user: case.user, items, scores })
}

/// How much better the first is than the second, in nDCG, customer by customer: if the interval lies above 0, it is
/// better for more than by chance. Over the customers that both have; none if there are none.
pub fn paired_difference(first: &Evaluation, second: &Evaluation) -> Option<Estimate> {
    let other = |user: u32| {
        let at = second.lists.binary_search_by_key(&user, |list| list.user).ok()?;
        second.ndcg_of.get(at).copied()
    };
    let pairs = first.lists.iter().zip(&first.ndcg_of);
    let differences: Vec<f64> = pairs.filter_map(|(list, ndcg)| Some(ndcg - other(list.user)?)).collect();
    if differences.is_empty() {
        return None;
    }
    let value = differences.iter().sum::<f64>() / differences.len() as f64;
    let Protocol { n_resamples, level, seed, .. } = first.protocol;
    if n_resamples == 0 {
        return Some(Estimate { value, low: value, high: value });
    }
    let (low, high) = bootstrap_interval(&differences, n_resamples, level, seed);
    Some(Estimate { value, low, high })
}
