//! What changes between two documents: in words, and for visitors.

use proptest::prelude::*;
use serde_json::{Value, json};
use vitrine_config::{ChangeKind, Checked, Format, check, diff, reshuffle, reshuffle_at};
use vitrine_engine::TimestampMs;

/// Places in the base and what shall stand there; null takes it out, `-` appends.
type Edits = Vec<(&'static str, Value)>;

/// A change: what happened, where, and in which words.
type Told = (ChangeKind, &'static str, &'static str);

/// A document with something of everything that these tests change.
fn base() -> Value {
    json!({
        "version": 1,
        "settings": { "time_zone": "Asia/Shanghai" },
        "metrics": [{ "id": "orders", "type": "proportion", "event": "purchase", "goal": "increase" }],
        "audiences": [
            { "id": "loyal", "when": { "profile.segment": "loyal" } },
            { "id": "china", "when": { "context.country": "CN" } }
        ],
        "layers": [{ "id": "home" }],
        "flags": [
            { "id": "menu", "type": "string", "default": "flat", "rules": [
                { "audience": "china", "value": "deep", "coverage": 20 }
            ] },
            { "id": "gate", "type": "boolean", "default": true }
        ],
        "experiments": [{
            "id": "hero-test",
            "variations": [
                { "id": "control", "value": "plain", "weight": 50 },
                { "id": "bold", "value": "bold", "weight": 50 }
            ],
            "audience": "loyal",
            "coverage": 50,
            "starts": "2026-12-01T00:00",
            "metrics": { "goal": ["orders"] }
        }],
        "offers": [
            { "id": "spring", "content": { "title": "Spring", "link": "/spring" }, "items": ["1", "2"] },
            { "id": "welcome", "content": { "title": "Welcome" } }
        ],
        "placements": [{ "id": "home", "offers": ["spring"], "fallback": "welcome" }]
    })
}

/// The base with the value at `pointer` replaced.
fn with(edits: &[(&str, Value)]) -> Value {
    let mut document = base();
    for (pointer, value) in edits {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Object(object) if value.is_null() => {
                object.remove(key).unwrap();
            }
            Value::Object(object) => {
                object.insert(key.to_owned(), value.clone());
            }
            Value::Array(list) if value.is_null() => {
                list.remove(key.parse().unwrap());
            }
            Value::Array(list) if key == "-" => list.push(value.clone()),
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("{pointer}: {other}"),
        }
    }
    document
}

#[track_caller]
fn checked(document: &Value) -> Checked {
    check(&document.to_string(), Format::Json).unwrap_or_else(|it| panic!("{it:#?}"))
}

