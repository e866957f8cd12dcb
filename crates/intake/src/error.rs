//! Why files cannot be taken in. Single rows that are wrong do not stop anything: they are rejected with a reason.

use std::path::PathBuf;

/// Why files cannot be taken in. Every message names the file and says how to mend it; none holds credentials.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IntakeError {
    /// A source that cannot be found or read, or is not what its name says.
    #[error("{file}: {what}")]
    Source {
        /// The file, folder, pattern or bucket, as the shop calls it.
        file: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// A file lacks columns that the mapping names.
    #[error("{file}: no column {missing}; the file has {found}; change the mapping {mapping}, or choose another one")]
    MissingColumns {
        /// The file.
        file: String,
        /// Name of the mapping.
        mapping: String,
        /// The columns, each with the key that names it.
        missing: String,
        /// The columns of the file.
        found: String,
    },
    /// More rows than allowed cannot be read: the mapping does not fit the file.
    #[error(
        "{file}: {rejected} of {rows} rows cannot be read, more than {allowed_percent} %; the first is on line {line} ({reason}: {text:?}); {mend}"
    )]
    TooManyRejected {
        /// The file.
        file: String,
        /// Rows that cannot be read.
        rejected: u64,
        /// All rows.
        rows: u64,
        /// The share that is allowed. Unit: percent.
        allowed_percent: f64,
        /// Line of the first one.
        line: u64,
        /// Code of its reason.
        reason: &'static str,
        /// How it begins.
        text: String,
        /// What to look at.
        mend: &'static str,
    },
    /// The work directory cannot be written.
    #[error("{}: {what}", path.display())]
    Work {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        what: String,
    },
}

impl IntakeError {
    pub(crate) fn source(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Source { file: file.into(), what: what.into() }
    }

    pub(crate) fn work(path: &std::path::Path, error: impl std::fmt::Display) -> Self {
        Self::Work { path: path.to_owned(), what: error.to_string() }
    }
}
