//! Typed readers: each takes a value of the tree, gives what it should be, or reports why it is not.
//!
//! They are strict: no value is converted from another type, and nothing wrong becomes a default.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use vitrine_engine::{TimestampError, TimestampMs};

use crate::limits::{DURATION_DAYS_MAX, ID_CHARS_MAX, NAME_BYTES_MAX};
use crate::report::Report;
use crate::source::{At, Kind, shortened};

impl Report {
    /// An object that has no other keys than `keys`.
    pub fn object<'t>(&mut self, at: At<'t>, keys: &[&str]) -> Option<At<'t>> {
        if !matches!(at.kind(), Kind::Object(_)) {
            self.wrong_type(at, "an object", &format!("write keys and values; the keys are {}", keys.join(", ")));
            return None;
        }
        for child in at.children().filter(|child| !keys.contains(&child.key())) {
            let key = child.key();
            let suggestion = self.did_you_mean(key, keys.iter().copied());
            let message = format!("there is no key {:?} here{suggestion}", shortened(key));
            self.key_error(child, "unknown_key", message, format!("the keys are {}", keys.join(", ")));
        }
        Some(at)
    }

    /// The value of a key that an object must have.
    pub fn required<'t>(&mut self, object: At<'t>, key: &str, help: &str) -> Option<At<'t>> {
        let value = object.get(key);
        if value.is_none() {
            self.error(object, "missing_key", format!("the key {key:?} is missing"), help);
        }
        value
    }

    /// Reports that two keys of an object cannot stand together.
    pub fn contradiction(&mut self, object: At<'_>, first: &str, second: &str, help: &str) {
        if let (Some(_), Some(second_at)) = (object.get(first), object.get(second)) {
            let message = format!("{first:?} and {second:?} cannot stand together");
            self.key_error(second_at, "contradictory_keys", message, help);
        }
    }

    /// The first `n_max` entries of a list; more are an error with the code `too_many`.
    pub fn list<'t>(
        &mut self,
        at: At<'t>,
        what: &str,
        too_many: &'static str,
        n_max: usize,
    ) -> impl Iterator<Item = At<'t>> + Clone + use<'t> {
        let mut n_taken = n_max;
        if !matches!(at.kind(), Kind::List(_)) {
            self.wrong_type(at, &format!("a list of {what}"), "write [first, second], also for a single one");
            n_taken = 0;
        } else if at.children().len() > n_max {
            let message = format!("{} {what}, at most {n_max} are allowed", at.children().len());
            self.error(at, too_many, message, "remove what is not needed");
        }
        at.children().take(n_taken)
    }

    /// A text.
    pub fn text<'t>(&mut self, at: At<'t>) -> Option<&'t str> {
        match at.kind() {
            Kind::Text(text) => Some(text),
            Kind::Number(_) | Kind::Bool(_) => {
                self.wrong_type(at, "a text", "put it in double quotes");
                None
            }
            _ => {
                self.wrong_type(at, "a text", "write a text in double quotes, or remove the key");
                None
            }
        }
    }

    /// A text of 1 to [`NAME_BYTES_MAX`] bytes, without white space at its ends.
    pub fn name<'t>(&mut self, at: At<'t>, what: &str) -> Option<&'t str> {
        let text = self.text(at)?;
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.trim() != text {
            let message = format!("{:?} is no {what}", shortened(text));
            let help = format!("use 1 to {NAME_BYTES_MAX} bytes without white space before and behind");
            self.error(at, "invalid_name", message, help);
            return None;
        }
        Some(text)
    }

    /// A list of different names.
    pub fn names(&mut self, at: At<'_>, what: &str, too_many: &'static str, n_max: usize) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        for entry in self.list(at, what, too_many, n_max) {
            let Some(name) = self.name(entry, "name") else { continue };
            if seen.insert(name) {
                names.push(name.to_owned());
            } else {
                let message = format!("{:?} is named twice in one list", shortened(name));
                self.warning(entry, "named_twice", message, "remove one of the two");
            }
        }
        names
    }

    /// An id: `[a-z0-9][a-z0-9._-]{0,63}`.
    pub fn id<'t>(&mut self, at: At<'t>) -> Option<&'t str> {
        let text = self.text(at)?;
        if !is_id(text) {
            let message = format!("{:?} is no id", shortened(text));
            let help = format!(
                "use 1 to {ID_CHARS_MAX} of a-z, 0-9, '.', '_' and '-', first a letter or a digit, for example \"summer-sale\""
            );
            self.error(at, "invalid_id", message, help);
            return None;
        }
        Some(text)
    }

    /// An id that clients write into their programs: `[A-Za-z0-9._-]`, 1 to `n_chars_max` of them.
    pub fn key_id<'t>(&mut self, at: At<'t>, n_chars_max: usize) -> Option<&'t str> {
        let text = self.text(at)?;
        let is_key = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > n_chars_max || !text.bytes().all(is_key) {
            let message = format!("{:?} is no key", shortened(text));
            let help =
                format!("use 1 to {n_chars_max} of A-Z, a-z, 0-9, '.', '_' and '-', for example \"new-checkout\"");
            self.error(at, "invalid_key", message, help);
            return None;
        }
        Some(text)
    }

    /// A percentage, 0 to 100.
    pub fn percent(&mut self, at: At<'_>) -> Option<f64> {
        self.number_in(at, 0.0..=100.0)
    }

    /// A percentage with at most two decimals. Unit of the result: basis points.
    pub fn basis_points(&mut self, at: At<'_>) -> Option<u16> {
        let percent = self.percent(at)?;
        let found = percent * 100.0;
        if (found - found.round()).abs() > 1e-6 {
            let message = format!("{percent} has more than two decimals");
            self.error(at, "not_in_range", message, "write a percentage with at most two decimals");
            return None;
        }
        // 0 to 10,000.
        Some(found.round() as u16)
    }

    /// One of the words of `choice`; what it stands for.
    pub fn word<T: Copy>(&mut self, at: At<'_>, choice: &[(&str, T)]) -> Option<T> {
        let words = || choice.iter().map(|(word, _)| *word);
        let help = || format!("write one of {}", words().collect::<Vec<_>>().join(", "));
        let Kind::Text(text) = at.kind() else {
            self.wrong_type(at, "a word", &help());
            return None;
        };
        let found = choice.iter().find(|(word, _)| **word == **text).map(|(_, value)| *value);
        if found.is_none() {
            let suggestion = self.did_you_mean(text, words());
            let message = format!("there is no choice {:?} here{suggestion}", shortened(text));
            self.error(at, "unknown_choice", message, help());
        }
        found
    }

    /// A truth value.
    pub fn bool(&mut self, at: At<'_>) -> Option<bool> {
        match at.kind() {
            Kind::Bool(it) => Some(*it),
            _ => {
                self.wrong_type(at, "true or false", "write true or false, without quotes");
                None
            }
        }
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, at: At<'_>, range: RangeInclusive<i64>) -> Option<i64> {
        let Kind::Number(number) = at.kind() else {
            self.wrong_type(at, "a whole number", "write a number without quotes and decimals");
            return None;
        };
        let found = number.as_i64().filter(|it| range.contains(it));
        if found.is_none() {
            let (min, max) = (range.start(), range.end());
            let message = format!("{number} is not a whole number from {min} to {max}");
            self.error(at, "not_in_range", message, format!("write a whole number from {min} to {max}"));
        }
        found
    }

    /// A finite number.
    pub fn number(&mut self, at: At<'_>) -> Option<f64> {
        match at.kind() {
            Kind::Number(number) => number.as_f64(),
            _ => {
                self.wrong_type(at, "a number", "write a number without quotes");
                None
            }
        }
    }

    /// A number in `range`.
    pub fn number_in(&mut self, at: At<'_>, range: RangeInclusive<f64>) -> Option<f64> {
        let found = self.number(at)?;
        if !range.contains(&found) {
            let (min, max) = (range.start(), range.end());
            let message = format!("{found} is not from {min} to {max}");
            self.error(at, "not_in_range", message, format!("write a number from {min} to {max}"));
            return None;
        }
        Some(found)
    }

    /// A point in time, RFC 3339 with an offset.
    pub fn timestamp(&mut self, at: At<'_>) -> Option<TimestampMs> {
        let Kind::Text(text) = at.kind() else {
            self.wrong_type(at, "a point in time", "write it like \"2026-12-01T00:00:00+01:00\"");
            return None;
        };
        let text = shortened(text);
        let (message, help) = match TimestampMs::parse(&text) {
            Ok(found) => return Some(found),
            Err(TimestampError::NoOffset) => (
                format!("{text:?} does not say in which time zone"),
                "add the time and its offset from UTC, for example \"2026-12-01T00:00:00+01:00\"",
            ),
            Err(TimestampError::NoSuchTime) => {
                (format!("there is no such time as {text:?}"), "check month, day, hour and offset")
            }
            Err(TimestampError::Form) => {
                (format!("{text:?} is no point in time"), "write it like \"2026-12-01T00:00:00+01:00\"")
            }
        };
        self.error(at, "invalid_time", message, help);
        None
    }

    /// A duration of whole days, hours, minutes or seconds, `7d`, `12h`, `30m`, `90s`. Unit of the result: seconds, at least 1.
    pub fn duration_s(&mut self, at: At<'_>) -> Option<u32> {
        let help = "write a whole number of days, hours, minutes or seconds, for example 7d, 12h, 30m or 90s";
        let Kind::Text(text) = at.kind() else {
            self.wrong_type(at, "a duration", help);
            return None;
        };
        const DAY_S: u32 = 24 * 3600;
        let units = [("d", DAY_S), ("h", 3600), ("m", 60), ("s", 1)];
        let found = units.iter().find_map(|(unit, unit_s)| {
            let digits = text.strip_suffix(unit).filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?;
            digits.parse::<u32>().ok()?.checked_mul(*unit_s)
        });
        let found = found.filter(|it| (1..=DURATION_DAYS_MAX.saturating_mul(DAY_S)).contains(it));
        if found.is_none() {
            let message = format!("{:?} is no duration of at most {DURATION_DAYS_MAX} days", shortened(text));
            self.error(at, "invalid_duration", message, help);
        }
        found
    }

    /// Reports that a value is not `expected`; keeps silent about values that are reported already.
    pub fn wrong_type(&mut self, at: At<'_>, expected: &str, help: &str) {
        if !matches!(at.kind(), Kind::Broken) {
            self.error(at, "wrong_type", format!("expected {expected}, found {at}"), help);
        }
    }
}

/// Whether `text` matches `[a-z0-9][a-z0-9._-]{0,63}`.
fn is_id(text: &str) -> bool {
    let word = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|it| word(it) || matches!(it, b'.' | b'_' | b'-'))
}
