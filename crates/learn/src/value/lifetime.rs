//! What customers will be worth: the expected value over a horizon, and the interval in which it will lie.

use super::gamma_gamma::{GammaGammaLaw, seen};
use super::purchases::PurchaseLaw;
use super::{FitError, GammaGammaFit, PurchaseFit, Repeat, draws};
use crate::resample::Stream;
use rayon::prelude::*;
use statrs::function::erf::erf_inv;
use std::collections::BTreeMap;

/// Weeks of a month, as the published comparisons take it.
pub const WEEKS_PER_MONTH: f64 = 4.345;

/// Purchases of one simulated life; a rate that goes beyond it is no customer's.
const PURCHASES_MAX: u32 = 200_000;
/// Sums are made in millionths of the unit of money, as whole numbers, so that they do not depend on the order of customers.
const MILLIONTHS: f64 = 1e6;
/// Customers of a segment that tell how far its value is uncertain.
const SAMPLED_MAX: u64 = 5_000;

/// The expected value of a customer: expected purchases of each month times what a purchase is expected to bring, discounted
/// by `(1 + monthly_discount)` to the number of the month, with payments at the end of their month.
///
/// Unit: that of `mean`. `mean` is the mean value of the repeat purchases; without any it does not matter.
#[must_use]
pub fn clv(
    purchases: &PurchaseLaw,
    values: &GammaGammaLaw,
    repeat: Repeat,
    mean: f64,
    horizon_months: u32,
    monthly_discount: f64,
) -> f64 {
    discounted_purchases(purchases, repeat, horizon_months, monthly_discount) * values.expected_mean(repeat.x, mean)
}

fn discounted_purchases(law: &PurchaseLaw, repeat: Repeat, horizon_months: u32, monthly_discount: f64) -> f64 {
    let mut sum = 0.0;
    let mut before = 0.0;
    let mut factor = 1.0;
    for month in 1..=horizon_months {
        let until = law.expected_if_there(repeat, f64::from(month) * WEEKS_PER_MONTH);
        factor /= 1.0 + monthly_discount;
        sum += (until - before) * factor;
        before = until;
    }
    law.p_alive(repeat) * sum
}

/// What `of` gives for each row, worked out once for customers who are alike.
#[must_use]
pub fn by_repeat(rows: &[(Repeat, f64)], of: impl Fn(&Repeat) -> f64 + Sync) -> Vec<f64> {
    let alike = Alike::new(rows);
    let values: Vec<f64> = alike.distinct.par_iter().map(|key| of(&key.repeat)).collect();
    alike.place.iter().map(|place| values.get(*place as usize).copied().unwrap_or(f64::NAN)).collect()
}

/// Sums by segment.
fn sums(segments: &[u32], each: impl Iterator<Item = f64>) -> BTreeMap<u32, f64> {
    let mut sums: BTreeMap<u32, i128> = BTreeMap::new();
    for (segment, value) in segments.iter().zip(each) {
        *sums.entry(*segment).or_default() += (value * MILLIONTHS).round() as i128;
    }
    sums.into_iter().map(|(segment, sum)| (segment, sum as f64 / MILLIONTHS)).collect()
}

/// Customers that stand for all of their segment.
struct Sample {
    rows: Vec<(Repeat, f64)>,
    segments: Vec<u32>,
    /// For how many each of a segment stands.
    weights: BTreeMap<u32, f64>,
}

impl Sample {
    /// Draws by what customers are, not by their place, so that the order of rows does not matter.
    fn of(rows: &[(Repeat, f64)], segments: &[u32]) -> Self {
        let mut n_of: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for segment in segments.iter().take(rows.len()) {
            n_of.entry(*segment).or_default().0 += 1;
        }
        let mut sample = Self { rows: Vec::new(), segments: Vec::new(), weights: BTreeMap::new() };
        for (row, segment) in rows.iter().zip(segments) {
            let Some((n, n_drawn)) = n_of.get_mut(segment) else { continue };
            let parts = [Key::new(row).number(), row.0.t_x.to_bits(), row.1.to_bits()];
            if mixed(&parts).is_multiple_of(n.div_ceil(SAMPLED_MAX)) {
                *n_drawn += 1;
                sample.rows.push(*row);
                sample.segments.push(*segment);
            }
        }
        sample.weights =
            n_of.into_iter().map(|(segment, (n, n_drawn))| (segment, n as f64 / n_drawn.max(1) as f64)).collect();
        sample
    }
}

