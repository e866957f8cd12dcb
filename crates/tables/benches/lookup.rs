//! What does it cost to look a visitor up, and to take in a shard? Each question stands beside a plain answer without
//! this format, on the same rows: a hash map of parsed JSON, and JSON itself.
//!
//! Rows are those of the reference schema (25 columns and a vector of 32 dimensions). Compare within one run.

#[path = "../tests/tables/sample.rs"]
mod sample;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use vitrine_tables::*;

/// A shard of about `shard_bytes`, the keys in it in no order, and the same rows as JSON.
struct Case {
    schema: Schema,
    bytes: Vec<u8>,
    keys: Vec<RowKey>,
    json: HashMap<u64, String>,
}

impl Case {
    fn new(shard_bytes: usize) -> Self {
        let schema = schema();
        let n_rows = shard_bytes / schema.visitor_bytes();
        let mut rows: Vec<(RowKey, Vec<u8>)> =
            (0..n_rows as u64).map(|n| (sample::key().hash(&n.to_string()), row(&schema, n))).collect();
        let keys: Vec<RowKey> = rows.iter().map(|(key, _)| *key).collect();
        rows.sort();
        let bytes = encode_shard(&schema, ShardPlace { shard_idx: 0, shard_bits: 0 }, &rows).unwrap();
        let json = rows.iter().map(|(key, bytes)| (key.0, to_json(&Row::new(&schema, bytes).unwrap()))).collect();
        Self { schema, bytes, keys, json }
    }
}

/// Widths as in the reference schema of the tests, under plain names.
fn schema() -> Schema {
    let mut specs: Vec<ColumnSpec> = [10, 8, 11, 7, 3, 3, 3, 3, 5, 8, 2, 3]
        .into_iter()
        .enumerate()
        .map(|(i, bits)| sample::required(&format!("count_{i}"), ColumnType::Unsigned { bits }))
        .collect();
    for (i, bits) in [11, 9, 8, 8, 4, 4].into_iter().enumerate() {
        let kind = ColumnType::Scaled { bits, scale: Scale::Log, zero: 1.0, step: 0.008 };
        specs.push(sample::required(&format!("amount_{i}"), kind));
    }
    for (i, bits) in [6, 4, 2].into_iter().enumerate() {
        let kind = ColumnType::Category { bits, dictionary: "name".into() };
        specs.push(sample::required(&format!("name_{i}"), kind));
    }
    let list = |k, id_bits, weight_bits| ColumnType::TopK {
        k,
        id_bits,
        weight_bits,
        weight_max: 1.0,
        dictionary: "items".into(),
    };
    specs.push(sample::required("top", list(3, 5, 2)));
    specs.push(sample::required("last_items", list(3, 12, 4)));
    specs.push(sample::required("is_repeat", ColumnType::Bool));
    specs.push(sample::required("taste", ColumnType::Vector { dims: 32, scale: 0.01 }));
    let names = (0..4).map(|i| format!("name {i}")).collect();
    let schema = Schema::new(specs, BTreeMap::from([("name".to_string(), names)])).unwrap();
    assert!(schema.columns().len() == 25 && schema.visitor_bytes() <= 64);
    schema
}

fn row(schema: &Schema, n: u64) -> Vec<u8> {
    let list = [(n as u32 % 32, 1.0), (n as u32 % 31, 0.5), (32 - n as u32 % 30, 0.25)];
    let list = if list[0].0 == list[1].0 || list[0].0 == list[2].0 { &list[..1] } else { &list[..2] };
    let vector: Vec<f32> = (0..32).map(|i| ((n + i) % 200) as f32 * 0.01 - 1.0).collect();
    let name = format!("name {}", n % 4);
    let mut values = RowValues::new(schema);
    for (idx, column) in schema.indices().zip(schema.columns()) {
        let cell = match &column.kind {
            ColumnType::Bool => CellValue::Bool(n.is_multiple_of(2)),
            ColumnType::Unsigned { .. } => CellValue::Unsigned(n % 1024),
            ColumnType::Scaled { .. } => CellValue::Number(1.0 + n as f64),
            ColumnType::Category { .. } => CellValue::Category(&name),
            ColumnType::Labels { .. } => CellValue::Labels(&[]),
            ColumnType::TopK { k: 3, id_bits: 5, .. } => CellValue::TopK(&list[..1]),
            ColumnType::TopK { .. } => CellValue::TopK(list),
            ColumnType::Vector { .. } => CellValue::Vector(&vector),
        };
        values.set(idx, cell);
    }
    values.encode(schema).unwrap()
}

