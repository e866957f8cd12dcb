//! The guide to spreadsheets: its sheets check without a word and say what the YAML beside them says.

use std::fs;
use std::path::Path;

use serde_json::Value;
use vitrine_config::sheet::{CsvOptions, to_csv};
use vitrine_config::{Format, Options, check, check_bytes};

use crate::cases::list;

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/spreadsheet.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All fenced blocks, with what their fences say.
fn blocks(guide: &str) -> Vec<(&str, &str)> {
    let fenced = guide.split("\n```").skip(1).step_by(2);
    fenced.map(|it| it.split_once('\n').map_or((it, ""), |(fence, block)| (fence, block))).collect()
}

#[test]
fn examples_check_without_a_word_and_say_what_the_yaml_says() {
    let guide = guide();
    let mut last: Option<Value> = None;
    let (mut n_sheets, mut n_twins) = (0, 0);
    for (fence, block) in blocks(&guide) {
        match fence {
            "csv" => {
                n_sheets += 1;
                let checked = check_bytes(block.as_bytes(), Format::Csv, Options::default())
                    .unwrap_or_else(|it| panic!("{}\n{block}", list(&it)));
                assert_eq!(list(&checked.warnings), "", "{block}");
                let again = to_csv(&checked.document, CsvOptions::default()).unwrap();
                let again = check_bytes(again.as_bytes(), Format::Csv, Options::default()).unwrap();
                assert_eq!(again.document, checked.document);
                last = Some(checked.document);
            }
            "yaml" => {
                n_twins += 1;
                assert_eq!(Some(check(block, Format::Yaml).unwrap().document), last.take(), "{block}");
            }
            _ => {}
        }
    }
    assert!(n_sheets >= 4 && n_twins >= 2, "{n_sheets} sheets, {n_twins} twins");
}

#[test]
fn the_table_is_the_smallest_sheet() {
    let guide = guide();
    let (_, csv) = blocks(&guide).into_iter().find(|(fence, _)| *fence == "csv").unwrap();
    let table = guide.split("| kind | id |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = format!("| kind | id |{table}");
    let rows = rows.lines().filter(|it| !it.starts_with("|---"));
    let cells = |row: &str| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(",");
    assert_eq!(rows.map(cells).collect::<Vec<_>>(), csv.lines().collect::<Vec<_>>());
}

#[test]
fn the_refused_sheet_is_refused_in_the_words_of_the_guide() {
    let guide = guide();
    let blocks = blocks(&guide);
    let block = |name: &str| blocks.iter().find(|(fence, _)| *fence == name).unwrap().1;
    let found: String = check_bytes(block("csv refused").as_bytes(), Format::Csv, Options::default())
        .unwrap_err()
        .iter()
        .map(|it| format!("{}: {it}\n  help: {}\n", it.severity.as_str(), it.help))
        .collect();
    assert_eq!(found.trim_end(), block("text diagnostics").trim_end(), "\n{found}");
}
