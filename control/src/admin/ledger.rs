//! `GET /v1/admin/counts`: what the ledger has counted, of all its shards. `POST /v1/admin/counts/forget`: what a visitor met is forgotten.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;
use vitrine_api::{PRODUCTION, Problem, ProblemCode, Role};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{Answer, Call, CountQuery, CountRow, Counts, Forget};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{Date, Env, Method, Request, RequestInit, Result, console_error};

use super::Answered;
use super::params::Params;
use crate::objects::registry::Actor;

/// A visitor who is to be forgotten.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetVisitor {
    visitor: String,
    #[serde(default)]
    environment: Option<String>,
}

/// Takes away what a visitor met.
pub async fn forget(wire: ForgetVisitor, env: &Env) -> Answered {
    let keys = Settings::of(env).token_keys.clone();
    let keys =
        keys.ok_or_else(|| Problem::new(ProblemCode::Conflict, "without TOKEN_KEY nothing is known of anybody"))?;
    let environment = wire.environment.as_deref().unwrap_or(PRODUCTION);
    let (shard, forget) = Forget::of(&keys, environment, &wire.visitor, Settings::measure(env).shards);
    let call = serde_json::to_string(&Call::Forget(forget)).map_err(unavailable)?;
    let answer = ask(env, shard, &call).await.map_err(unavailable)?;
    match serde_json::from_str(&answer).map_err(unavailable)? {
        Answer::Forgotten(n) => Ok(respond::json(200, json!({ "forgotten": n }).to_string())),
        _ => Err(unavailable("an answer to another question")),
    }
}

/// Tells counts.
pub async fn counts(request: &Request, env: &Env, actor: &Actor) -> Answered {
    actor.require(Role::Viewer, "reading counts")?;
    let params = Params::read(request, &CountQuery::parameters())?;
    let now = TimestampMs(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX));
    let query = CountQuery::read(|name| params.text(name), now)?;
    let rows = rows(env, &query).await?;
    let counts = Counts::of(&query, Settings::measure(env).window_s, rows);
    Ok(respond::json(200, serde_json::to_string(&counts).map_err(unavailable)?))
}

/// What all shards answer to a query.
pub async fn rows(env: &Env, query: &CountQuery) -> std::result::Result<Vec<CountRow>, Problem> {
    let call = serde_json::to_string(&Call::Count(query.clone())).map_err(unavailable)?;
    let mut rows = Vec::new();
    for answer in join_all((0..Settings::measure(env).shards).map(|shard| ask(env, shard, &call))).await {
        match serde_json::from_str(&answer.map_err(unavailable)?).map_err(unavailable)? {
            Answer::Counted(more) => rows.extend(more),
            Answer::TooMany => {
                let detail = "there are more than 20000 groups; ask for fewer dimensions or a shorter time";
                return Err(Problem::field("/by", "too_many", detail));
            }
            _ => return Err(unavailable("an answer to another question")),
        }
    }
    Ok(rows)
}

async fn ask(env: &Env, shard: u32, call: &str) -> Result<String> {
    let stub = env.durable_object("LEDGER")?.get_by_name(&format!("shard-{shard}"))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(call.into()));
    let mut response = stub.fetch_with_request(Request::new_with_init("https://ledger/", &init)?).await?;
    response.text().await
}

fn unavailable(error: impl std::fmt::Display) -> Problem {
    console_error!("ledger: {error}");
    Problem::new(ProblemCode::Unavailable, "the ledger did not answer; try again")
}
