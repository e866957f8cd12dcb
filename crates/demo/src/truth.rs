//! What is true about the made-up shop: written beside its data, so that what is computed from the data can be checked.

use crate::dirt::DirtCounts;
use serde::Serialize;
use std::collections::BTreeMap;

/// A visitor id that nobody in any made-up shop has.
pub const UNKNOWN_VISITOR: &str = "nobody-has-this-id";

/// The truth about one taste.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TasteTruth {
    /// Name of the taste.
    pub id: &'static str,
    /// The offer that is made for it, in the offers document.
    pub offer: String,
    /// Share of customers whose strongest taste it is. Unit: parts in 100.
    pub share_percent: u32,
    /// What it likes. Unit: parts in 100 of purchases by this taste.
    pub categories: BTreeMap<&'static str, u32>,
    /// Ids of the items in these categories that are made for it.
    pub items: Vec<String>,
}

/// Sums over the clean rows of the order file, and what cancellations take back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrderTotals {
    /// All rows, dirt included, without the head line.
    pub rows: u64,
    /// Rows without dirt.
    pub clean_rows: u64,
    /// Orders that the clean rows make up.
    pub orders: u64,
    /// Customers with at least one order; a few of the youngest have none yet.
    pub customers: u64,
    /// Quantity times price over the clean rows. Unit: minor units.
    pub gross_minor: i64,
    /// What the cancellations take back of it; at least 0. Unit: minor units.
    pub cancelled_minor: i64,
}

/// What is in one file, and what is wrong with it.
///
/// In `events.jsonl`, `surveys.csv`, `contacts.csv`, `identities.csv`, `costs.csv` and `partner.csv` each dirty row has one fault and
/// is an extra row: without them, the clean rows remain. In `customers.csv` and `catalogue.csv` duplicates and rows without key are
/// extra rows; all else are cells of rows that are needed, counted without those extra rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileTruth {
    /// All rows, dirt included, without a head line.
    pub rows: u64,
    /// Rows that are neither a duplicate nor without key nor wrong in another way that takes a row.
    pub clean_rows: u64,
    /// Rows that are equal to an earlier one in every column.
    pub exact_duplicates: u64,
    /// Rows with the key of an earlier one and other values.
    pub key_duplicates: u64,
    /// Rows without a customer, item or alias.
    pub missing_keys: u64,
    /// Rows of a customer that nothing else knows.
    pub unknown_keys: u64,
    /// Dates that are missing or impossible.
    pub bad_dates: u64,
    /// Text where a number is needed.
    pub bad_numbers: u64,
    /// Codes beyond their list.
    pub unknown_codes: u64,
    /// Numbers that cannot be.
    pub outliers: u64,
    /// Empty cells where the truth has a value.
    pub missing_values: u64,
    /// Values of the right kind that are not true.
    pub wrong_values: u64,
    /// Phone numbers and mail addresses that cannot be.
    pub bad_contacts: u64,
}

impl FileTruth {
    /// Sets the number of rows of a file in which every fault is an extra row.
    pub(crate) fn close(&mut self) {
        self.rows = self.clean_rows
            + self.exact_duplicates
            + self.key_duplicates
            + self.missing_keys
            + self.unknown_keys
            + self.bad_dates
            + self.bad_numbers
            + self.unknown_codes
            + self.outliers;
    }
}

/// How anonymous ids hang together with customers; `truth_identities.csv` has a row for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdentityTruth {
    /// Anonymous ids that events have.
    pub aliases: u64,
    /// Those whose owner logged in later.
    pub linked: u64,
    /// Those of the linked ones that somebody else logged in with too.
    pub conflicts: u64,
    /// Conflicts that the shop took back: the wrong link is there, and a row that undoes it.
    pub unlinks: u64,
    /// Events under an anonymous id.
    pub anonymous_events: u64,
}

/// Where the customers stand at the end of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LifetimeTruth {
    /// Customers with an order who will come back.
    pub active: u64,
    /// Customers with an order who have left for good.
    pub left: u64,
    /// Orders of the 90 days after the records.
    pub next_orders: u64,
    /// What they come to. Unit: minor units.
    pub next_minor: i64,
}

/// A customer that shows a taste well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// The customer's id.
    pub visitor: String,
    /// The strongest taste.
    pub taste: &'static str,
    /// The offer that is made for this taste.
    pub expected_offer: String,
    /// How much of each taste the person has, those above 0. Unit: parts in 1000.
    pub taste_permille: BTreeMap<&'static str, u16>,
    /// Number of orders; none of their rows is dirty.
    pub n_orders: u64,
    /// What was spent. Unit: minor units.
    pub spent_minor: i64,
    /// Time of the last order, `YYYY-MM-DD hh:mm:ss`, UTC.
    pub last_order_at: String,
    /// Share of the bought lines in the strongest taste's categories. Unit: parts in 1000.
    pub in_taste_permille: u16,
    /// Share of the bought lines in the strongest taste's strongest category. Unit: parts in 1000.
    pub in_top_category_permille: u16,
    /// Ids of the items of the last order.
    pub last_items: Vec<String>,
}

/// The whole of `truth.json`. What is true of each single customer is in `truth_customers.csv`, a row each, because it
/// grows with the shop.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// Version of this layout; 1.
    pub version: u32,
    /// The seed of the shop.
    pub seed: u64,
    /// Number of customers.
    pub n_customers: u32,
    /// Number of items on sale.
    pub n_items: usize,
    /// ISO 4217 code of all money; two decimals.
    pub currency: &'static str,
    /// Start of the records, inclusive, UTC.
    pub first_day: String,
    /// End of the records, exclusive, UTC: a good reference time for profiles.
    pub as_of: String,
    /// All tastes.
    pub tastes: Vec<TasteTruth>,
    /// Sums over the order file.
    pub orders: OrderTotals,
    /// Clean rows of the event file.
    pub events: u64,
    /// Dirty rows of the order file.
    pub dirt: DirtCounts,
    /// What is in the other files and what is wrong with them, by file name.
    pub files: BTreeMap<&'static str, FileTruth>,
    /// Anonymous ids.
    pub identities: IdentityTruth,
    /// Who has left.
    pub lifetimes: LifetimeTruth,
    /// Customers who asked to be forgotten; the same as in `erased.txt`.
    pub erased: Vec<String>,
    /// At most one customer a taste that shows it well, in the order of the tastes.
    pub samples: Vec<Sample>,
    /// An id that no customer has.
    pub unknown_visitor: &'static str,
}
