//! A row of a finished table in words.

use crate::labels::{LabelError, Registry};
use std::path::Path;
use vitrine_tables::{ColumnIdx, ItemTable, Row, Schema, ShardError, TableDir, TableError, TableKey, Value};

/// Why a finished directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A shard of it.
    #[error("shard {shard_idx}: {source}")]
    Shard {
        /// Which one.
        shard_idx: u32,
        /// Why.
        source: ShardError,
    },
    /// `labels.json`.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The key is not that of the table.
    #[error(
        "the key is not that of the table (its check is {found}, the table's is {expected}); give the key that the table was built with"
    )]
    Key {
        /// The check of the table.
        expected: String,
        /// The check of the key.
        found: String,
    },
}

/// One label of a visitor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Said {
    /// The label.
    pub name: String,
    /// What it means.
    pub means: String,
    /// Its value in words; `None` if it is not known of this visitor.
    pub value: Option<String>,
}

/// What the table of a finished directory says of a visitor, label by label in the order of the columns; `None` if it
/// has no row.
///
/// Errors: [`ReadError`].
pub fn explain(dir: &Path, key: &TableKey, visitor: &str) -> Result<Option<Vec<Said>>, ReadError> {
    let table = TableDir::open(dir)?;
    let manifest = table.manifest();
    if key.check() != manifest.key_check {
        return Err(ReadError::Key { expected: manifest.key_check.clone(), found: key.check() });
    }
    let labels = registry(dir)?;
    let items = table.items()?;
    let row_key = key.hash(visitor);
    let shard_idx = row_key.shard(manifest.shard_bits);
    let bytes = table.read_shard(shard_idx)?;
    let shard = manifest.decode_shard(shard_idx, &bytes).map_err(|source| ReadError::Shard { shard_idx, source })?;
    let Some(row) = shard.find(row_key) else { return Ok(None) };
    let said = manifest.schema.indices().filter_map(|idx| {
        let column = manifest.schema.column_at(idx)?;
        let label = labels.get(&column.name);
        let unit = label.and_then(|label| label.unit.as_deref());
        Some(Said {
            name: column.name.clone(),
            means: label.map_or_else(String::new, |label| label.means.clone()),
            value: in_words(&row, idx, &manifest.schema, items.as_ref(), unit),
        })
    });
    Ok(Some(said.collect()))
}

/// The labels of a finished directory; none if it is from before there were labels.
pub(crate) fn registry(dir: &Path) -> Result<Registry, ReadError> {
    let path = dir.join("labels.json");
    if path.is_file() { Ok(Registry::from_file(&path)?) } else { Ok(Registry { version: 1, labels: Vec::new() }) }
}

fn in_words(
    row: &Row<'_>,
    idx: ColumnIdx,
    schema: &Schema,
    items: Option<&ItemTable>,
    unit: Option<&str>,
) -> Option<String> {
    let with_unit = |number: String| unit.map_or_else(|| number.clone(), |unit| format!("{number} {unit}"));
    match row.get(idx) {
        Value::Missing => None,
        Value::Bool(flag) => Some(if flag { "yes" } else { "no" }.to_owned()),
        Value::Unsigned(number) => Some(with_unit(number.to_string())),
        Value::Number(number) => Some(with_unit(short(number))),
        Value::Category(name) => Some(name.to_owned()),
        Value::Labels(names) => {
            let names: Vec<&str> = names.iter().collect();
            Some(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
        }
        Value::TopK(list) => {
            let names = schema.dictionary(list.dictionary());
            let name = |id: u32| match names {
                Some(names) => names.get(id as usize).cloned(),
                None => items.and_then(|items| items.id(id)).map(str::to_owned),
            };
            let entries: Vec<String> = list
                .iter()
                .map(|(id, weight)| {
                    format!("{} ({:.0} %)", name(id).unwrap_or_else(|| format!("#{id}")), weight * 100.0)
                })
                .collect();
            Some(if entries.is_empty() { "none".to_owned() } else { entries.join(", ") })
        }
        Value::Vector(vector) => Some(format!("{} numbers", vector.n_dims())),
    }
}

/// A number with at most four digits that count.
pub(crate) fn short(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    let whole_digits = number.abs().log10().floor() as i32 + 1;
    let decimals = usize::try_from(4 - whole_digits).unwrap_or(0).min(9);
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_short() {
        for (number, text) in
            [(0.0, "0"), (1440.2, "1440"), (0.5, "0.5"), (0.123_456, "0.1235"), (-3.25, "-3.25"), (123_456.7, "123457")]
        {
            assert_eq!(short(number), text);
        }
    }
}
