//! Writes the golden files of format version 1, once, and the seeds of the fuzz targets, and prints the worked examples
//! of the specifications.
//!
//! `cargo run -p vitrine-tables --example golden`. Golden files that are there already are never changed: a format that
//! gives other bytes is another version, with a directory of its own.

#[path = "../tests/tables/sample.rs"]
mod sample;

#[path = "../../../fuzz/exercise.rs"]
#[allow(dead_code, reason = "only the seeds are used here")]
mod exercise;

use std::path::Path;
use vitrine_tables::*;

fn main() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    if golden.exists() {
        eprintln!("{} is there already and stays as it is", golden.display());
    } else {
        sample::write_golden(&golden, &sample::golden_rows());
        let table = TableDir::open(&golden).unwrap();
        let mut rows = String::new();
        for shard_idx in 0..table.manifest().n_shards() {
            let bytes = table.read_shard(shard_idx).unwrap();
            rows += &sample::rows_text(&table.manifest().decode_shard(shard_idx, &bytes).unwrap());
        }
        std::fs::write(golden.join("rows.txt"), rows).unwrap();
        std::fs::write(golden.join("items.txt"), sample::items_text(&table.items().unwrap().unwrap())).unwrap();
        eprintln!("{} is written", golden.display());
    }

    let vectors = item_vectors();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/item-vectors-v1.bin");
    if golden.exists() {
        eprintln!("{} is there already and stays as it is", golden.display());
    } else {
        std::fs::write(&golden, &vectors).unwrap();
        eprintln!("{} is written", golden.display());
    }

    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, seed) in exercise::seeds() {
        let path = corpus.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, seed).unwrap();
    }

    let manifest = sample::worked_manifest();
    println!("{}", String::from_utf8(manifest.to_json()).unwrap());
    let shard = sample::worked_shard(&manifest.schema);
    println!("{}", sample::hex_dump(&shard));
    println!("{}", sample::rows_text(&manifest.decode_shard(0, &shard).unwrap()));
    let items = encode_items(&sample::sample_items()).unwrap();
    println!("{}", sample::hex_dump(&items));
    println!("{}", sample::items_text(&ItemTable::decode(items).unwrap()));
    println!("{}", sample::hex_dump(&vectors));
}

/// The vectors of the specification, for the sample items.
fn item_vectors() -> Vec<u8> {
    let items = ItemTable::decode(encode_items(&sample::sample_items()).unwrap()).unwrap();
    encode_item_vectors(&items, 3, 1.0 / 64.0, &[127, -127, 0, 64, -3, 1, 0, 0, 0]).unwrap()
}
