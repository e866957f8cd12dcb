//! Documents as marketers write them, and what must be said about them.
#![allow(missing_docs)]

#[path = "config/cases.rs"]
mod cases;
#[path = "config/census.rs"]
mod census;
#[path = "config/changes.rs"]
mod changes;
#[path = "config/flagd.rs"]
mod flagd;
#[path = "config/flags.rs"]
mod flags;
#[path = "config/formulas.rs"]
mod formulas;
#[path = "config/growthbook.rs"]
mod growthbook;
#[path = "config/guide.rs"]
mod guide;
#[path = "config/limits.rs"]
mod limits;
#[path = "config/properties.rs"]
mod properties;
#[path = "config/table.rs"]
mod table;
