//! Local times: `2026-12-01T00:00` in a named time zone of the IANA database becomes a point in time while a document is checked.
//!
//! The rules of all zones are part of the program (the bundled database of jiff), so that every machine reads a document alike. The edge
//! never sees a zone: it compares milliseconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use vitrine_engine::{Clock, TimestampError, TimestampMs};

use crate::report::Report;
use crate::source::{At, Kind, shortened};

/// The time for which the edge knows the offsets of a zone: 2024-01-01 and 2044-01-01 in UTC. What lies outside has the nearest.
const CLOCK_FROM: TimestampMs = TimestampMs(1_704_067_200_000);
const CLOCK_TO: TimestampMs = TimestampMs(2_335_219_200_000);

fn stamp(at: TimestampMs) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time zone by its name.
#[derive(Clone)]
pub(crate) struct Zone {
    name: String,
    rules: TimeZone,
}

/// Why a local time is no point in time.
#[derive(Debug, PartialEq)]
enum LocalError {
    /// Not of the form `2026-12-01T00:00`.
    Form,
    /// The right form, but there is no such date or time of day.
    NoSuchTime,
    /// The clocks skip it, or show it twice; both readings, with their offsets.
    Ambiguous { is_gap: bool, readings: [String; 2] },
}

impl Zone {
    /// The zone of exactly this name.
    pub fn find(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        // The database takes any case; a document has one spelling.
        (rules.iana_name() == Some(name)).then(|| Self { name: name.to_owned(), rules })
    }

    /// The moment at which a day begins: where the clocks skip midnight, the first one that they show.
    pub fn midnight(&self, date: Date) -> Option<TimestampMs> {
        Some(TimestampMs(date.to_zoned(self.rules.clone()).ok()?.timestamp().as_millisecond()))
    }

    /// UTC: for reading on after a name that is no zone's.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The offsets from UTC that hold from [`CLOCK_FROM`] to [`CLOCK_TO`]; none for UTC itself.
    pub fn clock(&self) -> Clock {
        let minutes = |offset: Offset| i16::try_from(offset.seconds() / 60).unwrap_or(0);
        let mut offsets = vec![(CLOCK_FROM, minutes(self.rules.to_offset(stamp(CLOCK_FROM))))];
        let following =
            self.rules.following(stamp(CLOCK_FROM)).map(|it| (it.timestamp().as_millisecond(), it.offset()));
        for (ms, offset) in following.take_while(|(ms, _)| *ms < CLOCK_TO.0) {
            // Not every change of the rules changes the offset.
            if offsets.last().is_some_and(|(_, before)| *before != minutes(offset)) {
                offsets.push((TimestampMs(ms), minutes(offset)));
            }
        }
        if offsets.iter().all(|(_, minutes)| *minutes == 0) {
            return Clock::default();
        }
        Clock::new(offsets).unwrap_or_default()
    }

    /// The point in time at which clocks in the zone show `text`.
    fn resolve(&self, text: &str) -> Result<TimestampMs, LocalError> {
        if !is_local(text) {
            return Err(LocalError::Form);
        }
        let local: DateTime = text.parse().map_err(|_| LocalError::NoSuchTime)?;
        let ambiguous = self.rules.to_ambiguous_timestamp(local);
        let reading = |offset: Offset| offset.to_timestamp(local).map_err(|_| LocalError::NoSuchTime);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(TimestampMs(reading(offset)?.as_millisecond())),
            AmbiguousOffset::Gap { before, after } => {
                let readings = [self.shown(reading(before)?), self.shown(reading(after)?)];
                Err(LocalError::Ambiguous { is_gap: true, readings })
            }
            AmbiguousOffset::Fold { before, after } => {
                let readings = [self.shown(reading(before)?), self.shown(reading(after)?)];
                Err(LocalError::Ambiguous { is_gap: false, readings })
            }
        }
    }

    fn shown(&self, at: Timestamp) -> String {
        at.display_with_offset(self.rules.to_offset(at)).to_string()
    }
}

/// Minutes since midnight that clocks show in a zone of the IANA database; in UTC for a name that is none.
pub fn minute_of_day(zone: &str, at: TimestampMs) -> u16 {
    let zone = Zone::find(zone).unwrap_or_else(Zone::utc);
    let time = zone.rules.to_datetime(stamp(at)).time();
    let [hour, minute] = [time.hour(), time.minute()].map(|it| u16::try_from(it).unwrap_or_default());
    hour.saturating_mul(60).saturating_add(minute)
}

