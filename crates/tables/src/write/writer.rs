//! The streaming writer of a table.
//!
//! Everything happens in a hidden directory beside the final one. That is renamed to its final name only after every
//! file in it was read back and compared with what was meant, so a build is never half there.

use super::dir::{ITEMS_FILE, MANIFEST_FILE, SHARDS_DIR};
use super::file::{FileError, at, parent, sync_dir, write_whole};
use super::spill::{PARTS, Spill};
use crate::bytes::crc32c;
use crate::cells::{CellError, RowValues};
use crate::digest::ShardsDigest;
use crate::items::{ItemTable, ItemsError};
use crate::key::{RowKey, TableKey};
use crate::kv_keys::shard_name;
use crate::manifest::{ItemsRef, Manifest, ManifestError};
use crate::row::{self, RowError};
use crate::schema::Schema;
use crate::shard::{SHARD_BITS_MAX, SHARD_BYTES_MAX, Shard, ShardError, ShardPlace, encode_shard};
use crate::timestamp::is_rfc3339;
use std::borrow::ToOwned;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Component, Path, PathBuf};
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const SPILL_DIR: &str = ".spill";
const LOCK_FILE: &str = ".lock";

/// How a table is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// The time that the data speaks about. RFC 3339 date-time. The same rows with another time are another build.
    pub as_of: String,
    /// Replace a table that is already there. The old one stays in place until the new one is whole.
    pub replace: bool,
    /// The table has `2^shard_bits` shards. Range: 0..=20. `None`: by the rule of the specification, "Number of shards".
    pub shard_bits: Option<u8>,
}

/// Writes one table into a directory: rows in any order, bounded memory, all or nothing.
///
/// Dropping an unfinished writer removes what it has written.
pub struct TableWriter {
    out_dir: PathBuf,
    work: WorkDir,
    schema: Schema,
    key: TableKey,
    options: WriteOptions,
    spill: Spill,
    n_rows: u64,
    row: Vec<u8>,
    items: Option<Vec<u8>>,
    item_id_max: Option<u32>,
}

