//! The real file of a UK gift wholesaler as purchases, and the rankers that are tried on it.
//!
//! Dropped: rows without customer, cancelled ones (`C` before the number), quantity or price not above 0, items whose code
//! does not begin with five digits, exact duplicates.

use arrow::array::{Array, Float64Array, Int64Array, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use vitrine_learn::recommend::*;

/// 2011-09-09, in days from 1970: training ends, testing begins.
pub const TEST_DAY: i32 = 15_226;
/// 2011-06-09: for whatever is chosen, training ends and validation begins. As long before the test as the test is long.
pub const VALIDATION_DAY: i32 = 15_134;

/// The shop.
pub struct Shop {
    pub purchases: Purchases,
    pub names: Vec<ItemWords>,
}

/// Reads the file; none, with a printed reason, where it is absent.
pub fn shop() -> Option<Shop> {
    let data = std::env::var_os("VITRINE_TEST_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let path = data.join("online_retail/online_retail_2010_2011.parquet");
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) => {
            println!("skipped: {}: {error}; VITRINE_TEST_DATA names another folder", path.display());
            return None;
        }
    };
    let mut seen = BTreeSet::new();
    let mut rows: Vec<(u64, String, String, i32)> = Vec::new();
    let mut names: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let texts = |name: &str| -> StringArray {
            let column = arrow::compute::cast(batch.column_by_name(name).unwrap(), &arrow::datatypes::DataType::Utf8);
            column.unwrap().as_any().downcast_ref::<StringArray>().unwrap().clone()
        };
        let (invoices, items, descriptions) = (texts("InvoiceNo"), texts("StockCode"), texts("Description"));
        let (times, countries) = (texts("InvoiceDate"), texts("Country"));
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        let (quantities, prices, customers) = (column("Quantity"), column("UnitPrice"), column("CustomerID"));
        let quantities = quantities.as_any().downcast_ref::<Int64Array>().unwrap();
        let prices = prices.as_any().downcast_ref::<Float64Array>().unwrap();
        let customers = customers.as_any().downcast_ref::<Float64Array>().unwrap();
        for row in 0..batch.num_rows() {
            let (invoice, item) = (invoices.value(row), items.value(row));
            let (quantity, price) = (quantities.value(row), prices.value(row));
            let is_goods = item.len() >= 5 && item.bytes().take(5).all(|byte| byte.is_ascii_digit());
            if customers.is_null(row) || invoice.starts_with('C') || quantity <= 0 || price <= 0.0 || !is_goods {
                continue;
            }
            let customer = customers.value(row) as u64;
            let description = if descriptions.is_null(row) { "" } else { descriptions.value(row) };
            let (time, country) = (times.value(row), countries.value(row));
            let all = (invoice.to_owned(), item.to_owned(), description.to_owned(), time.to_owned());
            if seen.insert((all, quantity, price.to_bits(), customer, country.to_owned())) {
                rows.push((customer, item.to_owned(), invoice.to_owned(), day(time)));
                if day(time) < TEST_DAY {
                    *names.entry(item.to_owned()).or_default().entry(description.to_owned()).or_insert(0) += 1;
                }
            }
        }
    }
    // Customers and items of the training period; what is new later cannot be recommended.
    let known = |row: &&(u64, String, String, i32)| row.3 < TEST_DAY;
    let users: BTreeSet<u64> = rows.iter().filter(known).map(|row| row.0).collect();
    let users: BTreeMap<u64, u32> = users.into_iter().zip(0..).collect();
    let items: BTreeMap<&str, u32> = names.keys().map(String::as_str).zip(0..).collect();
    let orders: BTreeSet<&str> = rows.iter().map(|row| row.2.as_str()).collect();
    let orders: BTreeMap<&str, u32> = orders.into_iter().zip(0..).collect();
    let bought = rows.iter().filter_map(|(customer, item, invoice, day)| {
        Some(Purchase {
            user: *users.get(customer)?,
            item: *items.get(item.as_str())?,
            day: *day,
            order: *orders.get(invoice.as_str())?,
        })
    });
    let purchases = Purchases::new(users.len() as u32, items.len() as u32, bought.collect()).unwrap();
    let name = |texts: &BTreeMap<String, u32>| {
        let most = texts.iter().max_by_key(|(text, n)| (**n, std::cmp::Reverse(text.as_str())));
        ItemWords { values: Vec::new(), text: most.map_or_else(String::new, |(text, _)| text.clone()) }
    };
    let names = names.values().map(name).collect();
    Some(Shop { purchases, names })
}

