//! Why bytes are not a bundle.

use std::fmt;

use vitrine_engine::{BundleError, ScheduleError};

/// Why bytes are not a stored configuration, or a configuration cannot be stored.
#[derive(Debug)]
pub enum BundleFormatError {
    /// Not JSON of the expected shape.
    Json(serde_json::Error),
    /// Written by another release.
    Format {
        /// The version of the form that was found.
        found: u32,
    },
    /// The parts do not fit together.
    Bundle(BundleError),
    /// A schedule that could never run.
    Schedule(ScheduleError),
    /// The offsets of the clock do not rise.
    Clock,
    /// A formula whose steps are no program.
    Formula {
        /// What is wrong, or the steps.
        why: String,
    },
    /// The hashes of a saved group are not a sorted list of 64-bit numbers.
    Group {
        /// Id of the group.
        id: String,
    },
}

impl fmt::Display for BundleFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a stored configuration: {error}"),
            Self::Format { found } => {
                write!(f, "the configuration is stored in form {found}; this release reads form {}", crate::FORMAT)
            }
            Self::Bundle(error) => error.fmt(f),
            Self::Schedule(error) => error.fmt(f),
            Self::Clock => f.write_str("the offsets of the clock are not a rising list"),
            Self::Formula { why } => write!(f, "a formula is no program: {why}"),
            Self::Group { id } => write!(f, "the hashes of the saved group {id:?} are not a sorted list"),
        }
    }
}

impl std::error::Error for BundleFormatError {}

impl From<serde_json::Error> for BundleFormatError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<BundleError> for BundleFormatError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

impl From<ScheduleError> for BundleFormatError {
    fn from(error: ScheduleError) -> Self {
        Self::Schedule(error)
    }
}
