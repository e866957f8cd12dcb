//! Reading a row. A [`Row`] borrows its bytes and its schema and decodes only the column that is asked for, without
//! an allocation. What a row must be to be read at all is checked when it is made.

use crate::bits;
use crate::quantise;
use crate::schema::{Column, ColumnIdx, ColumnType, Schema, Slot};
use alloc::string::String;

/// One visitor's profile.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    schema: &'a Schema,
    bytes: &'a [u8],
}

/// A value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The row has no value in this column; or the column is of another schema.
    Missing,
    /// Of [`ColumnType::Bool`].
    Bool(bool),
    /// Of [`ColumnType::Unsigned`].
    Unsigned(u64),
    /// Of [`ColumnType::Scaled`]. Finite.
    Number(f64),
    /// Of [`ColumnType::Category`]: the entry of the dictionary.
    Category(&'a str),
    /// Of [`ColumnType::Labels`].
    Labels(Labels<'a>),
    /// Of [`ColumnType::TopK`].
    TopK(TopK<'a>),
    /// Of [`ColumnType::Vector`].
    Vector(Vector<'a>),
}

/// A set of labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labels<'a> {
    bits: u64,
    names: &'a [String],
}

/// A list of ids with weights, strongest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopK<'a> {
    bytes: &'a [u8],
    bit_offset: usize,
    k: u8,
    id_bits: u8,
    weight_bits: u8,
    weight_max: f32,
    dictionary: &'a str,
}

/// A vector of signed bytes with one scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vector<'a> {
    codes: &'a [u8],
    scale: f32,
}

/// Why bytes are not a row of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The length is not that of the schema.
    #[error("a row of this schema has {expected} bytes, but there are {found}")]
    Length {
        /// Row length of the schema, in bytes.
        expected: usize,
        /// Number of bytes given.
        found: usize,
    },
    /// A bit that belongs to no column is set.
    #[error("byte {position} of the row has a bit set that belongs to no column")]
    Padding {
        /// Position of the byte in the row, from 0.
        position: usize,
    },
    /// A column has a code that stands for nothing.
    #[error("column {column:?} has a code that stands for nothing: {rule}")]
    Code {
        /// Name of the column.
        column: String,
        /// The rule that is broken.
        rule: &'static str,
    },
}

impl<'a> Row<'a> {
    /// Takes the bytes of one row, without its key, and checks them whole.
    ///
    /// Errors: wrong length, a bit outside all columns, or a code that stands for nothing.
    pub fn new(schema: &'a Schema, bytes: &'a [u8]) -> Result<Self, RowError> {
        check(schema, bytes)?;
        Ok(Self { schema, bytes })
    }

    /// A row of a shard, which has checked it.
    pub(crate) fn of_checked(schema: &'a Schema, bytes: &'a [u8]) -> Self {
        Self { schema, bytes }
    }

    /// The value of one column. Decodes that column only and allocates nothing.
    pub fn get(&self, idx: ColumnIdx) -> Value<'a> {
        match self.schema.parts(idx) {
            Some((column, slot)) => self.decode(column, slot),
            None => Value::Missing,
        }
    }

    /// The schema by which this row is read.
    pub fn schema(&self) -> &'a Schema {
        self.schema
    }

    /// The bytes of the row, without its key.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn decode(&self, column: &'a Column, slot: &Slot) -> Value<'a> {
        match &column.kind {
            ColumnType::TopK { k, id_bits, weight_bits, weight_max, dictionary } => {
                return Value::TopK(TopK {
                    bytes: self.bytes,
                    bit_offset: slot.bit_offset,
                    k: *k,
                    id_bits: *id_bits,
                    weight_bits: *weight_bits,
                    weight_max: *weight_max,
                    dictionary,
                });
            }
            ColumnType::Vector { scale, .. } => {
                let codes = vector_codes(self.bytes, slot);
                if column.nullable && codes.iter().all(|code| *code == 0) {
                    return Value::Missing;
                }
                return Value::Vector(Vector { codes, scale: *scale });
            }
            _ => {}
        }
        let code = bits::read(self.bytes, slot.bit_offset, slot.n_bits);
        if slot.missing == Some(code) {
            return Value::Missing;
        }
        match &column.kind {
            ColumnType::Bool => Value::Bool(code == 1),
            ColumnType::Unsigned { .. } => Value::Unsigned(code),
            ColumnType::Scaled { scale, zero, step, .. } => {
                Value::Number(quantise::scaled_number(code, *scale, *zero, *step))
            }
            ColumnType::Category { dictionary, .. } => {
                self.schema.entry(dictionary, code).map_or(Value::Missing, Value::Category)
            }
            ColumnType::Labels { names } => Value::Labels(Labels { bits: code, names }),
            ColumnType::TopK { .. } | ColumnType::Vector { .. } => Value::Missing,
        }
    }
}

impl<'a> Labels<'a> {
    /// Whether a label is in the set. False for a label that the column does not have.
    pub fn contains(&self, label: &str) -> bool {
        self.iter().any(|name| name == label)
    }

    /// The labels in the set, in the order of [`ColumnType::Labels::names`].
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let bits = self.bits;
        let set = move |(_, place): &(&String, u32)| bits.wrapping_shr(*place) & 1 == 1;
        self.names.iter().zip(0_u32..).filter(set).map(|(name, _)| name.as_str())
    }

    /// The set as a number: bit `i` stands for the label at position `i`.
    pub fn bits(&self) -> u64 {
        self.bits
    }
}

