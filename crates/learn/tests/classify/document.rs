//! Exported models: the format's document, the golden file, round trips, and corrupted documents.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vitrine_learn::classify::*;
use vitrine_learn::resample::Stream;

use crate::{mixed, naive};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Rows of a table of `mixed`'s features, ordinary ones and odd ones.
fn rows(n: usize) -> Vec<Vec<f64>> {
    let mut stream = Stream::new(21, "rows");
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e31, -1e30, 0.0, -0.0, 0.5, 2.0, 3.0, 255.0, 256.0, 1e-300];
    let mut value = |ordinary: f64| match stream.below(4) {
        0 => odd[stream.index(odd.len())],
        _ => (ordinary * stream.unit() * 4.0).floor() / 4.0,
    };
    (0..n).map(|_| vec![value(400.0), value(60.0), value(4.0).floor()]).collect()
}

/// A model of each kind, calibrated in each way.
fn exports() -> Vec<Export> {
    let table = mixed(600, 22);
    let logistic = Logistic::fit(&table, &LogisticParams::default()).unwrap();
    let params = BoostedParams { trees_max: 8, rate: 0.3, ..Default::default() };
    let boosted = Boosted::fit(&table, &params, 1).unwrap();
    assert!(boosted.trees.len() > 3);
    let platt = Calibration::Platt { slope: 0.9, offset: 0.1 };
    let isotonic = Calibration::Isotonic { margins: vec![-2.5, -0.1, 1.7], chances: vec![0.05, 0.4, 0.92] };
    let features: Vec<Feature> = table.features().cloned().collect();
    let mut exports = Vec::new();
    for (kind, model) in [("logistic", Model::from(logistic)), ("trees", Model::from(boosted))] {
        for (way, calibration) in [("none", &Calibration::None), ("platt", &platt), ("isotonic", &isotonic)] {
            let name = format!("{kind}_{way}");
            exports.push(Export::new(&name, "bought", features.clone(), model.clone(), calibration.clone()).unwrap());
        }
    }
    exports
}

#[test]
fn documents_come_back_the_same() {
    let models = Models::new(exports()).unwrap();
    let text = models.to_json();
    let back = Models::from_json(text.as_bytes()).unwrap();
    assert_eq!(back, models);
    assert_eq!(back.to_json(), text);
    let mut n_scores = 0;
    for (before, after) in models.models().iter().zip(back.models()) {
        assert_eq!(Export::from_json(before.to_json().as_bytes()).unwrap(), *before);
        assert_eq!(models.get(before.name()), Some(before));
        for row in rows(300) {
            assert_eq!(score(before, &row).to_bits(), score(after, &row).to_bits());
            n_scores += 1;
        }
    }
    assert_eq!(n_scores, 1800);
}

#[test]
fn a_plain_scorer_gives_the_same_bits() {
    for export in exports() {
        let document: Value = serde_json::from_str(&export.to_json()).unwrap();
        for mut row in rows(500) {
            for length in [3, 2, 0] {
                row.truncate(length);
                let (found, plain) = (score(&export, &row), naive::chance(&document, &row));
                assert_eq!(found.to_bits(), plain.to_bits(), "{} {row:?}: {found} {plain}", export.name());
                assert!((0.0..=1.0).contains(&found));
            }
        }
    }
}

