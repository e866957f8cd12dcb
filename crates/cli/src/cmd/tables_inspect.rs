//! `vitrine tables inspect`: what a table holds and what it costs; one visitor's row in words.

use crate::failure::Failure;
use crate::files;
use crate::table;
use crate::ui::{Ui, bytes, count};
use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value as Json, json};
use std::fs;
use std::path::PathBuf;
use vitrine_tables::{Column, ItemTable, Row, TableDir, Value};

/// Show what a table holds: columns, rows, shards, bytes per visitor. With --visitor: that visitor's row.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine tables inspect table
  vitrine tables inspect table --visitor 17850 --key-file table.key
  vitrine tables inspect table --json | jq .visitor_bytes")]
pub struct Inspect {
    /// Table directory.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Show the row of this visitor; needs the table key.
    #[arg(long, value_name = "ID")]
    pub visitor: Option<String>,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE", requires = "visitor")]
    pub key_file: Option<PathBuf>,
}

/// Reads the manifest, the sizes of the shards and perhaps one row, and shows them.
///
/// # Errors
/// 1 if a file cannot be read or is not sound, 3 for a wrong key.
pub fn run(args: &Inspect, ui: &Ui) -> Result<(), Failure> {
    let table = table::open(&args.dir)?;
    match &args.visitor {
        Some(visitor) => show_visitor(args, visitor, &table, ui),
        None => show_table(&table, ui),
    }
}

fn show_table(table: &TableDir, ui: &Ui) -> Result<(), Failure> {
    let manifest = table.manifest();
    let schema = &manifest.schema;
    let sizes = shard_sizes(table)?;
    let (total, largest) = (sizes.iter().sum::<u64>(), sizes.iter().copied().max().unwrap_or(0));
    let smallest = sizes.iter().copied().min().unwrap_or(0);
    let items = manifest.items.as_ref();
    let value = json!({
        "build": manifest.build,
        "as_of": manifest.as_of,
        "rows": manifest.rows,
        "row_bytes": schema.row_bytes(),
        "visitor_bytes": schema.visitor_bytes(),
        "shards": { "n": manifest.n_shards(), "bytes": total, "bytes_min": smallest, "bytes_max": largest },
        "items": items.map(|it| json!({ "n": it.n_items, "bytes": it.bytes })),
        "key_check": manifest.key_check,
        "lineage": manifest.lineage,
        "columns": schema.columns().iter().map(column_json).collect::<Vec<_>>(),
    });
    ui.result(&value, || {
        let mut text = format!(
            "build      {}, data as of {}\n\
             visitors   {}, {} bytes each ({} of row, 8 of key)\n\
             shards     {}, {} in all, {} to {} each\n",
            manifest.build,
            manifest.as_of,
            count(manifest.rows),
            schema.visitor_bytes(),
            schema.row_bytes(),
            count(u64::from(manifest.n_shards())),
            bytes(total),
            bytes(smallest),
            bytes(largest),
        );
        if let Some(items) = items {
            text.push_str(&format!("items      {}, {}\n", count(u64::from(items.n_items)), bytes(items.bytes)));
        }
        if let Some(lineage) = &manifest.lineage {
            text.push_str(&format!("lineage    {lineage}\n"));
        }
        text.push_str(&format!(
            "key check  {}\n\n{:<20} {:<9} {:>5} {:>6}\n",
            manifest.key_check, "column", "type", "bits", "offset"
        ));
        for column in schema.columns() {
            let bits = column.kind.n_bits(column.nullable);
            let missing = if column.nullable { " may be missing" } else { "" };
            text.push_str(&format!(
                "{:<20} {:<9} {bits:>5} {:>6}{missing}\n",
                column.name,
                column.kind.name(),
                column.bit_offset
            ));
        }
        text
    })
}

fn column_json(column: &Column) -> Json {
    json!({
        "name": column.name,
        "type": column.kind.name(),
        "bits": column.kind.n_bits(column.nullable),
        "bit_offset": column.bit_offset,
        "nullable": column.nullable,
    })
}

/// Length of every shard file. Unit: bytes.
fn shard_sizes(table: &TableDir) -> Result<Vec<u64>, Failure> {
    let dir = table.path().join("shards");
    let cannot = || format!("cannot read {}", dir.display());
    let mut sizes = Vec::new();
    for entry in fs::read_dir(&dir).with_context(cannot)? {
        sizes.push(entry.and_then(|entry| entry.metadata()).with_context(cannot)?.len());
    }
    Ok(sizes)
}

fn show_visitor(args: &Inspect, visitor: &str, table: &TableDir, ui: &Ui) -> Result<(), Failure> {
    let key = files::table_key(args.key_file.as_deref())?;
    table::check_key(table, &key)?;
    let items = table.items()?;
    let columns = table::with_row(table, &key, visitor, |row| row.map(|row| row_json(&row, items.as_ref())))?;
    let object = columns.as_ref().map(|columns| columns.iter().cloned().collect::<Map<_, _>>());
    let value = json!({ "visitor": visitor, "found": columns.is_some(), "columns": object });
    ui.result(&value, || match columns {
        None => format!("{visitor} is not in the table"),
        Some(columns) => columns.iter().map(|(name, value)| format!("{name:<20} {}\n", words(value))).collect(),
    })
}

/// The columns of a row in the schema's order, with their values as JSON; what names an item or a category is resolved.
fn row_json(row: &Row<'_>, items: Option<&ItemTable>) -> Vec<(String, Json)> {
    let schema = row.schema();
    schema
        .columns()
        .iter()
        .zip(schema.indices())
        .map(|(column, idx)| {
            let value = match row.get(idx) {
                Value::Missing => Json::Null,
                Value::Bool(it) => json!(it),
                Value::Unsigned(it) => json!(it),
                Value::Number(it) => json!(it),
                Value::Category(it) => json!(it),
                Value::Labels(it) => it.iter().collect(),
                Value::TopK(list) => {
                    let texts = schema.dictionary(list.dictionary());
                    let name = |id: u32| match texts {
                        Some(texts) => texts.get(id as usize).map(String::as_str),
                        None => items.and_then(|items| items.id(id)),
                    };
                    list.iter()
                        .map(|(id, weight)| json!({ "id": name(id).map_or(json!(id), Json::from), "weight": weight }))
                        .collect()
                }
                Value::Vector(it) => it.codes().map(|code| f64::from(code) * f64::from(it.scale())).collect(),
            };
            (column.name.clone(), value)
        })
        .collect()
}

/// A value of a row for people.
fn words(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        Json::Object(entry) => match (entry.get("id"), entry.get("weight").and_then(Json::as_f64)) {
            (Some(id), Some(weight)) => format!("{} {weight:.2}", words(id)),
            _ => value.to_string(),
        },
        Json::Number(number) if number.is_f64() => format!("{:.3}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}
