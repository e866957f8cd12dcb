//! The made-up tables that golden files and documents hold, and values as text so that two decoders can be compared.
//!
//! Changing anything here changes what the golden files must be, and those are never changed: add, do not edit.

#![allow(dead_code, reason = "the example that writes golden files uses only a part")]

use std::collections::BTreeMap;
use vitrine_tables::*;

/// The key of all sample tables. A real one is secret and random.
pub const KEY_HEX: &str = "000102030405060708090a0b0c0d0e0f";

/// The reference time of all sample tables.
pub const AS_OF: &str = "2011-12-09T12:50:00Z";

/// A visitor's values, one a column.
pub type SampleRow = (&'static str, Vec<CellValue<'static>>);

/// A column that may lack a value.
pub fn nullable(name: &str, kind: ColumnType) -> ColumnSpec {
    ColumnSpec { name: name.into(), kind, nullable: true }
}

/// A column that always has a value.
pub fn required(name: &str, kind: ColumnType) -> ColumnSpec {
    ColumnSpec { name: name.into(), kind, nullable: false }
}

/// Texts, owned.
pub fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

/// Every type of column, with widths that cross bytes.
pub fn golden_schema() -> Schema {
    let specs = vec![
        required("is_repeat", ColumnType::Bool),
        nullable("opted_in", ColumnType::Bool),
        required("orders", ColumnType::Unsigned { bits: 11 }),
        required("number", ColumnType::Unsigned { bits: 64 }),
        nullable("loyalty", ColumnType::Unsigned { bits: 5 }),
        required("balance", ColumnType::Scaled { bits: 7, scale: Scale::Linear, zero: -31.5, step: 0.5 }),
        nullable("spend", ColumnType::Scaled { bits: 12, scale: Scale::Log, zero: 1.0, step: 0.005 }),
        nullable("country", ColumnType::Category { bits: 2, dictionary: "country".into() }),
        required("segment", ColumnType::Category { bits: 3, dictionary: "segment".into() }),
        required("tags", ColumnType::Labels { names: texts(&["new", "vip", "größe l", "sale", "gift"]) }),
        nullable("taste", ColumnType::Vector { dims: 3, scale: 0.25 }),
        required(
            "brands",
            ColumnType::TopK { k: 3, id_bits: 4, weight_bits: 3, weight_max: 2.0, dictionary: "brand".into() },
        ),
        required(
            "last_items",
            ColumnType::TopK { k: 2, id_bits: 12, weight_bits: 4, weight_max: 1.0, dictionary: "items".into() },
        ),
    ];
    let dictionaries = BTreeMap::from([
        ("country".to_string(), texts(&["United Kingdom", "DE", "FR"])),
        ("segment".to_string(), texts(&["champions", "loyal", "new", "lost"])),
        ("brand".to_string(), texts(&["north", "east", "south", "west", "line\nbreak"])),
    ]);
    Schema::new(specs, dictionaries).unwrap()
}

