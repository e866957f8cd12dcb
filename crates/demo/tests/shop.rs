//! The made-up shop: the same seed gives the same bytes, tastes can be seen in what is bought, and dirt is counted right.

use std::collections::{BTreeMap, BTreeSet};
use vitrine_demo::{CATEGORIES, DemoError, DemoShop, EventKind, N_CUSTOMERS_MAX, PERIOD_DAYS, TASTES, Truth, Writers};

/// The streams and the truth of a shop, in memory.
fn write(seed: u64, n_customers: u32) -> (Writers<Vec<u8>>, Truth) {
    let shop = DemoShop::new(seed, n_customers).expect("a good size");
    let mut out = Writers::open(|_| Ok::<_, std::io::Error>(vec![])).expect("vectors");
    let truth = shop.write(&mut out, |_, _| {}).expect("vectors take all");
    (out, truth)
}

/// FNV-1a, 64 bits: enough to notice that a byte changed.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The fields of each row but the head, by a plain reader of quoted CSV.
fn rows(csv: &[u8]) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(csv).expect("UTF-8");
    let parse = |line: &str| {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                c => fields.last_mut().expect("never empty").push(c),
            }
        }
        fields
    };
    text.lines().skip(1).map(parse).collect()
}

#[test]
fn same_seed_same_bytes_and_another_seed_others() {
    let (one, truth) = write(7, 300);
    let (two, truth_again) = write(7, 300);
    assert_eq!(truth, truth_again);
    let others = write(8, 300).0.into_all();
    for ((one, two), other) in one.into_all().into_iter().zip(two.into_all()).zip(others) {
        assert!(!one.is_empty());
        assert_eq!(one, two);
        assert_ne!(one, other);
    }
}

/// These digests may only change together with a note in the change log: they are what "the same on every machine" means.
#[test]
fn bytes_are_the_ones_that_were_agreed() {
    let (out, _) = write(1, 200);
    let digests = out.into_all().map(|bytes| digest(&bytes));
    assert_eq!(digests, AGREED, "{digests:#x?}");
}

const AGREED: [u64; 10] = [
    0x3cc1_abf6_3ce4_18f6,
    0x07b0_bc51_fffc_eff9,
    0x5a4c_5a88_aad4_c0cd,
    0x2e14_1cd6_510d_af59,
    0x696a_48c6_2880_dfcf,
    0xbd8e_68e8_bc82_af98,
    0x4627_4db9_2aa8_d5d0,
    0x70ae_070b_2d06_b6fc,
    0x22e4_d1f7_39d1_a8b3,
    0x21d1_fb48_1887_20a3,
];

#[test]
fn a_customer_is_the_same_in_a_larger_shop() {
    let small = DemoShop::new(3, 10).expect("a good size");
    let large = DemoShop::new(3, 12).expect("a good size");
    for idx in 0..10 {
        let customer = small.customer(idx);
        assert_eq!(customer, large.customer(idx));
        assert_eq!(small.history(idx, &customer), large.history(idx, &customer));
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    for n in [0, N_CUSTOMERS_MAX + 1, u32::MAX] {
        let error = DemoShop::new(1, n).expect_err("out of range");
        assert!(matches!(error, DemoError::Customers { found } if found == n));
        assert_eq!(error.to_string(), format!("a shop has 1 to 9999999 customers, not {n}"));
    }
    assert!(DemoShop::new(1, 1).is_ok());
    assert!(DemoShop::new(u64::MAX, N_CUSTOMERS_MAX).is_ok());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("taken");
    std::fs::write(&file, "a file").expect("written");
    let error = DemoShop::new(1, 1).expect("fits").write_dir(&file, |_, _| {}).expect_err("a file is in the way");
    assert_eq!(error.to_string(), format!("cannot write {}", file.display()));
}

#[test]
fn a_directory_holds_the_whole_shop() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("shop");
    let mut steps = 0;
    let summary = DemoShop::new(7, 300)
        .expect("fits")
        .write_dir(&out, |done, of| {
            steps += 1;
            assert_eq!((done, of), (steps, 300));
        })
        .expect("written");
    assert_eq!(steps, 300);
    let mut names: Vec<_> = std::fs::read_dir(&out).expect("read").map(|e| e.expect("entry").file_name()).collect();
    names.sort();
    let expected = [
        "catalogue.csv",
        "contacts.csv",
        "costs.csv",
        "customers.csv",
        "customers_gb18030.csv",
        "erased.txt",
        "events.jsonl",
        "identities.csv",
        "mapping.toml",
        "mapping_zh.toml",
        "offers.json",
        "orders.csv",
        "partner.csv",
        "partner.toml",
        "shop.toml",
        "surveys.csv",
        "truth.json",
        "truth_customers.csv",
        "truth_identities.csv",
    ];
    assert_eq!(names, expected);
    assert_eq!(std::fs::read(out.join("orders.csv")).expect("read"), write(7, 300).0.orders);
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("truth.json")).expect("read")).expect("JSON");
    assert_eq!(truth["dirt"]["cancellations"], summary.truth.dirt.cancellations);
    assert_eq!(truth["samples"].as_array().map(Vec::len), Some(summary.truth.samples.len()));
    let catalogue = summary.truth.files["catalogue.csv"];
    assert_eq!(rows(&std::fs::read(out.join("catalogue.csv")).expect("read")).len() as u64, catalogue.rows);
    assert_eq!(catalogue.clean_rows, summary.truth.n_items as u64);
    let told = truth["files"].as_object().expect("an object");
    assert_eq!(told.len(), 8);
    assert!(told.values().all(|file| file["rows"].as_u64() >= file["clean_rows"].as_u64()), "{told:?}");
}

