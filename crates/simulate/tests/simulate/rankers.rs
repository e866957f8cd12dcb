//! Rankers against the truth: who wins, who learns, and where nobody can tell.

use crate::kit::{bundle, offers, ranker, regret, run, run_demo, settings, shop};
use serde_json::json;
use vitrine_simulate::{Contender, DAYS, Goal, Segmentation, Settings, Verdict};

/// Everybody likes `b` best, by far.
const ONE_BEST: &str = "segment,offer,click\n*,a,0.05\n*,b,0.25\n*,c,0.05\n*,d,0.02\n*,hello,0.01\n";

/// Phones want `a`, others `b`; `c` is never bad.
const BY_DEVICE: &str = "\
segment;offer;click
mobile;a;0.30
*;a;0.02
mobile;b;0.02
*;b;0.30
*;c;0.12
*;hello;0.01
";

#[test]
fn who_knows_the_truth_wins_and_the_rankers_of_the_shop_beat_popularity() {
    let report = run_demo(&shop(1, 1_500), &settings(&[]));
    assert_eq!((report.placement.as_str(), report.candidates, report.by), ("home-hero", 8, Segmentation::Taste));
    assert_eq!((report.rankers.len(), report.visitors, report.days), (13, 1_500, DAYS));
    assert_eq!(report.rankers[0].ranker, Contender::Truth);
    assert_eq!(report.rankers[0].of_the_best, Some(1.0));
    for row in &report.rankers {
        assert!(row.of_the_best.unwrap() <= 1.0 + 1e-12, "{row:?}");
        // What came out is what the truth expects, but for chance: six standard errors of a share.
        let error = (row.expected / report.visits as f64).sqrt();
        assert!((row.earned.value - row.expected).abs() < 6.0 * error, "{row:?}");
        assert!(row.earned.low < row.earned.value && row.earned.value < row.earned.high, "{row:?}");
    }
    for expected in [Contender::Truth, Contender::Items, Contender::Relevance, Contender::Hybrid, Contender::Formula] {
        let row = ranker(&report, expected);
        assert_eq!((row.over_popular.verdict, row.over_random.verdict), (Verdict::Better, Verdict::Better), "{row:?}");
        let (measured, expected) = (row.over_popular.measured.unwrap(), row.over_popular.expected.unwrap());
        assert!(measured.low < expected && expected < measured.high, "{row:?}");
    }
    assert!(ranker(&report, Contender::Items).is_configured);
    assert_eq!(report.rankers.iter().filter(|it| it.is_configured).count(), 1);
    // Popular offers of the made-up shop are no better than others.
    assert_eq!(ranker(&report, Contender::Popular).over_popular.verdict, Verdict::CannotTell);
    assert!(!report.winner.first.knows_the_truth());
    let visits: u64 = report.segments.iter().map(|it| it.visits).sum();
    assert_eq!(visits, report.visits);
    let gardener = report.segments.iter().find(|it| it.segment == "gardener").unwrap();
    assert_eq!((gardener.best_offer.as_str(), gardener.click), ("for-gardener", 0.02 + 0.1 * 0.6));
}

#[test]
fn a_bandit_learns_what_is_best_and_chance_does_not() {
    let document = offers(&["a", "b", "c", "d"], &json!({}));
    let report = run(&shop(2, 1_000), &document, ONE_BEST, Segmentation::Taste, &settings(&["bandit"]));
    let random = regret(&report, Contender::Random);
    let n_days = f64::from(DAYS);
    // A visit by chance misses 0.25 less the mean of all four.
    let missed = (0.25 - (0.05 + 0.25 + 0.05 + 0.02) / 4.0) * report.visits as f64;
    assert!((random.total / missed - 1.0).abs() < 0.05, "{} of {missed}", random.total);
    assert!(random.by_day.is_sorted() && random.by_day.len() == usize::from(DAYS));
    assert!((random.by_day[13] / random.total - 14.0 / n_days).abs() < 0.05);
    for bandit in [Contender::Bernoulli, Contender::Gaussian, Contender::LinearThompson, Contender::LinUcb] {
        let found = regret(&report, bandit);
        assert!(found.total < 0.4 * random.total, "{bandit:?}: {} of {}", found.total, random.total);
        assert!(found.last_week < 0.2 * random.last_week, "{bandit:?}: {} of {}", found.last_week, random.last_week);
        assert!(found.last_week < found.first_week, "{bandit:?}");
        assert_eq!(ranker(&report, bandit).over_random.verdict, Verdict::Better);
        // Nothing is gained by telling visitors apart.
        assert!(found.over_single >= -1e-9);
    }
    let single = regret(&report, Contender::Single);
    assert!(single.total.abs() < 1e-9 && single.over_single.abs() < 1e-9);
}

