//! The schema: which columns a row has, where each one lies, and the dictionaries that give codes their names.
//!
//! A [`Schema`] exists only when it is sound: names are unique, columns neither overlap nor leave the row, every
//! number is finite and every dictionary fits its codes. `schema/check.rs` holds these rules; readers rely on them.

mod canonical;
mod check;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

pub use check::SchemaError;

/// The name that a top-k column gives for item ids: the item table of the same build, not a dictionary.
pub(crate) const ITEMS: &str = "items";

/// How a code of a scaled column turns into a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// `zero + code * step`.
    Linear,
    /// `zero * exp(code * step)`: about the same relative error everywhere. Never reaches 0; a number at or below
    /// `zero` takes code 0.
    Log,
}

/// The type of a column, with what is needed to read its codes.
///
/// Source: profile-table v1, "Columns", which also states the valid range of every field.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnType {
    /// True or false. One bit; two bits when nullable.
    Bool,
    /// A whole number, `0..=2^bits - 1`.
    Unsigned {
        /// Width. Unit: bits. Range: 1..=64; 2..=64 when nullable.
        bits: u8,
    },
    /// A number on a scale of `2^bits` steps.
    Scaled {
        /// Width. Unit: bits. Range: 1..=32; 2..=32 when nullable.
        bits: u8,
        /// How codes turn into numbers.
        scale: Scale,
        /// The number of code 0. Unit: the column's own. Range: finite; above 0 for [`Scale::Log`].
        zero: f64,
        /// Distance of neighbouring codes. Unit: the column's own, or powers of e. Range: finite, above 0.
        step: f64,
    },
    /// One entry of a dictionary.
    Category {
        /// Width. Unit: bits. Range: 1..=16, wide enough for the dictionary and the missing code.
        bits: u8,
        /// Name of a dictionary of the same schema.
        dictionary: String,
    },
    /// A set of labels, one bit each: bit `i` stands for `names[i]`. Never nullable; a set may be empty.
    Labels {
        /// The labels. Range: 1..=64 unique names.
        names: Vec<String>,
    },
    /// Up to `k` ids with weights, strongest first. Never nullable; a list may be empty.
    TopK {
        /// Places in the list. Range: 1..=64.
        k: u8,
        /// Width of an id. Unit: bits. Range: 1..=32.
        id_bits: u8,
        /// Width of a weight. Unit: bits. Range: 1..=16.
        weight_bits: u8,
        /// The weight of the largest code. Range: finite, above 0.
        weight_max: f32,
        /// Whose positions the ids are: a dictionary of the same schema, or `"items"`, the item table of the build.
        dictionary: String,
    },
    /// `dims` signed bytes at a byte boundary; a component is `code * scale`. Nullable: all zero means missing.
    Vector {
        /// Number of components. Range: 1..=1024.
        dims: u16,
        /// The value of code 1. Range: finite, above 0.
        scale: f32,
    },
}

/// A column as a writer asks for it; the schema finds its place in the row.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSpec {
    /// Unique name: a lower-case letter, then up to 63 lower-case letters, digits or `_`.
    pub name: String,
    /// Type and parameters.
    pub kind: ColumnType,
    /// Whether a row may lack a value. The code of all ones then means missing, which costs the column its largest
    /// code. Not for labels and top-k lists, which may be empty instead.
    pub nullable: bool,
}

/// A column of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Unique name, see [`ColumnSpec::name`].
    pub name: String,
    /// Type and parameters.
    pub kind: ColumnType,
    /// Whether a row may lack a value, see [`ColumnSpec::nullable`].
    pub nullable: bool,
    /// Place of the lowest bit. Unit: bits from the start of the row. A multiple of 8 for a vector.
    pub bit_offset: u32,
}

/// The place of a column in [`Schema::columns`]. Only its own schema gives it a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnIdx(u16);

/// A sound set of columns and dictionaries.
#[derive(Clone, Debug)]
pub struct Schema {
    columns: Vec<Column>,
    slots: Vec<Slot>,
    /// The columns in rising order of their names.
    by_name: Vec<ColumnIdx>,
    dictionaries: BTreeMap<String, Dictionary>,
    row_bytes: usize,
    /// The bytes that have bits of no column, with a mask of these bits.
    padding: Vec<(usize, u8)>,
    /// The columns that have codes without a meaning, so that reading a row must look for them.
    with_gaps: Vec<ColumnIdx>,
    hash: u64,
}

/// What reading a column needs beside its kind, worked out once.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) bit_offset: usize,
    /// Width of the whole column.
    pub(crate) n_bits: u32,
    /// The code that means missing.
    pub(crate) missing: Option<u64>,
    /// The largest code that carries a value.
    pub(crate) code_max: u64,
    /// Entries of the column's dictionary; `None` without one, and for item ids.
    pub(crate) n_entries: Option<u32>,
}

