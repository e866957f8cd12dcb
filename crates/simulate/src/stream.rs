//! Seeded streams of random numbers: one for each thing that is drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What a stream is for. Streams of different purposes are independent of each other.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// When a visitor comes.
    Visits = 1,
    /// The number that stands for a visitor in draws.
    Unit = 2,
    /// The directions that vectors of items are made of.
    Vectors = 3,
    /// Which visitors a resample holds.
    Resample = 4,
}

/// A stream of draws.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The `number`-th stream of a purpose in the simulation that `seed` names.
    pub(crate) fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        key[16..].copy_from_slice(b"vitrine simulate");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(number);
        Self(rng)
    }

    /// 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform, 0 <= x < 1.
    pub(crate) fn unit(&mut self) -> f64 {
        share(self.bits())
    }

    /// Uniform over 0..n, with a bias below n / 2^32. 0 for `n` = 0; `n` is below 2^32.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }
}

/// The luck of one showing: uniform, 0 <= x < 1, made of the luck of its visit, the run and its place there. Every run has luck of its own, as the
/// variations of an experiment have: were it the same, a simulation would tell apart what no experiment of its size could.
///
/// Source: SplitMix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
pub(crate) fn luck(visit: u64, run: u8, place: u8) -> f64 {
    let number = u64::from(run) << 8 | u64::from(place);
    let mut z = visit.wrapping_add((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    share(z ^ (z >> 31))
}

/// Where a number lies among all.
fn share(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let first = |seed, purpose, number| Stream::new(seed, purpose, number).bits();
        assert_eq!(first(1, Purpose::Visits, 2), first(1, Purpose::Visits, 2));
        let mut seen = [
            first(1, Purpose::Visits, 2),
            first(1, Purpose::Visits, 3),
            first(1, Purpose::Unit, 2),
            first(2, Purpose::Visits, 2),
        ];
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn luck_is_even() {
        let mean = (0..20_000_u64).map(|visit| luck(visit, 1, (visit % 3) as u8)).sum::<f64>() / 20_000.0;
        // Six standard errors.
        assert!((mean - 0.5).abs() < 0.0123, "{mean}");
        let mut stream = Stream::new(1, Purpose::Resample, 0);
        let mut counts = [0_u32; 5];
        (0..50_000).for_each(|_| counts[stream.index(5)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
