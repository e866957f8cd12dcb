//! Members named `vitrine`.

use crate::{payload, said, visitor};
use vitrine_flags::{Context, Evaluation, Json, ValueType};

#[test]
fn a_schedule_turns_a_rule_on_and_off_to_the_millisecond() {
    let payload = payload(
        r#"{"features": {"f": {"defaultValue": "before", "rules": [
          {"force": "now", "vitrine": {"starts": 1000, "ends": 2000}},
          {"force": "after", "vitrine": {"starts": 2000}}
        ]}}}"#,
    );
    for (now_ms, expected) in [
        (i64::MIN, "\"before\" defaultValue"),
        (999, "\"before\" defaultValue"),
        (1000, "\"now\" force"),
        (1999, "\"now\" force"),
        (2000, "\"after\" force"),
        (i64::MAX, "\"after\" force"),
    ] {
        assert_eq!(said(&payload, &Context { now_ms, ..Context::default() }, "f"), expected, "{now_ms}");
    }
}

#[test]
fn a_rule_outside_of_its_schedule_asks_for_nothing() {
    // Its prerequisite would close the whole feature.
    let payload = payload(
        r#"{"features": {"f": {"defaultValue": 1, "rules": [
          {"parentConditions": [{"id": "none", "condition": {"value": true}, "gate": true}], "vitrine": {"ends": 1000}}
        ]}}}"#,
    );
    assert_eq!(said(&payload, &Context { now_ms: 999, ..Context::default() }, "f"), "null prerequisite");
    assert_eq!(said(&payload, &Context { now_ms: 1000, ..Context::default() }, "f"), "1 defaultValue");
}

