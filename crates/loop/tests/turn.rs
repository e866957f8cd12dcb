//! Turns of the loop on documents that may be published: which bandits learn, from which counts, and what stays.

use serde_json::{Value, json};
use vitrine_config::{Format, check};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{CountQuery, CountRow, Dimension, HOUR_MS, Kind, Rule, Tally};
use vitrine_loop::{Counted, LoopOutcome, Turn, differ_in_learnt_only, keep_learnt, queries};

/// Half past an hour.
const NOW: TimestampMs = TimestampMs(490_000 * HOUR_MS + HOUR_MS / 2);
const HOUR: i64 = 490_001;

/// The canonical form of a document that may be published.
#[track_caller]
fn published(document: &Value) -> Value {
    check(&document.to_string(), Format::Json).unwrap_or_else(|it| panic!("{it:?}")).document
}

fn shop(placement: Value) -> Value {
    let offer = |id: &str| json!({ "id": id, "content": { "title": id } });
    published(&json!({
        "version": 1,
        "metrics": [{ "id": "orders", "type": "proportion", "event": "purchase", "goal": "increase" }],
        "experiments": [{
            "id": "hero-test", "type": "string", "metrics": { "goal": ["orders"] },
            "variations": [{ "id": "control", "value": "c" }, { "id": "smart", "value": "s" }],
        }],
        "offers": [offer("tulips"), offer("spades"), offer("welcome")],
        "placements": [placement],
    }))
}

fn clicks(more: Value) -> Value {
    let mut ranker = json!({ "type": "bandit", "model": "bernoulli", "learn": { "reward": "click" } });
    ranker.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop(json!({ "id": "home", "ranker": ranker, "fallback": "welcome" }))
}

/// A count of an offer: in no variation unless `of` has more.
fn row(of: &[&str], kind: Kind, rule: Rule, n: u64, value: u64) -> CountRow {
    let mut of: Vec<String> = of.iter().map(|it| (*it).to_owned()).collect();
    of.resize(3, String::new());
    let mut tally = Tally::default();
    (0..n).for_each(|_| tally.add(&Tally::of(value)));
    let currency = if value > 0 { "CNY" } else { "" }.to_owned();
    CountRow::Count { of, kind, rule, currency, tally }
}

/// What all queries get: the same rows.
#[track_caller]
fn counted(document: &Value, rows: &[CountRow]) -> Vec<Counted> {
    let queries = queries(document, "production", NOW).unwrap();
    assert!(!queries.is_empty());
    queries.into_iter().map(|it| (it, rows.to_vec())).collect()
}

fn turn(document: &Value, rows: &[CountRow]) -> Turn {
    Turn::of(document, "production", Some(7), NOW, &counted(document, rows))
}

fn seen() -> Vec<CountRow> {
    vec![
        row(&["tulips"], Kind::Impression, Rule::Token, 300, 0),
        row(&["tulips"], Kind::Click, Rule::Token, 12, 0),
        row(&["spades"], Kind::Impression, Rule::Token, 100, 0),
        // None of these is a showing or a reward of this bandit.
        row(&["spades"], Kind::Dismiss, Rule::Token, 50, 0),
        row(&["tulips"], Kind::Conversion, Rule::Token, 9, 0),
        row(&["left-the-shop"], Kind::Impression, Rule::Token, 5, 0),
        CountRow::Position { shard: 2, n: 471 },
        CountRow::Apart { why: "bot".to_owned(), n: 3 },
    ]
}

#[test]
fn counts_become_posteriors_and_a_record() {
    let Turn { record, document } = turn(&clicks(json!({ "arms": { "spades": [5, 5] } })), &seen());
    let document = document.unwrap();
    let expected = json!({ "tulips": [13.0, 289.0], "spades": [1.0, 101.0] });
    assert_eq!(document["placements"][0]["ranker"]["arms"], expected);
    let found = check(&document.to_string(), Format::Json).unwrap();
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert_eq!(
        (record.outcome, record.version_before, record.version_after),
        (LoopOutcome::WouldPublish, Some(7), None)
    );
    assert_eq!(record.position.into_iter().collect::<Vec<_>>(), [(2, 471)]);
    let [bandit] = record.bandits.as_slice() else { panic!("one bandit") };
    assert_eq!((bandit.placement.as_str(), bandit.changed, &bandit.note), ("home", true, &None));
    assert_eq!(bandit.to, TimestampMs(HOUR * HOUR_MS).to_string());
    assert_eq!(bandit.from, TimestampMs((HOUR - 90 * 24) * HOUR_MS).to_string());
    let arms: Vec<_> =
        bandit.arms.iter().map(|it| (it.offer.as_str(), it.shown, it.rewards, it.before, it.after)).collect();
    assert_eq!(
        arms,
        [("spades", 100, 0, Some([5.0, 5.0]), Some([1.0, 101.0])), ("tulips", 300, 12, None, Some([13.0, 289.0])),]
    );
}

