//! The consent string of IAB Europe's Transparency and Consent Framework, version 2: the bits of its core segment that say what a
//! visitor agreed to. Source: "Consent string and vendor list formats v2", core string.
//!
//! Bits are counted from the front: version 0..6, purposes with consent from 152, purposes with legitimate interest from 176, one
//! bit for each of 24 purposes. Vendors are not read: a shop that answers its own visitors is none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Consent;

/// Version of the strings.
const VERSION: u32 = 2;
/// Characters of the segment that hold the bits up to the publisher's country, which is the last field of fixed place.
const HEAD_CHARS: usize = 36;
/// Longest string that is looked at. Unit: characters.
const CHARS_MAX: usize = 4096;
const CONSENT_BIT: usize = 152;
const INTEREST_BIT: usize = 176;

/// What the string says; `None` when it is none.
pub(super) fn read(text: &str) -> Option<Consent> {
    if text.len() > CHARS_MAX {
        return None;
    }
    let core = text.split('.').next()?;
    let is_digit = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    if !core.bytes().all(is_digit) {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(core.get(..HEAD_CHARS)?).ok()?;
    if bits(&bytes, 0, 6)? != VERSION {
        return None;
    }
    let purpose = |first: usize, purpose: usize| bits(&bytes, first.checked_add(purpose)?.checked_sub(1)?, 1);
    let agreed = |it: usize| purpose(CONSENT_BIT, it) == Some(1);
    Some(Consent {
        personalise: Some((3..=6).all(agreed)),
        measure: Some(agreed(8) || purpose(INTEREST_BIT, 8) == Some(1)),
        store: Some(agreed(1)),
    })
}

/// The number in `n` bits from bit `first` on, the first being the highest. `None` beyond the end. `n` is at most 32.
fn bits(bytes: &[u8], first: usize, n: usize) -> Option<u32> {
    let mut number = 0;
    for at in first..first.checked_add(n)? {
        let byte = bytes.get(at >> 3)?;
        let bit = byte.checked_shr(u32::try_from(7 ^ (at & 7)).ok()?)? & 1;
        number = (number << 1) | u32::from(bit);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core segment of 27 bytes with these purposes.
    fn string(version: u8, consent: &[usize], interest: &[usize]) -> String {
        let mut bytes = [0_u8; 27];
        bytes[0] = version << 2;
        let places =
            consent.iter().map(|it| CONSENT_BIT + it - 1).chain(interest.iter().map(|it| INTEREST_BIT + it - 1));
        for at in places {
            bytes[at / 8] |= 0x80 >> (at % 8);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn says(personalise: bool, measure: bool, store: bool) -> Option<Consent> {
        Some(Consent { personalise: Some(personalise), measure: Some(measure), store: Some(store) })
    }

    #[test]
    fn purposes_are_read() {
        let all: Vec<usize> = (1..=11).collect();
        assert_eq!(read(&string(2, &all, &[])), says(true, true, true));
        assert_eq!(read(&string(2, &[], &[])), says(false, false, false));
        assert_eq!(read(&string(2, &[3, 4, 5, 6], &[])), says(true, false, false));
        for missing in 3..=6 {
            let most: Vec<usize> = all.iter().copied().filter(|it| *it != missing).collect();
            assert_eq!(read(&string(2, &most, &[])), says(false, true, true), "without {missing}");
        }
        assert_eq!(read(&string(2, &[1], &[8])), says(false, true, true));
        // Nobody may rest personalisation on an interest of his own.
        assert_eq!(read(&string(2, &[], &[1, 3, 4, 5, 6])), says(false, false, false));
        // Neighbours of the purposes are others.
        assert_eq!(read(&string(2, &[2, 7, 9, 10, 24], &[7, 9, 24])), says(false, false, false));
    }

    #[test]
    fn other_segments_follow_after_a_point() {
        assert_eq!(read(&format!("{}.IAAA.YAAAAAAAAAA", string(2, &[1, 8], &[]))), says(false, true, true));
        assert_eq!(read(&format!("{}AAAA", string(2, &[1, 8], &[]))), says(false, true, true));
    }

    #[test]
    fn what_is_no_string() {
        let good = string(2, &[1, 3, 4, 5, 6, 8], &[]);
        let long = format!("{good}{}", "A".repeat(CHARS_MAX));
        let odd = good.replace('C', "+");
        for bad in
            ["", ".", "2", &good[..HEAD_CHARS - 1], &string(1, &[3], &[]), &string(3, &[3], &[]), &long, &odd, "é"]
        {
            assert_eq!(read(bad), None, "{bad:?}");
            assert_eq!(Consent::of_tcf(bad), Consent::REFUSED);
        }
    }

    #[test]
    fn bits_are_counted_from_the_front() {
        let bytes = [0b1000_0001, 0b0100_0000];
        assert_eq!([bits(&bytes, 0, 1), bits(&bytes, 7, 3), bits(&bytes, 0, 16)], [Some(1), Some(0b101), Some(0x8140)]);
        assert_eq!([bits(&bytes, 15, 2), bits(&bytes, usize::MAX, 1)], [None, None]);
    }
}
