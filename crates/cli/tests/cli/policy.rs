//! `vitrine policy evaluate`: estimates from logs, and what is wrong with logs and beliefs.

use crate::run::Place;
use std::path::PathBuf;

const LOG: &str = "offer,propensity,reward\na,0.5,0\nb,0.5,1\na,0.5,1\nb,0.5,1\nb,0.5,0\na,0.5,0\n";
const BELIEFS: &str = "alpha: [1, 1000]\nbeta: [1000, 1]\n";
const EVALUATE: &str = "policy evaluate --log log.csv --beliefs beliefs.yaml --draws 1000";

fn place(log: &str, beliefs: &str) -> Place {
    let place = Place::new();
    place.write("log.csv", log);
    place.write("beliefs.yaml", beliefs);
    place
}

/// A policy that shows `b` alone: its rows count twice, the others not at all.
#[test]
fn a_small_log_is_estimated_as_by_hand() {
    let found = place(LOG, BELIEFS).json(&format!("{EVALUATE} --json"));
    let near = |found: &serde_json::Value, expected: f64| {
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "{found} of {expected}");
    };
    assert_eq!((&found["rows"], &found["offers"], &found["places"]), (&6.into(), &2.into(), &1.into()));
    near(&found["logged"]["value"], 3.0 / 6.0);
    near(&found["ips"]["value"], 4.0 / 6.0);
    near(&found["snips"]["value"], 2.0 / 3.0);
    near(&found["effective_rows"], 3.0);
    assert_eq!(found["verdict"], "too_little_overlap");
}

#[test]
fn people_read_that_the_log_says_too_little() {
    let text = place(LOG, BELIEFS).ok(EVALUATE);
    assert!(text.contains("effective sample size 3"), "{text}");
    assert!(text.contains("the log says too little"), "{text}");
}

#[test]
fn what_is_wrong_is_named() {
    let check = |log: &str, beliefs: &str, options: &str, expected: &str| {
        let ran = place(log, beliefs).run(&format!("{EVALUATE} {options}"));
        assert_eq!((ran.exit, ran.out.as_str()), (3, ""), "{}", ran.err);
        assert!(ran.err.contains(expected), "{:?} does not say {expected:?}", ran.err);
    };
    check(LOG, BELIEFS, "--reward clicks", "there is no column \"clicks\"; there are offer, propensity, reward");
    check(&LOG.replace("a,0.5,1", "a,,1"), BELIEFS, "", "row 3: column \"propensity\" is empty");
    check(&LOG.replace("a,0.5,1", "a,1.5,1"), BELIEFS, "", "row 2: the propensity 1.5 is not above 0");
    check(&LOG.replace("a,0.5,1", "a,0,1"), BELIEFS, "", "row 2: the propensity 0 is not above 0");
    check(LOG, "alpha: [1]\nbeta: [1]\n", "", "beliefs about 1 offers, the log shows 2");
    check(LOG, "alpha: [1, 2]\nbeta: [1]\n", "", "2 entries of alpha, 1 of beta");
    check(LOG, "alpha: [1, 0]\nbeta: [1, 1]\n", "", "action 1: alpha 0 and beta 1 must be finite and above 0");
    check(LOG, "alpha: [1, 2\n", "", "beliefs.yaml");
    check(LOG, BELIEFS, "--campaign all", "beliefs.yaml");
    check(LOG, "all: {alpha: [1, 2], beta: [1, 1]}\n", "--campaign men", "0 entries of alpha");
    check("offer,propensity,reward\n", BELIEFS, "", "shows 0");
}

/// The same figures as `vitrine-learn`'s test on the real log, through the command and the file of beliefs as it was published.
#[test]
fn a_real_log_with_the_published_beliefs() {
    let data = std::env::var_os("VITRINE_TEST_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let dir = data.join("open_bandit");
    if !dir.is_dir() {
        println!("skipped: {} is not there; VITRINE_TEST_DATA names another folder", dir.display());
        return;
    }
    let dir = dir.display();
    let found = Place::new().json(&format!(
        "policy evaluate --log {dir}/random_all.parquet --offer item_id --place position --propensity propensity_score \
         --reward click --beliefs {dir}/prior_bts.yaml --campaign all --draws 20000 --json"
    ));
    let near = |name: &str, expected: f64, gap: f64| {
        let value = found[name]["value"].as_f64().unwrap();
        assert!((value - expected).abs() < gap, "{name}: {value} of {expected}");
    };
    near("ips", 0.00454, 0.0001);
    near("snips", 0.00476, 0.0001);
    assert_eq!((&found["rows"], &found["offers"], &found["places"]), (&10_000.into(), &80.into(), &3.into()));
    assert_eq!(found["verdict"], "cannot_tell");
}
