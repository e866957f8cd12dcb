//! The check that a text is an RFC 3339 date-time. The table stores such texts and never computes with them.

/// True for a date-time as RFC 3339 section 5.6 has it, with upper-case `T` and `Z` and no leap second.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    parse(text.as_bytes()).is_some()
}

fn parse(text: &[u8]) -> Option<()> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(literal(text, b'-')?, 2)?;
    let (day, text) = number(literal(text, b'-')?, 2)?;
    let (hour, text) = number(literal(text, b'T')?, 2)?;
    let (minute, text) = number(literal(text, b':')?, 2)?;
    let (second, text) = number(literal(text, b':')?, 2)?;
    if !(1..=days_in_month(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let text = match literal(text, b'.') {
        None => text,
        Some(fraction) => {
            let n_digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(n_digits..).filter(|_| (1..=9).contains(&n_digits))?
        }
    };
    let offset = match text {
        b"Z" => return Some(()),
        [b'+' | b'-', offset @ ..] => offset,
        _ => return None,
    };
    let (hour, offset) = number(offset, 2)?;
    let (minute, offset) = number(literal(offset, b':')?, 2)?;
    (offset.is_empty() && hour <= 23 && minute <= 59).then_some(())
}

/// A number of exactly `n_digits` at the front, and what follows it.
fn number(text: &[u8], n_digits: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(n_digits)?;
    let value = digits.iter().try_fold(0_u32, |value, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some((value, rest))
}

fn literal(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| **first == byte).map(|(_, rest)| rest)
}

fn days_in_month(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_rfc3339;

    #[test]
    fn knows_a_date_time() {
        let good = [
            "2011-12-09T12:50:00Z",
            "2024-02-29T00:00:00Z",
            "2000-02-29T23:59:59.123456789Z",
            "2011-12-09T12:50:00+01:00",
            "2011-12-09T12:50:00.5-23:59",
        ];
        for text in good {
            assert!(is_rfc3339(text), "{text}");
        }
        let bad = [
            "",
            "2011-12-09",
            "2011-12-09 12:50:00Z",
            "2011-12-09T12:50:00",
            "2011-12-09T12:50:00z",
            "2011-12-09T12:50:00Zx",
            "2011-13-09T12:50:00Z",
            "2011-02-29T12:50:00Z",
            "1900-02-29T12:50:00Z",
            "2011-00-09T12:50:00Z",
            "2011-12-00T12:50:00Z",
            "2011-12-09T24:00:00Z",
            "2011-12-09T12:60:00Z",
            "2011-12-09T12:50:60Z",
            "2011-12-09T12:50:00.Z",
            "2011-12-09T12:50:00.1234567890Z",
            "2011-12-09T12:50:00+1:00",
            "2011-12-09T12:50:00+01:60",
            "+011-12-09T12:50:00Z",
        ];
        for text in bad {
            assert!(!is_rfc3339(text), "{text}");
        }
    }
}