#[test]
fn only_a_bandit_that_looks_at_the_visitor_learns_whom_to_show_what() {
    let document = offers(&["a", "b", "c"], &json!({}));
    let report = run(&shop(3, 1_500), &document, BY_DEVICE, Segmentation::Device, &settings(&["bandit"]));
    for bandit in [Contender::LinearThompson, Contender::LinUcb] {
        let found = regret(&report, bandit);
        assert!(found.over_single < 0.0, "{bandit:?} {}", found.over_single);
        assert!(
            found.last_week < 0.3 * regret(&report, Contender::Bernoulli).last_week,
            "{bandit:?} {}",
            found.last_week
        );
        assert_eq!(ranker(&report, bandit).over_popular.verdict, Verdict::Better);
    }
    assert!(regret(&report, Contender::Bernoulli).over_single > 0.0);
    let mobile = report.segments.iter().find(|it| it.segment == "mobile").unwrap();
    assert_eq!((mobile.best_offer.as_str(), mobile.click), ("a", 0.3));
}

/// Each line is wrong once in twenty times, as it says; a winner is named more seldom.
#[test]
fn where_all_are_alike_nobody_can_tell() {
    let document = offers(&["a", "b", "c"], &json!({}));
    let alike = "segment,offer,click\n*,a,0.1\n*,b,0.1\n*,c,0.1\n*,hello,0.1\n";
    let (mut n_lines, mut n_told, mut n_winners) = (0, 0, 0);
    for seed in 0..15 {
        let of = settings(&["priority", "items", "bernoulli", "lin_ucb"]);
        let report = run(&shop(seed, 150), &document, alike, Segmentation::Taste, &of);
        for row in &report.rankers {
            n_lines += 2;
            let told = |verdict: Verdict| u32::from(verdict != Verdict::CannotTell);
            n_told += told(row.over_popular.verdict) + told(row.over_random.verdict);
            assert!(row.over_popular.expected.unwrap().abs() < 1e-9);
        }
        n_winners += u32::from(report.winner.cannot_tell_from.is_empty());
        assert!(report.regret.iter().all(|it| it.total.abs() < 1e-9));
    }
    // 12 of 240 expected.
    assert_eq!(n_lines, 240);
    assert!(n_told <= 26, "{n_told}");
    assert!(n_winners <= 1, "{n_winners}");
}

/// Ten in a thousand are too little for so few visits: hardly more is told than chance tells.
#[test]
fn a_small_difference_is_no_difference() {
    let document = offers(&["a", "b"], &json!({ "ranker": "priority" }));
    let close = "segment,offer,click\n*,a,0.10\n*,b,0.11\n*,hello,0.1\n";
    let (mut n_told, mut n_winners) = (0, 0);
    for seed in 0..12 {
        let report = run(&shop(seed, 300), &document, close, Segmentation::Taste, &settings(&["priority"]));
        let truth = ranker(&report, Contender::Truth);
        n_told += u32::from(truth.over_random.verdict != Verdict::CannotTell);
        assert!((truth.over_popular.expected.unwrap() - 0.1).abs() < 1e-9, "{truth:?}");
        n_winners += u32::from(report.winner.cannot_tell_from.is_empty());
    }
    assert!(n_told <= 3 && n_winners <= 1, "{n_told} {n_winners}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let text = |seed, n_visitors| {
        serde_json::to_string(&run_demo(&shop(seed, n_visitors), &settings(&["items", "bandit"]))).unwrap()
    };
    let first = text(5, 200);
    assert_eq!(first, text(5, 200));
    assert_ne!(first, text(6, 200));
    assert!(!first.contains("null,\"high\""), "a number is not finite");
}

