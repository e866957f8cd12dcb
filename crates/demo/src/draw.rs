//! Seeded draws: one reproducible stream of random numbers for each thing that is made up.
//!
//! The few distributions are written out here, because a library may change how it turns bits into numbers, and then
//! every shop would change with it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of draws.
pub(crate) struct Draw(ChaCha8Rng);

/// What a stream is for. Streams with different purposes are independent of each other.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The items on sale.
    Catalogue = 1,
    /// Who a customer is.
    Customer = 2,
    /// What a customer bought.
    Orders = 3,
    /// What a customer did in the shop's pages.
    Events = 4,
    /// What is wrong with the order rows.
    Dirt = 5,
    /// Brand, cost, stock and attributes of the items on sale.
    Goods = 6,
    /// How a customer shops: device, channel, brand, discounts.
    Habits = 7,
    /// Age, sex, region and the like.
    Person = 8,
    /// Campaigns and discounts of a customer's orders.
    Discounts = 9,
    /// Exchanging what is bought for the same of a favourite brand.
    Brands = 10,
    /// What a customer says: reviews, surveys, service contacts.
    Feedback = 11,
    /// Anonymous ids, and when they are linked.
    Identity = 12,
    /// What is wrong with the event rows.
    EventDirt = 13,
    /// What is wrong with the files about customers.
    CustomerDirt = 14,
    /// What campaigns cost.
    Costs = 15,
}

impl Draw {
    /// The stream of thing number `idx` of a purpose in the shop that `seed` names.
    pub(crate) fn new(seed: u64, purpose: Purpose, idx: u64) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        key[16..].copy_from_slice(b"vitrine demo v1.");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(idx);
        Self(rng)
    }

    /// Uniform, 0 <= x < 1, with 53 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// All 64 bits of one draw.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// One of the values, each as likely.
    pub(crate) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u32) as usize]
    }

    /// Uniform over 0..n. The bias is below n / 2^32. `n` = 0 gives 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Number of failures before the first success, at most `max`. Range of `p`: 0 < p <= 1; the mean is (1-p)/p.
    pub(crate) fn geometric(&mut self, p: f64, max: u32) -> u32 {
        let mut n = 0;
        while n < max && !self.chance(p) {
            n += 1;
        }
        n
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// `median * exp(sigma * z)`, where z is close to standard normal (a sum of 12 uniforms, so |z| <= 6).
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let z: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        median * libm::exp(sigma * z)
    }

    /// Puts `slice` in random order.
    pub(crate) fn shuffle<T>(&mut self, slice: &mut [T]) {
        for last in (1..slice.len()).rev() {
            slice.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

/// A choice among positions 0..n with given weights.
#[derive(Debug)]
pub(crate) struct Choice {
    /// Running sums of the weights; the last is their total.
    sums: Vec<u64>,
}

impl Choice {
    /// Weights in any unit. At least one must be above 0; their sum must fit 32 bits.
    pub(crate) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let sums: Vec<u64> = weights
            .into_iter()
            .scan(0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().unwrap_or(0);
        assert!(
            total > 0 && total <= u64::from(u32::MAX),
            "a choice needs weights with a sum of 1..2^32, found {total}"
        );
        Self { sums }
    }

    /// A position, with the chance that its weight gives it.
    pub(crate) fn pick(&self, draw: &mut Draw) -> usize {
        let total = self.sums.last().copied().unwrap_or(1);
        let point = u64::from(draw.below(total as u32));
        self.sums.partition_point(|&sum| sum <= point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let first = |seed, idx| Draw::new(seed, Purpose::Orders, idx).unit();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn choice_follows_weights_and_never_picks_zero() {
        let choice = Choice::new([0, 3, 0, 1]);
        let mut draw = Draw::new(5, Purpose::Orders, 0);
        let mut counts = [0_u32; 4];
        for _ in 0..40_000 {
            counts[choice.pick(&mut draw)] += 1;
        }
        assert_eq!((counts[0], counts[2]), (0, 0));
        assert!((29_400..30_600).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn distributions_have_their_means() {
        let mut draw = Draw::new(9, Purpose::Customer, 0);
        let n = 50_000;
        let mean = |draw: &mut Draw, f: &dyn Fn(&mut Draw) -> f64| (0..n).map(|_| f(draw)).sum::<f64>() / f64::from(n);
        assert!((mean(&mut draw, &Draw::exponential) - 1.0).abs() < 0.02);
        assert!((mean(&mut draw, &|d| f64::from(d.geometric(0.25, 1000))) - 3.0).abs() < 0.08);
        assert!((mean(&mut draw, &|d| d.log_normal(1.0, 0.5)) - 1.1331).abs() < 0.02);
    }
}
