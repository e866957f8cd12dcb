//! What rules can use: the columns of a finished table.

use crate::explain::{ReadError, registry, short};
use std::path::Path;
use vitrine_tables::{Column, ColumnType, Scale, Schema, TableDir};

/// A column as a writer of rules needs it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SchemaColumn {
    /// What a rule says: `profile.<name>`.
    pub attribute: String,
    /// Type: `bool`, `unsigned`, `scaled`, `category`, `labels`, `top_k` or `vector`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The names that it can have; empty for numbers, and for items.
    pub values: Vec<String>,
    /// Least and largest number, if it is one.
    pub range: Option<(String, String)>,
    /// Whether visitors may lack it.
    pub nullable: bool,
    /// What it means.
    pub means: String,
    /// Unit of its numbers.
    pub unit: Option<String>,
}

/// The columns of a finished directory, in their order.
///
/// Errors: [`ReadError`].
pub fn schema(dir: &Path) -> Result<Vec<SchemaColumn>, ReadError> {
    let table = TableDir::open(dir)?;
    let labels = registry(dir)?;
    let schema = &table.manifest().schema;
    Ok(schema
        .columns()
        .iter()
        .map(|column| {
            let label = labels.get(&column.name);
            SchemaColumn {
                attribute: format!("profile.{}", column.name),
                kind: column.kind.name().to_owned(),
                values: values(column, schema),
                range: range(column),
                nullable: column.nullable,
                means: label.map_or_else(String::new, |label| label.means.clone()),
                unit: label.and_then(|label| label.unit.clone()),
            }
        })
        .collect())
}

fn values(column: &Column, schema: &Schema) -> Vec<String> {
    match &column.kind {
        ColumnType::Category { dictionary, .. } | ColumnType::TopK { dictionary, .. } => {
            schema.dictionary(dictionary).map(<[String]>::to_vec).unwrap_or_default()
        }
        ColumnType::Labels { names } => names.clone(),
        _ => Vec::new(),
    }
}

fn range(column: &Column) -> Option<(String, String)> {
    let code_max =
        |bits: u8| (1_u64.checked_shl(u32::from(bits)).unwrap_or(0)).wrapping_sub(1) - u64::from(column.nullable);
    match &column.kind {
        ColumnType::Unsigned { bits } => Some(("0".to_owned(), code_max(*bits).to_string())),
        ColumnType::Scaled { bits, scale, zero, step } => {
            let last = code_max(*bits) as f64 * step;
            let most = match scale {
                Scale::Linear => zero + last,
                Scale::Log => zero * last.exp(),
            };
            Some((short(*zero), short(most)))
        }
        _ => None,
    }
}
