//! Expected purchases: one minus a hypergeometric function, in the form with few terms and without overflow.

/// Most terms of a series. With the shorter of the two forms real shops need less than a hundred.
const TERMS_MAX: u32 = 2_000_000;
/// Above it a running sum is scaled down, so that it cannot overflow.
const SCALE_ABOVE: f64 = 1e250;
/// Around `a = 1` the formula is nought by nought. There the mean of two neighbours stands in: their distance leaves an error
/// of its square, about 1e-10.
const NUDGE: f64 = 1e-5;

/// Expected purchases in the next `weeks` of a customer who is still there.
///
/// `count` is `r + x`, `rate` is `alpha + T`; the chance to leave after a purchase follows a beta distribution of `a` and `b`,
/// where `b` counts the purchases after which the customer stayed. Source: Fader, Hardie, Lee (2005), equation 10, with `b + x`
/// for its `b`.
pub(super) fn purchases_while_there(count: f64, rate: f64, a: f64, b: f64, weeks: f64) -> f64 {
    if weeks <= 0.0 {
        return 0.0;
    }
    if (a - 1.0).abs() < NUDGE {
        let beside = |a: f64| purchases_away_from_one(count, rate, a, b, weeks);
        return 0.5 * (beside(1.0 - NUDGE) + beside(1.0 + NUDGE));
    }
    purchases_away_from_one(count, rate, a, b, weeks)
}

fn purchases_away_from_one(count: f64, rate: f64, a: f64, b: f64, weeks: f64) -> f64 {
    let c = a + b - 1.0;
    let z = weeks / (rate + weeks);
    // ln(1 - z), without the loss of digits where z is near 1.
    let ln_rest = (rate / (rate + weeks)).ln();
    // The paper's series, and Euler's transformation of it. Both are exact; the one with the smaller product of parameters has
    // fewer terms and less to cancel.
    let (first, second, power) = if ((c - count) * (a - 1.0)).abs() <= (count * b).abs() {
        (c - count, a - 1.0, a - 1.0)
    } else {
        (count, b, count)
    };
    let (sum, ln_scale) = hypergeometric(first, second, c, z);
    let gone = sum * (ln_scale + power * ln_rest).exp();
    // Rounding must not make it negative.
    (c / (a - 1.0) * (1.0 - gone)).max(0.0)
}

/// Gauss's series 2F1(a, b; c; z) for `0 <= z < 1` and `c > 0`, as a number and the logarithm of what to multiply it with.
fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> (f64, f64) {
    let (mut sum, mut term, mut ln_scale) = (1.0f64, 1.0f64, 0.0f64);
    for n in 0..TERMS_MAX {
        let n = f64::from(n);
        let ratio = z * (a + n) * (b + n) / ((c + n) * (n + 1.0));
        term *= ratio;
        sum += term;
        if sum.abs() > SCALE_ABOVE || term.abs() > SCALE_ABOVE {
            sum /= SCALE_ABOVE;
            term /= SCALE_ABOVE;
            ln_scale += SCALE_ABOVE.ln();
        }
        // What follows is less than a geometric series of the last ratio, once ratios fall or are near z.
        let rest = term.abs() / (1.0 - ratio.abs().max(z)).max(f64::MIN_POSITIVE);
        if ratio.abs() < 1.0 && rest <= sum.abs() * 1e-16 {
            break;
        }
    }
    (sum, ln_scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn series_of_known_functions() {
        let value = |a, b, c, z| {
            let (sum, ln_scale) = hypergeometric(a, b, c, z);
            sum * f64::exp(ln_scale)
        };
        // ln(1 + w) / w at w = -z, (1 - z)^-a, and a finite sum.
        near(value(1.0, 1.0, 2.0, 0.5), 2.0 * 2f64.ln(), 1e-14);
        near(value(3.0, 7.0, 7.0, 0.75), 64.0, 1e-13);
        near(value(-2.0, 3.0, 4.0, 0.5), 1.0 - 0.75 + 0.15, 1e-14);
        // 0.01^-900 is 1e1800.
        let (sum, ln_scale) = hypergeometric(900.0, 5.0, 5.0, 0.99);
        near(sum.ln() + ln_scale, 1_800.0 * 10f64.ln(), 1e-12);
    }

    /// The same expectation as an integral over the chance to leave, by Simpson's rule after the substitution
    /// p = y^m, which takes the pole of `p^(a-1)` away.
    fn by_integral(count: f64, rate: f64, a: f64, b: f64, weeks: f64) -> f64 {
        let power = (4.0 / a).max(2.0);
        let n = 20_000;
        let mut sums = (0.0, 0.0);
        for i in 1..n {
            let y = f64::from(i) / f64::from(n);
            let p = y.powf(power);
            let weight = if i % 2 == 1 { 4.0 } else { 2.0 };
            let density = y.powf(power * a - 1.0) * (1.0 - p).powf(b - 1.0) * weight;
            let purchases = -(-count * (p * weeks / rate).ln_1p()).exp_m1() / p;
            sums = (sums.0 + density * purchases, sums.1 + density);
        }
        sums.0 / sums.1
    }

    #[test]
    fn series_and_integral_agree() {
        let mut n_cases = 0;
        for (count, rate, a, b) in [
            (2.24, 43.3, 0.793, 4.43),
            (0.24, 4.4, 0.793, 2.43),
            (5.0, 20.0, 1.0, 3.0),
            (9.5, 30.0, 4.0, 12.0),
            (3.0, 8.0, 1.000_02, 6.0),
        ] {
            for weeks in [0.5, 4.345, 52.0, 400.0] {
                near(purchases_while_there(count, rate, a, b, weeks), by_integral(count, rate, a, b, weeks), 2e-6);
                n_cases += 1;
            }
        }
        assert_eq!(n_cases, 20);
    }

    #[test]
    fn nothing_is_bought_in_no_time() {
        assert_eq!(purchases_while_there(2.0, 40.0, 0.8, 3.0, 0.0).to_bits(), 0);
    }
}
