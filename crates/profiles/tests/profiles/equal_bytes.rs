//! The same input gives the same bytes; the order of the rows does not matter to the table.

use crate::kit;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use vitrine_tables::{ItemTable, ItemVectors};

/// A made-up shop: 400 customers with tastes, over a year, with cancellations, ties and some dirt.
pub fn rows() -> Vec<String> {
    let mut state = 7_u64;
    let mut draw = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut rows = Vec::new();
    for customer in 0..400 {
        let taste = customer % 4;
        for order in 0..1 + draw(6) {
            let (day, hour) = (draw(360), draw(24));
            let at = format!("2024-{:02}-{:02}T{hour:02}:00:00", 1 + day / 30, 1 + day % 28);
            for _ in 0..1 + draw(5) {
                let item = if draw(4) == 0 { draw(60) } else { taste * 15 + draw(15) };
                let quantity = if draw(20) == 0 { -1 } else { 1 + draw(3) as i64 };
                let price = 100 + item * 37;
                let mut row = String::new();
                write!(
                    row,
                    "{customer}-{order},I{item:02},Item {item},cat{},{quantity},{at},{}.{:02},c{customer},{}",
                    item / 6,
                    price / 100,
                    price % 100,
                    ["DE", "FR", "NL"][customer as usize % 3]
                )
                .unwrap();
                rows.push(row);
            }
        }
    }
    rows
}

pub fn csv(rows: &[String]) -> String {
    format!(
        "order_id,item_id,item_name,category,quantity,ordered_at,unit_price,customer_id,country\n{}\n",
        rows.join("\n")
    )
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn two_builds_are_equal_byte_for_byte_and_rows_may_come_in_any_order() {
    let rows = rows();
    let first = kit::csv(&csv(&rows));
    let again = kit::csv(&csv(&rows));
    let (one, other) = (files(&first.out()), files(&again.out()));
    let names: Vec<&String> = one.keys().collect();
    for name in [
        "features.parquet",
        "items/items.bin",
        "items/vectors.bin",
        "lineage.json",
        "manifest.json",
        "quarantine.parquet",
        "report.html",
        "report.json",
    ] {
        assert!(one.contains_key(name), "{name} is not in {names:?}");
    }
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(other[name] == *bytes, "{name} differs");
    }

    // The vectors belong to the items, and items that the same customers buy point the same way.
    let items = ItemTable::decode(one["items/items.bin"].clone()).unwrap();
    let vectors = ItemVectors::decode(one["items/vectors.bin"].clone()).unwrap();
    vectors.check_items(&items).unwrap();
    assert_eq!((vectors.n_items(), vectors.n_dims()), (60, 32));
    let alike = |of: fn(u32, u32) -> bool| {
        let pairs = (0..60).flat_map(|one| (0..one).map(move |other| (one, other)));
        let found: Vec<f64> = pairs.filter(|(a, b)| of(*a, *b)).map(|(a, b)| vectors.cosine(a, b)).collect();
        found.iter().sum::<f64>() / found.len() as f64
    };
    assert!(alike(|a, b| a / 15 == b / 15) > alike(|a, b| a / 15 != b / 15) + 0.3);

    let mut shuffled = rows;
    shuffled.reverse();
    shuffled.sort_by_key(|row| row.bytes().map(u32::from).sum::<u32>() % 17);
    let shuffled = kit::csv(&csv(&shuffled));
    assert_eq!(shuffled.built.manifest.build, first.built.manifest.build);
    for (name, bytes) in &files(&shuffled.out()) {
        // Examples and the quarantine name rows by their place in the file.
        // The lineage, and with it the manifest, names the file by its hash.
        let named = ["lineage.json", "manifest.json", "quarantine.parquet", "report.html", "report.json"];
        if !named.contains(&name.as_str()) {
            assert!(one[name] == *bytes, "{name} differs");
        }
    }
    let neighbours = &first.built.report.neighbours;
    assert!(neighbours.customers_tested > 50, "{neighbours:?}");
    assert!(
        neighbours.rankers["ease"].novel_ndcg_10 > neighbours.rankers["popularity"].novel_ndcg_10,
        "{neighbours:?}"
    );
}
