//! Reading a table from its directory.

use super::file::{FileError, at};
use crate::bytes::{crc32c, to_hex};
use crate::digest::{DigestError, ShardsDigest};
use crate::item_vectors::{ItemVectors, ItemVectorsError};
use crate::items::{ItemTable, ItemsError};
use crate::kv_keys::shard_name;
use crate::manifest::{ItemsRef, Manifest, ManifestError};
use crate::row::{Row, Value};
use crate::schema::{ColumnType, ITEMS};
use crate::shard::ShardError;
use sha2::{Digest, Sha256};
use std::borrow::ToOwned;
use std::fs;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;

pub(super) const MANIFEST_FILE: &str = "manifest.json";
pub(super) const SHARDS_DIR: &str = "shards";
pub(super) const ITEMS_FILE: &str = "items/items.bin";
const VECTORS_FILE: &str = "items/vectors.bin";
pub(super) const LINEAGE_FILE: &str = "lineage.json";

/// A table in a directory. The manifest is held, everything else is read when it is asked for.
#[derive(Debug)]
pub struct TableDir {
    path: PathBuf,
    manifest: Manifest,
}

/// What a verification has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Number of shards.
    pub n_shards: u32,
    /// Number of rows in them.
    pub n_rows: u64,
    /// Length of all shards together. Unit: bytes.
    pub shards_bytes: u64,
    /// Length of the longest shard. Unit: bytes.
    pub shard_bytes_max: u64,
    /// Number of items; 0 without an item table.
    pub n_items: u32,
    /// Length of the item table. Unit: bytes; 0 without one.
    pub items_bytes: u64,
}

