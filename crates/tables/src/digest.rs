//! The digest over all shards of a table: a chain of SHA-256 that can be put aside and taken up again, so that a
//! verification may span many requests.
//!
//! Source: profile-table v1, "Digest of the shards".

use crate::bytes::{is_hex, to_hex};
use crate::shard::ShardHeader;
use alloc::format;
use alloc::string::String;
use sha2::{Digest, Sha256};

const START: &[u8] = b"vitrine-shards 1";

/// A running digest over (index, checksum, rows) of the shards, in the order of their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardsDigest {
    chain: [u8; 32],
    next_idx: u32,
    n_rows: u64,
}

/// Why a digest cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// A shard is missing, or comes twice.
    #[error("the digest takes the shards in order: shard {expected} comes next, not {found}")]
    Order {
        /// Index of the shard that comes next.
        expected: u32,
        /// Index of the shard given.
        found: u32,
    },
    /// A text that [`ShardsDigest::state`] never gives.
    #[error("this is not the state of a digest")]
    State,
}

impl ShardsDigest {
    /// The digest of no shards.
    pub fn new() -> Self {
        Self { chain: Sha256::digest(START).into(), next_idx: 0, n_rows: 0 }
    }

    /// Adds the next shard. Errors: [`DigestError::Order`] unless it is the one after the last.
    pub fn push(&mut self, header: &ShardHeader) -> Result<(), DigestError> {
        if header.shard_idx != self.next_idx {
            return Err(DigestError::Order { expected: self.next_idx, found: header.shard_idx });
        }
        let mut hasher = Sha256::new();
        hasher.update(self.chain);
        hasher.update(header.shard_idx.to_le_bytes());
        hasher.update(header.crc32c.to_le_bytes());
        hasher.update(header.n_rows.to_le_bytes());
        self.chain = hasher.finalize().into();
        self.next_idx = self.next_idx.saturating_add(1);
        self.n_rows = self.n_rows.saturating_add(u64::from(header.n_rows));
        Ok(())
    }

    /// Number of shards so far; the index of the next one.
    pub fn n_shards(&self) -> u32 {
        self.next_idx
    }

    /// Number of rows in the shards so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The digest: 64 lower-case hexadecimal digits. Equals [`crate::Manifest::shards_digest`] after the last shard.
    pub fn finish(&self) -> String {
        to_hex(&self.chain)
    }

    /// The whole state as a text, for [`ShardsDigest::resume`].
    pub fn state(&self) -> String {
        format!("{}.{}.{}", self.next_idx, self.n_rows, self.finish())
    }

    /// Takes up a digest where [`ShardsDigest::state`] left it. Errors: [`DigestError::State`] for any other text.
    pub fn resume(state: &str) -> Result<Self, DigestError> {
        let read = || -> Option<Self> {
            let mut parts = state.split('.');
            let next_idx = parts.next()?.parse().ok()?;
            let n_rows = parts.next()?.parse().ok()?;
            let text = parts.next().filter(|text| is_hex(text, 64))?;
            let mut chain = [0; 32];
            for (byte, pair) in chain.iter_mut().zip(text.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            parts.next().is_none().then_some(Self { chain, next_idx, n_rows })
        };
        read().ok_or(DigestError::State)
    }
}

impl Default for ShardsDigest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(shard_idx: u32) -> ShardHeader {
        ShardHeader { n_rows: 3, row_bytes: 1, shard_idx, shard_bits: 2, crc32c: 7, schema_hash: 0 }
    }

    #[test]
    fn goes_on_where_it_was_left() {
        let mut whole = ShardsDigest::new();
        let mut resumed = ShardsDigest::new();
        for idx in 0..4 {
            whole.push(&header(idx)).unwrap();
            resumed = ShardsDigest::resume(&resumed.state()).unwrap();
            resumed.push(&header(idx)).unwrap();
        }
        assert_eq!(whole, resumed);
        assert_eq!((whole.n_shards(), whole.n_rows()), (4, 12));
    }

    #[test]
    fn takes_shards_in_order_only() {
        let mut digest = ShardsDigest::new();
        assert_eq!(digest.push(&header(1)), Err(DigestError::Order { expected: 0, found: 1 }));
        digest.push(&header(0)).unwrap();
        assert_eq!(digest.push(&header(0)), Err(DigestError::Order { expected: 1, found: 0 }));
    }

    #[test]
    fn refuses_other_texts_as_a_state() {
        let good = ShardsDigest::new().state();
        for bad in ["", "0.0", "0.0.zz", "-1.0.00", &good[1..], &alloc::format!("{good}.1"), &good.to_uppercase()] {
            assert_eq!(ShardsDigest::resume(bad), Err(DigestError::State), "{bad}");
        }
    }
}
