//! Features that another engine computed become a table.

use crate::kit::{self, KEY};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Builder, Int32Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder,
};
use datafusion::parquet::arrow::ArrowWriter;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use vitrine_profiles::{BuildError, CompileOptions, Compiled, LabelState, Silent, TableKey, compile, explain};

const SHOP: &str = include_str!("../data/shop.csv");

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The files as a warehouse would write them: other integer widths, other floats, columns in any order.
fn files(dir: &Path) {
    let mut names = ListBuilder::new(StringBuilder::new());
    let mut weights = ListBuilder::new(Float64Builder::new());
    for list in [&[("apple", 1.0), ("cake", 0.5)][..], &[]] {
        for (name, weight) in list {
            names.values().append_value(name);
            weights.values().append_value(*weight);
        }
        names.append(true);
        weights.append(true);
    }
    write(
        &dir.join("features.parquet"),
        vec![
            ("frequency", Arc::new(Int32Array::from(vec![3, 0]))),
            ("customer_id", texts(&["anna", "bert"])),
            ("basket_items", Arc::new(Float32Array::from(vec![2.0, 1.0]))),
            ("is_repeat", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("segment", texts(&["loyal", "lost"])),
            ("last_items", Arc::new(names.finish())),
            ("last_item_weights", Arc::new(weights.finish())),
        ],
    );
    write(
        &dir.join("items.parquet"),
        vec![
            ("item_id", texts(&["apple", "cake"])),
            ("n_buyers", Arc::new(Int64Array::from(vec![1, 1]))),
            ("category", Arc::new(StringArray::from(vec![Some("fruit"), None]))),
        ],
    );
    write(
        &dir.join("tastes.parquet"),
        vec![
            ("customer_id", texts(&["anna", "anna"])),
            ("item_id", texts(&["apple", "cake"])),
            ("weight", Arc::new(Int64Array::from(vec![10, 5]))),
        ],
    );
}

fn compiled(dir: &Path) -> Result<Compiled, BuildError> {
    let key = TableKey::from_hex(KEY).unwrap();
    let mut options = CompileOptions::new(dir.to_owned(), dir.join("table"), key, "2024-03-01".parse().unwrap());
    options.neighbours.buyers_min = 1;
    options.replace = true;
    compile(&options, &mut Silent)
}

#[test]
fn what_a_build_wrote_compiles_to_the_same_table() {
    let shop = kit::try_csv(SHOP.as_bytes(), "vitrine-demo", |_| ()).unwrap();
    let key = TableKey::from_hex(KEY).unwrap();
    let as_of = shop.built.report.as_of.parse().unwrap();
    let mut options = CompileOptions::new(shop.out(), shop.dir.path().join("again"), key, as_of);
    options.neighbours.buyers_min = 1;
    let again = compile(&options, &mut Silent).unwrap();
    assert_eq!(again.manifest.build, shop.built.manifest.build);
    assert_eq!(again.labels.get("segment"), shop.built.labels.get("segment"));
}

#[test]
fn files_from_elsewhere_become_a_table() {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path());
    let compiled = compiled(dir.path()).unwrap();
    assert_eq!(compiled.manifest.rows, 2);
    let said = explain(&dir.path().join("table"), &TableKey::from_hex(KEY).unwrap(), "anna").unwrap().unwrap();
    let value = |name: &str| said.iter().find(|said| said.name == name).unwrap().value.clone().unwrap();
    assert_eq!((value("frequency"), value("segment"), value("is_repeat")), ("3".into(), "loyal".into(), "yes".into()));
    assert_eq!(value("last_items"), "apple (100 %), cake (53 %)");
    assert_eq!(said.len(), 5, "{said:?}");
    let absent = &compiled.labels.get("hour").unwrap().state;
    assert_eq!(*absent, LabelState::Absent { why: "features.parquet has no such column".into() });
    assert_eq!(compiled.neighbours.items, 2);
}

#[test]
fn files_that_are_not_as_documented_are_refused() {
    type Change = fn(&Path);
    let cases: [(Change, &[&str]); 11] = [
        (
            |dir| fs::remove_file(dir.join("items.parquet")).unwrap(),
            &["items.parquet", "No such file", "docs/guides/features.md"],
        ),
        (|dir| fs::write(dir.join("tastes.parquet"), "a,b").unwrap(), &["tastes.parquet", "is it a Parquet file"]),
        (
            |dir| write(&dir.join("features.parquet"), vec![("id", texts(&["a"]))]),
            &["features.parquet", "has no column customer_id; it has id"],
        ),
        (
            |dir| write(&dir.join("features.parquet"), vec![("customer_id", Arc::new(Int64Array::from(vec![1])))]),
            &["column customer_id is Int64, but must be text"],
        ),
        (
            |dir| {
                write(&dir.join("features.parquet"), vec![("customer_id", texts(&["a"])), ("colour", texts(&["red"]))])
            },
            &["column colour is no known label", "declare it"],
        ),
        (
            |dir| {
                write(
                    &dir.join("features.parquet"),
                    vec![("customer_id", texts(&["a"])), ("frequency", texts(&["two"]))],
                )
            },
            &["column frequency is Utf8, but label frequency is of type unsigned and needs whole numbers"],
        ),
        (
            |dir| {
                write(&dir.join("features.parquet"), vec![("customer_id", texts(&["a"])), ("segment", texts(&["vip"]))])
            },
            &["label segment: \"vip\" is not among its values"],
        ),
        (
            |dir| write(&dir.join("features.parquet"), vec![("customer_id", texts(&["a", "a"]))]),
            &["has 2 rows, but 1 different customer_id"],
        ),
        (
            |dir| {
                let values = |n: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![n])) };
                write(
                    &dir.join("tastes.parquet"),
                    vec![("customer_id", texts(&["a"])), ("item_id", texts(&["pie"])), ("weight", values(1))],
                );
            },
            &["tastes.parquet", "has 1 rows whose item is not in items.parquet"],
        ),
        (
            |dir| {
                let floats: ArrayRef = Arc::new(Float32Array::from(vec![1.5]));
                write(
                    &dir.join("tastes.parquet"),
                    vec![("customer_id", texts(&["a"])), ("item_id", texts(&["apple"])), ("weight", floats)],
                );
            },
            &["column weight is Float32, but must be whole numbers"],
        ),
        (|dir| fs::write(dir.join("labels.json"), "{}").unwrap(), &["labels.json", "missing field"]),
    ];
    for (change, parts) in cases {
        let dir = tempfile::tempdir().unwrap();
        files(dir.path());
        change(dir.path());
        let error = compiled(dir.path()).map(|_| ()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
        assert!(!dir.path().join("table").exists());
    }
}
