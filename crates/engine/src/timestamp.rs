//! Points in time, and how people write them: RFC 3339 with an offset from UTC, strictly.
//!
//! A reader and writer of its own, because a date library would be a sixth of the Worker; the tests compare it with one.

use core::fmt;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Shown as RFC 3339 in UTC, with milliseconds only where they are not 0: `2026-12-01T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampMs(pub i64);

/// Why a text is not a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampError {
    /// Not of the form `2026-12-01T00:00:00+01:00`.
    Form,
    /// A date and a time, but nobody knows where.
    NoOffset,
    /// The right form, but there is no such date, time or offset.
    NoSuchTime,
}

impl TimestampMs {
    /// Reads `date-time` of RFC 3339: `2026-12-01T00:00:00+01:00`, `2026-11-30T23:00:00Z`, seconds with up to nine decimals.
    ///
    /// What is finer than a millisecond is cut off. There is no second 60. Errors: [`TimestampError`].
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        parse(text)
    }
}

impl fmt::Display for TimestampMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY_MS: i64 = 86_400_000;
        let (year, month, day) = civil(self.0.div_euclid(DAY_MS));
        let ms = self.0.rem_euclid(DAY_MS);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match ms % 1000 {
            0 => f.write_str("Z"),
            ms => write!(f, ".{ms:03}Z"),
        }
    }
}

/// Year, month and day of a number of days since 1970-01-01, counted in eras of 400 years that begin in March.
#[expect(clippy::arithmetic_side_effects, reason = "all of i64's milliseconds are 1.1e11 days: nothing overflows")]
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let from_march_of_year_0 = days + 719_468;
    let (era, day) = (from_march_of_year_0.div_euclid(ERA_DAYS), from_march_of_year_0.rem_euclid(ERA_DAYS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day_of_month)
}

fn parse(text: &str) -> Result<TimestampMs, TimestampError> {
    let mut rest = Rest(text.as_bytes());
    let form = TimestampError::Form;
    let year = rest.digits(4).ok_or(form)?;
    let month = rest.after(b"-").and_then(|it| it.digits(2)).ok_or(form)?;
    let day = rest.after(b"-").and_then(|it| it.digits(2)).ok_or(form)?;
    if rest.0.is_empty() {
        return Err(TimestampError::NoOffset);
    }
    let hour = rest.after(b"Tt").and_then(|it| it.digits(2)).ok_or(form)?;
    let minute = rest.after(b":").and_then(|it| it.digits(2)).ok_or(form)?;
    let second = rest.after(b":").and_then(|it| it.digits(2)).ok_or(form)?;
    let ms = match rest.after(b".") {
        Some(rest) => rest.fraction_ms().ok_or(form)?,
        None => 0,
    };
    if rest.0.is_empty() {
        return Err(TimestampError::NoOffset);
    }
    let offset_minutes = rest.offset_minutes().ok_or(form)?;
    if !rest.0.is_empty() {
        return Err(form);
    }
    let days = days_since_1970(year, month, day).ok_or(TimestampError::NoSuchTime)?;
    if hour > 23 || minute > 59 || second > 59 || offset_minutes.is_none() {
        return Err(TimestampError::NoSuchTime);
    }
    let minutes = sum([
        days.saturating_mul(24 * 60),
        hour.saturating_mul(60),
        minute,
        offset_minutes.unwrap_or_default().saturating_neg(),
    ]);
    Ok(TimestampMs(sum([minutes.saturating_mul(60_000), second.saturating_mul(1000), ms])))
}

/// What is not read yet.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    /// Skips one byte of `choice`.
    fn after(&mut self, choice: &[u8]) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        choice.contains(first).then(|| {
            self.0 = rest;
            self
        })
    }

    fn digits(&mut self, n: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(n)?;
        let digits = core::str::from_utf8(digits).ok().filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?;
        self.0 = rest;
        digits.parse().ok()
    }

    /// One to nine decimals of a second, as whole milliseconds.
    fn fraction_ms(&mut self) -> Option<i64> {
        let n = self.0.iter().take_while(|it| it.is_ascii_digit()).count();
        if n > 9 {
            return None;
        }
        let tenths = self.digits(n)?;
        let unit = 10_i64.checked_pow(u32::try_from(n).ok()?)?;
        tenths.saturating_mul(1000).checked_div(unit)
    }

    /// `Z` or `+hh:mm`. The inner `None`: the right form, but there is no such offset.
    fn offset_minutes(&mut self) -> Option<Option<i64>> {
        if self.after(b"Zz").is_some() {
            return Some(Some(0));
        }
        let sign = if self.after(b"+").is_some() { 1 } else { self.after(b"-").map(|_| -1)? };
        let hours = self.digits(2)?;
        let minutes = self.after(b":")?.digits(2)?;
        let offset = sum([hours.saturating_mul(60), minutes]).saturating_mul(sign);
        Some((hours <= 23 && minutes <= 59).then_some(offset))
    }
}

/// Days since 1970-01-01 in the Gregorian calendar; `None` if there is no such day. `year` is 0..=9999.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const DAYS_BEFORE_1970: i64 = 719_528; // from 0000-01-01
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=month_days).contains(&day) {
        return None;
    }
    let before_month = *DAYS_BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let leap_day = i64::from(is_leap && month > 2);
    // Leap days of the years before this one; year 0 is one of them.
    let last = year.saturating_sub(1);
    let leap_days = if year == 0 { 0 } else { sum([1, last / 4, (last / 100).saturating_neg(), last / 400]) };
    let whole = sum([year.saturating_mul(365), leap_days, before_month, leap_day, day]);
    whole.checked_sub(DAYS_BEFORE_1970)?.checked_sub(1)
}

fn sum<const N: usize>(parts: [i64; N]) -> i64 {
    parts.into_iter().fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        borrow::ToOwned,
        format,
        string::{String, ToString},
    };

    #[track_caller]
    fn check(text: &str, expected: Result<i64, TimestampError>) {
        assert_eq!(parse(text), expected.map(TimestampMs), "{text}");
    }

    #[test]
    fn reads_rfc_3339() {
        check("1970-01-01T00:00:00Z", Ok(0));
        check("1970-01-01T01:00:00+01:00", Ok(0));
        check("2026-12-01T00:00:00+01:00", Ok(1_796_079_600_000));
        check("2026-12-01t00:00:00.25z", Ok(1_796_083_200_250));
        check("2024-02-29T23:59:59.999999999-00:30", Ok(1_709_252_999_999));
        check("0000-01-01T00:00:00Z", Ok(-62_167_219_200_000));
    }

    #[test]
    fn shows_rfc_3339() {
        let shown = [0, 1_796_083_200_250, -1, 951_782_400_000].map(|ms| TimestampMs(ms).to_string());
        let expected =
            ["1970-01-01T00:00:00Z", "2026-12-01T00:00:00.250Z", "1969-12-31T23:59:59.999Z", "2000-02-29T00:00:00Z"];
        assert_eq!(shown, expected);
        assert_eq!(TimestampMs(i64::MAX).to_string(), "292278994-08-17T07:12:55.807Z");
    }

    #[test]
    fn refuses_the_rest() {
        use TimestampError::*;
        for text in ["2026-12-01", "2026-12-01T00:00:00", "2026-12-01T00:00:00.5"] {
            check(text, Err(NoOffset));
        }
        for text in [
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T00:60:00Z",
            "2026-12-01T00:00:60Z",
            "2026-12-01T00:00:00+24:00",
            "2026-12-01T00:00:00+01:60",
        ] {
            check(text, Err(NoSuchTime));
        }
        for text in [
            "",
            "tomorrow",
            "1.12.2026",
            "2026-12-1T00:00:00Z",
            "2026-12-01 00:00:00Z",
            "2026-12-01T00:00Z",
            "2026-12-01T00:00:00+1",
            "2026-12-01T00:00:00+0100",
            "2026-12-01T00:00:00Z[UTC]",
            "2026-12-01T00:00:00.Z",
            "2026-12-01T00:00:00.0123456789Z",
            "+2026-12-01T00:00:00Z",
            "２０２６-12-01T00:00:00Z",
        ] {
            check(text, Err(Form));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(
            (year, month, day) in (0..=9999_u16, 0..=13_u8, 0..=32_u8),
            (hour, minute, second) in (0..=25_u8, 0..=61_u8, 0..=59_u8),
            fraction in prop_oneof![Just(String::new()), "\\.[0-9]{1,9}"],
            offset in prop_oneof![Just("Z".to_owned()), "[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]"],
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
            let expected = text.parse::<jiff::Timestamp>();
            // jiff ends some hours before the year 9999 does, and keeps -0000 years that we also take.
            if let Ok(expected) = expected {
                let floor = expected.as_nanosecond().div_euclid(1_000_000);
                prop_assert_eq!(parse(&text).map(|it| i128::from(it.0)), Ok(floor), "{}", text);
            } else if year < 9999 {
                prop_assert!(parse(&text).is_err(), "{}", text);
            }
        }

        #[test]
        fn every_moment_is_shown_as_jiff_shows_it(ms in -62_167_219_200_000_i64..=253_402_207_200_000) {
            let expected = jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
            // jiff leaves out the zeros at the end of a fraction.
            let shown = TimestampMs(ms).to_string();
            prop_assert_eq!(shown.parse::<jiff::Timestamp>().unwrap().as_millisecond(), ms);
            prop_assert_eq!(shown.split('.').next(), expected.split('.').next());
            prop_assert_eq!(parse(&shown), Ok(TimestampMs(ms)));
        }

        #[test]
        fn every_day_agrees_with_jiff(day in -719_528_i64..=2_932_800) {
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            let text = format!("{date}T00:00:00Z");
            prop_assert_eq!(parse(&text), Ok(TimestampMs(day * 86_400_000)));
        }
    }
}
