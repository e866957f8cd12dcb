//! What a customer did in the shop's pages and app in its last ninety days, logged in or not.

use crate::calendar::{DAY_S, Instant};
use crate::campaign::CAMPAIGNS;
use crate::catalogue::{CATEGORIES, Catalogue, Category};
use crate::customer::Customer;
use crate::draw::{Choice, Draw};
use crate::habits::{Channel, Device};
use crate::history::{Order, draw_second};
use crate::taste::TASTES;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A session began.
    Visit,
    /// An item's page was viewed.
    View,
    /// An item was clicked in a list or a banner; its page follows.
    Click,
    /// A category was searched for.
    Search,
    /// An item was put into the cart.
    AddCart,
    /// An item was bought.
    Purchase,
    /// An offer was closed unread.
    Dismiss,
    /// An item was rated.
    Review,
    /// A chat with the shop's people.
    ServiceContact,
}

impl EventKind {
    /// Name in the events file.
    pub fn id(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::View => "view",
            Self::Click => "click",
            Self::Search => "search",
            Self::AddCart => "add_cart",
            Self::Purchase => "purchase",
            Self::Dismiss => "dismiss",
            Self::Review => "review",
            Self::ServiceContact => "service_contact",
        }
    }
}

/// What is particular to a kind of event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventDetail {
    /// Nothing.
    #[default]
    None,
    /// What was searched for.
    Search(Category),
    /// The taste whose offer was closed: an index into [`TASTES`].
    Dismiss {
        /// Index into [`TASTES`].
        taste: usize,
    },
    /// A rating.
    Review {
        /// Stars. Range: 1..=5.
        rating: u8,
        /// How the text sounds. Unit: 1/1000. Range: -1000..=1000.
        sentiment_milli: i16,
    },
    /// A chat.
    Contact {
        /// What it was about.
        reason: &'static str,
        /// What came of it.
        outcome: &'static str,
    },
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub kind: EventKind,
    /// The session, as a position in [`crate::History::sessions`]; none for a review and a chat.
    pub session_idx: Option<usize>,
    /// The item, as a position in [`Catalogue::items`]; `None` for a visit, a search, a closed offer and a chat.
    pub item_idx: Option<usize>,
    /// The order, as a position in [`crate::History::orders`]; for a purchase, a review and a chat.
    pub order_idx: Option<usize>,
    /// What is particular to the kind.
    pub detail: EventDetail,
}

/// One visit to the shop's pages or app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it began.
    pub at: Instant,
    /// Web or app.
    pub channel: Channel,
    /// What it was made with.
    pub device: Device,
    /// Where the visitor came from.
    pub source: &'static str,
    /// The campaign they came by: an index into [`CAMPAIGNS`].
    pub campaign: Option<usize>,
    /// Which of the customer's two browsers was not logged in; `None` if it was.
    pub alias_idx: Option<usize>,
}

/// Page events are kept this long before the end of the records. Unit: days.
const EVENT_DAYS: i64 = 90;
/// Chance that somebody looks around without logging in.
const ANONYMOUS_CHANCE: f64 = 0.35;

/// Draws sessions and events of one customer.
pub(crate) struct Browsing<'a> {
    customer: &'a Customer,
    catalogue: &'a Catalogue,
    period_days: i64,
    tastes: Choice,
    draw: &'a mut Draw,
    pub(crate) sessions: Vec<Session>,
    pub(crate) events: Vec<Event>,
}

impl<'a> Browsing<'a> {
    pub(crate) fn new(customer: &'a Customer, catalogue: &'a Catalogue, period_days: i64, draw: &'a mut Draw) -> Self {
        let tastes = Choice::new(customer.taste_permille.iter().map(|&weight| u64::from(weight)));
        Self { customer, catalogue, period_days, tastes, draw, sessions: Vec::new(), events: Vec::new() }
    }

    /// A session before each late order that was placed on the web or in the app, and others that lead to nothing while
    /// the person is still a customer: `scale` times as many as in an ordinary shop.
    pub(crate) fn run(&mut self, orders: &[Order], scale: f64) {
        let since = Instant::at((self.period_days - EVENT_DAYS).max(0), 0);
        for (order_idx, order) in orders.iter().enumerate().filter(|(_, order)| order.at >= since) {
            if matches!(order.channel, Channel::Web | Channel::App) {
                self.buy(order_idx, order);
            }
        }
        // Somebody who bought within twice the usual gap before the events begin still looks around.
        let patience_s = (2.0 * 365.0 / self.customer.orders_per_year) as i64 * DAY_S;
        if orders.last().is_some_and(|order| order.at.plus_s(patience_s) >= since) {
            let n_sessions = f64::from(self.draw.geometric(0.45, 20)) * scale + self.draw.unit();
            for _ in 0..n_sessions as u64 {
                self.look_around();
            }
        }
    }

