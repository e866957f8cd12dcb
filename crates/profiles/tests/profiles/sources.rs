//! One small shop for each kind of file: what becomes of its rows, and what is said of the others.

use crate::kit::{self, number, text};
use datafusion::parquet::record::Field;
use std::collections::BTreeMap;

pub const ORDERS: &str = "order_id,item_id,item_name,category,quantity,ordered_at,unit_price,customer_id,country\n\
    O1,A,Apple,fruit,2,2024-01-01T10:00:00,1.50,anna,DE\n\
    O2,B,Bread,bakery,1,2024-02-01T10:00:00,3.00,bert,FR\n\
    O3,A,Apple,fruit,1,2024-03-01T10:00:00,1.50,anna,DE\n";

pub const ORDERS_FEED: &str =
    "[[feed]]\nid = \"orders\"\nkind = \"orders\"\nfiles = [\"orders.csv\"]\nmapping = \"vitrine-demo\"\n";

/// A mapping of one kind with the columns named as the fields.
pub fn mapping(kind: &str, fields: &[&str], more: &str) -> String {
    let fields: String = fields.iter().map(|field| format!("{field} = \"{field}\"\n")).collect();
    format!("version = 2\nname = \"own\"\ncurrency = \"EUR\"\nminor_digits = 2\n[{kind}.fields]\n{fields}{more}")
}

