//! Validation: every candidate on every part, the choice among them, calibration, baselines, and the verdict.
//!
//! Nothing judges itself. The model of a part is chosen by the other parts alone (with origins: by earlier ones alone), and its
//! margins are calibrated by a curve that was fitted to those other parts; so the measures hold for the whole procedure, choice
//! included. What is left is the choice between two ways to calibrate, which all judged rows take part in.

use rayon::prelude::*;
use serde::Serialize;

use super::calibrate::{Method, Scored};
use super::judge::{Judged, Rule, gain, verdict};
use super::parts::{Part, kfold_parts, rolling_parts};
use super::score::sigmoid;
use super::{
    Baseline, Boosted, BoostedParams, Calibration, CalibrationTrial, ClassifyError, Export, Kind, Logistic,
    LogisticParams, Measures, Model, PartReport, Report, Table, Trial, Verdict, auc, lift, log_loss, reliability,
};

/// What may be learned, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Candidate {
    /// A regression.
    Logistic(LogisticParams),
    /// Boosted trees.
    Boosted(BoostedParams),
}

impl Candidate {
    /// The usual list, plain ones first: four regressions of rising penalty, then trees of depth 1 to 3.
    pub fn usual() -> Vec<Candidate> {
        let logistic = |l2| Candidate::Logistic(LogisticParams { l2, ..LogisticParams::default() });
        let boosted = |depth| Candidate::Boosted(BoostedParams { depth, ..BoostedParams::default() });
        vec![logistic(300.0), logistic(30.0), logistic(3.0), logistic(0.3), boosted(1), boosted(2), boosted(3)]
    }

    fn check(&self) -> Result<(), ClassifyError> {
        match self {
            Candidate::Logistic(params) => params.check(),
            Candidate::Boosted(params) => params.check(),
        }
    }

    fn fit(&self, table: &Table, rows: &[u32], seed: u64) -> Result<Model, ClassifyError> {
        Ok(match self {
            Candidate::Logistic(params) => Logistic::fit_rows(table, rows, params)?.into(),
            Candidate::Boosted(params) => Boosted::fit_rows(table, rows, params, seed)?.into(),
        })
    }
}

/// A finished validation: its report, and what is needed to publish.
#[derive(Debug, Clone)]
pub struct Validation {
    /// What was found.
    pub report: Report,
    /// The candidate to publish.
    pub chosen: Candidate,
    /// The curve to publish, fitted to the chosen candidate's margins of all parts.
    pub calibration: Calibration,
    /// Every judged row with its calibrated chance; no model had trained on it.
    pub chances: Vec<(u32, f64)>,
}

impl Validation {
    /// Fits the chosen candidate to all rows and exports it, if the verdict allows. `name` is 1 to 100 of `a-z 0-9 _`;
    /// `outcome` says in words what outcome 1 is.
    ///
    /// # Errors
    /// [`ClassifyError::Refused`] with the verdict's reason, or that of an export that would not be readable.
    pub fn publish(&self, table: &Table, name: &str, outcome: &str) -> Result<Export, ClassifyError> {
        if let Verdict::Refused { reason } = &self.report.verdict {
            return Err(ClassifyError::Refused { reason: reason.clone() });
        }
        let model = self.chosen.fit(table, &table.all_rows(), self.report.seed)?;
        let features = table.features().cloned().collect();
        Export::new(name, outcome, features, model, self.calibration.clone())
            .map_err(|fault| ClassifyError::Refused { reason: fault.to_string() })
    }
}

/// Validates candidates by `k` folds: outcomes are spread evenly, and no group is torn. Each row is judged once.
///
/// `rule` names the feature that the plain rule looks at; without, each part takes the feature that serves it best.
///
/// # Errors
/// [`ClassifyError::NoCandidates`], [`ClassifyError::Setting`], [`ClassifyError::Parts`], [`ClassifyError::NoRule`], and those
/// of the fit if every candidate fails.
pub fn validate_kfold(
    table: &Table,
    k: usize,
    candidates: &[Candidate],
    rule: Option<&str>,
    seed: u64,
) -> Result<Validation, ClassifyError> {
    check(candidates)?;
    validate(table, kfold_parts(table, k, seed)?, candidates, rule, seed)
}

/// Validates candidates as time went by: for each origin, rows whose outcome was known by then train, and rows that would have
/// been scored within `window_s` seconds from then on judge. The first origin only serves to choose and to calibrate.
///
/// `rule` as for [`validate_kfold`].
///
/// # Errors
/// As [`validate_kfold`]; [`ClassifyError::NoTimes`], [`ClassifyError::Origins`], [`ClassifyError::Origin`].
pub fn validate_rolling(
    table: &Table,
    origins_s: &[i64],
    window_s: i64,
    candidates: &[Candidate],
    rule: Option<&str>,
    seed: u64,
) -> Result<Validation, ClassifyError> {
    check(candidates)?;
    validate(table, rolling_parts(table, origins_s, window_s)?, candidates, rule, seed)
}

