//! `terms`: what a promotion costs and saves, as data, so that pages, checks and reports need not read it out of a text.
//!
//! One of three ways to save: `cut` (off the sum: 满减), `percent_off`, `price`.

use crate::report::Report;
use crate::section::money::{Hundredths, amount, required_currency};
use crate::source::{At, Kind};

pub(crate) const KEYS: [&str; 7] = ["threshold", "cut", "percent_off", "price", "cap", "points", "currency"];

/// Conditions of a price. Equal terms are equal values, whatever the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Terms<'t> {
    /// Sum from which they hold; 0 for every order.
    pub threshold: Hundredths,
    /// What is saved.
    pub saving: Saving,
    /// Points that a member pays besides.
    pub points: i64,
    /// ISO 4217.
    pub currency: &'t str,
}

/// How money is saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Saving {
    /// An amount off the sum, once.
    Cut(Hundredths),
    /// An amount off for every full threshold, altogether at most the second, if there is one.
    CutRepeated(Hundredths, Option<Hundredths>),
    /// A share off, at most an amount.
    PercentOff(f64, Option<Hundredths>),
    /// A fixed price.
    Price(Hundredths),
}

/// In words, for messages: `100 CNY off 600`.
impl std::fmt::Display for Terms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { threshold, saving, points, currency } = self;
        match saving {
            Saving::Cut(cut) => write!(f, "{cut} {currency} off")?,
            Saving::CutRepeated(cut, None) => write!(f, "{cut} {currency} off, as often as the sum allows")?,
            Saving::CutRepeated(cut, Some(cap)) => write!(f, "{cut} {currency} off, up to {cap}")?,
            Saving::PercentOff(percent, None) => write!(f, "{percent} % off")?,
            Saving::PercentOff(percent, Some(cap)) => write!(f, "{percent} % off, up to {cap} {currency}")?,
            Saving::Price(price) => write!(f, "a price of {price} {currency}")?,
        }
        if threshold.0 > 0 {
            write!(f, " from {threshold} {currency} on")?;
        }
        if *points > 0 {
            write!(f, " for {points} points")?;
        }
        Ok(())
    }
}

/// Reads terms. Errors are reported; `None` then.
pub(crate) fn read<'t>(at: At<'t>, report: &mut Report) -> Option<Terms<'t>> {
    let at = report.object(at, &KEYS)?;
    let threshold_at = at.get("threshold");
    let threshold = threshold_at.map_or(Some(Hundredths(0)), |at| amount(at, report));
    let points = at.get("points").map_or(Some(0), |at| report.integer(at, 0..=1_000_000_000));
    let currency = required_currency(at, report);
    let saving = saving(at, threshold, report);
    Some(Terms { threshold: threshold?, saving: saving?, points: points?, currency: currency? })
}

fn saving(at: At<'_>, threshold: Option<Hundredths>, report: &mut Report) -> Option<Saving> {
    let ways = ["cut", "percent_off", "price"];
    let help = "keep one of cut, percent_off and price";
    for (idx, first) in ways.into_iter().enumerate() {
        for second in ways.into_iter().skip(idx).skip(1) {
            report.contradiction(at, first, second, help);
        }
    }
    let is_capped = at.get("cap").is_some();
    if let Some(cut_at) = at.get("cut") {
        let cut = amount(cut_at, report)?;
        let has_threshold = threshold.is_some_and(|it| it.0 > 0);
        if has_threshold && threshold.is_some_and(|it| cut > it) {
            let message = format!("{cut} off is more than the threshold of {}", threshold.unwrap_or(cut));
            report.error(cut_at, "saving_above_price", message, "write a smaller cut, or a greater threshold");
            return None;
        }
        if is_capped && !has_threshold {
            let message = "a cut with a cap repeats for every full threshold, but there is no threshold";
            report.error(at, "cap_without_threshold", message, "write the threshold, or remove the cap");
            return None;
        }
        let cap = cap(at, cut, report)?;
        return Some(if is_capped { Saving::CutRepeated(cut, cap) } else { Saving::Cut(cut) });
    }
    if let Some(percent_at) = at.get("percent_off") {
        let percent = report.number_in(percent_at, 0.01..=100.0)?;
        return Some(Saving::PercentOff(percent, cap(at, Hundredths(0), report)?));
    }
    let Some(price_at) = at.get("price") else {
        let help = "write cut: an amount, percent_off: a percentage, or price: an amount";
        report.error(at, "terms_without_saving", "the terms do not say what is saved", help);
        return None;
    };
    report.contradiction(at, "price", "cap", "a fixed price has no cap: remove it");
    amount(price_at, report).map(Saving::Price)
}

/// The greatest saving: `Some(None)` without bound, `None` after an error.
fn cap(at: At<'_>, least: Hundredths, report: &mut Report) -> Option<Option<Hundredths>> {
    let Some(at) = at.get("cap") else { return Some(None) };
    if matches!(at.kind(), Kind::Text(_)) {
        return report.word(at, &[("none", None)]);
    }
    let cap = amount(at, report)?;
    if cap < least {
        let message = format!("the cap of {cap} is less than a single cut of {least}");
        report.error(at, "cap_below_cut", message, "write a greater cap, or a smaller cut");
        return None;
    }
    Some(Some(cap))
}
