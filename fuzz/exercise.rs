//! What the fuzz targets do with an input. The tests of `crates/tables` do the same with the kept corpus.
//!
//! An input is the part of a file that the checksum covers, after two fields that are set for it. So the fuzzer starts
//! behind a valid header, and every input reaches the checks that a damaged checksum would hide.

use std::sync::LazyLock;
use vitrine_tables::*;

static SCHEMA: LazyLock<Schema> = LazyLock::new(schema);

/// Reads an input as a shard, raw and behind a valid front, and uses whatever is accepted.
pub fn shard(input: &[u8]) {
    let schema = &*SCHEMA;
    let _ = Shard::decode(input, schema);
    let mut bytes = front(b"VTRSHARD", input);
    if let Some(field) = bytes.get_mut(32..40) {
        field.copy_from_slice(&schema.hash().to_le_bytes());
    }
    mend(&mut bytes);
    let Ok(shard) = Shard::decode(&bytes, schema) else { return };
    let read_key = |offset: usize| u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap());
    for (key, row) in shard.rows() {
        assert_eq!(shard.find(key).map(|row| row.as_bytes()), Some(row.as_bytes()));
        assert_eq!(&bytes[shard.header().locate(key, read_key).unwrap()], row.as_bytes());
        assert_eq!(key.shard(shard.header().shard_bits), shard.header().shard_idx);
        for idx in schema.indices() {
            use_value(row.get(idx));
        }
    }
    for stranger in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
        let known = shard.rows().any(|(key, _)| key.0 == stranger);
        assert_eq!(shard.find(RowKey(stranger)).is_some(), known);
    }
    let rows: Vec<_> = shard.rows().map(|(key, row)| (key, row.as_bytes())).collect();
    assert_eq!(encode_shard(schema, shard.header().place(), &rows).unwrap(), bytes, "one table, one encoding");
}

/// Reads an input as an item table, raw and behind a valid front, and uses whatever is accepted.
pub fn items(input: &[u8]) {
    let _ = ItemTable::decode(input.to_vec());
    let mut bytes = front(b"VTRITEMS", input);
    mend(&mut bytes);
    let Ok(table) = ItemTable::decode(bytes) else { return };
    let mut n_in_categories = 0;
    for category in table.categories() {
        for item in table.items_in(category) {
            assert_eq!(table.category(item), Some(category));
            n_in_categories += 1;
        }
    }
    for item in 0..table.n_items() {
        let id = table.id(item).unwrap();
        assert_eq!(table.find(id), Some(item));
        assert!((0.0..=1.0).contains(&table.popularity(item)));
        n_in_categories += usize::from(table.category(item).is_none());
        let mut before = f32::INFINITY;
        for (neighbour, weight) in table.neighbours(item) {
            assert!(neighbour < table.n_items() && neighbour != item);
            assert!(weight <= before && !weight.is_nan());
            before = weight;
        }
    }
    assert_eq!(n_in_categories, table.n_items() as usize);
    assert_eq!(table.find(""), None);
    assert_eq!(table.items_in("nothing has this category").count(), 0);
}

/// The schema of the shards: every type of column.
pub fn schema() -> Schema {
    let spec = |name: &str, nullable, kind| ColumnSpec { name: name.into(), kind, nullable };
    let text = |text: &str| text.to_string();
    let specs = vec![
        spec("flag", false, ColumnType::Bool),
        spec("answer", true, ColumnType::Bool),
        spec("count", true, ColumnType::Unsigned { bits: 13 }),
        spec("share", false, ColumnType::Scaled { bits: 7, scale: Scale::Linear, zero: -1.0, step: 0.25 }),
        spec("money", true, ColumnType::Scaled { bits: 12, scale: Scale::Log, zero: 1.0, step: 0.005 }),
        spec("colour", true, ColumnType::Category { bits: 3, dictionary: text("colour") }),
        spec("tags", false, ColumnType::Labels { names: vec![text("a"), text("b"), text("c")] }),
        spec("last", false, list(2, 12, 4, "items")),
        spec("top", false, list(3, 3, 2, "colour")),
        spec("taste", true, ColumnType::Vector { dims: 3, scale: 0.1 }),
    ];
    let colours = ["red", "green", "blue", "grey", "pink"].map(text).to_vec();
    Schema::new(specs, [(text("colour"), colours)].into()).unwrap()
}

/// Two inputs to start from: everything after the first 20 bytes of a sound file.
pub fn seeds() -> [(&'static str, Vec<u8>); 2] {
    let schema = schema();
    let mut values = RowValues::new(&schema);
    let cells = [
        CellValue::Bool(true),
        CellValue::Missing,
        CellValue::Unsigned(77),
        CellValue::Number(3.0),
        CellValue::Number(99.0),
        CellValue::Category("blue"),
        CellValue::Labels(&["a", "c"]),
        CellValue::TopK(&[(7, 0.5), (9, 0.25)]),
        CellValue::TopK(&[(4, 1.0), (0, 0.5)]),
        CellValue::Vector(&[0.1, -0.2, 12.7]),
    ];
    for (idx, cell) in schema.indices().zip(cells) {
        values.set(idx, cell);
    }
    let row = values.encode(&schema).unwrap();
    let rows = [0x4000_0000_0000_0001, 0x5fff_0000_0000_0000, 0x7fff_ffff_ffff_ffff].map(|key| (RowKey(key), &row));
    let shard = encode_shard(&schema, ShardPlace { shard_idx: 1, shard_bits: 2 }, &rows).unwrap();

    let item = |id: &str, category: Option<&str>, neighbours: &[(&str, f32)]| ItemRecord {
        id: id.into(),
        category: category.map(String::from),
        popularity: 0.5,
        neighbours: neighbours.iter().map(|(id, weight)| (id.to_string(), *weight)).collect(),
    };
    let records = [
        item("85123A", Some("lights"), &[("22423", 0.25), ("POST", 0.5)]),
        item("22423", Some("kitchen"), &[("85123A", 0.75), ("POST", -0.1)]),
        item("POST", None, &[]),
    ];
    let items = encode_items(&records).unwrap();
    [("shard/seed", shard[20..].to_vec()), ("items/seed", items[20..].to_vec())]
}

fn list(k: u8, id_bits: u8, weight_bits: u8, dictionary: &str) -> ColumnType {
    ColumnType::TopK { k, id_bits, weight_bits, weight_max: 1.0, dictionary: dictionary.into() }
}

fn use_value(value: Value<'_>) {
    match value {
        Value::Missing | Value::Bool(_) | Value::Unsigned(_) => {}
        Value::Number(number) => assert!(number.is_finite()),
        Value::Category(entry) => assert!(!entry.is_empty()),
        Value::Labels(labels) => assert!(labels.iter().all(|label| labels.contains(label))),
        Value::TopK(list) => {
            let weights: Vec<f32> = list.iter().map(|(_, weight)| weight).collect();
            assert!(weights.iter().all(|weight| *weight > 0.0 && *weight <= 1.0));
            assert!(weights.is_sorted_by(|a, b| a >= b));
        }
        Value::Vector(vector) => assert!(vector.dot(&[1.0, 1.0, 1.0]).is_finite()),
    }
}

/// Magic, version, no flags, room for the checksum, the length, then the input.
fn front(magic: &[u8; 8], input: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend((input.len() as u32 + 20).to_le_bytes());
    bytes.extend(input);
    bytes
}

/// CRC-32C over all bytes from 16 on, at byte 12.
fn mend(bytes: &mut [u8]) {
    let crc = bytes[16..].iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    });
    bytes[12..16].copy_from_slice(&(!crc).to_le_bytes());
}
