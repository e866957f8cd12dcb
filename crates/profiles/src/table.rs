//! The columns of the profile table and of the item table: how many bits each feature gets.
//!
//! Ranges are chosen once for shops of every size, so that two builds of one shop have the same schema as long as their
//! dictionaries are equal.

use crate::BuildError;
use crate::engine::{CustomerRow, ItemRow};
use crate::neighbours::{Neighbour, ProfileShape};
use std::collections::{BTreeMap, HashMap};
use vitrine_tables::{CellValue, ColumnIdx, ColumnSpec, ColumnType, ItemRecord, RowValues, Scale, Schema};

/// Categories that keep their names; the others are `OTHER`. With it they fit 8 bits.
pub(crate) const CATEGORIES_MAX: u64 = 255;
/// Places of `top_categories`.
pub(crate) const TOP_CATEGORIES: u8 = 5;
/// Places of `last_items`.
pub(crate) const LAST_ITEMS: u8 = 12;
/// Width of the weights of both lists. Unit: bits.
const WEIGHT_BITS: u8 = 4;
/// The name of whatever has no room in a dictionary.
const OTHER: &str = "OTHER";
/// Countries that keep their names: with `OTHER` and the code for missing they fit 8 bits.
const COUNTRIES_MAX: usize = 254;

/// Segments from the best to the worst; `sql/rfm.sql` says who belongs to which.
pub(crate) const SEGMENTS: [&str; 11] = [
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
    "lost",
];

/// What a profile of this schema can say of a customer's items.
pub(crate) const SHAPE: ProfileShape =
    ProfileShape { items_max: LAST_ITEMS as usize, weight_steps: (1 << WEIGHT_BITS) - 1 };

/// The schema with the places of its columns and of the items.
pub(crate) struct Layout {
    pub(crate) schema: Schema,
    places: Places,
    categories: HashMap<String, u32>,
    countries: HashMap<String, ()>,
    items: HashMap<String, u32>,
}

macro_rules! columns {
    ($($name:ident),+ $(,)?) => {
        struct Places { $($name: ColumnIdx),+ }

        impl Places {
            fn of(schema: &Schema) -> Option<Self> {
                Some(Self { $($name: schema.column(stringify!($name))?),+ })
            }
        }
    };
}

columns!(
    recency_days,
    frequency,
    monetary_minor,
    aov_minor,
    tenure_days,
    gap_days,
    basket_items,
    n_items,
    is_repeat,
    country,
    r_quintile,
    f_quintile,
    m_quintile,
    segment,
    weekday,
    hour,
    weekend_share,
    top_categories,
    last_items,
);

impl Layout {
    /// The layout for a shop. `categories` and `countries` come with the customers or items that have them; `items`
    /// are those of the item table, by rising id.
    pub(crate) fn new(
        categories: &[(String, u64)],
        countries: &[(String, u64)],
        items: &[ItemRow],
    ) -> Result<Self, BuildError> {
        let categories = dictionary(categories, CATEGORIES_MAX as usize);
        let countries = dictionary(countries, COUNTRIES_MAX);
        let segments = SEGMENTS.map(str::to_owned).to_vec();
        let specs = specs(categories.len(), countries.len(), items.len());
        let known = positions(&categories);
        let known_countries = countries.iter().map(|country| (country.clone(), ())).collect();
        let schema = Schema::new(
            specs,
            BTreeMap::from([
                ("categories".to_owned(), categories),
                ("countries".to_owned(), countries),
                ("segments".to_owned(), segments),
            ]),
        )?;
        let places = Places::of(&schema)
            .ok_or_else(|| BuildError::Inconsistent { what: "a column is missing from the schema".into() })?;
        let ids: Vec<String> = items.iter().map(|item| item.item_id.clone()).collect();
        Ok(Self { schema, places, categories: known, countries: known_countries, items: positions(&ids) })
    }

    /// The places of the items in the item table.
    pub(crate) fn items(&self) -> &HashMap<String, u32> {
        &self.items
    }

