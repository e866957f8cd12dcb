//! Does a text look like it names a person? What does is refused, so that it is never stored.

/// Digits in a row, with what people write between them, that make a telephone, card or identity number.
const DIGITS_MIN: usize = 9;

/// Whether `text` holds what looks like a mail address, a number of a telephone, card or identity paper, or an address of the
/// internet protocol.
pub fn is_personal(text: &str) -> bool {
    has_mail_address(text) || has_long_number(text) || text.split(is_space).any(is_internet_address)
}

/// Whether a number may be a telephone's or a card's: whole, and of as many digits.
pub fn is_personal_number(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() >= 100_000_000.0
}

fn is_space(it: char) -> bool {
    it.is_whitespace() || matches!(it, ',' | ';' | '"' | '\'' | '<' | '>' | '(' | ')')
}

/// Something, an at-sign, and something with a point in it.
fn has_mail_address(text: &str) -> bool {
    text.split(is_space).any(|word| {
        word.split_once(['@', '＠'])
            .is_some_and(|(name, host)| !name.is_empty() && host.trim_matches('.').contains('.'))
    })
}

fn has_long_number(text: &str) -> bool {
    let mut n_digits = 0_usize;
    for it in text.chars() {
        match it {
            _ if it.is_numeric() => n_digits = n_digits.saturating_add(1),
            ' ' | '-' | '.' | '(' | ')' | '+' | '/' => {}
            _ => n_digits = 0,
        }
        if n_digits >= DIGITS_MIN {
            return true;
        }
    }
    false
}

fn is_internet_address(word: &str) -> bool {
    let word = word.trim_matches(['[', ']']);
    word.parse::<std::net::IpAddr>().is_ok() && word.len() > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_person_is_seen() {
        for text in [
            "ann@shop.example",
            "mail: <ann.lee+x@shop.co.uk>",
            "ann＠shop.example",
            "13812345678",
            "+86 138-1234-5678",
            "(030) 1234 56789",
            "4111 1111 1111 1111",
            "11010519491231002X",
            "192.168.0.17",
            "from 10.0.0.1, twice",
            "2001:db8::1",
        ] {
            assert!(is_personal(text), "{text}");
        }
        for number in [13_812_345_678.0, -123_456_789.0] {
            assert!(is_personal_number(number), "{number}");
        }
    }

    #[test]
    fn what_names_nobody_passes() {
        for text in [
            "",
            "red",
            "sku-1042",
            "50% off",
            "@home",
            "2026-12-01",
            "a@b",
            "12345678",
            "size 42, 2 of 3",
            "::",
            "v1.2.3",
        ] {
            assert!(!is_personal(text), "{text}");
        }
        for number in [0.0, 42.0, 19_990_000.0, 123_456_789.5] {
            assert!(!is_personal_number(number), "{number}");
        }
    }
}