/// A row of a document: missing values are `null`.
fn row_of(row: &Value) -> Vec<f64> {
    row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

#[track_caller]
fn check_scores(models: &Models, scores: &Value) -> usize {
    let scores = scores.as_array().unwrap();
    for case in scores {
        let model = models.get(case["model"].as_str().unwrap()).unwrap();
        let found = score(model, &row_of(&case["row"]));
        assert_eq!(format!("{:016x}", found.to_bits()), case["bits"], "{case}: {found}");
        assert!((found - case["chance"].as_f64().unwrap()).abs() < 1e-15, "{case}: {found}");
    }
    scores.len()
}

#[test]
fn the_example_of_the_document_holds() {
    let text = read("../../docs/formats/models.md");
    let blocks: Vec<&str> = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [models, scores] = blocks[..] else { panic!("{} JSON blocks", blocks.len()) };
    let parsed = Models::from_json(models.as_bytes()).unwrap();
    // It stands there in the order and the numbers of writing, only spaced.
    let squeezed: String = models.chars().filter(|c| !c.is_whitespace()).collect();
    let written: String = parsed.to_json().chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(written, squeezed);
    assert_eq!(check_scores(&parsed, &serde_json::from_str(scores).unwrap()), 6);
}

#[test]
fn the_golden_file_holds() {
    let models = read("tests/data/classify-models-v1.json");
    let parsed = Models::from_json(models.as_bytes()).unwrap();
    assert_eq!(parsed.to_json(), models);
    assert_eq!(parsed.models().len(), 6);
    let scores: Value = serde_json::from_str(&read("tests/data/classify-scores-v1.json")).unwrap();
    assert_eq!(check_scores(&parsed, &scores), 240);
}

/// What the golden files would be if they were made today. Compared, so that a change of fit or of writing shows; the files
/// are only ever written by hand, from the proposal that a failure leaves.
#[test]
fn the_golden_file_is_what_is_fitted_today() {
    let models = Models::new(exports()).unwrap();
    let mut scores = Vec::new();
    for model in models.models() {
        for row in rows(40) {
            // JSON has no infinite numbers; they count as missing too.
            let row: Vec<f64> = row.into_iter().map(|x| if x.is_infinite() { f64::NAN } else { x }).collect();
            let chance = score(model, &row);
            let bits = format!("{:016x}", chance.to_bits());
            scores.push(json!({ "model": model.name(), "row": row, "chance": chance, "bits": bits }).to_string());
        }
    }
    let scores = format!("[\n{}\n]\n", scores.join(",\n"));
    let proposal = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, text) in [("classify-models-v1.json", models.to_json()), ("classify-scores-v1.json", scores)] {
        let found = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name));
        if found.ok().as_deref() != Some(&text) {
            let path = proposal.join(name);
            fs::write(&path, text).unwrap();
            panic!("{name} differs; today's is {}", path.display());
        }
    }
}

