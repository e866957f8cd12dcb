//! The specification's public suite, whole.
//!
//! It ships inside of a crate of another project: cargo fetches that crate for `bench/`, and its files are read from where
//! cargo keeps it. Nothing of it is compiled or copied here.
#![allow(missing_docs)]

#[path = "conformance/cases.rs"]
mod cases;
#[path = "conformance/suite.rs"]
mod suite;

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::Write as _;
use suite::Suite;
use vitrine_flags::Json;

/// Version of the specification that the suite is of.
const VERSION: &str = "0.12.0";
/// Checksum of the suite, so that it cannot change unnoticed.
const SHA256: &str = "01811b2c39ab6f80426376342fa8338f5447d6d1a9d14095dbc06fc3cc882bf3";
/// How many cases it has.
const N_CASES: usize = 1_035;

/// Cases that do not hold here, as `section: name`, each with its reason. One that holds after all fails the test.
const EXCLUDED: [(&str, &str); 0] = [];

/// Cases that the other project added for itself and that say something else than the specification.
const NOT_OF_THE_SPECIFICATION: [(&str, &str); 0] = [];

#[test]
fn every_case_of_the_specification_holds() {
    let bytes = suite::read("cases.json");
    let checksum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(checksum, SHA256, "the suite is another one than expected");
    let suite = Json::parse(&bytes).unwrap();
    assert_eq!(suite.get("specVersion").and_then(Json::as_text), Some(VERSION));

    let outcome = Suite::run(&suite);
    assert_eq!(outcome.n_cases(), N_CASES);
    outcome.check(&EXCLUDED);
    let say = format!(
        "conformance: {} of {} cases of specification {VERSION}\n{}\n",
        outcome.n_passed(),
        outcome.n_cases(),
        outcome.sections()
    );
    // Not through `println!`, which the test runner would keep to itself.
    std::io::stdout().write_all(say.as_bytes()).unwrap();
}

#[test]
fn the_other_project_s_own_cases_hold_too() {
    let suite = Json::parse(&suite::read("rust.json")).unwrap();
    let outcome = Suite::run(&suite);
    assert!(outcome.n_cases() > 0);
    outcome.check(&NOT_OF_THE_SPECIFICATION);
}

#[test]
fn a_wrong_expectation_fails() {
    // The runner itself: each section must be able to fail.
    let suite = Json::parse(
        br#"{
          "evalCondition": [["c", {"a": 1}, {"a": 1}, false]],
          "pruneCondition": [["p", {"a": 1}, {"a": 1}, false]],
          "reducePayload": [["r", {"payload": {"features": {}}}, {"features": {}}]],
          "hash": [["", "a", 1, 0.23]],
          "getBucketRange": [["b", [2, 1, null], [[0, 0.4], [0.5, 1]]]],
          "feature": [["f", {"features": {"a": {"defaultValue": 1}}}, "a", {"value": 2}]],
          "run": [["e", {"attributes": {"id": "1"}}, {"key": "my-test", "variations": [0, 1]}, 0, true, true]],
          "chooseVariation": [["v", 0.2, [[0, 0.5], [0.5, 1]], 1]],
          "getQueryStringOverride": [["q", "k", "http://x.example?k=1", 2, 0]],
          "inNamespace": [["n", "1", ["namespace1", 0, 0.4], true]],
          "getEqualWeights": [[2, [0.5, 0.4]]],
          "decrypt": [["d", "nonsense", "nonsense", "plain"]],
          "stickyBucket": [["s", {"attributes": {"id": "1"}}, [], "f", null, {"id||1": {}}]],
          "urlRedirect": [["u", {"attributes": {"id": "1"}, "url": "", "experiments": []}, [{}]]]
        }"#,
    )
    .unwrap();
    let outcome = Suite::run(&suite);
    let section = |name: String| name.split(':').next().unwrap().to_owned();
    let failed: BTreeSet<String> = outcome.failed().map(section).collect();
    let sections: BTreeSet<String> = suite.as_object().unwrap().keys().map(str::to_owned).collect();
    assert_eq!(failed, sections);
}