#[test]
fn what_a_click_is_worth_counts_where_the_placement_says_so() {
    let mut document =
        offers(&["a", "b"], &json!({ "ranker": { "type": "bandit", "model": "bernoulli" }, "objective": "value" }));
    document["offers"][0]["margin"] = json!(30);
    document["offers"][1]["margin"] = json!(1);
    let truth = "segment,offer,click\n*,a,0.05\n*,b,0.2\n*,hello,0\n";
    let report = run(&shop(7, 1_000), &document, truth, Segmentation::Taste, &settings(&["bernoulli"]));
    assert_eq!(report.goal, Goal::Value);
    // 30 · 0.05 is more than 1 · 0.2, in minor units.
    let best = ranker(&report, Contender::Truth);
    assert!((best.expected - 150.0).abs() < 1e-9, "{best:?}");
    let own = ranker(&report, Contender::Bernoulli);
    assert!(own.is_configured && own.over_random.verdict == Verdict::Better, "{own:?}");
    assert!(own.value_minor > ranker(&report, Contender::Random).value_minor);
    // A file may say what a click is worth.
    let truth = "segment,offer,click,value\n*,a,0.05,0.5\n*,b,0.2,\n*,hello,0,0\n";
    let report = run(&shop(7, 300), &document, truth, Segmentation::Taste, &settings(&["bernoulli"]));
    assert!((ranker(&report, Contender::Truth).expected - 20.0).abs() < 1e-9);
}

/// The bar of the made-up shop shows offers to customers of named segments, in July.
#[test]
fn rules_are_kept_and_what_they_cannot_know_is_said() {
    let shop = shop(8, 400);
    let of = |placement: &str, start: Option<&str>| {
        let start = start.map(|it| vitrine_engine::TimestampMs::parse(it).unwrap());
        run_demo(&shop, &Settings { placement: Some(placement.into()), start, ..settings(&["priority"]) })
    };
    let july = of("top-bar", None);
    assert!(july.rankers.iter().all(|it| it.fallback_share < 0.05), "the summer sale is for everybody");
    let august = of("top-bar", Some("2026-08-01T00:00:00Z"));
    let share = ranker(&august, Contender::Priority).fallback_share;
    assert!((0.05..0.9).contains(&share), "{share}");
    // All kinds of customers are found out from their orders.
    assert!(august.notes.iter().all(|it| !it.contains("made-up visitors have no")), "{:?}", august.notes);

    let mut document = offers(&["a", "b"], &json!({}));
    document["offers"][0]["when"] = json!({ "profile.clv_minor": { "$gt": 100 } });
    document["offers"][1]["when"] = json!({ "context.device": "mobile" });
    let truth = "segment,offer,click\n*,a,0.1\n*,b,0.1\n*,hello,0.1\n";
    let report = run(&shop, &document, truth, Segmentation::Taste, &settings(&["priority"]));
    assert!(
        report.notes.iter().any(|it| it.contains("made-up visitors have no profile.clv_minor:")),
        "{:?}",
        report.notes
    );
    let share = ranker(&report, Contender::Priority).fallback_share;
    assert!((0.3..0.8).contains(&share), "about half are on phones: {share}");
    document["offers"][1]["ends"] = json!("2020-01-01T00:00:00Z");
    let report = run(&shop, &document, truth, Segmentation::Taste, &settings(&["priority"]));
    assert!(report.notes.iter().any(|it| it.contains("only the fallback offer was ever shown")), "{:?}", report.notes);
    assert_eq!(bundle(&document).placements().len(), 1);
}
