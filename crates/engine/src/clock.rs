//! The shop's clock: how far it is from UTC, and what it shows.

use alloc::vec::Vec;

use crate::timestamp::TimestampMs;

/// Offsets of a time zone from UTC, as they follow each other. The default is UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// From when on each holds, rising, and the offset. Unit: minutes east of UTC. Before the first, the first holds.
    offsets: Vec<(TimestampMs, i16)>,
}

/// What a clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// 0..=23.
    pub hour: u8,
    /// 0 is Monday, 6 is Sunday.
    pub weekday: u8,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

impl Clock {
    /// A clock with these offsets, each with the moment from which on it holds; `None` unless they rise.
    pub fn new(offsets: Vec<(TimestampMs, i16)>) -> Option<Self> {
        offsets.is_sorted_by(|(a, _), (b, _)| a < b).then_some(Self { offsets })
    }

    /// The offsets.
    pub fn offsets(&self) -> &[(TimestampMs, i16)] {
        &self.offsets
    }

    /// What it shows at `now`.
    pub fn at(&self, now: TimestampMs) -> Shown {
        let n_begun = self.offsets.partition_point(|(from, _)| *from <= now).max(1);
        let minutes = self.offsets.get(n_begun.saturating_sub(1)).map_or(0, |(_, minutes)| *minutes);
        let local_ms = now.0.saturating_add(i64::from(minutes).saturating_mul(MINUTE_MS));
        // Within 0..24; 1970-01-01 was a Thursday.
        let hour = local_ms.rem_euclid(DAY_MS) / (60 * MINUTE_MS);
        let weekday = local_ms.div_euclid(DAY_MS).saturating_add(3).rem_euclid(7);
        Shown { hour: u8::try_from(hour).unwrap_or(0), weekday: u8::try_from(weekday).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[track_caller]
    fn check(clock: &Clock, at: &str, hour: u8, weekday: u8) {
        assert_eq!(clock.at(TimestampMs::parse(at).unwrap()), Shown { hour, weekday }, "{at}");
    }

    #[test]
    fn clocks_show_the_hour_and_the_day_of_their_zone() {
        let utc = Clock::default();
        check(&utc, "1970-01-01T00:00:00Z", 0, 3);
        check(&utc, "1969-12-31T23:59:59Z", 23, 2);
        check(&utc, "2026-12-06T12:00:00Z", 12, 6);
        let shanghai = Clock::new(vec![(TimestampMs(0), 480)]).unwrap();
        check(&shanghai, "2026-12-06T15:59:59Z", 23, 6);
        check(&shanghai, "2026-12-06T16:00:00Z", 0, 0);
        check(&shanghai, "1969-12-31T16:00:00Z", 0, 3);
        let summer = TimestampMs::parse("2026-03-29T01:00:00Z").unwrap();
        let paris = Clock::new(vec![(TimestampMs(0), 60), (summer, 120)]).unwrap();
        check(&paris, "2026-03-29T00:59:59Z", 1, 6);
        check(&paris, "2026-03-29T01:00:00Z", 3, 6);
        assert_eq!(Clock::new(vec![(TimestampMs(1), 0), (TimestampMs(1), 60)]), None);
    }
}
