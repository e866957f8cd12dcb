//! `POST /v1/exposures`: callers tell that visitors met the variations they were assigned.

use vitrine_api::{EXPOSURES_BYTES_MAX, Exposed, ExposureReport, Problem, RowError};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{RecordContext, excluded, exposure_records, exposure_touches};
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use worker::{Context, Env, Request, Response, Result};

use crate::caller::Caller;
use crate::shards::{self, Outcome};
use crate::{apart, erased};

/// Answers the call. Any content type is taken, so that pages can send `text/plain` without a preflight, also while they
/// are closed; these name their SDK key in the body.
pub async fn post(
    mut request: Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> std::result::Result<Result<Response>, Problem> {
    // Evaluations are asked for by servers too, so that only what fetches ahead is known to be no visitor.
    let caller = Caller::read(request.headers());
    let body = body::read(&mut request, EXPOSURES_BYTES_MAX).await?;
    let report = ExposureReport::parse(&body)?;
    let environment = caller.admit(report.key.as_deref(), env, now_ms).await?;
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let mut verdict = report.check(Settings::of(env).token_keys.as_ref(), &environment, now);
    if excluded(None, caller.purpose.as_deref()).is_some() {
        verdict.reject(&vec![true; verdict.accepted.len()], RowError::Prefetch);
    }
    for (_, error) in &verdict.rejected {
        apart::add(&environment, error.as_str(), 1);
    }
    if !verdict.accepted.is_empty() {
        let may_measure = report.may_measure && !caller.signals.forbid_joining();
        let erased = erased::current(env, now_ms).await;
        let may_join = |it: &Exposed| may_measure && !erased.holds(it.unit);
        let failed = count(&verdict.accepted, &may_join, &environment, now, env).await;
        verdict.reject(&failed, RowError::Retry);
    }
    apart::tell_later(&environment, env, ctx, now_ms);
    Ok(respond::json(202, verdict.to_json()))
}

/// Counts exposures. Gives, for each, whether it was not counted.
async fn count(
    exposed: &[Exposed],
    may_join: &dyn Fn(&Exposed) -> bool,
    environment: &str,
    now: TimestampMs,
    env: &Env,
) -> Vec<bool> {
    if shards::visit(env, environment, exposure_touches(exposed, may_join, now)).await.is_err() {
        return vec![true; exposed.len()];
    }
    let context = RecordContext { environment, now, window_s: Settings::measure(env).window_s };
    let recorded = exposure_records(exposed, may_join, &context);
    let outcomes = shards::record(env, environment, now.0, recorded, apart::take(environment)).await;
    outcomes.into_iter().map(|it| it == Outcome::Retry).collect()
}
