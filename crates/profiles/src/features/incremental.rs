//! Events that come day by day: a new file costs no more than itself, and the result is that of a full build.

use super::*;
use crate::StageRun;
use crate::engine::{Params, Part};
use crate::stages::Stages;
use std::fs;

const AS_OF_S: i64 = 1_709_251_200;

/// The events of one day, as a file of the work directory.
fn day(engine: &Engine, day: i64) -> Part {
    let row = |n: i64| {
        let at_s = AS_OF_S - (4 - day) * 86_400 + n * 977;
        let kind = ["view", "click", "add_cart", "visit", "review"][(n % 5) as usize];
        format!(
            "SELECT 'v{}' AS customer_id, '{kind}' AS kind, {at_s} AS at_s, 'i{}' AS item_id, 'web' AS channel, \
             'mobile' AS device, CAST({} AS DOUBLE) / 10 AS rating, {} AS sentiment_milli",
            n * 7 % 13,
            n % 11,
            n % 50,
            n * 37 % 2000 - 1000
        )
    };
    let sql: Vec<String> = (0..60).map(|n| row(n + day)).collect();
    engine.run_sql(&format!("day_{day}"), &sql.join(" UNION ALL ")).unwrap();
    engine.parts_of(&format!("day_{day}")).remove(0)
}

/// The bytes of features.parquet, and what was run.
fn build(dir: &Path, days: &[i64], in_one: bool) -> (Vec<u8>, Vec<StageRun>) {
    let engine = Engine::start(Stages::open(dir).unwrap(), 256 << 20).unwrap();
    engine.set_params(&Params::of(AS_OF_S)).unwrap();
    let parts: Vec<Part> = days.iter().map(|number| day(&engine, *number)).collect();
    engine.adopt("events", parts).unwrap();
    if in_one {
        engine.run_sql("all_days", "SELECT * FROM events ORDER BY kind DESC, at_s").unwrap();
        engine.adopt("events", engine.parts_of("all_days")).unwrap();
    }
    engine.define("netted", "SELECT CAST('' AS VARCHAR) AS customer_id, true AS is_cancellation WHERE false").unwrap();
    let made = run(&engine, Own { features_dir: None, labels_file: None }, AS_OF_S, |_| ()).unwrap();
    assert_eq!(made.registry.get("views_7d").unwrap().state, LabelState::InTable);
    let features = dir.join("features.copy");
    engine.export("features", &features).unwrap();
    engine.stages().prune().unwrap();
    (fs::read(features).unwrap(), engine.stages().runs())
}

#[test]
fn a_new_day_of_events_costs_no_more_than_itself_and_gives_the_bytes_of_a_full_build() {
    let (kept, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (before, _) = build(kept.path(), &[0, 1, 2], false);
    let (after, runs) = build(kept.path(), &[0, 1, 2, 3], false);
    let (full, _) = build(fresh.path(), &[0, 1, 2, 3], true);
    assert_ne!(before, after);
    assert!(after == full, "the bytes differ");
    let parts: Vec<(u64, bool)> =
        runs.iter().filter(|run| run.step == "event_days_part").map(|run| (run.rows_read, run.is_reused)).collect();
    assert_eq!(parts, [(0, true), (0, true), (0, true), (60, false)]);

    let (again, runs) = build(kept.path(), &[0, 1, 2, 3], false);
    assert!(again == after);
    assert!(runs.iter().all(|run| run.is_reused), "{runs:?}");
}

#[test]
fn labels_of_expired_feeds_are_off_and_sensitive_ones_without_purpose_are_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::start(Stages::open(dir.path()).unwrap(), 256 << 20).unwrap();
    engine.set_params(&Params::of(AS_OF_S)).unwrap();
    let part = day(&engine, 0);
    engine.adopt("events", vec![part]).unwrap();
    engine.define("netted", "SELECT CAST('' AS VARCHAR) AS customer_id, true AS is_cancellation WHERE false").unwrap();
    engine
        .run_sql("feeds", &format!("SELECT 'clicks' AS feed, 'events' AS kind, {} AS expires_s", AS_OF_S - 1))
        .unwrap();
    engine
        .run_sql(
            "attributes",
            "SELECT 'v1' AS customer_id, 'Faith' AS name, 'a' AS value UNION ALL SELECT 'v1', 'age', '41' \
             UNION ALL SELECT 'v2', 'age', 'old' UNION ALL SELECT 'v2', 'plan', 'gold'",
        )
        .unwrap();
    let changes = dir.path().join("labels.toml");
    fs::write(
        &changes,
        "[labels.faith]\nsensitivity = \"sensitive\"\n[labels.age]\ntype = \"unsigned\"\nbits = 7\n\
         [labels.plan]\nexpires = \"2020-01-01\"\n[segments.grown]\nwhen = \"age >= 18\"\n",
    )
    .unwrap();
    let made = run(&engine, Own { features_dir: None, labels_file: Some(&changes) }, AS_OF_S, |_| ()).unwrap();
    let state = |name: &str| &made.registry.get(name).unwrap().state;
    assert_eq!(*state("faith"), LabelState::Withheld);
    assert!(matches!(state("views_7d"), LabelState::Off { why } if why.contains("clicks")), "{:?}", state("views_7d"));
    // What can do without events stays.
    assert_eq!(*state("lifecycle"), LabelState::InTable);
    assert!(matches!(state("plan"), LabelState::Off { why } if why.contains("2020-01-01")));
    assert_eq!((state("age"), state("grown")), (&LabelState::InTable, &LabelState::InTable));
    assert!(!engine.has_column("features", "faith"));
    let rows = engine
        .rows_as_text(
            "SELECT customer_id, age, plan, views_7d, grown FROM features WHERE customer_id IN ('v1', 'v2') ORDER BY 1",
        )
        .unwrap();
    assert_eq!(rows, ["v1 | 41 | - | - | true", "v2 | - | - | - | false"]);
    assert!(
        made.warnings.iter().any(|warning| warning.contains("label views_7d is switched off")),
        "{:?}",
        made.warnings
    );
    let grown = made.registry.get("grown").unwrap();
    assert_eq!(
        (grown.tables.as_slice(), grown.steps.as_slice()),
        (&["attributes".to_owned(), "feeds".to_owned()][..], &["declared".to_owned()][..])
    );
}
