//! Two builds side by side: labels that came and went, sizes, and how far distributions moved.

mod models;

pub use models::{FigureDifference, ModelDifference};

use crate::explain::{ReadError, registry};
use crate::report::rounded;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use vitrine_tables::{ColumnIdx, TableDir, Value};

/// Groups of a number's distribution: tenths of the first build's rows.
const GROUPS: usize = 10;

/// A number of both builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pair {
    /// Of the first build.
    pub before: u64,
    /// Of the second one.
    pub after: u64,
}

/// How far the distribution of a column moved.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Moved {
    /// The column.
    pub name: String,
    /// Share of visitors who would have to change their group for the distributions to be equal: half of the sum of the
    /// differences of all shares. Range: 0..=1, rounded to 4 decimals. Groups are the names of a category, the flags, the
    /// numbers of lists' entries, or tenths of the first build's numbers; a missing value is a group of its own.
    pub moved: f64,
    /// Share of visitors without a value, in both builds. Range: 0..=1, rounded to 4 decimals.
    pub missing: (f64, f64),
}

/// How two builds differ.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// Columns of the second build that the first one lacks.
    pub added: Vec<String>,
    /// Columns of the first build that the second one lacks.
    pub removed: Vec<String>,
    /// Columns whose type or bits changed.
    pub retyped: Vec<String>,
    /// Labels whose meaning, sensitivity or purpose changed.
    pub redefined: Vec<String>,
    /// Rows.
    pub rows: Pair,
    /// A visitor's row with its key. Unit: bytes.
    pub visitor_bytes: Pair,
    /// Items of the item table.
    pub items: Pair,
    /// Columns of both builds, the one that moved farthest first.
    pub moved: Vec<Moved>,
    /// What became of the models and how they did; empty without reports.
    pub models: Vec<ModelDifference>,
}

/// Compares two finished directories.
///
/// Errors: [`ReadError`].
pub fn diff(before: &Path, after: &Path) -> Result<Difference, ReadError> {
    let (one, other) = (TableDir::open(before)?, TableDir::open(after)?);
    let (labels, other_labels) = (registry(before)?, registry(after)?);
    let (schema, other_schema) = (&one.manifest().schema, &other.manifest().schema);
    let names = |table: &TableDir| -> BTreeSet<String> {
        table.manifest().schema.columns().iter().map(|column| column.name.clone()).collect()
    };
    let (have, other_have) = (names(&one), names(&other));
    let both: Vec<String> = have.intersection(&other_have).cloned().collect();
    let kind = |table: &TableDir, name: &str| {
        let schema = &table.manifest().schema;
        schema.column(name).and_then(|idx| schema.column_at(idx)).map(|column| (column.kind.clone(), column.nullable))
    };
    let retyped = both.iter().filter(|name| kind(&one, name) != kind(&other, name)).cloned().collect();
    let redefined = labels
        .labels
        .iter()
        .filter(|label| {
            other_labels.get(&label.name).is_some_and(|now| {
                (&now.means, now.sensitivity, &now.purpose) != (&label.means, label.sensitivity, &label.purpose)
            })
        })
        .map(|label| label.name.clone())
        .collect();

    let edges = edges(&one, &both)?;
    let (shares, other_shares) = (counts(&one, &both, &edges)?, counts(&other, &both, &edges)?);
    let mut moved: Vec<Moved> = both
        .iter()
        .zip(shares.iter().zip(&other_shares))
        .map(|(name, (a, b))| Moved {
            name: name.clone(),
            moved: distance(a, b),
            missing: (share(a, MISSING), share(b, MISSING)),
        })
        .collect();
    moved.sort_by(|a, b| b.moved.total_cmp(&a.moved).then_with(|| a.name.cmp(&b.name)));
    let items = |table: &TableDir| table.manifest().items.as_ref().map_or(0, |items| u64::from(items.n_items));
    Ok(Difference {
        added: other_have.difference(&have).cloned().collect(),
        removed: have.difference(&other_have).cloned().collect(),
        retyped,
        redefined,
        rows: Pair { before: one.manifest().rows, after: other.manifest().rows },
        visitor_bytes: Pair { before: schema.visitor_bytes() as u64, after: other_schema.visitor_bytes() as u64 },
        items: Pair { before: items(&one), after: items(&other) },
        moved,
        models: models::between(before, after),
    })
}

/// Visitors by group.
type Counts = BTreeMap<String, u64>;
const MISSING: &str = "(missing)";

/// Hands on every row's value of each column.
fn each_row(
    table: &TableDir,
    columns: &[String],
    mut each: impl FnMut(&mut dyn Iterator<Item = Value<'_>>),
) -> Result<(), ReadError> {
    let manifest = table.manifest();
    let places: Vec<Option<ColumnIdx>> = columns.iter().map(|name| manifest.schema.column(name)).collect();
    for shard_idx in 0..manifest.n_shards() {
        let bytes = table.read_shard(shard_idx)?;
        let shard =
            manifest.decode_shard(shard_idx, &bytes).map_err(|source| ReadError::Shard { shard_idx, source })?;
        for (_, row) in shard.rows() {
            each(&mut places.iter().map(|idx| idx.map_or(Value::Missing, |idx| row.get(idx))));
        }
    }
    Ok(())
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Unsigned(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// The numbers that part the tenths of each column; none for what is no number.
fn edges(table: &TableDir, columns: &[String]) -> Result<Vec<Vec<f64>>, ReadError> {
    let mut numbers: Vec<Vec<f64>> = vec![Vec::new(); columns.len()];
    each_row(table, columns, |values| {
        for (numbers, value) in numbers.iter_mut().zip(values) {
            numbers.extend(number(&value));
        }
    })?;
    let tenths = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        let mut edges: Vec<f64> =
            (1..GROUPS).filter_map(|tenth| numbers.get(numbers.len() * tenth / GROUPS).copied()).collect();
        edges.dedup();
        edges
    };
    Ok(numbers.into_iter().map(tenths).collect())
}

fn counts(table: &TableDir, columns: &[String], edges: &[Vec<f64>]) -> Result<Vec<Counts>, ReadError> {
    let mut counts: Vec<Counts> = vec![Counts::new(); columns.len()];
    each_row(table, columns, |values| {
        for ((counts, edges), value) in counts.iter_mut().zip(edges).zip(values) {
            let group = match (&value, number(&value)) {
                (_, Some(number)) => format!("{:02}", edges.partition_point(|edge| *edge <= number)),
                (Value::Bool(flag), _) => flag.to_string(),
                (Value::Category(name), _) => (*name).to_owned(),
                (Value::Labels(names), _) => names.iter().collect::<Vec<_>>().join(","),
                (Value::TopK(list), _) => list.iter().count().to_string(),
                (Value::Vector(_), _) => "vector".to_owned(),
                _ => MISSING.to_owned(),
            };
            *counts.entry(group).or_insert(0) += 1;
        }
    })?;
    Ok(counts)
}

fn exact_share(counts: &Counts, group: &str) -> f64 {
    let all: u64 = counts.values().sum();
    counts.get(group).copied().unwrap_or(0) as f64 / all.max(1) as f64
}

fn share(counts: &Counts, group: &str) -> f64 {
    rounded(exact_share(counts, group))
}

fn distance(a: &Counts, b: &Counts) -> f64 {
    let groups: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let sum: f64 = groups.into_iter().map(|group| (exact_share(a, group) - exact_share(b, group)).abs()).sum();
    rounded(sum / 2.0)
}
