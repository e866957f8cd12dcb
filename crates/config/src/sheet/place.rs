//! Where a finding stands in a spreadsheet: row and column as its program shows them.

use std::fmt;

/// A cell of a spreadsheet, or a whole row.
///
/// Displayed as `row 5, column weight (E5)`; a whole row as `row 5`; in a workbook, the name of the sheet goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Name of the sheet. `None` for CSV, which has only one.
    pub sheet: Option<String>,
    /// Row, from 1, as a spreadsheet program counts: empty rows count, a cell of several lines is one row.
    pub row: u32,
    /// Column; `None` means the whole row.
    pub column: Option<Column>,
}

/// A column of a spreadsheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Position, from 1.
    pub number: u32,
    /// What the header calls it, as written there; may be empty.
    pub name: String,
}

impl Cell {
    /// The cell's name in spreadsheet programs: `E5`. A whole row has none.
    pub fn reference(&self) -> Option<String> {
        let column = self.column.as_ref()?;
        Some(format!("{}{}", letters(column.number), self.row))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sheet) = &self.sheet {
            write!(f, "sheet {sheet:?}, ")?;
        }
        write!(f, "row {}", self.row)?;
        match (&self.column, self.reference()) {
            (Some(column), Some(reference)) if column.name.is_empty() => write!(f, ", cell {reference}"),
            (Some(column), Some(reference)) => write!(f, ", column {} ({reference})", column.name),
            _ => Ok(()),
        }
    }
}

/// Letters of a column, counted from 1: A to Z, then AA.
fn letters(number: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = number;
    while let Some(place) = rest.checked_sub(1) {
        letters.push(char::from_digit(place.checked_rem(26).unwrap_or(0).saturating_add(10), 36).unwrap_or('?'));
        rest = place.checked_div(26).unwrap_or(0);
    }
    letters.iter().rev().collect::<String>().to_ascii_uppercase()
}

/// All places of a document that is read from sheets, by their number, which takes the part of a byte offset.
#[derive(Debug, Default)]
pub(crate) struct Places {
    sheets: Vec<Sheet>,
    /// Number 1 first; 0 is the document as a whole.
    places: Vec<Place>,
}

#[derive(Debug)]
struct Sheet {
    name: Option<String>,
    /// The header's cells, by column.
    headers: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    sheet: usize,
    row: u32,
    /// From 0.
    column: Option<u16>,
}

#[cfg(feature = "csv")]
impl Places {
    /// A sheet begins: the next places are in it.
    pub fn begin_sheet(&mut self, name: Option<String>) {
        self.sheets.push(Sheet { name, headers: Vec::new() });
    }

    /// What the header of the sheet that is open calls a column, counted from 0.
    pub fn name_column(&mut self, column: u16, name: &str) {
        let Some(sheet) = self.sheets.last_mut() else { return };
        let column = usize::from(column);
        if sheet.headers.len() <= column {
            sheet.headers.resize(column.saturating_add(1), String::new());
        }
        if let Some(slot) = sheet.headers.get_mut(column) {
            *slot = crate::source::shortened(name.trim());
        }
    }

    /// The number of a cell in the sheet that is open, or of its whole row. Rows count from 1, columns from 0.
    pub fn add(&mut self, row: u32, column: Option<u16>) -> usize {
        self.places.push(Place { sheet: self.sheets.len().saturating_sub(1), row, column });
        self.places.len()
    }
}

impl Places {
    /// The place with a number; `None` for the document as a whole.
    pub fn cell(&self, number: usize) -> Option<Cell> {
        let Place { sheet, row, column } = *self.places.get(number.checked_sub(1)?)?;
        let sheet = self.sheets.get(sheet);
        let column = column.map(|idx| Column {
            number: u32::from(idx).saturating_add(1),
            name: sheet.and_then(|it| it.headers.get(usize::from(idx))).cloned().unwrap_or_default(),
        });
        Some(Cell { sheet: sheet.and_then(|it| it.name.clone()), row, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_letters_of_spreadsheets() {
        for (number, expected) in [
            (1, "A"),
            (5, "E"),
            (26, "Z"),
            (27, "AA"),
            (52, "AZ"),
            (53, "BA"),
            (702, "ZZ"),
            (703, "AAA"),
            (16384, "XFD"),
        ] {
            assert_eq!(letters(number), expected);
        }
    }

    #[test]
    fn cells_read_as_people_say_them() {
        let column = |name: &str| Some(Column { number: 5, name: name.to_owned() });
        let cell = |sheet: Option<&str>, column| Cell { sheet: sheet.map(str::to_owned), row: 5, column };
        assert_eq!(cell(None, column("weight")).to_string(), "row 5, column weight (E5)");
        assert_eq!(cell(None, column("")).to_string(), "row 5, cell E5");
        assert_eq!(cell(None, None).to_string(), "row 5");
        assert_eq!(cell(Some("Tests"), column("权重")).to_string(), "sheet \"Tests\", row 5, column 权重 (E5)");
    }
}
