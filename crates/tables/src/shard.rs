//! One shard: a header, the keys of its rows in rising order, then the rows. Encoding, the checks, and finding a key.
//!
//! Source: profile-table v1, "Shard".

mod header;
mod search;

use crate::bytes::{Cursor, crc32c};
use crate::key::RowKey;
use crate::row::{self, Row, RowError};
use crate::schema::Schema;
use alloc::vec::Vec;
pub use header::ShardHeader;

/// The most bits of a key that may name a shard: a table has at most 2^20 shards.
pub const SHARD_BITS_MAX: u8 = 20;

/// The longest shard. Unit: bytes. A value in KV may be a little longer (25 MiB).
pub const SHARD_BYTES_MAX: usize = 24 << 20;

const MAGIC: [u8; 8] = *b"VTRSHARD";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 40;
/// The checksum covers everything from here on; the bytes before are fixed, but for the checksum itself.
const CHECKED_FROM: usize = 16;
const KEY_BYTES: usize = 8;

/// Which shard of its table a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardPlace {
    /// Index. Range: `0..2^shard_bits`.
    pub shard_idx: u32,
    /// The table has `2^shard_bits` shards. Range: 0..=20.
    pub shard_bits: u8,
}

/// A shard whose bytes have been checked whole.
#[derive(Clone, Copy, Debug)]
pub struct Shard<'a> {
    header: ShardHeader,
    schema: &'a Schema,
    keys: &'a [[u8; KEY_BYTES]],
    rows: &'a [u8],
}

/// Why bytes are not a shard of a table. The variants stand in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// The bytes end inside the header.
    #[error("a shard has at least {HEADER_BYTES} bytes, but there are {found}")]
    TooShort {
        /// Number of bytes.
        found: usize,
    },
    /// The bytes are something else.
    #[error("this is not a shard: it begins with {found:02x?} instead of \"VTRSHARD\"")]
    Magic {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// A version that this reader does not know.
    #[error("the shard has format version {found}, but this reader knows only version {VERSION}")]
    Version {
        /// The version.
        found: u16,
    },
    /// A flag or reserved byte is set.
    #[error("{field} must be 0, but is {found}")]
    Reserved {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: u16,
    },
    /// The header states another length: the shard is cut off, or something follows it.
    #[error("the header says {expected} bytes, but there are {found}")]
    Length {
        /// The length that the header states.
        expected: u32,
        /// Number of bytes.
        found: usize,
    },
    /// More bytes than a shard may have.
    #[error("a shard has at most {SHARD_BYTES_MAX} bytes, but this one has {found}; the table needs more shard bits")]
    TooLong {
        /// Number of bytes.
        found: usize,
    },
    /// The bytes were damaged.
    #[error("the checksum is {found:08x}, but the header says {expected:08x}: the shard is damaged")]
    Checksum {
        /// The checksum that the header states.
        expected: u32,
        /// The checksum of the bytes.
        found: u32,
    },
    /// The place is not one of a table.
    #[error("shard {shard_idx} of 2^{shard_bits} does not exist")]
    Place {
        /// The index that the header states.
        shard_idx: u32,
        /// The number of bits that the header states.
        shard_bits: u8,
    },
    /// It is another shard than the one that was asked for.
    #[error("this is shard {} of 2^{}, but shard {} of 2^{} was asked for",
        found.shard_idx, found.shard_bits, expected.shard_idx, expected.shard_bits)]
    OtherPlace {
        /// The shard that was asked for.
        expected: ShardPlace,
        /// The shard that the bytes are.
        found: ShardPlace,
    },
    /// The shard was written with another schema.
    #[error("the shard has schema {found:016x}, but the manifest has {expected:016x}: they are of different builds")]
    Schema {
        /// Hash of the schema given.
        expected: u64,
        /// The hash that the header states.
        found: u64,
    },
    /// The rows have another length.
    #[error("rows have {found} bytes, but those of the schema have {expected}")]
    RowBytes {
        /// Row length of the schema, in bytes.
        expected: usize,
        /// The length that the header states.
        found: u16,
    },
    /// The number of rows does not agree with the length.
    #[error("{n_rows} rows do not make {found} bytes")]
    RowCount {
        /// The number that the header states.
        n_rows: u32,
        /// Number of bytes.
        found: usize,
    },
    /// Keys are not strictly rising.
    #[error("the key of row {position} is not above the one before")]
    KeyOrder {
        /// Position of the row, from 0.
        position: usize,
    },
    /// A key belongs into another shard.
    #[error("the key of row {position} belongs into another shard")]
    KeyShard {
        /// Position of the row, from 0.
        position: usize,
    },
    /// A row breaks a rule.
    #[error("row {position}: {source}")]
    Row {
        /// Position of the row, from 0.
        position: usize,
        /// The rule.
        source: RowError,
    },
}

