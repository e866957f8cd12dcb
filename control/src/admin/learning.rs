//! `POST /v1/admin/loop`: bandits learn from what was counted. `GET /v1/admin/loop`: what they learnt, turn by turn. The schedule
//! takes the same turns.

use serde_json::{Value, json};
use vitrine_api::{PRODUCTION, Problem, ProblemCode, Role};
use vitrine_engine::TimestampMs;
use vitrine_ledger::CountQuery;
use vitrine_loop::{Counted, LoopOutcome, LoopRecord, LoopRequest, Turn, queries};
use vitrine_rim::respond;
use worker::{Date, Env, Response, Result, console_error};

use super::registry::{ask, ask_value};
use super::{Answered, ledger};
use crate::objects::registry::{Actor, Command, TakeTurn};

/// What becomes of new posteriors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Look,
    Draft,
    Publish,
    /// As `Publish`, but nobody is there whom a refusal would help.
    Scheduled,
}

/// Why a turn was not taken.
pub enum Stop {
    /// Known here.
    Problem(Problem),
    /// The registry's refusal, as it answers it.
    Refused(Result<Response>),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Problem(problem) => f.write_str(&problem.detail),
            Self::Refused(Ok(response)) => write!(f, "the registry refused with {}", response.status_code()),
            Self::Refused(Err(error)) => write!(f, "{error}"),
        }
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Takes a turn for somebody.
pub async fn post(request: LoopRequest, env: &Env, actor: &Actor) -> Answered {
    let LoopRequest { environment, dry_run, draft, reason } = request;
    let environment = environment.unwrap_or_else(|| PRODUCTION.to_owned());
    let purpose = match (dry_run, draft) {
        (true, true) => {
            return Err(Problem::field("/draft", "contradictory", "a dry run makes no draft: choose one of the two"));
        }
        (true, false) => Purpose::Look,
        (false, true) => Purpose::Draft,
        (false, false) => Purpose::Publish,
    };
    match purpose {
        Purpose::Look => {}
        Purpose::Draft => actor.require(Role::Editor, "making a draft of what bandits learnt")?,
        Purpose::Publish | Purpose::Scheduled => {
            actor.require(Role::Approver, "publishing what bandits learnt")?;
            actor.may_change(&environment)?;
        }
    }
    match turn(env, actor, &environment, purpose, &reason).await {
        Ok(record) => Ok(respond::json(200, record.to_string())),
        Err(Stop::Refused(response)) => Ok(response),
        Err(Stop::Problem(problem)) => Err(problem),
    }
}

