//! A shop's next day: what a build reads again of what it knows already, and that the result is that of a full build.

use crate::kit;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use vitrine_profiles::{Built, Mapping, Shop, Silent, build};

const SHOP: &str = r#"
version = 1
name = "daily"
currency = "EUR"
minor_digits = 2

[[feed]]
id = "till"
kind = "orders"
files = ["orders/*.csv"]
mapping = "vitrine-demo"

[[feed]]
id = "web"
kind = "events"
files = ["events/*.jsonl"]
mapping = "web.toml"

[[feed]]
id = "logins"
kind = "identities"
files = ["logins/*.csv"]
mapping = "web.toml"
"#;

const MAPPING: &str = r#"
version = 2
name = "web"
currency = "EUR"
minor_digits = 2

[events.fields]
event_id = "id"
customer_id = "who"
kind = "kind"
at = "at"
item_id = "item"
value = "value"

[events.duplicates]
key = ["event_id"]

[identities.fields]
alias = "alias"
customer_id = "member"
at = "at"
"#;

const EVENTS_A_DAY: u64 = 240;
/// Each day has an event that came the day before, and one of a kind that nobody knows.
const ROWS_A_DAY: u64 = EVENTS_A_DAY + 2;

fn event(id: u64, day: u64, n: u64, kind: &str) -> String {
    let who = if n.is_multiple_of(3) { format!("browser-{}", n % 30) } else { format!("c{}", n % 17) };
    let (hour, minute) = (n / 11 % 24, n % 60);
    format!(
        "{{\"id\":\"e{id}\",\"who\":\"{who}\",\"kind\":\"{kind}\",\"at\":\"2024-02-{day:02}T{hour:02}:{minute:02}:00Z\",\
         \"item\":\"i{}\",\"value\":\"{}.5\"}}\n",
        n % 9,
        n % 40
    )
}

fn write_day(dir: &Path, day: u64) {
    let first = day * EVENTS_A_DAY;
    let kinds = ["view", "click", "add_cart", "visit", "search"];
    let mut events: String =
        (0..EVENTS_A_DAY).map(|n| event(first + n, day, n * 7 + day, kinds[(n % 5) as usize])).collect();
    events += &event(first.saturating_sub(5), day, 1, "view");
    events += &event(first + 900_000, day, 2, "teleport");
    fs::write(dir.join(format!("events/2024-02-{day:02}.jsonl")), events).unwrap();
}

fn write_orders(dir: &Path, day: u64) {
    let mut rows =
        "order_id,item_id,item_name,category,quantity,ordered_at,unit_price,customer_id,country\n".to_owned();
    for n in 0..60 {
        let (customer, item) = (n * 5 % 17, n % 9);
        writeln!(
            rows,
            "O{day}-{n},i{item},Item {item},k{},1,2024-02-{day:02}T09:{n:02}:00,{}.00,c{customer},DE",
            item % 3,
            5 + item
        )
        .unwrap();
    }
    fs::write(dir.join(format!("orders/2024-02-{day:02}.csv")), rows).unwrap();
}

fn write_login(dir: &Path, day: u64, alias: &str, member: &str) {
    let row = format!("alias,member,at\n{alias},{member},2024-02-{day:02}T20:00:00Z\n");
    fs::write(dir.join(format!("logins/2024-02-{day:02}.csv")), row).unwrap();
}

/// A build of everything that is there, into a directory of its own.
fn built(dir: &Path, out: &str, work: Option<&str>) -> Built {
    let shop = Shop::from_file(&dir.join("shop.toml")).unwrap();
    let mut options = kit::options(&[], Mapping::builtin("vitrine-demo").unwrap(), &dir.join(out));
    options.neighbours.buyers_min = 1;
    options.shop = Some(shop);
    options.work_dir = work.map(|work| dir.join(work));
    build(&options, &mut Silent).unwrap()
}

#[track_caller]
fn assert_same(dir: &Path, one: &str, other: &str) {
    for file in [
        "features.parquet",
        "quarantine.parquet",
        "unmatched.parquet",
        "tastes.parquet",
        "items.parquet",
        "report.json",
        "manifest.json",
    ] {
        let [one, other] = [one, other].map(|out| fs::read(dir.join(out).join(file)).unwrap());
        assert!(one == other, "{file} differs");
    }
}

