//! The decision engine: which offers a visitor sees in a placement, and why.
//!
//! The engine is pure. It reads no clock, no file, no network and no randomness: the time, the visitor's profile and the
//! request's context are parameters, so equal inputs give equal answers on every machine, native or wasm.
//!
//! The two entry points:
//! - [`Bundle::new`] checks a configuration once and makes it ready to use;
//! - [`Evaluation`] answers the placements of one request from one bundle ([`decide`] does it for a single placement).
//!
//! What this crate does not do: parse configurations (`vitrine-config`), read profile tables (`vitrine-tables`), speak JSON
//! (`vitrine-api`). It knows profiles and item neighbour lists only through the traits [`Profile`] and [`ItemGraph`].
#![no_std]
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

extern crate alloc;
#[cfg(test)]
extern crate std;

mod attribute;
mod bandit;
mod bundle;
mod campaign;
mod clock;
mod condition;
mod creative;
mod decide;
mod experiment;
mod explain;
mod formula;
mod items;
mod limits;
mod random;
mod rank;
mod schedule;
mod select;
mod timestamp;
mod vector;

pub use attribute::{AttributeIdx, AttributeName, Context, ContextValue, NoProfile, Profile, Scope, Value};
pub use bandit::{BANDIT_FEATURES_MAX, Bandit, BanditFeature, BanditModel};
pub use bundle::{
    Audience, AudienceIdx, Bundle, BundleError, BundleParts, ConsentRule, Diversity, GpcRule, ItemsRanker, Objective,
    Offer, OfferIdx, Placement, PlacementIdx, Ranker, Settings,
};
pub use campaign::{Campaign, CampaignIdx, CostModel, Pacing};
pub use clock::{Clock, Shown};
pub use condition::{CONDITION_DEPTH_MAX, Condition, Literal, Test};
pub use creative::Creative;
pub use decide::{
    Chosen, Decision, Dedupe, Evaluation, Filled, Inputs, Mode, ModeReason, Reason, ScoreParts, Visitor, decide,
};
pub use experiment::{Experiment, ExperimentIdx, PlacementExperiment, Treatment, Unit};
pub use explain::{Explanation, NoTrace, OfferTrace, Rejection, Trace};
pub use formula::{FORMULA_DEPTH_MAX, FORMULA_STEPS_MAX, Formula, FormulaError, OfferField, One, Step, Two, VALUE_MAX};
pub use items::{ItemGraph, ItemIdx, NoItems, OfferIndex};
pub use limits::{Caps, Limit, Limits, NoLimits, Suppression, VisitorCap};
pub use schedule::{Schedule, ScheduleError, ScheduleState};
pub use timestamp::{TimestampError, TimestampMs};