    /// Hands on the values of one row.
    pub(crate) fn with_row<T>(&self, row: &CustomerRow, encode: impl FnOnce(&RowValues<'_>) -> T) -> T {
        let at = &self.places;
        let top_categories = listed(&row.top_categories, &self.categories);
        let last_items = listed(&row.last_items, &self.items);
        let country = row.country.as_deref().map_or(CellValue::Missing, |country| {
            CellValue::Category(if self.countries.contains_key(country) { country } else { OTHER })
        });
        let mut values = RowValues::new(&self.schema);
        values
            .set(at.recency_days, CellValue::Unsigned(row.recency_days))
            .set(at.frequency, CellValue::Unsigned(row.frequency))
            .set(at.monetary_minor, CellValue::Number(row.monetary_minor as f64))
            .set(at.aov_minor, CellValue::Number(row.aov_minor as f64))
            .set(at.tenure_days, CellValue::Unsigned(row.tenure_days))
            .set(at.gap_days, row.gap_days.map_or(CellValue::Missing, CellValue::Number))
            .set(at.basket_items, CellValue::Number(row.basket_items))
            .set(at.n_items, CellValue::Unsigned(row.n_items))
            .set(at.is_repeat, CellValue::Bool(row.is_repeat))
            .set(at.country, country)
            .set(at.r_quintile, CellValue::Unsigned(row.r_quintile))
            .set(at.f_quintile, CellValue::Unsigned(row.f_quintile))
            .set(at.m_quintile, CellValue::Unsigned(row.m_quintile))
            .set(at.segment, CellValue::Category(&row.segment))
            .set(at.weekday, CellValue::Unsigned(row.weekday))
            .set(at.hour, CellValue::Unsigned(row.hour))
            .set(at.weekend_share, CellValue::Number(row.weekend_share))
            .set(at.top_categories, CellValue::TopK(&top_categories))
            .set(at.last_items, CellValue::TopK(&last_items));
        encode(&values)
    }
}

/// The records of the item table. `n_customers`: all customers, of whom popularity is a share.
pub(crate) fn item_records(items: &[ItemRow], lists: &[Vec<Neighbour>], n_customers: u64) -> Vec<ItemRecord> {
    let id = |idx: u32| items.get(idx as usize).map(|item| item.item_id.clone());
    items
        .iter()
        .zip(lists)
        .map(|(item, list)| ItemRecord {
            id: item.item_id.clone(),
            category: item.category.clone(),
            popularity: (item.n_buyers as f64 / n_customers.max(1) as f64) as f32,
            neighbours: list.iter().filter_map(|(idx, weight)| Some((id(*idx)?, *weight))).collect(),
        })
        .collect()
}

/// Every column. Beside each: the largest value, and the error of a scale.
fn specs(n_categories: usize, n_countries: usize, n_items: usize) -> Vec<ColumnSpec> {
    let column = |name: &str, kind| ColumnSpec { name: name.to_owned(), kind, nullable: false };
    let nullable = |name: &str, kind| ColumnSpec { name: name.to_owned(), kind, nullable: true };
    let unsigned = |bits| ColumnType::Unsigned { bits };
    let log = |bits, zero, step| ColumnType::Scaled { bits, scale: Scale::Log, zero, step };
    let top_k = |k, id_bits, dictionary: &str| ColumnType::TopK {
        k,
        id_bits,
        weight_bits: WEIGHT_BITS,
        weight_max: 1.0,
        dictionary: dictionary.to_owned(),
    };
    vec![
        column("recency_days", unsigned(12)),
        column("frequency", unsigned(12)),
        // 1 to 46 thousand million minor units, within 0.3 %.
        column("monetary_minor", log(12, 1.0, 0.006)),
        column("aov_minor", log(12, 1.0, 0.006)),
        column("tenure_days", unsigned(12)),
        // A tenth of a day to 7 years, within 0.5 %.
        nullable("gap_days", log(10, 0.1, 0.01)),
        // 1 to 3,500 items, within 0.4 %.
        column("basket_items", log(10, 1.0, 0.008)),
        column("n_items", unsigned(12)),
        column("is_repeat", ColumnType::Bool),
        nullable(
            "country",
            ColumnType::Category { bits: bits_for(n_countries + 1).max(2), dictionary: "countries".into() },
        ),
        column("r_quintile", unsigned(3)),
        column("f_quintile", unsigned(3)),
        column("m_quintile", unsigned(3)),
        column("segment", ColumnType::Category { bits: bits_for(SEGMENTS.len()), dictionary: "segments".into() }),
        column("weekday", unsigned(3)),
        column("hour", unsigned(5)),
        // Within 1.6 points of a hundred.
        column("weekend_share", ColumnType::Scaled { bits: 5, scale: Scale::Linear, zero: 0.0, step: 1.0 / 31.0 }),
        column("top_categories", top_k(TOP_CATEGORIES, bits_for(n_categories), "categories")),
        column("last_items", top_k(LAST_ITEMS, bits_for(n_items), "items")),
    ]
}

/// Bits that tell `n` values apart; at least 1.
fn bits_for(n: usize) -> u8 {
    let bits = usize::BITS - n.saturating_sub(1).leading_zeros();
    u8::try_from(bits.max(1)).unwrap_or(u8::MAX)
}

/// The most frequent entries and `OTHER`, by name.
fn dictionary(counted: &[(String, u64)], names_max: usize) -> Vec<String> {
    let mut counted: Vec<&(String, u64)> = counted.iter().filter(|(name, _)| name != OTHER).collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut names: Vec<String> = counted.into_iter().take(names_max).map(|(name, _)| name.clone()).collect();
    names.push(OTHER.to_owned());
    names.sort();
    names
}

fn positions(names: &[String]) -> HashMap<String, u32> {
    names.iter().cloned().zip(0..).collect()
}

fn listed(named: &[(String, f64)], positions: &HashMap<String, u32>) -> Vec<(u32, f32)> {
    named.iter().filter_map(|(name, weight)| Some((*positions.get(name)?, *weight as f32))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_least_that_do() {
        assert_eq!([0, 1, 2, 3, 4, 5, 255, 256, 257, 3665].map(bits_for), [1, 1, 1, 2, 2, 3, 8, 8, 9, 12]);
    }

    #[test]
    fn rare_entries_are_other() {
        let counted = [("B", 2), ("A", 1), ("OTHER", 9), ("C", 2)].map(|(name, n)| (name.to_owned(), n));
        assert_eq!(dictionary(&counted, 2), ["B", "C", "OTHER"]);
        assert_eq!(dictionary(&[], 2), ["OTHER"]);
    }

    #[test]
    fn a_row_of_a_large_shop_has_room_for_its_key_in_64_bytes() {
        let names = |n: usize| (0..n).map(|i| (format!("{i:04}"), 1)).collect::<Vec<_>>();
        let items: Vec<ItemRow> =
            (0..6000).map(|i| ItemRow { item_id: format!("{i:04}"), category: None, n_buyers: 1 }).collect();
        let layout = Layout::new(&names(300), &names(300), &items).unwrap();
        assert_eq!(layout.schema.visitor_bytes(), 57);
    }
}
