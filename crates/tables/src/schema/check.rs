//! The rules that make a schema sound, and what to say when one is broken.

use super::{Column, ColumnType, Dictionary, ITEMS, Scale, in_order};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

const COLUMNS_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 64;
const DICTIONARIES_MAX: usize = 1024;
const ENTRIES_MAX: usize = 65_536;
const ENTRY_BYTES_MAX: usize = 256;
const ROW_BYTES_MAX: usize = 16_384;

/// Why columns and dictionaries do not make a schema. Each message says which column or dictionary, and the rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SchemaError {
    /// No column, or too many.
    #[error("a table has 1 to {COLUMNS_MAX} columns, but there are {found}")]
    ColumnCount {
        /// Number of columns.
        found: usize,
    },
    /// A name of a column or dictionary that is not allowed.
    #[error(
        "the name {name:?} is not allowed: take a lower-case letter, then up to 63 lower-case letters, digits or `_`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Two columns have one name.
    #[error("two columns have the name {name:?}")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// A parameter that counts something is outside its range.
    #[error("column {column:?}: `{field}` is {found}, but must be {min} to {max}")]
    Range {
        /// Name of the column.
        column: String,
        /// Name of the parameter.
        field: &'static str,
        /// Its value.
        found: u32,
        /// The least value allowed.
        min: u32,
        /// The largest value allowed.
        max: u32,
    },
    /// A parameter that is a number is not finite, or not positive where it must be.
    #[error("column {column:?}: `{field}` is {found}, but must be {rule}")]
    Number {
        /// Name of the column.
        column: String,
        /// Name of the parameter.
        field: &'static str,
        /// Its value.
        found: f64,
        /// What it must be.
        rule: &'static str,
    },
    /// The largest code stands for a number that is not finite.
    #[error("column {column:?}: the largest code stands for a number that is not finite; take a smaller `step`")]
    ScaleOverflow {
        /// Name of the column.
        column: String,
    },
    /// Labels and top-k lists cannot be nullable.
    #[error("column {column:?}: a column of type {kind} cannot be nullable, an empty one says the same")]
    Nullable {
        /// Name of the column.
        column: String,
        /// Name of its type.
        kind: &'static str,
    },
    /// A label that is empty or too long.
    #[error("column {column:?}: label {position} is empty or longer than {ENTRY_BYTES_MAX} bytes")]
    Label {
        /// Name of the column.
        column: String,
        /// Position of the label, from 0.
        position: usize,
    },
    /// One label twice.
    #[error("column {column:?}: the label {label:?} is there twice")]
    DuplicateLabel {
        /// Name of the column.
        column: String,
        /// The label.
        label: String,
    },
    /// A column names a dictionary that does not exist.
    #[error("column {column:?}: there is no dictionary {dictionary:?}")]
    UnknownDictionary {
        /// Name of the column.
        column: String,
        /// Name of the dictionary.
        dictionary: String,
    },
    /// A dictionary has more entries than a column has codes.
    #[error("column {column:?}: dictionary {dictionary:?} has {entries} entries, but the column has codes for {codes}")]
    DictionaryTooLarge {
        /// Name of the column.
        column: String,
        /// Name of the dictionary.
        dictionary: String,
        /// Number of entries.
        entries: usize,
        /// Number of codes, the missing code not counted.
        codes: u64,
    },
    /// Too many dictionaries.
    #[error("a table has at most {DICTIONARIES_MAX} dictionaries, but there are {found}")]
    DictionaryCount {
        /// Number of dictionaries.
        found: usize,
    },
    /// A dictionary is called like the item table.
    #[error("a dictionary cannot have the name \"items\": it stands for the item table")]
    ReservedDictionary,
    /// A dictionary without entries, or with too many.
    #[error("dictionary {dictionary:?} has {found} entries, but must have 1 to {ENTRIES_MAX}")]
    EntryCount {
        /// Name of the dictionary.
        dictionary: String,
        /// Number of entries.
        found: usize,
    },
    /// An entry that is empty or too long.
    #[error("dictionary {dictionary:?}: entry {position} is empty or longer than {ENTRY_BYTES_MAX} bytes")]
    Entry {
        /// Name of the dictionary.
        dictionary: String,
        /// Position of the entry, from 0.
        position: usize,
    },
    /// One entry twice.
    #[error("dictionary {dictionary:?}: the entry {entry:?} is there twice")]
    DuplicateEntry {
        /// Name of the dictionary.
        dictionary: String,
        /// The entry.
        entry: String,
    },
    /// A row that is empty or too long.
    #[error("a row has 1 to {ROW_BYTES_MAX} bytes, but this one has {found}")]
    RowBytes {
        /// Length of the row, in bytes.
        found: usize,
    },
    /// A vector that begins inside a byte.
    #[error("column {column:?}: a vector begins at a full byte, but the bit offset is {bit_offset}")]
    Unaligned {
        /// Name of the column.
        column: String,
        /// Its place, in bits.
        bit_offset: u32,
    },
    /// A column that ends after the row.
    #[error("column {column:?} ends at bit {end_bit}, but the row has {row_bytes} bytes")]
    BeyondRow {
        /// Name of the column.
        column: String,
        /// The first bit after the column.
        end_bit: u64,
        /// Length of the row, in bytes.
        row_bytes: usize,
    },
    /// Two columns share a bit.
    #[error("columns {first:?} and {second:?} overlap")]
    Overlap {
        /// The column that begins first.
        first: String,
        /// The column that begins inside it.
        second: String,
    },
}

