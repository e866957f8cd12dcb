//! The layouts that are built in, on files as their senders write them: the Worker's event segments, packed or not, with
//! retries and visitors who are known by the key of their row alone; and an export of Shopify.

use crate::kit::{self, KEY, number, text};
use crate::sources::{ORDERS, ORDERS_FEED, mapping, rows_of, table};
use vitrine_profiles::TableKey;

const ONE: &str = include_str!("../data/segments/one.ndjson");
const TWO: &str = include_str!("../data/segments/two.ndjson");
const SHOPIFY: &str = include_str!("../data/shopify.csv");

const FEEDS: &str = "[[feed]]\nid = \"edge\"\nkind = \"events\"\nfiles = [\"one.ndjson\", \"two.ndjson\"]\n\
    mapping = \"vitrine-events\"\n\
    [[feed]]\nid = \"logins\"\nkind = \"identities\"\nfiles = [\"logins.csv\"]\nmapping = \"logins.toml\"\n";

/// Segments as the Worker writes them: visitors are the hashes of their ids.
fn hashed(segment: &str) -> String {
    let key = TableKey::from_hex(KEY).unwrap();
    let hex = |id: &str| format!("{:016x}", key.hash(id).0);
    segment
        .replace("{anna}", &hex("anna"))
        .replace("{browser}", &hex("browser-1"))
        .replace("{stranger}", &hex("somebody else"))
}

#[test]
fn segments_of_the_worker_become_behaviour_of_customers() {
    let logins = "alias,customer_id,at\nbrowser-1,bert,2024-02-28T12:00:00Z\n";
    let links = mapping("identities", &["alias", "customer_id", "at"], "");
    let (one, two) = (hashed(ONE), hashed(TWO));
    let files = [
        ("orders.csv", ORDERS),
        ("one.ndjson", one.as_str()),
        ("two.ndjson", &two),
        ("logins.csv", logins),
        ("logins.toml", &links),
    ];
    let shop =
        kit::try_shop(&files, &format!("{ORDERS_FEED}{FEEDS}"), |_| {}).unwrap_or_else(|error| panic!("{error}"));
    // What a page calls its own and what another environment saw are no rows at all; of retries the first counts, in whatever
    // segment it came; who did not consent to be known is nobody.
    assert_eq!(rows_of(&shop, "events"), (11, 7, 4));
    assert_eq!(
        shop.set_aside(),
        [
            "events 1 - duplicate_key",
            "events 3 - duplicate_key",
            "events 5 at bad_date",
            "events 7 customer_id missing_customer"
        ]
    );
    let days = table(&shop, "event_days", &["customer_id", "kind", "channel", "n", "value_minor"]);
    let stranger = format!("{:016x}", TableKey::from_hex(KEY).unwrap().hash("somebody else").0);
    let mut expected = vec![
        "anna click web 1 0".to_owned(),
        "anna impression web 1 0".into(),
        "anna purchase web 1 1250".into(),
        "bert add_cart web 1 0".into(),
        "bert dismiss web 1 0".into(),
        "bert view web 1 0".into(),
        format!("{stranger} view web 1 0"),
    ];
    expected.sort();
    assert_eq!(days, expected);
    assert_eq!(number(&shop.features("bert")["carts_7d"]), 1.0);
    assert_eq!(number(&shop.features("anna")["clicks_7d"]), 1.0);
    // Known again: anna by her own id, the browser by its own and so bert's. The report counts the login, too.
    assert_eq!(shop.built.report.quality.identity.links, 3);
}

#[test]
fn an_export_of_shopify_becomes_purchases() {
    let feed =
        "[[feed]]\nid = \"shopify\"\nkind = \"orders\"\nfiles = [\"orders_export.csv\"]\nmapping = \"shopify\"\n";
    let shop = kit::try_shop(&[("orders_export.csv", SHOPIFY)], feed, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    // The order that was never paid is no row; its two lines are gone.
    assert_eq!(rows_of(&shop, "orders"), (6, 5, 1));
    assert_eq!(shop.set_aside(), ["orders 8 customer_id missing_customer"]);
    let lines = table(&shop, "purchases", &["order_id", "customer_id", "item_id", "amount_minor", "country"]);
    assert_eq!(
        lines,
        [
            "#1001 mia@example.com MUG-1 2400 NL",
            "#1001 mia@example.com POSTER 1500 NL",
            "#1001 mia@example.com TEA-GREEN 450 NL",
            "#1002 jan@example.com MUG-1 1100 BE",
            "#1003 mia@example.com MUG-1 1200 NL",
        ]
    );
    let mia = shop.features("mia@example.com");
    assert_eq!((number(&mia["frequency"]), number(&mia["monetary_minor"])), (2.0, 5550.0));
    assert_eq!(text(&mia["country"]), "NL");
}
