//! The real order file of the UCI data set "Online Retail", against numbers that plain Rust works out row by row.
//!
//! Reads `../shared/data` beside the repository, or the folder that `VITRINE_TEST_DATA` names; skipped without it.

use crate::kit::{self, Shop, number, text};
use datafusion::parquet::record::Field;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use vitrine_profiles::{Cancellations, EvaluateOptions, Mapping, Silent, build, evaluate};

fn orders() -> Option<PathBuf> {
    let data = std::env::var_os("VITRINE_TEST_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")));
    let path = data.join("online_retail/online_retail_2010_2011.parquet");
    if !path.is_file() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// One order line, as the file has it. Prices in thousandths of a penny: the file has three decimals of a pound.
#[derive(Clone, Debug)]
struct Line {
    order: String,
    item: String,
    quantity: i64,
    ordered_s: i64,
    price: i64,
    customer: Option<String>,
}

fn id(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => (!text.trim().is_empty()).then(|| text.trim().to_owned()),
        other => Some(format!("{:.0}", number(other))),
    }
}

fn seconds(field: &Field) -> i64 {
    match field {
        Field::TimestampMicros(micros) => micros.div_euclid(1_000_000),
        Field::TimestampMillis(millis) => millis.div_euclid(1_000),
        Field::Long(nanos) => nanos.div_euclid(1_000_000_000),
        Field::Str(text) => text.parse::<vitrine_profiles::AsOf>().expect("a time").unix_seconds(),
        other => panic!("{other:?} is no time"),
    }
}

/// All lines without exact duplicates, and the numbers of rows, of duplicates and of rows without customer.
fn lines(path: &std::path::Path) -> (Vec<Line>, [usize; 3]) {
    let rows = kit::parquet_rows(path);
    let mut seen = HashSet::new();
    let mut lines = Vec::new();
    let (mut n_duplicates, mut n_without_customer) = (0, 0);
    for row in &rows {
        let customer = id(&row["CustomerID"]);
        n_without_customer += usize::from(customer.is_none());
        if !seen.insert(format!("{row:?}")) {
            n_duplicates += 1;
            continue;
        }
        lines.push(Line {
            order: id(&row["InvoiceNo"]).expect("every row has an invoice"),
            item: id(&row["StockCode"]).expect("every row has a stock code"),
            quantity: number(&row["Quantity"]) as i64,
            ordered_s: seconds(&row["InvoiceDate"]),
            price: (number(&row["UnitPrice"]) * 100_000.0).round() as i64,
            customer,
        });
    }
    (lines, [rows.len(), n_duplicates, n_without_customer])
}

/// Pence of a line, rounded half away from zero.
fn pence(quantity: i64, price: i64) -> i64 {
    (quantity * price + 500) / 1_000
}

/// What is left of each customer's purchases once cancellations have taken theirs back, the latest first.
fn netted(lines: &[Line]) -> BTreeMap<String, Vec<Line>> {
    let mut by_pair: BTreeMap<(String, String), Vec<Line>> = BTreeMap::new();
    for line in lines {
        let Some(customer) = &line.customer else { continue };
        if line.order.starts_with('C') || (line.quantity > 0 && line.price > 0) {
            by_pair.entry((customer.clone(), line.item.clone())).or_default().push(line.clone());
        }
    }
    let mut left: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for ((customer, _), mut events) in by_pair {
        events.sort_by_key(|line| {
            (line.ordered_s, line.order.starts_with('C'), line.order.clone(), line.price, line.quantity)
        });
        let mut stack: Vec<Line> = Vec::new();
        for event in events {
            if !event.order.starts_with('C') {
                stack.push(event);
                continue;
            }
            let mut to_take = event.quantity.abs();
            while to_take > 0
                && let Some(last) = stack.last_mut()
            {
                let taken = last.quantity.min(to_take);
                last.quantity -= taken;
                to_take -= taken;
                if last.quantity == 0 {
                    stack.pop();
                }
            }
        }
        left.entry(customer).or_default().extend(stack);
    }
    left
}

