//! How a published bundle is stored: the compiled configuration inside an envelope.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt;

/// A published configuration, stored under `c/<version>`; immutable.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Rising from 1.
    pub version: u64,
    /// RFC 3339 time of publication.
    pub published_at: String,
    /// SHA-256 of the text of `bundle`, in hex.
    pub sha256: String,
    /// The compiled configuration, as `vitrine-bundle` writes it.
    pub bundle: Box<RawValue>,
}

/// Why bytes are not an envelope.
#[derive(Debug)]
pub enum EnvelopeError {
    /// Not JSON of the expected shape.
    Json(serde_json::Error),
    /// The bundle is not the one that was published.
    Checksum {
        /// The checksum in the envelope.
        expected: String,
        /// The checksum of the bundle.
        found: String,
    },
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the bundle is not a published envelope: {error}"),
            Self::Checksum { expected, found } => {
                write!(f, "the bundle has SHA-256 {found}, its envelope says {expected}")
            }
        }
    }
}

impl std::error::Error for EnvelopeError {}

/// SHA-256 of `bytes` in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let halves = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect()
}

impl Envelope {
    /// Wraps a compiled configuration, the text that `vitrine_bundle::encode` gives, for publication.
    ///
    /// Errors: [`EnvelopeError::Json`] when `bundle` is not JSON.
    pub fn new(version: u64, published_at: String, bundle: String) -> Result<Self, EnvelopeError> {
        let sha256 = sha256_hex(bundle.as_bytes());
        let bundle = RawValue::from_string(bundle).map_err(EnvelopeError::Json)?;
        Ok(Self { version, published_at, sha256, bundle })
    }

    /// Reads and checks stored bytes.
    ///
    /// Errors: [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let envelope: Self = serde_json::from_slice(bytes).map_err(EnvelopeError::Json)?;
        let found = sha256_hex(envelope.bundle.get().as_bytes());
        if found != envelope.sha256 {
            return Err(EnvelopeError::Checksum { expected: envelope.sha256, found });
        }
        Ok(envelope)
    }

    /// The stored form.
    pub fn to_json(&self) -> String {
        // Numbers, strings and JSON text always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
