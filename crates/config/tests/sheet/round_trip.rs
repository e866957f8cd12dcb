//! A document, written as CSV and read again, is the same document, whatever is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};
use vitrine_config::sheet::{CsvOptions, Separator, read_csv, to_csv};
use vitrine_config::{Format, Options, check, check_bytes};

use crate::cases::{list, sheets};

/// Documents of the other tests that are accepted as they are.
fn accepted() -> &'static [(PathBuf, Value)] {
    static ACCEPTED: LazyLock<Vec<(PathBuf, Value)>> = LazyLock::new(read_accepted);
    &ACCEPTED
}

fn read_accepted() -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/good");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    let mut documents = Vec::new();
    for path in paths {
        let format = match path.extension().and_then(|it| it.to_str()) {
            Some("yaml") => Format::Yaml,
            Some("json") => Format::Json,
            _ => continue,
        };
        if let Ok(checked) = check(&fs::read_to_string(&path).unwrap(), format) {
            documents.push((path, checked.document));
        }
    }
    assert!(documents.len() >= 10, "{}", documents.len());
    documents
}

const ALL_OPTIONS: [CsvOptions; 4] = [
    CsvOptions { bom: true, separator: Separator::Comma },
    CsvOptions { bom: false, separator: Separator::Comma },
    CsvOptions { bom: true, separator: Separator::Semicolon },
    CsvOptions { bom: false, separator: Separator::Tab },
];

#[test]
fn accepted_documents_survive_and_compile_to_the_same() {
    for (path, document) in accepted() {
        let json = check(&document.to_string(), Format::Json).unwrap();
        for options in ALL_OPTIONS {
            let csv = to_csv(document, options).unwrap();
            let checked = check_bytes(csv.as_bytes(), Format::Csv, Options::default())
                .unwrap_or_else(|it| panic!("{}\n{}\n{csv}", path.display(), list(&it)));
            assert_eq!(checked.document.to_string(), document.to_string(), "{}\n{csv}", path.display());
            assert_eq!(format!("{:?}", checked.bundle), format!("{:?}", json.bundle));
            assert_eq!(format!("{:?}", checked.flags), format!("{:?}", json.flags));
            let codes = |it: &[vitrine_config::Diagnostic]| {
                let mut codes: Vec<_> = it.iter().map(|it| (it.code, it.pointer.clone())).collect();
                codes.sort();
                codes
            };
            assert_eq!(codes(&checked.warnings), codes(&json.warnings), "{}", path.display());
            assert_eq!(to_csv(&checked.document, options).unwrap(), csv);
        }
    }
}

#[test]
fn sheets_survive_too() {
    for path in sheets("good") {
        let (document, _) = read_csv(&fs::read(&path).unwrap()).unwrap();
        let csv = to_csv(&document, CsvOptions::default()).unwrap();
        assert_eq!(read_csv(csv.as_bytes()), Ok((document, vec![])), "{}", path.display());
    }
}

