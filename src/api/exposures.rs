//! `POST /v1/exposures`: callers tell that visitors met the variations they were assigned. Reports are checked and counted by
//! this isolate; nothing is stored.

use vitrine_api::{EXPOSURES_BYTES_MAX, ExposureReport, Problem};
use vitrine_engine::TimestampMs;
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use worker::{Context, Env, Request, Response, Result};

use crate::counters;
use crate::keys::{self, Sender};

/// Answers the call. Any content type is taken, so that pages can send `text/plain` without a preflight, also while they
/// are closed; these name their SDK key in the body.
pub async fn post(
    mut request: Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> std::result::Result<Result<Response>, Problem> {
    let key = keys::key_of(request.headers());
    let has_origin = request.headers().has("origin").unwrap_or(true);
    let body = body::read(&mut request, EXPOSURES_BYTES_MAX).await?;
    let report = ExposureReport::parse(&body)?;
    // A page that names its key in the body may be one that no header tells of.
    let sender = Sender::of(has_origin || key.is_none());
    let key = key.as_deref().or(report.key.as_deref());
    let (environment, _) = keys::admit(key, sender, env, ctx, now_ms).await?;
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let verdict = report.check(Settings::of(env).token_keys.as_ref(), &environment, now);
    for _ in &verdict.accepted {
        counters::add(|it| it.exposures.entry("accepted").or_default());
    }
    for (_, error) in &verdict.rejected {
        counters::add(|it| it.exposures.entry(error.as_str()).or_default());
    }
    Ok(respond::json(202, verdict.to_json()))
}
