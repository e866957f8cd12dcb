//! The table that is learned from: features, outcomes, weights, groups, and the times that keep the future out.

use std::collections::BTreeSet;

use serde::Serialize;

use super::ClassifyError;

/// Rows of a table at most; positions are 32 bits wide.
pub(super) const ROWS_MAX: usize = 1 << 31;
/// Features of a table at most.
pub(super) const FEATURES_MAX: usize = 512;
/// Values of a category at most; with the unknown one they fit into a byte.
pub(super) const VALUES_MAX: usize = 255;
/// Bytes of a name of a feature or of a value at most.
pub(super) const NAME_BYTES_MAX: usize = 200;
/// Size of a number at most. Larger ones count as missing when scored, and are refused when learned from.
pub(super) const NUMBER_MAX: f64 = 1e30;

/// What a feature holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A number of any unit, NaN where missing.
    Number,
    /// One of these values, as its position; anything else is the unknown value.
    Category {
        /// The values' names, 1 to 255, distinct.
        values: Vec<String>,
    },
}

/// A named feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its name, 1 to 200 bytes, unique in the table.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// When a row's features and its outcome were seen. Seconds since 1970.
///
/// `features_until_s` ≤ `outcome_from_s` < `outcome_until_s` is checked by [`TableBuilder::build`], so that a table whose
/// features know the future cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowTime {
    /// Time of the newest fact that any feature of the row rests on.
    pub features_until_s: i64,
    /// From when on the outcome counts. This is the time at which the row would have been scored.
    pub outcome_from_s: i64,
    /// From when on the outcome is known.
    pub outcome_until_s: i64,
}

#[derive(Debug, Clone)]
struct Column {
    feature: Feature,
    /// Numbers, or positions of values; NaN for missing and unknown.
    values: Vec<f64>,
    newest_s: Option<Vec<i64>>,
}

/// Features and outcomes, checked. Made by [`Table::builder`].
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    labels: Vec<bool>,
    /// Mean 1, so that a penalty means the same with and without weights.
    weights: Vec<f64>,
    times: Option<Vec<RowTime>>,
    groups: Option<Vec<u64>>,
}

/// Collects what a [`Table`] consists of; nothing is checked before [`TableBuilder::build`].
#[derive(Debug, Clone)]
pub struct TableBuilder {
    columns: Vec<Column>,
    labels: Vec<f64>,
    weights: Option<Vec<f64>>,
    times: Option<Vec<RowTime>>,
    groups: Option<Vec<u64>>,
}

impl TableBuilder {
    /// Adds a feature of numbers, one entry a row, NaN where missing.
    pub fn number(mut self, name: &str, values: Vec<f64>) -> Self {
        self.columns.push(Column {
            feature: Feature { name: name.to_owned(), kind: Kind::Number },
            values,
            newest_s: None,
        });
        self
    }

    /// Adds a feature of categories: one position in `values` a row; a position past the end is the unknown value.
    pub fn category(mut self, name: &str, codes: Vec<u32>, values: Vec<String>) -> Self {
        let n_values = values.len();
        let codes = codes.into_iter().map(|code| if (code as usize) < n_values { f64::from(code) } else { f64::NAN });
        self.columns.push(Column {
            values: codes.collect(),
            feature: Feature { name: name.to_owned(), kind: Kind::Category { values } },
            newest_s: None,
        });
        self
    }

    /// Says of the feature that was added last when its newest fact was seen, one entry a row, seconds since 1970. So an
    /// error names the feature that knows the future, not only the row.
    pub fn seen(mut self, newest_s: Vec<i64>) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.newest_s = Some(newest_s);
        }
        self
    }

    /// Weighs the rows, one positive number a row. Without: all the same.
    pub fn weights(mut self, weights: Vec<f64>) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Says when features and outcome of each row were seen. Needed for [`super::validate_rolling`].
    pub fn times(mut self, times: Vec<RowTime>) -> Self {
        self.times = Some(times);
        self
    }

    /// Says which rows belong together, e.g. by customer: rows of a group are never on both sides of a k-fold split, and are
    /// drawn together when an interval is estimated. Without: each row by itself.
    pub fn groups(mut self, groups: Vec<u64>) -> Self {
        self.groups = Some(groups);
        self
    }

    /// Checks everything, in this order: rows, outcomes, features (count, names, lengths, values), weights, groups, times.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn build(self) -> Result<Table, ClassifyError> {
        let n_rows = self.labels.len();
        let labels = checked_labels(&self.labels)?;
        checked_columns(&self.columns, n_rows)?;
        let weights = checked_weights(self.weights, n_rows)?;
        if let Some(groups) = &self.groups {
            same_length("groups", groups.len(), n_rows)?;
        }
        checked_times(self.times.as_deref(), &self.columns, n_rows)?;
        Ok(Table { columns: self.columns, labels, weights, times: self.times, groups: self.groups })
    }
}

