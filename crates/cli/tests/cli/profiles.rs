//! `vitrine profiles build` on a made-up shop, whose truth is known.

use crate::run::Place;
use serde_json::{Value, json};

const BUILD: &str = "profiles build --mapping vitrine-demo --key-file table.key";

fn shop(customers: u32) -> Place {
    let place = Place::new();
    place.ok(&format!("demo-data --out shop --customers {customers} --seed 3"));
    place.ok("keys generate --table-key-file table.key");
    place
}

/// The whole way on one machine: the cleaner counts what the truth counts, and visitors get the offers of their taste.
#[test]
fn a_shop_becomes_decisions() {
    let place = shop(1_500);
    let built = place.json(&format!("{BUILD} --orders shop/orders.csv --out table --json"));
    let report = &built["report"];
    let truth: Value = serde_json::from_str(&place.read("shop/truth.json")).expect("JSON");
    let put_aside = |code: &str| {
        let reasons = report["reasons"].as_array().expect("a list");
        reasons.iter().find(|it| it["code"] == code).map(|it| it["rows"].clone()).expect("a reason")
    };
    for (code, kind) in [
        ("duplicate", "exact_duplicates"),
        ("cancellation", "cancellations"),
        ("missing_customer", "missing_customer"),
        ("nonpositive_price", "zero_price"),
        ("bad_date", "bad_date"),
    ] {
        assert_eq!(put_aside(code), truth["dirt"][kind], "{code}");
    }
    assert_eq!(report["rows"]["read"], truth["orders"]["rows"]);
    assert_eq!(report["money"]["before_netting_minor"], truth["orders"]["gross_minor"]);

    assert_eq!(place.json("tables verify table --json")["rows"], report["customers"]);
    let samples = truth["samples"].as_array().expect("a list");
    let mut right = 0;
    for sample in samples {
        let visitor = sample["visitor"].as_str().expect("an id");
        let row = place.json(&format!("tables inspect table --visitor {visitor} --key-file table.key --json"));
        assert_eq!(row["columns"]["frequency"], sample["n_orders"], "{visitor}");
        let answer = decide(&place, visitor);
        assert_eq!((&answer["mode"], &answer["mode_reason"]), (&json!("personalised"), &json!("ok")), "{visitor}");
        right += usize::from(answer["decisions"][0]["items"][0]["offer"] == sample["expected_offer"]);
    }
    assert!(right * 8 >= samples.len() * 7, "{right} of {} samples got the offer of their taste", samples.len());
    let stranger = decide(&place, truth["unknown_visitor"].as_str().expect("an id"));
    assert_eq!((&stranger["mode"], &stranger["mode_reason"]), (&json!("contextual"), &json!("no_profile")));
}

#[track_caller]
fn decide(place: &Place, visitor: &str) -> Value {
    let request = json!({
        "visitor": { "key": visitor },
        "consent": { "personalise": true },
        "placements": [{ "id": "home-hero" }],
    });
    let line = "decide --config shop/offers.json --table table --key-file table.key --request -";
    let ran = place.run_with(line, &[], &request.to_string());
    assert_eq!((ran.exit, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn the_same_input_gives_the_same_build() {
    let place = shop(200);
    let build =
        |out: &str| place.json(&format!("{BUILD} --orders shop/orders.csv --out {out} --json"))["build"].clone();
    assert_eq!(build("one"), build("two"));
    let told = place.ok(&format!("{BUILD} --orders shop/orders.csv --out one --replace --as-of 2026-07-01"));
    assert!(told.contains(" rows kept; set aside:\n"), "{told}");
}

#[test]
fn what_cannot_be_built() {
    let place = shop(20);
    let fails = |line: &str, exit: i32, start: &str| {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{line}\n{}", ran.err);
        assert!(ran.err.starts_with(start), "{line}\n{}", ran.err);
    };
    let build = "profiles build --key-file table.key --out table --orders shop/orders.csv";
    fails(
        &format!("{build} --mapping our-shop"),
        3,
        "error: no mapping \"our-shop\" is built in; there are: online-retail, vitrine-demo\n \
         help: or give the path of a mapping file, which ends in .toml\n",
    );
    fails(&format!("{build} --mapping our-shop.toml"), 3, "error: cannot read mapping our-shop.toml: ");
    fails(&format!("{build} --mapping online-retail"), 3, "error: shop/orders.csv: no column ");
    fails(
        &format!("{build} --mapping vitrine-demo --as-of yesterday"),
        2,
        "error: invalid value 'yesterday' for '--as-of <DATE>': \"yesterday\" is no date or time; write 2026-01-31",
    );
    fails(&format!("{BUILD} --out table --orders nothing.csv"), 3, "error: nothing.csv: ");
    assert!(!place.path().join("table").exists());
    std::fs::create_dir(place.path().join("table")).expect("made");
    place.write("table/notes.txt", "mine");
    let exists = "error: table: already exists; choose another directory, or ask to replace it\n \
                  help: give --replace to replace it\n";
    fails(&format!("{BUILD} --out table --orders shop/orders.csv"), 1, exists);
    assert_eq!(place.read("table/notes.txt"), "mine");
}
