//! What the parts of the Worker share of their rim: [`settings`], [`kv`], [`auth`] and [`admission`], methods, bodies and
//! parameters of requests, responses.
//!
//! The edge part answers storefronts and applications, the measure part counts, the control part administers; they are wasm
//! modules of one Worker and share this code, but no memory.
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
// A borrow held across an await would meet another request of the same isolate.
#![deny(clippy::await_holding_refcell_ref)]

pub mod admission;
pub mod auth;
pub mod body;
pub mod cors;
pub mod kv;
pub mod manifests;
pub mod method;
pub mod objects;
pub mod query;
pub mod respond;
pub mod settings;
