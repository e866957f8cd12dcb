//! A made-up shop with known tastes: customers, catalogue, orders, events, surveys, costs, offers, and the truth beside them.
//!
//! Real shops do not tell what their visitors like; this one does. Every customer has a latent taste, buys by it with
//! noise, comes back at a personal pace and one day stays away; has a device, a channel, perhaps a favourite brand, and
//! needs a discount or does not. What a ranker, a model or a profile says can therefore be compared with what is true, up
//! to what the customer buys in the 90 days after the records. Every file carries a realistic share of dirt, and its
//! counts are known exactly.
//!
//! The same seed and size give the same bytes on every machine: the generator's stream is specified, the mathematics is
//! `libm`'s, and nothing reads the clock. Each customer has a stream of its own, so customer 7 is the same person in a
//! shop of ten and, with the same catalogue, in a shop of a million. Memory does not grow with the number of customers.
//!
//! It leaves out: experiments and responses to offers (nobody is shown anything here).
#![forbid(unsafe_code)]

mod browsing;
mod calendar;
mod campaign;
mod catalogue;
mod csv;
mod customer;
mod dirt;
mod draw;
mod feedback;
mod files;
mod goods;
mod habits;
mod history;
mod identity;
mod offers;
mod person;
mod rows;
mod setup;
mod shop;
mod taste;
mod truth;

pub use browsing::{Event, EventDetail, EventKind, Session};
pub use calendar::{DAY_S, Instant};
pub use campaign::{CAMPAIGNS, Campaign};
pub use catalogue::{CATEGORIES, Catalogue, Category, Item};
pub use customer::Customer;
pub use dirt::DirtCounts;
pub use feedback::{Contact, OUTCOMES, REASONS, Survey, VALUES};
pub use files::Summary;
pub use goods::{BRANDS, Goods};
pub use habits::{Channel, Device, DiscountClass, Habits, daypart};
pub use history::{History, Lifetime, Line, NEXT_DAYS, Order};
pub use identity::Alias;
pub use offers::{BAR_PLACEMENT, DELIVERY_FLAG, EXPERIMENT, HERO_PLACEMENT, STRIP_PLACEMENT, offers_document};
pub use person::{EDUCATIONS, INCOME_BANDS, OCCUPATIONS, Person, age_band};
pub use rows::Writers;
pub use setup::{MAPPING_TOML, MAPPING_ZH_TOML, PARTNER_TOML, SHOP_TOML};
pub use shop::{CURRENCY, DemoError, DemoShop, EVENTS_SCALE_MAX, N_CUSTOMERS_MAX, PERIOD_DAYS};
pub use taste::{TASTES, Taste};
pub use truth::{FileTruth, IdentityTruth, LifetimeTruth, OrderTotals, Sample, TasteTruth, Truth, UNKNOWN_VISITOR};
