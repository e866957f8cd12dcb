//! One stream of random numbers, and what is drawn from it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers for one purpose.
///
/// Equal seed, purpose and number give equal draws, on every machine and in every build. Different purposes of one seed are
/// independent streams.
/// Not for secrets: the seed is public.
#[derive(Debug, Clone)]
pub struct Stream {
    rng: ChaCha8Rng,
    /// The second value of the last pair that [`Stream::normal`] made.
    spare_normal: Option<f64>,
}

impl Stream {
    /// The stream of `seed` for `purpose`, such as `"kmeans.start"`.
    ///
    /// The seed is the cipher's key (little endian, zeros behind it), the 64-bit FNV-1a hash of the purpose its stream number.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self::numbered(seed, purpose, 0)
    }

    /// The `number`-th of the streams of `seed` for `purpose`: one for each resample, start or tree, so that they can run in any
    /// order or at the same time. Number 0 is [`Stream::new`].
    #[must_use]
    pub fn numbered(seed: u64, purpose: &str, number: u64) -> Self {
        let mut key = [0u8; 32];
        for (to, from) in key.iter_mut().zip(seed.to_le_bytes().into_iter().chain(number.to_le_bytes())) {
            *to = from;
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(fnv1a(purpose.as_bytes()));
        Self { rng, spare_normal: None }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// A whole number from 0 to `n - 1`, each equally likely; 0 if `n` is 0.
    ///
    /// Source: D. Lemire, "Fast random integer generation in an interval" (2019): the high half of a product, with the few low
    /// halves that would favour some numbers drawn again.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let unfair = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// A position from 0 to `n - 1`, each equally likely; 0 if `n` is 0.
    pub fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }

    /// A number in `0.0..1.0`, a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number of the normal distribution with mean 0 and standard deviation 1 (Marsaglia's polar method).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let s = x * x + y * y;
            if s > 0.0 && s < 1.0 {
                let scale = (-2.0 * libm::log(s) / s).sqrt();
                self.spare_normal = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Puts `values` in a random order, each order equally likely (Fisher-Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.index(last + 1);
            values.swap(last, other);
        }
    }

    /// `n_chosen` different positions of `0..n`, ascending, each set equally likely; all of them if `n_chosen >= n`.
    ///
    /// Time: one draw for each position of `n` at most.
    pub fn sample_indices(&mut self, n: usize, n_chosen: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(n_chosen.min(n));
        for position in 0..n {
            let needed = n_chosen.min(n) - chosen.len();
            if needed == 0 {
                break;
            }
            if self.index(n - position) < needed {
                chosen.push(position);
            }
        }
        chosen
    }

    /// `n` positions of `0..n`, drawn with replacement: one bootstrap resample, in the order drawn.
    pub fn resample_indices(&mut self, n: usize) -> Vec<usize> {
        (0..n).map(|_| self.index(n)).collect()
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These numbers must never change: seeds are written down in reports.
    #[test]
    fn draws_are_pinned() {
        let mut stream = Stream::new(7, "test");
        assert_eq!([stream.next_u64(), stream.next_u64()], [3_203_019_523_669_953_611, 3_094_364_900_957_850_634]);
        assert_eq!(Stream::new(7, "test").normal().to_bits(), 13_823_770_921_018_467_065);
    }

    #[test]
    fn hash_is_the_published_one() {
        // Test vectors of the FNV reference pages.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn purposes_seeds_and_numbers_are_apart() {
        let first = |mut stream: Stream| stream.next_u64();
        let mut seen: Vec<u64> = vec![
            first(Stream::new(1, "a")),
            first(Stream::new(1, "b")),
            first(Stream::new(2, "a")),
            first(Stream::numbered(1, "a", 1)),
            first(Stream::numbered(1, "a", 2)),
        ];
        assert_eq!(first(Stream::new(1, "a")), first(Stream::numbered(1, "a", 0)));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    }

    #[test]
    fn below_is_even() {
        let mut stream = Stream::new(3, "below");
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.index(7)] += 1;
        }
        // 10,000 expected each, standard deviation 93.
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
        // A bound above 2^63 makes redraws likely.
        let bound = (1 << 63) + 1;
        assert!((0..1_000).all(|_| stream.below(bound) < bound));
    }

    #[test]
    fn unit_and_normal_have_their_moments() {
        let mut stream = Stream::new(4, "moments");
        let n = 100_000;
        let units: Vec<f64> = (0..n).map(|_| stream.unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        assert!((units.iter().sum::<f64>() / f64::from(n) - 0.5).abs() < 0.005);
        let normals: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        let fourth = normals.iter().map(|x| x.powi(4)).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02 && (fourth - 3.0).abs() < 0.15,
            "{mean} {variance} {fourth}"
        );
    }

    #[test]
    fn shuffles_reach_every_order() {
        let mut stream = Stream::new(5, "shuffle");
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut values = [1, 2, 3];
            stream.shuffle(&mut values);
            *seen.entry(values).or_insert(0u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (850..1_150).contains(count)), "{seen:?}");
        stream.shuffle::<u8>(&mut []);
    }

    #[test]
    fn samples_are_distinct_sorted_and_even() {
        let mut stream = Stream::new(6, "sample");
        let mut counts = [0u32; 10];
        for _ in 0..10_000 {
            let chosen = stream.sample_indices(10, 3);
            assert_eq!(chosen.len(), 3);
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            for position in chosen {
                counts[position] += 1;
            }
        }
        assert!(counts.iter().all(|count| (2_800..3_200).contains(count)), "{counts:?}");
        assert_eq!(stream.sample_indices(3, 9), [0, 1, 2]);
        assert!(stream.sample_indices(0, 2).is_empty());
        assert!(stream.resample_indices(50).iter().all(|position| *position < 50));
    }
}
