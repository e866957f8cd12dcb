//! What the columns of the running profile table can hold, for rules that ask for something else.

use std::ops::RangeInclusive;

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
