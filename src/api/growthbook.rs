//! The GrowthBook SDK endpoints: `GET /api/features/{key}`, `POST /api/eval/{key}`, `GET /sub/{key}`. The key is in the path,
//! as SDKs send it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{BundlePointer, Problem, SdkPayload, sdk_payload};
use vitrine_engine::TimestampMs;
use vitrine_rim::respond;
use worker::{Context, Env, Request, Response, Result};

use crate::snapshot::Held;
use crate::{keys, streams};

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
    let (environment, held) = keys::admit(Some(key), env, ctx, now_ms).await?;
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
        let payload = Rc::new(sdk_payload(held.snapshot.bundle().map(|it| &**it), pointer, now));
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

/// Answers `GET /sub/{key}`: a stream of server-sent events with each new payload.
pub async fn sub(key: &str, env: &Env, ctx: &Context, now_ms: u64) -> std::result::Result<Result<Response>, Problem> {
    let (environment, _) = keys::admit(Some(key), env, ctx, now_ms).await?;
    streams::open(env, &environment, streams::Dialect::Growthbook).await
}
