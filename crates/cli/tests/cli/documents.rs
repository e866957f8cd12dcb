//! Configurations in all their forms: begun, checked, compared, converted, imported; flags evaluated and explained.

use crate::fixture::{self, OFFERS_YAML};
use crate::run::Place;
use serde_json::{Value, json};

/// An experiment in YAML, with these weights.
fn experiment(grey: u32, red: u32, more: &str) -> String {
    format!(
        "version: 1
metrics: [{{ id: sales, type: proportion, event: purchase, goal: increase }}]
experiments:
  - id: button
    type: string
    variations: [{{ id: grey, value: grey, weight: {grey} }}, {{ id: red, value: red, weight: {red} }}]
    metrics: {{ goal: [sales] }}
{more}"
    )
}

#[test]
fn a_beginning_checks_without_findings_in_every_form() {
    let place = Place::new();
    for name in ["offers.yaml", "offers.json", "offers.csv"] {
        place.ok(&format!("config init {name}"));
        let told = place.ok(&format!("config check {name}"));
        assert_eq!(told, format!("{name}: ok, 1 placement, 2 offers, 0 audiences, 1 experiment, 0 warnings\n"));
        let document = place.json(&format!("config export {name}"));
        assert_eq!(document, place.json("config export offers.yaml"), "{name}");
    }
    assert!(place.read("offers.csv").starts_with('\u{feff}'), "Excel reads it as UTF-8");
    let exists = "error: offers.yaml exists; it is not replaced\n help: name another file, or move this one away first";
    place.fails("config init offers.yaml", 1, exists);
    let workbook = "error: a workbook can be read, not written\n help: write CSV: Excel and WPS open it";
    place.fails("config init offers.xlsx", 2, workbook);
}

#[test]
fn every_form_becomes_every_other_and_nothing_is_lost() {
    let place = Place::new();
    place.write("a.yaml", OFFERS_YAML);
    place.write("b.yaml", experiment(50, 50, ""));
    for name in ["a", "b"] {
        let document = place.json(&format!("config export {name}.yaml"));
        for from in ["yaml", "json", "csv"] {
            for to in ["yaml", "json", "csv"] {
                let out = format!("{name}-{from}-{to}.{to}");
                if from != "yaml" {
                    place.ok(&format!("config export {name}.yaml --out {name}.{from}"));
                }
                place.ok(&format!("config export {name}.{from} --out {out}"));
                assert_eq!(place.json(&format!("config export {out}")), document, "{out}");
            }
        }
    }
    let csv = place.ok("config export b.yaml --format csv");
    assert!(csv.contains("variation,red,button,"), "{csv}");
}

