//! Writing a row: values by column, quantised into the bytes of one row.
//!
//! A value outside a column's range takes the nearest end of it. What cannot be meant (a value of another type, no
//! value where one is needed, an entry that a dictionary lacks) is an error that names the column.

use crate::bits;
use crate::quantise;
use crate::schema::{Column, ColumnIdx, ColumnType, Schema, Slot};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// A value to write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CellValue<'a> {
    /// No value. For nullable columns only.
    Missing,
    /// For [`ColumnType::Bool`].
    Bool(bool),
    /// For [`ColumnType::Unsigned`]; saturates at the largest code.
    Unsigned(u64),
    /// For [`ColumnType::Scaled`]; saturates at both ends. NaN is missing in a nullable column, else an error.
    Number(f64),
    /// For [`ColumnType::Category`]. An entry that the dictionary lacks is missing in a nullable column, else an error.
    Category(&'a str),
    /// For [`ColumnType::Labels`], in any order.
    Labels(&'a [&'a str]),
    /// For [`ColumnType::TopK`]: ids and weights in any order. The `k` strongest are kept (equal ones by rising id),
    /// weights of 0 and less are left out, weights above `weight_max` saturate.
    TopK(&'a [(u32, f32)]),
    /// For [`ColumnType::Vector`]: one number a component; saturates at `±127 * scale`.
    Vector(&'a [f32]),
}

/// The values of one row, by column. Starts with every column missing.
#[derive(Clone, Debug)]
pub struct RowValues<'a> {
    cells: Vec<CellValue<'a>>,
}

/// Why values do not make a row. Names the column, never the visitor.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CellError {
    /// The values were made for another schema.
    #[error("the row has {found} values, but the schema has {expected} columns")]
    ColumnCount {
        /// Columns of the schema.
        expected: usize,
        /// Values of the row.
        found: usize,
    },
    /// The value has another type than the column.
    #[error("column {column:?} takes a value of type {expected}, not of type {found}")]
    Type {
        /// Name of the column.
        column: String,
        /// Type of the column.
        expected: &'static str,
        /// Type of the value.
        found: &'static str,
    },
    /// No value in a column that must have one.
    #[error("column {column:?} is not nullable, but has no value")]
    Missing {
        /// Name of the column.
        column: String,
    },
    /// Not a number, in a column that must have one.
    #[error("column {column:?}: a value is not a number (NaN)")]
    NotANumber {
        /// Name of the column.
        column: String,
    },
    /// An entry or label that the column does not know.
    #[error("column {column:?} does not know {entry:?}; add it to the dictionary or labels")]
    UnknownEntry {
        /// Name of the column.
        column: String,
        /// The entry.
        entry: String,
    },
    /// An id that its dictionary or its width has no room for.
    #[error("column {column:?}: id {id} is out of range, ids end before {end}")]
    Id {
        /// Name of the column.
        column: String,
        /// The id.
        id: u32,
        /// The first id that is too large.
        end: u64,
    },
    /// An id twice in one list.
    #[error("column {column:?}: id {id} is in the list twice")]
    DuplicateId {
        /// Name of the column.
        column: String,
        /// The id.
        id: u32,
    },
    /// A vector of another length.
    #[error("column {column:?} takes {expected} components, but there are {found}")]
    Dims {
        /// Name of the column.
        column: String,
        /// Components of the column.
        expected: usize,
        /// Components of the value.
        found: usize,
    },
}

impl<'a> RowValues<'a> {
    /// A row of a schema in which every value is missing.
    pub fn new(schema: &Schema) -> Self {
        Self { cells: vec![CellValue::Missing; schema.columns().len()] }
    }

    /// Sets the value of one column. A column of another schema is left out, and `encode` notices the missing value.
    pub fn set(&mut self, idx: ColumnIdx, value: CellValue<'a>) -> &mut Self {
        if let Some(cell) = self.cells.get_mut(idx.position()) {
            *cell = value;
        }
        self
    }

    /// The bytes of the row, without its key: `schema.row_bytes()` of them.
    ///
    /// Errors: the first column whose value does not fit.
    pub fn encode(&self, schema: &Schema) -> Result<Vec<u8>, CellError> {
        let mut row = vec![0; schema.row_bytes()];
        self.encode_into(schema, &mut row)?;
        Ok(row)
    }

    /// Encodes into `row`, which is all zero and `schema.row_bytes()` long.
    pub(crate) fn encode_into(&self, schema: &Schema, row: &mut [u8]) -> Result<(), CellError> {
        if self.cells.len() != schema.columns().len() {
            return Err(CellError::ColumnCount { expected: schema.columns().len(), found: self.cells.len() });
        }
        for ((column, slot), cell) in schema.all_parts().zip(&self.cells) {
            Target { schema, column, slot, row }.encode(*cell)?;
        }
        Ok(())
    }

    /// The largest item id among the values, as far as columns of item ids are concerned.
    #[cfg(feature = "write")]
    pub(crate) fn item_id_max(&self, schema: &Schema) -> Option<u32> {
        let lists = schema.columns().iter().zip(&self.cells).filter_map(|(column, cell)| match (&column.kind, cell) {
            (ColumnType::TopK { dictionary, .. }, CellValue::TopK(list)) if dictionary == crate::schema::ITEMS => {
                Some(list)
            }
            _ => None,
        });
        lists.flat_map(|list| list.iter().map(|(id, _)| *id)).max()
    }
}

/// One column of the row that is being written.
struct Target<'t> {
    schema: &'t Schema,
    column: &'t Column,
    slot: &'t Slot,
    row: &'t mut [u8],
}