impl Report {
    /// A time zone by its name in the IANA database.
    pub fn zone(&mut self, at: At<'_>) -> Option<Zone> {
        let name = self.text(at)?;
        if let Some(zone) = Zone::find(name) {
            return Some(zone);
        }
        let names: Vec<String> = TimeZoneDatabase::bundled().available().map(|it| it.to_string()).collect();
        let other_case = names.iter().find(|it| it.eq_ignore_ascii_case(name));
        let suggestion = match other_case {
            Some(it) => format!(" (did you mean {it:?}?)"),
            None => self.did_you_mean(name, names.iter().map(String::as_str)),
        };
        let message = format!("there is no time zone {:?}{suggestion}", shortened(name));
        self.error(
            at,
            "unknown_time_zone",
            message,
            "write a name of the IANA database, for example Asia/Shanghai or Europe/Paris",
        );
        None
    }

    /// A point in time: RFC 3339 with an offset, or without one a time on the clocks of `zone`.
    pub fn moment(&mut self, at: At<'_>, zone: Option<&Zone>) -> Option<TimestampMs> {
        let Kind::Text(text) = at.kind() else { return self.timestamp(at) };
        let Some(zone) = zone else {
            if is_local(text) {
                let message = format!("{text:?} does not say in which time zone");
                let help =
                    "add time_zone: here or in the settings, or the offset from UTC: \"2026-12-01T00:00:00+01:00\"";
                self.error(at, "invalid_time", message, help);
                return None;
            }
            return self.timestamp(at);
        };
        if TimestampMs::parse(text) != Err(TimestampError::NoOffset) && !is_local(text) {
            return self.timestamp(at);
        }
        let name = &zone.name;
        let (code, message, help) = match zone.resolve(text) {
            Ok(found) => return Some(found),
            Err(LocalError::Form) => (
                "invalid_time",
                format!("{text:?} is no point in time"),
                "write date and time, for example \"2026-12-01T00:00\"".to_owned(),
            ),
            Err(LocalError::NoSuchTime) => (
                "invalid_time",
                format!("there is no such time as {text:?}"),
                "check month, day, hour and minute".to_owned(),
            ),
            Err(LocalError::Ambiguous { is_gap: true, readings: [before, after] }) => (
                "time_in_gap",
                format!("no clock in {name} ever shows {text:?}: summer time begins, and the clocks skip it"),
                format!("write \"{before}\" or \"{after}\""),
            ),
            Err(LocalError::Ambiguous { is_gap: false, readings: [before, after] }) => (
                "time_in_overlap",
                format!("the clocks in {name} show {text:?} twice: {before} and, when summer time has ended, {after}"),
                format!("write \"{before}\" or \"{after}\""),
            ),
        };
        self.error(at, code, message, help);
        None
    }
}

/// Whether `text` has the form `2026-12-01T00:00` or `2026-12-01T00:00:00`.
fn is_local(text: &str) -> bool {
    let form = |form: &str| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(it, form)| if form == b'0' { it.is_ascii_digit() } else { it == form })
    };
    form("0000-00-00T00:00") || form("0000-00-00T00:00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &str, text: &str, expected: Result<&str, LocalError>) {
        let found = Zone::find(zone).unwrap().resolve(text);
        assert_eq!(found.map(|it| it.to_string()), expected.map(str::to_owned));
    }

    #[test]
    fn local_times_are_points_in_time() {
        check("Asia/Shanghai", "2026-12-01T00:00", Ok("2026-11-30T16:00:00Z"));
        check("Europe/Paris", "2026-07-01T12:30:15", Ok("2026-07-01T10:30:15Z"));
        check("Europe/Paris", "2026-01-01T12:30", Ok("2026-01-01T11:30:00Z"));
        check("UTC", "2026-01-01T12:30", Ok("2026-01-01T12:30:00Z"));
        check("Asia/Kathmandu", "2026-01-01T00:00", Ok("2025-12-31T18:15:00Z"));
    }

    #[test]
    fn what_the_clocks_skip_or_repeat_has_two_readings() {
        let readings = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        let gap = readings("2026-03-29T03:30:00+02:00", "2026-03-29T01:30:00+01:00");
        check("Europe/Paris", "2026-03-29T02:30", Err(LocalError::Ambiguous { is_gap: true, readings: gap }));
        let fold = readings("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00");
        check("Europe/Paris", "2026-10-25T02:30", Err(LocalError::Ambiguous { is_gap: false, readings: fold }));
        check("Asia/Shanghai", "2026-03-29T02:30", Ok("2026-03-28T18:30:00Z"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["2026-12-01", "2026-12-01 00:00", "2026-12-01T0:00", "2026-12-01T00:00Z", "x", ""] {
            check("UTC", text, Err(LocalError::Form));
        }
        for text in ["2026-02-29T00:00", "2026-13-01T00:00", "2026-12-01T25:00", "2026-12-01T10:60"] {
            check("UTC", text, Err(LocalError::NoSuchTime));
        }
        for name in ["", "Paris", "europe/paris", "CEST", "+01:00"] {
            assert!(Zone::find(name).is_none(), "{name}");
        }
    }
}
