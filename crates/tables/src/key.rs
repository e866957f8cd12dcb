//! Keys: how a visitor id becomes the 64-bit number under which the table holds its row.
//!
//! SipHash-2-4 is a keyed hash made for short inputs: without the key nobody can tell which ids a table holds or
//! choose ids that collide. Two visitors of `n` share a key with a chance of about `n^2 / 2^65`.

use core::fmt;
use siphasher::sip::SipHasher24;

/// Input of [`TableKey::check`]. The first byte never begins a UTF-8 text, so that no visitor id can hash to it.
const CHECK_INPUT: &[u8] = b"\xffvitrine table key check";

/// The secret under which the visitor ids of a table are hashed.
///
/// Range: any 128 bits, from a good random source. Never printed: `Debug` shows [`TableKey::check`] only.
/// Source: profile-table v1, "Row keys".
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TableKey([u8; 16]);

/// The place of a visitor in a table: SipHash-2-4 of the visitor id.
///
/// Range: any `u64`. The top bits name the shard, and the shard orders its rows by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(pub u64);

/// Why a text is not a table key. Never holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has the wrong length (in bytes).
    #[error("a table key has 32 hexadecimal digits, but the text is {found_bytes} bytes long")]
    Length {
        /// Length of the text, in bytes.
        found_bytes: usize,
    },
    /// A character is not a hexadecimal digit.
    #[error("a table key has only hexadecimal digits, but the byte at position {position} is something else")]
    Digit {
        /// Byte position in the text, from 0.
        position: usize,
    },
}

impl TableKey {
    /// Reads 32 hexadecimal digits, first byte first; upper and lower case are equal.
    ///
    /// Errors: [`KeyError`] for another length or another character.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 16 || !rest.is_empty() {
            return Err(KeyError::Length { found_bytes: text.len() });
        }
        let mut bytes = [0; 16];
        for (place, (byte, [high, low])) in bytes.iter_mut().zip(pairs).enumerate() {
            let high_position = place.saturating_mul(2);
            let low_position = high_position.saturating_add(1);
            let high = hex_digit(*high).ok_or(KeyError::Digit { position: high_position })?;
            let low = hex_digit(*low).ok_or(KeyError::Digit { position: low_position })?;
            *byte = (high << 4) | low;
        }
        Ok(Self(bytes))
    }

    /// Takes the 16 bytes of a key as they are.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The row key of a visitor: SipHash-2-4 of the bytes of the id, exactly as given (no trimming, no case folding).
    pub fn hash(&self, visitor_id: &str) -> RowKey {
        RowKey(self.hash_bytes(visitor_id.as_bytes()))
    }

    /// 16 lower-case hexadecimal digits that tell this key from another one and do not reveal it.
    ///
    /// A manifest holds them, so that a reader with the wrong key says so instead of finding nobody.
    pub fn check(&self) -> alloc::string::String {
        alloc::format!("{:016x}", self.hash_bytes(CHECK_INPUT))
    }

    fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        SipHasher24::new_with_key(&self.0).hash(bytes)
    }
}

impl fmt::Debug for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableKey(check {})", self.check())
    }
}

impl RowKey {
    /// The shard that holds this key: its top `shard_bits` bits.
    ///
    /// Range of `shard_bits`: 0 (one shard) to 32; more counts as 32.
    pub fn shard(self, shard_bits: u8) -> u32 {
        let shift = 64_u32.saturating_sub(u32::from(shard_bits.min(32)));
        self.0.checked_shr(shift).unwrap_or(0) as u32
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowKey({:016x})", self.0)
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f";

    /// Vectors of the reference implementation of SipHash-2-4 (key 00..0f, input 00, 00 01, ...).
    #[test]
    fn hashes_as_the_reference_implementation_does() {
        let key = TableKey::from_hex(KEY).unwrap();
        assert_eq!(key.hash(""), RowKey(0x726f_db47_dd0e_0e31));
        assert_eq!(key.hash("\0"), RowKey(0x74f8_39c5_93dc_67fd));
        assert_eq!(key.hash("\0\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}"), RowKey(0x93f5_f579_9a93_2462));
    }

    #[test]
    fn names_the_shard_by_the_top_bits() {
        let key = RowKey(0xfedc_ba98_7654_3210);
        assert_eq!(
            [0, 1, 4, 8, 20, 32, 200].map(|bits| key.shard(bits)),
            [0, 1, 0xf, 0xfe, 0xf_edcb, 0xfedc_ba98, 0xfedc_ba98]
        );
    }

    #[test]
    fn refuses_what_is_not_a_key() {
        assert_eq!(TableKey::from_hex(""), Err(KeyError::Length { found_bytes: 0 }));
        assert_eq!(TableKey::from_hex(&KEY[1..]), Err(KeyError::Length { found_bytes: 31 }));
        assert_eq!(TableKey::from_hex(&KEY.replace('a', "g")), Err(KeyError::Digit { position: 21 }));
        assert_eq!(TableKey::from_hex(&KEY.to_uppercase()), TableKey::from_hex(KEY));
    }

    #[test]
    fn never_shows_the_secret() {
        let key = TableKey::from_hex(KEY).unwrap();
        assert_eq!(alloc::format!("{key:?}"), alloc::format!("TableKey(check {})", key.check()));
        assert_ne!(key.check(), TableKey::from_bytes([0; 16]).check());
    }
}
