//! What works without the edge.

use crate::fixture::{self, N_SHARDS, N_VISITORS, OFFERS, OFFERS_YAML, request};
use crate::run::Place;
use serde_json::{Value, json};

#[test]
fn demo_data_is_the_same_every_time() {
    let place = Place::new();
    let first = place.json("demo-data --out one --customers 50 --seed 9 --json");
    let second = place.json("demo-data --out two --customers 50 --seed 9 --json");
    assert_eq!(first["truth"], second["truth"]);
    assert_eq!(place.read("one/orders.csv"), place.read("two/orders.csv"));
    assert_eq!(first["truth"]["n_customers"], 50);
    let told = place.ok("demo-data --out one --customers 50 --seed 9");
    assert!(told.starts_with("50 customers, 408 items, "), "{told}");
}

/// The made-up shop's offers are a good configuration.
#[test]
fn demo_offers_have_no_findings() {
    let place = Place::new();
    place.ok("demo-data --out shop --customers 5");
    let told = place.ok("config check shop/offers.json");
    assert_eq!(told, "shop/offers.json: ok, 3 placements, 14 offers, 3 audiences, 1 flag, 1 experiment, 0 warnings\n");
}

#[test]
fn keys_are_fresh_and_private() {
    let place = Place::new();
    let told = place.json("keys generate --table-key-file a.key --admin-token-file a.token --json");
    place.ok("keys generate --table-key-file b.key");
    let (a, b, token) = (place.read("a.key"), place.read("b.key"), place.read("a.token"));
    assert_eq!((a.len(), b.len(), token.len()), (33, 33, 65));
    assert_ne!(a, b);
    let key = vitrine_tables::TableKey::from_hex(a.trim()).expect("a key");
    assert_eq!(told["table_key_check"], key.check());
    assert_eq!(told["admin_token_sha256"], vitrine_api::sha256_hex(token.trim().as_bytes()));
    assert!(!told.to_string().contains(a.trim()) && !told.to_string().contains(token.trim()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.path().join("a.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn inspect_shows_what_a_table_costs() {
    let place = Place::new();
    fixture::table(&place);
    let told = place.json("tables inspect table --json");
    assert_eq!((&told["rows"], &told["shards"]["n"]), (&json!(N_VISITORS), &json!(N_SHARDS)));
    // 10 + 2 + 2 * (4 + 4) bits make 4 bytes; the key has 8.
    assert_eq!((&told["row_bytes"], &told["visitor_bytes"]), (&json!(4), &json!(12)));
    assert_eq!(told["columns"][2]["type"], "top_k");
    let text = place.ok("tables inspect table");
    assert!(text.contains("visitors   200, 12 bytes each (4 of row, 8 of key)\n"), "{text}");
    assert!(text.contains("last_items"), "{text}");
}

#[test]
fn inspect_shows_a_visitor() {
    let place = Place::new();
    fixture::table(&place);
    let told = place.json("tables inspect table --visitor v3 --key-file table.key --json");
    let columns = json!({ "frequency": 4, "segment": "loyal", "last_items": [{ "id": "KIT-1", "weight": 1.0 }] });
    assert_eq!(told, json!({ "visitor": "v3", "found": true, "columns": columns }));
    let text = place.ok("tables inspect table --visitor v3 --key-file table.key");
    assert_eq!(text, "frequency            4\nsegment              loyal\nlast_items           KIT-1 1.00\n");
    let stranger = place.ok("tables inspect table --visitor nobody --key-file table.key");
    assert_eq!(stranger, "nobody is not in the table\n");
    let env = [("VITRINE_TABLE_KEY", fixture::KEY)];
    assert_eq!(place.run_with("tables inspect table --visitor v3", &env, "").out, text);
}

#[test]
fn verify_reads_everything() {
    let place = Place::new();
    fixture::table(&place);
    let told = place.json("tables verify table --json");
    assert_eq!((&told["sound"], &told["rows"], &told["items"]), (&json!(true), &json!(N_VISITORS), &json!(4)));
    assert!(place.ok("tables verify table").contains("is sound: 200 rows in 8 shards"));
}

#[test]
fn config_check_takes_json_and_yaml() {
    let place = Place::new();
    place.write("offers.json", OFFERS);
    place.write("offers.yaml", OFFERS_YAML);
    let told = "ok, 2 placements, 4 offers, 1 audience, 0 warnings\n";
    assert_eq!(place.ok("config check offers.json"), format!("offers.json: {told}"));
    assert_eq!(place.ok("config check offers.yaml"), format!("offers.yaml: {told}"));
    let ran = place.run_with("config check -", &[], OFFERS);
    assert_eq!((ran.exit, ran.out), (0, format!("-: {told}")));
}

/// With the table at hand, a condition on a column that it lacks is worth a warning, no more.
#[test]
fn config_check_knows_the_columns() {
    let place = Place::new();
    fixture::table(&place);
    place.write("offers.json", OFFERS.replace("profile.segment", "profile.segmnt"));
    assert_eq!(place.json("config check offers.json --json")["diagnostics"], json!([]));
    let told = place.json("config check offers.json --table table --json");
    assert_eq!((&told["valid"], &told["diagnostics"][0]["code"]), (&json!(true), &json!("unknown_column")));
    assert_eq!(told["diagnostics"][0]["severity"], "warning");
}

#[track_caller]
fn decide(place: &Place, visitor: &str, more: &str) -> Value {
    let line = format!("decide --config offers.json --table table --key-file table.key --request - {more}");
    let ran = place.run_with(&line, &[], &request(visitor));
    assert_eq!((ran.exit, ran.err.as_str()), (0, ""), "{}", ran.out);
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn decide_answers_by_what_the_visitor_bought() {
    let place = Place::new();
    fixture::table(&place);
    place.write("offers.json", OFFERS);
    let offers = |answer: &Value| {
        let name = |decision: &Value| {
            let item = &decision["items"][0];
            let shown = if item.is_object() { &item["offer"] } else { &decision["fallback"]["offer"] };
            shown.as_str().map(str::to_owned)
        };
        let decisions = answer["decisions"].as_array().expect("a list");
        let mode =
            format!("{} {}", answer["mode"].as_str().unwrap_or("?"), answer["mode_reason"].as_str().unwrap_or("?"));
        (mode, decisions.iter().filter_map(name).collect::<Vec<_>>().join(" "))
    };
    let expected = |mode: &str, shown: &str| (mode.to_owned(), shown.to_owned());
    assert_eq!(offers(&decide(&place, "v0", "")), expected("personalised ok", "pots loyal"));
    assert_eq!(offers(&decide(&place, "v1", "")), expected("personalised ok", "pans hello"));
    assert_eq!(offers(&decide(&place, "nobody", "")), expected("contextual no_profile", "pots hello"));
    assert_eq!(offers(&decide(&place, "v1", "--gpc")), expected("contextual gpc", "pots hello"));
}

#[test]
fn decide_explains_and_travels_in_time() {
    let place = Place::new();
    fixture::table(&place);
    place
        .write("offers.json", OFFERS.replace(r#""id": "pans","#, r#""id": "pans", "starts": "2026-08-01T00:00:00Z","#));
    let answer = decide(&place, "v1", "--explain --now 2026-07-31T23:59:59Z");
    let explained: Vec<_> = answer["decisions"][0]["explain"].as_array().expect("a list").clone();
    let pans = explained.iter().find(|it| it["offer"] == "pans").expect("explained");
    assert_eq!(pans["outcome"], "not_started");
    let answer = decide(&place, "v1", "--now 2026-08-01T00:00:00Z");
    assert_eq!(answer["decisions"][0]["items"][0]["offer"], "pans");
}

#[test]
fn decide_needs_no_table() {
    let place = Place::new();
    place.write("offers.yaml", OFFERS_YAML);
    place.write("request.json", request("v1"));
    let answer = place.json("decide --config offers.yaml --request request.json");
    assert_eq!((&answer["table"], &answer["mode_reason"]), (&Value::Null, &json!("no_table")));
}

#[test]
fn every_help_has_an_example_and_says_the_exit_codes_once() {
    let place = Place::new();
    for line in [
        "tables inspect",
        "tables verify",
        "tables publish",
        "tables rollback",
        "config check",
        "config publish",
        "decide",
        "demo-data",
        "keys generate",
        #[cfg(feature = "profiles")]
        "profiles build",
    ] {
        let help = place.ok(&format!("{line} --help"));
        assert!(help.contains("Example") && help.contains(&format!("vitrine {line}")), "{line}:\n{help}");
    }
    assert!(place.ok("--help").contains("Exit codes:\n  0  done\n"));
    assert_eq!(place.ok("--version"), concat!("vitrine ", env!("CARGO_PKG_VERSION"), "\n"));
}
