//! A small table and a configuration that fits it.

use crate::run::Place;
use vitrine_tables::{
    CellValue, ColumnSpec, ColumnType, ItemRecord, RowValues, Schema, TableKey, TableWriter, WriteOptions, encode_items,
};

/// The key of the fixture's table.
pub const KEY: &str = "000102030405060708090a0b0c0d0e0f";
/// Number of visitors, `v0` to `v199`; the even ones garden, the odd ones cook.
pub const N_VISITORS: u64 = 200;
/// Number of shards.
pub const N_SHARDS: usize = 8;

/// Writes `table/` and `table.key`.
pub fn table(place: &Place) {
    place.write("table.key", format!("{KEY}\n"));
    let item = |id: &str, category: &str, neighbour: &str| ItemRecord {
        id: id.into(),
        category: Some(category.into()),
        popularity: 0.5,
        neighbours: vec![(neighbour.into(), 0.8)],
    };
    let records = [
        item("GAR-1", "garden", "GAR-2"),
        item("GAR-2", "garden", "GAR-1"),
        item("KIT-1", "kitchen", "KIT-2"),
        item("KIT-2", "kitchen", "KIT-1"),
    ];
    let items = encode_items(&records).expect("sound items");
    let spec = |name: &str, kind, nullable| ColumnSpec { name: name.into(), kind, nullable };
    let specs = vec![
        spec("frequency", ColumnType::Unsigned { bits: 10 }, false),
        spec("segment", ColumnType::Category { bits: 2, dictionary: "segments".into() }, true),
        spec(
            "last_items",
            ColumnType::TopK { k: 2, id_bits: 4, weight_bits: 4, weight_max: 1.0, dictionary: "items".into() },
            false,
        ),
    ];
    let dictionaries = [("segments".to_owned(), vec!["loyal".to_owned(), "new".to_owned()])];
    let schema = Schema::new(specs, dictionaries.into()).expect("a sound schema");
    let column = |name| schema.column(name).expect("there");
    let (frequency, segment, last_items) = (column("frequency"), column("segment"), column("last_items"));
    let options = WriteOptions { as_of: "2026-07-01T00:00:00Z".into(), replace: false, shard_bits: Some(3) };
    let key = TableKey::from_hex(KEY).expect("a key");
    let mut writer = TableWriter::create(&place.path().join("table"), schema.clone(), key, options).expect("created");
    writer.set_items(items).expect("taken");
    for idx in 0..N_VISITORS {
        let mut row = RowValues::new(&schema);
        let bought = [(if idx % 2 == 0 { 0 } else { 2 }, 1.0_f32)];
        row.set(frequency, CellValue::Unsigned(idx % 7 + 1))
            .set(segment, CellValue::Category(if idx % 3 == 0 { "loyal" } else { "new" }))
            .set(last_items, CellValue::TopK(&bought));
        writer.push(&format!("v{idx}"), &row).expect("taken");
    }
    writer.finish(|_, _| {}).expect("finished");
}

/// A configuration with an offer for gardeners and one for cooks.
pub const OFFERS: &str = r#"{
  "version": 1,
  "offers": [
    { "id": "pots", "categories": ["garden"], "content": { "title": "Pots" } },
    { "id": "pans", "categories": ["kitchen"], "content": { "title": "Pans" } },
    { "id": "loyal", "when": { "profile.segment": "loyal" }, "content": { "title": "Thanks" } },
    { "id": "hello", "content": { "title": "Hello" } }
  ],
  "placements": [
    { "id": "hero", "offers": ["pots", "pans"], "ranker": "items", "fallback": "hello" },
    { "id": "bar", "offers": ["loyal"], "fallback": "hello" }
  ]
}
"#;

/// The same in YAML.
pub const OFFERS_YAML: &str = "
version: 1
offers:
  - { id: pots, categories: [garden], content: { title: Pots } }
  - { id: pans, categories: [kitchen], content: { title: Pans } }
  - { id: loyal, when: { profile.segment: loyal }, content: { title: Thanks } }
  - { id: hello, content: { title: Hello } }
placements:
  - { id: hero, offers: [pots, pans], ranker: items, fallback: hello }
  - { id: bar, offers: [loyal], fallback: hello }
";

/// A request for both placements.
pub fn request(visitor: &str) -> String {
    format!(
        r#"{{"visitor":{{"key":"{visitor}"}},"consent":{{"personalise":true}},"placements":[{{"id":"hero"}},{{"id":"bar"}}]}}"#
    )
}
