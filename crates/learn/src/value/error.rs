//! Why a fit is refused, and what must be known of one that is not.

/// Why there is no fit. Every message names the row and says what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// No row at all.
    #[error("no customers to learn from: give at least one row")]
    Empty,
    /// A time or a mean that is not a number, or infinite.
    #[error("row {row}: {field} is {value}; it must be a finite number")]
    NotFinite {
        /// Position of the row, from 0.
        row: usize,
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        value: f64,
    },
    /// A time below zero.
    #[error("row {row}: {field} is {value} weeks; times start at the customer's first purchase and are not negative")]
    NegativeTime {
        /// Position of the row, from 0.
        row: usize,
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        value: f64,
    },
    /// The last purchase lies behind the end of the watched period.
    #[error(
        "row {row}: the last purchase (t_x = {t_x}) comes after the end of the watched period (t = {t}); leave out purchases after the end"
    )]
    LastAfterEnd {
        /// Position of the row, from 0.
        row: usize,
        /// Time of the last purchase. Unit: weeks.
        t_x: f64,
        /// End of the watched period. Unit: weeks.
        t: f64,
    },
    /// Repeat purchases at the moment of the first one.
    #[error("row {row}: {x} repeat purchases but t_x = 0; merge the purchases of one day, they count as one")]
    CountWithoutTime {
        /// Position of the row, from 0.
        row: usize,
        /// Repeat purchases.
        x: u32,
    },
    /// A later purchase that was not counted.
    #[error("row {row}: t_x = {t_x} without a repeat purchase; t_x must be 0 where x is 0")]
    TimeWithoutCount {
        /// Position of the row, from 0.
        row: usize,
        /// Time of the last purchase. Unit: weeks.
        t_x: f64,
    },
    /// Nobody bought twice.
    #[error("none of {n_customers} customers bought twice: there is nothing to learn from; take a longer period")]
    NoRepeat {
        /// Customers given.
        n_customers: u64,
    },
    /// A mean value that no purchase can have.
    #[error(
        "row {row}: the mean value of {x} repeat purchases is {mean}; it must be above 0 (leave out customers who paid nothing)"
    )]
    MeanNotPositive {
        /// Position of the row, from 0.
        row: usize,
        /// Repeat purchases.
        x: u32,
        /// What was given.
        mean: f64,
    },
    /// The likelihood lies outside of what any parameters can give: the arithmetic failed, the numbers mean nothing.
    #[error("the fit of {model} ran away: log-likelihood {log_likelihood} must lie between {at_least} and {at_most}")]
    RanAway {
        /// Name of the model.
        model: &'static str,
        /// What the fit claims.
        log_likelihood: f64,
        /// That of the same model without dropout, which is one of its own special cases.
        at_least: f64,
        /// That of a model which knows every customer's own rate.
        at_most: f64,
    },
    /// A parameter that no law can have.
    #[error("parameter {parameter} is {value}; it must be a finite number above {above}")]
    BadParameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// What was given.
        value: f64,
        /// What it must exceed.
        above: f64,
    },
    /// A term of a valuation outside of its range.
    #[error("{term} is {value}; it must be {range}")]
    OutOfRange {
        /// Name of the term.
        term: &'static str,
        /// What was given.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// No start led to a finite likelihood.
    #[error("no parameters of {model} explain these rows: the likelihood is nowhere finite")]
    NoOptimum {
        /// Name of the model.
        model: &'static str,
    },
}

/// What must be known of a fit that worked. Shown with it, in reports too.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Warning {
    /// A parameter lies at the edge of the searched box: the data do not tell it, only that it is extreme.
    #[error(
        "parameter {parameter} of {model} lies at the edge of the searched range ({value}): these customers do not tell it"
    )]
    AtBound {
        /// Name of the model.
        model: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The edge.
        value: f64,
    },
    /// The model is hardly better than the one without dropout.
    #[error(
        "dropout is barely visible (log-likelihood gains {gain:.1} over customers who never stop, {needed:.1} would be a sign): P(alive) is no sign of churn here"
    )]
    DropoutUnclear {
        /// Log-likelihood above that of the plain NBD.
        gain: f64,
        /// What two more parameters must gain: the logarithm of the number of customers (Schwarz's criterion).
        needed: f64,
    },
    /// So few customers bought twice that the parameters are guesses.
    #[error("only {n_repeat} customers bought twice; below {needed} the parameters are little more than guesses")]
    FewRepeat {
        /// Customers with a repeat purchase.
        n_repeat: u64,
        /// What is wanted.
        needed: u64,
    },
    /// The curvature at the optimum gives no covariance.
    #[error(
        "the likelihood of {model} is flat around the fit: parameters have no standard errors, intervals of sums are too narrow"
    )]
    NoCovariance {
        /// Name of the model.
        model: &'static str,
    },
    /// The search ended by its limit.
    #[error("the search for parameters of {model} ended after {n_evaluations} evaluations without coming to rest")]
    NotConverged {
        /// Name of the model.
        model: &'static str,
        /// Evaluations of the likelihood.
        n_evaluations: u32,
    },
    /// Spending varies so much that it has no mean; the shape was held where it has one.
    #[error("means of customers vary so much that the population has no mean (q <= 1); q was held at {q}")]
    NoPopulationMean {
        /// The value that was taken.
        q: f64,
    },
    /// Frequent buyers spend differently, which Gamma-Gamma excludes.
    #[error(
        "number and mean value of purchases are correlated ({correlation:.2}); Gamma-Gamma takes them for independent, so values of frequent buyers are biased"
    )]
    ValueFollowsCount {
        /// Pearson's correlation of `x` and the mean, over those with a repeat purchase.
        correlation: f64,
    },
    /// Repeat buyers who paid nothing were left out of the fit of values.
    #[error("{n_customers} repeat buyers paid nothing and were left out of the fit of values")]
    FreePurchases {
        /// How many.
        n_customers: u64,
    },
    /// There is no Gamma-Gamma fit, so no money value.
    #[error("no values: {reason}")]
    NoValues {
        /// Why.
        reason: String,
    },
    /// There is no fit of the second model.
    #[error("no comparison with {model}: {reason}")]
    NoAlternative {
        /// Name of the model.
        model: &'static str,
        /// Why.
        reason: String,
    },
}

impl Warning {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AtBound { .. } => "at_bound",
            Self::DropoutUnclear { .. } => "dropout_unclear",
            Self::FewRepeat { .. } => "few_repeat",
            Self::NoCovariance { .. } => "no_covariance",
            Self::NotConverged { .. } => "not_converged",
            Self::NoPopulationMean { .. } => "no_population_mean",
            Self::ValueFollowsCount { .. } => "value_follows_count",
            Self::FreePurchases { .. } => "free_purchases",
            Self::NoValues { .. } => "no_values",
            Self::NoAlternative { .. } => "no_alternative",
        }
    }
}

impl serde::Serialize for Warning {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut out = serializer.serialize_struct("Warning", 2)?;
        out.serialize_field("code", self.code())?;
        out.serialize_field("message", &self.to_string())?;
        out.end()
    }
}