/// FNV-1a of the bytes of numbers.
fn fnv1a(parts: &[u64]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The same, mixed once more so that the lowest bits are as good as the others.
fn mixed(parts: &[u64]) -> u64 {
    let hash = fnv1a(parts);
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16
}

/// Over which time, and what the interval promises.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Terms {
    /// Months of the horizon. Range: 1 to 600.
    pub horizon_months: u32,
    /// Discount of a month, such as 0.01. Range: 0 to 1, without 1.
    pub monthly_discount: f64,
    /// Share of customers whose interval holds what they will bring, if the model is right. Range: above 0, below 1.
    pub level: f64,
    /// Simulated lives for each row. Range: 50 to 100,000.
    pub n_draws: u32,
    /// Seed of the simulation.
    pub seed: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { horizon_months: 12, monthly_discount: 0.01, level: 0.8, n_draws: 500, seed: 0 }
    }
}

impl Terms {
    /// Errors: [`FitError::OutOfRange`] with the name of the term.
    pub fn check(&self) -> Result<(), FitError> {
        let in_range = |term, value: f64, range: &'static str, is_good: bool| {
            if is_good { Ok(()) } else { Err(FitError::OutOfRange { term, value, range }) }
        };
        let (months, discount) = (f64::from(self.horizon_months), self.monthly_discount);
        in_range("horizon_months", months, "1 to 600", (1..=600).contains(&self.horizon_months))?;
        in_range("monthly_discount", discount, "0 to 1, without 1", (0.0..1.0).contains(&discount))?;
        in_range("level", self.level, "above 0 and below 1", self.level > 0.0 && self.level < 1.0)?;
        in_range("n_draws", f64::from(self.n_draws), "50 to 100000", (50..=100_000).contains(&self.n_draws))
    }
}

/// What one customer will bring.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct CustomerValue {
    /// The chance of being still there. Range: 0 to 1.
    pub p_alive: f64,
    /// Expected purchases within the horizon, not discounted.
    pub expected_purchases: f64,
    /// Expected discounted value. Unit: that of the means.
    pub clv: f64,
    /// With the chance [`Terms::level`], what the customer really brings (discounted) lies between `low` and `high`, if the
    /// model is right and its parameters are exact. Most who are near to leaving bring nothing: then `low` is 0.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Variance of what the customer really brings, from the same simulation.
    pub variance: f64,
}

/// What a group of customers will bring together.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SegmentValue {
    /// Number of the segment.
    pub segment: u32,
    /// Customers in it.
    pub n_customers: u64,
    /// Sum of their expected discounted values. Unit: that of the means.
    pub clv: f64,
    /// With the chance [`Terms::level`], what they really bring together lies between `low` and `high`, if the model is right:
    /// the chance of each life and the uncertainty of the parameters (delta method) are in it, what the model gets wrong
    /// (see [`super::Holdout`]) is not.
    pub low: f64,
    /// See `low`.
    pub high: f64,
}

/// Values customers with two fits.
///
/// Equal input and seed give equal output, whatever the order of customers and the number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Valuation<'a> {
    purchases: &'a PurchaseFit,
    values: &'a GammaGammaFit,
    terms: Terms,
}

impl<'a> Valuation<'a> {
    /// Errors: terms out of their range.
    pub fn new(purchases: &'a PurchaseFit, values: &'a GammaGammaFit, terms: Terms) -> Result<Self, FitError> {
        terms.check()?;
        Ok(Self { purchases, values, terms })
    }

