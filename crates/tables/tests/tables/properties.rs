//! Properties of random tables: round trip within the error of quantisation, any order gives the same bytes, no damage
//! goes unnoticed, and both ways to find a row agree.

use super::{document, naive, sample};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use vitrine_tables::*;

/// A value that owns its parts, as a strategy gives it.
#[derive(Clone, Debug)]
enum Owned {
    Missing,
    Bool(bool),
    Unsigned(u64),
    Number(f64),
    Category(usize),
    Labels(u64),
    TopK(BTreeMap<u32, f32>),
    Vector(Vec<f32>),
}

const N_ENTRIES: usize = 11;

fn dictionaries() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("d".to_string(), (0..N_ENTRIES).map(|i| format!("entry {i}")).collect())])
}

fn kinds() -> impl Strategy<Value = (ColumnType, bool)> {
    let scaled = (2..=32_u8, any::<bool>(), -1e6..1e6_f64, 1e-6..1e3_f64).prop_map(|(bits, log, zero, step)| {
        if log {
            let step = step.min(600.0 / ((1_u64 << bits) - 1) as f64);
            ColumnType::Scaled { bits, scale: Scale::Log, zero: zero.abs() + 1e-3, step }
        } else {
            ColumnType::Scaled { bits, scale: Scale::Linear, zero, step }
        }
    });
    let labels = (1..=64_usize).prop_map(|n| ColumnType::Labels { names: (0..n).map(|i| format!("l{i}")).collect() });
    let list = (1..=8_u8, 4..=32_u8, 1..=16_u8, 1e-3..1e3_f32, any::<bool>()).prop_map(
        |(k, id_bits, weight_bits, weight_max, items)| {
            let dictionary = if items { "items" } else { "d" }.to_string();
            ColumnType::TopK { k, id_bits, weight_bits, weight_max, dictionary }
        },
    );
    prop_oneof![
        any::<bool>().prop_map(|nullable| (ColumnType::Bool, nullable)),
        (2..=64_u8, any::<bool>()).prop_map(|(bits, nullable)| (ColumnType::Unsigned { bits }, nullable)),
        (scaled, any::<bool>()),
        (4..=16_u8, any::<bool>())
            .prop_map(|(bits, nullable)| (ColumnType::Category { bits, dictionary: "d".into() }, nullable)),
        labels.prop_map(|kind| (kind, false)),
        list.prop_map(|kind| (kind, false)),
        (1..=40_u16, 1e-3..1e3_f32, any::<bool>())
            .prop_map(|(dims, scale, nullable)| (ColumnType::Vector { dims, scale }, nullable)),
    ]
}

fn values(kind: &ColumnType, nullable: bool) -> BoxedStrategy<Owned> {
    let value = match kind.clone() {
        ColumnType::Bool => any::<bool>().prop_map(Owned::Bool).boxed(),
        ColumnType::Unsigned { bits } => {
            prop_oneof![any::<u64>(), 0..=u64::MAX >> (64 - bits)].prop_map(Owned::Unsigned).boxed()
        }
        ColumnType::Scaled { .. } => {
            prop_oneof![-1e7..1e7_f64, any::<f64>().prop_filter("a number", |number| !number.is_nan())]
                .prop_map(Owned::Number)
                .boxed()
        }
        ColumnType::Category { .. } => (0..N_ENTRIES).prop_map(Owned::Category).boxed(),
        ColumnType::Labels { names } => (0..=u64::MAX >> (64 - names.len())).prop_map(Owned::Labels).boxed(),
        ColumnType::TopK { id_bits, dictionary, weight_max, .. } => {
            let id_end = if dictionary == "d" { N_ENTRIES as u64 } else { 1 << id_bits };
            let ids = (0..id_end).prop_map(|id| id as u32);
            proptest::collection::btree_map(ids, -0.1..weight_max * 1.2, 0..12).prop_map(Owned::TopK).boxed()
        }
        ColumnType::Vector { dims, scale } => {
            let dims = usize::from(dims);
            proptest::collection::vec(-150.0 * scale..150.0 * scale, dims..=dims).prop_map(Owned::Vector).boxed()
        }
    };
    if nullable { prop_oneof![1 => Just(Owned::Missing), 4 => value].boxed() } else { value }
}