impl<'a> Shard<'a> {
    /// Checks a shard whole, in the order of [`ShardError`], and gives access to its rows.
    ///
    /// `schema`: that of the shard's manifest. Prefer [`crate::Manifest::decode_shard`], which also checks that it is the
    /// shard that was asked for.
    pub fn decode(bytes: &'a [u8], schema: &'a Schema) -> Result<Self, ShardError> {
        let header = ShardHeader::decode(bytes, schema)?;
        let body = bytes.get(HEADER_BYTES..).unwrap_or(&[]);
        let n_rows = header.n_rows as usize;
        let mismatch = ShardError::RowCount { n_rows: header.n_rows, found: bytes.len() };
        let key_bytes = n_rows.checked_mul(KEY_BYTES);
        let (keys, rows) = key_bytes.and_then(|end| body.split_at_checked(end)).ok_or(mismatch.clone())?;
        if n_rows.checked_mul(schema.row_bytes()) != Some(rows.len()) {
            return Err(mismatch);
        }
        let (keys, _) = keys.as_chunks();
        let shard = Self { header, schema, keys, rows };
        shard.check_keys()?;
        for (row, position) in rows.chunks_exact(schema.row_bytes()).zip(0..) {
            row::check(schema, row).map_err(|source| ShardError::Row { position, source })?;
        }
        Ok(shard)
    }

    /// The header.
    pub fn header(&self) -> &ShardHeader {
        &self.header
    }

    /// The row of a visitor; `None` when the shard has none. Allocates nothing.
    pub fn find(&self, key: RowKey) -> Option<Row<'a>> {
        let read = |position: usize| self.keys.get(position).map_or(0, |key| u64::from_le_bytes(*key));
        let position = search::position(self.keys.len(), self.header.key_range(), key.0, read)?;
        let row_bytes = self.schema.row_bytes();
        let begin = position.checked_mul(row_bytes)?;
        let bytes = self.rows.get(begin..begin.checked_add(row_bytes)?)?;
        Some(Row::of_checked(self.schema, bytes))
    }

    /// All rows, by rising key.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (RowKey, Row<'a>)> + use<'a> {
        let schema = self.schema;
        let keys = self.keys.iter().map(|key| RowKey(u64::from_le_bytes(*key)));
        let rows = self.rows.chunks_exact(schema.row_bytes());
        keys.zip(rows.map(move |bytes| Row::of_checked(schema, bytes)))
    }

    fn check_keys(&self) -> Result<(), ShardError> {
        let range = self.header.key_range();
        let mut before = None;
        for (key, position) in self.keys.iter().zip(0_usize..) {
            let key = u64::from_le_bytes(*key);
            if before.is_some_and(|before| before >= key) {
                return Err(ShardError::KeyOrder { position });
            }
            if !range.contains(&key) {
                return Err(ShardError::KeyShard { position });
            }
            before = Some(key);
        }
        Ok(())
    }
}

/// Writes a shard from rows in rising order of their keys.
///
/// Each row is the `schema.row_bytes()` bytes that [`crate::RowValues::encode`] gives. Errors: whatever [`Shard::decode`]
/// would refuse, so that no shard is written that cannot be read.
pub fn encode_shard<R: AsRef<[u8]>>(
    schema: &Schema,
    place: ShardPlace,
    rows: &[(RowKey, R)],
) -> Result<Vec<u8>, ShardError> {
    let body_bytes = rows.len().saturating_mul(schema.visitor_bytes());
    let total_bytes = body_bytes.saturating_add(HEADER_BYTES);
    if total_bytes > SHARD_BYTES_MAX {
        return Err(ShardError::TooLong { found: total_bytes });
    }
    let header = ShardHeader {
        n_rows: rows.len() as u32,
        row_bytes: schema.row_bytes() as u16,
        shard_idx: place.shard_idx,
        shard_bits: place.shard_bits,
        crc32c: 0,
        schema_hash: schema.hash(),
    };
    let mut bytes = Vec::with_capacity(total_bytes);
    header.encode(total_bytes as u32, &mut bytes);
    for (key, _) in rows {
        bytes.extend_from_slice(&key.0.to_le_bytes());
    }
    for ((_, row), position) in rows.iter().zip(0_usize..) {
        let row = row.as_ref();
        row::check(schema, row).map_err(|source| ShardError::Row { position, source })?;
        bytes.extend_from_slice(row);
    }
    let checksum = crc32c(bytes.get(CHECKED_FROM..).unwrap_or(&[])).to_le_bytes();
    for (to, from) in bytes.iter_mut().skip(12).zip(checksum) {
        *to = from;
    }
    Shard::decode(&bytes, schema)?;
    Ok(bytes)
}

impl ShardHeader {
    /// Where the row of a visitor lies in the bytes of the shard, found by reading a few keys only.
    ///
    /// For readers that keep a checked shard where it is costly to copy from. `read_key` gives the little-endian `u64` at
    /// a byte offset of the shard. The answer is the byte range of the row, or `None` when the shard has none. The bytes
    /// must be the ones that were checked when this header was decoded.
    pub fn locate(&self, key: RowKey, mut read_key: impl FnMut(usize) -> u64) -> Option<core::ops::Range<usize>> {
        let n_rows = self.n_rows as usize;
        let key_offset = |position: usize| position.saturating_mul(KEY_BYTES).saturating_add(HEADER_BYTES);
        let position = search::position(n_rows, self.key_range(), key.0, |position| read_key(key_offset(position)))?;
        let row_bytes = usize::from(self.row_bytes);
        let begin = key_offset(n_rows).checked_add(position.checked_mul(row_bytes)?)?;
        Some(begin..begin.checked_add(row_bytes)?)
    }
}
