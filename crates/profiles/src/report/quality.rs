//! What was found in each feed and kind of file: the standing quality report.

use super::{CastFailures, Rows};
use serde::{Deserialize, Serialize};

/// The quality of everything that was read. All lists are in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Every feed of the shop, also those that were not read.
    pub feeds: Vec<FeedReport>,
    /// Every kind of file that was read.
    pub kinds: Vec<KindReport>,
    /// Every cleaning policy with the rows that it touched.
    pub policies: Vec<PolicyCount>,
    /// The parameters of every column that is brought to another scale, for whoever has to do the same.
    pub scales: Vec<ScaleParameters>,
    /// How many rows found their partner in each join.
    pub joins: Vec<JoinReport>,
    /// What identity resolution did.
    pub identity: IdentityReport,
    /// Distributions of columns, for comparing the next build with this one.
    pub distributions: Vec<Distribution>,
    /// How far distributions have moved since the build before. Empty without one.
    pub drift: Vec<Drift>,
}

/// Where rows came from, and whether they were allowed to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedReport {
    /// Id of the feed.
    pub feed: String,
    /// Kind of its files.
    pub kind: String,
    /// Who provides it.
    pub provider: Option<String>,
    /// What it may be used for.
    pub purpose: Option<String>,
    /// The legal basis of that use.
    pub legal_basis: Option<String>,
    /// The licence of the data.
    pub licence: Option<String>,
    /// The first day on which it may no longer be used.
    pub expires: Option<String>,
    /// Whether it was read.
    pub is_active: bool,
    /// Why it was not read.
    pub switched_off: Option<String>,
    /// Files read.
    pub files: u64,
    /// Rows read.
    pub rows: u64,
    /// Time of its latest row. RFC 3339. Absent where rows have no time.
    pub latest: Option<String>,
    /// Whole days from its latest row to the time that the build looks back from.
    pub age_days: Option<i64>,
}

/// What became of the rows of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KindReport {
    /// The kind.
    pub kind: String,
    /// Rows read, kept and put aside.
    pub rows: Rows,
    /// Rows (of customer files: also single cells) put aside, by reason.
    pub reasons: Vec<Reason>,
    /// Share of rows without text, by field that the mapping has. Range: 0..=1.
    pub missing: Vec<MissingShare>,
    /// Text that is there but cannot be read as its field, by field.
    pub conversion_failures: Vec<CastFailures>,
}

/// Rows put aside for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The code, as in `quarantine.parquet`.
    pub code: String,
    /// The field that it is about.
    pub field: Option<String>,
    /// Rows.
    pub rows: u64,
    /// The first of them: file and row, from 1.
    pub first: String,
}

/// How much of a field is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissingShare {
    /// The field.
    pub field: String,
    /// Rows without text.
    pub rows: u64,
    /// Their share. Range: 0..=1, rounded to 4 decimals.
    pub share: f64,
}

/// A cleaning policy and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyCount {
    /// Id of the feed.
    pub feed: String,
    /// Kind of its files.
    pub kind: String,
    /// Field or attribute.
    pub column: String,
    /// The policy in words: `missing median`, `outliers iqr cap`, `valid`, `type int`, `duplicates exact`.
    pub policy: String,
    /// Rows that it touched.
    pub rows: u64,
    /// Below this a value is an outlier. Unit: that of the file.
    pub low: Option<f64>,
    /// Above this a value is an outlier. Unit: that of the file.
    pub high: Option<f64>,
    /// What stands in for missing values, where it is one value.
    pub filled_with: Option<String>,
}

/// How the values of a column are brought to another scale: `(value - zero) / width`, or `ln(value - zero)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleParameters {
    /// Id of the feed.
    pub feed: String,
    /// Kind of its files.
    pub kind: String,
    /// Field or attribute. Amounts are in minor units.
    pub column: String,
    /// `min_max`, `z_score` or `log`.
    pub method: String,
    /// Least value, mean, or what lies below every value.
    pub zero: f64,
    /// Range, standard deviation, or 1. A width of 0 means that all values are equal.
    pub width: f64,
    /// Values that the parameters rest on.
    pub rows: u64,
}

/// How a join went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinReport {
    /// The join, such as `events.item_id = catalogue.item_id`.
    pub join: String,
    /// Rows of the left side that have a key.
    pub rows: u64,
    /// Of these, rows with a partner.
    pub matched: u64,
    /// Their share. Range: 0..=1, rounded to 4 decimals; 1 without rows.
    pub share: f64,
    /// Keys of the left side without partner; they are in `unmatched.parquet`.
    pub keys_unmatched: u64,
}

/// What identity resolution did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityReport {
    /// Aliases with a member.
    pub links: u64,
    /// Links taken back.
    pub unlinked: u64,
    /// Aliases that were linked to several members; a rule chose one.
    pub conflicts: u64,
    /// Rings of ids that are each other's alias.
    pub rings: u64,
    /// Entries of the file of erased visitors.
    pub tombstones: u64,
}

/// How the values of a column are spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The table.
    pub table: String,
    /// The column, or the name of an attribute.
    pub column: String,
    /// Whether bins are numbers in an order.
    pub is_ordered: bool,
    /// The bins. Numbers: `n` is 4 * log10 of the value, rounded down, `-1000` is 0 and `-2000` what is below.
    /// Texts: the 20 most frequent values; the rest together is an empty text.
    pub bins: Vec<Bin>,
}

/// A part of a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The bin.
    pub bin: String,
    /// Rows in it.
    pub rows: u64,
}

/// How far a distribution has moved since the build before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The table.
    pub table: String,
    /// The column, or the name of an attribute.
    pub column: String,
    /// Population stability index. Below 0.1 is stable, 0.25 and above has moved.
    pub psi: f64,
    /// Kolmogorov-Smirnov distance over the bins, for numbers. Range: 0..=1.
    pub ks: Option<f64>,
    /// Rows of the build before.
    pub rows_before: u64,
    /// Rows of this build.
    pub rows: u64,
    /// Whether `psi` is 0.25 or more.
    pub has_moved: bool,
}
