//! Is one better than another? Only where chance could not have made the difference.

use serde::Serialize;

use crate::stream::{Purpose, Stream};

/// Resamples of the intervals.
const RESAMPLES: usize = 2_000;
/// Level of the intervals.
const LEVEL: f64 = 0.95;

/// Which of two earns more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// This one, by more than chance.
    Better,
    /// The other one, by more than chance.
    Worse,
    /// The interval of the difference holds 0.
    CannotTell,
}

impl Verdict {
    /// The words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// A number with its interval (95 %, by drawing visitors anew).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How much more one earns than another, as a part of what the other earns: 0.2 is a fifth more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lift {
    /// As it came out, with its interval. `None` where the other earned nothing, or may have.
    pub measured: Option<Measured>,
    /// As the truth expects it of what was shown. `None` where it expects nothing of the other.
    pub expected: Option<f64>,
    /// What follows from the interval of the difference.
    pub verdict: Verdict,
}

/// What several rankers earned of the same visitors, and of resamples of them.
pub(crate) struct Resamples {
    n_rankers: usize,
    /// By ranker, and visits behind them: the sums over all visitors, and over each resample behind each other.
    all: Vec<f64>,
    drawn: Vec<f64>,
}

impl Resamples {
    /// `earned`: by ranker, by visitor. `visits`: by visitor. Visitors are drawn, not visits, because visits of one are alike.
    ///
    /// Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), §13.3.
    pub(crate) fn new(earned: &[&[f64]], visits: &[f64], seed: u64) -> Self {
        let (n_rankers, n_people) = (earned.len(), visits.len());
        let width = n_rankers + 1;
        let mut rows = vec![0.0; n_people * width];
        for (person, row) in rows.chunks_exact_mut(width).enumerate() {
            row.iter_mut().zip(earned.iter().chain([&visits])).for_each(|(cell, column)| *cell = column[person]);
        }
        let row = |person: usize| &rows[person * width..(person + 1) * width];
        let add = |sums: &mut [f64], row: &[f64]| sums.iter_mut().zip(row).for_each(|(sum, it)| *sum += it);
        let mut all = vec![0.0; width];
        (0..n_people).for_each(|person| add(&mut all, row(person)));
        let mut drawn = vec![0.0; RESAMPLES * width];
        for (number, sums) in (0..).zip(drawn.chunks_exact_mut(width)) {
            let mut stream = Stream::new(seed, Purpose::Resample, number);
            (0..n_people).for_each(|_| add(sums, row(stream.index(n_people))));
        }
        Self { n_rankers, all, drawn }
    }

    fn samples(&self) -> impl Iterator<Item = &[f64]> {
        self.drawn.chunks_exact(self.n_rankers + 1)
    }

    /// What a ranker earned in all.
    pub(crate) fn total(&self, ranker: usize) -> f64 {
        self.all[ranker]
    }

    /// What it earned at a visit.
    pub(crate) fn rate(&self, ranker: usize) -> Measured {
        let rate = |sums: &[f64]| sums[ranker] / sums[self.n_rankers];
        let (low, high) = middle(self.samples().map(rate).collect(), LEVEL);
        Measured { value: rate(&self.all), low, high }
    }

    /// How much more one earned than another. `expected`: what the truth expects of both.
    pub(crate) fn lift(&self, one: usize, other: usize, expected: (f64, f64)) -> Lift {
        let ratio = |sums: &[f64]| sums[one] / sums[other] - 1.0;
        let is_measured = self.all[other] > 0.0 && self.samples().all(|it| it[other] > 0.0);
        let measured = is_measured.then(|| {
            let (low, high) = middle(self.samples().map(ratio).collect(), LEVEL);
            Measured { value: ratio(&self.all), low, high }
        });
        let (low, high) = self.difference(one, other, LEVEL);
        let verdict = if low > 0.0 {
            Verdict::Better
        } else if high < 0.0 {
            Verdict::Worse
        } else {
            Verdict::CannotTell
        };
        Lift { measured, expected: (expected.1 > 0.0).then(|| expected.0 / expected.1 - 1.0), verdict }
    }

