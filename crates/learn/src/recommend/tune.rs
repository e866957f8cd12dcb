//! Choosing parameters: grid and random search with a record of every trial, and the weights of a blend.
//!
//! Nothing here knows a test period: what is searched is scored by the caller, on a validation split.

use super::RecommendError;
use super::blend::Part;
use super::evaluate::Mode;
use super::purchases::Case;
use crate::resample::Stream;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Values of parameters, by name.
pub type Params = BTreeMap<String, f64>;

/// One parameter and what it may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dimension {
    /// Name of the parameter.
    pub name: String,
    /// What to try. In a random search any of them is as likely.
    pub values: Vec<f64>,
}

impl Dimension {
    /// Names what to try.
    pub fn new(name: &str, values: &[f64]) -> Self {
        Self { name: name.to_owned(), values: values.to_vec() }
    }
}

/// Which combinations are tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// All of them, the last dimension fastest.
    Grid,
    /// Some by lot, none twice.
    Random {
        /// How many, at most.
        n_trials: u32,
        /// Decides which.
        seed: u64,
    },
}

/// One combination and how good it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// The parameters.
    pub params: Params,
    /// The score on validation data, the higher the better; none if it failed.
    pub score: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Every trial of a search, and the best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuning {
    /// What is tuned.
    pub name: String,
    /// How it was searched; none for a search step by step.
    pub search: Option<Search>,
    /// In the order in which they were made.
    pub trials: Vec<Trial>,
    /// Position of the best trial; of equal ones the first.
    pub best: usize,
}

impl Tuning {
    fn new(name: &str, search: Option<Search>, trials: Vec<Trial>) -> Result<Self, RecommendError> {
        let scored = trials.iter().enumerate().filter_map(|(at, trial)| Some((at, trial.score?)));
        let best = scored.reduce(|best, trial| if trial.1 > best.1 { trial } else { best });
        let Some((best, _)) = best else {
            let last = trials.iter().rev().find_map(|trial| trial.error.clone());
            let reason = last.unwrap_or_else(|| "there was nothing to try".to_owned());
            return Err(RecommendError::NoTrial { name: name.to_owned(), reason });
        };
        Ok(Self { name: name.to_owned(), search, trials, best })
    }

    /// The best parameters.
    pub fn best(&self) -> &Params {
        static NONE: Params = Params::new();
        self.trials.get(self.best).map_or(&NONE, |trial| &trial.params)
    }

    /// A parameter of the best trial; 0 for one that does not exist.
    pub fn get(&self, name: &str) -> f64 {
        self.best().get(name).copied().unwrap_or(0.0)
    }

    /// The best score.
    pub fn score(&self) -> f64 {
        self.trials.get(self.best).and_then(|trial| trial.score).unwrap_or(0.0)
    }
}

/// Searches. `score` fits with the parameters and measures on validation data; what fails is recorded and passed over.
///
/// Errors: a dimension without values, or no trial that succeeds. A score that is not finite counts as failed.
pub fn tune<E: std::fmt::Display>(
    name: &str,
    space: &[Dimension],
    search: Search,
    mut score: impl FnMut(&Params) -> Result<f64, E>,
) -> Result<Tuning, RecommendError> {
    if let Some(dimension) = space.iter().find(|dimension| dimension.values.is_empty()) {
        let reason = format!("`{}` has no value to try", dimension.name);
        return Err(RecommendError::NoTrial { name: name.to_owned(), reason });
    }
    let n_all = space.iter().fold(1_u64, |n, dimension| n.saturating_mul(dimension.values.len() as u64));
    let combinations: Vec<u64> = match search {
        Search::Grid => (0..n_all).collect(),
        Search::Random { n_trials, seed } => by_lot(n_all, n_trials, seed),
    };
    let trials = combinations.into_iter().map(|combination| {
        let params = params(space, combination);
        let (score, error) = match score(&params) {
            Ok(score) if score.is_finite() => (Some(score), None),
            Ok(score) => (None, Some(format!("the score is {score}"))),
            Err(error) => (None, Some(error.to_string())),
        };
        Trial { params, score, error }
    });
    Tuning::new(name, Some(search), trials.collect())
}

/// The combination of a number: its digits, in the bases of the dimensions.
fn params(space: &[Dimension], mut combination: u64) -> Params {
    let mut params = Params::new();
    for dimension in space.iter().rev() {
        let n = dimension.values.len() as u64;
        if let Some(value) = dimension.values.get((combination % n) as usize) {
            params.insert(dimension.name.clone(), *value);
        }
        combination /= n;
    }
    params
}

/// Different numbers below `n_all`, in the order in which they were drawn.
fn by_lot(n_all: u64, n_trials: u32, seed: u64) -> Vec<u64> {
    let mut stream = Stream::new(seed, "recommend: tune");
    if n_all <= u64::from(n_trials) {
        let mut all: Vec<u64> = (0..n_all).collect();
        stream.shuffle(&mut all);
        return all;
    }
    let mut drawn = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    while drawn.len() < n_trials as usize {
        let number = stream.below(n_all);
        if known.insert(number) {
            drawn.push(number);
        }
    }
    drawn
}