/// Rows with the ends of every range, values beyond them, and everything missing that may be.
#[rustfmt::skip]
pub fn golden_rows() -> Vec<SampleRow> {
    use CellValue::{Bool, Category, Labels, Missing, Number, TopK, Unsigned, Vector};
    vec![
        ("v-1", vec![
            Bool(true), Bool(false), Unsigned(7), Unsigned(0x0123_4567_89ab_cdef), Unsigned(30), Number(0.0), Number(123.45),
            Category("DE"), Category("loyal"), Labels(&["vip", "gift"]), Vector(&[0.25, -31.75, 31.75]),
            TopK(&[(0, 0.5), (4, 2.0), (2, 0.5)]), TopK(&[(1, 1.0)]),
        ]),
        ("v-2", vec![
            Bool(false), Missing, Unsigned(0), Unsigned(0), Missing, Number(-31.5), Missing,
            Missing, Category("champions"), Labels(&[]), Missing,
            TopK(&[]), TopK(&[]),
        ]),
        // Beyond every range.
        ("v-3", vec![
            Bool(true), Bool(true), Unsigned(5_000), Unsigned(u64::MAX), Unsigned(31), Number(1e9), Number(1e300),
            Category("Atlantis"), Category("lost"), Labels(&["gift", "sale", "größe l", "vip", "new"]), Vector(&[1e9, -1e9, 0.1]),
            TopK(&[(0, 9.0), (1, 8.0), (2, 7.0), (3, 6.0)]), TopK(&[(2, 0.001), (0, 0.5), (1, -1.0)]),
        ]),
        ("v-4", vec![
            Bool(false), Bool(true), Unsigned(2_047), Unsigned(1), Unsigned(0), Number(f64::NEG_INFINITY), Number(0.0),
            Category("United Kingdom"), Category("new"), Labels(&["größe l"]), Vector(&[0.0, 0.124, -0.124]),
            TopK(&[(3, 1.0)]), TopK(&[(0, 0.3), (2, 0.3)]),
        ]),
        // An id is any text.
        ("Zoë \u{1f600}", vec![
            Bool(false), Bool(false), Unsigned(1), Unsigned(1 << 63), Unsigned(15), Number(31.24), Number(f64::NAN),
            Category("FR"), Category("new"), Labels(&["new"]), Vector(&[-0.25, 0.0, 0.0]),
            TopK(&[(1, 0.1)]), TopK(&[(2, 0.9), (1, 0.95)]),
        ]),
        ("", vec![
            Bool(true), Missing, Unsigned(1_024), Unsigned(0xff), Missing, Number(31.26), Number(1.0),
            Missing, Category("lost"), Labels(&["sale"]), Vector(&[1.0, 2.0, 3.0]),
            TopK(&[(4, 0.25)]), TopK(&[]),
        ]),
    ]
}

/// Three items, two of them neighbours, one without category and neighbours.
pub fn sample_items() -> Vec<ItemRecord> {
    let item = |id: &str, category: Option<&str>, popularity, neighbours: &[(&str, f32)]| ItemRecord {
        id: id.into(),
        category: category.map(String::from),
        popularity,
        neighbours: neighbours.iter().map(|(id, weight)| (id.to_string(), *weight)).collect(),
    };
    vec![
        item("85123A", Some("lights"), 0.5, &[("22423", 0.25), ("POST", 0.5)]),
        item("22423", Some("kitchen"), 0.25, &[("85123A", 0.75), ("POST", -0.1)]),
        item("POST", None, 1.0, &[]),
    ]
}

/// The small table of the worked example in `docs/formats/profile-table.md`.
pub fn worked_schema() -> Schema {
    let specs = vec![
        required("is_repeat", ColumnType::Bool),
        required("orders", ColumnType::Unsigned { bits: 7 }),
        required("spend", ColumnType::Scaled { bits: 8, scale: Scale::Log, zero: 1.0, step: 0.0625 }),
        nullable("country", ColumnType::Category { bits: 2, dictionary: "country".into() }),
        required("tags", ColumnType::Labels { names: texts(&["new", "vip"]) }),
        required(
            "brands",
            ColumnType::TopK { k: 2, id_bits: 3, weight_bits: 2, weight_max: 1.5, dictionary: "brand".into() },
        ),
        nullable("taste", ColumnType::Vector { dims: 2, scale: 0.5 }),
    ];
    let dictionaries = BTreeMap::from([
        ("country".to_string(), texts(&["DE", "FR", "GB"])),
        ("brand".to_string(), texts(&["north", "east", "south", "west", "river"])),
    ]);
    Schema::new(specs, dictionaries).unwrap()
}

/// The rows of the worked example.
#[rustfmt::skip]
pub fn worked_rows() -> Vec<SampleRow> {
    use CellValue::{Bool, Category, Labels, Missing, Number, TopK, Unsigned, Vector};
    vec![
        ("v-1", vec![
            Bool(true), Unsigned(5), Number(20.0), Category("GB"), Labels(&["vip"]),
            TopK(&[(4, 1.5), (1, 0.5)]), Vector(&[1.5, -0.5]),
        ]),
        ("v-2", vec![Bool(false), Unsigned(1), Number(3.0), Missing, Labels(&["new"]), TopK(&[]), Missing]),
    ]
}

/// The bytes of the worked example: a table of one shard.
pub fn worked_shard(schema: &Schema) -> Vec<u8> {
    let mut rows: Vec<(RowKey, Vec<u8>)> =
        worked_rows().iter().map(|(visitor, cells)| (key().hash(visitor), encode_row(schema, cells))).collect();
    rows.sort();
    encode_shard(schema, ShardPlace { shard_idx: 0, shard_bits: 0 }, &rows).unwrap()
}

