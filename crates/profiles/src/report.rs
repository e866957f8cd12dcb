//! What a build found, in numbers: `report.json`. Holds no customer id, no time of day and no path but the names of
//! the order files, so that equal input gives an equal report.

mod findings;
mod html;
mod quality;

pub(crate) use findings::{Findings, of};
pub use quality::{
    Bin, Distribution, Drift, FeedReport, IdentityReport, JoinReport, KindReport, MissingShare, PolicyCount, Quality,
    Reason, ScaleParameters,
};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The quality report of a build.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Version of this layout: 1.
    pub version: u32,
    /// Name of the mapping.
    pub mapping: String,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// An amount in minor units is `amount / 10^minor_digits` of the currency.
    pub minor_digits: u8,
    /// The time that features look back from. RFC 3339.
    pub as_of: String,
    /// The seed of the build.
    pub seed: u64,
    /// The order files, in the order in which they were given.
    pub files: Vec<SourceFile>,
    /// Rows read, kept and put aside.
    pub rows: Rows,
    /// Every reason to put a row aside, in the order in which they are tried, also those that never applied.
    pub reasons: Vec<ReasonCount>,
    /// Text that is there but is not what its field needs, by field.
    pub cast_failures: Vec<CastFailures>,
    /// What cancellations took back.
    pub netting: Netting,
    /// What was sold.
    pub money: Money,
    /// Customers with at least one purchase left: rows of the table.
    pub customers: u64,
    /// Orders with at least one line left.
    pub orders: u64,
    /// Different items in the lines that are left, goods or not.
    pub items: u64,
    /// Categories of goods, before the rare ones became `OTHER`.
    pub categories: u64,
    /// Customers by segment, the best first.
    pub segments: Vec<SegmentCount>,
    /// Customers by fifths: `rfm_grid[r - 1][f - 1]` of those with `r_quintile` r and `f_quintile` f; 5 is the best.
    pub rfm_grid: [[u64; 5]; 5],
    /// The item lists and how good they are, with simple rivals beside.
    pub neighbours: NeighbourReport,
    /// The size of the table.
    pub table: TableReport,
    /// What was found in each feed and kind of file.
    pub quality: Quality,
    /// What a person should look at. Empty when all is well.
    pub warnings: Vec<String>,
    /// What the models found, and what became of them: `value`, `groups`, `personas`, `churn`.
    #[serde(flatten)]
    pub models: crate::ModelReport,
}

/// One order file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceFile {
    /// Name without its folder.
    pub name: String,
    /// Rows read.
    pub rows: u64,
}

/// Rows of all files. `read == kept + quarantined`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Rows read.
    pub read: u64,
    /// Rows that became purchases.
    pub kept: u64,
    /// Rows put aside: the sum of [`ReasonCount::rows`].
    pub quarantined: u64,
}

/// A reason to put rows aside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReasonCount {
    /// The code, as in `quarantine.parquet`.
    pub code: String,
    /// What it means, for a person.
    pub meaning: String,
    /// Rows put aside for it. A row counts once: for the first reason that applies.
    pub rows: u64,
    /// Rows that it applies to, also those put aside for an earlier reason.
    pub rows_matching: u64,
    /// Up to three of the rows, the first ones.
    pub examples: Vec<Example>,
}

/// A row that was put aside, as it was written, without its customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// Name of the file, without its folder.
    pub file: String,
    /// Row of the file, from 1, without the header of a CSV file.
    pub row: u64,
    /// The item.
    pub item_id: Option<String>,
    /// The quantity, as written.
    pub quantity: Option<String>,
    /// The price, as written.
    pub unit_price: Option<String>,
    /// The date, as written.
    pub ordered_at: Option<String>,
}

/// Text that could not be read as the type of its field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CastFailures {
    /// The field.
    pub field: String,
    /// Rows. Empty text does not count: it is missing, not wrong.
    pub rows: u64,
}

/// What cancellations took back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Netting {
    /// Cancellation rows that were sound and had a customer.
    pub cancellations: u64,
    /// Units that they cancel. Unit: pieces, up to three decimals.
    pub units_cancelled: String,
    /// Units of these that an earlier purchase of the same customer and item had.
    pub units_netted: String,
    /// Purchases of which nothing is left (reason `netted`).
    pub purchases_removed: u64,
    /// Purchases of which a part is left.
    pub purchases_reduced: u64,
    /// What the netted units had cost. Unit: minor units.
    pub netted_minor: i64,
}

