//! The first row of a sheet: which column means what.

use std::collections::BTreeMap;

use super::place::Places;
use super::{COLUMNS_MAX, Row, table};
use crate::report::Report;
use crate::source::csv::finding;
use crate::source::shortened;

/// The columns of a sheet, by their position.
#[derive(Debug, Default)]
pub(crate) struct Header(BTreeMap<u16, Meaning>);

/// What the cells of a column are.
#[derive(Debug, PartialEq)]
pub(crate) enum Meaning {
    /// The kind of the row.
    Kind,
    /// The id of what the row belongs to.
    Of,
    /// Members that have no column, as JSON.
    More,
    /// One of these members; the kind of the row decides which.
    Members(Vec<&'static str>),
    /// Nothing; it is reported already.
    Broken,
}

impl Header {
    /// Whether a row can be a header: whether it names the column of kinds.
    pub fn is_in(row: &Row) -> bool {
        row.cells.iter().any(|(_, cell)| table::columns(cell).contains(&table::KIND_COLUMN))
    }

    /// Reads a header; names its columns in `places`.
    pub fn read(row: &Row, places: &mut Places, report: &mut Report) -> Self {
        let mut header = Self::default();
        let mut taken: BTreeMap<Vec<&str>, u16> = BTreeMap::new();
        if let Some((column, _)) = row.cells.iter().find(|(column, _)| *column >= COLUMNS_MAX) {
            let place = places.add(row.number, Some(*column));
            let message = format!("the sheet has more than {COLUMNS_MAX} columns");
            report.source_error(finding(place, "too_many_columns", message, "remove what is not for Vitrine"));
        }
        for (column, cell) in row.cells.iter().filter(|(column, _)| *column < COLUMNS_MAX) {
            places.name_column(*column, cell);
            let place = places.add(row.number, Some(*column));
            let columns = table::columns(cell);
            let meaning = match columns.as_slice() {
                [] => {
                    let suggestion = report.did_you_mean(&cell.trim().to_lowercase(), table::all_columns());
                    let message = format!("there is no column {:?}{suggestion}", shortened(cell.trim()));
                    let help =
                        "the guide to spreadsheets lists all columns; put other members into the column more, as JSON";
                    report.source_error(finding(place, "unknown_header", message, help));
                    Meaning::Broken
                }
                [table::KIND_COLUMN] => Meaning::Kind,
                [table::OF_COLUMN] => Meaning::Of,
                [table::MORE_COLUMN] => Meaning::More,
                _ => Meaning::Members(columns.clone()),
            };
            let twin = taken.get(&columns).copied().filter(|_| meaning != Meaning::Broken);
            let meaning = match twin {
                Some(_) => {
                    let message = format!("the column {:?} is there twice", shortened(cell.trim()));
                    report.source_error(finding(place, "duplicate_header", message, "remove one of the two"));
                    Meaning::Broken
                }
                None => meaning,
            };
            taken.entry(columns).or_insert(*column);
            header.0.insert(*column, meaning);
        }
        header
    }

    /// What a column means; `None` if the header has no cell for it.
    pub fn meaning(&self, column: u16) -> Option<&Meaning> {
        self.0.get(&column)
    }
}