/// Why a directory is not a sound table. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest is not sound.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The rule.
        source: ManifestError,
    },
    /// A shard is not sound.
    #[error("{}: {source}", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// The rule.
        source: ShardError,
    },
    /// The item table is not sound.
    #[error("{}: {source}", path.display())]
    Items {
        /// The file.
        path: PathBuf,
        /// The rule.
        source: ItemsError,
    },
    /// The vectors of the items are not sound, or belong to other items.
    #[error("{}: {source}", path.display())]
    Vectors {
        /// The file.
        path: PathBuf,
        /// The rule.
        source: ItemVectorsError,
    },
    /// A part is sound, but not the one that the manifest vouches for.
    #[error("{}: `{field}` is {found} here, but {expected} in the manifest: the parts are of different builds", path.display())]
    Mismatch {
        /// The file or directory.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What the manifest says.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A row names an item that the item table does not have.
    #[error("{}: a row names item {id}, but the item table has {n_items} items", path.display())]
    ItemId {
        /// The file of the shard.
        path: PathBuf,
        /// The index of the item.
        id: u32,
        /// Number of items.
        n_items: u32,
    },
    /// The digest refuses a shard.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl TableDir {
    /// Reads and checks the manifest of a table.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let file = path.join(MANIFEST_FILE);
        let json = fs::read(&file).map_err(at("read", &file))?;
        let manifest = Manifest::from_json(&json).map_err(|source| TableError::Manifest { path: file, source })?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a shard, unchecked: [`Manifest::decode_shard`] checks them.
    pub fn read_shard(&self, shard_idx: u32) -> Result<Vec<u8>, TableError> {
        let path = self.shard_path(shard_idx);
        Ok(fs::read(&path).map_err(at("read", &path))?)
    }

    /// The item table, checked, if the build has one.
    pub fn items(&self) -> Result<Option<ItemTable>, TableError> {
        let Some(expected) = self.manifest.items else { return Ok(None) };
        let path = self.path.join(ITEMS_FILE);
        let bytes = fs::read(&path).map_err(at("read", &path))?;
        let found = ItemsRef { bytes: bytes.len() as u64, crc32c: crc32c(&bytes), n_items: 0 };
        let table = ItemTable::decode(bytes).map_err(|source| TableError::Items { path: path.clone(), source })?;
        let found = ItemsRef { n_items: table.n_items(), ..found };
        if found != expected {
            let (expected, found) = (std::format!("{expected:?}"), std::format!("{found:?}"));
            return Err(TableError::Mismatch { path, field: "items", expected, found });
        }
        Ok(Some(table))
    }

    /// The vectors of the items, checked, if the build has any (`items/vectors.bin`).
    pub fn vectors(&self, items: &ItemTable) -> Result<Option<ItemVectors>, TableError> {
        let path = self.path.join(VECTORS_FILE);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(at("read", &path))?,
        };
        let vectors = ItemVectors::decode(bytes).and_then(|it| it.check_items(items).map(|()| it));
        vectors.map(Some).map_err(|source| TableError::Vectors { path, source })
    }

    /// What the table was made from, as JSON, if the manifest names it. Checked by its hash.
    pub fn lineage(&self) -> Result<Option<Vec<u8>>, TableError> {
        let Some(expected) = &self.manifest.lineage else { return Ok(None) };
        let path = self.path.join(LINEAGE_FILE);
        let json = fs::read(&path).map_err(at("read", &path))?;
        let found = sha256_hex(&json);
        if found != *expected {
            return Err(TableError::Mismatch { path, field: "lineage", expected: expected.clone(), found });
        }
        Ok(Some(json))
    }

    /// Reads everything, and checks it for itself and against the manifest.
    ///
    /// `progress` hears how many shards are done, and of how many.
    pub fn verify(&self, mut progress: impl FnMut(usize, usize)) -> Result<VerifyReport, TableError> {
        let manifest = &self.manifest;
        self.lineage()?;
        let items = self.items()?;
        let n_items = items.as_ref().map_or(0, ItemTable::n_items);
        let mut report = VerifyReport {
            n_shards: manifest.n_shards(),
            n_items,
            items_bytes: manifest.items.map_or(0, |items| items.bytes),
            ..VerifyReport::default()
        };
        let item_lists: Vec<_> = manifest
            .schema
            .indices()
            .filter(|idx| match manifest.schema.column_at(*idx).map(|column| &column.kind) {
                Some(ColumnType::TopK { dictionary, .. }) => dictionary == ITEMS,
                _ => false,
            })
            .collect();
        let mut digest = ShardsDigest::new();
        let n_shards = manifest.n_shards();
        progress(0, n_shards as usize);
        for shard_idx in 0..n_shards {
            let path = self.shard_path(shard_idx);
            let bytes = self.read_shard(shard_idx)?;
            let shard = manifest
                .decode_shard(shard_idx, &bytes)
                .map_err(|source| TableError::Shard { path: path.clone(), source })?;
            let id_max = shard.rows().filter_map(|(_, row)| item_id_max(&row, &item_lists)).max();
            if let Some(id) = id_max.filter(|id| *id >= n_items) {
                return Err(TableError::ItemId { path, id, n_items });
            }
            digest.push(shard.header())?;
            report.shards_bytes = report.shards_bytes.saturating_add(bytes.len() as u64);
            report.shard_bytes_max = report.shard_bytes_max.max(bytes.len() as u64);
            progress((shard_idx as usize).saturating_add(1), n_shards as usize);
        }
        report.n_rows = digest.n_rows();
        self.compare("shards_digest", &manifest.shards_digest, &digest.finish())?;
        self.compare("rows", &manifest.rows, &report.n_rows)?;
        Ok(report)
    }

    fn shard_path(&self, shard_idx: u32) -> PathBuf {
        self.path.join(SHARDS_DIR).join(shard_name(shard_idx, self.manifest.shard_bits))
    }

    fn compare<T: PartialEq + ToString>(&self, field: &'static str, expected: &T, found: &T) -> Result<(), TableError> {
        if expected == found {
            return Ok(());
        }
        let (expected, found) = (expected.to_string(), found.to_string());
        Err(TableError::Mismatch { path: self.path.join(SHARDS_DIR), field, expected, found })
    }
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    to_hex(&digest)
}

/// The largest id in some lists of a row.
fn item_id_max(row: &Row<'_>, lists: &[crate::ColumnIdx]) -> Option<u32> {
    let ids = lists.iter().filter_map(|idx| match row.get(*idx) {
        Value::TopK(list) => list.iter().map(|(id, _)| id).max(),
        _ => None,
    });
    ids.max()
}
