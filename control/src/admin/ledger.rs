//! `GET /v1/admin/counts`: what the ledger has counted, of all its shards. `POST /v1/admin/counts/forget`: what a visitor met is forgotten.

use serde::Deserialize;
use serde_json::json;
use vitrine_api::{PRODUCTION, Problem, ProblemCode, Role};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{Answer, Call, CountQuery, CountRow, Counts, Named, Whom};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{Date, Env, Request, console_error};

use super::Answered;
use super::params::Params;
use crate::ledger;
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
    let settings = Settings::of(env);
    let pseudonyms = ledger::pseudonyms(&settings)
        .ok_or_else(|| Problem::new(ProblemCode::Conflict, "without TOKEN_KEY nothing is known of anybody"))?;
    let environment = wire.environment.unwrap_or_else(|| PRODUCTION.to_owned());
    let whom = Whom { environments: vec![environment], visitors: vec![Named::of_key(&pseudonyms, &wire.visitor)] };
    let n = ledger::ask_how_much(env, &Call::Forget(whom)).await.map_err(unavailable)?;
    Ok(respond::json(200, json!({ "forgotten": n }).to_string()))
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
    let mut rows = Vec::new();
    for answer in ledger::ask_all(env, &Call::Count(query.clone())).await.map_err(unavailable)? {
        match answer {
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

fn unavailable(error: impl std::fmt::Display) -> Problem {
    console_error!("ledger: {error}");
    Problem::new(ProblemCode::Unavailable, "the ledger did not answer; try again")
}
