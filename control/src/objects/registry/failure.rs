//! Why a command was not carried out.

use std::fmt;

use vitrine_api::{Problem, ProblemCode};
use vitrine_rim::kv::KvError;
use vitrine_rim::manifests::NoManifest;

/// Why a command was not carried out.
pub enum Failure {
    /// The caller can mend it.
    Problem(Problem),
    /// Storage or KV failed; the text is for the log.
    Inside(String),
}

/// What a command comes to.
pub type Outcome<T = serde_json::Value> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => f.write_str(&problem.detail),
            Self::Inside(why) => f.write_str(why),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Inside(error.to_string())
    }
}

impl From<KvError> for Failure {
    fn from(error: KvError) -> Self {
        Self::Inside(error.to_string())
    }
}

impl From<NoManifest> for Failure {
    fn from(error: NoManifest) -> Self {
        match error {
            NoManifest::Kv(error) => error.into(),
            NoManifest::Unfit(why) => Problem::new(ProblemCode::InvalidTable, why).into(),
        }
    }
}

pub fn inside(error: impl fmt::Display) -> Failure {
    Failure::Inside(error.to_string())
}

pub fn conflict(detail: impl Into<String>) -> Failure {
    Problem::new(ProblemCode::Conflict, detail).into()
}

pub fn not_found(detail: impl Into<String>) -> Failure {
    Problem::new(ProblemCode::NotFound, detail).into()
}

pub fn forbidden(detail: impl Into<String>) -> Failure {
    Problem::new(ProblemCode::Forbidden, detail).into()
}

pub fn field(pointer: &str, code: &str, detail: impl Into<String>) -> Failure {
    Problem::field(pointer, code, detail).into()
}
