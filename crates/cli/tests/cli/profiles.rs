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
        "error: no mapping \"our-shop\" is built in; there are: online-retail, vitrine-demo, cdnow, shopify, ga4, vitrine-events\n \
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

/// What a finished directory says of itself: its columns, a customer's row in words, and what a later build changed.
#[test]
fn a_build_is_explained_and_compared() {
    let place = shop(300);
    place.ok(&format!("{BUILD} --orders shop/orders.csv --out one --quiet"));
    let columns = place.json("profiles schema one --json");
    let columns = columns.as_array().expect("a list");
    let segment = columns.iter().find(|it| it["attribute"] == "profile.segment").expect("there");
    assert!(segment["values"].as_array().expect("a list").contains(&json!("champions")), "{segment}");
    assert!(columns.iter().all(|it| it["means"].as_str().is_some_and(|means| !means.is_empty())), "{columns:?}");
    let shown = place.ok("profiles schema one");
    assert!(shown.contains("profile.frequency  unsigned, 0 to 4095"), "{shown}");

    let truth: Value = serde_json::from_str(&place.read("shop/truth.json")).expect("JSON");
    let sample = &truth["samples"][0];
    let visitor = sample["visitor"].as_str().expect("an id");
    let said = place.json(&format!("profiles explain one --visitor {visitor} --key-file table.key --json"));
    let labels = said["labels"].as_array().expect("a list");
    let orders = labels.iter().find(|it| it["name"] == "frequency").expect("there");
    assert!(orders["value"].as_str().is_some_and(|it| it.starts_with(&sample["n_orders"].to_string())), "{orders}");
    let words = place.ok(&format!("profiles explain one --visitor {visitor} --key-file table.key"));
    assert!(words.contains("segment"), "{words}");

    place.ok(&format!("{BUILD} --orders shop/orders.csv --out two --as-of 2026-01-01 --quiet"));
    let same = place.json("profiles diff one one --json");
    assert!(same["moved"].as_array().expect("a list").iter().all(|it| it["moved"] == json!(0.0)), "{same}");
    let other = place.json("profiles diff one two --json");
    assert!(other["rows"]["after"].as_u64() < other["rows"]["before"].as_u64(), "{other}");
    assert!(other["moved"][0]["moved"].as_f64() > Some(0.0), "{other}");
    assert!(place.ok("profiles diff one two").contains("visitors"));
}

#[test]
fn what_cannot_be_explained() {
    let place = shop(20);
    place.ok(&format!("{BUILD} --orders shop/orders.csv --out table --quiet"));
    place.ok("keys generate --table-key-file other.key");
    for (line, exit, start) in [
        ("profiles explain table --visitor nobody --key-file table.key", 3, "error: table has no row for this visitor"),
        (
            "profiles explain table --visitor c0000001 --key-file other.key",
            3,
            "error: the key is not that of the table",
        ),
        ("profiles explain nowhere --visitor c0000001 --key-file table.key", 1, "error: "),
        ("profiles schema shop", 1, "error: "),
        ("profiles diff table nowhere", 1, "error: "),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{line}\n{}", ran.err);
        assert!(ran.err.starts_with(start), "{line}\n{}", ran.err);
    }
}

/// The stage boundary: a build's own files, compiled again, make the same rows.
#[test]
fn features_are_compiled_to_the_table_of_the_build() {
    let place = shop(300);
    let built = place.json(&format!("{BUILD} --orders shop/orders.csv --out one --as-of 2026-07-01 --json"));
    let line = "profiles compile --features one --as-of 2026-07-01 --out two --key-file table.key";
    let compiled = place.json(&format!("{line} --json"));
    assert_eq!(compiled["rows"], built["report"]["customers"]);
    assert_eq!(compiled["build"], built["build"]);
    let told = place.run(line);
    assert_eq!(told.exit, 1, "{}", told.err);
    assert!(told.err.contains("give --replace to replace it"), "{}", told.err);
    std::fs::remove_file(place.path().join("one/items.parquet")).expect("removed");
    let told = place.run(&format!("{line} --replace"));
    assert_eq!((told.exit, told.out.as_str()), (3, ""), "{}", told.err);
    assert!(told.err.contains("items.parquet"), "{}", told.err);
}

