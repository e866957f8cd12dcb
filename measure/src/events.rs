//! `POST /v1/events`: callers tell what visitors did.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use vitrine_api::{Problem, Pseudonyms, STATE_COOKIE, VisitorState, cookie};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{
    CheckedBatch, Cost, EVENTS_BYTES_MAX, EventBatch, EventError, EventVerdict, Plan, RecordContext, Recorded,
    excluded, plan, react, records,
};
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use worker::{Context, Env, Request, Response, Result};

use crate::bundles::{self, Found};
use crate::caller::Caller;
use crate::replay::Recalled;
use crate::shards::{self, Outcome};
use crate::{apart, erased, replay};

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
    let settings = Settings::of(env);
    let tokens = settings.token_keys.as_ref();
    let pseudonyms = tokens.map(|tokens| Pseudonyms { tokens, table: settings.table_key.as_ref() });
    let erased = erased::current(env, now_ms).await;
    let is_erased = |unit| erased.holds(unit);
    let checked = batch.check(pseudonyms, &is_erased, &environment, now, caller.signals, batch_key.as_deref());
    let cookies = request.headers().get("cookie").ok().flatten().unwrap_or_default();
    let state = batch.state.as_deref().or_else(|| cookie(&cookies, STATE_COOKIE));
    let before = state.zip(tokens).map(|(it, tokens)| VisitorState::of(it, tokens, batch.visitor_names(), now));
    let mut reacting = Reacting {
        state: before.unwrap_or_default(),
        may_keep: caller.signals.consent.store != Some(false),
        is_changed: false,
    };
    let mut verdict = count(checked, &environment, now, &mut reacting, env).await;
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
    // Whoever objects has nothing kept.
    let named = batch.visitor_names().next().zip(tokens).filter(|_| reacting.is_changed && !caller.signals.opt_out);
    let Some((name, tokens)) = named else { return Ok(respond::json(202, answer)) };
    let set = reacting.state.kept(tokens, name, now);
    let is_own_page = request.headers().get("sec-fetch-site").ok().flatten().is_some_and(|it| it == "same-origin");
    let header = is_own_page.then(|| set.hidden_header());
    verdict.set = Some(set);
    Ok(respond::json(202, verdict.to_json()).and_then(|response| {
        if let Some(header) = &header {
            response.headers().append("set-cookie", header)?;
        }
        Ok(response)
    }))
}

/// The state of the batch's visitor, and what becomes of it.
struct Reacting {
    state: VisitorState,
    /// Nothing is against keeping conversions on the visitor's device.
    may_keep: bool,
    is_changed: bool,
}

/// Counts what was checked.
async fn count(
    checked: CheckedBatch,
    environment: &str,
    now: TimestampMs,
    reacting: &mut Reacting,
    env: &Env,
) -> EventVerdict {
    let CheckedBatch { events, n_duplicates, mut rejected } = checked;
    let tokens = events.iter().filter_map(|(_, event)| event.decided.as_ref()).map(|(_, it)| it.bundle_version);
    let mut bundles = BTreeMap::new();
    read(&mut bundles, tokens.collect(), env).await;
    let mut plans = Vec::with_capacity(events.len());
    for (index, event) in events {
        let shown = match &event.decided {
            None => Ok(None),
            Some((_, decided)) => match bundles.get(&decided.bundle_version) {
                Some(Found::Bundle(it)) => it.names.shown(decided).map(Some).ok_or(EventError::UnknownDecision),
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
    let mut recorded = records(&plans, &looked, &context);
    read(&mut bundles, recorded.iter().filter_map(|it| it.of.as_ref()).map(|(version, _)| *version).collect(), env)
        .await;
    for it in &mut recorded {
        it.cost = cost(it, &bundles);
    }
    reacting.is_changed = react(&plans, &recorded, reacting.may_keep, &mut reacting.state);
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

/// Reads the versions that are not among `bundles` yet.
async fn read(bundles: &mut BTreeMap<u32, Found>, versions: BTreeSet<u32>, env: &Env) {
    for version in versions {
        if let Entry::Vacant(it) = bundles.entry(version) {
            it.insert(bundles::bundle(version, env).await);
        }
    }
}

/// What an event costs, by the version that decided what it is attributed to.
fn cost(recorded: &Recorded, bundles: &BTreeMap<u32, Found>) -> Option<Cost> {
    let (version, offer) = recorded.of.as_ref()?;
    match bundles.get(version)? {
        Found::Bundle(it) => it.terms.cost(offer, recorded.kind()?),
        Found::Absent | Found::Late => None,
    }
}
