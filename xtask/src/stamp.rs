//! Stamps: a step whose inputs have the same content as last time is skipped.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A running hash over the inputs of a step.
#[derive(Default)]
pub struct Inputs {
    hash: Sha256,
}

impl Inputs {
    /// Adds a word, for example an argument.
    pub fn word(mut self, word: &str) -> Self {
        self.add(word.as_bytes());
        self
    }

    /// Adds a file's content, or every file's below a folder, in order of their names; a missing one counts as such.
    pub fn path(mut self, path: &Path) -> Result<Self> {
        let mut files = Vec::new();
        list_files(path, &mut files)?;
        files.sort();
        for file in files {
            let below = file.strip_prefix(path).unwrap_or(&file);
            self.add(below.to_string_lossy().as_bytes());
            self.add_file(&file).with_context(|| format!("cannot read {}", file.display()))?;
        }
        self.add(b"end of path");
        Ok(self)
    }

    /// The hash as hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.hash.finalize())
    }

    /// By pieces: the `vitrine` command alone has hundreds of megabytes.
    fn add_file(&mut self, path: &Path) -> std::io::Result<()> {
        let mut file = fs::File::open(path)?;
        self.hash.update(file.metadata()?.len().to_le_bytes());
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                n_bytes => self.hash.update(&buffer[..n_bytes]),
            }
        }
    }

    fn add(&mut self, part: &[u8]) {
        self.hash.update((part.len() as u64).to_le_bytes());
        self.hash.update(part);
    }
}

/// Whether the stamp at `file` says `inputs`.
pub fn is_fresh(file: &Path, inputs: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|stamp| stamp.trim() == inputs)
}

/// Writes the stamp. To be called after the step has succeeded.
pub fn write(file: &Path, inputs: &str) -> Result<()> {
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(file, format!("{inputs}\n")).with_context(|| format!("cannot write {}", file.display()))
}

/// SHA-256 of `bytes` as hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
            list_files(&entry?.path(), files)?;
        }
    } else if path.exists() {
        files.push(path.to_path_buf());
    }
    Ok(())
}

#[cfg(test)]
mod stamp_tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_an_input_changes() {
        let dir = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(dir.join("inputs")).unwrap();
        fs::write(dir.join("inputs/a"), "one").unwrap();
        let inputs = || Inputs::default().word("build").path(&dir.join("inputs")).unwrap().finish();
        let before = inputs();
        let stamp = dir.join("stamp");
        assert!(!is_fresh(&stamp, &before));
        write(&stamp, &before).unwrap();
        assert!(is_fresh(&stamp, &inputs()));
        fs::rename(dir.join("inputs/a"), dir.join("inputs/b")).unwrap();
        assert!(!is_fresh(&stamp, &inputs()), "a new name is a new input");
        fs::rename(dir.join("inputs/b"), dir.join("inputs/a")).unwrap();
        fs::write(dir.join("inputs/a"), "two").unwrap();
        assert!(!is_fresh(&stamp, &inputs()), "new content is a new input");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn the_hash_is_sha_256() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
