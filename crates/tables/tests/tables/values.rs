//! Values: what a row gives back for what was put in, and what cannot be put in.

use super::sample::{self, nullable, required, texts};
use std::collections::BTreeMap;
use vitrine_tables::*;

/// Writes one value and reads it back, as text.
#[track_caller]
fn round_trip(spec: ColumnSpec, cell: CellValue<'_>) -> Result<String, CellError> {
    let dictionaries = BTreeMap::from([("colour".to_string(), texts(&["red", "green", "blue"]))]);
    let schema = Schema::new(vec![spec], dictionaries).unwrap();
    let bytes = sample::row_values(&schema, &[cell]).encode(&schema)?;
    let row = Row::new(&schema, &bytes).unwrap();
    let value = row.get(schema.indices().next().unwrap());
    Ok(sample::value_text(value))
}

#[track_caller]
fn good(spec: ColumnSpec, cell: CellValue<'_>, text: &str) {
    assert_eq!(round_trip(spec, cell).unwrap(), text);
}

#[track_caller]
fn bad(spec: ColumnSpec, cell: CellValue<'_>, message: &str) {
    assert_eq!(round_trip(spec, cell).unwrap_err().to_string(), message);
}

fn linear() -> ColumnType {
    ColumnType::Scaled { bits: 4, scale: Scale::Linear, zero: 10.0, step: 2.0 }
}

fn log() -> ColumnType {
    ColumnType::Scaled { bits: 4, scale: Scale::Log, zero: 2.0, step: std::f64::consts::LN_2 }
}

fn colour() -> ColumnType {
    ColumnType::Category { bits: 2, dictionary: "colour".into() }
}

fn list() -> ColumnType {
    ColumnType::TopK { k: 2, id_bits: 2, weight_bits: 2, weight_max: 3.0, dictionary: "colour".into() }
}

fn vector() -> ColumnType {
    ColumnType::Vector { dims: 2, scale: 0.5 }
}

#[test]
fn numbers_take_the_nearest_code_and_stay_in_range() {
    let unsigned = ColumnType::Unsigned { bits: 3 };
    good(required("a", unsigned.clone()), CellValue::Unsigned(7), "7");
    good(required("a", unsigned.clone()), CellValue::Unsigned(8), "7");
    good(nullable("a", unsigned.clone()), CellValue::Unsigned(7), "6");
    good(nullable("a", unsigned), CellValue::Missing, "-");
    for (number, text) in [(10.0, "10"), (10.99, "10"), (11.0, "12"), (40.0, "40"), (41.5, "40"), (-1e300, "10")] {
        good(required("a", linear()), CellValue::Number(number), &format!("{text}.000000000"));
    }
    good(nullable("a", linear()), CellValue::Number(f64::INFINITY), "38.000000000");
    good(nullable("a", linear()), CellValue::Number(f64::NAN), "-");
    for (number, text) in [(2.0, "2"), (0.0, "2"), (-7.0, "2"), (4.0, "4"), (5.6, "4"), (5.7, "8"), (1e300, "65536")] {
        good(required("a", log()), CellValue::Number(number), &format!("{text}.000000000"));
    }
}

#[test]
fn missing_is_kept_apart_from_every_value() {
    for (value, text) in [(CellValue::Bool(true), "true"), (CellValue::Bool(false), "false"), (CellValue::Missing, "-")]
    {
        good(nullable("a", ColumnType::Bool), value, text);
    }
    good(nullable("a", colour()), CellValue::Category("blue"), "\"blue\"");
    good(nullable("a", colour()), CellValue::Missing, "-");
    good(nullable("a", colour()), CellValue::Category("pink"), "-");
    good(nullable("a", vector()), CellValue::Missing, "-");
    good(nullable("a", vector()), CellValue::Vector(&[0.0, 0.0]), "-");
    good(required("a", vector()), CellValue::Vector(&[0.0, 0.0]), "[0.0, 0.0]");
}

#[test]
fn lists_keep_the_strongest() {
    let cases: [(&[(u32, f32)], &str); 7] = [
        (&[], "[]"),
        (&[(0, 1.0), (2, 3.0), (1, 2.0)], "[2:3.000000, 1:2.000000]"),
        (&[(2, 3.0), (1, 3.0), (0, 3.0)], "[0:3.000000, 1:3.000000]"),
        // Unequal weights with one code stand by id.
        (&[(1, 2.1), (0, 2.0)], "[0:2.000000, 1:2.000000]"),
        (&[(1, f32::INFINITY)], "[1:3.000000]"),
        (&[(1, 1e-30)], "[1:1.000000]"),
        (&[(1, 0.0), (0, -3.0)], "[]"),
    ];
    for (entries, text) in cases {
        good(required("a", list()), CellValue::TopK(entries), text);
    }
}

