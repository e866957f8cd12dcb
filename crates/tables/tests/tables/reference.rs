//! The reference schema: what a profile of 25 columns and a vector of 32 dimensions costs.

use super::sample::{nullable, required, texts};
use std::collections::BTreeMap;
use vitrine_tables::*;

/// The columns of a shop's profile with widths that a shop of some thousand items and some years of history needs.
pub fn reference_schema() -> Schema {
    let unsigned = |bits| ColumnType::Unsigned { bits };
    let log = |bits, zero, step| ColumnType::Scaled { bits, scale: Scale::Log, zero, step };
    let share = |bits: u8| {
        let step = 1.0 / f64::from((1_u32 << bits) - 1);
        ColumnType::Scaled { bits, scale: Scale::Linear, zero: 0.0, step }
    };
    let category = |bits, dictionary: &str| ColumnType::Category { bits, dictionary: dictionary.into() };
    let top = |k, id_bits, weight_bits, dictionary: &str| ColumnType::TopK {
        k,
        id_bits,
        weight_bits,
        weight_max: 1.0,
        dictionary: dictionary.into(),
    };
    let specs = vec![
        required("recency_days", unsigned(10)),
        required("frequency", unsigned(8)),
        required("monetary_minor", log(11, 100.0, 0.008)),
        required("aov_minor", log(9, 100.0, 0.02)),
        required("tenure_days", unsigned(11)),
        nullable("gap_days", log(8, 0.25, 0.03)),
        required("basket_items", log(7, 1.0, 0.04)),
        required("country", category(6, "country")),
        required("r_quintile", unsigned(3)),
        required("f_quintile", unsigned(3)),
        required("m_quintile", unsigned(3)),
        required("segment", category(4, "segment")),
        required("top_categories", top(3, 5, 2, "categories")),
        required("last_items", top(3, 12, 4, "items")),
        required("weekday", unsigned(3)),
        required("hour", unsigned(5)),
        required("weekend_share", share(4)),
        required("n_items", unsigned(8)),
        required("is_repeat", ColumnType::Bool),
        required("churn", share(4)),
        required("clv_minor", log(8, 100.0, 0.05)),
        required("interests", ColumnType::Labels { names: texts(&["sale", "gift", "new"]) }),
        required("price_level", unsigned(2)),
        nullable("channel", category(2, "channel")),
        nullable("taste", ColumnType::Vector { dims: 32, scale: 0.01 }),
    ];
    let numbered = |n: usize| (0..n).map(|i| format!("entry {i}")).collect::<Vec<_>>();
    let dictionaries = BTreeMap::from([
        ("country".to_string(), numbered(40)),
        ("segment".to_string(), numbered(11)),
        ("categories".to_string(), numbered(32)),
        ("channel".to_string(), numbered(3)),
    ]);
    Schema::new(specs, dictionaries).unwrap()
}

#[test]
fn reference_schema_costs_at_most_64_bytes_a_visitor() {
    let schema = reference_schema();
    assert_eq!(schema.columns().len(), 25);
    assert!(schema.visitor_bytes() <= 64, "{} bytes a visitor", schema.visitor_bytes());
}

#[test]
fn at_least_256_columns_and_labels_fit_in_a_profile() {
    let mut specs: Vec<ColumnSpec> = (0..1020).map(|i| required(&format!("flag_{i}"), ColumnType::Bool)).collect();
    for set in 0..4 {
        let names = (0..64).map(|i| format!("label {set}.{i}")).collect();
        specs.push(required(&format!("labels_{set}"), ColumnType::Labels { names }));
    }
    let schema = Schema::new(specs, BTreeMap::new()).unwrap();
    assert_eq!(schema.row_bytes(), (1020 + 256_usize).div_ceil(8));
    let mut values = RowValues::new(&schema);
    for (i, idx) in schema.indices().enumerate() {
        values.set(idx, if i < 1020 { CellValue::Bool(i % 3 == 0) } else { CellValue::Labels(&[]) });
    }
    let last = schema.column("labels_3").unwrap();
    values.set(last, CellValue::Labels(&["label 3.63", "label 3.0"]));
    let bytes = values.encode(&schema).unwrap();
    let row = Row::new(&schema, &bytes).unwrap();
    assert_eq!(row.get(schema.column("flag_999").unwrap()), Value::Bool(true));
    assert_eq!(row.get(schema.column("flag_1000").unwrap()), Value::Bool(false));
    let Value::Labels(labels) = row.get(last) else { panic!("labels") };
    assert_eq!(labels.iter().collect::<Vec<_>>(), ["label 3.0", "label 3.63"]);
    assert!(labels.contains("label 3.63") && !labels.contains("label 3.1") && !labels.contains("nothing"));
}
