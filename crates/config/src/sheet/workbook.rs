//! From a workbook of Excel (.xlsx) to rows of cells, whose texts are what Excel would write into CSV, but that nothing is rounded
//! and times are local times as documents write them.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader as _, Style, Xlsx, XlsxError};

use super::{CELLS_MAX, Row, SHEET_BYTES_MAX, Sheet};
use crate::Diagnostic;
use crate::report::Report;
use crate::source::csv::finding;

/// Why a workbook cannot be read.
enum Unreadable {
    /// What its reader says.
    Broken(XlsxError),
    /// It has too many cells or texts.
    TooLarge,
}

impl From<XlsxError> for Unreadable {
    fn from(error: XlsxError) -> Self {
        Self::Broken(error)
    }
}

/// Reads all sheets of a workbook, in their order.
///
/// A formula has the result that the program stored with it. A percentage has its percent sign: 0.5 that is shown as 50 % is `50%`.
/// Errors: one diagnostic, if the bytes are no workbook or it has more than [`CELLS_MAX`] cells or its texts more than
/// [`SHEET_BYTES_MAX`] bytes.
pub fn read_workbook(bytes: &[u8]) -> Result<Vec<Sheet>, Vec<Diagnostic>> {
    sheets(bytes).map_err(|unreadable| {
        let mut report = Report::default();
        report.source_error(match unreadable {
            Unreadable::Broken(error) => {
                let message = format!("the file is no workbook: {error}");
                finding(
                    0,
                    "broken_workbook",
                    message,
                    "save it again as \"Excel Workbook (.xlsx)\" or as \"CSV UTF-8\"",
                )
            }
            Unreadable::TooLarge => {
                let message = format!("the workbook has more than {CELLS_MAX} cells or {SHEET_BYTES_MAX} bytes");
                finding(0, "document_too_large", message, "remove what is no longer used")
            }
        });
        report.set_places(super::Places::default());
        report.finish("").unwrap_or_else(|it| it)
    })
}

fn sheets(bytes: &[u8]) -> Result<Vec<Sheet>, Unreadable> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes))?;
    let mut n_bytes: usize = 0;
    let mut n_cells: usize = 0;
    let mut sheets = Vec::new();
    for name in workbook.sheet_names() {
        let mut reader = match workbook.worksheet_cells_reader(&name) {
            Ok(reader) => reader,
            // A sheet without cells, for example one that is a chart.
            Err(XlsxError::WorksheetNotFound(_) | XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut rows: BTreeMap<u32, BTreeMap<u16, String>> = BTreeMap::new();
        while let Some((cell, style_id)) = reader.next_cell_with_style_id()? {
            let (row, column) = cell.get_position();
            let text = text(cell.get_value(), reader.styles().get(style_id));
            n_bytes = n_bytes.saturating_add(text.len());
            n_cells = n_cells.saturating_add(usize::from(!text.is_empty()));
            if n_bytes > SHEET_BYTES_MAX || n_cells > CELLS_MAX {
                return Err(Unreadable::TooLarge);
            }
            if !text.trim().is_empty() {
                let column = u16::try_from(column).unwrap_or(u16::MAX);
                rows.entry(row.saturating_add(1)).or_default().insert(column, text);
            }
        }
        let rows = rows.into_iter().map(|(number, cells)| Row { number, cells: cells.into_iter().collect() });
        sheets.push(Sheet { name: Some(name), rows: rows.collect() });
    }
    Ok(sheets)
}

/// What a cell says, as CSV would have it.
fn text(value: &DataRef<'_>, style: Option<&Style>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(true) => "TRUE".to_owned(),
        DataRef::Bool(false) => "FALSE".to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) if is_percentage(style) => format!("{}%", percent(*number)),
        DataRef::Float(number) => number.to_string(),
        DataRef::DateTime(time) => local(time),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    }
}

fn is_percentage(style: Option<&Style>) -> bool {
    let format = style.and_then(|it| it.number_format.as_ref());
    format.is_some_and(|it| it.format_code.contains('%'))
}

/// Hundred times a number, without the noise that the multiplication brings.
fn percent(number: f64) -> f64 {
    let written = format!("{:.10}", number * 100.0);
    written.parse().unwrap_or(number)
}

/// `2026-12-01T00:00`, with seconds if there are some.
fn local(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}");
    if second == 0 { date } else { format!("{date}:{second:02}") }
}
