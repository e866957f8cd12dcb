//! The shard's database.

use js_sys::Reflect;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use worker::{Error, Result, SqlStorage, SqlStorageValue};

use super::Ledger;

/// All tables. `seen` is what was counted, by its keys; `tally` the counts; `apart` what was not counted; `outbox` the raw
/// events that are in no file yet; `touch` what visitors met; `replay` answers of batches; `fact` what the shard knows of itself.
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
    CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";

/// Greatest number that the database takes: it is reached through JavaScript.
const NUMBER_MAX: u64 = (1 << 53) - 1;

#[wasm_bindgen]
extern "C" {
    /// The storage itself: `worker` does not offer its synchronous transactions.
    type RawStorage;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &RawStorage,
        body: &mut dyn FnMut() -> std::result::Result<(), JsValue>,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// A count for SQL; the greatest that there can be stands for a greater one.
pub fn integer(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(value.min(NUMBER_MAX)).unwrap_or_default())
}

impl Ledger {
    pub(super) fn prepare(&self) -> Result<()> {
        if !self.is_prepared.get() {
            self.sql().exec(TABLES, None)?;
            self.is_prepared.set(true);
        }
        Ok(())
    }

    fn sql(&self) -> SqlStorage {
        self.state.storage().sql()
    }

    /// Does all of it, or nothing.
    ///
    /// Errors: that of `body`; then nothing of what it did stays.
    pub(super) fn transaction<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let storage = Reflect::get(self.state.as_raw().as_ref(), &"storage".into()).map_err(Error::from)?;
        let mut body = Some(body);
        let mut given = None;
        let outcome = storage.unchecked_ref::<RawStorage>().transaction_sync(&mut || match body.take() {
            Some(body) => {
                given = Some(body().map_err(|error| JsValue::from(error.to_string()))?);
                Ok(())
            }
            None => Err("a transaction runs once".into()),
        });
        outcome.map_err(Error::from)?;
        given.ok_or_else(|| Error::RustError("the transaction did not run".to_owned()))
    }

    /// Runs a statement without result.
    pub(super) fn execute(&self, statement: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.sql().exec(statement, values)?;
        Ok(())
    }

    /// All rows of a query.
    pub(super) fn rows<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
        self.sql().exec(query, values)?.to_array()
    }
}