impl Table {
    /// Begins a table with the outcomes, one a row: 1 for what is to be foretold (left, bought), 0 for the other.
    pub fn builder(labels: &[f64]) -> TableBuilder {
        TableBuilder { columns: Vec::new(), labels: labels.to_vec(), weights: None, times: None, groups: None }
    }

    /// How many rows there are, at least 2.
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// The features, in the order in which rows hold them.
    pub fn features(&self) -> impl ExactSizeIterator<Item = &Feature> {
        self.columns.iter().map(|column| &column.feature)
    }

    /// How many features there are, at least 1.
    pub fn n_features(&self) -> usize {
        self.columns.len()
    }

    /// The outcomes, one a row.
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// The rows' weights, mean 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The values of row `row` as [`super::score`] takes them; empty if there is no such row.
    pub fn row(&self, row: usize) -> Vec<f64> {
        self.columns.iter().filter_map(|column| column.values.get(row).copied()).collect()
    }

    /// All values of a feature; empty if there is no such feature.
    pub(super) fn column(&self, feature: usize) -> &[f64] {
        self.columns.get(feature).map_or(&[], |column| &column.values)
    }

    pub(super) fn times(&self) -> Option<&[RowTime]> {
        self.times.as_deref()
    }

    /// The row's group; each row is its own if none were given.
    pub(super) fn group(&self, row: usize) -> u64 {
        match &self.groups {
            Some(groups) => groups.get(row).copied().unwrap_or(row as u64),
            None => row as u64,
        }
    }

    pub(super) fn has_groups(&self) -> bool {
        self.groups.is_some()
    }

    pub(super) fn label(&self, row: u32) -> bool {
        self.labels.get(row as usize).copied().unwrap_or(false)
    }

    pub(super) fn weight(&self, row: u32) -> f64 {
        self.weights.get(row as usize).copied().unwrap_or(0.0)
    }

    /// How many of these rows have outcome 1.
    pub(super) fn n_positive(&self, rows: &[u32]) -> usize {
        rows.iter().filter(|row| self.label(**row)).count()
    }

    /// Weighted share of outcome 1 among these rows; one half if there are none.
    pub(super) fn rate(&self, rows: &[u32]) -> f64 {
        let (mut positive, mut all) = (0.0, 0.0);
        for row in rows {
            let weight = self.weight(*row);
            all += weight;
            positive += if self.label(*row) { weight } else { 0.0 };
        }
        if all > 0.0 { positive / all } else { 0.5 }
    }

    /// All rows, in order.
    pub(super) fn all_rows(&self) -> Vec<u32> {
        (0..self.n_rows() as u32).collect()
    }
}

fn same_length(what: &str, found: usize, expected: usize) -> Result<(), ClassifyError> {
    if found == expected { Ok(()) } else { Err(ClassifyError::Length { what: what.to_owned(), found, expected }) }
}

fn checked_labels(labels: &[f64]) -> Result<Vec<bool>, ClassifyError> {
    if labels.is_empty() {
        return Err(ClassifyError::NoRows);
    }
    at_most("rows", labels.len(), ROWS_MAX)?;
    let mut checked = Vec::with_capacity(labels.len());
    for (row, &label) in labels.iter().enumerate() {
        if label != 0.0 && label != 1.0 {
            return Err(ClassifyError::Label { row, found: label });
        }
        checked.push(label == 1.0);
    }
    let n_positive = checked.iter().filter(|label| **label).count();
    if n_positive == 0 || n_positive == checked.len() {
        return Err(ClassifyError::OneClass { label: u8::from(n_positive > 0), n_rows: checked.len() });
    }
    Ok(checked)
}

