//! The order of texts in JavaScript.

use std::cmp::Ordering;

/// Compares by UTF-16 code units. Only beyond U+FFFF this differs from the order of characters.
pub(crate) fn utf16(one: &str, two: &str) -> Ordering {
    match one.is_ascii() || two.is_ascii() {
        // An ASCII text differs from any other at a character below U+0080, or ends before it.
        true => one.cmp(two),
        false => one.encode_utf16().cmp(two.encode_utf16()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_pair_sorts_before_the_last_private_characters() {
        assert_eq!(utf16("😀", "\u{ffff}"), Ordering::Less);
        assert_eq!("😀".cmp("\u{ffff}"), Ordering::Greater);
        assert_eq!(utf16("10", "9"), Ordering::Less);
        assert_eq!(utf16("a", "é"), Ordering::Less);
        assert_eq!(utf16("", "a"), Ordering::Less);
    }
}