impl<'a> TopK<'a> {
    /// Id and weight of each entry, strongest first, equal weights by rising id.
    ///
    /// An id is a position in [`TopK::dictionary`]. Range of a weight: above 0, up to `weight_max` of the column.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> + use<'a> {
        let code_max = bits::mask(u32::from(self.weight_bits));
        let weight_max = self.weight_max;
        self.codes().map(move |(id, code)| (id, quantise::weight(code, weight_max, code_max)))
    }

    /// The name of the dictionary that the ids point into; `"items"` for the item table of the build.
    pub fn dictionary(&self) -> &'a str {
        self.dictionary
    }

    /// Id and weight code of each entry, up to the first weight code of 0.
    fn codes(&self) -> impl Iterator<Item = (u32, u64)> + use<'a> {
        self.all_codes().take_while(|(_, weight_code)| *weight_code != 0)
    }

    /// Id and weight code of every place of the list.
    fn all_codes(&self) -> impl Iterator<Item = (u32, u64)> + use<'a> {
        let Self { bytes, bit_offset, k, id_bits, weight_bits, .. } = *self;
        let (id_bits, weight_bits) = (u32::from(id_bits), u32::from(weight_bits));
        let entry_bits = id_bits.saturating_add(weight_bits) as usize;
        (0..usize::from(k)).map(move |place| {
            let at = bit_offset.saturating_add(place.saturating_mul(entry_bits));
            let code = bits::read(bytes, at, entry_bits as u32);
            ((code & bits::mask(id_bits)) as u32, code.wrapping_shr(id_bits))
        })
    }
}

impl<'a> Vector<'a> {
    /// The value of code 1. Range: finite, above 0.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// The codes. Range: -127..=127. A component is `code * scale`.
    pub fn codes(&self) -> impl ExactSizeIterator<Item = i8> + use<'a> {
        self.codes.iter().map(|byte| byte.cast_signed())
    }

    /// The codes as the bytes of the row (two's complement).
    pub fn as_bytes(&self) -> &'a [u8] {
        self.codes
    }

    /// Number of components.
    pub fn n_dims(&self) -> usize {
        self.codes.len()
    }

    /// The scalar product with another vector, summed in order in `f32`. Components that only one has count as 0.
    pub fn dot(&self, other: &[f32]) -> f32 {
        let sum: f32 = self.codes().zip(other).map(|(code, component)| f32::from(code) * component).sum();
        sum * self.scale
    }
}

/// Checks everything that a row must be, in the order of the specification.
pub(crate) fn check(schema: &Schema, bytes: &[u8]) -> Result<(), RowError> {
    if bytes.len() != schema.row_bytes() {
        return Err(RowError::Length { expected: schema.row_bytes(), found: bytes.len() });
    }
    for (position, mask) in schema.padding() {
        if bytes.get(*position).is_some_and(|byte| byte & mask != 0) {
            return Err(RowError::Padding { position: *position });
        }
    }
    let row = Row::of_checked(schema, bytes);
    for (column, slot) in schema.parts_with_gaps() {
        row.check_codes(column, slot).map_err(|rule| RowError::Code { column: column.name.clone(), rule })?;
    }
    Ok(())
}

impl Row<'_> {
    fn check_codes(&self, column: &Column, slot: &Slot) -> Result<(), &'static str> {
        match &column.kind {
            // Every code has a meaning.
            ColumnType::Unsigned { .. } | ColumnType::Scaled { .. } | ColumnType::Labels { .. } => Ok(()),
            ColumnType::Bool if !column.nullable => Ok(()),
            ColumnType::Bool => match bits::read(self.bytes, slot.bit_offset, slot.n_bits) {
                2 => Err("a nullable bool is 0, 1 or 3"),
                _ => Ok(()),
            },
            ColumnType::Category { .. } => {
                let code = bits::read(self.bytes, slot.bit_offset, slot.n_bits);
                if slot.missing == Some(code) || code < u64::from(slot.n_entries.unwrap_or(0)) {
                    Ok(())
                } else {
                    Err("the dictionary ends before it")
                }
            }
            ColumnType::TopK { .. } => match self.decode(column, slot) {
                Value::TopK(list) => check_list(&list, slot.n_entries),
                _ => Ok(()),
            },
            ColumnType::Vector { .. } if vector_codes(self.bytes, slot).contains(&0x80) => {
                Err("a component is -127 to 127")
            }
            ColumnType::Vector { .. } => Ok(()),
        }
    }
}

fn check_list(list: &TopK<'_>, n_entries: Option<u32>) -> Result<(), &'static str> {
    let mut before: Option<(u32, u64)> = None;
    let mut ended = false;
    for (id, weight_code) in list.all_codes() {
        if weight_code == 0 {
            ended = true;
        }
        if ended {
            if id != 0 || weight_code != 0 {
                return Err("after the end of the list every bit is 0");
            }
            continue;
        }
        if n_entries.is_some_and(|n_entries| id >= n_entries) {
            return Err("the dictionary ends before an id of the list");
        }
        if let Some((id_before, weight_before)) = before
            && (weight_before < weight_code || (weight_before == weight_code && id_before >= id))
        {
            return Err("a list is ordered by falling weight, then by rising id");
        }
        before = Some((id, weight_code));
    }
    Ok(())
}

fn vector_codes<'a>(row: &'a [u8], slot: &Slot) -> &'a [u8] {
    let begin = slot.bit_offset / 8;
    let end = begin.saturating_add((slot.n_bits / 8) as usize);
    row.get(begin..end).unwrap_or(&[])
}