/// Items of each part that may come into a list when weights are chosen, for each customer.
const CANDIDATES: usize = 100;
/// Weights that are tried for each part.
const STEPS: [f64; 12] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 4.0];
/// Times that every part has its turn.
const ROUNDS: usize = 4;
/// What another weight must gain: less is noise, and the simpler blend stays.
const GAIN_MIN: f64 = 1e-4;

/// One customer's candidates: for each, whether it was bought later, and its score in every part.
struct Candidates {
    items: Vec<u32>,
    is_hit: Vec<bool>,
    /// Part by part, one score a candidate.
    scores: Vec<f64>,
    /// The best that is possible.
    best: f64,
}

/// Chooses the weights of a blend for the highest nDCG at `k` on validation customers.
///
/// Starts with the best part alone, then gives each part in turn the best of a few weights, until no turn helps. A
/// trial's parameters are the weights by name of part. The rankers must be fitted on what came before the validation.
///
/// Errors: no part, or no customer to validate on.
pub fn tune_blend(
    name: &str,
    parts: &[Part<'_>],
    n_items: u32,
    cases: &[Case],
    mode: Mode,
    k: usize,
) -> Result<Tuning, RecommendError> {
    let candidates: Vec<Candidates> =
        cases.par_iter().with_min_len(16).filter_map(|case| candidates(parts, n_items, case, mode, k)).collect();
    let n_parts = parts.len();
    let mut trials = Vec::new();
    if candidates.is_empty() {
        let reason = "no customer bought anything that may be recommended; choose an earlier split".to_owned();
        return Err(RecommendError::NoTrial { name: name.to_owned(), reason });
    }
    let mut try_out = |weights: &[f64]| {
        let score = blended(&candidates, weights, k);
        let params = parts.iter().zip(weights).map(|(part, weight)| (part.name.clone(), *weight)).collect();
        trials.push(Trial { params, score: Some(score), error: None });
        score
    };
    let mut best: Option<(f64, Vec<f64>)> = None;
    for alone in 0..n_parts {
        let weights: Vec<f64> = (0..n_parts).map(|part| f64::from(u8::from(part == alone))).collect();
        let score = try_out(&weights);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, weights));
        }
    }
    if let Some((mut most, mut weights)) = best {
        for _ in 0..ROUNDS {
            let before = most;
            for part in 0..n_parts {
                for step in STEPS {
                    let mut other = weights.clone();
                    let Some(slot) = other.get_mut(part).filter(|slot| **slot != step) else { continue };
                    *slot = step;
                    if other.iter().all(|weight| *weight == 0.0) {
                        continue;
                    }
                    let score = try_out(&other);
                    if score > most + GAIN_MIN {
                        (most, weights) = (score, other);
                    }
                }
            }
            if most <= before {
                break;
            }
        }
        // What was chosen stands last and is the best by position, so that the record says what is used.
        let params = parts.iter().zip(&weights).map(|(part, weight)| (part.name.clone(), *weight)).collect();
        trials.push(Trial { params, score: Some(most), error: None });
        let best = trials.len() - 1;
        return Ok(Tuning { name: name.to_owned(), search: None, trials, best });
    }
    Tuning::new(name, None, trials)
}

