//! How far a distribution has moved since the last build: PSI and Kolmogorov-Smirnov.
//!
//! A build keeps a [`BinnedDistribution`] of each feature in its report: borders and counts, no customer. The next build counts its own
//! values in the same bins ([`BinnedDistribution::recount`]) and compares ([`BinnedDistribution::drift_to`]). With both sets of values at
//! hand, [`ks_test`] compares them without bins.

mod binned;

pub use binned::{BinDrift, BinnedDistribution, Bins, Drift, DriftError};

use serde::{Deserialize, Serialize};

/// Share that an empty bin counts with in [`psi`], so that its logarithm exists.
const SHARE_MIN: f64 = 1e-4;

/// Population stability index of two counts over the same bins: the sum of (q - p) ln(q / p) over their shares p and q.
///
/// 0 if the shares are equal; see [`Verdict`] for what is much. A share below 0.0001 counts as that. `NaN` if the lengths differ or one has no rows.
#[must_use]
pub fn psi(earlier: &[u64], later: &[u64]) -> f64 {
    let total = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>();
    let (n_earlier, n_later) = (total(earlier), total(later));
    if earlier.len() != later.len() || n_earlier <= 0.0 || n_later <= 0.0 {
        return f64::NAN;
    }
    let parts = earlier.iter().zip(later).map(|(p, q)| psi_part(*p as f64 / n_earlier, *q as f64 / n_later));
    parts.sum()
}

/// What one bin adds to the index.
fn psi_part(earlier: f64, later: f64) -> f64 {
    let (p, q) = (earlier.max(SHARE_MIN), later.max(SHARE_MIN));
    (q - p) * libm::log(q / p)
}

/// The two-sample Kolmogorov-Smirnov test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KsTest {
    /// Largest distance between the two cumulative distributions, 0 to 1.
    pub statistic: f64,
    /// Chance of a distance as large if both come from one distribution. With very many rows small and harmless moves have small
    /// chances too: look at the statistic.
    pub p_value: f64,
}

/// The Kolmogorov-Smirnov statistic: see [`ks_test`]. `NaN` if either side has no value.
#[must_use]
pub fn ks(earlier: &[f64], later: &[f64]) -> f64 {
    ks_test(earlier, later).statistic
}

/// Compares two sets of values without bins. Missing values (`NaN`) are passed over; both figures are `NaN` if either side has no value.
///
/// The p-value is the asymptotic one with M. Stephens' correction (1970); good from about 10 values a side, and cautious where many
/// values are equal.
#[must_use]
pub fn ks_test(earlier: &[f64], later: &[f64]) -> KsTest {
    let sorted = |values: &[f64]| {
        let mut values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (earlier, later) = (sorted(earlier), sorted(later));
    if earlier.is_empty() || later.is_empty() {
        return KsTest { statistic: f64::NAN, p_value: f64::NAN };
    }
    let (n_earlier, n_later) = (earlier.len() as f64, later.len() as f64);
    let (mut below_earlier, mut below_later, mut statistic) = (0, 0, 0.0f64);
    while let (Some(a), Some(b)) = (earlier.get(below_earlier), later.get(below_later)) {
        // Both pass all values up to the smaller one before they are compared: equal values count together.
        let value = a.min(*b);
        while earlier.get(below_earlier).is_some_and(|other| *other <= value) {
            below_earlier += 1;
        }
        while later.get(below_later).is_some_and(|other| *other <= value) {
            below_later += 1;
        }
        statistic = statistic.max((below_earlier as f64 / n_earlier - below_later as f64 / n_later).abs());
    }
    let root = (n_earlier * n_later / (n_earlier + n_later)).sqrt();
    KsTest { statistic, p_value: kolmogorov_tail((root + 0.12 + 0.11 / root) * statistic) }
}

/// Chance that Kolmogorov's statistic exceeds `x`.
fn kolmogorov_tail(x: f64) -> f64 {
    // Below this the chance differs from 1 by less than 1e-9, and the series converges slowly.
    if x < 0.2 {
        return 1.0;
    }
    let mut sum = 0.0;
    let mut sign = 1.0;
    for j in 1..=100 {
        let j = f64::from(j);
        let term = libm::exp(-2.0 * j * j * x * x);
        sum += sign * term;
        sign = -sign;
        if term < 1e-17 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

/// What a population stability index means. The limits 0.1 and 0.25 are the customary ones of credit scoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Below 0.1.
    Stable,
    /// 0.1 up to 0.25.
    Shifted,
    /// 0.25 or more.
    Different,
    /// The index is `NaN`: there is nothing to compare.
    Unknown,
}

impl Verdict {
    /// The verdict on an index.
    #[must_use]
    pub fn of(psi: f64) -> Self {
        match psi {
            x if x < 0.1 => Self::Stable,
            x if x < 0.25 => Self::Shifted,
            x if x >= 0.25 => Self::Different,
            _ => Self::Unknown,
        }
    }

    /// In English and Chinese.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Stable => ("stable: about as in the earlier build", "稳定：与上次构建基本一致"),
            Self::Shifted => ("shifted: look at what changed before you rely on it", "有偏移：使用前请查看变化原因"),
            Self::Different => (
                "different: models and groups learned earlier may no longer hold",
                "明显不同：此前学到的模型和分群可能不再适用",
            ),
            Self::Unknown => ("unknown: one of the builds has no values", "未知：其中一次构建没有数据"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psi_by_hand() {
        // Shares .5 .5 and .25 .75: -.25 ln .5 + .25 ln 1.5 = .25 ln 3.
        assert!((psi(&[10, 10], &[1, 3]) - 0.25 * 3.0f64.ln()).abs() < 1e-12);
        assert_eq!(psi(&[1, 2, 3], &[10, 20, 30]), 0.0);
        // An empty bin counts as a share of 0.0001 on its side.
        let expected = (0.5 - 1.0f64) * 0.5f64.ln() + (0.5 - 1e-4) * (0.5f64 / 1e-4).ln();
        assert!((psi(&[9, 0], &[5, 5]) - expected).abs() < 1e-12);
        assert!(psi(&[1], &[1, 1]).is_nan() && psi(&[], &[]).is_nan() && psi(&[0], &[1]).is_nan());
    }

    #[test]
    fn ks_by_hand() {
        assert_eq!(ks(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]), 0.0);
        assert_eq!(ks(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        // After 2: 2 of 4 against 0 of 2.
        assert_eq!(ks(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0]), 0.5);
        // Equal values are passed together.
        assert_eq!(ks(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0]), 2.0 / 3.0 - 1.0 / 3.0);
        assert!(ks(&[f64::NAN], &[1.0]).is_nan());
    }

    #[test]
    fn tail_is_the_published_one() {
        // Critical values of N. Smirnov's table (1948): 5 % at 1.3581, 1 % at 1.6276.
        assert!((kolmogorov_tail(1.3581) - 0.05).abs() < 1e-5);
        assert!((kolmogorov_tail(1.6276) - 0.01).abs() < 1e-5);
        assert_eq!(kolmogorov_tail(0.0), 1.0);
    }

    #[test]
    fn verdicts_at_their_limits() {
        let cases =
            [(0.0, Verdict::Stable), (0.0999, Verdict::Stable), (0.1, Verdict::Shifted), (0.25, Verdict::Different)];
        for (psi, expected) in cases {
            assert_eq!(Verdict::of(psi), expected);
        }
        assert_eq!(Verdict::of(f64::NAN), Verdict::Unknown);
    }
}
