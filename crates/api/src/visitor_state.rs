//! What a visitor was shown, declined and did, carried by the visitor: a signed text of at most [`STATE_CHARS_MAX`] characters, in a
//! first-party cookie or, for callers without cookies, in the request. No server keeps it.
//!
//! It names offers by a short hash and times by their age, and it is bound to what names the visitor: with another name it is forged.
//! Old entries are rounded to longer steps and then forgotten, so it cannot grow; a showing may count a little longer than its
//! window for it, never shorter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vitrine_engine::TimestampMs;
use vitrine_tables::TableKey;

use crate::cookie::{COOKIE_AGE_MAX_S, SetCookie};
use crate::token::{MAC_BYTES, TOKEN_SKEW_MAX_S, TokenError, TokenKeys};

/// Longest text. Unit: characters.
pub const STATE_CHARS_MAX: usize = 1500;
/// Name of the cookie, and of the entry of `set`.
pub const STATE_COOKIE: &str = "__Host-vitrine_state";
/// How long a state is kept after it was last signed, and each of its entries after it happened: the longest window of a cap that can
/// be kept. Unit: seconds.
pub const STATE_AGE_MAX_S: u32 = COOKIE_AGE_MAX_S;

/// First byte: version of the form. Second byte: what the text is. No token begins so.
const HEAD: [u8; 2] = [1, 3];
const DAY_S: u32 = 24 * 3600;
/// Least step of time. Unit: seconds.
const TICK_S: u32 = 300;
/// [`STATE_AGE_MAX_S`] in ticks.
const AGE_MAX: u32 = STATE_AGE_MAX_S / TICK_S;
/// [`TOKEN_SKEW_MAX_S`] in ticks.
const SKEW_MAX: u32 = TOKEN_SKEW_MAX_S / TICK_S;
/// From this age on showings are told apart only to this step. Unit of both: ticks.
const STEPS: [(u32, u32); 4] = [(60 * DAY, 30 * DAY), (7 * DAY, DAY), (DAY, 3600 / TICK_S), (0, 1)];
/// A day. Unit: ticks.
const DAY: u32 = DAY_S / TICK_S;
/// Most bytes before they are written as text, without the signature.
const BYTES_MAX: usize = STATE_CHARS_MAX / 4 * 3 - MAC_BYTES;
const OFFERS_MAX: usize = 255;
const DISMISSED: u8 = 0x80;
const CONVERTED: u8 = 0x40;
const N_SHOWINGS_MAX: usize = 0x3f;

/// The state of one visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorState {
    /// Those that nothing was noted of for longest first.
    offers: Vec<Seen>,
}

/// What happened with one offer. Times are ticks since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    offer: u32,
    /// When and how often, oldest first.
    showings: Vec<(u32, u32)>,
    dismissed: Option<u32>,
    converted: Option<u32>,
}

/// What is known of one offer at one time.
#[derive(Clone, Copy, Debug)]
pub struct OfferState<'a> {
    seen: &'a Seen,
    now: u32,
}

impl OfferState<'_> {
    /// How often it was shown within the last `window_s` seconds.
    pub fn n_shown(self, window_s: u32) -> u32 {
        let since = self.now.saturating_sub(window_s.div_ceil(TICK_S));
        let showings = self.seen.showings.iter().filter(|(at, _)| *at >= since);
        showings.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// For how long it has been declined. Unit: seconds.
    pub fn dismissed_for_s(self) -> Option<u32> {
        Some(self.now.saturating_sub(self.seen.dismissed?).saturating_mul(TICK_S))
    }

    /// How long ago the visitor did what it asks for. Unit: seconds.
    pub fn converted_for_s(self) -> Option<u32> {
        Some(self.now.saturating_sub(self.seen.converted?).saturating_mul(TICK_S))
    }
}

