//! Draws that repeat: a small generator, seeded by its caller, and the distributions that bandits need.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). Normal
//! numbers come from Marsaglia's polar method, gamma numbers from Marsaglia and Tsang's (2000). Functions are those of `libm`, so
//! that every machine draws the same.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
/// Rejections are rare; whoever is rejected so often has numbers that no draw can come from.
const TRIES_MAX: u32 = 64;

/// A seed made of another one and a number: what differs in either differs in the result.
pub(crate) fn mixed(seed: u64, with: u64) -> u64 {
    scrambled(seed.wrapping_add(with.wrapping_mul(GAMMA)).wrapping_add(GAMMA))
}

/// A number for a text: FNV-1a, scrambled.
pub(crate) fn number_of(text: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    scrambled(text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// Where a number lies among all: 0..1.
pub(crate) fn share_of(number: u64) -> f64 {
    // 53 bits fit a double without rounding.
    (number >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

fn scrambled(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of draws.
pub(crate) struct Draws {
    state: u64,
    /// The polar method gives two normal numbers at a time.
    spare: Option<f64>,
}

/// A gamma number: `value * exp(log)`. Those of small shapes are too small to be written otherwise; of others, `log` is 0.
struct Gamma {
    value: f64,
    log: f64,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { state: seed, spare: None }
    }

    /// Uniform, strictly between 0 and 1.
    fn unit(&mut self) -> f64 {
        self.state = self.state.wrapping_add(GAMMA);
        share_of(scrambled(self.state)) + 0.5 / 9_007_199_254_740_992.0
    }

    /// Of mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        for _ in 0..TRIES_MAX {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = libm::sqrt(-2.0 * libm::log(square) / square);
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
        0.0
    }

    /// Of scale 1. `shape` is above 0.
    fn gamma(&mut self, shape: f64) -> Gamma {
        if shape < 1.0 {
            // A gamma number of shape a is one of shape a + 1 times u^(1/a).
            let log = libm::log(self.unit()) / shape;
            return Gamma { log, ..self.gamma(shape + 1.0) };
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        for _ in 0..TRIES_MAX {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let (v, u, square) = (root * root * root, self.unit(), x * x);
            // The first test spares nearly all logarithms and lets nothing pass that the second would not.
            if u < 1.0 - 0.0331 * square * square || libm::log(u) < 0.5 * square + d * (1.0 - v + libm::log(v)) {
                return Gamma { value: d * v, log: 0.0 };
            }
        }
        Gamma { value: d, log: 0.0 }
    }

    /// Of the beta distribution; both shapes are above 0.
    pub fn beta(&mut self, alpha: f64, beta: f64) -> f64 {
        let (a, b) = (self.gamma(alpha), self.gamma(beta));
        if a.log == 0.0 && b.log == 0.0 {
            return a.value / (a.value + b.value);
        }
        // a / (a + b), from their logarithms.
        1.0 / (1.0 + libm::exp(libm::log(b.value) + b.log - libm::log(a.value) - a.log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of many draws.
    fn moments(mut draw: impl FnMut(&mut Draws) -> f64) -> (f64, f64) {
        const N: u32 = 40_000;
        let mut draws = Draws::new(7);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..N {
            let x = draw(&mut draws);
            assert!(x.is_finite());
            sum += x;
            squares += x * x;
        }
        let mean = sum / f64::from(N);
        (mean, squares / f64::from(N) - mean * mean)
    }

    #[track_caller]
    fn close(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} is not {expected} within {within}");
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let (mean, variance) = moments(|it| it.unit());
        close(mean, 0.5, 0.01);
        close(variance, 1.0 / 12.0, 0.002);
        let (mean, variance) = moments(Draws::normal);
        close(mean, 0.0, 0.02);
        close(variance, 1.0, 0.03);
        for (alpha, beta) in [(1.0, 1.0), (2.0, 5.0), (0.3, 0.4), (300.0, 20_000.0)] {
            let (mean, variance) = moments(|it| it.beta(alpha, beta));
            let n = alpha + beta;
            let expected = alpha * beta / (n * n * (n + 1.0));
            close(mean, alpha / n, 4.0 * libm::sqrt(expected / 40_000.0));
            close(variance, expected, 0.05 * expected);
        }
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut draws = Draws::new(1_234_567);
        let mut next = || {
            draws.state = draws.state.wrapping_add(GAMMA);
            scrambled(draws.state)
        };
        assert_eq!([next(), next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn draws_are_the_same_on_every_machine() {
        let mut draws = Draws::new(42);
        let drawn = [draws.unit(), draws.normal(), draws.beta(2.0, 3.0)].map(f64::to_bits);
        let mut again = Draws::new(42);
        assert_eq!([again.unit(), again.normal(), again.beta(2.0, 3.0)].map(f64::to_bits), drawn);
    }
}
