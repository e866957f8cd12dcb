//! Durable Objects: where there must be one writer.

pub mod budget;
pub mod ledger;
mod sqlite;