impl VisitorState {
    /// Reads the text of a state that was signed for this visitor, and forgets what is too old.
    ///
    /// Errors: [`TokenError::Malformed`], [`TokenError::Forged`], [`TokenError::Stale`], [`TokenError::NotYet`], in this order.
    pub fn read(text: &str, keys: &TokenKeys, visitor: &str, now: TimestampMs) -> Result<Self, TokenError> {
        if text.len() > STATE_CHARS_MAX {
            return Err(TokenError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Malformed)?;
        let (signed, mac) = bytes.split_last_chunk::<MAC_BYTES>().ok_or(TokenError::Malformed)?;
        if !keys.verifies(&[signed, visitor.as_bytes()], mac) {
            return Err(TokenError::Forged);
        }
        let (issued, mut state) = parse(signed).ok_or(TokenError::Malformed)?;
        let now = ticks(now);
        if now.saturating_sub(issued) > AGE_MAX {
            return Err(TokenError::Stale);
        }
        if issued > now.saturating_add(SKEW_MAX) {
            return Err(TokenError::NotYet);
        }
        state.forget(now);
        Ok(state)
    }

    /// The state of a text that was signed for the visitor under one of these names; one that cannot be read is as good as none. So
    /// what a first-party id was shown is still known when its visitor logs in.
    pub fn of<'n>(text: &str, keys: &TokenKeys, names: impl Iterator<Item = &'n str>, now: TimestampMs) -> Self {
        names.into_iter().find_map(|name| Self::read(text, keys, name, now).ok()).unwrap_or_default()
    }

    /// The signed text, base64url without padding. When all does not fit, the offers that nothing happened with for longest are
    /// left out, those that were neither declined nor accepted first.
    ///
    /// Form: version, kind, issued at (ticks of 300 s since 1970, u32), then for each offer the low 4 bytes of SipHash-2-4 of its id,
    /// a byte (128 declined, 64 accepted, the rest the number of showings), the ages of these, and for each showing its age and
    /// how many there were; then the first 16 bytes of the HMAC of all that and the visitor's key or first-party id. Ages are ticks before the
    /// issue; they and the numbers are LEB128. Little endian.
    pub fn sign(&self, keys: &TokenKeys, visitor: &str, now: TimestampMs) -> String {
        let now = ticks(now);
        let mut state = self.clone();
        state.forget(now);
        let mut bytes = state.bytes(now);
        while bytes.len() > BYTES_MAX || state.offers.len() > OFFERS_MAX {
            let only_shown = |it: &Seen| it.dismissed.is_none() && it.converted.is_none();
            state.offers.remove(state.offers.iter().position(only_shown).unwrap_or(0));
            bytes = state.bytes(now);
        }
        let mac = keys.signature(&[&bytes, visitor.as_bytes()]);
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What the visitor's device is to keep of it. `visitor`: what names the visitor.
    pub fn kept(&self, keys: &TokenKeys, visitor: &str, now: TimestampMs) -> SetCookie {
        SetCookie { name: STATE_COOKIE, value: self.sign(keys, visitor, now), max_age: STATE_AGE_MAX_S }
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// The offer was shown.
    pub fn show(&mut self, offer: &str, now: TimestampMs) {
        let now = ticks(now);
        self.touch(offer, |it| match it.showings.last_mut() {
            Some((at, count)) if *at >= now => *count = count.saturating_add(1),
            _ => it.showings.push((now, 1)),
        });
    }

    /// The visitor said that the offer is of no interest.
    pub fn dismiss(&mut self, offer: &str, now: TimestampMs) {
        self.touch(offer, |it| it.dismissed = Some(ticks(now)));
    }

    /// The visitor did what the offer asks for.
    pub fn convert(&mut self, offer: &str, now: TimestampMs) {
        self.touch(offer, |it| it.converted = Some(ticks(now)));
    }

    /// What is known of an offer at a time, if anything.
    pub fn offer(&self, offer: &str, now: TimestampMs) -> Option<OfferState<'_>> {
        if self.offers.is_empty() {
            return None;
        }
        let offer = hash(offer);
        self.offers.iter().find(|it| it.offer == offer).map(|seen| OfferState { seen, now: ticks(now) })
    }

    /// Changes an offer's entry and puts it last.
    fn touch(&mut self, offer: &str, change: impl FnOnce(&mut Seen)) {
        let offer = hash(offer);
        let at = self.offers.iter().position(|it| it.offer == offer);
        let mut seen = at.map_or_else(|| Seen { offer, ..Seen::default() }, |at| self.offers.remove(at));
        change(&mut seen);
        self.offers.push(seen);
    }

    /// Drops what is too old and rounds what is old.
    fn forget(&mut self, now: u32) {
        let is_recent = |at: u32| now.saturating_sub(at) <= AGE_MAX;
        for seen in &mut self.offers {
            seen.dismissed = seen.dismissed.filter(|at| is_recent(*at));
            seen.converted = seen.converted.filter(|at| is_recent(*at));
            seen.showings.retain(|(at, _)| is_recent(*at));
            seen.showings = rounded(&seen.showings, now);
        }
        self.offers.retain(|it| !it.showings.is_empty() || it.dismissed.is_some() || it.converted.is_some());
    }

    fn bytes(&self, issued: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES_MAX);
        bytes.extend(HEAD);
        bytes.extend(issued.to_le_bytes());
        let age = |at: u32| issued.saturating_sub(at);
        for Seen { offer, showings, dismissed, converted } in &self.offers {
            bytes.extend(offer.to_le_bytes());
            let flags = [(dismissed.is_some(), DISMISSED), (converted.is_some(), CONVERTED)];
            let flags = flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, bit)| flags | bit);
            // The newest: there are rarely as many.
            let skipped = showings.len().saturating_sub(N_SHOWINGS_MAX);
            let n_showings = showings.len().saturating_sub(skipped);
            bytes.push(flags | u8::try_from(n_showings).unwrap_or(0));
            for at in [dismissed, converted].into_iter().flatten() {
                push_number(&mut bytes, age(*at));
            }
            for (at, count) in showings.iter().skip(skipped) {
                push_number(&mut bytes, age(*at));
                push_number(&mut bytes, *count);
            }
        }
        bytes
    }
}

