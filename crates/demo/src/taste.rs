//! The shop's tastes: what kinds of people buy here, and which categories each kind likes.

use crate::catalogue::Category;
use crate::draw::{Choice, Draw};

/// A kind of person that buys here.
#[derive(Debug)]
pub struct Taste {
    /// Name in the truth and in the offers.
    pub id: &'static str,
    /// Share of customers whose strongest taste this is. Unit: parts in 100; over all tastes the sum is 100.
    pub share_percent: u32,
    /// Liked categories, strongest first, with weights in parts of 100; the sum is 100.
    pub categories: &'static [(Category, u32)],
}

/// All tastes. The strongest category of each is the strongest of no other, so that it gives the taste away.
pub const TASTES: &[Taste] = &[
    Taste {
        id: "gardener",
        share_percent: 17,
        categories: &[(Category::Garden, 60), (Category::Outdoor, 20), (Category::Lighting, 20)],
    },
    Taste {
        id: "home_cook",
        share_percent: 18,
        categories: &[(Category::Kitchen, 60), (Category::Tableware, 25), (Category::Books, 15)],
    },
    Taste {
        id: "host",
        share_percent: 12,
        categories: &[(Category::Tableware, 50), (Category::Lighting, 30), (Category::Stationery, 20)],
    },
    Taste {
        id: "maker",
        share_percent: 11,
        categories: &[(Category::Crafts, 60), (Category::Stationery, 30), (Category::Electronics, 10)],
    },
    Taste {
        id: "parent",
        share_percent: 14,
        categories: &[(Category::Toys, 60), (Category::Books, 25), (Category::Crafts, 15)],
    },
    Taste {
        id: "reader",
        share_percent: 11,
        categories: &[(Category::Books, 65), (Category::Stationery, 20), (Category::Lighting, 15)],
    },
    Taste {
        id: "athlete",
        share_percent: 9,
        categories: &[(Category::Fitness, 60), (Category::Outdoor, 25), (Category::Beauty, 15)],
    },
    Taste {
        id: "gadgeteer",
        share_percent: 8,
        categories: &[(Category::Electronics, 70), (Category::Lighting, 15), (Category::Fitness, 15)],
    },
];

/// Number of tastes.
pub(crate) const N_TASTES: usize = TASTES.len();

/// Draws how much of each taste a person has.
///
/// Shape: one weight a taste, in [`TASTES`] order. Unit: parts in 1000; the sum is exactly 1000. The strongest has at
/// least 550, up to two others share the rest.
pub(crate) fn draw_weights(draw: &mut Draw, main: &Choice) -> [u16; N_TASTES] {
    let mut weights = [0; N_TASTES];
    let top = main.pick(draw);
    let top_weight = 550 + draw.below(401) as u16;
    let side = main.pick(draw);
    let side_weight = (f64::from(1000 - top_weight) * draw.unit()) as u16;
    let other = main.pick(draw);
    weights[top] += top_weight;
    weights[side] += side_weight;
    weights[other] += 1000 - top_weight - side_weight;
    weights
}

/// The choice of a person's strongest taste.
pub(crate) fn main_choice() -> Choice {
    Choice::new(TASTES.iter().map(|taste| u64::from(taste.share_percent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;
    use std::collections::BTreeSet;

    #[test]
    fn table_is_sound() {
        assert_eq!(TASTES.iter().map(|taste| taste.share_percent).sum::<u32>(), 100);
        let tops: BTreeSet<_> = TASTES.iter().map(|taste| taste.categories[0].0.id()).collect();
        assert_eq!(tops.len(), N_TASTES, "a strongest category is shared");
        for taste in TASTES {
            assert_eq!(taste.categories.iter().map(|(_, weight)| weight).sum::<u32>(), 100, "{}", taste.id);
        }
    }

    #[test]
    fn weights_sum_to_one_thousand_with_one_clear_favourite() {
        let main = main_choice();
        for idx in 0..500 {
            let weights = draw_weights(&mut Draw::new(3, Purpose::Customer, idx), &main);
            assert_eq!(weights.iter().sum::<u16>(), 1000);
            assert!(weights.iter().max().is_some_and(|&top| top >= 550));
        }
    }
}
