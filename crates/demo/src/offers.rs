//! The configuration of the made-up shop: a Vitrine document with one offer for each taste, a flag and an experiment.

use crate::taste::{TASTES, Taste};
use serde_json::{Value, json};

/// The placement that shows one offer, by what the visitor likes.
pub const HERO_PLACEMENT: &str = "home-hero";
/// The placement that shows three of them.
pub const STRIP_PLACEMENT: &str = "home-strip";
/// The placement that shows one offer by who the visitor is to the shop: audiences and priorities.
pub const BAR_PLACEMENT: &str = "top-bar";

/// Id of the offer that is made for a taste.
pub(crate) fn offer_id(taste: &Taste) -> String {
    format!("for-{}", taste.id.replace('_', "-"))
}

/// The flag whose value depends on who the visitor is to the shop.
pub const DELIVERY_FLAG: &str = "free-delivery-from";
/// The experiment, and the flag that it sets.
pub const EXPERIMENT: &str = "checkout-button";

/// The document that `vitrine config publish` takes: an offer for each taste, others for new, loyal and lost customers,
/// three placements with their fallback offers; a flag with a rule for loyal customers, and an experiment.
pub fn offers_document() -> Value {
    let for_tastes: Vec<String> = TASTES.iter().map(offer_id).collect();
    let mut offers: Vec<Value> = TASTES.iter().map(taste_offer).collect();
    offers.extend(other_offers());
    json!({
        "version": 1,
        "settings": { "consent": "required" },
        "audiences": [
            {
                "id": "loyal",
                "description": "Those who come back often and were here lately",
                "when": { "profile.segment": { "$in": ["champions", "loyal"] } }
            },
            {
                "id": "slipping",
                "description": "Good customers who have not been here for a while",
                "when": { "profile.segment": { "$in": ["at_risk", "cant_lose"] } }
            },
            {
                "id": "one-order",
                "description": "Customers with a single order so far",
                "when": { "profile.is_repeat": false }
            }
        ],
        "offers": offers,
        "placements": [
            { "id": HERO_PLACEMENT, "offers": for_tastes, "ranker": "items", "count": 1, "fallback": "best-sellers" },
            { "id": STRIP_PLACEMENT, "offers": for_tastes, "ranker": "items", "count": 3, "fallback": "best-sellers" },
            {
                "id": BAR_PLACEMENT,
                "offers": ["early-access", "come-back", "second-order", "summer-sale"],
                "ranker": "priority",
                "count": 1,
                "fallback": "free-delivery"
            }
        ],
        "metrics": [
            {
                "id": "orders",
                "name": "Visitors who order",
                "type": "proportion",
                "event": "purchase",
                "goal": "increase"
            }
        ],
        "flags": [
            {
                "id": DELIVERY_FLAG,
                "description": "Value of an order, in euros, from which delivery is free",
                "type": "integer",
                "default": 40,
                "rules": [{ "id": "loyal", "audience": "loyal", "value": 20 }]
            }
        ],
        "experiments": [
            {
                "id": EXPERIMENT,
                "name": "Text of the checkout button",
                "hypothesis": "A button that says what happens next is pressed more often",
                "owner": "shop",
                "variations": [
                    { "id": "control", "value": "Buy", "weight": 50 },
                    { "id": "next-step", "value": "Continue to payment", "weight": 50 }
                ],
                "metrics": { "goal": ["orders"] }
            }
        ]
    })
}

/// The offer for a taste: it promotes the category that gives the taste away.
fn taste_offer(taste: &Taste) -> Value {
    let (title, body) = match taste.id {
        "gardener" => ("Your garden, ready for the season", "Pots, planters and tools that last."),
        "home_cook" => ("Something good is cooking", "Pans, tins and spices for every day."),
        "host" => ("Guests at eight?", "Set the table, light the candles."),
        "maker" => ("Make it yourself", "Wool, paint and clay for long evenings."),
        "parent" => ("Playtime", "Puzzles and blocks for small hands."),
        "reader" => ("Just one more chapter", "New books for the armchair."),
        "athlete" => ("Move a little more", "Mats, bands and bottles for your training."),
        _ => ("Switched on", "Small electronics that make life easier."),
    };
    let category = taste.categories[0].0.id();
    json!({
        "id": offer_id(taste),
        "description": format!("For those with the taste {:?}", taste.id),
        "categories": [category],
        "content": { "title": title, "body": body, "href": format!("/c/{category}"), "image": format!("/img/{category}.avif") }
    })
}

fn other_offers() -> Vec<Value> {
    let content = |title: &str, body: &str, href: &str| json!({ "title": title, "body": body, "href": href });
    vec![
        json!({
            "id": "early-access",
            "audience": "loyal",
            "priority": 30,
            "content": content("Early access for you", "See the new season two days before everybody else.", "/early")
        }),
        json!({
            "id": "come-back",
            "audience": "slipping",
            "priority": 20,
            "content": content("We have missed you", "Delivery is on us this time.", "/welcome-back")
        }),
        json!({
            "id": "second-order",
            "audience": "one-order",
            "priority": 10,
            "content": content("Good to see you again", "Ten percent off your second order.", "/second")
        }),
        json!({
            "id": "summer-sale",
            "description": "For everybody, in July",
            "starts": "2026-07-01T00:00:00Z",
            "ends": "2026-08-01T00:00:00Z",
            "content": content("Summer sale", "Fifteen percent off everything in July.", "/sale")
        }),
        json!({
            "id": "best-sellers",
            "content": content("What everybody loves", "The best sellers of this month.", "/best")
        }),
        json!({
            "id": "free-delivery",
            "creatives": [
                { "content": content("Free delivery", "On orders above 40 euros.", "/delivery") },
                { "locale": "de", "content": content("Kostenloser Versand", "Ab 40 Euro Bestellwert.", "/versand") },
                { "locale": "fr", "content": content("Livraison gratuite", "Dès 40 euros d'achat.", "/livraison") }
            ]
        }),
    ]
}
