//! Durable Objects: where there must be one writer.

pub mod ledger;
