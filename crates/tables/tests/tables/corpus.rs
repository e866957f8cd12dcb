//! Replays the kept corpus of the fuzz targets, without a fuzzer, and holds what the fuzzer once found.

#[path = "../../../../fuzz/exercise.rs"]
mod exercise;

use std::path::Path;

#[track_caller]
fn replay(target: &str, exercise: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut n_inputs = 0;
    for file in files {
        exercise(&std::fs::read(file.unwrap().path()).unwrap());
        n_inputs += 1;
    }
    assert!(n_inputs >= 10, "{} has only {n_inputs} inputs", dir.display());
}

#[test]
fn shards() {
    replay("shard", exercise::shard);
}

#[test]
fn items() {
    replay("items", exercise::items);
}

/// Sound files are accepted behind the front that the targets make, so the fuzzer starts from something that works.
#[test]
fn seeds_are_sound() {
    for (name, seed) in exercise::seeds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
        let kept = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(kept, seed, "{name}");
    }
}
