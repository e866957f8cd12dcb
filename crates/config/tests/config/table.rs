//! What is said of rules when it is known what the columns of the running table can hold.

use serde_json::{Value, json};
use vitrine_config::{Column, ColumnValues, Format, Options, check_with};

/// What is said of an audience with the condition `when`.
fn found(when: &Value) -> Vec<String> {
    let segments = ["champions", "loyal", "at_risk"].map(str::to_owned);
    let table = [
        Column { name: "segment", values: ColumnValues::Labels(&segments) },
        Column { name: "aov_minor", values: ColumnValues::Numbers(0.0..=65_535.0) },
        Column { name: "is_repeat", values: ColumnValues::Truth },
        Column { name: "taste", values: ColumnValues::Any },
    ];
    let names: Vec<&str> = table.iter().map(|it| it.name).collect();
    let document = json!({
        "version": 1,
        "audiences": [{ "id": "a", "when": when }],
        "offers": [{ "id": "o", "audience": "a", "content": { "t": 1 } }, { "id": "d", "content": { "t": 1 } }],
        "placements": [{ "id": "p", "fallback": "d" }],
    });
    let options = Options { columns: Some(&names), table: Some(&table), ..Options::default() };
    let checked = check_with(&document.to_string(), Format::Json, options).unwrap();
    checked.warnings.iter().map(|it| format!("{} {}: {}", it.code, it.pointer, it.message)).collect()
}

#[track_caller]
fn check(when: Value, expected: &[&str]) {
    assert_eq!(found(&when), expected);
}

#[test]
fn values_that_the_table_has() {
    for when in [
        json!({ "profile.segment": "loyal" }),
        json!({ "profile.segment": { "$in": ["loyal", "champions"] } }),
        json!({ "profile.segment": { "$all": ["loyal"] } }),
        json!({ "profile.segment": null }),
        json!({ "profile.segment": { "$ne": "unheard-of" } }),
        json!({ "profile.segment": { "$nin": ["unheard-of"] } }),
        json!({ "profile.segment": { "$not": { "$eq": "unheard-of" } } }),
        json!({ "profile.segment": { "$exists": false } }),
        json!({ "profile.aov_minor": 0 }),
        json!({ "profile.aov_minor": { "$gte": 65535, "$lte": 70000 } }),
        json!({ "profile.aov_minor": { "$lte": 0 } }),
        json!({ "profile.is_repeat": true }),
        json!({ "profile.taste": "anything" }),
        json!({ "context.segment": "unheard-of" }),
    ] {
        check(when, &[]);
    }
}

#[test]
fn values_that_it_cannot_have() {
    check(
        json!({ "profile.segment": "loyall" }),
        &[
            r#"no_such_value /audiences/0/when/profile.segment: in the running table no "segment" is "loyall" (did you mean "loyal"?), so the rule admits nobody"#,
        ],
    );
    check(
        json!({ "$or": [{ "profile.segment": { "$eq": 3 } }] }),
        &[
            r#"no_such_value /audiences/0/when/$or/0/profile.segment/$eq: in the running table "segment" holds labels, which are texts, never the number 3, so the rule admits nobody"#,
        ],
    );
    check(
        json!({ "profile.segment": { "$in": ["loyal", "vip"] } }),
        &[
            r#"no_such_value /audiences/0/when/profile.segment/$in/1: in the running table no "segment" is "vip", so this part of the rule admits nobody"#,
        ],
    );
    check(
        json!({ "profile.segment": { "$in": ["vip"] } }),
        &[
            r#"no_such_value /audiences/0/when/profile.segment/$in/0: in the running table no "segment" is "vip", so the rule admits nobody"#,
        ],
    );
    check(
        json!({ "profile.aov_minor": -1 }),
        &[
            r#"no_such_value /audiences/0/when/profile.aov_minor: in the running table "aov_minor" holds numbers from 0 to 65535, never the number -1, so the rule admits nobody"#,
        ],
    );
    check(
        json!({ "profile.aov_minor": { "$gt": 65535 } }),
        &[
            r#"no_such_value /audiences/0/when/profile.aov_minor/$gt: in the running table "aov_minor" holds numbers from 0 to 65535, none is $gt 65535, so the rule admits nobody"#,
        ],
    );
    check(
        json!({ "profile.is_repeat": "yes" }),
        &[
            r#"no_such_value /audiences/0/when/profile.is_repeat: in the running table "is_repeat" holds true and false, never the text "yes", so the rule admits nobody"#,
        ],
    );
    check(
        json!({ "profile.is_repeat": { "$gt": 0 } }),
        &[
            r#"no_such_value /audiences/0/when/profile.is_repeat/$gt: in the running table "is_repeat" holds true and false, never the number 0, so the rule admits nobody"#,
        ],
    );
}

#[test]
fn a_column_that_is_not_there_is_said_once() {
    let found = found(&json!({ "profile.segmnt": "loyal" }));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("unknown_column "), "{found:?}");
}
