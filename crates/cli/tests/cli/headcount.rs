//! What a table says about a configuration: whom its rules admit, and who would get another variation.

use crate::fixture;
use crate::run::Place;
use serde_json::json;

/// A configuration whose audience has this rule, used by an offer and an experiment with these weights.
fn document(when: &str, red: u32) -> String {
    let grey = 100 - red;
    format!(
        "version: 1
audiences:
  - id: regulars
    when: {when}
offers:
  - {{ id: thanks, audience: regulars, content: {{ title: Thanks }} }}
  - {{ id: hello, content: {{ title: Hello }} }}
placements: [{{ id: bar, offers: [thanks], fallback: hello }}]
metrics: [{{ id: sales, type: proportion, event: purchase, goal: increase }}]
experiments:
  - id: button
    type: string
    audience: regulars
    variations: [{{ id: grey, value: grey, weight: {grey} }}, {{ id: red, value: red, weight: {red} }}]
    metrics: {{ goal: [sales] }}
"
    )
}

const LOYAL: &str = "{ profile.segment: loyal }";
const OFTEN: &str = "{ profile.segment: loyal, profile.frequency: { $gte: 4 } }";
/// Both values are in the table, and nobody has both.
const NOBODY: &str = "{ profile.segment: loyal, profile.frequency: { $gt: 7 } }";

#[test]
fn rules_that_nobody_meets() {
    let place = Place::new();
    fixture::table(&place);
    place.write("a.yaml", document(NOBODY, 50));
    let told = place.ok("config check a.yaml --table table");
    assert_eq!(
        told,
        "a.yaml:4:11: warning[audience_matches_nobody]: /audiences/0/when: the audience \"regulars\" matches none of the 200 \
         visitors of the table\n  help: loosen one of its tests, or remove the ones that exclude each other\n\
         a.yaml: ok, 1 placement, 2 offers, 1 audience, 1 experiment, 1 warning\n"
    );
    assert!(!place.ok("config check a.yaml").contains("warning["), "without a table nothing is known");
    place.write("a.yaml", document(OFTEN, 50));
    assert!(place.ok("config check a.yaml --table table").contains(" 0 warnings"));
    // In a spreadsheet the finding has a cell.
    place.write("a.yaml", document(NOBODY, 50));
    place.ok("config export a.yaml --out a.csv");
    let told = place.json("config check a.csv --table table --json");
    let finding = &told["diagnostics"][0];
    assert_eq!((&finding["code"], &finding["cell"]["column"]), (&json!("audience_matches_nobody"), &json!("when")));
    // A document with errors is not counted, and a table that is not sound stops the command.
    place.write("b.yaml", document(NOBODY, 50).replace("fallback: hello", "fallback: helo"));
    let ran = place.run("config check b.yaml --table table");
    assert!(ran.exit == 3 && !ran.out.contains("audience_matches_nobody"), "{}", ran.out);
    place.write("table/shards/3", "");
    let ran = place.run("config check a.yaml --table table");
    assert!(ran.exit == 1 && ran.err.starts_with("error: shard 3 of table: "), "{}", ran.err);
}

#[test]
fn differences_count_visitors() {
    let place = Place::new();
    fixture::table(&place);
    place.write("old.yaml", document(LOYAL, 50));
    place.write("new.yaml", document(OFTEN, 50));
    // 67 are loyal, 38 of them buy often: who leaves the audience is known, and the others keep their variation. Of those who
    // leave, the grey ones go on seeing grey.
    assert_eq!(
        place.ok("config diff old.yaml new.yaml --table table"),
        "1 difference to old.yaml:\n  \
         audience regulars: when {\"profile.segment\":\"loyal\"} -> {\"profile.frequency\":{\"$gte\":4},\"profile.segment\":\"loyal\"}\n\
         for the 200 visitors of the table:\n  \
         audience regulars: 38 visitors (-29)\n  \
         button: about 29 of its 67 visitors would change their variation (audience) — needs a new phase, or --allow-reshuffle\n  \
         button: about 13 of all 200 visitors would get another value\n"
    );
    let told = place.json("config diff old.yaml new.yaml --table table --json");
    let rule = json!({
        "pointer": "/audiences/0", "visitors": 38, "was": 67, "at_most": false, "text": "audience regulars: 38 visitors (-29)"
    });
    assert_eq!(told["table"], json!({ "visitors": 200, "rules": [rule] }));
    // Weights: about a fifth of the 67, by made-up ids.
    place.write("new.yaml", document(LOYAL, 70));
    let told = place.json("config diff old.yaml new.yaml --table table --json");
    assert_eq!(told["table"]["rules"], json!([]));
    let moved = told["reshuffle"][0]["moved_percent"].as_f64().expect("a number");
    assert!((5.0..35.0).contains(&moved), "{told}");
    assert_eq!(place.ok("config diff old.yaml old.yaml --table table"), "no difference to old.yaml\n");
}

#[test]
fn encrypted_payloads_are_opened_with_a_key_from_a_file() {
    let place = Place::new();
    let key = "Zvwv/+uhpFDznZ6SX28Yjg==";
    let plain = r#"{"search":{"defaultValue":true}}"#;
    let encrypted = vitrine_flags::crypto::encrypt(plain, key, [7; 16]).expect("a sound key");
    place.write("payload.json", json!({ "encryptedFeatures": encrypted }).to_string());
    place.write("sdk.key", format!("{key}\n"));
    place.write("other.key", "AAAAAAAAAAAAAAAAAAAAAA==");
    place.write("short.key", "AAAA");
    let import = "config import payload.json --from growthbook";
    let document = place.json(&format!("{import} --decryption-key-file sdk.key --strict"));
    assert_eq!(document["flags"][0]["id"], "search");
    for wrong in [import.to_owned(), format!("{import} --decryption-key-file other.key")] {
        let ran = place.run(&wrong);
        assert!(ran.err.contains("left out: /encryptedFeatures: this is encrypted"), "{wrong}: {}", ran.err);
    }
    place.fails(
        &format!("{import} --decryption-key-file short.key"),
        3,
        "error: short.key: a decryption key is 16 bytes in base64\n help: copy the key of the SDK connection from GrowthBook",
    );
    place.fails(
        &format!("{import} --decryption-key-file no.key"),
        1,
        "error: cannot read the decryption key no.key: No such file or directory (os error 2)",
    );
    place.fails(
        "config import payload.json --decryption-key-file sdk.key",
        2,
        "error: --decryption-key-file is for payloads of GrowthBook\n help: add --from growthbook, or leave the key out",
    );
}
