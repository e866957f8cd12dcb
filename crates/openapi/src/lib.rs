//! The OpenAPI document of every endpoint, made from the types of the wire.
//!
//! Requests and answers whose types live in `vitrine-api` are described by those types (its feature `openapi`). What is read or
//! written by hand elsewhere has a documentation type here, beside its endpoint, and a test that holds the two together.
//!
//! `docs/api/openapi.json` is this crate's output, kept so that a change of the API shows as a difference; `cargo xtask openapi`
//! writes it. Native only: nothing of this reaches the edge.
#![forbid(unsafe_code)]

mod document;
mod operation;
mod refusal;
mod rim;
mod schemas;
mod surface;

pub use document::{document, text};
