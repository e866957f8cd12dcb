//! The specifications say what the code does: worked examples, rejected examples, and the pointer.

use super::{document, naive, sample};
use vitrine_tables::*;

#[test]
fn worked_example_of_the_profile_table() {
    let document = document::read("profile-table.md");
    let json = document::block(&document, "json manifest");
    let manifest = Manifest::from_json(json.as_bytes()).unwrap();
    assert_eq!(manifest, sample::worked_manifest());

    let bytes = document::undump(&document::block(&document, "hex shard"));
    let shard = manifest.decode_shard(0, &bytes).unwrap();
    let rows = document::block(&document, "text rows");
    assert_eq!(sample::rows_text(&shard), rows);
    assert_eq!(naive::rows_text(&naive::manifest(json.as_bytes()), &bytes), rows);
    assert_eq!(sample::worked_shard(&manifest.schema), bytes, "encodes to the same bytes");
    assert!(shard.find(sample::key().hash("v-1")).is_some());
    assert_eq!(sample::key().check(), manifest.key_check);
}

#[test]
fn rejected_examples_of_the_profile_table() {
    let document = document::read("profile-table.md");
    let manifest = sample::worked_manifest();
    let worked = sample::worked_shard(&manifest.schema);
    for line in document::rejected(&document) {
        let bytes = line.apply(&worked);
        let error = Shard::decode(&bytes, &manifest.schema).unwrap_err();
        assert_eq!(error.to_string(), line.message, "{line:?}");
    }
}

#[test]
fn another_shard_than_asked_for() {
    let manifest = sample::worked_manifest();
    let worked = sample::worked_shard(&manifest.schema);
    let error = manifest.decode_shard(7, &worked).unwrap_err();
    assert_eq!(error.to_string(), "this is shard 0 of 2^0, but shard 7 of 2^0 was asked for");
}

#[test]
fn example_of_the_pointer() {
    let document = document::read("profile-table.md");
    let json = document::block(&document, "json pointer");
    let pointer = Pointer::from_json(json.as_bytes()).unwrap();
    assert_eq!(pointer.build, sample::worked_manifest().build);
    assert_eq!((pointer.previous.as_deref(), pointer.epoch, pointer.kill), (None, 1, false));
    assert_eq!(String::from_utf8(pointer.to_json()).unwrap(), json.trim_end());
}

#[test]
fn worked_example_of_the_item_table() {
    let document = document::read("item-table.md");
    let bytes = document::undump(&document::block(&document, "hex items"));
    let text = document::block(&document, "text items");
    let table = ItemTable::decode(bytes.clone()).unwrap();
    assert_eq!(sample::items_text(&table), text);
    assert_eq!(naive::items_text(&bytes), text);
    let mut records = sample::sample_items();
    records.reverse();
    assert_eq!(encode_items(&records).unwrap(), bytes, "encodes to the same bytes, whatever the order");
}

#[test]
fn rejected_examples_of_the_item_table() {
    let document = document::read("item-table.md");
    let worked = encode_items(&sample::sample_items()).unwrap();
    for line in document::rejected(&document) {
        let error = ItemTable::decode(line.apply(&worked)).unwrap_err();
        assert_eq!(error.to_string(), line.message, "{line:?}");
    }
}
