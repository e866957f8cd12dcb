//! What another policy would have earned, from the log of the policy that ran.
//!
//! A log holds, for each showing, what was shown, with which chance (the propensity), and what came of it. Where the other policy
//! would have shown the same more often, the row counts more: inverse propensity scoring and its relatives. A log that rarely shows
//! what the other policy prefers says little about it, so every estimate comes with its effective sample size and an interval, and a
//! comparison names a better policy only where the interval allows it.
//!
//! Left out: reading logs (the command's matter) and learning policies.

mod compare;
mod estimate;
mod thompson;

pub use compare::{Comparison, Verdict, compare};
pub use estimate::{
    Action, Estimated, Logged, MINIMUM_EFFECTIVE_ROWS, OffPolicyError, PolicyEstimates, estimate, policy_weights,
};
pub use thompson::{BetaPrior, PriorError, thompson_propensities};
