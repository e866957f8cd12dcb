//! A table directory as the command uses it: opened with its key checked, a visitor looked up.

use crate::failure::{Exit, Failure};
use std::path::Path;
use vitrine_tables::{Row, TableDir, TableError, TableKey};

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        anyhow::Error::from(error).into()
    }
}

/// Opens a table directory.
///
/// # Errors
/// 1 if its manifest cannot be read or is not sound.
pub fn open(path: &Path) -> Result<TableDir, Failure> {
    TableDir::open(path).map_err(|error| {
        let failure = Failure::from(error);
        if path.join("manifest.json").exists() {
            return failure;
        }
        failure.help("a table directory holds manifest.json and shards/, as `vitrine profiles build` writes them")
    })
}

/// Checks that a key is the one with which the table was built.
///
/// # Errors
/// 3 if it is another one: every visitor would seem unknown.
pub fn check_key(table: &TableDir, key: &TableKey) -> Result<(), Failure> {
    let (built, given) = (&table.manifest().key_check, key.check());
    if *built == given {
        return Ok(());
    }
    let path = table.path().display();
    let message = format!("the key (check {given}) is not the one that {path} was built with (check {built})");
    Err(Failure::new(Exit::Invalid, message).help("name the key file that `vitrine profiles build` was given"))
}

/// Calls `use_row` with the row of a visitor, or with `None` if the table has no such visitor.
///
/// # Errors
/// 1 if the shard cannot be read or is not sound.
pub fn with_row<T>(
    table: &TableDir,
    key: &TableKey,
    visitor: &str,
    use_row: impl FnOnce(Option<Row<'_>>) -> T,
) -> Result<T, Failure> {
    let row_key = key.hash(visitor);
    let shard_idx = row_key.shard(table.manifest().shard_bits);
    let bytes = table.read_shard(shard_idx)?;
    let shard = table.manifest().decode_shard(shard_idx, &bytes).map_err(|error| {
        let error = anyhow::Error::from(error).context(format!("shard {shard_idx:x} of {}", table.path().display()));
        Failure::from(error)
    })?;
    Ok(use_row(shard.find(row_key)))
}
