//! The manifest as JSON has it, and the way from there to the checked types and back.

use super::{BYTES_MAX, FORMAT, ItemsRef, Manifest, ManifestError, VERSION};
use crate::bytes::is_hex;
use crate::schema::{Column, ColumnType, Scale, Schema};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Only what tells formats and versions apart; whatever else there is belongs to that version.
#[derive(Deserialize)]
struct VersionWire {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestWire {
    format: String,
    version: u32,
    build: String,
    as_of: String,
    rows: u64,
    shard_bits: u8,
    row_bytes: u32,
    key_check: String,
    schema_hash: String,
    shards_digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<ItemsWire>,
    columns: Vec<ColumnWire>,
    dictionaries: Vec<DictionaryWire>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemsWire {
    bytes: u64,
    crc32c: String,
    n_items: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnWire {
    name: String,
    bit_offset: u32,
    nullable: bool,
    kind: KindWire,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum KindWire {
    Bool {},
    Unsigned { bits: u8 },
    Scaled { bits: u8, scale: ScaleWire, zero: f64, step: f64 },
    Category { bits: u8, dictionary: String },
    Labels { names: Vec<String> },
    TopK { k: u8, id_bits: u8, weight_bits: u8, weight_max: f32, dictionary: String },
    Vector { dims: u16, scale: f32 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScaleWire {
    Linear,
    Log,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DictionaryWire {
    name: String,
    entries: Vec<String>,
}

/// Reads the JSON and builds the schema; the other rules are left to the manifest.
pub(super) fn read(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    if bytes.len() > BYTES_MAX {
        return Err(ManifestError::TooLong { found: bytes.len() });
    }
    let VersionWire { format, version } = from_slice(bytes)?;
    if format != FORMAT || version != VERSION {
        return Err(ManifestError::Version { format, version });
    }
    let wire: ManifestWire = from_slice(bytes)?;
    let mut dictionaries = BTreeMap::new();
    for DictionaryWire { name, entries } in wire.dictionaries {
        if dictionaries.insert(name.clone(), entries).is_some() {
            return Err(ManifestError::DuplicateDictionary { name });
        }
    }
    let columns = wire.columns.into_iter().map(Column::from).collect();
    let schema = Schema::from_layout(columns, dictionaries, wire.row_bytes as usize).map_err(ManifestError::Schema)?;
    let hash = format!("{:016x}", schema.hash());
    if wire.schema_hash != hash {
        let rule = format!("{hash:?}, the hash of the columns and dictionaries");
        return Err(ManifestError::Field { field: "schema_hash", found: wire.schema_hash, rule });
    }
    Ok(Manifest {
        build: wire.build,
        as_of: wire.as_of,
        rows: wire.rows,
        shard_bits: wire.shard_bits,
        key_check: wire.key_check,
        schema,
        shards_digest: wire.shards_digest,
        items: wire.items.map(items_ref).transpose()?,
    })
}

pub(super) fn write(manifest: &Manifest) -> Vec<u8> {
    let schema = &manifest.schema;
    let entries = |name: &str| schema.dictionary(name).map(<[String]>::to_vec).unwrap_or_default();
    let wire = ManifestWire {
        format: FORMAT.to_string(),
        version: VERSION,
        build: manifest.build.clone(),
        as_of: manifest.as_of.clone(),
        rows: manifest.rows,
        shard_bits: manifest.shard_bits,
        row_bytes: schema.row_bytes() as u32,
        key_check: manifest.key_check.clone(),
        schema_hash: format!("{:016x}", schema.hash()),
        shards_digest: manifest.shards_digest.clone(),
        items: manifest.items.map(|items| ItemsWire {
            bytes: items.bytes,
            crc32c: format!("{:08x}", items.crc32c),
            n_items: items.n_items,
        }),
        columns: schema.columns().iter().cloned().map(ColumnWire::from).collect(),
        dictionaries: schema
            .dictionary_names()
            .map(|name| DictionaryWire { name: name.to_string(), entries: entries(name) })
            .collect(),
    };
    // Texts, finite numbers and truth values always make JSON.
    let mut json = serde_json::to_vec_pretty(&wire).unwrap_or_default();
    json.push(b'\n');
    json
}

fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(bytes).map_err(|error| ManifestError::Json { message: error.to_string() })
}

fn items_ref(wire: ItemsWire) -> Result<ItemsRef, ManifestError> {
    let ItemsWire { bytes, crc32c, n_items } = wire;
    match u32::from_str_radix(&crc32c, 16) {
        Ok(checksum) if is_hex(&crc32c, 8) => Ok(ItemsRef { bytes, crc32c: checksum, n_items }),
        _ => Err(ManifestError::Field {
            field: "items.crc32c",
            found: crc32c,
            rule: "8 lower-case hexadecimal digits".to_string(),
        }),
    }
}

impl From<ColumnWire> for Column {
    fn from(wire: ColumnWire) -> Self {
        let kind = match wire.kind {
            KindWire::Bool {} => ColumnType::Bool,
            KindWire::Unsigned { bits } => ColumnType::Unsigned { bits },
            KindWire::Scaled { bits, scale, zero, step } => {
                let scale = match scale {
                    ScaleWire::Linear => Scale::Linear,
                    ScaleWire::Log => Scale::Log,
                };
                ColumnType::Scaled { bits, scale, zero, step }
            }
            KindWire::Category { bits, dictionary } => ColumnType::Category { bits, dictionary },
            KindWire::Labels { names } => ColumnType::Labels { names },
            KindWire::TopK { k, id_bits, weight_bits, weight_max, dictionary } => {
                ColumnType::TopK { k, id_bits, weight_bits, weight_max, dictionary }
            }
            KindWire::Vector { dims, scale } => ColumnType::Vector { dims, scale },
        };
        Self { name: wire.name, kind, nullable: wire.nullable, bit_offset: wire.bit_offset }
    }
}

impl From<Column> for ColumnWire {
    fn from(column: Column) -> Self {
        let kind = match column.kind {
            ColumnType::Bool => KindWire::Bool {},
            ColumnType::Unsigned { bits } => KindWire::Unsigned { bits },
            ColumnType::Scaled { bits, scale, zero, step } => {
                let scale = match scale {
                    Scale::Linear => ScaleWire::Linear,
                    Scale::Log => ScaleWire::Log,
                };
                KindWire::Scaled { bits, scale, zero, step }
            }
            ColumnType::Category { bits, dictionary } => KindWire::Category { bits, dictionary },
            ColumnType::Labels { names } => KindWire::Labels { names },
            ColumnType::TopK { k, id_bits, weight_bits, weight_max, dictionary } => {
                KindWire::TopK { k, id_bits, weight_bits, weight_max, dictionary }
            }
            ColumnType::Vector { dims, scale } => KindWire::Vector { dims, scale },
        };
        Self { name: column.name, bit_offset: column.bit_offset, nullable: column.nullable, kind }
    }
}