/// Checks dictionaries and sorts their entries.
pub(super) fn dictionaries(raw: BTreeMap<String, Vec<String>>) -> Result<BTreeMap<String, Dictionary>, SchemaError> {
    if raw.len() > DICTIONARIES_MAX {
        return Err(SchemaError::DictionaryCount { found: raw.len() });
    }
    let mut checked = BTreeMap::new();
    for (name, entries) in raw {
        check_name(&name)?;
        if name == ITEMS {
            return Err(SchemaError::ReservedDictionary);
        }
        if !(1..=ENTRIES_MAX).contains(&entries.len()) {
            return Err(SchemaError::EntryCount { dictionary: name, found: entries.len() });
        }
        if let Some(position) = entries.iter().position(|entry| !is_entry(entry)) {
            return Err(SchemaError::Entry { dictionary: name, position });
        }
        let dictionary = Dictionary::new(entries);
        if let Some(entry) = dictionary.duplicate() {
            return Err(SchemaError::DuplicateEntry { dictionary: name, entry: entry.to_string() });
        }
        checked.insert(name, dictionary);
    }
    Ok(checked)
}

/// Checks each column for itself.
pub(super) fn columns(columns: &[Column], dictionaries: &BTreeMap<String, Dictionary>) -> Result<(), SchemaError> {
    if !(1..=COLUMNS_MAX).contains(&columns.len()) {
        return Err(SchemaError::ColumnCount { found: columns.len() });
    }
    let mut names = BTreeSet::new();
    for column in columns {
        check_name(&column.name)?;
        if !names.insert(column.name.as_str()) {
            return Err(SchemaError::DuplicateColumn { name: column.name.clone() });
        }
        check_kind(column)?;
        check_dictionary(column, dictionaries)?;
    }
    Ok(())
}

/// Checks the places of the columns and finds the bits that belong to none: byte position and mask.
pub(super) fn layout(columns: &[Column], row_bytes: usize) -> Result<Vec<(usize, u8)>, SchemaError> {
    if !(1..=ROW_BYTES_MAX).contains(&row_bytes) {
        return Err(SchemaError::RowBytes { found: row_bytes });
    }
    let in_place = in_order(columns, |column| column.bit_offset);
    let mut unused = vec![0xff_u8; row_bytes];
    let mut before: Option<(&Column, u64)> = None;
    for column in in_place.iter().filter_map(|idx| columns.get(idx.position())) {
        if let ColumnType::Vector { .. } = column.kind
            && !column.bit_offset.is_multiple_of(8)
        {
            let bit_offset = column.bit_offset;
            return Err(SchemaError::Unaligned { column: column.name.clone(), bit_offset });
        }
        let begin_bit = u64::from(column.bit_offset);
        let end_bit = begin_bit.saturating_add(u64::from(column.kind.n_bits(column.nullable)));
        if end_bit > (row_bytes as u64).saturating_mul(8) {
            return Err(SchemaError::BeyondRow { column: column.name.clone(), end_bit, row_bytes });
        }
        if let Some((first, first_end_bit)) = before
            && first_end_bit > begin_bit
        {
            let (first, second) = (first.name.clone(), column.name.clone());
            return Err(SchemaError::Overlap { first, second });
        }
        before = Some((column, end_bit));
        for bit in begin_bit..end_bit {
            if let Some(byte) = unused.get_mut((bit / 8) as usize) {
                *byte &= !1_u8.wrapping_shl((bit % 8) as u32);
            }
        }
    }
    Ok(unused.into_iter().enumerate().filter(|(_, mask)| *mask != 0).collect())
}

