//! Files that are whole or not there: written under a temporary name, flushed to the disk, then renamed.

use super::error::WriteError;
use std::borrow::ToOwned;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::vec::Vec;

/// A fault of the file system, with the path it concerns.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action}: {source}", path.display())]
pub struct FileError {
    /// What was tried: `read`, `write`, ...
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Names the action and the path of an I/O error.
pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    move |source| FileError { action, path, source }
}

/// Writes a file that is whole under its name, or not there at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_added_extension("tmp");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(at("write", path))
}

/// Writes a file and gives back what the disk then holds, if it is the same.
pub(super) fn write_and_compare(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, WriteError> {
    write_whole(path, bytes)?;
    let read_back = fs::read(path).map_err(at("read", path))?;
    if read_back == bytes { Ok(read_back) } else { Err(WriteError::ReadBack { path: path.to_owned() }) }
}

/// Flushes the names in a directory to the disk.
pub(super) fn sync_dir(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(at("flush", path))
}

/// The directory that holds a path.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
