//! Gamma-Gamma: what a customer spends on a purchase, when few purchases were seen.

use super::simplex::{Bounds, LOG_BOUND, Objective, covariance, search};
use super::{FitError, Warning};
use rayon::prelude::*;
use statrs::function::gamma::ln_gamma;

/// The box of the logarithms of p, q and v, where v is in units of the middle mean.
const BOUNDS: Bounds<3> = [(-LOG_BOUND, LOG_BOUND); 3];
/// Below it the population has no mean, or one that a few customers decide.
const Q_LEAST: f64 = 1.05;
const STARTS: [[f64; 3]; 4] = [[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 2.0, 2.0], [3.0, 3.0, 2.0]];
const CHUNK: usize = 4_096;
/// Rows above this number are searched on a coarser grid first.
const ROUGH_ABOVE: usize = 4_000;
/// Steps of the coarser grid: two per cent.
const ROUGH_STEP: f64 = 0.02;

/// Parameters with what follows from them.
///
/// What a customer spends on a purchase follows a gamma distribution of shape `p`, whose rate varies between customers by a
/// gamma distribution of `q` and `v`; it does not depend on how often the customer buys.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct GammaGammaLaw {
    /// Shape of single purchases. Range: above 0.
    pub p: f64,
    /// Shape of the rates. Range: above 1, so that the population has a mean.
    pub q: f64,
    /// Scale of the rates. Unit: that of the means. Range: above 0.
    pub v: f64,
}

impl GammaGammaLaw {
    /// A law of known parameters. Errors: [`FitError::BadParameter`].
    pub fn new(p: f64, q: f64, v: f64) -> Result<Self, FitError> {
        for (parameter, value, above) in [("p", p, 0.0), ("q", q, 1.0), ("v", v, 0.0)] {
            if !(value.is_finite() && value > above) {
                return Err(FitError::BadParameter { parameter, value, above });
            }
        }
        Ok(Self { p, q, v })
    }

    /// What a customer is expected to spend on a purchase, given the mean of `x` repeat purchases: between that mean and the
    /// population's, nearer to the former the more purchases there are.
    ///
    /// Without repeat purchases, or if nothing was paid for them, it is the population's mean.
    #[must_use]
    pub fn expected_mean(&self, x: u32, mean: f64) -> f64 {
        let (x, mean) = seen(x, mean);
        self.p * (self.v + x * mean) / (self.p * x + self.q - 1.0)
    }
}

/// The purchases that tell something of what a customer spends.
pub(super) fn seen(x: u32, mean: f64) -> (f64, f64) {
    if x > 0 && mean > 0.0 { (f64::from(x), mean) } else { (0.0, 0.0) }
}

/// A law learned from a cohort. Its law's fields and methods are at hand directly: `fit.expected_mean(..)`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct GammaGammaFit {
    /// What was learned.
    #[serde(flatten)]
    pub law: GammaGammaLaw,
    /// Natural logarithm of the likelihood of the means.
    pub log_likelihood: f64,
    /// Customers with a repeat purchase, of whom it was learned.
    pub n_customers: u64,
    /// Different rows of them.
    pub n_rows: usize,
    /// Evaluations of the likelihood.
    pub n_evaluations: u32,
    /// Covariance of the logarithms of p, q, v, in this order. `None` if the likelihood is flat.
    pub covariance: Option<[[f64; 3]; 3]>,
    /// What must be known of the fit.
    pub warnings: Vec<Warning>,
}

impl std::ops::Deref for GammaGammaFit {
    type Target = GammaGammaLaw;

    fn deref(&self) -> &GammaGammaLaw {
        &self.law
    }
}

/// The model of Fader and Hardie (2013).
#[derive(Clone, Copy, Debug)]
pub struct GammaGamma;

