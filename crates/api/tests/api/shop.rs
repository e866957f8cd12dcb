//! A small shop: a bundle, a table of one visitor, and their join.

use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{BundleState, Snapshot, TableSlot, TableState};
use vitrine_bundle::{Groups, Stored};
use vitrine_tables::{
    CellValue, ColumnSpec, ColumnType, ItemRecord, ItemTable, Manifest, RowValues, Schema, TableKey, encode_items,
};

pub const DOCUMENT: &str = r#"{
  "version": 1,
  "settings": { "consent": "assumed" },
  "audiences": [{ "id": "loyal", "when": { "profile.segment": "loyal", "profile.categories": "garden" } }],
  "offers": [
    { "id": "tea", "items": ["tea"], "content": { "title": "Tea" }, "ends": "2027-01-01T00:00:00Z" },
    { "id": "cups", "items": ["cup"], "content": { "title": "Cups" } },
    { "id": "club", "audience": "loyal", "priority": 9, "content": { "title": "The club" } },
    { "id": "house", "content": { "title": "Welcome" } }
  ],
  "placements": [
    { "id": "hero", "offers": ["tea", "cups"], "ranker": "items", "fallback": "house" },
    { "id": "club", "offers": ["club"], "fallback": "house" }
  ]
}"#;

fn specs() -> Vec<ColumnSpec> {
    let column = |name: &str, kind, nullable| ColumnSpec { name: name.into(), kind, nullable };
    let top_k = |dictionary: &str| ColumnType::TopK {
        k: 2,
        id_bits: 4,
        weight_bits: 4,
        weight_max: 1.0,
        dictionary: dictionary.into(),
    };
    vec![
        column("frequency", ColumnType::Unsigned { bits: 6 }, false),
        column("segment", ColumnType::Category { bits: 2, dictionary: "segments".into() }, true),
        column("categories", top_k("categories"), false),
        column("last_items", top_k("items"), false),
    ]
}

pub fn schema() -> Schema {
    let texts = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let dictionaries = BTreeMap::from([
        ("segments".to_owned(), texts(&["loyal", "new"])),
        ("categories".to_owned(), texts(&["garden", "kitchen"])),
    ]);
    Schema::new(specs(), dictionaries).unwrap()
}

pub fn key() -> TableKey {
    TableKey::from_bytes([7; 16])
}

fn items() -> ItemTable {
    let item = |id: &str, popularity, neighbour: &str, weight| ItemRecord {
        id: id.into(),
        category: Some("kitchen".into()),
        popularity,
        neighbours: vec![(neighbour.into(), weight)],
    };
    let records = [item("cup", 0.5, "tea", 1.0), item("kettle", 0.1, "cup", 1.0), item("tea", 0.25, "cup", 0.5)];
    ItemTable::decode(encode_items(&records).unwrap()).unwrap()
}

pub fn table() -> TableState {
    let manifest = Manifest {
        build: "00112233aabbccdd".into(),
        as_of: "2026-11-01T00:00:00Z".into(),
        rows: 1,
        shard_bits: 0,
        key_check: key().check(),
        schema: schema(),
        shards_digest: String::new(),
        items: None,
        lineage: None,
    };
    TableState { manifest, items: Some(items()), vectors: None }
}

/// A loyal gardener who bought a kettle.
pub fn row() -> Vec<u8> {
    let schema = schema();
    let kettle = items().find("kettle").unwrap();
    let column = |name: &str| schema.column(name).unwrap();
    let (history, categories) = ([(kettle, 1.0)], [(0, 1.0)]);
    let mut values = RowValues::new(&schema);
    values.set(column("frequency"), CellValue::Unsigned(3));
    values.set(column("segment"), CellValue::Category("loyal"));
    values.set(column("categories"), CellValue::TopK(&categories));
    values.set(column("last_items"), CellValue::TopK(&history));
    values.encode(&schema).unwrap()
}

pub fn bundle(document: &str) -> Rc<BundleState> {
    Rc::new(BundleState::new(3, "2026-11-01T00:00:00Z".into(), stored(document)).unwrap())
}

/// A document, compiled for publication.
pub fn stored(document: &str) -> Stored {
    let bundle = vitrine_config::compile_json(document.as_bytes()).unwrap();
    Stored { bundle, flags: "{}".into(), groups: Groups::new() }
}

pub fn snapshot() -> Snapshot {
    Snapshot::new(Some(bundle(DOCUMENT)), TableSlot::Ready(Rc::new(table())), false)
}