/// Takes the turns that are due, in every environment. `every_s`: the time between two turns; sooner only when something else runs
/// than the last turn left, because a document that people publish may begin bandits anew.
pub async fn scheduled(env: &Env, environment: &str, actor: &Actor, every_s: u64) {
    let outcome = async {
        let told = value(env, actor, Command::ShowTurns { environment: environment.to_owned(), limit: 1 }).await?;
        let (pointer, _) = running(env, actor, environment).await?;
        let last = told.get("last").filter(|it| !it.is_null());
        let at_ms = last.and_then(|it| it.get("at_ms")).and_then(Value::as_i64);
        let version = |it: &Value| it.get("version").and_then(Value::as_u64);
        let is_same = last.and_then(version) == version(&pointer);
        let every_ms = i64::try_from(every_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        let is_due = at_ms.is_none_or(|it| now().0.saturating_sub(it) >= every_ms) || !is_same;
        if is_due {
            turn(env, actor, environment, Purpose::Scheduled, "").await?;
        }
        Ok::<(), Stop>(())
    };
    if let Err(stop) = outcome.await {
        console_error!("loop in {environment}: {stop}");
    }
}

/// Takes a turn. Gives its record.
async fn turn(
    env: &Env,
    actor: &Actor,
    environment: &str,
    purpose: Purpose,
    reason: &str,
) -> std::result::Result<Value, Stop> {
    let now = now();
    let (pointer, history) = running(env, actor, environment).await?;
    let version = pointer.get("version").and_then(Value::as_u64);
    let document = match version {
        Some(version) => value(env, actor, Command::ShowVersion { version }).await?,
        None => Value::Null,
    };
    let is_paused = purpose == Purpose::Scheduled && was_rolled_back(&history);
    let wanted = if is_paused { Vec::new() } else { wanted(&document, environment, now)? };
    let mut counted: Vec<Counted> = Vec::with_capacity(wanted.len());
    for query in wanted {
        let rows = ledger::rows(env, &query).await?;
        counted.push((query, rows));
    }
    let Turn { mut record, document } = Turn::of(&document, environment, version, now, &counted);
    record.by.clone_from(&actor.name);
    if is_paused && record.outcome != LoopOutcome::NothingLearns {
        record.outcome = LoopOutcome::Paused;
        record.bandits.clear();
    }
    let document = document.filter(|_| record.outcome == LoopOutcome::WouldPublish);
    let needs_approval = pointer.pointer("/settings/approval").and_then(Value::as_bool) == Some(true);
    match (purpose, document) {
        (Purpose::Look, _) => told(&record),
        (Purpose::Draft, Some(document)) => draft(env, actor, record, document, reason).await,
        (Purpose::Publish | Purpose::Scheduled, Some(_)) if needs_approval => {
            record.outcome = LoopOutcome::NeedsApproval;
            told(&record)
        }
        (_, document) => {
            if purpose == Purpose::Draft {
                return told(&record);
            }
            let reason = if reason.is_empty() { reason_of(&record) } else { reason.to_owned() };
            let take = TakeTurn { environment: environment.to_owned(), document, reason, record };
            value(env, actor, Command::TakeTurn(take)).await
        }
    }
}

fn wanted(document: &Value, environment: &str, now: TimestampMs) -> std::result::Result<Vec<CountQuery>, Problem> {
    queries(document, environment, now).map_err(|why| Problem::new(ProblemCode::Conflict, why))
}

async fn draft(
    env: &Env,
    actor: &Actor,
    mut record: LoopRecord,
    document: Value,
    reason: &str,
) -> std::result::Result<Value, Stop> {
    let note = if reason.is_empty() { reason_of(&record) } else { reason.to_owned() };
    let new = json!({
        "environment": record.environment,
        "document": document,
        "base_version": record.version_before,
        "note": note,
    });
    let new =
        serde_json::from_value(new).map_err(|error| Problem::new(ProblemCode::InvalidRequest, error.to_string()))?;
    let made = value(env, actor, Command::NewDraft(new)).await?;
    record.outcome = LoopOutcome::Drafted;
    record.draft = made.get("id").and_then(Value::as_str).map(str::to_owned);
    told(&record)
}

/// Why a version was published, for the log and the list of versions.
fn reason_of(record: &LoopRecord) -> String {
    let changed: Vec<&str> = record.bandits.iter().filter(|it| it.changed).map(|it| it.placement.as_str()).collect();
    let events: u64 = record.position.values().fold(0, |sum, it| sum.saturating_add(*it));
    format!("bandits learnt from {events} events: {}", changed.join(", "))
}

fn told(record: &LoopRecord) -> std::result::Result<Value, Stop> {
    serde_json::to_value(record).map_err(|error| Problem::new(ProblemCode::Unavailable, error.to_string()).into())
}

/// The pointer of an environment (`null` before the first publication), and its last changes.
pub async fn running(env: &Env, actor: &Actor, environment: &str) -> std::result::Result<(Value, Value), Stop> {
    let mut shown = value(env, actor, Command::ShowConfig { environment: environment.to_owned() }).await?;
    let mut take = |key: &str| shown.get_mut(key).map(Value::take).unwrap_or_default();
    Ok((take("current"), take("history")))
}

/// Whether what runs was chosen by going back.
fn was_rolled_back(history: &Value) -> bool {
    let actions = history.as_array().into_iter().flatten().filter_map(|it| it.get("action")?.as_str());
    actions.filter(|it| matches!(*it, "publish" | "promote" | "rollback")).take(1).any(|it| it == "rollback")
}

/// What the registry says.
pub async fn value(env: &Env, actor: &Actor, command: Command) -> std::result::Result<Value, Stop> {
    ask_value(env, actor, command).await?.map_err(Stop::Refused)
}

/// Tells of turns that published something, newest first.
pub async fn show(environment: String, limit: u32, env: &Env, actor: &Actor) -> Answered {
    ask(env, actor, Command::ShowTurns { environment, limit }).await
}

fn now() -> TimestampMs {
    TimestampMs(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
}
