//! What the values of a column look like.

use chrono::{NaiveDate, NaiveDateTime};

/// Numeric formats of dates, as mappings write them; those before win where both fit.
const DATES: [&str; 22] = [
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%y",
    "%d.%m.%y %H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%y",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%y",
    "%d-%m-%Y",
    "%d-%m-%Y %H:%M",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
];

/// The formats that most of the values are in (more than one if they cannot be told apart). Empty: these are no dates.
pub(super) fn date_formats(values: &[&str]) -> Vec<&'static str> {
    let most = |fits: &dyn Fn(&str) -> bool| {
        let n = values.iter().filter(|value| fits(value.trim())).count();
        n > 0 && n * 10 >= values.len() * 9
    };
    if most(&is_iso) {
        return vec!["iso"];
    }
    if most(&|value| value.contains('年') && value.contains('月')) {
        return vec!["chinese"];
    }
    let digits = |n: usize| {
        move |value: &str| value.len() == n && value.bytes().all(|byte| byte.is_ascii_digit()) && value.starts_with('1')
    };
    for (n, format) in [(10, "epoch_s"), (13, "epoch_ms"), (16, "epoch_us")] {
        if most(&digits(n)) {
            return vec![format];
        }
    }
    DATES.into_iter().filter(|format| most(&|value| fits(value, format))).collect()
}

fn is_iso(value: &str) -> bool {
    let day = value.get(..10).is_some_and(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok());
    day && (value.len() == 10 || matches!(value.as_bytes().get(10), Some(b'T' | b' ')))
}

fn fits(value: &str, format: &str) -> bool {
    let has_time = format.contains("%H") || format.contains("%I");
    let year_digits = value.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    // Four digits of a year must not be read as two and something else.
    let wants_long = format.contains("%Y") == (year_digits >= 4);
    wants_long
        && match has_time {
            true => NaiveDateTime::parse_from_str(value, format).is_ok(),
            false => NaiveDate::parse_from_str(value, format).is_ok(),
        }
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// These are no numbers.
    None,
    Whole,
    Point,
    Comma,
}

/// How most of the values are written as numbers.
pub(super) fn numbers(values: &[&str]) -> Numbers {
    let (mut n_whole, mut n_point, mut n_comma) = (0, 0, 0);
    for value in values {
        let value = value.trim().trim_start_matches('-');
        let mut parts = value.splitn(2, [',', '.']);
        let (head, tail) = (parts.next().unwrap_or_default(), parts.next());
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match (is_digits(head), tail) {
            (true, None) => n_whole += 1,
            (true, Some(tail)) if is_digits(tail) && value.contains(',') => n_comma += 1,
            (true, Some(tail)) if is_digits(tail) => n_point += 1,
            _ => {}
        }
    }
    if values.is_empty() || (n_whole + n_point + n_comma) * 10 < values.len() * 9 {
        return Numbers::None;
    }
    match () {
        () if n_comma > n_point => Numbers::Comma,
        () if n_point > 0 => Numbers::Point,
        () => Numbers::Whole,
    }
}
