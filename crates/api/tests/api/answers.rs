//! Whole answers: what a visitor gets, in which mode, and why.

use std::rc::Rc;

use serde_json::Value;
use vitrine_api::{
    DecideRequest, DecisionBytes, DecisionToken, Issuer, Lookup, Occasion, Signals, Snapshot, TableSlot, TokenKeys,
    TokenMode, answer, personalisation,
};
use vitrine_engine::{Limit, Limits, ModeReason, OfferIdx, TimestampMs};

use crate::shop::{DOCUMENT, bundle, row, snapshot, table};

/// 2026-12-01T00:00:00Z.
const NOW: TimestampMs = TimestampMs(1_796_083_200_000);

fn request(rest: &str) -> DecideRequest {
    let body = format!(r#"{{"placements":[{{"id":"hero"}},{{"id":"club"}}]{rest}}}"#);
    DecideRequest::parse(body.as_bytes()).unwrap()
}

#[test]
fn a_known_visitor_gets_a_personalised_answer() {
    let row = row();
    let answer = answer(&snapshot(), &request(r#","request_id":"r1""#), Ok(Lookup::Row(&row)), Occasion::at(NOW));
    assert_eq!(
        answer.json,
        concat!(
            r#"{"request_id":"r1","bundle":3,"table":"00112233aabbccdd","mode":"personalised","mode_reason":"ok","dry_run":false,"decisions":["#,
            r#"{"placement":"hero","reason":"ranked","items":[{"offer":"cups","score":1.05,"content":{"title":"Cups"}}],"fallback":null},"#,
            r#"{"placement":"club","reason":"ranked","items":[{"offer":"club","score":0.0,"content":{"title":"The club"}}],"fallback":null}]}"#
        )
    );
}

#[test]
fn an_unknown_visitor_gets_a_contextual_answer() {
    let answer = answer(&snapshot(), &request(""), Ok(Lookup::NotFound), Occasion::at(NOW));
    assert_eq!(
        answer.json,
        concat!(
            r#"{"bundle":3,"table":"00112233aabbccdd","mode":"contextual","mode_reason":"no_profile","dry_run":false,"decisions":["#,
            r#"{"placement":"hero","reason":"ranked","items":[{"offer":"cups","score":0.05,"content":{"title":"Cups"}}],"fallback":null},"#,
            r#"{"placement":"club","reason":"nothing_eligible","items":[],"fallback":{"offer":"house","content":{"title":"Welcome"}}}]}"#
        )
    );
}

fn keys() -> TokenKeys {
    TokenKeys::from_hex(&"0b".repeat(32), None).unwrap()
}

/// An answer with tokens, read again.
fn with_tokens(
    snapshot: &Snapshot,
    request: &DecideRequest,
    lookup: Result<Lookup<'_>, ModeReason>,
    seed: u64,
) -> Value {
    let keys = keys();
    let issuer = Issuer { keys: &keys, environment: "production", seed, may_measure: true };
    let answer = answer(snapshot, request, lookup, Occasion { issuer: Some(issuer), ..Occasion::at(NOW) });
    serde_json::from_str(&answer.json).unwrap()
}

/// The tokens of an answer: those of its items, and of its fallback offers.
fn tokens(answer: &Value) -> Vec<String> {
    let decisions = answer["decisions"].as_array().unwrap().iter();
    let shown = decisions.flat_map(|it| it["items"].as_array().unwrap().iter().chain([&it["fallback"]]));
    shown.filter_map(|it| Some(it["token"].as_str()?.to_owned())).collect()
}

#[test]
fn tokens_say_what_was_shown() {
    let tea = request(r#","context":{"items":["cup"]}"#);
    let answer = with_tokens(&snapshot(), &tea, Ok(Lookup::NotFound), 1);
    let tokens = tokens(&answer);
    let bytes: Vec<DecisionBytes> = tokens.iter().map(|it| DecisionBytes::parse(it).unwrap()).collect();
    let read: Vec<_> = bytes.iter().map(|it| it.verify(&keys(), NOW).unwrap()).collect();
    let [hero, club] = &read[..] else { panic!("{answer}") };
    // Placements stand in the order of their ids, offers in that of the document.
    let expected = DecisionToken {
        issued_at_s: 1_796_083_200,
        bundle_version: 3,
        environment: "production",
        nonce: hero.nonce,
        placement: 1,
        offer: 0,
        creative: 0,
        rank: 0,
        mode: TokenMode::Contextual,
        is_fallback: false,
        in_holdout: false,
        may_measure: true,
        experiment: None,
        propensity: 1.0,
    };
    assert_eq!(*hero, expected);
    assert_eq!(*club, DecisionToken { nonce: club.nonce, placement: 0, offer: 3, is_fallback: true, ..expected });
    assert_ne!(hero.nonce, club.nonce);
}

#[test]
fn answers_differ_in_their_tokens_by_request_and_seed() {
    let of = |rest: &str, seed| tokens(&with_tokens(&snapshot(), &request(rest), Ok(Lookup::NotFound), seed));
    assert_eq!(of("", 1), of("", 1));
    assert_ne!(of("", 1), of("", 2));
    assert_ne!(of("", 1), of(r#","request_id":"r1""#, 1));
}

#[test]
fn what_nobody_sees_has_no_token() {
    let count = |rest: &str| tokens(&with_tokens(&snapshot(), &request(rest), Ok(Lookup::NotFound), 1)).len();
    assert_eq!(count(""), 2);
    assert_eq!(count(r#","options":{"dry_run":true}"#), 0);
    assert_eq!(count(r#","options":{"at":"2026-12-24T00:00:00Z"}"#), 0);
    let without_bundle = with_tokens(&Snapshot::default(), &request(""), Err(ModeReason::NoBundle), 1);
    assert_eq!(tokens(&without_bundle).len(), 0);
}

/// Nothing is left of the offer at position 1.
struct Limited(Limit);

impl Limits for Limited {
    fn rejection(&self, offer: OfferIdx) -> Option<Limit> {
        (offer.0 == 1).then_some(self.0)
    }
}

#[test]
fn limits_are_explained() {
    let mut request = request("");
    request.explain = true;
    for limit in Limit::ALL {
        let answer = answer(
            &snapshot(),
            &request,
            Ok(Lookup::NotFound),
            Occasion { limits: &Limited(limit), ..Occasion::at(NOW) },
        );
        let fate = format!(r#"{{"offer":"cups","outcome":"{}","why":""#, limit.as_str());
        assert!(answer.json.contains(&fate), "{}", answer.json);
        assert!(answer.json.contains(r#""items":[{"offer":"tea""#), "{}", answer.json);
    }
}

#[test]
fn session_items_move_the_ranking_and_ends_are_told() {
    let request = request(r#","context":{"items":["cup"]}"#);
    let answer = answer(&snapshot(), &request, Ok(Lookup::NotFound), Occasion::at(NOW));
    assert!(
        answer
            .json
            .contains(r#""offer":"tea","score":1.025,"content":{"title":"Tea"},"valid_until":"2027-01-01T00:00:00Z""#),
        "{}",
        answer.json
    );
}

#[test]
fn an_explanation_names_what_failed() {
    let mut request = request("");
    request.explain = true;
    let answer = answer(&snapshot(), &request, Ok(Lookup::NotFound), Occasion::at(NOW));
    let explain = concat!(
        r#""explain":[{"offer":"club","outcome":"not_in_audience","why":"The visitor is not in its audience.","audience":"loyal","#,
        r#""failed":"profile.categories is \"garden\""}]"#
    );
    let other = explain.replace(r#"profile.categories is \"garden\""#, r#"profile.segment is \"loyal\""#);
    assert!(answer.json.contains(explain) || answer.json.contains(&other), "{}", answer.json);
    assert!(
        answer.json.contains(
            r#"{"offer":"tea","outcome":"outranked","why":"Other offers ranked higher.","score":{"total":0.025"#
        ),
        "{}",
        answer.json
    );
}

#[track_caller]
fn falls_back(snapshot: &Snapshot, lookup: Result<Lookup<'_>, ModeReason>, expected: &str) {
    let answer = answer(snapshot, &request(""), lookup, Occasion::at(NOW));
    let value: serde_json::Value = serde_json::from_str(&answer.json).unwrap();
    let hero = &value["decisions"][0];
    let found = format!("{}/{}: {}", value["mode"], value["mode_reason"], hero["fallback"]);
    assert_eq!(found.replace('"', ""), expected);
    assert_eq!(hero["items"], serde_json::json!([]));
}

#[test]
fn without_a_bundle_the_page_shows_its_own_content() {
    falls_back(&Snapshot::default(), Err(ModeReason::NoBundle), "fallback_only/no_bundle: {content:null,offer:null}");
}

#[test]
fn the_kill_switch_shows_fallback_offers() {
    let killed = Snapshot::new(Some(bundle(DOCUMENT)), TableSlot::Absent, true);
    falls_back(
        &killed,
        Err(ModeReason::KillSwitch),
        "fallback_only/kill_switch: {content:{title:Welcome},offer:house}",
    );
}

#[test]
fn a_row_of_another_length_is_no_profile_and_no_panic() {
    for length in [0, 1, row().len() - 1, row().len() + 1, 500] {
        let bytes = vec![0xff; length];
        let answer = answer(&snapshot(), &request(""), Ok(Lookup::Row(&bytes)), Occasion::at(NOW));
        assert_eq!(answer.mode_reason, ModeReason::ProfileUnavailable, "{length} bytes");
    }
}

#[test]
fn an_unknown_placement_has_a_reason_and_no_offer() {
    let request = DecideRequest::parse(br#"{"placements":[{"id":"nowhere"},{"id":"club"}]}"#).unwrap();
    let answer = answer(&snapshot(), &request, Ok(Lookup::NotFound), Occasion::at(NOW));
    let nowhere =
        r#"{"placement":"nowhere","reason":"unknown_placement","items":[],"fallback":{"offer":null,"content":null}}"#;
    assert!(answer.json.contains(nowhere), "{}", answer.json);
    assert!(answer.json.contains(r#""offer":"house""#), "{}", answer.json);
}

/// What [`personalisation`] says to a visitor with key `42`, in words.
#[track_caller]
fn asks(snapshot: &Snapshot, rest: &str, signals: Signals, expected: &str) {
    let mut request = request(rest);
    let found = match personalisation(snapshot, &mut request, signals) {
        Ok(key) => format!("look up {key}"),
        Err(reason) => reason.as_str().to_owned(),
    };
    assert_eq!(found, expected, "{rest} {signals:?}");
}

#[test]
fn the_strongest_signal_wins() {
    let none = Signals::default();
    let gpc = Signals { gpc: true, ..none };
    let opt_out = Signals { opt_out: true, ..none };
    let assumed = snapshot();
    asks(&assumed, r#","visitor":{"key":"42"}"#, none, "look up 42");
    asks(&assumed, "", none, "no_visitor");
    asks(&assumed, r#","visitor":{"key":"42"},"consent":{"personalise":false}"#, none, "no_consent");
    asks(&assumed, r#","visitor":{"key":"42","minor":true}"#, none, "minor");
    asks(&assumed, r#","visitor":{"key":"42","minor":true},"consent":{"personalise":false}"#, none, "no_consent");
    asks(&assumed, r#","visitor":{"key":"42"},"consent":{"personalise":true}"#, gpc, "gpc");
    asks(&assumed, r#","visitor":{"key":"42"},"consent":{"personalise":false}"#, gpc, "gpc");
    asks(&assumed, r#","visitor":{"key":"42"}"#, Signals { gpc: true, ..opt_out }, "opt_out");
    asks(&assumed, r#","visitor":{"key":"42","opt_out":true}"#, none, "opt_out");
    asks(&assumed, r#","visitor":{"key":"42"}"#, opt_out, "opt_out");
}

#[test]
fn consent_is_required_unless_the_bundle_assumes_it() {
    let required = bundle(&DOCUMENT.replace("assumed", "required"));
    let required = Snapshot::new(Some(required), TableSlot::Ready(Rc::new(table())), false);
    asks(&required, r#","visitor":{"key":"42"}"#, Signals::default(), "no_consent");
    asks(&required, r#","visitor":{"key":"42"},"consent":{"personalise":true}"#, Signals::default(), "look up 42");
}

#[test]
fn what_is_not_published_is_told_apart() {
    let visitor = r#","visitor":{"key":"42"}"#;
    let with = |table, killed| Snapshot::new(Some(bundle(DOCUMENT)), table, killed);
    asks(&Snapshot::default(), visitor, Signals::default(), "no_bundle");
    asks(&with(TableSlot::Absent, false), visitor, Signals::default(), "no_table");
    asks(&with(TableSlot::Unreadable, false), visitor, Signals::default(), "profile_unavailable");
    asks(
        &with(TableSlot::Absent, true),
        visitor,
        Signals { gpc: true, opt_out: true, ..Signals::default() },
        "kill_switch",
    );
}
