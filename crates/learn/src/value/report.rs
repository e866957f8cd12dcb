//! All of it at once: fits, comparison, check, and what must be known of them.

use super::{
    BgNbd, Cohort, FitError, GammaGamma, GammaGammaFit, Holdout, HoldoutRow, MbgNbd, NbdFit, PurchaseFit, Warning,
};

/// A correlation of count and value beyond this, either way, is a warning.
const CORRELATION_MAX: f64 = 0.3;

/// The fits, for valuing customers.
#[derive(Clone, Debug, PartialEq)]
pub struct Models {
    /// How often customers buy: BG/NBD, which the published numbers are of.
    pub purchases: PurchaseFit,
    /// The same cohort by MBG/NBD, for comparison. `None` if it has no fit; a warning says why.
    pub alternative: Option<PurchaseFit>,
    /// What they spend. Unit: the currency's major unit. `None` if it has no fit; a warning says why.
    pub values: Option<GammaGammaFit>,
}

/// Parameters of BG/NBD or MBG/NBD, as reports show them.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct PurchaseParameters {
    /// Shape of the rates of purchase.
    pub r: f64,
    /// Inverse scale of the rates of purchase. Unit: weeks.
    pub alpha: f64,
    /// First shape of the chance to leave.
    pub a: f64,
    /// Second shape of the chance to leave.
    pub b: f64,
    /// Natural logarithm of the likelihood.
    pub log_likelihood: f64,
}

impl From<&PurchaseFit> for PurchaseParameters {
    fn from(fit: &PurchaseFit) -> Self {
        Self { r: fit.r, alpha: fit.alpha, a: fit.a, b: fit.b, log_likelihood: fit.log_likelihood }
    }
}

/// Parameters of Gamma-Gamma, as reports show them.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct GammaGammaParameters {
    /// Shape of single purchases.
    pub p: f64,
    /// Shape of the rates of spending.
    pub q: f64,
    /// Scale of the rates of spending. Unit: the currency's major unit.
    pub v: f64,
    /// Natural logarithm of the likelihood.
    pub log_likelihood: f64,
}

impl From<&GammaGammaFit> for GammaGammaParameters {
    fn from(fit: &GammaGammaFit) -> Self {
        Self { p: fit.p, q: fit.q, v: fit.v, log_likelihood: fit.log_likelihood }
    }
}

/// What a report says of the customer value of a cohort.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ValueReport {
    /// Customers of the cohort.
    pub n_customers: u64,
    /// Customers with a repeat purchase.
    pub n_repeat_buyers: u64,
    /// Different rows of the cohort, from which it was fitted.
    pub n_rows: usize,
    /// Evaluations of a likelihood, of all fits.
    pub n_evaluations: u32,
    /// The fit of BG/NBD.
    pub bgnbd: PurchaseParameters,
    /// The fit without dropout.
    pub nbd: NbdFit,
    /// The fit of MBG/NBD.
    pub mbgnbd: Option<PurchaseParameters>,
    /// The fit of Gamma-Gamma.
    pub gamma_gamma: Option<GammaGammaParameters>,
    /// Mean chance of being still there, over all customers. Range: 0 to 1.
    pub mean_p_alive: f64,
    /// The comparison of BG/NBD with what happened after the calibration. `None` without a holdout: then nothing says that the
    /// numbers are right.
    pub holdout: Option<Holdout>,
    /// The same of MBG/NBD.
    pub mbgnbd_holdout: Option<Holdout>,
    /// What must be known of the fits.
    pub warnings: Vec<Warning>,
}

