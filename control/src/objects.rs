//! Durable Objects: where there must be one writer.

pub mod notifier;
pub mod registry;