/// The day of a time such as `2010-12-01 08:26:00`.
fn day(time: &str) -> i32 {
    let part = |range: std::ops::Range<usize>| time[range].parse::<i32>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    // Days from 1970 by counting from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// What is fitted on one side of a split and then blended.
pub struct Fitted {
    pub split: Split,
    pub binary: Interactions,
    pub buyers: Popularity,
    pub lately: Popularity,
    pub fresh: Vec<f64>,
    pub again: Vec<f64>,
    pub ease: Ease,
    pub ease_lists: NeighbourLists,
    pub ease_fresh: NeighbourLists,
    pub cosine: NeighbourLists,
    pub als: Als,
    pub content: NeighbourLists,
}

/// Neighbours that the lists keep.
pub const PER_ITEM: usize = 50;
/// After so many days an order counts half, where it matters what is popular lately.
pub const LATELY_DAYS: f64 = 14.0;
/// The same for the freshness of items.
pub const FRESH_DAYS: f64 = 21.0;

/// Longer vectors need more regularisation; both were chosen on the validation split.
pub fn als_options(n_factors: usize) -> AlsOptions {
    let regularisation = if n_factors > 64 { 50.0 } else { 30.0 };
    AlsOptions { n_factors, regularisation, alpha: 4.0, n_iterations: 15, seed: 1 }
}

/// Fits on what came before a day; tests on what came from then on.
pub fn fit(shop: &Shop, day: i32, until: i32) -> Fitted {
    let split = shop.purchases.split(day, until);
    let weights = |weighing| split.before.interactions(weighing, day).unwrap();
    let binary = weights(Weighing::Binary);
    let fresh = split.before.freshness(FRESH_DAYS, day);
    let ease = EaseCounts::new(&binary, 1).unwrap().fit(300.0).unwrap();
    Fitted {
        buyers: Popularity::of_buyers(&binary),
        lately: Popularity::of_weights(&weights(Weighing::Decayed { half_life_days: LATELY_DAYS })),
        again: split.before.repeat_share(),
        ease_lists: ease.lists(PER_ITEM),
        ease_fresh: ease.scaled_lists(&fresh, PER_ITEM),
        ease,
        cosine: item_cosine(&binary, 20.0, 100).unwrap(),
        als: Als::fit(&binary, als_options(64)).unwrap(),
        content: content_lists(&shop.names, PER_ITEM).unwrap(),
        fresh,
        binary,
        split,
    }
}

impl Fitted {
    /// The parts of the hybrid.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let fresh = || self.fresh.clone();
        vec![
            Part::as_is("own_orders", OwnCounts::new(&self.buyers)),
            Part::new("own_lately", OwnOnly(&self.lately)),
            Part::new("own_again", OwnOnly(Popularity::of_numbers(&self.again))),
            Part::new("ease_fresh", &self.ease_fresh),
            Part::new("ease", &self.ease_lists),
            Part::new("cosine_fresh", Scaled::new(&self.cosine, fresh()).unwrap()),
            Part::new("als_fresh", Scaled::new(&self.als, fresh()).unwrap()),
            Part::new("content_fresh", Scaled::new(&self.content, fresh()).unwrap()),
            Part::new("lately", &self.lately),
        ]
    }

    /// Chooses the weights of the hybrid. Only ever called for the validation split.
    pub fn choose(&self, mode: Mode) -> Tuning {
        tune_blend("hybrid", &self.parts(), self.binary.n_items(), &self.split.cases, mode, 10).unwrap()
    }
}
