//! Telling what was counted.

use serde::Deserialize;
use vitrine_engine::TimestampMs;
use vitrine_ledger::{Answer, CountQuery, CountRow, Dimension, HOUR_MS, Kind, Rule, Tally};
use worker::{Error, Result, SqlStorageValue};

use super::Ledger;

/// Most groups that one answer tells.
const GROUPS_MAX: usize = 20_000;

#[derive(Deserialize)]
struct Row {
    /// The values of the dimensions, as a JSON array.
    dims: String,
    kind: String,
    rule: String,
    currency: String,
    n: u64,
    value: u64,
    squares_high: u64,
    squares_low: u64,
}

#[derive(Deserialize)]
struct ApartRow {
    why: String,
    n: u64,
}

#[derive(Deserialize)]
struct PositionRow {
    shard: u32,
    n: u64,
}

impl Ledger {
    /// The counts of this shard.
    pub(super) fn count(&self, query: &CountQuery) -> Result<Answer> {
        let rows = self.tallies(query)?;
        if rows.len() > GROUPS_MAX {
            return Ok(Answer::TooMany);
        }
        let mut answer: Vec<CountRow> = rows.into_iter().map(count_row).collect::<Result<_>>()?;
        let apart: Vec<ApartRow> = self.rows(
            "SELECT why, SUM(n) AS n FROM apart WHERE environment = ? AND hour >= ? AND hour < ? GROUP BY why",
            period(query),
        )?;
        answer.extend(apart.into_iter().map(|ApartRow { why, n }| CountRow::Apart { why, n }));
        let position: Vec<PositionRow> = self.rows(
            "SELECT shard.value AS shard, counted.value AS n FROM fact AS shard JOIN fact AS counted
             WHERE shard.name = 'shard' AND counted.name = 'counted'",
            Vec::new(),
        )?;
        answer.extend(position.into_iter().map(|PositionRow { shard, n }| CountRow::Position { shard, n }));
        Ok(Answer::Counted(answer))
    }

    fn tallies(&self, query: &CountQuery) -> Result<Vec<Row>> {
        // Names of columns are our own words; values are bound.
        let columns: Vec<&str> = query.by.iter().map(|it| it.as_str()).collect();
        let columns = columns.join(", ");
        let more = if columns.is_empty() { String::new() } else { format!("{columns}, ") };
        let mut only = String::new();
        let mut values = period(query);
        for (dimension, value) in query.only.iter().filter(|(it, _)| *it != Dimension::Hour) {
            only.push_str(&format!(" AND {} = ?", dimension.as_str()));
            values.push(value.as_str().into());
        }
        let statement = format!(
            "SELECT json_array({columns}) AS dims, kind, rule, currency, SUM(n) AS n, SUM(value) AS value,
                SUM(squares_high) AS squares_high, SUM(squares_low) AS squares_low
             FROM tally WHERE environment = ? AND hour >= ? AND hour < ?{only} GROUP BY {more}kind, rule, currency
             LIMIT {}",
            GROUPS_MAX.saturating_add(1)
        );
        self.rows(&statement, values)
    }
}

fn period(query: &CountQuery) -> Vec<SqlStorageValue> {
    vec![query.environment.as_str().into(), query.from_hour.into(), query.to_hour.into()]
}

fn count_row(row: Row) -> Result<CountRow> {
    let unknown = || Error::RustError("an unknown word in the database".to_owned());
    let values: Vec<serde_json::Value> = serde_json::from_str(&row.dims)?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        // The hour: the only number among the dimensions.
        other => TimestampMs(other.as_i64().unwrap_or_default().saturating_mul(HOUR_MS)).to_string(),
    };
    let kind = if row.kind == Kind::Exposure.as_str() { Some(Kind::Exposure) } else { Kind::of(&row.kind) };
    Ok(CountRow::Count {
        of: values.into_iter().map(text).collect(),
        kind: kind.ok_or_else(unknown)?,
        rule: Rule::of(&row.rule).ok_or_else(unknown)?,
        currency: row.currency,
        tally: Tally { n: row.n, value: row.value, squares: (row.squares_high, row.squares_low) },
    })
}