/// The weights of the best trial, in the order of the parts.
pub fn weights_of(tuning: &Tuning, parts: &[Part<'_>]) -> Vec<f64> {
    parts.iter().map(|part| tuning.get(&part.name)).collect()
}

fn candidates(parts: &[Part<'_>], n_items: u32, case: &Case, mode: Mode, k: usize) -> Option<Candidates> {
    let relevant = super::evaluate::relevant(case, mode);
    if relevant.is_empty() {
        return None;
    }
    let is_own = |item: u32| case.own.binary_search_by_key(&item, |own| own.item).is_ok();
    let mut all = Vec::with_capacity(parts.len());
    let mut items = Vec::new();
    for part in parts {
        let mut scores = vec![0.0; n_items as usize];
        part.ranker.score(&case.own, Some(case.user), &mut scores);
        let scale = part.sizing.divisor(&scores);
        scores.iter_mut().for_each(|score| *score /= scale);
        items.extend(super::ranker::top(&scores, CANDIDATES.max(k), |item| mode == Mode::Repeat || !is_own(item)));
        all.push(scores);
    }
    items.sort_unstable();
    items.dedup();
    let of = |scores: &Vec<f64>, item: &u32| scores.get(*item as usize).copied().unwrap_or(0.0);
    let scores = all.iter().flat_map(|scores| items.iter().map(move |item| of(scores, item))).collect();
    let is_hit = items.iter().map(|item| relevant.binary_search(item).is_ok()).collect();
    let best = (0..relevant.len().min(k)).map(gain).sum();
    Some(Candidates { items, is_hit, scores, best })
}

/// What a hit at a place from 0 is worth.
fn gain(place: usize) -> f64 {
    1.0 / ((place + 2) as f64).log2()
}

/// The mean nDCG of weighted candidates.
fn blended(candidates: &[Candidates], weights: &[f64], k: usize) -> f64 {
    let of_one = |candidates: &Candidates| {
        let n = candidates.items.len();
        let mut scores = vec![0.0; n];
        for (part, weight) in candidates.scores.chunks_exact(n.max(1)).zip(weights) {
            if *weight != 0.0 {
                scores.iter_mut().zip(part).for_each(|(score, part)| *score += weight * part);
            }
        }
        // Candidates stand by rising item, so ties fall as they do in a list.
        let found = super::ranker::top(&scores, k, |_| true);
        let hits = found.iter().enumerate().filter(|(_, at)| candidates.is_hit.get(**at as usize) == Some(&true));
        hits.map(|(place, _)| gain(place)).sum::<f64>() / candidates.best
    };
    let found: Vec<f64> = candidates.par_iter().with_min_len(64).map(of_one).collect();
    found.iter().sum::<f64>() / found.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::popularity::Popularity;
    use super::super::ranker::Own;
    use super::*;

    fn space() -> Vec<Dimension> {
        vec![Dimension::new("a", &[1.0, 2.0, 3.0]), Dimension::new("b", &[10.0, 20.0])]
    }

    #[test]
    fn a_grid_tries_everything_once_and_records_failures() {
        let tuning = tune("grid", &space(), Search::Grid, |params| {
            let (a, b) = (params["a"], params["b"]);
            if a == 3.0 { Err("too large") } else { Ok(if b == 20.0 { f64::NAN } else { -(a - 2.0).abs() }) }
        })
        .unwrap();
        assert_eq!(tuning.trials.len(), 6);
        assert_eq!((tuning.get("a"), tuning.get("b"), tuning.get("c"), tuning.score()), (2.0, 10.0, 0.0, 0.0));
        assert_eq!(tuning.trials[5].error.as_deref(), Some("too large"));
        assert_eq!(tuning.trials[1].error.as_deref(), Some("the score is NaN"));
        assert!(serde_json::to_string(&tuning).unwrap().contains(r#""search":"grid""#));
    }

    #[test]
    fn a_random_search_repeats_itself_and_not_its_trials() {
        let run = |n_trials, seed| {
            tune("random", &space(), Search::Random { n_trials, seed }, |params| Ok::<_, String>(params["a"])).unwrap()
        };
        assert_eq!(run(4, 7), run(4, 7));
        for n_trials in [4, 6, 100] {
            let mut seen: Vec<String> =
                run(n_trials, 7).trials.iter().map(|trial| format!("{:?}", trial.params)).collect();
            assert_eq!(seen.len(), (n_trials as usize).min(6));
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), (n_trials as usize).min(6));
        }
        assert!((1..9).any(|seed| run(4, seed).trials != run(4, 7).trials));
    }

    #[test]
    fn a_search_without_an_answer_says_why() {
        let error =
            |space: &[Dimension]| tune("t", space, Search::Grid, |_| Err::<f64, _>("no luck")).unwrap_err().to_string();
        assert_eq!(error(&space()), "`t` cannot be tuned: no luck");
        assert_eq!(error(&[Dimension::new("x", &[])]), "`t` cannot be tuned: `x` has no value to try");
    }

    #[test]
    fn a_blend_uses_what_helps_and_leaves_out_what_does_not() {
        // Item 3 is known to one part, item 4 to another, and a third part is wrong.
        let parts = [
            Part::new("left", Popularity::of_numbers(&[0.0, 0.9, 0.0, 1.0, 0.0, 0.0])),
            Part::new("right", Popularity::of_numbers(&[0.9, 0.0, 0.0, 0.0, 1.0, 0.0])),
            Part::new("wrong", Popularity::of_numbers(&[1.0, 1.0, 1.0, 0.0, 0.0, 0.0])),
        ];
        let cases = [Case { user: 0, own: vec![Own::now(5)], later: vec![3, 4] }];
        let tuning = tune_blend("blend", &parts, 6, &cases, Mode::Novel, 2).unwrap();
        assert!((tuning.score() - 1.0).abs() < 1e-12, "{tuning:?}");
        let weights = weights_of(&tuning, &parts);
        assert!(weights[0] > 0.0 && weights[1] > 0.0 && weights[2] == 0.0, "{weights:?}");
        assert_eq!(tuning.best, tuning.trials.len() - 1);
        let nobody = [Case { user: 0, own: vec![Own::now(5)], later: vec![5] }];
        assert!(tune_blend("blend", &parts, 6, &nobody, Mode::Novel, 2).is_err());
        assert!(tune_blend("blend", &[], 6, &cases, Mode::Novel, 2).is_err());
    }
}