    /// The value of each customer, in the order given. Each row: what is known of the customer, and the mean value of the
    /// repeat purchases (any number if there are none).
    #[must_use]
    pub fn customers(&self, rows: &[(Repeat, f64)]) -> Vec<CustomerValue> {
        let alike = Alike::new(rows);
        let alive_alike: Vec<&[Key]> = alike.distinct.chunk_by(Key::is_alike_if_there).collect();
        let lives: Vec<Vec<Life>> = alive_alike.par_iter().map(|keys| self.lives(keys)).collect();
        let lives: Vec<Life> = lives.into_iter().flatten().collect();
        rows.iter()
            .zip(&alike.place)
            .map(|((repeat, mean), place)| {
                let life = lives.get(*place as usize).copied().unwrap_or_default();
                let (x, known_mean) = seen(repeat.x, *mean);
                let scale = self.values.v + x * known_mean;
                CustomerValue {
                    p_alive: life.p_alive,
                    expected_purchases: life.purchases,
                    clv: life.discounted * self.values.expected_mean(repeat.x, *mean),
                    low: life.low * scale,
                    high: life.high * scale,
                    variance: life.variance * scale * scale,
                }
            })
            .collect()
    }

    /// The expected discounted value of each customer, as [`clv`] gives it.
    #[must_use]
    pub fn clv(&self, rows: &[(Repeat, f64)]) -> Vec<f64> {
        let discounted = by_repeat(rows, |repeat| self.discounted(&self.purchases.law, repeat));
        let values = &self.values.law;
        rows.iter().zip(discounted).map(|((repeat, mean), n)| n * values.expected_mean(repeat.x, *mean)).collect()
    }

    fn discounted(&self, law: &PurchaseLaw, repeat: &Repeat) -> f64 {
        discounted_purchases(law, *repeat, self.terms.horizon_months, self.terms.monthly_discount)
    }

    /// The value of each segment, by rising number. `segments` names one for each row; what has no row is left out.
    ///
    /// The value is that of all customers; how far it is uncertain is told by some 5,000 of each segment at most, drawn at random.
    #[must_use]
    pub fn segments(&self, rows: &[(Repeat, f64)], segments: &[u32]) -> Vec<SegmentValue> {
        self.segments_of(rows, segments, &self.clv(rows))
    }

    /// As [`Valuation::segments`], where what [`Valuation::clv`] gives for the rows is at hand.
    #[must_use]
    pub fn segments_of(&self, rows: &[(Repeat, f64)], segments: &[u32], clv: &[f64]) -> Vec<SegmentValue> {
        let Sample { rows: drawn, segments: drawn_segments, weights } = Sample::of(rows, segments);
        let weighted = |sums: BTreeMap<u32, f64>| -> Vec<f64> {
            sums.iter().map(|(segment, sum)| sum * weights.get(segment).copied().unwrap_or(1.0)).collect()
        };
        let variances = self.customers(&drawn).into_iter().map(|customer| customer.variance);
        let of_lives = weighted(sums(&drawn_segments, variances));
        let of_parameters = self.parameter_variances(|law, values| {
            let discounted = by_repeat(&drawn, |repeat| self.discounted(law, repeat));
            let each =
                drawn.iter().zip(discounted).map(|((repeat, mean), n)| n * values.expected_mean(repeat.x, *mean));
            weighted(sums(&drawn_segments, each))
        });
        let mut n_customers: BTreeMap<u32, u64> = BTreeMap::new();
        for segment in segments.iter().take(rows.len()) {
            *n_customers.entry(*segment).or_default() += 1;
        }
        sums(segments, clv.iter().copied())
            .into_iter()
            .enumerate()
            .map(|(idx, (segment, clv))| {
                let at = |column: &[f64]| column.get(idx).copied().unwrap_or(0.0);
                let (low, high) = log_normal(clv, at(&of_lives) + at(&of_parameters), self.terms.level);
                let n_customers = n_customers.get(&segment).copied().unwrap_or(0);
                SegmentValue { segment, n_customers, clv, low, high }
            })
            .collect()
    }

