//! Payloads of GrowthBook become documents that evaluate alike, or say what they could not become.

use proptest::prelude::*;
use serde_json::{Value, json};
use vitrine_config::{Checked, Format, ImportOptions, Imported, NoteKind, check, export_growthbook, import_growthbook};
use vitrine_engine::TimestampMs;
use vitrine_flags::{Context, Evaluation, Json, Object, Payload};

const NOW: TimestampMs = TimestampMs(1_796_000_000_000);

/// A stand-in for the keyed hash of tables.
fn hash(id: &str) -> u64 {
    id.bytes().fold(7, |hash, byte| hash.wrapping_mul(0x0000_0100_0000_01b3) ^ u64::from(byte))
}

fn import(payload: &Value) -> Imported {
    let options = ImportOptions { hash: Some(&hash), ..ImportOptions::default() };
    import_growthbook(payload.to_string().as_bytes(), options).unwrap()
}

#[track_caller]
fn checked(document: &Value) -> Checked {
    check(&document.to_string(), Format::Json).unwrap_or_else(|it| panic!("{it:#?}\n{document:#}"))
}

/// A visitor of a number: attributes that the payloads of these tests ask about, each often missing.
fn visitor(idx: usize) -> Context {
    let mut context = Context { now_ms: NOW.0, ..Context::default() };
    let draw = |salt: &str, n: u64| (hash(&format!("{salt}{idx}")) >> 20) % n.max(1);
    let attributes = &mut context.attributes;
    attributes.insert("id", format!("u{idx}"));
    if draw("d", 4) != 0 {
        attributes.insert("device", format!("d{}", idx / 3));
    }
    attributes.insert("country", ["FR", "CN", "DE", ""][idx % 4]);
    if !idx.is_multiple_of(5) {
        attributes.insert("age", f64::from(u32::try_from(idx % 90).unwrap()));
    }
    attributes.insert("version", ["1.2.3", "2.0.0-beta", "10.0", "v3"][idx / 2 % 4]);
    attributes.insert("email", format!("u{idx}@{}.example", ["shop", "mail"][idx / 3 % 2]));
    let tags: Vec<Json> = ["a", "b", "c"].into_iter().take(idx % 4).map(Json::from).collect();
    attributes.insert("tags", tags);
    if idx.is_multiple_of(3) {
        attributes.insert("beta", idx.is_multiple_of(2));
    }
    let mut deep = Object::new();
    deep.insert("level", f64::from(u32::try_from(idx % 7).unwrap()));
    attributes.insert("deep", deep);
    context
}

/// The visitor as the edge sees it: who is in which group is looked up.
fn with_groups(mut context: Context, checked: &Checked) -> Context {
    let is_in = |it: &&vitrine_config::Group| match context.attributes.get(&it.attribute) {
        Some(Json::Text(text)) => it.hashes.binary_search(&hash(text)).is_ok(),
        _ => false,
    };
    context.remote_group_ids = Some(checked.groups.iter().filter(is_in).map(|it| it.id.clone()).collect());
    context
}

/// What a visitor gets and why; ids of rules may differ.
fn outcome(payload: &Payload, context: &Context, key: &str) -> String {
    let mut evaluation = Evaluation::new(payload, context);
    let result = evaluation.feature(key);
    let experiment = result.experiment_result.as_ref();
    let experiment = experiment.map(|it| {
        (it.in_experiment, it.hash_used, it.variation_id, it.bucket, it.hash_attribute, it.hash_value.to_string())
    });
    format!("{} {:?} {experiment:?}", result.value, result.source)
}

