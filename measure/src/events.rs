//! `POST /v1/events`: callers tell what visitors did.

use std::collections::{BTreeMap, BTreeSet};

use vitrine_api::Problem;
use vitrine_engine::TimestampMs;
use vitrine_ledger::{
    CheckedBatch, EVENTS_BYTES_MAX, EventBatch, EventError, EventVerdict, Plan, RecordContext, excluded, plan, records,
};
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use worker::{Context, Env, Request, Response, Result};

use crate::bundles::{self, Found};
use crate::caller::Caller;
use crate::replay::Recalled;
use crate::shards::{self, Outcome};
use crate::{apart, replay};

/// Answers the call. Any content type is taken, so that pages can send `text/plain` without a preflight, also while they are
/// closed; these name their SDK key in the body.
pub async fn post(
    mut request: Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> std::result::Result<Result<Response>, Problem> {
    let caller = Caller::read(request.headers());
    let batch_key = replay::key_of(request.headers())?;
    let agent = request.headers().get("user-agent").ok().flatten();
    let bytes = body::read(&mut request, EVENTS_BYTES_MAX).await?;
    let batch = EventBatch::parse(&bytes)?;
    let environment = caller.admit(batch.key.as_deref(), env, now_ms).await?;
    // Servers speak for visitors; what they are themselves does not matter.
    if batch_key.is_none()
        && let Some(why) = excluded(agent.as_deref(), caller.purpose.as_deref())
    {
        apart::add(&environment, why.as_str(), batch.n_rows());
        apart::tell_later(&environment, env, ctx, now_ms);
        let verdict = EventVerdict { excluded: batch.n_rows(), ..EventVerdict::default() };
        return Ok(respond::json(202, verdict.to_json()));
    }
    let replayed = batch_key.as_deref().map(|it| replay::Batch::of(&environment, it, &bytes, env));
    if let Some(replayed) = &replayed {
        match replayed.recall(env).await? {
            Recalled::New => {}
            Recalled::Answered(answer) => return Ok(respond::json(202, answer)),
            Recalled::Late => {
                let rejected = (0..batch.n_rows()).map(|index| (index, EventError::Retry)).collect();
                let verdict = EventVerdict { rejected, ..EventVerdict::default() };
                return Ok(respond::json(202, verdict.to_json()));
            }
        }
    }
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let keys = Settings::of(env).token_keys.clone();
    let checked = batch.check(keys.as_ref(), &environment, now, caller.signals, batch_key.as_deref());
    let verdict = count(checked, &environment, now, env).await;
    for (_, error) in &verdict.rejected {
        apart::add(&environment, error.as_str(), 1);
    }
    apart::add(&environment, "duplicate", verdict.duplicate);
    apart::tell_later(&environment, env, ctx, now_ms);
    let answer = verdict.to_json();
    if let Some(batch) = replayed
        && !verdict.is_incomplete()
    {
        batch.keep(&answer, env).await;
    }
    Ok(respond::json(202, answer))
}

/// Counts what was checked.
async fn count(checked: CheckedBatch, environment: &str, now: TimestampMs, env: &Env) -> EventVerdict {
    let CheckedBatch { events, n_duplicates, mut rejected } = checked;
    let names = names_of(&events, env).await;
    let mut plans = Vec::with_capacity(events.len());
    for (index, event) in events {
        let shown = match &event.decided {
            None => Ok(None),
            Some((_, decided)) => match names.get(&decided.bundle_version) {
                Some(Found::Names(names)) => names.shown(decided).map(Some).ok_or(EventError::UnknownDecision),
                Some(Found::Late) => Err(EventError::Retry),
                Some(Found::Absent) | None => Err(EventError::UnknownDecision),
            },
        };
        match shown {
            Ok(shown) => plans.push(Plan { index, event, shown }),
            Err(error) => rejected.push((index, error)),
        }
    }
    let mut verdict = EventVerdict { duplicate: n_duplicates, rejected, ..EventVerdict::default() };
    let Ok(looked) = shards::visit(env, environment, plan(&plans)).await else {
        verdict.rejected.extend(plans.iter().map(|it| (it.index, EventError::Retry)));
        return verdict;
    };
    let context = RecordContext { environment, now, window_s: Settings::measure(env).window_s };
    let recorded = records(&plans, &looked, &context);
    let outcomes = if recorded.is_empty() {
        Vec::new()
    } else {
        shards::record(env, environment, now.0, recorded, apart::take(environment)).await
    };
    for (Plan { index, .. }, outcome) in plans.iter().zip(outcomes) {
        match outcome {
            Outcome::New => verdict.accepted = verdict.accepted.saturating_add(1),
            Outcome::Known => verdict.duplicate = verdict.duplicate.saturating_add(1),
            Outcome::Retry => verdict.rejected.push((*index, EventError::Retry)),
        }
    }
    verdict
}

/// The names of all bundles that tokens of these events name.
async fn names_of(events: &[(usize, vitrine_ledger::Event)], env: &Env) -> BTreeMap<u32, Found> {
    let versions = events.iter().filter_map(|(_, event)| event.decided.as_ref());
    let versions: BTreeSet<u32> = versions.map(|(_, decided)| decided.bundle_version).collect();
    let mut names = BTreeMap::new();
    for version in versions {
        names.insert(version, bundles::names(version, env).await);
    }
    names
}