    /// For each segment, the variance of its total that the uncertainty of the parameters makes.
    fn parameter_variances(&self, totals: impl Fn(&PurchaseLaw, &GammaGammaLaw) -> Vec<f64>) -> Vec<f64> {
        const STEP: f64 = 1e-3;
        let model = self.purchases.law.model;
        let (law, values) = (self.purchases.law, self.values.law);
        let slopes = |at: &dyn Fn(f64) -> Vec<f64>| -> Vec<f64> {
            at(STEP).iter().zip(at(-STEP)).map(|(up, down)| (up - down) / (2.0 * STEP)).collect()
        };
        let of_purchases: Vec<Vec<f64>> = (0..4)
            .map(|idx| {
                slopes(&|step| {
                    let [r, alpha, a, b] = moved(law.parameters(), idx, step);
                    totals(&PurchaseLaw { model, r, alpha, a, b }, &values)
                })
            })
            .collect();
        let of_values: Vec<Vec<f64>> = (0..3)
            .map(|idx| {
                slopes(&|step| {
                    let [p, q, v] = moved([values.p, values.q, values.v], idx, step);
                    totals(&law, &GammaGammaLaw { p, q, v })
                })
            })
            .collect();
        let n_segments = of_purchases.first().map_or(0, Vec::len);
        (0..n_segments)
            .map(|segment| {
                let one = self.purchases.covariance.map_or(0.0, |c| form(&c, &of_purchases, segment));
                let other = self.values.covariance.map_or(0.0, |c| form(&c, &of_values, segment));
                one + other
            })
            .collect()
    }

    /// What customers with equal counts and times have in common, for keys that are alike if still there: such customers
    /// behave alike, whenever they bought last, so one simulation serves them all.
    fn lives(&self, keys: &[Key]) -> Vec<Life> {
        let Some(first) = keys.first() else { return Vec::new() };
        let Terms { horizon_months, monthly_discount, level, n_draws, seed } = self.terms;
        let mut stream = Stream::numbered(seed, "value.lifetime", first.number());
        let mut drawn: Vec<f64> = (0..n_draws).map(|_| self.spent(first, &mut stream)).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let n = f64::from(n_draws);
        let mean = drawn.iter().sum::<f64>() / n;
        let mean_square = drawn.iter().map(|value| value * value).sum::<f64>() / n;
        let weeks = f64::from(horizon_months) * WEEKS_PER_MONTH;
        let of_key = |key: &Key| {
            let p_alive = self.purchases.p_alive(key.repeat);
            // Those who left bring nothing and come first in the order.
            let at = |share: f64| {
                let among_alive = (share - (1.0 - p_alive)) / p_alive;
                if among_alive > 0.0 { quantile(&drawn, among_alive) } else { 0.0 }
            };
            Life {
                p_alive,
                purchases: self.purchases.expected(key.repeat, weeks),
                discounted: discounted_purchases(self.purchases, key.repeat, horizon_months, monthly_discount),
                low: at((1.0 - level) / 2.0),
                high: at(f64::midpoint(1.0, level)),
                variance: (p_alive * mean_square - (p_alive * mean).powi(2)).max(0.0),
            }
        };
        keys.iter().map(of_key).collect()
    }

    /// What one simulated customer who is still there spends, discounted, for each unit of `v + x mean`: the rate of spending
    /// is a draw of `gamma(p x + q)` over it, so the draws serve all customers who differ in their mean alone.
    fn spent(&self, key: &Key, stream: &mut Stream) -> f64 {
        let (law, values, terms) = (&self.purchases.law, &self.values.law, &self.terms);
        let x = f64::from(key.repeat.x);
        let stayed = x + law.model.chances_before_first();
        let rate = draws::gamma(stream, law.r + x) / (law.alpha + key.repeat.t);
        let leaving = draws::beta(stream, law.a, law.b + stayed);
        let spending_rate = draws::gamma(stream, values.p * key.seen + values.q);
        let months = f64::from(terms.horizon_months);
        let (mut spent, mut now, mut month, mut n_in_month) = (0.0, 0.0, 1.0, 0u32);
        let mut pay = |month: f64, n: u32, stream: &mut Stream| {
            if n > 0 {
                spent += draws::gamma(stream, values.p * f64::from(n)) * (1.0 + terms.monthly_discount).powf(-month);
            }
        };
        for _ in 0..PURCHASES_MAX {
            now += draws::exponential(stream) / (rate * WEEKS_PER_MONTH);
            // A rate of nought makes a wait without end, or one that is no number.
            if now >= months || now.is_nan() {
                break;
            }
            let month_of_purchase = now.floor() + 1.0;
            if month_of_purchase > month {
                pay(month, n_in_month, stream);
                (month, n_in_month) = (month_of_purchase, 0);
            }
            n_in_month += 1;
            if stream.unit() < leaving {
                break;
            }
        }
        pay(month, n_in_month, stream);
        if spending_rate > 0.0 { spent / spending_rate } else { 0.0 }
    }
}