/// Every feature that the document still has gives every visitor what the payload gives.
#[track_caller]
fn evaluates_alike(payload: &Value, imported: &Imported, n_visitors: usize) -> usize {
    let checked = checked(&imported.document);
    let exported = Payload::from_json(export_growthbook(&checked, NOW).payload);
    assert!(exported.faults().is_empty(), "{:?}", exported.faults());
    let original = Payload::parse(payload.to_string().as_bytes()).unwrap();
    let kept: Vec<&str> = original.features().filter(|it| exported.contains(it)).collect();
    for idx in 0..n_visitors {
        let context = visitor(idx);
        let at_the_edge = with_groups(visitor(idx), &checked);
        for key in &kept {
            let [before, after] =
                [(&original, &context), (&exported, &at_the_edge)].map(|(payload, it)| outcome(payload, it, key));
            assert_eq!(before, after, "{key} for visitor {idx}\n{}\n{:#}", payload["features"][key], imported.document);
        }
    }
    kept.len()
}

fn full_payload() -> Value {
    json!({
        "features": {
            "off": { "defaultValue": false },
            "nothing": {},
            "text": { "defaultValue": "a", "rules": [{ "id": "fr_1", "force": "b", "condition": { "country": "FR" } }] },
            "number": { "defaultValue": 1, "rules": [{ "force": 2.5, "condition": { "age": { "$gte": 18, "$lt": 65 } } }] },
            "rollout-1": { "defaultValue": false, "rules": [{ "force": true, "coverage": 0.333 }] },
            "rollout-2": { "defaultValue": false, "rules": [{ "force": true, "coverage": 0.5, "hashVersion": 2, "seed": "s", "hashAttribute": "device" }] },
            "range": { "defaultValue": 0, "rules": [{ "force": 1, "range": [0, 0.37], "coverage": 0.9 }, { "force": 2, "range": [0, 0], "coverage": 1 }] },
            "rollout-0": { "defaultValue": false, "rules": [{ "force": true, "coverage": 0 }, { "force": true, "coverage": 1, "condition": { "country": "CN" } }] },
            "json": { "defaultValue": { "z": [1, { "b": null }], "a": "x" }, "rules": [{ "force": [], "condition": { "tags": { "$size": 2 } } }] },
            "conditions": { "defaultValue": 0, "rules": [
                { "force": 1, "condition": { "$or": [{ "country": { "$in": ["FR", "DE"] } }, { "age": { "$exists": false } }], "version": { "$vgte": "2.0.0" } } },
                { "force": 2, "condition": { "$nor": [{ "email": { "$regexi": "@SHOP" } }, { "beta": true }] } },
                { "force": 3, "condition": { "tags": { "$elemMatch": { "$in": ["b"] } }, "deep.level": { "$not": { "$gt": 3 } } } },
                { "force": 4, "condition": { "tags": ["a"], "beta": null } },
                { "force": 5, "condition": { "$not": { "tags": { "$all": ["a"] } } } },
                { "force": 6, "condition": { "deep": { "level": 2 } } },
                { "force": 7, "condition": { "country": { "$ini": ["de"] }, "$and": [] } },
                { "force": 8, "condition": { "country": { "$in": [] } } },
                { "force": 9, "condition": { "$or": [] , "age": { "$ne": 33 } } },
                { "force": 10, "condition": {} }
            ] },
            "experiment": { "defaultValue": "x", "rules": [{
                "key": "exp-1", "name": "First", "variations": ["x", "y", "z"], "weights": [0.5, 0.3, 0.2], "coverage": 0.8, "hashVersion": 2,
                "seed": "exp-1-seed", "phase": "1", "meta": [{ "key": "0", "name": "Control" }, { "key": "1" }, { "key": "2" }],
                "condition": { "country": { "$ne": "CN" } }, "id": "exp_rule" }] },
            "experiment-v1": { "defaultValue": 0, "rules": [{ "variations": [0, 1], "hashAttribute": "device", "coverage": 0.6 }] },
            "same-experiment": { "defaultValue": "x", "rules": [{ "key": "exp-1", "seed": "exp-1-seed", "hashVersion": 2, "variations": ["x", "y", "z"], "weights": [0.5, 0.3, 0.2], "coverage": 0.8 }] },
            "thirds": { "defaultValue": 0, "rules": [{ "variations": [0, 1, 2], "weights": [0.3333, 0.3333, 0.3334], "hashVersion": 2 }] },
            "layer-a": { "defaultValue": 0, "rules": [{ "variations": [1, 2], "namespace": ["ns-1", 0, 0.4], "hashVersion": 2 }] },
            "layer-b": { "defaultValue": 0, "rules": [{ "variations": [1, 2], "namespace": ["ns-1", 0.4, 0.9], "hashVersion": 2 }] },
            "parent": { "defaultValue": false, "rules": [{ "force": true, "coverage": 0.5 }] },
            "gated": { "defaultValue": "in", "rules": [
                { "parentConditions": [{ "id": "parent", "condition": { "value": true }, "gate": true }] },
                { "force": "fr", "condition": { "country": "FR" } }] },
            "child": { "defaultValue": "out", "rules": [
                { "force": "in", "parentConditions": [{ "id": "parent", "condition": { "value": { "$ne": true } } }] },
                { "variations": ["p", "q"], "hashVersion": 2, "parentConditions": [{ "id": "text", "condition": { "value": "b" } }] }] },
            "vip": { "defaultValue": false, "rules": [
                { "force": true, "condition": { "$savedGroup": { "id": "vips" } } },
                { "force": true, "condition": { "device": { "$inGroup": "devices" }, "country": "FR" } },
                { "force": true, "condition": { "$not": { "$savedGroup": { "id": "vips" } }, "device": { "$notInGroup": "devices" }, "$savedGroup": { "id": "adults" } } }] },
            "unknown-group": { "defaultValue": 0, "rules": [{ "force": 1, "condition": { "id": { "$notInGroup": "gone" } } }, { "force": 2, "condition": { "$savedGroup": { "id": "gone" } } }] },
            "bandit": { "defaultValue": "a", "rules": [{ "key": "b", "hashVersion": 2, "variations": ["a", "b"], "weights": [0.5, 0.5], "contextualBanditRef": "cb" }] },
            "sticky": { "defaultValue": "a", "rules": [{ "key": "st", "variations": ["a", "b"], "hashVersion": 2, "bucketVersion": 3, "minBucketVersion": 1, "fallbackAttribute": "device" }] },
            "not-sticky": { "defaultValue": "a", "rules": [{ "key": "nst", "variations": ["a", "b"], "hashVersion": 2, "disableStickyBucketing": true }] },
            "bad-weights": { "defaultValue": "a", "rules": [{ "key": "bw", "variations": ["a", "b"], "weights": [0.1, 0.2] }] },
            "skipped-rules": { "defaultValue": "a", "rules": [5, {}, { "condition": { "country": "FR" } }, { "force": "b", "condition": { "country": "DE" } }] }
        },
        "savedGroups": {
            "vips": { "type": "list", "attributeKey": "id", "values": ["u1", "u2", "u500"] },
            "devices": ["d1", "d100", "d101"],
            "adults": { "type": "condition", "condition": { "age": { "$gte": 18 } } },
            "unused": ["x"]
        },
        "contextualBandits": { "cb": { "banditVersion": 4, "contexts": [
            { "leafId": 1, "condition": { "country": "FR" }, "weights": [0.9, 0.1] },
            { "leafId": 2, "weights": [0.2, 0.8] }] } }
    })
}

