//! What is deep, long or circular comes to an end, and nobody gets in by it.

use crate::{payload, said, visitor};
use vitrine_flags::specification::eval_condition;
use vitrine_flags::{Context, Json, Object, Prerequisites, Reduction, prune_condition, reduce_payload};

/// Features that each need the next one; the last one stands alone.
fn chain(n: usize) -> String {
    let feature = |at: usize| {
        let next = at + 1;
        let parent = format!(r#"{{"id": "f{next}", "condition": {{"value": true}}, "gate": true}}"#);
        format!(r#""f{at}": {{"defaultValue": true, "rules": [{{"parentConditions": [{parent}]}}]}}"#)
    };
    let features: Vec<String> = (0..n - 1).map(feature).collect();
    format!(r#"{{"features": {{{}, "f{}": {{"defaultValue": true}}}}}}"#, features.join(","), n - 1)
}

#[test]
fn chains_of_prerequisites_end() {
    let context = Context::default();
    assert_eq!(said(&payload(&chain(128)), &context, "f0"), "true defaultValue");
    assert_eq!(said(&payload(&chain(129)), &context, "f0"), "null cyclicPrerequisite");
    assert_eq!(said(&payload(&chain(10_000)), &context, "f0"), "null cyclicPrerequisite");
}

#[test]
fn prerequisites_that_multiply_end() {
    // Each feature asks twice for the next: 2^60 evaluations without a limit.
    let feature = |at: usize| {
        let parent = format!(r#"{{"id": "f{}", "condition": {{"value": true}}}}"#, at + 1);
        format!(r#""f{at}": {{"defaultValue": true, "rules": [{{"parentConditions": [{parent}, {parent}]}}]}}"#)
    };
    let features: Vec<String> = (0..60).map(feature).collect();
    let payload = payload(&format!(r#"{{"features": {{{}, "f60": {{"defaultValue": true}}}}}}"#, features.join(",")));
    let context = Context::default();
    assert_eq!(said(&payload, &context, "f0"), "null cyclicPrerequisite");
    // The next call begins anew.
    let mut evaluation = vitrine_flags::Evaluation::new(&payload, &context);
    evaluation.feature("f0");
    assert!(evaluation.feature("f55").on());
}

/// Groups that each refer to the next one; the last one asks for a country.
fn groups(n: usize, refer: impl Fn(String) -> String) -> Object {
    let group = |at: usize| {
        let condition = match at + 1 < n {
            true => refer(format!(r#"{{"$savedGroup": {{"id": "g{}"}}}}"#, at + 1)),
            false => r#"{"country": "CN"}"#.to_owned(),
        };
        let group = format!(r#"{{"type": "condition", "condition": {condition}}}"#);
        (format!("g{at}"), Json::parse(group.as_bytes()).unwrap())
    };
    (0..n).map(group).collect()
}

#[test]
fn chains_of_saved_groups_end() {
    let attributes = visitor(r#"{"country": "CN"}"#).attributes;
    let (member, stranger) = (
        Json::parse(br#"{"$savedGroup": {"id": "g0"}}"#).unwrap(),
        Json::parse(br#"{"$not": {"$savedGroup": {"id": "g0"}}}"#).unwrap(),
    );
    let same = |reference: String| reference;
    assert!(eval_condition(&attributes, &member, &groups(128, same)));
    for n in [129, 10_000] {
        // Beyond the limit nobody is in the group, and nobody out of it either.
        assert!(!eval_condition(&attributes, &member, &groups(n, same)));
        assert!(!eval_condition(&attributes, &stranger, &groups(n, same)));
        prune_condition(&attributes, &member, &groups(n, same));
    }
    let twice = |reference: String| format!(r#"{{"$and": [{reference}, {reference}]}}"#);
    assert!(eval_condition(&attributes, &member, &groups(12, twice)));
    assert!(!eval_condition(&attributes, &member, &groups(60, twice)));
    prune_condition(&attributes, &member, &groups(60, twice));
    // Deep conditions in long chains.
    let deep = |reference: String| {
        let depth = 50;
        format!("{}{reference}{}", r#"{"$and": ["#.repeat(depth), "]}".repeat(depth))
    };
    assert!(eval_condition(&attributes, &member, &groups(10, deep)));
    assert!(!eval_condition(&attributes, &member, &groups(100, deep)));
}

#[test]
fn reducing_a_payload_full_of_cycles_ends() {
    let feature = |at: usize| {
        let parents: Vec<String> = (0..14).map(|parent| format!(r#"{{"id": "f{parent}"}}"#)).collect();
        format!(
            r#""f{at}": {{"rules": [{{"force": 1, "condition": {{"$savedGroup": {{"id": "g{at}"}}}},
               "parentConditions": [{}]}}]}}"#,
            parents.join(",")
        )
    };
    let group = |at: usize| {
        let others: Vec<String> = (0..14).map(|other| format!(r#"{{"$savedGroup": {{"id": "g{other}"}}}}"#)).collect();
        format!(r#""g{at}": {{"type": "condition", "condition": {{"$or": [{}], "a": {at}}}}}"#, others.join(","))
    };
    let features: Vec<String> = (0..14).map(feature).collect();
    let groups: Vec<String> = (0..14).map(group).collect();
    let payload =
        payload(&format!(r#"{{"features": {{{}}}, "savedGroups": {{{}}}}}"#, features.join(","), groups.join(",")));
    for prerequisites in [Prerequisites::Keep, Prerequisites::Filter] {
        let reduction = Reduction { prerequisites, ..Reduction::default() };
        let reduced = reduce_payload(payload.source(), &reduction);
        assert_eq!(reduced.get("features").unwrap().as_object().unwrap().len(), 14);
    }
}

#[test]
fn a_huge_version_range_is_no_loop() {
    let payload = payload(
        r#"{"features": {"f": {"rules": [{"variations": [0, 1], "minBucketVersion": 9007199254740991, "key": "e"}]}}}"#,
    );
    let context = Context { sticky: Some(vitrine_flags::StickyDocs::default()), ..visitor(r#"{"id": "1"}"#) };
    assert!(said(&payload, &context, "f").ends_with("experiment"));
}
