//! Caps for single visitors: how often one offer may be shown to one visitor, and who has seen it that often.

use vitrine_engine::{Limit, Limits, Offer, OfferIdx, VisitorCap};

/// A cap to try: so many showings of an offer to one visitor within a time. Written `2/7d`: a count of 1 to 1,000, and a whole number of
/// days (`d`), hours (`h`), minutes (`m`) or seconds (`s`), at most 400 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialCap(pub VisitorCap);

/// Why a text is no cap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no cap: write a count of 1 to 1000 and a time of at most 400 days, such as 2/7d or 1/12h")]
pub struct CapError {
    /// The text.
    pub found: String,
}

const WINDOW_MAX_S: u64 = 400 * 86_400;

impl std::str::FromStr for TrialCap {
    type Err = CapError;

    fn from_str(text: &str) -> Result<Self, CapError> {
        let read = || {
            let (count, window) = text.split_once('/')?;
            let count_max: u16 = count.parse().ok().filter(|it| (1..=1_000).contains(it))?;
            let (unit_at, unit) = window.char_indices().next_back()?;
            let unit_s = match unit {
                'd' => 86_400,
                'h' => 3_600,
                'm' => 60,
                's' => 1,
                _ => return None,
            };
            let window_s = window.get(..unit_at)?.parse::<u64>().ok()?.checked_mul(unit_s)?;
            let window_s = (1..=WINDOW_MAX_S).contains(&window_s).then_some(window_s)?;
            Some(Self(VisitorCap { count_max, window_s: u32::try_from(window_s).ok()? }))
        };
        read().ok_or_else(|| CapError { found: text.to_owned() })
    }
}

impl std::fmt::Display for TrialCap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let VisitorCap { count_max, window_s } = self.0;
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let (unit_s, unit) = units.into_iter().find(|(unit_s, _)| window_s % unit_s == 0).unwrap_or((1, 's'));
        write!(f, "{count_max}/{}{unit}", window_s / unit_s)
    }
}

/// What one visitor was shown: the offer, and when (milliseconds after the start).
pub(crate) type Log = Vec<(OfferIdx, i64)>;

/// The caps of offers for a visitor who has seen what the log holds.
pub(crate) struct Seen<'a> {
    pub(crate) offers: &'a [Offer],
    pub(crate) log: &'a Log,
    pub(crate) now_ms: i64,
}

impl Limits for Seen<'_> {
    fn rejection(&self, offer: OfferIdx) -> Option<Limit> {
        let caps = &self.offers.get(usize::from(offer.0))?.caps.visitor;
        let is_reached = caps.iter().any(|cap| {
            let window_ms = i64::from(cap.window_s) * 1_000;
            let within = self.log.iter().filter(|(shown, at_ms)| *shown == offer && self.now_ms - at_ms < window_ms);
            within.count() >= usize::from(cap.count_max)
        });
        is_reached.then_some(Limit::VisitorCap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_read_and_written() {
        for text in ["2/7d", "1/12h", "3/90m", "1000/1s", "1/400d"] {
            assert_eq!(text.parse::<TrialCap>().unwrap().to_string(), text);
        }
        assert_eq!("1/86400s".parse::<TrialCap>().unwrap().to_string(), "1/1d");
        for text in [
            "",
            "2",
            "/7d",
            "0/7d",
            "1001/7d",
            "2/d",
            "2/0d",
            "2/401d",
            "2/7",
            "2/7w",
            "2/-7d",
            "-1/7d",
            "2/7ä",
            "2/9999999999999999999d",
        ] {
            assert_eq!(text.parse::<TrialCap>(), Err(CapError { found: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn a_cap_holds_within_its_window_and_for_its_offer() {
        let mut offers = vec![Offer::new("a", Vec::new()), Offer::new("b", Vec::new())];
        offers[0].caps.visitor = vec!["2/10s".parse::<TrialCap>().unwrap().0, "3/60s".parse::<TrialCap>().unwrap().0];
        let (a, b) = (OfferIdx(0), OfferIdx(1));
        let check = |log: &[(OfferIdx, i64)], now_ms, expected: bool| {
            let log = log.to_vec();
            let seen = Seen { offers: &offers, log: &log, now_ms };
            assert_eq!(seen.rejection(a).is_some(), expected, "{log:?} at {now_ms}");
            assert_eq!(seen.rejection(b), None);
        };
        check(&[], 0, false);
        check(&[(a, 0)], 5_000, false);
        check(&[(a, 0), (b, 1_000), (b, 2_000)], 5_000, false);
        check(&[(a, 0), (a, 1_000)], 5_000, true);
        check(&[(a, 0), (a, 1_000)], 9_999, true);
        check(&[(a, 0), (a, 1_000)], 10_000, false);
        check(&[(a, 0), (a, 1_000), (a, 15_000)], 40_000, true);
        check(&[(a, 0), (a, 1_000), (a, 15_000)], 60_000, false);
    }
}