#[test]
fn a_thousand_visitors_get_the_same_of_a_payload_and_of_its_document() {
    let payload = full_payload();
    let imported = import(&payload);
    let lost: Vec<_> = imported.notes.iter().filter(|it| it.kind == NoteKind::LeftOut).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let n_features = payload["features"].as_object().unwrap().len();
    assert_eq!(evaluates_alike(&payload, &imported, 1_000), n_features);
}

#[test]
fn an_export_imports_as_the_same_document() {
    let first = import(&full_payload()).document;
    let exported = export_growthbook(&checked(&first), NOW).payload;
    // Hashed groups come back without members, which is said; the rest is the same.
    let again = import(&serde_json::from_str(&exported.to_string()).unwrap());
    let lost: Vec<_> = again.notes.iter().filter(|it| it.kind == NoteKind::LeftOut).map(|it| &it.pointer).collect();
    assert_eq!(lost, ["/savedGroups/vips", "/savedGroups/devices"], "{:#?}", again.notes);
    let [mut first, mut again] = [first, again.document];
    for document in [&mut first, &mut again] {
        document["saved_groups"] = json!(null);
    }
    for key in ["experiments", "layers"] {
        assert_eq!(first[key], again[key]);
    }
    // Types are narrowed to values again, and ids of rules of experiments are not kept.
    assert_eq!(first["flags"].as_array().unwrap().len(), again["flags"].as_array().unwrap().len());
}

