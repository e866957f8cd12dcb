//! The pointer: the one small JSON document that says which build is in use.
//!
//! Source: profile-table v1, "Pointer".

use crate::bytes::is_hex;
use crate::timestamp::is_rfc3339;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
const BYTES_MAX: usize = 1024;
/// JSON numbers are exact up to here in every reader.
const EPOCH_MAX: u64 = (1 << 53) - 1;

/// Which build is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The build in use, see [`crate::Manifest::build`].
    pub build: String,
    /// The build before it, to which a rollback returns.
    pub previous: Option<String>,
    /// Rises with every change, also with a rollback. A reader keeps the pointer with the highest epoch that it has
    /// seen. Range: 0..=2^53 - 1.
    pub epoch: u64,
    /// True: readers decide nothing; every placement shows its fallback offer.
    pub kill: bool,
    /// When the pointer was written. RFC 3339 date-time.
    pub activated_at: String,
}

/// Why bytes are not a pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// Too many bytes.
    #[error("a pointer has at most {BYTES_MAX} bytes, but there are {found}")]
    TooLong {
        /// Number of bytes.
        found: usize,
    },
    /// Not JSON, or not the fields of a pointer.
    #[error("the pointer is not as version 1 has it: {message}")]
    Json {
        /// What the JSON reader says, with line and column.
        message: String,
    },
    /// A field breaks a rule.
    #[error("`{field}` of the pointer is {found:?}, but must be {rule}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        rule: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointerWire {
    version: u32,
    build: String,
    previous: Option<String>,
    epoch: u64,
    kill: bool,
    activated_at: String,
}

impl Pointer {
    /// Reads a pointer, strictly: unknown fields and values out of range are errors.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PointerError> {
        if bytes.len() > BYTES_MAX {
            return Err(PointerError::TooLong { found: bytes.len() });
        }
        let wire: PointerWire =
            serde_json::from_slice(bytes).map_err(|error| PointerError::Json { message: error.to_string() })?;
        let field =
            |field, found: &dyn ToString, rule| Err(PointerError::Field { field, found: found.to_string(), rule });
        if wire.version != VERSION {
            return field("version", &wire.version, "1");
        }
        if !is_hex(&wire.build, 16) {
            return field("build", &wire.build, "16 lower-case hexadecimal digits");
        }
        if let Some(previous) = wire.previous.as_ref().filter(|previous| !is_hex(previous, 16)) {
            return field("previous", previous, "16 lower-case hexadecimal digits, or null");
        }
        if wire.epoch > EPOCH_MAX {
            return field("epoch", &wire.epoch, "0 to 2^53 - 1");
        }
        if !is_rfc3339(&wire.activated_at) {
            return field("activated_at", &wire.activated_at, "an RFC 3339 date-time");
        }
        let PointerWire { version: _, build, previous, epoch, kill, activated_at } = wire;
        Ok(Self { build, previous, epoch, kill, activated_at })
    }

    /// The JSON of the pointer, on one line.
    pub fn to_json(&self) -> Vec<u8> {
        let Self { build, previous, epoch, kill, activated_at } = self.clone();
        let wire = PointerWire { version: VERSION, build, previous, epoch, kill, activated_at };
        // Texts, numbers and truth values always make JSON.
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}
