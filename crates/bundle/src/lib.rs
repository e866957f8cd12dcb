//! How a published configuration is stored: compiled once when it is published, read by every isolate of the edge.
//!
//! The stored form is JSON that says what the engine needs and nothing else: references are indices, times are milliseconds,
//! conditions are trees. So the edge carries no parser for what marketers write, and a bundle means the same whoever reads it.
//! `docs/formats/bundle.md` describes it member by member.
//!
//! - [`encode`] writes a [`Stored`] configuration;
//! - [`decode`] reads and checks it.
//!
//! What this crate leaves out: reading documents (`vitrine-config`), evaluating flags (`vitrine-flags`), KV and versions.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod campaigns;
mod condition;
mod error;
mod exact;
mod groups;
mod offers;
mod placements;
mod rankers;
mod wire;

use vitrine_engine::Bundle;

pub use error::BundleFormatError;
pub use groups::{Group, Groups};

/// The version of the stored form that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// A compiled configuration.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Offers, placements, audiences.
    pub bundle: Bundle,
    /// Flags and experiments: a GrowthBook payload (specification 0.12.0) with Vitrine's extension members, as JSON text.
    pub flags: String,
    /// Saved groups of hashed ids.
    pub groups: Groups,
}

/// The stored form, one JSON object.
///
/// Errors: [`BundleFormatError::Json`] when `flags` or the content of a creative is not JSON.
pub fn encode(stored: &Stored) -> Result<String, BundleFormatError> {
    let wire = wire::Wire::new(stored)?;
    Ok(serde_json::to_string(&wire)?)
}

/// Reads a stored configuration and checks that everything in it refers to something.
///
/// Errors: [`BundleFormatError`]: another format version, not JSON of this shape, or parts that make no bundle.
pub fn decode(json: &str) -> Result<Stored, BundleFormatError> {
    wire::read(json)
}
