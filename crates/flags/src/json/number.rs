//! The text of a number, as ECMAScript's `Number::toString` writes it, without allocating.

use std::fmt::{self, Write as _};

/// Longest text: sign, `0.00000`, 17 digits.
const BYTES_MAX: usize = 32;

/// The text of one finite number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberText {
    bytes: [u8; BYTES_MAX],
    n_bytes: usize,
}

impl NumberText {
    /// The text of `number`: its shortest digits that read back as the same number; an exponent from 1e21 and below 1e-6.
    pub(crate) fn of(number: f64) -> Self {
        let mut text = Self { bytes: [0; BYTES_MAX], n_bytes: 0 };
        if number == 0.0 {
            text.push(b'0');
        } else if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
            if number < 0.0 {
                text.push(b'-');
            }
            // Exact: an integer below 2^53.
            text.push_decimal(number.abs() as u64);
        } else if number.is_finite() {
            text.push_scientific(number);
        }
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.n_bytes).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.n_bytes) {
            *slot = byte;
            self.n_bytes = self.n_bytes.saturating_add(1);
        }
    }

    fn push_all(&mut self, bytes: impl IntoIterator<Item = u8>) {
        bytes.into_iter().for_each(|byte| self.push(byte));
    }

    fn push_decimal(&mut self, number: u64) {
        let (digits, n_digits) = decimal(number);
        self.push_all(digits.into_iter().skip(digits.len().saturating_sub(n_digits)));
    }

    /// Arranges the shortest digits, which Rust's own formatter finds, as ECMAScript does.
    fn push_scientific(&mut self, number: f64) {
        let mut rust = Self { bytes: [0; BYTES_MAX], n_bytes: 0 };
        // `-d.ddde-xxx`: at most 24 bytes, so this cannot fail.
        let _ = write!(rust, "{number:e}");
        let text = rust.as_str();
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        if mantissa.starts_with('-') {
            self.push(b'-');
        }
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        let n_digits = i32::try_from(digits.clone().count()).unwrap_or_default();
        let zeros = |n: i32| std::iter::repeat_n(b'0', usize::try_from(n).unwrap_or_default());
        // Number of digits before the decimal point.
        let point = exponent.saturating_add(1);
        let before = usize::try_from(point).unwrap_or_default();
        if n_digits <= point && point <= 21 {
            self.push_all(digits);
            self.push_all(zeros(point.saturating_sub(n_digits)));
        } else if 0 < point && point <= 21 {
            self.push_all(digits.clone().take(before));
            self.push(b'.');
            self.push_all(digits.skip(before));
        } else if -6 < point && point <= 0 {
            self.push_all(*b"0.");
            self.push_all(zeros(point.saturating_neg()));
            self.push_all(digits);
        } else {
            self.push_all(digits.clone().take(1));
            if n_digits > 1 {
                self.push(b'.');
                self.push_all(digits.skip(1));
            }
            self.push(b'e');
            self.push(if exponent < 0 { b'-' } else { b'+' });
            self.push_decimal(u64::from(exponent.unsigned_abs()));
        }
    }
}

impl fmt::Write for NumberText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_all(text.bytes());
        Ok(())
    }
}

/// The decimal digits of `number`, at the end of the array, and how many they are.
fn decimal(mut number: u64) -> ([u8; 20], usize) {
    let mut digits = [b'0'; 20];
    let mut n_digits = 0_usize;
    for slot in digits.iter_mut().rev() {
        // A remainder of ten is a digit.
        *slot = b'0'.wrapping_add((number % 10) as u8);
        number /= 10;
        n_digits = n_digits.saturating_add(1);
        if number == 0 {
            break;
        }
    }
    (digits, n_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (123_456_789.0, "123456789"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1e21, "-1e+21"),
            (1.5e300, "1.5e+300"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (0.1, "0.1"),
            (0.000_001, "0.000001"),
            (0.000_001_5, "0.0000015"),
            (1e-7, "1e-7"),
            (-1.234_567_890_123_456_6e-7, "-1.2345678901234566e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (4.5, "4.5"),
            (1_234.567_8, "1234.5678"),
            (0.000_012_345_678_901_234_568, "0.000012345678901234568"),
        ] {
            assert_eq!(NumberText::of(number).as_str(), expected);
        }
    }

    #[test]
    fn text_reads_back_as_the_number() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..100_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let number = f64::from_bits(bits);
            if number.is_finite() {
                assert_eq!(NumberText::of(number).as_str().parse::<f64>().unwrap(), number, "{number:e}");
            }
        }
    }
}
