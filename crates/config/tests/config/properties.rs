//! Nothing panics, whatever is written; JSON is read as serde_json reads it; places are true.

use proptest::prelude::*;
use serde_json::Value;
use vitrine_config::{Format, check, compile_json};

const GOOD: &str = include_str!("../cases/good/full.yaml");
const CAMPAIGN: &str = include_str!("../cases/good/campaign-festival.yaml");
const COMPETING: &str = include_str!("../cases/good/campaigns-compete.yaml");
const ADVERTISING: &str = include_str!("../cases/good/advertising-cn.yaml");
const SLOTS: &str = include_str!("../cases/good/slot-rules.yaml");
const GOOD_JSON: &str = include_str!("../cases/good/full.json");

/// Texts that are nearly documents.
fn mutated(source: &'static str) -> impl Strategy<Value = String> {
    let chars: Vec<char> = source.chars().collect();
    let edit = (0..chars.len(), 0..40_usize, "[\\[\\]{}:,\"'&*!|>#%?\\-\\\\ \t\n0-9a-z$.é]{0,3}");
    prop::collection::vec(edit, 1..4).prop_map(move |edits| {
        let mut chars = chars.clone();
        for (at, n_removed, inserted) in edits {
            let at = at.min(chars.len());
            // Mostly small wounds, sometimes a large one.
            let end = (at + if n_removed < 30 { n_removed % 3 } else { n_removed }).min(chars.len());
            chars.splice(at..end, inserted.chars());
        }
        chars.into_iter().collect()
    })
}

/// JSON values with numbers of all kinds, and with keys and texts of the characters of the class `char`.
fn json(char: &str) -> impl Strategy<Value = Value> + use<> {
    let texts = |n_max: usize| proptest::string::string_regex(&format!("{char}{{0,{n_max}}}")).unwrap();
    let keys = texts(6).boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(Value::from),
        texts(8).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(keys.clone(), inner, 0..6)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// The content that a document's only offer has after a check. As text: serde_json may read a double one bit off.
fn through(content: &str, format: Format) -> Option<String> {
    let source = format!(
        "{{\"version\": 1, \"offers\": [{{\"id\": \"d\", \"content\": {{\"it\": {content}}}}}], \"placements\": []}}"
    );
    let checked = check(&source, format).ok()?;
    let [creative] = &checked.bundle.offers()[0].creatives[..] else { return None };
    assert_eq!(checked.document["offers"][0]["content"].to_string(), creative.content);
    Some(creative.content.clone())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = compile_json(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = check(&text, Format::Yaml);
    }

    #[test]
    fn arbitrary_texts_never_panic(text in "(version: 1\n)?[\\[\\]{}:,\"'&*!|>#%?\\-\\\\ \t\n0-9a-z$.é日]{0,80}") {
        let _ = check(&text, Format::Json);
        let _ = check(&text, Format::Yaml);
    }

    #[test]
    fn mutated_documents_never_panic_and_have_true_places(yaml in mutated(GOOD), json in mutated(GOOD_JSON)) {
        for (source, format) in [(&yaml, Format::Yaml), (&json, Format::Json)] {
            let diagnostics = match check(source, format) {
                Ok(checked) => checked.warnings,
                Err(diagnostics) => diagnostics,
            };
            let n_lines = source.split('\n').count();
            for it in &diagnostics {
                prop_assert!(it.line.is_none_or(|line| (1..=n_lines).contains(&usize::try_from(line).unwrap())), "{:?}", it);
            }
            prop_assert!(diagnostics.is_sorted_by_key(|it| it.line.map_or((u32::MAX, 0), |line| (line, it.column.unwrap_or(0)))));
        }
    }

    #[test]
    fn mutated_campaigns_and_contents_never_panic(
        campaign in mutated(CAMPAIGN), competing in mutated(COMPETING), advertising in mutated(ADVERTISING), slots in mutated(SLOTS),
    ) {
        for source in [&campaign, &competing, &advertising, &slots] {
            let _ = check(source, Format::Yaml);
        }
    }

    #[test]
    fn json_is_accepted_when_serde_json_accepts_it(source in mutated(GOOD_JSON)) {
        let refused = check(&source, Format::Json).is_err_and(|it| it.iter().any(|it| it.code == "syntax"));
        match serde_json::from_str::<Value>(&source) {
            Ok(_) => prop_assert!(!refused),
            // The only syntax that we call by another name.
            Err(error) => prop_assert!(refused || error.to_string().contains("out of range"), "{error}"),
        }
    }

    #[test]
    fn small_json_is_accepted_when_serde_json_accepts_it(text in "[-+0-9.eE\\[\\]{},:\" truefalsn\\\\u]{1,12}") {
        let oracle = serde_json::from_str::<Value>(&text);
        let codes: Vec<_> = check(&text, Format::Json).err().into_iter().flatten().map(|it| it.code).collect();
        let refused = codes.contains(&"syntax") || codes.contains(&"empty_document");
        match oracle {
            Ok(_) => prop_assert!(!refused, "{codes:?}"),
            Err(error) => prop_assert!(refused || error.to_string().contains("out of range"), "{error} {codes:?}"),
        }
    }

    #[test]
    fn values_go_through_unchanged(value in json("(?s:.)")) {
        let text = value.to_string();
        prop_assert_eq!(through(&text, Format::Json), Some(format!("{{\"it\":{text}}}")));
    }

    #[test]
    fn json_is_yaml(value in json("\\PC")) {
        // Not control characters: some that JSON takes as they are must be escaped in YAML.
        let text = value.to_string();
        prop_assert_eq!(through(&text, Format::Yaml), through(&text, Format::Json));
    }
}
