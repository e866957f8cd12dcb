//! The shop: makes its customers one by one, when they are asked for.

use crate::catalogue::Catalogue;
use crate::customer::{Customer, Population};
use crate::draw::{Draw, Purpose};
use crate::history::{History, draw_events, draw_orders};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// ISO 4217 code of all money; two decimals.
pub const CURRENCY: &str = "EUR";
/// Length of the shop's records: 2024-07-01 up to and including 2026-06-30. Unit: days.
pub const PERIOD_DAYS: i64 = 730;
/// Most customers of a shop.
pub const N_CUSTOMERS_MAX: u32 = 9_999_999;

/// Why a shop cannot be made.
#[derive(Debug)]
pub enum DemoError {
    /// The number of customers is out of its range, 1..=[`N_CUSTOMERS_MAX`].
    Customers {
        /// What was asked for.
        found: u32,
    },
    /// A file could not be written.
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customers { found } => write!(f, "a shop has 1 to {N_CUSTOMERS_MAX} customers, not {found}"),
            Self::Write { path, .. } => write!(f, "cannot write {}", path.display()),
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Customers { .. } => None,
            Self::Write { source, .. } => Some(source),
        }
    }
}

/// A made-up shop. It is small: customers are made when they are asked for.
#[derive(Debug)]
pub struct DemoShop {
    pub(crate) seed: u64,
    pub(crate) n_customers: u32,
    pub(crate) catalogue: Catalogue,
    population: Population,
}

impl DemoShop {
    /// The shop that `seed` names, with so many customers (1..=[`N_CUSTOMERS_MAX`]).
    ///
    /// The catalogue grows with it, from 408 items at 400 customers to 2,004 at 80,000 and more.
    ///
    /// # Errors
    /// [`DemoError::Customers`].
    pub fn new(seed: u64, n_customers: u32) -> Result<Self, DemoError> {
        if !(1..=N_CUSTOMERS_MAX).contains(&n_customers) {
            return Err(DemoError::Customers { found: n_customers });
        }
        let n_items = (400 + n_customers as usize / 50).min(2000);
        Ok(Self { seed, n_customers, catalogue: Catalogue::new(seed, n_items), population: Population::new() })
    }

    /// What the shop sells.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Number of customers.
    pub fn n_customers(&self) -> u32 {
        self.n_customers
    }

    /// Customer number `idx` (0 = the first). Any number has a customer, also beyond the shop's size.
    pub fn customer(&self, idx: u32) -> Customer {
        let mut draw = Draw::new(self.seed, Purpose::Customer, u64::from(idx));
        self.population.customer(idx, &mut draw, PERIOD_DAYS)
    }

    /// Everything that customer number `idx` did.
    pub fn history(&self, idx: u32, customer: &Customer) -> History {
        let draw = |purpose| Draw::new(self.seed, purpose, u64::from(idx));
        let orders = draw_orders(customer, &self.catalogue, PERIOD_DAYS, &mut draw(Purpose::Orders));
        let events = draw_events(customer, &orders, &self.catalogue, PERIOD_DAYS, &mut draw(Purpose::Events));
        History { orders, events }
    }
}