/// The entries of a dictionary, and their positions in order of the entries.
#[derive(Clone, Debug)]
pub(crate) struct Dictionary {
    pub(crate) entries: Vec<String>,
    sorted: Vec<u32>,
}

impl Schema {
    /// Lays columns out in a row: vectors first, so that none needs padding before it, then the others in their order,
    /// without gaps. The row ends at the next full byte.
    ///
    /// `dictionaries`: entries by name; an entry's position is its code. Errors: the first rule that is broken.
    pub fn new(specs: Vec<ColumnSpec>, dictionaries: BTreeMap<String, Vec<String>>) -> Result<Self, SchemaError> {
        let mut columns: Vec<Column> = specs
            .into_iter()
            .map(|ColumnSpec { name, kind, nullable }| Column { name, kind, nullable, bit_offset: 0 })
            .collect();
        let mut end_bit = 0_u32;
        for vectors in [true, false] {
            for column in &mut columns {
                if matches!(column.kind, ColumnType::Vector { .. }) == vectors {
                    column.bit_offset = end_bit;
                    end_bit = end_bit.saturating_add(column.kind.n_bits(column.nullable));
                }
            }
        }
        Self::from_layout(columns, dictionaries, end_bit.div_ceil(8) as usize)
    }

    /// Takes columns with their places, as a manifest states them.
    ///
    /// `row_bytes`: length of a row without its key. Errors: the first rule that is broken.
    pub fn from_layout(
        columns: Vec<Column>,
        dictionaries: BTreeMap<String, Vec<String>>,
        row_bytes: usize,
    ) -> Result<Self, SchemaError> {
        let dictionaries = check::dictionaries(dictionaries)?;
        check::columns(&columns, &dictionaries)?;
        let padding = check::layout(&columns, row_bytes)?;
        let slots: Vec<Slot> = columns.iter().map(|column| Slot::new(column, &dictionaries)).collect();
        let parts = columns.iter().zip(&slots).zip(0_u16..);
        let gaps = parts.filter(|((column, slot), _)| slot.has_gaps(column));
        let with_gaps = gaps.map(|(_, idx)| ColumnIdx(idx)).collect();
        let by_name = in_order(&columns, |column| column.name.as_str());
        let hash = canonical::hash(&columns, &dictionaries, row_bytes);
        Ok(Self { columns, slots, by_name, dictionaries, row_bytes, padding, with_gaps, hash })
    }

    /// The columns, in the order in which they were given.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Finds a column by name.
    pub fn column(&self, name: &str) -> Option<ColumnIdx> {
        let name_at = |idx: &ColumnIdx| self.column_at(*idx).map_or("", |column| column.name.as_str());
        let place = self.by_name.binary_search_by(|idx| name_at(idx).cmp(name)).ok()?;
        self.by_name.get(place).copied()
    }

    /// The column at a position; `None` for a position of another schema.
    pub fn column_at(&self, idx: ColumnIdx) -> Option<&Column> {
        self.columns.get(usize::from(idx.0))
    }

    /// The positions of all columns, in order.
    pub fn indices(&self) -> impl Iterator<Item = ColumnIdx> + use<> {
        (0_u16..).take(self.columns.len()).map(ColumnIdx)
    }

    /// The entries of a dictionary; an entry's position is its code.
    pub fn dictionary(&self, name: &str) -> Option<&[String]> {
        self.dictionaries.get(name).map(|dictionary| dictionary.entries.as_slice())
    }

    /// The names of all dictionaries, in rising order.
    pub fn dictionary_names(&self) -> impl Iterator<Item = &str> {
        self.dictionaries.keys().map(String::as_str)
    }

    /// Length of a row without its key. Unit: bytes. Range: 1..=16,384.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// What one visitor costs: the row and its 8-byte key. Unit: bytes.
    pub fn visitor_bytes(&self) -> usize {
        self.row_bytes.saturating_add(8)
    }

    /// Names this schema in every shard: the first 8 bytes of the SHA-256 of its canonical text.
    ///
    /// Source: profile-table v1, "Schema hash".
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn parts(&self, idx: ColumnIdx) -> Option<(&Column, &Slot)> {
        let position = usize::from(idx.0);
        Some((self.columns.get(position)?, self.slots.get(position)?))
    }

    pub(crate) fn all_parts(&self) -> impl Iterator<Item = (&Column, &Slot)> {
        self.columns.iter().zip(&self.slots)
    }

    /// The columns that have codes without a meaning, in order.
    pub(crate) fn parts_with_gaps(&self) -> impl Iterator<Item = (&Column, &Slot)> {
        self.with_gaps.iter().filter_map(|idx| self.parts(*idx))
    }

    pub(crate) fn padding(&self) -> &[(usize, u8)] {
        &self.padding
    }

