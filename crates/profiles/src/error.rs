//! Why a build stops. Rows that are wrong do not stop it: they go to the quarantine.

use crate::LabelError;
use std::path::PathBuf;
use vitrine_tables::{CellError, ItemsError, SchemaError, WriteError};

/// Why a build stops.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An option out of its range.
    #[error("option {option}: {what}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// An order file cannot be read.
    #[error("{}: {reason}", file.display())]
    Source {
        /// The file.
        file: PathBuf,
        /// What is wrong and how to mend it.
        reason: String,
    },
    /// An order file lacks columns that the mapping names.
    #[error(
        "{}: no column {missing}; the file has {found}; change [fields] of mapping {mapping}, or choose another mapping",
        file.display()
    )]
    MissingColumns {
        /// The file.
        file: PathBuf,
        /// Name of the mapping.
        mapping: String,
        /// The columns, each with the key that names it.
        missing: String,
        /// The columns of the file.
        found: String,
    },
    /// An SQL expression of the mapping does not fit the file.
    #[error("mapping {mapping}: {field}: {reason}; the expression may use the columns {found}")]
    Expression {
        /// Name of the mapping.
        mapping: String,
        /// The key of the field.
        field: String,
        /// What the engine says.
        reason: String,
        /// The columns of the file.
        found: String,
    },
    /// A part of a mapping does not fit the kind of its files.
    #[error("mapping {mapping}: {key}: {what}")]
    Policy {
        /// Name of the mapping.
        mapping: String,
        /// The key.
        key: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// No purchase is left after cleaning.
    #[error("none of the {read} rows is left after cleaning: {reasons}; check the mapping against the files")]
    NothingLeft {
        /// Rows read.
        read: u64,
        /// Reasons with their counts, the most frequent first.
        reasons: String,
    },
    /// A step of SQL failed.
    #[error("step {step}: {reason}")]
    Step {
        /// Name of the SQL file.
        step: String,
        /// What the engine says.
        reason: String,
    },
    /// A feature file, or `labels.toml`, makes no sense.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The values of a label are not as it is declared.
    #[error("label {label}: {what}")]
    Label {
        /// The label.
        label: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// A file that `compile` is given is not as documented.
    #[error("{}: {what}; docs/guides/features.md has the columns", file.display())]
    Input {
        /// The file.
        file: PathBuf,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// The neighbour fit failed.
    #[error("cannot fit item neighbours: {reason}")]
    Neighbours {
        /// Why.
        reason: String,
    },
    /// The build contradicts itself. Never written.
    #[error("the build contradicts itself ({what}) and was not written; please report this")]
    Inconsistent {
        /// The numbers.
        what: String,
    },
    /// The columns do not make a schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A value does not fit its column.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The items do not make an item table.
    #[error(transparent)]
    Items(#[from] ItemsError),
    /// The table cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file beside the table cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
