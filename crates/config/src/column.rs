//! What the columns of the running profile table can hold, for rules that ask for something else.

use std::ops::RangeInclusive;

use vitrine_tables::{ColumnType, Schema};

/// A column of the profile table.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// Its name, without `profile.`.
    pub name: &'a str,
    /// What it can hold.
    pub values: ColumnValues<'a>,
}

/// Values that a row can have in a column, besides none at all.
#[derive(Clone, Debug)]
pub enum ColumnValues<'a> {
    /// Labels of this dictionary, one or several.
    Labels(&'a [String]),
    /// Numbers from the least to the greatest that the column's codes stand for.
    Numbers(RangeInclusive<f64>),
    /// True or false.
    Truth,
    /// Something that is not known here.
    Any,
}

/// The columns of a table, in the order of its schema.
pub fn columns(schema: &Schema) -> Vec<Column<'_>> {
    schema.columns().iter().map(|it| Column { name: it.name.as_str(), values: values(schema, &it.kind) }).collect()
}

fn values<'s>(schema: &'s Schema, kind: &'s ColumnType) -> ColumnValues<'s> {
    match kind {
        ColumnType::Bool => ColumnValues::Truth,
        ColumnType::Unsigned { bits } => ColumnValues::Numbers(0.0..=2_f64.powi(i32::from(*bits)) - 1.0),
        ColumnType::Category { dictionary, .. } => {
            schema.dictionary(dictionary).map_or(ColumnValues::Any, ColumnValues::Labels)
        }
        ColumnType::Labels { names } => ColumnValues::Labels(names),
        ColumnType::Scaled { .. } | ColumnType::TopK { .. } | ColumnType::Vector { .. } => ColumnValues::Any,
    }
}
