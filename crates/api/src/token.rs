//! Signed texts that leave the edge and come back: exposure tokens, addresses of streams, proofs of a configuration's age.
//!
//! All are HMAC-SHA-256 with the secret `TOKEN_KEY`, cut to 16 bytes, and none holds anything about a visitor that could be
//! read without it. Each kind begins its signed bytes differently, so that one never passes for another.

mod decision;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;
use vitrine_engine::TimestampMs;
use vitrine_flags::Json;
use vitrine_tables::TableKey;

use crate::environment::{ENVIRONMENT_BYTES_MAX, is_environment};

pub use decision::{DECISION_TOKEN_AGE_MAX_S, DECISION_TOKEN_CHARS_MAX, DecisionBytes, DecisionToken, TokenMode};

/// Longest text of an [`ExposureToken`]. Unit: characters.
pub const EXPOSURE_TOKEN_CHARS_MAX: usize = 200;
/// Longest key of an experiment that fits into a token. Unit: bytes.
pub const EXPERIMENT_KEY_BYTES_MAX: usize = 64;
/// How old a token may be when it comes back. Unit: seconds.
pub const TOKEN_AGE_MAX_S: u32 = 24 * 3600;
/// How far a token may lie in the future: clocks of two machines differ. Unit: seconds.
pub const TOKEN_SKEW_MAX_S: u32 = 5 * 60;

/// Bytes that are kept of a signature.
pub(crate) const MAC_BYTES: usize = 16;
/// First byte of an exposure token: version of its form. The other kinds begin with letters.
const VERSION: u8 = 1;
/// Second byte: what the token proves.
const KIND_EXPOSURE: u8 = 1;
/// Size of the block of SHA-256. A shorter key means the same as one filled up with zeros (RFC 2104).
const BLOCK_BYTES: usize = 64;

const STREAM: &[u8] = b"stream\0";
const CONFIG: &[u8] = b"config\0";
const UNIT: &[u8] = b"unit";
const PSEUDONYM: &[u8] = b"pseudonym\0";

/// Why a text is not a token key. Never holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenKeyError;

impl fmt::Display for TokenKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token key has 64 hexadecimal digits")
    }
}

impl std::error::Error for TokenKeyError {}

/// One key, ready to sign.
#[derive(Clone)]
struct Key {
    mac: Hmac<Sha256>,
    /// Hashes units (visitors) for tokens.
    unit: TableKey,
}

impl Key {
    fn from_hex(hex: &str) -> Result<Self, TokenKeyError> {
        // Two table keys are one token key; their reader names no digit.
        let (high, low) = hex.split_at_checked(32).ok_or(TokenKeyError)?;
        let mut block = [0; BLOCK_BYTES];
        for (half, place) in [high, low].into_iter().zip(block.as_chunks_mut::<16>().0) {
            *place = hex_bytes(half).ok_or(TokenKeyError)?;
        }
        let mac = Hmac::<Sha256>::new(&block.into());
        let derived = mac.clone().chain_update(UNIT).finalize().into_bytes();
        let (unit, _) = derived.as_slice().split_first_chunk::<16>().ok_or(TokenKeyError)?;
        Ok(Self { unit: TableKey::from_bytes(*unit), mac })
    }

    fn sign(&self, parts: &[&[u8]]) -> [u8; MAC_BYTES] {
        let whole = self.digest(parts).finalize().into_bytes();
        let mut mac = [0; MAC_BYTES];
        mac.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        mac
    }

    /// In constant time.
    fn verifies(&self, parts: &[&[u8]], mac: &[u8; MAC_BYTES]) -> bool {
        self.digest(parts).verify_truncated_left(mac).is_ok()
    }

    fn digest(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut digest = self.mac.clone();
        parts.iter().for_each(|part| digest.update(part));
        digest
    }
}

fn hex_bytes(hex: &str) -> Option<[u8; 16]> {
    if hex.len() != 32 || !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(hex, 16).ok().map(u128::to_be_bytes)
}

