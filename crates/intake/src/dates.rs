//! Date formats: what a shop writes, turned into SQL that gives a timestamp or null, never an error.
//!
//! The SQL uses built-in functions only, so that any engine of the same dialect can run it.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// A format in which a shop writes dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateFormat {
    /// `2010-12-01 08:26:00`, with `T` or a space, with or without time, fraction and offset (which is applied).
    Iso,
    /// A count since 1970-01-01T00:00:00Z; this many make a second (1, 1,000 or 1,000,000).
    Epoch {
        /// Range: 1, 1,000 or 1,000,000.
        per_second: i64,
    },
    /// Numbers in a fixed order.
    Pattern(Pattern),
}

/// Numbers in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The regular expression that a whole text must match, once lone digits are padded to two.
    regex: String,
    /// The ISO date-time with the groups of `regex` in it.
    iso: String,
    /// Whether hours are counted to twelve, with a word for the half of the day.
    has_halves: bool,
}

/// The parts that a pattern may have, and how they are matched.
const PARTS: [(char, &str); 9] = [
    ('Y', r"(\d{4})"),
    ('y', r"(\d{2})"),
    ('m', r"(\d{2})"),
    ('d', r"(\d{2})"),
    ('H', r"(\d{2})"),
    ('M', r"(\d{2})"),
    ('S', r"(\d{2})"),
    ('I', r"(\d{2})"),
    ('p', r"(?:AM|PM|am|pm|上午|下午|凌晨|早上|中午|晚上)"),
];

/// Words for the second half of the day.
const AFTERNOON: &str = "(PM|pm|下午|中午|晚上)";

/// `2025年3月8日 下午3:05`, `2025年03月08日 15时05分06秒`, with or without the time.
const CHINESE: &str = r"^(\d{4})年(\d{2})月(\d{2})[日号] ?(?:(?:上午|下午|凌晨|早上|中午|晚上)? ?(\d{2})[:：时点](\d{2})?分?(?:[:：]?(\d{2})秒?)?)?$";

impl DateFormat {
    /// Reads `iso`, `chinese`, `epoch_s`, `epoch_ms`, `epoch_us`, or a pattern such as `%d.%m.%Y %H:%M`.
    ///
    /// Errors: what is wrong with the pattern and how to mend it.
    pub fn parse(format: &str) -> Result<Self, String> {
        match format {
            "iso" => return Ok(Self::Iso),
            "epoch_s" => return Ok(Self::Epoch { per_second: 1 }),
            "epoch_ms" => return Ok(Self::Epoch { per_second: 1_000 }),
            "epoch_us" => return Ok(Self::Epoch { per_second: 1_000_000 }),
            "chinese" => {
                // Texts without a time leave `T::`, which the padding below completes.
                let (regex, iso) = (CHINESE.to_owned(), r"\1-\2-\3T\4:\5:\6".to_owned());
                return Ok(Self::Pattern(Pattern { regex, iso, has_halves: true }));
            }
            _ => {}
        }
        let mut regex = String::from("^");
        let mut groups: Vec<char> = Vec::new();
        let mut chars = format.chars();
        let mut has_halves = false;
        while let Some(c) = chars.next() {
            if c != '%' {
                if c.is_control() || c == '\'' || c == '\\' {
                    return Err(format!("{format:?}: the character {c:?} cannot stand in a date format"));
                }
                if c.is_ascii_punctuation() {
                    regex.push('\\');
                }
                regex.push(c);
                continue;
            }
            let code = chars.next().unwrap_or(' ');
            let Some((_, matched)) = PARTS.iter().find(|(part, _)| *part == code) else {
                return Err(format!(
                    "{format:?}: %{code} is unknown; there are %Y %y %m %d %H %M %S, %I with %p, or the formats \"iso\", \"chinese\", \"epoch_s\", \"epoch_ms\" and \"epoch_us\""
                ));
            };
            if groups.contains(&code) || code == 'p' && has_halves {
                return Err(format!("{format:?}: %{code} is there twice"));
            }
            if code == 'p' {
                has_halves = true;
            } else {
                groups.push(code);
            }
            regex.push_str(matched);
        }
        regex.push('$');
        let group = |code: char| groups.iter().position(|part| *part == code).map(|idx| format!("\\{}", idx + 1));
        let year = match (group('Y'), group('y')) {
            (Some(year), None) => Some(year),
            (None, Some(year)) => Some(format!("20{year}")),
            _ => None,
        };
        let (Some(year), Some(month), Some(day)) = (year, group('m'), group('d')) else {
            return Err(format!("{format:?}: a date needs %d, %m and either %Y or %y"));
        };
        if group('I').is_some() != has_halves || group('I').is_some() && group('H').is_some() {
            return Err(format!(
                "{format:?}: %I (hours to 12) and %p (AM or PM) need each other; hours to 24 are %H alone"
            ));
        }
        let part = |code| group(code).unwrap_or_else(|| "00".to_owned());
        let hour = group('I').unwrap_or_else(|| part('H'));
        let iso = format!("{year}-{month}-{day}T{hour}:{}:{}", part('M'), part('S'));
        Ok(Self::Pattern(Pattern { regex, iso, has_halves }))
    }

    /// SQL for the timestamp that the text expression `text` holds, null where it is not of this format.
    pub fn sql(&self, text: &str) -> String {
        match self {
            Self::Iso => format!("TRY_CAST({text} AS TIMESTAMP)"),
            Self::Epoch { per_second } => {
                // Through microseconds, which are exact in 64 bits; what is no whole number of a possible length is null.
                let micros = 1_000_000 / per_second;
                format!(
                    "CASE WHEN regexp_like({text}, '^-?[0-9]{{1,17}}$') THEN CAST(to_timestamp_micros(TRY_CAST({text} AS BIGINT) * {micros}) AS TIMESTAMP) END"
                )
            }
            Self::Pattern(pattern) => pattern.sql(text),
        }
    }
}

