//! Manifests and pointers: what is read, and what is refused with which words.

use super::sample;
use serde_json::{Value, json};
use vitrine_tables::*;

#[test]
fn comes_back_as_it_was_written() {
    for manifest in [sample::worked_manifest(), big_manifest()] {
        let json = manifest.to_json();
        let again = Manifest::from_json(&json).unwrap();
        assert_eq!(again, manifest);
        assert_eq!(again.to_json(), json);
    }
}

fn big_manifest() -> Manifest {
    let mut manifest = Manifest {
        build: String::new(),
        schema: super::reference::reference_schema(),
        items: Some(ItemsRef { bytes: 123, crc32c: 0x00ab_cdef, n_items: 4 }),
        shard_bits: 20,
        lineage: Some("0f".repeat(32)),
        ..sample::worked_manifest()
    };
    manifest.build = manifest.content_hash();
    assert_eq!(manifest.n_shards(), 1 << 20);
    manifest
}

/// The worked manifest with one value of its JSON replaced, at a JSON pointer; `null` removes it.
#[track_caller]
fn message(pointer: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_slice(&big_manifest().to_json()).unwrap();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(field).unwrap();
    } else {
        parent.insert(field.to_string(), value);
    }
    let json = serde_json::to_vec(&json).unwrap();
    let message = Manifest::from_json(&json).unwrap_err().to_string();
    // Where in the text is of no interest here.
    message.split(" at line").next().unwrap().to_string()
}

#[test]
fn fields_that_break_a_rule() {
    assert_eq!(
        message("/format", json!("other")),
        "this is \"other\" version 1, but this reader knows only \"vitrine-profile-table\" version 1"
    );
    assert_eq!(
        message("/version", json!(2)),
        "this is \"vitrine-profile-table\" version 2, but this reader knows only \"vitrine-profile-table\" version 1"
    );
    assert_eq!(
        message("/as_of", json!("yesterday")),
        "`as_of` of the manifest is \"yesterday\", but must be an RFC 3339 date-time"
    );
    assert_eq!(
        message("/rows", json!(9_007_199_254_740_992_u64)),
        "`rows` of the manifest is \"9007199254740992\", but must be 0 to 2^53 - 1"
    );
    assert_eq!(message("/shard_bits", json!(21)), "`shard_bits` of the manifest is \"21\", but must be 0 to 20");
    assert_eq!(
        message("/key_check", json!("ABCDEF0123456789")),
        "`key_check` of the manifest is \"ABCDEF0123456789\", but must be 16 lower-case hexadecimal digits"
    );
    assert_eq!(
        message("/shards_digest", json!("00")),
        "`shards_digest` of the manifest is \"00\", but must be 64 lower-case hexadecimal digits"
    );
    assert_eq!(
        message("/items/crc32c", json!("+0000001")),
        "`items.crc32c` of the manifest is \"+0000001\", but must be 8 lower-case hexadecimal digits"
    );
    for lineage in [json!("0f"), json!("0F".repeat(32))] {
        let message = message("/lineage", lineage.clone());
        let lineage = lineage.as_str().unwrap();
        assert_eq!(
            message,
            format!("`lineage` of the manifest is {lineage:?}, but must be 64 lower-case hexadecimal digits")
        );
    }
    assert_eq!(
        message("/items/bytes", json!(25_165_825)),
        "`items.bytes` of the manifest is \"25165825\", but must be at most 25,165,824"
    );
}

#[test]
fn hashes_that_do_not_fit() {
    let build = big_manifest().build;
    assert_eq!(
        message("/build", json!("0000000000000000")),
        format!("`build` of the manifest is \"0000000000000000\", but must be {build:?}, the hash of the content")
    );
    let other_as_of = message("/as_of", json!("2012-01-01T00:00:00Z"));
    assert!(other_as_of.starts_with(&format!("`build` of the manifest is {build:?}, but must be ")), "{other_as_of}");
    assert!(message("/items", Value::Null).starts_with("`build` of the manifest is "));
    let hash = format!("{:016x}", big_manifest().schema.hash());
    assert_eq!(
        message("/schema_hash", json!("0000000000000000")),
        format!(
            "`schema_hash` of the manifest is \"0000000000000000\", but must be {hash:?}, the hash of the columns and \
             dictionaries"
        )
    );
    // Another dictionary is another schema.
    assert!(message("/dictionaries/0/entries", json!(["one", "two"])).starts_with("`schema_hash` of the manifest is "));
}

