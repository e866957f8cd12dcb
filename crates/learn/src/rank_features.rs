//! Which features tell an outcome: chi-square, mutual information, recursive elimination.
//!
//! Three views of one question. Chi-square asks whether a feature and the outcome are related at all, mutual information how much
//! the feature tells by itself, recursive elimination what it adds to the others. [`rank_features`] joins them to one list.
//! All three look at binned features ([`encode`]), so that missing values, curved relations and categories count as they are.

mod bins;
mod contingency;
mod eliminate;
mod linear;
mod rank;

pub use bins::{Codes, Column, encode};
pub(crate) use bins::{bin_of, quantile_borders};
pub use contingency::{ChiSquare, Contingency, MutualInformation, chi_square, mutual_information};
pub use eliminate::{Elimination, Importance, eliminate, ridge_importance};
pub use linear::RidgeLogistic;
pub use rank::{Feature, FeatureRank, FeatureRanking, ImportanceFn, RankSettings, rank_features};

/// Why features cannot be ranked. Rows count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RankError {
    /// No feature at all.
    #[error("there are no features to rank: give at least one")]
    NoFeatures,
    /// No row at all.
    #[error("the outcome has no rows: give at least two customers with different outcomes")]
    NoRows,
    /// A feature with another number of rows than the outcome.
    #[error(
        "feature `{feature}` has {found} rows, the outcome has {expected}: they must be the same customers in the same order"
    )]
    Length {
        /// The feature.
        feature: String,
        /// Rows of the outcome.
        expected: usize,
        /// Rows of the feature.
        found: usize,
    },
    /// An outcome that is the same for all.
    #[error(
        "every customer has the same outcome (class {class}): nothing can be told apart; choose another outcome or period"
    )]
    SingleClass {
        /// That class.
        class: u32,
    },
    /// More classes than an outcome can sensibly have.
    #[error("the outcome has {found} classes, at most {most} are allowed: group them, or bin a number first")]
    TooManyClasses {
        /// Classes found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// An infinite value.
    #[error(
        "feature `{feature}`, row {row_idx} is {found}: only finite numbers, and NaN for a missing one, can be ranked"
    )]
    Infinite {
        /// The feature.
        feature: String,
        /// The row.
        row_idx: usize,
        /// The value.
        found: f64,
    },
    /// Two features with one name.
    #[error("two features are called `{feature}`: rename one")]
    DuplicateName {
        /// The name.
        feature: String,
    },
    /// A setting out of its range.
    #[error("{setting} is {found}: it must be {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// An importance function that answered with a wrong number of scores or with `NaN`.
    #[error("the importance function gave {found} usable scores for {expected} features")]
    BadImportance {
        /// Features asked about.
        expected: usize,
        /// Scores that are numbers.
        found: usize,
    },
}
