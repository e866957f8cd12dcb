//! What a customer bought over the shop's two years, and whether they are still a customer.

use crate::browsing::{Event, Session};
use crate::calendar::{Instant, season, weekday};
use crate::campaign::{CAMPAIGNS, draw_campaign};
use crate::catalogue::Catalogue;
use crate::customer::Customer;
use crate::draw::{Choice, Draw};
use crate::feedback::{Contact, Survey};
use crate::habits::Channel;
use crate::identity::Alias;

/// One line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Position in [`Catalogue::items`]; no item comes twice in one order.
    pub item_idx: usize,
    /// Pieces. Range: 1..=24.
    pub quantity: i64,
    /// Price paid for one piece. Unit: minor units. Range: above 0.
    pub unit_price_minor: i64,
    /// Price of one piece in the catalogue. Unit: minor units. Range: from what was paid.
    pub list_price_minor: i64,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was placed.
    pub at: Instant,
    /// What was bought, at least one line.
    pub lines: Vec<Line>,
    /// Where it was placed: web, app, store or call.
    pub channel: Channel,
    /// The campaign it came by, whose code gave its discount: an index into [`CAMPAIGNS`].
    pub campaign: Option<usize>,
}

/// What is true of a customer's time with the shop, and what the 90 days after the records bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// When the customer decided to stay away for good, with their last order; `None` if that has not happened by the end.
    pub left_at: Option<Instant>,
    /// Orders in the 90 days after the records end.
    pub next_orders: u32,
    /// What they come to. Unit: minor units.
    pub next_minor: i64,
}

/// Everything that one customer did, clean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Orders, earliest first; no two at the same time.
    pub orders: Vec<Order>,
    /// What is true of the customer's time with the shop.
    pub lifetime: Lifetime,
    /// Visits to the shop's pages, as [`Event::session_idx`] names them.
    pub sessions: Vec<Session>,
    /// Events in the order in which they happened within a session; sessions that bought come first, reviews and chats
    /// of the whole two years last.
    pub events: Vec<Event>,
    /// The ids under which the customer was here before they logged in.
    pub aliases: Vec<Alias>,
    /// Answers to surveys.
    pub surveys: Vec<Survey>,
    /// Calls, mails and visits with a question or a complaint.
    pub contacts: Vec<Contact>,
}

/// How far the truth looks beyond the end of the records. Unit: days.
pub const NEXT_DAYS: i64 = 90;
/// Most lines of one order.
const LINES_MAX: u32 = 12;
/// Chance that a line repeats something that the customer bought before.
const REPEAT_CHANCE: f64 = 0.25;
/// Chance that a line has nothing to do with taste.
const NOISE_CHANCE: f64 = 0.15;
/// Chance that somebody with a favourite brand takes it, where the choice is by taste.
const BRAND_CHANCE: f64 = 0.5;

/// The streams from which orders are drawn.
pub(crate) struct OrderDraws {
    pub(crate) orders: Draw,
    pub(crate) discounts: Draw,
    pub(crate) brands: Draw,
}

/// Draws the orders of a customer.
///
/// The customer buys at a personal pace, quicker in season, and after each order stays away for good with a personal
/// chance. Days follow the weekday habit, hours scatter around the personal hour.
pub(crate) fn draw_orders(
    customer: &Customer,
    catalogue: &Catalogue,
    period_days: i64,
    draws: &mut OrderDraws,
) -> (Vec<Order>, Lifetime) {
    let basket = Basket { catalogue, customer, tastes: Choice::new(customer.taste_permille.iter().map(|&w| w.into())) };
    let mut bought = Vec::new();
    let mut orders = Vec::new();
    let mut lifetime = Lifetime::default();
    let mut day = customer.first_day;
    loop {
        day = on_habitual_day(customer, day, &mut draws.orders);
        if day >= period_days + NEXT_DAYS {
            return (orders, lifetime);
        }
        let order = basket.draw_order(&bought, day, draws);
        bought.extend(order.lines.iter().map(|line| line.item_idx));
        let leaves = draws.orders.chance(customer.leaving_chance);
        if day < period_days {
            lifetime.left_at = leaves.then_some(order.at);
            orders.push(order);
        } else {
            lifetime.next_orders += 1;
            lifetime.next_minor += order.lines.iter().map(|line| line.quantity * line.unit_price_minor).sum::<i64>();
        }
        if leaves {
            return (orders, lifetime);
        }
        let gap_days = draws.orders.exponential() * 365.0 / (customer.orders_per_year * season(day));
        day += 1 + gap_days.min(10_000.0) as i64;
    }
}

