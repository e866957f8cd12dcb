//! A build that stops goes on where it stopped, and leaves what was there.

use crate::kit;
use std::collections::BTreeSet;
use std::fs;
use vitrine_profiles::{BuildOptions, Mapping, Silent, StageRun, build};

const SHOP: &str = include_str!("../data/shop.csv");
const HEAD: &str = "--# [labels.n]\n--# means = \"n\"\n--# type = \"unsigned\"\n--# bits = 8\n";

fn steps(runs: &[StageRun], is_reused: bool) -> BTreeSet<&str> {
    runs.iter().filter(|run| run.is_reused == is_reused).map(|run| run.step.as_str()).collect()
}

#[test]
fn a_stopped_build_goes_on_where_it_stopped_and_old_output_stays_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("orders.csv"), SHOP).unwrap();
    fs::create_dir(path("features")).unwrap();
    let sound = format!("{HEAD}SELECT customer_id, octet_length(customer_id) AS n FROM customers\n");
    fs::write(path("features/own.sql"), &sound).unwrap();
    let mut options: BuildOptions =
        kit::options(&[&path("orders.csv")], Mapping::builtin("vitrine-demo").unwrap(), &path("table"));
    options.neighbours.buyers_min = 1;
    options.work_dir = Some(path("table.work"));
    options.features_dir = Some(path("features"));
    options.replace = true;
    let first = build(&options, &mut Silent).unwrap();
    assert_eq!(steps(&first.stages, true), BTreeSet::new());
    let manifest = fs::read(path("table/manifest.json")).unwrap();

    // A day later the build fails in the middle: names are no numbers.
    let more = "O11,A,Apple,fruit,1,2024-03-05T10:00:00,1.50,anna,DE\n";
    fs::write(path("orders.csv"), format!("{SHOP}{more}")).unwrap();
    let broken = sound.replace("octet_length(customer_id)", "CAST(customer_id AS BIGINT)");
    fs::write(path("features/own.sql"), broken).unwrap();
    let error = build(&options, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("own.sql:1:") && error.contains("Cast error"), "{error}");
    assert_eq!(fs::read(path("table/manifest.json")).unwrap(), manifest);

    // What was done stays done; a file that was being written, or is not whole, is not taken for a result.
    fs::write(path("table.work/.unfinished-features.parquet"), "half").unwrap();
    let rfm = fs::read_dir(path("table.work")).unwrap().map(|entry| entry.unwrap().path());
    let rfm: Vec<_> = rfm.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("rfm-")).collect();
    for path in &rfm {
        fs::write(path, "half").unwrap();
    }
    fs::write(path("features/own.sql"), &sound).unwrap();
    let second = build(&options, &mut Silent).unwrap();
    let (reused, run) = (steps(&second.stages, true), steps(&second.stages, false));
    for step in ["purchases", "items", "orders", "customers", "last_items", "order_windows", "risk"] {
        assert!(reused.contains(step), "{step} was run again");
    }
    for step in ["rfm", "own", "in_order_rfm", "features"] {
        assert!(run.contains(step), "{step} was not run again");
    }
    assert_ne!(fs::read(path("table/manifest.json")).unwrap(), manifest);

    // The same as without any work directory, and nothing is left of builds before.
    let kept = fs::read(path("table/features.parquet")).unwrap();
    let work = options.work_dir.take();
    let third = build(&options, &mut Silent).unwrap();
    assert_eq!(third.manifest.build, second.manifest.build);
    assert!(fs::read(path("table/features.parquet")).unwrap() == kept);
    options.work_dir = work;
    let fourth = build(&options, &mut Silent).unwrap();
    assert_eq!(steps(&fourth.stages, false), BTreeSet::new());
    let files = fs::read_dir(path("table.work")).unwrap().count();
    assert_eq!(files, fourth.stages.len() + 2, "a file a step, the folder of staged files, and the lock");
}
