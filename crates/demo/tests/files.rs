//! Every file of the made-up shop: its dirt found again in the rows, and its truth seen in what people did.

use encoding_rs::GB18030;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use vitrine_demo::{BRANDS, CATEGORIES, DemoError, DemoShop, DiscountClass, FileTruth, Truth, Writers};

/// All that grows with the shop, and the truth.
fn write(shop: &DemoShop) -> (Writers<Vec<u8>>, Truth) {
    let mut out = Writers::open(|_| Ok::<_, std::io::Error>(vec![])).expect("vectors");
    let truth = shop.write(&mut out, |_, _| {}).expect("vectors take all");
    (out, truth)
}

fn shop(seed: u64, n_customers: u32) -> DemoShop {
    DemoShop::new(seed, n_customers).expect("a good size")
}

/// Rows but the head. None of these files quotes a field.
fn rows(csv: &[u8]) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(csv).expect("UTF-8");
    assert!(!text.contains('"'));
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn is_date(text: &str) -> bool {
    text.starts_with("202") && !["2025-02-30", "2026-02-30", "2026-06-31"].iter().any(|bad| text.starts_with(bad))
}

const KINDS: [&str; 9] =
    ["visit", "view", "click", "search", "add_cart", "purchase", "dismiss", "review", "service_contact"];
const CHANNELS: [&str; 8] = ["web", "app", "store", "call", "email", "sms", "social", "partner"];

