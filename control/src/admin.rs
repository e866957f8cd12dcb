//! The administrative interface: one table from method and path to a command of the registry.

mod access;
pub mod alerts;
mod budgets;
mod caller;
mod config;
pub mod learning;
mod ledger;
mod params;
mod registry;
mod stock;
mod tables;

use serde::de::DeserializeOwned;
use vitrine_api::{Approve, EraseVisitors, Problem, ProblemCode, Role};
use vitrine_rim::body;
use vitrine_rim::respond::not_allowed;
use worker::{Env, Method, Request, Response, Result};

use crate::objects::registry::{Actor, Command};
use params::{Params, if_match, required_if_match};
use registry::ask;

pub use caller::{LOOP, ROOT};
pub(crate) use registry::ask as ask_registry;

/// Greatest body that holds a draft: a configuration and a little more. Unit: bytes.
const DRAFT_BYTES_MAX: usize = (4 << 20) + 8192;
/// Greatest other body. Unit: bytes.
const BODY_BYTES_MAX: usize = 64 << 10;

type Answered = std::result::Result<Result<Response>, Problem>;

/// Answers a call below `/v1/admin/`.
pub async fn handle(method: &Method, path: &[&str], mut request: Request, env: &Env) -> Answered {
    let actor = caller::who(env, &request).await?;
    let request = &mut request;
    let id = |it: &&str| (*it).to_owned();
    // What must not be read before it is known that the caller may do this, comes first.
    let command = match (method, path) {
        (Method::Put, ["config"]) => {
            actor.require(Role::Approver, "publishing")?;
            return config::put(request, env, &actor).await;
        }
        (Method::Get, ["counts"]) => return ledger::counts(request, env, &actor).await,
        (Method::Post, ["counts", "forget"]) => {
            actor.require(Role::Approver, "forgetting a visitor")?;
            Params::read(request, &[])?;
            return ledger::forget(parse(request, BODY_BYTES_MAX).await?, env).await;
        }
        (Method::Post, ["loop"]) => {
            actor.require(Role::Viewer, "looking at what bandits learn")?;
            Params::read(request, &[])?;
            return learning::post(parse_or_default(request).await?, env, &actor).await;
        }
        (Method::Post, ["alerts"]) => {
            actor.require(Role::Viewer, "looking for what is out of order")?;
            Params::read(request, &[])?;
            return alerts::post(parse_or_default(request).await?, env, &actor).await;
        }
        (Method::Put, ["stock"]) => {
            actor.require(Role::Approver, "publishing what is sold out")?;
            actor.may_change_all("the stock")?;
            Params::read(request, &[])?;
            return stock::put(parse(request, stock::BODY_BYTES_MAX).await?, env).await;
        }
        (Method::Get, ["budgets"]) => {
            return budgets::show(&Params::read(request, &["environment"])?.environment(), env, &actor).await;
        }
        (Method::Get, ["alerts"]) => {
            return alerts::show(Params::read(request, &["environment"])?.environment(), env, &actor).await;
        }
        (Method::Get, ["loop"]) => {
            let params = Params::read(request, &["environment", "limit"])?;
            return learning::show(params.environment(), params.limit()?, env, &actor).await;
        }
        (Method::Post, ["config", "check"]) => {
            actor.require(Role::Editor, "checking a configuration")?;
            return config::check(request, env, &actor).await;
        }
        (Method::Put, ["tables", build, part @ ..])
            if matches!(part, ["manifest"] | ["items"] | ["vectors"] | ["shards", _]) =>
        {
            actor.require(Role::Approver, "uploading a table")?;
            actor.may_change_all("the table")?;
            return match part {
                ["manifest"] => tables::put_manifest(build, request, env).await,
                ["items"] => tables::put_items(build, request, env).await,
                ["vectors"] => tables::put_vectors(build, request, env).await,
                ["shards", shard] => tables::put_shard(build, shard, request, env).await,
                _ => Err(nothing_here()),
            };
        }
        (Method::Get, ["config"]) => {
            Command::ShowConfig { environment: Params::read(request, &["environment"])?.environment() }
        }
        (Method::Post, ["config", "rollback"]) => Command::Rollback(parse_or_default(request).await?),
        (Method::Post, ["config", "publish"]) => Command::Promote(parse(request, BODY_BYTES_MAX).await?),
        (Method::Get, ["config", "versions"]) => {
            let params = Params::read(request, &["before", "limit"])?;
            Command::ListVersions { before: params.number("before")?, limit: params.limit()? }
        }
        (Method::Get, ["config", "versions", version]) => {
            let version = version.parse().ok().filter(|it| *it < 1 << 50);
            let version = version.ok_or_else(|| Problem::new(ProblemCode::NotFound, "a version is a number"))?;
            Command::ShowVersion { version }
        }
        (Method::Post, ["drafts"]) => Command::NewDraft(parse(request, DRAFT_BYTES_MAX).await?),
        (Method::Get, ["drafts"]) => Command::ListDrafts,
        (Method::Get, ["drafts", draft]) => Command::ShowDraft { id: id(draft) },
        (Method::Put, ["drafts", draft]) => {
            let revision = required_if_match(request)?;
            Command::ChangeDraft { id: id(draft), revision, change: parse(request, DRAFT_BYTES_MAX).await? }
        }
        (Method::Delete, ["drafts", draft]) => {
            Command::DiscardDraft { id: id(draft), revision: required_if_match(request)? }
        }
        (Method::Get, ["drafts", draft, "diff"]) => Command::DiffDraft { id: id(draft) },
        (Method::Post, ["drafts", draft, "approve"]) => {
            let Approve { reason } = parse(request, BODY_BYTES_MAX).await?;
            Command::ApproveDraft { id: id(draft), revision: if_match(request)?, reason }
        }
        (Method::Post, ["drafts", draft, "publish"]) => {
            let revision = if_match(request)?;
            Command::PublishDraft { id: id(draft), revision, body: parse_or_default(request).await? }
        }
        (Method::Delete, ["drafts", draft, "schedule"]) => Command::UnscheduleDraft { id: id(draft) },
        (Method::Post, ["flags", flag, "kill"]) => {
            Command::KillFlag { flag: id(flag), body: parse(request, BODY_BYTES_MAX).await? }
        }
        (Method::Get, ["environments"]) => Command::ListEnvironments,
        (Method::Get, ["environments", name]) => Command::ShowEnvironment { name: id(name) },
        (Method::Put, ["environments", name]) => {
            Command::ChangeEnvironment { name: id(name), change: parse_or_default(request).await? }
        }
        (Method::Post, ["environments", name, "keys"]) => {
            Command::NewKey { environment: id(name), body: parse(request, BODY_BYTES_MAX).await? }
        }
        (Method::Delete, ["environments", name, "keys", key]) => {
            let overlap_s = Params::read(request, &["overlap_s"])?.number("overlap_s")?.unwrap_or(0);
            Command::RetireKey { environment: id(name), id: id(key), overlap_s }
        }
        (Method::Post, ["previews"]) => Command::NewPreview(parse_or_default(request).await?),
        (Method::Get, ["tokens"]) => Command::ListTokens,
        (Method::Post, ["tokens"]) => Command::NewToken(parse(request, BODY_BYTES_MAX).await?),
        (Method::Delete, ["tokens", token]) => Command::RevokeToken { id: id(token) },
        (Method::Get, ["audit"]) => {
            let params = Params::read(request, &["after", "limit"])?;
            Command::ShowAudit { after: params.number("after")?.unwrap_or(0), limit: params.limit()? }
        }
        (Method::Get, ["tables"]) => Command::ShowTables,
        (Method::Post, ["tables", "rollback"]) => Command::RollbackTable,
        (Method::Post, ["tables", "kill"]) => Command::Kill { kill: parse_kill(request).await? },
        (Method::Post, ["tables", build, "activate"]) => {
            tables::check_build(build)?;
            Command::Activate { build: id(build) }
        }
        (Method::Get, ["visitors"]) => Command::ListErased,
        (Method::Delete, ["visitors"]) => {
            let before = Params::read(request, &["before"])?.text("before").map(str::to_owned);
            let missing = || Problem::field("/before", "missing_field", "send ?before= with an RFC 3339 time");
            Command::ForgetErased { before: before.ok_or_else(missing)? }
        }
        (Method::Post, ["visitors"]) => {
            let EraseVisitors { visitors } = parse(request, BODY_BYTES_MAX).await?;
            Command::Erase { keys: visitors }
        }
        (Method::Get, ["visitors", visitor]) => Command::VerifyErased { key: id(visitor) },
        (Method::Delete, ["visitors", visitor]) => Command::Erase { keys: vec![id(visitor)] },
        _ => return Err(allowed(path).map_or_else(nothing_here, not_allowed)),
    };
    // Calls that read no parameters take none.
    let reads_params = matches!(
        command,
        Command::ShowConfig { .. }
            | Command::ListVersions { .. }
            | Command::RetireKey { .. }
            | Command::ShowAudit { .. }
            | Command::ForgetErased { .. }
    );
    if !reads_params {
        Params::read(request, &[])?;
    }
    ask(env, &actor, command).await
}

