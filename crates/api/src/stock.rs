//! Which items are sold out, beside the pointers (`s/current`). The edge reads the list with them, so that nobody's request costs a
//! read more; an offer is left out when every item that it names is sold out.
//!
//! Form: a line `vitrine-stock 1 <time>`, the time of the publication in ms since 1970; then one item a line, ascending. A later
//! list takes the place of an earlier one.

use vitrine_engine::Bundle;

/// KV key of the list.
pub const STOCK_KEY: &str = "s/current";
/// Most items that may be sold out at a time. An isolate holds them all, and reads the list again every few seconds.
pub const SOLD_OUT_MAX: usize = 20_000;
/// Longest id of an item. Unit: bytes.
pub const STOCK_ITEM_BYTES_MAX: usize = 256;

const HEAD: &str = "vitrine-stock 1 ";

/// The list. The default is empty, from before there was any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// When it was published. Unit: ms since 1970.
    pub at_ms: u64,
    /// Ascending, each once.
    sold_out: Vec<String>,
}

impl Stock {
    /// A list of these items, in any order.
    pub fn new(at_ms: u64, mut sold_out: Vec<String>) -> Self {
        sold_out.sort_unstable();
        sold_out.dedup();
        Self { at_ms, sold_out }
    }

    /// When a list was published, without reading the rest.
    pub fn time_of(bytes: &[u8]) -> Option<u64> {
        let line = bytes.split(|it| *it == b'\n').next()?;
        std::str::from_utf8(line).ok()?.strip_prefix(HEAD)?.parse().ok()
    }

    /// Reads a list; `None` for what is none: another head, more items than there may be, or not in their order.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let at_ms = Self::time_of(bytes)?;
        let sold_out: Vec<String> = std::str::from_utf8(bytes).ok()?.lines().skip(1).map(str::to_owned).collect();
        let is_sound = sold_out.len() <= SOLD_OUT_MAX && sold_out.is_sorted_by(|a, b| a < b);
        is_sound.then_some(Self { at_ms, sold_out })
    }

    /// The list as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}{}", self.at_ms);
        for item in &self.sold_out {
            text.push('\n');
            text.push_str(item);
        }
        text
    }

    /// How many items are sold out.
    pub fn n_sold_out(&self) -> usize {
        self.sold_out.len()
    }

    /// By offer of a bundle: whether it names items, and all of them are sold out. Empty when nothing is.
    pub fn offers(&self, bundle: &Bundle) -> Vec<bool> {
        if self.sold_out.is_empty() {
            return Vec::new();
        }
        let is_gone = |item: &String| self.sold_out.binary_search(item).is_ok();
        bundle.offers().iter().map(|it| !it.items.is_empty() && it.items.iter().all(is_gone)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_engine::{BundleParts, Creative, Offer};

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let stock = Stock::new(7, ["b", "a", "b"].map(str::to_owned).to_vec());
        assert_eq!(stock.to_text(), "vitrine-stock 1 7\na\nb");
        assert_eq!(Stock::parse(stock.to_text().as_bytes()), Some(stock));
        assert_eq!(Stock::parse(b"vitrine-stock 1 7"), Some(Stock::new(7, Vec::new())));
        for bad in [
            "",
            "rubbish",
            "vitrine-stock 2 7\na",
            "vitrine-stock 1 x",
            "vitrine-stock 1 7\nb\na",
            "vitrine-stock 1 7\na\na",
        ] {
            assert_eq!(Stock::parse(bad.as_bytes()), None, "{bad:?}");
        }
        let items = |n: usize| (0..n).map(|it| format!("{it:06}")).collect();
        assert!(Stock::parse(Stock::new(1, items(SOLD_OUT_MAX)).to_text().as_bytes()).is_some());
        assert_eq!(Stock::parse(Stock::new(1, items(SOLD_OUT_MAX + 1)).to_text().as_bytes()), None);
    }

    #[test]
    fn an_offer_is_sold_out_with_all_that_it_names() {
        let offer = |id: &str, items: &[&str]| {
            let mut offer = Offer::new(id, vec![Creative::new("{}")]);
            offer.items = items.iter().map(|it| (*it).to_owned()).collect();
            offer
        };
        let offers =
            vec![offer("one", &["a"]), offer("some", &["a", "c"]), offer("all", &["a", "b"]), offer("none", &[])];
        let bundle = Bundle::new(BundleParts { offers, ..BundleParts::default() }).unwrap();
        let stock = |items: &[&str]| Stock::new(1, items.iter().map(|it| (*it).to_owned()).collect()).offers(&bundle);
        assert_eq!(stock(&["a", "b"]), [true, false, true, false]);
        assert_eq!(stock(&["z"]), [false; 4]);
        assert_eq!(stock(&[]), [false; 0]);
    }
}