#[test]
fn the_real_file_gives_the_known_facts_and_what_plain_code_finds() {
    let Some(path) = orders() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mapping = Mapping::builtin("online-retail").unwrap();
    let built = build(&kit::options(&[&path], mapping, &dir.path().join("table")), &mut Silent).unwrap();
    let shop = Shop { dir, built };
    let report = &shop.built.report;

    // Known facts, found by other tools.
    let matching = |code: &str| report.reasons.iter().find(|reason| reason.code == code).unwrap().rows_matching;
    assert_eq!(report.rows.read, 541_909);
    assert_eq!(matching("missing_customer"), 135_080);
    assert_eq!(matching("duplicate"), 5_268);
    assert_eq!(matching("cancellation"), 9_288);
    assert_eq!(report.money.rows_before_netting, 392_692);
    assert_eq!(report.money.before_netting, "8887208.894");
    assert_eq!(report.as_of, "2011-12-10T00:00:00Z");
    assert_eq!(report.rows.kept + report.rows.quarantined, 541_909);
    assert!(report.cast_failures.iter().all(|cast| cast.rows == 0));

    // Every customer, worked out by plain code.
    let (lines, [n_rows, n_duplicates, n_without_customer]) = lines(&path);
    assert_eq!([n_rows, n_duplicates, n_without_customer], [541_909, 5_268, 135_080]);
    let left = netted(&lines);
    let as_of_s = report.as_of.parse::<vitrine_profiles::AsOf>().unwrap().unix_seconds();
    let rows = shop.rows("features.parquet");
    assert_eq!(rows.len(), left.values().filter(|lines| !lines.is_empty()).count());
    let mut kept_minor = 0;
    for row in &rows {
        let customer = text(&row["customer_id"]);
        let own = &left[customer];
        let orders: BTreeSet<&str> = own.iter().map(|line| line.order.as_str()).collect();
        let last_s = own.iter().map(|line| line.ordered_s).max().unwrap();
        let money: i64 = own.iter().map(|line| pence(line.quantity, line.price)).sum();
        kept_minor += money;
        let found = ["recency_days", "frequency", "monetary_minor"].map(|name| number(&row[name]) as i64);
        assert_eq!(found, [(as_of_s - last_s) / 86_400, orders.len() as i64, money], "customer {customer}");
    }
    assert_eq!(kept_minor, report.money.kept_minor);

    // Two of them once more, as constants.
    let of = |customer: &str| {
        let row = shop.features(customer);
        ["recency_days", "frequency", "monetary_minor"].map(|name| number(&row[name]) as i64)
    };
    assert_eq!(of("12347"), [2, 7, 431_000]);
    assert_eq!(of("17850"), [372, 34, 531_364]);

    // The lists foretell what the published runs foretell (EASE .121, popularity .051; own counts .376 for repeats).
    let neighbours = &report.neighbours;
    let novel = |name: &str| neighbours.rankers[name].novel_ndcg_10.unwrap();
    println!("{:?} {:?}", neighbours.tried, neighbours.rankers);
    // With the freshness of items the lists are better than any published run.
    assert!(neighbours.is_fresh && novel("ease") > 0.13, "EASE {}", novel("ease"));
    assert!(neighbours.tried.iter().any(|tried| tried.novel_ndcg_10 > 0.115), "{:?}", neighbours.tried);
    assert!(novel("ease_served") > 0.10, "EASE as served {}", novel("ease_served"));
    assert!((0.04..0.06).contains(&novel("popularity")), "popularity {}", novel("popularity"));
    assert!(neighbours.rankers["own_counts"].repeat_ndcg_10 > 0.36);
    assert!(report.table.bytes_per_row <= 66);
}

/// The published protocol: every ranker reaches the level that public packages reach with the same method.
#[test]
fn the_evaluation_repeats_the_published_figures() {
    let Some(path) = orders() else { return };
    let mut options = EvaluateOptions::new(vec![path], Mapping::builtin("online-retail").unwrap());
    options.split_at = "2011-09-09".parse().ok();
    options.cancellations = Cancellations::Drop;
    options.n_resamples = 100;
    let found = evaluate(&options, &mut Silent).unwrap();
    assert_eq!((found.validation_at.as_str(), found.as_of.as_str()), ("2011-06-09", "2011-12-10T00:00:00Z"));
    assert_eq!((found.customers, found.items, found.pairs), (3_360, 3_431, 167_106));
    let published = [
        ("popularity", [0.0507, 0.1117]),
        ("item_cosine", [0.1146, 0.2443]),
        ("ease", [0.1205, 0.2968]),
        ("ease_cut", [0.1214, 0.2880]),
    ];
    for (at, mode) in found.modes.iter().enumerate() {
        let ndcg = |name: &str| mode.rankers.iter().find(|it| it.ranker == name).unwrap().ndcg.value;
        for ranker in &mode.rankers {
            println!("{:?} {}: {:.4}", mode.mode, ranker.ranker, ranker.ndcg.value);
        }
        for (name, expected) in published {
            assert!((ndcg(name) - expected[at]).abs() < 0.001, "{:?} {name}: {}", mode.mode, ndcg(name));
        }
        assert!(ndcg("hybrid") > [0.146, 0.381][at], "{:?} {}", mode.mode, ndcg("hybrid"));
        // The edge blend is made of the same parts; what it loses is no more than chance among repeats.
        let others = mode.hybrid_less.iter().filter(|(name, _)| *name != "edge_blend");
        assert!(others.into_iter().all(|(_, gap)| gap.low > 0.0), "{:?}", mode.hybrid_less);
    }
    assert_eq!(found.modes[1].customers_tested, 1_917);
}
