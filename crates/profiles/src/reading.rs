//! Orders read and cleaned as a build does it, for those who only ask something of them: nothing is written, nothing is hashed.

use crate::build::check;
use crate::engine::Engine;
use crate::sources::{self, Cleaned};
use crate::stages::Stages;
use crate::{AsOf, BuildError, BuildOptions, Mapping, Progress};
use std::path::PathBuf;
use tempfile::TempDir;
use vitrine_tables::TableKey;

/// Order files, and how they are read.
pub(crate) struct Orders<'a> {
    pub(crate) files: &'a [PathBuf],
    pub(crate) mapping: &'a Mapping,
    /// Later rows are put aside. Default: midnight after the last one.
    pub(crate) as_of: Option<AsOf>,
    pub(crate) memory_bytes: usize,
}

/// Cleaned orders. They vanish with it.
pub(crate) struct Reading {
    pub(crate) engine: Engine,
    pub(crate) cleaned: Cleaned,
    _work: TempDir,
}

impl Orders<'_> {
    /// Reads and cleans. Errors: as a build.
    pub(crate) fn read(&self, progress: &mut dyn Progress) -> Result<Reading, BuildError> {
        let work = tempfile::Builder::new().prefix("vitrine-stages-").tempdir();
        let work = work.map_err(|source| BuildError::Io { path: std::env::temp_dir(), source })?;
        let key = TableKey::from_hex("00000000000000000000000000000000");
        let key = key.map_err(|error| BuildError::Inconsistent { what: error.to_string() })?;
        let out = work.path().join("unused");
        let mut options = BuildOptions::new(self.files.to_vec(), self.mapping.clone(), out, key);
        options.as_of = self.as_of;
        options.memory_bytes = self.memory_bytes;
        check(&options)?;
        let engine = Engine::start(Stages::open(work.path())?, self.memory_bytes)?;
        let cleaned = sources::clean(&engine, &options, progress)?;
        Ok(Reading { engine, cleaned, _work: work })
    }
}

/// A day as a person writes it. Unit: days since 1970-01-01.
pub(crate) fn day_shown(day: i64) -> String {
    let time = AsOf::from_unix_seconds(day.saturating_mul(86_400)).map_or_else(String::new, |time| time.to_string());
    time.split('T').next().unwrap_or_default().to_owned()
}
