//! One case: what its section asks, and what this crate says.

use std::collections::BTreeMap;
use vitrine_flags::specification::{
    bucket_ranges, choose_variation, equal_weights, eval_condition, hash, in_namespace, query_string_override,
};
use vitrine_flags::{
    Context, Evaluation, Experiment, Filters, Json, Object, Payload, Prerequisites, Pruned, Reduction, StickyDocs,
    crypto, prune_condition, reduce_payload,
};

/// Runs one case of a section. Errors: what was expected and what was found.
pub fn run(section: &str, case: &[Json]) -> Result<(), String> {
    match (section, case) {
        ("evalCondition", [_, condition, attributes, expected, rest @ ..]) => {
            let groups = rest.first().map(object).unwrap_or_default();
            same(&Json::from(eval_condition(&object(attributes), condition, &groups)), expected)
        }
        ("pruneCondition", [_, condition, attributes, expected, rest @ ..]) => {
            let groups = rest.first().map(object).unwrap_or_default();
            let found = match prune_condition(&object(attributes), condition, &groups) {
                Pruned::Decided(passes) => Json::from(passes),
                Pruned::Left(condition) => condition,
            };
            same(&found, expected)
        }
        ("reducePayload", [_, options, expected]) => {
            let filters = |name: &str| options.get(name).map(Filters::from_json).unwrap_or_default();
            let reduction = Reduction {
                attributes: options.get("attributes").map(object).unwrap_or_default(),
                global_attributes: options.get("globalAttributes").map(object).unwrap_or_default(),
                include: filters("include"),
                exclude: filters("exclude"),
                prerequisites: match options.get("prerequisites").and_then(Json::as_text) {
                    Some("filter") => Prerequisites::Filter,
                    _ => Prerequisites::Keep,
                },
            };
            same(&Json::Object(reduce_payload(&object(options.get("payload").unwrap()), &reduction)), expected)
        }
        ("hash", [seed, value, version, expected]) => {
            same(&Json::from(hash(text(seed), text(value), number(version) as u32)), expected)
        }
        ("getBucketRange", [_, arguments, expected]) => {
            let [n, coverage, weights] = arguments.as_list().unwrap() else { return Err("three arguments".to_owned()) };
            let weights = weights.as_list().map(|weights| weights.iter().map(number).collect::<Vec<_>>());
            let found = bucket_ranges(number(n) as usize, number(coverage), weights.as_deref());
            let expected: Vec<Vec<f64>> = expected.as_list().unwrap().iter().map(rounded).collect();
            let found: Vec<Vec<f64>> = found.iter().map(|(start, end)| vec![round(*start), round(*end)]).collect();
            equal(&found, &expected)
        }
        ("getEqualWeights", [n, expected]) => {
            let found: Vec<f64> = equal_weights((number(n).max(0.0)) as usize).into_iter().map(round).collect();
            equal(&found, &rounded(expected))
        }
        ("chooseVariation", [_, bucket, ranges, expected]) => {
            let ranges: Vec<(f64, f64)> = ranges
                .as_list()
                .unwrap()
                .iter()
                .map(|range| (number(&range.as_list().unwrap()[0]), number(&range.as_list().unwrap()[1])))
                .collect();
            let found = choose_variation(number(bucket), &ranges).map_or(-1.0, |index| index as f64);
            same(&Json::from(found), expected)
        }
        ("getQueryStringOverride", [_, key, url, n, expected]) => {
            let found = query_string_override(text(key), text(url), number(n) as usize);
            same(&Json::from(found.map(|index| index as f64)), expected)
        }
        ("inNamespace", [_, value, namespace, expected]) => {
            let [id, start, end] = namespace.as_list().unwrap() else { return Err("three members".to_owned()) };
            same(&Json::from(in_namespace(text(value), text(id), number(start), number(end))), expected)
        }
        ("decrypt", [_, encrypted, key, expected]) => {
            same(&Json::from(crypto::decrypt(text(encrypted), text(key))), expected)
        }
        ("feature" | "contextualBandit", [_, given, key, expected]) => {
            let (payload, context) = payload_and_context(given);
            let found = Evaluation::new(&payload, &context).feature(text(key)).to_json();
            same_result(found, expected)
        }
        ("run", [_, given, experiment, value, in_experiment, hash_used]) => {
            let (payload, context) = payload_and_context(given);
            let experiment = Experiment::from_json(experiment);
            let result = Evaluation::new(&payload, &context).run(&experiment);
            let found = vec![result.value.clone(), result.in_experiment.into(), result.hash_used.into()];
            same(&Json::List(found), &Json::List(vec![value.clone(), in_experiment.clone(), hash_used.clone()]))
        }
        ("stickyBucket", [_, given, docs, key, expected, expected_docs]) => {
            let (payload, mut context) = payload_and_context(given);
            context.sticky = Some(StickyDocs::from_json(docs));
            let mut evaluation = Evaluation::new(&payload, &context);
            let result = evaluation.feature(text(key)).experiment_result.map(|result| result.to_json());
            let mut kept = context.sticky.clone().unwrap();
            evaluation.sticky_changes().iter().for_each(|doc| kept.insert(doc.clone()));
            same(&Json::from(result), expected)?;
            // A client loads only the documents of the visitor's own attributes.
            let attributes = &context.attributes;
            let is_own = |doc: &Json| {
                let member = |name: &str| doc.get(name).and_then(Json::as_text).unwrap();
                attributes.get(member("attributeName")).and_then(Json::as_text) == Some(member("attributeValue"))
            };
            let kept = kept.to_json().as_object().unwrap().clone().into_iter().filter(|(_, doc)| is_own(doc));
            same(&Json::Object(kept.collect()), expected_docs)
        }
        ("urlRedirect", [_, given, expected]) => {
            let (payload, context) = payload_and_context(given);
            let redirect = Evaluation::new(&payload, &context).redirect().map(|redirect| {
                let mut json = Object::new();
                json.insert("inExperiment", redirect.result.in_experiment);
                json.insert("urlRedirect", redirect.url);
                json.insert("urlWithParams", redirect.url_with_params);
                json
            });
            same(&Json::from(redirect.into_iter().collect::<Vec<_>>()), expected)
        }
        _ => Err(format!("nobody knows how to run a case of {} members of {section}", case.len())),
    }
}

