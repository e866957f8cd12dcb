//! Sets of values, for the operators that ask whether one is among many.

use crate::json::Json;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Up to this many texts, comparing with each is as quick as hashing.
const SCANNED_MAX: usize = 8;

/// Values compared strictly: same type, same value. Arrays and objects are never members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    texts: Texts,
    /// As [`ordered`], sorted.
    numbers: Vec<u64>,
    has_true: bool,
    has_false: bool,
    has_null: bool,
}

impl Values {
    pub(crate) fn new(values: &[Json]) -> Self {
        Self::collect(values, str::to_owned)
    }

    /// Texts in lower case, as [`Self::matches_insensitively`] asks for them.
    pub(crate) fn lowercased(values: &[Json]) -> Self {
        Self::collect(values, str::to_lowercase)
    }

    fn collect(values: &[Json], fold: impl Fn(&str) -> String) -> Self {
        let mut set = Self::default();
        let mut texts: Vec<Box<str>> = Vec::new();
        for value in values {
            match value {
                Json::Text(text) => texts.push(fold(text).into()),
                Json::Number(number) => set.numbers.push(ordered(*number)),
                Json::Bool(true) => set.has_true = true,
                Json::Bool(false) => set.has_false = true,
                Json::Null => set.has_null = true,
                Json::List(_) | Json::Object(_) => {}
            }
        }
        set.numbers.sort_unstable();
        set.texts = match texts.len() <= SCANNED_MAX {
            true => Texts::Few(texts),
            false => Texts::Many(texts.into_iter().collect()),
        };
        set
    }

    /// Whether `value`, or any element of it if it is an array, is a member.
    #[inline]
    pub(crate) fn matches(&self, value: &Json) -> bool {
        match value {
            Json::List(list) => list.iter().any(|item| self.contains(item)),
            _ => self.contains(value),
        }
    }

    /// [`Self::matches`] for a set of [`Self::lowercased`], whatever the case of `value`.
    pub(crate) fn matches_insensitively(&self, value: &Json) -> bool {
        let contains = |item: &Json| match item {
            Json::Text(text) => self.texts.contains(&text.to_lowercase()),
            _ => self.contains(item),
        };
        match value {
            Json::List(list) => list.iter().any(contains),
            _ => contains(value),
        }
    }

    #[inline]
    fn contains(&self, value: &Json) -> bool {
        match value {
            Json::Text(text) => self.texts.contains(text),
            Json::Number(number) => !number.is_nan() && self.numbers.binary_search(&ordered(*number)).is_ok(),
            Json::Bool(true) => self.has_true,
            Json::Bool(false) => self.has_false,
            Json::Null => self.has_null,
            Json::List(_) | Json::Object(_) => false,
        }
    }
}

/// A whole number for each number; equal ones for both zeros.
fn ordered(number: f64) -> u64 {
    if number == 0.0 { 0 } else { number.to_bits() }
}

#[derive(Clone, Debug)]
enum Texts {
    Few(Vec<Box<str>>),
    Many(HashSet<Box<str>, BuildHasherDefault<KeyHasher>>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Texts {
    #[inline]
    fn contains(&self, text: &str) -> bool {
        match self {
            Self::Few(texts) => texts.iter().any(|have| **have == *text),
            Self::Many(texts) => texts.contains(text),
        }
    }
}

/// Quick for short keys: eight bytes with one multiplication. Whoever writes the payload chooses the keys, so nobody gains by
/// collisions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl KeyHasher {
    #[inline]
    fn add(&mut self, word: u64) {
        // An odd number with its bits well mixed: 2^64 divided by the golden ratio.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for KeyHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let last = rest.iter().fold(0, |word: u64, byte| (word << 8) | u64::from(*byte));
            self.add(last);
        }
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The table takes its place from the low bits; multiplication mixes upwards only.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_is_strict() {
        let values = |source: &str| Values::new(Json::parse(source.as_bytes()).unwrap().as_list().unwrap());
        let check = |set: &str, value: &str, expected: bool| {
            let value = Json::parse(value.as_bytes()).unwrap();
            assert_eq!(values(set).matches(&value), expected, "{value} in {set}");
        };
        check("[1, \"2\", null, true]", "1", true);
        check("[1, \"2\", null, true]", "1.0", true);
        check("[1, \"2\", null, true]", "\"1\"", false);
        check("[1, \"2\", null, true]", "2", false);
        check("[1, \"2\", null, true]", "null", true);
        check("[1, \"2\", null, true]", "false", false);
        check("[0]", "-0.0", true);
        check("[-0.0]", "0", true);
        check("[[1], {}]", "[1]", false);
        check("[1]", "[[1]]", false);
        check("[1]", "[3, 1]", true);
        check("[]", "[]", false);
        let many = format!("[{}]", (0..1_000).map(|it| format!("\"u{it}\"")).collect::<Vec<_>>().join(","));
        check(&many, "\"u999\"", true);
        check(&many, "\"u1000\"", false);
        check(&many, "[\"x\", \"u0\"]", true);
    }
}