#[test]
fn differences_are_told_in_words() {
    use ChangeKind::{Added, Changed, Removed};
    let cases: Vec<(Edits, Vec<Told>)> = vec![
        (vec![], vec![]),
        (
            vec![("/experiments/0/variations/0/weight", json!(30)), ("/experiments/0/variations/1/weight", json!(70))],
            vec![
                (Changed, "/experiments/0/variations/0/weight", "hero-test: control 50 % -> 30 %"),
                (Changed, "/experiments/0/variations/1/weight", "hero-test: bold 50 % -> 70 %"),
            ],
        ),
        (
            vec![("/experiments/0/starts", json!("2026-12-08T09:30"))],
            vec![(
                Changed,
                "/experiments/0/starts",
                "hero-test: starts 8 Dec 2026 09:30 Asia/Shanghai, was 1 Dec 2026 00:00 Asia/Shanghai",
            )],
        ),
        (
            vec![("/experiments/0/ends", json!("2026-12-24T00:00:00Z"))],
            vec![(Added, "/experiments/0/ends", "hero-test: ends 24 Dec 2026 00:00 UTC")],
        ),
        (
            vec![("/experiments/0/starts", json!(null))],
            vec![(Removed, "/experiments/0/starts", "hero-test: starts removed (was 1 Dec 2026 00:00 Asia/Shanghai)")],
        ),
        (
            vec![("/experiments/0/status", json!("draft"))],
            vec![(Added, "/experiments/0/status", "hero-test: status draft added")],
        ),
        (
            vec![("/experiments/0/audience", json!("china")), ("/experiments/0/coverage", json!(100))],
            vec![
                (Changed, "/experiments/0/audience", "hero-test: audience \"loyal\" -> \"china\""),
                (Changed, "/experiments/0/coverage", "hero-test: coverage 50 % -> 100 %"),
            ],
        ),
        (
            vec![("/audiences/1/when", json!({ "context.country": { "$in": ["CN", "HK"] } }))],
            vec![(
                Changed,
                "/audiences/1/when",
                "audience china: when {\"context.country\":\"CN\"} -> {\"context.country\":{\"$in\":[\"CN\",\"HK\"]}}",
            )],
        ),
        (vec![("/offers/0", json!(null))], vec![(Removed, "/offers/0", "offer spring: removed")]),
        (
            vec![("/offers/-", json!({ "id": "tulips", "content": {}, "starts": "2027-03-01T00:00:00+01:00" }))],
            vec![(Added, "/offers/2", "offer tulips: added (starts 1 Mar 2027 00:00 +01:00)")],
        ),
        (
            vec![("/experiments/-", json!({ "id": "x", "variations": [{ "id": "a", "weight": 10 }, { "id": "b" }] }))],
            vec![(Added, "/experiments/1", "x: added (a 10 %, b)")],
        ),
        (
            vec![("/offers/0/content/title", json!("Tulips")), ("/offers/0/content/link", json!(null))],
            vec![
                (Changed, "/offers/0/content/title", "offer spring: content.title \"Spring\" -> \"Tulips\""),
                (Removed, "/offers/0/content/link", "offer spring: content.link removed (was \"/spring\")"),
            ],
        ),
        (
            vec![("/offers", json!([base()["offers"][1], base()["offers"][0]]))],
            vec![(Changed, "/offers", "offers: another order: welcome, spring")],
        ),
        (
            vec![("/offers/0/items", json!(["2", "3", "1"]))],
            vec![
                (Added, "/offers/0/items/1", "offer spring: items 3 \"3\" added"),
                (Changed, "/offers/0/items", "offer spring: items: another order: 2, 1"),
            ],
        ),
        (
            vec![("/flags/0/rules/-", json!({ "value": "deep" })), ("/flags/0/rules/0/coverage", json!(30))],
            vec![
                (Changed, "/flags/0/rules/0/coverage", "flag menu: rules 1.coverage 20 % -> 30 %"),
                (Added, "/flags/0/rules/1", "flag menu: rules 2 {\"value\":\"deep\"} added"),
            ],
        ),
        (
            vec![("/settings/time_zone", json!("Europe/Paris"))],
            vec![(
                Changed,
                "/settings/time_zone",
                "settings.time_zone \"Asia/Shanghai\" -> \"Europe/Paris\"; every local time without a zone of its own moves",
            )],
        ),
        (
            vec![("/saved_groups", json!([{ "id": "vips", "hashes_base64": "AQAAAAAAAAACAAAAAAAAAA==" }]))],
            vec![(Added, "/saved_groups/0", "saved group vips: added")],
        ),
        (
            vec![("/flags/1/enabled", json!(false)), ("/flags/1/default", json!(false))],
            vec![
                (Changed, "/flags/1/default", "flag gate: default true -> false"),
                (Added, "/flags/1/enabled", "flag gate: enabled false added"),
            ],
        ),
        (vec![("/layers", json!(null))], vec![(Removed, "/layers/0", "layer home: removed")]),
        (vec![("/holdouts", json!([]))], vec![(Added, "/holdouts", "holdouts [] added")]),
        (vec![("/version", json!(2))], vec![(Changed, "/version", "version 1 -> 2")]),
    ];
    for (edits, expected) in cases {
        let found = diff(Some(&base()), &with(&edits));
        let found: Vec<_> = found.iter().map(|it| (it.kind, it.pointer.as_str(), it.text.as_str())).collect();
        assert_eq!(found, expected, "{edits:?}");
    }
}

