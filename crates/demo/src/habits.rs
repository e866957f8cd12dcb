//! How a customer shops: device, channel, favourite brand, how much a discount matters, how content they are.

use crate::draw::{Choice, Draw};
use crate::goods::BRANDS;

/// What somebody holds in their hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Device {
    Desktop,
    Mobile,
    Tablet,
}

impl Device {
    /// Code in the event file.
    pub fn id(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
        }
    }
}

/// Where shop and customer meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Channel {
    Web,
    App,
    Store,
    Call,
    Email,
    Sms,
    Social,
    Partner,
}

impl Channel {
    /// Code in every file.
    pub fn id(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Store => "store",
            Self::Call => "call",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Social => "social",
            Self::Partner => "partner",
        }
    }
}

/// How much a discount matters to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountClass {
    /// Buys with a discount almost only: 95 of 100 orders.
    Bargain,
    /// Takes one now and then: 35 of 100 orders.
    Mixed,
    /// Does not look for one: 4 of 100 orders, beside the sales that everybody gets.
    Indifferent,
}

impl DiscountClass {
    /// Name in the truth.
    pub fn id(self) -> &'static str {
        match self {
            Self::Bargain => "bargain",
            Self::Mixed => "mixed",
            Self::Indifferent => "indifferent",
        }
    }

    /// Chance that an order has a discount code.
    pub fn chance(self) -> f64 {
        match self {
            Self::Bargain => 0.95,
            Self::Mixed => 0.35,
            Self::Indifferent => 0.04,
        }
    }
}

/// The part of the day in which somebody shops.
pub fn daypart(hour: u8) -> &'static str {
    match hour {
        0..=11 => "morning",
        12..=17 => "afternoon",
        _ => "evening",
    }
}

/// How one customer shops.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// Used for 85 of 100 sessions.
    pub device: Device,
    /// Where 80 of 100 orders are placed: web, app or store.
    pub channel: Channel,
    /// The favourite brand, an index into [`BRANDS`]; half of the customers have one, and take it for half of what they
    /// buy by taste for the first time.
    pub brand: Option<usize>,
    /// How much a discount matters.
    pub discount: DiscountClass,
    /// How content the person is with the shop; who leaves easily is less so. Range: 0..=1.
    pub contentment: f64,
}

impl Habits {
    /// The habits of somebody who leaves after an order with chance `leaving_chance`.
    pub(crate) fn draw(leaving_chance: f64, draw: &mut Draw) -> Self {
        let device = [Device::Desktop, Device::Mobile, Device::Tablet][Choice::new([45, 45, 10]).pick(draw)];
        let weights = if device == Device::Desktop { [80, 2, 18] } else { [40, 45, 15] };
        let channel = [Channel::Web, Channel::App, Channel::Store][Choice::new(weights).pick(draw)];
        let brand = draw.chance(0.5).then(|| draw.below(BRANDS.len() as u32) as usize);
        let classes = [DiscountClass::Bargain, DiscountClass::Mixed, DiscountClass::Indifferent];
        let discount = classes[Choice::new([18, 32, 50]).pick(draw)];
        let contentment = (0.95 - 2.0 * leaving_chance + 0.3 * (draw.unit() - 0.5)).clamp(0.05, 1.0);
        Self { device, channel, brand, discount, contentment }
    }

    /// The device of one session in a channel: the app is on no desk.
    pub(crate) fn session_device(&self, channel: Channel, draw: &mut Draw) -> Device {
        let all = [Device::Desktop, Device::Mobile, Device::Tablet];
        let device = if draw.chance(0.85) { self.device } else { draw.one_of(&all) };
        if channel == Channel::App && device == Device::Desktop { Device::Mobile } else { device }
    }
}
