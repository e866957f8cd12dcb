//! Documents as spreadsheets: what marketers write into cells, what must be said about it, and that nothing is lost.
#![allow(missing_docs)]

#[path = "sheet/cases.rs"]
mod cases;
#[path = "sheet/guide.rs"]
mod guide;
#[path = "sheet/limits.rs"]
mod limits;
#[path = "sheet/round_trip.rs"]
mod round_trip;
#[path = "sheet/workbooks.rs"]
mod workbooks;
