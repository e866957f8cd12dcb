//! flagd's definitions become documents, or say what they could not become.

use serde_json::{Value, json};
use vitrine_config::{Format, NoteKind, check, import_flagd};

/// The flags of the document that `definitions` become, and what is said about it.
#[track_caller]
fn import(definitions: &Value) -> (Value, Vec<(NoteKind, String, String)>) {
    let imported = import_flagd(definitions.to_string().as_bytes()).unwrap();
    check(&imported.document.to_string(), Format::Json).unwrap_or_else(|it| panic!("{it:#?}"));
    let notes = imported.notes.into_iter().map(|it| (it.kind, it.pointer, it.message)).collect();
    (imported.document["flags"].clone(), notes)
}

fn flag(targeting: Value) -> Value {
    json!({ "flags": { "f": {
        "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "off", "targeting": targeting
    } } })
}

#[test]
fn flags_without_targeting_are_carried_over() {
    let (flags, notes) = import(&json!({ "flags": {
        "a": { "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "on" },
        "b": { "state": "DISABLED", "variants": { "x": 1, "y": 2.5 }, "defaultVariant": "y", "targeting": {} },
        "c": { "state": "ENABLED", "variants": { "x": { "k": [1] } }, "defaultVariant": null },
    } }));
    assert_eq!(
        flags,
        json!([
            { "id": "a", "type": "boolean", "default": true },
            { "id": "b", "type": "number", "default": 2.5, "enabled": false },
            { "id": "c", "type": "object", "default": null },
        ])
    );
    assert_eq!(notes, []);
}

#[test]
fn targeting_becomes_rules() {
    let var = |name: &str| json!({ "var": name });
    for (logic, expected, is_remarked) in [
        (json!({ "===": [var("country"), "FR"] }), json!({ "context.country": { "$eq": "FR" } }), false),
        (json!({ "==": [18, var("age")] }), json!({ "context.age": { "$eq": 18 } }), true),
        (json!({ "<": [18, var("age")] }), json!({ "context.age": { "$gt": 18 } }), true),
        (json!({ "!==": [var("targetingKey"), "u"] }), json!({ "context.id": { "$ne": "u" } }), false),
        (json!({ "in": [var("country"), ["FR", "DE"]] }), json!({ "context.country": { "$in": ["FR", "DE"] } }), false),
        (json!({ "in": ["@a.b", { "var": ["email"] }] }), json!({ "context.email": { "$regex": "@a\\.b" } }), false),
        (json!({ "starts_with": [var("ip"), "10."] }), json!({ "context.ip": { "$regex": "^10\\." } }), false),
        (json!({ "ends_with": [var("email"), ".com"] }), json!({ "context.email": { "$regex": "\\.com$" } }), false),
        (json!({ "sem_ver": [var("app"), ">=", "2.0.0"] }), json!({ "context.app": { "$vgte": "2.0.0" } }), false),
        (
            json!({ "and": [{ "in": [var("a"), [1]] }, { "!": [{ "or": [{ "===": [var("b"), null] }] }] }] }),
            json!({ "$and": [{ "context.a": { "$in": [1] } }, { "$not": { "$or": [{ "context.b": { "$eq": null } }] } }] }),
            false,
        ),
    ] {
        let (flags, notes) = import(&flag(json!({ "if": [logic.clone(), "on", "off"] })));
        assert_eq!(flags[0]["rules"], json!([{ "when": expected, "value": true }, { "value": false }]), "{logic}");
        assert_eq!(notes.len(), usize::from(is_remarked), "{logic}: {notes:?}");
    }
}

#[test]
fn references_and_several_branches_are_followed() {
    let mut definitions =
        flag(json!({ "if": [{ "$ref": "staff" }, "on", { "===": [{ "var": "x" }, 1] }, "off", null] }));
    definitions["$evaluators"] = json!({ "staff": { "ends_with": [{ "var": "email" }, "@shop"] } });
    let (flags, _) = import(&definitions);
    let rules = json!([
        { "when": { "context.email": { "$regex": "@shop$" } }, "value": true },
        { "when": { "context.x": { "$eq": 1 } }, "value": false },
    ]);
    assert_eq!(flags[0]["rules"], rules);
}

#[test]
fn what_cannot_be_said_is_left_out_with_its_reason() {
    for (targeting, message) in [
        (json!({ "fractional": [["on", 50], ["off", 50]] }), "hashes visitors in another way"),
        (json!({ "if": [{ "===": [{ "var": "x" }, 1] }, { "fractional": [] }, "on"] }), "not the name of a variant"),
        (json!({ "if": [{ "+": [1, 2] }, "on"] }), "no words"),
        (json!({ "if": [{ "===": [{ "var": "x" }, 1] }, "blue"] }), "no variant \"blue\""),
        (json!({ "if": [{ "===": [{ "var": "x" }, { "var": "y" }] }, "on"] }), "does not compare an attribute"),
        (json!({ "if": [{ "===": [{ "var": "$flagd.timestamp" }, 1] }, "on"] }), "does not compare an attribute"),
        (json!({ "if": [{ "sem_ver": [{ "var": "x" }, "~", "1.0.0"] }, "on"] }), "\"~\""),
        (json!({ "if": [{ "$ref": "gone" }, "on"] }), "no evaluator"),
        (json!({ "if": [{ "in": [{ "var": "x" }, []] }, "on"] }), "is empty"),
        (json!({ "if": [true, "on"] }), "no condition"),
        (json!({ "===": [1, 1] }), "no condition"),
        (json!("blue"), "no variant"),
    ] {
        let (flags, notes) = import(&flag(targeting.clone()));
        assert_eq!(flags, json!([]), "{targeting}");
        assert_eq!((notes[0].0, notes[0].1.as_str()), (NoteKind::LeftOut, "/flags/f"));
        assert!(notes[0].2.contains(message), "{targeting}: {notes:?}");
    }
    for (definition, message) in [
        (json!({ "state": "ON", "variants": { "a": 1 } }), "state"),
        (json!({ "state": "ENABLED" }), "no variants"),
        (json!({ "state": "ENABLED", "variants": { "a": 1, "b": "x" } }), "different types"),
        (json!({ "state": "ENABLED", "variants": { "a": 1 }, "defaultVariant": "b" }), "no variant \"b\""),
    ] {
        let (_, notes) = import(&json!({ "flags": { "f": definition } }));
        assert!(notes[0].2.contains(message), "{notes:?}");
    }
}

#[test]
fn circles_of_references_end() {
    let mut definitions = flag(json!({ "if": [{ "$ref": "a" }, "on"] }));
    definitions["$evaluators"] = json!({ "a": { "$ref": "a" } });
    assert!(import(&definitions).1[0].2.contains("no evaluator"));
}

#[test]
fn what_is_no_definition_is_refused() {
    for text in ["", "[]", "{}", r#"{"flags":[]}"#] {
        assert!(import_flagd(text.as_bytes()).is_err(), "{text}");
    }
}