/// A shop of the small order file and one other file.
#[track_caller]
pub fn shop_of(kind: &str, csv: &str, mapping: &str) -> kit::Shop {
    let feed = format!(
        "{ORDERS_FEED}[[feed]]\nid = \"other\"\nkind = \"{kind}\"\nfiles = [\"other.csv\"]\nmapping = \"own.toml\"\n"
    );
    let files = [("orders.csv", ORDERS), ("other.csv", csv), ("own.toml", mapping)];
    kit::try_shop(&files, &feed, |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

/// What is known of the rows of a kind: read, kept, set aside.
pub fn rows_of(shop: &kit::Shop, kind: &str) -> (u64, u64, u64) {
    let kinds = &shop.built.report.quality.kinds;
    let found = kinds.iter().find(|found| found.kind == kind).expect("the kind was read");
    (found.rows.read, found.rows.kept, found.rows.quarantined)
}

fn short(row: &BTreeMap<String, Field>, columns: &[&str]) -> String {
    let cell = |column: &&str| match &row[*column] {
        Field::Null => "-".to_owned(),
        Field::Str(text) => text.clone(),
        Field::Bool(flag) => flag.to_string(),
        field => number(field).to_string(),
    };
    columns.iter().map(cell).collect::<Vec<_>>().join(" ")
}

/// The rows of a step in short, sorted.
pub fn table(shop: &kit::Shop, step: &str, columns: &[&str]) -> Vec<String> {
    let mut rows: Vec<String> = shop.stage(step).iter().map(|row| short(row, columns)).collect();
    rows.sort();
    rows
}

#[test]
fn events_are_judged_row_by_row() {
    let fields =
        ["event_id", "customer_id", "kind", "at", "item_id", "channel", "device", "value", "rating", "sentiment"];
    let csv = "event_id,customer_id,kind,at,item_id,channel,device,value,rating,sentiment\n\
        e1,anna,view,2024-01-02T10:00:00,A,web,mobile,,,\n\
        e2,anna,Purchase,2024-01-02T10:05:00,A,STORE,,1.50,,0.5\n\
        e2,anna,purchase,2024-01-02T10:05:00,A,store,,1.50,,0.5\n\
        e4,,view,2024-01-02T10:00:00,A,web,,,,\n\
        e5,anna,teleport,2024-01-02T10:00:00,A,web,,,,\n\
        e6,anna,view,soon,A,web,,,,\n\
        e7,anna,view,2024-01-02T10:00:00,A,fax,,,,\n\
        e8,anna,view,2024-01-02T10:00:00,A,web,watch,,,\n\
        e9,anna,view,2024-01-02T10:00:00,A,web,,much,,\n\
        e10,anna,review,2024-01-02T10:00:00,A,web,,,five,\n\
        e11,anna,review,2024-01-02T10:00:00,A,web,,,5,7\n\
        e12,anna,,2024-01-02T10:00:00,A,web,,,,\n\
        e13,anna,view,1960-01-02T10:00:00,A,web,,,,\n\
        e14,anna,view,2024-01-02T10:00:00,A,web,,99999999999.0,,\n";
    let shop = shop_of("events", csv, &mapping("events", &fields, ""));
    assert_eq!(rows_of(&shop, "events"), (14, 2, 12));
    let events = table(&shop, "event_days", &["customer_id", "kind", "channel", "value_minor", "sentiment_milli"]);
    assert_eq!(events, ["anna purchase store 150 500", "anna view web 0 0"]);
    assert_eq!(
        shop.set_aside(),
        [
            "events 10 rating bad_value",
            "events 11 sentiment bad_value",
            "events 12 kind missing_kind",
            "events 13 at date_too_early",
            "events 14 value bad_value",
            "events 3 - duplicate_key",
            "events 4 customer_id missing_customer",
            "events 5 kind unknown_code",
            "events 6 at bad_date",
            "events 7 channel unknown_code",
            "events 8 device unknown_code",
            "events 9 value bad_value",
        ]
    );
}

#[test]
fn of_an_item_the_last_row_of_the_catalogue_holds() {
    let csv = "item_id,item_name,category,price,cost,stock,colour\n\
        A,Apple,fruit,1.40,0.50,7,red\n\
        A,Apple,fruit,1.50,0.50,5,green;ish\n\
        ,Nothing,,1,1,1,\n\
        B,Bread,bakery,three,1,1,\n\
        C,Cake,bakery,20,-1,1,\n\
        D,Date,fruit,1,1,many,\n";
    let more = "[catalogue.attributes.colour]\nfrom = \"colour\"\n";
    let fields = ["item_id", "item_name", "category", "price", "cost", "stock"];
    let shop = shop_of("catalogue", csv, &mapping("catalogue", &fields, more));
    assert_eq!(rows_of(&shop, "catalogue"), (6, 1, 5));
    assert_eq!(
        shop.set_aside(),
        [
            "catalogue 1 item_id duplicate_key",
            "catalogue 3 item_id missing_item",
            "catalogue 4 price bad_price",
            "catalogue 5 cost bad_cost",
            "catalogue 6 stock bad_stock",
        ]
    );
    let sound: Vec<_> =
        shop.stage("checked_catalogue").into_iter().filter(|row| row["reason"] == Field::Null).collect();
    assert_eq!(short(&sound[0], &["item_id", "price_minor", "cost_minor", "stock"]), "A 150 50 5");
    assert_eq!(text(&sound[0]["attributes"]), "colour=green,ish");
    let join = shop.built.report.quality.joins.iter().find(|join| join.join.starts_with("purchases.item_id")).unwrap();
    assert_eq!((join.rows, join.matched, join.keys_unmatched), (3, 2, 1));
    let unmatched = shop.rows("unmatched.parquet");
    assert!(unmatched.iter().any(|row| text(&row["key"]) == "B"), "{unmatched:?}");
}

#[test]
fn customers_become_attributes_and_bad_cells_are_set_aside_alone() {
    let csv = "customer_id,declared_at,age,email,vip,tags,joined\n\
        anna,2024-01-01,33,anna@example.org,yes,a|b,2020-05-01\n\
        anna,2024-02-01,34,,no,,\n\
        bert,2024-01-01,old,bert at home,1,,2020-13-01\n\
        ,2024-01-01,20,,,,\n\
        cleo,someday,20,,,,\n";
    let more = "[customers.attributes.age]\nfrom = \"age\"\ntype = \"int\"\n\
        [customers.attributes.email]\nfrom = \"email\"\nvalid = \"email\"\nsensitivity = \"personal\"\n\
        [customers.attributes.vip]\nfrom = \"vip\"\ntype = \"bool\"\ninferred = true\n\
        [customers.attributes.tags]\nfrom = \"tags\"\ntype = \"list\"\nsplit = \"|\"\n\
        [customers.attributes.joined]\nfrom = \"joined\"\ntype = \"date\"\n";
    let shop = shop_of("customers", csv, &mapping("customers", &["customer_id", "declared_at"], more));
    assert_eq!(rows_of(&shop, "customers"), (5, 3, 2));
    assert_eq!(
        shop.set_aside(),
        [
            "customers 3 age bad_type",
            "customers 3 email invalid_value",
            "customers 3 joined bad_type",
            "customers 4 customer_id missing_customer",
            "customers 5 declared_at bad_date",
        ]
    );
    let mut held: Vec<String> = shop
        .stage("checked_attributes")
        .iter()
        .filter(|row| row["reason"] == Field::Null && number(&row["place"]) == 1.0)
        .map(|row| short(row, &["customer_id", "name", "value", "is_inferred", "feed"]))
        .collect();
    held.sort();
    assert_eq!(
        held,
        [
            "anna age 34 false other",
            "anna email anna@example.org false other",
            "anna joined 2020-05-01 false other",
            "anna tags a;b false other",
            "anna vip false true other",
            "bert vip true true other",
        ]
    );
}

#[test]
fn surveys_contacts_and_costs_are_judged_row_by_row() {
    let csv = "customer_id,question,answer,score,score_max,at\n\
        anna,nps,,9,10,2024-01-03\n\
        anna,why,taste,,,2024-01-03\n\
        anna,nps,,11,10,2024-01-03\n\
        anna,nps,,high,10,2024-01-03\n\
        anna,nps,,9,0,2024-01-03\n\
        anna,,,9,10,2024-01-03\n\
        anna,nps,,,10,2024-01-03\n\
        ,nps,,9,10,2024-01-03\n\
        bert,nps,,9,10,never\n";
    let fields = ["customer_id", "question", "answer", "score", "score_max", "at"];
    let shop = shop_of("surveys", csv, &mapping("surveys", &fields, ""));
    assert_eq!(rows_of(&shop, "surveys"), (9, 2, 7));
    assert_eq!(
        shop.set_aside(),
        [
            "surveys 3 score score_out_of_scale",
            "surveys 4 score bad_score",
            "surveys 5 score_max bad_score",
            "surveys 6 question missing_question",
            "surveys 7 answer missing_answer",
            "surveys 8 customer_id missing_customer",
            "surveys 9 at bad_date",
        ]
    );

    let csv = "customer_id,at,reason,outcome,is_open\n\
        anna,2024-01-03,broken,refund,no\n\
        anna,2024-01-04,late,,是\n\
        bert,2024-01-04,late,,perhaps\n\
        ,2024-01-04,late,,no\n\
        bert,then,late,,no\n\
        bert,2034-01-04,late,,no\n";
    let shop =
        shop_of("contacts", csv, &mapping("contacts", &["customer_id", "at", "reason", "outcome", "is_open"], ""));
    assert_eq!(
        shop.set_aside(),
        [
            "contacts 3 is_open bad_value",
            "contacts 4 customer_id missing_customer",
            "contacts 5 at bad_date",
            "contacts 6 at date_too_late",
        ]
    );
    let open = table(&shop, "checked_contacts", &["source_row", "is_open", "reason"]);
    assert_eq!(open[..2], ["1 false -", "2 true -"]);

    let csv = "channel,campaign,day,cost\n\
        email,spring,2024-01-01,10.50\n\
        Email,spring,2024-01-02,11\n\
        fax,spring,2024-01-02,11\n\
        email,spring,soon,11\n\
        email,spring,2024-01-03,-1\n\
        email,spring,2024-01-03,free\n\
        email,spring,2024-01-01,10.50\n";
    let shop = shop_of("costs", csv, &mapping("costs", &["channel", "campaign", "day", "cost"], ""));
    assert_eq!(
        shop.set_aside(),
        [
            "costs 3 channel unknown_code",
            "costs 4 day bad_date",
            "costs 5 cost bad_cost",
            "costs 6 cost bad_cost",
            "costs 7 - duplicate",
        ]
    );
    let costs = table(&shop, "checked_costs", &["channel", "day", "cost_minor"]);
    assert!(costs.contains(&"email 19723 1050".to_owned()), "{costs:?}");
}

#[test]
fn orders_have_channels_brands_list_prices_and_line_amounts() {
    let own = mapping(
        "orders",
        &[
            "order_id",
            "item_id",
            "brand",
            "quantity",
            "ordered_at",
            "amount",
            "list_price",
            "customer_id",
            "channel",
            "campaign",
        ],
        "[orders.duplicates]\nkey = [\"order_id\", \"item_id\"]\n",
    );
    let csv = "order_id,item_id,brand,quantity,ordered_at,amount,list_price,customer_id,channel,campaign\n\
        1,A,Acme,3,2024-01-01,10.00,4.00,anna,Store,spring\n\
        1,A,Acme,9,2024-01-01,90.00,,anna,web,\n\
        2,B,,1,2024-01-02,5.00,cheap,anna,fax,\n\
        3,B,,1,2024-01-02,5.00,cheap,anna,app,\n";
    let feed = "[[feed]]\nid = \"shop\"\nkind = \"orders\"\nfiles = [\"o.csv\"]\nmapping = \"own.toml\"\n";
    let shop = kit::try_shop(&[("o.csv", csv), ("own.toml", &own)], feed, |_| {}).unwrap();
    assert_eq!(shop.set_aside(), ["orders 2 - duplicate_key", "orders 3 channel unknown_code"]);
    let rows = table(&shop, "purchases", &["order_id", "brand", "channel", "campaign", "amount_minor", "list_minor"]);
    assert_eq!(rows, ["1 Acme store spring 1000 1200", "3 - app - 500 -"]);
}

#[test]
fn late_rows_of_a_shop_and_several_feeds_of_a_kind_come_together() {
    let events = "customer_id,kind,at,channel\nanna,visit,2024-01-05,web\n";
    let late = "customer_id,kind,at,channel\nbert,visit,2023-12-24,store\n";
    let own = mapping("events", &["customer_id", "kind", "at", "channel"], "");
    let feed = |id: &str, file: &str| {
        format!("[[feed]]\nid = \"{id}\"\nkind = \"events\"\nfiles = [\"{file}\"]\nmapping = \"own.toml\"\n")
    };
    let shop = kit::try_shop(
        &[("orders.csv", ORDERS), ("web.csv", events), ("till.csv", late), ("own.toml", &own)],
        &format!("{ORDERS_FEED}{}{}", feed("web", "web.csv"), feed("till", "till.csv")),
        |_| {},
    )
    .unwrap();
    assert_eq!(rows_of(&shop, "events"), (2, 2, 0));
    let feeds: Vec<_> =
        shop.built.report.quality.feeds.iter().map(|feed| (feed.feed.as_str(), feed.rows, feed.age_days)).collect();
    assert_eq!(feeds, [("orders", 3, Some(0)), ("web", 1, Some(57)), ("till", 1, Some(69))]);
}
