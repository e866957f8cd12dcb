//! Who a customer is: taste, pace, habits. Nothing here depends on what the customer goes on to buy.

use crate::draw::{Choice, Draw};
use crate::habits::Habits;
use crate::person::Person;
use crate::taste::{N_TASTES, TASTES, draw_weights};

/// One person that buys in the shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// Identifier, such as `c0000042`.
    pub id: String,
    /// How much of each taste the person has, in [`TASTES`] order. Unit: parts in 1000; the sum is 1000.
    pub taste_permille: [u16; N_TASTES],
    /// Country of every order.
    pub country: &'static str,
    /// Day of the first order. Unit: days since the shop's first day. Range: 0..[`crate::PERIOD_DAYS`].
    pub first_day: i64,
    /// Orders a year while the person is a customer. Range: 0.2..=52.
    pub orders_per_year: f64,
    /// Chance that an order is the last. Range: 0.01..=0.5.
    pub leaving_chance: f64,
    /// Chance that an order falls on Saturday or Sunday. Range: 0..=1.
    pub weekend_chance: f64,
    /// Hour around which the person shops, 8..=21.
    pub hour: u8,
    /// Device, channel, brand, discounts.
    pub habits: Habits,
    /// Age, sex, region and the like.
    pub person: Person,
}

/// The streams from which a customer is drawn.
pub(crate) struct CustomerDraws {
    pub(crate) customer: Draw,
    pub(crate) habits: Draw,
    pub(crate) person: Draw,
}

impl Customer {
    /// The strongest taste: an index into [`TASTES`].
    pub fn top_taste(&self) -> usize {
        strongest(&self.taste_permille)
    }

    /// The person's strongest taste, and how strong it is (parts in 1000).
    pub fn top(&self) -> (&'static str, u16) {
        let top = self.top_taste();
        (TASTES[top].id, self.taste_permille[top])
    }
}

/// What customers are drawn from.
#[derive(Debug)]
pub(crate) struct Population {
    main_taste: Choice,
    country: Choice,
}

impl Population {
    pub(crate) fn new() -> Self {
        Self {
            main_taste: crate::taste::main_choice(),
            country: Choice::new(COUNTRIES.iter().map(|(_, percent)| u64::from(*percent))),
        }
    }

    /// Customer number `idx` (0 = the first), from streams of their own, in a shop that is open for `period_days`.
    pub(crate) fn customer(&self, idx: u32, mut draws: CustomerDraws, period_days: i64) -> Customer {
        let draw = &mut draws.customer;
        let taste_permille = draw_weights(draw, &self.main_taste);
        let country = COUNTRIES[self.country.pick(draw)].0;
        // A quarter were customers before the records begin: they show up in the first weeks.
        let span = if draw.chance(0.25) { 60 } else { period_days };
        let first_day = i64::from(draw.below(span as u32));
        // A few buy every week, most a few times a year: log-normal, so the counts of orders have a long tail.
        let orders_per_year = draw.log_normal(4.5, 0.85).clamp(0.2, 52.0);
        let leaving_chance = (0.08 * draw.exponential()).clamp(0.01, 0.5);
        let weekend_chance = if draw.chance(0.4) { 0.75 } else { 0.15 };
        let hour = if draw.chance(0.6) { 18 + draw.below(4) } else { 8 + draw.below(8) } as u8;
        let habits = Habits::draw(leaving_chance, &mut draws.habits);
        let person = Person::draw(strongest(&taste_permille), country, habits.discount, &mut draws.person);
        Customer {
            id: format!("c{:07}", idx + 1),
            taste_permille,
            country,
            first_day,
            orders_per_year,
            leaving_chance,
            weekend_chance,
            hour,
            habits,
            person,
        }
    }
}

/// Position of the first of the greatest weights.
fn strongest(weights: &[u16; N_TASTES]) -> usize {
    let mut top = 0;
    for (idx, weight) in weights.iter().enumerate() {
        if *weight > weights[top] {
            top = idx;
        }
    }
    top
}

/// Where customers live, with shares in parts of 100.
const COUNTRIES: [(&str, u32); 9] = [
    ("Germany", 44),
    ("France", 14),
    ("Netherlands", 11),
    ("Austria", 9),
    ("Ireland", 7),
    ("Belgium", 6),
    ("Spain", 5),
    ("Italy", 3),
    ("Finland", 1),
];
