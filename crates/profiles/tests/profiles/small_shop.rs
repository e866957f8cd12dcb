//! A shop of three customers in which every reason occurs. The numbers are worked out by hand.

use crate::kit::{self, KEY, number, numbers, text, texts};
use datafusion::parquet::record::Field;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use vitrine_profiles::TableKey;
use vitrine_tables::{Row, TableDir, Value};

const SHOP: &str = include_str!("../data/shop.csv");

fn shop() -> &'static kit::Shop {
    static SHOP_BUILT: OnceLock<kit::Shop> = OnceLock::new();
    SHOP_BUILT.get_or_init(|| kit::csv(SHOP))
}

#[test]
fn every_row_is_accounted_for() {
    let report = &shop().built.report;
    assert_eq!((report.rows.read, report.rows.kept, report.rows.quarantined), (19, 5, 14));
    let once = [
        "amount_too_large",
        "bad_date",
        "bad_price",
        "bad_quantity",
        "date_too_early",
        "duplicate",
        "missing_customer",
        "missing_item",
        "missing_order",
        "netted",
        "nonpositive_price",
        "nonpositive_quantity",
    ];
    let mut expected: BTreeMap<&str, u64> = once.into_iter().map(|code| (code, 1)).collect();
    expected.insert("cancellation", 2);
    assert_eq!(shop().reasons(), expected);
    let failures: Vec<_> = report.cast_failures.iter().map(|cast| (cast.field.as_str(), cast.rows)).collect();
    assert_eq!(failures, [("ordered_at", 1), ("quantity", 1), ("unit_price", 1)]);
}

#[test]
fn the_quarantine_names_rows_and_reasons_and_no_customer() {
    let rows = shop().rows("quarantine.parquet");
    let found: Vec<(f64, &str)> = rows.iter().map(|row| (number(&row["source_row"]), text(&row["reason"]))).collect();
    assert_eq!(
        found,
        [
            (3.0, "duplicate"),
            (5.0, "cancellation"),
            (6.0, "netted"),
            (7.0, "cancellation"),
            (9.0, "missing_customer"),
            (10.0, "nonpositive_quantity"),
            (11.0, "bad_quantity"),
            (12.0, "bad_price"),
            (13.0, "bad_date"),
            (14.0, "date_too_early"),
            (15.0, "missing_order"),
            (16.0, "missing_item"),
            (17.0, "nonpositive_price"),
            (18.0, "amount_too_large"),
        ]
    );
    assert_eq!((text(&rows[6]["field"]), text(&rows[6]["text"])), ("quantity", "one"));
    assert!(rows.iter().all(|row| text(&row["kind"]) == "orders" && text(&row["file"]) == "orders.csv"));
    assert!(rows.iter().all(|row| !row.contains_key("customer_id") && !row.contains_key("order_id")));
    for file in ["report.json", "report.html", "lineage.json"] {
        let report = std::fs::read_to_string(shop().out().join(file)).unwrap();
        for customer in ["anna", "bert", "cleo"] {
            assert!(!report.contains(customer), "{customer} is in {file}");
        }
    }
}

