//! What may change an assignment, and what may not.

use crate::{json, payload, random_cases, visitor};
use proptest::prelude::*;
use vitrine_flags::{Context, Evaluation, Experiment, Json, Object, Payload, Reduction, reduce_payload};

/// The variation of `id`, if it is in.
fn variation(experiment: &Experiment, id: &str) -> Option<usize> {
    let (payload, context) = (Payload::default(), visitor(id));
    let result = Evaluation::new(&payload, &context).run(experiment);
    result.in_experiment.then_some(result.variation_id)
}

fn experiment(coverage: f64, weights: &[f64], version: u32) -> Experiment {
    let mut json = Object::new();
    json.insert("key", "exp");
    json.insert("variations", Json::List(weights.iter().enumerate().map(|(at, _)| Json::from(at as f64)).collect()));
    json.insert("weights", weights.to_vec());
    json.insert("coverage", coverage);
    json.insert("hashVersion", version);
    Experiment::from_json(&Json::Object(json))
}

proptest! {
    #[test]
    fn raising_coverage_never_moves_or_drops_a_visitor(
        weights in prop::collection::vec(1_u32..1_000, 2..6),
        coverages in prop::array::uniform2(0.0..=1.0_f64),
        version in 1_u32..=2,
        ids in prop::collection::vec("\\PC{1,12}", 1..50),
    ) {
        let sum: u32 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|weight| f64::from(*weight) / f64::from(sum)).collect();
        let (low, high) = (coverages[0].min(coverages[1]), coverages[0].max(coverages[1]));
        let (low, high) = (experiment(low, &weights, version), experiment(high, &weights, version));
        for id in ids {
            let before = variation(&low, &id);
            prop_assert!(before.is_none() || before == variation(&high, &id), "{id}");
        }
    }

    #[test]
    fn raising_the_coverage_of_a_rollout_never_drops_a_visitor(
        coverages in prop::array::uniform2(0.0..=1.0_f64),
        ids in prop::collection::vec("[a-z0-9]{1,12}", 1..50),
    ) {
        let (low, high) = (coverages[0].min(coverages[1]), coverages[0].max(coverages[1]));
        let rollout = |coverage: f64| payload(&format!(
            r#"{{"features": {{"f": {{"rules": [{{"force": true, "coverage": {coverage}, "hashVersion": 2}}]}}}}}}"#
        ));
        let (low, high) = (rollout(low), rollout(high));
        for id in ids {
            let context = visitor(&id);
            let is_on = |payload: &Payload| Evaluation::new(payload, &context).feature("f").on();
            prop_assert!(!is_on(&low) || is_on(&high), "{id}");
        }
    }
}

#[test]
fn the_order_of_attributes_is_irrelevant() {
    let mut n_compared = 0;
    for (payload, attributes) in random_cases(2_000) {
        let reversed: Vec<(String, Json)> = attributes.clone().into_iter().collect();
        let context = Context { attributes, ..Context::default() };
        let other = Context { attributes: reversed.into_iter().rev().collect(), ..Context::default() };
        for key in payload.features() {
            let one = Evaluation::new(&payload, &context).feature(key).to_json();
            assert_eq!(one, Evaluation::new(&payload, &other).feature(key).to_json());
            n_compared += 1;
        }
    }
    assert!(n_compared > 2_000);
}

#[test]
fn an_unrelated_feature_changes_nothing() {
    let added = json(r#"{"rules": [{"variations": ["x", "y"], "key": "exp", "seed": "seed"}, {"force": 1}]}"#);
    for (payload, attributes) in random_cases(2_000) {
        let mut more = payload.source().clone();
        let mut features = Object::new();
        features.insert("unrelated", added.clone());
        for (key, feature) in more.get("features").unwrap().as_object().unwrap().iter() {
            features.insert(key, feature.clone());
        }
        more.insert("features", features);
        let more = Payload::from_json(Json::Object(more));
        let context = Context { attributes, ..Context::default() };
        let mut with = Evaluation::new(&more, &context);
        with.feature("unrelated");
        for key in payload.features() {
            assert_eq!(Evaluation::new(&payload, &context).feature(key).to_json(), with.feature(key).to_json());
        }
    }
}

#[test]
fn asking_twice_gives_the_same_and_one_exposure() {
    for (payload, attributes) in random_cases(500) {
        let context = Context { attributes, ..Context::default() };
        let mut evaluation = Evaluation::new(&payload, &context);
        let mut ask = || payload.features().map(|key| evaluation.feature(key).to_json()).collect::<Vec<_>>();
        let (first, second) = (ask(), ask());
        assert_eq!(first, second);
        let mut once = Evaluation::new(&payload, &context);
        payload.features().for_each(|key| assert!(!once.feature(key).disabled));
        assert_eq!(once.exposures().len(), evaluation.exposures().len());
    }
}

#[test]
fn a_reduced_payload_says_the_same_to_the_visitor_it_was_reduced_for() {
    let mut n_smaller = 0;
    for (payload, attributes) in random_cases(2_000) {
        // Half of the attributes are known when the payload is reduced, all of them when it is evaluated.
        let known: Object = attributes.clone().into_iter().take(attributes.len() / 2).collect();
        let reduction = Reduction { attributes: known, ..Reduction::default() };
        let reduced = reduce_payload(payload.source(), &reduction);
        n_smaller += u32::from(
            Json::Object(reduced.clone()).to_string().len() < Json::Object(payload.source().clone()).to_string().len(),
        );
        let reduced = Payload::from_json(Json::Object(reduced));
        let context = Context { attributes, ..Context::default() };
        for key in payload.features() {
            let whole = Evaluation::new(&payload, &context).feature(key);
            let part = Evaluation::new(&reduced, &context).feature(key);
            assert_eq!((whole.value, whole.source, whole.rule_id), (part.value, part.source, part.rule_id));
        }
    }
    assert!(n_smaller > 1_000, "{n_smaller}");
}
