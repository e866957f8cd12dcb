//! Numbers as people and spreadsheet programs write them: `１２`, `50%`, `1,000`, `12，5`.

use std::borrow::Cow;

/// What a comma in a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decimals {
    /// It groups three digits: `1,000`. The program that wrote the file writes `0.5`.
    Point,
    /// Decimals follow: `0,5`. So do programs write that put `;` between cells.
    Comma,
}

/// A number in a form that JSON knows, and what had to be done for that.
#[derive(Debug, PartialEq)]
pub(crate) struct Plain {
    /// Digits, at most one point, perhaps an exponent.
    pub digits: String,
    /// Whether the reader guessed, so that its author should look at the result.
    pub is_guessed: bool,
    /// Whether a percent sign followed.
    pub is_percent: bool,
}

/// Reads a number; `None` if it is none.
pub(crate) fn plain(cell: &str, decimals: Decimals) -> Option<Plain> {
    let narrow = narrow(cell.trim());
    let mut is_guessed = matches!(narrow, Cow::Owned(_));
    let unsigned = narrow.trim_end();
    let (mantissa, is_percent) = match unsigned.strip_suffix('%') {
        Some(rest) => (rest.trim_end(), true),
        None => (unsigned, false),
    };
    let mut digits = mantissa.strip_prefix('+').unwrap_or(mantissa).to_owned();
    if digits.contains(',') {
        is_guessed = true;
        digits = match decimals {
            Decimals::Comma if digits.matches(',').count() == 1 && !digits.contains('.') => digits.replace(',', "."),
            Decimals::Point if has_groups(&digits) => digits.replace(',', ""),
            _ => return None,
        };
    }
    if let Some(trimmed) = without_zeros(&digits) {
        is_guessed = true;
        digits = trimmed;
    }
    is_json_number(&digits).then_some(Plain { digits, is_guessed, is_percent })
}

/// The same in half-width characters, as [`char::is_ascii`] has them; borrowed if nothing changes.
pub(crate) fn narrow(text: &str) -> Cow<'_, str> {
    let replaced = |it: char| match it {
        '\u{ff01}'..='\u{ff5e}' => u32::from(it).checked_sub(0xfee0).and_then(char::from_u32),
        '\u{2212}' => Some('-'),
        '\u{3000}' | '\u{a0}' | '\u{202f}' => Some(' '),
        _ => None,
    };
    if text.chars().all(|it| replaced(it).is_none()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|it| replaced(it).unwrap_or(it)).collect())
}

/// Whether every comma stands before three digits, and none behind a point.
fn has_groups(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = unsigned.split_once('.').map_or(unsigned, |(whole, _)| whole);
    let mut groups = whole.split(',');
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    groups.next().is_some_and(|it| is_digits(it) && it.len() <= 3)
        && groups.all(|it| is_digits(it) && it.len() == 3)
        && !unsigned.split_once('.').is_some_and(|(_, decimals)| decimals.contains(','))
}

/// A number with exactly one digit before the point, if it has none or zeros too many.
fn without_zeros(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let is_padded = unsigned.starts_with('.')
        || unsigned.strip_prefix('0').is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    if !is_padded {
        return None;
    }
    let trimmed = unsigned.trim_start_matches('0');
    let needs_zero = !trimmed.starts_with(|it: char| it.is_ascii_digit());
    let zero = if needs_zero { "0" } else { "" };
    Some(format!("{sign}{zero}{trimmed}"))
}

/// RFC 8259, section 6.
pub(crate) fn is_json_number(text: &str) -> bool {
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cell: &str, decimals: Decimals, expected: Option<(&str, bool, bool)>) {
        let found = plain(cell, decimals);
        let found = found.as_ref().map(|it| (it.digits.as_str(), it.is_guessed, it.is_percent));
        assert_eq!(found, expected, "{cell:?}");
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        use Decimals::{Comma, Point};
        for (cell, decimals, expected) in [
            ("50", Point, Some(("50", false, false))),
            (" -0.5 ", Point, Some(("-0.5", false, false))),
            ("1e-300", Point, Some(("1e-300", false, false))),
            ("+5", Point, Some(("5", false, false))),
            ("50%", Point, Some(("50", false, true))),
            ("12.5 %", Point, Some(("12.5", false, true))),
            ("５０％", Point, Some(("50", true, true))),
            ("１，０００", Point, Some(("1000", true, false))),
            ("1,000", Point, Some(("1000", true, false))),
            ("1,234,567.5", Point, Some(("1234567.5", true, false))),
            ("0,5", Comma, Some(("0.5", true, false))),
            ("33,3%", Comma, Some(("33.3", true, true))),
            ("0.5", Comma, Some(("0.5", false, false))),
            ("007", Point, Some(("7", true, false))),
            ("−5", Point, Some(("-5", true, false))),
            (".5", Point, Some(("0.5", true, false))),
            ("0", Point, Some(("0", false, false))),
            ("-0", Point, Some(("-0", false, false))),
            ("0,5", Point, None),
            ("1,00,000", Point, None),
            ("1.234,5", Comma, None),
            ("1,2,3", Comma, None),
            ("ten", Point, None),
            ("5 pm", Point, None),
            ("", Point, None),
            ("%", Point, None),
            ("0x1F", Point, None),
            ("1.", Point, None),
            ("NaN", Point, None),
        ] {
            check(cell, decimals, expected);
        }
    }
}