/// Rows that steps over single files of events read, and rows that were read of order files.
fn rows_read(built: &Built, steps: &[&str]) -> u64 {
    let is_wanted = |step: &str| steps.iter().any(|wanted| step == *wanted || step.starts_with(&format!("{wanted}-")));
    built.stages.iter().filter(|run| is_wanted(&run.step)).map(|run| run.rows_read).sum()
}

/// Files that a step ran on.
fn files_run(built: &Built, step: &str) -> usize {
    let prefix = format!("{step}-");
    built.stages.iter().filter(|run| run.step.starts_with(&prefix) && !run.is_reused).count()
}

/// Steps over single files that read nothing else; `judged_events` also reads the few rows that say the same as others.
const OF_ONE_FILE: [&str; 3] = ["event_facts", "event_counts", "event_days_part"];

#[test]
fn a_day_of_events_orders_and_logins_costs_the_day_and_gives_the_bytes_of_a_full_build() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for folder in ["orders", "events", "logins"] {
        fs::create_dir(dir.join(folder)).unwrap();
    }
    fs::write(dir.join("shop.toml"), SHOP).unwrap();
    fs::write(dir.join("web.toml"), MAPPING).unwrap();
    for day in 1..=6 {
        write_day(dir, day);
        write_orders(dir, day);
    }
    write_login(dir, 3, "browser-3", "c3");
    let first = built(dir, "first", Some("work"));
    assert_eq!(rows_read(&first, &["event_facts"]), 6 * ROWS_A_DAY);
    assert_eq!(first.report.quality.identity.links, 1);

    write_day(dir, 7);
    write_orders(dir, 7);
    // Somebody who was a stranger on all days before logs in.
    write_login(dir, 7, "browser-9", "c9");
    let second = built(dir, "second", Some("work"));
    let full = built(dir, "full", None);
    assert_ne!(first.manifest.build, second.manifest.build);
    assert_eq!(second.report, full.report);
    assert_same(dir, "second", "full");
    assert_eq!(second.report.quality.identity.links, 2);

    for step in ["read-events", "read-orders", "read-identities", "event_facts", "judged_events", "event_counts"] {
        assert_eq!(files_run(&second, step), 1, "{step}");
    }
    for step in OF_ONE_FILE {
        assert_eq!(rows_read(&second, &[step]), ROWS_A_DAY, "{step}");
        assert_eq!(rows_read(&full, &[step]), 7 * ROWS_A_DAY, "{step}");
    }

    assert!((ROWS_A_DAY..ROWS_A_DAY + 2).contains(&rows_read(&second, &["judged_events"])));

    // A login alone reads no event again, and neither does an erased visitor.
    write_login(dir, 8, "browser-12", "c12");
    let third = built(dir, "third", Some("work"));
    assert_eq!((rows_read(&third, &OF_ONE_FILE), rows_read(&third, &["judged_events"])), (0, 0));
    built(dir, "third-full", None);
    assert_same(dir, "third", "third-full");
    fs::write(
        dir.join("shop.toml"),
        SHOP.replace("minor_digits = 2\n", "minor_digits = 2\ntombstones = \"gone.txt\"\n"),
    )
    .unwrap();
    fs::write(dir.join("gone.txt"), "browser-9\n").unwrap();
    let gone = |out, work| {
        let shop = Shop::from_file(&dir.join("shop.toml")).unwrap();
        let mut options = kit::options(&[], Mapping::builtin("vitrine-demo").unwrap(), &dir.join(out));
        options.neighbours.buyers_min = 1;
        options.tombstones.clone_from(&shop.tombstones);
        options.shop = Some(shop);
        options.work_dir = work;
        build(&options, &mut Silent).unwrap()
    };
    let fourth = gone("fourth", Some(dir.join("work")));
    assert_eq!((rows_read(&fourth, &OF_ONE_FILE), rows_read(&fourth, &["judged_events"])), (0, 0));
    let fifth = gone("fourth-full", None);
    assert_same(dir, "fourth", "fourth-full");
    // Erased under all of their ids: nobody has a row for c9, and the numbers of the report are those of the others.
    let kinds = |built: &Built| {
        let events = built.report.quality.kinds.iter().find(|kind| kind.kind == "events").unwrap();
        (
            events.rows.read,
            events.rows.kept,
            events.reasons.iter().find(|reason| reason.code == "erased").map(|it| it.rows),
        )
    };
    let (read, kept, erased) = kinds(&fifth);
    let (read_before, kept_before, none) = kinds(&third);
    assert_eq!((read, none), (read_before, None));
    assert!(kept < kept_before && erased.is_some_and(|erased| erased >= kept_before - kept));
}