fn check(candidates: &[Candidate]) -> Result<(), ClassifyError> {
    if candidates.is_empty() {
        return Err(ClassifyError::NoCandidates);
    }
    candidates.iter().try_for_each(Candidate::check)
}

fn validate(
    table: &Table,
    parts: Vec<Part>,
    candidates: &[Candidate],
    rule: Option<&str>,
    seed: u64,
) -> Result<Validation, ClassifyError> {
    let rule = match rule {
        None => None,
        Some(name) => {
            let found = table.features().position(|feature| feature.name == name);
            Some(found.ok_or_else(|| ClassifyError::NoRule { name: name.to_owned() })?)
        }
    };
    let mut run = Run::of(table, parts, candidates, seed)?;
    let all_parts: Vec<usize> = (0..run.parts.len()).collect();
    let chosen = run.best(&all_parts);
    if let Some(trial) = run.trials.get_mut(chosen) {
        trial.is_chosen = true;
    }
    let raw = run.judge(rule);
    let methods = Method::candidates(table.n_rows(), table.n_positive(&table.all_rows()));
    let mut tried = Vec::with_capacity(methods.len());
    for method in methods {
        let judged = run.calibrated(&raw, method);
        let (chances, labels, weights) = columns(table, &flat(&judged), |one| one.chance);
        tried.push((log_loss(&chances, &labels, &weights)?, method, judged));
    }
    let losses: Vec<(f64, Method)> = tried.iter().map(|(loss, method, _)| (*loss, *method)).collect();
    // The plainer way comes first and wins ties.
    let Some((_, method, judged_parts)) = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Err(ClassifyError::NoCandidates);
    };
    let calibration_trial =
        |(log_loss, one): (f64, Method)| CalibrationTrial { method: one.name(), log_loss, is_chosen: one == method };
    let judged = flat(&judged_parts);
    let measures = run.measured(&judged_parts, |one| one.chance)?;
    let baselines = run.baselines(&judged_parts, &judged)?;
    let (chances, labels, weights) = columns(table, &judged, |one| one.chance);
    let report = Report {
        scheme: if run.parts.iter().any(|part| part.origin_s.is_some()) { "rolling origin" } else { "k-fold" },
        seed,
        n_rows: table.n_rows(),
        n_positive: table.n_positive(&table.all_rows()),
        rate: table.rate(&table.all_rows()),
        parts: run.part_reports(&judged_parts)?,
        calibration: losses.into_iter().map(calibration_trial).collect(),
        reliability: reliability(&chances, &labels, &weights, 10)?,
        lift: lift(&chances, &labels, &weights)?,
        verdict: verdict(&measures, &baselines),
        warnings: warnings(table),
        measures,
        baselines,
        trials: run.trials.clone(),
    };
    Ok(Validation {
        report,
        chosen: candidates.get(chosen).copied().ok_or(ClassifyError::NoCandidates)?,
        calibration: method.fit(&run.scored(chosen, &all_parts)),
        chances: judged.iter().map(|one| (one.row, one.chance)).collect(),
    })
}

/// All candidates fitted to all parts.
struct Run<'a> {
    table: &'a Table,
    parts: Vec<Part>,
    seed: u64,
    trials: Vec<Trial>,
    /// Of each candidate, of each part: the margins of the part's test rows.
    margins: Vec<Vec<Vec<f64>>>,
}

/// One of a judged row's chances.
type Forecast = fn(&Judged) -> f64;

/// The judged rows of one part.
#[derive(Clone)]
struct JudgedPart {
    part: usize,
    trial: usize,
    rule_feature: Option<usize>,
    rows: Vec<Judged>,
}

impl<'a> Run<'a> {
    fn of(table: &'a Table, parts: Vec<Part>, candidates: &[Candidate], seed: u64) -> Result<Self, ClassifyError> {
        let jobs: Vec<(&Candidate, &Part)> =
            candidates.iter().flat_map(|candidate| parts.iter().map(move |part| (candidate, part))).collect();
        let fitted: Vec<Result<Vec<f64>, ClassifyError>> = jobs
            .into_par_iter()
            .map(|(candidate, part)| {
                let model = candidate.fit(table, &part.training, seed)?;
                Ok(part.test.iter().map(|row| model.margin(&table.row(*row as usize))).collect())
            })
            .collect();
        let (mut trials, mut margins, mut first_fault) = (Vec::new(), Vec::new(), None);
        for (candidate, fitted) in candidates.iter().zip(fitted.chunks(parts.len())) {
            let fitted: Result<Vec<Vec<f64>>, ClassifyError> = fitted.iter().cloned().collect();
            match fitted {
                Ok(fitted) => {
                    trials.push(trial(table, &parts, candidate, &fitted)?);
                    margins.push(fitted);
                }
                Err(fault) => {
                    trials.push(failed(candidate, &fault));
                    margins.push(Vec::new());
                    first_fault = first_fault.or(Some(fault));
                }
            }
        }
        match first_fault {
            Some(fault) if trials.iter().all(|trial| trial.log_loss.is_none()) => Err(fault),
            _ => Ok(Run { table, parts, seed, trials, margins }),
        }
    }

