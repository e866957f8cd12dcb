//! Evaluations in OFREP's words, without a Worker.

use std::rc::Rc;

use vitrine_api::{
    BundlePointer, BundleState, Edge, EnvironmentSettings, FlagContext, FlagContextError, FlagState, Lookup,
    OfrepRefusal, OfrepStamp, Reason, Snapshot, TokenKeys, ofrep_all, ofrep_flag,
};
use vitrine_bundle::{Group, Groups, Stored};
use vitrine_engine::{Bundle, BundleParts, ConsentRule, Settings, TimestampMs};
use vitrine_flags::Evaluation;
use vitrine_tables::TableKey;

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
const TOKEN_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn table_key() -> TableKey {
    TableKey::from_bytes([7; 16])
}

fn state(flags: &str, groups: Groups) -> Rc<BundleState> {
    let settings = Settings { consent: ConsentRule::Required, ..Settings::default() };
    let bundle = Bundle::new(BundleParts { settings, ..BundleParts::default() });
    let stored = Stored { bundle: bundle.unwrap(), flags: flags.to_owned(), groups };
    Rc::new(BundleState::new(3, "2026-12-01T00:00:00Z".to_owned(), stored).unwrap())
}

fn pointer(killed: &[&str]) -> BundlePointer {
    BundlePointer {
        version: Some(3),
        epoch: 5,
        published_at: "2026-12-01T00:00:01Z".to_owned(),
        killed: killed.iter().map(|it| (*it).to_owned()).collect(),
        ..BundlePointer::default()
    }
}

/// The answer for all flags, or for one.
fn ask(
    flags: &str,
    key: Option<&str>,
    body: &str,
    now: TimestampMs,
    keys: Option<&TokenKeys>,
) -> (String, Option<String>) {
    let bundle = state(flags, Groups::new());
    let pointer = pointer(&[]);
    let state = FlagState::new(bundle.clone(), &pointer);
    let snapshot = Snapshot::new(Some(bundle), Default::default(), false);
    let table_key = table_key();
    let edge = Edge { settings: EnvironmentSettings::default(), table_key: Some(&table_key), now };
    let context = FlagContext::parse(body.as_bytes()).unwrap();
    let context = context.into_context(state.payload(), &snapshot, Lookup::NotFound, &edge);
    let stamp = OfrepStamp {
        environment: "production",
        pointer: &pointer,
        token_keys: keys,
        table_key: None,
        origin: "https://edge.example",
        profile: None,
        now,
    };
    let answer = match key {
        Some(key) => ofrep_flag(Some(&state), key, &context, &stamp).unwrap_or_else(|it| it.answer(Some(key))),
        None => ofrep_all(Some(&state), &context, None, &stamp),
    };
    (answer.body, answer.etag)
}

#[test]
fn an_answer_for_all_flags_is_this_text() {
    let flags =
        r#"{"features": {"a": {"defaultValue": 1, "vitrine": {"type": "number"}}, "b\"": {"defaultValue": null}}}"#;
    let (body, etag) = ask(flags, None, "{}", NOW, None);
    assert_eq!(
        body,
        concat!(
            r#"{"flags":[{"key":"a","reason":"STATIC","variant":"default","value":1.0,"metadata":{"configVersion":3}},"#,
            r#"{"key":"b\"","reason":"DISABLED","variant":"none","metadata":{"configVersion":3}}],"#,
            r#""metadata":{"environment":"production","configVersion":3,"lastModified":1796083201}}"#,
        )
    );
    assert_eq!(etag.unwrap().len(), 34);
}