/// What the table of columns does not know goes through `more`, as JSON. A new member of the document model shows up here: give it
/// a column.
#[test]
fn only_what_no_row_can_say_needs_the_column_more() {
    let mut found = BTreeSet::new();
    for (path, document) in accepted() {
        let csv = to_csv(document, CsvOptions { bom: false, ..CsvOptions::default() }).unwrap();
        let (rows, more) = cells_of(&csv, "more");
        let name = path.file_name().unwrap().to_string_lossy();
        found.extend(
            rows.into_iter()
                .zip(more)
                // Alerts are no rows: they are written by whoever looks after the shop, not by whoever keeps the sheet.
                .filter(|(_, more)| !more.is_empty() && !more.starts_with(r#"{"alerts":"#))
                .map(|(kind, more)| format!("{name}: {kind} {more}")),
        );
    }
    // Empty sections and objects, and links that are objects instead of an address.
    assert_eq!(found, BTreeSet::from([r#"edges.yaml: document {"audiences":[],"settings":{}}"#.to_owned()]));
}

/// The cells of the columns `kind` and `column`.
fn cells_of(csv: &str, column: &str) -> (Vec<String>, Vec<String>) {
    let delimited = csv_rows(csv);
    let Some(idx) = delimited[0].iter().position(|it| it == column) else { return (vec![], vec![]) };
    delimited[1..].iter().map(|row| (row[0].clone(), row[idx].clone())).unzip()
}

/// A second, naive reader of CSV.
fn csv_rows(csv: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut is_quoted = false;
    let mut chars = csv.chars().peekable();
    while let Some(char) = chars.next() {
        let row = rows.last_mut().unwrap();
        match char {
            '"' if is_quoted && chars.peek() == Some(&'"') => row.last_mut().unwrap().push(chars.next().unwrap()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => rows.push(vec![String::new()]),
            _ => row.last_mut().unwrap().push(char),
        }
    }
    rows.pop();
    rows
}

#[test]
fn what_is_no_document_has_no_sheet() {
    for value in [json!(null), json!([]), json!("x"), json!({}), json!({ "offers": [] })] {
        assert_eq!(to_csv(&value, CsvOptions::default()), None, "{value}");
    }
}

/// Texts that programs and readers of CSV trip over, and any others.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        " ",
        "a",
        "a b",
        " a ",
        "a,b",
        "a;b",
        "a\tb",
        "\"",
        "\"a\"",
        "a\"b",
        "a\nb",
        "a\r\nb",
        "\r",
        "'",
        "'a'",
        "=1+1",
        "'=1",
        "''=1",
        "+5",
        "-5",
        "@x",
        "007",
        "0",
        "5",
        "-0",
        "1.0",
        "1e5",
        "1,000",
        "50%",
        "５０％",
        "true",
        "TRUE",
        "false",
        "null",
        "是",
        "2026/12/1",
        "2026-12-01T00:00",
        "2026-12-01T00:00:00+08:00",
        "12/1/2026",
        "#N/A",
        "####",
        "{",
        "[a]",
        "[]",
        "{}",
        "\"5\"",
        "all",
        "实验",
        "é",
        "\u{feff}x",
        "\u{3000}",
        "；",
        "sep=;",
        "kind",
        "version",
        "版本",
        "document",
        "\0",
        "\u{2028}",
    ])
    .prop_map(str::to_owned);
    prop_oneof![3 => known, 1 => "(?s:.){0,8}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(object),
        ]
    })
}

/// Keys of the document model, mostly.
fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "id",
        "description",
        "name",
        "value",
        "weight",
        "variations",
        "creatives",
        "rules",
        "content",
        "title",
        "image",
        "src",
        "when",
        "layer",
        "from",
        "share",
        "offers",
        "ranker",
        "type",
        "starts",
        "goal",
        "sub_goals",
        "budget",
        "lines",
        "amount",
        "items",
        "experiments",
        "metrics",
        "bandit",
        "contexts",
        "version",
        "settings",
        "consent",
        "more",
        "of",
        "kind",
        "coverage",
        "enabled",
        "terms",
        "cut",
        "cost",
        "currency",
        "qa",
        "tags",
        "default",
    ])
    .prop_map(str::to_owned);
    prop_oneof![6 => known, 1 => text()]
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

/// Documents of the right shape on the outside, with anything inside.
fn document() -> impl Strategy<Value = Value> {
    let id = prop_oneof![3 => "[a-d]{1,2}".prop_map(Value::from), 2 => text().prop_map(Value::from), 1 => value()];
    let entry =
        (id, prop::collection::btree_map(key(), value(), 0..6), any::<bool>()).prop_map(|(id, mut members, has_id)| {
            if has_id {
                members.insert("id".to_owned(), id);
            }
            object(members)
        });
    let section = prop_oneof![6 => prop::collection::vec(entry, 0..4).prop_map(Value::from), 1 => value()];
    let name = prop::sample::select(vec![
        "offers",
        "placements",
        "audiences",
        "experiments",
        "flags",
        "campaigns",
        "metrics",
        "holdouts",
        "layers",
        "saved_groups",
        "new",
    ]);
    let sections = prop::collection::btree_map(name.prop_map(str::to_owned), section, 0..4);
    let settings = prop_oneof![2 => prop::collection::btree_map(key(), value(), 0..4).prop_map(object), 1 => value()];
    (sections, prop::option::of(settings), prop_oneof![Just(json!(1)), value()]).prop_map(
        |(mut root, settings, version)| {
            root.insert("version".to_owned(), version);
            root.extend(settings.map(|it| ("settings".to_owned(), it)));
            object(root)
        },
    )
}