/// The names of all environments.
///
/// Errors: the registry did not tell, in words for the log.
pub async fn environments(env: &Env, actor: &Actor) -> std::result::Result<Vec<String>, String> {
    let told = registry::ask_value(env, actor, Command::ListEnvironments).await.map_err(|it| it.detail)?;
    let told = told.map_err(|_| "the registry refused to tell its environments".to_owned())?;
    let list = told.get("environments").and_then(serde_json::Value::as_array);
    let names = list.into_iter().flatten().filter_map(|it| it.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The methods that exist at a path.
fn allowed(path: &[&str]) -> Option<&'static str> {
    Some(match path {
        ["config"] => "GET, PUT",
        ["visitors"] => "GET, POST, DELETE",
        ["visitors", _] => "GET, DELETE",
        ["config", "check" | "rollback" | "publish"] | ["counts", "forget"] => "POST",
        ["config", "versions"] | ["config", "versions", _] | ["audit"] | ["tables"] | ["counts"] | ["budgets"] => "GET",
        ["drafts"] | ["tokens"] | ["loop"] | ["alerts"] => "GET, POST",
        ["drafts", _] => "GET, PUT, DELETE",
        ["drafts", _, "diff"] | ["environments"] => "GET",
        ["drafts", _, "approve" | "publish"] | ["flags", _, "kill"] | ["environments", _, "keys"] | ["previews"] => {
            "POST"
        }
        ["drafts", _, "schedule"] | ["environments", _, "keys", _] | ["tokens", _] => "DELETE",
        ["environments", _] => "GET, PUT",
        ["tables", "rollback" | "kill"] | ["tables", _, "activate"] => "POST",
        ["stock"] | ["tables", _, "manifest" | "items" | "vectors"] | ["tables", _, "shards", _] => "PUT",
        _ => return None,
    })
}

fn nothing_here() -> Problem {
    Problem::new(ProblemCode::NotFound, "there is no such administrative call")
}

/// Reads a JSON body.
///
/// Errors: 400 that says where it breaks a rule, 413.
async fn parse<T: DeserializeOwned>(request: &mut Request, bytes_max: usize) -> std::result::Result<T, Problem> {
    read(&body::read(request, bytes_max).await?)
}

/// Reads a JSON body, for which nothing at all stands for `{}`.
async fn parse_or_default<T: DeserializeOwned>(request: &mut Request) -> std::result::Result<T, Problem> {
    let body = body::read(request, BODY_BYTES_MAX).await?;
    if body.is_empty() { read(b"{}") } else { read(&body) }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> std::result::Result<T, Problem> {
    check_object(body)?;
    serde_json::from_slice(body).map_err(|error| {
        let code = if error.is_data() { ProblemCode::InvalidRequest } else { ProblemCode::MalformedJson };
        Problem::new(code, format!("the body: {error}"))
    })
}

/// serde would also take the members of an object as a list: `[]` would be a rollback.
fn check_object(body: &[u8]) -> std::result::Result<(), Problem> {
    match body.trim_ascii_start().first() {
        Some(b'[') => Err(Problem::field("", "invalid_field", "the body must be a JSON object")),
        _ => Ok(()),
    }
}

async fn parse_kill(request: &mut Request) -> std::result::Result<bool, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        kill: bool,
    }
    let body = body::read(request, 1024).await?;
    check_object(&body)?;
    serde_json::from_slice::<Wire>(&body).map(|it| it.kill).map_err(|error| {
        Problem::new(ProblemCode::InvalidRequest, format!("send {{\"kill\": true}} or false: {error}"))
    })
}
