//! What a payload is told to be wrong, and what it reads.

use crate::payload;

/// `pointer: message` of every fault.
fn faults(source: &str) -> Vec<String> {
    payload(source).faults().iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect()
}

#[track_caller]
fn condition(condition: &str, expected: &str) {
    let source = format!(r#"{{"features": {{"f": {{"rules": [{{"force": 1, "condition": {condition}}}]}}}}}}"#);
    let found = faults(&source);
    match expected {
        "" => assert!(found.is_empty(), "{found:?}"),
        _ => assert_eq!(found, [format!("/features/f/rules/0/condition{expected}")]),
    }
}

#[test]
fn sound_conditions_have_no_faults() {
    for sound in [
        "{}",
        r#"{"a": {"$in": [1]}, "$or": [], "$and": [{}], "$nor": [], "$not": {}}"#,
        r#"{"a": {"$regex": "^[a-z/]+$"}, "b": {"$veq": "1.2.3"}, "c": {"$gt": 5}, "d": {"$exists": false}}"#,
        r#"{"a.b.0": {"$elemMatch": {"x": 1}}, "e": {"$all": [{"$gt": 1}]}, "f": {"$size": {"$lt": 3}}}"#,
        "null",
        "\"\"",
    ] {
        condition(sound, "");
    }
}

#[test]
fn broken_conditions_are_named_where_they_break() {
    for (broken, expected) in [
        ("[1]", ": a condition is an object; this fails the whole condition"),
        (r#"{"$or": null}"#, "/$or: this needs an array of conditions; it fails the whole condition"),
        (r#"{"$and": [5]}"#, "/$and/0: a condition is an object; this fails the whole condition"),
        (r#"{"$not": []}"#, "/$not: a condition is an object; this fails the whole condition"),
        (r#"{"a": {"$in": 1}}"#, "/a/$in: this needs an array; it never passes"),
        (r#"{"a": {"$gt": true}}"#, "/a/$gt: only numbers and texts have an order; this never passes"),
        (r#"{"a": {"$vgt": null}}"#, "/a/$vgt: a version is a text (or a number)"),
        (r#"{"a": {"$regex": "("}}"#, "/a/$regex: the pattern is not valid; it matches nothing"),
        (r#"{"a": {"$regexi": 1}}"#, "/a/$regexi: a pattern is a text; it matches nothing"),
        (
            r#"{"a": {"$regex": "(?=x)"}}"#,
            "/a/$regex: the pattern looks ahead or behind, which this service does not support; it matches nothing",
        ),
        (
            r#"{"a": {"$regex": "(x)\\1"}}"#,
            "/a/$regex: the pattern refers back to a group, which this service does not support; it matches nothing",
        ),
        (r#"{"a": {"$like": 1}}"#, "/a/$like: there is no operator $like; a condition that rests on it does not pass"),
        (r#"{"a": {"$or": []}}"#, "/a/$or: $or stands where a value is tested; it never passes there"),
        (r#"{"a~/b": {"$inGroup": 5}}"#, "/a~0~1b/$inGroup: this needs the id of a saved group; it never passes"),
        (r#"{"a": {"$inGroup": "g"}}"#, "/a/$inGroup: there is no saved group \"g\""),
        (r#"{"$savedGroup": {"id": "g"}}"#, "/$savedGroup: there is no saved group \"g\""),
        (
            r#"{"$savedGroup": "g"}"#,
            "/$savedGroup: a reference to a saved group needs an object with an `id`; this never passes",
        ),
        (
            r#"{"$savedGroups": ["g"]}"#,
            "/$savedGroups: $savedGroups is for authors only and never passes; use $savedGroup",
        ),
        (r#"{"$country": "CN"}"#, "/$country: $country is not an operator of conditions; it is read as an attribute"),
    ] {
        condition(broken, expected);
    }
}

#[test]
fn faults_are_found_everywhere() {
    let found = faults(
        r#"{
          "features": {"f": {"rules": [
            {"parentConditions": [{"id": "g", "condition": {"value": {"$in": 1}}}, {}], "contextualBanditRef": "none",
             "variations": [1, 2]}
          ]}},
          "experiments": [{"condition": {"$or": 1}, "urlPatterns": [{"type": "regex", "pattern": "["}, {"type": "odd"}]}],
          "savedGroups": {
            "a": 5, "b": {"type": "list"}, "c": {"type": "condition"}, "d": {"type": "later"}, "e": {"type": "remote"},
            "f": {"type": "condition", "condition": {"$not": 1}}
          },
          "contextualBandits": {"b": {"contexts": [{"condition": {"x": {"$in": 1}}}]}}
        }"#,
    );
    let pointers: Vec<&str> = found.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(
        pointers,
        [
            "/features/f/rules/0",
            "/features/f/rules/0/parentConditions/0/condition/value/$in",
            "/features/f/rules/0/parentConditions/1",
            "/experiments/0/condition/$or",
            "/experiments/0/urlPatterns/0",
            "/experiments/0/urlPatterns/1",
            "/savedGroups/a",
            "/savedGroups/b",
            "/savedGroups/c",
            "/savedGroups/d",
            "/savedGroups/e",
            "/savedGroups/f/condition/$not",
            "/contextualBandits/b/contexts/0/condition/x/$in",
        ]
    );
}

#[test]
fn the_columns_of_the_profile_that_are_read_are_known() {
    let source = r#"{
      "features": {
        "a": {"rules": [{"force": 1, "condition": {"$or": [{"profile.segment": "loyal"}, {"$not": {"profile.age.x": 1}}]}}]},
        "b": {"rules": [{"force": 1, "parentConditions": [{"id": "a", "condition": {"profile.not_read": 1}}],
                         "condition": {"items": {"$elemMatch": {"profile.neither": 1}}, "my.profile.x": 1}}]}
      },
      "savedGroups": {"g": {"type": "list", "attributeKey": "profile.tier", "values": []},
                      "h": {"type": "condition", "condition": {"$savedGroup": {"id": "g", "attributeKey": "profile.club"}}}},
      "contextualBandits": {"b": {"contexts": [{"condition": {"profile.value": {"$gt": 1}}}]}}
    }"#;
    let payload = payload(source);
    assert!(payload.asks_for_profile());
    assert_eq!(payload.profile_columns(), ["age", "club", "segment", "tier", "value"]);
    let whole = crate::payload(r#"{"features": {"a": {"rules": [{"force": 1, "condition": {"profile": null}}]}}}"#);
    assert!(whole.asks_for_profile() && whole.profile_columns().is_empty());
    assert!(!crate::payload(r#"{"features": {"a": {}}}"#).asks_for_profile());
}

#[test]
fn remote_groups_are_listed_with_what_to_look_up() {
    let payload = payload(
        r#"{"savedGroups": {"z": {"type": "remote", "attributeKey": "id"}, "l": [], "a": {"type": "remote", "attributeKey": "u"}}}"#,
    );
    assert_eq!(payload.remote_groups().collect::<Vec<_>>(), [("z", "id"), ("a", "u")]);
}

#[test]
fn what_is_no_payload_is_refused() {
    use vitrine_flags::Payload;
    for source in ["", "[]", "null", "{", "\"features\"", "{}x"] {
        assert!(Payload::parse(source.as_bytes()).is_err(), "{source}");
    }
    for source in ["{}", r#"{"features": null}"#, r#"{"features": []}"#, r#"{"features": {"f": null}}"#] {
        assert!(Payload::parse(source.as_bytes()).is_ok(), "{source}");
    }
}
