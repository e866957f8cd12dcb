//! The golden files of every format version: all of them can be read, and version 1 is written byte for byte the same.

use super::{naive, sample};
use std::path::{Path, PathBuf};
use vitrine_tables::*;

fn golden(version: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version);
    assert!(path.is_dir(), "{} is missing; golden files are never deleted", path.display());
    path
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_text(path: PathBuf) -> String {
    String::from_utf8(read(path)).unwrap()
}

#[test]
fn version_1_is_read() {
    let path = golden("v1");
    let table = TableDir::open(&path).unwrap();
    let report = table.verify(|_, _| {}).unwrap();
    assert_eq!((report.n_shards, report.n_rows, report.n_items), (2, 6, 3));
    let mut rows = String::new();
    for shard_idx in 0..2 {
        let bytes = table.read_shard(shard_idx).unwrap();
        rows += &sample::rows_text(&table.manifest().decode_shard(shard_idx, &bytes).unwrap());
    }
    assert_eq!(rows, read_text(path.join("rows.txt")));
    assert_eq!(sample::items_text(&table.items().unwrap().unwrap()), read_text(path.join("items.txt")));
}

#[test]
fn version_1_is_read_by_the_second_decoder() {
    let path = golden("v1");
    let manifest = naive::manifest(&read(path.join("manifest.json")));
    let shards = ["0", "1"].map(|name| read(path.join("shards").join(name)));
    let rows: String = shards.iter().map(|shard| naive::rows_text(&manifest, shard)).collect();
    assert_eq!(rows, read_text(path.join("rows.txt")));
    assert_eq!(naive::shards_digest(&shards), manifest.json["shards_digest"]);
    assert_eq!(naive::items_text(&read(path.join("items/items.bin"))), read_text(path.join("items.txt")));
}

#[test]
fn version_1_is_written_byte_for_byte() {
    let path = golden("v1");
    let temporary = tempfile::tempdir().unwrap();
    let mut rows = sample::golden_rows();
    rows.reverse();
    let again = temporary.path().join("again");
    sample::write_golden(&again, &rows);
    for file in ["manifest.json", "shards/0", "shards/1", "items/items.bin"] {
        assert!(read(again.join(file)) == read(path.join(file)), "{file} differs from the golden file");
    }
}

#[test]
fn visitors_are_found_under_the_keys_that_the_specification_says() {
    let table = TableDir::open(&golden("v1")).unwrap();
    let key_bytes: [u8; 16] = std::array::from_fn(|i| i as u8);
    for (visitor, _) in sample::golden_rows() {
        let key = sample::key().hash(visitor);
        assert_eq!(key.0, naive::row_key(key_bytes, visitor.as_bytes()), "{visitor:?}");
        let shard_idx = key.shard(table.manifest().shard_bits);
        let bytes = table.read_shard(shard_idx).unwrap();
        let shard = table.manifest().decode_shard(shard_idx, &bytes).unwrap();
        assert!(shard.find(key).is_some(), "{visitor:?}");
    }
    let mut check_input = vec![0xff];
    check_input.extend(b"vitrine table key check");
    assert_eq!(format!("{:016x}", naive::row_key(key_bytes, &check_input)), sample::key().check());
}
