//! Schemas: what is sound, and what is refused with which words.

use super::sample::{self, nullable, required, texts};
use std::collections::BTreeMap;
use vitrine_tables::*;

fn dictionaries() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("colour".to_string(), texts(&["red", "green", "blue", "grey"]))])
}

fn unsigned(bits: u8) -> ColumnType {
    ColumnType::Unsigned { bits }
}

fn scaled(bits: u8, scale: Scale, zero: f64, step: f64) -> ColumnType {
    ColumnType::Scaled { bits, scale, zero, step }
}

fn category(bits: u8, dictionary: &str) -> ColumnType {
    ColumnType::Category { bits, dictionary: dictionary.into() }
}

fn top_k(k: u8, id_bits: u8, weight_bits: u8, weight_max: f32, dictionary: &str) -> ColumnType {
    ColumnType::TopK { k, id_bits, weight_bits, weight_max, dictionary: dictionary.into() }
}

#[track_caller]
fn good(spec: ColumnSpec, n_bits: u32) {
    let schema = Schema::new(vec![spec], dictionaries()).unwrap();
    let column = &schema.columns()[0];
    assert_eq!(column.kind.n_bits(column.nullable), n_bits);
    assert_eq!(schema.row_bytes(), n_bits.div_ceil(8) as usize);
}

#[track_caller]
fn bad(specs: Vec<ColumnSpec>, message: &str) {
    assert_eq!(Schema::new(specs, dictionaries()).unwrap_err().to_string(), message);
}

#[test]
fn sound_columns() {
    good(required("a", ColumnType::Bool), 1);
    good(nullable("a", ColumnType::Bool), 2);
    good(required("a", unsigned(1)), 1);
    good(required("a", unsigned(64)), 64);
    good(nullable("a", unsigned(2)), 2);
    good(required("a", scaled(32, Scale::Linear, -1e300, 1e-300)), 32);
    good(required("a", scaled(1, Scale::Log, 1e-300, 700.0)), 1);
    good(required("a", category(2, "colour")), 2);
    good(nullable("a", category(3, "colour")), 3);
    good(required("a", ColumnType::Labels { names: (0..64).map(|i| i.to_string()).collect() }), 64);
    good(required("a", top_k(64, 32, 16, 1.0, "items")), 64 * 48);
    good(required("a", top_k(1, 2, 1, f32::MIN_POSITIVE, "colour")), 3);
    good(nullable("a", ColumnType::Vector { dims: 1024, scale: f32::MAX }), 8192);
    good(required("a234567890123456789012345678901234567890123456789012345678901_34", unsigned(8)), 8);
}

#[test]
fn names_and_counts() {
    bad(vec![], "a table has 1 to 1024 columns, but there are 0");
    let many = (0..1025).map(|i| required(&format!("c{i}"), unsigned(1))).collect();
    bad(many, "a table has 1 to 1024 columns, but there are 1025");
    let rule = "take a lower-case letter, then up to 63 lower-case letters, digits or `_`";
    for name in ["", "A", "1a", "_a", "a-b", "é", "a b", &"a".repeat(65)] {
        bad(vec![required(name, unsigned(1))], &format!("the name {name:?} is not allowed: {rule}"));
    }
    let twice = vec![required("a", unsigned(1)), required("a", ColumnType::Bool)];
    bad(twice, "two columns have the name \"a\"");
}

#[test]
fn parameters_out_of_range() {
    let one = |spec| vec![spec];
    bad(one(required("a", unsigned(0))), "column \"a\": `bits` is 0, but must be 1 to 64");
    bad(one(required("a", unsigned(65))), "column \"a\": `bits` is 65, but must be 1 to 64");
    bad(one(nullable("a", unsigned(1))), "column \"a\": `bits` is 1, but must be 2 to 64");
    bad(one(required("a", scaled(33, Scale::Linear, 0.0, 1.0))), "column \"a\": `bits` is 33, but must be 1 to 32");
    for step in [0.0, -1.0, f64::INFINITY] {
        bad(
            one(required("a", scaled(8, Scale::Linear, 0.0, step))),
            &format!("column \"a\": `step` is {step}, but must be finite and above 0"),
        );
    }
    bad(
        one(required("a", scaled(8, Scale::Linear, f64::NEG_INFINITY, 1.0))),
        "column \"a\": `zero` is -inf, but must be finite",
    );
    bad(
        one(required("a", scaled(8, Scale::Log, 0.0, 1.0))),
        "column \"a\": `zero` is 0, but must be finite and above 0",
    );
    bad(
        one(required("a", scaled(10, Scale::Log, 1.0, 1.0))),
        "column \"a\": the largest code stands for a number that is not finite; take a smaller `step`",
    );
    bad(one(required("a", category(17, "colour"))), "column \"a\": `bits` is 17, but must be 1 to 16");
    bad(one(required("a", top_k(0, 8, 8, 1.0, "items"))), "column \"a\": `k` is 0, but must be 1 to 64");
    bad(one(required("a", top_k(1, 33, 8, 1.0, "items"))), "column \"a\": `id_bits` is 33, but must be 1 to 32");
    bad(one(required("a", top_k(1, 8, 17, 1.0, "items"))), "column \"a\": `weight_bits` is 17, but must be 1 to 16");
    bad(
        one(required("a", top_k(1, 8, 8, f32::NAN, "items"))),
        "column \"a\": `weight_max` is NaN, but must be finite and above 0",
    );
    bad(
        one(required("a", ColumnType::Vector { dims: 0, scale: 1.0 })),
        "column \"a\": `dims` is 0, but must be 1 to 1024",
    );
    bad(
        one(required("a", ColumnType::Vector { dims: 4, scale: 0.0 })),
        "column \"a\": `scale` is 0, but must be finite and above 0",
    );
    bad(
        one(nullable("a", top_k(1, 8, 8, 1.0, "items"))),
        "column \"a\": a column of type top_k cannot be nullable, an empty one says the same",
    );
}

