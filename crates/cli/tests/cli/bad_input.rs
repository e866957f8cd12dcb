//! Mistakes: each ends with the exit code that the help promises, names the file, and says how to mend it.

use crate::fixture::{self, OFFERS, request};
use crate::run::Place;
use serde_json::{Value, json};

#[test]
fn files_that_are_not_there() {
    let place = Place::new();
    place.fails(
        "config check offers.json",
        1,
        "error: cannot read offers.json: No such file or directory (os error 2)",
    );
    place.fails(
        "tables verify table",
        1,
        "error: table/manifest.json: cannot read: No such file or directory (os error 2)\n \
         help: a table directory holds manifest.json and shards/, as `vitrine profiles build` writes them",
    );
    place.write("offers.json", OFFERS);
    place.fails(
        "decide --config offers.json --request request.json",
        1,
        "error: cannot read request.json: No such file or directory (os error 2)",
    );
}

#[test]
fn command_lines_with_mistakes() {
    let place = Place::new();
    for (line, says) in [
        ("tables", "Usage: vitrine tables"),
        ("tables inspect", "the following required arguments were not provided"),
        ("demo-data --out x --customers many", "invalid value 'many' for '--customers <N>'"),
        ("demo-dat", "a similar subcommand exists: 'demo-data'"),
        ("keys generate", "the following required arguments were not provided"),
        ("decide --config c --request r --now tomorrow", "invalid value 'tomorrow' for '--now <TIME>'"),
        ("tables inspect table --key-file k", "the following required arguments were not provided"),
        ("tables publish table --url http://127.0.0.1:1 --connections 0", "invalid value '0' for '--connections <N>'"),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{line}");
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
}

#[test]
fn demo_data_sizes() {
    let place = Place::new();
    place.fails("demo-data --out shop --customers 0", 3, "error: a shop has 1 to 9999999 customers, not 0");
    for scale in ["0", "-1", "1001", "NaN"] {
        let error = format!("error: events can be scaled by more than 0 and up to 1000, not by {scale}");
        place.fails(&format!("demo-data --out shop --events-scale={scale}"), 3, &error);
    }
    assert!(!place.path().join("shop").exists());
    place.write("taken", "");
    place.fails("demo-data --out taken --customers 1", 1, "error: cannot write taken: File exists (os error 17)");
}

#[test]
fn secrets_are_not_overwritten() {
    let place = Place::new();
    place.write("table.key", fixture::KEY);
    place.fails(
        "keys generate --table-key-file table.key",
        1,
        "error: table.key exists; a secret that is in use must not be lost\n \
         help: name another file, or move this one away first",
    );
    assert_eq!(place.read("table.key"), fixture::KEY);
}

#[test]
fn keys_with_mistakes() {
    let place = Place::new();
    fixture::table(&place);
    let help = "\n help: make one with `vitrine keys generate --table-key-file table.key`";
    let inspect = "tables inspect table --visitor v1";
    place.fails(inspect, 2, &format!("error: no table key: give --key-file FILE or set VITRINE_TABLE_KEY{help}"));
    let no_file = "error: cannot read the table key no.key: No such file or directory (os error 2)";
    place.fails(&format!("{inspect} --key-file no.key"), 1, &format!("{no_file}{help}"));
    place.write("short.key", "0123");
    let short = "error: short.key: a table key has 32 hexadecimal digits, but the text is 4 bytes long";
    place.fails(&format!("{inspect} --key-file short.key"), 3, &format!("{short}{help}"));
    place.write("other.key", "ff".repeat(16));
    let other = vitrine_tables::TableKey::from_bytes([255; 16]).check();
    let built = vitrine_tables::TableKey::from_hex(fixture::KEY).expect("a key").check();
    place.fails(
        &format!("{inspect} --key-file other.key"),
        3,
        &format!(
            "error: the key (check {other}) is not the one that table was built with (check {built})\n \
             help: name the key file that `vitrine profiles build` was given"
        ),
    );
}

#[test]
fn configurations_with_errors() {
    let place = Place::new();
    place.write("offers.json", OFFERS.replace(r#""fallback": "hello" },"#, r#""fallback": "helo" },"#));
    let finding = "offers.json:10:80: error[unknown_offer]: /placements/0/fallback: there is no offer \"helo\" (did you mean \"hello\"?)";
    let ran = place.run("config check offers.json");
    assert_eq!((ran.exit, ran.err.as_str()), (3, ""));
    assert!(ran.out.starts_with(&format!("{finding}\n  help: ")), "{}", ran.out);
    let ran = place.run("config check offers.json --json");
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.exit, &told["valid"], &told["summary"]), (3, &json!(false), &Value::Null));
    assert_eq!(told["diagnostics"][0]["pointer"], "/placements/0/fallback");
    assert_eq!(told["diagnostics"][0]["line"], 10);
    // Where the configuration is only a means, the findings are the error.
    place.write("request.json", request("v1"));
    let ran = place.run("decide --config offers.json --request request.json");
    assert_eq!((ran.exit, ran.out.as_str()), (3, ""));
    assert!(ran.err.starts_with(&format!("error: offers.json has 1 error\n{finding}\n  help: ")), "{}", ran.err);
}

#[test]
fn a_placement_without_a_fallback_is_refused() {
    let place = Place::new();
    place.write("offers.json", OFFERS.replace(r#", "fallback": "hello" }"#, " }"));
    let told: Value = serde_json::from_str(&place.run("config check offers.json --json").out).expect("JSON");
    assert_eq!(told["diagnostics"][0]["code"], "placement_without_fallback");
}

#[test]
fn configurations_that_are_no_text() {
    let place = Place::new();
    place.write("offers.json", b"{\"version\": \xff}");
    place.fails(
        "config check offers.json",
        3,
        "error: offers.json: not UTF-8 from byte 12 on\n help: save the file with the encoding UTF-8",
    );
    place.write("offers.json", "{\"version\": 1,");
    let ran = place.run("config check offers.json");
    assert_eq!(ran.exit, 3);
    assert!(ran.out.starts_with("offers.json:1:"), "{}", ran.out);
}

#[test]
fn requests_with_errors() {
    let place = Place::new();
    place.write("offers.json", OFFERS);
    let check = |body: &str, says: &str| {
        place.write("request.json", body);
        place.fails("decide --config offers.json --request request.json", 3, &format!("error: request.json: {says}"));
    };
    check("{}", "missing field `placements` at line 1 column 2 (invalid_request)");
    check("{\"placements\":[]}", "/placements: name at least one placement (invalid_request)");
    check(
        "{\"placements\":[{\"id\":\"a\",\"count\":99}]}",
        "/placements/0/count: the count must be 1 to 30 (invalid_request)",
    );
}

#[test]
fn tables_with_damage() {
    let place = Place::new();
    fixture::table(&place);
    let shard = place.path().join("table/shards/3");
    let mut bytes = std::fs::read(&shard).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&shard, bytes).expect("written");
    let ran = place.run("tables verify table");
    assert_eq!((ran.exit, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("error: table/shards/3: "), "{}", ran.err);
    std::fs::remove_file(&shard).expect("removed");
    place.fails("tables verify table", 1, "error: table/shards/3: cannot read: No such file or directory (os error 2)");
    place.write("table/manifest.json", "{}");
    let ran = place.run("tables inspect table");
    assert!(ran.exit == 1 && ran.err.starts_with("error: table/manifest.json: "), "{}", ran.err);
}

#[test]
fn errors_for_machines_are_json() {
    let place = Place::new();
    let ran = place.run("demo-data --out shop --customers 0 --json");
    let told: Value = serde_json::from_str(&ran.err).expect("JSON");
    let message = "a shop has 1 to 9999999 customers, not 0";
    assert_eq!(told, json!({ "error": { "exit": 3, "message": message, "help": null } }));
    assert_eq!((ran.exit, ran.out.as_str()), (3, ""));
}
