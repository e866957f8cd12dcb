//! Flags and experiments: which value a visitor gets, and why.
//!
//! The rules are those of the GrowthBook SDK specification 0.12.0, so every client that speaks it agrees with this crate on
//! every visitor; its public suite of 1,035 cases is run whole by `tests/conformance`. On top stands one extension: members
//! named `vitrine` say when a rule runs and how its coverage grows ([`Payload::resolve`] writes them out of the way).
//!
//! The crate is pure: no clock, network, file or chance; the time is a field of [`Context`]. All that can be done once is
//! done by [`Payload::parse`]: conditions become trees, versions are padded, patterns compiled, groups hashed. Evaluation
//! allocates next to nothing, borrows its answers from the payload, and never fails, panics or recurses without bound.
//!
//! How a flag gets its value:
//! 1. [`Evaluation::feature`] goes through the flag's rules in order (`evaluate`);
//! 2. each rule asks its prerequisites, filters and condition (`condition`, `groups`);
//! 3. a force rule or an experiment hashes the visitor into a bucket (`hash`, `bucket`).
//!
//! What this crate does not do: read documents of authors (`vitrine-config`), speak HTTP or OFREP (`vitrine-api`).
//!
//! ```
//! use vitrine_flags::{Context, Evaluation, Payload};
//!
//! let payload = Payload::parse(br#"{"features": {"buy-button": {
//!   "defaultValue": "grey",
//!   "rules": [{"condition": {"country": "CN"}, "variations": ["grey", "red"], "key": "button-colour", "hashVersion": 2}]
//! }}}"#).unwrap();
//! let mut context = Context::default();
//! context.attributes.insert("id", "visitor-2");
//! context.attributes.insert("country", "CN");
//!
//! let mut evaluation = Evaluation::new(&payload, &context);
//! let result = evaluation.feature("buy-button");
//! assert_eq!(result.value.as_text(), Some("red"));
//! assert_eq!(result.source.as_str(), "experiment");
//! assert_eq!(evaluation.exposures().len(), 1);
//! ```
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

mod bandit;
mod bucket;
mod condition;
mod context;
#[cfg(feature = "crypto")]
pub mod crypto;
mod evaluate;
mod experiment;
mod feature;
mod groups;
mod hash;
mod json;
mod line;
mod payload;
mod prerequisite;
mod prune;
mod reduce;
mod result;
mod schedule;
pub mod specification;
mod sticky;
mod url;

pub use context::Context;
pub use evaluate::Evaluation;
pub use experiment::Experiment;
pub use json::{DEPTH_MAX, Json, JsonError, Object};
pub use line::{LineError, eval_line};
pub use payload::{Fault, Payload, PayloadError, Resolved, ValueType};
pub use prune::{Pruned, prune_condition};
pub use reduce::{Filters, Prerequisites, Reduction, reduce_payload};
pub use result::{ExperimentResult, ExperimentRun, Exposure, FeatureResult, Leaf, Redirect, Source};
pub use sticky::{StickyDoc, StickyDocs};
