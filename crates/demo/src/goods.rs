//! What a catalogue tells of an item beside its name and price: brand, cost, stock, attributes.

use crate::draw::Draw;

/// The brands of the shop. Each has things in every category, so that a liking for a brand is not one for a category.
pub const BRANDS: [&str; 8] = ["Ahorn", "Belmonte", "Corvina", "Dalby", "Ekko", "Fjell & Co", "Grünwerk", "Hearth"];

/// What is known of an item beside its name and price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    /// An index into [`BRANDS`].
    pub brand: usize,
    /// What the shop pays for one piece. Unit: minor units. Range: 1 up to its price.
    pub cost_minor: i64,
    /// Pieces in stock; one item in twenty has none.
    pub stock: i64,
    /// Attributes as `key=value` with `;` between: colour or material, and a grade of sustainability.
    pub attributes: String,
}

/// Colours, materials and the like that an item's name begins with, as attributes.
const LOOKS: [(&str, &str); 9] = [
    ("Blue", "colour=blue"),
    ("Red", "colour=red"),
    ("Green", "colour=green"),
    ("White", "colour=white"),
    ("Black", "colour=black"),
    ("Oak", "material=oak"),
    ("Linen", "material=linen"),
    ("Small", "size=small"),
    ("Large", "size=large"),
];

impl Goods {
    /// The goods of an item of a brand, with its price (minor units, above 0) and name.
    pub(crate) fn draw(brand: usize, price_minor: i64, name: &str, draw: &mut Draw) -> Self {
        let cost_percent = 35 + i64::from(draw.below(36));
        let stock = if draw.chance(0.05) { 0 } else { 1 + i64::from(draw.below(400)) };
        let grade = draw.one_of(&["a", "b", "c"]);
        let look =
            LOOKS.iter().find(|(word, _)| name.starts_with(word)).map_or("style=plain", |(_, attribute)| attribute);
        Self {
            brand,
            cost_minor: (price_minor * cost_percent / 100).max(1),
            stock,
            attributes: format!("{look};grade={grade}"),
        }
    }

    /// Name of the brand.
    pub fn brand_name(&self) -> &'static str {
        BRANDS[self.brand]
    }
}

/// Brands of the items of one category: each has its share, in random order.
pub(crate) fn draw_brands(n_items: usize, draw: &mut Draw) -> Vec<usize> {
    let mut brands: Vec<usize> = (0..n_items).map(|idx| idx % BRANDS.len()).collect();
    draw.shuffle(&mut brands);
    brands
}
