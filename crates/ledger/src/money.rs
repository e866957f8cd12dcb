//! Sums of money as whole numbers of the smallest coin.

/// Greatest value of one event, before the currency's decimals. Unit: the currency's own.
pub const VALUE_MAX: f64 = 10_000_000.0;

/// Currencies without decimals (ISO 4217).
const WHOLE: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"];
/// Currencies with three decimals.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// How many of the smallest coin make one of the currency's unit.
pub fn coins(currency: &str) -> f64 {
    match currency {
        _ if WHOLE.contains(&currency) => 1.0,
        _ if THOUSANDTHS.contains(&currency) => 1000.0,
        _ => 100.0,
    }
}

/// Whether a text has the form of an ISO 4217 code.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|it| it.is_ascii_uppercase())
}

/// The value in the smallest coin of the currency, rounded; `None` when it is not in 0..=[`VALUE_MAX`].
pub fn minor(value: f64, currency: &str) -> Option<u64> {
    // Within 0..=10^10 by the check, so the conversion is exact to a whole number.
    (0.0..=VALUE_MAX).contains(&value).then(|| (value * coins(currency)).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_coins() {
        for (value, currency, expected) in [
            (199.0, "CNY", Some(19_900)),
            (0.0, "EUR", Some(0)),
            (19.99, "EUR", Some(1_999)),
            (1.005, "USD", Some(100)),
            (1200.0, "JPY", Some(1_200)),
            (1.234, "KWD", Some(1_234)),
            (10_000_000.0, "CNY", Some(1_000_000_000)),
            (10_000_000.01, "CNY", None),
            (-0.01, "CNY", None),
            (f64::NAN, "CNY", None),
            (f64::INFINITY, "CNY", None),
        ] {
            assert_eq!(minor(value, currency), expected, "{value} {currency}");
        }
        assert!(is_currency("CNY"));
        for wrong in ["", "cny", "CN", "CNYY", "C1Y", "元"] {
            assert!(!is_currency(wrong), "{wrong}");
        }
    }
}