/// Every count of dirt, found again in the rows without knowing how they were made.
#[test]
fn dirt_counts_are_exact() {
    let (out, truth) = write(11, 2_000);
    let rows = rows(&out.orders);
    let mut seen = BTreeSet::new();
    let (mut duplicates, mut cancelled, mut guests, mut free, mut bad_dates, mut clean) = (0, 0, 0, 0, 0, 0);
    for row in &rows {
        let [order_id, _, _, _, quantity, at, price, customer, ..] = row.as_slice() else { panic!("columns: {row:?}") };
        let bad_date = !at.starts_with("202") || at.starts_with("2025-02-30") || at.starts_with("2025-13");
        let kinds =
            [!seen.insert(row.clone()), quantity.starts_with('-'), customer.is_empty(), price == "0.00", bad_date];
        assert!(kinds.iter().filter(|is| **is).count() <= 1, "two kinds of dirt in {row:?}");
        assert_eq!(quantity.starts_with('-'), order_id.starts_with('C'));
        match kinds.iter().position(|is| *is) {
            Some(0) => duplicates += 1,
            Some(1) => cancelled += 1,
            Some(2) => guests += 1,
            Some(3) => free += 1,
            Some(_) => bad_dates += 1,
            None => clean += 1,
        }
    }
    let dirt = truth.dirt;
    let found = (duplicates, cancelled, guests, free, bad_dates);
    let told = (dirt.exact_duplicates, dirt.cancellations, dirt.missing_customer, dirt.zero_price, dirt.bad_date);
    assert_eq!(found, told);
    assert!(duplicates > 0 && cancelled > 0 && guests > 0 && free > 0 && bad_dates > 0, "{found:?}");
    assert_eq!((truth.orders.clean_rows, truth.orders.rows), (clean, rows.len() as u64));
    let share = dirt.total() as f64 / rows.len() as f64;
    assert!((0.03..0.10).contains(&share), "share of dirt {share}");
}

/// What a cancellation takes back was bought before, by the same customer, at the same price, and enough of it.
#[test]
fn cancellations_take_back_what_was_bought() {
    let (out, _) = write(11, 1_000);
    let rows = rows(&out.orders);
    let quantity = |row: &[String]| row[4].parse::<i64>().expect("a number");
    let bought: BTreeMap<_, _> =
        rows.iter().map(|row| ((row[0].clone(), row[1].clone(), row[6].clone()), row)).collect();
    let mut n_checked = 0;
    for row in rows.iter().filter(|row| row[0].starts_with('C')) {
        let key = (row[0].trim_start_matches('C').to_owned(), row[1].clone(), row[6].clone());
        let original = bought[&key];
        assert_eq!(original[7], row[7]);
        assert!(quantity(original) >= -quantity(row) && original[5] < row[5]);
        n_checked += 1;
    }
    assert!(n_checked > 20, "{n_checked}");
}

#[test]
fn tastes_can_be_seen_in_what_is_bought() {
    let shop = DemoShop::new(5, 3_000).expect("a good size");
    let items = shop.catalogue().items();
    // Per taste: bought lines of its strongest category, and all, among customers with a strong taste.
    let mut counts = vec![(0_u32, 0_u32); TASTES.len()];
    let mut by_category = vec![0_u32; CATEGORIES.len()];
    for idx in 0..shop.n_customers() {
        let customer = shop.customer(idx);
        for line in shop.history(idx, &customer).orders.iter().flat_map(|order| &order.lines) {
            let category = items[line.item_idx].category;
            by_category[category as usize] += 1;
            if customer.top().1 >= 750 {
                let (own, all) = &mut counts[customer.top_taste()];
                *own += u32::from(TASTES[customer.top_taste()].categories[0].0 == category);
                *all += 1;
            }
        }
    }
    let total: u32 = by_category.iter().sum();
    for (taste, (own, all)) in TASTES.iter().zip(counts) {
        let category = taste.categories[0].0;
        let share = f64::from(own) / f64::from(all);
        let share_of_all = f64::from(by_category[category as usize]) / f64::from(total);
        assert!(share > 0.33, "{} buys {share:.2} in {}", taste.id, category.id());
        assert!(share > 2.0 * share_of_all, "{}: {share:.2} against {share_of_all:.2} in general", taste.id);
    }
}