/// The secrets that sign tokens. Never printed.
#[derive(Clone)]
pub struct TokenKeys {
    current: Key,
    /// Accepted, never used to sign: so that a secret can be replaced while its tokens are out.
    previous: Option<Key>,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({})", if self.previous.is_some() { "current and previous" } else { "current" })
    }
}

impl TokenKeys {
    /// Reads `TOKEN_KEY` and, while it is being replaced, `TOKEN_KEY_PREVIOUS`: 64 hexadecimal digits each.
    ///
    /// Errors: [`TokenKeyError`] for either.
    pub fn from_hex(current: &str, previous: Option<&str>) -> Result<Self, TokenKeyError> {
        Ok(Self { current: Key::from_hex(current)?, previous: previous.map(Key::from_hex).transpose()? })
    }

    /// The signed text of `json`: base64url of it, a point, base64url of the HMAC. `kind` sets it apart from other texts.
    pub(crate) fn seal(&self, kind: &[u8], json: &str) -> String {
        let mac = self.current.sign(&[kind, json.as_bytes()]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(json), URL_SAFE_NO_PAD.encode(mac))
    }

    /// What [`Self::seal`] sealed.
    ///
    /// Errors: [`TokenError::Malformed`], [`TokenError::Forged`].
    pub(crate) fn open(&self, kind: &[u8], text: &str) -> Result<Json, TokenError> {
        let (json, mac) = text.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let json = decode(json)?;
        let mac: [u8; MAC_BYTES] = decode(mac)?.try_into().map_err(|_| TokenError::Malformed)?;
        if !self.verifies(&[kind, &json], &mac) {
            return Err(TokenError::Forged);
        }
        Json::parse(&json).map_err(|_| TokenError::Malformed)
    }

    /// The number that stands for a visitor in tokens: SipHash-2-4 of `<attribute>\0<value>` with a key made of `TOKEN_KEY`.
    /// Another key gives other numbers, so that nobody can join tokens with anything else.
    pub fn unit(&self, attribute: &str, value: &str) -> u64 {
        let mut text = String::with_capacity(attribute.len().saturating_add(value.len()).saturating_add(1));
        text.push_str(attribute);
        text.push('\0');
        text.push_str(value);
        self.current.unit.hash(&text).0
    }

    /// A number that tells answers apart and that nobody can foretell without the key: SipHash-2-4 of what differs between them.
    pub(crate) fn nonce(&self, seed: u64, now: TimestampMs, request_id: &str) -> u64 {
        // No attribute of a unit begins with a zero byte.
        self.current.unit.hash(&format!("\0{seed:x} {} {request_id}", now.0)).0
    }

    /// What stands for a text that must not be kept, such as the number of an order: 32 hexadecimal digits of an HMAC with
    /// `TOKEN_KEY`. `kind` sets those of different things apart.
    pub fn pseudonym(&self, kind: &str, text: &str) -> String {
        let mac = self.current.sign(&[PSEUDONYM, kind.as_bytes(), b"\0", text.as_bytes()]);
        format!("{:032x}", u128::from_be_bytes(mac))
    }

    /// The signature of these bytes. Their beginning sets them apart from all other signed texts.
    pub(crate) fn signature(&self, parts: &[&[u8]]) -> [u8; MAC_BYTES] {
        self.current.sign(parts)
    }

    /// As [`Self::signature`], as text.
    pub(crate) fn signature_text(&self, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.signature(parts))
    }

    /// Whether one of the keys signed these bytes.
    pub(crate) fn verifies(&self, parts: &[&[u8]], mac: &[u8; MAC_BYTES]) -> bool {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().any(|key| key.verifies(parts, mac))
    }
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenError {
    /// Not a token at all.
    Malformed,
    /// Not signed by this deployment, or changed since.
    Forged,
    /// Too old.
    Stale,
    /// From the future, further than clocks differ.
    NotYet,
    /// Issued in another environment than the call's.
    OtherEnvironment,
}