#[test]
fn a_reason_says_what_kind_of_rule_gave_the_value() {
    let rule = |members: &str| format!(r#"{{"id": "r", "force": 1{members}}}"#);
    let reason = |rules: &str| {
        let bundle =
            state(&format!(r#"{{"features": {{"f": {{"defaultValue": 0, "rules": [{rules}]}}}}}}"#), Groups::new());
        let state = FlagState::new(bundle, &pointer(&[]));
        let mut context = vitrine_flags::Context::default();
        context.attributes.insert("id", "visitor");
        context.attributes.insert("a", 1);
        state.flag("f").unwrap().reason(&Evaluation::new(state.payload(), &context).feature("f"))
    };
    assert_eq!(reason(""), Reason::Static);
    assert_eq!(reason(&rule("")), Reason::Static);
    assert_eq!(reason(&rule(r#", "condition": {}"#)), Reason::Static);
    assert_eq!(reason(&rule(r#", "condition": {"a": 1}"#)), Reason::TargetingMatch);
    assert_eq!(reason(&rule(r#", "coverage": 1"#)), Reason::Split);
    assert_eq!(reason(&rule(r#", "condition": {"a": 1}, "coverage": 1"#)), Reason::Split);
    assert_eq!(reason(&rule(r#", "range": [0, 1]"#)), Reason::Split);
    assert_eq!(reason(&rule(r#", "vitrine": {"ramp": [[0, 1]]}"#)), Reason::Split);
    let ambiguous = [rule(r#", "condition": {"a": 2}"#), rule("")].join(",");
    assert_eq!(reason(&ambiguous), Reason::Unknown);
    assert_eq!(reason(r#"{"id": "r", "force": null}"#), Reason::Disabled);
}

#[test]
fn the_tag_forgets_tokens_but_not_that_they_must_be_replaced() {
    let flags =
        r#"{"features": {"f": {"defaultValue": 0, "rules": [{"key": "e", "variations": [0, 1], "hashVersion": 2}]}}}"#;
    let body = r#"{"context": {"targetingKey": "v"}}"#;
    let keys = TokenKeys::from_hex(TOKEN_KEY, None).unwrap();
    let hour_ms = 3_600_000;
    let later = |ms: i64| TimestampMs(NOW.0 + ms);
    let (text, etag) = ask(flags, None, body, NOW, Some(&keys));
    let (text_later, etag_later) = ask(flags, None, body, later(5_000), Some(&keys));
    assert!(text != text_later && etag == etag_later);
    assert!(ask(flags, None, body, later(hour_ms), Some(&keys)).1 != etag);
    assert_eq!(ask(flags, None, body, later(hour_ms), None), ask(flags, None, body, NOW, None));
    assert_ne!(ask(flags, None, r#"{"context": {"targetingKey": "w"}}"#, NOW, Some(&keys)).1, etag);
    assert!(text.contains(r#""eventStreams":[{"type":"sse","url":"https://edge.example/v1/stream?token="#), "{text}");
}

#[test]
fn a_flag_that_is_switched_off_is_disabled_and_the_others_are_not() {
    let bundle = state(
        r#"{"features": {"a": {"defaultValue": 1}, "b": {"defaultValue": 2, "vitrine": {"type": "integer"}}}}"#,
        Groups::new(),
    );
    let state = FlagState::new(bundle.clone(), &pointer(&["b", "unknown"]));
    let context = vitrine_flags::Context::default();
    let mut evaluation = Evaluation::new(state.payload(), &context);
    assert!(!evaluation.feature("a").disabled && evaluation.feature("b").disabled);
    assert!(!Evaluation::new(bundle.flags(), &context).feature("b").disabled, "the bundle itself is not touched");
}

#[test]
fn groups_hold_hashes_and_are_asked_by_text_or_number() {
    let key = table_key();
    let hashes = vec![key.hash("anna").0, key.hash("17").0];
    let groups = Groups::from([("staff".to_owned(), Group::new("id".to_owned(), hashes))]);
    let flags = r#"{"features": {"f": {"defaultValue": false}},
        "savedGroups": {"staff": {"type": "remote", "attributeKey": "id"}}}"#;
    let bundle = state(flags, groups);
    let snapshot = Snapshot::new(Some(bundle.clone()), Default::default(), false);
    let ids = |body: &str, table_key: Option<&TableKey>| {
        let edge = Edge { settings: EnvironmentSettings::default(), table_key, now: NOW };
        let context = FlagContext::parse(body.as_bytes()).unwrap();
        context.into_context(bundle.flags(), &snapshot, Lookup::NotFound, &edge).remote_group_ids.unwrap()
    };
    for (body, is_member) in [
        (r#"{"context": {"targetingKey": "anna"}}"#, true),
        (r#"{"context": {"id": "anna"}}"#, true),
        (r#"{"context": {"id": 17}}"#, true),
        (r#"{"context": {"id": 17.0}}"#, true),
        (r#"{"context": {"id": "Anna"}}"#, false),
        (r#"{"context": {"id": ["anna"]}}"#, false),
        (r#"{"context": {"id": true}}"#, false),
        (r#"{"context": {"targetingKey": "anna", "id": "eve"}}"#, false),
        ("{}", false),
    ] {
        assert_eq!(!ids(body, Some(&key)).is_empty(), is_member, "{body}");
        assert!(ids(body, None).is_empty());
    }
}

/// The value and the metadata of the flag `f`, for a caller who is believed or not.
fn with_earlier(docs: &str, is_vouched_for: bool) -> (serde_json::Value, serde_json::Value) {
    let flags = r#"{"features": {"f": {"defaultValue": "none", "rules": [
        {"key": "kept", "variations": ["a", "b"], "weights": [1, 0], "hashVersion": 2, "bucketVersion": 2, "minBucketVersion": 1,
         "meta": [{"key": "calm"}, {"key": "bold"}]}]}}}"#;
    let bundle = state(flags, Groups::new());
    let pointer = pointer(&[]);
    let state = FlagState::new(bundle.clone(), &pointer);
    let snapshot = Snapshot::new(Some(bundle), Default::default(), false);
    let edge = Edge { settings: EnvironmentSettings::default(), table_key: None, now: NOW };
    let body = format!(r#"{{"context": {{"targetingKey": "v", "stickyBucketAssignmentDocs": {docs}}}}}"#);
    let context = FlagContext::parse(body.as_bytes()).unwrap();
    let context = if is_vouched_for { context.vouched_for() } else { context };
    let context = context.into_context(state.payload(), &snapshot, Lookup::NotFound, &edge);
    assert!(!context.attributes.contains("stickyBucketAssignmentDocs"), "conditions never see it");
    let stamp = OfrepStamp {
        environment: "production",
        pointer: &pointer,
        token_keys: None,
        table_key: None,
        origin: "https://edge.example",
        profile: None,
        now: NOW,
    };
    let one = ofrep_flag(Some(&state), "f", &context, &stamp).unwrap();
    let all: serde_json::Value = serde_json::from_str(&ofrep_all(Some(&state), &context, None, &stamp).body).unwrap();
    let mut one: serde_json::Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!(all["flags"][0], one);
    (one["value"].take(), one["metadata"].take())
}

#[test]
fn earlier_assignments_count_for_those_who_are_believed() {
    let doc = |id: &str, value: &str, key: &str| {
        format!(r#"{{"attributeName": "id", "attributeValue": "{value}", "assignments": {{"{id}": "{key}"}}}}"#)
    };
    let bold = doc("kept__2", "v", "bold");
    for (docs, value, used) in [
        (format!(r#"{{"id||v": {bold}}}"#), "b", Some(true)),
        (format!("[{bold}]"), "b", Some(true)),
        (format!("[1, null, {{}}, {bold}]"), "b", Some(true)),
        ("{}".to_owned(), "a", Some(false)),
        (format!("[{}]", doc("kept__2", "w", "bold")), "a", Some(false)),
        (format!("[{}]", doc("kept__1", "v", "bold")), "a", Some(false)),
        (format!("[{}]", doc("kept__2", "v", "gone")), "a", Some(false)),
        (format!("[{}]", doc("kept__0", "v", "bold")), "none", None),
        ("null".to_owned(), "a", None),
        ("1".to_owned(), "a", None),
        (r#""bold""#.to_owned(), "a", None),
    ] {
        let (found, metadata) = with_earlier(&docs, true);
        assert_eq!((found.as_str(), metadata["stickyBucketUsed"].as_bool()), (Some(value), used), "{docs}");
        assert_eq!(metadata["stickyId"].as_str(), used.map(|_| "kept__2"), "{docs}");
        let (found, metadata) = with_earlier(&docs, false);
        assert_eq!((found.as_str(), metadata.get("stickyId")), (Some("a"), None), "not believed: {docs}");
    }
}

#[test]
fn contexts_are_read_or_refused() {
    let parse = |body: &str| FlagContext::parse(body.as_bytes());
    for good in ["{}", r#"{"context": null}"#, r#"{"context": {}}"#, r#"{"context": {"targetingKey": ""}}"#] {
        assert!(!parse(good).unwrap().has_targeting_key(), "{good}");
    }
    assert!(parse(r#"{"context": {"targetingKey": "a"}}"#).unwrap().has_targeting_key());
    for (bad, error) in [
        ("[]", FlagContextError::BodyNotAnObject),
        ("1", FlagContextError::BodyNotAnObject),
        (r#"{"context": []}"#, FlagContextError::ContextNotAnObject),
        (r#"{"context": {"targetingKey": 1}}"#, FlagContextError::TargetingKeyNotAText),
    ] {
        assert_eq!(parse(bad), Err(error), "{bad}");
    }
    assert!(matches!(parse("{"), Err(FlagContextError::Json(_))));
}

#[test]
fn refusals_have_the_form_that_clients_read() {
    for (refusal, status, code) in [
        (OfrepRefusal::Context(FlagContextError::BodyNotAnObject), 400, "PARSE_ERROR"),
        (OfrepRefusal::Context(FlagContextError::ContextNotAnObject), 400, "INVALID_CONTEXT"),
        (OfrepRefusal::TargetingKeyMissing, 400, "TARGETING_KEY_MISSING"),
        (OfrepRefusal::Cyclic, 400, "PARSE_ERROR"),
        (OfrepRefusal::FlagNotFound, 404, "FLAG_NOT_FOUND"),
        (OfrepRefusal::Unauthorized("no".to_owned()), 401, "GENERAL"),
        (OfrepRefusal::Forbidden("not here"), 403, "GENERAL"),
        (OfrepRefusal::TooLarge { bytes_max: 1 }, 413, "GENERAL"),
        (OfrepRefusal::TryAgain { after_s: 0, detail: "later" }, 429, "GENERAL"),
        (OfrepRefusal::NotFound, 404, "GENERAL"),
        (OfrepRefusal::MethodNotAllowed, 405, "GENERAL"),
    ] {
        let answer = refusal.answer(Some("a\"b"));
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status, body["errorCode"].as_str(), body["key"].as_str()),
            (status, Some(code), Some("a\"b"))
        );
        assert!(!body["errorDetails"].as_str().unwrap().is_empty());
        assert_eq!(answer.retry_after_s.is_some(), status == 429);
        assert!(answer.retry_after_s.is_none_or(|it| it >= 1));
        let bulk: serde_json::Value = serde_json::from_str(&refusal.answer(None).body).unwrap();
        assert!(bulk.get("key").is_none());
    }
}
