//! The spreadsheet face of a document: one row for each thing, one column for each member, in CSV or in a workbook.
//!
//! A sheet says the same as the document in JSON and in YAML, and nothing is lost between them: `to_csv` writes any document, and
//! reading it back gives the same document. `docs/guides/spreadsheet.md` shows it to people who keep one.
//!
//! How it is made:
//! - `table` says which kinds of rows there are and what their cells hold; everything else follows from it;
//! - `encoding` and `delimited` (for CSV) and `workbook` (for Excel) make rows of cells;
//! - `rows` makes a document of them, in which every value knows its cell, and `write` the other way;
//! - `cell`, with `number`, `clock` and `guard`, turns the text of one cell into a value and back.

#[cfg(feature = "csv")]
mod cell;
#[cfg(feature = "csv")]
mod clock;
#[cfg(feature = "csv")]
mod delimited;
#[cfg(feature = "csv")]
mod encoding;
#[cfg(feature = "csv")]
mod guard;
#[cfg(feature = "csv")]
mod header;
#[cfg(feature = "csv")]
pub(crate) mod located;
#[cfg(feature = "csv")]
mod number;
mod place;
#[cfg(feature = "csv")]
mod read;
#[cfg(feature = "csv")]
mod rows;
#[cfg(feature = "csv")]
mod table;
#[cfg(feature = "xlsx")]
mod workbook;
#[cfg(feature = "csv")]
mod write;

#[cfg(feature = "csv")]
pub use delimited::Separator;
#[cfg(feature = "csv")]
pub use encoding::{Decoded, Encoding, Undecodable, decode};
pub use place::{Cell, Column};
#[cfg(feature = "xlsx")]
pub use workbook::read_workbook;
#[cfg(feature = "csv")]
pub use write::{CsvOptions, to_csv};

pub(crate) use place::Places;
#[cfg(feature = "csv")]
pub(crate) use read::{bytes, sheets, text};

/// The document that CSV says, before it is checked, and what is to be said about the CSV.
///
/// Its keys are sorted. Errors: all diagnostics of the CSV itself; [`crate::check_bytes`] also says what is wrong with the document.
#[cfg(feature = "csv")]
pub fn read_csv(csv: &[u8]) -> Result<(serde_json::Value, Vec<crate::Diagnostic>), Vec<crate::Diagnostic>> {
    let mut report = crate::report::Report::default();
    let tree = read::bytes(csv, &mut report);
    let document = tree.and_then(|it| serde_json::to_value(it.root()).ok());
    match (document, report.finish("")) {
        (Some(document), Ok(warnings)) => Ok((document, warnings)),
        (_, Ok(diagnostics) | Err(diagnostics)) => Err(diagnostics),
    }
}

/// Rows of cells, as a spreadsheet program holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its name in the workbook; `None` for CSV.
    pub name: Option<String>,
    /// The rows that are not empty (others may be there too), by rising number.
    pub rows: Vec<Row>,
}

/// One row of a sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: u32,
    /// Its cells that are not empty, by rising column, which counts from 0; their texts as CSV has them.
    pub cells: Vec<(u16, String)>,
}

/// Greatest file. Unit: bytes. Greater than a document in JSON may be, since a sheet has a cell for everything that is absent too.
pub const SHEET_BYTES_MAX: usize = 16 << 20;
/// Most cells of a file that are not empty.
pub const CELLS_MAX: usize = 1_000_000;
/// Most columns of a sheet.
pub const COLUMNS_MAX: u16 = 500;