#[test]
fn a_second_turn_on_the_same_counts_changes_nothing() {
    for (document, rows) in [(clicks(json!({})), seen()), (values(json!([5, 2])), sold())] {
        let first = turn(&document, &rows).document.unwrap();
        // As the registry keeps it: written and read again.
        let kept: Value = serde_json::from_str(&published(&first).to_string()).unwrap();
        let second = turn(&kept, &rows);
        assert_eq!((second.record.outcome, second.document), (LoopOutcome::Unchanged, None));
        assert!(second.record.bandits.iter().all(|it| !it.changed));
    }
}

#[test]
fn what_is_no_longer_in_the_window_is_forgotten() {
    let turn = turn(&clicks(json!({ "arms": { "tulips": [13, 289] } })), &[]);
    assert_eq!(turn.document.unwrap()["placements"][0]["ranker"]["arms"], json!({}));
    assert_eq!(turn.record.bandits[0].arms[0].after, None);
}

#[test]
fn the_prior_stands_under_the_counts() {
    let document = turn(&clicks(json!({ "prior": [2, 50] })), &seen()).document.unwrap();
    assert_eq!(document["placements"][0]["ranker"]["arms"]["tulips"], json!([14.0, 338.0]));
}

fn values(prior: Value) -> Value {
    let learn = json!({ "reward": "value", "name": "purchase", "currency": "CNY" });
    let ranker = json!({ "type": "bandit", "model": "gaussian", "prior": prior, "learn": learn });
    shop(json!({ "id": "home", "ranker": ranker, "fallback": "welcome" }))
}

fn sold() -> Vec<CountRow> {
    let other = row(&["tulips"], Kind::Conversion, Rule::Token, 4, 900_000);
    let CountRow::Count { of, kind, rule, tally, .. } = other else { panic!("a count") };
    vec![
        row(&["tulips"], Kind::Impression, Rule::Token, 10, 0),
        row(&["tulips"], Kind::Conversion, Rule::VisitorClick, 2, 4_000),
        row(&["spades"], Kind::Impression, Rule::Token, 10, 0),
        row(&["spades"], Kind::Conversion, Rule::Token, 1, 1_000),
        // The same conversions seen from experiments, those that nothing led to, and another currency.
        row(&["spades"], Kind::Conversion, Rule::Exposure, 7, 5_000),
        row(&["spades"], Kind::Conversion, Rule::None, 7, 5_000),
        CountRow::Count { of, kind, rule, currency: "EUR".to_owned(), tally },
    ]
}

#[test]
fn values_are_in_the_unit_of_the_currency_and_only_attributed_ones_count() {
    let Turn { record, document } = turn(&values(json!([0, 1000])), &sold());
    let arms = &document.unwrap()["placements"][0]["ranker"]["arms"];
    // With so wide a prior it is nearly the mean of the tries: 80/10 and 10/10.
    for (offer, mean) in [("tulips", 8.0), ("spades", 1.0)] {
        assert!((arms[offer][0].as_f64().unwrap() - mean).abs() < 1e-3, "{arms}");
        // Spread: squares within are (3200 - 640) + (100 - 10) = 2650, of 18 degrees of freedom, over 10 tries.
        assert!((arms[offer][1].as_f64().unwrap() - (2650.0_f64 / 18.0 / 10.0).sqrt()).abs() < 1e-3, "{arms}");
    }
    let sums: Vec<_> = record.bandits[0].arms.iter().map(|it| (it.rewards, it.value)).collect();
    assert_eq!(sums, [(1, Some(10.0)), (2, Some(80.0))]);
    let nothing = turn(&values(json!([0, 1])), &[]);
    assert_eq!(nothing.record.outcome, LoopOutcome::Unchanged);
    assert!(nothing.record.bandits[0].note.as_deref().unwrap().contains("too little"));
}

#[test]
fn each_bandit_learns_only_from_what_it_ranked() {
    let learner = |learn: Value| json!({ "type": "bandit", "model": "bernoulli", "learn": learn });
    let document = shop(json!({
        "id": "home", "fallback": "welcome", "ranker": learner(json!({ "reward": "click" })),
        "experiment": { "id": "hero-test", "variations": { "smart": { "ranker": learner(json!({ "reward": "conversion" })) } } },
    }));
    let rows = [
        row(&["tulips"], Kind::Impression, Rule::Token, 10, 0),
        row(&["tulips", "hero-test", "0"], Kind::Impression, Rule::Token, 20, 0),
        row(&["tulips", "hero-test", "1"], Kind::Impression, Rule::Token, 40, 0),
        row(&["tulips", "hero-test", "1"], Kind::Conversion, Rule::VisitorView, 3, 0),
        row(&["tulips", "hero-test", "1"], Kind::Click, Rule::Token, 5, 0),
        row(&["tulips", "other-test", "1"], Kind::Click, Rule::Token, 1, 0),
    ];
    let Turn { record, document } = turn(&document, &rows);
    let placement = &document.unwrap()["placements"][0];
    assert_eq!(placement["ranker"]["arms"], json!({ "tulips": [2.0, 30.0] }));
    assert_eq!(placement["experiment"]["variations"]["smart"]["ranker"]["arms"], json!({ "tulips": [4.0, 38.0] }));
    let named: Vec<_> = record.bandits.iter().map(|it| (it.experiment.as_deref(), it.variation.as_deref())).collect();
    assert_eq!(named, [(None, None), (Some("hero-test"), Some("smart"))]);
}

