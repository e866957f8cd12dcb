//! `POST /v1/decide`, and what it shares with the simple call: from a checked request to an answer.

use vitrine_api::{
    Answer, BODY_BYTES_MAX, DecideRequest, Lookup, Problem, ProblemCode, Signals, TableState, answer, personalisation,
};
use vitrine_engine::{ContextValue, TimestampMs};
use vitrine_tables::kv_keys;
use worker::{Context, Date, Env, Request, Response, Result};

use crate::api::body;
use crate::shards::{self, Found};
use crate::{auth, counters, respond, snapshot};

/// Answers `POST /v1/decide`. Any content type is taken, so that pages can send `text/plain` without a preflight.
pub async fn post(mut request: Request, env: &Env, ctx: &Context, now_ms: u64) -> Result<Result<Response>, Problem> {
    let body = body::read(&mut request, BODY_BYTES_MAX).await?;
    let decide = DecideRequest::parse(&body)?;
    if decide.is_privileged() {
        auth::admin(&snapshot::settings(env), &request).map_err(|it| {
            let detail = format!("options.explain and options.at are for administrators: {}", it.detail);
            Problem::new(ProblemCode::Unauthorized, detail)
        })?;
    }
    let (answer, timing) = decided(decide, &request, env, ctx, now_ms).await;
    Ok(respond_with(answer, &timing))
}

/// The response for an answer.
pub fn respond_with(answer: Answer, timing: &Timing) -> Result<Response> {
    let mut response = respond::json(200, answer.json)?;
    response.headers_mut().set("server-timing", &timing.header())?;
    Ok(response)
}

/// How long the parts took. The runtime's clock stands still between inputs and outputs, so pure work shows as 0.
pub struct Timing {
    snapshot_ms: u64,
    lookup_ms: u64,
    decide_ms: u64,
}

impl Timing {
    fn header(&self) -> String {
        let Self { snapshot_ms, lookup_ms, decide_ms } = self;
        let total_ms = snapshot_ms.saturating_add(*lookup_ms).saturating_add(*decide_ms);
        format!("snapshot;dur={snapshot_ms}, lookup;dur={lookup_ms}, decide;dur={decide_ms}, total;dur={total_ms}")
    }
}

/// Decides a request: snapshot, at most one read of KV for the row, engine.
pub async fn decided(
    mut decide: DecideRequest,
    request: &Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> (Answer, Timing) {
    if decide.context.get("country").is_none()
        && let Some(country) = request.cf().and_then(worker::Cf::country)
    {
        decide.context.set("country", ContextValue::Text(country));
    }
    let held = snapshot::current(env, ctx, now_ms).await;
    let snapshot_at_ms = Date::now().as_millis();
    let mut row = None;
    let lookup = match personalisation(&held.snapshot, &decide, signals(request)) {
        Err(reason) => Err(reason),
        Ok(key) => Ok(match held.snapshot.table() {
            None => Lookup::Unavailable,
            Some(table) => look_up(env, table, key, &mut row).await,
        }),
    };
    let lookup_at_ms = Date::now().as_millis();
    let now = decide.at.unwrap_or(TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX)));
    let answer = answer(&held.snapshot, &decide, lookup, now);
    if !decide.dry_run {
        counters::answered(answer.mode_reason);
    }
    let timing = Timing {
        snapshot_ms: snapshot_at_ms.saturating_sub(now_ms),
        lookup_ms: lookup_at_ms.saturating_sub(snapshot_at_ms),
        decide_ms: Date::now().as_millis().saturating_sub(lookup_at_ms),
    };
    (answer, timing)
}

fn signals(request: &Request) -> Signals {
    let header = |name: &str| request.headers().get(name).ok().flatten();
    Signals {
        gpc: header("sec-gpc").is_some_and(|it| it.trim() == "1"),
        opt_out: header("cookie").is_some_and(|it| it.split(';').any(|pair| pair.trim() == "vitrine_opt_out=1")),
    }
}

/// Finds the row of a visitor: in the shards that are held, else with one read of KV.
async fn look_up<'r>(env: &Env, table: &TableState, visitor_key: &str, row: &'r mut Option<Vec<u8>>) -> Lookup<'r> {
    let settings = snapshot::settings(env);
    let (Some(table_key), Some(kv)) = (&settings.table_key, snapshot::kv(env)) else {
        return Lookup::Unavailable;
    };
    let manifest = &table.manifest;
    let key = table_key.hash(visitor_key);
    let shard = key.shard(manifest.shard_bits);
    let found = match shards::find(&manifest.build, shard, key) {
        Found::NotHeld => {
            let kv_key = kv_keys::shard(&manifest.build, shard, manifest.shard_bits);
            let read = match kv.get_immutable(&kv_key).await {
                Ok(Some(bytes)) => {
                    shards::hold(manifest, shard, bytes, settings.shard_cache_bytes).map_err(|error| error.to_string())
                }
                Ok(None) => Err("announced and missing".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = read {
                counters::add(|it| &mut it.shard_failures);
                worker::console_error!("{kv_key}: {why}");
                return Lookup::Unavailable;
            }
            shards::find(&manifest.build, shard, key)
        }
        found => found,
    };
    match found {
        Found::Row(bytes) => Lookup::Row(row.insert(bytes)),
        Found::Nothing => Lookup::NotFound,
        Found::NotHeld => Lookup::Unavailable,
    }
}
