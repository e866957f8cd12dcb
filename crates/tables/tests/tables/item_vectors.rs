//! Item vectors: against the specification, the golden file, a second decoder, random ones, and damaged ones.

use super::{document, naive, sample};
use proptest::prelude::*;
use std::path::Path;
use vitrine_tables::*;

const CODES: [i8; 9] = [127, -127, 0, 64, -3, 1, 0, 0, 0];

fn items() -> ItemTable {
    ItemTable::decode(encode_items(&sample::sample_items()).unwrap()).unwrap()
}

fn worked() -> Vec<u8> {
    encode_item_vectors(&items(), 3, 1.0 / 64.0, &CODES).unwrap()
}

/// As the specification shows it.
fn text(vectors: &ItemVectors) -> String {
    let mut text = String::new();
    for item in 0..vectors.n_items() {
        let numbers: Vec<String> =
            vectors.get(item).unwrap().map(|code| format!("{:.6}", f32::from(code) * vectors.scale())).collect();
        text += &format!("{item} [{}]\n", numbers.join(", "));
    }
    text
}

/// The same, by a decoder that was written from the layout table alone and checks nothing.
fn naive_text(bytes: &[u8]) -> String {
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(&bytes[..8], b"VTRVECTS");
    assert_eq!(u32_at(12), naive::crc32c(&bytes[16..]));
    let scale = f32::from_bits(u32_at(32));
    let n_dims = u32_at(28) as usize;
    let mut text = String::new();
    for item in 0..u32_at(24) as usize {
        let codes = &bytes[36 + item * n_dims..36 + (item + 1) * n_dims];
        let numbers: Vec<String> = codes.iter().map(|code| format!("{:.6}", f32::from(*code as i8) * scale)).collect();
        text += &format!("{item} [{}]\n", numbers.join(", "));
    }
    text
}

#[test]
fn worked_example() {
    let document = document::read("item-vectors.md");
    let bytes = document::undump(&document::block(&document, "hex vectors"));
    let shown = document::block(&document, "text vectors");
    let vectors = ItemVectors::decode(bytes.clone()).unwrap();
    assert_eq!(text(&vectors), shown);
    assert_eq!(naive_text(&bytes), shown);
    assert_eq!(worked(), bytes, "encodes to the same bytes");
    assert_eq!(vectors.check_items(&items()), Ok(()));
    assert_eq!(vectors.as_bytes(), bytes);
}

#[test]
fn rejected_examples() {
    let document = document::read("item-vectors.md");
    for line in document::rejected(&document) {
        let error = ItemVectors::decode(line.apply(&worked())).unwrap_err();
        assert_eq!(error.to_string(), line.message, "{line:?}");
    }
}

#[test]
fn golden_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/item-vectors-v1.bin");
    let golden =
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; it is never deleted", path.display()));
    assert_eq!(golden, worked());
    assert_eq!(text(&ItemVectors::decode(golden).unwrap()).lines().count(), 3);
}

#[test]
fn alike_items_are_found() {
    let vectors = ItemVectors::decode(worked()).unwrap();
    assert_eq!((vectors.n_items(), vectors.n_dims(), vectors.scale()), (3, 3, 1.0 / 64.0));
    assert!((vectors.cosine(0, 0) - 1.0).abs() < 1e-15);
    let expected = (127.0 * 64.0 + 127.0 * 3.0) / ((2.0 * 127.0_f64 * 127.0).sqrt() * (64.0_f64 * 64.0 + 10.0).sqrt());
    assert!((vectors.cosine(0, 1) - expected).abs() < 1e-15);
    assert_eq!(vectors.cosine(0, 1), vectors.cosine(1, 0));
    assert_eq!((vectors.cosine(0, 2), vectors.cosine(0, 3), vectors.cosine(u32::MAX, 0)), (0.0, 0.0, 0.0));
    assert!(vectors.get(3).is_none() && vectors.get(u32::MAX).is_none());
}

#[test]
fn vectors_of_other_items_are_found_out() {
    let vectors = ItemVectors::decode(worked()).unwrap();
    let fewer = ItemTable::decode(encode_items(&[]).unwrap()).unwrap();
    let mut records = sample::sample_items();
    records[0].popularity /= 2.0;
    let changed = ItemTable::decode(encode_items(&records).unwrap()).unwrap();
    for other in [fewer, changed] {
        let message = vectors.check_items(&other).unwrap_err().to_string();
        assert!(message.starts_with("the vectors belong to 3 items with checksum 48e44f7d, but"), "{message}");
    }
}

