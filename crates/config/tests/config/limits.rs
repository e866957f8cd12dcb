//! The bounds of a document: what is at a bound passes, what is beyond is refused by its code, quickly.

use serde_json::{Value, json};
use vitrine_config::{Format, check, check_with_columns, compile_json, limits};

/// The codes of the errors and warnings of a document, without repetitions.
fn codes(source: &str, format: Format) -> Vec<&'static str> {
    let diagnostics = match check(source, format) {
        Ok(checked) => checked.warnings,
        Err(diagnostics) => diagnostics,
    };
    let mut codes: Vec<_> = diagnostics.iter().map(|it| it.code).collect();
    codes.dedup();
    codes
}

#[track_caller]
fn check_codes(document: &Value, expected: &[&str]) {
    assert_eq!(codes(&document.to_string(), Format::Json), expected);
}

fn offers(n: usize) -> Vec<Value> {
    (0..n).map(|i| json!({ "id": format!("o{i}"), "content": { "t": 1 } })).collect()
}

#[test]
fn offers_are_bounded() {
    let document = |n| json!({ "version": 1, "offers": offers(n), "placements": [{ "id": "p", "fallback": "o0" }] });
    check_codes(&document(limits::OFFERS_MAX), &[]);
    check_codes(&document(limits::OFFERS_MAX + 1), &["too_many_offers"]);
}

#[test]
fn placements_and_their_candidates_are_bounded() {
    let document = |n_offers, n_placements| {
        let placements: Vec<_> =
            (0..n_placements).map(|i| json!({ "id": format!("p{i}"), "fallback": "o0" })).collect();
        json!({ "version": 1, "offers": offers(n_offers), "placements": placements })
    };
    check_codes(&document(2, limits::PLACEMENTS_MAX), &[]);
    check_codes(&document(2, limits::PLACEMENTS_MAX + 1), &["too_many_placements"]);
    check_codes(&document(1001, limits::PLACEMENTS_MAX), &[]);
    check_codes(&document(1002, limits::PLACEMENTS_MAX), &["too_many_candidates"]);
}

#[test]
fn audiences_and_attributes_are_bounded() {
    let document = |n: usize, n_attributes: usize| {
        let audiences: Vec<_> = (0..n)
            .map(|i| json!({ "id": format!("a{i}"), "when": { (format!("context.x{}", i % n_attributes)): 1 } }))
            .collect();
        let offers: Vec<_> = (0..n.min(limits::AUDIENCES_MAX))
            .map(|i| json!({ "id": format!("o{i}"), "audience": format!("a{i}"), "content": { "t": 1 } }))
            .chain([json!({ "id": "d", "content": { "t": 1 } })])
            .collect();
        json!({ "version": 1, "audiences": audiences, "offers": offers, "placements": [{ "id": "p", "fallback": "d" }] })
    };
    check_codes(&document(limits::AUDIENCES_MAX, 10), &[]);
    check_codes(&document(limits::AUDIENCES_MAX + 1, 10), &["too_many_audiences"]);
    check_codes(&document(limits::AUDIENCES_MAX, limits::ATTRIBUTES_MAX), &[]);
    let mut one_more = document(limits::AUDIENCES_MAX, limits::ATTRIBUTES_MAX);
    one_more["audiences"][0]["when"]["context.more"] = json!(1);
    check_codes(&one_more, &["too_many_attributes"]);
}

#[test]
fn lists_of_an_offer_and_of_a_condition_are_bounded() {
    let names = |n: usize| (0..n).map(|i| format!("n{i}")).collect::<Vec<_>>();
    let document = |offer: Value| {
        let mut fallback = json!({ "id": "d", "content": { "t": 1 } });
        fallback.as_object_mut().unwrap().extend(offer.as_object().unwrap().clone());
        json!({ "version": 1, "offers": [fallback, { "id": "e", "content": { "t": 1 } }],
                "placements": [{ "id": "p", "offers": ["d"], "fallback": "e" }] })
    };
    check_codes(&document(json!({ "items": names(limits::ITEMS_MAX) })), &["unused_offer"][1..]);
    check_codes(&document(json!({ "items": names(limits::ITEMS_MAX + 1) })), &["too_many_items"]);
    check_codes(&document(json!({ "categories": names(limits::ITEMS_MAX + 1) })), &["too_many_categories"]);
    let list = |n| json!({ "when": { "context.x": { "$in": names(n) } } });
    check_codes(&document(list(limits::CONDITION_LIST_MAX)), &[]);
    check_codes(&document(list(limits::CONDITION_LIST_MAX + 1)), &["condition_list_too_long"]);
}

