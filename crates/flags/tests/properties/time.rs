//! Schedules, ramps, and the payload at one moment.

use crate::{json, random_cases, visitor};
use proptest::prelude::*;
use vitrine_flags::{Context, Evaluation, Json, Object, Payload};

/// Adds schedules to the rules of a payload, drawn from `times`.
fn scheduled(payload: &Object, times: &[i64]) -> Payload {
    let mut payload = payload.clone();
    let mut times = times.iter().cycle().map(|time| *time as f64);
    let mut next = || times.next().unwrap_or_default();
    let mut features = payload.get("features").unwrap().as_object().unwrap().clone();
    for key in features.keys().map(str::to_owned).collect::<Vec<_>>() {
        let Some(Json::Object(feature)) = features.get_mut(&key) else { continue };
        let Some(Json::List(rules)) = feature.get_mut("rules") else { continue };
        for (at, rule) in rules.iter_mut().enumerate() {
            let Json::Object(rule) = rule else { continue };
            let mut extension = Object::new();
            if at % 3 != 0 {
                extension.insert("starts", next());
            }
            if at % 2 == 0 {
                extension.insert("ends", next());
            }
            if at % 2 == 1 {
                let steps = [0.1, 0.5, 1.0].map(|coverage| Json::from(vec![next(), coverage]));
                extension.insert("ramp", Json::List(steps.to_vec()));
            }
            rule.insert("vitrine", extension);
        }
    }
    payload.insert("features", features);
    Payload::from_json(Json::Object(payload))
}

#[test]
fn the_resolved_payload_says_what_the_scheduled_one_says() {
    let times = [100, 700, 300, 900, 200, 500, 400, 800, 600];
    let mut n_compared = 0;
    for (case, (payload, attributes)) in random_cases(300).enumerate() {
        let payload = scheduled(payload.source(), &times[case % times.len()..]);
        assert_eq!(payload.faults().iter().filter(|fault| fault.pointer.contains("vitrine")).count(), 0);
        for now_ms in [0, 150, 300, 450, 600, 899, 900, 10_000] {
            let context = Context { attributes: attributes.clone(), now_ms, ..Context::default() };
            let resolved = payload.resolve(now_ms);
            assert!(!resolved.payload.to_string().contains("vitrine"));
            let plain = Payload::from_json(resolved.payload);
            for key in payload.features() {
                let with = Evaluation::new(&payload, &context).feature(key).to_json();
                // The plain payload knows no time at all.
                let timeless = Context { now_ms: 0, ..context.clone() };
                assert_eq!(with, Evaluation::new(&plain, &timeless).feature(key).to_json(), "case {case} at {now_ms}");
                n_compared += 1;
            }
        }
    }
    assert!(n_compared > 1_000);
}

#[test]
fn a_resolved_payload_holds_until_it_says_so() {
    for (payload, _) in random_cases(200) {
        let payload = scheduled(payload.source(), &[100, 700, 300, 900, 200, 500]);
        let mut now = 0;
        while let Some(changes_at) = payload.resolve(now).changes_at {
            assert!(changes_at > now);
            let here = payload.resolve(now).payload;
            assert_eq!(payload.resolve(changes_at - 1).payload, here);
            assert_ne!(payload.resolve(changes_at).payload, here, "nothing changes at {changes_at}");
            now = changes_at;
        }
        assert_eq!(payload.resolve(now).payload, payload.resolve(i64::MAX).payload);
    }
}

proptest! {
    #[test]
    fn a_ramp_that_only_grows_drops_nobody(
        mut steps in prop::collection::vec((0_i64..1_000, 0.0..=1.0_f64), 1..6),
        mut moments in prop::collection::vec(0_i64..1_000, 2..10),
        ids in prop::collection::vec("[a-z0-9]{1,12}", 1..20),
    ) {
        let mut coverages: Vec<f64> = steps.iter().map(|(_, coverage)| *coverage).collect();
        coverages.sort_by(f64::total_cmp);
        steps.sort_by_key(|(at, _)| *at);
        let steps: Vec<Json> = steps.iter().zip(coverages).map(|((at, _), it)| vec![*at as f64, it].into()).collect();
        let ramp = Json::List(steps);
        let payload = json(&format!(
            r#"{{"features": {{
              "rollout": {{"rules": [{{"force": true, "hashVersion": 2, "vitrine": {{"ramp": {ramp}}}}}]}},
              "experiment": {{"rules": [{{"variations": ["a", "b"], "hashVersion": 2, "vitrine": {{"ramp": {ramp}}}}}]}}
            }}}}"#
        ));
        let payload = Payload::from_json(payload);
        moments.sort_unstable();
        for id in ids {
            for key in ["rollout", "experiment"] {
                let mut before = Json::Null;
                for now_ms in &moments {
                    let context = Context { now_ms: *now_ms, ..visitor(&id) };
                    let value = Evaluation::new(&payload, &context).feature(key).value.clone();
                    prop_assert!(before == Json::Null || before == value, "{key} {id} at {now_ms}");
                    before = value;
                }
            }
        }
    }
}