fn check_kind(column: &Column) -> Result<(), SchemaError> {
    let bits_min = if column.nullable { 2 } else { 1 };
    match &column.kind {
        ColumnType::Bool => Ok(()),
        ColumnType::Unsigned { bits } => range(column, "bits", u32::from(*bits), bits_min, 64),
        ColumnType::Scaled { bits, scale, zero, step } => {
            range(column, "bits", u32::from(*bits), bits_min, 32)?;
            positive(column, "step", *step)?;
            match scale {
                Scale::Linear if zero.is_finite() => {}
                Scale::Linear => {
                    return Err(number_error(column, "zero", *zero, "finite"));
                }
                Scale::Log => positive(column, "zero", *zero)?,
            }
            let code_max = crate::bits::mask(u32::from(*bits));
            if crate::quantise::scaled_number(code_max, *scale, *zero, *step).is_finite() {
                Ok(())
            } else {
                Err(SchemaError::ScaleOverflow { column: column.name.clone() })
            }
        }
        ColumnType::Category { bits, .. } => range(column, "bits", u32::from(*bits), bits_min, 16),
        ColumnType::Labels { names } => {
            not_nullable(column)?;
            range(column, "names", count(names.len()), 1, 64)?;
            if let Some(position) = names.iter().position(|name| !is_entry(name)) {
                return Err(SchemaError::Label { column: column.name.clone(), position });
            }
            let mut seen = BTreeSet::new();
            match names.iter().find(|name| !seen.insert(name.as_str())) {
                None => Ok(()),
                Some(label) => Err(SchemaError::DuplicateLabel { column: column.name.clone(), label: label.clone() }),
            }
        }
        ColumnType::TopK { k, id_bits, weight_bits, weight_max, .. } => {
            not_nullable(column)?;
            range(column, "k", u32::from(*k), 1, 64)?;
            range(column, "id_bits", u32::from(*id_bits), 1, 32)?;
            range(column, "weight_bits", u32::from(*weight_bits), 1, 16)?;
            positive(column, "weight_max", f64::from(*weight_max))
        }
        ColumnType::Vector { dims, scale } => {
            range(column, "dims", u32::from(*dims), 1, 1024)?;
            positive(column, "scale", f64::from(*scale))
        }
    }
}

fn check_dictionary(column: &Column, dictionaries: &BTreeMap<String, Dictionary>) -> Result<(), SchemaError> {
    let codes = match &column.kind {
        ColumnType::Category { bits, .. } => {
            1_u64.wrapping_shl(u32::from(*bits)).saturating_sub(u64::from(column.nullable))
        }
        ColumnType::TopK { dictionary, .. } if dictionary == ITEMS => return Ok(()),
        ColumnType::TopK { id_bits, .. } => 1_u64.wrapping_shl(u32::from(*id_bits)),
        _ => return Ok(()),
    };
    let name = column.kind.dictionary().unwrap_or_default();
    let Some(dictionary) = dictionaries.get(name) else {
        let dictionary = name.to_string();
        return Err(SchemaError::UnknownDictionary { column: column.name.clone(), dictionary });
    };
    let entries = dictionary.entries.len();
    if entries as u64 > codes {
        let (column, dictionary) = (column.name.clone(), name.to_string());
        return Err(SchemaError::DictionaryTooLarge { column, dictionary, entries, codes });
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), SchemaError> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let goes_on_well = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if starts_well && goes_on_well && name.len() <= NAME_BYTES_MAX {
        Ok(())
    } else {
        Err(SchemaError::Name { name: name.to_string() })
    }
}

fn range(column: &Column, field: &'static str, found: u32, min: u32, max: u32) -> Result<(), SchemaError> {
    if (min..=max).contains(&found) {
        Ok(())
    } else {
        Err(SchemaError::Range { column: column.name.clone(), field, found, min, max })
    }
}

fn positive(column: &Column, field: &'static str, found: f64) -> Result<(), SchemaError> {
    if found.is_finite() && found > 0.0 {
        Ok(())
    } else {
        Err(number_error(column, field, found, "finite and above 0"))
    }
}

fn number_error(column: &Column, field: &'static str, found: f64, rule: &'static str) -> SchemaError {
    SchemaError::Number { column: column.name.clone(), field, found, rule }
}

fn not_nullable(column: &Column) -> Result<(), SchemaError> {
    if column.nullable {
        let kind = column.kind.name();
        return Err(SchemaError::Nullable { column: column.name.clone(), kind });
    }
    Ok(())
}

fn is_entry(text: &str) -> bool {
    (1..=ENTRY_BYTES_MAX).contains(&text.len())
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
