//! The edge part of the Vitrine Worker: a thin rim around the engine. It reads requests into types, holds what is published, and writes
//! answers. No business rule lives here; a rule that needs a Worker to be tested is in the wrong place.
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

mod api;
mod counters;
mod hot;
mod keys;
mod portions;
mod preview;
mod registry;
mod router;
mod rows;
mod seeds;
mod shards;
mod snapshot;
mod streams;
