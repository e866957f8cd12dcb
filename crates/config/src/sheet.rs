//! The spreadsheet face of a document: rows of cells, in CSV or in a workbook.

mod place;

pub use place::{Cell, Column};

pub(crate) use place::Places;
