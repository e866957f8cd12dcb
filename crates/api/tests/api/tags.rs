//! What a visitor is told of the own profile.

use vitrine_api::tags;
use vitrine_tables::Row;

use crate::shop::{row, schema, table};

fn told(is_hidden: impl Fn(&str) -> bool, with_items: bool) -> String {
    let (schema, bytes, table) = (schema(), row(), table());
    let row = Row::new(&schema, &bytes).unwrap();
    serde_json::to_string(&tags(&row, table.items.as_ref().filter(|_| with_items), is_hidden)).unwrap()
}

#[test]
fn every_column_is_told() {
    assert_eq!(
        told(|_| false, true),
        r#"[{"name":"frequency","value":3.0},{"name":"segment","value":"loyal"},{"name":"categories","value":["garden"]},{"name":"last_items","value":["kettle"]}]"#
    );
}

#[test]
fn sensitive_columns_are_not() {
    assert_eq!(told(|name| name != "segment", true), r#"[{"name":"segment","value":"loyal"}]"#);
    assert_eq!(told(|_| true, true), "[]");
}

#[test]
fn items_need_their_table() {
    assert!(told(|name| name != "last_items", false).contains(r#""value":[]"#));
}
