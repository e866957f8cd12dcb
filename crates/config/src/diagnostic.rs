//! One thing that is wrong with a document, or probably not meant: what, where, and how to mend it.

use std::fmt;

use serde_json::{Value, json};

use crate::sheet::Cell;

/// Whether a document with this diagnostic may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// No.
    Error,
    /// Yes, but it probably does not do what its author means.
    Warning,
}

impl Severity {
    /// The word of the API: `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding in a document.
///
/// Displayed as `line 12, /offers/3/starts: what is wrong`, without the help; in a spreadsheet as
/// `row 5, column weight (E5): what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What kind of finding, for machines. Stable between versions; `docs/guides/configuration.md` lists all.
    pub code: &'static str,
    /// Where in the document: a JSON pointer (RFC 6901) to a value that exists; the empty pointer is the whole document.
    pub pointer: String,
    /// Line in the source, from 1. `None` when the finding has no single place in the text.
    pub line: Option<u32>,
    /// Column in the line, from 1. Unit: characters (Unicode scalar values).
    pub column: Option<u32>,
    /// Where in the spreadsheet, in place of line and column. `None` for JSON and YAML.
    pub cell: Option<Cell>,
    /// What is wrong; names the value.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

impl Diagnostic {
    /// The diagnostic as a JSON object with the fields' names; absent line, column and cell are left out. A cell is
    /// `{"sheet", "row", "column", "reference"}`, of which only the row is always there; its column is the header's name.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "severity": self.severity.as_str(),
            "code": self.code,
            "pointer": self.pointer,
            "message": self.message,
            "help": self.help,
        });
        if let Some(object) = json.as_object_mut() {
            object.extend(self.line.map(|it| ("line".to_owned(), it.into())));
            object.extend(self.column.map(|it| ("column".to_owned(), it.into())));
            object.extend(self.cell.as_ref().map(|it| ("cell".to_owned(), cell_json(it))));
        }
        json
    }

    /// Where the finding is, in words: `line 12` or `row 5, column weight (E5)`. `None` if it has no single place.
    pub fn place(&self) -> Option<String> {
        match &self.cell {
            Some(cell) => Some(cell.to_string()),
            None => self.line.map(|line| format!("line {line}")),
        }
    }
}

fn cell_json(cell: &Cell) -> Value {
    let mut json = json!({ "row": cell.row });
    if let Some(object) = json.as_object_mut() {
        object.extend(cell.sheet.as_ref().map(|it| ("sheet".to_owned(), it.as_str().into())));
        object.extend(cell.column.as_ref().map(|it| ("column".to_owned(), it.name.as_str().into())));
        object.extend(cell.reference().map(|it| ("reference".to_owned(), it.into())));
    }
    json
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A cell says enough to people; a line of a long document does not.
        let names_pointer = !self.pointer.is_empty() && self.cell.is_none();
        if let Some(place) = self.place() {
            f.write_str(&place)?;
            f.write_str(if names_pointer { ", " } else { ": " })?;
        }
        if names_pointer {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}
