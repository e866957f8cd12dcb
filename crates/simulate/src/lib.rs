//! What rankers, bandits and caps would earn, in a shop whose truth is known.
//!
//! The visitors are customers of the made-up shop (`vitrine-demo`). They come back over four weeks, the engine that runs at the edge
//! decides what each of them sees, and a known truth ([`Truth`]: chances of a click by segment and offer) says what they click. So
//! the lift of a ranker, the regret of a bandit and the price of a cap can be compared with what was possible, which no log of a real
//! shop allows. Every lift has an interval, and no winner is named where chance could have made it ([`Verdict::CannotTell`]).
//!
//! The same seed gives the same report, byte for byte: streams are those of ChaCha8, sums have a fixed order, and nothing reads a clock.
//!
//! It leaves out: reading configurations (`vitrine-config`), profile tables (the profiles here are worked out from the made-up orders
//! in memory), the edge, and showing reports (the `vitrine` command).
#![forbid(unsafe_code)]

mod cap;
mod compare;
mod contender;
mod items;
mod learner;
mod person;
mod posterior;
mod replay;
mod report;
mod shop;
mod stage;
mod stream;
mod truth;
mod visits;

pub use cap::{CapError, TrialCap};
pub use compare::{Lift, Measured, Verdict};
pub use contender::Contender;
pub use person::{COLUMN_NAMES, Segmentation};
pub use posterior::{bernoulli, gaussian, linear};
pub use report::{
    CapsReport, CapsSide, Goal, RankerReport, RegretReport, Report, SegmentReport, Settings, SimulateError, Winner,
    placement, simulate,
};
pub use shop::{Shop, VISITORS_MAX, VISITORS_MIN};
pub use truth::{Truth, TruthError};
pub use visits::{DAYS, RETURNS_MAX};
