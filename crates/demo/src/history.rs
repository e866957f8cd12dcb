//! What a customer did: orders over the shop's two years, and page events of its last ninety days.

use crate::calendar::{DAY_S, Instant, season, weekday};
use crate::catalogue::Catalogue;
use crate::customer::Customer;
use crate::draw::{Choice, Draw};

/// One line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Position in [`Catalogue::items`]; no item comes twice in one order.
    pub item_idx: usize,
    /// Pieces. Range: 1..=24.
    pub quantity: i64,
    /// Price paid for one piece. Unit: minor units. Range: above 0.
    pub unit_price_minor: i64,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was placed.
    pub at: Instant,
    /// What was bought, at least one line.
    pub lines: Vec<Line>,
}

/// What kind of thing happened on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A session began.
    Visit,
    /// An item's page was viewed.
    View,
    /// An item was clicked in a list or a banner; its page follows.
    Click,
    /// An item was put into the cart.
    AddCart,
    /// An item was bought.
    Purchase,
}

impl EventKind {
    /// Name in the events file.
    pub fn id(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::View => "view",
            Self::Click => "click",
            Self::AddCart => "add_cart",
            Self::Purchase => "purchase",
        }
    }
}

/// One page event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub kind: EventKind,
    /// The item, as a position in [`Catalogue::items`]; `None` for a visit.
    pub item_idx: Option<usize>,
    /// The order, as a position in [`History::orders`]; only for a purchase.
    pub order_idx: Option<usize>,
}

/// Everything that one customer did, clean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Orders, earliest first; no two at the same time.
    pub orders: Vec<Order>,
    /// Events in the order in which they happened within a session; sessions that bought come first.
    pub events: Vec<Event>,
}

/// Events are kept this long before the end of the records. Unit: days.
const EVENT_DAYS: i64 = 90;
/// Most lines of one order.
const LINES_MAX: u32 = 12;
/// Chance that a line repeats something that the customer bought before.
const REPEAT_CHANCE: f64 = 0.25;
/// Chance that a line has nothing to do with taste.
const NOISE_CHANCE: f64 = 0.15;

/// Draws the orders of a customer.
///
/// The customer buys at a personal pace, quicker in season, and after each order stays away for good with a personal
/// chance. Days follow the weekday habit, hours scatter around the personal hour.
pub(crate) fn draw_orders(customer: &Customer, catalogue: &Catalogue, period_days: i64, draw: &mut Draw) -> Vec<Order> {
    let tastes = Choice::new(customer.taste_permille.iter().map(|&weight| u64::from(weight)));
    let mut bought = Vec::new();
    let mut orders = Vec::new();
    let mut day = customer.first_day;
    loop {
        day = on_habitual_day(customer, day, draw);
        if day >= period_days {
            return orders;
        }
        let lines = draw_lines(catalogue, &tastes, &bought, day, draw);
        bought.extend(lines.iter().map(|line| line.item_idx));
        orders.push(Order { at: Instant::at(day, draw_second(customer, draw)), lines });
        if draw.chance(customer.leaving_chance) {
            return orders;
        }
        let gap_days = draw.exponential() * 365.0 / (customer.orders_per_year * season(day));
        day += 1 + gap_days.min(10_000.0) as i64;
    }
}

/// The next day from `day` on (at most six later) of the kind on which this customer shops.
fn on_habitual_day(customer: &Customer, day: i64, draw: &mut Draw) -> i64 {
    let wanted = if draw.chance(customer.weekend_chance) { 5 + draw.below(2) } else { draw.below(5) };
    day + (i64::from(wanted) - weekday(day)).rem_euclid(7)
}

/// Second of the day: within two hours of the customer's hour, the middle more likely.
fn draw_second(customer: &Customer, draw: &mut Draw) -> i64 {
    let offset = i64::from(draw.below(7200)) + i64::from(draw.below(7200)) - 7200;
    i64::from(customer.hour) * 3600 + 1800 + offset
}