fn at_most(what: &str, found: usize, max: usize) -> Result<(), ClassifyError> {
    if found <= max { Ok(()) } else { Err(ClassifyError::TooMany { what: what.to_owned(), found, max }) }
}

fn checked_columns(columns: &[Column], n_rows: usize) -> Result<(), ClassifyError> {
    if columns.is_empty() {
        return Err(ClassifyError::NoColumns);
    }
    at_most("features", columns.len(), FEATURES_MAX)?;
    let mut names = BTreeSet::new();
    for (idx, column) in columns.iter().enumerate() {
        let name = &column.feature.name;
        let fault = if name.is_empty() {
            Some("empty")
        } else if name.len() > NAME_BYTES_MAX {
            Some("longer than 200 bytes")
        } else if !names.insert(name) {
            Some("used twice")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(ClassifyError::Name { idx, name: name.clone(), fault });
        }
        same_length(&format!("feature `{name}`"), column.values.len(), n_rows)?;
        match &column.feature.kind {
            Kind::Category { values } => checked_values(name, values)?,
            Kind::Number => {
                let unusable = |value: f64| !value.is_nan() && (value.is_infinite() || value.abs() > NUMBER_MAX);
                if let Some((row, &found)) = column.values.iter().enumerate().find(|(_, value)| unusable(**value)) {
                    return Err(ClassifyError::Value { feature: name.clone(), row, found });
                }
            }
        }
    }
    Ok(())
}

fn checked_values(feature: &str, values: &[String]) -> Result<(), ClassifyError> {
    at_most(&format!("values of feature `{feature}`"), values.len(), VALUES_MAX)?;
    let fault = |fault: String| Err(ClassifyError::Values { feature: feature.to_owned(), fault });
    if values.is_empty() {
        return fault("a category needs at least one value".to_owned());
    }
    let mut seen = BTreeSet::new();
    for (idx, value) in values.iter().enumerate() {
        if value.len() > NAME_BYTES_MAX {
            return fault(format!("value {idx} is longer than {NAME_BYTES_MAX} bytes"));
        }
        if !seen.insert(value) {
            return fault(format!("value `{value}` stands twice"));
        }
    }
    Ok(())
}

fn checked_weights(weights: Option<Vec<f64>>, n_rows: usize) -> Result<Vec<f64>, ClassifyError> {
    let Some(weights) = weights else { return Ok(vec![1.0; n_rows]) };
    same_length("weights", weights.len(), n_rows)?;
    let fits = |weight: f64| weight > 0.0 && weight <= 1e12;
    if let Some((row, &found)) = weights.iter().enumerate().find(|(_, weight)| !fits(**weight)) {
        return Err(ClassifyError::Weight { row, found });
    }
    let mean = weights.iter().sum::<f64>() / n_rows as f64;
    Ok(weights.into_iter().map(|weight| weight / mean).collect())
}

fn checked_times(times: Option<&[RowTime]>, columns: &[Column], n_rows: usize) -> Result<(), ClassifyError> {
    let Some(times) = times else {
        return match columns.iter().find(|column| column.newest_s.is_some()) {
            Some(column) => Err(ClassifyError::TimesMissing { feature: column.feature.name.clone() }),
            None => Ok(()),
        };
    };
    same_length("times", times.len(), n_rows)?;
    for (row, time) in times.iter().enumerate() {
        if time.outcome_until_s <= time.outcome_from_s {
            let (from_s, until_s) = (time.outcome_from_s, time.outcome_until_s);
            return Err(ClassifyError::Span { row, from_s, until_s });
        }
        not_future("a feature", row, time.features_until_s, time)?;
    }
    for column in columns {
        let Some(newest_s) = &column.newest_s else { continue };
        let what = format!("feature `{}`", column.feature.name);
        same_length(&format!("times of {what}"), newest_s.len(), n_rows)?;
        for (row, (newest_s, time)) in newest_s.iter().zip(times).enumerate() {
            not_future(&what, row, *newest_s, time)?;
        }
    }
    Ok(())
}

fn not_future(what: &str, row: usize, newest_s: i64, time: &RowTime) -> Result<(), ClassifyError> {
    let outcome_from_s = time.outcome_from_s;
    if newest_s <= outcome_from_s {
        return Ok(());
    }
    Err(ClassifyError::Future { what: what.to_owned(), row, newest_s, outcome_from_s })
}
