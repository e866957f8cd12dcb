//! Content-based: items with the same words in their category, brand and attributes. Works for items nobody has bought.
//!
//! Each token of an item weighs `ln((1 + items) / (1 + items with it)) + 1` times how often it is there; two items are
//! as alike as the cosine of these vectors. Tokens that most items have say little.

use super::RecommendError;
use super::interactions::Interactions;
use super::item_cosine::item_cosine;
use super::lists::NeighbourLists;
use std::collections::BTreeMap;

/// The share of items with a token above which it is passed over: it would make everything alike, slowly.
const SHARE_MAX: f64 = 0.2;
/// Below this number of items every token counts.
const COMMON_MIN: f64 = 50.0;

/// What an item is, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemWords {
    /// Category, brand and `key=value` attributes: whole values, one token each.
    pub values: Vec<String>,
    /// Free text, such as the name: split at whatever is no letter or digit, without regard to case.
    pub text: String,
}

impl ItemWords {
    fn tokens(&self) -> BTreeMap<String, f64> {
        let mut tokens = BTreeMap::new();
        let values = self.values.iter().map(|value| value.trim().to_lowercase()).filter(|value| !value.is_empty());
        // A mark keeps values apart from words: the category "red" is not the word "red".
        for value in values {
            *tokens.entry(format!("={value}")).or_insert(0.0) += 1.0;
        }
        let text = self.text.to_lowercase();
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        for word in words.filter(|word| word.chars().count() > 1 || !word.is_ascii()) {
            *tokens.entry(word.to_owned()).or_insert(0.0) += 1.0;
        }
        tokens
    }
}

/// The lists of the `per_item` most alike items by their words. Shape of `items`: one an item.
///
/// Errors: more than 2^32 items or tokens.
pub fn content_lists(items: &[ItemWords], per_item: usize) -> Result<NeighbourLists, RecommendError> {
    let tokens: Vec<BTreeMap<String, f64>> = items.iter().map(ItemWords::tokens).collect();
    let mut n_with: BTreeMap<&str, u32> = BTreeMap::new();
    for token in tokens.iter().flat_map(BTreeMap::keys) {
        *n_with.entry(token).or_insert(0) += 1;
    }
    let n_items = items.len() as f64;
    let common = (n_items * SHARE_MAX).max(COMMON_MIN);
    n_with.retain(|_, n| f64::from(*n) <= common);
    let places: BTreeMap<&str, u32> = n_with.keys().copied().zip(0..).collect();
    let mut entries = Vec::new();
    for (item, tokens) in (0_u32..).zip(&tokens) {
        let found =
            tokens.iter().filter_map(|(token, n)| Some((places.get(token.as_str())?, n_with.get(token.as_str())?, n)));
        let row: Vec<(u32, f64)> = found
            .map(|(place, n_with, n)| (*place, n * (((1.0 + n_items) / (1.0 + f64::from(*n_with))).ln() + 1.0)))
            .collect();
        let length = row.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        entries.extend(row.iter().map(|(place, weight)| (*place, item, (weight / length) as f32)));
    }
    // Tokens take the place of customers.
    let words = Interactions::new(places.len() as u32, items.len() as u32, entries)?;
    item_cosine(&words, 0.0, per_item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(values: &[&str], text: &str) -> ItemWords {
        ItemWords { values: values.iter().map(|value| value.to_string()).collect(), text: text.into() }
    }

    #[test]
    fn rare_words_make_alike() {
        let items = [
            item(&["lights"], "RED paper lantern"),
            item(&["lights"], "Blue Paper LANTERN!"),
            item(&["kitchen"], "red tin mug"),
            item(&["kitchen"], ""),
            item(&[], ""),
            item(&["红"], "纸灯 笼"),
            item(&["红"], "灯"),
        ];
        let lists = content_lists(&items, 5).unwrap();
        assert_eq!(lists.of(0)[0].0, 1);
        assert_eq!(lists.of(0)[1].0, 2);
        assert_eq!(lists.of(3).iter().map(|(item, _)| *item).collect::<Vec<_>>(), [2]);
        assert!(lists.of(4).is_empty());
        assert_eq!(lists.of(5)[0].0, 6);
        assert!(lists.as_slice().iter().flatten().all(|(_, alike)| *alike > 0.0 && *alike <= 1.0001));
    }

    #[test]
    fn equal_items_are_wholly_alike() {
        let lists = content_lists(&[item(&["a", "b=1"], "x y zz"), item(&["a", "b=1"], "zz x y")], 1).unwrap();
        assert!((lists.of(0)[0].1 - 1.0).abs() < 1e-6);
        assert_eq!(content_lists(&[], 3).unwrap().n_neighbours(), 0);
    }
}