fn draw_lines(catalogue: &Catalogue, tastes: &Choice, bought: &[usize], day: i64, draw: &mut Draw) -> Vec<Line> {
    let n_wanted = 1 + draw.geometric(0.38, LINES_MAX - 1);
    let mut lines: Vec<Line> = Vec::with_capacity(n_wanted as usize);
    for _ in 0..n_wanted {
        let item_idx = draw_item(catalogue, tastes, bought, draw);
        // A second draw of the same item means that the basket stays smaller.
        if lines.iter().all(|line| line.item_idx != item_idx) {
            let quantity = 1 + i64::from(draw.geometric(0.6, 23));
            let unit_price_minor = price_on(catalogue.items()[item_idx].price_minor, day);
            lines.push(Line { item_idx, quantity, unit_price_minor });
        }
    }
    lines
}

fn draw_item(catalogue: &Catalogue, tastes: &Choice, bought: &[usize], draw: &mut Draw) -> usize {
    let kind = draw.unit();
    if kind < NOISE_CHANCE {
        return catalogue.any_item(draw);
    }
    let earlier = bought.get(draw.below(bought.len() as u32) as usize);
    match earlier {
        Some(&item_idx) if kind < NOISE_CHANCE + REPEAT_CHANCE => item_idx,
        _ => catalogue.item_for(tastes.pick(draw), draw),
    }
}

/// The price on a day: 15 % off in the January and July sales.
fn price_on(list_minor: i64, day: i64) -> i64 {
    let (_, month, _) = Instant::at(day, 0).date();
    if month == 1 || month == 7 { list_minor * 85 / 100 } else { list_minor }
}

/// Draws the page events of a customer in the last days of the records: a session before each order, and others that
/// lead to nothing while the person is still a customer.
pub(crate) fn draw_events(
    customer: &Customer,
    orders: &[Order],
    catalogue: &Catalogue,
    period_days: i64,
    draw: &mut Draw,
) -> Vec<Event> {
    let mut events = Vec::new();
    let since = Instant::at((period_days - EVENT_DAYS).max(0), 0);
    let tastes = Choice::new(customer.taste_permille.iter().map(|&weight| u64::from(weight)));
    for (order_idx, order) in orders.iter().enumerate().filter(|(_, order)| order.at >= since) {
        let mut at = order.at.plus_s(-60 * (5 + order.lines.len() as i64 * 2));
        let mut push = |kind, item_idx, order_idx, at| events.push(Event { at, kind, item_idx, order_idx });
        push(EventKind::Visit, None, None, at);
        for line in &order.lines {
            if draw.chance(0.4) {
                let other = catalogue.item_for(tastes.pick(draw), draw);
                push(EventKind::View, Some(other), None, at.plus_s(20));
            }
            at = at.plus_s(40 + i64::from(draw.below(40)));
            if draw.chance(0.5) {
                push(EventKind::Click, Some(line.item_idx), None, at);
            }
            push(EventKind::View, Some(line.item_idx), None, at.plus_s(1));
            push(EventKind::AddCart, Some(line.item_idx), None, at.plus_s(15));
        }
        for line in &order.lines {
            push(EventKind::Purchase, Some(line.item_idx), Some(order_idx), order.at);
        }
    }
    // Somebody who bought within twice the usual gap before the events begin still looks around.
    let patience_s = (2.0 * 365.0 / customer.orders_per_year) as i64 * DAY_S;
    let still_here = orders.last().is_some_and(|order| order.at.plus_s(patience_s) >= since);
    if still_here {
        for _ in 0..draw.geometric(0.45, 20) {
            let day = period_days - 1 - i64::from(draw.below(EVENT_DAYS.min(period_days) as u32));
            let at = Instant::at(day, draw_second(customer, draw));
            events.push(Event { at, kind: EventKind::Visit, item_idx: None, order_idx: None });
            for view in 0..=draw.geometric(0.4, 10) {
                let kind = if draw.chance(0.3) { EventKind::Click } else { EventKind::View };
                let item_idx = Some(catalogue.item_for(tastes.pick(draw), draw));
                events.push(Event { at: at.plus_s(30 * i64::from(view + 1)), kind, item_idx, order_idx: None });
            }
        }
    }
    events
}
