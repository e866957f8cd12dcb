//! One visitor: what a profile would say of them, what the request would tell, and the segment that the truth knows them by.

use serde::Serialize;
use vitrine_demo::{Channel, Customer, DAY_S, Device, DiscountClass, History, TASTES};
use vitrine_engine::{AttributeIdx, AttributeName, ItemIdx, Profile, Scope, Unit, Value};

/// Items of a profile, as a build has them.
const ITEMS_MAX: usize = 12;
/// Categories of a profile, as a build has them.
const CATEGORIES_MAX: usize = 5;
/// What was bought counts half after so many days, as in a build.
const HALF_LIFE_DAYS: f64 = 90.0;

/// A visitor.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The number that stands for the visitor in draws.
    pub(crate) unit: Unit,
    taste: usize,
    pub(crate) country: &'static str,
    pub(crate) device: Device,
    pub(crate) channel: Channel,
    discount: DiscountClass,
    /// What a profile says; `None` of somebody who has not ordered yet.
    pub(crate) facts: Option<Facts>,
}

/// What the orders of a customer say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) recency_days: u32,
    tenure_days: u32,
    pub(crate) frequency: u32,
    pub(crate) monetary_minor: i64,
    discounted_orders: u32,
    n_items: u32,
    /// Strongest first, weights up to 1.
    items: Vec<(ItemIdx, f32)>,
    top_categories: Vec<&'static str>,
    /// Fifths by recency, orders and money; 5 is best.
    pub(crate) quintiles: [u8; 3],
}

/// What visitors are told apart by in a truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Segmentation {
    /// Their strongest taste, which no profile holds: it shows in what they buy.
    #[default]
    Taste,
    /// What they hold in their hands: `profile.main_device`, `context.device`.
    Device,
    /// Where they mostly buy: `profile.main_channel`.
    Channel,
    /// Where they live: `profile.country`.
    Country,
    /// How much a discount matters to them; shows in `profile.discounted_orders_share`.
    Discount,
}

/// Where customers of the made-up shop live, and the codes that the edge tells.
const COUNTRIES: [(&str, &str); 9] = [
    ("Germany", "DE"),
    ("France", "FR"),
    ("Netherlands", "NL"),
    ("Austria", "AT"),
    ("Ireland", "IE"),
    ("Belgium", "BE"),
    ("Spain", "ES"),
    ("Italy", "IT"),
    ("Finland", "FI"),
];
const DEVICES: [Device; 3] = [Device::Desktop, Device::Mobile, Device::Tablet];
const CHANNELS: [Channel; 3] = [Channel::Web, Channel::App, Channel::Store];
const DISCOUNTS: [DiscountClass; 3] = [DiscountClass::Bargain, DiscountClass::Mixed, DiscountClass::Indifferent];

impl Segmentation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Taste, Self::Device, Self::Channel, Self::Country, Self::Discount];

    /// The word of the command line and of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taste => "taste",
            Self::Device => "device",
            Self::Channel => "channel",
            Self::Country => "country",
            Self::Discount => "discount",
        }
    }

    /// Names of the segments.
    pub fn segments(self) -> Vec<&'static str> {
        match self {
            Self::Taste => TASTES.iter().map(|it| it.id).collect(),
            Self::Device => DEVICES.map(Device::id).to_vec(),
            Self::Channel => CHANNELS.map(Channel::id).to_vec(),
            Self::Country => COUNTRIES.map(|(name, _)| name).to_vec(),
            Self::Discount => DISCOUNTS.map(DiscountClass::id).to_vec(),
        }
    }

    /// The segment of a visitor: a position in [`Segmentation::segments`].
    pub(crate) fn of(self, person: &Person) -> usize {
        let at = match self {
            Self::Taste => Some(person.taste),
            Self::Device => DEVICES.iter().position(|it| *it == person.device),
            Self::Channel => CHANNELS.iter().position(|it| *it == person.channel),
            Self::Country => COUNTRIES.iter().position(|(name, _)| *name == person.country),
            Self::Discount => DISCOUNTS.iter().position(|it| *it == person.discount),
        };
        at.unwrap_or(0)
    }
}

