//! Control groups, experiments on placements, bandits: whom an answer is for, and what it and its tokens say of that.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use vitrine_api::{
    BundleState, DecideRequest, DecisionBytes, Issuer, Lookup, Occasion, Snapshot, TableSlot, TokenKeys, answer,
};
use vitrine_engine::{ModeReason, TimestampMs};

const NOW: TimestampMs = TimestampMs(1_796_083_200_000);

/// A shop whose placement `hero` takes part in an experiment; `settings` and `hero` are added to.
fn snapshot(settings: Value, hero: Value) -> Snapshot {
    let mut document = json!({
        "version": 1,
        "settings": { "consent": "assumed" },
        "offers": [
            { "id": "first", "priority": 9, "content": { "title": "First" } },
            { "id": "second", "priority": 1, "content": { "title": "Second" } },
            { "id": "house", "content": { "title": "Welcome" } },
        ],
        "metrics": [{ "id": "orders", "type": "proportion", "event": "purchase", "goal": "increase" }],
        "experiments": [{
            "id": "hero-test", "type": "string", "metrics": { "goal": ["orders"] },
            "variations": [{ "id": "control", "value": "a" }, { "id": "turned", "value": "b" }],
        }],
        "placements": [
            { "id": "hero", "fallback": "house" },
            { "id": "plain", "fallback": "house" },
        ],
    });
    let extend = |object: &mut Value, with: Value| {
        let (object, with) = (object.as_object_mut().unwrap(), with.as_object().unwrap().clone());
        object.extend(with);
    };
    extend(&mut document["settings"], settings);
    extend(&mut document["placements"][0], hero);
    let checked = vitrine_config::check(&document.to_string(), vitrine_config::Format::Json);
    let checked = checked.unwrap_or_else(|it| panic!("{it:?}"));
    let state = BundleState::new(3, String::new(), checked.stored()).unwrap();
    Snapshot::new(Some(std::rc::Rc::new(state)), TableSlot::Absent, false)
}

fn tested() -> Value {
    let turned = json!({ "type": "formula", "formula": "-offer.priority" });
    json!({ "experiment": { "id": "hero-test", "variations": { "turned": { "ranker": turned } } } })
}

/// The decision of a visitor about `hero`, and its token.
fn decided(
    snapshot: &Snapshot,
    key: Option<&str>,
    lookup: Result<Lookup<'_>, ModeReason>,
    seed: u64,
) -> (Value, Value) {
    let visitor = key.map_or(json!({}), |key| json!({ "key": key }));
    let body = json!({ "visitor": visitor, "placements": [{ "id": "hero" }, { "id": "plain" }] }).to_string();
    let request = DecideRequest::parse(body.as_bytes()).unwrap();
    let keys = TokenKeys::from_hex(&"0b".repeat(32), None).unwrap();
    let issuer = Issuer { keys: &keys, environment: "production", seed, may_measure: false };
    let occasion = Occasion { issuer: Some(issuer), seed, ..Occasion::at(NOW) };
    let answer: Value = serde_json::from_str(&answer(snapshot, &request, lookup, occasion).json).unwrap();
    let hero = answer["decisions"][0].clone();
    let shown = if hero["fallback"].is_null() { &hero["items"][0] } else { &hero["fallback"] };
    let bytes = DecisionBytes::parse(shown["token"].as_str().unwrap()).unwrap();
    let token = bytes.verify(&keys, NOW).unwrap();
    let token = json!({
        "experiment": token.experiment, "in_holdout": token.in_holdout, "fallback": token.is_fallback,
        "propensity": token.propensity,
    });
    (answer, token)
}

#[test]
fn a_visitor_has_one_variation_and_the_ranker_that_goes_with_it() {
    let snapshot = snapshot(json!({}), tested());
    let mut n: BTreeMap<String, usize> = BTreeMap::new();
    for visitor in 0..400 {
        let key = format!("visitor-{visitor}");
        let (answer, token) = decided(&snapshot, Some(&key), Err(ModeReason::NoTable), visitor);
        assert_eq!(
            decided(&snapshot, Some(&key), Err(ModeReason::NoTable), 0).0["decisions"][0]["experiment"],
            answer["decisions"][0]["experiment"]
        );
        let hero = &answer["decisions"][0];
        let variation = hero["experiment"]["variation"].as_str().unwrap().to_owned();
        let (offer, idx) = if variation == "turned" { ("second", 1) } else { ("first", 0) };
        assert_eq!(hero["items"][0]["offer"], offer);
        assert_eq!(hero["experiment"], json!({ "id": "hero-test", "variation": variation, "in_holdout": false }));
        assert_eq!(token, json!({ "experiment": [0, idx], "in_holdout": false, "fallback": false, "propensity": 1.0 }));
        assert_eq!(answer["decisions"][1]["experiment"], Value::Null);
        *n.entry(variation).or_default() += 1;
    }
    assert!(n.values().all(|n| (150..250).contains(n)), "{n:?}");
}