    /// The candidate with the lowest mean loss on these parts; of equal ones the first.
    fn best(&self, parts: &[usize]) -> usize {
        let loss = |trial: &Trial| {
            let losses: Vec<f64> = parts.iter().filter_map(|part| Some(trial.parts.get(*part)?.log_loss)).collect();
            if losses.is_empty() { f64::INFINITY } else { losses.iter().sum::<f64>() / losses.len() as f64 }
        };
        let losses = self.trials.iter().map(loss).enumerate();
        losses.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(trial, _)| trial)
    }

    /// The parts that may choose and calibrate for a part: all others, or earlier ones where there is time.
    fn others(&self, part: usize) -> Vec<usize> {
        let is_rolling = self.parts.get(part).is_some_and(|part| part.origin_s.is_some());
        (0..self.parts.len()).filter(|other| if is_rolling { *other < part } else { *other != part }).collect()
    }

    fn scored(&self, trial: usize, parts: &[usize]) -> Vec<Scored> {
        let rows = |part: &usize| {
            let margins = self.margins.get(trial).and_then(|margins| margins.get(*part)).map_or(&[][..], |m| m);
            let rows = self.parts.get(*part).map_or(&[][..], |part| &part.test);
            rows.iter().copied().zip(margins.iter().copied())
        };
        let scored = |(row, margin)| Scored { margin, label: self.table.label(row), weight: self.table.weight(row) };
        parts.iter().flat_map(rows).map(scored).collect()
    }

    /// Every row that can be judged, with the baselines' chances and the model's uncalibrated one.
    fn judge(&self, rule: Option<usize>) -> Vec<JudgedPart> {
        let judge = |(place, part): (usize, &Part)| {
            let others = self.others(place);
            if others.is_empty() {
                return None;
            }
            let trial = self.best(&others);
            let rate = self.table.rate(&part.training);
            let rule = Rule::fit(self.table, &part.training, rule);
            let rule_feature = rule.as_ref().map(|rule| rule.feature);
            let column = self.table.column(rule_feature.unwrap_or(0));
            let judged = |(row, margin): (&u32, &f64)| {
                let value = column.get(*row as usize).copied().unwrap_or(f64::NAN);
                let rule = rule.as_ref().map_or(rate, |rule| rule.chance(value));
                Judged { row: *row, margin: *margin, chance: sigmoid(*margin), rate, rule }
            };
            let margins = self.margins.get(trial)?.get(place)?;
            Some(JudgedPart {
                part: place,
                trial,
                rule_feature,
                rows: part.test.iter().zip(margins).map(judged).collect(),
            })
        };
        self.parts.par_iter().enumerate().filter_map(judge).collect()
    }

    fn calibrated(&self, raw: &[JudgedPart], method: Method) -> Vec<JudgedPart> {
        let calibrated = |part: &JudgedPart| {
            let calibration = method.fit(&self.scored(part.trial, &self.others(part.part)));
            let mut part = part.clone();
            part.rows.iter_mut().for_each(|row| row.chance = calibration.chance(row.margin));
            part
        };
        raw.iter().map(calibrated).collect()
    }

    /// Measures of all judged rows; the area under the curve is taken part by part, since chances of two parts come from two
    /// models and need not rank against each other.
    fn measured(&self, parts: &[JudgedPart], of: Forecast) -> Result<Measures, ClassifyError> {
        let (chances, labels, weights) = columns(self.table, &flat(parts), of);
        let mut measures = Measures::of(&chances, &labels, &weights)?;
        let (mut sum, mut n_rows) = (0.0, 0.0);
        for part in parts {
            let (chances, labels, weights) = columns(self.table, &part.rows, of);
            sum += auc(&chances, &labels, &weights)? * part.rows.len() as f64;
            n_rows += part.rows.len() as f64;
        }
        measures.auc = sum / n_rows;
        Ok(measures)
    }

    fn baselines(&self, parts: &[JudgedPart], judged: &[Judged]) -> Result<Vec<Baseline>, ClassifyError> {
        let forecasts: [(&'static str, Forecast); 2] = [("rate", |one| one.rate), ("rule", |one| one.rule)];
        let mut baselines = Vec::with_capacity(forecasts.len());
        for (name, forecast) in forecasts {
            let (gain, gain_low, gain_high) = gain(self.table, judged, forecast, self.seed);
            let feature = parts.last().and_then(|part| part.rule_feature).filter(|_| name == "rule");
            let feature = feature.and_then(|idx| self.table.features().nth(idx)).map(|feature| feature.name.clone());
            let measures = self.measured(parts, forecast)?;
            baselines.push(Baseline { name, feature, measures, gain, gain_low, gain_high });
        }
        Ok(baselines)
    }

    fn part_reports(&self, judged: &[JudgedPart]) -> Result<Vec<PartReport>, ClassifyError> {
        let report = |(place, part): (usize, &Part)| {
            let judged = judged.iter().find(|judged| judged.part == place);
            let measures = match judged {
                Some(judged) => {
                    let (chances, labels, weights) = columns(self.table, &judged.rows, |one| one.chance);
                    Some(Measures::of(&chances, &labels, &weights)?)
                }
                None => None,
            };
            Ok(PartReport {
                origin_s: part.origin_s,
                n_training: part.training.len(),
                n_test: part.test.len(),
                trial: judged.map(|judged| judged.trial),
                measures,
            })
        };
        self.parts.iter().enumerate().map(report).collect()
    }
}

fn trial(table: &Table, parts: &[Part], candidate: &Candidate, margins: &[Vec<f64>]) -> Result<Trial, ClassifyError> {
    let mut measures = Vec::with_capacity(parts.len());
    for (part, margins) in parts.iter().zip(margins) {
        let chances: Vec<f64> = margins.iter().map(|margin| sigmoid(*margin)).collect();
        let labels: Vec<bool> = part.test.iter().map(|row| table.label(*row)).collect();
        let weights: Vec<f64> = part.test.iter().map(|row| table.weight(*row)).collect();
        measures.push(Measures::of(&chances, &labels, &weights)?);
    }
    let n = measures.len() as f64;
    let mean = measures.iter().map(|measures| measures.log_loss).sum::<f64>() / n;
    let spread = measures.iter().map(|measures| (measures.log_loss - mean) * (measures.log_loss - mean)).sum::<f64>();
    Ok(Trial {
        candidate: *candidate,
        parts: measures,
        log_loss: Some(mean),
        log_loss_error: Some((spread / (n - 1.0).max(1.0) / n).sqrt()),
        failure: None,
        is_chosen: false,
    })
}

fn failed(candidate: &Candidate, fault: &ClassifyError) -> Trial {
    Trial {
        candidate: *candidate,
        parts: Vec::new(),
        log_loss: None,
        log_loss_error: None,
        failure: Some(fault.to_string()),
        is_chosen: false,
    }
}

fn flat(parts: &[JudgedPart]) -> Vec<Judged> {
    parts.iter().flat_map(|part| part.rows.iter().copied()).collect()
}

fn columns(table: &Table, judged: &[Judged], of: impl Fn(&Judged) -> f64) -> (Vec<f64>, Vec<bool>, Vec<f64>) {
    (
        judged.iter().map(of).collect(),
        judged.iter().map(|one| table.label(one.row)).collect(),
        judged.iter().map(|one| table.weight(one.row)).collect(),
    )
}

/// Features that a person should look at: those that know the outcome all alone, and those that say nothing.
fn warnings(table: &Table) -> Vec<String> {
    let mut warnings = Vec::new();
    for (idx, feature) in table.features().enumerate() {
        let known = || (0_u32..).zip(table.column(idx)).filter(|(_, value)| !value.is_nan());
        let mut values = known().map(|(_, value)| *value);
        let first = values.next();
        if first.is_none_or(|first| values.all(|value| value == first)) {
            warnings.push(format!("feature `{}` has the same value, or none, in all rows", feature.name));
        } else if feature.kind == Kind::Number {
            let scores: Vec<f64> = known().map(|(_, value)| *value).collect();
            let labels: Vec<bool> = known().map(|(row, _)| table.label(row)).collect();
            let weights: Vec<f64> = known().map(|(row, _)| table.weight(row)).collect();
            let Ok(area) = auc(&scores, &labels, &weights) else { continue };
            if area.max(1.0 - area) > 0.99 && scores.len() >= 50 {
                warnings.push(format!(
                    "feature `{}` tells the outcome all alone (area under the curve {area:.3}); does it know the future?",
                    feature.name
                ));
            }
        }
    }
    warnings
}
