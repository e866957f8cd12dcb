//! The 40 bytes at the front of a shard.

use super::{CHECKED_FROM, Cursor, MAGIC, SHARD_BITS_MAX, SHARD_BYTES_MAX, ShardError, ShardPlace, VERSION, crc32c};
use crate::schema::Schema;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// What the header of a checked shard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardHeader {
    /// Number of rows.
    pub n_rows: u32,
    /// Length of a row without its key. Unit: bytes.
    pub row_bytes: u16,
    /// Index of the shard. Range: `0..2^shard_bits`.
    pub shard_idx: u32,
    /// The table has `2^shard_bits` shards. Range: 0..=20.
    pub shard_bits: u8,
    /// Checksum of the shard: CRC-32C of everything after the checksum field.
    pub crc32c: u32,
    /// [`Schema::hash`] of the schema that the shard was written with.
    pub schema_hash: u64,
}

impl ShardHeader {
    /// Reads the header and checks it against the bytes and the schema; keys and rows are left to the shard.
    pub(super) fn decode(bytes: &[u8], schema: &Schema) -> Result<Self, ShardError> {
        let mut cursor = Cursor(bytes);
        let too_short = || ShardError::TooShort { found: bytes.len() };
        let mut read = || -> Option<Raw> {
            Some(Raw {
                magic: cursor.array()?,
                version: cursor.u16()?,
                flags: cursor.u16()?,
                crc32c: cursor.u32()?,
                total_bytes: cursor.u32()?,
                n_rows: cursor.u32()?,
                row_bytes: cursor.u16()?,
                shard_bits: cursor.u8()?,
                reserved: cursor.u8()?,
                shard_idx: cursor.u32()?,
                schema_hash: cursor.u64()?,
            })
        };
        let raw = read().ok_or_else(too_short)?;
        if raw.magic != MAGIC {
            return Err(ShardError::Magic { found: raw.magic });
        }
        if raw.version != VERSION {
            return Err(ShardError::Version { found: raw.version });
        }
        if raw.flags != 0 {
            return Err(ShardError::Reserved { field: "flags", found: raw.flags });
        }
        if raw.total_bytes as usize != bytes.len() {
            return Err(ShardError::Length { expected: raw.total_bytes, found: bytes.len() });
        }
        if bytes.len() > SHARD_BYTES_MAX {
            return Err(ShardError::TooLong { found: bytes.len() });
        }
        let found = crc32c(bytes.get(CHECKED_FROM..).unwrap_or(&[]));
        if found != raw.crc32c {
            return Err(ShardError::Checksum { expected: raw.crc32c, found });
        }
        if raw.reserved != 0 {
            return Err(ShardError::Reserved { field: "reserved", found: u16::from(raw.reserved) });
        }
        let Raw { shard_idx, shard_bits, .. } = raw;
        let n_shards = 1_u64.wrapping_shl(u32::from(shard_bits));
        if shard_bits > SHARD_BITS_MAX || u64::from(shard_idx) >= n_shards {
            return Err(ShardError::Place { shard_idx, shard_bits });
        }
        if raw.schema_hash != schema.hash() {
            return Err(ShardError::Schema { expected: schema.hash(), found: raw.schema_hash });
        }
        if usize::from(raw.row_bytes) != schema.row_bytes() {
            return Err(ShardError::RowBytes { expected: schema.row_bytes(), found: raw.row_bytes });
        }
        Ok(Self {
            n_rows: raw.n_rows,
            row_bytes: raw.row_bytes,
            shard_idx,
            shard_bits,
            crc32c: raw.crc32c,
            schema_hash: raw.schema_hash,
        })
    }

    /// Appends the header. The checksum is filled in when the shard is whole.
    pub(super) fn encode(&self, total_bytes: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(&self.crc32c.to_le_bytes());
        out.extend_from_slice(&total_bytes.to_le_bytes());
        out.extend_from_slice(&self.n_rows.to_le_bytes());
        out.extend_from_slice(&self.row_bytes.to_le_bytes());
        out.extend_from_slice(&[self.shard_bits, 0]);
        out.extend_from_slice(&self.shard_idx.to_le_bytes());
        out.extend_from_slice(&self.schema_hash.to_le_bytes());
    }

    /// Which shard of its table this is.
    pub fn place(&self) -> ShardPlace {
        ShardPlace { shard_idx: self.shard_idx, shard_bits: self.shard_bits }
    }

    /// The keys that belong into this shard.
    pub(super) fn key_range(&self) -> RangeInclusive<u64> {
        let rest_bits = 64_u32.saturating_sub(u32::from(self.shard_bits));
        let first = u64::from(self.shard_idx).checked_shl(rest_bits).unwrap_or(0);
        let rest = u64::MAX.checked_shr(u32::from(self.shard_bits)).unwrap_or(0);
        first..=first | rest
    }
}

/// The fields in the order of the bytes.
struct Raw {
    magic: [u8; 8],
    version: u16,
    flags: u16,
    crc32c: u32,
    total_bytes: u32,
    n_rows: u32,
    row_bytes: u16,
    shard_bits: u8,
    reserved: u8,
    shard_idx: u32,
    schema_hash: u64,
}
