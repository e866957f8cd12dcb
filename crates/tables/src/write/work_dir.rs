//! The hidden directory in which a table grows, beside its final place, and how it takes that place.

use super::dir::MANIFEST_FILE;
use super::error::WriteError;
use super::file::{at, parent, sync_dir};
use std::borrow::ToOwned;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

pub(super) const SPILL_DIR: &str = ".spill";
pub(super) const LOCK_FILE: &str = ".lock";

/// The hidden directory beside the output. Removed when dropped, unless published.
pub(super) struct WorkDir {
    pub(super) path: PathBuf,
    /// Held while the writer lives, so that a second writer knows of the first.
    _lock: File,
}

impl WorkDir {
    pub(super) fn create(out_dir: &Path) -> Result<Self, WriteError> {
        let path = sibling(out_dir, "partial");
        fs::create_dir_all(parent(&path)).map_err(at("create", parent(&path)))?;
        if fs::symlink_metadata(&path).is_ok() {
            // Left behind by a writer that was killed; unless that one still holds the lock.
            if let Ok(lock) = File::open(path.join(LOCK_FILE)) {
                Self::lock(&lock, &path)?;
            }
            fs::remove_dir_all(&path).map_err(at("remove", &path))?;
        }
        fs::create_dir(&path).map_err(at("create", &path))?;
        let lock = File::create(path.join(LOCK_FILE)).map_err(at("create", &path))?;
        Self::lock(&lock, &path)?;
        Ok(Self { path, _lock: lock })
    }

    fn lock(file: &File, path: &Path) -> Result<(), WriteError> {
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(WriteError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(at("lock", path)(source).into()),
        }
    }

    /// Gives the finished directory its name. An old table moves out of the way first, and back if that fails.
    pub(super) fn publish(&mut self, out_dir: &Path) -> Result<(), WriteError> {
        let spill_dir = self.path.join(SPILL_DIR);
        fs::remove_dir_all(&spill_dir).map_err(at("remove", &spill_dir))?;
        let lock = self.path.join(LOCK_FILE);
        fs::remove_file(&lock).map_err(at("remove", &lock))?;
        sync_dir(&self.path)?;
        let old = sibling(out_dir, "replaced");
        let replaces = fs::symlink_metadata(out_dir).is_ok();
        if replaces {
            if fs::symlink_metadata(&old).is_ok() {
                fs::remove_dir_all(&old).map_err(at("remove", &old))?;
            }
            fs::rename(out_dir, &old).map_err(at("rename", out_dir))?;
        }
        if let Err(error) = fs::rename(&self.path, out_dir) {
            if replaces {
                fs::rename(&old, out_dir).map_err(at("rename", &old))?;
            }
            return Err(at("rename", &self.path)(error).into());
        }
        sync_dir(parent(out_dir))?;
        if replaces {
            fs::remove_dir_all(&old).map_err(at("remove", &old))?;
        }
        Ok(())
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        // After publishing there is nothing left to remove; a failure leaves a hidden directory for the next writer.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Checks that a table may be written to a directory.
pub(super) fn check_output(out_dir: &Path, replace: bool) -> Result<(), WriteError> {
    let path = || out_dir.to_owned();
    if out_dir.file_name().is_none() {
        return Err(WriteError::OutDir { path: path() });
    }
    if fs::symlink_metadata(out_dir).is_err() {
        return Ok(());
    }
    if !replace {
        return Err(WriteError::Exists { path: path() });
    }
    if !out_dir.join(MANIFEST_FILE).is_file() {
        return Err(WriteError::NotATable { path: path() });
    }
    Ok(())
}

/// `.<name>.<suffix>` beside a directory.
fn sibling(out_dir: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(out_dir.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    parent(out_dir).join(name)
}