/// The next day from `day` on (at most six later) of the kind on which this customer shops.
fn on_habitual_day(customer: &Customer, day: i64, draw: &mut Draw) -> i64 {
    let wanted = if draw.chance(customer.weekend_chance) { 5 + draw.below(2) } else { draw.below(5) };
    day + (i64::from(wanted) - weekday(day)).rem_euclid(7)
}

/// Second of the day: within two hours of the customer's hour, the middle more likely.
pub(crate) fn draw_second(customer: &Customer, draw: &mut Draw) -> i64 {
    let offset = i64::from(draw.below(7200)) + i64::from(draw.below(7200)) - 7200;
    i64::from(customer.hour) * 3600 + 1800 + offset
}

/// What one customer chooses from.
struct Basket<'a> {
    catalogue: &'a Catalogue,
    customer: &'a Customer,
    tastes: Choice,
}

impl Basket<'_> {
    fn draw_order(&self, bought: &[usize], day: i64, draws: &mut OrderDraws) -> Order {
        let campaign = draw_campaign(&self.customer.habits, &mut draws.discounts);
        let percent = campaign.map_or(0, |idx| CAMPAIGNS[idx].percent).max(sale_percent(day));
        let lines = self.draw_lines(bought, percent, draws);
        let at = Instant::at(day, draw_second(self.customer, &mut draws.orders));
        let channel = match draws.discounts.unit() {
            ..0.80 => self.customer.habits.channel,
            0.80..0.98 => draws.discounts.one_of(&[Channel::Web, Channel::App, Channel::Store]),
            _ => Channel::Call,
        };
        Order { at, lines, channel, campaign }
    }

    fn draw_lines(&self, bought: &[usize], percent: i64, draws: &mut OrderDraws) -> Vec<Line> {
        let n_wanted = 1 + draws.orders.geometric(0.38, LINES_MAX - 1);
        let mut lines: Vec<Line> = Vec::with_capacity(n_wanted as usize);
        for _ in 0..n_wanted {
            let item_idx = self.draw_item(bought, draws);
            // A second draw of the same item means that the basket stays smaller.
            if lines.iter().all(|line| line.item_idx != item_idx) {
                let quantity = 1 + i64::from(draws.orders.geometric(0.6, 23));
                let list_price_minor = self.catalogue.items()[item_idx].price_minor;
                let unit_price_minor = list_price_minor * (100 - percent) / 100;
                lines.push(Line { item_idx, quantity, unit_price_minor, list_price_minor });
            }
        }
        lines
    }

    fn draw_item(&self, bought: &[usize], draws: &mut OrderDraws) -> usize {
        let draw = &mut draws.orders;
        let kind = draw.unit();
        if kind < NOISE_CHANCE {
            return self.catalogue.any_item(draw);
        }
        let earlier = bought.get(draw.below(bought.len() as u32) as usize);
        if let Some(&item_idx) = earlier
            && kind < NOISE_CHANCE + REPEAT_CHANCE
        {
            return item_idx;
        }
        let taste = self.tastes.pick(draw);
        let item_idx = self.catalogue.item_for(taste, draw);
        match self.customer.habits.brand {
            Some(brand) if draws.brands.chance(BRAND_CHANCE) => {
                self.catalogue.item_of_brand(item_idx, brand, taste, &mut draws.brands)
            }
            _ => item_idx,
        }
    }
}

/// What everybody gets off on a day: 15 % in the January and July sales.
fn sale_percent(day: i64) -> i64 {
    let (_, month, _) = Instant::at(day, 0).date();
    if month == 1 || month == 7 { 15 } else { 0 }
}
