//! Whatever comes in, something sensible comes out: no panic, no endless recursion.

use crate::random_cases::{Draw, case};
use proptest::prelude::*;
use vitrine_flags::{
    Context, Evaluation, Experiment, Json, Object, Payload, Reduction, StickyDocs, eval_line, prune_condition,
    reduce_payload, specification,
};

/// Names that mean something somewhere, so that random JSON gets past the first question.
const NAMES: [&str; 56] = [
    "$or",
    "$and",
    "$nor",
    "$not",
    "$savedGroup",
    "$savedGroups",
    "$eq",
    "$ne",
    "$lt",
    "$gte",
    "$in",
    "$nin",
    "$ini",
    "$nini",
    "$inGroup",
    "$notInGroup",
    "$all",
    "$alli",
    "$elemMatch",
    "$size",
    "$exists",
    "$type",
    "$regex",
    "$regexi",
    "$notRegex",
    "$veq",
    "$vgt",
    "id",
    "attributeKey",
    "type",
    "values",
    "condition",
    "rules",
    "force",
    "variations",
    "weights",
    "coverage",
    "ranges",
    "range",
    "filters",
    "namespace",
    "meta",
    "key",
    "seed",
    "hashVersion",
    "hashAttribute",
    "parentConditions",
    "gate",
    "vitrine",
    "starts",
    "ends",
    "ramp",
    "contextualBanditRef",
    "contexts",
    "bucketVersion",
    "minBucketVersion",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
        2 => prop::sample::select(&["a", "b", "list", "remote", "simple", "0", "1", "(", "[a-z]+", "1.2.3"][..])
            .prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (-3..4_i32).prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::List),
            prop::collection::vec((text(), inner), 0..5)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Object> {
    prop::collection::vec((text(), any_json()), 0..6).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_condition_has_an_answer(condition in any_json(), attributes in any_object(), groups in any_object()) {
        specification::eval_condition(&attributes, &condition, &groups);
        prune_condition(&attributes, &condition, &groups);
    }

    #[test]
    fn any_payload_evaluates(
        features in any_object(),
        groups in any_object(),
        bandits in any_object(),
        experiments in prop::collection::vec(any_json(), 0..3),
        attributes in any_object(),
        sticky in prop::option::of(any_json()),
        now_ms in any::<i64>(),
        url in prop::option::of("\\PC{0,30}"),
    ) {
        let mut payload = Object::new();
        payload.insert("features", features);
        payload.insert("savedGroups", groups);
        payload.insert("contextualBandits", bandits);
        payload.insert("experiments", Json::List(experiments));
        let compiled = Payload::from_json(Json::Object(payload.clone()));
        let context = Context {
            attributes: attributes.clone(),
            sticky: sticky.as_ref().map(StickyDocs::from_json),
            now_ms,
            url,
            query_override: true,
            ..Context::default()
        };
        let mut evaluation = Evaluation::new(&compiled, &context);
        for key in compiled.features() {
            let json = evaluation.feature(key).to_json();
            prop_assert!(Json::parse(json.to_string().as_bytes()).is_ok());
        }
        evaluation.redirect();
        let resolved = compiled.resolve(now_ms);
        prop_assert!(resolved.changes_at.is_none_or(|at| at > now_ms));
        reduce_payload(&payload, &Reduction { attributes, ..Reduction::default() });
    }

    #[test]
    fn any_experiment_runs(experiment in any_json(), attributes in any_object()) {
        let (experiment, payload) = (Experiment::from_json(&experiment), Payload::default());
        let context = Context { attributes, ..Context::default() };
        let result = Evaluation::new(&payload, &context).run(&experiment);
        prop_assert!(!result.in_experiment || result.variation_id < experiment.variations().len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Payload::parse(&bytes);
        let _ = Json::parse(&bytes);
    }

    #[test]
    fn any_line_has_one_line_as_its_answer(line in "\\PC{0,60}") {
        let answer = eval_line(&line).unwrap_or_else(|error| error.answer);
        prop_assert!(Json::parse(answer.as_bytes()).is_ok() && !answer.contains('\n'));
    }

    #[test]
    fn a_damaged_line_has_one_line_as_its_answer(id in 0_u64..1_000, at in 0.0..1.0_f64, byte in any::<u8>()) {
        let mut line = case(id, &mut Draw::new(3, id)).to_string().into_bytes();
        let at = (at * line.len() as f64) as usize;
        line[at] = byte;
        if let Ok(line) = String::from_utf8(line) {
            let answer = eval_line(&line).unwrap_or_else(|error| error.answer);
            prop_assert!(Json::parse(answer.as_bytes()).is_ok());
        }
    }

    #[test]
    fn json_reads_back_what_it_writes(json in any_json()) {
        let text = json.to_string();
        prop_assert_eq!(Json::parse(text.as_bytes()).unwrap().to_string(), text);
    }
}
