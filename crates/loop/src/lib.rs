//! What follows from the counts: bandits learn, and what is out of order is told.
//!
//! Everything is a pure function of the published document, the counts and the time. A turn of the loop:
//!
//! 1. [`queries`] says which counts the document's bandits learn from (`learner`);
//! 2. [`Turn::of`] makes their posteriors (`posterior`), and of these the next document and the record of what was done;
//! 3. publications by people meet what was learnt in [`keep_learnt`] and [`differ_in_learnt_only`].
//!
//! A look at what is watched: [`Alerts::queries`] says which counts are needed, [`judge`] what is out of order (`alerts/judge`,
//! `alerts/chi_square`), and [`AlertBook`] what of it is to be told.
//!
//! What this crate leaves out: every input and output, and who may publish. Documents have been checked by `vitrine-config`.
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

mod alerts;
mod learner;
mod learnt;
mod posterior;
mod request;
mod turn;

pub use alerts::{
    AlertBook, AlertChange, AlertMessage, AlertNews, AlertReport, AlertState, Alerts, Finding, OpenAlert, judge,
    sample_ratio_p, upper_tail,
};
pub use learner::{BanditKind, Reward};
pub use learnt::{differ_in_learnt_only, keep_learnt};
pub use request::{AlertsRequest, LoopRequest};
pub use turn::{ArmTurn, BanditTurn, Counted, LoopOutcome, LoopRecord, Turn, queries};
