//! The negative binomial model, in which nobody ever stops: the plain relative that keeps the others honest.

use super::FitError;
use super::collapse::Collapsed;
use super::simplex::{Bounds, LOG_BOUND, search};
use statrs::function::gamma::ln_gamma;

/// Purchases at a steady rate that varies between customers by a gamma distribution.
///
/// Its likelihood is in the same form as that of [`super::BgNbd`], whose special case it is (`b` without end), so the two can
/// be compared.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct NbdFit {
    /// Shape of the rates.
    pub r: f64,
    /// Inverse scale of the rates. Unit: weeks.
    pub alpha: f64,
    /// Natural logarithm of the likelihood.
    pub log_likelihood: f64,
}

impl NbdFit {
    pub(super) fn of(collapsed: &Collapsed) -> Result<(Self, u32), FitError> {
        let rows = collapsed.by_age();
        let bounds: Bounds<2> = [(-LOG_BOUND, LOG_BOUND); 2];
        let objective = |at: &[f64; 2]| {
            let (r, alpha) = (at[0].exp(), at[1].exp());
            let ln_gamma_r = ln_gamma(r);
            let gammas: Vec<f64> = collapsed.counts.iter().map(|x| ln_gamma(r + f64::from(*x)) - ln_gamma_r).collect();
            let ln_rates: Vec<f64> = collapsed.times.iter().map(|time| (alpha + time).ln()).collect();
            let same = r * at[1];
            let sum: f64 = rows
                .iter()
                .map(|(count_idx, age_idx, weight)| {
                    let count = *count_idx as usize;
                    match (gammas.get(count), collapsed.counts.get(count), ln_rates.get(*age_idx as usize)) {
                        (Some(gamma), Some(x), Some(ln)) => weight * (gamma + same - (r + f64::from(*x)) * ln),
                        _ => f64::NAN,
                    }
                })
                .sum();
            -sum
        };
        // The mean rate as a second start: its scale is that of the shop.
        let (bought, watched) = collapsed
            .iter()
            .fold((0.0, 0.0), |(x, t), (repeat, weight)| (x + weight * f64::from(repeat.x), t + weight * repeat.t));
        let alpha = (watched / bought).ln().clamp(-LOG_BOUND, LOG_BOUND);
        let starts = [[0.0, alpha], [-1.0, alpha - 1.0]];
        let found = search(None, &mut { objective }, &starts, &bounds).ok_or(FitError::NoOptimum { model: "NBD" })?;
        let fit = Self { r: found.at[0].exp(), alpha: found.at[1].exp(), log_likelihood: -found.value };
        Ok((fit, found.n_evaluations))
    }
}