#[test]
fn hashes_are_told_by_their_number() {
    let group = |hashes: &str| json!({ "saved_groups": [{ "id": "vips", "hashes_base64": hashes }] });
    let changes = diff(Some(&group("AQAAAAAAAAA=")), &group("AQAAAAAAAAACAAAAAAAAAA=="));
    assert_eq!(changes[0].text, "saved group vips: 1 ids -> 2 ids");
}

#[test]
fn everything_of_a_first_document_is_new() {
    let changes = diff(None, &base());
    assert!(changes.iter().all(|it| it.kind == ChangeKind::Added), "{changes:#?}");
    let texts: Vec<_> = changes.iter().map(|it| it.text.as_str()).collect();
    assert!(
        texts.contains(&"hero-test: added (control 50 %, bold 50 %, starts 1 Dec 2026 00:00 Asia/Shanghai)"),
        "{texts:#?}"
    );
}

/// Documents that are often nearly equal.
fn nearly_documents() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!(true)), Just(json!("a")), Just(json!("b"))];
    let leaf = scalar.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("(id|when|starts|x|hashes)", inner, 0..3)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("(version|settings|offers|experiments|saved_groups|x)", leaf, 0..4)
        .prop_map(|it| Value::Object(it.into_iter().collect()))
}

proptest! {
    #[test]
    fn no_difference_is_left_out(old in nearly_documents(), new in nearly_documents()) {
        let changes = diff(Some(&old), &new);
        prop_assert_eq!(changes.is_empty(), old == new, "{:?}", changes);
        for it in &changes {
            let document = if it.kind == ChangeKind::Removed { &old } else { &new };
            prop_assert!(document.pointer(&it.pointer).is_some(), "{:?}", it);
            prop_assert!(!it.text.is_empty());
        }
    }
}

/// What publishing `edits` does: what is about, how many of those who are in it change, what for, whether that needs a permission.
#[track_caller]
fn moves(edits: &[(&str, Value)]) -> Vec<(String, String, Vec<String>, bool)> {
    let found = reshuffle(&checked(&base()), &checked(&with(edits)));
    let share = |it: &vitrine_config::Reshuffle| match it.share() {
        None => "nobody".to_owned(),
        Some(share) => format!("{:.0} %", share * 100.0),
    };
    found
        .iter()
        .map(|it| {
            let what = it.experiment.as_ref().map_or(format!("flag {}", it.flag), Clone::clone);
            (what, share(it), it.reasons.clone(), it.needs_allow)
        })
        .collect()
}

#[test]
fn moving_visitors_is_counted_and_needs_a_permission() {
    let phase = ("/experiments/0/phase", json!(2));
    let weights =
        vec![("/experiments/0/variations/0/weight", json!(30)), ("/experiments/0/variations/1/weight", json!(70))];
    let cases: Vec<(Edits, &str, &str, bool)> = vec![
        // Of those with coverage 50, [0, 0.25) and [0.5, 0.75) become [0, 0.15) and [0.3, 0.65).
        (weights.clone(), "40 %", "weights", true),
        ([weights, vec![phase.clone()]].concat(), "*", "a new phase, weights, seed", false),
        (vec![phase], "*", "a new phase, seed", false),
        (vec![("/experiments/0/coverage", json!(80))], "0 %", "coverage 50 % -> 80 %", false),
        (vec![("/experiments/0/coverage", json!(25))], "50 %", "coverage 50 % -> 25 %", true),
        (vec![("/experiments/0/coverage", json!(null))], "0 %", "coverage 50 % -> 100 %", false),
        (vec![("/experiments/0/audience", json!(null))], "0 %", "audience", true),
        (vec![("/audiences/0/when", json!({ "profile.segment": "lost" }))], "100 %", "audience", true),
        (vec![("/experiments/0/unit", json!("device"))], "*", "unit", true),
        (vec![("/experiments/0/seed", json!("other"))], "*", "seed", true),
        (vec![("/experiments/0/hash_version", json!(1))], "*", "hash version", true),
        (vec![("/experiments/0/variations/1/id", json!("loud"))], "50 %", "variations", true),
        (vec![("/experiments/0/variations/1/value", json!("loud"))], "0 %", "values of the variations", true),
        (vec![("/experiments/0/layer", json!({ "id": "home", "share": 50 }))], "*", "part of the layer", true),
        (vec![("/experiments/0/prerequisites", json!([{ "flag": "gate" }]))], "0 %", "prerequisites or holdouts", true),
    ];
    for (edits, share, reasons, needs_allow) in cases {
        let found = moves(&edits);
        let (what, found_share, found_reasons, found_allow) = &found[0];
        assert_eq!(what, "hero-test");
        assert_eq!(found_reasons.join(", "), reasons, "{edits:?}");
        assert_eq!(*found_allow, needs_allow, "{edits:?}");
        if share == "*" {
            let percent: f64 = found_share.trim_end_matches(" %").parse().unwrap();
            assert!((30.0..90.0).contains(&percent), "{edits:?}: {found_share}");
        } else {
            let [found, expected] =
                [found_share.as_str(), share].map(|it| it.trim_end_matches(" %").parse::<f64>().unwrap());
            assert!((found - expected).abs() <= 3.0, "{edits:?}: {found_share}");
        }
    }
}

