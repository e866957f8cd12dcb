//! Draws from the distributions of the models, on top of a seeded stream.

use crate::resample::Stream;

/// A number of the gamma distribution of `shape` and scale 1. Source: Marsaglia, Tsang, "A Simple Method for Generating Gamma
/// Variables" (2000), with its step for shapes below 1.
pub(super) fn gamma(stream: &mut Stream, shape: f64) -> f64 {
    if shape < 1.0 {
        let below = 1.0 - stream.unit();
        return gamma(stream, shape + 1.0) * below.powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = stream.normal();
        let v = (1.0 + c * normal).powi(3);
        if v <= 0.0 {
            continue;
        }
        let uniform = 1.0 - stream.unit();
        if uniform.ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A number of the beta distribution of `a` and `b`. Range: 0 to 1.
pub(super) fn beta(stream: &mut Stream, a: f64, b: f64) -> f64 {
    let (one, other) = (gamma(stream, a), gamma(stream, b));
    // Both can underflow where both shapes are tiny: then one of them has all of the mass.
    if one + other > 0.0 { one / (one + other) } else { f64::from(u8::from(stream.unit() < a / (a + b))) }
}

/// A waiting time with mean 1.
pub(super) fn exponential(stream: &mut Stream) -> f64 {
    -(1.0 - stream.unit()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn moments(expected: (f64, f64), mut draw: impl FnMut(&mut Stream) -> f64) {
        let mut stream = Stream::new(11, "value.draws.test");
        let n = 60_000;
        let drawn: Vec<f64> = (0..n).map(|_| draw(&mut stream)).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        let error = 5.0 * (expected.1 / f64::from(n)).sqrt();
        assert!((mean - expected.0).abs() < error, "mean {mean}, expected {}", expected.0);
        assert!((variance / expected.1 - 1.0).abs() < 0.08, "variance {variance}, expected {}", expected.1);
    }

    #[test]
    fn draws_have_their_moments() {
        for shape in [0.25, 0.8, 1.0, 4.5, 60.0] {
            moments((shape, shape), |stream| gamma(stream, shape));
        }
        moments((0.25, 0.25 * 0.75 / 4.2), |stream| beta(stream, 0.8, 2.4));
        moments((1.0, 1.0), exponential);
    }
}
