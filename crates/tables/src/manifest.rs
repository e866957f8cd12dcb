//! The manifest: the JSON document that describes a build. It names the build by its content, holds the schema, and
//! vouches for every shard.
//!
//! Source: profile-table v1, "Manifest".

mod wire;

use crate::bytes::{is_hex, to_hex};
use crate::schema::{Schema, SchemaError};
use crate::shard::{SHARD_BITS_MAX, Shard, ShardError, ShardPlace};
use crate::timestamp::is_rfc3339;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

const FORMAT: &str = "vitrine-profile-table";
const VERSION: u32 = 1;
const BYTES_MAX: usize = 16 << 20;
/// JSON numbers are exact up to here in every reader.
const ROWS_MAX: u64 = (1 << 53) - 1;

/// What a build holds.
///
/// A manifest that [`Manifest::from_json`] returned is consistent with itself: `build` is the hash of everything else but
/// `lineage`.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Names the build by its content, no clock in it: 16 lower-case hexadecimal digits. Equal content, equal build.
    pub build: String,
    /// The time that the data speaks about. RFC 3339 date-time.
    pub as_of: String,
    /// Number of rows in all shards.
    pub rows: u64,
    /// The table has `2^shard_bits` shards. Range: 0..=20.
    pub shard_bits: u8,
    /// [`crate::TableKey::check`] of the key of the table.
    pub key_check: String,
    /// Columns and dictionaries.
    pub schema: Schema,
    /// [`crate::ShardsDigest`] over all shards.
    pub shards_digest: String,
    /// The item table of the build, if it has one.
    pub items: Option<ItemsRef>,
    /// SHA-256 of `lineage.json` beside the table, which says what the build was made from: 64 lower-case hexadecimal
    /// digits. Not a part of the content: equal rows from other files are the same build.
    pub lineage: Option<String>,
}

/// What a manifest knows of the item table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemsRef {
    /// Length. Unit: bytes.
    pub bytes: u64,
    /// CRC-32C of all bytes of the item table.
    pub crc32c: u32,
    /// Number of items.
    pub n_items: u32,
}

/// Why bytes are not the item table that a manifest announces.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ItemsRefError {
    /// Another length, checksum or number of items.
    #[error("the manifest announces {expected:?}, but this is {found:?}")]
    Other {
        /// What the manifest says.
        expected: ItemsRef,
        /// What the bytes are.
        found: ItemsRef,
    },
    /// Not an item table.
    #[error(transparent)]
    Items(#[from] crate::items::ItemsError),
}

impl ItemsRef {
    /// Checks that bytes are the announced item table, whole and sound.
    ///
    /// Errors: [`ItemsRefError`].
    pub fn decode(&self, bytes: Vec<u8>) -> Result<crate::items::ItemTable, ItemsRefError> {
        let (n_bytes, crc32c) = (bytes.len() as u64, crate::bytes::crc32c(&bytes));
        let table = crate::items::ItemTable::decode(bytes)?;
        let found = Self { bytes: n_bytes, crc32c, n_items: table.n_items() };
        if found == *self { Ok(table) } else { Err(ItemsRefError::Other { expected: *self, found }) }
    }
}

/// Why bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// Too many bytes.
    #[error("a manifest has at most {BYTES_MAX} bytes, but there are {found}")]
    TooLong {
        /// Number of bytes.
        found: usize,
    },
    /// Another format or version.
    #[error("this is {format:?} version {version}, but this reader knows only {FORMAT:?} version {VERSION}")]
    Version {
        /// The format that the document states.
        format: String,
        /// The version that it states.
        version: u32,
    },
    /// Not JSON, or not the fields of a manifest.
    #[error("the manifest is not as version 1 has it: {message}")]
    Json {
        /// What the JSON reader says, with line and column.
        message: String,
    },
    /// A field breaks a rule.
    #[error("`{field}` of the manifest is {found:?}, but must be {rule}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        rule: String,
    },
    /// Columns or dictionaries break a rule.
    #[error("the manifest has no sound schema: {0}")]
    Schema(SchemaError),
    /// One dictionary twice.
    #[error("the manifest has the dictionary {name:?} twice")]
    DuplicateDictionary {
        /// Name of the dictionary.
        name: String,
    },
}

impl Manifest {
    /// Reads a manifest, strictly: unknown fields, an unsound schema and a hash that does not fit are errors.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest = wire::read(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The JSON of the manifest, with line breaks, ending in one. Equal manifests give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        wire::write(self)
    }

    /// Number of shards. Range: 1..=2^20.
    pub fn n_shards(&self) -> u32 {
        1_u32.wrapping_shl(u32::from(self.shard_bits.min(SHARD_BITS_MAX)))
    }

    /// Checks that bytes are shard `shard_idx` of this build, whole, and gives access to its rows.
    ///
    /// Errors: those of [`Shard::decode`], and [`ShardError::OtherPlace`] for another shard.
    pub fn decode_shard<'a>(&'a self, shard_idx: u32, bytes: &'a [u8]) -> Result<Shard<'a>, ShardError> {
        let shard = Shard::decode(bytes, &self.schema)?;
        let expected = ShardPlace { shard_idx, shard_bits: self.shard_bits };
        let found = shard.header().place();
        if found == expected { Ok(shard) } else { Err(ShardError::OtherPlace { expected, found }) }
    }

    /// The name that the content gives the build: the first 16 digits of the SHA-256 of a text of all other fields but
    /// `lineage`.
    ///
    /// Source: profile-table v1, "Build id".
    pub fn content_hash(&self) -> String {
        let mut text = format!(
            "vitrine-build 1\nas_of {}\nrows {}\nshard_bits {}\nkey_check {}\nschema_hash {:016x}\nshards_digest {}\n",
            self.as_of,
            self.rows,
            self.shard_bits,
            self.key_check,
            self.schema.hash(),
            self.shards_digest
        );
        if let Some(ItemsRef { bytes, crc32c, n_items }) = &self.items {
            text.push_str(&format!("items {bytes} {crc32c:08x} {n_items}\n"));
        }
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        digest.first_chunk::<8>().map(|first| to_hex(first)).unwrap_or_default()
    }

    fn check(&self) -> Result<(), ManifestError> {
        let rule = |holds: bool, field, found: &dyn ToString, rule: &str| {
            let error = || ManifestError::Field { field, found: found.to_string(), rule: rule.to_string() };
            if holds { Ok(()) } else { Err(error()) }
        };
        let Self { as_of, rows, shard_bits, key_check, shards_digest, items, .. } = self;
        rule(is_rfc3339(as_of), "as_of", as_of, "an RFC 3339 date-time")?;
        rule(*rows <= ROWS_MAX, "rows", rows, "0 to 2^53 - 1")?;
        rule(*shard_bits <= SHARD_BITS_MAX, "shard_bits", shard_bits, "0 to 20")?;
        rule(is_hex(key_check, 16), "key_check", key_check, "16 lower-case hexadecimal digits")?;
        rule(is_hex(shards_digest, 64), "shards_digest", shards_digest, "64 lower-case hexadecimal digits")?;
        if let Some(lineage) = &self.lineage {
            rule(is_hex(lineage, 64), "lineage", lineage, "64 lower-case hexadecimal digits")?;
        }
        if let Some(items) = items {
            let fits = items.bytes <= crate::items::ITEMS_BYTES_MAX as u64;
            rule(fits, "items.bytes", &items.bytes, "at most 25,165,824")?;
        }
        let hash = self.content_hash();
        rule(self.build == hash, "build", &self.build, &format!("{hash:?}, the hash of the content"))
    }
}
