//! The likelihood of BG/NBD and MBG/NBD over collapsed rows, and its greatest value.
//!
//! The safe form: logarithms throughout, the two ways in which a customer can look so (still there, or gone after the last
//! purchase) added as logarithms. What depends on the count alone is worked out once a count, logarithms of times once a time.

use super::collapse::{Collapsed, Row};
use super::nbd::NbdFit;
use super::purchases::{PurchaseFit, PurchaseLaw, PurchaseModel};
use super::simplex::{Bounds, LOG_BOUND, Objective, covariance, search};
use super::{FitError, Repeat, Warning};
use rayon::prelude::*;
use statrs::function::gamma::ln_gamma;

/// The box of the logarithms of r, alpha, a, b.
const BOUNDS: Bounds<4> = [(-LOG_BOUND, LOG_BOUND); 4];
/// Starts for `ln a` and `ln b`; those of the rates come from the NBD. Many and few who stop, alike and different.
const STARTS: [(f64, f64); 5] = [(0.0, 1.0), (-1.0, 0.0), (0.5, 3.0), (-2.0, 3.0), (-1.0, 6.0)];
/// Rows that one thread sums at a time. Fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 4_096;
/// Fewer repeat buyers than this are a warning.
const N_REPEAT_WANTED: u64 = 50;

/// Fits `model` to `rows`. Errors: see [`FitError`].
pub(super) fn fit(model: PurchaseModel, rows: &[Repeat]) -> Result<PurchaseFit, FitError> {
    let collapsed = Collapsed::new(rows)?;
    let (nbd, n_nbd) = NbdFit::of(&collapsed)?;
    let rough = collapsed.rough();
    let mut on_rough = rough.as_ref().map(|rough| Likelihood::new(model, rough));
    let mut on_rough = on_rough.as_mut().map(|likelihood| |at: &[f64; 4]| -likelihood.at(at));
    let mut on_all = Likelihood::new(model, &collapsed);
    let mut starts: Vec<[f64; 4]> = STARTS.iter().map(|(a, b)| [nbd.r.ln(), nbd.alpha.ln(), *a, *b]).collect();
    // Those who stop hide how quickly they bought: half of the time that the NBD takes for it.
    starts.push([nbd.r.ln(), nbd.alpha.ln() - 1.0, 0.0, 1.0]);
    let on_rough = on_rough.as_mut().map(|objective| objective as Objective<'_, 4>);
    let found = search(on_rough, &mut |at| -on_all.at(at), &starts, &BOUNDS)
        .ok_or(FitError::NoOptimum { model: model.name() })?;
    let log_likelihood = -found.value;
    is_possible(model, log_likelihood, &nbd, &collapsed)?;

    let mut warnings = Vec::new();
    for (idx, parameter) in ["r", "alpha", "a", "b"].into_iter().enumerate() {
        if found.is_at_edge(idx, &BOUNDS) {
            let value = found.at.get(idx).map_or(f64::NAN, |at| at.exp());
            warnings.push(Warning::AtBound { model: model.name(), parameter, value });
        }
    }
    let gain = log_likelihood - nbd.log_likelihood;
    let needed = (collapsed.n_customers as f64).ln();
    if gain < needed {
        warnings.push(Warning::DropoutUnclear { gain, needed });
    }
    let n_repeat = collapsed.n_repeat();
    if n_repeat < N_REPEAT_WANTED {
        warnings.push(Warning::FewRepeat { n_repeat, needed: N_REPEAT_WANTED });
    }
    if !found.is_converged {
        warnings.push(Warning::NotConverged { model: model.name(), n_evaluations: found.n_evaluations });
    }
    let covariance = covariance(&mut |at| -on_all.at(at), &found, &BOUNDS);
    if covariance.is_none() {
        warnings.push(Warning::NoCovariance { model: model.name() });
    }
    let [r, alpha, a, b] = found.at.map(f64::exp);
    Ok(PurchaseFit {
        law: PurchaseLaw { model, r, alpha, a, b },
        log_likelihood,
        nbd,
        n_customers: collapsed.n_customers,
        n_rows: collapsed.rows.len(),
        n_evaluations: n_nbd + found.n_evaluations,
        covariance,
        warnings,
    })
}

/// The log-likelihood of `law` for `rows`. Errors: a row that cannot be.
pub(super) fn log_likelihood(law: &PurchaseLaw, rows: &[Repeat]) -> Result<f64, FitError> {
    let collapsed = Collapsed::new(rows)?;
    Ok(Likelihood::new(law.model, &collapsed).at(&[law.r.ln(), law.alpha.ln(), law.a.ln(), law.b.ln()]))
}

/// Whether any parameters can have this likelihood: more than those of the NBD, which the model holds as a special case, and
/// less than if each customer's own rate up to the last purchase were known, `(x / t_x)^x e^-x`.
fn is_possible(model: PurchaseModel, log_likelihood: f64, nbd: &NbdFit, collapsed: &Collapsed) -> Result<(), FitError> {
    let at_most: f64 = collapsed
        .iter()
        .filter(|(repeat, _)| repeat.x > 0)
        .map(|(repeat, weight)| {
            let x = f64::from(repeat.x);
            weight * (x * (x / repeat.t_x).ln() - x)
        })
        .sum();
    // At the edge of the box the special case is reached to about a thousandth for each purchase.
    let n_chances: f64 = collapsed.iter().map(|(repeat, weight)| weight * f64::from(repeat.x + 1)).sum();
    let at_least = nbd.log_likelihood - 1.0 - 1e-3 * n_chances;
    if log_likelihood.is_finite() && log_likelihood >= at_least && log_likelihood <= at_most + 1.0 {
        return Ok(());
    }
    Err(FitError::RanAway { model: model.name(), log_likelihood, at_least, at_most })
}

/// The likelihood with room for what is worked out once for all rows.
struct Likelihood<'a> {
    model: PurchaseModel,
    rows: &'a Collapsed,
    /// For each count: what is the same for all of its rows, and the odds of having left, without their times, as logarithms.
    counts: Vec<OfCount>,
    /// For each time: the logarithm of `alpha` plus it.
    ln_rates: Vec<f64>,
}