/// Why a table cannot be written. What was there before is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// The output directory has no name of its own (`/`, `..`).
    #[error("{}: name a directory that the table can be written to", path.display())]
    OutDir {
        /// The output directory.
        path: PathBuf,
    },
    /// The output is there, and replacing it was not asked for.
    #[error("{}: already exists; choose another directory, or ask to replace it", path.display())]
    Exists {
        /// The output directory.
        path: PathBuf,
    },
    /// The output is there and is not a table, so it is not replaced.
    #[error("{}: is not a table (it has no manifest.json), so it is not replaced", path.display())]
    NotATable {
        /// The output directory.
        path: PathBuf,
    },
    /// Another writer is at work on the same output.
    #[error("{}: another build is being written there right now", path.display())]
    Busy {
        /// The directory of the other writer.
        path: PathBuf,
    },
    /// `as_of` is not a date-time.
    #[error("`as_of` is {found:?}, but must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z")]
    AsOf {
        /// Its value.
        found: String,
    },
    /// Too many shard bits.
    #[error("`shard_bits` is {found}, but must be 0 to {SHARD_BITS_MAX}")]
    ShardBits {
        /// Its value.
        found: u8,
    },
    /// A file that would leave the directory, or that the table has itself.
    #[error("{relative:?} is not a name for a file beside the table")]
    Relative {
        /// The name.
        relative: String,
    },
    /// Values do not make a row.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The bytes of a row break a rule: a fault of this library.
    #[error("a row was encoded wrongly (please report this): {0}")]
    Row(RowError),
    /// Two rows have one key.
    #[error(
        "two rows have the key {:016x}: merge the rows of a visitor before writing; if the visitors differ, \
         their ids collide (a chance of 1 in 3,700 at 100 million visitors) and another table key mends it",
        key.0
    )]
    DuplicateKey {
        /// The key.
        key: RowKey,
    },
    /// A shard cannot be made.
    #[error("shard {shard_idx}: {source}")]
    Shard {
        /// Index of the shard.
        shard_idx: u32,
        /// The rule.
        source: ShardError,
    },
    /// The item table is not sound.
    #[error("the item table: {0}")]
    Items(#[from] ItemsError),
    /// A row names an item that the item table does not have.
    #[error("a row names item {id}, but the item table has {n_items} items")]
    ItemId {
        /// The index of the item.
        id: u32,
        /// Number of items; 0 without an item table.
        n_items: u32,
    },
    /// What was read back is not what was written.
    #[error("{}: reads back differently from what was written; the disk may be faulty", path.display())]
    ReadBack {
        /// The file.
        path: PathBuf,
    },
    /// The manifest breaks a rule.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl TableWriter {
    /// Begins a table that will be the directory `out_dir`.
    ///
    /// Works in the sibling `.<name>.partial`; one that an earlier writer left behind is removed.
    pub fn create(out_dir: &Path, schema: Schema, key: TableKey, options: WriteOptions) -> Result<Self, WriteError> {
        if !is_rfc3339(&options.as_of) {
            return Err(WriteError::AsOf { found: options.as_of });
        }
        if let Some(found) = options.shard_bits.filter(|bits| *bits > SHARD_BITS_MAX) {
            return Err(WriteError::ShardBits { found });
        }
        check_output(out_dir, options.replace)?;
        let work = WorkDir::create(out_dir)?;
        for name in [SPILL_DIR, SHARDS_DIR] {
            let dir = work.path.join(name);
            fs::create_dir(&dir).map_err(at("create", &dir))?;
        }
        Ok(Self {
            out_dir: out_dir.to_owned(),
            spill: Spill::new(work.path.join(SPILL_DIR), schema.row_bytes()),
            row: vec![0; schema.row_bytes()],
            work,
            schema,
            key,
            options,
            n_rows: 0,
            items: None,
            item_id_max: None,
        })
    }

    /// Adds the row of one visitor. Rows may come in any order; two of one visitor are an error of [`Self::finish`].
    pub fn push(&mut self, visitor_id: &str, values: &RowValues<'_>) -> Result<(), WriteError> {
        self.row.fill(0);
        values.encode_into(&self.schema, &mut self.row)?;
        row::check(&self.schema, &self.row).map_err(WriteError::Row)?;
        self.item_id_max = self.item_id_max.max(values.item_id_max(&self.schema));
        self.spill.push(self.key.hash(visitor_id), &self.row)?;
        self.n_rows = self.n_rows.saturating_add(1);
        Ok(())
    }

    /// Adds the item table, as [`crate::encode_items`] gives it. Needed if a column holds item ids.
    pub fn set_items(&mut self, bytes: Vec<u8>) -> Result<(), WriteError> {
        self.items = Some(ItemTable::decode(bytes)?.as_bytes().to_vec());
        Ok(())
    }

    /// Puts a file beside the table, for example a report.
    ///
    /// `relative`: path inside the table's directory. Errors: a path that leaves it or belongs to the table itself.
    pub fn add_file(&mut self, relative: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = Path::new(relative);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let first = path.components().next().map(|part| part.as_os_str().to_owned());
        let reserved = [MANIFEST_FILE, SHARDS_DIR, "items", SPILL_DIR, LOCK_FILE].map(OsString::from);
        let allowed = first.is_some_and(|first| !reserved.contains(&first));
        if !plain || !allowed {
            return Err(WriteError::Relative { relative: relative.to_string() });
        }
        let path = self.work.path.join(path);
        fs::create_dir_all(parent(&path)).map_err(at("create", parent(&path)))?;
        Ok(write_whole(&path, bytes)?)
    }

    /// The directory in which the table grows. Files put here come along.
    pub fn work_dir(&self) -> &Path {
        &self.work.path
    }

    /// Writes shards, item table and manifest, compares all with what was meant, and gives the directory its name.
    ///
    /// `progress` hears how many shards are done, and of how many.
    pub fn finish(mut self, mut progress: impl FnMut(usize, usize)) -> Result<Manifest, WriteError> {
        let items = self.write_items()?;
        let shard_bits = match self.options.shard_bits {
            Some(bits) => bits,
            None => shard_bits(self.n_rows, self.schema.visitor_bytes()),
        };
        let shards_digest = self.write_shards(shard_bits, &mut progress)?;
        let mut manifest = Manifest {
            build: String::new(),
            as_of: self.options.as_of.clone(),
            rows: self.n_rows,
            shard_bits,
            key_check: self.key.check(),
            schema: self.schema.clone(),
            shards_digest,
            items,
        };
        manifest.build = manifest.content_hash();
        let json = manifest.to_json();
        write_and_compare(&self.work.path.join(MANIFEST_FILE), &json)?;
        Manifest::from_json(&json)?;
        self.work.publish(&self.out_dir, SPILL_DIR)?;
        Ok(manifest)
    }

    fn write_items(&self) -> Result<Option<ItemsRef>, WriteError> {
        let table = self.items.clone().map(ItemTable::decode).transpose()?;
        let n_items = table.as_ref().map_or(0, ItemTable::n_items);
        if let Some(id) = self.item_id_max.filter(|id| *id >= n_items) {
            return Err(WriteError::ItemId { id, n_items });
        }
        let Some(table) = table else { return Ok(None) };
        let path = self.work.path.join(ITEMS_FILE);
        fs::create_dir_all(parent(&path)).map_err(at("create", parent(&path)))?;
        write_and_compare(&path, table.as_bytes())?;
        sync_dir(parent(&path))?;
        let bytes = table.as_bytes();
        Ok(Some(ItemsRef { bytes: bytes.len() as u64, crc32c: crc32c(bytes), n_items }))
    }

    /// Takes the parts of the spill in order, and from each the shards that it holds (or several parts for one shard).
    fn write_shards(&mut self, shard_bits: u8, progress: &mut impl FnMut(usize, usize)) -> Result<String, WriteError> {
        let n_shards = 1_usize.wrapping_shl(u32::from(shard_bits));
        let n_groups = n_shards.min(PARTS);
        let parts_per_group = PARTS.checked_div(n_groups).unwrap_or(1);
        let shards_per_group = n_shards.checked_div(n_groups).unwrap_or(1) as u32;
        self.check_mean_shard(n_shards)?;
        let mut digest = ShardsDigest::new();
        let mut shard_idx = 0_u32;
        progress(0, n_shards);
        for group in 0..n_groups {
            let first_part = group.saturating_mul(parts_per_group);
            let rows = self.spill.take_sorted(first_part..first_part.saturating_add(parts_per_group))?;
            let twin = rows.array_windows().find(|[(a, _), (b, _)]| a == b);
            if let Some([(key, _), _]) = twin {
                return Err(WriteError::DuplicateKey { key: *key });
            }
            let mut rest = rows.as_slice();
            for _ in 0..shards_per_group {
                let n_mine = rest.partition_point(|(key, _)| key.shard(shard_bits) <= shard_idx);
                let (mine, others) = rest.split_at_checked(n_mine).unwrap_or((rest, &[]));
                self.write_shard(ShardPlace { shard_idx, shard_bits }, mine, &mut digest)?;
                rest = others;
                shard_idx = shard_idx.saturating_add(1);
                progress(shard_idx as usize, n_shards);
            }
        }
        sync_dir(&self.work.path.join(SHARDS_DIR))?;
        Ok(digest.finish())
    }

    fn write_shard(
        &self,
        place: ShardPlace,
        rows: &[(RowKey, Vec<u8>)],
        digest: &mut ShardsDigest,
    ) -> Result<(), WriteError> {
        let ShardPlace { shard_idx, shard_bits } = place;
        let error = |source| WriteError::Shard { shard_idx, source };
        let bytes = encode_shard(&self.schema, place, rows).map_err(error)?;
        let path = self.work.path.join(SHARDS_DIR).join(shard_name(shard_idx, shard_bits));
        let read_back = write_and_compare(&path, &bytes)?;
        let shard = Shard::decode(&read_back, &self.schema).map_err(error)?;
        let meant = rows.iter().map(|(key, row)| (*key, row.as_slice()));
        if !shard.rows().map(|(key, row)| (key, row.as_bytes())).eq(meant) {
            return Err(WriteError::ReadBack { path });
        }
        let in_order = digest.push(shard.header());
        in_order.map_err(|_| WriteError::ReadBack { path })
    }

    /// Notices before any work that the shards asked for would be far too long.
    fn check_mean_shard(&self, n_shards: usize) -> Result<(), WriteError> {
        let mean_rows = self.n_rows.checked_div(n_shards as u64).unwrap_or(0);
        let found = mean_rows.saturating_mul(self.schema.visitor_bytes() as u64) as usize;
        if found > SHARD_BYTES_MAX {
            return Err(WriteError::Shard { shard_idx: 0, source: ShardError::TooLong { found } });
        }
        Ok(())
    }
}

