//! What was bought when, and its split in time: the only place that knows days.

use super::interactions::{Interactions, InteractionsError};
use super::ranker::Own;
use serde::Serialize;

/// One order of one customer that holds one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purchase {
    /// Position of the customer.
    pub user: u32,
    /// Position of the item.
    pub item: u32,
    /// Day of the order, counted from any fixed day.
    pub day: i32,
    /// Number of the order. An item counts once in an order, however many lines name it.
    pub order: u32,
}

/// Purchases of a shop, sorted, each item of an order once.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchases {
    n_users: u32,
    n_items: u32,
    rows: Vec<Purchase>,
}

/// How purchases of one item by one customer become a weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighing {
    /// 1 for whoever bought it.
    Binary,
    /// Number of orders.
    Orders,
    /// Number of orders, each worth half as much for every half-life that has passed.
    Decayed {
        /// Unit: days. Range: above 0.
        half_life_days: f64,
    },
}

/// A customer who is tested: what was bought before the split, and what after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Position of the customer.
    pub user: u32,
    /// What a ranker may know, by rising item.
    pub own: Vec<Own>,
    /// Items bought after the split, rising, each once.
    pub later: Vec<u32>,
}

/// Both sides of a split: what rankers are fitted on, and the customers they are tested on.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Everything before the split.
    pub before: Purchases,
    /// The day of the split. Ages count back from it.
    pub day: i32,
    /// Customers with purchases on both sides, by rising position.
    pub cases: Vec<Case>,
}

impl Purchases {
    /// Takes purchases in any order. Errors: a position outside `n_users` or `n_items`.
    pub fn new(n_users: u32, n_items: u32, mut rows: Vec<Purchase>) -> Result<Self, InteractionsError> {
        for (position, row) in rows.iter().enumerate() {
            if row.user >= n_users {
                return Err(InteractionsError::User { position, found: row.user, n_users });
            }
            if row.item >= n_items {
                return Err(InteractionsError::Item { position, found: row.item, n_items });
            }
        }
        rows.sort_unstable();
        rows.dedup_by_key(|row| (row.user, row.item, row.day, row.order));
        Ok(Self { n_users, n_items, rows })
    }

    /// Number of customers, also of those without a purchase.
    pub fn n_users(&self) -> u32 {
        self.n_users
    }

    /// Number of items, also of those never bought.
    pub fn n_items(&self) -> u32 {
        self.n_items
    }

    /// The rows by customer, item, day and order.
    pub fn rows(&self) -> &[Purchase] {
        &self.rows
    }

    /// The purchases before a day.
    pub fn before(&self, day: i32) -> Self {
        let rows = self.rows.iter().filter(|row| row.day < day).copied().collect();
        Self { rows, ..*self }
    }

    /// Splits at a day: tested on what was bought from `day` on and before `until`.
    pub fn split(&self, day: i32, until: i32) -> Split {
        let before = self.before(day);
        let mut cases = Vec::new();
        for rows in self.rows.chunk_by(|a, b| a.user == b.user) {
            let own = own_items(rows.iter().filter(|row| row.day < day), day);
            let mut later: Vec<u32> =
                rows.iter().filter(|row| row.day >= day && row.day < until).map(|row| row.item).collect();
            later.dedup();
            if let (Some(first), false, false) = (rows.first(), own.is_empty(), later.is_empty()) {
                cases.push(Case { user: first.user, own, later });
            }
        }
        Split { before, day, cases }
    }

    /// Customers by items with weights; ages count back from `day`.
    ///
    /// Errors: a half-life that is not above 0, or so short that a weight vanishes.
    pub fn interactions(&self, weighing: Weighing, day: i32) -> Result<Interactions, InteractionsError> {
        if let Weighing::Decayed { half_life_days } = weighing
            && !(half_life_days > 0.0 && half_life_days.is_finite())
        {
            return Err(InteractionsError::HalfLife { found: half_life_days });
        }
        let same = |a: &Purchase, b: &Purchase| (a.user, a.item) == (b.user, b.item);
        let entries = self.rows.chunk_by(same).filter_map(|rows| {
            let first = rows.first()?;
            let weight = match weighing {
                Weighing::Binary => 1.0,
                Weighing::Orders => rows.len() as f64,
                // Rows stand by rising day, so the sum has one order.
                Weighing::Decayed { half_life_days } => {
                    rows.iter().map(|row| faded(age(day, row.day), half_life_days)).sum()
                }
            };
            Some((first.user, first.item, (weight as f32).max(f32::MIN_POSITIVE)))
        });
        Interactions::new(self.n_users, self.n_items, entries.collect())
    }

    /// The share of each item's buyers who ordered it again.
    ///
    /// Shape: one number an item. Range: 0..1; 0 for an item never bought. Five imagined buyers who did not come back
    /// keep items small that few bought.
    pub fn repeat_share(&self) -> Vec<f64> {
        let mut buyers = vec![(0_u32, 0_u32); self.n_items as usize];
        for rows in self.rows.chunk_by(|a, b| (a.user, a.item) == (b.user, b.item)) {
            if let Some((all, again)) = rows.first().and_then(|row| buyers.get_mut(row.item as usize)) {
                *all += 1;
                *again += u32::from(rows.len() > 1);
            }
        }
        buyers.into_iter().map(|(all, again)| f64::from(again) / (f64::from(all) + 5.0)).collect()
    }

