//! Bodies that are taken, and bodies that are refused with the field and the rule.

use proptest::prelude::*;
use vitrine_api::{BODY_BYTES_MAX, Consent, DecideRequest, ProblemCode};
use vitrine_engine::{ContextValue, Dedupe, TimestampMs};

fn parse(body: &str) -> DecideRequest {
    DecideRequest::parse(body.as_bytes()).unwrap_or_else(|problem| panic!("{body}: {}", problem.to_json()))
}

#[test]
fn the_least_request_names_a_placement() {
    let request = parse(r#"{"placements":[{"id":"hero"}]}"#);
    assert_eq!(request.placements.len(), 1);
    assert_eq!((request.placements[0].id.as_str(), request.placements[0].count), ("hero", None));
    assert_eq!(request.dedupe, Dedupe::Off);
    assert!(!request.is_privileged());
    assert_eq!(request.consent, Consent::default());
    assert!(!request.measure && !request.may_store, "nothing is allowed before anybody decided it");
}

#[test]
fn a_full_request_keeps_every_field() {
    let request = parse(
        r#"{"request_id":"r1","visitor":{"key":"42","anon":"a7","opt_out":true,"minor":true},"state":"s.t",
            "consent":{"personalise":false,"measure":true,"source":"app","version":"2026-11"},
            "context":{"url":"https://shop.example/","page_type":"home","locale":"de-AT","tz":"Europe/Vienna","device":"mobile",
                       "channel":"app","country":"AT","items":["a","b"],
                       "attributes":{"cart":199.5,"member":true,"tier":"gold","tags":["x","y"]}},
            "placements":[{"id":"hero","count":30},{"id":"strip","count":1}],
            "options":{"dry_run":true,"explain":true,"dedupe":"page","at":"2026-12-01T09:00:00+01:00"}}"#,
    );
    assert_eq!(request.request_id.as_deref(), Some("r1"));
    assert_eq!(request.visitor_key.as_deref(), Some("42"));
    assert!(request.opt_out && request.minor && request.dry_run && request.explain && request.is_privileged());
    assert_eq!(request.consent, Consent { personalise: Some(false), measure: Some(true), store: None });
    assert_eq!((request.anon.as_deref(), request.state.as_deref()), (Some("a7"), Some("s.t")));
    assert_eq!((request.context.locale.as_deref(), request.context.channel.as_deref()), (Some("de-AT"), Some("app")));
    assert_eq!(request.context.items, ["a", "b"]);
    assert_eq!(request.context.get("device"), Some(&ContextValue::Text("mobile".into())));
    assert_eq!(request.context.get("cart"), Some(&ContextValue::Number(199.5)));
    assert_eq!(request.context.get("member"), Some(&ContextValue::Bool(true)));
    assert_eq!(request.context.get("tags"), Some(&ContextValue::Labels(vec!["x".into(), "y".into()])));
    assert_eq!(request.dedupe, Dedupe::Page);
    assert_eq!(request.at, Some(TimestampMs(1_796_112_000_000)));
}