/// The manifest of the worked example.
pub fn worked_manifest() -> Manifest {
    let schema = worked_schema();
    let shard = worked_shard(&schema);
    let mut digest = ShardsDigest::new();
    digest.push(Shard::decode(&shard, &schema).unwrap().header()).unwrap();
    let mut manifest = Manifest {
        build: String::new(),
        as_of: AS_OF.into(),
        rows: 2,
        shard_bits: 0,
        key_check: key().check(),
        schema,
        shards_digest: digest.finish(),
        items: None,
        lineage: None,
    };
    manifest.build = manifest.content_hash();
    manifest
}

/// [`KEY_HEX`].
pub fn key() -> TableKey {
    TableKey::from_hex(KEY_HEX).unwrap()
}

/// Values of all columns, in their order, as the bytes of a row.
pub fn encode_row(schema: &Schema, cells: &[CellValue<'_>]) -> Vec<u8> {
    row_values(schema, cells).encode(schema).unwrap()
}

/// Values of all columns, in their order.
pub fn row_values<'a>(schema: &Schema, cells: &[CellValue<'a>]) -> RowValues<'a> {
    let mut values = RowValues::new(schema);
    for (idx, cell) in schema.indices().zip(cells) {
        values.set(idx, *cell);
    }
    values
}

/// The options of all sample tables.
pub fn options() -> WriteOptions {
    WriteOptions { as_of: AS_OF.into(), replace: false, shard_bits: None }
}

/// Writes the golden table, with its rows in the order given.
pub fn write_golden(out_dir: &std::path::Path, rows: &[SampleRow]) -> Manifest {
    let schema = golden_schema();
    let options = WriteOptions { shard_bits: Some(1), ..options() };
    let mut writer = TableWriter::create(out_dir, schema.clone(), key(), options).unwrap();
    for (visitor, cells) in rows {
        writer.push(visitor, &row_values(&schema, cells)).unwrap();
    }
    writer.set_items(encode_items(&sample_items()).unwrap()).unwrap();
    writer.finish(|_, _| {}).unwrap()
}

/// All rows of shards as text, one line a row, by rising key: `<key> <column>=<value> ...`.
pub fn rows_text(shard: &Shard<'_>) -> String {
    let mut text = String::new();
    for (key, row) in shard.rows() {
        text += &format!("{:016x}", key.0);
        for (idx, column) in row.schema().indices().zip(row.schema().columns()) {
            text += &format!(" {}={}", column.name, value_text(row.get(idx)));
        }
        text += "\n";
    }
    text
}

/// A value as text.
pub fn value_text(value: Value<'_>) -> String {
    match value {
        Value::Missing => "-".into(),
        Value::Bool(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Number(value) => format!("{value:.9}"),
        Value::Category(entry) => format!("{entry:?}"),
        Value::Labels(labels) => format!("{:?}", labels.iter().collect::<Vec<_>>()),
        Value::TopK(list) => {
            let entries: Vec<String> = list.iter().map(|(id, weight)| format!("{id}:{weight:.6}")).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Vector(vector) => {
            let components: Vec<f32> = vector.codes().map(|code| f32::from(code) * vector.scale()).collect();
            format!("{components:?}")
        }
    }
}

/// All items as text, one line an item.
pub fn items_text(table: &ItemTable) -> String {
    let mut text = String::new();
    for item in 0..table.n_items() {
        let neighbours: Vec<String> =
            table.neighbours(item).map(|(item, weight)| format!("{item}:{weight:.6}")).collect();
        text += &format!(
            "{item} {:?} category={} popularity={} neighbours=[{}]\n",
            table.id(item).unwrap(),
            table.category(item).map_or("-".into(), |category| format!("{category:?}")),
            table.popularity(item),
            neighbours.join(", ")
        );
    }
    text
}

/// Bytes as the lines of a hex dump, 16 a line, with offsets.
pub fn hex_dump(bytes: &[u8]) -> String {
    let line = |(idx, chunk): (usize, &[u8])| {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:04x}  {}\n", idx * 16, hex.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}
