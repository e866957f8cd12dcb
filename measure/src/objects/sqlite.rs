//! The database of an object: statements, and transactions that happen whole or not at all.

use js_sys::Reflect;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use worker::{Error, Result, SqlStorageValue, State};

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

/// Does all of it, or nothing.
///
/// Errors: that of `body`; then nothing of what it did stays.
pub fn transaction<T>(state: &State, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let storage = Reflect::get(state.as_raw().as_ref(), &"storage".into()).map_err(Error::from)?;
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
pub fn execute(state: &State, statement: &str, values: Vec<SqlStorageValue>) -> Result<()> {
    state.storage().sql().exec(statement, values)?;
    Ok(())
}

/// All rows of a query.
pub fn rows<T: DeserializeOwned>(state: &State, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>> {
    state.storage().sql().exec(query, values)?.to_array()
}
