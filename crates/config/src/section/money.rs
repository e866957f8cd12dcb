//! Amounts of money: a number and a currency.

use crate::report::Report;
use crate::source::{At, Kind, shortened};

pub(crate) const KEYS: [&str; 2] = ["amount", "currency"];

/// Codes of ISO 4217 for money that is in use (list one, without funds and metals).
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG \
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK \
MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD \
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND \
VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// An amount of money. Unit: hundredths of the currency's unit, whatever its smallest coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hundredths(pub i64);

impl std::fmt::Display for Hundredths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0.div_euclid(100), self.0.rem_euclid(100));
        if rest == 0 { write!(f, "{whole}") } else { write!(f, "{whole}.{rest:02}") }
    }
}

/// `{ amount, currency }`.
pub(crate) fn sum<'t>(at: At<'t>, report: &mut Report) -> Option<(Hundredths, &'t str)> {
    let at = report.object(at, &KEYS)?;
    let found = report.required(at, "amount", "write the amount, for example amount: 12000");
    let found = found.and_then(|at| amount(at, report));
    let currency = required_currency(at, report);
    Some((found?, currency?))
}

/// An amount: not negative, of at most two decimals.
pub(crate) fn amount(at: At<'_>, report: &mut Report) -> Option<Hundredths> {
    let number = report.number(at)?;
    let hundredths = number * 100.0;
    // Beyond that, doubles no longer hold every hundredth.
    let is_in_range = (0.0..=1e15).contains(&hundredths);
    if !is_in_range || (hundredths - hundredths.round()).abs() > 1e-4 {
        let message = format!("{} is no amount of money", shortened(&number.to_string()));
        report.error(at, "invalid_amount", message, "write a number of at least 0 with at most two decimals");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and in the range of i64, as checked above")]
    Some(Hundredths(hundredths.round() as i64))
}

/// The currency that an object with amounts must name.
pub(crate) fn required_currency<'t>(object: At<'t>, report: &mut Report) -> Option<&'t str> {
    let at = report.required(object, "currency", "name the currency, for example currency: CNY")?;
    let code = match at.kind() {
        Kind::Text(_) => at.as_text(),
        _ => report.text(at)?,
    };
    if CURRENCIES.split_ascii_whitespace().any(|it| it == code) {
        return Some(code);
    }
    // What people write and the standard does not know.
    let meant = match code.to_uppercase().as_str() {
        "RMB" | "CNH" | "元" | "人民币" | "¥" => Some("CNY"),
        "€" => Some("EUR"),
        "$" => Some("USD"),
        upper => CURRENCIES.split_ascii_whitespace().find(|it| *it == upper),
    };
    let suggestion = match meant {
        Some(meant) => format!(" (did you mean {meant:?}?)"),
        None => report.did_you_mean(code, CURRENCIES.split_ascii_whitespace()),
    };
    let message = format!("there is no currency {:?}{suggestion}", shortened(code));
    report.error(at, "unknown_currency", message, "write a code of ISO 4217, for example CNY, EUR or USD");
    None
}