#[test]
fn what_moves_nobody_is_not_listed() {
    for edits in [
        vec![],
        vec![("/experiments/0/name", json!("Hero"))],
        vec![("/experiments/0/variations/0/name", json!("As it is"))],
        vec![("/experiments/0/description", json!("New words"))],
        vec![("/experiments/0/starts", json!("2026-12-02T00:00"))],
        vec![("/offers/0/content/title", json!("Tulips"))],
        vec![("/flags/-", json!({ "id": "more", "type": "boolean", "default": true }))],
        vec![("/audiences/0/description", json!("Bought often"))],
    ] {
        assert_eq!(moves(&edits), [], "{edits:?}");
    }
}

#[test]
fn flags_are_counted_without_a_permission() {
    let found = moves(&[("/flags/0/rules/0/coverage", json!(70))]);
    let [(what, share, reasons, needs_allow)] = &found[..] else { panic!("{found:?}") };
    // Half of the sample is in China, for there the condition has one value; of these the coverage takes 20 or 70 of a hundred.
    assert_eq!((what.as_str(), reasons.len(), *needs_allow), ("flag menu", 0, false));
    let percent: f64 = share.trim_end_matches(" %").parse().unwrap();
    assert!((percent - 25.0).abs() <= 3.0, "{share}");
}

#[test]
fn a_flag_that_depends_on_another_is_counted_with_it() {
    let gated = |default: bool| {
        let edits = [("/flags/0/prerequisites", json!([{ "flag": "gate" }])), ("/flags/1/default", json!(default))];
        checked(&with(&edits))
    };
    let found = reshuffle(&gated(true), &gated(false));
    let shares: Vec<_> = found.iter().map(|it| (it.flag.as_str(), it.share())).collect();
    assert_eq!(shares, [("gate", Some(1.0)), ("menu", Some(1.0))]);
}

#[test]
fn an_experiment_that_has_not_begun_needs_no_permission() {
    let [old, new] = [vec![], vec![("/experiments/0/seed", json!("other"))]].map(|it| checked(&with(&it)));
    let needs_allow = |now: &str| reshuffle_at(&old, &new, TimestampMs::parse(now).unwrap())[0].needs_allow;
    assert!(!needs_allow("2026-11-30T15:59:59Z"));
    assert!(needs_allow("2026-11-30T16:00:00Z"));
}

#[test]
fn a_draft_and_a_new_experiment_are_not_running() {
    let draft = with(&[("/experiments/0/status", json!("draft"))]);
    let running = base();
    assert!(reshuffle(&checked(&draft), &checked(&running)).is_empty());
    let found = reshuffle(&checked(&running), &checked(&draft));
    assert!(found.iter().all(|it| !it.needs_allow), "{found:?}");
}
