//! A made-up shop with known tastes: customers, catalogue, orders, events, offers, and the truth beside them.
//!
//! Real shops do not tell what their visitors like; this one does. Every customer has a latent taste, buys by it with
//! noise, comes back at a personal pace and one day stays away. What a ranker or a profile says can therefore be
//! compared with what is true. The order file carries a realistic share of dirt, and its counts are known exactly.
//!
//! The same seed and size give the same bytes on every machine: the generator's stream is specified, the mathematics is
//! `libm`'s, and nothing reads the clock. Each customer has a stream of its own, so customer 7 is the same person in a
//! shop of ten and, with the same catalogue, in a shop of a million. Memory does not grow with the number of customers.
//!
//! It leaves out: experiments and responses to offers (nobody is shown anything here).
#![forbid(unsafe_code)]

mod calendar;
mod catalogue;
mod csv;
mod customer;
mod dirt;
mod draw;
mod files;
mod history;
mod offers;
mod rows;
mod shop;
mod taste;
mod truth;

pub use calendar::{DAY_S, Instant};
pub use catalogue::{CATEGORIES, Catalogue, Category, Item};
pub use customer::Customer;
pub use dirt::DirtCounts;
pub use files::Summary;
pub use history::{Event, EventKind, History, Line, Order};
pub use offers::{BAR_PLACEMENT, DELIVERY_FLAG, EXPERIMENT, HERO_PLACEMENT, STRIP_PLACEMENT, offers_document};
pub use rows::Writers;
pub use shop::{CURRENCY, DemoError, DemoShop, N_CUSTOMERS_MAX, PERIOD_DAYS};
pub use taste::{TASTES, Taste};
pub use truth::{OrderTotals, Sample, TasteTruth, Truth, UNKNOWN_VISITOR};
