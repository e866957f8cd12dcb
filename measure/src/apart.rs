//! What is not counted is counted apart: programs, refusals, duplicates. It goes to the ledger with the next events, or by
//! itself when a while has passed, so that nonsense costs no writing for each call. An isolate that ends takes along what it
//! has not told yet: at most [`PERIOD_MS`] of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use worker::{Context, Env};

use crate::shards;

/// Not more often is it told without events. Unit: ms.
const PERIOD_MS: u64 = 10_000;

thread_local! {
    static WAITING: RefCell<BTreeMap<String, BTreeMap<String, u64>>> = const { RefCell::new(BTreeMap::new()) };
    static TOLD_AT_MS: Cell<u64> = const { Cell::new(0) };
}

/// Adds rows that were not counted.
pub fn add(environment: &str, why: &str, n: usize) {
    let n = u64::try_from(n).unwrap_or(u64::MAX);
    if n == 0 {
        return;
    }
    WAITING.with_borrow_mut(|waiting| {
        let reasons = waiting.entry(environment.to_owned()).or_default();
        let sum = reasons.entry(why.to_owned()).or_default();
        *sum = sum.saturating_add(n);
    });
}

/// What waits for an environment; it is the caller's to tell.
pub fn take(environment: &str) -> BTreeMap<String, u64> {
    WAITING.with_borrow_mut(|it| it.remove(environment)).unwrap_or_default()
}

/// Tells what waits behind an answer, if nothing was told for a while.
pub fn tell_later(environment: &str, env: &Env, ctx: &Context, now_ms: u64) {
    if now_ms.saturating_sub(TOLD_AT_MS.get()) < PERIOD_MS {
        return;
    }
    TOLD_AT_MS.set(now_ms);
    let (env, environment) = (env.clone(), environment.to_owned());
    ctx.wait_until(async move {
        let apart = take(&environment);
        if !apart.is_empty() {
            let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
            shards::record(&env, &environment, now_ms, Vec::new(), apart).await;
        }
    });
}
