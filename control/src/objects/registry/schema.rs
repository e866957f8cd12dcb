//! The registry's database.

use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue};

use super::Registry;
use super::failure::{Outcome, inside};

/// All tables. Those of earlier releases stay as they were made.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS pointer (name TEXT PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS history (
        at TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, epoch INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS version (version INTEGER PRIMARY KEY, published_at TEXT NOT NULL, sha256 TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS release (version INTEGER PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS verification (build TEXT PRIMARY KEY, digest TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS text (name TEXT NOT NULL, part INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (name, part));
    CREATE TABLE IF NOT EXISTS draft (
        number INTEGER PRIMARY KEY AUTOINCREMENT, json TEXT NOT NULL, state TEXT NOT NULL, due_ms INTEGER);
    CREATE TABLE IF NOT EXISTS sdk_key (
        number INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, kind TEXT NOT NULL, note TEXT NOT NULL,
        sha256 TEXT NOT NULL UNIQUE, created_by TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT);
    CREATE TABLE IF NOT EXISTS token (
        number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, role TEXT NOT NULL, environments TEXT,
        sha256 TEXT NOT NULL UNIQUE, created_by TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT);
    CREATE TABLE IF NOT EXISTS turn (
        number INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, json TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS last_turn (environment TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, version INTEGER);
    CREATE TABLE IF NOT EXISTS erased (row_key TEXT PRIMARY KEY, at TEXT NOT NULL, receipt INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS tombstones_epoch (number INTEGER PRIMARY KEY AUTOINCREMENT);
    CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY, json TEXT NOT NULL);";

/// Greatest number that the database takes: it is reached through JavaScript. Nothing is ever counted so far.
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// A number for SQL. A greater one than there can be becomes the greatest, which names nothing.
pub fn integer(value: u64) -> Outcome<SqlStorageValue> {
    Ok(SqlStorageValue::try_from_i64(i64::try_from(value).map_or(NUMBER_MAX, |it| it.min(NUMBER_MAX)))?)
}

impl Registry {
    pub(super) fn prepare(&self) -> Outcome<()> {
        self.sql().exec(TABLES, None)?;
        Ok(())
    }

    fn sql(&self) -> SqlStorage {
        self.state.storage().sql()
    }

    /// Runs a statement without result.
    pub(super) fn execute(&self, statement: &str, values: Vec<SqlStorageValue>) -> Outcome<()> {
        self.sql().exec(statement, values)?;
        Ok(())
    }

    /// All rows of a query.
    pub(super) fn rows<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Outcome<Vec<T>> {
        Ok(self.sql().exec(query, values)?.to_array()?)
    }

    /// The first row of a query.
    pub(super) fn row<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Outcome<Option<T>> {
        Ok(self.rows(query, values)?.into_iter().next())
    }

    /// The number of the row that was inserted last.
    pub(super) fn inserted(&self) -> Outcome<u64> {
        #[derive(serde::Deserialize)]
        struct Row {
            number: u64,
        }
        let row: Option<Row> = self.row("SELECT last_insert_rowid() AS number", Vec::new())?;
        row.map(|it| it.number).ok_or_else(|| inside("no row was inserted"))
    }
}
