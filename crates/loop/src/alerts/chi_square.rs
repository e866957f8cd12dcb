//! Pearson's chi-square test of counts against shares.

/// Least expected count of a cell: below it the approximation is not to be trusted.
const EXPECTED_MIN: f64 = 5.0;
/// Where series and continued fraction stop: far beyond what doubles can tell.
const STEPS_MAX: u32 = 10_000;
const PRECISION: f64 = 1e-15;

/// How likely counts are to differ from their weights so far or farther, if visitors are shared out by the weights.
///
/// Cells of weight 0 take no part (not in the degrees of freedom either). Weights need not sum to 1. `None`: fewer than two
/// cells have a weight, or one is expected to have fewer than five. Source: Pearson 1900; the rule of five: Cochran 1954.
pub fn sample_ratio_p(cells: &[(u64, f64)]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let cells: Vec<(f64, f64)> = cells.iter().filter(|(_, it)| *it > 0.0).map(|(n, it)| (*n as f64, *it)).collect();
    let (n, weight) = cells.iter().fold((0.0, 0.0), |(n, weight), (count, it)| (n + count, weight + it));
    let expected = |it: f64| n * it / weight;
    if cells.len() < 2 || cells.iter().any(|(_, it)| expected(*it) < EXPECTED_MIN) {
        return None;
    }
    let statistic = cells.iter().map(|(count, it)| (count - expected(*it)).powi(2) / expected(*it)).sum();
    let freedom = u32::try_from(cells.len().saturating_sub(1)).unwrap_or(u32::MAX);
    Some(upper_tail(statistic, freedom))
}

/// The chance that a chi-square variable of so many degrees of freedom is at least `x`.
///
/// Source: the regularised upper incomplete gamma function Q(k/2, x/2), by series below the mean and by Lentz's continued
/// fraction above it (Abramowitz and Stegun 6.5.29, 6.5.31).
pub fn upper_tail(x: f64, freedom: u32) -> f64 {
    if x <= 0.0 || freedom == 0 {
        return 1.0;
    }
    let (a, x) = (f64::from(freedom) / 2.0, x / 2.0);
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for step in 1..STEPS_MAX {
            term *= x / (a + f64::from(step));
            sum += term;
            if term < sum * PRECISION {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let tiny = f64::MIN_POSITIVE;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for step in 1..STEPS_MAX {
        let step = f64::from(step);
        let factor = -step * (step - a);
        b += 2.0;
        let away = |it: f64| if it.abs() < tiny { tiny } else { it };
        d = 1.0 / away(factor * d + b);
        c = away(b + factor / c);
        let change = d * c;
        fraction *= change;
        if (change - 1.0).abs() < PRECISION {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// Logarithm of the gamma function for positive numbers. Source: Lanczos's approximation with g = 7 and nine terms (Godfrey).
fn ln_gamma(x: f64) -> f64 {
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = FIRST;
    let mut at = x;
    for term in TERMS {
        at += 1.0;
        sum += term / at;
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= expected.abs() * relative, "{found} is not {expected}");
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        // Quantiles of the 5 %, 1 % and 0.1 % tails, from tables with three decimals.
        for (freedom, five, one, tenth) in [
            (1, 3.841, 6.635, 10.828),
            (2, 5.991, 9.210, 13.816),
            (5, 11.070, 15.086, 20.515),
            (30, 43.773, 50.892, 59.703),
        ] {
            near(upper_tail(five, freedom), 0.05, 2e-3);
            near(upper_tail(one, freedom), 0.01, 2e-3);
            near(upper_tail(tenth, freedom), 0.001, 2e-3);
        }
        // For two degrees of freedom it is exp(-x/2).
        for x in [1e-3, 0.5, 2.0, 3.999, 4.001, 10.0, 100.0, 700.0] {
            near(upper_tail(x, 2), (-x / 2.0_f64).exp(), 1e-12);
        }
        assert_eq!([upper_tail(0.0, 3), upper_tail(-1.0, 3), upper_tail(1e6, 1)], [1.0, 1.0, 0.0]);
    }

    #[test]
    fn sample_ratios_are_those_of_other_programs() {
        // Results of GrowthBook's statistics library (gbstats 0.8.0, `check_srm`).
        near(sample_ratio_p(&[(1000, 0.5), (1200, 0.5)]).unwrap(), 2.0079e-5, 1e-4);
        near(sample_ratio_p(&[(5000, 50.0), (5050, 50.0)]).unwrap(), 0.61795, 1e-4);
        near(sample_ratio_p(&[(9000, 0.9), (500, 0.05), (480, 0.05)]).unwrap(), 0.68334, 1e-4);
    }

    #[test]
    fn cells_without_weight_take_no_part_and_few_counts_tell_nothing() {
        let without = sample_ratio_p(&[(1000, 1.0), (1200, 1.0)]);
        assert_eq!(sample_ratio_p(&[(1000, 1.0), (40, 0.0), (1200, 1.0)]), without);
        assert_eq!(sample_ratio_p(&[(5, 1.0), (4, 1.0)]), None);
        assert!(sample_ratio_p(&[(5, 1.0), (5, 1.0)]).is_some());
        assert_eq!(sample_ratio_p(&[(0, 1.0), (0, 1.0)]), None);
        assert_eq!(sample_ratio_p(&[(100, 1.0), (100, 0.0)]), None);
        assert_eq!(sample_ratio_p(&[]), None);
    }
}
