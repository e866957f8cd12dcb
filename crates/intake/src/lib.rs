//! A shop's raw files as tables of text.
//!
//! Files come from a path, a folder, a pattern or a bucket, packed or plain, in the encoding that they have; every row becomes a row of texts
//! in a Parquet file, or a quarantined row with a reason. A mapping says which columns mean what. Nothing is guessed, nothing is lost.
#![forbid(unsafe_code)]

mod bucket;
mod csv_rows;
mod dates;
mod document;
mod error;
mod json_rows;
mod kind;
mod mapping;
mod opened;
mod raw_table;
mod shop;
mod sink;
mod source;
mod stage;
mod suggest;
mod window;

pub use bucket::S3;
pub use dates::{DateFormat, Pattern};
pub use document::{DocumentError, Problem};
pub use error::IntakeError;
pub use kind::{FieldSpec, FieldType, Kind};
pub use mapping::{
    Attribute, BUILTIN_MAPPINGS, Cancellations, ColumnPolicy, ColumnType, CsvOptions, Dates, Delimiter, Duplicates,
    FieldSource, JsonOptions, KindMapping, Mapping, Missing, OutlierAction, OutlierRule, Outliers, Scale, Sensitivity,
    Validator,
};
pub use raw_table::{Compression, Format, RawTable, RejectReason};
pub use shop::{Feed, Shop};
pub use source::{Found, SourceFile, find_files, find_objects};
pub use stage::{NamedColumn, ReadOptions, stage};
pub use suggest::{Match, Suggestion, Written, suggest, suggest_file};