#[test]
fn sources_of_consent_are_read_together() {
    let consent = |text: &str| parse(&format!(r#"{{"placements":[{{"id":"a"}}],"consent":{text}}}"#)).consent;
    let says = |personalise, measure, store| Consent { personalise, measure, store };
    let no = Some(false);
    assert_eq!(consent("{}"), says(None, None, None));
    assert_eq!(consent(r#"{"gcm":{}}"#), says(None, None, None));
    // What a page forwards is all of it.
    assert_eq!(
        consent(r#"{"gcm":{"ad_storage":"denied","personalization_storage":"granted","wait_for_update":500}}"#),
        says(Some(true), None, None)
    );
    assert_eq!(consent(r#"{"personalise":true,"gcm":{"personalization_storage":"denied"}}"#), says(no, None, None));
    assert_eq!(consent(r#"{"measure":true,"gcm":{"analytics_storage":"denied"}}"#), says(None, no, None));
    assert_eq!(consent(r#"{"personalise":true,"measure":true,"tcf":"rubbish"}"#), Consent::REFUSED);
    // Purposes 1, 3 to 6 and 8.
    let tcf = "CAAAAAAAAAAAAAAAAAAAAAAAAL0AAAAAAAAA";
    assert_eq!(consent(&format!(r#"{{"tcf":"{tcf}"}}"#)), says(Some(true), Some(true), Some(true)));
    assert_eq!(consent(&format!(r#"{{"tcf":"{tcf}","personalise":false}}"#)), says(no, Some(true), Some(true)));
}

#[track_caller]
fn refused(body: &str, code: ProblemCode, pointer: &str, detail: &str) {
    let problem = DecideRequest::parse(body.as_bytes()).unwrap_err();
    assert_eq!(problem.code, code, "{}", problem.to_json());
    let found = problem.errors.first().map_or("", |it| it.pointer.as_str());
    assert_eq!(found, pointer, "{}", problem.to_json());
    assert!(problem.detail.contains(detail), "{:?} does not contain {detail:?}", problem.detail);
}

#[test]
fn bodies_that_are_not_json() {
    use ProblemCode::MalformedJson;
    refused("", MalformedJson, "", "EOF while parsing");
    refused("{", MalformedJson, "", "line 1 column 1");
    refused(r#"{"placements":[{"id":"a"}]} trailing"#, MalformedJson, "", "trailing characters");
    refused(&"[".repeat(60_000), ProblemCode::InvalidRequest, "", "must be a JSON object");
    let problem = DecideRequest::parse(b"{\"request_id\":\"\xff\"}").unwrap_err();
    assert_eq!(problem.code, MalformedJson);
}

#[test]
fn bodies_that_break_a_rule() {
    let broken = |body: &str, pointer: &str, detail: &str| refused(body, ProblemCode::InvalidRequest, pointer, detail);
    let with = |rest: &str| format!(r#"{{"placements":[{{"id":"a"}}],{rest}}}"#);
    broken("{}", "", "missing field `placements`");
    broken("[]", "", "");
    broken(r#"{"placements":[]}"#, "/placements", "at least one");
    broken(r#"{"placements":[{"id":""}]}"#, "/placements/0/id", "empty");
    broken(r#"{"placements":[{"id":"a"},{"id":"a"}]}"#, "/placements/1/id", "named twice");
    broken(r#"{"placements":[{"id":"a","count":0}]}"#, "/placements/0/count", "1 to 30");
    broken(r#"{"placements":[{"id":"a","count":31}]}"#, "/placements/0/count", "1 to 30");
    broken(r#"{"placements":[{"id":"a","count":-1}]}"#, "/placements/0/count", "invalid value");
    broken(r#"{"placements":[{"id":"a","kount":1}]}"#, "/placements/0/kount", "unknown field `kount`");
    broken(&with(r#""visitor":"42""#), "/visitor", "invalid type");
    broken(&with(r#""visitor":{"key":42}"#), "/visitor/key", "expected a string");
    broken(&with(r#""visitor":{"key":""}"#), "/visitor/key", "empty");
    broken(&with(&format!(r#""visitor":{{"key":"{}"}}"#, "x".repeat(257))), "/visitor/key", "at most 256");
    broken(&with(&format!(r#""context":{{"url":"{}"}}"#, "x".repeat(2049))), "/context/url", "at most 2048");
    broken(&with(r#""consent":{"personalise":"yes"}"#), "/consent/personalise", "expected a boolean");
    broken(&with(r#""consent":{"measure":1}"#), "/consent/measure", "expected a boolean");
    broken(&with(r#""consent":{"tcf":""}"#), "/consent/tcf", "empty");
    broken(&with(&format!(r#""consent":{{"tcf":"{}"}}"#, "C".repeat(4097))), "/consent/tcf", "at most 4096");
    broken(
        &with(r#""consent":{"gcm":{"analytics_storage":"yes"}}"#),
        "/consent/gcm/analytics_storage",
        "unknown variant",
    );
    broken(&with(&format!(r#""consent":{{"version":"{}"}}"#, "x".repeat(257))), "/consent/version", "at most 256");
    broken(&with(r#""visitor":{"anon":""}"#), "/visitor/anon", "empty");
    broken(&with(r#""state":"""#), "/state", "empty");
    broken(&with(&format!(r#""state":"{}""#, "x".repeat(2049))), "/state", "at most 2048");
    broken(&with(r#""context":{"attributes":{"a":null}}"#), "/context/attributes/a", "expected a boolean, a number");
    broken(&with(r#""context":{"attributes":{"a":{"b":1}}}"#), "/context/attributes/a", "expected a boolean, a number");
    broken(&with(r#""context":{"attributes":{"a":["x",1]}}"#), "/context/attributes/a/1", "expected a string");
    broken(
        &with(r#""context":{"attributes":{"a/b~":{}}}"#),
        "/context/attributes/a~1b~0",
        "expected a boolean, a number",
    );
    broken(
        &with(&format!(r#""context":{{"attributes":{{"a":{}{}}}}}"#, "[".repeat(30_000), "]".repeat(30_000))),
        "/context/attributes/a",
        "not readable",
    );
    broken(&with(r#""context":{"attributes":{"a":1e999}}"#), "/context/attributes/a", "expected a boolean, a number");
    broken(
        &with(r#""context":{"attributes":{"a":[["x"]]}}"#),
        "/context/attributes/a/0",
        "expected a string, found a list",
    );
    broken(
        &with(r#""context":{"attributes":{"country":"DE"}}"#),
        "/context/attributes/country",
        "set /context/country",
    );
    broken(&with(r#""options":{"dedupe":"site"}"#), "/options/dedupe", "unknown variant `site`");
    broken(&with(r#""options":{"at":"tomorrow"}"#), "/options/at", "RFC 3339");
    let many = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<Vec<_>>().join(",");
    broken(
        &format!(r#"{{"placements":[{}]}}"#, many(31, &|i| format!(r#"{{"id":"p{i}"}}"#))),
        "/placements",
        "at most 30",
    );
    broken(
        &with(&format!(r#""context":{{"items":[{}]}}"#, many(51, &|i| format!("\"{i}\"")))),
        "/context/items",
        "at most 50",
    );
    broken(
        &with(&format!(r#""context":{{"attributes":{{{}}}}}"#, many(65, &|i| format!("\"a{i}\":1")))),
        "/context/attributes",
        "at most 64",
    );
    broken(
        &with(&format!(r#""context":{{"attributes":{{"a":[{}]}}}}"#, many(65, &|i| format!("\"{i}\"")))),
        "/context/attributes/a",
        "at most 64",
    );
}

#[test]
fn a_body_beyond_the_limit_is_not_parsed() {
    let body = vec![b'['; BODY_BYTES_MAX + 1];
    let problem = DecideRequest::parse(&body).unwrap_err();
    assert_eq!((problem.code, problem.code.status()), (ProblemCode::BodyTooLarge, 413));
}

#[test]
fn a_problem_is_a_document_of_rfc_9457() {
    let problem = DecideRequest::parse(br#"{"placements":[{"id":"a","count":99}]}"#).unwrap_err();
    assert_eq!(
        problem.to_json(),
        r#"{"type":"about:blank","title":"The request breaks a rule","status":400,"code":"invalid_request","detail":"/placements/0/count: the count must be 1 to 30","errors":[{"pointer":"/placements/0/count","code":"out_of_range","detail":"the count must be 1 to 30"}]}"#
    );
}

proptest! {
    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
        let _ = DecideRequest::parse(&body);
        let mut good = br#"{"visitor":{"key":"42"},"context":{"attributes":{"a":[1,"b"]}},"placements":[{"id":"hero","count":3}]}"#.to_vec();
        let at = at % good.len();
        good[at] = body.first().copied().unwrap_or(0);
        let _ = DecideRequest::parse(&good);
    }
}
