//! Who bought what, as a sparse matrix: customers by items, checked, with one order whatever the order of the input.

use std::ops::Range;

/// Customers by items: a row for each customer, entries by rising item, each item at most once.
#[derive(Clone, Debug, PartialEq)]
pub struct Interactions {
    n_items: u32,
    /// Where each row begins in `items` and `weights`; one more than rows, never falling, the last is their length.
    starts: Vec<usize>,
    items: Vec<u32>,
    weights: Vec<f32>,
}

/// Why entries do not make [`Interactions`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InteractionsError {
    /// A customer that does not exist.
    #[error("entry {position}: customer {found} is not one of {n_users}; positions count from 0")]
    User {
        /// Position of the entry, from 0.
        position: usize,
        /// The customer.
        found: u32,
        /// Number of customers.
        n_users: u32,
    },
    /// An item that does not exist.
    #[error("entry {position}: item {found} is not one of {n_items}; positions count from 0")]
    Item {
        /// Position of the entry, from 0.
        position: usize,
        /// The item.
        found: u32,
        /// Number of items.
        n_items: u32,
    },
    /// A weight that says nothing: not finite, or not above 0.
    #[error(
        "entry {position} (customer {user}, item {item}): the weight {found} is not finite and above 0; leave out what was not bought"
    )]
    Weight {
        /// Position of the entry, from 0.
        position: usize,
        /// The customer.
        user: u32,
        /// The item.
        item: u32,
        /// The weight.
        found: f32,
    },
    /// The weights of one customer and item together are no longer finite.
    #[error("customer {user}, item {item}: the sum of the weights is not finite; use a smaller unit")]
    Sum {
        /// The customer.
        user: u32,
        /// The item.
        item: u32,
    },
    /// A half-life that does not fade.
    #[error("the half-life is {found} days, but it is finite and above 0")]
    HalfLife {
        /// The half-life.
        found: f64,
    },
}

impl Interactions {
    /// Takes entries `(user, item, weight)` in any order; weights of equal user and item are added.
    ///
    /// Errors: a position out of range, a weight that is not finite and above 0, a sum that is not finite.
    pub fn new(n_users: u32, n_items: u32, mut entries: Vec<(u32, u32, f32)>) -> Result<Self, InteractionsError> {
        for (position, &(user, item, weight)) in entries.iter().enumerate() {
            if user >= n_users {
                return Err(InteractionsError::User { position, found: user, n_users });
            }
            if item >= n_items {
                return Err(InteractionsError::Item { position, found: item, n_items });
            }
            if !(weight.is_finite() && weight > 0.0) {
                return Err(InteractionsError::Weight { position, user, item, found: weight });
            }
        }
        // Weights take part in the order, so that sums are rounded the same way whatever the order of the entries.
        entries.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut made = Self {
            n_items,
            starts: vec![0; n_users as usize + 1],
            items: Vec::with_capacity(entries.len()),
            weights: Vec::with_capacity(entries.len()),
        };
        for same in entries.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some(&(user, item, _)) = same.first() else { continue };
            let sum = same.iter().map(|entry| f64::from(entry.2)).sum::<f64>() as f32;
            if !sum.is_finite() {
                return Err(InteractionsError::Sum { user, item });
            }
            made.items.push(item);
            made.weights.push(sum);
            if let Some(end) = made.starts.get_mut(user as usize + 1) {
                *end = made.items.len();
            }
        }
        // Customers without an entry end where the one before ends.
        let mut before = 0;
        for start in &mut made.starts {
            before = before.max(*start);
            *start = before;
        }
        Ok(made)
    }

    /// Number of rows.
    pub fn n_users(&self) -> u32 {
        (self.starts.len() - 1) as u32
    }

    /// Number of columns.
    pub fn n_items(&self) -> u32 {
        self.n_items
    }

    /// Number of entries.
    pub fn n_entries(&self) -> usize {
        self.items.len()
    }

    /// The items of a row, rising, and their weights. Empty for a row that does not exist.
    pub fn row(&self, user: u32) -> (&[u32], &[f32]) {
        let range = self.range(user);
        (self.items.get(range.clone()).unwrap_or(&[]), self.weights.get(range).unwrap_or(&[]))
    }

    /// The entries of a row, by rising item.
    pub fn entries(&self, user: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let (items, weights) = self.row(user);
        items.iter().copied().zip(weights.iter().copied())
    }

    fn range(&self, user: u32) -> Range<usize> {
        match (self.starts.get(user as usize), self.starts.get(user as usize + 1)) {
            (Some(begin), Some(end)) => *begin..*end,
            _ => 0..0,
        }
    }

    /// Rows and columns swapped: items by customers.
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0_usize; self.n_items as usize + 1];
        for item in &self.items {
            starts[*item as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut users = vec![0; self.items.len()];
        let mut weights = vec![0.0; self.items.len()];
        for user in 0..self.n_users() {
            for (item, weight) in self.entries(user) {
                let place = &mut next[item as usize];
                users[*place] = user;
                weights[*place] = weight;
                *place += 1;
            }
        }
        Self { n_items: self.n_users(), starts, items: users, weights }
    }

    /// The same entries, each with weight 1.
    pub fn binary(&self) -> Self {
        Self { weights: vec![1.0; self.items.len()], ..self.clone() }
    }

    /// Number of customers with each item. Shape: one number an item.
    pub fn n_buyers(&self) -> Vec<u32> {
        let mut n_buyers = vec![0; self.n_items as usize];
        for item in &self.items {
            n_buyers[*item as usize] += 1;
        }
        n_buyers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_in_any_order_make_the_same_matrix() {
        let entries = vec![(2, 1, 1.0), (0, 3, 0.1), (0, 1, 2.0), (0, 3, 0.2), (2, 0, 4.0)];
        let made = Interactions::new(4, 5, entries.clone()).unwrap();
        assert_eq!(made.row(0), (&[1, 3][..], &[2.0, 0.3][..]));
        assert_eq!(made.row(1), (&[][..], &[][..]));
        assert_eq!(made.row(2), (&[0, 1][..], &[4.0, 1.0][..]));
        assert_eq!((made.row(3).0.len(), made.row(99).0.len()), (0, 0));
        assert_eq!(made.n_buyers(), [1, 2, 0, 1, 0]);
        let reversed = Interactions::new(4, 5, entries.into_iter().rev().collect()).unwrap();
        assert_eq!(made, reversed);
    }

    #[test]
    fn twice_transposed_is_the_same() {
        let made = Interactions::new(3, 4, vec![(0, 3, 1.5), (1, 0, 2.5), (1, 3, 3.5)]).unwrap();
        let turned = made.transposed();
        assert_eq!(turned.row(3), (&[0, 1][..], &[1.5, 3.5][..]));
        assert_eq!((turned.n_users(), turned.n_items()), (4, 3));
        assert_eq!(turned.transposed(), made);
        assert_eq!(made.binary().row(1).1, [1.0, 1.0]);
    }

    #[test]
    fn empty_ones_are_sound() {
        let none = Interactions::new(0, 0, vec![]).unwrap();
        assert_eq!((none.n_users(), none.n_items(), none.n_entries()), (0, 0, 0));
        assert_eq!(none.transposed(), none);
    }
}