/// Showings whose age falls into the same step become one, as young as the youngest of them.
fn rounded(showings: &[(u32, u32)], now: u32) -> Vec<(u32, u32)> {
    let mut rounded: Vec<(u32, u32)> = Vec::with_capacity(showings.len());
    for (at, count) in showings {
        let age = now.saturating_sub(*at);
        let step = STEPS.iter().find(|(from, _)| age >= *from).map_or(1, |(_, step)| *step);
        let place = |at: u32| at.checked_div(step);
        match rounded.last_mut() {
            Some((last, sum)) if place(*last) == place(*at) => (*last, *sum) = (*at, sum.saturating_add(*count)),
            _ => rounded.push((*at, *count)),
        }
    }
    rounded
}

/// When it was issued, and the state; `None` unless the bytes are of the form, to the last one.
fn parse(bytes: &[u8]) -> Option<(u32, VisitorState)> {
    let (&HEAD, rest) = bytes.split_first_chunk()? else { return None };
    let (issued, mut rest) = rest.split_first_chunk()?;
    let issued = u32::from_le_bytes(*issued);
    let mut offers = Vec::new();
    while !rest.is_empty() {
        let (offer, after) = rest.split_first_chunk()?;
        let (flags, after) = after.split_first()?;
        rest = after;
        let mut time = |is_there: bool| -> Option<Option<u32>> {
            if !is_there {
                return Some(None);
            }
            Some(Some(issued.checked_sub(number(&mut rest)?)?))
        };
        let (dismissed, converted) = (time(flags & DISMISSED != 0)?, time(flags & CONVERTED != 0)?);
        let mut showings = Vec::new();
        for _ in 0..usize::from(*flags) & N_SHOWINGS_MAX {
            showings.push((issued.checked_sub(number(&mut rest)?)?, number(&mut rest)?));
        }
        offers.push(Seen { offer: u32::from_le_bytes(*offer), showings, dismissed, converted });
    }
    Some((issued, VisitorState { offers }))
}

