//! `GET /healthz`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::document::Paths;
use crate::operation::{Access, Operation, Tag};

/// What the isolate that answered runs, how old it is, and what it has counted.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// `degraded`: there is no configuration, or no table that can be read.
    status: Status,
    /// The running configuration of `production`; null when none is published.
    bundle: Option<BundleHealth>,
    /// The running table; null when none is activated.
    table: Option<TableHealth>,
    /// What is sold out; null when no list was ever published.
    stock: Option<StockHealth>,
    /// The isolate itself.
    isolate: IsolateHealth,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "written by the edge; described here")]
enum Status {
    Ok,
    Degraded,
}

/// A running configuration.
#[derive(Serialize, JsonSchema)]
struct BundleHealth {
    /// Its version.
    version: u64,
    /// RFC 3339 time of its publication.
    published_at: String,
    /// Age. Unit: seconds.
    age_s: Option<i64>,
}

/// A running table.
#[derive(Serialize, JsonSchema)]
struct TableHealth {
    /// Its build.
    build: String,
    /// The build that a rollback would return to.
    previous: Option<String>,
    /// Rises with every change.
    epoch: u64,
    /// Whether the operator has switched decisions off.
    kill: bool,
    /// RFC 3339 time of its activation.
    activated_at: String,
    /// Age. Unit: seconds.
    age_s: Option<i64>,
    /// RFC 3339 time that the data stand for; null when the table cannot be read.
    as_of: Option<String>,
    /// Age of the data. Unit: seconds.
    data_age_s: Option<i64>,
    /// How many visitors it knows.
    rows: Option<u64>,
}

/// A list of what is sold out.
#[derive(Serialize, JsonSchema)]
struct StockHealth {
    /// RFC 3339 time of its publication.
    published_at: String,
    /// Age. Unit: seconds.
    age_s: u64,
    /// Too old to keep offers out (`STOCK_AGE_MAX_S`).
    stale: bool,
    /// How many items are sold out.
    items_sold_out: usize,
    /// How many offers that keeps out.
    offers_left_out: usize,
}

/// An isolate.
#[derive(Serialize, JsonSchema)]
struct IsolateHealth {
    /// Shards that it holds.
    shards: usize,
    /// Their size. Unit: bytes.
    shard_bytes: usize,
    /// What it has counted since it started.
    counters: Counters,
}

/// What an isolate has counted since it started.
#[derive(Serialize, JsonSchema)]
struct Counters {
    /// Reads of KV, of every kind.
    kv_reads: u64,
    /// Decide answers by `mode_reason`.
    answers: BTreeMap<String, u64>,
    /// Evaluations of flags: `flag`, `all`, `unchanged` (304), `refused`.
    evaluations: BTreeMap<String, u64>,
    /// Refreshes of configuration or table that failed; the last good ones stayed.
    refresh_failures: u64,
    /// Calls for portions of caps and budgets that had no answer; what they limit was left out.
    lease_failures: u64,
    /// Shards that were missing, late, or did not pass their checks.
    shard_failures: u64,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let health = paths.schemas.sent::<Health>();
    let operation = Operation::new("health", Tag::Health, Access::Open, "What this isolate runs")
        .text("Always 200 while the Worker runs.")
        .answer(200, "Versions, ages, counters of the isolate that answered", health, &[("ok", example())])
        .header(200, "Cache-Control");
    paths.add("get", "/healthz", operation);
}

fn example() -> Value {
    json!({
        "status": "ok",
        "bundle": { "version": 12, "published_at": "2026-12-01T08:00:00.000Z", "age_s": 340 },
        "table": {
            "build": "5f0c1e9a77b2d340", "previous": null, "epoch": 3, "kill": false,
            "activated_at": "2026-11-30T02:10:00.000Z", "age_s": 107_740,
            "as_of": "2026-11-30T00:00:00Z", "data_age_s": 115_540, "rows": 20_000,
        },
        "stock": { "published_at": "2026-12-01T08:00:00Z", "age_s": 340, "stale": false, "items_sold_out": 12, "offers_left_out": 3 },
        "isolate": {
            "shards": 4, "shard_bytes": 262_144,
            "counters": {
                "evaluations": { "flag": 12, "all": 40, "unchanged": 9 }, "kv_reads": 9, "answers": { "ok": 120, "no_visitor": 31 }, "refresh_failures": 0, "lease_failures": 0, "shard_failures": 0 },
        },
    })
}