impl Target<'_> {
    fn encode(&mut self, cell: CellValue<'_>) -> Result<(), CellError> {
        match (&self.column.kind, cell) {
            (_, CellValue::Missing) => self.missing(),
            (ColumnType::Bool, CellValue::Bool(value)) => self.code(u64::from(value)),
            (ColumnType::Unsigned { .. }, CellValue::Unsigned(value)) => self.code(value.min(self.slot.code_max)),
            (ColumnType::Scaled { .. }, CellValue::Number(value)) if value.is_nan() => {
                if self.column.nullable {
                    self.missing()
                } else {
                    Err(self.not_a_number())
                }
            }
            (ColumnType::Scaled { scale, zero, step, .. }, CellValue::Number(value)) => {
                let code = quantise::scaled_code(value, *scale, *zero, *step, self.slot.code_max);
                self.code(code)
            }
            (ColumnType::Category { dictionary, .. }, CellValue::Category(entry)) => {
                match self.schema.code_of(dictionary, entry) {
                    Some(code) => self.code(u64::from(code)),
                    None if self.column.nullable => self.missing(),
                    None => Err(self.unknown(entry)),
                }
            }
            (ColumnType::Labels { names }, CellValue::Labels(labels)) => {
                let mut set = 0_u64;
                for label in labels {
                    let place = names.iter().position(|name| name == label);
                    let place = place.ok_or_else(|| self.unknown(label))?;
                    set |= 1_u64.wrapping_shl(place as u32);
                }
                self.code(set)
            }
            (ColumnType::TopK { k, id_bits, weight_bits, weight_max, .. }, CellValue::TopK(list)) => {
                self.list(list, usize::from(*k), u32::from(*id_bits), u32::from(*weight_bits), *weight_max)
            }
            (ColumnType::Vector { dims, scale }, CellValue::Vector(components)) => {
                self.vector(components, usize::from(*dims), *scale)
            }
            (kind, cell) => Err(CellError::Type {
                column: self.column.name.clone(),
                expected: kind.name(),
                found: cell.type_name(),
            }),
        }
    }

    fn code(&mut self, code: u64) -> Result<(), CellError> {
        bits::write(self.row, self.slot.bit_offset, self.slot.n_bits, code);
        Ok(())
    }

    fn missing(&mut self) -> Result<(), CellError> {
        match (self.slot.missing, &self.column.kind) {
            (None, _) => Err(CellError::Missing { column: self.column.name.clone() }),
            // A missing vector is all zero, as the row is already.
            (Some(_), ColumnType::Vector { .. }) => Ok(()),
            (Some(code), _) => self.code(code),
        }
    }

    fn list(
        &mut self,
        list: &[(u32, f32)],
        k: usize,
        id_bits: u32,
        weight_bits: u32,
        weight_max: f32,
    ) -> Result<(), CellError> {
        let id_end = self.slot.n_entries.map_or(bits::mask(id_bits).saturating_add(1), u64::from);
        let code_max = bits::mask(weight_bits);
        let mut ids: Vec<u32> = list.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        if let Some([id, _]) = ids.array_windows().find(|[a, b]| a == b) {
            return Err(CellError::DuplicateId { column: self.column.name.clone(), id: *id });
        }
        if let Some(id) = ids.last().filter(|id| u64::from(**id) >= id_end) {
            return Err(CellError::Id { column: self.column.name.clone(), id: *id, end: id_end });
        }
        if list.iter().any(|(_, weight)| weight.is_nan()) {
            return Err(self.not_a_number());
        }
        let mut kept: Vec<(u32, f32)> = list.iter().copied().filter(|(_, weight)| *weight > 0.0).collect();
        kept.sort_unstable_by(|(id_a, a), (id_b, b)| b.total_cmp(a).then(id_a.cmp(id_b)));
        // Ids are ordered anew: unequal weights may have become equal codes.
        let mut codes: Vec<(u64, u32)> = kept
            .iter()
            .take(k)
            .map(|(id, weight)| (quantise::weight_code(*weight, weight_max, code_max), *id))
            .collect();
        codes.sort_unstable_by(|(code_a, id_a), (code_b, id_b)| code_b.cmp(code_a).then(id_a.cmp(id_b)));
        let entry_bits = id_bits.saturating_add(weight_bits);
        for ((code, id), place) in codes.into_iter().zip(0_usize..) {
            let at = self.slot.bit_offset.saturating_add(place.saturating_mul(entry_bits as usize));
            bits::write(self.row, at, entry_bits, u64::from(id) | code.wrapping_shl(id_bits));
        }
        Ok(())
    }

    fn vector(&mut self, components: &[f32], dims: usize, scale: f32) -> Result<(), CellError> {
        if components.len() != dims {
            return Err(CellError::Dims { column: self.column.name.clone(), expected: dims, found: components.len() });
        }
        if components.iter().any(|component| component.is_nan()) {
            return Err(self.not_a_number());
        }
        let bytes = self.row.iter_mut().skip(self.slot.bit_offset / 8);
        for (byte, component) in bytes.zip(components) {
            *byte = quantise::component_code(*component, scale).cast_unsigned();
        }
        Ok(())
    }

    fn not_a_number(&self) -> CellError {
        CellError::NotANumber { column: self.column.name.clone() }
    }

    fn unknown(&self, entry: &str) -> CellError {
        CellError::UnknownEntry { column: self.column.name.clone(), entry: entry.to_string() }
    }
}

impl CellValue<'_> {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Bool(_) => "bool",
            Self::Unsigned(_) => "unsigned",
            Self::Number(_) => "scaled",
            Self::Category(_) => "category",
            Self::Labels(_) => "labels",
            Self::TopK(_) => "top_k",
            Self::Vector(_) => "vector",
        }
    }
}