fn same(found: &Json, expected: &Json) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("expected {expected}\n    found    {found}")) }
}

fn equal<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}\n    found    {found:?}")) }
}

/// The whole result; in the other project's own cases, `experiment` and its result are left unsaid.
fn same_result(mut found: Json, expected: &Json) -> Result<(), String> {
    if let Json::Object(found) = &mut found
        && expected.get("source").and_then(Json::as_text) == Some("experiment")
        && expected.get("experiment").is_none()
    {
        found.remove("experiment");
        found.remove("experimentResult");
    }
    same(&found, expected)
}

fn payload_and_context(given: &Json) -> (Payload, Context) {
    let mut payload = Object::new();
    for name in ["features", "savedGroups", "experiments", "contextualBandits"] {
        if let Some(value) = given.get(name) {
            payload.insert(name, value.clone());
        }
    }
    let known = [
        "features",
        "savedGroups",
        "experiments",
        "contextualBandits",
        "attributes",
        "url",
        "forcedVariations",
        "enabled",
        "qaMode",
        "remoteGroupIds",
        "stickyBucketAssignmentDocs",
    ];
    let unknown: Vec<&str> = given.as_object().unwrap().keys().filter(|key| !known.contains(key)).collect();
    assert!(unknown.is_empty(), "the context holds {unknown:?}, which this runner ignores");
    let is = |name: &str, default: bool| given.get(name).map_or(default, |json| json.as_bool().unwrap());
    let forced = given.get("forcedVariations").map(object).unwrap_or_default();
    let context = Context {
        attributes: given.get("attributes").map(object).unwrap_or_default(),
        url: given.get("url").map(|url| text(url).to_owned()),
        forced_variations: forced
            .iter()
            .map(|(key, at)| (key.to_owned(), number(at) as i64))
            .collect::<BTreeMap<_, _>>(),
        enabled: is("enabled", true),
        qa_mode: is("qaMode", false),
        query_override: true,
        remote_group_ids: given
            .get("remoteGroupIds")
            .map(|ids| ids.as_list().unwrap().iter().map(|id| text(id).to_owned()).collect()),
        ..Context::default()
    };
    (Payload::from_json(Json::Object(payload)), context)
}

fn object(json: &Json) -> Object {
    json.as_object().cloned().unwrap_or_default()
}

fn text(json: &Json) -> &str {
    json.as_text().unwrap()
}

fn number(json: &Json) -> f64 {
    json.as_number().unwrap()
}

/// As the specification compares ranges and weights.
fn round(number: f64) -> f64 {
    (number * 1e8).floor() / 1e8
}

fn rounded(list: &Json) -> Vec<f64> {
    list.as_list().unwrap().iter().map(|it| round(number(it))).collect()
}