#[test]
fn creatives_and_contents_are_bounded() {
    let document = |creatives: Vec<Value>| {
        json!({ "version": 1, "offers": [{ "id": "d", "creatives": creatives }, { "id": "e", "content": { "t": 1 } }],
                "placements": [{ "id": "p", "offers": ["d"], "fallback": "e" }] })
    };
    let channels = |n| (0..n).map(|i| json!({ "channel": format!("c{i}"), "content": { "t": 1 } })).collect();
    check_codes(&document(channels(limits::CREATIVES_MAX)), &[]);
    check_codes(&document(channels(limits::CREATIVES_MAX + 1)), &["too_many_creatives"]);
    let content = |n_bytes: usize| vec![json!({ "content": { "t": "x".repeat(n_bytes - r#"{"t":""}"#.len()) } })];
    check_codes(&document(content(limits::CONTENT_BYTES_MAX)), &[]);
    check_codes(&document(content(limits::CONTENT_BYTES_MAX + 1)), &["content_too_large"]);
}

#[test]
fn metrics_and_campaigns_are_bounded() {
    let document = |n_metrics: usize, n_campaigns: usize, n_parts: usize, n_lines: usize, n_channels: usize| {
        let metrics: Vec<_> =
            (0..n_metrics).map(|i| json!({ "id": format!("m{i}"), "type": "proportion", "event": "click" })).collect();
        let parts: Vec<_> = (0..n_parts)
            .map(|i| json!({ "metric": format!("m{}", i % n_metrics), "target": 1, "rank": i + 1 }))
            .collect();
        let lines: Vec<_> = (0..n_lines).map(|_| json!({ "category": "media", "amount": 0.01 })).collect();
        let amount = f64::from(u32::try_from(n_lines).unwrap()) / 100.0;
        let channels: Vec<_> = (0..n_channels).map(|i| format!("c{i}")).collect();
        let campaigns: Vec<_> = (0..n_campaigns)
            .map(|i| {
                json!({ "id": format!("c{i}"), "owner": "o", "starts": format!("{}-01-01T00:00:00Z", 2000 + i),
                        "ends": format!("{}-01-01T00:00:00Z", 2001 + i),
                        "goal": { "metric": "m0", "target": 1, "sub_goals": parts }, "channels": channels, "evaluation": "x",
                        "budget": { "amount": amount, "currency": "CNY", "lines": lines }, "offers": [format!("o{i}")] })
            })
            .collect();
        json!({ "version": 1, "metrics": metrics, "campaigns": campaigns, "offers": offers(n_campaigns + 1),
                "placements": [{ "id": "p", "fallback": format!("o{n_campaigns}") }] })
    };
    let codes_of = |document: Value| codes(&document.to_string(), Format::Json);
    assert_eq!(codes_of(document(1, limits::CAMPAIGNS_MAX, 1, 1, 1)), [""; 0]);
    assert_eq!(codes_of(document(1, limits::CAMPAIGNS_MAX + 1, 1, 1, 1)), ["too_many_campaigns"]);
    assert_eq!(codes_of(document(limits::METRICS_MAX + 1, 1, 0, 1, 1)), ["too_many_metrics"]);
    assert_eq!(codes_of(document(1, 1, limits::SUB_GOALS_MAX, limits::BUDGET_LINES_MAX, 1)), [""; 0]);
    assert_eq!(codes_of(document(1, 1, limits::SUB_GOALS_MAX + 1, 1, 1)), ["too_many_sub_goals"]);
    assert_eq!(codes_of(document(1, 1, 1, limits::BUDGET_LINES_MAX + 1, 1))[0], "too_many_budget_lines");
    assert_eq!(codes_of(document(1, 1, 1, 1, limits::SETTINGS_LIST_MAX)), [""; 0]);
    assert_eq!(codes_of(document(1, 1, 1, 1, limits::SETTINGS_LIST_MAX + 1)), ["too_many_settings"]);
}

#[test]
fn tags_of_an_offer_are_bounded() {
    let document = |n: usize| {
        let tags: Vec<_> = (0..n).map(|i| format!("t{i}")).collect();
        json!({ "version": 1, "offers": [{ "id": "o", "tags": tags, "content": { "t": 1 } }, { "id": "d", "content": { "t": 1 } }],
                "placements": [{ "id": "p", "fallback": "d" }] })
    };
    check_codes(&document(limits::TAGS_MAX), &[]);
    check_codes(&document(limits::TAGS_MAX + 1), &["too_many_tags"]);
}

/// Many offers with terms, and many placements with rules for all of them: checks must not compare every pair.
#[test]
fn lints_of_large_documents_do_not_take_forever() {
    let n = 2_000;
    let many: Vec<_> = (0..n)
        .map(|i| {
            json!({ "id": format!("o{i}"), "items": ["same"], "terms": { "cut": 1 + i, "currency": "CNY" },
                    "when": { "profile.x": i }, "content": { "title": "第一".repeat(200), "image": { "src": "/a" } } })
        })
        .chain([json!({ "id": "d", "content": { "title": "d" } })])
        .collect();
    let placements: Vec<_> = (0..400)
        .map(|i| json!({ "id": format!("p{i}"), "fallback": "d",
                         "content": { "required": ["a", "b", "c.d"], "title_chars_max": 3, "image": { "width": 1, "height": 1 } } }))
        .collect();
    let document =
        json!({ "version": 1, "settings": { "advertising_law": "cn" }, "offers": many, "placements": placements });
    let diagnostics = check(&document.to_string(), Format::Json).unwrap_err();
    assert!(diagnostics.len() > limits::DIAGNOSTICS_MAX);
}

#[test]
fn depth_is_bounded() {
    for depth in [limits::DEPTH_MAX - 4, limits::DEPTH_MAX - 3] {
        let content = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let source = format!(
            r#"{{"version":1,"offers":[{{"id":"d","content":{{"t":{content}}}}},{{"id":"e","content":{{"t":1}}}}],"placements":[{{"id":"p","offers":["d"],"fallback":"e"}}]}}"#
        );
        let expected: &[&str] = if depth == limits::DEPTH_MAX - 4 { &[] } else { &["too_deep"] };
        assert_eq!(codes(&source, Format::Json), expected);
        assert_eq!(codes(&source, Format::Yaml), expected);
    }
}

#[test]
fn bombs_are_refused() {
    let bomb = |text: &str| text.repeat((limits::DOCUMENT_BYTES_MAX - 100) / text.len());
    for (source, expected) in [
        (bomb("["), "too_deep"),
        (bomb("{\"a\":"), "too_deep"),
        (format!("[{}0]", bomb("0,")), "too_many_values"),
        (format!("[{}[]]", bomb("[],")), "too_many_values"),
    ] {
        assert_eq!(codes(&source, Format::Json), [expected]);
        assert_eq!(codes(&source, Format::Yaml), [expected]);
    }
    for source in [bomb("- "), bomb("? "), bomb("? - "), bomb("a:\n "), bomb("&a "), bomb("!"), bomb("*a ")] {
        assert!(check(&source, Format::Yaml).is_err(), "{}", &source[..20]);
    }
}

#[test]
fn bytes_are_bounded() {
    let padded = |n_bytes: usize| r#"{"version":1}"#.to_owned() + &" ".repeat(n_bytes - r#"{"version":1}"#.len());
    assert_eq!(codes(&padded(limits::DOCUMENT_BYTES_MAX), Format::Json), ["no_placements"]);
    assert_eq!(codes(&padded(limits::DOCUMENT_BYTES_MAX + 1), Format::Json), ["document_too_large"]);
}

#[test]
fn diagnostics_are_bounded_and_counted() {
    let source = json!({ "version": 1, "offers": vec![0; limits::DIAGNOSTICS_MAX + 7] }).to_string();
    let diagnostics = check(&source, Format::Json).unwrap_err();
    let more: Vec<_> = diagnostics.iter().filter(|it| it.code == "more_findings").map(ToString::to_string).collect();
    assert_eq!(more, ["7 more errors are not listed"]);
}

#[test]
fn suggestions_do_not_take_forever() {
    let mut document = json!({ "version": 1, "offers": offers(limits::OFFERS_MAX) });
    let unknown: Vec<_> = (0..limits::OFFERS_MAX).map(|i| format!("u{i}")).collect();
    document["placements"] = json!([{ "id": "p", "offers": unknown, "fallback": "o0" }]);
    let diagnostics = check(&document.to_string(), Format::Json).unwrap_err();
    assert!(diagnostics.len() > limits::DIAGNOSTICS_MAX);
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_place() {
    let diagnostics = compile_json(b"{ \"version\": 1,\n  \"a\": \"\xff\" }").unwrap_err();
    let [diagnostic] = &diagnostics[..] else { panic!("{diagnostics:?}") };
    assert_eq!((diagnostic.code, diagnostic.line, diagnostic.column), ("not_utf8", Some(2), Some(9)));
}

#[test]
fn columns_of_the_table_are_known_if_told() {
    let source = r#"{ "version": 1, "offers": [
        { "id": "a", "when": { "profile.segmnt": "loyal", "profile.country": "FR", "context.anything": 1 }, "content": { "t": 1 } },
        { "id": "b", "content": { "t": 1 } }
    ], "placements": [{ "id": "p", "fallback": "b" }] }"#;
    let columns = ["segment", "country"];
    let warnings = check_with_columns(source, Format::Json, Some(&columns)).unwrap().warnings;
    let found: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            r#"line 2, /offers/0/when/profile.segmnt: the profile table has no column "segmnt" (did you mean "segment"?)"#
        ]
    );
    assert_eq!(check_with_columns(source, Format::Json, None).unwrap().warnings, []);
}

#[test]
fn a_diagnostic_is_json_with_the_names_of_its_fields() {
    let diagnostic = check(r#"{"version":2}"#, Format::Json).unwrap_err().remove(0);
    assert_eq!(
        diagnostic.to_json(),
        json!({
            "severity": "error", "code": "unsupported_version", "pointer": "/version", "line": 1, "column": 12,
            "message": "this release reads version 1, found the number 2",
            "help": "write the number 1; other versions need another release of Vitrine",
        })
    );
}
