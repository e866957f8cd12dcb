//! What can be wrong with a table, with settings, or with the outcome of a fit.

use thiserror::Error;

/// Why nothing could be learned. Rows are counted from 0, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ClassifyError {
    /// A table without rows.
    #[error("the table has no rows; give at least one row for each of the two outcomes")]
    NoRows,
    /// A table without features.
    #[error("the table has no feature columns; give at least one")]
    NoColumns,
    /// More rows, features or values of a category than there is room for.
    #[error("{what}: {found} are too many, at most {max} fit")]
    TooMany {
        /// What there is too much of.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// An outcome that is neither 0 nor 1.
    #[error("row {row}: the outcome is {found}, it must be 0 or 1; leave rows without a known outcome out")]
    Label {
        /// Which row.
        row: usize,
        /// What was found.
        found: f64,
    },
    /// All rows have the same outcome.
    #[error(
        "all {n_rows} rows have outcome {label}; there is nothing to tell apart, so widen the time span or the definition"
    )]
    OneClass {
        /// The only outcome.
        label: u8,
        /// How many rows.
        n_rows: usize,
    },
    /// A column of another length than the outcomes.
    #[error("{what}: {found} entries, but there are {expected} outcomes")]
    Length {
        /// Which column.
        what: String,
        /// Entries in it.
        found: usize,
        /// Entries that it must have.
        expected: usize,
    },
    /// A feature without a name, with too long a name, or with a name that another one has.
    #[error("feature {idx}: the name `{name}` is {fault}")]
    Name {
        /// Position of the feature, from 0.
        idx: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A category's values are empty or not distinct.
    #[error("feature `{feature}`: {fault}")]
    Values {
        /// Which feature.
        feature: String,
        /// What is wrong.
        fault: String,
    },
    /// A number that is infinite or larger than any sensible feature.
    #[error(
        "feature `{feature}`, row {row}: {found} is no usable number; give a finite one of at most 1e30 in size, or NaN for missing"
    )]
    Value {
        /// Which feature.
        feature: String,
        /// Which row.
        row: usize,
        /// What was found.
        found: f64,
    },
    /// A weight that is not positive and finite.
    #[error(
        "row {row}: the weight is {found}, it must be positive and at most 1e12; leave the row out instead of giving it weight 0"
    )]
    Weight {
        /// Which row.
        row: usize,
        /// What was found.
        found: f64,
    },
    /// A feature that was observed after the time from which on the outcome counts.
    #[error(
        "row {row}: {what} knows facts of {newest_s} s, after {outcome_from_s} s from which on the outcome counts; a feature must not know the future"
    )]
    Future {
        /// The feature, or `a feature` if the whole row is meant.
        what: String,
        /// Which row.
        row: usize,
        /// Newest fact in it, seconds since 1970.
        newest_s: i64,
        /// Start of the outcome's span, seconds since 1970.
        outcome_from_s: i64,
    },
    /// The span of an outcome ends before it begins.
    #[error("row {row}: the outcome's span ends at {until_s} s, not after its begin at {from_s} s")]
    Span {
        /// Which row.
        row: usize,
        /// Begin, seconds since 1970.
        from_s: i64,
        /// End, seconds since 1970.
        until_s: i64,
    },
    /// A time of a feature where rows have no times.
    #[error("feature `{feature}` has times, but the rows have none; give the rows' times too")]
    TimesMissing {
        /// Which feature.
        feature: String,
    },
    /// Rolling validation of a table without times.
    #[error("rolling validation needs the rows' times; give them with `times`")]
    NoTimes,
    /// A setting outside of its range.
    #[error("{setting} is {found}, it must be {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// What was found.
        found: f64,
        /// The range in words.
        expected: &'static str,
    },
    /// No candidate to choose from.
    #[error("no candidate was given; give at least one, or use `Candidate::usual()`")]
    NoCandidates,
    /// More parts than rows (or groups of rows) of an outcome.
    #[error(
        "{k} parts need {k} {unit} of each outcome, but outcome {label} has {found}; take fewer parts or more data"
    )]
    Parts {
        /// Parts that were asked for.
        k: usize,
        /// `rows` or `groups`.
        unit: &'static str,
        /// The rarer outcome.
        label: u8,
        /// How many there are.
        found: usize,
    },
    /// The origins are not rising.
    #[error("origin {idx} ({found} s) is not later than the one before; give them in rising order, each once")]
    Origins {
        /// Which origin, from 0.
        idx: usize,
        /// Its time, seconds since 1970.
        found: i64,
    },
    /// A part of a rolling validation that lacks an outcome.
    #[error(
        "origin {origin_s} s: the {side} side has {n_rows} rows, {n_positive} of them with outcome 1; both outcomes must occur, so move the origin or widen the window"
    )]
    Origin {
        /// The origin, seconds since 1970.
        origin_s: i64,
        /// `training` or `test`.
        side: &'static str,
        /// Rows on that side.
        n_rows: usize,
        /// Rows with outcome 1 on that side.
        n_positive: usize,
    },
    /// The column that is to be the plain rule does not exist.
    #[error("the rule column `{name}` is not a feature of the table")]
    NoRule {
        /// Its name.
        name: String,
    },
    /// More coefficients than a regression is made for.
    #[error(
        "the regression would have {found} coefficients, at most {max} fit; drop features or merge rare values of categories"
    )]
    TooWide {
        /// Coefficients without the constant.
        found: usize,
        /// Limit.
        max: usize,
    },
    /// The solver did not come to rest.
    #[error("the regression did not settle within {steps} steps (largest slope {slope_max:e}); raise l2")]
    NotSettled {
        /// Steps that were taken.
        steps: u32,
        /// Largest absolute slope at the end, per row.
        slope_max: f64,
    },
    /// Scores that cannot be compared with outcomes.
    #[error("row {row}: the score is {found}, not a number of the expected range")]
    Score {
        /// Which row.
        row: usize,
        /// What was found.
        found: f64,
    },
    /// The model is not good enough to be published.
    #[error("the model is not published: {reason}")]
    Refused {
        /// Why, in words.
        reason: String,
    },
}
