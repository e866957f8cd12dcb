//! The offers of the made-up shop: a Vitrine configuration document with one offer for each taste.

use crate::taste::{TASTES, Taste};
use serde_json::{Value, json};

/// The placement that shows one offer.
pub const HERO_PLACEMENT: &str = "home-hero";
/// The placement that shows several.
pub const STRIP_PLACEMENT: &str = "home-strip";
/// Locale of every creative.
pub const CONTENT_LOCALE: &str = "en";

/// Id of the offer that is made for a taste.
pub(crate) fn offer_id(taste: &Taste) -> String {
    format!("for-{}", taste.id.replace('_', "-"))
}

/// The document that `vitrine config publish` takes: an offer for each taste, two placements, a fallback each.
pub fn offers_document() -> Value {
    let offers: Vec<Value> = TASTES.iter().map(|taste| json!({ "id": offer_id(taste) })).collect();
    json!({ "version": 1, "offers": offers })
}