#[test]
fn the_lineage_says_what_the_table_was_made_from() {
    let json = TableDir::open(&shop().out()).unwrap().lineage().unwrap().unwrap();
    let lineage: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let hash = |bytes: &[u8]| -> String {
        use sha2::Digest;
        sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let input = &lineage["inputs"][0];
    assert_eq!((&input["name"], &input["feed"], &input["rows"]), (&"orders.csv".into(), &"orders".into(), &19.into()));
    assert_eq!(input["sha256"], hash(SHOP.as_bytes()));
    assert_eq!((&lineage["version"], &lineage["program"]), (&1.into(), &"vitrine-profiles".into()));
    assert_eq!(lineage["counts"]["order_lines_kept"], 5);
    assert_eq!(lineage["parameters"]["neighbours"]["buyers_min"], 1);
    for file in ["report.json", "report.html", "labels.json", "models.json"] {
        assert_eq!(lineage["files"][file], hash(&std::fs::read(shop().out().join(file)).unwrap()), "{file}");
    }
    for table in ["purchases", "features", "items", "tastes", "quarantine"] {
        assert!(lineage["tables"][table].as_str().is_some_and(|key| key.len() == 64), "{table}: {lineage}");
    }
}

#[test]
fn the_page_tells_the_report_and_loads_nothing() {
    let page = std::fs::read_to_string(shop().out().join("report.html")).unwrap();
    assert_eq!(page, shop().built.report.to_html());
    for outside in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for told in [
        "<span lang=\"en\">Profiles of vitrine-demo</span><span lang=\"zh\">vitrine-demo 的客户画像</span>",
        "<dd>5 / 19</dd>",
        // Each reason in both languages, with its rows.
        "<span lang=\"en\">a price of 0 or less</span><span lang=\"zh\">价格不大于零</span></th><td>1</td><td>1</td>",
        "<span lang=\"en\">takes earlier purchases back; counted under netting</span><span lang=\"zh\">取消先前购买</span></th><td>2</td>",
        // Models that were not made say why.
        "跳过：数据不足",
        "There is no earlier build to compare with.",
        "R 5",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let grid = &shop().built.report.rfm_grid;
    assert_eq!(
        grid.iter().flatten().sum::<u64>(),
        shop().built.report.segments.iter().map(|it| it.customers).sum::<u64>()
    );
}

#[test]
fn cancellations_take_the_latest_purchases_back_and_never_more() {
    let report = &shop().built.report;
    let netting = &report.netting;
    assert_eq!((netting.cancellations, netting.purchases_removed, netting.purchases_reduced), (2, 1, 1));
    // Anna returns 4 of 10 apples; Bert returns 3 cakes but had bought one.
    assert_eq!((netting.units_cancelled.as_str(), netting.units_netted.as_str()), ("7", "5"));
    assert_eq!(netting.netted_minor, 4 * 140 + 2000);
    // 300 + 299.5 + 1400 + 2000 + 300 + 600, exact and with each line rounded half away from zero.
    assert_eq!((report.money.before_netting.as_str(), report.money.before_netting_minor), ("48.995", 4900));
    assert_eq!(report.money.kept_minor, 2340);
}

#[test]
fn features_are_those_worked_out_by_hand() {
    assert_eq!(shop().built.report.as_of, "2024-03-02T00:00:00Z");
    let anna = shop().features("anna");
    let numbers_of = |row: &BTreeMap<String, Field>, names: &[&str]| -> Vec<f64> {
        names.iter().map(|name| number(&row[*name])).collect()
    };
    // Orders: Monday 2024-01-01 10:00 (300 + 300) and Saturday 2024-01-20 18:30 (6 of 10 apples for 840).
    let names =
        ["recency_days", "frequency", "monetary_minor", "aov_minor", "tenure_days", "n_items", "weekday", "hour"];
    assert_eq!(numbers_of(&anna, &names), [41.0, 2.0, 1440.0, 720.0, 60.0, 2.0, 5.0, 18.0]);
    assert_eq!(numbers_of(&anna, &["basket_items", "weekend_share"]), [1.5, 0.5]);
    assert!((number(&anna["gap_days"]) - (19.0 + 8.5 / 24.0)).abs() < 1e-9);
    assert_eq!((text(&anna["country"]), &anna["is_repeat"]), ("DE", &Field::Bool(true)));
    assert_eq!(texts(&anna["top_categories"]), ["fruit", "bakery"]);
    assert_eq!(texts(&anna["last_items"]), ["A", "B"]);
    // An order counts half as much after 90 days. Bread was in the first order only.
    let weight = |age_hours: f64| 0.5_f64.powf(age_hours / 24.0 / 90.0);
    let (first, second) = (weight(60.0 * 24.0 + 14.0), weight(41.0 * 24.0 + 5.5));
    let found = numbers(&anna["last_item_weights"]);
    assert_eq!(found[0], 1.0);
    assert!((found[1] - first / (first + second)).abs() < 1e-5, "{found:?}");

    let cleo = shop().features("cleo");
    assert_eq!(numbers_of(&cleo, &names), [0.0, 1.0, 600.0, 600.0, 0.0, 1.0, 4.0, 23.0]);
    assert_eq!((&cleo["gap_days"], &cleo["country"]), (&Field::Null, &Field::Null));
    // Three customers: the most recent one is better than two thirds of all, so in the fourth fifth.
    let quintiles = ["r_quintile", "f_quintile", "m_quintile"];
    assert_eq!(numbers_of(&cleo, &quintiles), [4.0, 1.0, 2.0]);
    assert_eq!(text(&cleo["segment"]), "promising");
    assert_eq!(numbers_of(&anna, &quintiles), [1.0, 4.0, 4.0]);
    assert_eq!(text(&anna["segment"]), "at_risk");
}

#[test]
fn the_table_says_the_same_as_the_features() {
    let table = TableDir::open(&shop().out()).unwrap();
    let manifest = table.manifest();
    assert_eq!(manifest.build, shop().built.manifest.build);
    let key = TableKey::from_hex(KEY).unwrap();
    let row_key = key.hash("anna");
    let bytes = table.read_shard(row_key.shard(manifest.shard_bits)).unwrap();
    let shard = manifest.decode_shard(row_key.shard(manifest.shard_bits), &bytes).unwrap();
    let row = shard.find(row_key).unwrap();
    let get = |row: &Row<'_>, name: &str| match row.get(manifest.schema.column(name).unwrap()) {
        Value::Number(number) => format!("{number:.2}"),
        Value::TopK(top_k) => format!("{:?}", top_k.iter().map(|(id, _)| id).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    };
    assert_eq!(get(&row, "recency_days"), "Unsigned(41)");
    assert_eq!(get(&row, "segment"), "Category(\"at_risk\")");
    assert_eq!(get(&row, "country"), "Category(\"DE\")");
    let monetary: f64 = get(&row, "monetary_minor").parse().unwrap();
    assert!((monetary - 1440.0).abs() < 1440.0 * 0.003, "{monetary}");
    // Items A, B (C was returned); categories OTHER, bakery, fruit.
    assert_eq!((get(&row, "last_items").as_str(), get(&row, "top_categories").as_str()), ("[0, 1]", "[2, 1]"));
    let items = table.items().unwrap().unwrap();
    assert_eq!((items.n_items(), items.id(0), items.category(0)), (2, Some("A"), Some("fruit")));
    // One of three customers bought A, three bought B.
    assert!((items.popularity(0) - 1.0 / 3.0).abs() < 1e-6 && items.popularity(1) == 1.0);
    assert!(shard.find(key.hash("dora")).is_none());
}

#[test]
fn a_time_to_look_back_from_puts_later_orders_aside() {
    let early = kit::try_csv(SHOP.as_bytes(), "vitrine-demo", |options| {
        options.as_of = Some("2024-01-20T18:30:00Z".parse().unwrap());
    })
    .unwrap();
    // Anna's two orders are in time, the second to the second; nothing of Bert and Cleo is left.
    assert_eq!(early.built.report.customers, 1);
    assert_eq!(early.reasons()["date_too_late"], 9);
    assert_eq!(number(&early.features("anna")["monetary_minor"]), 2000.0);
    assert_eq!(number(&early.features("anna")["recency_days"]), 0.0);
}

/// Purchases and cancellations of one item, in time order, and what is left of the purchases.
#[test]
fn netting_is_a_stack() {
    let cases: [(&[i64], &[i64]); 7] = [
        (&[5, -5], &[]),
        (&[5, -2], &[3]),
        (&[-2, 5], &[5]),
        (&[10, -5, 3, -6], &[2]),
        (&[10, 3, -6], &[7]),
        (&[2, -9, 4], &[4]),
        (&[1, 2, 3, -4, 4, -1], &[1, 1, 3]),
    ];
    let mut csv =
        String::from("order_id,item_id,item_name,category,quantity,ordered_at,unit_price,customer_id,country\n");
    for (case, (steps, _)) in cases.iter().enumerate() {
        for (hour, quantity) in steps.iter().enumerate() {
            csv += &format!("O{case}-{hour},I,,,{quantity},2024-01-01T{hour:02}:00:00,0.01,c{case},\n");
        }
        // Keeps customers of whom nothing is left in the table.
        csv += &format!("K{case},K,,,1,2024-01-02T00:00:00,1000000,c{case},\n");
    }
    let shop = kit::csv(&csv);
    for (case, (steps, left)) in cases.iter().enumerate() {
        let sum: i64 = left.iter().sum();
        let row = shop.features(&format!("c{case}"));
        assert_eq!(number(&row["monetary_minor"]), (100_000_000 + sum) as f64, "{steps:?}");
        assert_eq!(number(&row["frequency"]), (left.len() + 1) as f64, "{steps:?}");
    }
}

#[test]
fn another_layout_is_read_through_its_mapping() {
    let mapping = r#"
        version = 1
        name = "semicolons"
        currency = "JPY"
        minor_digits = 0
        [fields]
        order_id = "Beleg"
        item_id = { sql = 'upper("Artikel")' }
        quantity = "Menge"
        ordered_at = "Datum"
        unit_price = "Preis"
        customer_id = "Kunde"
        is_goods = { sql = "\"Artikel\" <> 'porto'" }
        [dates]
        formats = ["iso", "%d.%m.%Y %H:%M", "%d.%m.%y"]
        [duplicates]
        line_columns = ["Zeile"]
        [csv]
        delimiter = ";"
        decimal_comma = true
    "#;
    let csv = "\u{feff}Beleg;Zeile;Artikel;Menge;Datum;Preis;Kunde\n\
        1;1;a1;1,5;3.2.2024 9:05;100,5;7\n\
        1;2;a1;1,5;3.2.2024 9:05;100,5;7\n\
        1;2;a1;1,5;3.2.2024 9:05;100,5;7\n\
        1;3;porto;1;03.02.24;50;7\n\
        2;1;a2;-1;2024-02-05 00:00:00;10;7\n\
        2;2;a2;1;32.02.2024 10:00;10;7\n";
    let shop = kit::try_csv(csv.as_bytes(), mapping, |_| {}).unwrap();
    // 1.5 * 100.5 = 150.75 is 151 yen, twice; the postage is money, but no item.
    let row = shop.features("7");
    assert_eq!(number(&row["monetary_minor"]), 352.0);
    assert_eq!(texts(&row["last_items"]), ["A1"]);
    assert_eq!((number(&row["n_items"]), number(&row["hour"])), (1.0, 0.0));
    let reasons = BTreeMap::from([("duplicate", 1), ("nonpositive_quantity", 1), ("bad_date", 1)]);
    assert_eq!(shop.reasons(), reasons);
    assert_eq!(shop.built.report.neighbours.items, 1);
}
