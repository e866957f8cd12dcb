//! The profile table of Vitrine, format version 1: one fixed-width row a visitor, in `2^k` shards that a Worker
//! finds without parsing; the item table beside it; and, for tools, vectors of its items.
//!
//! The formats are specified in `docs/formats/profile-table.md`, `item-table.md` and `item-vectors.md`. This crate is
//! their codec: pure functions over bytes, without `std`. Only the feature `write` touches files. What a column
//! means, where its values come from and how a table reaches the edge is decided elsewhere.
//!
//! ```
//! use vitrine_tables::*;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = |name: &str, kind| ColumnSpec { name: name.into(), kind, nullable: false };
//! let schema = Schema::new(
//!     vec![
//!         spec("frequency", ColumnType::Unsigned { bits: 10 }),
//!         spec("is_repeat", ColumnType::Bool),
//!     ],
//!     Default::default(),
//! )?;
//! let frequency = schema.column("frequency").ok_or("no such column")?;
//! let is_repeat = schema.column("is_repeat").ok_or("no such column")?;
//!
//! // Write one row into the only shard of a table ...
//! let key = TableKey::from_hex("000102030405060708090a0b0c0d0e0f")?;
//! let mut values = RowValues::new(&schema);
//! values.set(frequency, CellValue::Unsigned(7)).set(is_repeat, CellValue::Bool(true));
//! let row = values.encode(&schema)?;
//! let bytes = encode_shard(&schema, ShardPlace { shard_idx: 0, shard_bits: 0 }, &[(key.hash("v-1"), &row)])?;
//!
//! // ... and read one column of it.
//! let shard = Shard::decode(&bytes, &schema)?;
//! let row = shard.find(key.hash("v-1")).ok_or("unknown visitor")?;
//! assert_eq!(row.get(frequency), Value::Unsigned(7));
//! assert!(shard.find(key.hash("v-2")).is_none());
//! # Ok(()) }
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;
#[cfg(any(feature = "write", test))]
extern crate std;

mod bits;
mod bytes;
mod cells;
mod digest;
mod item_vectors;
mod items;
mod key;
pub mod kv_keys;
mod manifest;
mod pointer;
mod quantise;
mod row;
mod schema;
mod shard;
mod timestamp;
#[cfg(feature = "write")]
mod write;

pub use cells::{CellError, CellValue, RowValues};
pub use digest::{DigestError, ShardsDigest};
pub use item_vectors::{
    ITEM_VECTORS_BYTES_MAX, ITEM_VECTORS_DIMS_MAX, ItemVectors, ItemVectorsError, encode_item_vectors,
};
pub use items::{ITEMS_BYTES_MAX, ItemRecord, ItemTable, ItemsError, encode_items};
pub use key::{KeyError, RowKey, TableKey};
pub use manifest::{ItemsRef, ItemsRefError, Manifest, ManifestError};
pub use pointer::{Pointer, PointerError};
pub use row::{Labels, Row, RowError, TopK, Value, Vector};
pub use schema::{Column, ColumnIdx, ColumnSpec, ColumnType, Scale, Schema, SchemaError};
pub use shard::{SHARD_BITS_MAX, SHARD_BYTES_MAX, Shard, ShardError, ShardHeader, ShardPlace, encode_shard};
#[cfg(feature = "write")]
pub use write::{FileError, TableDir, TableError, TableWriter, VerifyReport, WriteError, WriteOptions};
