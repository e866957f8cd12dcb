//! Counters of one isolate, shown by `/healthz`. Every answer that is less than it should be raises one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Serialize;
use vitrine_engine::ModeReason;

/// What this isolate has counted since it started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Reads of KV, of every kind.
    pub kv_reads: u64,
    /// Decide answers by `mode_reason`.
    pub answers: BTreeMap<&'static str, u64>,
    /// Evaluations of flags: `flag`, `all`, `unchanged` (304), `refused`.
    pub evaluations: BTreeMap<&'static str, u64>,
    /// Refreshes of bundle or table that failed; the last good ones stayed.
    pub refresh_failures: u64,
    /// Shards that were missing, late, or did not pass their checks.
    pub shard_failures: u64,
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
    add(|counters| counters.answers.entry(reason.as_str()).or_default());
}

/// A copy of the counters.
pub fn read() -> Counters {
    Counters { kv_reads: vitrine_rim::kv::reads(), ..COUNTERS.with_borrow(Clone::clone) }
}
