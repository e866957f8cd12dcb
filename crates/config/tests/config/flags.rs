//! Properties of flags and experiments: nothing panics, values go through, layers never overlap, groups are hashes.

use proptest::prelude::*;
use serde_json::{Value, json};
use vitrine_config::{Format, GroupFiles, Options, check, check_with, group_files, limits};
use vitrine_flags::{Json, Payload};

const FULL: &str = include_str!("../cases/good/experiment-full.yaml");
const RULES: &str = include_str!("../cases/good/flags-rules.yaml");
const GROUPS: &str = include_str!("../cases/good/saved-groups.yaml");

/// Texts that are nearly documents.
fn mutated(source: &'static str) -> impl Strategy<Value = String> {
    let chars: Vec<char> = source.chars().collect();
    let edit = (0..chars.len(), 0..6_usize, "[\\[\\]{}:,\"'&*!|>#%?\\-\\\\ \t\n0-9a-z$.é]{0,3}");
    prop::collection::vec(edit, 1..4).prop_map(move |edits| {
        let mut chars = chars.clone();
        for (at, n_removed, inserted) in edits {
            let at = at.min(chars.len());
            let end = (at + n_removed).min(chars.len());
            chars.splice(at..end, inserted.chars());
        }
        chars.into_iter().collect()
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..(1_i64 << 53)).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(Value::from),
        "(?s:.){0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z0-9$]{0,4}", inner, 0..5)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// A share, or begin and length of a range; which window.
type Slot = (Option<u32>, (u32, u32), Option<u8>);

/// Experiments in one layer: a share, or a range in thousandths; and perhaps one of three windows of time.
fn slots() -> impl Strategy<Value = Vec<Slot>> {
    let slot = (prop::option::of(1..=400_u32), (0..1000_u32, 1..=300_u32), prop::option::of(0..3_u8));
    prop::collection::vec(slot, 1..7)
}

fn experiment(id: &str, more: Value) -> Value {
    let mut entry = json!({ "id": id, "variations": [{ "id": "a", "value": 1 }, { "id": "b", "value": 2 }] });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

proptest! {
    #[test]
    fn mutated_documents_never_panic(full in mutated(FULL), rules in mutated(RULES), groups in mutated(GROUPS)) {
        for source in [&full, &rules, &groups] {
            match check(source, Format::Yaml) {
                Ok(checked) => prop_assert!(Payload::from_json(checked.flags).faults().is_empty()),
                Err(diagnostics) => prop_assert!(!diagnostics.is_empty()),
            }
        }
    }

    #[test]
    fn arbitrary_conditions_never_panic(when in any_json(), schema in any_json()) {
        let document = json!({ "version": 1, "flags": [{ "id": "f", "type": "object", "schema": schema, "default": {},
            "rules": [{ "when": when, "value": [] }], "prerequisites": [{ "flag": "f", "when": when }] }] });
        let _ = check(&document.to_string(), Format::Json);
    }

    #[test]
    fn values_go_through_unchanged(value in any_json()) {
        let document = json!({ "version": 1, "flags": [{ "id": "f", "type": "object", "default": [value] }] });
        let checked = check(&document.to_string(), Format::Json).unwrap();
        let found = checked.flags.get("features").unwrap().get("f").unwrap().get("defaultValue").unwrap();
        prop_assert_eq!(found, &Json::parse(json!([value]).to_string().as_bytes()).unwrap());
    }

    #[test]
    fn experiments_of_a_layer_never_share_visitors_at_a_time(slots in slots()) {
        let windows = [("2026-01", "2026-02"), ("2026-02", "2026-03"), ("2026-01", "2026-03")];
        let month = |it: &str| format!("{it}-01T00:00:00Z");
        let mut experiments = Vec::new();
        for (idx, (share, (from, length), window)) in slots.iter().enumerate() {
            let tenths = |it: u32| f64::from(it.min(1000)) / 10.0;
            let slot = match share {
                Some(share) => json!({ "id": "l", "share": tenths(*share) }),
                None => json!({ "id": "l", "from": tenths(*from), "to": tenths(from + length) }),
            };
            let mut more = json!({ "layer": slot });
            if let Some(window) = window {
                let (starts, ends) = windows[usize::from(*window)];
                more["starts"] = json!(month(starts));
                more["ends"] = json!(month(ends));
            }
            experiments.push(experiment(&format!("e{idx}"), more));
        }
        let document = json!({ "version": 1, "layers": [{ "id": "l" }], "experiments": experiments });
        let checked = match check(&document.to_string(), Format::Json) {
            Ok(checked) => checked,
            Err(found) => {
                let codes: Vec<_> = found.iter().map(|it| it.code).filter(|it| *it != "no_goal_metric").collect();
                prop_assert!(codes.iter().all(|it| ["layer_overlap", "layer_is_full"].contains(it)), "{:?}", codes);
                return Ok(());
            }
        };
        let window = |id: &str| slots[id[1..].parse::<usize>().unwrap()].2.map_or((0, 9), |it| [(1, 2), (2, 3), (1, 3)][usize::from(it)]);
        let taken = &checked.layers[0].taken;
        prop_assert_eq!(taken.len(), slots.len());
        for (idx, (a, (from, to))) in taken.iter().enumerate() {
            prop_assert!(0.0 <= *from && from < to && *to <= 100.0);
            for (b, (other_from, other_to)) in &taken[idx + 1..] {
                let (wa, wb) = (window(a), window(b));
                let meet_in_time = wa.0 < wb.1 && wb.0 < wa.1;
                prop_assert!(!(meet_in_time && from < other_to && other_from < to), "{:?}", taken);
            }
            for (free_from, free_to) in &checked.layers[0].free {
                prop_assert!(free_to <= from || to <= free_from, "{:?}", checked.layers);
            }
        }
    }
}

#[test]
fn files_of_groups_become_hashes() {
    let source = "version: 1\nsaved_groups:\n  - { id: vips, file: vips.txt }\nflags:\n  - { id: f, type: boolean, default: false, rules: [{ when: { $savedGroup: vips }, value: true }] }\n";
    let files = group_files(source, Format::Yaml).unwrap();
    assert_eq!(files.iter().map(|it| (it.id.as_str(), it.file.as_str())).collect::<Vec<_>>(), [("vips", "vips.txt")]);
    let hashes = GroupFiles::from([("vips".to_owned(), vec![3, 1, 3])]);
    let options = Options { group_files: Some(&hashes), ..Options::default() };
    let checked = check_with(source, Format::Yaml, options).unwrap();
    assert_eq!(checked.groups[0].hashes, [1, 3]);
    assert_eq!(
        checked.document["saved_groups"],
        json!([{ "id": "vips", "hashes_base64": "AQAAAAAAAAADAAAAAAAAAA==" }])
    );
    // What is published needs no file.
    let again = check(&checked.document.to_string(), Format::Json).unwrap();
    assert_eq!((again.groups, again.document), (checked.groups, checked.document));
    assert_eq!(check(source, Format::Yaml).unwrap_err()[0].code, "file_not_hashed");
    assert!(group_files("{", Format::Json).is_err());
}

#[track_caller]
fn codes(document: &Value) -> Vec<&'static str> {
    let diagnostics = match check(&document.to_string(), Format::Json) {
        Ok(checked) => checked.warnings,
        Err(diagnostics) => diagnostics,
    };
    let mut codes: Vec<_> = diagnostics.iter().map(|it| it.code).filter(|it| *it != "no_goal_metric").collect();
    codes.dedup();
    codes
}

#[test]
fn payloads_are_bounded() {
    let document = |n_bytes: usize| {
        let flags: Vec<Value> = (0..8)
            .map(|idx| json!({ "id": format!("f{idx}"), "type": "string", "default": "x".repeat(n_bytes / 8) }))
            .collect();
        json!({ "version": 1, "flags": flags })
    };
    assert_eq!(codes(&document(limits::PAYLOAD_BYTES_WARN - 1_000)), [""; 0]);
    assert_eq!(codes(&document(limits::PAYLOAD_BYTES_WARN)), ["payload_large"]);
    assert_eq!(codes(&document(limits::PAYLOAD_BYTES_MAX - 1_000)), ["payload_large"]);
    assert_eq!(codes(&document(limits::PAYLOAD_BYTES_MAX)), ["payload_too_large"]);
}

#[test]
fn sections_are_bounded() {
    let many = |n: usize, entry: fn(usize) -> Value| (0..n).map(entry).collect::<Vec<_>>();
    let flag = |idx| json!({ "id": format!("f{idx}"), "type": "boolean", "default": true });
    let flags = |n| json!({ "version": 1, "flags": many(n, flag) });
    assert_eq!(codes(&flags(limits::FLAGS_MAX)), [""; 0]);
    assert_eq!(codes(&flags(limits::FLAGS_MAX + 1)), ["too_many_flags"]);
    let experiments = |n| json!({ "version": 1, "experiments": many(n, |idx| experiment(&format!("e{idx}"), json!({ "status": "draft" }))) });
    assert_eq!(codes(&experiments(limits::FLAGS_MAX)), [""; 0]);
    assert_eq!(codes(&experiments(limits::FLAGS_MAX + 1)), ["too_many_experiments"]);
    let rules = |n| {
        let rules = many(n, |idx| json!({ "when": { "context.x": idx }, "value": true }));
        json!({ "version": 1, "flags": [{ "id": "f", "type": "boolean", "default": true, "rules": rules }] })
    };
    assert_eq!(codes(&rules(limits::RULES_MAX)), [""; 0]);
    assert_eq!(codes(&rules(limits::RULES_MAX + 1)), ["too_many_rules"]);
    let one = |more: Value| json!({ "version": 1, "layers": [], "experiments": [experiment("e", more)] });
    let variations = |n| one(json!({ "variations": many(n, |idx| json!({ "id": format!("v{idx}"), "value": idx })) }));
    assert_eq!(codes(&variations(limits::VARIATIONS_MAX)), [""; 0]);
    assert_eq!(codes(&variations(limits::VARIATIONS_MAX + 1)), ["too_many_variations"]);
    let ramp = |n| {
        one(json!({ "ramp": many(n, |idx| json!({ "at": format!("2026-12-01T00:{idx:02}:00Z"), "coverage": idx })) }))
    };
    assert_eq!(codes(&ramp(limits::RAMP_STEPS_MAX)), [""; 0]);
    assert_eq!(codes(&ramp(limits::RAMP_STEPS_MAX + 1)), ["too_many_steps"]);
    let contexts =
        |n| one(json!({ "bandit": { "contexts": many(n, |idx| json!({ "id": idx, "weights": [50, 50] })) } }));
    assert_eq!(codes(&contexts(limits::BANDIT_CONTEXTS_MAX)), [""; 0]);
    assert_eq!(codes(&contexts(limits::BANDIT_CONTEXTS_MAX + 1)), ["too_many_contexts"]);
    let qa = |n| one(json!({ "qa": many(n, |_| json!({ "variation": "a", "when": { "context.x": 1 } })) }));
    assert_eq!(codes(&qa(limits::PREREQUISITES_MAX)), [""; 0]);
    assert_eq!(codes(&qa(limits::PREREQUISITES_MAX + 1)), ["too_many_prerequisites"]);
    let layers = |n| json!({ "version": 1, "flags": [], "layers": many(n, |idx| json!({ "id": format!("l{idx}") })) });
    assert_eq!(codes(&layers(limits::LAYERS_MAX)), ["unused_layer"]);
    assert_eq!(codes(&layers(limits::LAYERS_MAX + 1)), ["too_many_layers"]);
    let holdouts = |n| json!({ "version": 1, "flags": [], "holdouts": many(n, |idx| json!({ "id": format!("h{idx}"), "share": 1 })) });
    assert_eq!(codes(&holdouts(limits::LAYERS_MAX)), ["unused_holdout"]);
    assert_eq!(codes(&holdouts(limits::LAYERS_MAX + 1)), ["too_many_holdouts"]);
    let groups = |n| json!({ "version": 1, "flags": [], "saved_groups": many(n, |idx| json!({ "id": format!("g{idx}"), "hashes": [] })) });
    assert_eq!(codes(&groups(limits::LAYERS_MAX)), ["unused_saved_group"]);
    assert_eq!(codes(&groups(limits::LAYERS_MAX + 1)), ["too_many_groups"]);
}

#[test]
fn hashes_of_groups_are_bounded() {
    let source = "version: 1\nsaved_groups:\n  - { id: a, file: a.txt }\n  - { id: b, file: b.txt }\nflags: []\n";
    let check = |n: u64| {
        let half = |from: u64| (from..from + n / 2).collect::<Vec<_>>();
        let files = GroupFiles::from([("a".to_owned(), half(0)), ("b".to_owned(), half(n))]);
        let options = Options { group_files: Some(&files), ..Options::default() };
        check_with(source, Format::Yaml, options).map_err(|it| it[0].code).map(|_| ())
    };
    let max = u64::try_from(limits::GROUP_HASHES_MAX).unwrap();
    assert_eq!(check(max), Ok(()));
    assert_eq!(check(max + 2), Err("too_many_hashes"));
}