impl GammaGamma {
    /// Learns from repeat purchases and their mean value, one row a customer, in any order. Rows without repeat purchases are
    /// passed over.
    ///
    /// Errors: a mean that is not finite or not above 0, or no customer with a repeat purchase.
    pub fn fit(rows: &[(u32, f64)]) -> Result<GammaGammaFit, FitError> {
        const MODEL: &str = "Gamma-Gamma";
        if rows.is_empty() {
            return Err(FitError::Empty);
        }
        let mut known = Vec::new();
        for (row, &(x, mean)) in rows.iter().enumerate() {
            if x == 0 {
                continue;
            }
            if !mean.is_finite() {
                return Err(FitError::NotFinite { row, field: "mean", value: mean });
            }
            if mean <= 0.0 {
                return Err(FitError::MeanNotPositive { row, x, mean });
            }
            known.push((x, mean));
        }
        known.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        // The middle mean as the unit makes the fit the same in pounds, pennies and yen.
        let mut means: Vec<f64> = known.iter().map(|(_, mean)| *mean).collect();
        means.sort_unstable_by(f64::total_cmp);
        let Some(unit) = means.get(means.len() / 2).copied() else {
            return Err(FitError::NoRepeat { n_customers: rows.len() as u64 });
        };

        let scaled: Vec<(u32, f64)> = known.iter().map(|(x, mean)| (*x, (mean / unit).ln())).collect();
        let groups = groups(&scaled);
        let rough = (scaled.len() > ROUGH_ABOVE).then(|| {
            let rounded: Vec<(u32, f64)> =
                scaled.iter().map(|(x, ln)| (*x, (ln / ROUGH_STEP).round() * ROUGH_STEP)).collect();
            self::groups(&rounded)
        });
        let find = |bounds: &Bounds<3>| {
            let mut on_rough = rough.as_ref().map(|rough| |at: &[f64; 3]| -likelihood(rough, at));
            let on_rough = on_rough.as_mut().map(|objective| objective as Objective<'_, 3>);
            search(on_rough, &mut |at| -likelihood(&groups, at), &STARTS, bounds)
                .ok_or(FitError::NoOptimum { model: MODEL })
        };
        let mut warnings = Vec::new();
        let (mut bounds, mut found) = (BOUNDS, find(&BOUNDS)?);
        let mut n_evaluations = found.n_evaluations;
        if found.at[1].exp() < Q_LEAST {
            bounds[1].0 = Q_LEAST.ln();
            found = find(&bounds)?;
            n_evaluations += found.n_evaluations;
            warnings.push(Warning::NoPopulationMean { q: found.at[1].exp() });
        }
        for (idx, parameter) in ["p", "q", "v"].into_iter().enumerate() {
            let value = found.at.get(idx).map_or(f64::NAN, |at| at.exp());
            if found.is_at_edge(idx, &BOUNDS) {
                warnings.push(Warning::AtBound { model: MODEL, parameter, value });
            }
        }
        if !found.is_converged {
            warnings.push(Warning::NotConverged { model: MODEL, n_evaluations });
        }
        let covariance = covariance(&mut |at| -likelihood(&groups, at), &found, &bounds);
        if covariance.is_none() {
            warnings.push(Warning::NoCovariance { model: MODEL });
        }
        let [p, q, v] = found.at.map(f64::exp);
        Ok(GammaGammaFit {
            law: GammaGammaLaw { p, q, v: v * unit },
            // A density in units of the middle mean is that many times greater than one in the caller's unit.
            log_likelihood: -found.value - known.len() as f64 * unit.ln(),
            n_customers: known.len() as u64,
            n_rows: groups.iter().map(|group| group.means.len()).sum(),
            n_evaluations,
            covariance,
            warnings,
        })
    }
}

/// Customers with an equal number of repeat purchases.
struct Group {
    x: f64,
    /// The different means with how many customers have them, ascending.
    means: Vec<(f64, f64)>,
    /// Customers.
    weight: f64,
    /// Sum of the logarithms of their means.
    ln_sum: f64,
}

/// Groups by count; rows must ascend by count and mean and hold logarithms of means.
fn groups(rows: &[(u32, f64)]) -> Vec<Group> {
    let mut groups: Vec<(u32, Group)> = Vec::new();
    for &(x, ln) in rows {
        if groups.last().is_none_or(|(count, _)| *count != x) {
            groups.push((x, Group { x: f64::from(x), means: Vec::new(), weight: 0.0, ln_sum: 0.0 }));
        }
        let Some((_, group)) = groups.last_mut() else { continue };
        group.weight += 1.0;
        group.ln_sum += ln;
        let mean = ln.exp();
        match group.means.last_mut() {
            Some((last, weight)) if *last == mean => *weight += 1.0,
            _ => group.means.push((mean, 1.0)),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The log-likelihood at the logarithms of p, q and v.
fn likelihood(groups: &[Group], logs: &[f64; 3]) -> f64 {
    let [p, q, v] = logs.map(f64::exp);
    let ln_gamma_q = ln_gamma(q);
    groups
        .iter()
        .map(|group| {
            let shape = p * group.x;
            let same = ln_gamma(shape + q) - ln_gamma(shape) - ln_gamma_q + q * logs[2] + shape * group.x.ln();
            let sum = |means: &[(f64, f64)]| {
                means.iter().map(|(mean, weight)| weight * (v + group.x * mean).ln()).sum::<f64>()
            };
            // Chunks of a fixed size: the sum does not depend on the number of threads.
            let rates: f64 = if group.means.len() <= 2 * CHUNK {
                group.means.chunks(CHUNK).map(sum).sum()
            } else {
                let sums: Vec<f64> = group.means.par_chunks(CHUNK).map(sum).collect();
                sums.iter().sum()
            };
            group.weight * same + (shape - 1.0) * group.ln_sum - (shape + q) * rates
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The printed formula, without logarithms.
    fn naive(p: f64, q: f64, v: f64, x: f64, z: f64) -> f64 {
        let gamma = |x: f64| statrs::function::gamma::gamma(x);
        let front = gamma(p * x + q) / (gamma(p * x) * gamma(q));
        (front * v.powf(q) * z.powf(p * x - 1.0) * x.powf(p * x) / (v + x * z).powf(p * x + q)).ln()
    }

    #[test]
    fn logarithms_and_the_printed_formula_agree() {
        let rows = [(1, 0.4), (1, 1.0), (1, 1.0), (2, 3.5), (7, 0.9)];
        let logged: Vec<(u32, f64)> = rows.iter().map(|(x, z): &(u32, f64)| (*x, z.ln())).collect();
        let groups = groups(&logged);
        assert_eq!(groups.iter().map(|group| group.means.len()).collect::<Vec<_>>(), [2, 1, 1]);
        for (p, q, v) in [(6.25f64, 3.74f64, 0.6f64), (0.3, 1.2, 2.0), (2.0, 9.0, 8.0)] {
            let found = likelihood(&groups, &[p.ln(), q.ln(), v.ln()]);
            let expected: f64 = rows.iter().map(|(x, z)| naive(p, q, v, f64::from(*x), *z)).sum();
            assert!((found - expected).abs() < 1e-11, "{found} {expected}");
        }
    }
}