/// Fits a cohort, compares it with its holdout if it has one, and reports.
///
/// `minor_digits` says how many digits of an amount are minor (2 for pennies), since Gamma-Gamma is reported in major units.
/// Errors: BG/NBD has no fit. A cohort without values still has a report, with a warning.
pub fn fit_report(cohort: &Cohort, minor_digits: u8, seed: u64) -> Result<(Models, ValueReport), FitError> {
    let repeats = cohort.repeats();
    let purchases = BgNbd::fit(&repeats)?;
    let mut warnings = purchases.warnings.clone();
    let mut n_evaluations = purchases.n_evaluations;

    let alternative = match MbgNbd::fit(&repeats) {
        Ok(fit) => {
            n_evaluations += fit.n_evaluations;
            Some(fit)
        }
        Err(error) => {
            warnings.push(Warning::NoAlternative { model: "MBG/NBD", reason: error.to_string() });
            None
        }
    };

    let major = 10f64.powi(i32::from(minor_digits));
    let repeat_buyers = cohort.customers.iter().filter(|customer| customer.repeat.x > 0);
    let means: Vec<(u32, f64)> =
        repeat_buyers.clone().map(|customer| (customer.repeat.x, customer.mean_repeat_minor() / major)).collect();
    let paid: Vec<(u32, f64)> = means.iter().copied().filter(|(_, mean)| *mean > 0.0).collect();
    if paid.len() < means.len() {
        warnings.push(Warning::FreePurchases { n_customers: (means.len() - paid.len()) as u64 });
    }
    if let Some(correlation) = correlation(&paid).filter(|correlation| correlation.abs() > CORRELATION_MAX) {
        warnings.push(Warning::ValueFollowsCount { correlation });
    }
    let values = match GammaGamma::fit(&paid) {
        Ok(fit) => {
            warnings.extend(fit.warnings.iter().cloned());
            n_evaluations += fit.n_evaluations;
            Some(fit)
        }
        Err(error) => {
            warnings.push(Warning::NoValues { reason: error.to_string() });
            None
        }
    };

    let mut chances: Vec<f64> = repeats.iter().map(|repeat| purchases.p_alive(*repeat)).collect();
    chances.sort_unstable_by(f64::total_cmp);
    let report = ValueReport {
        n_customers: purchases.n_customers,
        n_repeat_buyers: means.len() as u64,
        n_rows: purchases.n_rows,
        n_evaluations,
        bgnbd: (&purchases).into(),
        nbd: purchases.nbd,
        mbgnbd: alternative.as_ref().map(Into::into),
        gamma_gamma: values.as_ref().map(Into::into),
        mean_p_alive: chances.iter().sum::<f64>() / chances.len() as f64,
        holdout: check(cohort, &purchases, seed),
        mbgnbd_holdout: alternative.as_ref().and_then(|fit| check(cohort, fit, seed)),
        warnings,
    };
    Ok((Models { purchases, alternative, values }, report))
}

fn check(cohort: &Cohort, fit: &PurchaseFit, seed: u64) -> Option<Holdout> {
    if cohort.holdout_days == 0 {
        return None;
    }
    let weeks = cohort.holdout_weeks();
    let rows: Vec<HoldoutRow> = cohort
        .customers
        .iter()
        .map(|customer| HoldoutRow {
            x: customer.repeat.x,
            predicted: fit.expected(customer.repeat, weeks),
            actual: customer.n_holdout,
            n_last_period: customer.n_last_period,
            n_last_period_repeat: customer.n_last_period_repeat,
        })
        .collect();
    Holdout::of(&rows, weeks, seed)
}

/// Pearson's correlation; `None` where it has no meaning. The rows' order does not matter.
fn correlation(rows: &[(u32, f64)]) -> Option<f64> {
    let mut rows = rows.to_vec();
    rows.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let n = rows.len() as f64;
    let (mean_x, mean_z) = rows.iter().fold((0.0, 0.0), |(x, z), row| (x + f64::from(row.0) / n, z + row.1 / n));
    let (mut xx, mut xz, mut zz) = (0.0, 0.0, 0.0);
    for (x, z) in rows {
        let (x, z) = (f64::from(x) - mean_x, z - mean_z);
        (xx, xz, zz) = (xx + x * x, xz + x * z, zz + z * z);
    }
    let correlation = xz / (xx * zz).sqrt();
    correlation.is_finite().then_some(correlation)
}
