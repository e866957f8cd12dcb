//! Customer rows as cells, whatever columns they have, and what the columns hold in all.

use super::{Engine, cells};
use crate::labels::{Label, LabelType, Registry};
use crate::{BuildError, LabelState};
use datafusion::arrow::array::{Array, BooleanArray, Float64Array, Int64Array, ListArray, StringArray};
use datafusion::arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;

/// A value of a customer row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Missing,
    Bool(bool),
    Whole(i64),
    Number(f64),
    Text(&'a str),
    Texts(Vec<&'a str>),
    Weighted(Vec<(&'a str, f64)>),
    Numbers(Vec<f32>),
}

/// What the rows say of each label.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    n_rows: u64,
    /// Rows with a value.
    filled: BTreeMap<String, u64>,
    /// How often each name occurs.
    names: BTreeMap<String, Vec<(String, u64)>>,
}

impl Tally {
    /// Whether some row has no value. Of a label that was not looked at: no.
    pub(crate) fn has_missing(&self, label: &str) -> bool {
        self.filled.get(label).is_some_and(|filled| *filled < self.n_rows)
    }

    /// Whether no row has a value, though there are rows.
    pub(crate) fn is_empty(&self, label: &str) -> bool {
        self.n_rows > 0 && self.filled.get(label).is_some_and(|filled| *filled == 0)
    }

    /// The names of a label with their frequency.
    pub(crate) fn names(&self, label: &str) -> impl Iterator<Item = (&str, u64)> {
        self.names.get(label).into_iter().flatten().map(|(name, n)| (name.as_str(), *n))
    }

    pub(crate) fn set_names(&mut self, label: &str, names: Vec<(String, u64)>) {
        self.names.insert(label.to_owned(), names);
    }
}

/// A column of a batch by the type of its label.
enum Column {
    Flags(BooleanArray),
    Whole(Int64Array),
    Numbers(Float64Array),
    Texts(StringArray),
    Lists(Box<StringList>),
    Weighted(Box<(StringList, NumberList)>),
    Vectors(Box<NumberList>),
}

/// Lists of texts: where each ends, and all texts.
struct StringList {
    list: ListArray,
    values: StringArray,
}

struct NumberList {
    list: ListArray,
    values: Float64Array,
}

/// The places of the entries of a row's list.
fn span(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    match (list.is_valid(row), offsets.get(row), offsets.get(row + 1)) {
        (true, Some(from), Some(to)) => usize::try_from(*from).unwrap_or(0)..usize::try_from(*to).unwrap_or(0),
        _ => 0..0,
    }
}

impl StringList {
    fn at(&self, row: usize) -> impl Iterator<Item = Option<&str>> {
        span(&self.list, row)
            .map(|idx| (idx < self.values.len() && self.values.is_valid(idx)).then(|| self.values.value(idx)))
    }
}

impl NumberList {
    fn at(&self, row: usize) -> impl Iterator<Item = Option<f64>> {
        span(&self.list, row)
            .map(|idx| (idx < self.values.len() && self.values.is_valid(idx)).then(|| self.values.value(idx)))
    }
}

impl Column {
    /// The columns of a label, of which the first is at `idx`.
    fn of(label: &Label, batch: &RecordBatch, idx: usize) -> Result<Self, BuildError> {
        let text_list = |idx| {
            let (list, values) = cells::text_lists(batch, idx)?;
            Ok::<_, BuildError>(StringList { list, values })
        };
        let number_list = |idx| {
            let (list, values) = cells::number_lists(batch, idx)?;
            Ok::<_, BuildError>(NumberList { list, values })
        };
        Ok(match label.kind {
            LabelType::Bool => Self::Flags(cells::flags(batch, idx)?),
            LabelType::Unsigned { .. } => Self::Whole(cells::integers(batch, idx)?),
            LabelType::Linear { .. } | LabelType::Log { .. } => Self::Numbers(cells::numbers(batch, idx)?),
            LabelType::Category(_) | LabelType::Text | LabelType::Time => Self::Texts(cells::texts(batch, idx)?),
            LabelType::Labels { .. } => Self::Lists(Box::new(text_list(idx)?)),
            LabelType::TopK { .. } => Self::Weighted(Box::new((text_list(idx)?, number_list(idx + 1)?))),
            LabelType::Vector { .. } => Self::Vectors(Box::new(number_list(idx)?)),
        })
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Flags(array) if array.is_valid(row) => Cell::Bool(array.value(row)),
            Self::Whole(array) if array.is_valid(row) => Cell::Whole(array.value(row)),
            Self::Numbers(array) if array.is_valid(row) && array.value(row).is_finite() => {
                Cell::Number(array.value(row))
            }
            Self::Texts(array) if array.is_valid(row) => Cell::Text(array.value(row)),
            Self::Lists(list) => Cell::Texts(list.at(row).flatten().collect()),
            Self::Weighted(lists) => {
                let (names, weights) = lists.as_ref();
                let pairs = names.at(row).zip(weights.at(row));
                Cell::Weighted(pairs.filter_map(|(name, weight)| Some((name?, weight?))).collect())
            }
            Self::Vectors(list) if list.list.is_valid(row) => {
                Cell::Numbers(list.at(row).map(|number| number.unwrap_or(0.0) as f32).collect())
            }
            _ => Cell::Missing,
        }
    }
}

impl Engine {
    /// Every customer by rising id, with the cells of the labels in their order.
    pub(crate) fn each_profile(
        &self,
        labels: &[&Label],
        mut each: impl FnMut(&str, &[Cell<'_>]) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        // In quotes: a label may be named like a word of SQL.
        let columns: Vec<String> =
            labels.iter().flat_map(|label| label.columns()).map(|column| format!("\"{column}\"")).collect();
        let sql = format!("SELECT customer_id, {} FROM features ORDER BY customer_id", columns.join(", "));
        self.each_batch("features", &sql, |batch| {
            let customer_id = cells::texts(batch, 0)?;
            let mut idx = 1;
            let mut columns = Vec::with_capacity(labels.len());
            for label in labels {
                columns.push(Column::of(label, batch, idx)?);
                idx += label.columns().len();
            }
            let mut row_cells = Vec::with_capacity(labels.len());
            for row in 0..batch.num_rows() {
                row_cells.extend(columns.iter().map(|column| column.cell(row)));
                each(customer_id.value(row), &row_cells)?;
                row_cells.clear();
            }
            Ok(())
        })
    }

    /// What the rows of `features` say of the labels: how many have a value, and which names there are.
    pub(crate) fn tally(&self, registry: &Registry) -> Result<Tally, BuildError> {
        let mut tally = Tally::default();
        let in_rows = |label: &&Label| !matches!(label.state, LabelState::Absent { .. } | LabelState::Withheld);
        let labels: Vec<&Label> = registry.labels.iter().filter(in_rows).collect();
        let counts: Vec<String> = labels.iter().map(|label| format!(", count(\"{}\")", label.name)).collect();
        self.each_batch("tally", &format!("SELECT count(*){} FROM features", counts.concat()), |batch| {
            if batch.num_rows() > 0 {
                tally.n_rows = u64::try_from(cells::integers(batch, 0)?.value(0)).unwrap_or(0);
                for (idx, label) in labels.iter().enumerate() {
                    let filled = u64::try_from(cells::integers(batch, idx + 1)?.value(0)).unwrap_or(0);
                    tally.filled.insert(label.name.clone(), filled);
                }
            }
            Ok(())
        })?;
        for label in labels {
            let is_list = matches!(label.kind, LabelType::TopK { .. });
            let (LabelType::Category(names) | LabelType::TopK { names, .. }) = &label.kind else { continue };
            if !label.in_table || !names.values.is_empty() || names.dictionary == "items" {
                continue;
            }
            let counted = match names.from.as_deref().and_then(|from| from.split_once('.')) {
                Some((table, column)) if self.has_table(table)? => self.values(table, column)?,
                Some(_) => Vec::new(),
                None if is_list => {
                    self.values(&format!("(SELECT unnest(\"{}\") AS name FROM features)", label.name), "name")?
                }
                None => self.values("features", &label.name)?,
            };
            tally.set_names(&label.name, counted);
        }
        Ok(tally)
    }
}

#[cfg(test)]
impl Engine {
    /// The rows of a query as text: cells parted by ` | `, numbers to four decimals, `-` for null.
    pub(crate) fn rows_as_text(&self, sql: &str) -> Result<Vec<String>, BuildError> {
        use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
        let options = FormatOptions::default().with_null("-");
        let mut rows = Vec::new();
        self.each_batch("query", sql, |batch| {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|array| match array.as_any().downcast_ref::<Float64Array>() {
                    Some(numbers) if numbers.is_valid(row) => {
                        let text = format!("{:.4}", numbers.value(row));
                        text.trim_end_matches('0').trim_end_matches('.').to_owned()
                    }
                    _ => ArrayFormatter::try_new(array, &options).unwrap().value(row).to_string(),
                });
                rows.push(cells.collect::<Vec<_>>().join(" | "));
            }
            Ok(())
        })?;
        Ok(rows)
    }
}