    pub(crate) fn entry(&self, dictionary: &str, code: u64) -> Option<&str> {
        let entries = self.dictionary(dictionary)?;
        entries.get(usize::try_from(code).ok()?).map(String::as_str)
    }

    pub(crate) fn code_of(&self, dictionary: &str, entry: &str) -> Option<u32> {
        self.dictionaries.get(dictionary)?.find(entry)
    }
}

impl PartialEq for Schema {
    /// Equal when the columns, their places and the dictionaries are.
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.row_bytes == other.row_bytes && self.columns == other.columns
    }
}

impl ColumnIdx {
    /// Position in [`Schema::columns`], from 0.
    pub fn position(self) -> usize {
        usize::from(self.0)
    }
}

impl ColumnType {
    /// Width of a column of this type. Unit: bits.
    pub fn n_bits(&self, nullable: bool) -> u32 {
        match self {
            Self::Bool => u32::from(nullable).saturating_add(1),
            Self::Unsigned { bits } | Self::Scaled { bits, .. } | Self::Category { bits, .. } => u32::from(*bits),
            Self::Labels { names } => names.len().min(64) as u32,
            Self::TopK { k, id_bits, weight_bits, .. } => {
                let entry_bits = u32::from(*id_bits).saturating_add(u32::from(*weight_bits));
                entry_bits.saturating_mul(u32::from(*k))
            }
            Self::Vector { dims, .. } => u32::from(*dims).saturating_mul(8),
        }
    }

    /// The name of the type as manifests write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Unsigned { .. } => "unsigned",
            Self::Scaled { .. } => "scaled",
            Self::Category { .. } => "category",
            Self::Labels { .. } => "labels",
            Self::TopK { .. } => "top_k",
            Self::Vector { .. } => "vector",
        }
    }

    fn dictionary(&self) -> Option<&str> {
        match self {
            Self::Category { dictionary, .. } | Self::TopK { dictionary, .. } => Some(dictionary),
            _ => None,
        }
    }
}

/// The columns in rising order of what `key` says of them, equal ones in their own order.
///
/// Each is put in its place: there are at most 1,024, mostly in order already, and the general sort is compiled anew for
/// whatever it sorts, ten kilobytes at the edge each time.
fn in_order<'c, K: Ord>(columns: &'c [Column], key: impl Fn(&'c Column) -> K) -> Vec<ColumnIdx> {
    let mut sorted: Vec<(K, ColumnIdx)> = Vec::with_capacity(columns.len());
    for (column, idx) in columns.iter().zip(0_u16..) {
        let key = key(column);
        let place = sorted.partition_point(|(have, _)| *have <= key);
        sorted.insert(place, (key, ColumnIdx(idx)));
    }
    sorted.into_iter().map(|(_, idx)| idx).collect()
}

impl Slot {
    fn new(column: &Column, dictionaries: &BTreeMap<String, Dictionary>) -> Self {
        let n_bits = column.kind.n_bits(column.nullable);
        let all_ones = crate::bits::mask(n_bits.min(64));
        let missing = column.nullable.then_some(all_ones);
        let dictionary = column.kind.dictionary().and_then(|name| dictionaries.get(name));
        Self {
            bit_offset: column.bit_offset as usize,
            n_bits,
            missing,
            code_max: all_ones.saturating_sub(u64::from(column.nullable)),
            n_entries: dictionary.map(|dictionary| dictionary.entries.len() as u32),
        }
    }

    /// Whether some code of the column stands for nothing.
    fn has_gaps(&self, column: &Column) -> bool {
        match &column.kind {
            ColumnType::Unsigned { .. } | ColumnType::Scaled { .. } | ColumnType::Labels { .. } => false,
            ColumnType::Bool => column.nullable,
            ColumnType::Category { .. } => self.n_entries.is_none_or(|n| u64::from(n) <= self.code_max),
            ColumnType::TopK { .. } | ColumnType::Vector { .. } => true,
        }
    }
}

impl Dictionary {
    fn new(entries: Vec<String>) -> Self {
        let mut sorted = BTreeSet::new();
        sorted.extend(entries.iter().map(String::as_str).zip(0..));
        let sorted = sorted.into_iter().map(|(_, position)| position).collect();
        Self { entries, sorted }
    }

    fn find(&self, entry: &str) -> Option<u32> {
        let place = self.sorted.binary_search_by(|position| self.at(*position).cmp(entry)).ok()?;
        self.sorted.get(place).copied()
    }

    fn at(&self, position: u32) -> &str {
        self.entries.get(position as usize).map_or("", String::as_str)
    }

    /// An entry that is there twice.
    fn duplicate(&self) -> Option<&str> {
        let pair = self.sorted.array_windows().find(|[a, b]| self.at(*a) == self.at(*b))?;
        Some(self.at(pair[0]))
    }
}