/// See [`CustomerValue`]; `low`, `high` and `variance` for each unit of `v + x mean`.
#[derive(Clone, Copy, Default)]
struct Life {
    p_alive: f64,
    purchases: f64,
    discounted: f64,
    low: f64,
    high: f64,
    variance: f64,
}

/// Customers who differ in their mean alone.
#[derive(Clone, Copy, PartialEq)]
struct Key {
    repeat: Repeat,
    /// Purchases that tell something of what the customer spends.
    seen: f64,
}

impl Key {
    fn new((repeat, mean): &(Repeat, f64)) -> Self {
        Self { repeat: *repeat, seen: seen(repeat.x, *mean).0 }
    }

    /// Whether two customers, if still there, will do alike: only whether they are tells when they bought last.
    fn is_alike_if_there(&self, other: &Self) -> bool {
        (self.repeat.x, self.repeat.t, self.seen) == (other.repeat.x, other.repeat.t, other.seen)
    }

    /// A number of its own for the stream, so that a customer's draws do not depend on who else is there.
    fn number(&self) -> u64 {
        fnv1a(&[u64::from(self.repeat.x), self.repeat.t.to_bits(), self.seen.to_bits()])
    }

    /// Those who are alike if still there lie together.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        (self.repeat.x.cmp(&other.repeat.x))
            .then(self.repeat.t.total_cmp(&other.repeat.t))
            .then(self.seen.total_cmp(&other.seen))
            .then(self.repeat.t_x.total_cmp(&other.repeat.t_x))
    }
}

/// The different keys, and where each row's is.
struct Alike {
    distinct: Vec<Key>,
    place: Vec<u32>,
}

impl Alike {
    fn new(rows: &[(Repeat, f64)]) -> Self {
        let mut sorted: Vec<(Key, usize)> = rows.iter().enumerate().map(|(idx, row)| (Key::new(row), idx)).collect();
        sorted.sort_unstable_by(|(one, a), (other, b)| one.order(other).then(a.cmp(b)));
        let mut distinct: Vec<Key> = Vec::new();
        let mut place = vec![0; rows.len()];
        for (key, row) in sorted {
            if distinct.last() != Some(&key) {
                distinct.push(key);
            }
            if let Some(place) = place.get_mut(row) {
                *place = (distinct.len() - 1) as u32;
            }
        }
        Self { distinct, place }
    }
}

fn moved<const N: usize>(mut parameters: [f64; N], idx: usize, step: f64) -> [f64; N] {
    if let Some(parameter) = parameters.get_mut(idx) {
        *parameter *= step.exp();
    }
    parameters
}

/// The quadratic form of the slopes of one segment.
fn form<const N: usize>(covariance: &[[f64; N]; N], slopes: &[Vec<f64>], segment: usize) -> f64 {
    let slope = |idx: usize| slopes.get(idx).and_then(|slopes| slopes.get(segment)).copied().unwrap_or(0.0);
    let rows = covariance.iter().enumerate();
    rows.flat_map(|(i, row)| row.iter().enumerate().map(move |(j, c)| (i, j, *c)))
        .map(|(i, j, c)| slope(i) * c * slope(j))
        .sum()
}

/// The middle part of the log-normal distribution with this mean and variance: a sum of what customers bring is not below 0.
fn log_normal(mean: f64, variance: f64, level: f64) -> (f64, f64) {
    if mean <= 0.0 || !variance.is_finite() {
        return (mean, mean);
    }
    let spread = (variance / (mean * mean)).ln_1p();
    let middle = mean.ln() - spread / 2.0;
    let width = std::f64::consts::SQRT_2 * erf_inv(level) * spread.sqrt();
    ((middle - width).exp(), (middle + width).exp())
}

/// The value below which `share` of the sorted values lie, between two of them in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len().max(1) - 1) as f64;
    let below = sorted.get(at.floor() as usize).copied().unwrap_or(0.0);
    let above = sorted.get(at.ceil() as usize).copied().unwrap_or(below);
    below + (above - below) * (at - at.floor())
}