    /// Interval of the difference.
    fn difference(&self, one: usize, other: usize, level: f64) -> (f64, f64) {
        middle(self.samples().map(|it| it[one] - it[other]).collect(), level)
    }

    /// The first of `rankers` by what it earned, and those that it cannot be told from. There are as many chances to be wrong as there are
    /// others, so each is held to a level that is as much stricter (Bonferroni).
    pub(crate) fn leader(&self, rankers: &[usize]) -> Option<(usize, Vec<usize>)> {
        let ahead = |a: &usize, b: &usize| if self.total(*b) > self.total(*a) { *b } else { *a };
        let leader = rankers.iter().copied().reduce(|a, b| ahead(&a, &b))?;
        let others: Vec<usize> = rankers.iter().copied().filter(|it| *it != leader).collect();
        let level = 1.0 - (1.0 - LEVEL) / others.len().max(1) as f64;
        let close = others.into_iter().filter(|it| self.difference(leader, *it, level).0 <= 0.0).collect();
        Some((leader, close))
    }
}

/// The middle `level` of numbers.
fn middle(mut numbers: Vec<f64>, level: f64) -> (f64, f64) {
    numbers.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    (quantile(&numbers, tail), quantile(&numbers, 1.0 - tail))
}

/// The quantile at `share` of rising numbers, straight lines between them (type 7 of Hyndman and Fan).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let low = sorted[below];
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    if part == 0.0 || low == high { low } else { low + part * (high - low) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` visitors of whom `share` of a hundred earn 1.
    fn earned(n: usize, share: usize, shift: usize) -> Vec<f64> {
        (0..n).map(|it| f64::from(u8::from((it * 37 + shift) % 100 < share))).collect()
    }

    #[test]
    fn clear_differences_are_told_and_small_ones_are_not() {
        let n = 4_000;
        let (a, b, c) = (earned(n, 10, 0), earned(n, 20, 50), earned(n, 21, 0));
        let found = Resamples::new(&[&a, &b, &c], &vec![2.0; n], 1);
        assert_eq!(found.total(0), 400.0);
        let rate = found.rate(0);
        // Binomial: 0.1 ± 1.96 · sqrt(0.1 · 0.9 / 4000), at two visits each.
        assert!((rate.value - 0.05).abs() < 1e-12);
        assert!((rate.low - 0.04535).abs() < 0.0004 && (rate.high - 0.05465).abs() < 0.0004, "{rate:?}");
        let lift = found.lift(1, 0, (2.0, 1.0));
        assert_eq!((lift.verdict, lift.expected), (Verdict::Better, Some(1.0)));
        let measured = lift.measured.unwrap();
        assert!((measured.value - 1.0).abs() < 1e-12 && measured.low > 0.7 && measured.high < 1.4, "{measured:?}");
        assert_eq!(found.lift(0, 1, (1.0, 2.0)).verdict, Verdict::Worse);
        assert_eq!(found.lift(2, 1, (1.0, 1.0)).verdict, Verdict::CannotTell);
        assert_eq!(found.leader(&[0, 1, 2]), Some((2, vec![1])));
        assert_eq!(found.leader(&[0, 1]), Some((1, Vec::new())));
        assert_eq!(found.leader(&[0]), Some((0, Vec::new())));
        assert_eq!(found.leader(&[]), None);
    }

    #[test]
    fn equal_ones_and_nothing_cannot_be_told() {
        let n = 500;
        let (a, none) = (earned(n, 10, 0), vec![0.0; n]);
        let found = Resamples::new(&[&a, &a, &none, &none], &vec![1.0; n], 1);
        let equal = found.lift(0, 1, (1.0, 1.0));
        assert_eq!((equal.measured.unwrap().value, equal.verdict), (0.0, Verdict::CannotTell));
        let nothing = found.lift(2, 3, (0.0, 0.0));
        assert_eq!((nothing.measured, nothing.expected, nothing.verdict), (None, None, Verdict::CannotTell));
        // Something over nothing is better, but no ratio.
        let over = found.lift(0, 2, (1.0, 0.0));
        assert_eq!((over.measured, over.verdict), (None, Verdict::Better));
        assert_eq!(found.leader(&[0, 1]), Some((0, vec![1])));
    }
}
