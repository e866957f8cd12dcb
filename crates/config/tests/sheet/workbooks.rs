//! Workbooks of Excel, made by another hand than the one that reads them.

use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, Worksheet, XlsxError};
use vitrine_config::sheet::{Row, Sheet, read_workbook};
use vitrine_config::{Diagnostic, Options, check_sheets, group_files_of_sheets};

use crate::cases::list;

/// Writes rows of texts; an empty text is no cell.
fn write(sheet: &mut Worksheet, rows: &[&[&str]]) -> Result<(), XlsxError> {
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells).filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string(row, column, *cell)?;
        }
    }
    Ok(())
}

/// Offers on one sheet, an experiment with typed cells on another, notes on a third.
fn shop() -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let offers = workbook.add_worksheet().set_name("Offers")?;
    write(
        offers,
        &[
            &["kind", "id", "value", "title", "starts", "items", "fallback", "priority"],
            &["setting", "version"],
            &["setting", "time_zone", "Asia/Shanghai"],
            &["offer", "double-12", "", "双12, \"now\"\nonly"],
            &["offer", "welcome", "", "Welcome"],
            &["placement", "home", "", "", "", "", "welcome"],
        ],
    )?;
    offers.write_number(1, 2, 1)?;
    let date = CellFormat::new().set_num_format("yyyy/m/d h:mm");
    offers.write_datetime_with_format(3, 4, &ExcelDateTime::from_ymd(2026, 12, 9)?.and_hms(8, 30, 0)?, &date)?;
    offers.write_number(3, 5, 22423)?;
    offers.write_number(3, 7, 10)?;
    let tests = workbook.add_worksheet().set_name("Tests")?;
    write(
        tests,
        &[
            &[],
            &["类型", "编号", "所属", "值", "权重", "type", "流量", "sticky"],
            &["实验", "hero", "", "", "", "boolean"],
            &["变体", "a", "hero"],
            &["变体", "b", "hero"],
        ],
    )?;
    let percent = CellFormat::new().set_num_format("0.00%");
    tests.write_number_with_format(2, 6, 0.07, &percent)?;
    tests.write_boolean(2, 7, true)?;
    tests.write_boolean(3, 3, false)?.write_boolean(4, 3, true)?;
    tests.write_number_with_format(3, 4, 0.335, &percent)?.write_number(4, 4, 66.5)?;
    write(workbook.add_worksheet().set_name("Notes")?, &[&["Ask Anna"]])?;
    workbook.save_to_buffer()
}

#[test]
fn a_workbook_is_a_document() {
    let sheets = read_workbook(&shop().unwrap()).unwrap();
    let checked = check_sheets(&sheets, Options::default()).unwrap_or_else(|it| panic!("{}", list(&it)));
    let expected = serde_json::json!({
        "version": 1,
        "settings": { "time_zone": "Asia/Shanghai" },
        "offers": [
            { "id": "double-12", "priority": 10, "starts": "2026-12-09T08:30", "items": ["22423"],
              "content": { "title": "双12, \"now\"\nonly" } },
            { "id": "welcome", "content": { "title": "Welcome" } },
        ],
        "placements": [{ "id": "home", "fallback": "welcome" }],
        "experiments": [{
            "id": "hero", "type": "boolean", "coverage": 7.0, "sticky": true,
            "variations": [{ "id": "a", "value": false, "weight": 33.5 }, { "id": "b", "value": true, "weight": 66.5 }],
        }],
    });
    let mut found = checked.document;
    // 7 and 7.0 are the same coverage.
    found["experiments"][0]["coverage"] = found["experiments"][0]["coverage"].as_f64().into();
    assert_eq!(found, expected);
    let warnings: Vec<_> = checked.warnings.iter().map(|it| (it.code, it.place().unwrap_or_default())).collect();
    assert_eq!(
        warnings,
        [
            ("no_goal_metric", "sheet \"Tests\", row 3".to_owned()),
            ("ignored_sheet", "sheet \"Notes\", row 1".to_owned())
        ]
    );
}

#[test]
fn findings_name_the_sheet() {
    let row = |number, cells: &[(u16, &str)]| Row {
        number,
        cells: cells.iter().map(|(at, it)| (*at, (*it).to_owned())).collect(),
    };
    let sheets = [
        Sheet {
            name: Some("设置".to_owned()),
            rows: vec![
                row(1, &[(0, "kind"), (1, "id"), (3, "value")]),
                row(7, &[(0, "setting"), (1, "version"), (3, "1")]),
            ],
        },
        Sheet {
            name: Some("Offers".to_owned()),
            rows: vec![
                row(2, &[(2, "title"), (5, "kind"), (700, "id")]),
                row(3, &[(2, "Spring"), (5, "ofer")]),
                row(4, &[(2, "#REF!"), (5, "saved_group"), (6, "x")]),
            ],
        },
    ];
    let found: Vec<String> =
        check_sheets(&sheets, Options::default()).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "sheet \"Offers\", row 2, cell ZY2: the sheet has more than 500 columns",
            "sheet \"Offers\", row 3, column kind (F3): there is no kind \"ofer\" (did you mean \"offer\"?)",
            "sheet \"Offers\", row 4: the key \"id\" is missing",
            "sheet \"Offers\", row 4: the saved group has no ids",
            "sheet \"Offers\", row 4, column title (C4): a saved group has no \"title\"",
            "sheet \"Offers\", row 4, cell G4: the cell stands in a column without a name",
        ]
    );
}

#[test]
fn files_of_groups_are_found_in_sheets() {
    let rows = [&["kind", "id", "file"][..], &["saved_group", "vip", "vip.csv"], &["setting", "version", ""]];
    let rows = (1..).zip(rows).map(|(number, cells)| Row {
        number,
        cells: (0..).zip(cells).filter(|(_, it)| !it.is_empty()).map(|(at, it)| (at, (*it).to_owned())).collect(),
    });
    let sheets = [Sheet { name: None, rows: rows.collect() }];
    let found: Vec<_> = group_files_of_sheets(&sheets).unwrap().into_iter().map(|it| (it.id, it.file)).collect();
    assert_eq!(found, [("vip".to_owned(), "vip.csv".to_owned())]);
}

#[test]
fn what_is_no_workbook_is_refused() {
    let codes =
        |found: Result<Vec<Sheet>, Vec<Diagnostic>>| found.unwrap_err().iter().map(|it| it.code).collect::<Vec<_>>();
    let whole = shop().unwrap();
    assert_eq!(codes(read_workbook(b"")), ["broken_workbook"]);
    assert_eq!(codes(read_workbook(b"kind,id\n")), ["broken_workbook"]);
    assert_eq!(codes(read_workbook(&whole[..whole.len() / 2])), ["broken_workbook"]);
    let empty = Workbook::new().save_to_buffer().unwrap();
    let sheets = read_workbook(&empty).unwrap();
    let found = check_sheets(&sheets, Options::default()).unwrap_err();
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), ["empty_document"]);
    let notes = |name: &str| Sheet {
        name: Some(name.to_owned()),
        rows: vec![Row { number: 1, cells: vec![(0, "x".to_owned())] }],
    };
    let found = check_sheets(&[notes("a"), notes("b")], Options::default()).unwrap_err();
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), ["no_header", "ignored_sheet", "ignored_sheet"]);
}
