//! What is wrong with a real shop's order rows, in known amounts.

use crate::draw::Draw;
use crate::history::Order;
use serde::Serialize;

/// Rows of each kind of dirt in the order file. Each dirty row is of exactly one kind, and is an extra row: without
/// them the clean rows remain. Unit: rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DirtCounts {
    /// A row that is equal to an earlier one in every column.
    pub exact_duplicates: u64,
    /// A row with a negative quantity that takes back an earlier row: same item and price, order id `C` + the order's.
    pub cancellations: u64,
    /// A row without a customer id (a guest's order).
    pub missing_customer: u64,
    /// A row with a unit price of zero (a sample, a gift).
    pub zero_price: u64,
    /// A row whose time is missing or impossible.
    pub bad_date: u64,
}

impl DirtCounts {
    /// Dirty rows of all kinds.
    pub fn total(&self) -> u64 {
        self.exact_duplicates + self.cancellations + self.missing_customer + self.zero_price + self.bad_date
    }
}

/// What is wrong around one line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineDirt {
    /// Nothing.
    Clean,
    /// The row is there twice.
    Duplicate,
    /// Some pieces (1..=the line's quantity) are taken back so many days later.
    Cancelled { quantity: i64, after_days: i64 },
}

/// Times that no calendar has; an empty one is missing.
const BAD_DATES: [&str; 5] = ["", "2025-02-30 10:15:00", "2025-13-01 09:00:00", "n/a", "0000-00-00 00:00:00"];

/// What is wrong around a line that was bought in `quantity` pieces.
pub(crate) fn draw_line_dirt(quantity: i64, draw: &mut Draw) -> LineDirt {
    let kind = draw.unit();
    if kind < 0.008 {
        LineDirt::Duplicate
    } else if kind < 0.028 {
        let quantity = if draw.chance(0.7) { quantity } else { 1 };
        LineDirt::Cancelled { quantity, after_days: 1 + i64::from(draw.below(14)) }
    } else {
        LineDirt::Clean
    }
}

/// Extra rows that belong to one order of a customer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OrderDirt {
    /// A guest buys the same lines under another order id.
    pub(crate) guest: bool,
    /// A free sample of this item is put in; never an item of the order itself.
    pub(crate) sample: Option<usize>,
    /// The first line once more, under another order id and with this time.
    pub(crate) bad_date: Option<&'static str>,
}

/// What is wrong around an order.
pub(crate) fn draw_order_dirt(order: &Order, n_items: usize, draw: &mut Draw) -> OrderDirt {
    let guest = draw.chance(0.03);
    let sample = draw.chance(0.008).then(|| draw.below(n_items as u32) as usize);
    let sample = sample.filter(|item_idx| order.lines.iter().all(|line| line.item_idx != *item_idx));
    let bad_date = draw.chance(0.004).then(|| BAD_DATES[draw.below(BAD_DATES.len() as u32) as usize]);
    OrderDirt { guest, sample, bad_date }
}
