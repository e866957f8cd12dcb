//! What a customer may want next: rankers over purchases, their evaluation, and their tuning.
//!
//! - [`Purchases`] are who bought what when; [`Purchases::split`] cuts them in time, [`Interactions`] are their matrix.
//! - A [`Ranker`] gives items a score for a customer: [`Popularity`], [`OwnCounts`], [`item_cosine`], [`UserNeighbours`],
//!   [`Als`], [`Ease`], [`content_lists`], and a [`Blend`] of them. [`Served`] ranks as the edge does.
//! - [`default_lists`] makes the lists of an item table.
//! - [`evaluate()`] measures, [`tune()`] and [`tune_blend`] choose on a validation split.

mod als;
mod blend;
mod content;
mod default_lists;
mod ease;
mod evaluate;
mod interactions;
mod item_cosine;
mod lists;
mod own_counts;
mod popularity;
mod purchases;
mod ranker;
mod served;
mod tune;
mod user_neighbours;
mod vectors;

pub use als::{Als, AlsOptions};
pub use blend::{Blend, OwnOnly, Part, Scaled, Sizing};
pub use content::{ItemWords, content_lists};
pub use default_lists::{EASE_DEFAULT_ITEMS_MAX, ListsMethod, ListsOptions, default_lists};
pub use ease::{EASE_ITEMS_MAX, Ease, EaseCounts};
pub use evaluate::{Estimate, Evaluation, Mode, Protocol, Recommended, evaluate, ndcg, ndcg_with, paired_difference};
pub use interactions::{Interactions, InteractionsError};
pub use item_cosine::item_cosine;
pub use lists::{Neighbour, NeighbourLists};
pub use own_counts::OwnCounts;
pub use popularity::Popularity;
pub use purchases::{Case, Purchase, Purchases, Split, Weighing};
pub use ranker::{Own, Ranker, top};
pub use served::{ProfileShape, Served};
pub use tune::{Dimension, Params, Search, Trial, Tuning, tune, tune_blend, weights_of};
pub use user_neighbours::UserNeighbours;
pub use vectors::CodedVectors;

/// Why a ranker cannot be made or tuned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecommendError {
    /// The entries do not make a matrix.
    #[error(transparent)]
    Interactions(#[from] InteractionsError),
    /// A parameter is out of its range.
    #[error("`{name}` is {found}, but it {rule}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What was given.
        found: f64,
        /// What it should be.
        rule: &'static str,
    },
    /// The matrix of all pairs of items would be too large.
    #[error("{found} items have buyers enough, but EASE takes {max} at most; use item cosine, or ask for more buyers")]
    TooManyItems {
        /// Number of items.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The matrix of EASE cannot be factored.
    #[error("EASE cannot be fitted with lambda {lambda}; choose a larger one")]
    Singular {
        /// The regularisation.
        lambda: f64,
    },
    /// The numbers of the factorisation are no longer finite.
    #[error("the factorisation ran away with regularisation {regularisation}; choose a larger one")]
    Runaway {
        /// The regularisation.
        regularisation: f64,
    },
    /// Each ranker of a blend needs one weight.
    #[error("there are {found} weights for {expected} rankers; give one for each")]
    Weights {
        /// Number of weights.
        found: usize,
        /// Number of rankers.
        expected: usize,
    },
    /// No trial of a search succeeded.
    #[error("`{name}` cannot be tuned: {reason}")]
    NoTrial {
        /// What is tuned.
        name: String,
        /// Why.
        reason: String,
    },
}