/// LEB128.
fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number > 0x7f {
        bytes.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number: u32 = 0;
    for shift in [0, 7, 14, 21, 28] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u32::from(byte & 0x7f);
        number |= part.checked_shl(shift).filter(|it| it.checked_shr(shift) == Some(part))?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Stands for an offer. No secret: offers are no persons, and a state must outlive the keys that sign it.
fn hash(offer: &str) -> u32 {
    (TableKey::from_bytes([0; 16]).hash(offer).0 & u64::from(u32::MAX)) as u32
}

fn ticks(now: TimestampMs) -> u32 {
    let seconds = now.0.max(0).div_euclid(1000);
    u32::try_from(seconds.div_euclid(i64::from(TICK_S))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_S: i64 = 1_800_000_000;
    const KEY: &str = "visitor-42";

    fn keys(digits: &str) -> TokenKeys {
        TokenKeys::from_hex(&digits.repeat(32), None).unwrap()
    }

    fn at(s: i64) -> TimestampMs {
        TimestampMs((START_S + s) * 1000)
    }

    fn n_shown(state: &VisitorState, offer: &str, window_s: u32, s: i64) -> u32 {
        state.offer(offer, at(s)).map_or(0, |it| it.n_shown(window_s))
    }

    fn dismissed(state: &VisitorState, offer: &str, s: i64) -> Option<u32> {
        state.offer(offer, at(s))?.dismissed_for_s()
    }

    fn converted(state: &VisitorState, offer: &str, s: i64) -> Option<u32> {
        state.offer(offer, at(s))?.converted_for_s()
    }

    fn again(state: &VisitorState, s: i64) -> VisitorState {
        let text = state.sign(&keys("0b"), KEY, at(s));
        assert!(text.len() <= STATE_CHARS_MAX, "{}", text.len());
        VisitorState::read(&text, &keys("0b"), KEY, at(s)).unwrap()
    }

    #[test]
    fn what_happened_comes_back() {
        let mut state = VisitorState::default();
        assert!(state.is_empty());
        for s in [0, 10, 20, 4000] {
            state.show("tea", at(s));
        }
        state.show("cups", at(4000));
        state.dismiss("club", at(4100));
        state.convert("cups", at(4200));
        let state = again(&state, 4200);
        assert_eq!(n_shown(&state, "tea", 3600, 4200), 1);
        assert_eq!(n_shown(&state, "tea", 86_400, 4200), 4);
        assert_eq!([n_shown(&state, "cups", 60, 4200), n_shown(&state, "other", 86_400, 4200)], [1, 0]);
        let day = 86_400;
        assert!(dismissed(&state, "club", 4100 + day).is_some_and(|it| it.abs_diff(DAY_S) <= TICK_S));
        assert!(converted(&state, "cups", 4200).is_some_and(|it| it <= TICK_S));
        assert_eq!([dismissed(&state, "tea", 0), converted(&state, "tea", 0)], [None, None]);
    }

    /// Counts like the state, but remembers everything.
    #[test]
    fn a_window_counts_what_was_shown_in_it_and_little_more() {
        let mut seed: u64 = 7;
        let mut random = move |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        let (mut state, mut log) = (VisitorState::default(), Vec::new());
        let mut s = 0;
        for _ in 0..300 {
            s += i64::try_from(random(40_000)).unwrap();
            state.show("tea", at(s));
            log.push(s);
            state = again(&state, s);
            for (window_s, slack_s) in
                [(900, 600), (3600, 600), (86_400, 4200), (7 * 86_400, 90_000), (30 * 86_400, 90_000)]
            {
                let exact = |window_s: i64| log.iter().filter(|it| s - **it < window_s).count();
                let found = usize::try_from(n_shown(&state, "tea", u32::try_from(window_s).unwrap(), s)).unwrap();
                assert!(found >= exact(window_s), "{window_s} s: {found} of {}", exact(window_s));
                assert!(found <= exact(window_s + slack_s), "{window_s} s: {found} of {}", exact(window_s + slack_s));
            }
        }
    }

    #[test]
    fn a_state_is_bounded_and_keeps_what_was_declined() {
        let mut state = VisitorState::default();
        state.dismiss("never", at(0));
        for i in 0..1000 {
            state.show(&format!("offer-{i}"), at(i64::from(i) * 600));
            state = again(&state, i64::from(i) * 600);
        }
        let end = 999 * 600;
        assert!(dismissed(&state, "never", end).is_some());
        assert_eq!([n_shown(&state, "offer-999", 3600, end), n_shown(&state, "offer-0", DAY_S * 90, end)], [1, 0]);
        let kept = (0..1000).filter(|i| n_shown(&state, &format!("offer-{i}"), DAY_S * 90, end) > 0).count();
        assert!(kept > 120, "{kept}");
    }

    #[test]
    fn old_entries_are_forgotten() {
        let day = i64::from(DAY_S);
        let mut state = VisitorState::default();
        state.show("tea", at(0));
        state.dismiss("club", at(100 * day));
        let later = again(&state, 396 * day);
        assert_eq!(n_shown(&later, "tea", u32::MAX, 396 * day), 0);
        assert!(dismissed(&later, "club", 396 * day).is_some());
        assert!(again(&state, 500 * day).is_empty());
    }

    #[test]
    fn a_state_of_another_visitor_key_or_time_is_refused() {
        let mut state = VisitorState::default();
        state.show("tea", at(0));
        let text = state.sign(&keys("0b"), KEY, at(0));
        let read =
            |text: &str, keys: &TokenKeys, visitor: &str, s| VisitorState::read(text, keys, visitor, at(s)).err();
        assert_eq!(read(&text, &keys("0b"), KEY, 0), None);
        assert_eq!(read(&text, &keys("0b"), "visitor-43", 0), Some(TokenError::Forged));
        assert_eq!(read(&text, &keys("0c"), KEY, 0), Some(TokenError::Forged));
        let rotated = TokenKeys::from_hex(&"0c".repeat(32), Some(&"0b".repeat(32))).unwrap();
        assert_eq!(read(&text, &rotated, KEY, 0), None);
        assert_eq!(read(&text, &keys("0b"), KEY, 396 * i64::from(DAY_S)), Some(TokenError::Stale));
        assert_eq!(read(&text, &keys("0b"), KEY, -900), Some(TokenError::NotYet));
        for bad in ["", "x", "AAAA", &"A".repeat(STATE_CHARS_MAX + 1), "a.b"] {
            assert_eq!(read(bad, &keys("0b"), KEY, 0), Some(TokenError::Malformed), "{bad:?}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert_eq!(
                read(&URL_SAFE_NO_PAD.encode(changed), &keys("0b"), KEY, 0),
                Some(TokenError::Forged),
                "byte {i}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_state() {
        let good = [&HEAD[..], &[0, 1, 0, 0], &[1, 2, 3, 4, DISMISSED | 1, 5, 6, 7]].concat();
        assert!(parse(&good).is_some());
        for cut in 0..good.len() {
            // Without any offer it is a state, too.
            assert_eq!(parse(&good[..cut]).is_some(), cut == 6, "{cut}");
        }
        let mut other = good.clone();
        other[0] = 2;
        assert!(parse(&other).is_none());
        // An age before 1970, and numbers that never end.
        assert!(parse(&[&HEAD[..], &[0, 0, 0, 0], &[1, 2, 3, 4, 1, 1, 1]].concat()).is_none());
        assert!(
            parse(&[&HEAD[..], &[0, 1, 0, 0], &[1, 2, 3, 4, 1, 0xff, 0xff, 0xff, 0xff, 0x1f, 1]].concat()).is_none()
        );
        for number in [0, 1, 127, 128, 16_383, 16_384, u32::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            assert_eq!(super::number(&mut &bytes[..]), Some(number));
        }
    }
}