/// The number of shards that the specification asks for, as a number of bits.
///
/// Shards aim at a 16,384th of the table, rounded up to a power of two, but not below 16 KiB or above 512 KiB. The table
/// has the least power of two of shards that makes the mean shard no longer than that.
pub(super) fn shard_bits(n_rows: u64, visitor_bytes: usize) -> u8 {
    let total_bytes = n_rows.saturating_mul(visitor_bytes as u64);
    let share = total_bytes.div_ceil(16_384).min(512 << 10);
    let shard_bytes = share.next_power_of_two().clamp(16 << 10, 512 << 10);
    let n_shards = total_bytes.div_ceil(shard_bytes).min(1 << SHARD_BITS_MAX).next_power_of_two();
    (n_shards.trailing_zeros() as u8).min(SHARD_BITS_MAX)
}

/// Writes a file and gives back what the disk then holds, if it is the same.
fn write_and_compare(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, WriteError> {
    write_whole(path, bytes)?;
    let read_back = fs::read(path).map_err(at("read", path))?;
    if read_back == bytes { Ok(read_back) } else { Err(WriteError::ReadBack { path: path.to_owned() }) }
}

fn check_output(out_dir: &Path, replace: bool) -> Result<(), WriteError> {
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

/// The hidden directory beside the output. Removed when dropped, unless published.
struct WorkDir {
    path: PathBuf,
    /// Held while the writer lives, so that a second writer knows of the first.
    _lock: File,
}

impl WorkDir {
    fn create(out_dir: &Path) -> Result<Self, WriteError> {
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
    fn publish(&mut self, out_dir: &Path, spill_dir: &str) -> Result<(), WriteError> {
        let spill_dir = self.path.join(spill_dir);
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

/// `.<name>.<suffix>` beside a directory.
fn sibling(out_dir: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(out_dir.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    parent(out_dir).join(name)
}

#[cfg(test)]
mod tests {
    use super::shard_bits;

    /// The rows of the sizing table of the specification.
    #[test]
    fn chooses_the_number_of_shards_by_the_rule() {
        let n_shards = |n_rows| 1_u32 << shard_bits(n_rows, 72);
        assert_eq!(n_shards(0), 1);
        assert_eq!(n_shards(1), 1);
        assert_eq!(n_shards(227), 1);
        assert_eq!(n_shards(228), 2);
        assert_eq!(n_shards(100_000), 512);
        assert_eq!(n_shards(10_000_000), 16_384);
        assert_eq!(n_shards(100_000_000), 16_384);
        assert_eq!(n_shards(1_000_000_000), 262_144);
        assert_eq!(n_shards(u64::MAX), 1 << 20);
    }
}
