//! Asking the registry, and showing what it says.

use vitrine_api::{Problem, ProblemCode, Role};
use vitrine_rim::respond;
use worker::{Env, Method, Request, RequestInit, Response, Result};

use super::Answered;
use crate::objects::registry::{Actor, Call, Command};

fn unavailable(error: impl std::fmt::Display) -> Problem {
    worker::console_error!("registry: {error}");
    Problem::new(ProblemCode::Unavailable, "the registry did not answer; try again")
}

async fn send(env: &Env, call: &Call) -> Result<Response> {
    let stub = env.durable_object("REGISTRY")?.get_by_name("registry")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(serde_json::to_string(call)?.into()));
    stub.fetch_with_request(Request::new_with_init("https://registry/", &init)?).await
}

/// Asks, and gives the answer as it is.
pub async fn ask(env: &Env, actor: &Actor, command: Command) -> Answered {
    let call = Call { actor: actor.clone(), command };
    let mut response = send(env, &call).await.map_err(unavailable)?;
    let body = response.text().await.map_err(unavailable)?;
    let answer = match response.status_code() {
        200 => respond::json(200, body),
        status => respond::json(status, body).and_then(|it| {
            it.headers().set("content-type", "application/problem+json")?;
            Ok(it)
        }),
    };
    Ok(answer)
}

/// Asks, and reads the answer.
///
/// Errors: as [`ask`]; a refusal of the registry is the inner error, ready to be shown.
pub async fn ask_value(
    env: &Env,
    actor: &Actor,
    command: Command,
) -> std::result::Result<std::result::Result<serde_json::Value, Result<Response>>, Problem> {
    let mut response = ask(env, actor, command).await?.map_err(unavailable)?;
    if response.status_code() != 200 {
        return Ok(Err(Ok(response)));
    }
    let body = response.text().await.map_err(unavailable)?;
    serde_json::from_str(&body).map(Ok).map_err(unavailable)
}

/// The holder of a token.
pub async fn who_is(env: &Env, command: Command) -> std::result::Result<Option<Actor>, Problem> {
    let nobody = Actor { name: String::new(), role: Role::Viewer, environments: None };
    match ask_value(env, &nobody, command).await? {
        Ok(actor) => serde_json::from_value(actor).map_err(unavailable),
        Err(_) => Err(unavailable("it refused to tell whose a token is")),
    }
}
