//! What keeps an offer from being shown although its visitor could see it: caps, budgets, answers that were given before.
//!
//! The engine holds no counts. Whoever does (a signed visitor state, portions that were leased) tells them through [`Limits`].

use alloc::vec::Vec;

use crate::bundle::OfferIdx;

/// Why an offer may not be shown any more, or not just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// The visitor has seen it as often as [`Caps::visitor`] allows.
    VisitorCap,
    /// It was shown as often as [`Caps::total`] allows.
    TotalCap,
    /// It was shown today as often as [`Caps::daily`] allows.
    DailyCap,
    /// The budget of its campaign is spent, or what is planned for this part of its time.
    Budget,
    /// The visitor said that it is of no interest.
    Dismissed,
    /// The visitor has done what it asks for; see [`Suppression`].
    Converted,
    /// What it promotes is sold out.
    OutOfStock,
    /// How much of its cap or its budget is left cannot be known now.
    Unknown,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::VisitorCap,
        Self::TotalCap,
        Self::DailyCap,
        Self::Budget,
        Self::Dismissed,
        Self::Converted,
        Self::OutOfStock,
        Self::Unknown,
    ];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VisitorCap => "visitor_cap",
            Self::TotalCap => "total_cap",
            Self::DailyCap => "daily_cap",
            Self::Budget => "budget",
            Self::Dismissed => "dismissed",
            Self::Converted => "converted",
            Self::OutOfStock => "out_of_stock",
            Self::Unknown => "limit_unknown",
        }
    }
}

/// What is known of caps, budgets and earlier answers for one request. Implementations never fail.
pub trait Limits {
    /// Why `offer` may not be shown; `None` when nothing is against it. Asked of candidates, never of fallback offers.
    fn rejection(&self, offer: OfferIdx) -> Option<Limit>;

    /// Told of every offer that was chosen, in the order of the answer. Whoever counts showings counts it here, and may refuse it at
    /// the last moment: offers that share a budget were admitted together, and it may not last for all of them. Never told of
    /// fallback offers.
    fn show(&self, _offer: OfferIdx) -> Option<Limit> {
        None
    }
}

/// Nothing is limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLimits;

impl Limits for NoLimits {
    fn rejection(&self, _: OfferIdx) -> Option<Limit> {
        None
    }
}

/// How often an offer may be shown. The default limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// To one visitor; all of these must hold.
    pub visitor: Vec<VisitorCap>,
    /// To all visitors together, for as long as the offer exists; at least 1.
    pub total: Option<u32>,
    /// To all visitors together, from one midnight (UTC) to the next; at least 1.
    pub daily: Option<u32>,
}

/// At most `count_max` times to one visitor within any `window_s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitorCap {
    /// At least 1.
    pub count_max: u16,
    /// Unit: seconds; at least 1.
    pub window_s: u32,
}

/// For how long a visitor who has done what an offer asks for is spared that offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppression {
    /// For good.
    ForGood,
    /// For this many days after the conversion; at least 1.
    Days(u16),
}