#[derive(Clone, Copy)]
struct OfCount {
    base: f64,
    ln_odds: f64,
    shape: f64,
}

impl<'a> Likelihood<'a> {
    fn new(model: PurchaseModel, rows: &'a Collapsed) -> Self {
        Self { model, rows, counts: Vec::new(), ln_rates: Vec::new() }
    }

    /// The log-likelihood at the logarithms of r, alpha, a, b.
    fn at(&mut self, logs: &[f64; 4]) -> f64 {
        let [r, alpha, a, b] = logs.map(f64::exp);
        let [_, ln_alpha, ln_a, _] = *logs;
        let model = self.model;
        let ln_gammas = ln_gamma(a + b) - ln_gamma(b) - ln_gamma(r);
        self.counts.clear();
        self.counts.extend(self.rows.counts.iter().map(|&x| {
            let x = f64::from(x);
            // Times after which the customer could leave and did not, if still there.
            let stayed = x + model.chances_before_first();
            let base = ln_gamma(r + x) + r * ln_alpha + ln_gamma(b + stayed) - ln_gamma(a + b + stayed) + ln_gammas;
            let ln_odds = if stayed > 0.0 { ln_a - (b + stayed - 1.0).ln() } else { f64::NEG_INFINITY };
            OfCount { base, ln_odds, shape: r + x }
        }));
        self.ln_rates.clear();
        self.ln_rates.extend(self.rows.times.iter().map(|time| (alpha + time).ln()));
        let this = &*self;
        let sum = |rows: &[Row]| rows.iter().map(|row| row.weight * this.of_row(row)).sum::<f64>();
        if self.rows.rows.len() <= 2 * CHUNK {
            return self.rows.rows.chunks(CHUNK).map(sum).sum();
        }
        let sums: Vec<f64> = self.rows.rows.par_chunks(CHUNK).map(sum).collect();
        sums.iter().sum()
    }

    fn of_row(&self, row: &Row) -> f64 {
        let (Some(of_count), Some(ln_last), Some(ln_age)) = (
            self.counts.get(row.count_idx as usize),
            self.ln_rates.get(row.last_idx as usize),
            self.ln_rates.get(row.age_idx as usize),
        ) else {
            return f64::NAN;
        };
        let there = of_count.base - of_count.shape * ln_age;
        there + ln_one_plus_exp(of_count.ln_odds + of_count.shape * (ln_age - ln_last))
    }
}