impl Pattern {
    fn sql(&self, text: &str) -> String {
        let Self { regex, iso, has_halves } = self;
        // Boundaries of ASCII words: between 年 and 3 there is one.
        let padded = format!(r"regexp_replace({text}, '(?-u:\b)(\d)(?-u:\b)', '0\1', 'g')");
        let replaced = format!("regexp_replace({padded}, '{regex}', '{iso}')");
        let complete = match regex == CHINESE {
            true => {
                format!("regexp_replace(replace(replace({replaced}, 'T::', 'T00:00:'), '::', ':00:'), ':$', ':00')")
            }
            false => replaced,
        };
        let time = format!("TRY_CAST({complete} AS TIMESTAMP)");
        let time = match has_halves {
            false => time,
            true => format!(
                "CASE WHEN regexp_like({text}, '{AFTERNOON}') AND date_part('hour', {time}) < 12 THEN {time} + INTERVAL '12 hours' \
                 WHEN regexp_like({text}, '(AM|am|上午|凌晨)') AND date_part('hour', {time}) = 12 THEN {time} - INTERVAL '12 hours' \
                 ELSE {time} END"
            ),
        };
        format!("CASE WHEN regexp_like({padded}, '{regex}') THEN {time} END")
    }
}

/// Reads `2026-01-31`, `2026-01-31T12:00:00`, or an RFC 3339 date-time, whose offset is applied. Unit: seconds since 1970.
pub(crate) fn unix_seconds(text: &str) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
    date.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.naive_utc()))
        .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok())
        .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok())
        .map(|time| time.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_iso_dates() {
        let DateFormat::Pattern(pattern) = DateFormat::parse("%d.%m.%Y %H:%M").unwrap() else { panic!() };
        assert_eq!(pattern.regex, r"^(\d{2})\.(\d{2})\.(\d{4}) (\d{2})\:(\d{2})$");
        assert_eq!(pattern.iso, r"\3-\2-\1T\4:\5:00");
        assert_eq!(DateFormat::parse("iso"), Ok(DateFormat::Iso));
        let DateFormat::Pattern(pattern) = DateFormat::parse("%Y年%m月%d日").unwrap() else { panic!() };
        assert_eq!(pattern.iso, r"\1-\2-\3T00:00:00");
    }

    /// What the SQL of a pattern gives for a text: the ISO text before it is cast, without the half of the day.
    fn iso_of(format: &str, text: &str) -> Option<String> {
        let DateFormat::Pattern(pattern) = DateFormat::parse(format).unwrap() else { panic!() };
        let regex = |text: &str| regex::Regex::new(text).unwrap();
        let replacement = |text: &str| regex(r"\\(\d)").replace_all(text, "$${$1}").into_owned();
        let padded = regex(r"(?-u:\b)(\d)(?-u:\b)").replace_all(text, "0${1}").into_owned();
        let whole = regex(&pattern.regex);
        if !whole.is_match(&padded) {
            return None;
        }
        let iso = whole.replace(&padded, replacement(&pattern.iso)).into_owned();
        Some(match pattern.regex == CHINESE {
            true => regex(":$").replace(&iso.replace("T::", "T00:00:").replace("::", ":00:"), ":00").into_owned(),
            false => iso,
        })
    }

    #[test]
    fn patterns_read_what_people_write() {
        for (format, text, iso) in [
            ("%d.%m.%Y %H:%M", "3.8.2025 9:05", Some("2025-08-03T09:05:00")),
            ("%d.%m.%Y", "03.08.25", None),
            ("%Y年%m月%d日", "2025年3月8日", Some("2025-03-08T00:00:00")),
            ("%m/%d/%Y %I:%M %p", "3/8/2025 2:05 PM", Some("2025-03-08T02:05:00")),
            ("chinese", "2025年3月8日", Some("2025-03-08T00:00:00")),
            ("chinese", "2025年03月08日 15:05", Some("2025-03-08T15:05:00")),
            ("chinese", "2025年3月8日15时5分6秒", Some("2025-03-08T15:05:06")),
            ("chinese", "2025年3月8日 下午3:05", Some("2025-03-08T03:05:00")),
            ("chinese", "2025年3月8日 下午3时", Some("2025-03-08T03:00:00")),
            ("chinese", "2025年3月8日 下午3:05:06", Some("2025-03-08T03:05:06")),
            ("chinese", "2025年3月", None),
            ("chinese", "8.3.2025", None),
        ] {
            assert_eq!(iso_of(format, text).as_deref(), iso, "{format}: {text}");
        }
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        for (format, part) in [
            ("%d.%m", "needs %d, %m and either %Y or %y"),
            ("%d.%m.%Y %y", "needs %d, %m and either %Y or %y"),
            ("%d/%d/%Y", "%d is there twice"),
            ("%B %d %Y", "%B is unknown"),
            ("%d.%m.%Y %", "is unknown"),
            ("%d'%m'%Y", "cannot stand in a date format"),
            ("%d.%m.%Y %I:%M", "need each other"),
            ("%d.%m.%Y %H:%M %p", "need each other"),
        ] {
            let what = DateFormat::parse(format).unwrap_err();
            assert!(what.contains(part), "{format}: {what}");
        }
    }

    #[test]
    fn times_of_documents_are_read() {
        assert_eq!(unix_seconds("1970-01-02"), Some(86_400));
        assert_eq!(unix_seconds("1970-01-01T01:00:00+01:00"), Some(0));
        for text in ["", "yesterday", "2011-13-01", "2011-12-10T25:00:00Z", "10/12/2011"] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }
}