#[test]
fn a_ramp_gives_the_coverage_of_rollouts_and_experiments() {
    let payload = payload(
        r#"{"features": {
          "rollout": {"rules": [{"force": true, "coverage": 1, "vitrine": {"ramp": [[1000, 0.5], [2000, 1]]}}]},
          "experiment": {"rules": [{"variations": ["a", "b"], "vitrine": {"ramp": [[1000, 0.5], [2000, 1]]}}]}
        }}"#,
    );
    let n_in = |key: &str, now_ms: i64| {
        let visitors = (0..1_000).map(|id| Context { now_ms, ..visitor(&format!(r#"{{"id": "v{id}"}}"#)) });
        visitors.filter(|context| Evaluation::new(&payload, context).feature(key).value != &Json::Null).count()
    };
    for key in ["rollout", "experiment"] {
        assert_eq!(n_in(key, 999), 0);
        assert!((450..550).contains(&n_in(key, 1000)), "{}", n_in(key, 1000));
        assert_eq!(n_in(key, 1999), n_in(key, 1000));
        assert_eq!(n_in(key, 2000), 1_000);
    }
    // The result repeats the coverage that was used.
    let context = Context { now_ms: 2000, ..visitor(r#"{"id": "v1"}"#) };
    let json = Evaluation::new(&payload, &context).feature("experiment").to_json();
    assert_eq!(
        json.get("experiment").unwrap().to_string(),
        r#"{"variations":["a","b"],"key":"experiment","coverage":1}"#
    );
}

#[test]
fn a_disabled_feature_has_no_value_and_blocks_what_needs_it() {
    let payload = payload(
        r#"{"features": {
          "off": {"defaultValue": true, "rules": [{"force": true}], "vitrine": {"enabled": false, "type": "boolean"}},
          "on": {"defaultValue": true, "vitrine": {"enabled": true, "type": "boolean"}},
          "child": {"defaultValue": 1, "rules": [
            {"parentConditions": [{"id": "off", "condition": {"value": true}, "gate": true}]}
          ]}
        }}"#,
    );
    let context = Context::default();
    assert_eq!(said(&payload, &context, "off"), "null defaultValue disabled");
    assert_eq!(said(&payload, &context, "on"), "true defaultValue");
    assert_eq!(said(&payload, &context, "child"), "null prerequisite");
    assert_eq!(said(&payload, &context, "gone"), "null unknownFeature");
    let mut forced = Context::default();
    forced.forced_features.insert("off", "test");
    assert_eq!(said(&payload, &forced, "off"), "\"test\" override");
    let resolved = payload.resolve(0);
    assert_eq!(resolved.changes_at, None);
    assert_eq!(resolved.payload.get("features").unwrap().get("off").unwrap().to_string(), r#"{"defaultValue":null}"#);
}

#[test]
fn declared_types_are_known() {
    let payload = payload(
        r#"{"features": {
          "a": {"vitrine": {"type": "boolean"}}, "b": {"vitrine": {"type": "string"}}, "c": {"vitrine": {"type": "integer"}},
          "d": {"vitrine": {"type": "number"}}, "e": {"vitrine": {"type": "object"}}, "f": {}, "g": {"vitrine": {"type": "date"}}
        }}"#,
    );
    let types: Vec<Option<ValueType>> = payload.features().map(|key| payload.value_type(key)).collect();
    let expected = [ValueType::Boolean, ValueType::String, ValueType::Integer, ValueType::Number, ValueType::Object];
    assert_eq!(types, expected.map(Some).into_iter().chain([None, None]).collect::<Vec<_>>());
    assert_eq!(payload.value_type("none"), None);
    assert_eq!(payload.faults().len(), 1);
}

#[test]
fn the_payload_at_a_moment_is_plain() {
    let payload = payload(
        r#"{"features": {"f": {"defaultValue": 0, "vitrine": {"type": "integer"}, "rules": [
          {"force": 1, "vitrine": {"ends": 1000}},
          {"id": "r", "variations": [2, 3], "coverage": 0.1, "vitrine": {"ramp": [[500, 0.2], [1500, 0.4]]}},
          {"force": 4, "vitrine": {"starts": 3000}}
        ]}},
        "experiments": [{"key": "e", "variations": [{}, {}], "vitrine": {"starts": 2000}}],
        "vitrine": {"anything": 1}}"#,
    );
    for (now, features, experiments, changes_at) in [
        (0, r#"{"force":1},{"id":"r","variations":[2,3],"coverage":0}"#, "", Some(500)),
        (500, r#"{"force":1},{"id":"r","variations":[2,3],"coverage":0.2}"#, "", Some(1000)),
        (1000, r#"{"id":"r","variations":[2,3],"coverage":0.2}"#, "", Some(1500)),
        (1500, r#"{"id":"r","variations":[2,3],"coverage":0.4}"#, "", Some(2000)),
        (2000, r#"{"id":"r","variations":[2,3],"coverage":0.4}"#, r#"{"key":"e","variations":[{},{}]}"#, Some(3000)),
        (
            3000,
            r#"{"id":"r","variations":[2,3],"coverage":0.4},{"force":4}"#,
            r#"{"key":"e","variations":[{},{}]}"#,
            None,
        ),
    ] {
        let resolved = payload.resolve(now);
        let expected = format!(
            r#"{{"features":{{"f":{{"defaultValue":0,"rules":[{features}]}}}},"experiments":[{experiments}]}}"#
        );
        assert_eq!((resolved.payload.to_string(), resolved.changes_at), (expected, changes_at), "{now}");
    }
}

#[test]
fn broken_extensions_are_named_and_do_no_harm() {
    let payload = payload(
        r#"{"features": {"f": {"vitrine": 5, "rules": [
          {"force": 1, "vitrine": {"starts": "tomorrow", "ends": 1.5, "ramp": [[1]]}},
          {"force": 2, "vitrine": []}
        ]}}}"#,
    );
    let pointers: Vec<&str> = payload.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    let rule = "/features/f/rules/0/vitrine";
    assert_eq!(pointers, [format!("{rule}/starts"), format!("{rule}/ends"), format!("{rule}/ramp")]);
    // A ramp without steps covers nobody.
    assert_eq!(said(&payload, &visitor(r#"{"id": "1"}"#), "f"), "2 force");
}