/// A schema and some rows of it, by visitor.
fn tables() -> impl Strategy<Value = (Schema, BTreeMap<String, Vec<Owned>>)> {
    proptest::collection::vec(kinds(), 1..12).prop_flat_map(|kinds| {
        let specs = kinds.iter().zip(0..).map(|((kind, nullable), i)| ColumnSpec {
            name: format!("c{i}"),
            kind: kind.clone(),
            nullable: *nullable,
        });
        let schema = Schema::new(specs.collect(), dictionaries()).unwrap();
        let row: Vec<_> = kinds.iter().map(|(kind, nullable)| values(kind, *nullable)).collect();
        let rows = proptest::collection::btree_map("[a-z0-9\u{e4}]{0,6}", row, 0..24);
        (Just(schema), rows)
    })
}

/// Lends the parts of an owned value to `use_cell`.
fn with_cell<T>(owned: &Owned, column: &Column, use_cell: impl FnOnce(CellValue<'_>) -> T) -> T {
    match owned {
        Owned::Missing => use_cell(CellValue::Missing),
        Owned::Bool(value) => use_cell(CellValue::Bool(*value)),
        Owned::Unsigned(value) => use_cell(CellValue::Unsigned(*value)),
        Owned::Number(value) => use_cell(CellValue::Number(*value)),
        Owned::Category(position) => use_cell(CellValue::Category(&format!("entry {position}"))),
        Owned::Labels(set) => {
            let ColumnType::Labels { names } = &column.kind else { unreachable!() };
            let labels: Vec<&str> =
                names.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, name)| name.as_str()).collect();
            use_cell(CellValue::Labels(&labels))
        }
        Owned::TopK(list) => {
            use_cell(CellValue::TopK(&list.iter().map(|(id, weight)| (*id, *weight)).collect::<Vec<_>>()))
        }
        Owned::Vector(components) => use_cell(CellValue::Vector(components)),
    }
}

/// The bytes of a row whose values own their parts. Sets one column after the other in rows of their own and joins the
/// bits, since columns share none.
fn encode(schema: &Schema, row: &[Owned]) -> Vec<u8> {
    let mut joined = vec![0_u8; schema.row_bytes()];
    for ((column, owned), at) in schema.columns().iter().zip(row).zip(0..) {
        let one = Schema::from_layout(vec![column.clone()], dictionaries(), schema.row_bytes()).unwrap();
        let bytes = with_cell(owned, column, |cell| sample::encode_row(&one, &[cell]));
        for (to, from) in joined.iter_mut().zip(&bytes) {
            assert_eq!(*to & from, 0, "column {at} shares a bit");
            *to |= from;
        }
    }
    joined
}

