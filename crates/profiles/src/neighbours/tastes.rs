//! What customers bought on the two sides of a time split, as the models take it.

use crate::BuildError;
use crate::engine::TasteRow;
use std::collections::HashMap;
use vitrine_learn::recommend::{Case, Interactions, Own, RecommendError};
use vitrine_learn::resample::Stream;

/// Customers on which the tuning rests, at most.
const CUSTOMERS_TESTED_MAX: usize = 5_000;
/// What a fresh order weighs in `fresh` and `early_fresh`.
const FRESH_ONE: f64 = 1_048_576.0;

/// Which purchases count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Those before the split.
    Early,
    /// All.
    Both,
}

/// One customer's purchases of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Taste {
    /// Position in the item table.
    item_idx: u32,
    /// Orders before the split.
    early_orders: u32,
    /// Sum of the weights of these orders, in the unit of `orders.weight`.
    early_weight: u64,
    /// Orders from the split on.
    late_orders: u32,
}

/// Orders of an item, and how fresh they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Trade {
    early_orders: u64,
    orders: u64,
    early_fresh: u64,
    fresh: u64,
}

/// What customers bought: each customer's items by rising position, customers by rising id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tastes {
    tastes: Vec<Taste>,
    /// Where each customer's items end.
    ends: Vec<usize>,
    /// By position in the item table; as long as it must be.
    trade: Vec<Trade>,
    last_customer: Option<String>,
}

impl Tastes {
    /// Adds a row; rows come by rising customer and item.
    pub(crate) fn push(&mut self, row: &TasteRow<'_>, positions: &HashMap<String, u32>) {
        let Some(&item_idx) = positions.get(row.item_id) else { return };
        if self.last_customer.as_deref() != Some(row.customer_id) {
            self.last_customer = Some(row.customer_id.to_owned());
            self.ends.push(self.tastes.len());
        }
        self.tastes.push(Taste {
            item_idx,
            early_orders: u32::try_from(row.early_orders).unwrap_or(u32::MAX),
            early_weight: row.early_weight,
            late_orders: u32::try_from(row.late_orders).unwrap_or(u32::MAX),
        });
        if let Some(end) = self.ends.last_mut() {
            *end = self.tastes.len();
        }
        if self.trade.len() <= item_idx as usize {
            self.trade.resize(item_idx as usize + 1, Trade::default());
        }
        if let Some(trade) = self.trade.get_mut(item_idx as usize) {
            trade.early_orders += row.early_orders;
            trade.orders += row.early_orders + row.late_orders;
            trade.early_fresh += row.early_fresh;
            trade.fresh += row.fresh;
        }
    }

    /// Customers by items, 1 for what was bought.
    pub(super) fn interactions(&self, n_items: u32, side: Side) -> Result<Interactions, BuildError> {
        let mut entries = Vec::with_capacity(self.tastes.len());
        for (user, own) in (0_u32..).zip(self.customers()) {
            let counted = own.iter().filter(|taste| side == Side::Both || taste.early_orders > 0);
            entries.extend(counted.map(|taste| (user, taste.item_idx, 1.0)));
        }
        let n_users = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        Ok(Interactions::new(n_users, n_items, entries).map_err(RecommendError::from)?)
    }

    /// How much of each item's trade is recent: orders that fade, as a share of all. None if nothing is known of it.
    pub(super) fn freshness(&self, n_items: u32, side: Side) -> Option<Vec<f64>> {
        let of = |trade: &Trade| {
            let (orders, fresh) = match side {
                Side::Early => (trade.early_orders, trade.early_fresh),
                Side::Both => (trade.orders, trade.fresh),
            };
            if orders == 0 { 0.0 } else { fresh as f64 / FRESH_ONE / orders as f64 }
        };
        let mut factors: Vec<f64> = self.trade.iter().map(of).collect();
        factors.resize(n_items as usize, 0.0);
        factors.iter().any(|factor| *factor > 0.0).then_some(factors)
    }

    /// Customers with purchases on both sides of the split; by lot, if there are more than are needed.
    pub(super) fn cases(&self, seed: u64) -> Vec<Case> {
        self.tested(seed, |taste| taste.early_orders)
    }

