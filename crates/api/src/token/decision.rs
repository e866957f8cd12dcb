//! Decision tokens: what an event needs to know of the decision that it answers to. They hold no person.
//!
//! Offers, placements and experiments are named by their positions in one version of the configuration, which never changes,
//! so that a token is short whatever the names are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vitrine_engine::TimestampMs;

use super::{MAC_BYTES, TOKEN_SKEW_MAX_S, TokenError, TokenKeys, VERSION, push_name, read_name};
use crate::environment::ENVIRONMENT_BYTES_MAX;

/// Longest text of a [`DecisionToken`]. Unit: characters.
pub const DECISION_TOKEN_CHARS_MAX: usize = 128;
/// How old a decision token may be when it comes back: the longest time in which a conversion is attributed exactly.
/// Unit: seconds.
pub const DECISION_TOKEN_AGE_MAX_S: u32 = 30 * 24 * 3600;

/// Second byte: what the token proves.
const KIND_DECISION: u8 = 2;
/// Of the flags: the low two bits are the mode.
const MODE_BITS: u8 = 0b11;
const FALLBACK: u8 = 0b100;
const HOLDOUT: u8 = 0b1000;
const MEASURE: u8 = 0b1_0000;
/// Stands for "no experiment".
const NO_EXPERIMENT: u16 = u16::MAX;

/// How much of the visitor the decision rested on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenMode {
    /// Profile and context.
    Personalised,
    /// Context only.
    Contextual,
    /// The fallback offers.
    FallbackOnly,
}

/// One offer that one decision showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecisionToken<'a> {
    /// When it was decided. Unit: seconds since 1970.
    pub issued_at_s: u32,
    /// The version of the configuration that decided; the positions below are positions in it.
    pub bundle_version: u32,
    /// The environment that decided.
    pub environment: &'a str,
    /// Differs between decisions, equal within one: events with the same token are events of the same showing.
    pub nonce: u32,
    /// Position of the placement in the bundle.
    pub placement: u16,
    /// Position of the offer in the bundle.
    pub offer: u16,
    /// Position of the creative in its offer.
    pub creative: u8,
    /// Place of the offer in the answer, from 0.
    pub rank: u8,
    /// How much of the visitor the decision rested on.
    pub mode: TokenMode,
    /// The offer was the placement's fallback.
    pub is_fallback: bool,
    /// The visitor is kept out of personalisation, to measure its effect.
    pub in_holdout: bool,
    /// The visitor agreed to be measured; without it events are counted, and nothing joins them with a visitor.
    pub may_measure: bool,
    /// The placement's experiment (its position in the bundle) and the index of the variation, if there is one.
    pub experiment: Option<(u16, u8)>,
    /// Chance with which the ranker chose this offer, 0..=1; 1 for rankers that leave nothing to chance. Kept in steps of 1/65535.
    pub propensity: f64,
}

/// The bytes of a token that was read; [`DecisionBytes::verify`] says what they mean.
#[derive(Clone, Debug)]
pub struct DecisionBytes(Vec<u8>);

impl DecisionToken<'_> {
    /// The signed text, base64url without padding; `None` when the environment's name is empty or too long.
    ///
    /// Form: version, kind, issued at (u32), bundle version (u32), nonce (u32), placement (u16), offer (u16), creative, rank,
    /// flags, experiment (u16, 65535 for none), variation, propensity (u16), environment as length and text, the first 16
    /// bytes of the HMAC of all that. Little endian.
    pub fn sign(&self, keys: &TokenKeys) -> Option<String> {
        let mut bytes = Vec::with_capacity(DECISION_TOKEN_CHARS_MAX);
        bytes.extend([VERSION, KIND_DECISION]);
        for it in [self.issued_at_s, self.bundle_version, self.nonce] {
            bytes.extend(it.to_le_bytes());
        }
        for it in [self.placement, self.offer] {
            bytes.extend(it.to_le_bytes());
        }
        let (experiment, variation) = self.experiment.unwrap_or((NO_EXPERIMENT, 0));
        bytes.extend([self.creative, self.rank, self.flags()]);
        bytes.extend(experiment.to_le_bytes());
        bytes.push(variation);
        // Within 0..=65535 by the clamp.
        bytes.extend(((self.propensity.clamp(0.0, 1.0) * f64::from(u16::MAX)) as u16).to_le_bytes());
        push_name(&mut bytes, self.environment, ENVIRONMENT_BYTES_MAX)?;
        let mac = keys.current.sign(&[&bytes]);
        bytes.extend(mac);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn flags(&self) -> u8 {
        let mode = match self.mode {
            TokenMode::Personalised => 0,
            TokenMode::Contextual => 1,
            TokenMode::FallbackOnly => 2,
        };
        let bits = [(self.is_fallback, FALLBACK), (self.in_holdout, HOLDOUT), (self.may_measure, MEASURE)];
        bits.into_iter().filter(|(is_set, _)| *is_set).fold(mode, |flags, (_, bit)| flags | bit)
    }
}

impl DecisionBytes {
    /// Takes the text of a token.
    ///
    /// Errors: [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() > DECISION_TOKEN_CHARS_MAX {
            return Err(TokenError::Malformed);
        }
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(|_| TokenError::Malformed)
    }

    /// Reads the token and checks it against the secrets and the time, in this order.
    ///
    /// Errors: the first [`TokenError`].
    pub fn verify(&self, keys: &TokenKeys, now: TimestampMs) -> Result<DecisionToken<'_>, TokenError> {
        let (signed, mac) = self.0.split_last_chunk::<MAC_BYTES>().ok_or(TokenError::Malformed)?;
        let token = read(signed).ok_or(TokenError::Malformed)?;
        if !keys.verifies(&[signed], mac) {
            return Err(TokenError::Forged);
        }
        let age_s = now.0.div_euclid(1000).saturating_sub(i64::from(token.issued_at_s));
        if age_s > i64::from(DECISION_TOKEN_AGE_MAX_S) {
            return Err(TokenError::Stale);
        }
        if age_s.saturating_add(i64::from(TOKEN_SKEW_MAX_S)) < 0 {
            return Err(TokenError::NotYet);
        }
        Ok(token)
    }
}