#[test]
fn samples_show_their_taste() {
    let (_, truth) = write(5, 3_000);
    assert_eq!(truth.samples.len(), TASTES.len());
    for sample in &truth.samples {
        assert!(sample.n_orders >= 3 && sample.in_taste_permille >= 700, "{sample:?}");
        assert!(sample.in_top_category_permille >= 550, "{sample:?}");
        assert!(sample.last_order_at.as_str() >= "2024-07-01", "{sample:?}");
    }
    // A shop of one still has an answer for each question that can have one.
    let (_, tiny) = write(5, 1);
    assert!(tiny.samples.len() <= 1);
}

/// Shapes that real shops have: a long tail of order counts, a busy end of year, few items that sell most, people who
/// come back for the same thing.
#[test]
fn distributions_are_natural() {
    let shop = DemoShop::new(2, 4_000).expect("a good size");
    let mut n_orders = Vec::new();
    let mut by_month = BTreeMap::<(i64, u32), u32>::new();
    let mut by_item = vec![0_u32; shop.catalogue().items().len()];
    let mut weekend = (0_u32, 0_u32);
    let mut repeats = (0_u32, 0_u32);
    for idx in 0..shop.n_customers() {
        let customer = shop.customer(idx);
        let history = shop.history(idx, &customer);
        n_orders.push(history.orders.len());
        let mut had = BTreeSet::new();
        assert!(history.orders.windows(2).all(|pair| pair[0].at < pair[1].at));
        for order in &history.orders {
            let (year, month, _) = order.at.date();
            *by_month.entry((year, month)).or_default() += 1;
            let day = order.at.0.div_euclid(86_400);
            if customer.weekend_chance > 0.5 {
                weekend = (weekend.0 + u32::from((day + 3).rem_euclid(7) >= 5), weekend.1 + 1);
            }
            for line in &order.lines {
                by_item[line.item_idx] += 1;
                repeats = (repeats.0 + u32::from(!had.insert(line.item_idx)), repeats.1 + 1);
            }
        }
    }
    n_orders.sort_unstable();
    let mean = n_orders.iter().sum::<usize>() as f64 / n_orders.len() as f64;
    let median = n_orders[n_orders.len() / 2];
    assert!((3.0..8.0).contains(&mean) && (median as f64) < mean * 0.75, "mean {mean}, median {median}");
    assert!(n_orders[n_orders.len() - 1] >= 40, "{:?}", n_orders.last());
    assert!(by_month[&(2025, 12)] > by_month[&(2025, 9)] * 5 / 4, "{by_month:?}");
    by_item.sort_unstable_by(|a, b| b.cmp(a));
    let head: u32 = by_item.iter().take(by_item.len() / 10).sum();
    let head_share = f64::from(head) / f64::from(by_item.iter().sum::<u32>());
    assert!((0.3..0.7).contains(&head_share), "a tenth of the items has {head_share:.2} of the sales");
    assert!(f64::from(weekend.0) > 0.65 * f64::from(weekend.1), "{weekend:?}");
    assert!(f64::from(repeats.0) > 0.15 * f64::from(repeats.1), "{repeats:?}");
}

#[test]
fn events_fit_the_orders() {
    let shop = DemoShop::new(4, 500).expect("a good size");
    let mut kinds = BTreeMap::<&str, u32>::new();
    for idx in 0..shop.n_customers() {
        let customer = shop.customer(idx);
        let history = shop.history(idx, &customer);
        for event in &history.events {
            *kinds.entry(event.kind.id()).or_default() += 1;
            use EventKind::{Dismiss, Purchase, Review, Search, ServiceContact, Visit};
            assert_eq!(event.item_idx.is_none(), matches!(event.kind, Visit | Search | Dismiss | ServiceContact));
            assert_eq!(event.session_idx.is_none(), matches!(event.kind, Review | ServiceContact));
            let order = event.order_idx.map(|order_idx| &history.orders[order_idx]);
            assert_eq!(order.is_some(), matches!(event.kind, Purchase | Review | ServiceContact));
            if let (Some(order), Some(item_idx)) = (order, event.item_idx) {
                assert!(if event.kind == Purchase { order.at == event.at } else { order.at < event.at });
                assert!(order.lines.iter().any(|line| line.item_idx == item_idx));
            }
        }
    }
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    assert!(kinds["view"] > kinds["add_cart"] && kinds["add_cart"] >= kinds["purchase"], "{kinds:?}");
}

#[test]
fn records_end_where_they_say() {
    let (out, truth) = write(6, 1_000);
    assert_eq!((truth.first_day.as_str(), truth.as_of.as_str()), ("2024-07-01 00:00:00", "2026-07-01 00:00:00"));
    assert_eq!(PERIOD_DAYS, 730);
    let clean = rows(&out.orders).into_iter().filter(|row| row[5].starts_with("202") && !row[5].contains("-13-"));
    let (mut n_rows, mut first, mut last) = (0, "9".to_owned(), String::new());
    for row in clean {
        n_rows += 1;
        first = first.min(row[5].clone());
        last = last.max(row[5].clone());
    }
    assert!(n_rows > 10_000, "{n_rows}");
    assert!(first >= truth.first_day && last < truth.as_of, "{first} {last}");
}
