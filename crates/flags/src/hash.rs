//! Where a visitor lies: a number in [0, 1) from a seed and the visitor's value, equal in every client.
//!
//! The hash runs over UTF-16 code units, as JavaScript's strings do; over UTF-8 bytes, clients would disagree on every value
//! outside of ASCII. Nothing is allocated: numbers are written into a buffer on the stack, and the part of the hash that
//! only depends on the seed is known since the payload was compiled.

use crate::json::{Json, NumberText};

const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// Which of the specification's hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashVersion {
    /// 1: a thousand buckets, biased between experiments. Kept for those that run on it.
    One,
    /// 2: ten thousand buckets.
    Two,
    /// Any other: nobody has a bucket.
    Unknown,
}

impl HashVersion {
    /// Reads `hashVersion`; `default` for what JavaScript holds for false.
    pub(crate) fn from_json(json: Option<&Json>, default: Self) -> Self {
        match json {
            Some(json) if json.is_truthy() => match json.as_number() {
                Some(1.0) => Self::One,
                Some(2.0) => Self::Two,
                _ => Self::Unknown,
            },
            _ => default,
        }
    }
}

/// A seed, and the state of the hash behind it.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    text: Box<str>,
    state: u32,
}

impl Seed {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), state: fnv1a(OFFSET, text) }
    }

    /// Where `value` lies. Range: 0..1. `None` for an unknown version.
    #[inline]
    pub(crate) fn bucket(&self, value: HashValue<'_>, version: HashVersion) -> Option<f64> {
        match version {
            HashVersion::Two => {
                let inner = value.hash_from(self.state);
                Some(f64::from(fnv1a_of_decimal(inner) % 10_000) / 10_000.0)
            }
            HashVersion::One => {
                let hash = fnv1a(value.hash_from(OFFSET), &self.text);
                Some(f64::from(hash % 1_000) / 1_000.0)
            }
            HashVersion::Unknown => None,
        }
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::new("")
    }
}

/// A value that identifies a visitor: a text that is not empty, or a finite number other than zero.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HashValue<'a> {
    Text(&'a str),
    Number(f64),
}

impl<'a> HashValue<'a> {
    /// `None` for everything that cannot identify anybody: truth values, arrays, objects, "", 0.
    #[inline]
    pub(crate) fn from_json(json: &'a Json) -> Option<Self> {
        match json {
            Json::Text(text) if !text.is_empty() => Some(Self::Text(text)),
            Json::Number(number) if number.is_finite() && *number != 0.0 => Some(Self::Number(*number)),
            _ => None,
        }
    }

    /// The value as the text that is hashed.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::Number(number) => NumberText::of(number).as_str().to_owned(),
        }
    }

    #[inline]
    fn hash_from(self, state: u32) -> u32 {
        match self {
            Self::Text(text) => fnv1a(state, text),
            Self::Number(number) => fnv1a_ascii(state, NumberText::of(number).as_bytes()),
        }
    }
}

/// FNV-1a over UTF-16 code units.
#[inline]
fn fnv1a(state: u32, text: &str) -> u32 {
    match text.is_ascii() {
        true => fnv1a_ascii(state, text.as_bytes()),
        false => text.encode_utf16().fold(state, |hash, unit| step(hash, u32::from(unit))),
    }
}

#[inline]
fn fnv1a_ascii(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |hash, byte| step(hash, u32::from(*byte)))
}

/// FNV-1a over the decimal digits of `number`.
#[inline]
fn fnv1a_of_decimal(number: u32) -> u32 {
    // Two halves: their divisions do not wait for each other.
    let mut digits = [0_u8; 10];
    let (front, back) = digits.split_at_mut(5);
    let (mut high, mut low) = (number / 100_000, number % 100_000);
    for (front, back) in front.iter_mut().rev().zip(back.iter_mut().rev()) {
        // A remainder of ten is a digit.
        *front = b'0'.wrapping_add((high % 10) as u8);
        *back = b'0'.wrapping_add((low % 10) as u8);
        (high, low) = (high / 10, low / 10);
    }
    let n_zeros = match number {
        0..=9 => 9,
        _ => digits.iter().take_while(|digit| **digit == b'0').count(),
    };
    digits.iter().skip(n_zeros).fold(OFFSET, |hash, digit| step(hash, u32::from(*digit)))
}

#[inline]
fn step(hash: u32, unit: u32) -> u32 {
    (hash ^ unit).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn bucket(seed: &str, value: &str, version: HashVersion) -> Option<f64> {
        Seed::new(seed).bucket(HashValue::Text(value), version)
    }

    #[test]
    fn buckets_are_the_specification_s() {
        for (seed, value, version, expected) in [
            ("", "a", HashVersion::One, Some(0.22)),
            ("b", "a", HashVersion::One, Some(0.946)),
            ("seed", "a", HashVersion::Two, Some(0.0505)),
            ("foo", "def", HashVersion::Two, Some(0.2019)),
            ("", "😀", HashVersion::Two, Some(0.4971)),
            ("expérience", "123", HashVersion::Two, Some(0.9001)),
            ("abc", "def", HashVersion::Unknown, None),
        ] {
            assert_eq!(bucket(seed, value, version), expected, "{seed} {value}");
        }
    }

    #[test]
    fn digits_are_hashed_as_their_text() {
        for number in [0, 1, 9, 10, 99, 100, 1_000_000_000, 2_147_483_648, u32::MAX, 4_000_000_007, 305_419_896] {
            assert_eq!(fnv1a_of_decimal(number), fnv1a(OFFSET, &number.to_string()), "{number}");
        }
    }

    #[test]
    fn a_number_hashes_as_its_text() {
        for (number, text) in [(1.0, "1"), (-1.5, "-1.5"), (1e21, "1e+21"), (1e-7, "1e-7"), (123.0, "123")] {
            for version in [HashVersion::One, HashVersion::Two] {
                let one = Seed::new("s").bucket(HashValue::Number(number), version);
                assert_eq!(one, bucket("s", text, version), "{number}");
            }
        }
    }

    #[test]
    fn only_texts_and_numbers_identify() {
        let parse = |source: &str| Json::parse(source.as_bytes()).unwrap();
        for source in ["null", "true", "false", "0", "-0.0", "\"\"", "[1]", "{}", "1e400"] {
            assert!(HashValue::from_json(&parse(source)).is_none(), "{source}");
        }
        for source in ["\"0\"", "1", "-1", "0.5", "\" \""] {
            assert!(HashValue::from_json(&parse(source)).is_some(), "{source}");
        }
    }
}
