//! A build that is killed in the middle: the old table stays whole, and the next build goes on where it ended.

use crate::run::Place;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const BUILD: &str =
    "profiles build --shop shop/shop.toml --today 2026-07-01 --key-file table.key --replace --work table.work";

/// The results that stand in the work directory, with the times at which they came there.
fn results(work: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let entries = std::fs::read_dir(work).into_iter().flatten().flatten();
    let whole = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.ends_with(".parquet") && !name.starts_with(".unfinished-")
    });
    whole.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.modified().ok()?))).collect()
}

/// Starts a build and kills it as soon as `has_come` says so. Whether it was still running then.
fn kill_when(place: &Place, line: &str, has_come: impl Fn() -> bool) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(line.split_whitespace())
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let deadline = Instant::now() + Duration::from_secs(300);
    while !has_come() {
        assert!(Instant::now() < deadline, "it never came so far");
        if child.try_wait().expect("asked").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL: nothing can be tidied up.
    child.kill().expect("killed");
    !child.wait().expect("ended").success()
}

#[test]
fn a_killed_build_leaves_the_old_table_and_is_taken_up_again() {
    let place = Place::new();
    place.ok("demo-data --out shop --customers 600 --seed 3");
    place.ok("keys generate --table-key-file table.key");
    let work = place.path().join("table.work");
    let build = |out: &str| {
        let ran = place.run(&format!("{BUILD} --out {out} --json"));
        assert_eq!(ran.exit, 0, "{}", ran.err);
        serde_json::from_str::<serde_json::Value>(&ran.out).expect("JSON")["build"].clone()
    };
    let old = build("table");
    assert!(!results(&work).is_empty());

    // Other data from here on, and nothing that was done before helps.
    std::fs::remove_dir_all(&work).expect("removed");
    place.ok("demo-data --out shop --customers 700 --seed 4");
    let mut kept: BTreeMap<PathBuf, SystemTime> = BTreeMap::new();
    for step in ["read-orders-", "judged_events-", "purchases-", "event_days-", "rfm-", "features-"] {
        let has_come = || {
            let now = results(&work);
            let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
            now.keys().filter_map(name).any(|name| name.starts_with(step))
        };
        assert!(kill_when(&place, &format!("{BUILD} --out table"), has_come), "it had ended before it made {step}");
        // The old table is what it was, to the last shard.
        let verified = place.json("tables verify table --json");
        assert_eq!(verified["build"], old, "killed at {step}");
        let now = results(&work);
        // What the build before had done was not done again.
        for (path, time) in &kept {
            assert_eq!(now.get(path), Some(time), "{} was made again", path.display());
        }
        assert!(now.len() > kept.len(), "nothing was added until {step}");
        kept = now;
    }
    let resumed = build("table");
    let again = results(&work);
    for (path, time) in &kept {
        assert_eq!(again.get(path), Some(time), "{} was made again", path.display());
    }
    assert_ne!(resumed, old);
    assert_eq!(place.json("tables verify table --json")["build"], resumed);
    std::fs::remove_dir_all(&work).expect("removed");
    assert_eq!(build("fresh"), resumed, "as if it had never been killed");
    // Nothing of the killed builds is left beside the table.
    let names: Vec<String> = std::fs::read_dir(place.path())
        .expect("read")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}