#[test]
fn labels() {
    let labels = |names| vec![required("a", ColumnType::Labels { names })];
    bad(labels(vec![]), "column \"a\": `names` is 0, but must be 1 to 64");
    let many = (0..65).map(|i| i.to_string()).collect();
    bad(labels(many), "column \"a\": `names` is 65, but must be 1 to 64");
    bad(labels(texts(&["x", ""])), "column \"a\": label 1 is empty or longer than 256 bytes");
    bad(labels(texts(&["x", "y", "x"])), "column \"a\": the label \"x\" is there twice");
}

#[test]
fn dictionaries_that_do_not_fit() {
    bad(vec![required("a", category(8, "taste"))], "column \"a\": there is no dictionary \"taste\"");
    bad(vec![required("a", category(8, "items"))], "column \"a\": there is no dictionary \"items\"");
    bad(
        vec![required("a", category(1, "colour"))],
        "column \"a\": dictionary \"colour\" has 4 entries, but the column has codes for 2",
    );
    bad(
        vec![nullable("a", category(2, "colour"))],
        "column \"a\": dictionary \"colour\" has 4 entries, but the column has codes for 3",
    );
    bad(
        vec![required("a", top_k(3, 1, 4, 1.0, "colour"))],
        "column \"a\": dictionary \"colour\" has 4 entries, but the column has codes for 2",
    );
}

#[track_caller]
fn bad_dictionary(name: &str, entries: Vec<String>, message: &str) {
    let dictionaries = BTreeMap::from([(name.to_string(), entries)]);
    let error = Schema::new(vec![required("a", unsigned(8))], dictionaries).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn unsound_dictionaries() {
    bad_dictionary("items", texts(&["x"]), "a dictionary cannot have the name \"items\": it stands for the item table");
    bad_dictionary("colour", vec![], "dictionary \"colour\" has 0 entries, but must have 1 to 65536");
    let many = (0..65_537).map(|i| i.to_string()).collect();
    bad_dictionary("colour", many, "dictionary \"colour\" has 65537 entries, but must have 1 to 65536");
    let long = vec!["x".repeat(256), "x".repeat(257)];
    bad_dictionary("colour", long, "dictionary \"colour\": entry 1 is empty or longer than 256 bytes");
    bad_dictionary("colour", texts(&["b", "a", "b"]), "dictionary \"colour\": the entry \"b\" is there twice");
}

#[test]
fn places_of_columns() {
    let column = |name: &str, kind, bit_offset| Column { name: name.into(), kind, nullable: false, bit_offset };
    let vector = ColumnType::Vector { dims: 2, scale: 1.0 };
    let layout = |columns, row_bytes| Schema::from_layout(columns, BTreeMap::new(), row_bytes);
    let message = |columns, row_bytes| layout(columns, row_bytes).unwrap_err().to_string();
    // Gaps and any order are sound.
    let schema = layout(vec![column("b", unsigned(3), 20), column("a", unsigned(3), 1)], 3).unwrap();
    let mut values = RowValues::new(&schema);
    for idx in schema.indices() {
        values.set(idx, CellValue::Unsigned(7));
    }
    assert_eq!(values.encode(&schema).unwrap(), [0b1110, 0, 0b0111_0000]);

    assert_eq!(
        message(vec![column("b", unsigned(3), 2), column("a", unsigned(3), 0)], 1),
        "columns \"a\" and \"b\" overlap"
    );
    assert_eq!(message(vec![column("a", unsigned(9), 0)], 1), "column \"a\" ends at bit 9, but the row has 1 bytes");
    assert_eq!(
        message(vec![column("a", unsigned(64), u32::MAX)], 16_384),
        "column \"a\" ends at bit 4294967359, but the row has 16384 bytes"
    );
    assert_eq!(
        message(vec![column("a", vector.clone(), 4)], 3),
        "column \"a\": a vector begins at a full byte, but the bit offset is 4"
    );
    assert_eq!(message(vec![column("a", vector, 0)], 0), "a row has 1 to 16384 bytes, but this one has 0");
    assert_eq!(
        message(vec![column("a", unsigned(1), 0)], 16_385),
        "a row has 1 to 16384 bytes, but this one has 16385"
    );
}

#[test]
fn a_column_of_another_schema_is_missing() {
    let schema = sample::worked_schema();
    let bytes = sample::encode_row(&schema, &sample::worked_rows()[0].1);
    let row = Row::new(&schema, &bytes).unwrap();
    let other = sample::golden_schema();
    assert_eq!(row.get(other.column("last_items").unwrap()), Value::Missing);
    assert_eq!(schema.column("last_items"), None);
    assert_eq!(schema.column_at(other.column("last_items").unwrap()), None);
}