#[test]
fn our_own_payload_keeps_holdouts_layers_and_testers() {
    let document = checked(&json!({
        "version": 1,
        "layers": [{ "id": "home" }],
        "holdouts": [
            { "id": "winter", "share": 2.5, "unit": "device", "seed": "w", "experiments": ["e"] },
            { "id": "other", "share": 10, "ends": "2027-01-01T00:00:00Z" }
        ],
        "experiments": [{ "id": "e", "phase": 2, "unit": "device", "layer": { "id": "home", "share": 33.3 }, "holdouts": ["other"],
            "variations": [{ "id": "a", "value": "x", "weight": 10 }, { "id": "b", "value": "y", "weight": 90 }],
            "qa": [{ "variation": "b", "when": { "context.country": "CN" } }] }]
    }));
    let payload = serde_json::from_str(&document.flags.to_string()).unwrap();
    let imported = import(&payload);
    assert_eq!(imported.notes, []);
    // All but the names of what the same rules were made of.
    assert_eq!(
        imported.document,
        json!({
            "version": 1,
            "layers": [{ "id": "home" }],
            "holdouts": [
                { "id": "other", "share": 10, "ends": "2027-01-01T00:00:00Z" },
                { "id": "winter", "share": 2.5, "unit": "device", "seed": "w" }
            ],
            "experiments": [{ "id": "e", "flag": "e", "phase": 2, "seed": "e:2", "unit": "device", "holdouts": ["other", "winter"],
                "layer": { "id": "home", "from": 0, "to": 33.3 },
                "variations": [{ "id": "a", "value": "x", "weight": 10 }, { "id": "b", "value": "y", "weight": 90 }] }],
            "flags": [{ "id": "e", "type": "string", "default": "x",
                "rules": [{ "id": "e:qa:b", "when": { "context.country": "CN" }, "value": "y" }, { "experiment": "e" }] }]
        })
    );
    evaluates_alike(&payload, &imported, 1_000);
}

#[test]
fn our_own_payload_keeps_its_schedule() {
    let document = json!({
        "version": 1,
        "flags": [{ "id": "f", "type": "string", "default": "a", "enabled": false, "rules": [
            { "value": "b", "starts": "2026-12-01T00:00:00Z", "ends": "2026-12-02T00:00:00Z" },
            { "value": "c", "ramp": [{ "at": "2026-12-01T00:00:00Z", "coverage": 12.5 }, { "at": "2026-12-02T00:00:00Z", "coverage": 50 }] }
        ] }]
    });
    let imported = import(&serde_json::from_str(&checked(&document).flags.to_string()).unwrap());
    assert_eq!((imported.notes.len(), imported.document), (0, document));
}