impl TokenError {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::NotYet => "not_yet",
            Self::OtherEnvironment => "other_environment",
        }
    }

    /// In words for the caller.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Malformed => "this is no token",
            Self::Forged => "the token was not issued here, or was changed",
            Self::Stale => "the token is older than 24 hours",
            Self::NotYet => "the token is from the future",
            Self::OtherEnvironment => "the token belongs to another environment",
        }
    }
}

/// What an exposure token says: this visitor was assigned this variation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposureToken<'a> {
    /// When it was issued. Unit: seconds since 1970.
    pub issued_at_s: u32,
    /// The version of the bundle that decided.
    pub bundle_version: u32,
    /// The visitor; see [`TokenKeys::unit`].
    pub unit: u64,
    /// Index of the variation.
    pub variation: u8,
    /// The environment that decided.
    pub environment: &'a str,
    /// The experiment's tracking key.
    pub experiment: &'a str,
}

/// The bytes of a token that was read; [`ExposureBytes::verify`] says what they mean.
#[derive(Clone, Debug)]
pub struct ExposureBytes(Vec<u8>);

impl ExposureToken<'_> {
    /// The signed text, base64url without padding; `None` when a name is empty or too long, so that nothing cut off is signed.
    ///
    /// Form: version, kind, issued at (u32), bundle version (u32), unit (u64), variation, environment and experiment as
    /// length and text, the first 16 bytes of the HMAC of all that. Little endian.
    pub fn sign(&self, keys: &TokenKeys) -> Option<String> {
        let mut bytes = Vec::with_capacity(EXPOSURE_TOKEN_CHARS_MAX);
        bytes.extend([VERSION, KIND_EXPOSURE]);
        bytes.extend(self.issued_at_s.to_le_bytes());
        bytes.extend(self.bundle_version.to_le_bytes());
        bytes.extend(self.unit.to_le_bytes());
        bytes.push(self.variation);
        push_name(&mut bytes, self.environment, ENVIRONMENT_BYTES_MAX)?;
        push_name(&mut bytes, self.experiment, EXPERIMENT_KEY_BYTES_MAX)?;
        let mac = keys.current.sign(&[&bytes]);
        bytes.extend(mac);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl ExposureBytes {
    /// Takes the text of a token.
    ///
    /// Errors: [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() > EXPOSURE_TOKEN_CHARS_MAX {
            return Err(TokenError::Malformed);
        }
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(|_| TokenError::Malformed)
    }

    /// Reads the token and checks it against the secrets, the time and the environment of the call, in this order.
    ///
    /// Errors: the first [`TokenError`].
    pub fn verify(
        &self,
        keys: &TokenKeys,
        environment: &str,
        now: TimestampMs,
    ) -> Result<ExposureToken<'_>, TokenError> {
        let (signed, mac) = self.0.split_last_chunk::<MAC_BYTES>().ok_or(TokenError::Malformed)?;
        let token = read(signed).ok_or(TokenError::Malformed)?;
        if !keys.verifies(&[signed], mac) {
            return Err(TokenError::Forged);
        }
        let age_s = now.0.div_euclid(1000).saturating_sub(i64::from(token.issued_at_s));
        if age_s > i64::from(TOKEN_AGE_MAX_S) {
            return Err(TokenError::Stale);
        }
        if age_s.saturating_add(i64::from(TOKEN_SKEW_MAX_S)) < 0 {
            return Err(TokenError::NotYet);
        }
        if token.environment != environment {
            return Err(TokenError::OtherEnvironment);
        }
        Ok(token)
    }
}

fn push_name(bytes: &mut Vec<u8>, name: &str, bytes_max: usize) -> Option<()> {
    let length = u8::try_from(name.len()).ok().filter(|_| !name.is_empty() && name.len() <= bytes_max)?;
    bytes.push(length);
    bytes.extend(name.as_bytes());
    Some(())
}

