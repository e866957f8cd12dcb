//! The days of festivals, by name and year, so that nobody has to look up when Qixi is.
//!
//! A preset names days; where they begin and end on the clock is a question of the time zone.

mod lunar;

use jiff::Span;
use jiff::civil::{Date, Weekday};

/// How the first day of a festival is found.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// The same month and day every year.
    Fixed(i8, i8),
    /// The n-th of a weekday in a month, and a number of days later.
    Weekday(i8, i8, Weekday, i64),
    /// A day of the Chinese calendar, and a number of days later.
    Lunar(lunar::Festival, i64),
    /// Easter Sunday of the western churches, and a number of days later.
    Easter(i64),
}

/// A festival.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preset {
    /// As documents name it.
    pub id: &'static str,
    rule: Rule,
    n_days: i64,
    /// The zone whose midnight counts if the document names none; western festivals are at home everywhere.
    pub zone: Option<&'static str>,
}

const CHINA: Option<&str> = Some("Asia/Shanghai");

const fn china(id: &'static str, rule: Rule, n_days: i64) -> Preset {
    Preset { id, rule, n_days, zone: CHINA }
}

const fn everywhere(id: &'static str, rule: Rule, n_days: i64) -> Preset {
    Preset { id, rule, n_days, zone: None }
}

/// All festivals, in the order of the year. The Spring Festival, Labour Day and National Day have as many days as shops in China
/// usually count, moved working days included.
pub(crate) const PRESETS: &[Preset] = &[
    everywhere("new-year", Rule::Fixed(1, 1), 1),
    china("spring-festival", Rule::Lunar(lunar::Festival::Spring, -1), 8),
    china("lantern-festival", Rule::Lunar(lunar::Festival::Spring, 14), 1),
    everywhere("valentine", Rule::Fixed(2, 14), 1),
    everywhere("womens-day", Rule::Fixed(3, 8), 1),
    everywhere("easter", Rule::Easter(-2), 4),
    china("labour-day", Rule::Fixed(5, 1), 5),
    everywhere("mothers-day", Rule::Weekday(5, 2, Weekday::Sunday, 0), 1),
    china("520", Rule::Fixed(5, 20), 1),
    china("childrens-day", Rule::Fixed(6, 1), 1),
    china("618", Rule::Fixed(6, 18), 1),
    china("dragon-boat", Rule::Lunar(lunar::Festival::DragonBoat, 0), 1),
    everywhere("fathers-day", Rule::Weekday(6, 3, Weekday::Sunday, 0), 1),
    china("qixi", Rule::Lunar(lunar::Festival::Qixi, 0), 1),
    china("teachers-day", Rule::Fixed(9, 10), 1),
    china("mid-autumn", Rule::Lunar(lunar::Festival::MidAutumn, 0), 1),
    china("national-day", Rule::Fixed(10, 1), 7),
    china("double-ninth", Rule::Lunar(lunar::Festival::DoubleNinth, 0), 1),
    everywhere("halloween", Rule::Fixed(10, 31), 1),
    china("double-11", Rule::Fixed(11, 11), 1),
    everywhere("black-friday", Rule::Weekday(11, 4, Weekday::Thursday, 1), 1),
    everywhere("cyber-monday", Rule::Weekday(11, 4, Weekday::Thursday, 4), 1),
    china("double-12", Rule::Fixed(12, 12), 1),
    everywhere("christmas", Rule::Fixed(12, 24), 3),
];

/// Years of which the days are known.
pub(crate) const YEARS: std::ops::RangeInclusive<i64> = lunar::YEARS;

impl Preset {
    /// First day and the day after the last one, with a number of days more before and behind.
    ///
    /// `None` for a year out of [`YEARS`].
    pub fn days(&self, year: i64, lead_days: i64, trail_days: i64) -> Option<(Date, Date)> {
        let year = i16::try_from(year).ok().filter(|it| YEARS.contains(&i64::from(*it)))?;
        let first = match self.rule {
            Rule::Fixed(month, day) => Date::new(year, month, day).ok()?,
            Rule::Weekday(month, nth, weekday, later) => {
                later_by(Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()?, later)?
            }
            Rule::Lunar(festival, later) => later_by(lunar::day(festival, year)?, later)?,
            Rule::Easter(later) => later_by(easter(year)?, later)?,
        };
        let begin = later_by(first, lead_days.checked_neg()?)?;
        Some((begin, later_by(first, self.n_days.checked_add(trail_days)?)?))
    }
}

