//! Groups of customers: k-means with a choice of k, stability, and readable descriptions.
//!
//! The usual way: raw columns become [`Rows`]; a [`Scale`] is fitted and stored, so that later rows are scaled alike;
//! [`choose_k`] or [`KMeans::fit`] finds groups; [`stability`] says whether they are more than an accident of this sample;
//! [`describe()`] and [`persona_cards`] say in words what they are. [`lookalikes`] ranks customers by closeness to a group.
//!
//! Work is split into blocks of fixed size whose results are joined in order, so that the number of threads changes no bit.
//! Left out: reading rows, and rules such as RFM, which are SQL elsewhere.

mod agreement;
mod choice;
mod describe;
mod distance;
mod kmeans;
mod lookalike;
mod persona;
mod scale;
mod silhouette;
mod stability;

pub use agreement::{adjusted_rand_index, best_jaccards};
pub use choice::{Choice, ChoiceSettings, KTrial, choose_k};
pub use describe::{Contrast, Description, FeatureWords, describe};
pub use kmeans::KMeans;
pub use lookalike::{LookalikeMethod, Match, Vectors, lookalikes};
pub use persona::{LabelColumn, PersonaCard, TopLabel, persona_cards};
pub(crate) use scale::storable;
pub use scale::{ColumnScale, Scale, Scaling};
pub use silhouette::{Silhouette, silhouette};
pub use stability::{Firmness, Stability, StabilitySettings, stability};

/// Rows processed as one block. Part of the result: sums are joined block by block.
pub(crate) const BLOCK_ROWS: usize = 2048;

/// A table of numbers, row by row.
///
/// Shape: `values.len()` is a multiple of `n_cols`, which is at least 1; each function here checks that.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Columns of a row.
    pub n_cols: usize,
    /// All values, one row behind the other. `NaN` means missing where a function says so, and is an error elsewhere.
    pub values: Vec<f64>,
}

impl Rows {
    /// Rows of `n_cols` columns.
    ///
    /// Errors: [`SegmentError::NoColumns`], [`SegmentError::RaggedRows`].
    pub fn new(n_cols: usize, values: Vec<f64>) -> Result<Self, SegmentError> {
        let rows = Self { n_cols, values };
        rows.check_shape()?;
        Ok(rows)
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.values.len().checked_div(self.n_cols).unwrap_or(0)
    }

    /// The values of a row; empty if there is no such row.
    #[must_use]
    pub fn row(&self, row_idx: usize) -> &[f64] {
        let start = row_idx.saturating_mul(self.n_cols);
        self.values.get(start..start.saturating_add(self.n_cols)).unwrap_or_default()
    }

    /// The rows at `row_idxs`, in that order; positions that do not exist are left out.
    #[must_use]
    pub fn pick(&self, row_idxs: &[usize]) -> Self {
        let values = row_idxs.iter().flat_map(|row_idx| self.row(*row_idx)).copied().collect();
        Self { n_cols: self.n_cols, values }
    }

    pub(crate) fn check_shape(&self) -> Result<(), SegmentError> {
        if self.n_cols == 0 {
            return Err(SegmentError::NoColumns);
        }
        if !self.values.len().is_multiple_of(self.n_cols) {
            return Err(SegmentError::RaggedRows { n_values: self.values.len(), n_cols: self.n_cols });
        }
        Ok(())
    }

    pub(crate) fn check_finite(&self) -> Result<(), SegmentError> {
        self.check_shape()?;
        match self.values.iter().position(|value| !value.is_finite()) {
            Some(place) => Err(SegmentError::NotFinite {
                row_idx: place / self.n_cols,
                col_idx: place % self.n_cols,
                found: self.values.get(place).copied().unwrap_or(f64::NAN),
            }),
            None => Ok(()),
        }
    }
}

/// Why rows cannot be grouped, described or compared. Positions count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SegmentError {
    /// A table without columns.
    #[error("rows have no columns: give at least one feature")]
    NoColumns,
    /// A table without rows.
    #[error("there are no rows: give at least one")]
    NoRows,
    /// Values that do not fill whole rows.
    #[error("{n_values} values do not make whole rows of {n_cols} columns")]
    RaggedRows {
        /// Values given.
        n_values: usize,
        /// Columns of a row.
        n_cols: usize,
    },
    /// A value that is missing or infinite where numbers are needed.
    #[error(
        "row {row_idx}, column {col_idx} is {found}: scale the rows with `Scale`, which fills what is missing, or leave the row out"
    )]
    NotFinite {
        /// Its row.
        row_idx: usize,
        /// Its column.
        col_idx: usize,
        /// The value.
        found: f64,
    },
    /// A column that has no value at all.
    #[error("column {col_idx} has no value in any row: leave it out")]
    EmptyColumn {
        /// The column.
        col_idx: usize,
    },
    /// Two things that must have the same length.
    #[error("{what}: {expected} expected, {found} found")]
    Length {
        /// What was counted.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number of groups that makes no sense.
    #[error("{k} groups asked of {n_rows} rows: k must be from 1 to the number of rows")]
    BadK {
        /// Groups asked for.
        k: usize,
        /// Rows given.
        n_rows: usize,
    },
    /// Fewer different rows than groups.
    #[error("{k} groups asked, but only {n_distinct} rows differ: lower k, or give features that tell customers apart")]
    TooFewDistinct {
        /// Groups asked for.
        k: usize,
        /// Different rows found.
        n_distinct: usize,
    },
    /// A range of k that holds nothing to choose from.
    #[error(
        "k from {from} to {to} leaves nothing to choose: the range must start at 2 or more and not end before it starts"
    )]
    BadRange {
        /// Smallest k.
        from: usize,
        /// Largest k.
        to: usize,
    },
    /// A setting that must be at least 1.
    #[error("{setting} is 0: it must be at least 1")]
    Zero {
        /// Name of the setting.
        setting: &'static str,
    },
    /// A group number beyond the number of groups.
    #[error("row {row_idx} is in group {found}, but there are {k} groups")]
    BadGroup {
        /// The row.
        row_idx: usize,
        /// Its group.
        found: u32,
        /// Number of groups.
        k: usize,
    },
    /// A silhouette of a single group.
    #[error("a silhouette needs at least two groups with rows, found {found}")]
    OneGroup {
        /// Groups that have rows.
        found: usize,
    },
    /// A member of the seed group that does not exist.
    #[error("seed member {found} does not exist: there are {n_rows} vectors")]
    BadSeedMember {
        /// Its position.
        found: usize,
        /// Vectors given.
        n_rows: usize,
    },
    /// A seed group without direction.
    #[error("the seed group has no vector other than zero: give members that have bought or viewed something")]
    EmptySeedGroup,
    /// Nothing to compare the seed group with.
    #[error("every vector other than zero is in the seed group: there is nobody to rank")]
    NobodyElse,
}
