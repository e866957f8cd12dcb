//! Rows on their way to a table, parted by the top byte of their keys. Memory is bounded: a part that has gathered
//! enough goes to a file of its own, and comes back alone to be sorted.

use super::file::{FileError, at};
use crate::key::RowKey;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::string::String;
use std::vec::Vec;

/// A row with its key.
pub(super) type Record = (RowKey, Vec<u8>);

/// Number of parts: one for each value of the top byte of a key.
pub(super) const PARTS: usize = 256;

/// The bits of a key that name its part.
pub(super) const PART_BITS: u8 = 8;

/// What a part gathers in memory before it goes to its file. Unit: bytes. All parts together: 16 MiB.
const PART_BYTES_MAX: usize = 64 << 10;

/// Rows with their keys, in the order in which they came.
pub(super) struct Spill {
    dir: PathBuf,
    record_bytes: usize,
    parts: Vec<Part>,
}

#[derive(Default)]
struct Part {
    buffer: Vec<u8>,
    spilled: bool,
}

impl Spill {
    /// Spills to files in `dir`, which exists. A record is a key and a row of `row_bytes`.
    pub(super) fn new(dir: PathBuf, row_bytes: usize) -> Self {
        let parts = std::iter::repeat_with(Part::default).take(PARTS).collect();
        Self { dir, record_bytes: row_bytes.saturating_add(8), parts }
    }

    pub(super) fn push(&mut self, key: RowKey, row: &[u8]) -> Result<(), FileError> {
        let part_idx = key.shard(PART_BITS) as usize;
        let path = self.path(part_idx);
        let Some(part) = self.parts.get_mut(part_idx) else { return Ok(()) };
        part.buffer.extend_from_slice(&key.0.to_le_bytes());
        part.buffer.extend_from_slice(row);
        if part.buffer.len() >= PART_BYTES_MAX {
            let append = || File::options().create(true).append(true).open(&path)?.write_all(&part.buffer);
            append().map_err(at("write", &path))?;
            part.buffer.clear();
            part.spilled = true;
        }
        Ok(())
    }

    /// The rows of some parts, sorted by key. The parts are empty afterwards and their files are gone.
    pub(super) fn take_sorted(&mut self, part_idxs: std::ops::Range<usize>) -> Result<Vec<Record>, FileError> {
        let mut rows = Vec::new();
        for part_idx in part_idxs {
            let path = self.path(part_idx);
            let Some(part) = self.parts.get_mut(part_idx) else { continue };
            if std::mem::take(&mut part.spilled) {
                let spilled = fs::read(&path).map_err(at("read", &path))?;
                fs::remove_file(&path).map_err(at("remove", &path))?;
                push_records(&mut rows, &spilled, self.record_bytes);
            }
            push_records(&mut rows, &std::mem::take(&mut part.buffer), self.record_bytes);
        }
        rows.sort_unstable();
        Ok(rows)
    }

    fn path(&self, part_idx: usize) -> PathBuf {
        let name: String = std::format!("{part_idx:02x}");
        self.dir.join(name)
    }
}

fn push_records(rows: &mut Vec<Record>, bytes: &[u8], record_bytes: usize) {
    for record in bytes.chunks_exact(record_bytes) {
        if let Some((key, row)) = record.split_first_chunk() {
            rows.push((RowKey(u64::from_le_bytes(*key)), row.to_vec()));
        }
    }
}
