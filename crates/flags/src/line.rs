//! One line of `vitrine eval --format growthbook`.

use std::error::Error;
use std::fmt;

/// A line that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The answer to print instead: `{"id"?, "error": {"code", "message"}}`.
    pub answer: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.answer)
    }
}

impl Error for LineError {}

/// Evaluates `{"id", "payload", "attributes", "key"?, "context"?}` and writes `{"id", "features": {key: result}}`.
///
/// Errors: the line is not such an object. The error holds the line to write then, so that the rest can go on.
pub fn eval_line(_line: &str) -> Result<String, LineError> {
    Err(LineError { answer: String::new() })
}
