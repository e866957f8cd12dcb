//! What counts: events and exposures, checked, attributed, and made ready to be counted exactly once.
//!
//! Everything is a pure function of the call, the secrets, the time and what the ledger's objects answered. The way of a call:
//!
//! 1. [`EventBatch::parse`] reads a body, [`EventBatch::check`] its rows: each stands for itself;
//! 2. [`Names`] says what the positions in a token's bundle are called;
//! 3. [`plan`] says what the visitor's shard is to be told and asked ([`Visits`]), and [`records`] what is then to be counted
//!    where ([`Recorded`]);
//! 4. the objects answer, and [`EventVerdict`] is what the caller is told.
//!
//! [`Terms`] and [`Account`] are the arithmetic of caps and budgets, which another object owns.
//!
//! [`CountQuery`] and [`Counts`] are the way back: what each shard has counted, merged.
//!
//! What this crate leaves out: every input and output, the database, and who may call.
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

mod attribution;
mod batch;
mod budget;
mod call;
mod counts;
mod event;
mod exposure;
mod kind;
mod money;
mod names;
mod personal;
mod query;
mod reaction;
mod record;
mod shard;
mod traffic;
mod verdict;

pub use attribution::{Rule, Touch, TouchKind, WINDOW_S_DEFAULT};
pub use batch::{CheckedBatch, EVENTS_BYTES_MAX, EVENTS_MAX, EventBatch};
pub use budget::{Account, Basis, BudgetCall, BudgetReport, CapReport, Cost, MoneyReport, Spent, Terms, campaign_key};
pub use call::{Answer, Call, Looked, Named, Record, Remember, Visits, Whom};
pub use counts::{CountGroup, CountKey, CountQuery, CountRow, Counts, Dimension, HOUR_MS, Tally};
pub use event::{AGE_MAX_S, Event, EventError, Measured};
pub use exposure::{exposure_records, exposure_touches};
pub use kind::{CHANNELS, Kind};
pub use money::coins;
pub use names::{Names, Shown};
pub use reaction::react;
pub use record::{Plan, RecordContext, Recorded, plan, records};
pub use shard::{SHARDS_DEFAULT, SHARDS_MAX, key, shard_of};
pub use traffic::{Excluded, excluded};
pub use verdict::EventVerdict;