#[test]
fn vectors_that_cannot_be_written() {
    let bad = |n_dims: u32, scale: f32, codes: &[i8], message: &str| {
        assert_eq!(encode_item_vectors(&items(), n_dims, scale, codes).unwrap_err().to_string(), message);
    };
    bad(3, 1.0, &CODES[..8], "3 items with 3 numbers each need 9 codes, but there are 8");
    bad(3, 1.0, &[], "3 items with 3 numbers each need 9 codes, but there are 0");
    bad(0, 1.0, &[], "`n_dims` is 0, but a vector has at least one number");
    bad(257, 1.0, &[0; 771], "`n_dims` is 257, but the limit is 256");
    bad(3, 0.0, &CODES, "`scale` is 0, but it is finite and above 0");
    bad(3, -1.0, &CODES, "`scale` is -1, but it is finite and above 0");
    bad(3, f32::NAN, &CODES, "`scale` is NaN, but it is finite and above 0");
    bad(3, f32::INFINITY, &CODES, "`scale` is inf, but it is finite and above 0");
    bad(1, 1.0, &[0, i8::MIN, 0], "the vector of item 1: number 0 is -128, but codes are -127 to 127");
    let long = vec![0; ITEM_VECTORS_BYTES_MAX];
    bad(3, 1.0, &long, "`total_bytes` is 25165860, but the limit is 25165824");
}

#[test]
fn no_items_are_sound() {
    let none = ItemTable::decode(encode_items(&[]).unwrap()).unwrap();
    let vectors = ItemVectors::decode(encode_item_vectors(&none, 64, 1.0, &[]).unwrap()).unwrap();
    assert_eq!((vectors.n_items(), vectors.as_bytes().len()), (0, 36));
    assert_eq!(vectors.check_items(&none), Ok(()));
}

/// The table of rejected examples and both blocks are what this prints, when the format changes.
#[test]
fn specification_blocks_can_be_made_again() {
    let vectors = ItemVectors::decode(worked()).unwrap();
    let dump = sample::hex_dump(vectors.as_bytes());
    assert_eq!(document::undump(&dump), worked());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn vectors_come_back(n_dims in 1..=256_u32, scale in 1e-6..1e6_f32, seed in any::<u64>()) {
        let n = 3 * n_dims as usize;
        let codes: Vec<i8> = (0..n as u64)
            .map(|at| ((seed ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(17) % 255) as i16 - 127)
            .map(|code| code as i8)
            .collect();
        let bytes = encode_item_vectors(&items(), n_dims, scale, &codes).unwrap();
        let vectors = ItemVectors::decode(bytes.clone()).unwrap();
        let back: Vec<i8> = (0..3).flat_map(|item| vectors.get(item).unwrap().collect::<Vec<_>>()).collect();
        prop_assert_eq!(&back, &codes);
        prop_assert_eq!(vectors.scale().to_bits(), scale.to_bits());
        prop_assert_eq!(text(&vectors), naive_text(&bytes));
        prop_assert_eq!(encode_item_vectors(&items(), n_dims, vectors.scale(), &back).unwrap(), bytes);
    }

    #[test]
    fn no_damage_goes_unnoticed(at in 0..45_usize, bit in 0..8_u32) {
        let mut bytes = worked();
        bytes[at] ^= 1 << bit;
        prop_assert!(ItemVectors::decode(bytes).is_err());
    }

    #[test]
    fn cut_or_longer_files_are_refused(n in 0..45_usize, more in 1..9_usize) {
        let mut bytes = worked();
        prop_assert!(ItemVectors::decode(bytes[..n].to_vec()).is_err());
        bytes.extend(vec![0; more]);
        prop_assert!(ItemVectors::decode(bytes).is_err());
    }

    /// Whatever has a sound checksum is refused or can be used; nothing panics.
    #[test]
    fn random_headers_are_refused_or_usable(changes in proptest::collection::vec((8..45_usize, any::<u8>()), 1..5)) {
        let mut bytes = worked();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        document::mend(&mut bytes);
        if let Ok(vectors) = ItemVectors::decode(bytes) {
            for item in 0..=vectors.n_items() {
                prop_assert!(vectors.cosine(item, 0).abs() <= 1.0 + 1e-9);
                let _ = vectors.get(item).map(Iterator::count);
            }
        }
    }
}
