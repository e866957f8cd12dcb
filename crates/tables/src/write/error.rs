//! What can go wrong when a table is written, and how to mend it.

use super::file::FileError;
use crate::cells::CellError;
use crate::items::ItemsError;
use crate::key::RowKey;
use crate::manifest::ManifestError;
use crate::row::RowError;
use crate::shard::{SHARD_BITS_MAX, ShardError};
use std::path::PathBuf;
use std::string::String;

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
