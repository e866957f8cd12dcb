//! The work directory of a build: one file a step, named by what it was made from.
//!
//! The name of a stage file ends in a hash over the text of its step, the parameters that the text mentions, and the
//! hashes of the tables that it reads. So a file is never wrong, only unused: a build that was killed goes on where it
//! stopped, and the next build runs only what changed. A file gets its name when it is whole. After a build, files
//! that it did not use are removed.

use crate::BuildError;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Changes when steps are run in another way, so that old files are not taken for new ones.
const WAY: &str = "vitrine stages 1";
/// Held as long as a build uses the directory.
const LOCK_FILE: &str = "lock";

/// A step that a build ran or found done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageRun {
    /// Name of the step.
    pub step: String,
    /// Rows of the tables that it reads. 0 if it was done already.
    pub rows_read: u64,
    /// Rows of its table.
    pub rows_written: u64,
    /// Whether its table was there already.
    pub is_reused: bool,
    /// How long it took. Unit: milliseconds of the clock. 0 if it was done already.
    pub took_ms: u64,
}

/// A table: the hash of what it was made from, and its rows where they are known.
#[derive(Clone, Debug)]
struct Known {
    key: String,
    rows: u64,
}

/// The stage files of one build.
pub(crate) struct Stages {
    dir: PathBuf,
    lock: File,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    tables: BTreeMap<String, Known>,
    params: BTreeMap<String, String>,
    used: BTreeSet<PathBuf>,
    runs: Vec<StageRun>,
}

impl Stages {
    /// Opens a work directory, and makes it if it is not there.
    ///
    /// Errors: it cannot be made, or another build is using it.
    pub(crate) fn open(dir: &Path) -> Result<Self, BuildError> {
        let io = |source| BuildError::Io { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(io)?;
        let lock = File::create(dir.join(LOCK_FILE)).map_err(io)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => BuildError::Option {
                option: "work_dir",
                what: format!("{} is used by another build; wait for it, or choose another directory", dir.display()),
            },
            fs::TryLockError::Error(source) => io(source),
        })?;
        Ok(Self { dir: dir.to_owned(), lock, inner: RefCell::default() })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Sets the parameters that steps may mention, as SQL literals by name.
    pub(crate) fn set_params(&self, params: &[(&str, String)]) {
        let mut inner = self.inner.borrow_mut();
        inner.params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    }

    /// The key of a step: its text, the parameters that it mentions, and the keys of its inputs.
    pub(crate) fn key(&self, step: &str, sql: &str, inputs: &[String]) -> String {
        let inner = self.inner.borrow();
        let mut parts = vec![WAY.to_owned(), step.to_owned(), sql.to_owned()];
        if inputs.iter().any(|input| input == "params") {
            let mentioned: BTreeSet<&str> = words(sql).collect();
            let params = inner.params.iter().filter(|(name, _)| mentioned.contains(name.as_str()));
            parts.extend(params.map(|(name, value)| format!("{name}={value}")));
        }
        for input in inputs.iter().filter(|input| *input != "params") {
            parts.push(
                inner.tables.get(input).map_or_else(|| format!("{input}?"), |known| format!("{input}={}", known.key)),
            );
        }
        hash(parts.iter().map(String::as_bytes))
    }

    /// The file of a step, and whether it is there already.
    pub(crate) fn file(&self, step: &str, key: &str) -> (PathBuf, bool) {
        let path = self.dir.join(format!("{step}-{}.parquet", key.get(..20).unwrap_or(key)));
        self.inner.borrow_mut().used.insert(path.clone());
        let is_there = path.is_file();
        (path, is_there)
    }

    /// Where a file is written before it is whole.
    pub(crate) fn unfinished(&self, path: &Path) -> PathBuf {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        self.dir.join(format!(".unfinished-{name}"))
    }

    /// Notes that a table is there.
    pub(crate) fn know(&self, table: &str, key: &str, rows: u64) {
        self.inner.borrow_mut().tables.insert(table.to_owned(), Known { key: key.to_owned(), rows });
    }

    /// The key of a table.
    pub(crate) fn key_of(&self, table: &str) -> Option<String> {
        self.inner.borrow().tables.get(table).map(|known| known.key.clone())
    }

    /// Rows of tables in all.
    pub(crate) fn rows_of(&self, tables: &[String]) -> u64 {
        let inner = self.inner.borrow();
        tables.iter().filter_map(|table| inner.tables.get(table)).map(|known| known.rows).sum()
    }

    /// Notes that a step was run, or was done already.
    pub(crate) fn note(&self, run: StageRun) {
        self.inner.borrow_mut().runs.push(run);
    }

    /// What was run so far.
    pub(crate) fn runs(&self) -> Vec<StageRun> {
        self.inner.borrow().runs.clone()
    }

    /// Removes the files that this build did not use.
    pub(crate) fn prune(&self) -> Result<(), BuildError> {
        let io = |source| BuildError::Io { path: self.dir.clone(), source };
        let inner = self.inner.borrow();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let is_stage = path.extension().is_some_and(|extension| extension == "parquet");
            if is_stage && !inner.used.contains(&path) {
                fs::remove_file(&path).map_err(io)?;
            }
        }
        Ok(())
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        // The system lets go of it too, when the file is closed.
        let _ = self.lock.unlock();
    }
}

/// A hash over parts, each with its length, so that no two lists of parts run together.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

/// A hash over the content of a file.
pub(crate) fn hash_file(path: &Path) -> Result<String, std::io::Error> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = std::io::Read::read(&mut file, &mut buffer)?;
        match buffer.get(..n) {
            Some(bytes) if n > 0 => hasher.update(bytes),
            _ => return Ok(hex(&hasher.finalize())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The words of an SQL text.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_rests_on_text_mentioned_parameters_and_inputs() {
        let dir = tempfile::tempdir().unwrap();
        let stages = Stages::open(dir.path()).unwrap();
        stages.set_params(&[("as_of_s", "7".into()), ("split_s", "5".into())]);
        stages.know("orders", "k1", 10);
        let inputs = ["orders".to_owned(), "params".to_owned()];
        let key = |sql: &str| stages.key("a", sql, &inputs);
        let before = key("SELECT as_of_s FROM orders, params");
        assert_ne!(before, key("SELECT as_of_s AS a FROM orders, params"));
        stages.set_params(&[("as_of_s", "7".into()), ("split_s", "6".into())]);
        assert_eq!(before, key("SELECT as_of_s FROM orders, params"));
        stages.set_params(&[("as_of_s", "8".into()), ("split_s", "6".into())]);
        assert_ne!(before, key("SELECT as_of_s FROM orders, params"));
        stages.set_params(&[("as_of_s", "7".into())]);
        stages.know("orders", "k2", 10);
        assert_ne!(before, key("SELECT as_of_s FROM orders, params"));
    }

    #[test]
    fn a_directory_serves_one_build_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Stages::open(dir.path()).unwrap();
        let error = Stages::open(dir.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("is used by another build"), "{error}");
        drop(first);
        Stages::open(dir.path()).unwrap();
    }
}