#[test]
fn bandits_that_do_not_learn_are_left_alone() {
    let ranker = json!({ "type": "bandit", "model": "bernoulli", "arms": { "tulips": [3, 4] } });
    let document = shop(json!({ "id": "home", "ranker": ranker, "fallback": "welcome" }));
    assert_eq!(queries(&document, "production", NOW), Ok(Vec::new()));
    let Turn { record, document } = Turn::of(&document, "production", Some(1), NOW, &[]);
    assert_eq!((record.outcome, document), (LoopOutcome::NothingLearns, None));
    let nothing = Turn::of(&Value::Null, "production", None, NOW, &[]);
    assert_eq!(nothing.record.outcome, LoopOutcome::NothingLearns);
}

#[test]
fn the_window_is_what_the_document_says() {
    let of = |learn: Value| -> Vec<CountQuery> { queries(&clicks(json!({ "learn": learn })), "staging", NOW).unwrap() };
    let hours = |learn: Value| of(learn).iter().map(|it| (it.from_hour, it.to_hour)).collect::<Vec<_>>();
    assert_eq!(hours(json!({ "reward": "click", "window_days": 1 })), [(HOUR - 24, HOUR)]);
    // An hour that was begun when the bandit was does not count.
    let begun = TimestampMs(NOW.0 - 3 * HOUR_MS).to_string();
    assert_eq!(hours(json!({ "reward": "click", "since": begun })), [(HOUR - 3, HOUR)]);
    let long_ago = TimestampMs(NOW.0 - 300 * 24 * HOUR_MS).to_string();
    assert_eq!(hours(json!({ "reward": "click", "since": long_ago, "window_days": 2 })), [(HOUR - 48, HOUR)]);
    let later = TimestampMs(NOW.0 + 5 * HOUR_MS).to_string();
    assert_eq!(hours(json!({ "reward": "click", "since": later })), []);
    // Conversions of one name are asked for apart from showings, which have none.
    let named = of(json!({ "reward": "conversion", "name": "purchase" }));
    let only: Vec<_> = named.iter().map(|it| it.only.last().unwrap().clone()).collect();
    assert_eq!(only, [(Dimension::Placement, "home".to_owned()), (Dimension::Name, "purchase".to_owned())]);
    assert!(named.iter().all(|it| it.environment == "staging"));
}

#[test]
fn publications_of_people_keep_what_was_learnt() {
    let running = turn(&clicks(json!({})), &seen()).document.unwrap();
    let arms = &running["placements"][0]["ranker"]["arms"];
    let kept = |mut document: Value| {
        keep_learnt(&mut document, Some(&running));
        document["placements"][0]["ranker"]["arms"].clone()
    };
    assert_eq!(&kept(clicks(json!({}))), arms);
    assert_eq!(kept(clicks(json!({ "arms": { "tulips": [2, 2] } }))), json!({ "tulips": [2, 2] }));
    assert_eq!(kept(clicks(json!({ "arms": {} }))), json!({}));
    // Another question begins anew.
    for other in [
        json!({ "prior": [1, 9] }),
        json!({ "learn": { "reward": "conversion" } }),
        json!({ "learn": { "reward": "click", "window_days": 30 } }),
        json!({ "learn": { "reward": "click", "since": "2026-01-01T00:00:00Z" } }),
    ] {
        assert_eq!(kept(clicks(other.clone())), Value::Null, "{other}");
    }
    let mut without = clicks(json!({}));
    without["offers"].as_array_mut().unwrap().retain(|it| it["id"] != "spades");
    assert_eq!(kept(without), json!({ "tulips": [13.0, 289.0] }));
    let mut first = clicks(json!({}));
    keep_learnt(&mut first, None);
    assert_eq!(first, clicks(json!({})));
}

#[test]
fn a_difference_in_what_was_learnt_is_none_for_authors() {
    let (before, after) = (clicks(json!({})), turn(&clicks(json!({})), &seen()).document.unwrap());
    assert!(differ_in_learnt_only(&before, &after));
    let mut edited = after.clone();
    edited["offers"][0]["content"]["title"] = "Roses".into();
    assert!(!differ_in_learnt_only(&before, &edited));
    // What people wrote themselves is theirs.
    let by_hand = |arms: Value| {
        let ranker = json!({ "type": "bandit", "model": "bernoulli", "arms": arms });
        shop(json!({ "id": "home", "ranker": ranker, "fallback": "welcome" }))
    };
    assert!(!differ_in_learnt_only(&by_hand(json!({ "tulips": [1, 2] })), &by_hand(json!({ "tulips": [2, 2] }))));
}
