//! Versions as texts that compare like versions.

use super::order::utf16;
use crate::json::{Json, NumberText};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A version, padded: its numbers are as wide as five digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version(String);

impl Version {
    /// Reads a text or a number. An empty text is version 0.
    pub(crate) fn from_json(json: &Json) -> Option<Self> {
        let text: Cow<'_, str> = match json {
            Json::Text(text) => Cow::Borrowed(text),
            Json::Number(number) => Cow::Owned(NumberText::of(*number).as_str().to_owned()),
            _ => return None,
        };
        Some(Self::padded(&text))
    }

    fn padded(text: &str) -> Self {
        let text = if text.is_empty() { "0" } else { text };
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, _build) = text.split_once('+').unwrap_or((text, ""));
        let parts = text.split(['-', '.']);
        let n_parts = parts.clone().count();
        // What comes behind three numbers is a pre-release; without one the version is newer than all of them, and `~`
        // sorts behind every letter.
        let mut padded = String::with_capacity(text.len().saturating_add(24));
        for (at, part) in parts.chain((n_parts == 3).then_some("~")).enumerate() {
            if at > 0 {
                padded.push('-');
            }
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number {
                (part.len()..5).for_each(|_| padded.push(' '));
            }
            padded.push_str(part);
        }
        Self(padded)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        utf16(&self.0, &other.0)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sorted(versions: &[&str]) {
        let padded: Vec<Version> = versions.iter().map(|it| Version::padded(it)).collect();
        assert!(padded.is_sorted_by(|a, b| a < b), "{padded:?}");
    }

    #[test]
    fn versions_sort_as_versions() {
        sorted(&["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.2.3", "1.2.10", "1.10.0", "2.0.0"]);
    }

    #[test]
    fn padding_is_the_specification_s() {
        for (version, expected) in [
            ("", "    0"),
            ("v1.2.3", "    1-    2-    3-~"),
            ("1.2.3-rc.1+build.5", "    1-    2-    3-rc-    1"),
            ("1.2", "    1-    2"),
            (".1", "-    1"),
            ("1..2", "    1--    2-~"),
            ("123456.0.0", "123456-    0-    0-~"),
            ("٣.0", "٣-    0"),
        ] {
            assert_eq!(Version::padded(version).0, expected, "{version}");
        }
    }
}