#[test]
fn json_that_is_something_else() {
    let json = |text: &str| Manifest::from_json(text.as_bytes()).unwrap_err().to_string();
    let front = "the manifest is not as version 1 has it: ";
    assert_eq!(json(""), format!("{front}EOF while parsing a value at line 1 column 0"));
    assert_eq!(
        json("[]"),
        format!("{front}invalid length 0, expected struct VersionWire with 2 elements at line 1 column 2")
    );
    assert_eq!(json("{}"), format!("{front}missing field `format` at line 1 column 2"));
    let mut twice = big_manifest().to_json();
    twice.extend(b"x");
    assert!(Manifest::from_json(&twice).unwrap_err().to_string().starts_with(&format!("{front}trailing characters")));
    assert_eq!(
        Manifest::from_json(&vec![b' '; (16 << 20) + 1]).unwrap_err().to_string(),
        "a manifest has at most 16777216 bytes, but there are 16777217"
    );
    assert_eq!(message("/rows", Value::Null), format!("{front}missing field `rows`"));
    assert_eq!(message("/rows", json!(-1)), format!("{front}invalid value: integer `-1`, expected u64"));
    assert!(message("/extra", json!(1)).starts_with(&format!("{front}unknown field `extra`, expected one of")));
    assert!(message("/items/extra", json!(1)).starts_with(&format!("{front}unknown field `extra`, expected one of")));
    assert!(
        message("/columns/0/extra", json!(1)).starts_with(&format!("{front}unknown field `extra`, expected one of"))
    );
    for column in [0, 18] {
        let pointer = format!("/columns/{column}/kind/extra");
        assert!(message(&pointer, json!(1)).starts_with(&format!("{front}unknown field `extra`, expected one of")));
    }
    assert_eq!(message("/columns/0/kind/k", json!(1)), format!("{front}a column of type `unsigned` has no field `k`"));
    assert_eq!(
        message("/columns/18/kind/bits", json!(1)),
        format!("{front}a column of type `bool` has no field `bits`")
    );
    let with_null =
        String::from_utf8(big_manifest().to_json()).unwrap().replace("\"dims\"", "\"bits\": null, \"dims\"");
    assert!(
        json(&with_null).starts_with(&format!("{front}invalid type: null, expected u8 at line")),
        "{}",
        json(&with_null)
    );
    assert_eq!(message("/columns/0/kind", json!({"type": "unsigned"})), format!("{front}missing field `bits`"));
    let vector = json!({"type": "vector", "dims": 4, "scale": "log"});
    assert_eq!(message("/columns/0/kind", vector), format!("{front}expected a number as `scale` of a vector"));
    let scaled = json!({"type": "scaled", "bits": 4, "scale": 1, "zero": 0, "step": 1});
    let expected = "expected `linear` or `log` as `scale` of a scaled column";
    assert_eq!(message("/columns/0/kind", scaled), format!("{front}{expected}"));
    assert!(message("/columns/0/kind/type", json!("float")).starts_with(&format!("{front}unknown variant `float`")));
    assert_eq!(
        message("/columns/0/kind/bits", json!(300)),
        format!("{front}invalid value: integer `300`, expected u8")
    );
}

#[test]
fn schemas_that_are_not_sound() {
    let front = "the manifest has no sound schema: ";
    assert_eq!(
        message("/columns/0/bit_offset", json!(257)),
        format!("{front}columns \"recency_days\" and \"frequency\" overlap")
    );
    assert_eq!(
        message("/columns/23/bit_offset", json!(447)),
        format!("{front}column \"channel\" ends at bit 449, but the row has 56 bytes")
    );
    assert_eq!(message("/row_bytes", json!(0)), format!("{front}a row has 1 to 16384 bytes, but this one has 0"));
    assert_eq!(message("/columns", json!([])), format!("{front}a table has 1 to 1024 columns, but there are 0"));
    assert_eq!(
        message("/columns/1/name", json!("recency_days")),
        format!("{front}two columns have the name \"recency_days\"")
    );
    assert_eq!(
        message("/columns/24/kind/scale", json!(1e39)),
        format!("{front}column \"taste\": `scale` is inf, but must be finite and above 0")
    );
    let entries: Vec<String> = (0..65).map(|i| i.to_string()).collect();
    assert_eq!(
        message("/dictionaries/2/entries", json!(entries)),
        format!("{front}column \"country\": dictionary \"country\" has 65 entries, but the column has codes for 64")
    );
    assert_eq!(message("/dictionaries/2/name", json!("channel")), "the manifest has the dictionary \"channel\" twice");
}

#[track_caller]
fn pointer_message(json: &str) -> String {
    Pointer::from_json(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn pointers() {
    let good = Pointer {
        build: "e4c6f08453cf6c95".into(),
        previous: Some("0123456789abcdef".into()),
        epoch: (1 << 53) - 1,
        kill: true,
        activated_at: "2011-12-10T03:00:00.5+01:00".into(),
    };
    let json = String::from_utf8(good.to_json()).unwrap();
    assert_eq!(Pointer::from_json(json.as_bytes()).unwrap(), good);
    assert!(json.len() < 200);

    let with = |from: &str, to: &str| {
        assert!(json.contains(from));
        pointer_message(&json.replace(from, to))
    };
    assert_eq!(with("\"version\":1", "\"version\":2"), "`version` of the pointer is \"2\", but must be 1");
    assert_eq!(
        with("e4c6", "E4C6"),
        "`build` of the pointer is \"E4C6f08453cf6c95\", but must be 16 lower-case hexadecimal digits"
    );
    assert_eq!(
        with("0123456789", ""),
        "`previous` of the pointer is \"abcdef\", but must be 16 lower-case hexadecimal digits, or null"
    );
    assert_eq!(
        with("9007199254740991", "9007199254740992"),
        "`epoch` of the pointer is \"9007199254740992\", but must be 0 to 2^53 - 1"
    );
    assert_eq!(
        with("2011-12-10T", "2011-12-32T"),
        "`activated_at` of the pointer is \"2011-12-32T03:00:00.5+01:00\", but must be an RFC 3339 date-time"
    );
    let front = "the pointer is not as version 1 has it: ";
    assert!(with("\"kill\":true,", "").starts_with(&format!("{front}missing field `kill`")));
    assert!(with("\"kill\":true", "\"kill\":1").starts_with(&format!("{front}invalid type: integer `1`")));
    assert!(
        with("\"kill\":true", "\"kill\":true,\"kill\":false").starts_with(&format!("{front}duplicate field `kill`"))
    );
    assert!(with("\"kill\":true", "\"mode\":1,\"kill\":true").starts_with(&format!("{front}unknown field `mode`")));
    assert!(pointer_message("").starts_with(&format!("{front}EOF")));
    assert_eq!(pointer_message(&" ".repeat(1025)), "a pointer has at most 1024 bytes, but there are 1025");
}
