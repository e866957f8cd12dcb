//! Folds for validation, and intervals by resampling.

use rayon::prelude::*;

use super::Stream;

/// Which fold each of `n` rows belongs to.
///
/// Shape: one entry a row, each in `0..k`. Fold sizes differ by one at most; which rows go where is random but follows from `seed`.
/// `k` of 0 counts as 1. With `k > n` some folds stay empty.
#[must_use]
pub fn folds(n: usize, k: u32, seed: u64) -> Vec<u32> {
    let k = k.max(1) as usize;
    let mut folds: Vec<u32> = (0..n).map(|row| (row % k) as u32).collect();
    Stream::new(seed, "resample.folds").shuffle(&mut folds);
    folds
}

/// An interval for the mean of `values`: the middle `level` of the means of `n_resamples` resamples (percentile bootstrap).
///
/// Unit: that of the values. `level`: such as 0.95; outside 0..=1 it is cut to that range. Both ends are `NaN` without values or
/// resamples, or if a value is `NaN`.
/// Deterministic: the same for any number of threads.
/// Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), §13.3.
#[must_use]
pub fn bootstrap_interval(values: &[f64], n_resamples: usize, level: f64, seed: u64) -> (f64, f64) {
    let n = values.len();
    intervals(n_resamples, level, |number| {
        let mut stream = Stream::numbered(seed, "resample.bootstrap", number);
        let mut sum = 0.0;
        for _ in 0..n {
            sum += values.get(stream.index(n)).copied().unwrap_or(f64::NAN);
        }
        // Without values this is 0 / 0.
        sum / n as f64
    })
}

/// As [`bootstrap_interval`], for any statistic of a resample of `n` rows.
///
/// `statistic` is given the drawn positions (with repeats, each below `n`) and may run on several threads. For `n` = 0 it is given
/// none.
#[must_use]
pub fn bootstrap_of(
    n: usize,
    n_resamples: usize,
    level: f64,
    seed: u64,
    statistic: impl Fn(&[usize]) -> f64 + Sync,
) -> (f64, f64) {
    intervals(n_resamples, level, |number| {
        statistic(&Stream::numbered(seed, "resample.bootstrap", number).resample_indices(n))
    })
}

fn intervals(n_resamples: usize, level: f64, one: impl Fn(u64) -> f64 + Sync) -> (f64, f64) {
    let mut statistics: Vec<f64> = (0..n_resamples as u64).into_par_iter().map(&one).collect();
    if statistics.is_empty() || statistics.iter().any(|statistic| statistic.is_nan()) || level.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    statistics.sort_by(f64::total_cmp);
    let tail = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
    (quantile_of_sorted(&statistics, tail), quantile_of_sorted(&statistics, 1.0 - tail))
}

/// The quantile at `share` of ascending values, straight lines between them (type 7 of Hyndman and Fan). `NaN` of none.
pub(crate) fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let low = sorted.get(below).copied().unwrap_or(f64::NAN);
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    let part = place - below as f64;
    if part == 0.0 || low == high { low } else { low + part * (high - low) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_and_repeatable() {
        let found = folds(103, 5, 1);
        let mut counts = [0; 5];
        for fold in &found {
            counts[*fold as usize] += 1;
        }
        assert_eq!(counts, [21, 21, 21, 20, 20]);
        assert_eq!(found, folds(103, 5, 1));
        assert_ne!(found, folds(103, 5, 2));
        assert_eq!(folds(3, 0, 1), [0, 0, 0]);
        assert!(folds(0, 5, 1).is_empty());
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8], [0, .1, .5, .9, 1])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile_of_sorted(&sorted, share) - expected).abs() < 1e-12);
        }
        assert!(quantile_of_sorted(&[], 0.5).is_nan());
    }

    #[test]
    fn intervals_hold_the_mean_as_often_as_they_say() {
        let mut hits = 0;
        for trial in 0..200 {
            let mut stream = Stream::numbered(9, "coverage", trial);
            let values: Vec<f64> = (0..60).map(|_| 5.0 + stream.normal()).collect();
            let (low, high) = bootstrap_interval(&values, 300, 0.9, trial);
            assert!(low < high);
            hits += u32::from(low <= 5.0 && 5.0 <= high);
        }
        // 180 expected, standard deviation 4; the percentile interval is a little narrow.
        assert!((162..=192).contains(&hits), "{hits}");
    }

    #[test]
    fn any_statistic_agrees_with_the_mean() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let general = bootstrap_of(40, 200, 0.95, 3, |rows| rows.iter().map(|row| values[*row]).sum::<f64>() / 40.0);
        assert_eq!(general, bootstrap_interval(&values, 200, 0.95, 3));
    }

    #[test]
    fn threads_change_nothing() {
        let values: Vec<f64> = (0..500).map(|x| f64::from(x).sqrt()).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap_interval(&values, 400, 0.95, 11))
        };
        assert_eq!(with(1), with(2));
    }

    #[test]
    fn nothing_gives_nothing() {
        let is_nan = |(low, high): (f64, f64)| low.is_nan() && high.is_nan();
        assert!(is_nan(bootstrap_interval(&[], 100, 0.95, 1)));
        assert!(is_nan(bootstrap_interval(&[1.0], 0, 0.95, 1)));
        assert!(is_nan(bootstrap_interval(&[1.0, f64::NAN], 100, 0.95, 1)));
        assert_eq!(bootstrap_interval(&[2.0; 9], 100, 0.95, 1), (2.0, 2.0));
    }
}