#[test]
fn whoever_may_not_be_known_is_in_no_experiment_and_no_control_group() {
    let snapshot = snapshot(json!({ "holdout": 100 }), tested());
    for reason in [ModeReason::Gpc, ModeReason::OptOut, ModeReason::NoConsent, ModeReason::Minor, ModeReason::NoVisitor]
    {
        let key = Some("v").filter(|_| reason != ModeReason::NoVisitor);
        let (answer, token) = decided(&snapshot, key, Err(reason), 1);
        assert_eq!(answer["decisions"][0]["experiment"], Value::Null, "{reason:?}");
        assert_eq!(answer["decisions"][0]["items"][0]["offer"], "first");
        assert_eq!((&token["experiment"], &token["in_holdout"]), (&Value::Null, &Value::Bool(false)));
    }
    // An id that the caller may use counts all the same.
    let request = DecideRequest::parse(br#"{"placements":[{"id":"hero"}]}"#).unwrap();
    let occasion = Occasion { unit: Some("first-party-id"), ..Occasion::at(NOW) };
    let answer = answer(&snapshot, &request, Err(ModeReason::NoVisitor), occasion);
    assert!(answer.json.contains(r#""reason":"holdout""#), "{}", answer.json);
}

#[test]
fn control_groups_see_fallback_offers_and_say_so() {
    let everybody = snapshot(json!({ "holdout": 100 }), tested());
    let (answer, token) = decided(&everybody, Some("v"), Ok(Lookup::NotFound), 1);
    for decision in answer["decisions"].as_array().unwrap() {
        assert_eq!((&decision["reason"], &decision["items"]), (&json!("holdout"), &json!([])));
        assert_eq!(
            (&decision["fallback"]["offer"], &decision["experiment"]),
            (&json!("house"), &json!({ "in_holdout": true }))
        );
    }
    assert_eq!(token, json!({ "experiment": null, "in_holdout": true, "fallback": true, "propensity": 1.0 }));
    let one = snapshot(json!({}), json!({ "holdout": 100 }));
    let (answer, _) = decided(&one, Some("v"), Ok(Lookup::NotFound), 1);
    assert_eq!([&answer["decisions"][0]["reason"], &answer["decisions"][1]["reason"]], ["holdout", "ranked"]);
}

#[test]
fn bandits_repeat_for_a_visitor_and_tell_their_propensity() {
    let bandit = json!({ "ranker": { "type": "bandit", "model": "bernoulli", "arms": { "first": [30, 70] } } });
    let snapshot = snapshot(json!({}), bandit);
    let offer = |key, seed| {
        let (answer, token) = decided(&snapshot, key, Ok(Lookup::NotFound), seed);
        let propensity = token["propensity"].as_f64().unwrap();
        assert!((0.003..1.0).contains(&propensity), "{propensity}");
        answer["decisions"][0]["items"][0]["offer"].as_str().unwrap().to_owned()
    };
    assert!((0..20).all(|seed| offer(Some("v"), seed) == offer(Some("v"), 0)), "the visitor decides");
    let drawn: Vec<String> = (0..60).map(|seed| offer(None, seed)).collect();
    assert!(drawn.iter().any(|it| it == "first") && drawn.iter().any(|it| it == "second"), "the answer decides");
}

#[test]
fn the_clock_and_the_address_can_be_asked_about() {
    let document = json!({
        "version": 1,
        "settings": { "consent": "assumed", "time_zone": "Asia/Shanghai" },
        "offers": [
            { "id": "morning", "when": { "context.hour": 8, "context.weekday": "tue", "context.daypart": "h08_11" }, "content": { "a": 1 } },
            { "id": "mail", "when": { "context.utm_source": "mail" }, "content": { "a": 1 } },
            { "id": "news", "when": { "context.referrer_host": "news.example" }, "content": { "a": 1 } },
            { "id": "usual", "when": { "context.usual_hours": { "$exists": true } }, "content": { "a": 1 } },
            { "id": "house", "content": { "a": 1 } },
        ],
        "placements": [{ "id": "hero", "count": 4, "fallback": "house" }],
    });
    let checked = vitrine_config::check(&document.to_string(), vitrine_config::Format::Json).unwrap();
    let state = BundleState::new(3, String::new(), checked.stored()).unwrap();
    let snapshot = Snapshot::new(Some(std::rc::Rc::new(state)), TableSlot::Absent, false);
    let shown = |context: Value| {
        let body = json!({ "context": context, "placements": [{ "id": "hero" }] }).to_string();
        let request = DecideRequest::parse(body.as_bytes()).unwrap();
        let answer = answer(&snapshot, &request, Err(ModeReason::NoVisitor), Occasion::at(NOW)).json;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let items = answer["decisions"][0]["items"].as_array().unwrap().iter();
        items.map(|it| it["offer"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    // Midnight in UTC is eight o'clock in Shanghai, on a Tuesday.
    assert_eq!(shown(json!({})), "morning");
    assert_eq!(shown(json!({ "attributes": { "hour": 9 } })), "", "what the caller says goes first");
    assert_eq!(shown(json!({ "url": "https://shop.example/?utm_source=mail" })), "morning mail");
    assert_eq!(shown(json!({ "attributes": { "referrer": "https://news.example/today" } })), "morning news");
}

#[test]
fn explanations_speak_the_language_of_the_request() {
    let snapshot = snapshot(json!({}), json!({}));
    for (locale, expected) in [("zh-CN", "其他优惠排名更高。"), ("de", "Other offers ranked higher.")] {
        let body = json!({ "context": { "locale": locale }, "placements": [{ "id": "hero" }], "options": { "explain": true } });
        let request = DecideRequest::parse(body.to_string().as_bytes()).unwrap();
        let answer = answer(&snapshot, &request, Err(ModeReason::NoVisitor), Occasion::at(NOW));
        assert!(
            answer.json.contains(&format!(r#"{{"offer":"second","outcome":"outranked","why":"{expected}""#)),
            "{}",
            answer.json
        );
    }
}