impl Person {
    /// A customer as a visitor. `end_s`: when the records end, seconds since 1970.
    pub(crate) fn new(unit: Unit, customer: &Customer, history: &History, bought: &Bought, end_s: i64) -> Self {
        let days = |at_s: i64| u32::try_from((end_s - at_s) / DAY_S).unwrap_or(0);
        let facts = history.orders.first().zip(history.orders.last()).map(|(first, last)| Facts {
            recency_days: days(last.at.0),
            tenure_days: days(first.at.0),
            frequency: history.orders.len() as u32,
            monetary_minor: money(history),
            discounted_orders: discounted(history),
            n_items: bought.items.len() as u32,
            items: bought.strongest_items(),
            top_categories: bought.strongest_categories(),
            quintiles: [1; 3],
        });
        Self {
            unit,
            taste: customer.top_taste(),
            country: customer.country,
            device: customer.habits.device,
            channel: customer.habits.channel,
            discount: customer.habits.discount,
            facts,
        }
    }

    /// The code of the country, as the edge tells it.
    pub(crate) fn country_code(&self) -> &'static str {
        COUNTRIES.iter().find(|(name, _)| *name == self.country).map_or("DE", |(_, code)| code)
    }
}

fn money(history: &History) -> i64 {
    history.orders.iter().flat_map(|it| &it.lines).map(|it| it.quantity * it.unit_price_minor).sum()
}

fn discounted(history: &History) -> u32 {
    let is_discounted = |lines: &[vitrine_demo::Line]| lines.iter().any(|it| it.unit_price_minor < it.list_price_minor);
    history.orders.iter().filter(|it| is_discounted(&it.lines)).count() as u32
}

/// What a customer bought: item, category, weight, and when last (seconds).
pub(crate) struct Bought {
    items: Vec<(usize, &'static str, f64, i64)>,
}

impl Bought {
    /// `category` of an item. An order counts once for an item.
    pub(crate) fn new(history: &History, category: impl Fn(usize) -> &'static str, end_s: i64) -> Self {
        let mut items: Vec<(usize, &'static str, f64, i64)> = Vec::new();
        for order in &history.orders {
            let age_days = (end_s - order.at.0) as f64 / DAY_S as f64;
            let weight = libm::exp2(-age_days / HALF_LIFE_DAYS);
            for line in &order.lines {
                match items.iter_mut().find(|(item, ..)| *item == line.item_idx) {
                    Some((_, _, sum, last_s)) => (*sum, *last_s) = (*sum + weight, order.at.0),
                    None => items.push((line.item_idx, category(line.item_idx), weight, order.at.0)),
                }
            }
        }
        items.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.3.cmp(&a.3)).then(a.0.cmp(&b.0)));
        Self { items }
    }

    /// Positions in the catalogue, each once.
    pub(crate) fn positions(&self) -> Vec<usize> {
        self.items.iter().map(|(item, ..)| *item).collect()
    }

    fn strongest_items(&self) -> Vec<(ItemIdx, f32)> {
        let greatest = self.items.first().map_or(1.0, |(_, _, weight, _)| *weight);
        let strongest = self.items.iter().take(ITEMS_MAX);
        strongest.map(|(item, _, weight, _)| (ItemIdx(*item as u32), (weight / greatest) as f32)).collect()
    }

    fn strongest_categories(&self) -> Vec<&'static str> {
        let mut sums: Vec<(&'static str, f64)> = Vec::new();
        for (_, category, weight, _) in &self.items {
            match sums.iter_mut().find(|(id, _)| id == category) {
                Some((_, sum)) => *sum += weight,
                None => sums.push((category, *weight)),
            }
        }
        sums.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        sums.into_iter().take(CATEGORIES_MAX).map(|(id, _)| id).collect()
    }
}

/// A column of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    RecencyDays,
    TenureDays,
    Frequency,
    IsRepeat,
    MonetaryMinor,
    AovMinor,
    NItems,
    DiscountedOrdersShare,
    Country,
    MainDevice,
    MainChannel,
    TopCategories,
    LastItems,
    RQuintile,
    FQuintile,
    MQuintile,
    Segment,
}

const COLUMNS: [Column; 17] = [
    Column::RecencyDays,
    Column::TenureDays,
    Column::Frequency,
    Column::IsRepeat,
    Column::MonetaryMinor,
    Column::AovMinor,
    Column::NItems,
    Column::DiscountedOrdersShare,
    Column::Country,
    Column::MainDevice,
    Column::MainChannel,
    Column::TopCategories,
    Column::LastItems,
    Column::RQuintile,
    Column::FQuintile,
    Column::MQuintile,
    Column::Segment,
];

