//! Rankers on a made-up shop: figures that others can compute again, and histories that cannot be evaluated.

use crate::equal_bytes::{csv, rows};
use crate::kit::{number, parquet_rows, text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use vitrine_profiles::{BuildError, Cancellations, EvaluateOptions, Evaluated, Mapping, Silent, evaluate};

/// Places and items of each customer.
type Lists = BTreeMap<String, Vec<(i64, String)>>;

fn evaluated(csv: &str, change: impl FnOnce(&mut EvaluateOptions, &Path)) -> Result<Evaluated, BuildError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("orders.csv");
    std::fs::write(&path, csv).unwrap();
    let mut options = EvaluateOptions::new(vec![path], Mapping::builtin("vitrine-demo").unwrap());
    options.n_resamples = 50;
    change(&mut options, dir.path());
    evaluate(&options, &mut Silent)
}

#[test]
fn others_can_compute_the_figures_from_what_was_recommended() {
    let dir = tempfile::tempdir().unwrap();
    let (file, csv) = (dir.path().join("recommended.parquet"), csv(&rows()));
    let run = || {
        evaluated(&csv, |options, _| {
            options.recommendations = Some(file.clone());
            options.cancellations = Cancellations::Drop;
            options.k = 5;
        })
        .unwrap()
    };
    let found = run();
    let first = std::fs::read(&file).unwrap();
    assert_eq!(found, run());
    assert_eq!(first, std::fs::read(&file).unwrap());

    // What each customer bought on each side, from the file itself.
    let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
    let mut known = BTreeSet::new();
    let mut sides = Vec::new();
    for row in rows() {
        let cells: Vec<&str> = row.split(',').collect();
        if cells[4].starts_with('-') || cells[4] == "0" {
            continue;
        }
        sides.push((cells[7].to_owned(), cells[1].to_owned(), cells[5][..10] < found.split_at[..]));
    }
    for (customer, item, is_before) in sides {
        if is_before {
            known.insert(item.clone());
            before.insert((customer, item));
        } else {
            after.insert((customer, item));
        }
    }
    let mut lists: BTreeMap<(String, String), Lists> = BTreeMap::new();
    for row in parquet_rows(&file) {
        let of = |name: &str| text(&row[name]).to_owned();
        let list = lists.entry((of("mode"), of("ranker"))).or_default().entry(of("user")).or_default();
        list.push((number(&row["rank"]) as i64, of("item")));
    }
    assert_eq!(lists.len(), 22);
    for mode in &found.modes {
        let name = vitrine_profiles::mode_name(mode.mode);
        for ranker in &mode.rankers {
            let lists = &lists[&(name.to_owned(), ranker.ranker.clone())];
            assert_eq!(lists.len() as u64, mode.customers_tested);
            let mut hits = 0.0;
            for (customer, list) in lists {
                assert!(list.iter().map(|(rank, _)| *rank).eq(1..=list.len() as i64));
                for (_, item) in list {
                    let pair = (customer.clone(), item.clone());
                    assert!(name == "repeat" || !before.contains(&pair), "{pair:?} is not new");
                    assert!(known.contains(item));
                    hits += f64::from(u8::from(after.contains(&pair)));
                }
            }
            let precision = hits / 5.0 / lists.len() as f64;
            assert!((ranker.precision.value - precision).abs() < 1e-9, "{} {precision}", ranker.ranker);
            for figure in [ranker.precision, ranker.recall, ranker.f1, ranker.ndcg] {
                assert!(figure.low <= figure.value && figure.value <= figure.high, "{}", ranker.ranker);
            }
        }
        let ndcg = |name: &str| mode.rankers.iter().find(|it| it.ranker == name).unwrap().ndcg.value;
        assert!(ndcg("hybrid") > ndcg("popularity"), "{name}");
        assert_eq!(mode.hybrid_less.len(), 10);
    }
}

#[test]
fn cancellations_are_netted_or_dropped() {
    let csv = csv(&rows());
    let pairs = |cancellations| {
        let found = evaluated(&csv, |options, _| {
            options.cancellations = cancellations;
            options.n_resamples = 0;
        });
        found.unwrap().pairs
    };
    assert!(pairs(Cancellations::Drop) > pairs(Cancellations::Net));
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let all = csv(&rows());
    type Change = fn(&mut EvaluateOptions, &Path);
    let cases: [(Change, &[&str]); 8] = [
        (|o, _| o.k = 0, &["option k: is 0, but must be 1 to 100"]),
        (|o, _| o.k = 101, &["option k: is 101"]),
        (|o, _| o.orders.clear(), &["option orders", "at least one"]),
        (|o, _| o.memory_bytes = 1, &["option memory_bytes", "64 MiB"]),
        (
            |o, _| o.split_at = "2030-01-01".parse().ok(),
            &["option split_at", "2030-01-01 does not split", "2024-01-01"],
        ),
        (|o, _| o.split_at = "2023-01-01".parse().ok(), &["option split_at", "does not split the history"]),
        (|o, _| o.split_at = "2024-01-08".parse().ok(), &["option split_at", "a validation needs 21"]),
        (|o, dir| o.recommendations = Some(dir.join("missing/file.parquet")), &["missing/file.parquet"]),
    ];
    for (change, parts) in cases {
        let error = evaluated(&all, change).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let line =
        |order: &str, customer: &str, day: &str| format!("{order},I1,Item,cat,1,{day}T08:00:00,1.00,{customer},DE");
    let error = |lines: &[String]| evaluated(&csv(lines), |_, _| ()).unwrap_err().to_string();
    let short = error(&[line("1", "a", "2024-01-01"), line("2", "a", "2024-01-20")]);
    assert!(
        short.contains("the orders cover 20 days, 2024-01-01 to 2024-01-20, but an evaluation needs 28"),
        "{short}"
    );
    let strangers = error(&[line("1", "a", "2024-01-01"), line("2", "b", "2024-03-20")]);
    assert!(strangers.contains("no customer with a purchase before"), "{strangers}");
    let nothing = error(&["1,,Item,cat,1,2024-01-01T08:00:00,1.00,a,DE".to_owned()]);
    assert!(nothing.contains("none of the 1 rows is left") || nothing.contains("hold no goods"), "{nothing}");
}