    /// How much of each item's trade is recent: orders that fade with the half-life, as a share of all orders.
    ///
    /// Shape: one number an item. Range: 0..=1; 0 for an item never bought. An item that is no longer sold, or
    /// whose season is over, has a low number.
    pub fn freshness(&self, half_life_days: f64, day: i32) -> Vec<f64> {
        let mut days: Vec<(u32, i32)> = self.rows.iter().map(|row| (row.item, row.day)).collect();
        // One order of summing, whatever the numbers of the customers.
        days.sort_unstable();
        let mut fresh = vec![0.0; self.n_items as usize];
        for rows in days.chunk_by(|a, b| a.0 == b.0) {
            let sum: f64 = rows.iter().map(|(_, at)| faded(age(day, *at), half_life_days)).sum();
            if let Some(slot) = rows.first().and_then(|(item, _)| fresh.get_mut(*item as usize)) {
                *slot = sum / rows.len() as f64;
            }
        }
        fresh
    }
}

/// What a ranker may know of a customer's purchases, which come by rising item and day.
fn own_items<'a>(rows: impl Iterator<Item = &'a Purchase>, day: i32) -> Vec<Own> {
    let mut own: Vec<Own> = Vec::new();
    for row in rows {
        let days_since = age(day, row.day) as f32;
        match own.last_mut() {
            Some(last) if last.item == row.item => {
                last.orders += 1;
                last.days_since = days_since;
            }
            _ => own.push(Own { item: row.item, orders: 1, days_since, days_known: days_since }),
        }
    }
    own
}

fn age(day: i32, at: i32) -> f64 {
    (f64::from(day) - f64::from(at)).max(0.0)
}

/// What is left of 1 after so many days. Range: 0..=1.
pub(super) fn faded(age_days: f64, half_life_days: f64) -> f64 {
    halved(-age_days / half_life_days)
}

/// 2 to the power of a number that is at most 0.
///
/// The whole part is exact, and the rest is a series that is summed in one order: `f64::exp2` may differ in its last
/// digit from one machine to the next.
fn halved(power: f64) -> f64 {
    let whole = power.floor().max(-1000.0);
    let rest = (power.max(-1000.0) - whole) * std::f64::consts::LN_2;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..20 {
        term *= rest / f64::from(n);
        sum += term;
    }
    sum * 2.0_f64.powi(whole as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought(user: u32, item: u32, day: i32, order: u32) -> Purchase {
        Purchase { user, item, day, order }
    }

    fn shop() -> Purchases {
        let rows = vec![
            bought(1, 2, 30, 7),
            bought(0, 0, 10, 1),
            bought(0, 0, 10, 1),
            bought(0, 0, 20, 2),
            bought(0, 1, 20, 2),
            bought(0, 2, 40, 3),
            bought(0, 2, 50, 4),
            bought(2, 0, 45, 5),
        ];
        Purchases::new(3, 3, rows).unwrap()
    }

    #[test]
    fn a_split_knows_nothing_of_later() {
        let split = shop().split(40, 50);
        assert_eq!(split.before.rows().len(), 4);
        assert!(split.before.rows().iter().all(|row| row.day < 40));
        assert_eq!(split.cases.len(), 1);
        let case = &split.cases[0];
        assert_eq!((case.user, &case.later[..]), (0, &[2][..]));
        assert_eq!(case.own[0], Own { item: 0, orders: 2, days_since: 20.0, days_known: 30.0 });
        assert_eq!(case.own[1], Own { item: 1, orders: 1, days_since: 20.0, days_known: 20.0 });
        // The day of the split belongs to the later side, the last day to neither.
        assert!(shop().split(40, 40).cases.is_empty());
        assert_eq!(shop().split(41, 51).cases[0].own.len(), 3);
    }

    #[test]
    fn weights_are_as_asked_for() {
        let shop = shop();
        let row = |weighing| shop.interactions(weighing, 50).unwrap().row(0).1.to_vec();
        assert_eq!(row(Weighing::Binary), [1.0, 1.0, 1.0]);
        assert_eq!(row(Weighing::Orders), [2.0, 1.0, 2.0]);
        assert_eq!(row(Weighing::Decayed { half_life_days: 10.0 }), [0.0625 + 0.125, 0.125, 1.5]);
        let short = shop.interactions(Weighing::Decayed { half_life_days: 1e-9 }, 50).unwrap();
        assert!(short.row(0).1.iter().all(|weight| *weight > 0.0));
        for half_life_days in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(shop.interactions(Weighing::Decayed { half_life_days }, 50).is_err());
        }
    }

    #[test]
    fn fresh_items_sold_lately() {
        let fresh = shop().freshness(10.0, 50);
        assert!((fresh[0] - (0.0625 + 0.125 + 0.5_f64.sqrt()) / 3.0).abs() < 1e-12);
        assert!((fresh[1] - 0.125).abs() < 1e-12);
        assert!(fresh[2] > fresh[0]);
        assert_eq!(shop().repeat_share(), [1.0 / 7.0, 0.0, 1.0 / 7.0]);
        assert!((faded(7.0, 14.0) - 0.5_f64.sqrt()).abs() < 1e-15);
        assert_eq!((faded(0.0, 1.0), faded(1e9, 1.0) < 1e-200, faded(3.0, f64::INFINITY)), (1.0, true, 1.0));
    }

    #[test]
    fn purchases_of_nobody_are_refused() {
        let error = |row| Purchases::new(3, 3, vec![bought(0, 0, 0, 0), row]).unwrap_err().to_string();
        assert_eq!(error(bought(3, 0, 0, 0)), "entry 1: customer 3 is not one of 3; positions count from 0");
        assert_eq!(error(bought(0, 9, 0, 0)), "entry 1: item 9 is not one of 3; positions count from 0");
    }
}
