//! Times as spreadsheet programs write them: `2026/12/1 0:00`, `2026年12月1日`.

use super::number::narrow;

/// What a cell for a time holds.
#[derive(Debug, PartialEq)]
pub(crate) enum Clock {
    /// Nothing that a program wrote by itself; the text says what it is.
    AsWritten,
    /// The same local time as documents write it: `2026-12-01T00:00`.
    Local(String),
    /// Day and month, or month and day: nobody knows.
    Ambiguous,
}

/// Reads the date of a spreadsheet program, with or without a time of day. Whether there is such a day is not checked.
pub(crate) fn read(cell: &str) -> Clock {
    let text = narrow(cell.trim());
    let (date, time) = match text.split_once([' ', '日']) {
        Some((date, time)) => (date, time.trim()),
        None => (text.trim(), ""),
    };
    let mut parts = date.split(['/', '-', '.', '年', '月']);
    let (Some(first), Some(second), Some(third), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Clock::AsWritten;
    };
    let n_digits = |it: &str, n: std::ops::RangeInclusive<usize>| {
        n.contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit())
    };
    let Some(time) = time_of_day(time) else { return Clock::AsWritten };
    if n_digits(first, 4..=4) && n_digits(second, 1..=2) && n_digits(third, 1..=2) {
        return Clock::Local(format!("{first}-{second:0>2}-{third:0>2}T{time}"));
    }
    if n_digits(first, 1..=2) && n_digits(second, 1..=2) && (n_digits(third, 4..=4) || n_digits(third, 2..=2)) {
        return Clock::Ambiguous;
    }
    Clock::AsWritten
}

/// `0:00`, `9:30:15`, `09:30 PM` or nothing, as `00:00` or `00:00:00`.
fn time_of_day(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("00:00".to_owned());
    }
    let upper = text.to_ascii_uppercase();
    let (clock, is_pm) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(rest), _) => (rest.trim_end(), Some(false)),
        (_, Some(rest)) => (rest.trim_end(), Some(true)),
        _ => (upper.as_str(), None),
    };
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next());
    let is_two = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
    if parts.next().is_some() || hour.len() > 2 || !is_two(minute) || !second.is_none_or(is_two) {
        return None;
    }
    let hour: u8 = hour.parse().ok()?;
    let hour = match is_pm {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(is_pm) => hour.checked_rem(12)?.checked_add(if is_pm { 12 } else { 0 })?,
    };
    let second = second.map(|it| format!(":{it}")).unwrap_or_default();
    Some(format!("{hour:02}:{minute}{second}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_spreadsheet_programs_become_local_times() {
        for (cell, expected) in [
            ("2026/12/1 0:00", "2026-12-01T00:00"),
            ("2026/12/1", "2026-12-01T00:00"),
            ("2026-12-01", "2026-12-01T00:00"),
            ("2026-12-01 09:30:15", "2026-12-01T09:30:15"),
            ("2026/1/2 9:05 PM", "2026-01-02T21:05"),
            ("2026/1/2 12:00 AM", "2026-01-02T00:00"),
            ("2026年12月1日", "2026-12-01T00:00"),
            ("2026年12月1日 8:00", "2026-12-01T08:00"),
            ("２０２６/１２/１　０：００", "2026-12-01T00:00"),
            ("2026.12.01", "2026-12-01T00:00"),
        ] {
            assert_eq!(read(cell), Clock::Local(expected.to_owned()), "{cell}");
        }
    }

    #[test]
    fn nobody_knows_whether_the_day_or_the_month_goes_first() {
        for cell in ["12/1/2026", "1.12.2026", "1-2-26", "01/02/2026 0:00"] {
            assert_eq!(read(cell), Clock::Ambiguous, "{cell}");
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for cell in [
            "2026-12-01T00:00:00+08:00",
            "2026-12-01T00:00",
            "2026-12-01T00:00:00Z",
            "soon",
            "2026/12",
            "2026/12/1 noon",
            "2026/12/1 0:0",
            "2026/12/1 13:00 PM",
            "12:30",
            "",
        ] {
            assert_eq!(read(cell), Clock::AsWritten, "{cell}");
        }
    }
}
