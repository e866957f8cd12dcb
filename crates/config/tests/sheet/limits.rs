//! The bounds of a sheet: what is beyond them is refused by its code, and needs no more memory or time than what is not.

use serde_json::json;
use vitrine_config::sheet::{CELLS_MAX, COLUMNS_MAX, CsvOptions, SHEET_BYTES_MAX, to_csv};
use vitrine_config::{Format, Options, check_bytes, limits};

#[track_caller]
fn check_codes(csv: &str, expected: &[&str]) {
    let diagnostics = match check_bytes(csv.as_bytes(), Format::Csv, Options::default()) {
        Ok(checked) => checked.warnings,
        Err(diagnostics) => diagnostics,
    };
    let mut codes: Vec<_> = diagnostics.iter().map(|it| it.code).collect();
    codes.dedup();
    assert_eq!(codes, expected);
}

const HEAD: &str = "kind,id,value\nsetting,version,1\n";

#[test]
fn bytes_and_cells_are_bounded() {
    let empty_rows = |n_bytes: usize| format!("{HEAD}{}", "\n".repeat(n_bytes - HEAD.len()));
    check_codes(&empty_rows(SHEET_BYTES_MAX), &["no_placements"]);
    check_codes(&empty_rows(SHEET_BYTES_MAX + 1), &["document_too_large"]);
    check_codes(&format!("{HEAD}{}", ",".repeat(SHEET_BYTES_MAX - HEAD.len())), &["no_placements"]);
    check_codes(
        &format!("{HEAD}{}", "x,".repeat((SHEET_BYTES_MAX - HEAD.len()) / 2)),
        &["unknown_kind", "cell_without_header"],
    );
    check_codes(&format!("{HEAD}{}", "x,y,z\n".repeat(CELLS_MAX / 3 + 1)), &["too_many_values"]);
}

#[test]
fn columns_are_bounded() {
    let csv = |n: u16| format!("kind,id,value{}x\nsetting,version,1\n", ",".repeat(usize::from(n)));
    check_codes(&csv(COLUMNS_MAX - 3), &["unknown_header"]);
    check_codes(&csv(COLUMNS_MAX - 2), &["too_many_columns"]);
}

#[test]
fn the_depth_of_cells_is_bounded() {
    let csv = |depth: usize| {
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(
            "kind,id,value,title,more,fallback\nsetting,version,1,,,\noffer,o,,O,\"{{\"\"content\"\": {{\"\"t\"\": {json}}}}}\",\n"
        )
    };
    check_codes(&csv(limits::DEPTH_MAX - 4), &["no_placements"]);
    check_codes(&csv(limits::DEPTH_MAX - 2), &["too_deep"]);
    check_codes(&csv(limits::DEPTH_MAX + 2), &["broken_json_cell"]);
    check_codes(&csv(100_000), &["broken_json_cell"]);
}

#[test]
fn the_greatest_documents_fit_into_a_sheet() {
    let offers: Vec<_> = (0..limits::OFFERS_MAX)
        .map(|i| json!({ "id": format!("o{i}"), "priority": i, "items": ["a", "b"], "content": { "title": "\"\n,".repeat(40) } }))
        .collect();
    let document = json!({ "version": 1, "offers": offers, "placements": [{ "id": "p", "fallback": "o0" }] });
    let csv = to_csv(&document, CsvOptions::default()).unwrap();
    let checked = check_bytes(csv.as_bytes(), Format::Csv, Options::default()).unwrap();
    assert_eq!(checked.document, document);
    check_codes(&csv, &[]);
}