/// Checks that a value is what was written, within the error of its column.
fn check_value(column: &Column, owned: &Owned, value: Value<'_>) {
    match (&column.kind, owned, value) {
        (_, Owned::Missing, value) => assert_eq!(value, Value::Missing),
        (_, Owned::Bool(meant), value) => assert_eq!(value, Value::Bool(*meant)),
        (ColumnType::Unsigned { bits }, Owned::Unsigned(meant), Value::Unsigned(value)) => {
            let max = (u64::MAX >> (64 - bits)) - u64::from(column.nullable);
            assert_eq!(value, *meant.min(&max));
        }
        (ColumnType::Scaled { bits, scale, zero, step }, Owned::Number(meant), Value::Number(value)) => {
            let code_max = ((1_u64 << bits) - 1 - u64::from(column.nullable)) as f64;
            match scale {
                Scale::Linear => {
                    let meant = meant.clamp(*zero, zero + code_max * step);
                    assert!((value - meant).abs() <= step * 0.500_001 + meant.abs() * 1e-12, "{value} for {meant}");
                }
                Scale::Log => {
                    let meant = meant.clamp(*zero, zero * (code_max * step).exp());
                    let error = (value / meant).ln().abs();
                    assert!(error <= step * 0.500_001 + 1e-12, "{value} for {meant}, step {step}");
                }
            }
        }
        (_, Owned::Category(position), Value::Category(entry)) => assert_eq!(entry, format!("entry {position}")),
        (_, Owned::Labels(set), Value::Labels(labels)) => assert_eq!(labels.bits(), *set),
        (ColumnType::TopK { k, weight_bits, weight_max, .. }, Owned::TopK(meant), Value::TopK(list)) => {
            let step = weight_max / ((1_u32 << weight_bits) - 1) as f32;
            let positive = meant.values().filter(|weight| **weight > 0.0).count();
            assert_eq!(list.iter().count(), positive.min(usize::from(*k)));
            let kept: BTreeSet<u32> = list.iter().map(|(id, _)| id).collect();
            for (id, weight) in list.iter() {
                let meant = meant[&id].min(*weight_max);
                // Half a step, and what single precision loses of the weight itself: with 16 bits that is part of a step.
                let error_max = step * 0.501 + meant * 4.0 * f32::EPSILON;
                assert!(
                    (weight - meant).abs() <= error_max || (meant < step && weight <= step * 1.001),
                    "{weight} for {meant}"
                );
            }
            let weakest = kept.iter().map(|id| meant[id]).fold(f32::INFINITY, f32::min);
            for (id, weight) in meant.iter().filter(|(id, _)| !kept.contains(id)) {
                assert!(*weight <= 0.0 || *weight <= weakest, "{id} is stronger than one that was kept");
            }
        }
        (ColumnType::Vector { scale, .. }, Owned::Vector(meant), value) => {
            let codes: Vec<i8> = match value {
                Value::Vector(vector) => vector.codes().collect(),
                Value::Missing => vec![0; meant.len()],
                other => panic!("{other:?}"),
            };
            for (code, meant) in codes.iter().zip(meant) {
                let meant = meant.clamp(-127.0 * scale, 127.0 * scale);
                assert!((f32::from(*code) * scale - meant).abs() <= scale * 0.501);
            }
        }
        (kind, owned, value) => panic!("{value:?} for {owned:?} in {kind:?}"),
    }
}

/// The rows of a shard of the whole table, sorted.
fn sorted(schema: &Schema, rows: &BTreeMap<String, Vec<Owned>>) -> Vec<(RowKey, Vec<u8>)> {
    let mut sorted: Vec<_> =
        rows.iter().map(|(visitor, row)| (sample::key().hash(visitor), encode(schema, row))).collect();
    sorted.sort();
    sorted
}

