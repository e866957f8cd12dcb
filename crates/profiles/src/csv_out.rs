//! CSV files with customer ids that commands write on request.

use crate::BuildError;
use std::io::Write as _;
use std::path::Path;

/// A field: in quotes where it holds what parts fields or rows.
pub(crate) fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Writes a file whole or not at all; one that is there is replaced.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    let io = |source| BuildError::Io { path: path.to_owned(), source };
    let beside = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut unfinished = tempfile::NamedTempFile::new_in(beside).map_err(io)?;
    unfinished.write_all(text.as_bytes()).map_err(io)?;
    unfinished.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (text, quoted) in [("00004", "00004"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\nb", "\"a\nb\"")] {
            assert_eq!(field(text), quoted);
        }
    }
}
