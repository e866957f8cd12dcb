//! What a source file has become: a Parquet table beside the rows that could not be read.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a source file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    Plain,
    /// `.gz`.
    Gzip,
    /// `.zst`.
    Zstd,
}

/// How the rows of a source file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Delimited text: `.csv`, `.txt`.
    Csv,
    /// Delimited by tabs: `.tsv`.
    Tsv,
    /// One JSON object a line: `.jsonl`, `.ndjson`, `.json`.
    JsonLines,
    /// `.parquet`.
    Parquet,
}

/// A source file as a Parquet table.
///
/// Text formats: every column of the file is Utf8 (without white space around it; null where nothing is left), then `source_row` BIGINT (data rows from 1, those that
/// were rejected counted) and `source_line` BIGINT (line on which the row begins, from 1). Parquet stays as it is, typed, without these two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTable {
    /// The source file as the shop calls it: a path, or `s3://bucket/key`.
    pub file: String,
    /// How its rows are written.
    pub format: Format,
    /// How it is packed.
    pub compression: Compression,
    /// The Parquet file.
    pub path: PathBuf,
    /// Whether the columns are typed (the source was Parquet) instead of text.
    pub is_typed: bool,
    /// The columns of the source, in its order; without `source_row` and `source_line`.
    pub columns: Vec<String>,
    /// Columns without a value in any row (text formats only).
    pub empty_columns: Vec<String>,
    /// Rows of the table.
    pub rows: u64,
    /// Rows of the source that could not be read.
    pub rejected_rows: u64,
    /// Parquet file of those: `source_row`, `source_line` BIGINT, `reason` Utf8 (see [`RejectReason::code`]), `field` Utf8 or null,
    /// `text` Utf8 of at most 80 characters. `None` if there are none.
    pub rejected: Option<PathBuf>,
    /// Line, reason code and beginning of the first rejected row.
    pub first_rejected: Option<(u64, String, String)>,
    /// SHA-256 of the source file as it lies there, in hexadecimal.
    pub sha256: String,
    /// Size of the source file as it lies there. Unit: bytes.
    pub source_bytes: u64,
    /// The encoding that it was read in, as the web names it; `None` for Parquet.
    pub encoding: Option<String>,
    /// What a person should know, in words.
    pub notices: Vec<String>,
}

/// Why a row of a source file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Fewer fields than columns.
    TooFewFields,
    /// More fields than columns.
    TooManyFields,
    /// A quote that is not closed, or text behind a closing one.
    BadQuote,
    /// Bytes that are no text in the file's encoding.
    InvalidBytes,
    /// A line that is no JSON object.
    NotAnObject,
    /// Longer than a row may be.
    RowTooLong,
}

impl RejectReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::TooFewFields,
        Self::TooManyFields,
        Self::BadQuote,
        Self::InvalidBytes,
        Self::NotAnObject,
        Self::RowTooLong,
    ];

    /// The code in quarantine files and reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooFewFields => "too_few_fields",
            Self::TooManyFields => "too_many_fields",
            Self::BadQuote => "bad_quote",
            Self::InvalidBytes => "invalid_bytes",
            Self::NotAnObject => "not_an_object",
            Self::RowTooLong => "row_too_long",
        }
    }

    /// What it means and what to look at.
    pub(crate) fn mend(self) -> &'static str {
        match self {
            Self::TooFewFields | Self::TooManyFields => {
                "rows do not have as many fields as the header: check csv.delimiter, csv.quote and csv.skip_lines of the mapping"
            }
            Self::BadQuote => {
                "quotes are not closed, or text follows a closing one: if the file has no quoted fields, write csv.quote = \"\" in the mapping"
            }
            Self::InvalidBytes => {
                "bytes are no text in this encoding: name the right one as csv.encoding in the mapping"
            }
            Self::NotAnObject => "lines are no JSON objects: the file needs one object a line",
            Self::RowTooLong => "rows are too long: check csv.quote of the mapping, or allow longer rows",
        }
    }
}
