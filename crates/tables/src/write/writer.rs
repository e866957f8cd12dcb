//! The streaming writer of a table.
//!
//! Everything happens in a hidden directory beside the final one. That is renamed to its final name only after every
//! file in it was read back and compared with what was meant, so a build is never half there.

use super::dir::{ITEMS_FILE, LINEAGE_FILE, MANIFEST_FILE, SHARDS_DIR, sha256_hex};
use super::error::WriteError;
use super::file::{at, parent, sync_dir, write_and_compare, write_whole};
use super::shards::Shards;
use super::spill::{PARTS, Spill};
use super::work_dir::{LOCK_FILE, SPILL_DIR, WorkDir, check_output};
use crate::bytes::crc32c;
use crate::cells::RowValues;
use crate::digest::ShardsDigest;
use crate::items::ItemTable;
use crate::key::TableKey;
use crate::manifest::{ItemsRef, Manifest};
use crate::row;
use crate::schema::Schema;
use crate::shard::{SHARD_BITS_MAX, SHARD_BYTES_MAX, ShardError};
use crate::timestamp::is_rfc3339;
use std::borrow::ToOwned;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// What is sorted at once, as far as keys spread evenly. Unit: bytes of keys and rows.
const GROUP_BYTES: u64 = 32 << 20;

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
    lineage: Option<Vec<u8>>,
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
            lineage: None,
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

    /// Adds what the table was made from, as JSON: `lineage.json`, whose hash stands in the manifest.
    pub fn set_lineage(&mut self, json: Vec<u8>) {
        self.lineage = Some(json);
    }

    /// Puts a file beside the table, for example a report.
    ///
    /// `relative`: path inside the table's directory. Errors: a path that leaves it or belongs to the table itself.
    pub fn add_file(&mut self, relative: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = Path::new(relative);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let first = path.components().next().map(|part| part.as_os_str().to_owned());
        let reserved = [MANIFEST_FILE, SHARDS_DIR, LINEAGE_FILE, "items", SPILL_DIR, LOCK_FILE].map(OsString::from);
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
        let lineage = self.lineage.as_deref().map(|json| {
            write_and_compare(&self.work.path.join(LINEAGE_FILE), json)?;
            Ok::<_, WriteError>(sha256_hex(json))
        });
        let mut manifest = Manifest {
            build: String::new(),
            as_of: self.options.as_of.clone(),
            rows: self.n_rows,
            shard_bits,
            key_check: self.key.check(),
            schema: self.schema.clone(),
            shards_digest,
            items,
            lineage: lineage.transpose()?,
        };
        manifest.build = manifest.content_hash();
        let json = manifest.to_json();
        write_and_compare(&self.work.path.join(MANIFEST_FILE), &json)?;
        Manifest::from_json(&json)?;
        self.work.publish(&self.out_dir)?;
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

    /// Sorts the rows, one group of parts after the other, and writes the shards of each group.
    fn write_shards(&mut self, shard_bits: u8, progress: &mut impl FnMut(usize, usize)) -> Result<String, WriteError> {
        let n_shards = 1_usize.wrapping_shl(u32::from(shard_bits));
        self.check_mean_shard(n_shards)?;
        let n_groups = self.n_groups().min(n_shards);
        let parts_per_group = PARTS.checked_div(n_groups).unwrap_or(PARTS);
        let shards_per_group = n_shards.checked_div(n_groups).unwrap_or(n_shards);
        let shards = Shards { dir: self.work.path.join(SHARDS_DIR), schema: &self.schema, shard_bits };
        let mut digest = ShardsDigest::new();
        progress(0, n_shards);
        for group in 0..n_groups {
            let first_part = group.saturating_mul(parts_per_group);
            let rows = self.spill.take_sorted(first_part..first_part.saturating_add(parts_per_group))?;
            if let Some([(key, _), _]) = rows.array_windows().find(|[(a, _), (b, _)]| a == b) {
                return Err(WriteError::DuplicateKey { key: *key });
            }
            let first_shard = group.saturating_mul(shards_per_group);
            shards.write(first_shard..first_shard.saturating_add(shards_per_group), &rows, |header| {
                // The headers come in order, so the digest takes each; its totals are compared below.
                let _ = digest.push(&header);
                progress(digest.n_shards() as usize, n_shards);
            })?;
        }
        if digest.n_rows() != self.n_rows || digest.n_shards() as usize != n_shards {
            return Err(WriteError::ReadBack { path: shards.dir });
        }
        sync_dir(&shards.dir)?;
        Ok(digest.finish())
    }

    /// Into how many groups the parts are sorted, each within the bound of memory. A power of two.
    fn n_groups(&self) -> usize {
        let total_bytes = self.n_rows.saturating_mul(self.schema.visitor_bytes() as u64);
        (total_bytes.div_ceil(GROUP_BYTES).min(PARTS as u64) as usize).next_power_of_two()
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
