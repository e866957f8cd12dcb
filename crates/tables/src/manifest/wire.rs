//! The manifest as JSON has it, and the way from there to the checked types and back.

use super::{BYTES_MAX, FORMAT, ItemsRef, Manifest, ManifestError, VERSION};
use crate::bytes::is_hex;
use crate::schema::{Column, ColumnType, Scale, Schema};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

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
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    lineage: Option<String>,
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
#[serde(tag = "type", rename_all = "snake_case", try_from = "KindFields")]
enum KindWire {
    Bool {},
    Unsigned { bits: u8 },
    Scaled { bits: u8, scale: ScaleWire, zero: f64, step: f64 },
    Category { bits: u8, dictionary: String },
    Labels { names: Vec<String> },
    TopK { k: u8, id_bits: u8, weight_bits: u8, weight_max: f32, dictionary: String },
    Vector { dims: u16, scale: f32 },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ScaleWire {
    Linear,
    Log,
}

/// A type as it is read: the fields of all types, as `type` may come last. serde's own way of reading such an enum copies
/// every value before it looks at one, and is three times the size.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindFields {
    r#type: String,
    #[serde(default, deserialize_with = "given")]
    bits: Option<u8>,
    #[serde(default, deserialize_with = "given")]
    scale: Option<ScaleField>,
    #[serde(default, deserialize_with = "given")]
    zero: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    step: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    dictionary: Option<String>,
    #[serde(default, deserialize_with = "given")]
    names: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    k: Option<u8>,
    #[serde(default, deserialize_with = "given")]
    id_bits: Option<u8>,
    #[serde(default, deserialize_with = "given")]
    weight_bits: Option<u8>,
    #[serde(default, deserialize_with = "given")]
    weight_max: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    dims: Option<u16>,
}

/// `scale` is a word for one type and a number for another.
enum ScaleField {
    Word(String),
    Number(f64),
}

/// A number that comes back bit for bit: serde_json's own reader of decimals may be off by the last bit.
struct Exact(f64);

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
        lineage: wire.lineage,
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
        lineage: manifest.lineage.clone(),
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

/// A field that is there is not `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for ScaleField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let word = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        // A word with an escape is none of the words that there are.
        word.map_or_else(|| exact(text).map(Self::Number), |word| Ok(Self::Word(word.to_string())))
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        exact(<&RawValue>::deserialize(deserializer)?.get()).map(Self)
    }
}

/// The number that a JSON text is.
fn exact<E: Error>(text: &str) -> Result<f64, E> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) => Ok(number),
        _ => Err(E::custom(format!("expected a number, found {text}"))),
    }
}

impl TryFrom<KindFields> for KindWire {
    type Error = String;

    /// Errors: a field of the type is missing, or there is one of another type.
    fn try_from(mut fields: KindFields) -> Result<Self, String> {
        let kind = match fields.r#type.as_str() {
            "bool" => Self::Bool {},
            "unsigned" => Self::Unsigned { bits: take(&mut fields.bits, "bits")? },
            "scaled" => Self::Scaled {
                bits: take(&mut fields.bits, "bits")?,
                scale: match take(&mut fields.scale, "scale")? {
                    ScaleField::Word(word) if word == "linear" => ScaleWire::Linear,
                    ScaleField::Word(word) if word == "log" => ScaleWire::Log,
                    _ => return Err("expected `linear` or `log` as `scale` of a scaled column".to_string()),
                },
                zero: take(&mut fields.zero, "zero")?.0,
                step: take(&mut fields.step, "step")?.0,
            },
            "category" => Self::Category {
                bits: take(&mut fields.bits, "bits")?,
                dictionary: take(&mut fields.dictionary, "dictionary")?,
            },
            "labels" => Self::Labels { names: take(&mut fields.names, "names")? },
            "top_k" => Self::TopK {
                k: take(&mut fields.k, "k")?,
                id_bits: take(&mut fields.id_bits, "id_bits")?,
                weight_bits: take(&mut fields.weight_bits, "weight_bits")?,
                weight_max: take(&mut fields.weight_max, "weight_max")?.0 as f32,
                dictionary: take(&mut fields.dictionary, "dictionary")?,
            },
            "vector" => Self::Vector {
                dims: take(&mut fields.dims, "dims")?,
                scale: match take(&mut fields.scale, "scale")? {
                    ScaleField::Number(number) => number as f32,
                    ScaleField::Word(_) => return Err("expected a number as `scale` of a vector".to_string()),
                },
            },
            other => {
                let types = "`bool`, `unsigned`, `scaled`, `category`, `labels`, `top_k`, `vector`";
                return Err(format!("unknown variant `{other}`, expected one of {types}"));
            }
        };
        match fields.left() {
            None => Ok(kind),
            Some(field) => Err(format!("a column of type `{}` has no field `{field}`", fields.r#type)),
        }
    }
}

fn take<T>(field: &mut Option<T>, name: &str) -> Result<T, String> {
    field.take().ok_or_else(|| format!("missing field `{name}`"))
}

impl KindFields {
    /// A field that was not taken.
    fn left(&self) -> Option<&'static str> {
        let fields = [
            ("bits", self.bits.is_some()),
            ("scale", self.scale.is_some()),
            ("zero", self.zero.is_some()),
            ("step", self.step.is_some()),
            ("dictionary", self.dictionary.is_some()),
            ("names", self.names.is_some()),
            ("k", self.k.is_some()),
            ("id_bits", self.id_bits.is_some()),
            ("weight_bits", self.weight_bits.is_some()),
            ("weight_max", self.weight_max.is_some()),
            ("dims", self.dims.is_some()),
        ];
        fields.into_iter().find(|(_, is_left)| *is_left).map(|(name, _)| name)
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
