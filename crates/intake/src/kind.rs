//! The kinds of tables that a shop can give, and the canonical fields of each.

use std::fmt;

/// What the rows of a feed are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Order lines.
    Orders,
    /// What visitors did.
    Events,
    /// Items with price, cost, category, stock.
    Catalogue,
    /// Customers with attributes.
    Customers,
    /// Answers to surveys.
    Surveys,
    /// Contacts with service.
    Contacts,
    /// Which ids are one customer.
    Identities,
    /// Money spent by channel and campaign.
    Costs,
}

/// What the values of a canonical field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Any text.
    Text,
    /// One of a few words; the canonical table has its own list for some.
    Code,
    /// A number with up to three decimals.
    Quantity,
    /// Money in the mapping's currency, such as `19.99`.
    Money,
    /// A whole number.
    Int,
    /// A number.
    Real,
    /// A time.
    Time,
    /// A day.
    Day,
    /// True or false.
    Bool,
}

impl FieldType {
    /// Whether values can be averaged and bounded.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Quantity | Self::Money | Self::Int | Self::Real)
    }
}

/// A canonical field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// The key in `[<kind>.fields]`.
    pub name: &'static str,
    /// What its values must be.
    pub kind: FieldType,
    /// Whether a mapping of the kind must name it.
    pub is_required: bool,
    /// What it means.
    pub means: &'static str,
}

const fn must(name: &'static str, kind: FieldType, means: &'static str) -> FieldSpec {
    FieldSpec { name, kind, is_required: true, means }
}

const fn may(name: &'static str, kind: FieldType, means: &'static str) -> FieldSpec {
    FieldSpec { name, kind, is_required: false, means }
}

use FieldType::{Bool, Code, Day, Int, Money, Quantity, Real, Text, Time};

const ORDERS: &[FieldSpec] = &[
    must("order_id", Text, "the order that the line belongs to"),
    must("item_id", Text, "the item bought"),
    may("item_name", Text, "its name"),
    may("category", Text, "its category"),
    may("brand", Text, "its brand"),
    may("quantity", Quantity, "pieces; 1 if not mapped"),
    must("ordered_at", Time, "when it was ordered"),
    may("unit_price", Money, "price of one piece; this or amount"),
    may("amount", Money, "price of the whole line; this or unit_price"),
    may("list_price", Money, "price of one piece before any discount"),
    must("customer_id", Text, "who bought"),
    may("country", Text, "where it went"),
    may("channel", Code, "where it was ordered"),
    may("campaign", Text, "the campaign that led to it"),
    may("is_goods", Bool, "false for postage, fees and vouchers; true if not mapped"),
];

const EVENTS: &[FieldSpec] = &[
    may("event_id", Text, "one id for one event, for duplicates"),
    must("customer_id", Text, "who did it: a member or an anonymous id"),
    must("kind", Code, "what was done"),
    must("at", Time, "when"),
    may("session_id", Text, "the visit that it belongs to"),
    may("item_id", Text, "the item concerned"),
    may("category", Text, "the category concerned"),
    may("channel", Code, "web, app, email, sms, social, store, call, partner, device"),
    may("device", Code, "desktop, mobile, tablet, other"),
    may("source", Text, "where the visitor came from"),
    may("placement", Text, "the place on the page"),
    may("offer_id", Text, "the offer shown there"),
    may("campaign", Text, "the campaign"),
    may("value", Money, "money of the event"),
    may("rating", Real, "a rating, as the shop counts"),
    may("sentiment", Real, "-1 (bad) to 1 (good)"),
    may("reason", Text, "why, for service contacts, refunds and dismissals"),
    may("outcome", Text, "how it ended"),
];

const CATALOGUE: &[FieldSpec] = &[
    must("item_id", Text, "the item"),
    may("item_name", Text, "its name"),
    may("category", Text, "its category"),
    may("brand", Text, "its brand"),
    may("price", Money, "what one piece costs the customer"),
    may("cost", Money, "what one piece costs the shop"),
    may("stock", Int, "pieces in stock"),
];

const CUSTOMERS: &[FieldSpec] =
    &[must("customer_id", Text, "the customer"), may("declared_at", Time, "when the attributes were declared")];

const SURVEYS: &[FieldSpec] = &[
    must("customer_id", Text, "who answered"),
    must("question", Text, "the question"),
    may("answer", Text, "the answer in words"),
    may("score", Real, "the answer on a scale"),
    may("score_max", Real, "the best score of that scale"),
    may("at", Time, "when"),
];

const CONTACTS: &[FieldSpec] = &[
    must("customer_id", Text, "who asked"),
    must("at", Time, "when"),
    may("reason", Text, "why"),
    may("outcome", Text, "how it ended"),
    may("is_open", Bool, "whether it still waits for an answer"),
];

const IDENTITIES: &[FieldSpec] = &[
    must("alias", Text, "the other id: a device, a cookie, an address"),
    must("customer_id", Text, "the customer that it belongs to"),
    may("at", Time, "when the link was made"),
    may("is_unlinked", Bool, "true takes the link back"),
];

const COSTS: &[FieldSpec] = &[
    must("channel", Code, "where the money went"),
    may("campaign", Text, "for which campaign"),
    must("day", Day, "on which day"),
    must("cost", Money, "how much"),
];

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Orders,
        Self::Events,
        Self::Catalogue,
        Self::Customers,
        Self::Surveys,
        Self::Contacts,
        Self::Identities,
        Self::Costs,
    ];

    /// The word in mappings and shop files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Events => "events",
            Self::Catalogue => "catalogue",
            Self::Customers => "customers",
            Self::Surveys => "surveys",
            Self::Contacts => "contacts",
            Self::Identities => "identities",
            Self::Costs => "costs",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its canonical fields, in the order of documents. Attributes come besides, see [`Kind::has_attributes`].
    pub fn fields(self) -> &'static [FieldSpec] {
        match self {
            Self::Orders => ORDERS,
            Self::Events => EVENTS,
            Self::Catalogue => CATALOGUE,
            Self::Customers => CUSTOMERS,
            Self::Surveys => SURVEYS,
            Self::Contacts => CONTACTS,
            Self::Identities => IDENTITIES,
            Self::Costs => COSTS,
        }
    }

    /// The field of that name.
    pub fn field(self, name: &str) -> Option<&'static FieldSpec> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// Whether the shop can add attributes of its own.
    pub fn has_attributes(self) -> bool {
        matches!(self, Self::Customers | Self::Catalogue)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
