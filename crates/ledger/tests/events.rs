//! Batches as callers send them: what counts, as what, and what does not and why.

use serde_json::{Value, json};
use vitrine_api::{
    DecisionToken, ExposureReport, ExposureToken, Pseudonyms, Signals, TokenKeys, TokenMode, VisitorState, hexadecimal,
};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{
    CheckedBatch, EVENTS_BYTES_MAX, Event, EventBatch, EventError, Kind, Looked, Measured, Plan, RecordContext,
    Recorded, Rule, Shown, Touch, TouchKind, exposure_records, exposure_touches, plan, react, records,
};

/// 2027-01-15T08:00:00Z.
const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

fn keys() -> TokenKeys {
    TokenKeys::from_hex(&"0b".repeat(32), None).unwrap()
}

fn token(change: impl FnOnce(&mut DecisionToken<'static>)) -> String {
    let mut token = DecisionToken {
        issued_at_s: 1_799_999_000,
        bundle_version: 12,
        environment: "production",
        nonce: 7,
        placement: 0,
        offer: 1,
        creative: 0,
        rank: 2,
        mode: TokenMode::Personalised,
        is_fallback: false,
        in_holdout: false,
        may_measure: true,
        experiment: None,
        propensity: 1.0,
    };
    change(&mut token);
    token.sign(&keys()).unwrap()
}

/// A batch of one visitor who agreed.
fn batch(rows: Value) -> Value {
    json!({ "visitor": { "key": "ann" }, "consent": { "measure": true }, "events": rows })
}

fn checked_with(body: &Value, signals: Signals, batch_id: Option<&str>) -> CheckedBatch {
    let body = body.to_string();
    check(&EventBatch::parse(body.as_bytes()).unwrap(), signals, batch_id)
}

fn check(batch: &EventBatch<'_>, signals: Signals, batch_id: Option<&str>) -> CheckedBatch {
    let keys = keys();
    let pseudonyms = Pseudonyms { tokens: &keys, table: None };
    batch.check(Some(pseudonyms), &|unit| unit == pseudonyms.unit("erased"), "production", NOW, signals, batch_id)
}

fn checked(body: &Value) -> CheckedBatch {
    checked_with(body, Signals::default(), None)
}

#[track_caller]
fn only(row: Value) -> Event {
    let mut checked = checked(&batch(json!([row])));
    assert_eq!(checked.rejected, []);
    checked.events.pop().unwrap().1
}

#[test]
fn a_row_is_refused_alone_and_says_why() {
    let good = token(|_| {});
    let click = |more: Value| {
        let mut row = json!({ "id": "e1", "type": "click", "token": good });
        for (name, value) in more.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    };
    let sale = |more: Value| {
        let mut row = json!({ "id": "e1", "type": "conversion" });
        for (name, value) in more.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    };
    let long = "x".repeat(65);
    let cases = [
        (json!(1), "malformed"),
        (json!(["e1", "click"]), "malformed"),
        (json!(null), "malformed"),
        (json!({}), "malformed"),
        (click(json!({ "mood": "good" })), "malformed"),
        (click(json!({ "at": 5 })), "malformed"),
        (click(json!({ "type": "exposure" })), "invalid_type"),
        (click(json!({ "type": "Click" })), "invalid_type"),
        (click(json!({ "id": null })), "invalid_id"),
        (click(json!({ "id": "" })), "invalid_id"),
        (click(json!({ "id": "a b" })), "invalid_id"),
        (click(json!({ "id": long })), "invalid_id"),
        (click(json!({ "at": "yesterday" })), "invalid_time"),
        (sale(json!({ "at": "2026-12-16T07:59:59Z" })), "too_old"),
        (click(json!({ "token": null })), "token_required"),
        (json!({ "id": "e1", "type": "impression" }), "token_required"),
        (json!({ "id": "e1", "type": "dismiss" }), "token_required"),
        (click(json!({ "token": "x" })), "malformed"),
        (click(json!({ "token": format!("{}A", &good[..good.len() - 1]) })), "forged"),
        (click(json!({ "token": token(|it| it.issued_at_s -= 31 * 86_400) })), "stale"),
        (click(json!({ "token": token(|it| it.issued_at_s += 86_400) })), "not_yet"),
        (click(json!({ "token": token(|it| it.environment = "staging") })), "other_environment"),
        (click(json!({ "value": 1.0, "currency": "CNY" })), "invalid_value"),
        (sale(json!({ "value": 1.0 })), "invalid_value"),
        (sale(json!({ "currency": "CNY" })), "invalid_value"),
        (sale(json!({ "value": -1.0, "currency": "CNY" })), "invalid_value"),
        (sale(json!({ "value": 1.0, "currency": "yuan" })), "invalid_value"),
        (sale(json!({ "order_id": "" })), "invalid_order"),
        (sale(json!({ "order_id": long })), "invalid_order"),
        (click(json!({ "order_id": "o1" })), "invalid_order"),
        (click(json!({ "channel": "fax" })), "invalid_channel"),
        (sale(json!({ "name": "Sign Up" })), "invalid_name"),
        (sale(json!({ "props": { "a": [] } })), "invalid_props"),
        (sale(json!({ "props": { "a": long } })), "invalid_props"),
        (sale(json!({ "props": { "A": 1 } })), "invalid_props"),
        (sale(json!({ "props": { "mail": "ann@shop.example" } })), "personal_data"),
        (sale(json!({ "props": { "phone": 13_812_345_678_i64 } })), "personal_data"),
    ];
    for (row, code) in cases {
        let around = |id: &str| json!({ "id": id, "type": "view" });
        let checked = checked(&batch(json!([around("a"), row, around("b")])));
        let codes: Vec<_> = checked.rejected.iter().map(|(index, error)| (*index, error.as_str())).collect();
        assert_eq!(codes, [(1, code)], "{row}");
        assert_eq!(checked.events.len(), 2, "{row}");
        assert!(!checked.rejected[0].1.detail().is_empty());
        assert!(EventError::WORDS.contains(&code));
    }
}

#[test]
fn without_a_key_nothing_is_measured() {
    let body = batch(json!([{ "id": "a", "type": "view" }])).to_string();
    let batch = EventBatch::parse(body.as_bytes()).unwrap();
    let checked = batch.check(None, &|_| false, "production", NOW, Signals::default(), None);
    assert_eq!(checked.rejected, [(0, EventError::NoKey)]);
}

#[test]
fn bodies_that_are_no_batch_are_refused() {
    let many = json!({ "events": vec![json!({}); 101] }).to_string();
    let long = " ".repeat(EVENTS_BYTES_MAX + 1);
    for (body, status, pointer) in [
        ("", 400, None),
        ("{", 400, None),
        ("[]", 400, Some("")),
        ("{}", 400, Some("")),
        (r#"{"events":{}}"#, 400, Some("/events")),
        (r#"{"events":[],"x":1}"#, 400, Some("/x")),
        (r#"{"events":[],"channel":"fax"}"#, 400, Some("/channel")),
        (r#"{"events":[],"sent_at":"now"}"#, 400, Some("/sent_at")),
        (r#"{"events":[],"visitor":"ann"}"#, 400, Some("/visitor")),
        (&many, 400, Some("/events")),
        (&long, 413, None),
    ] {
        let Err(problem) = EventBatch::parse(body.as_bytes()) else { panic!("{body:.80} was taken") };
        assert_eq!(problem.code.status(), status, "{body:.80}");
        let found: Vec<&str> = problem.errors.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(found, pointer.into_iter().collect::<Vec<_>>(), "{body:.80}");
    }
}

#[test]
fn a_repeated_id_is_a_duplicate() {
    let row = json!({ "id": "a", "type": "view" });
    let checked = checked(&batch(json!([row, row, { "id": "b", "type": "view" }, row])));
    assert_eq!((checked.events.len(), checked.n_duplicates), (2, 2));
}

#[test]
fn only_with_a_key_of_the_batch_may_ids_be_left_out() {
    let body = batch(json!([{ "type": "view" }, { "type": "view" }]));
    assert_eq!(checked(&body).rejected.len(), 2);
    let first = checked_with(&body, Signals::default(), Some("batch-1"));
    let ids: Vec<&str> = first.events.iter().map(|(_, it)| it.id.as_str()).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(first.events, checked_with(&body, Signals::default(), Some("batch-1")).events, "the same again");
    assert_ne!(first.events, checked_with(&body, Signals::default(), Some("batch-2")).events);
}

#[test]
fn the_clock_of_the_caller_is_corrected() {
    for (sent_at, at, expected) in [
        (None, None, "2027-01-15T08:00:00"),
        (None, Some("2027-01-15T07:59:00Z"), "2027-01-15T07:59:00"),
        // An hour slow, an hour fast, and one that lies about the future.
        (Some("2027-01-15T07:00:00Z"), Some("2027-01-15T06:59:30Z"), "2027-01-15T07:59:30"),
        (Some("2027-01-15T09:00:00Z"), Some("2027-01-15T08:59:30Z"), "2027-01-15T07:59:30"),
        (None, Some("2027-01-16T08:00:00Z"), "2027-01-15T08:00:00"),
        (Some("2027-01-15T09:00:00Z"), Some("2027-01-15T09:30:00Z"), "2027-01-15T08:00:00"),
    ] {
        let mut body = json!({ "events": [{ "id": "a", "type": "view", "at": at }] });
        if let Some(sent_at) = sent_at {
            body["sent_at"] = json!(sent_at);
        }
        let event = checked(&body).events.remove(0).1;
        assert_eq!(&event.at.to_string()[..19], expected, "{sent_at:?} {at:?}");
    }
}

#[test]
fn nothing_is_joined_without_consent() {
    let row = |more: Value| {
        let mut row = json!({ "id": "a", "type": "click", "token": token(|_| {}) });
        for (name, value) in more.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    };
    let none = Signals::default();
    let agreed = batch(json!([row(json!({}))]));
    let silent = json!({ "visitor": { "key": "ann" }, "events": [row(json!({}))] });
    let refused_at_decision = batch(json!([row(json!({ "token": token(|it| it.may_measure = false) }))]));
    let own = json!({ "events": [row(json!({ "visitor": { "anon": "x1" }, "consent": { "measure": true } }))] });
    let own_refusal = batch(json!([row(json!({ "consent": { "measure": false } }))]));
    let nobody = json!({ "consent": { "measure": true }, "events": [row(json!({}))] });
    for (body, signals, is_joined) in [
        (&agreed, none, true),
        (&agreed, Signals { gpc: true, ..none }, false),
        (&agreed, Signals { opt_out: true, ..none }, false),
        (&silent, none, false),
        (&refused_at_decision, none, false),
        (&own, none, true),
        (&own_refusal, none, false),
        (&nobody, none, false),
    ] {
        let checked = checked_with(body, signals, None);
        assert_eq!(checked.events.len(), 1, "it counts all the same: {body}");
        assert_eq!(checked.events[0].1.visitor.is_some(), is_joined, "{body} {signals:?}");
    }
    let event = only(row(json!({})));
    assert_eq!(event.visitor.map(|it| it.unit), Some(keys().unit("id", "ann")), "as exposure tokens name the visitor");
    let own = only(row(json!({ "visitor": { "key": "ann" } })));
    assert_eq!((event.is_of_batch, own.is_of_batch), (true, false));
    let erased = only(row(json!({ "visitor": { "key": "erased" } })));
    assert_eq!(erased.visitor, None, "counts, and is joined with nobody");
}

fn shown(offer: &str) -> Shown {
    Shown { placement: "home".to_owned(), offer: offer.to_owned(), creative: "*/*".to_owned(), ..Shown::default() }
}

fn recorded(event: Event, shown: Option<Shown>, looked: &Looked) -> Recorded {
    let context = RecordContext { environment: "production", now: NOW, window_s: 604_800 };
    records(&[Plan { index: 0, event, shown }], looked, &context).remove(0)
}

#[test]
fn a_showing_counts_once_whatever_the_ids_are() {
    let row = |id: &str, kind: &str| json!({ "id": id, "type": kind, "token": token(|_| {}) });
    let of = |id: &str, kind: &str| recorded(only(row(id, kind)), Some(shown("tea")), &Looked::default()).keys;
    assert_eq!(of("a", "impression")[0], of("b", "impression")[0]);
    assert_ne!(of("a", "impression")[0], of("a", "click")[0]);
    assert_eq!(of("a", "impression")[1], of("a", "click")[1], "the id is the same");
    assert_ne!(of("a", "share")[0], of("b", "share")[0], "one may be passed on twice");
}

#[test]
fn an_order_counts_once_whoever_reports_it() {
    let row =
        |id: &str, token: Option<String>| json!({ "id": id, "type": "conversion", "order_id": "A-1", "token": token });
    let with_token = recorded(only(row("a", Some(token(|_| {})))), Some(shown("tea")), &Looked::default());
    let without = recorded(only(row("b", None)), None, &Looked::default());
    assert_eq!(with_token.keys[0], without.keys[0]);
    assert!(!with_token.line.contains("A-1"), "only its hash is kept");
}

#[test]
fn conversions_without_token_go_to_what_the_visitor_met() {
    let ann = format!("{:016x}", keys().unit("id", "ann"));
    let sale = json!({ "id": "s", "type": "conversion", "value": 199.0, "currency": "CNY", "name": "purchase", "channel": "web" });
    let touch = |kind, at_ms: i64, shown: Shown| Touch { kind, slot: String::new(), at_ms: NOW.0 + at_ms, shown };
    let variation = Shown { experiment: "cta".to_owned(), variation: "1".to_owned(), ..Shown::default() };
    let met = vec![
        touch(TouchKind::View, -1000, shown("toys")),
        touch(TouchKind::Click, -2000, shown("tea")),
        touch(TouchKind::Exposure, -9000, variation),
    ];
    let found = recorded(only(sale.clone()), None, &Looked(vec![(ann.clone(), NOW.0, met)]));
    let counts: Vec<_> = found
        .counts
        .iter()
        .map(|it| {
            (it.kind, it.rule, it.offer.as_str(), it.experiment.as_str(), it.variation.as_str(), it.currency.as_str())
        })
        .collect();
    assert_eq!(
        counts,
        [
            (Kind::Conversion, Rule::VisitorClick, "tea", "", "", "CNY"),
            (Kind::Conversion, Rule::Exposure, "", "cta", "1", "CNY"),
        ]
    );
    assert_eq!(found.value_minor, 19_900);
    let line: Value = serde_json::from_str(&found.line).unwrap();
    assert_eq!((&line["visitor"], &line["unit"]), (&Value::Null, &json!(ann)));
    assert_eq!(
        (&line["offer"], &line["value_minor"], &line["name"]),
        (&json!(null), &json!(19_900), &json!("purchase"))
    );
    let unknown = recorded(only(sale), None, &Looked::default());
    assert_eq!(unknown.counts[0].rule, Rule::None);
}

#[test]
fn what_visitors_meet_is_noted_only_where_it_can_be_asked_for() {
    let rows = json!([
        { "id": "a", "type": "impression", "token": token(|_| {}) },
        { "id": "b", "type": "click", "token": token(|_| {}) },
        { "id": "c", "type": "view" },
        { "id": "d", "type": "conversion" },
    ]);
    let plans = |body: &Value| -> Vec<Plan> {
        let events = checked(body).events.into_iter();
        events
            .map(|(index, event)| Plan { index, shown: event.decided.as_ref().map(|_| shown("tea")), event })
            .collect()
    };
    let visits = plan(&plans(&batch(rows.clone())));
    let kinds: Vec<TouchKind> = visits.touches.iter().map(|(_, it)| it.kind).collect();
    assert_eq!((kinds.as_slice(), visits.looks.len()), (&[TouchKind::View, TouchKind::Click][..], 1));
    assert!(plan(&plans(&json!({ "visitor": { "key": "ann" }, "events": rows }))).is_empty());
    assert_eq!(visits.by_shard("production", 8).len(), 1, "one visitor is in one shard");
}

#[test]
fn the_line_of_an_event_is_as_documented() {
    let row = json!({
        "id": "e-1", "type": "click", "at": "2027-01-15T07:59:58Z", "token": token(|it| it.propensity = 0.5),
        "channel": "app", "props": { "size": "L" },
    });
    let shown = Shown { rank: 2, mode: "personalised".to_owned(), propensity: 0.5, bundle: 12, ..shown("tea") };
    let line = recorded(only(row), Some(shown), &Looked::default()).line;
    let ann = keys().unit("id", "ann");
    assert_eq!(
        line,
        format!(
            concat!(
                r#"{{"v":1,"id":"e-1","type":"click","at":"2027-01-15T07:59:58Z","received_at":"2027-01-15T08:00:00Z","#,
                r#""environment":"production","placement":"home","offer":"tea","creative":"*/*","rank":2,"experiment":null,"#,
                r#""variation":null,"mode":"personalised","propensity":0.5,"visitor":null,"unit":"{:016x}","value_minor":null,"#,
                r#""currency":null,"order_id_hash":null,"channel":"app","bundle":12,"name":null,"props":{{"size":"L"}}}}"#
            ),
            ann
        )
    );
}

#[test]
fn an_exposure_counts_each_visitor_once() {
    let token = |unit, variation, issued_at_s| {
        let token = ExposureToken {
            issued_at_s,
            bundle_version: 3,
            unit,
            variation,
            environment: "production",
            experiment: "cta",
        };
        token.sign(&keys()).unwrap()
    };
    let now_s = 1_800_000_000;
    let body = json!({ "exposures": [
        { "token": token(1, 0, now_s - 5) }, { "token": token(1, 0, now_s - 4), "at": "2027-01-15T06:00:00Z" },
        { "token": token(1, 1, now_s) }, { "token": token(2, 0, now_s) },
    ] });
    let body = body.to_string();
    let verdict = ExposureReport::parse(body.as_bytes()).unwrap().check(Some(&keys()), "production", NOW);
    let context = RecordContext { environment: "production", now: NOW, window_s: 604_800 };
    let found = exposure_records(&verdict.accepted, &|_| false, &context);
    let same = |a: usize, b: usize| found[a].keys == found[b].keys;
    assert_eq!((same(0, 1), same(0, 2), same(0, 3)), (true, false, false));
    assert!(found.iter().all(|it| it.line.contains(r#""visitor":null,"unit":null"#)));
    let joined = exposure_records(&verdict.accepted, &|it| it.unit == 1, &context);
    assert!(joined[0].line.contains(r#""visitor":null,"unit":"0000000000000001""#), "{}", joined[0].line);
    assert!(joined[3].line.contains(r#""unit":null"#), "not who was erased");
    assert_eq!(exposure_touches(&verdict.accepted, &|it| it.unit == 1, NOW).touches.len(), 3);
    let touches = exposure_touches(&verdict.accepted, &|_| true, NOW).touches;
    assert_eq!(touches[1].1.at_ms, (i64::from(now_s) - 4) * 1000, "not before it was assigned");
}

#[test]
fn what_was_declined_or_done_reaches_the_state_of_the_batchs_visitor() {
    let dismissed =
        |state: &VisitorState, offer: &str| state.offer(offer, NOW).and_then(|it| it.dismissed_for_s()).is_some();
    let converted =
        |state: &VisitorState, offer: &str| state.offer(offer, NOW).and_then(|it| it.converted_for_s()).is_some();
    let token = token(|_| {});
    let row = |it: Value| {
        let mut row = json!({ "id": "e", "token": token });
        row.as_object_mut().unwrap().extend(it.as_object().unwrap().clone());
        batch(json!([row]))
    };
    let reacted = |body: &Value, signals: Signals, may_keep: bool, shown: Option<Shown>| {
        let event = checked_with(body, signals, None).events.pop().unwrap().1;
        let plans = [Plan { index: 0, event, shown }];
        let context = RecordContext { environment: "production", now: NOW, window_s: 604_800 };
        let mut state = VisitorState::default();
        let is_changed = react(&plans, &records(&plans, &Looked::default(), &context), may_keep, &mut state);
        assert_eq!(is_changed, !state.is_empty());
        state
    };
    let none = Signals::default();
    let tea = || Some(shown("tea"));
    assert!(dismissed(&reacted(&row(json!({ "type": "dismiss" })), none, false, tea()), "tea"), "needs no consent");
    let bought = row(json!({ "type": "conversion" }));
    assert!(converted(&reacted(&bought, none, true, tea()), "tea"));
    for (body, signals, may_keep, shown) in [
        (&bought, none, false, tea()),
        (&bought, Signals { gpc: true, ..none }, true, tea()),
        (&bought, none, true, None),
        (&row(json!({ "type": "click" })), none, true, tea()),
        (&row(json!({ "type": "dismiss", "visitor": { "key": "bert" } })), none, true, tea()),
    ] {
        assert!(reacted(body, signals, may_keep, shown).is_empty(), "{body} {signals:?}");
    }
    // A sale without token is told of the offer that it is attributed to.
    let plans = [Plan { index: 0, event: only(json!({ "id": "e", "type": "conversion" })), shown: None }];
    let touch = Touch { kind: TouchKind::Click, slot: "s".into(), at_ms: NOW.0 - 1000, shown: shown("cups") };
    let looked = Looked(vec![(hexadecimal(keys().unit("id", "ann")), NOW.0, vec![touch])]);
    let context = RecordContext { environment: "production", now: NOW, window_s: 604_800 };
    let mut state = VisitorState::default();
    assert!(react(&plans, &records(&plans, &looked, &context), true, &mut state));
    assert!(converted(&state, "cups"));
}

#[test]
fn a_line_names_the_visitor_as_tables_do_and_as_exposures_do() {
    let mut event = only(json!({ "id": "e", "type": "conversion" }));
    event.visitor = Some(Measured { unit: 1, row_key: Some(26) });
    let line = recorded(event, None, &Looked::default()).line;
    assert!(line.contains(r#""visitor":"000000000000001a","unit":"0000000000000001""#), "{line}");
}
