//! A shop's raw files as tables of text.
//!
//! Files come from a path, a folder, a pattern or a bucket, packed or plain, in the encoding that they have; every row becomes a row of texts
//! in a Parquet file, or a quarantined row with a reason. A mapping says which columns mean what. Nothing is guessed, nothing is lost.
#![forbid(unsafe_code)]

mod dates;
mod document;
mod kind;
mod mapping;
mod raw_table;
mod shop;

pub use dates::{DateFormat, Pattern};
pub use document::{DocumentError, Problem};
pub use kind::{FieldSpec, FieldType, Kind};
pub use mapping::{
    Attribute, BUILTIN_MAPPINGS, Cancellations, ColumnPolicy, ColumnType, CsvOptions, Dates, Delimiter, Duplicates,
    FieldSource, JsonOptions, KindMapping, Mapping, Missing, OutlierAction, OutlierRule, Outliers, Scale, Sensitivity,
    Validator,
};
pub use raw_table::{Compression, Format, RawTable, RejectReason};
pub use shop::{Feed, Shop};