#[track_caller]
fn survives(document: &Value, options: CsvOptions) -> Result<(), TestCaseError> {
    let csv = to_csv(document, options).unwrap();
    match read_csv(csv.as_bytes()) {
        Ok((found, warnings)) => {
            prop_assert_eq!(found.to_string(), document.to_string(), "{}", csv);
            prop_assert_eq!(warnings, vec![]);
        }
        Err(diagnostics) => prop_assert!(false, "{}\n{}", list(&diagnostics), csv),
    }
    Ok(())
}

/// Replaces some of the values of a document.
fn replaced(document: &Value, replacements: &[(usize, Value)]) -> Value {
    fn walk(value: &mut Value, n_seen: &mut usize, replacements: &[(usize, Value)]) {
        *n_seen += 1;
        if let Some((_, new)) = replacements.iter().find(|(at, _)| *at == *n_seen) {
            *value = new.clone();
            return;
        }
        match value {
            Value::Array(list) => list.iter_mut().for_each(|it| walk(it, n_seen, replacements)),
            Value::Object(members) => members.values_mut().for_each(|it| walk(it, n_seen, replacements)),
            _ => {}
        }
    }
    let mut document = document.clone();
    // The root stays an object.
    walk(&mut document, &mut 0, replacements);
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_document_survives(document in document(), options in prop::sample::select(ALL_OPTIONS.to_vec())) {
        survives(&document, options)?;
    }

    #[test]
    fn accepted_documents_with_other_values_survive(
        which in any::<prop::sample::Index>(),
        replacements in prop::collection::vec((2..60_usize, value()), 1..6),
    ) {
        let documents = accepted();
        let (_, document) = &documents[which.index(documents.len())];
        survives(&replaced(document, &replacements), CsvOptions::default())?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = check_bytes(&bytes, Format::Csv, Options::default());
        let with_header = [b"kind,id,of,value,weight,when,starts,more\n", &bytes[..]].concat();
        let _ = check_bytes(&with_header, Format::Csv, Options::default());
    }

    #[test]
    fn arbitrary_cells_never_panic_and_have_true_places(
        kinds in prop::collection::vec(prop::sample::select(vec!["setting", "offer", "creative", "experiment", "variation", "flag",
            "rule", "placement", "document", "campaign", "goal", "sub_goal", "x"]), 1..8),
        cells in prop::collection::vec(text(), 56),
    ) {
        let quoted = |it: &str| format!("\"{}\"", it.replace('"', "\"\""));
        let mut csv = "kind,id,of,value,weight,when,starts,more\n".to_owned();
        for (kind, cells) in kinds.iter().zip(cells.chunks(7)) {
            let cells: Vec<String> = cells.iter().map(|it| quoted(it)).collect();
            csv.push_str(&format!("{kind},{}\n", cells.join(",")));
        }
        let diagnostics = match check_bytes(csv.as_bytes(), Format::Csv, Options::default()) {
            Ok(checked) => checked.warnings,
            Err(diagnostics) => diagnostics,
        };
        for it in diagnostics {
            prop_assert_eq!(it.line, None);
            let Some(cell) = &it.cell else { continue };
            prop_assert!((1..=kinds.len() + 1).contains(&usize::try_from(cell.row).unwrap()), "{:?}", it);
            prop_assert!(cell.column.as_ref().is_none_or(|it| (1..=8).contains(&it.number)), "{:?}", it);
        }
    }
}
