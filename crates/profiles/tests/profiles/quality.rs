//! The standing quality report: terms of feeds, counts, match rates, and drift since the last build.

use crate::kit;
use crate::sources::{ORDERS, ORDERS_FEED, mapping, shop_of};

const COSTS: &str = "channel,campaign,day,cost\nweb,c,2024-01-01,1\n";

fn with_terms(terms: &str, today: Option<&str>) -> Result<kit::Shop, String> {
    let own = mapping("costs", &["channel", "campaign", "day", "cost"], "");
    let feed = format!(
        "{ORDERS_FEED}[[feed]]\nid = \"ads\"\nkind = \"costs\"\nfiles = [\"costs.csv\"]\nmapping = \"own.toml\"\n{terms}"
    );
    kit::try_shop(&[("orders.csv", ORDERS), ("costs.csv", COSTS), ("own.toml", &own)], &feed, |options| {
        options.today = today.map(|today| today.parse().unwrap());
    })
    .map_err(|error| error.to_string())
}

#[test]
fn a_feed_that_may_not_be_used_is_not_read() {
    let terms = "provider = \"Ads Ltd\"\npurpose = \"budget\"\nlegal_basis = \"contract\"\nlicence = \"CC-BY\"\nexpires = \"2024-06-01\"\n";
    let rows =
        |shop: &kit::Shop| shop.built.report.quality.feeds.iter().find(|feed| feed.feed == "ads").unwrap().clone();
    let before = rows(&with_terms(terms, Some("2024-05-31")).unwrap());
    assert_eq!((before.is_active, before.rows, before.expires.as_deref()), (true, 1, Some("2024-06-01")));
    assert_eq!((before.provider.as_deref(), before.licence.as_deref()), (Some("Ads Ltd"), Some("CC-BY")));
    let expired = with_terms(terms, Some("2024-06-01")).unwrap();
    assert_eq!((rows(&expired).is_active, rows(&expired).rows), (false, 0));
    let warnings = &expired.built.report.warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("feed ads") && warning.contains("costs of channels")),
        "{warnings:?}"
    );
    let denied = with_terms("authorised = false\n", None).unwrap();
    assert!(rows(&denied).switched_off.unwrap().contains("not authorised"));
    let error = with_terms(terms, None).err().unwrap();
    assert!(error.contains("option today") && error.contains("feed ads"), "{error}");
}

#[test]
fn missing_shares_conversions_and_first_rows_are_said() {
    let csv = "item_id,item_name,price\nA,Apple,1\nB,,x\nC,,2\n";
    let shop = shop_of("catalogue", csv, &mapping("catalogue", &["item_id", "item_name", "price"], ""));
    let kinds = &shop.built.report.quality.kinds;
    let found = kinds.iter().find(|kind| kind.kind == "catalogue").unwrap();
    let missing: Vec<_> = found.missing.iter().map(|share| (share.field.as_str(), share.rows, share.share)).collect();
    assert_eq!(missing, [("item_id", 0, 0.0), ("item_name", 2, 0.6667), ("price", 0, 0.0)]);
    assert_eq!((found.conversion_failures[0].field.as_str(), found.conversion_failures[0].rows), ("price", 1));
    assert_eq!((found.reasons[0].code.as_str(), found.reasons[0].first.as_str()), ("bad_price", "other.csv row 2"));
}

#[test]
fn the_next_build_tells_what_has_moved() {
    let orders = |n: usize, price: &str| {
        let mut csv =
            String::from("order_id,item_id,item_name,category,quantity,ordered_at,unit_price,customer_id,country\n");
        for order in 0..n {
            csv += &format!("{order},A,Apple,fruit,1,2024-01-{:02},{price},c{},DE\n", 1 + order % 28, order % 7);
        }
        csv
    };
    let same = kit::try_csv(orders(60, "2.00").as_bytes(), "vitrine-demo", |_| {}).unwrap();
    assert!(same.built.report.quality.drift.is_empty());
    let previous = same.out().join("report.json");
    let again = |csv: String| {
        kit::try_csv(csv.as_bytes(), "vitrine-demo", |options| options.previous = Some(previous.clone())).unwrap()
    };
    let stable = again(orders(50, "2.00"));
    let drift = &stable.built.report.quality.drift;
    assert!(drift.len() >= 3 && drift.iter().all(|drift| !drift.has_moved), "{drift:?}");
    let moved = again(orders(60, "200.00"));
    let amount = moved.built.report.quality.drift.iter().find(|drift| drift.column == "amount_minor").unwrap();
    assert!(amount.has_moved && amount.ks == Some(1.0), "{amount:?}");
    assert!(moved.built.report.warnings.iter().any(|warning| warning.contains("purchases.amount_minor has moved")));
}