/// What was sold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Money {
    /// Rows that are purchases before netting.
    pub rows_before_netting: u64,
    /// Their exact sum of quantity times price, not rounded. Unit: the currency, as a decimal number.
    pub before_netting: String,
    /// The same, each line rounded to minor units. Unit: minor units.
    pub before_netting_minor: i64,
    /// What is left after netting, each line rounded; the sum of `monetary_minor` of all customers. Unit: minor units.
    pub kept_minor: i64,
}

/// Customers of one segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentCount {
    /// Name of the segment.
    pub segment: String,
    /// Customers in it.
    pub customers: u64,
}

/// The item table and how good its lists are on a time split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NeighbourReport {
    /// Items of the item table.
    pub items: u64,
    /// Goods that were left out because there were more than `items_max`.
    pub items_left_out: u64,
    /// Items with a list: at least `buyers_min` buyers.
    pub items_with_list: u64,
    /// Least buyers of an item with a list.
    pub buyers_min: u64,
    /// Neighbours kept for each item.
    pub per_item: u64,
    /// What made the lists: EASE, or item cosine where more items have buyers enough than EASE can take.
    pub method: ListsMethod,
    /// The regularisation of the lists in the table. Item cosine has none and does not look at it.
    pub lambda: f64,
    /// Whether what is said of an item is multiplied by how recent its orders are.
    pub is_fresh: bool,
    /// End of the training part of the time split. RFC 3339. Absent when the data is too short to split.
    pub split_at: Option<String>,
    /// Customers with purchases on both sides that the numbers rest on.
    pub customers_tested: u64,
    /// Each regularisation that was tried; none for item cosine.
    pub tried: Vec<LambdaTried>,
    /// How well each ranker foretells the later part from the earlier one; see [`Metrics`]. Names: `popularity`,
    /// `own_counts`, `ease` (whole history, the lists as they are cut), `ease_served` (the few items and coarse
    /// weights that a profile holds); `item_cosine` and `item_cosine_served` where [`NeighbourReport::method`] is that.
    pub rankers: BTreeMap<String, Metrics>,
    /// Weights of the edge's `items` ranker that foretell the later part best: for places that show what is new to a customer
    /// (`novel`), and for those that may repeat (`repeat`). Empty without a split.
    pub suggested: Vec<SuggestedWeights>,
}

/// Weights of the `items` ranker, for a placement of the configuration. Those of items that were viewed in a session cannot be
/// told from orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuggestedWeights {
    /// `novel` or `repeat`.
    pub placement: String,
    /// Weight of neighbours of what the customer bought. Always 1.
    pub profile: f64,
    /// Weight of what the customer bought.
    pub own: f64,
    /// Weight of the share of customers who bought an item.
    pub popularity: f64,
    /// nDCG at 10 with these weights, of profiles as the table has them. Range: 0..=1, rounded to 4 decimals.
    pub ndcg_10: f64,
    /// The same with the ranker's own defaults.
    pub default_ndcg_10: f64,
    /// Every combination that was tried.
    pub trials: Vec<WeightsTried>,
}

/// A combination of weights that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WeightsTried {
    /// Weight of what the customer bought.
    pub own: f64,
    /// Weight of the share of customers who bought an item.
    pub popularity: f64,
    /// nDCG at 10. Range: 0..=1, rounded to 4 decimals.
    pub ndcg_10: f64,
}

/// A regularisation that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LambdaTried {
    /// The regularisation.
    pub lambda: f64,
    /// nDCG at 10 of items new to the customer. Range: 0..=1, rounded to 4 decimals.
    pub novel_ndcg_10: f64,
    /// The same with the freshness of items. Absent where nothing is known of when items were bought.
    pub fresh_novel_ndcg_10: Option<f64>,
}

/// What made neighbour lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListsMethod {
    /// A linear model of each item from the others (Steck 2019).
    Ease,
    /// Items are alike when the same customers bought them.
    ItemCosine,
}

impl ListsMethod {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ease => "ease",
            Self::ItemCosine => "item_cosine",
        }
    }
}

/// Quality of one ranker: normalised discounted cumulative gain of its first ten items. Range: 0..=1, rounded to 4
/// decimals. The mean over the tested customers that have an answer to find.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Among items that the customer had not bought before. Absent for a ranker that never offers them.
    pub novel_ndcg_10: Option<f64>,
    /// Among all items, the customer's own included.
    pub repeat_ndcg_10: f64,
}

/// The size of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableReport {
    /// Columns of a row.
    pub columns: u64,
    /// A row with its key. Unit: bytes.
    pub bytes_per_row: u64,
    /// All rows with their keys, without the headers of shards. Unit: bytes.
    pub rows_bytes: u64,
    /// The item table. Unit: bytes.
    pub items_bytes: u64,
}

/// A figure with the 4 decimals that reports have.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