/// What an import says of one feature that stays out, beside features that stay in.
#[track_caller]
fn left_out(feature: Value, pointer: &str, message: &str) {
    let payload = json!({
        "features": { "good": { "defaultValue": 1 }, "it": feature, "child": { "defaultValue": 2, "rules": [
            { "force": 3, "parentConditions": [{ "id": "it", "condition": { "value": true } }] }] } },
        "savedGroups": { "two": ["x"], "remote": { "type": "remote", "attributeKey": "id" } }
    });
    let imported = import(&payload);
    let flags: Vec<_> = imported.document["flags"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(flags, ["good"], "{:#?}", imported.notes);
    let notes: Vec<_> = imported.notes.iter().filter(|it| it.kind == NoteKind::LeftOut).collect();
    assert!(notes[0].message.contains(message), "{notes:#?}");
    assert_eq!(notes[0].pointer, pointer, "{notes:#?}");
    assert!(notes[1].message.contains("there is no flag \"it\""), "{notes:#?}");
    evaluates_alike(&payload, &imported, 100);
}

#[test]
fn what_a_document_cannot_say_is_left_out_with_its_reason() {
    let rule = |rule: Value| json!({ "defaultValue": 0, "rules": [{ "force": 0, "coverage": 0 }, rule] });
    let at = "/features/it/rules/1";
    let forced = |condition: Value| rule(json!({ "force": 1, "condition": condition }));
    left_out(json!("text"), "/features/it", "not an object");
    left_out(json!({ "defaultValue": 1, "rules": [{ "force": "text" }] }), "/features/it", "different types");
    left_out(json!({ "defaultValue": 1, "rules": [{ "force": null }] }), "/features/it", "different types");
    left_out(
        rule(json!({ "variations": [1, 2], "range": [0, 0.5] })),
        &format!("{at}/range"),
        "no words for \"range\"",
    );
    left_out(rule(json!({ "force": 1, "range": [0.1, 0.5] })), &format!("{at}/range"), "no words for \"range\"");
    left_out(rule(json!({ "force": 1, "filters": [] })), &format!("{at}/filters"), "no words for \"filters\"");
    left_out(rule(json!({ "variations": [1, 2], "ranges": [[0, 0.1], [0.1, 1]] })), &format!("{at}/ranges"), "ranges");
    left_out(rule(json!({ "variations": [1, 2], "hashVersion": 3 })), &format!("{at}/hashVersion"), "hash version 3");
    left_out(
        rule(json!({ "variations": [1, 2], "meta": [{ "key": "a" }, { "key": "b", "passthrough": true }] })),
        &format!("{at}/meta/1"),
        "pass through",
    );
    left_out(rule(json!({ "variations": [1, 2], "namespace": ["a", 0] })), &format!("{at}/namespace"), "malformed");
    left_out(rule(json!({ "variations": [1] })), "/features/it", "at least two variations");
    left_out(
        rule(json!({ "variations": [1, 2], "meta": [{ "key": "a" }, { "key": "a" }] })),
        "/features/it",
        "has the id \"a\" already",
    );
    left_out(
        rule(json!({ "force": 1, "parentConditions": [{ "id": "good", "condition": { "value": 1 }, "gate": true }] })),
        &format!("{at}/parentConditions"),
        "behind other rules",
    );
    left_out(
        rule(json!({ "force": 1, "parentConditions": [{ "id": "gone", "condition": { "value": 1 } }] })),
        "/features/it",
        "there is no flag \"gone\"",
    );
    left_out(
        rule(json!({ "force": 1, "parentConditions": [{ "id": "it", "condition": { "value": 1 } }] })),
        "/features/it",
        "circle: it -> it",
    );
    left_out(forced(json!("text")), &format!("{at}/condition"), "not an object");
    left_out(forced(json!({ "$xor": [] })), &format!("{at}/condition/$xor"), "no operator \"$xor\"");
    left_out(forced(json!({ "a": { "$near": 1 } })), "/features/it", "no operator \"$near\"");
    left_out(forced(json!({ "a": { "$gt": null } })), "/features/it", "expected a number");
    left_out(forced(json!({ "a": { "$regex": "(?=x)" } })), "/features/it", "looks ahead");
    left_out(forced(json!({ "a b": 1 })), "/features/it", "is no attribute");
    left_out(forced(json!({ "profile": { "x": 1 } })), "/features/it", "its own profile");
    left_out(
        forced(json!({ "id": { "$inGroup": "remote" } })),
        &format!("{at}/condition/id/$inGroup"),
        "is not a list",
    );
    left_out(
        forced(json!({ "$and": [{ "id": { "$inGroup": "two" } }, { "device": { "$inGroup": "two" } }] })),
        &format!("{at}/condition/$and/1/device/$inGroup"),
        "two attributes",
    );
    left_out(
        forced(json!({ "a": { "$elemMatch": { "x": { "$inGroup": "two" } } } })),
        &format!("{at}/condition/a/$elemMatch/x/$inGroup"),
        "elements of a list",
    );
}

#[test]
fn keys_that_a_document_does_not_take_are_left_out() {
    let imported = import(&json!({ "features": { "a b": { "defaultValue": 1 }, "ok": { "defaultValue": 1 } } }));
    assert_eq!(imported.document["flags"].as_array().unwrap().len(), 1);
    assert!(imported.notes[0].message.contains("\"a b\" is no key"), "{:?}", imported.notes);
}

#[test]
fn an_object_whose_keys_are_not_sorted_cannot_be_compared() {
    let text = r#"{"features":{"f":{"defaultValue":0,"rules":[{"force":1,"condition":{"deep":{"b":1,"a":2}}}]}}}"#;
    let imported = import_growthbook(text.as_bytes(), ImportOptions::default()).unwrap();
    assert!(imported.notes[0].message.contains("not sorted"), "{:?}", imported.notes);
}

#[test]
fn ids_are_not_imported_without_a_key() {
    let imported = import_growthbook(full_payload().to_string().as_bytes(), ImportOptions::default()).unwrap();
    let text = imported.document.to_string();
    assert!(!text.contains("u500") && !text.contains("d101"));
    let lost: Vec<_> = imported.notes.iter().filter(|it| it.kind == NoteKind::LeftOut).collect();
    assert_eq!(lost.len(), 1, "{lost:#?}");
    assert!(lost[0].message.contains("give the key of the tables"));
    // With the key there are hashes, and no ids either.
    let text = import(&full_payload()).document.to_string();
    assert!(!text.contains("u500") && text.contains("hashes_base64"));
}

#[test]
fn other_members_are_remarked() {
    let payload = json!({
        "features": { "f": { "defaultValue": 1, "metadata": { "tags": ["x"] }, "rules": [{ "force": 2, "coverage": 0.5, "comment": "x", "tracks": [], "fallbackAttribute": "device" }] } },
        "experiments": [{ "key": "page", "variations": [{}, {}] }], "dateUpdated": "2026-01-01", "holdouts": {}
    });
    let imported = import(&payload);
    let notes: Vec<_> = imported.notes.iter().map(|it| (it.kind, it.pointer.as_str())).collect();
    assert_eq!(
        notes,
        [
            (NoteKind::LeftOut, "/experiments/0"),
            (NoteKind::Remark, "/holdouts"),
            (NoteKind::Remark, "/features/f/metadata"),
            (NoteKind::Remark, "/features/f/rules/0/comment"),
            (NoteKind::Remark, "/features/f/rules/0/fallbackAttribute"),
            (NoteKind::Remark, "/features/f/rules/0/tracks"),
        ]
    );
    evaluates_alike(&payload, &imported, 100);
}

#[test]
fn what_is_no_payload_is_refused() {
    for text in ["", "{", "[]", "{}", r#"{"features":[]}"#, "\u{1}"] {
        assert!(import_growthbook(text.as_bytes(), ImportOptions::default()).is_err(), "{text}");
    }
}

#[test]
fn encrypted_payloads_need_their_key() {
    let key = "MDEyMzQ1Njc4OWFiY2RlZg==";
    let plain = r#"{"f":{"defaultValue":true}}"#;
    let encrypted = vitrine_flags::crypto::encrypt(plain, key, [7; 16]).unwrap();
    let payload = json!({ "encryptedFeatures": encrypted }).to_string();
    let import = |key| {
        let options = ImportOptions { decryption_key: key, ..ImportOptions::default() };
        import_growthbook(payload.as_bytes(), options).unwrap()
    };
    let imported = import(Some(key));
    assert_eq!((imported.document["flags"][0]["id"].clone(), imported.notes.len()), (json!("f"), 0));
    for wrong in [None, Some("AAAAAAAAAAAAAAAAAAAAAA=="), Some("x")] {
        let imported = import(wrong);
        assert_eq!(imported.notes[0].pointer, "/encryptedFeatures", "{wrong:?}");
    }
}

#[test]
fn an_export_says_what_the_format_has_no_words_for() {
    let document = json!({
        "version": 1,
        "saved_groups": [{ "id": "vips", "hashes": ["00000000000000ff"] }],
        "flags": [{ "id": "f", "type": "boolean", "default": false, "rules": [
            { "value": true, "when": { "$savedGroup": "vips" }, "ends": "2026-12-01T00:00:00Z" }] }]
    });
    let exported = export_growthbook(&checked(&document), NOW);
    let pointers: Vec<_> = exported.notes.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(pointers, ["/saved_groups/0", "/features/f/rules/0"]);
    assert_eq!(exported.changes_at, Some(TimestampMs::parse("2026-12-01T00:00:00Z").unwrap()));
    assert!(!exported.payload.to_string().contains("vitrine"));
}

/// Tests of attributes that visitors have.
fn condition() -> impl Strategy<Value = Value> {
    let scalar = || {
        prop_oneof![
            Just(json!("FR")),
            Just(json!("a")),
            Just(json!(true)),
            Just(json!(null)),
            Just(json!(3)),
            Just(json!(40.5)),
            Just(json!("2.0.0"))
        ]
    };
    let list = prop::collection::vec(scalar(), 0..3).prop_map(Value::from);
    let operator = prop_oneof![
        (
            prop::sample::select(vec![
                "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$veq", "$vgt", "$vlte", "$exists", "$size", "$regex",
                "$type", "$foo"
            ]),
            scalar()
        ),
        (prop::sample::select(vec!["$in", "$nin", "$ini", "$nini", "$all", "$alli", "$eq", "$ne"]), list.clone()),
        (Just("$elemMatch"), scalar().prop_map(|it| json!({ "$eq": it }))),
        (Just("$not"), scalar().prop_map(|it| json!({ "$gt": it }))),
        (prop::sample::select(vec!["$inGroup", "$notInGroup"]), prop_oneof![Just(json!("vips")), Just(json!("gone"))]),
    ]
    .prop_map(|(key, operand)| json!({ key: operand }));
    let attribute = prop::sample::select(vec!["id", "country", "age", "version", "tags", "beta", "deep.level", "gone"]);
    let test = (attribute, prop_oneof![3 => operator, 1 => scalar(), 1 => list, 1 => Just(json!({}))])
        .prop_map(|(key, test)| json!({ key: test }));
    let leaf = prop_oneof![
        5 => test,
        1 => prop::sample::select(vec!["vips", "adults", "gone"]).prop_map(|it| json!({ "$savedGroup": { "id": it } })),
        1 => Just(json!({})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (prop::sample::select(vec!["$and", "$or", "$nor"]), parts).prop_map(|(key, parts)| json!({ key: parts })),
            inner.clone().prop_map(|it| json!({ "$not": it })),
            (inner.clone(), inner).prop_map(|(mut a, b)| {
                a.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
                a
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_condition_evaluates_alike_or_stays_out(condition in condition()) {
        let payload = json!({
            "features": { "f": { "defaultValue": 0, "rules": [{ "force": 1, "condition": condition }] } },
            "savedGroups": {
                "vips": { "type": "list", "attributeKey": "id", "values": ["u1", "u2", "u30"] },
                "adults": { "type": "condition", "condition": { "age": { "$gte": 18 } } }
            }
        });
        let imported = import(&payload);
        let n_kept = evaluates_alike(&payload, &imported, 60);
        let is_lost = imported.notes.iter().any(|it| it.kind == NoteKind::LeftOut);
        prop_assert_eq!(n_kept == 0, is_lost, "{:?}", imported.notes);
    }

    #[test]
    fn arbitrary_payloads_never_panic(text in r#"\{"features":\{"f":\{("rules":\[\{"(force|variations|condition|parentConditions|meta)":[\[\]{}:,"0-9a-z$]{0,30}\}\])?\}\}\}"#) {
        let _ = import_growthbook(text.as_bytes(), ImportOptions::default());
    }
}