fn to_json(row: &Row<'_>) -> String {
    let mut object = serde_json::Map::new();
    for (idx, column) in row.schema().indices().zip(row.schema().columns()) {
        let value = match row.get(idx) {
            Value::Missing => serde_json::Value::Null,
            Value::Bool(value) => value.into(),
            Value::Unsigned(value) => value.into(),
            Value::Number(value) => value.into(),
            Value::Category(entry) => entry.into(),
            Value::Labels(labels) => labels.iter().collect(),
            Value::TopK(list) => list.iter().map(|(id, weight)| serde_json::json!([id, weight])).collect(),
            Value::Vector(vector) => vector.codes().collect(),
        };
        object.insert(column.name.clone(), value);
    }
    serde_json::Value::Object(object).to_string()
}

fn lookup(c: &mut Criterion) {
    for kib in [16, 64] {
        let case = Case::new(kib << 10);
        let shard = Shard::decode(&case.bytes, &case.schema).unwrap();
        let column = case.schema.column("count_1").unwrap();
        let last_items = case.schema.column("last_items").unwrap();
        let parsed: HashMap<u64, serde_json::Value> =
            case.json.iter().map(|(key, json)| (*key, serde_json::from_str(json).unwrap())).collect();
        let mut group = c.benchmark_group(format!("one visitor of a warm {kib} KiB shard"));
        let mut keys = case.keys.iter().cycle();
        group.bench_function("find, one column", |b| {
            b.iter(|| shard.find(*keys.next().unwrap()).map(|row| row.get(column)) == Some(Value::Missing));
        });
        group.bench_function("find, a list of items", |b| {
            b.iter(|| match shard.find(*keys.next().unwrap()).map(|row| row.get(last_items)) {
                Some(Value::TopK(list)) => list.iter().map(|(id, weight)| id as f32 * weight).sum(),
                _ => 0.0,
            });
        });
        group.bench_function("locate through a closure, check the row, one column", |b| {
            b.iter(|| {
                let read_key = |at: usize| u64::from_le_bytes(case.bytes[at..at + 8].try_into().unwrap());
                let range = shard.header().locate(*keys.next().unwrap(), read_key)?;
                let row = Row::new(&case.schema, &case.bytes[range]).ok()?;
                Some(row.get(column) == Value::Missing)
            });
        });
        group.bench_function("baseline: hash map of parsed JSON, one field", |b| {
            b.iter(|| parsed.get(&keys.next().unwrap().0).and_then(|row| row["count_1"].as_u64()));
        });
        group.bench_function("baseline: hash map of JSON text, parse, one field", |b| {
            b.iter(|| {
                let json = case.json.get(&keys.next().unwrap().0)?;
                serde_json::from_str::<serde_json::Value>(json).ok()?["count_1"].as_u64()
            });
        });
        group.bench_function("hash of a visitor id", |b| {
            let key = sample::key();
            b.iter(|| key.hash(black_box("a-visitor-id-of-32-bytes-or-so.0")));
        });
    }
}

fn take_in(c: &mut Criterion) {
    let case = Case::new(64 << 10);
    let json = format!("[{}]", case.json.values().cloned().collect::<Vec<_>>().join(","));
    println!("{} rows: {} bytes as a shard, {} as JSON", case.keys.len(), case.bytes.len(), json.len());
    let mut group = c.benchmark_group("take in a 64 KiB shard");
    group.throughput(Throughput::Elements(case.keys.len() as u64));
    group.bench_function("decode with every check", |b| {
        b.iter(|| Shard::decode(black_box(&case.bytes), &case.schema).unwrap().header().n_rows);
    });
    group.bench_function("baseline: parse the same rows from JSON", |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(&json)).unwrap());
    });
}

criterion_group!(benches, lookup, take_in);
criterion_main!(benches);
