//! Counters of one isolate, shown by `/healthz`. Every answer that is less than it should be raises one.

use std::cell::RefCell;

use serde::{Serialize, Serializer};
use vitrine_engine::ModeReason;

/// What this isolate has counted since it started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Reads of KV, of every kind.
    pub kv_reads: u64,
    /// Decide answers by `mode_reason`.
    pub answers: Tallies,
    /// Evaluations of flags: `flag`, `all`, `unchanged` (304), `refused`.
    pub evaluations: Tallies,
    /// Refreshes of bundle or table that failed; the last good ones stayed.
    pub refresh_failures: u64,
    /// Calls for portions of caps and budgets that had no answer; what they limit was left out.
    pub lease_failures: u64,
    /// Shards that were missing, late, or did not pass their checks.
    pub shard_failures: u64,
}

/// Counts by word, sorted by it. A list: there are few words, and a map is compiled for these alone.
#[derive(Clone, Debug, Default)]
pub struct Tallies(Vec<(&'static str, u64)>);

impl Tallies {
    /// Counts one.
    fn add(&mut self, word: &'static str) {
        match self.0.binary_search_by(|(it, _)| it.cmp(&word)) {
            Ok(at) => {
                if let Some((_, counter)) = self.0.get_mut(at) {
                    *counter = counter.saturating_add(1);
                }
            }
            Err(at) => self.0.insert(at, (word, 1)),
        }
    }
}

impl Serialize for Tallies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

thread_local! {
    static COUNTERS: RefCell<Counters> = RefCell::default();
}

/// Raises one counter.
pub fn add(counter: impl FnOnce(&mut Counters) -> &mut u64) {
    COUNTERS.with_borrow_mut(|counters| {
        let counter = counter(counters);
        *counter = counter.saturating_add(1);
    });
}

/// Counts a decide answer.
pub fn answered(reason: ModeReason) {
    COUNTERS.with_borrow_mut(|counters| counters.answers.add(reason.as_str()));
}

/// Counts an evaluation of flags.
pub fn evaluated(kind: &'static str) {
    COUNTERS.with_borrow_mut(|counters| counters.evaluations.add(kind));
}

/// A copy of the counters.
pub fn read() -> Counters {
    Counters { kv_reads: vitrine_rim::kv::reads(), ..COUNTERS.with_borrow(Clone::clone) }
}
