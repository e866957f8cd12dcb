//! The GrowthBook SDK endpoints: `GET /api/features/{key}`, `POST /api/eval/{key}`, `GET /sub/{key}`. The key is in the path,
//! as SDKs send it, so it must be a client key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{
    BundlePointer, Edge, ExposureStamp, FlagContext, Lookup, Problem, ProblemCode, REMOTE_EVAL_BYTES_MAX, RemoteEval,
    SdkPayload, Signals, remote_eval, sdk_payload,
};
use vitrine_engine::TimestampMs;
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use worker::{Context, Env, Request, Response, Result};

use crate::keys::{self, Sender};
use crate::rows::Place;
use crate::shards::Found;
use crate::snapshot::Held;
use crate::streams;

/// How long (s) a cache may answer without asking; less when a schedule changes the payload earlier.
const MAX_AGE_S: i64 = 30;

/// A payload that was written for requests before.
struct Written {
    epoch: u64,
    payload: Rc<SdkPayload>,
}

thread_local! {
    /// By environment, so that a payload is written once and not for every SDK that starts.
    static WRITTEN: RefCell<BTreeMap<String, Written>> = RefCell::default();
}

/// Answers `GET /api/features/{key}`: the payload for an SDK that evaluates by itself.
pub async fn features(
    key: &str,
    request: &Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> std::result::Result<Result<Response>, Problem> {
    let (environment, held) = keys::admit(Some(key), Sender::Public, env, ctx, now_ms).await?;
    let held = readable(held)?;
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let payload = written(&environment, &held, now);
    let if_none_match = request.headers().get("if-none-match").ok().flatten();
    Ok(respond_with(&payload, if_none_match.as_deref(), now))
}

fn written(environment: &str, held: &Held, now: TimestampMs) -> Rc<SdkPayload> {
    let nothing = BundlePointer::default();
    let pointer = held.bundle_pointer.as_deref().unwrap_or(&nothing);
    WRITTEN.with_borrow_mut(|written| {
        let fresh = |it: &&Written| it.epoch == pointer.epoch && it.payload.changes_at.is_none_or(|at| now.0 < at);
        if let Some(found) = written.get(environment).filter(fresh) {
            return found.payload.clone();
        }
        let payload = Rc::new(sdk_payload(held.flags.as_ref().map(|it| it.payload()), pointer, now));
        if pointer.epoch > 0 {
            written.insert(environment.to_owned(), Written { epoch: pointer.epoch, payload: payload.clone() });
        }
        payload
    })
}

fn respond_with(payload: &SdkPayload, if_none_match: Option<&str>, now: TimestampMs) -> Result<Response> {
    let unchanged = if_none_match.is_some_and(|header| {
        header.split(',').map(|it| it.trim().trim_start_matches("W/")).any(|it| it == payload.etag || it == "*")
    });
    let response = if unchanged { respond::empty(304)? } else { respond::json(200, payload.json.clone())? };
    let until_change = payload.changes_at.map_or(MAX_AGE_S, |at| at.saturating_sub(now.0).div_euclid(1000));
    let max_age = until_change.clamp(0, MAX_AGE_S);
    let headers = response.headers();
    headers.set("etag", &payload.etag)?;
    headers.set(
        "cache-control",
        &format!("public, max-age={max_age}, stale-while-revalidate=3600, stale-if-error=36000"),
    )?;
    headers.set("x-sse-support", "enabled")?;
    headers.set("access-control-expose-headers", "etag, x-sse-support")?;
    Ok(response)
}

/// What is held, unless that is nothing because it could not be read: an SDK then keeps what it has.
fn readable(held: Held) -> std::result::Result<Held, Problem> {
    if held.is_unread {
        return Err(Problem::new(
            ProblemCode::TooManyRequests,
            "nothing published can be read now; try again in a minute",
        ));
    }
    Ok(held)
}

/// Answers `POST /api/eval/{key}`: every feature, evaluated for the visitor in the body.
pub async fn eval(
    key: &str,
    mut request: Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> std::result::Result<Result<Response>, Problem> {
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let signals = Signals::read(header("sec-gpc").as_deref(), header("cookie").as_deref());
    let body = body::read(&mut request, REMOTE_EVAL_BYTES_MAX).await?;
    let RemoteEval { attributes, forced_variations, forced_features, url } = RemoteEval::parse(&body)?;
    let (environment, held) = keys::admit(Some(key), Sender::Public, env, ctx, now_ms).await?;
    let held = readable(held)?;
    let settings = Settings::of(env);
    let nothing = BundlePointer::default();
    let pointer = held.bundle_pointer.as_deref().unwrap_or(&nothing);
    let Some(flags) = held.flags.as_ref().map(|it| it.payload()) else {
        return Ok(respond::json(200, sdk_payload(None, pointer, TimestampMs(0)).json));
    };
    let context = FlagContext::of_attributes(attributes);
    let found = match (context.profile_key(flags, &held.snapshot, signals), held.snapshot.table(), &settings.table_key)
    {
        (Some(Ok(visitor)), Some(table), Some(table_key)) => {
            Place::of(&table.manifest, &held.tombstones, table_key, visitor).read(env, &settings).await
        }
        _ => Found::Nothing,
    };
    let lookup = match &found {
        Found::Row(bytes) => Lookup::Row(bytes),
        Found::Nothing | Found::NotHeld => Lookup::NotFound,
    };
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let edge = Edge { settings: pointer.settings, table_key: settings.table_key.as_ref(), now };
    let context = vitrine_flags::Context {
        forced_variations,
        forced_features,
        url,
        ..context.into_context(flags, &held.snapshot, lookup, &edge)
    };
    let token_keys = settings.token_keys.as_ref();
    let table_key = settings.table_key.as_ref();
    let stamp = ExposureStamp { environment: &environment, pointer, token_keys, table_key, now };
    Ok(respond::json(200, remote_eval(flags, &context, &stamp)))
}

/// Answers `GET /sub/{key}`: a stream of server-sent events with each new payload.
pub async fn sub(key: &str, env: &Env, ctx: &Context, now_ms: u64) -> std::result::Result<Result<Response>, Problem> {
    let (environment, _) = keys::admit(Some(key), Sender::Public, env, ctx, now_ms).await?;
    streams::open(env, &environment, streams::Dialect::Growthbook).await
}
