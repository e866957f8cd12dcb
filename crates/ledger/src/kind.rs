//! What can happen, and where: the fixed words of events.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "CountedType"))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An offer was seen. Counts once for each token.
    Impression,
    /// An offer was followed. Counts once for each token.
    Click,
    /// What the shop wants to happen: a purchase, a registration.
    Conversion,
    /// Whatever the shop names.
    Custom,
    /// The visitor does not want the offer. Counts once for each token.
    Dismiss,
    /// The visitor talked to the shop's service.
    ServiceContact,
    /// An offer was passed on.
    Share,
    /// An offer was used without being followed: played, unfolded, swiped.
    Interaction,
    /// The visitor said what they think of an offer.
    Feedback,
    /// A product or page was looked at.
    View,
    /// Something was put into the cart.
    Cart,
    /// The visitor met the variation of an experiment. Comes by `POST /v1/exposures` only.
    Exposure,
}

impl Kind {
    /// All that callers may send.
    pub const SENT: [Self; 11] = [
        Self::Impression,
        Self::Click,
        Self::Conversion,
        Self::Custom,
        Self::Dismiss,
        Self::ServiceContact,
        Self::Share,
        Self::Interaction,
        Self::Feedback,
        Self::View,
        Self::Cart,
    ];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impression => "impression",
            Self::Click => "click",
            Self::Conversion => "conversion",
            Self::Custom => "custom",
            Self::Dismiss => "dismiss",
            Self::ServiceContact => "service_contact",
            Self::Share => "share",
            Self::Interaction => "interaction",
            Self::Feedback => "feedback",
            Self::View => "view",
            Self::Cart => "cart",
            Self::Exposure => "exposure",
        }
    }

    /// What a word of the API means.
    pub fn of(word: &str) -> Option<Self> {
        Self::SENT.into_iter().find(|it| it.as_str() == word)
    }

    /// Whether it means nothing without the decision that it answers to, and happens once to one showing.
    pub fn is_of_a_showing(self) -> bool {
        matches!(self, Self::Impression | Self::Click | Self::Dismiss)
    }
}

/// Where things happen. A fixed list: what callers may choose freely would grow the ledger without bound.
pub const CHANNELS: [&str; 10] =
    ["web", "app", "email", "sms", "mini_program", "social", "store", "call", "partner", "device"];