#[test]
fn spreadsheets_name_their_cells() {
    let place = Place::new();
    place.write("a.csv", "kind,id,of,value,weight\nsetting,version,,1,\nexperiment,button,,,\nvariation,grey,button,1,50\nvariation,red,button,2,60\n");
    let ran = place.run("config check a.csv");
    assert_eq!(ran.exit, 3);
    assert!(ran.out.contains("a.csv: row 4"), "{}", ran.out);
    assert!(ran.out.contains("error[weights_do_not_sum]: the weights sum to 110"), "{}", ran.out);
    let told: Value = serde_json::from_str(&place.run("config check a.csv --json").out).expect("JSON");
    let cell = &told["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|it| it["code"] == "weights_do_not_sum")
        .expect("found")["cell"];
    assert_eq!(cell["row"], 4);
}

/// What Excel and WPS write in China.
#[test]
fn spreadsheets_in_gb18030() {
    let place = Place::new();
    let mut bytes = b"kind,id,value,title\nsetting,version,1,\noffer,sale,,".to_vec();
    bytes.extend([0xb6, 0xac, 0xbc, 0xbe, 0xcc, 0xd8, 0xc2, 0xf4]);
    bytes.extend(b"\n");
    place.write("a.csv", bytes);
    let ran = place.run("config export a.csv");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    assert!(ran.err.contains("GB18030"), "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(document["offers"][0]["content"]["title"], "冬季特卖");
}

#[test]
fn differences_in_words() {
    let place = Place::new();
    place.write("old.yaml", experiment(50, 50, ""));
    place.write("new.yaml", experiment(30, 70, ""));
    place.write("phase.yaml", experiment(30, 70, "    phase: 2\n"));
    let told = place.ok("config diff old.yaml new.yaml");
    assert!(
        told.starts_with("2 differences to old.yaml:\n  button: grey 50 % -> 30 %\n  button: red 50 % -> 70 %\n"),
        "{told}"
    );
    assert!(told.contains("of its visitors would change their variation (weights) — needs a new phase"), "{told}");
    let told = place.json("config diff old.yaml new.yaml --json");
    let moved = told["reshuffle"][0]["moved_percent"].as_f64().expect("a number");
    assert!((moved - 20.0).abs() < 3.0, "{told}");
    assert!(!place.ok("config diff old.yaml phase.yaml").contains("needs a new phase"));
    assert_eq!(place.ok("config diff old.yaml old.yaml"), "no difference to old.yaml\n");
}

#[test]
fn command_lines_with_mistakes() {
    let place = Place::new();
    place.write("a.yaml", OFFERS_YAML);
    for (line, says) in [
        ("config diff a.yaml", "the following required arguments were not provided"),
        ("config diff a.yaml a.yaml --url http://127.0.0.1:1", "cannot be used with"),
        ("config export", "the following required arguments were not provided"),
        ("config export a.yaml --format xml", "invalid value 'xml'"),
        ("config export a.yaml --version 3", "cannot be used with"),
        ("config import a.yaml --from unleash", "invalid value 'unleash'"),
        ("config publish --url http://127.0.0.1:1", "the following required arguments were not provided"),
        ("config publish a.yaml --draft d1 --url http://127.0.0.1:1", "cannot be used with"),
        ("config publish a.yaml --at 2026-12-01T00:00:00Z --url http://127.0.0.1:1", "cannot be used with"),
        ("config approve d1 --url http://127.0.0.1:1", "--reason <TEXT>"),
        ("config draft create --url http://127.0.0.1:1", "the following required arguments were not provided"),
        ("config draft change d1 a.yaml --url http://127.0.0.1:1", "--revision <N>"),
        ("experiments explain --config a.yaml", "--visitor <ID>"),
        ("experiments explain --visitor 1", "the following required arguments were not provided"),
        ("experiments explain --visitor 1 --config a.yaml --at noon", "invalid value 'noon'"),
        ("eval", "--format <FORMAT>"),
        ("eval --format unleash", "invalid value 'unleash'"),
        ("audit verify", "the following required arguments were not provided"),
        ("audit verify a --head 5", "write <seq>:<hash>"),
        ("audit verify a --head 5:zz", "is no hash"),
        ("tokens add ann --role owner --url http://127.0.0.1:1", "is no role"),
        ("environments set staging --approval maybe --url http://127.0.0.1:1", "invalid value 'maybe'"),
        ("environments keys add staging --kind admin --url http://127.0.0.1:1", "invalid value 'admin'"),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{line}: {}", ran.err);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
}

/// Ids are in a file beside the document; what is made of it holds only their hashes.
#[test]
fn groups_of_ids_are_hashed_here() {
    let place = Place::new();
    let document = experiment(
        50,
        50,
        "    when: { context.id: { $inGroup: vips } }\nsaved_groups: [{ id: vips, file: vips.csv }]\n",
    );
    place.write("a.yaml", &document);
    place.write("vips.csv", "\u{feff}17850\n\"17851\",Ann\r\n17852;x\n\n");
    place.write("table.key", fixture::KEY);
    let no_key = "error: no table key: give --key-file FILE or set VITRINE_TABLE_KEY\n \
                  help: make one with `vitrine keys generate --table-key-file table.key`";
    place.fails("config check a.yaml", 2, no_key);
    place.ok("config check a.yaml --key-file table.key");
    let made = place.json("config export a.yaml --key-file table.key");
    let text = made.to_string();
    assert!(!text.contains("1785") && text.contains("hashes"), "{text}");
    let explain = |visitor: &str| {
        let line = format!("experiments explain --visitor {visitor} --config a.yaml --key-file table.key --json");
        place.json(&line)[0]["source"].as_str().expect("a word").to_owned()
    };
    assert_eq!(
        ["17850", "17851", "17852", "17853"].map(explain),
        ["experiment", "experiment", "experiment", "defaultValue"]
    );
    std::fs::remove_file(place.path().join("vips.csv")).expect("removed");
    let gone = "error: cannot read vips.csv: No such file or directory (os error 2)";
    place.fails("config check a.yaml --key-file table.key", 1, gone);
    place.write("vips.csv", b"\xff");
    let ran = place.run("config check a.yaml --key-file table.key");
    assert_eq!(ran.exit, 3);
    assert!(ran.err.starts_with("error: vips.csv is not UTF-8"), "{}", ran.err);
}

#[test]
fn explanations_go_rule_by_rule() {
    let place = Place::new();
    let flags = "flags:
  - id: search
    type: string
    default: old
    rules:
      - { id: later, value: new, starts: 2030-01-01T00:00:00Z }
      - { id: china, value: cn, when: { context.country: CN } }
      - { id: loyal, value: vip, when: { profile.segment: loyal } }
";
    place.write("a.yaml", experiment(0, 100, flags));
    let line = "experiments explain --visitor v1 --config a.yaml --at 2026-11-11T00:00:00Z";
    let told = place.ok(line);
    assert!(told.contains("button = \"red\", variation red\n  rule 1 (button): the visitor is in variation red, because the hash of id lies at 0."), "{told}");
    assert!(told.contains("search = \"old\"\n  no rule decides, so it is the flag's default\n"), "{told}");
    assert!(
        told.contains("\n  rule 1 (later) not: it starts at 2030-01-01T00:00:00Z; now it is 2026-11-11T00:00:00Z\n"),
        "{told}"
    );
    assert!(told.contains("\n  rule 2 (china) not: the audience does not fit: "), "{told}");
    assert!(told.contains("country is not known"), "{told}");
    let told = place.json(&format!("{line} search --attributes {{\"country\":\"CN\"}} --json"));
    assert_eq!((&told[0]["value"], &told[0]["rules"][1]["decided"]), (&json!("\"cn\""), &json!(true)));
    let told = place.json(&format!("{line} search --attributes {{\"profile\":{{\"segment\":\"loyal\"}}}} --json"));
    assert_eq!(told[0]["value"], "\"vip\"");
    fixture::table(&place);
    let told = place.json(&line.replace("v1 ", "v3 --table table --key-file table.key search --json "));
    assert_eq!(told[0]["value"], "\"vip\"", "v3 is loyal in the table");
    let unknown = "error: there is no flag or experiment \"serach\"; there are: button, search";
    place.fails(&format!("{line} serach"), 3, unknown);
    place.fails(
        &format!("{line} --attributes [1]"),
        2,
        "error: --attributes: write a JSON object, such as '{\"country\":\"CN\"}'",
    );
    let ran = place.run(&format!("{line} --attributes {{"));
    assert!(ran.exit == 2 && ran.err.starts_with("error: --attributes is not JSON: "), "{}", ran.err);
}

#[test]
fn growthbook_payloads_in_and_out() {
    let place = Place::new();
    place.write("a.yaml", experiment(30, 70, ""));
    place.write("payload.json", place.ok("config export a.yaml --format growthbook"));
    place.ok("config import payload.json --from growthbook --out back.yaml");
    place.write("again.json", place.run("config export back.yaml --format growthbook").out);
    // Both give every visitor the same.
    for name in ["payload.json", "again.json"] {
        let payload: Value = serde_json::from_str(&place.read(name)).expect("JSON");
        let lines: String = (0..200)
            .map(|n| {
                json!({ "id": n, "payload": payload, "attributes": { "id": format!("u{n}") }, "key": "button" })
                    .to_string()
                    + "\n"
            })
            .collect();
        let ran = place.run_with("eval --format growthbook", &[], &lines);
        assert_eq!(ran.exit, 0);
        let values = |text: &str| -> Vec<String> {
            text.lines()
                .map(|it| serde_json::from_str::<Value>(it).expect("JSON")["features"]["button"]["value"].to_string())
                .collect()
        };
        place.write(&format!("{name}.values"), values(&ran.out).join("\n"));
    }
    assert_eq!(place.read("payload.json.values"), place.read("again.json.values"));
    assert!(place.read("payload.json.values").contains("red") && place.read("payload.json.values").contains("grey"));
    place.fails(
        "config import payload.json --from growthbook --out back.yaml",
        1,
        "error: back.yaml exists; it is not replaced\n help: name another file, or move this one away first",
    );
    for wrong in ["", "[]", "{}", "{\"features\":[]}", "features"] {
        place.write("wrong.json", wrong);
        let ran = place.run("config import wrong.json --from growthbook");
        assert!(ran.exit == 3 && ran.err.starts_with("error: wrong.json: "), "{wrong}: {}", ran.err);
    }
}

#[test]
fn what_cannot_be_imported_is_told() {
    let place = Place::new();
    place.write("payload.json", r#"{"features":{"a":{"defaultValue":true},"b":{"defaultValue":1,"rules":[{"force":2,"condition":{"x":{"$regex":"(?=a)"}}}]}}}"#);
    let ran = place.run("config import payload.json --from growthbook");
    assert_eq!(ran.exit, 0, "{}", ran.err);
    assert!(ran.err.contains("payload.json: left out: /features/b"), "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(document["flags"].as_array().map(Vec::len), Some(1));
    let ran = place.run("config import payload.json --from growthbook --strict");
    assert!(ran.exit == 3 && ran.err.contains("error: 1 parts of payload.json cannot be carried over"), "{}", ran.err);
}

#[test]
fn broken_lines_are_answered_in_their_place() {
    let place = Place::new();
    let good = json!({ "id": "g", "payload": { "features": { "a": { "defaultValue": 1 } } }, "attributes": {} });
    for (line, code) in [
        ("nonsense", "not_json"),
        ("[]", "not_an_object"),
        ("{}", "missing"),
        ("{\"payload\":{}}", ""),
        ("{\"payload\":[]}", "invalid"),
        ("{\"payload\":{},\"attributes\":[]}", "invalid"),
        ("{\"payload\":{},\"key\":5}", "invalid"),
        ("{\"payload\":{},\"context\":1}", "invalid"),
        ("{\"id\":1,\"payload\":\"x\"}", "invalid"),
        ("{\"payload\":", "not_json"),
        ("\u{feff}", "not_json"),
    ] {
        let ran = place.run_with("eval --format growthbook", &[], &format!("{good}\n\n{line}\n{good}"));
        let answers: Vec<Value> = ran.out.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect();
        assert_eq!(answers.len(), 3, "{line}");
        assert_eq!((&answers[0], &answers[0]["features"]["a"]["value"]), (&answers[2], &json!(1)), "{line}");
        let is_error = answers[1].get("error").is_some();
        assert_eq!(
            (ran.exit, is_error),
            if code.is_empty() { (0, false) } else { (3, true) },
            "{line}: {}",
            answers[1]
        );
        assert_eq!(ran.err, "");
    }
    assert_eq!(place.run_with("eval --format growthbook", &[], "").exit, 0);
}

#[test]
fn campaigns_in_the_order_of_time() {
    let place = Place::new();
    let campaign = |id: &str, when: &str| {
        format!(
            "  - {{ id: {id}, {when}, channels: [web], goal: {{ metric: sales, target: 5, owner: ann, deadline: 2026-11-11T12:00:00+08:00 }}, budget: {{ amount: 0, currency: CNY }}, \
             evaluation: more orders, offers: [{id}-hero] }}\n"
        )
    };
    let calendar = "calendar: { preset: double-11, year: 2026 }, priority: 3";
    let document = format!(
        "version: 1
settings: {{ time_zone: Asia/Shanghai }}
metrics: [{{ id: sales, type: proportion, event: purchase, goal: increase }}]
offers: [{{ id: d11-hero, content: {{ t: 1 }} }}, {{ id: may-hero, content: {{ t: 1 }} }}, {{ id: hello, content: {{ t: 1 }} }}]
campaigns:
{}{}placements: [{{ id: hero, offers: [d11-hero], fallback: hello }}, {{ id: bar, offers: [may-hero], fallback: hello }}]
",
        campaign("d11", calendar),
        campaign("may", "starts: 2026-05-01T00:00")
    );
    place.write("a.yaml", document);
    assert_eq!(
        place.ok("config calendar a.yaml"),
        "2026-04-30T16:00:00Z to no end  may (priority 0)\n  offers: may-hero\n  placements: bar\n\
         2026-11-10T16:00:00Z to 2026-11-11T16:00:00Z  d11 (priority 3)\n  offers: d11-hero\n  placements: hero\n"
    );
    let listed = place.json("config calendar a.yaml --json");
    let first = json!({
        "id": "may", "starts": "2026-04-30T16:00:00Z", "ends": null, "priority": 0, "offers": ["may-hero"], "placements": ["bar"]
    });
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]), (Some(2), &first));
    place.write("b.yaml", OFFERS_YAML);
    assert_eq!(place.ok("config calendar b.yaml"), "b.yaml has no campaigns\n");
    assert_eq!(place.ok("config calendar b.yaml --json"), "[]\n");
}
