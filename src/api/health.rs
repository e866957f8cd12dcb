//! `GET /healthz`: what this isolate runs, how old it is, and what it has counted. Always 200 while the Worker runs.

use serde::Serialize;
use vitrine_api::{PRODUCTION, Problem};
use vitrine_engine::TimestampMs;
use worker::{Context, Env, Response, Result};

use vitrine_rim::respond;
use vitrine_rim::settings::Settings;

use crate::counters::{self, Counters};
use crate::{shards, snapshot};

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    bundle: Option<BundleHealth<'a>>,
    table: Option<TableHealth<'a>>,
    stock: Option<StockHealth>,
    isolate: IsolateHealth,
}

#[derive(Serialize)]
struct BundleHealth<'a> {
    version: u64,
    published_at: &'a str,
    age_s: Option<i64>,
}

#[derive(Serialize)]
struct TableHealth<'a> {
    build: &'a str,
    previous: Option<&'a str>,
    epoch: u64,
    kill: bool,
    activated_at: &'a str,
    age_s: Option<i64>,
    /// The data's own reference time and its age.
    as_of: Option<&'a str>,
    data_age_s: Option<i64>,
    rows: Option<u64>,
}

#[derive(Serialize)]
struct StockHealth {
    published_at: String,
    age_s: u64,
    /// Too old to keep offers out.
    stale: bool,
    items_sold_out: usize,
    offers_left_out: usize,
}

#[derive(Serialize)]
struct IsolateHealth {
    shards: usize,
    shard_bytes: usize,
    counters: Counters,
}

/// Answers the call.
pub async fn get(env: &Env, ctx: &Context, now_ms: u64) -> Result<Result<Response>, Problem> {
    let held = snapshot::current(PRODUCTION, env, ctx, now_ms).await;
    let table = held.snapshot.table();
    let (shards, shard_bytes) = shards::size();
    let health = Health {
        status: if held.snapshot.bundle().is_some() && table.is_some() { "ok" } else { "degraded" },
        bundle: held.snapshot.bundle().map(|it| BundleHealth {
            version: it.version(),
            published_at: it.published_at(),
            age_s: age_s(it.published_at(), now_ms),
        }),
        table: held.table_pointer.as_deref().map(|it| TableHealth {
            build: &it.build,
            previous: it.previous.as_deref(),
            epoch: it.epoch,
            kill: it.kill,
            activated_at: &it.activated_at,
            age_s: age_s(&it.activated_at, now_ms),
            as_of: table.map(|it| it.manifest.as_of.as_str()),
            data_age_s: table.and_then(|it| age_s(&it.manifest.as_of, now_ms)),
            rows: table.map(|it| it.manifest.rows),
        }),
        stock: (held.stock.at_ms > 0).then(|| {
            let stale = held.is_stock_stale(&Settings::of(env), now_ms);
            StockHealth {
                published_at: TimestampMs(i64::try_from(held.stock.at_ms).unwrap_or(i64::MAX)).to_string(),
                age_s: now_ms.saturating_sub(held.stock.at_ms).div_euclid(1000),
                stale,
                items_sold_out: held.stock.n_sold_out(),
                offers_left_out: if stale { 0 } else { held.sold_out.iter().filter(|it| **it).count() },
            }
        }),
        isolate: IsolateHealth { shards, shard_bytes, counters: counters::read() },
    };
    // Strings and numbers always serialise.
    Ok(respond::json(200, serde_json::to_string(&health).unwrap_or_default()))
}

fn age_s(at: &str, now_ms: u64) -> Option<i64> {
    let at = TimestampMs::parse(at).ok()?;
    i64::try_from(now_ms).ok()?.checked_sub(at.0)?.checked_div(1000)
}
