//! Exposures, orders to tell, sticky assignments, and what is chosen by hand.

use crate::{json, payload, visitor};
use vitrine_flags::{Context, Evaluation, Experiment, Payload, StickyDocs};

const TWO: &str = r#"{"features": {
  "a": {"rules": [{"variations": [0, 1], "key": "shared"}]},
  "b": {"rules": [{"variations": [0, 1], "key": "shared"}]},
  "c": {"rules": [{"variations": [0, 1], "key": "other", "hashAttribute": "device"}]},
  "d": {"rules": [{"variations": [0, 1], "coverage": 0}]},
  "e": {"rules": [{"force": 1}]},
  "p": {"rules": [{"parentConditions": [{"id": "c"}], "force": 1}]}
}}"#;

fn exposed(evaluation: &Evaluation<'_>) -> Vec<String> {
    evaluation
        .exposures()
        .iter()
        .map(|it| format!("{} {} {}", it.experiment.experiment.key(), it.result.hash_attribute, it.result.key))
        .collect()
}

#[test]
fn an_assignment_is_an_exposure_once() {
    let (payload, context) = (payload(TWO), visitor(r#"{"id": "1", "device": "2"}"#));
    let mut evaluation = Evaluation::new(&payload, &context);
    for key in ["d", "e", "none"] {
        evaluation.feature(key);
    }
    assert!(exposed(&evaluation).is_empty());
    evaluation.feature("a");
    assert_eq!(exposed(&evaluation).len(), 1);
    // Another feature, the same experiment.
    evaluation.feature("b");
    assert_eq!(exposed(&evaluation).len(), 1);
    // A prerequisite runs an experiment as well.
    evaluation.feature("p");
    evaluation.feature("c");
    let exposed = exposed(&evaluation);
    assert_eq!(exposed.len(), 2, "{exposed:?}");
    assert!(exposed[0].starts_with("shared id ") && exposed[1].starts_with("other device "), "{exposed:?}");
}

#[test]
fn what_is_chosen_by_hand_is_no_exposure() {
    let payload = payload(TWO);
    let mut context = visitor(r#"{"id": "1"}"#);
    context.forced_variations.insert("shared".to_owned(), 1);
    context.url = Some("https://example.com/?other=1".to_owned());
    context.query_override = true;
    let mut evaluation = Evaluation::new(&payload, &context);
    for key in ["a", "c"] {
        let result = evaluation.feature(key).experiment_result.unwrap();
        assert_eq!((result.variation_id, result.in_experiment, result.hash_used), (1, true, false));
    }
    assert!(evaluation.exposures().is_empty());
}

#[test]
fn the_query_string_decides_only_where_it_may() {
    let payload = payload(TWO);
    let url = Some("https://example.com/?shared=0&shared=1".to_owned());
    let mut by_query = Vec::new();
    for query_override in [false, true] {
        let context = Context { url: url.clone(), query_override, ..visitor(r#"{"id": "1"}"#) };
        by_query.push(Evaluation::new(&payload, &context).feature("a").experiment_result.unwrap().hash_used);
    }
    assert_eq!(by_query, [true, false]);
}

#[test]
fn a_variation_out_of_range_puts_the_visitor_out() {
    let (payload, experiment) =
        (Payload::default(), Experiment::from_json(&json(r#"{"key": "e", "variations": [7, 8]}"#)));
    for index in [-1, 2, i64::MAX, i64::MIN] {
        let mut context = visitor(r#"{"id": "1"}"#);
        context.forced_variations.insert("e".to_owned(), index);
        let result = Evaluation::new(&payload, &context).run(&experiment);
        assert_eq!((result.in_experiment, result.variation_id, result.value), (false, 0, &json("7")), "{index}");
    }
}

#[test]
fn orders_to_tell_are_collected_when_their_rule_applies() {
    let payload = payload(
        r#"{"features": {"f": {"rules": [
          {"force": 1, "condition": {"a": 1}, "tracks": [{"experiment": {"key": "x"}}]},
          {"force": 2, "tracks": [{"experiment": {"key": "y"}}, {"experiment": {"key": "z"}}]}
        ]}}}"#,
    );
    let context = Context::default();
    let mut evaluation = Evaluation::new(&payload, &context);
    evaluation.feature("f");
    let told: Vec<String> = evaluation.tracks().iter().map(ToString::to_string).collect();
    assert_eq!(told, [r#"{"experiment":{"key":"y"}}"#, r#"{"experiment":{"key":"z"}}"#]);
}

#[test]
fn sticky_assignments_of_one_evaluation_add_up() {
    let payload = payload(
        r#"{"features": {
          "a": {"rules": [{"variations": [0, 1], "key": "one", "meta": [{"key": "x"}, {"key": "y"}]}]},
          "b": {"rules": [{"variations": [0, 1], "key": "two", "bucketVersion": 2, "meta": [{"key": "x"}, {"key": "y"}]}]}
        }}"#,
    );
    let docs = json(r#"[{"attributeName": "id", "attributeValue": "1", "assignments": {"old__0": "k"}}]"#);
    let context = Context { sticky: Some(StickyDocs::from_json(&docs)), ..visitor(r#"{"id": 1}"#) };
    let mut evaluation = Evaluation::new(&payload, &context);
    evaluation.feature("a");
    evaluation.feature("b");
    evaluation.feature("a");
    let [doc] = evaluation.sticky_changes() else { panic!("one document") };
    let keys: Vec<&str> = doc.assignments.keys().map(String::as_str).collect();
    assert_eq!((doc.attribute.as_str(), doc.value.as_str(), keys), ("id", "1", vec!["old__0", "one__0", "two__2"]));
    // What was kept is honoured by the next evaluation, whatever the weights are by then.
    let mut kept = StickyDocs::default();
    kept.insert(doc.clone());
    assert_eq!(StickyDocs::from_json(&kept.to_json()), kept);
    let next = Context { sticky: Some(kept), ..context.clone() };
    let mut again = Evaluation::new(&payload, &next);
    assert!(again.feature("a").experiment_result.unwrap().sticky_bucket_used);
    assert!(again.sticky_changes().is_empty());
}

#[test]
fn without_sticky_bucketing_a_fallback_is_not_used() {
    let payload = payload(
        r#"{"features": {"f": {"rules": [
          {"variations": [1, 2], "hashAttribute": "user", "fallbackAttribute": "id"},
          {"force": 3, "coverage": 1, "hashAttribute": "user", "fallbackAttribute": "id"}
        ]}}}"#,
    );
    let mut context = visitor(r#"{"id": "1"}"#);
    assert_eq!(crate::said(&payload, &context, "f"), "null defaultValue");
    context.sticky = Some(StickyDocs::default());
    assert!(crate::said(&payload, &context, "f").ends_with("experiment"));
}