    /// The same customers, whose items count as much as they do in a profile.
    pub(super) fn profiles(&self, seed: u64) -> Vec<Case> {
        // A weight above 2^32 needs thousands of orders of one item; then it only ties with another such item.
        self.tested(seed, |taste| u32::try_from(taste.early_weight.max(1)).unwrap_or(u32::MAX))
    }

    fn tested(&self, seed: u64, orders: impl Fn(&Taste) -> u32) -> Vec<Case> {
        let is_both = |own: &[Taste]| {
            own.iter().any(|taste| taste.early_orders > 0) && own.iter().any(|taste| taste.late_orders > 0)
        };
        let mut tested: Vec<(u32, &[Taste])> =
            (0_u32..).zip(self.customers()).filter(|(_, own)| is_both(own)).collect();
        if tested.len() > CUSTOMERS_TESTED_MAX {
            Stream::new(seed, "neighbours: customers tested").shuffle(&mut tested);
            tested.truncate(CUSTOMERS_TESTED_MAX);
            tested.sort_by_key(|(user, _)| *user);
        }
        let own = |taste: &Taste| Own { orders: orders(taste), ..Own::now(taste.item_idx) };
        let case = |(user, tastes): (u32, &[Taste])| Case {
            user,
            own: tastes.iter().filter(|taste| taste.early_orders > 0).map(own).collect(),
            later: tastes.iter().filter(|taste| taste.late_orders > 0).map(|taste| taste.item_idx).collect(),
        };
        tested.into_iter().map(case).collect()
    }

    fn customers(&self) -> impl Iterator<Item = &[Taste]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.tastes.get(start..*end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tastes(n_customers: u64) -> Tastes {
        let positions = HashMap::from([("a".to_owned(), 0), ("b".to_owned(), 1)]);
        let mut tastes = Tastes::default();
        for customer in 0..n_customers {
            let customer_id = &format!("{customer:05}");
            let row = |item_id, early_orders, late_orders| TasteRow {
                customer_id,
                item_id,
                weight: 9,
                early_orders,
                early_weight: early_orders * 100,
                late_orders,
                early_fresh: early_orders << 18,
                fresh: (early_orders << 17) + (late_orders << 20),
            };
            tastes.push(&row("a", 3, 1), &positions);
            tastes.push(&row("b", 0, 2 * (customer % 2)), &positions);
            tastes.push(&row("unknown", 9, 9), &positions);
        }
        tastes
    }

    #[test]
    fn sides_are_kept_apart() {
        let tastes = tastes(2);
        let cases = tastes.cases(0);
        assert_eq!(
            (cases.len(), cases[0].own.len(), &cases[0].later[..], &cases[1].later[..]),
            (2, 1, &[0][..], &[0, 1][..])
        );
        assert_eq!((cases[0].own[0].orders, tastes.profiles(0)[0].own[0].orders), (3, 300));
        assert_eq!(tastes.interactions(3, Side::Early).unwrap().n_buyers(), [2, 0, 0]);
        assert_eq!(tastes.interactions(3, Side::Both).unwrap().n_buyers(), [2, 2, 0]);
        assert_eq!(tastes.freshness(3, Side::Early), Some(vec![0.25, 0.0, 0.0]));
        assert_eq!(tastes.freshness(3, Side::Both), Some(vec![(3.0 / 8.0 + 1.0) / 4.0, 1.0, 0.0]));
        assert_eq!(Tastes::default().freshness(3, Side::Both), None);
        assert!(Tastes::default().cases(0).is_empty());
    }

    #[test]
    fn of_many_customers_some_are_tested_by_lot() {
        let tastes = tastes(5_100);
        let (one, other) = (tastes.cases(1), tastes.cases(2));
        assert_eq!((one.len(), other.len()), (CUSTOMERS_TESTED_MAX, CUSTOMERS_TESTED_MAX));
        assert!(one.windows(2).all(|pair| pair[0].user < pair[1].user));
        assert_ne!(one, other);
        assert_eq!(one, tastes.cases(1));
    }
}