#[test]
fn corrupted_documents_are_refused() {
    let exports = exports();
    let document = |name: &str| -> Value {
        let export = exports.iter().find(|export| export.name() == name).unwrap();
        serde_json::from_str(&export.to_json()).unwrap()
    };
    let node = |nodes: Value| json!([nodes]);
    // (model, pointer to what is replaced, by what, what the error says)
    let cases: Vec<(&str, &str, Value, &str)> = vec![
        ("logistic_none", "/version", json!(2), "version is 2, this reader knows 1"),
        ("logistic_none", "/name", json!("Churn!"), "the name `Churn!` is not made of a-z, 0-9 and _ alone"),
        ("logistic_none", "/name", json!(""), "bytes of the name: 0, expected 1 to 100"),
        ("logistic_none", "/outcome", json!("o".repeat(201)), "bytes of the outcome: 201, expected 0 to 200"),
        ("logistic_none", "/features", json!([]), "features: 0, expected 1 to 512"),
        ("logistic_none", "/features/1/name", json!("recency_days"), "the feature's name `recency_days` is used twice"),
        ("logistic_none", "/features/2/values", json!(["a", "a", "b"]), "the value `a` is used twice"),
        ("logistic_none", "/features/2/values", json!(["a", "b"]), "weights of term 2: 3, expected 2"),
        ("logistic_none", "/features/0", json!({"name": "r", "values": ["a"]}), "term 0: feature 0 is a category"),
        ("logistic_none", "/features/0", json!({"name": "r", "unit": "days"}), "unknown field `unit`"),
        ("logistic_none", "/model/logistic/terms", json!([]), "terms: 0, expected 3"),
        (
            "logistic_none",
            "/model/logistic/terms/0/scale",
            json!(0.0),
            "scale of term 0 is 0, it must be between 1e-30 and 1e30",
        ),
        ("logistic_none", "/model/logistic/terms/0/weight", json!(1e39), "weight of term 0 is inf, it must be finite"),
        (
            "logistic_none",
            "/model/logistic/terms/0/weight",
            json!(null),
            "a term needs mean, scale, weight and missing",
        ),
        ("logistic_none", "/model/logistic/intercept", json!("1"), "invalid type: string \"1\", expected f32"),
        ("logistic_none", "/model", json!({"forest": {}}), "unknown variant `forest`"),
        ("logistic_none", "/calibration", json!("some"), "unknown variant `some`"),
        (
            "logistic_platt",
            "/calibration/platt/slope",
            json!(-0.5),
            "slope of the calibration is -0.5, it must be between 0 and 1e6",
        ),
        ("logistic_platt", "/calibration/platt/offset", json!(-1e31), "offset of the calibration is"),
        ("trees_none", "/model/trees/trees/0/0/0", json!(3), "tree 0, node 0: asks of feature 3, but there are 3"),
        ("trees_none", "/model/trees/trees/0/0/2", json!(0), "tree 0, node 0: "),
        ("trees_none", "/model/trees/trees/0/0/2", json!(99), "tree 0, node 0: "),
        ("trees_none", "/model/trees/trees/0", json!([]), "nodes of tree 0: 0, expected 1 to 31"),
        (
            "trees_none",
            "/model/trees/trees/0",
            node(json!([0, 1.0, 0, 0, 0])),
            "node 0: leads to node 0, where another way leads too",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[0, 1, 1, 2, 1], 0.5, [0, 2, 1, 3, 3], 0.5]),
            "node 2: leads to node 1, where another way leads too",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[0, 1, 1, 2, 3], 0.5, 0.5]),
            "node 0: missing values go to node 3, neither 1 nor 2",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[0, 1, 1, 3, 3], 0.5, 0.5, 0.5]),
            "node 2: no node before it leads here",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[0, 1, 1, 9, 1], 0.5]),
            "node 0: leads to node 9, but there are 2",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([
                [0, 1, 1, 2, 1],
                0.0,
                [0, 1, 3, 4, 3],
                0.0,
                [0, 1, 5, 6, 5],
                0.0,
                [0, 1, 7, 8, 7],
                0.0,
                [0, 1, 9, 10, 9],
                0.0,
                0.0
            ]),
            "node 8: is more than 4 questions deep",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[2, 1.5, 1, 2, 1], 0.0, 0.0]),
            "tree 0, node 0: feature 2 is a category",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[0, [1], 1, 2, 1], 0.0, 0.0]),
            "tree 0, node 0: feature 0 is a number",
        ),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[2, [1, 1], 1, 2, 1], 0.0, 0.0]),
            "the positions of its values do not rise",
        ),
        ("trees_none", "/model/trees/trees/0", json!([[2, [], 1, 2, 1], 0.0, 0.0]), "or there are none"),
        (
            "trees_none",
            "/model/trees/trees/0",
            json!([[2, [3], 1, 2, 1], 0.0, 0.0]),
            "value 3 is asked for, but feature 2 has 3",
        ),
        ("trees_none", "/model/trees/trees/0", json!([1e31]), "leaf 0 of tree 0 is"),
        ("trees_none", "/model/trees/trees/0", json!([[0, 1.0, 1]]), "a node is a number, or"),
        (
            "trees_isotonic",
            "/calibration/isotonic/margins",
            json!([0.0, 0.0, 1.0]),
            "calibration, knot 1: its margin is not above",
        ),
        (
            "trees_isotonic",
            "/calibration/isotonic/chances",
            json!([0.5, 0.4, 0.6]),
            "calibration, knot 1: its chance is not above",
        ),
        (
            "trees_isotonic",
            "/calibration/isotonic/chances",
            json!([0.0, 0.4, 0.6]),
            "chance of knot 0 is 0, it must be above 0 and below 1",
        ),
        (
            "trees_isotonic",
            "/calibration/isotonic/chances",
            json!([0.4, 0.6]),
            "chances of the calibration: 2, expected 3",
        ),
        (
            "trees_isotonic",
            "/calibration/isotonic",
            json!({"margins": [], "chances": []}),
            "knots of the calibration: 0, expected 1 to 1000",
        ),
    ];
    for (name, pointer, by, expected) in cases {
        let mut document = document(name);
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{name} has no {pointer}")) = by.clone();
        let found = Export::from_json(document.to_string().as_bytes()).unwrap_err().to_string();
        assert!(found.contains(expected), "{pointer} = {by}: expected `{expected}`, found `{found}`");
    }
    let twice = json!({ "models": [document("trees_none"), document("trees_none")] }).to_string();
    let texts = [
        (twice.as_str(), "the model's name `trees_none` is used twice"),
        ("", "bytes of the document: 0"),
        ("{\"models\":[]", "EOF while parsing"),
        ("{\"models\":[],\"version\":1}", "unknown field `version`"),
        ("[]", "invalid length 0"),
        ("{\"models\":[]} x", "trailing characters"),
        ("{\"models\":[NaN]}", "expected value at line 1 column 12"),
    ];
    for (text, expected) in texts {
        let found = Models::from_json(text.as_bytes()).unwrap_err().to_string();
        assert!(found.contains(expected), "`{text}`: expected `{expected}`, found `{found}`");
    }
    // Any single character of a document taken out: an error, or another sound model; never a panic.
    let text = exports[5].to_json();
    for place in 0..text.len() {
        let cut = [&text.as_bytes()[..place], &text.as_bytes()[place + 1..]].concat();
        if let Ok(export) = Export::from_json(&cut) {
            rows(5).iter().for_each(|row| assert!((0.0..=1.0).contains(&score(&export, row))));
        }
    }
}