/// A proposal for a file with Chinese headers is a mapping that the check accepts.
#[test]
fn a_mapping_is_proposed_and_checked() {
    let place = Place::new();
    place.write(
        "orders.csv",
        "订单号,商品编码,商品名称,数量,单价,下单时间,会员ID\nA1,S-1,茶杯,2,19.90,2025-03-08 10:15:00,m1\nA2,S-2,茶壶,1,99.00,2025-03-09 11:20:00,m2\n",
    );
    let told = place.ok("profiles map --suggest orders.csv --out ours.toml");
    assert!(told.starts_with("ours.toml: 7 of 7 columns matched"), "{told}");
    let checked = place.json("profiles map --check ours.toml --json");
    assert_eq!(checked["kinds"], json!(["orders"]));
    assert!(place.ok("profiles map --suggest orders.csv").contains("order_id = \"订单号\""));
    let again = place.run("profiles map --suggest orders.csv --out ours.toml");
    assert_eq!((again.exit, again.out.as_str()), (1, ""), "{}", again.err);
    place.write("broken.toml", "version = 2\nname = 7\nquatity = 1\n");
    let ran = place.run("profiles map --check broken.toml");
    assert_eq!((ran.exit, ran.out.as_str()), (3, ""), "{}", ran.err);
    assert!(ran.err.contains("quatity") && ran.err.contains("name"), "{}", ran.err);
    assert_eq!(place.run("profiles map").exit, 2);
    assert_eq!(place.run("profiles map --suggest nothing.csv").exit, 3);
}

