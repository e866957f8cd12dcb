//! `GET /v1/admin/budgets`: what is left of caps and budgets of all visitors together, as the object that owns them has it.

use serde_json::Value;
use vitrine_api::{Problem, ProblemCode, Role};
use vitrine_ledger::BudgetCall;
use vitrine_rim::{objects, respond};
use worker::{Env, console_error};

use super::Answered;
use super::learning::{Stop, running};
use crate::objects::registry::Actor;

/// Tells what is left in an environment.
pub async fn show(environment: &str, env: &Env, actor: &Actor) -> Answered {
    actor.require(Role::Viewer, "looking at budgets")?;
    let pointer = match running(env, actor, environment).await {
        Ok((pointer, _)) => pointer,
        Err(Stop::Refused(response)) => return Ok(response),
        Err(Stop::Problem(problem)) => return Err(problem),
    };
    let version = pointer.get("version").and_then(Value::as_u64).unwrap_or(0);
    let asked = async {
        let call = serde_json::to_string(&BudgetCall::Show { environment: environment.to_owned(), version })?;
        objects::ask(env, "BUDGET", environment, &call).await
    };
    asked.await.map(|text| respond::json(200, text)).map_err(|error: worker::Error| {
        console_error!("budget of {environment}: {error}");
        Problem::new(ProblemCode::Unavailable, "the budgets did not answer; try again")
    })
}