#[test]
fn events_have_the_dirt_that_is_told() {
    let (out, truth) = write(&shop(11, 1_500));
    let text = String::from_utf8(out.events).expect("UTF-8");
    let mut found = FileTruth::default();
    let (mut lines, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let mut anonymous = 0;
    let mut sessions = BTreeMap::new();
    for line in text.lines() {
        found.rows += 1;
        let event: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let rating = event["rating"].as_u64().unwrap_or(1);
        if !lines.insert(line) {
            found.exact_duplicates += 1;
        } else if !ids.insert(text("event_id").to_owned()) {
            found.key_duplicates += 1;
        } else if !CHANNELS.contains(&text("channel")) || !KINDS.contains(&text("kind")) {
            found.unknown_codes += 1;
        } else if !is_date(text("at")) {
            found.bad_dates += 1;
        } else if text("customer_id").is_empty() {
            found.missing_keys += 1;
        } else if !(1..=5).contains(&rating) {
            found.outliers += 1;
        } else {
            found.clean_rows += 1;
            anonymous += u64::from(text("customer_id").starts_with("anon-"));
            assert!(["desktop", "mobile", "tablet"].contains(&text("device")), "{line}");
            assert_eq!(event["rating"].is_u64(), text("kind") == "review", "{line}");
            assert_eq!(event["value"].is_f64(), text("kind") == "purchase", "{line}");
            assert_eq!(event["outcome"].is_string(), text("kind") == "service_contact", "{line}");
            assert_eq!(event["offer_id"].is_string(), text("kind") == "dismiss", "{line}");
            assert!(text("kind") != "search" || !text("category").is_empty(), "{line}");
            if !text("session_id").is_empty() {
                let who = sessions.entry(text("session_id").to_owned()).or_insert(text("customer_id").to_owned());
                assert_eq!(who, text("customer_id"), "a session has one visitor and device");
            }
        }
    }
    assert_eq!(found, truth.files["events.jsonl"]);
    assert_eq!((anonymous, found.clean_rows), (truth.identities.anonymous_events, truth.events));
    assert!(found.unknown_codes > 0 && found.bad_dates > 0 && found.missing_keys > 0 && found.outliers > 0);
    let share = anonymous as f64 / found.clean_rows as f64;
    assert!((0.04..0.3).contains(&share), "{share:.3} of the events are anonymous");
}

/// The customer file once more in Chinese, and the cells of the other against the truth.
#[test]
fn customers_have_the_dirt_that_is_told() {
    let (out, truth) = write(&shop(12, 3_000));
    let told = truth.files["customers.csv"];
    let mut true_cells = BTreeMap::new();
    for row in rows(&out.truth_customers) {
        // Age, band, sex, region, occupation, education, income.
        true_cells.insert(row[0].clone(), row[26..33].to_vec());
    }
    let all = rows(&out.customers);
    let mut found = FileTruth { rows: all.len() as u64, ..FileTruth::default() };
    let mut by_id = BTreeMap::<_, Vec<Vec<String>>>::new();
    for row in all {
        assert_eq!(row.len(), 14);
        match by_id.entry(row[0].clone()).or_default() {
            _ if row[0].is_empty() => found.missing_keys += 1,
            had if had.contains(&row) => found.exact_duplicates += 1,
            had => had.push(row),
        }
    }
    by_id.remove("");
    for (id, rows) in &by_id {
        found.key_duplicates += rows.len() as u64 - 1;
        found.clean_rows += 1;
        let row = rows.last().expect("at least one");
        let is_wrong = |n: usize| !row[n].is_empty() && row[n] != true_cells[id][n - 3];
        found.missing_values += row[3..12].iter().filter(|cell| cell.is_empty()).count() as u64;
        found.outliers += u64::from(row[3].parse().is_ok_and(|age: i32| !(18..=90).contains(&age)));
        let is_sex = row[5].is_empty() || row[5] == "f" || row[5] == "m";
        found.unknown_codes += u64::from(!is_sex) + u64::from(row[6] == "ZZ-99");
        found.wrong_values += u64::from(is_sex && is_wrong(5)) + u64::from(is_wrong(9));
        found.bad_dates += u64::from(!is_date(&row[12]));
        let (mail, phone) = (&row[10], &row[11]);
        found.bad_contacts += u64::from(!mail.is_empty() && !mail.ends_with("@customers.example"));
        found.bad_contacts += u64::from(!phone.is_empty() && phone.len() != "+49 30 0000000".len());
    }
    assert_eq!(found, told);
    assert!(told.outliers > 0 && told.key_duplicates > 0 && told.wrong_values > 0 && told.bad_contacts > 0);

    let (chinese, _, malformed) = GB18030.decode(&out.customers_gb18030);
    assert!(!malformed && std::str::from_utf8(&out.customers_gb18030).is_err());
    assert!(chinese.starts_with("客户编号,国家,注册日期,"), "{:?}", chinese.lines().next());
    assert_eq!(chinese.lines().count() as u64, told.rows + 1);
    let n_women = |text: &str, woman: &str| text.lines().filter(|line| line.split(',').nth(5) == Some(woman)).count();
    assert_eq!(n_women(&chinese, "女"), n_women(std::str::from_utf8(&out.customers).expect("UTF-8"), "f"));
    assert!(chinese.contains("年") && chinese.contains("德国"));
}

#[test]
fn surveys_contacts_and_partner_have_the_dirt_that_is_told() {
    let (out, truth) = write(&shop(13, 6_000));
    let count = |csv: &[u8], fault: &dyn Fn(&[String], &mut FileTruth) -> bool| {
        let mut found = FileTruth::default();
        let mut had = BTreeSet::new();
        for row in rows(csv) {
            found.rows += 1;
            if !had.insert(row.clone()) {
                found.exact_duplicates += 1;
            } else if row[0].is_empty() {
                found.missing_keys += 1;
            } else if row[0].starts_with('x') {
                found.unknown_keys += 1;
            } else if !fault(&row, &mut found) {
                found.clean_rows += 1;
            }
        }
        found
    };
    let surveys = count(&out.surveys, &|row, found| {
        let (score, max) = (row[3].parse::<i64>(), row[4].parse::<i64>());
        match (score, max) {
            _ if !is_date(&row[5]) => found.bad_dates += 1,
            (Err(_), Ok(_)) => found.bad_numbers += 1,
            (Ok(score), Ok(max)) if score > max => found.outliers += 1,
            _ => return false,
        }
        true
    });
    assert_eq!(surveys, truth.files["surveys.csv"]);
    let contacts = count(&out.contacts, &|row, found| {
        found.bad_dates += u64::from(!is_date(&row[1]));
        found.unknown_codes += u64::from(!CHANNELS.contains(&row[2].as_str()));
        let dirty = !is_date(&row[1]) || row[2] == "fax";
        assert!(dirty || (row[4] == "open") == (row[5] == "true"), "{row:?}");
        dirty
    });
    assert_eq!(contacts, truth.files["contacts.csv"]);
    assert_eq!(count(&out.partner, &|_, _| false), truth.files["partner.csv"]);
    assert!(surveys.clean_rows > 500 && contacts.clean_rows > 300, "{surveys:?} {contacts:?}");
}

#[test]
fn catalogue_and_costs_have_the_dirt_that_is_told() {
    let shop = shop(14, 60_000);
    let mut csv = Vec::new();
    let told = shop.write_catalogue(&mut csv).expect("written");
    let text = String::from_utf8(csv).expect("UTF-8");
    let mut found = FileTruth::default();
    let mut had = BTreeSet::new();
    for line in text.lines().skip(1) {
        found.rows += 1;
        if !had.insert(line) {
            found.exact_duplicates += 1;
            continue;
        }
        found.clean_rows += 1;
        // Names may be quoted; what follows is not.
        let [_, stock, cost]: [&str; 3] = line.rsplitn(4, ',').take(3).collect::<Vec<_>>().try_into().expect("three");
        found.missing_values += u64::from(stock.is_empty()) + u64::from(cost.is_empty());
        found.outliers += u64::from(stock.starts_with('-'));
        found.bad_numbers += u64::from(cost == "ask");
    }
    assert_eq!(found, told);
    assert!(told.exact_duplicates > 0 && told.outliers > 0 && told.bad_numbers > 0 && told.missing_values > 0);
    for item in shop.catalogue().items() {
        assert!((1..=item.price_minor).contains(&item.goods.cost_minor), "{item:?}");
        assert!(item.goods.stock >= 0 && item.goods.attributes.contains(";grade="), "{item:?}");
    }

    let mut csv = Vec::new();
    let told = shop.write_costs(&mut csv).expect("written");
    let (mut found, mut had) = (FileTruth::default(), BTreeSet::new());
    for row in rows(&csv) {
        found.rows += 1;
        match row[3].parse::<f64>() {
            _ if !had.insert(row.clone()) => found.exact_duplicates += 1,
            Err(_) => found.bad_numbers += 1,
            Ok(cost) if cost < 0.0 => found.outliers += 1,
            _ if !is_date(&row[2]) => found.bad_dates += 1,
            _ if row[0] == "fax" => found.unknown_codes += 1,
            _ => found.clean_rows += 1,
        }
    }
    assert_eq!(found, told);
    assert_eq!(told.clean_rows, 730 * 7);
}

#[test]
fn identities_say_whose_the_aliases_are() {
    let (out, truth) = write(&shop(15, 8_000));
    let owners: BTreeMap<_, _> =
        rows(&out.truth_identities).into_iter().map(|row| (row[0].clone(), (row[1].clone(), row[2].clone()))).collect();
    let mut found = FileTruth::default();
    let mut had = BTreeSet::new();
    let mut links = BTreeMap::<_, Vec<_>>::new();
    for row in rows(&out.identities) {
        found.rows += 1;
        if row[1].is_empty() {
            found.missing_keys += 1;
        } else if !is_date(&row[2]) {
            found.bad_dates += 1;
        } else if !had.insert(row.clone()) {
            found.exact_duplicates += 1;
        } else {
            found.clean_rows += 1;
            links.entry(row[0].clone()).or_default().push((row[2].clone(), row[1].clone(), row[3].clone()));
        }
    }
    assert_eq!(found, truth.files["identities.csv"]);
    let mut counts = BTreeMap::<&str, u64>::new();
    for (alias, (owner, status)) in &owners {
        *counts.entry(status).or_default() += 1;
        let mut links = links.remove(alias).unwrap_or_default();
        links.sort();
        let n_links = match status.as_str() {
            "never_linked" => 0,
            "linked" => 1,
            "conflict" => 2,
            _ => 3,
        };
        assert_eq!(links.len(), n_links, "{alias} {status} {links:?}");
        assert!(links.first().is_none_or(|(_, first, _)| first == owner), "the first to log in owns {alias}");
        let undone: Vec<_> = links.iter().filter(|(_, who, what)| what == "true" && who != owner).collect();
        assert_eq!(undone.len(), usize::from(status == "unlinked"));
    }
    assert!(links.is_empty(), "links of ids that no event has: {links:?}");
    assert_eq!(owners.len() as u64, truth.identities.aliases);
    assert_eq!((counts["unlinked"], truth.identities.unlinks), (1, 1));
    assert_eq!(counts["conflict"] + 1, truth.identities.conflicts);
    assert!(truth.identities.conflicts >= 3 && counts["never_linked"] > 100, "{counts:?}");
}

/// Habits can be seen in what people buy: who needs a discount has one, and favourite brands are bought.
#[test]
fn habits_can_be_seen() {
    let shop = shop(16, 3_000);
    let mut discounted = BTreeMap::<&str, (u32, u32)>::new();
    let (mut favourite, mut on_main_channel) = ((0_u32, 0_u32), (0_u32, 0_u32));
    let mut on_main_device = (0_u32, 0_u32);
    for idx in 0..shop.n_customers() {
        let customer = shop.customer(idx);
        let habits = &customer.habits;
        let history = shop.history(idx, &customer);
        for order in &history.orders {
            let tally = discounted.entry(habits.discount.id()).or_default();
            let cheaper = order.lines.iter().any(|line| line.unit_price_minor < line.list_price_minor);
            *tally = (tally.0 + u32::from(cheaper), tally.1 + 1);
            on_main_channel.0 += u32::from(order.channel == habits.channel);
            on_main_channel.1 += 1;
            for line in &order.lines {
                assert!((1..=line.list_price_minor).contains(&line.unit_price_minor));
                let goods = &shop.catalogue().items()[line.item_idx].goods;
                favourite.0 += u32::from(habits.brand == Some(goods.brand));
                favourite.1 += u32::from(habits.brand.is_some());
            }
        }
        for session in &history.sessions {
            on_main_device = (on_main_device.0 + u32::from(session.device == habits.device), on_main_device.1 + 1);
        }
    }
    let share = |(part, whole): (u32, u32)| f64::from(part) / f64::from(whole);
    let of = |class: DiscountClass| share(discounted[class.id()]);
    assert!(of(DiscountClass::Bargain) > 0.9, "{discounted:?}");
    assert!((0.3..0.6).contains(&of(DiscountClass::Mixed)), "{discounted:?}");
    assert!(of(DiscountClass::Indifferent) < 0.25, "{discounted:?}");
    assert!(share(favourite) > 3.0 / BRANDS.len() as f64, "{favourite:?}");
    assert!(share(on_main_channel) > 0.8 && share(on_main_device) > 0.7, "{on_main_channel:?} {on_main_device:?}");
}

/// The truth about who has left agrees with what the customers do after the records end.
#[test]
fn who_has_left_buys_no_more() {
    let shop = shop(17, 4_000);
    let (_, truth) = write(&shop);
    let (mut left, mut active, mut next_of_active) = (0, 0, 0);
    let (mut content_left, mut content_active) = (0.0, 0.0);
    for idx in 0..shop.n_customers() {
        let customer = shop.customer(idx);
        let history = shop.history(idx, &customer);
        let lifetime = history.lifetime;
        if let Some(left_at) = lifetime.left_at {
            assert_eq!(history.orders.last().map(|order| order.at), Some(left_at));
            assert_eq!((lifetime.next_orders, lifetime.next_minor), (0, 0));
            left += 1;
            content_left += customer.habits.contentment;
        } else if !history.orders.is_empty() {
            active += 1;
            next_of_active += u64::from(lifetime.next_orders);
            content_active += customer.habits.contentment;
        }
    }
    assert_eq!((truth.lifetimes.left, truth.lifetimes.active), (left, active));
    assert!(truth.lifetimes.next_orders >= next_of_active && next_of_active > active / 3);
    assert!((0.2..0.5).contains(&(left as f64 / (left + active) as f64)), "{left} left, {active} active");
    assert!(content_active / active as f64 > content_left / left as f64 + 0.03);
}

#[test]
fn erased_customers_are_in_the_files_and_no_samples() {
    let (out, truth) = write(&shop(18, 2_000));
    let orders = String::from_utf8(out.orders).expect("UTF-8");
    assert_eq!(truth.erased.len(), 5);
    assert!(truth.erased.iter().any(|id| orders.contains(&format!(",{id},"))));
    assert!(truth.samples.iter().all(|sample| !truth.erased.contains(&sample.visitor)));
    assert!(shop(18, 19).erased().is_empty());
    assert_eq!(shop(18, 20).erased(), [10]);
}

#[test]
fn events_can_be_scaled_and_orders_stay() {
    let scaled = |scale: f64| shop(19, 400).with_events_scale(scale);
    let (one, few) = write(&scaled(1.0).expect("a good scale"));
    let (five, many) = write(&scaled(5.0).expect("a good scale"));
    assert_eq!(one.orders, five.orders);
    assert!(many.events > 2 * few.events, "{} {}", few.events, many.events);
    for bad in [0.0, -1.0, 1000.5, f64::NAN, f64::INFINITY] {
        let error = scaled(bad).expect_err("out of range");
        assert!(matches!(error, DemoError::EventsScale { .. }));
        assert!(
            error.to_string().starts_with("events can be scaled by more than 0 and up to 1000, not by "),
            "{error}"
        );
    }
}

/// Every file that the shop file names is written, and every column that a mapping names is in its file's head.
#[test]
fn the_shop_file_names_what_is_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let summary = shop(20, 100).write_dir(dir.path(), |_, _| {}).expect("written");
    assert_eq!(summary.files.len(), 19);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("read");
    let mut n_feeds = 0;
    for line in read("shop.toml").lines() {
        let value = line.split(" = ").nth(1).unwrap_or_default().trim_matches(['[', ']', '"']).to_owned();
        if line.starts_with("files") || line.starts_with("mapping") || line.starts_with("tombstones") {
            assert!(dir.path().join(&value).is_file(), "{line}");
            n_feeds += u32::from(line.starts_with("files"));
        }
    }
    assert_eq!(n_feeds, 9);
    let mut n_columns = 0;
    let mut check = |mapping: &str, file: Option<&str>| {
        let (mut kind, mut fields) = (String::new(), false);
        for line in read(mapping).lines() {
            if let Some(section) = line.strip_prefix('[') {
                kind = section.split(['.', ']']).next().unwrap_or_default().to_owned();
                fields = section.ends_with(".fields]");
            } else if let Some((key, value)) = line.split_once(" = ")
                && (line.starts_with("from = ") || fields)
                && value.starts_with('"')
            {
                let default = if kind == "events" { "events.jsonl".to_owned() } else { format!("{kind}.csv") };
                let bytes = std::fs::read(dir.path().join(file.unwrap_or(&default))).expect("read");
                let text = if file == Some("customers_gb18030.csv") {
                    GB18030.decode(&bytes).0
                } else {
                    String::from_utf8_lossy(&bytes)
                };
                let column = value.trim_matches('"');
                let has = if kind == "events" {
                    text.contains(&format!("\"{column}\":"))
                } else {
                    text.lines().next().is_some_and(|head| head.split(',').any(|name| name == column))
                };
                assert!(has, "{mapping}: {kind}.{key} names {column}");
                n_columns += 1;
            }
        }
    };
    check("mapping.toml", None);
    check("partner.toml", Some("partner.csv"));
    check("mapping_zh.toml", Some("customers_gb18030.csv"));
    assert!(n_columns > 60, "{n_columns}");
    assert_eq!(CATEGORIES.len(), 12);
}