fn later_by(date: Date, n_days: i64) -> Option<Date> {
    let span = Span::new().try_days(n_days).ok()?;
    date.checked_add(span).ok()
}

/// Easter Sunday in the Gregorian calendar, for the years of this module.
///
/// Gauss's method with the constants of the centuries 1900 to 2099 (M = 24, N = 5).
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, constant divisors that are not 0")]
fn easter(year: i16) -> Option<Date> {
    let (a, b, c) = (year % 19, year % 4, year % 7);
    let d = (19 * a + 24) % 30;
    let e = (2 * b + 4 * c + 6 * d + 5) % 7;
    let from_22_march = match (d, e) {
        (29, 6) => 28,
        (28, 6) if a > 10 => 27,
        _ => d + e,
    };
    later_by(Date::new(year, 3, 22).ok()?, i64::from(from_22_march))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, year: i64, expected: &str) {
        let preset = PRESETS.iter().find(|it| it.id == id).unwrap();
        let (begin, end) = preset.days(year, 0, 0).unwrap();
        assert_eq!(format!("{begin}/{end}"), expected);
    }

    #[test]
    fn fixed_days() {
        check("618", 2026, "2026-06-18/2026-06-19");
        check("double-11", 2027, "2027-11-11/2027-11-12");
        check("christmas", 2026, "2026-12-24/2026-12-27");
    }

    #[test]
    fn days_of_the_week() {
        check("black-friday", 2025, "2025-11-28/2025-11-29");
        check("black-friday", 2026, "2026-11-27/2026-11-28");
        // The last Friday is not always the one: November 2029 has five.
        check("black-friday", 2029, "2029-11-23/2029-11-24");
        check("cyber-monday", 2024 + 1, "2025-12-01/2025-12-02");
        check("mothers-day", 2026, "2026-05-10/2026-05-11");
        check("fathers-day", 2026, "2026-06-21/2026-06-22");
    }

    #[test]
    fn days_of_the_chinese_calendar() {
        check("spring-festival", 2026, "2026-02-16/2026-02-24");
        check("lantern-festival", 2026, "2026-03-03/2026-03-04");
        check("qixi", 2026, "2026-08-19/2026-08-20");
        check("mid-autumn", 2025, "2025-10-06/2025-10-07");
    }

    /// Published dates of Easter Sunday.
    #[test]
    fn easter_sundays() {
        let expected = [
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2028-04-16",
            "2029-04-01",
            "2030-04-21",
            "2031-04-13",
            "2032-03-28",
            "2033-04-17",
            "2034-04-09",
            "2035-03-25",
        ];
        let found: Vec<String> = (2025..=2035).map(|year| easter(year).unwrap().to_string()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn days_before_and_behind() {
        let preset = PRESETS.iter().find(|it| it.id == "double-11").unwrap();
        let (begin, end) = preset.days(2026, 21, 3).unwrap();
        assert_eq!(format!("{begin}/{end}"), "2026-10-21/2026-11-15");
    }

    #[test]
    fn every_preset_has_days_in_every_year_and_in_no_other() {
        let mut ids = std::collections::BTreeSet::new();
        for preset in PRESETS {
            assert!(ids.insert(preset.id));
            for year in YEARS {
                let (begin, end) = preset.days(year, 0, 0).unwrap();
                assert!(begin < end, "{} {year}", preset.id);
                assert_eq!(i64::from(end.year()), year, "{}", preset.id);
            }
            assert_eq!(preset.days(YEARS.start() - 1, 0, 0), None);
            assert_eq!(preset.days(YEARS.end() + 1, 0, 0), None);
        }
    }
}