#[test]
fn vectors_saturate_on_both_sides() {
    good(required("a", vector()), CellValue::Vector(&[1e30, f32::NEG_INFINITY]), "[63.5, -63.5]");
    good(required("a", vector()), CellValue::Vector(&[0.25, -0.25]), "[0.5, 0.0]");
}

#[test]
fn a_vector_is_multiplied() {
    let schema = Schema::new(vec![required("a", vector())], BTreeMap::new()).unwrap();
    let bytes = sample::encode_row(&schema, &[CellValue::Vector(&[1.5, -2.0])]);
    let Value::Vector(vector) = Row::new(&schema, &bytes).unwrap().get(schema.column("a").unwrap()) else {
        panic!("a vector")
    };
    assert_eq!(vector.dot(&[2.0, 0.5]), 2.0);
    assert_eq!(vector.dot(&[2.0]), 3.0);
    assert_eq!(vector.codes().collect::<Vec<_>>(), [3, -4]);
    assert_eq!((vector.n_dims(), vector.scale(), vector.as_bytes()), (2, 0.5, &[3, 0xfc][..]));
}

#[test]
fn values_that_cannot_be_meant() {
    bad(required("a", ColumnType::Bool), CellValue::Missing, "column \"a\" is not nullable, but has no value");
    bad(required("a", list()), CellValue::Missing, "column \"a\" is not nullable, but has no value");
    bad(
        required("a", ColumnType::Bool),
        CellValue::Unsigned(1),
        "column \"a\" takes a value of type bool, not of type unsigned",
    );
    bad(required("a", linear()), CellValue::Number(f64::NAN), "column \"a\": a value is not a number (NaN)");
    bad(
        required("a", colour()),
        CellValue::Category("pink"),
        "column \"a\" does not know \"pink\"; add it to the dictionary or labels",
    );
    bad(
        required("a", ColumnType::Labels { names: texts(&["new"]) }),
        CellValue::Labels(&["new", "old"]),
        "column \"a\" does not know \"old\"; add it to the dictionary or labels",
    );
    bad(required("a", list()), CellValue::TopK(&[(3, 1.0)]), "column \"a\": id 3 is out of range, ids end before 3");
    bad(
        required("a", list()),
        CellValue::TopK(&[(1, 1.0), (0, 1.0), (1, 0.0)]),
        "column \"a\": id 1 is in the list twice",
    );
    bad(required("a", list()), CellValue::TopK(&[(1, f32::NAN)]), "column \"a\": a value is not a number (NaN)");
    bad(required("a", vector()), CellValue::Vector(&[1.0]), "column \"a\" takes 2 components, but there are 1");
    bad(required("a", vector()), CellValue::Vector(&[1.0, f32::NAN]), "column \"a\": a value is not a number (NaN)");
    let schema = sample::worked_schema();
    let other = RowValues::new(&sample::golden_schema());
    assert_eq!(other.encode(&schema).unwrap_err().to_string(), "the row has 13 values, but the schema has 7 columns");
}

#[test]
fn bytes_that_are_not_a_row() {
    let schema = sample::worked_schema();
    let good = sample::encode_row(&schema, &sample::worked_rows()[0].1);
    assert!(Row::new(&schema, &good).is_ok());
    let message = |bytes: &[u8]| Row::new(&schema, bytes).unwrap_err().to_string();
    assert_eq!(message(&good[1..]), "a row of this schema has 6 bytes, but there are 5");
    let mut padding = good.clone();
    padding[5] |= 0x80;
    assert_eq!(message(&padding), "byte 5 of the row has a bit set that belongs to no column");

    let schema = Schema::new(vec![nullable("a", ColumnType::Bool)], BTreeMap::new()).unwrap();
    let message = |bytes: &[u8]| Row::new(&schema, bytes).unwrap_err().to_string();
    assert_eq!(message(&[2]), "column \"a\" has a code that stands for nothing: a nullable bool is 0, 1 or 3");
    let schema = Schema::new(vec![required("a", colour())], [("colour".into(), texts(&["x"; 1]))].into()).unwrap();
    let message = |bytes: &[u8]| Row::new(&schema, bytes).unwrap_err().to_string();
    assert_eq!(message(&[1]), "column \"a\" has a code that stands for nothing: the dictionary ends before it");
}
