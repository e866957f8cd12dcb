//! Numbers as people read them.

/// A number with at most four digits that matter and thousands apart: `12,345`, `1,235`, `12.35`, `0.01235`.
///
/// From 10^15 on the power of ten stands behind: `2.500e15`. What is no finite number is shown as a dash.
pub fn shown(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let size = number.abs();
    if size >= 1e15 {
        return format!("{number:.3e}");
    }
    let n_decimals = match size {
        0.0 => 0,
        _ if number.fract() == 0.0 || size >= 1000.0 => 0,
        _ => (3 - size.log10().floor() as i32).clamp(0, 8) as usize,
    };
    let text = format!("{size:.n_decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut shown = String::new();
    let is_zero = whole == "0" && fraction.is_empty();
    if number < 0.0 && !is_zero {
        shown.push('−');
    }
    for (idx, digit) in whole.chars().enumerate() {
        if idx > 0 && (whole.len() - idx) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if !fraction.is_empty() {
        shown.push('.');
        shown.push_str(fraction);
    }
    shown
}

#[cfg(test)]
mod number_tests {
    use super::shown;

    #[test]
    fn numbers_are_short_and_apart() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (1234567.0, "1,234,567"),
            (-1234.5, "−1,234"),
            (12.345678, "12.35"),
            (0.0123456, "0.01235"),
            (0.5, "0.5"),
            (999.96, "1,000"),
            (1e-12, "0"),
            (-2.5e15, "-2.500e15"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(shown(number), text, "{number}");
        }
    }
}