    /// Starts a session, and gives its position.
    fn begin(&mut self, at: Instant, channel: Channel, campaign: Option<usize>, anonymous: bool) -> usize {
        let device = self.customer.habits.session_device(channel, self.draw);
        let source = match campaign {
            Some(idx) => CAMPAIGNS[idx].channel.id(),
            None => self.draw.one_of(&["direct", "direct", "organic"]),
        };
        let alias_idx = anonymous.then_some(usize::from(device != self.customer.habits.device));
        self.sessions.push(Session { at, channel, device, source, campaign, alias_idx });
        let session_idx = self.sessions.len() - 1;
        self.push(session_idx, at, EventKind::Visit, None);
        session_idx
    }

    fn push(&mut self, session_idx: usize, at: Instant, kind: EventKind, item_idx: Option<usize>) {
        let session_idx = Some(session_idx);
        self.events.push(Event { at, kind, session_idx, item_idx, order_idx: None, detail: EventDetail::None });
    }

    fn push_detail(&mut self, session_idx: usize, at: Instant, kind: EventKind, detail: EventDetail) {
        self.events.push(Event { at, kind, session_idx: Some(session_idx), item_idx: None, order_idx: None, detail });
    }

    /// The session that ends with an order.
    fn buy(&mut self, order_idx: usize, order: &Order) {
        let mut at = order.at.plus_s(-60 * (5 + order.lines.len() as i64 * 2));
        let session_idx = self.begin(at, order.channel, order.campaign, false);
        for line in &order.lines {
            if self.draw.chance(0.4) {
                let other = self.catalogue.item_for(self.tastes.pick(self.draw), self.draw);
                self.push(session_idx, at.plus_s(20), EventKind::View, Some(other));
            }
            at = at.plus_s(40 + i64::from(self.draw.below(40)));
            if self.draw.chance(0.3) {
                let category = self.catalogue.items()[line.item_idx].category;
                self.push_detail(session_idx, at.plus_s(-5), EventKind::Search, EventDetail::Search(category));
            }
            if self.draw.chance(0.5) {
                self.push(session_idx, at, EventKind::Click, Some(line.item_idx));
            }
            self.push(session_idx, at.plus_s(1), EventKind::View, Some(line.item_idx));
            self.push(session_idx, at.plus_s(15), EventKind::AddCart, Some(line.item_idx));
        }
        for line in &order.lines {
            let item_idx = Some(line.item_idx);
            let (session_idx, order_idx, detail) = (Some(session_idx), Some(order_idx), EventDetail::None);
            self.events.push(Event {
                at: order.at,
                kind: EventKind::Purchase,
                session_idx,
                item_idx,
                order_idx,
                detail,
            });
        }
    }

    /// A session that leads to nothing.
    fn look_around(&mut self) {
        let day = self.period_days - 1 - i64::from(self.draw.below(EVENT_DAYS.min(self.period_days) as u32));
        let at = Instant::at(day, draw_second(self.customer, self.draw));
        let app = self.customer.habits.channel == Channel::App && self.draw.chance(0.8);
        let channel = if app { Channel::App } else { Channel::Web };
        let campaign = self.draw.chance(0.2).then(|| self.draw.below(CAMPAIGNS.len() as u32) as usize);
        let anonymous = self.draw.chance(ANONYMOUS_CHANCE);
        let session_idx = self.begin(at, channel, campaign, anonymous);
        if self.draw.chance(0.1) {
            // Offers for a taste that somebody does not have are closed more often.
            let taste = self.draw.below(TASTES.len() as u32) as usize;
            let liked = f64::from(self.customer.taste_permille[taste]) / 1000.0;
            if self.draw.chance(1.0 - liked) {
                self.push_detail(session_idx, at.plus_s(8), EventKind::Dismiss, EventDetail::Dismiss { taste });
            }
        }
        if self.draw.chance(0.15) {
            let category = if self.draw.chance(0.8) {
                TASTES[self.tastes.pick(self.draw)].categories[0].0
            } else {
                self.draw.one_of(&CATEGORIES)
            };
            self.push_detail(session_idx, at.plus_s(15), EventKind::Search, EventDetail::Search(category));
        }
        for view in 0..=self.draw.geometric(0.4, 10) {
            let kind = if self.draw.chance(0.3) { EventKind::Click } else { EventKind::View };
            let item_idx = Some(self.catalogue.item_for(self.tastes.pick(self.draw), self.draw));
            self.push(session_idx, at.plus_s(30 * i64::from(view + 1)), kind, item_idx);
        }
    }
}
