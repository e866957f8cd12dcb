//! The shop: makes its customers one by one, when they are asked for.

use crate::browsing::Browsing;
use crate::calendar::Instant;
use crate::catalogue::Catalogue;
use crate::customer::{Customer, CustomerDraws, Population};
use crate::draw::{Draw, Purpose};
use crate::feedback::draw_feedback;
use crate::history::{History, OrderDraws, draw_orders};
use crate::identity::{draw_aliases, link};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// ISO 4217 code of all money; two decimals.
pub const CURRENCY: &str = "EUR";
/// Length of the shop's records: 2024-07-01 up to and including 2026-06-30. Unit: days.
pub const PERIOD_DAYS: i64 = 730;
/// Most customers of a shop.
pub const N_CUSTOMERS_MAX: u32 = 9_999_999;

/// How many times as much as usual people can look around at most.
pub const EVENTS_SCALE_MAX: f64 = 1000.0;

/// Why a shop cannot be made.
#[derive(Debug)]
pub enum DemoError {
    /// The number of customers is out of its range, 1..=[`N_CUSTOMERS_MAX`].
    Customers {
        /// What was asked for.
        found: u32,
    },
    /// The scale of events is out of its range, above 0 and up to [`EVENTS_SCALE_MAX`].
    EventsScale {
        /// What was asked for.
        found: f64,
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
            Self::EventsScale { found } => {
                write!(f, "events can be scaled by more than 0 and up to {EVENTS_SCALE_MAX}, not by {found}")
            }
            Self::Write { path, .. } => write!(f, "cannot write {}", path.display()),
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Customers { .. } | Self::EventsScale { .. } => None,
            Self::Write { source, .. } => Some(source),
        }
    }
}

/// A made-up shop. It is small: customers are made when they are asked for.
#[derive(Debug)]
pub struct DemoShop {
    pub(crate) seed: u64,
    pub(crate) n_customers: u32,
    events_scale: f64,
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
        Ok(Self {
            seed,
            n_customers,
            events_scale: 1.0,
            catalogue: Catalogue::new(seed, n_items),
            population: Population::new(),
        })
    }

    /// The same shop, in which people look around so many times as much (default 1). Orders stay the same.
    ///
    /// # Errors
    /// [`DemoError::EventsScale`].
    pub fn with_events_scale(self, events_scale: f64) -> Result<Self, DemoError> {
        if !(events_scale > 0.0 && events_scale <= EVENTS_SCALE_MAX) {
            return Err(DemoError::EventsScale { found: events_scale });
        }
        Ok(Self { events_scale, ..self })
    }

    /// Customers who asked to be forgotten, up to five: their rows are still in the files, and nothing that is built
    /// from these may know them.
    pub fn erased(&self) -> Vec<u32> {
        let n = (self.n_customers / 20).min(5);
        (0..n).map(|k| (2 * k + 1) * (self.n_customers / (2 * n))).collect()
    }

    /// When the records end, exclusive.
    pub fn ends_at(&self) -> Instant {
        Instant::at(PERIOD_DAYS, 0)
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
        let draw = |purpose| Draw::new(self.seed, purpose, u64::from(idx));
        let draws = CustomerDraws {
            customer: draw(Purpose::Customer),
            habits: draw(Purpose::Habits),
            person: draw(Purpose::Person),
        };
        self.population.customer(idx, draws, PERIOD_DAYS)
    }

    /// Everything that customer number `idx` did.
    pub fn history(&self, idx: u32, customer: &Customer) -> History {
        let draw = |purpose| Draw::new(self.seed, purpose, u64::from(idx));
        let end = self.ends_at();
        let mut draws = OrderDraws {
            orders: draw(Purpose::Orders),
            discounts: draw(Purpose::Discounts),
            brands: draw(Purpose::Brands),
        };
        let (orders, lifetime) = draw_orders(customer, &self.catalogue, PERIOD_DAYS, &mut draws);

        let mut events_draw = draw(Purpose::Events);
        let mut browsing = Browsing::new(customer, &self.catalogue, PERIOD_DAYS, &mut events_draw);
        // Who has left for good still looks in now and then.
        let still_here = if lifetime.left_at.is_some() { 0.25 } else { 1.0 };
        browsing.run(&orders, self.events_scale * still_here);
        let Browsing { sessions, mut events, .. } = browsing;

        let feedback = draw_feedback(customer, &orders, end, &mut draw(Purpose::Feedback));
        events.extend(feedback.events);

        let mut identity = draw(Purpose::Identity);
        let mut aliases = Vec::from(draw_aliases(&mut identity));
        for (alias_idx, alias) in aliases.iter_mut().enumerate() {
            let seen =
                sessions.iter().filter(|session| session.alias_idx == Some(alias_idx)).map(|session| session.at).min();
            if let Some(seen_at) = seen {
                link(alias, seen_at, end, idx, self.n_customers, &mut identity);
            }
        }
        let (surveys, contacts) = (feedback.surveys, feedback.contacts);
        History { orders, lifetime, sessions, events, aliases, surveys, contacts }
    }
}
