//! What the shop sells: categories, items with names and prices, and who likes which item.

mod words;

use crate::draw::{Choice, Draw, Purpose};
use crate::goods::{BRANDS, Goods};
use crate::taste::{N_TASTES, TASTES};
use words::{LOOKS, WORDS, Words};

/// A category of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    Garden,
    Kitchen,
    Tableware,
    Lighting,
    Stationery,
    Crafts,
    Toys,
    Books,
    Outdoor,
    Fitness,
    Electronics,
    Beauty,
}

/// All categories, in the order of their discriminants.
pub const CATEGORIES: [Category; 12] = [
    Category::Garden,
    Category::Kitchen,
    Category::Tableware,
    Category::Lighting,
    Category::Stationery,
    Category::Crafts,
    Category::Toys,
    Category::Books,
    Category::Outdoor,
    Category::Fitness,
    Category::Electronics,
    Category::Beauty,
];

impl Category {
    fn words(self) -> &'static Words {
        &WORDS[self as usize]
    }

    /// Identifier in every file, such as `garden`.
    pub fn id(self) -> &'static str {
        self.words().id
    }
}

/// One thing on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Identifier, such as `GAR-0017`; unique in the catalogue.
    pub id: String,
    /// Name for people; may hold commas and letters beyond ASCII.
    pub name: String,
    /// Where it belongs.
    pub category: Category,
    /// List price. Unit: minor units. Range: 100..=200_000.
    pub price_minor: i64,
    /// Whom it is made for: an index into [`TASTES`]; `None` in a category that no taste likes.
    pub made_for: Option<usize>,
    /// Brand, cost, stock and attributes.
    pub goods: Goods,
}

/// All items, with the choices that customers make among them.
#[derive(Debug)]
pub struct Catalogue {
    items: Vec<Item>,
    /// Position of each category's first item, and the end: items of a category lie together.
    starts: [usize; CATEGORIES.len() + 1],
    /// For a purchase by chance: a category, then an item of it by popularity.
    any_category: Choice,
    by_popularity: Vec<Choice>,
    /// For a purchase by taste: a position in the taste's categories, then an item by popularity and for whom it is made.
    taste_category: Vec<Choice>,
    by_taste: Vec<Choice>,
    /// For a purchase of a favourite brand: positions of the items of each (category, brand), and the choice of a taste
    /// among them, by (taste, category, brand).
    of_brand: Vec<Vec<usize>>,
    by_brand: Vec<Choice>,
}

/// How much more a person likes an item that is made for their taste than another of the same category.
const MADE_FOR_FACTOR: u64 = 8;

impl Catalogue {
    /// The catalogue of a shop. `n_items` is rounded up to a multiple of the number of categories.
    pub(crate) fn new(seed: u64, n_items: usize) -> Self {
        let a_category = n_items.div_ceil(CATEGORIES.len());
        let mut items = Vec::with_capacity(a_category * CATEGORIES.len());
        let mut popularity = Vec::with_capacity(items.capacity());
        for category in CATEGORIES {
            let mut draw = Draw::new(seed, Purpose::Catalogue, category as u64);
            let mut goods = Draw::new(seed, Purpose::Goods, category as u64);
            let brands = crate::goods::draw_brands(a_category, &mut goods);
            let fans: Vec<usize> = (0..N_TASTES)
                .filter(|&taste| TASTES[taste].categories.iter().any(|(liked, _)| *liked == category))
                .collect();
            let mut ranks: Vec<u64> = (0..a_category as u64).collect();
            draw.shuffle(&mut ranks);
            for (idx, rank) in ranks.into_iter().enumerate() {
                // Zipf with a flattened head: the best seller of a category has about a tenth of its sales.
                popularity.push(10_000_000 / (rank + 3));
                let name = name(category, idx);
                let price_minor = price_minor(category, &mut draw);
                items.push(Item {
                    id: format!("{}-{:04}", category.words().prefix, idx + 1),
                    goods: Goods::draw(brands[idx], price_minor, &name, &mut goods),
                    name,
                    category,
                    price_minor,
                    made_for: (!fans.is_empty()).then(|| fans[idx % fans.len()]),
                });
            }
        }
        let starts = core::array::from_fn(|idx| idx * a_category);
        let range = |category: Category| starts[category as usize]..starts[category as usize + 1];
        let by_popularity = CATEGORIES.iter().map(|&c| Choice::new(popularity[range(c)].iter().copied())).collect();
        let liking = |idx: usize, taste: usize| {
            let factor = if items[idx].made_for == Some(taste) { MADE_FOR_FACTOR } else { 1 };
            popularity[idx] * factor
        };
        let by_taste = (0..N_TASTES)
            .flat_map(|taste| CATEGORIES.map(|category| (taste, category)))
            .map(|(taste, category)| Choice::new(range(category).map(|idx| liking(idx, taste))))
            .collect();
        let of_brand: Vec<Vec<usize>> = CATEGORIES
            .iter()
            .flat_map(|&category| (0..BRANDS.len()).map(move |brand| (category, brand)))
            .map(|(category, brand)| range(category).filter(|&idx| items[idx].goods.brand == brand).collect())
            .collect();
        let by_brand = (0..N_TASTES)
            .flat_map(|taste| of_brand.iter().map(move |idxs| (taste, idxs)))
            .map(|(taste, idxs)| Choice::new(idxs.iter().map(|&idx| liking(idx, taste))))
            .collect();
        Self {
            items,
            starts,
            any_category: Choice::new(CATEGORIES.iter().map(|category| category.words().share_percent)),
            by_popularity,
            taste_category: TASTES
                .iter()
                .map(|t| Choice::new(t.categories.iter().map(|(_, w)| u64::from(*w))))
                .collect(),
            by_taste,
            of_brand,
            by_brand,
        }
    }

