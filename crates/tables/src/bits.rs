//! Bits in a row: bit `i` is bit `i % 8` of byte `i / 8`, and a code's lowest bit comes first.
//!
//! Bits beyond the end of the row read as zero; writing there does nothing. The schema keeps columns inside the row.

/// Reads the code of `n_bits` (1..=64) that starts at `bit_offset`.
pub(crate) fn read(row: &[u8], bit_offset: usize, n_bits: u32) -> u64 {
    let tail = row.get(bit_offset / 8..).unwrap_or(&[]);
    let shift = (bit_offset % 8) as u32;
    let code = if shift.saturating_add(n_bits) <= 64 {
        first_word(tail).wrapping_shr(shift)
    } else {
        // The code spans nine bytes.
        let ninth = u128::from(tail.get(8).copied().unwrap_or(0));
        ((u128::from(first_word(tail)) | (ninth << 64)).wrapping_shr(shift)) as u64
    };
    code & mask(n_bits)
}

/// Writes the lowest `n_bits` (1..=64) of `code` at `bit_offset`. The bits there must be zero before.
pub(crate) fn write(row: &mut [u8], bit_offset: usize, n_bits: u32, code: u64) {
    let shift = (bit_offset % 8) as u32;
    let spread = u128::from(code & mask(n_bits)).wrapping_shl(shift);
    for (byte, bits) in row.iter_mut().skip(bit_offset / 8).zip(spread.to_le_bytes()) {
        *byte |= bits;
    }
}

/// The largest code of `n_bits`.
pub(crate) fn mask(n_bits: u32) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(n_bits)).unwrap_or(0)
}

fn first_word(tail: &[u8]) -> u64 {
    if let Some(chunk) = tail.first_chunk::<8>() {
        return u64::from_le_bytes(*chunk);
    }
    let mut chunk = [0; 8];
    for (to, from) in chunk.iter_mut().zip(tail) {
        *to = *from;
    }
    u64::from_le_bytes(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Every offset and width, against one bit at a time.
    #[test]
    fn reads_and_writes_as_one_bit_at_a_time_does() {
        let pattern = 0xa5c3_96f0_1e2d_4b87_u64;
        for bit_offset in 0..40 {
            for n_bits in 1..=64 {
                let mut row = vec![0_u8; 13];
                write(&mut row, bit_offset, n_bits, pattern);
                let mut slow = vec![0_u8; 13];
                for bit in 0..n_bits as usize {
                    let place = bit_offset + bit;
                    slow[place / 8] |= (((pattern >> bit) & 1) as u8) << (place % 8);
                }
                assert_eq!(row, slow, "offset {bit_offset}, width {n_bits}");
                assert_eq!(read(&row, bit_offset, n_bits), pattern & mask(n_bits));
            }
        }
    }

    #[test]
    fn is_harmless_beyond_the_end() {
        let mut row = [0xff_u8; 2];
        assert_eq!(read(&row, 8, 64), 0xff);
        assert_eq!(read(&row, 800, 7), 0);
        write(&mut row, 800, 7, 1);
        assert_eq!(row, [0xff; 2]);
    }
}
