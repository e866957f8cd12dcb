//! SDK keys: which environment a call belongs to, and whether it may be answered.

use vitrine_api::{BundlePointer, PRODUCTION, Problem, ProblemCode, environment_of, sha256_hex};
use vitrine_engine::TimestampMs;
use worker::{Context, Env};

use crate::snapshot::{self, Held};

/// The environment of a call with this key, or without any, and what is published there.
///
/// An environment that has no keys takes any call if it is `production`, and none otherwise.
///
/// Errors: a problem with status 401 that says nothing about the keys that there are.
pub async fn admit(key: Option<&str>, env: &Env, ctx: &Context, now_ms: u64) -> Result<(String, Held), Problem> {
    let environment = key.and_then(environment_of).unwrap_or(PRODUCTION);
    let held = snapshot::current(environment, env, ctx, now_ms).await;
    if is_admitted(environment, held.bundle_pointer.as_deref(), key, now_ms) {
        return Ok((environment.to_owned(), held));
    }
    let detail = match key {
        Some(_) => "the key is not valid here, or not any more",
        None => "this call needs an SDK key: send Authorization: Bearer <key>, or X-API-Key: <key>",
    };
    Err(Problem::new(ProblemCode::Unauthorized, detail))
}

/// Whether the pointer of the environment takes a call with this key.
pub fn is_admitted(environment: &str, pointer: Option<&BundlePointer>, key: Option<&str>, now_ms: u64) -> bool {
    let keys = pointer.map_or(&[][..], |it| &it.keys);
    if keys.is_empty() {
        return environment == PRODUCTION;
    }
    let Some(key) = key else { return false };
    let sha256 = sha256_hex(key.as_bytes());
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    // Digests of keys: the time that a comparison takes tells nothing about a key.
    keys.iter().any(|it| {
        let expired = it.expires_at.as_deref().is_some_and(|at| TimestampMs::parse(at).is_ok_and(|at| at <= now));
        it.sha256 == sha256 && !expired
    })
}
