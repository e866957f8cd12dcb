//! Civil dates and times of the shop's two years, without a clock or a time zone: everything is UTC.

use core::fmt;

/// Seconds in a day.
pub const DAY_S: i64 = 86_400;

/// Day number (days since 1970-01-01) on which the shop's records begin: 2024-07-01, a Monday.
pub(crate) const FIRST_DAY: i64 = 19_905;

/// A point in time, UTC.
///
/// Unit: seconds since 1970-01-01T00:00:00Z. Shown as `2025-03-14 15:09:26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// The instant at `second_of_day` (0..86 400) of a day of the shop's records (0 = the first day).
    pub(crate) fn at(day_idx: i64, second_of_day: i64) -> Self {
        Self((FIRST_DAY + day_idx) * DAY_S + second_of_day)
    }

    /// This instant moved by `seconds`, back if negative.
    pub(crate) fn plus_s(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    /// The day alone, `2025-03-14`.
    pub fn day(self) -> String {
        let (year, month, day) = self.date();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// ISO 8601 with its zone, `2025-03-14T15:09:26Z`.
    pub fn iso(self) -> String {
        let mut text = self.to_string().replace(' ', "T");
        text.push('Z');
        text
    }

    /// Year, month (1..=12) and day of month (1..=31).
    pub fn date(self) -> (i64, u32, u32) {
        civil(self.0.div_euclid(DAY_S))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let second = self.0.rem_euclid(DAY_S);
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

/// Weekday of a day of the shop's records: 0 = Monday … 6 = Sunday.
pub(crate) fn weekday(day_idx: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (FIRST_DAY + day_idx + 3).rem_euclid(7)
}

/// How busy the shop is on a day of its records, relative to an ordinary one.
///
/// Range: 0.8..=1.7. Before Christmas people buy more, in high summer less; gardens wake in spring.
pub(crate) fn season(day_idx: i64) -> f64 {
    let (_, month, _) = civil(FIRST_DAY + day_idx);
    match month {
        11 => 1.5,
        12 => 1.7,
        4..=6 => 1.1,
        7 | 8 => 0.8,
        _ => 1.0,
    }
}

/// The civil date of a day number, in the proleptic Gregorian calendar.
///
/// Source: the well-known arithmetic over 400-year eras that begin on 1 March.
fn civil(day: i64) -> (i64, u32, u32) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        assert_eq!(Instant(0).to_string(), "1970-01-01 00:00:00");
        assert_eq!(Instant(951_782_400).to_string(), "2000-02-29 00:00:00");
        assert_eq!(Instant::at(0, 0).to_string(), "2024-07-01 00:00:00");
        assert_eq!(Instant::at(729, DAY_S - 1).to_string(), "2026-06-30 23:59:59");
        assert_eq!((weekday(0), weekday(6), weekday(7)), (0, 6, 0));
        assert_eq!(Instant::at(729, 61).iso(), "2026-06-30T00:01:01Z");
        assert_eq!(Instant::at(729, 61).day(), "2026-06-30");
        assert!(season(150) > season(30));
    }
}
