//! The shard's database.

use serde::de::DeserializeOwned;
use worker::{Result, SqlStorageValue};

use super::Ledger;
use crate::objects::sqlite;

/// All tables. `seen` is what was counted, by its keys; `tally` the counts; `apart` what was not counted; `outbox` the raw
/// events that are in no file yet; `touch` what visitors met; `replay` answers of batches; `cost` what campaigns have cost
/// ever, in thousandths of the smallest coin; `fact` what the shard knows of itself.
/// Days and hours are whole ones since 1970.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS seen_by_day ON seen (day);
    CREATE TABLE IF NOT EXISTS tally (
        environment TEXT NOT NULL, hour INTEGER NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL, placement TEXT NOT NULL,
        offer TEXT NOT NULL, creative TEXT NOT NULL, experiment TEXT NOT NULL, variation TEXT NOT NULL, channel TEXT NOT NULL,
        name TEXT NOT NULL, currency TEXT NOT NULL,
        n INTEGER NOT NULL, value INTEGER NOT NULL, squares_high INTEGER NOT NULL, squares_low INTEGER NOT NULL,
        PRIMARY KEY (environment, hour, kind, rule, placement, offer, creative, experiment, variation, channel, name, currency))
        WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS apart (
        environment TEXT NOT NULL, hour INTEGER NOT NULL, why TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY (environment, hour, why)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, date TEXT NOT NULL, line TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS touch (
        environment TEXT NOT NULL, visitor TEXT NOT NULL, kind INTEGER NOT NULL, slot TEXT NOT NULL, at_ms INTEGER NOT NULL,
        shown TEXT NOT NULL, PRIMARY KEY (environment, visitor, kind, slot)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS touch_by_time ON touch (at_ms);
    CREATE TABLE IF NOT EXISTS replay (key TEXT PRIMARY KEY, body TEXT NOT NULL, answer TEXT NOT NULL, at_ms INTEGER NOT NULL)
        WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cost (environment TEXT NOT NULL, campaign TEXT NOT NULL, milli INTEGER NOT NULL,
        PRIMARY KEY (environment, campaign)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";

impl Ledger {
    pub(super) fn prepare(&self) -> Result<()> {
        if !self.is_prepared.get() {
            self.execute(TABLES, Vec::new())?;
            self.is_prepared.set(true);
        }
        Ok(())
    }

    /// Does all of it, or nothing.
    ///
    /// Errors: that of `body`; then nothing of what it did stays.
    pub(super) fn transaction<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        sqlite::transaction(&self.state, body)
    }

    /// Runs a statement without result.
    pub(super) fn execute(&self, statement: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        sqlite::execute(&self.state, statement, values)
    }

    /// All rows of a query.
    pub(super) fn rows<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        sqlite::rows(&self.state, query, values)
    }
}
