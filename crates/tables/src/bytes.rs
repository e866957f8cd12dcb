//! Little-endian numbers out of bytes, the checksum, and hexadecimal text: what both binary formats and both JSON
//! documents share.

use alloc::string::String;
use core::fmt::Write;

/// CRC-32C (Castagnoli, RFC 3720 section 12.1).
///
/// Its table takes a few microseconds to make and is made every time: shards are large and checked once, while 16 KiB that
/// look like chance would be a twentieth of the edge.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI).checksum(bytes)
}

/// Takes numbers from the front of a byte string. `None` at its end.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    pub(crate) fn take(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let (chunk, rest) = self.0.split_at_checked(n_bytes)?;
        self.0 = rest;
        Some(chunk)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// Lower-case hexadecimal digits of bytes, in their order.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// True for exactly `n_digits` lower-case hexadecimal digits.
pub(crate) fn is_hex(text: &str, n_digits: usize) -> bool {
    text.len() == n_digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    /// The test vectors of RFC 3720, appendix B.4, and the usual check value.
    #[test]
    fn checksums_as_the_standard_says() {
        assert_eq!(super::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(super::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(super::crc32c(&[0xff; 32]), 0x62a8_ab43);
    }
}