/// ln(1 + e^x) without overflow, and without work where 53 bits cannot tell it from 0 or x.
fn ln_one_plus_exp(x: f64) -> f64 {
    const FAR: f64 = 37.0;
    if x > FAR {
        x
    } else if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else if x < -FAR {
        0.0
    } else {
        x.exp().ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula of the papers as it is printed, without logarithms: right where nothing overflows.
    fn naive(law: &PurchaseLaw, repeat: Repeat) -> f64 {
        let gamma = |x: f64| statrs::function::gamma::gamma(x);
        let beta = |p: f64, q: f64| gamma(p) * gamma(q) / gamma(p + q);
        let PurchaseLaw { model, r, alpha, a, b } = *law;
        let x = f64::from(repeat.x);
        let rate = gamma(r + x) * alpha.powf(r) / gamma(r);
        let stayed = x + model.chances_before_first();
        let there = beta(a, b + stayed) / beta(a, b) * rate / (alpha + repeat.t).powf(r + x);
        let left = if stayed > 0.0 {
            beta(a + 1.0, b + stayed - 1.0) / beta(a, b) * rate / (alpha + repeat.t_x).powf(r + x)
        } else {
            0.0
        };
        (there + left).ln()
    }

    #[test]
    fn logarithms_and_the_printed_formula_agree() {
        let mut n_cases = 0;
        for model in [PurchaseModel::BgNbd, PurchaseModel::MbgNbd] {
            for (r, alpha, a, b) in [(0.243, 4.414, 0.793, 2.426), (1.5, 10.0, 3.0, 0.7), (4.0, 2.0, 0.05, 9.0)] {
                for (x, t_x, t) in
                    [(0, 0.0, 0.0), (0, 0.0, 38.9), (1, 1.7, 38.9), (2, 30.4, 38.9), (9, 12.0, 12.0), (20, 20.0, 30.0)]
                {
                    let (law, repeat) = (PurchaseLaw { model, r, alpha, a, b }, Repeat { x, t_x, t });
                    // A second customer, since a cohort without a repeat purchase is refused.
                    let other = Repeat { x: 1, t_x: 2.0, t: 3.0 };
                    let found = log_likelihood(&law, &[repeat, other]).unwrap();
                    let expected = naive(&law, repeat) + naive(&law, other);
                    assert!(
                        (found - expected).abs() < 1e-11 * expected.abs().max(1.0),
                        "{law:?} {repeat:?} {found} {expected}"
                    );
                    n_cases += 1;
                }
            }
        }
        assert_eq!(n_cases, 36);
    }

    #[test]
    fn a_likelihood_that_cannot_be_is_an_error() {
        let rows = [Repeat { x: 3, t_x: 9.0, t: 20.0 }, Repeat { x: 0, t_x: 0.0, t: 20.0 }];
        let collapsed = Collapsed::new(&rows).unwrap();
        let (nbd, _) = NbdFit::of(&collapsed).unwrap();
        for impossible in [1e6, -1e6, f64::NAN, f64::INFINITY] {
            let result = is_possible(PurchaseModel::BgNbd, impossible, &nbd, &collapsed);
            assert!(matches!(result, Err(FitError::RanAway { .. })), "{impossible}");
        }
        assert!(is_possible(PurchaseModel::BgNbd, nbd.log_likelihood + 0.1, &nbd, &collapsed).is_ok());
    }

    #[test]
    fn ln_one_plus_exp_has_no_overflow() {
        for (x, expected) in [
            (0.0, 2f64.ln()),
            (f64::NAN, f64::NAN),
            (36.9, 36.9),
            (37.1, 37.1),
            (-36.9, 0.0),
            (800.0, 800.0),
            (-800.0, 0.0),
            (f64::NEG_INFINITY, 0.0),
        ] {
            let found = ln_one_plus_exp(x);
            assert!((found - expected).abs() < 1e-15 || found.is_nan() && expected.is_nan(), "{x}: {found}");
        }
    }
}