/// The columns that made-up visitors have; the names and meanings are those of a build.
pub const COLUMN_NAMES: [&str; 17] = [
    "recency_days",
    "tenure_days",
    "frequency",
    "is_repeat",
    "monetary_minor",
    "aov_minor",
    "n_items",
    "discounted_orders_share",
    "country",
    "main_device",
    "main_channel",
    "top_categories",
    "last_items",
    "r_quintile",
    "f_quintile",
    "m_quintile",
    "segment",
];

impl Column {
    /// By attribute: the column with its name, if made-up visitors have it.
    pub(crate) fn of_all(names: &[AttributeName]) -> Vec<Option<Self>> {
        let of = |it: &AttributeName| {
            let at = COLUMN_NAMES.iter().position(|name| it.scope == Scope::Profile && *name == it.name)?;
            COLUMNS.get(at).copied()
        };
        names.iter().map(of).collect()
    }
}

/// The profile of a visitor, as the engine asks for it.
#[derive(Clone, Copy)]
pub(crate) struct PersonProfile<'a> {
    pub(crate) person: &'a Person,
    pub(crate) facts: &'a Facts,
    /// By attribute of the bundle.
    pub(crate) columns: &'a [Option<Column>],
}

impl PersonProfile<'_> {
    fn column(&self, attribute: AttributeIdx) -> Option<Column> {
        self.columns.get(usize::from(attribute.0)).copied().flatten()
    }
}

impl Profile for PersonProfile<'_> {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        let Some(column) = self.column(attribute) else { return Value::Missing };
        let Facts { frequency, monetary_minor, quintiles: [r, f, m], .. } = *self.facts;
        match column {
            Column::RecencyDays => Value::Number(self.facts.recency_days.into()),
            Column::TenureDays => Value::Number(self.facts.tenure_days.into()),
            Column::Frequency => Value::Number(frequency.into()),
            Column::IsRepeat => Value::Bool(frequency > 1),
            Column::MonetaryMinor => Value::Number(monetary_minor as f64),
            Column::AovMinor => Value::Number((monetary_minor as f64 / f64::from(frequency)).round()),
            Column::NItems => Value::Number(self.facts.n_items.into()),
            Column::DiscountedOrdersShare => {
                Value::Number(f64::from(self.facts.discounted_orders) / f64::from(frequency))
            }
            Column::Country => Value::Text(self.person.country),
            Column::MainDevice => Value::Text(self.person.device.id()),
            Column::MainChannel => Value::Text(self.person.channel.id()),
            Column::TopCategories | Column::LastItems => Value::Labels,
            Column::RQuintile => Value::Number(r.into()),
            Column::FQuintile => Value::Number(f.into()),
            Column::MQuintile => Value::Number(m.into()),
            Column::Segment => Value::Text(rfm_segment(r, f)),
        }
    }

    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool {
        self.column(attribute) == Some(Column::TopCategories) && self.facts.top_categories.contains(&label)
    }

    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32)) {
        self.facts.items.iter().for_each(|(item, weight)| visit(*item, *weight));
    }
}

/// The named segment of a build (`rfm.sql`), by fifths of recency and orders.
fn rfm_segment(r: u8, f: u8) -> &'static str {
    match (r, f) {
        (5, 4..) => "champions",
        (3.., 4..) => "loyal",
        (4.., 2..) => "potential_loyalist",
        (5, _) => "new",
        (4, _) => "promising",
        (3, 3) => "needs_attention",
        (3, _) => "about_to_sleep",
        (_, 5) => "cant_lose",
        (_, 3..) => "at_risk",
        (2, _) | (_, 2) => "hibernating",
        _ => "lost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_those_of_a_build() {
        let found = [(5, 5), (3, 4), (4, 2), (5, 1), (4, 1), (3, 3), (3, 2), (2, 5), (1, 3), (2, 2), (1, 2), (1, 1)];
        assert_eq!(
            found.map(|(r, f)| rfm_segment(r, f)),
            [
                "champions",
                "loyal",
                "potential_loyalist",
                "new",
                "promising",
                "needs_attention",
                "about_to_sleep",
                "cant_lose",
                "at_risk",
                "hibernating",
                "hibernating",
                "lost"
            ]
        );
    }

    #[test]
    fn columns_have_their_names() {
        let name = |scope, name: &str| AttributeName { scope, name: name.into() };
        let names = [
            name(Scope::Profile, "segment"),
            name(Scope::Context, "segment"),
            name(Scope::Profile, "clv_minor"),
            name(Scope::Profile, "recency_days"),
        ];
        assert_eq!(Column::of_all(&names), [Some(Column::Segment), None, None, Some(Column::RecencyDays)]);
    }
}
