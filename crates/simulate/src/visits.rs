//! When visitors come: the same for every ranker.

use crate::stream::{Purpose, Stream};

/// How long the simulation runs. What bandits have learnt is published at the end of each day. Unit: days.
pub const DAYS: u16 = 28;
/// Most visits of one visitor.
pub const RETURNS_MAX: u32 = 20;

/// Chance that a visitor comes once more; the mean is about 2.9 visits.
const RETURN_CHANCE: f64 = 0.65;
const DAY_MS: i64 = 86_400_000;

/// One visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Visit {
    /// When, after the start. Unit: milliseconds.
    pub(crate) at_ms: i64,
    /// Who: a position among the visitors.
    pub(crate) person: u32,
    /// Seed of its luck.
    pub(crate) luck: u64,
}

impl Visit {
    /// The day, from 0.
    pub(crate) fn day(&self) -> u16 {
        u16::try_from(self.at_ms / DAY_MS).unwrap_or(DAYS - 1)
    }
}

/// All visits of `n` visitors, earliest first. Each comes at least once.
pub(crate) fn visits(seed: u64, n: u32) -> Vec<Visit> {
    let mut visits = Vec::with_capacity(n as usize * 3);
    for person in 0..n {
        let mut stream = Stream::new(seed, Purpose::Visits, u64::from(person));
        for _ in 0..RETURNS_MAX {
            let at_ms = (stream.unit() * (i64::from(DAYS) * DAY_MS) as f64) as i64;
            visits.push(Visit { at_ms, person, luck: stream.bits() });
            if stream.unit() >= RETURN_CHANCE {
                break;
            }
        }
    }
    visits.sort_unstable();
    visits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_and_some_come_back() {
        let all = visits(1, 2_000);
        assert!(all.is_sorted_by_key(|it| it.at_ms));
        let mut counts = vec![0_u32; 2_000];
        all.iter().for_each(|it| counts[it.person as usize] += 1);
        assert!(counts.iter().all(|n| (1..=RETURNS_MAX).contains(n)));
        let mean = all.len() as f64 / 2_000.0;
        assert!((mean - 1.0 / (1.0 - RETURN_CHANCE)).abs() < 0.3, "{mean}");
        assert!(all.iter().any(|it| it.day() == 0) && all.iter().any(|it| it.day() == DAYS - 1));
        // A visitor comes at the same times, whoever else does.
        let few: Vec<Visit> = all.iter().filter(|it| it.person < 7).copied().collect();
        assert_eq!(visits(1, 7), few);
    }
}