/// Everything before the signature; `None` unless it is of the form, to the last byte.
fn read(bytes: &[u8]) -> Option<ExposureToken<'_>> {
    let ([VERSION, KIND_EXPOSURE], rest) = bytes.split_first_chunk()? else { return None };
    let (issued_at_s, rest) = rest.split_first_chunk()?;
    let (bundle_version, rest) = rest.split_first_chunk()?;
    let (unit, rest) = rest.split_first_chunk()?;
    let (variation, rest) = rest.split_first()?;
    let (environment, rest) = read_name(rest)?;
    let (experiment, rest) = read_name(rest)?;
    rest.is_empty().then_some(ExposureToken {
        issued_at_s: u32::from_le_bytes(*issued_at_s),
        bundle_version: u32::from_le_bytes(*bundle_version),
        unit: u64::from_le_bytes(*unit),
        variation: *variation,
        environment,
        experiment,
    })
}

fn read_name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

/// The right to listen to the notifications of one environment for a while. It stands in an address, because a page's
/// `EventSource` cannot send headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamToken {
    /// The environment.
    #[serde(rename = "e")]
    pub environment: String,
    /// From when on no stream is opened with it. Unit: ms since 1970.
    #[serde(rename = "x")]
    pub expires_at_ms: i64,
}

impl StreamToken {
    /// The signed text: base64url of `{"e":…,"x":…}`, a point, base64url of the HMAC.
    pub fn sign(&self, keys: &TokenKeys) -> String {
        // A text and a number always serialise.
        let json = serde_json::to_string(self).unwrap_or_default();
        keys.seal(STREAM, &json)
    }

    /// Reads and checks the text.
    ///
    /// Errors: [`TokenError::Malformed`], [`TokenError::Forged`], [`TokenError::Stale`].
    pub fn verify(text: &str, keys: &TokenKeys, now: TimestampMs) -> Result<Self, TokenError> {
        let json = keys.open(STREAM, text)?;
        let environment = json.get("e").and_then(Json::as_text).ok_or(TokenError::Malformed)?;
        let expires_at_ms = json.get("x").and_then(Json::as_whole).ok_or(TokenError::Malformed)?;
        let token = Self { environment: environment.to_owned(), expires_at_ms };
        if !is_environment(&token.environment) {
            return Err(TokenError::Malformed);
        }
        if now.0 >= token.expires_at_ms { Err(TokenError::Stale) } else { Ok(token) }
    }
}

/// The entity tag of an environment's configuration, as notifications carry it and clients bring it back
/// (`flagConfigEtag`). Signed, so that nobody can make the edge look for configurations that there are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigTag {
    /// The running version.
    pub version: u64,
    /// The epoch of the pointer.
    pub epoch: u64,
}

impl ConfigTag {
    /// `v<version>.<epoch>.<signature>`, for example `v12.31.q8Zk3nZ0bYcF0XkJm0eQ2A`.
    pub fn sign(&self, keys: &TokenKeys, environment: &str) -> String {
        let said = self.said();
        let mac = keys.current.sign(&[CONFIG, environment.as_bytes(), b"\0", said.as_bytes()]);
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Reads the tag of an environment; `None` when it is anything else, which then proves nothing.
    pub fn verify(text: &str, keys: &TokenKeys, environment: &str) -> Option<Self> {
        let (said, mac) = text.rsplit_once('.')?;
        let mac: [u8; MAC_BYTES] = URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?;
        if !keys.verifies(&[CONFIG, environment.as_bytes(), b"\0", said.as_bytes()], &mac) {
            return None;
        }
        let (version, epoch) = said.strip_prefix('v')?.split_once('.')?;
        Some(Self { version: version.parse().ok()?, epoch: epoch.parse().ok()? })
    }

    fn said(&self) -> String {
        format!("v{}.{}", self.version, self.epoch)
    }
}