/// Everything before the signature; `None` unless it is of the form, to the last byte.
fn read(bytes: &[u8]) -> Option<DecisionToken<'_>> {
    let ([VERSION, KIND_DECISION], rest) = bytes.split_first_chunk()? else { return None };
    let (issued_at_s, rest) = rest.split_first_chunk()?;
    let (bundle_version, rest) = rest.split_first_chunk()?;
    let (nonce, rest) = rest.split_first_chunk()?;
    let (placement, rest) = rest.split_first_chunk()?;
    let (offer, rest) = rest.split_first_chunk()?;
    let ([creative, rank, flags], rest) = rest.split_first_chunk()?;
    let (experiment, rest) = rest.split_first_chunk()?;
    let (variation, rest) = rest.split_first()?;
    let (propensity, rest) = rest.split_first_chunk()?;
    let (environment, rest) = read_name(rest)?;
    let experiment = u16::from_le_bytes(*experiment);
    let mode = match flags & MODE_BITS {
        0 => TokenMode::Personalised,
        1 => TokenMode::Contextual,
        2 => TokenMode::FallbackOnly,
        _ => return None,
    };
    let is_known = flags & !(MODE_BITS | FALLBACK | HOLDOUT | MEASURE) == 0;
    (rest.is_empty() && is_known).then_some(DecisionToken {
        issued_at_s: u32::from_le_bytes(*issued_at_s),
        bundle_version: u32::from_le_bytes(*bundle_version),
        environment,
        nonce: u32::from_le_bytes(*nonce),
        placement: u16::from_le_bytes(*placement),
        offer: u16::from_le_bytes(*offer),
        creative: *creative,
        rank: *rank,
        mode,
        is_fallback: flags & FALLBACK != 0,
        in_holdout: flags & HOLDOUT != 0,
        may_measure: flags & MEASURE != 0,
        experiment: (experiment != NO_EXPERIMENT).then_some((experiment, *variation)),
        propensity: f64::from(u16::from_le_bytes(*propensity)) / f64::from(u16::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

    fn keys() -> TokenKeys {
        TokenKeys::from_hex(&"0b".repeat(32), None).unwrap()
    }

    fn token() -> DecisionToken<'static> {
        DecisionToken {
            issued_at_s: 1_799_999_990,
            bundle_version: 12,
            environment: "production",
            nonce: 0xdead_beef,
            placement: 3,
            offer: 65_534,
            creative: 2,
            rank: 29,
            mode: TokenMode::Contextual,
            is_fallback: true,
            in_holdout: true,
            may_measure: false,
            experiment: Some((7, 1)),
            propensity: 1.0,
        }
    }

    #[test]
    fn a_token_comes_back_as_it_was_signed() {
        let same = [
            token(),
            DecisionToken { experiment: None, is_fallback: false, in_holdout: false, may_measure: true, ..token() },
            DecisionToken { mode: TokenMode::FallbackOnly, propensity: 0.0, ..token() },
        ];
        for token in same {
            let text = token.sign(&keys()).unwrap();
            assert!(text.len() <= DECISION_TOKEN_CHARS_MAX, "{}", text.len());
            assert_eq!(DecisionBytes::parse(&text).unwrap().verify(&keys(), NOW), Ok(token));
        }
    }

    #[test]
    fn the_longest_token_fits() {
        let longest = "e".repeat(ENVIRONMENT_BYTES_MAX);
        let text = DecisionToken { environment: &longest, ..token() }.sign(&keys()).unwrap();
        assert!(text.len() <= DECISION_TOKEN_CHARS_MAX, "{}", text.len());
        assert_eq!(DecisionToken { environment: "", ..token() }.sign(&keys()), None);
    }

    #[test]
    fn a_changed_token_is_forged() {
        let text = token().sign(&keys()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let read = DecisionBytes(changed).verify(&keys(), NOW).map(|it| it.offer);
            assert!(matches!(read, Err(TokenError::Forged | TokenError::Malformed)), "byte {at}: {read:?}");
        }
        let other = TokenKeys::from_hex(&"0c".repeat(32), None).unwrap();
        assert_eq!(DecisionBytes::parse(&text).unwrap().verify(&other, NOW), Err(TokenError::Forged));
        assert!(matches!(DecisionBytes::parse("x".repeat(129).as_str()), Err(TokenError::Malformed)));
    }

    #[test]
    fn time_bounds_a_token() {
        let text = token().sign(&keys()).unwrap();
        let bytes = DecisionBytes::parse(&text).unwrap();
        let at = |s: i64| TimestampMs((i64::from(token().issued_at_s) + s) * 1000);
        let age_max = i64::from(DECISION_TOKEN_AGE_MAX_S);
        assert!(bytes.verify(&keys(), at(age_max)).is_ok());
        assert_eq!(bytes.verify(&keys(), at(age_max + 1)), Err(TokenError::Stale));
        assert!(bytes.verify(&keys(), at(-i64::from(TOKEN_SKEW_MAX_S))).is_ok());
        assert_eq!(bytes.verify(&keys(), at(-i64::from(TOKEN_SKEW_MAX_S) - 1)), Err(TokenError::NotYet));
    }
}