/// All that the made-up shop has, through its shop file, and a second build in the same working directory.
#[test]
fn a_whole_shop_is_built_from_its_shop_file() {
    let place = shop(400);
    let build =
        "profiles build --shop shop/shop.toml --key-file table.key --work work --today 2026-07-01 --json --quiet";
    let built = place.json(&format!("{build} --out one"));
    let quality = &built["report"]["quality"];
    let feeds = quality["feeds"].as_array().expect("a list");
    let active = feeds.iter().filter(|feed| feed["is_active"] == true).count();
    assert!(feeds.len() > active && active >= 8, "one feed has expired: {feeds:?}");
    let kinds: Vec<&str> =
        quality["kinds"].as_array().expect("a list").iter().filter_map(|it| it["kind"].as_str()).collect();
    for kind in ["orders", "events", "catalogue", "customers", "surveys", "contacts", "identities", "costs"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(place.path().join("one/labels.json").is_file());
    // Nobody who was erased has a row.
    for erased in place.read("shop/erased.txt").lines().filter(|line| !line.trim().is_empty()) {
        let ran = place.run(&format!("profiles explain one --visitor {erased} --key-file table.key"));
        assert_eq!(ran.exit, 3, "{erased}: {}", ran.out);
    }
    let again = place.json(&format!("{build} --out two"));
    assert_eq!(again["build"], built["build"]);
    assert!(std::fs::read_dir(place.path().join("work")).expect("kept").count() > 0);

    for (line, exit, part) in [
        ("profiles build --key-file table.key --out three", 2, "--orders"),
        ("profiles build --key-file table.key --out three --orders shop/orders.csv", 2, "--mapping"),
        ("profiles build --key-file table.key --out three --shop nothing.toml", 3, "nothing.toml"),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{line}\n{}", ran.err);
        assert!(ran.err.contains(part), "{line}\n{}", ran.err);
    }
}

#[test]
fn rankers_are_evaluated() {
    let place = shop(300);
    let evaluate = "profiles evaluate --mapping vitrine-demo --orders shop/orders.csv";
    let found = place.json(&format!("{evaluate} --k 5 --recommendations recommended.parquet --json"));
    assert_eq!((&found["k"], &found["cancellations"]), (&json!(5), &json!("net")));
    let modes = found["modes"].as_array().expect("a list");
    assert_eq!(modes.len(), 2);
    for mode in modes {
        for choice in ["hybrid", "edge_blend"] {
            let (trials, best) = (mode[choice]["trials"].as_array().expect("a list"), &mode[choice]["validation_ndcg"]);
            assert_eq!(mode[choice]["n_trials"], trials.len());
            assert!(trials.iter().any(|trial| trial["score"] == *best && trial["params"] == mode[choice]["params"]));
        }
        let rankers = mode["rankers"].as_array().expect("a list");
        assert_eq!((&rankers[0]["ranker"], &rankers[10]["ranker"]), (&json!("popularity"), &json!("hybrid")));
        assert!(rankers.iter().all(|it| it["ndcg"]["low"].as_f64() <= it["ndcg"]["high"].as_f64()));
    }
    assert!(place.path().join("recommended.parquet").is_file());
    let told = place.ok(&format!("{evaluate} --cancellations drop"));
    assert!(told.contains("\nnovel: ") && told.contains("\nrepeat: ") && told.contains("nDCG@10"), "{told}");
    assert!(told.lines().any(|line| line.starts_with("hybrid  ")), "{told}");

    let fails = |line: &str, exit: i32, part: &str| {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{line}\n{}", ran.err);
        assert!(ran.err.contains(part), "{line}\n{}", ran.err);
    };
    fails(
        &format!("{evaluate} --split-at 2001-01-01"),
        3,
        "error: option split_at: 2001-01-01 does not split the history",
    );
    fails(&format!("{evaluate} --split-at soon"), 2, "invalid value 'soon' for '--split-at <DATE>'");
    fails(&format!("{evaluate} --k 0"), 2, "invalid value '0' for '--k <N>'");
    fails(&format!("{evaluate} --cancellations keep"), 2, "invalid value 'keep' for '--cancellations <HOW>'");
    fails("profiles evaluate --mapping vitrine-demo --orders nothing.csv", 3, "error: nothing.csv: ");
}

/// The published fit of the CDNOW sample, to the digits that are printed.
#[test]
fn customer_value_is_the_published_one() {
    let data = std::env::var_os("VITRINE_TEST_DATA").map(std::path::PathBuf::from);
    let data = data.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into());
    let Ok(log) = std::fs::read(data.join("cdnow/CDNOW_sample.txt")) else {
        println!("skipped: no cdnow/CDNOW_sample.txt in {}", data.display());
        return;
    };
    let place = Place::new();
    place.write("CDNOW_sample.txt", &log);
    let line = "profiles clv --transactions CDNOW_sample.txt --mapping cdnow --calibration-end 1997-09-30";
    let found = place.json(&format!("{line} --json --customers out.csv"));
    let printed = |model: &str, name: &str, digits: usize| {
        let value = found[model][name].as_f64().unwrap_or_else(|| panic!("{model}.{name}: {found}"));
        format!("{value:.digits$}")
    };
    for (model, name, digits, published) in [
        ("bgnbd", "r", 3, "0.243"),
        ("bgnbd", "alpha", 3, "4.414"),
        ("bgnbd", "a", 3, "0.793"),
        ("bgnbd", "b", 3, "2.426"),
        ("bgnbd", "log_likelihood", 1, "-9582.4"),
        ("gamma_gamma", "p", 2, "6.25"),
        ("gamma_gamma", "q", 2, "3.74"),
        ("gamma_gamma", "v", 2, "15.44"),
    ] {
        assert_eq!(printed(model, name, digits), published, "{model}.{name}");
    }
    assert_eq!((&found["n_customers"], &found["n_repeat_buyers"]), (&json!(2_357), &json!(946)));
    // Nothing is put aside: two equal purchases are two, and one that cost nothing is one.
    assert_eq!(found["rows"], json!({ "read": 6_919, "kept": 6_919, "quarantined": 0 }));
    assert_eq!((&found["verdict"], &found["holdout"]["actual"]), (&json!("publish"), &json!(1_882)));
    assert_eq!((&found["holdout_days"], &found["warnings"]), (&json!(273), &json!([])));

    let csv = place.read("out.csv");
    let mut rows = csv.lines();
    let head = "customer_id,repeat_purchases,recency_weeks,age_weeks,mean_minor,p_alive,expected_purchases,clv_minor,low_minor,high_minor";
    assert_eq!(rows.next(), Some(head));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 2_357);
    let number = |row: &[&str], at: usize| row[at].parse::<f64>().expect("a number");
    // The first customer of the published summary: x 2, t_x 30.43, T 38.86; scipy's value for it is 36.278.
    assert_eq!(&rows[0][..5], ["00004", "2", "30.428571", "38.857143", "2234.500000"]);
    assert!((number(&rows[0], 7) - 3_627.8).abs() < 3.0, "{:?}", rows[0]);
    let mut total = 0.0;
    for row in &rows {
        assert!((0.0..=1.0).contains(&number(row, 5)) && number(row, 6) >= 0.0, "{row:?}");
        assert!(number(row, 8) <= number(row, 9), "{row:?}");
        total += number(row, 7);
    }
    assert_eq!(found["values"]["clv_minor"].as_f64(), Some(total));

    let told = place.ok(&format!("{line} --quiet"));
    assert!(told.contains("r 0.243, alpha 4.414 weeks, a 0.793, b 2.426"), "{told}");
    let line = line.replace("1997-09-30", "1998-06-30");
    let whole = place.json(&format!("{line} --json"));
    assert_eq!((&whole["holdout"], &whole["verdict"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_has_no_customer_value() {
    let place = Place::new();
    place.write("log.txt", " 00004 0001 19970101  2   29.33\n 00021 0002 19970102  1   10.00\n");
    let clv = "profiles clv --transactions log.txt --mapping cdnow";
    for (line, exit, part) in [
        (format!("{clv} --calibration-end soon"), 2, "invalid value 'soon' for '--calibration-end <DATE>'"),
        (clv.to_owned(), 2, "--calibration-end"),
        (
            format!("{clv} --calibration-end 1996-01-01"),
            3,
            "error: option calibration_end: nobody bought until the end of the calibration",
        ),
        (
            format!("{clv} --calibration-end 1997-06-30 --holdout-end 1997-01-31"),
            3,
            "error: option calibration_end: the holdout ends on day",
        ),
        (format!("{clv} --calibration-end 1997-06-30"), 3, "error: option transactions: "),
        (format!("{clv} --calibration-end 1997-06-30 --monthly-discount 1.5"), 3, "error: option terms: "),
        (format!("{clv} --calibration-end 1997-06-30 --horizon-months 0"), 2, "--horizon-months"),
        (
            "profiles clv --transactions nothing.txt --mapping cdnow --calibration-end 1997-06-30".to_owned(),
            3,
            "error: nothing.txt: ",
        ),
    ] {
        let ran = place.run(&line);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{line}\n{}", ran.err);
        assert!(ran.err.contains(part), "{line}\n{}", ran.err);
    }
    assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), 1, "nothing was written");
}

/// Labels that tell whether a customer came back, and customers who buy like a group.
#[test]
fn a_build_is_asked_about_its_customers() {
    let place = shop(600);
    place.ok(&format!("{BUILD} --orders shop/orders.csv --out table --quiet --clusters 3 --churn-days 30"));
    let report: Value = serde_json::from_str(&place.read("table/report.json")).expect("JSON");
    assert_eq!((&report["groups"]["state"], &report["groups"]["found"]["k"]), (&json!("published"), &json!(3)));
    assert!(place.read("table/report.html").starts_with("<!doctype html>"));

    let rank = "profiles rank table --outcome is_repeat";
    let all = place.json(&format!("{rank} --json"));
    // What is made of the same as the outcome tells it wholly.
    assert_eq!(all["features"][0]["chi_square"]["cramers_v"], 1.0, "{}", all["features"][0]);
    assert_eq!((&all["class_names"], all["kept"].as_array().map(Vec::is_empty)), (&json!(["0", "1"]), Some(false)));
    let without = place.json(&format!("{rank} --without frequency gap_days f_quintile --keep 5 --json"));
    let names = |ranked: &Value| -> Vec<String> {
        let features = ranked["features"].as_array().expect("a list").iter();
        features.map(|feature| feature["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(without["kept"].as_array().map(Vec::len), Some(5));
    assert!(!names(&without).iter().any(|name| ["frequency", "gap_days", "is_repeat"].contains(&name.as_str())));
    assert!(names(&without).contains(&"top_categories".to_owned()), "{:?}", names(&without));
    assert!(place.ok("profiles rank table --outcome segment=champions").contains("elimination"));
    assert_eq!(place.json("profiles rank table --outcome segment --json")["class_names"][0], "about_to_sleep");
    assert_eq!(
        place.json("profiles rank table --outcome monetary_minor --json")["class_names"].as_array().map(Vec::len),
        Some(2)
    );

    for method in ["centroid", "logistic"] {
        let line =
            format!("profiles lookalike table --seed-segment champions --top 50 --method {method} --out found.csv");
        let found = place.json(&format!("{line} --json"));
        assert_eq!((&found["found"], &found["method"]), (&json!(50), &json!(method)));
        assert!(found["lowest_score"].as_f64() > found["mean_score"].as_f64(), "{found}");
        let csv = place.read("found.csv");
        let scores: Vec<f64> =
            csv.lines().skip(1).map(|row| row.split_once(',').expect("two").1.parse().expect("a number")).collect();
        assert_eq!((csv.lines().next(), scores.len()), (Some("customer_id,score"), 50));
        assert!(scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
        let again = place.json(&format!("{line} --json"));
        assert_eq!((again, place.read("found.csv")), (found, csv));
    }

    let compared = place.json("profiles diff table table --json");
    let models: Vec<&str> =
        compared["models"].as_array().expect("a list").iter().filter_map(|it| it["model"].as_str()).collect();
    assert_eq!(models, ["value", "groups", "churn", "lists"]);
    let lineage = std::fs::read(place.path().join("table/lineage.json")).expect("there");
    place.ok("tables verify table --quiet");
    std::fs::write(place.path().join("table/lineage.json"), [lineage, b" ".to_vec()].concat()).expect("written");
    let ran = place.run("tables verify table");
    assert_eq!(ran.exit, 1, "{}", ran.out);
    assert!(ran.err.contains("lineage.json"), "{}", ran.err);

    for (line, exit, part) in [
        ("profiles rank table --outcome nothing", 3, "no label is called \"nothing\""),
        ("profiles rank table --outcome top_categories", 3, "which tells no groups apart"),
        ("profiles rank table --outcome frequency=3", 3, "leave out the value"),
        ("profiles rank table --outcome is_repeat --without nothing", 3, "option without: no label is called"),
        ("profiles rank table --outcome segment=nobody", 3, "every customer has the same outcome"),
        ("profiles rank shop --outcome is_repeat", 3, "labels.json"),
        ("profiles lookalike table --seed-segment segment", 3, "write LABEL=VALUE"),
        ("profiles lookalike table --seed-segment segment=nobody", 3, "option seed_segment: "),
        ("profiles lookalike table --seed-segment champions --top 0", 2, "--top"),
        (
            "profiles build --key-file table.key --out t --orders shop/orders.csv --mapping vitrine-demo --clusters 1",
            2,
            "give auto, off, or a number",
        ),
        (
            "profiles build --key-file table.key --out t --orders shop/orders.csv --mapping vitrine-demo --churn-days 3",
            2,
            "--churn-days",
        ),
        (
            "profiles build --key-file table.key --out t --orders shop/orders.csv --mapping vitrine-demo --no-models --clusters 3",
            2,
            "--no-models",
        ),
        (
            "profiles build --key-file table.key --out t --orders shop/orders.csv --mapping vitrine-demo --identity-rule newest",
            2,
            "--identity-rule",
        ),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{line}\n{}", ran.err);
        assert!(ran.err.contains(part), "{line}\n{}", ran.err);
    }
    place.ok(&format!("{BUILD} --orders shop/orders.csv --out plain --quiet --no-models --identity-rule first-member"));
    let report: Value = serde_json::from_str(&place.read("plain/report.json")).expect("JSON");
    assert_eq!((&report["value"]["state"], &report["churn"]["state"]), (&json!("off"), &json!("off")));
}