const WHOLE: ShardPlace = ShardPlace { shard_idx: 0, shard_bits: 0 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_come_back_within_the_error_of_their_column((schema, rows) in tables()) {
        let bytes = encode_shard(&schema, WHOLE, &sorted(&schema, &rows)).unwrap();
        let shard = Shard::decode(&bytes, &schema).unwrap();
        prop_assert_eq!(shard.rows().len(), rows.len());
        for (visitor, row) in &rows {
            let found = shard.find(sample::key().hash(visitor)).unwrap();
            for ((idx, column), owned) in schema.indices().zip(schema.columns()).zip(row) {
                check_value(column, owned, found.get(idx));
            }
        }
    }

    #[test]
    fn both_ways_to_find_a_row_agree((schema, rows) in tables(), strangers in proptest::collection::vec(any::<u64>(), 8)) {
        let bytes = encode_shard(&schema, WHOLE, &sorted(&schema, &rows)).unwrap();
        let shard = Shard::decode(&bytes, &schema).unwrap();
        let known = rows.keys().map(|visitor| sample::key().hash(visitor));
        for key in known.chain(strangers.into_iter().map(RowKey)) {
            let read_key = |offset: usize| u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap());
            let located = shard.header().locate(key, read_key).map(|range| &bytes[range]);
            prop_assert_eq!(located, shard.find(key).map(|row| row.as_bytes()));
            prop_assert_eq!(located.is_some(), shard.rows().any(|(other, _)| other == key));
        }
    }

    #[test]
    fn the_second_decoder_agrees((schema, rows) in tables()) {
        let bytes = encode_shard(&schema, WHOLE, &sorted(&schema, &rows)).unwrap();
        let shard = Shard::decode(&bytes, &schema).unwrap();
        let mut manifest = Manifest { rows: rows.len() as u64, schema: schema.clone(), ..sample::worked_manifest() };
        manifest.build = manifest.content_hash();
        let naive = naive::manifest(&manifest.to_json());
        // `exp` may differ in the last place, so long numbers are compared by their first digits.
        let shorten = |text: String| text.split_whitespace().map(shorten).collect::<Vec<_>>();
        prop_assert_eq!(shorten(naive::rows_text(&naive, &bytes)), shorten(sample::rows_text(&shard)));
    }

    #[test]
    fn any_flipped_bit_is_noticed((schema, rows) in tables(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = encode_shard(&schema, WHOLE, &sorted(&schema, &rows)).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        prop_assert!(Shard::decode(&bytes, &schema).is_err());
    }

    #[test]
    fn any_truncation_or_trailing_byte_is_noticed((schema, rows) in tables(), end in any::<prop::sample::Index>()) {
        let mut bytes = encode_shard(&schema, WHOLE, &sorted(&schema, &rows)).unwrap();
        prop_assert!(Shard::decode(&bytes[..end.index(bytes.len())], &schema).is_err());
        bytes.push(0);
        prop_assert!(Shard::decode(&bytes, &schema).is_err());
    }

    /// Damage with a checksum that fits: whatever is let through can be read, and is written back the same.
    #[test]
    fn mended_damage_is_refused_or_harmless((schema, rows) in tables(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode_shard(&schema, WHOLE, &sorted(&schema, &rows)).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        document::mend(&mut bytes);
        if let Ok(shard) = Shard::decode(&bytes, &schema) {
            let rows: Vec<_> = shard.rows().map(|(key, row)| (key, row.as_bytes())).collect();
            prop_assert_eq!(encode_shard(&schema, shard.header().place(), &rows).unwrap(), bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_rows_gives_the_same_bytes(
        (visitors, shuffled) in proptest::collection::btree_map("[a-z]{1,8}", 0..2048_u64, 0..200)
            .prop_map(|rows| rows.into_iter().collect::<Vec<_>>())
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        shard_bits in 0..11_u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let tables = [("a", &visitors), ("b", &shuffled)].map(|(name, rows)| write(&dir.path().join(name), rows, shard_bits));
        prop_assert_eq!(&tables[0], &tables[1]);
        prop_assert_eq!(tables[0].len(), (1 << shard_bits) + 1);
    }
}

/// Every file of a table, by name.
fn write(out_dir: &std::path::Path, rows: &[(String, u64)], shard_bits: u8) -> BTreeMap<String, Vec<u8>> {
    let schema = Schema::new(vec![sample::required("n", ColumnType::Unsigned { bits: 11 })], BTreeMap::new()).unwrap();
    let options = WriteOptions { shard_bits: Some(shard_bits), ..sample::options() };
    let mut writer = TableWriter::create(out_dir, schema.clone(), sample::key(), options).unwrap();
    for (visitor, n) in rows {
        writer.push(visitor, &sample::row_values(&schema, &[CellValue::Unsigned(*n)])).unwrap();
    }
    let manifest = writer.finish(|_, _| {}).unwrap();
    let mut files = BTreeMap::from([("manifest".to_string(), manifest.to_json())]);
    for file in std::fs::read_dir(out_dir.join("shards")).unwrap() {
        let path = file.unwrap().path();
        files.insert(path.display().to_string().rsplit('/').next().unwrap().into(), std::fs::read(&path).unwrap());
    }
    assert_eq!(TableDir::open(out_dir).unwrap().verify(|_, _| {}).unwrap().n_rows, rows.len() as u64);
    files
}

fn shorten(word: &str) -> String {
    let Some((name, number)) = word.split_once('=') else { return word.into() };
    match number.parse::<f64>() {
        Ok(number) if word.contains('.') => format!("{name}={number:.9e}"),
        _ => word.into(),
    }
}