    /// All items; those of one category lie together, in [`CATEGORIES`] order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// A draw of an item that anybody might buy. Result: a position in [`Catalogue::items`].
    pub(crate) fn any_item(&self, draw: &mut Draw) -> usize {
        let category = self.any_category.pick(draw);
        self.starts[category] + self.by_popularity[category].pick(draw)
    }

    /// A draw of an item of one brand by a taste, in the category of the item at `like`. Result: a position in
    /// [`Catalogue::items`].
    pub(crate) fn item_of_brand(&self, like: usize, brand: usize, taste: usize, draw: &mut Draw) -> usize {
        let group = self.items[like].category as usize * BRANDS.len() + brand;
        let choice = &self.by_brand[taste * self.of_brand.len() + group];
        self.of_brand[group][choice.pick(draw)]
    }

    /// A draw of an item by a taste. Result: a position in [`Catalogue::items`].
    pub(crate) fn item_for(&self, taste: usize, draw: &mut Draw) -> usize {
        let category = TASTES[taste].categories[self.taste_category[taste].pick(draw)].0 as usize;
        self.starts[category] + self.by_taste[taste * CATEGORIES.len() + category].pick(draw)
    }
}

/// Name of item number `idx` of a category: one of the nouns with one of the looks, never the same twice.
fn name(category: Category, idx: usize) -> String {
    let noun = category.words().nouns[idx % 12];
    let round = idx / 12;
    let look = LOOKS[(round + idx) % LOOKS.len()];
    match round / LOOKS.len() {
        0 => format!("{look} {noun}"),
        edition => format!("{look} {noun} No. {}", edition + 1),
    }
}

/// A price as shops write it: ending in .99 below 50.00, in .00 above.
fn price_minor(category: Category, draw: &mut Draw) -> i64 {
    let raw = draw.log_normal(category.words().median_minor, 0.6).clamp(100.0, 200_000.0) as i64;
    if raw < 5_000 { raw / 100 * 100 + 99 } else { (raw + 250) / 500 * 500 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn items_are_distinct_and_sound() {
        let catalogue = Catalogue::new(1, 2000);
        assert_eq!(catalogue.items().len(), 2004);
        let ids: BTreeSet<_> = catalogue.items().iter().map(|item| &item.id).collect();
        let names: BTreeSet<_> = catalogue.items().iter().map(|item| (&item.name, item.category)).collect();
        assert_eq!((ids.len(), names.len()), (2004, 2004));
        assert!(catalogue.items().iter().all(|item| (100..=200_000).contains(&item.price_minor)));
        assert!(catalogue.items().iter().any(|item| item.name.contains(',')));
    }

    #[test]
    fn tables_are_in_order() {
        assert_eq!(WORDS.iter().map(|words| words.share_percent).sum::<u64>(), 100);
        for (idx, category) in CATEGORIES.into_iter().enumerate() {
            assert_eq!(category as usize, idx);
        }
        assert_eq!(CATEGORIES[7].id(), "books");
    }
}
