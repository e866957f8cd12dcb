//! The registry: the one writer of versions and pointers.
//!
//! It keeps drafts, approvals and schedules, gives every publication a version, verifies a table shard by shard, and only then
//! flips a pointer: in KV, where the edge reads it, and then in its own SQLite database, so that a flip that fails can be given
//! again. Every change leaves an entry in the audit log. Each file below it has one concern:
//!
//! - `command` is what may be asked, and the role that asking needs; `failure` is why it may not be done;
//! - `schema` and `texts` are the database, `pointers` flips, `audit` is the log;
//! - `versions`, `compare`, `drafts`, `approvals` and `schedule` are the way of a configuration; `learning` is what bandits learn between publications;
//! - `environments`, `sdk_keys`, `flags` and `tokens` are what environments and people have, `previews` what may be seen before; `tables` are profile tables,
//!   `erasures` the visitors who must not come back.

mod approvals;
mod audit;
mod command;
mod compare;
mod drafts;
mod environments;
mod erasures;
mod failure;
mod flags;
mod learning;
mod pointers;
mod previews;
mod schedule;
mod schema;
mod sdk_keys;
mod secret;
mod tables;
mod texts;
mod tokens;
mod versions;

use std::cell::Cell;

use vitrine_api::{Problem, ProblemCode};
use vitrine_engine::TimestampMs;
use vitrine_rim::kv::Kv;
use vitrine_rim::respond;
use worker::{Date, DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

pub use command::{Actor, Call, Command, PutConfig, TakeTurn};
pub use versions::refused;

use failure::{Failure, Outcome, conflict};

/// See the module's text.
#[durable_object]
pub struct Registry {
    state: State,
    env: Env,
    /// A change is under way: its steps must not interleave with another's.
    busy: Cell<bool>,
}

impl DurableObject for Registry {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, busy: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        // Not by way of JavaScript, whose numbers would change those of a document.
        let call: Call = serde_json::from_str(&request.text().await?)?;
        match self.run(call).await {
            Ok(answer) => respond::json(200, answer.to_string()),
            Err(Failure::Problem(problem)) => respond::problem(&problem),
            Err(Failure::Inside(why)) => {
                console_error!("registry: {why}");
                let detail = "the registry could not complete the call; nothing was published; try again";
                respond::problem(&Problem::new(ProblemCode::Unavailable, detail))
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = self.publish_due().await {
            console_error!("registry: scheduled publications: {error}");
            // Not left to the runtime, which gives up after six tries.
            self.wake_at(now_ms().saturating_add(schedule::RETRY_MS)).await?;
        }
        respond::empty(204)
    }
}

/// Frees the registry for the next change, however this one ends.
struct Turn<'a>(&'a Cell<bool>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Registry {
    async fn run(&self, call: Call) -> Outcome {
        self.prepare()?;
        let Call { actor, command } = call;
        if let Command::WhoIs { sha256 } = &command {
            return self.who_is(sha256);
        }
        actor.require(command.needs(), command.words())?;
        let _turn = if command.is_change() { Some(self.turn()?) } else { None };
        match command {
            Command::WhoIs { sha256 } => self.who_is(&sha256),
            Command::ShowConfig { environment } => self.show_config(&environment),
            Command::PutConfig(body) => self.put_config(&actor, body).await,
            Command::CheckConfig { environment, document } => self.check_config(&environment, &document).await,
            Command::Promote(body) => self.promote(&actor, body).await,
            Command::Rollback(body) => self.rollback_config(&actor, body).await,
            Command::ListVersions { before, limit } => self.list_versions(before, limit),
            Command::ShowVersion { version } => self.show_version(version).await,
            Command::NewDraft(body) => self.new_draft(&actor, body).await,
            Command::ListDrafts => self.list_drafts(),
            Command::ShowDraft { id } => self.show_draft(&id).await,
            Command::ChangeDraft { id, revision, change } => self.change_draft(&actor, &id, revision, change).await,
            Command::DiscardDraft { id, revision } => self.discard_draft(&actor, &id, revision).await,
            Command::DiffDraft { id } => self.diff_draft(&id).await,
            Command::ApproveDraft { id, revision, reason } => self.approve_draft(&actor, &id, revision, reason).await,
            Command::PublishDraft { id, revision, body } => self.publish_draft(&actor, &id, revision, body).await,
            Command::UnscheduleDraft { id } => self.unschedule_draft(&actor, &id).await,
            Command::ListEnvironments => self.list_environments(),
            Command::ShowEnvironment { name } => self.show_environment(&name),
            Command::ChangeEnvironment { name, change } => self.change_environment(&actor, &name, change).await,
            Command::NewKey { environment, body } => self.new_key(&actor, &environment, body).await,
            Command::RetireKey { environment, id, overlap_s } => {
                self.retire_key(&actor, &environment, &id, overlap_s).await
            }
            Command::KillFlag { flag, body } => self.kill_flag(&actor, &flag, body).await,
            Command::NewPreview(body) => self.new_preview(&actor, body).await,
            Command::ListTokens => self.list_tokens(),
            Command::NewToken(body) => self.new_token(&actor, body),
            Command::RevokeToken { id } => self.revoke_token(&actor, &id),
            Command::ShowAudit { after, limit } => self.show_audit(after, limit),
            Command::ShowTurns { environment, limit } => self.show_turns(&environment, limit),
            Command::TakeTurn(turn) => self.take_turn(&actor, turn).await,
            Command::ShowTables => self.show_tables(),
            Command::Activate { build } => self.activate(&actor, &build).await,
            Command::RollbackTable => self.rollback_table(&actor).await,
            Command::Kill { kill } => self.kill(&actor, kill).await,
            Command::Erase { keys } => self.erase(&actor, keys).await,
            Command::ListErased => self.list_erased(),
            Command::VerifyErased { key } => self.verify_erased(&key).await,
            Command::ForgetErased { before } => self.forget_erased(&actor, &before).await,
        }
    }

    fn turn(&self) -> Outcome<Turn<'_>> {
        if self.busy.replace(true) {
            return Err(conflict("another change is under way; try again when it is done"));
        }
        Ok(Turn(&self.busy))
    }

    fn kv(&self) -> Outcome<Kv> {
        Kv::of(&self.env).ok_or_else(|| Failure::Inside("no KV namespace is bound as VITRINE".to_owned()))
    }
}

/// The present. Unit: ms since 1970.
fn now_ms() -> i64 {
    i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX)
}

/// The present time in RFC 3339.
fn now() -> String {
    TimestampMs(now_ms()).to_string()
}
