//! What a visitor may ask about the own data, and how: objections, tags, reasons of decisions, the shop's word on Global Privacy
//! Control. These calls come from storefronts; they are here because they are rare, and the edge part must stay small.

mod click;
mod explain;
mod gpc;
mod preferences;
mod tags;

use vitrine_api::{BundlePointer, BundleState, Problem, ProblemCode, bundle_key};
use vitrine_engine::TimestampMs;
use vitrine_rim::kv::Kv;
use vitrine_rim::respond::not_allowed;
use worker::{Date, Env, Method, Request, Response, Result};

type Answered = std::result::Result<Result<Response>, Problem>;

/// Answers a call by its path.
pub async fn handle(method: &Method, path: &[&str], mut request: Request, env: &Env) -> Answered {
    match (method, path) {
        (Method::Post, ["v1", "me", "preferences"]) => preferences::post(&mut request, env).await,
        (Method::Get | Method::Head, ["v1", "me", "tags"]) => tags::get(&request, env).await,
        (Method::Delete, ["v1", "me", "tags"]) => tags::delete(&request, env).await,
        (Method::Get | Method::Head, ["v1", "explain"]) => explain::get(&request, env).await,
        (Method::Get | Method::Head, [".well-known", "gpc.json"]) => gpc::get(env).await,
        (Method::Get | Method::Head, ["c", token]) => click::get(token, &request, env).await,
        (Method::Post, ["v1", "decide", "batch"]) => tags::admit(&request, env).await,
        (_, ["c", _]) => Err(not_allowed("GET, HEAD")),
        (_, ["v1", "banner", _]) => Err(not_allowed("GET")),
        (_, ["v1", "decide", "batch"]) => Err(not_allowed("POST")),
        (_, ["v1", "me", "preferences"]) => Err(not_allowed("POST")),
        (_, ["v1", "me", "tags"]) => Err(not_allowed("GET, HEAD, DELETE")),
        (_, ["v1", "explain"] | [".well-known", "gpc.json"]) => Err(not_allowed("GET, HEAD")),
        _ => Err(Problem::new(ProblemCode::NotFound, format!("there is nothing at /{}", path.join("/")))),
    }
}

fn now() -> TimestampMs {
    TimestampMs(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
}

/// What is published cannot be read now.
fn later(why: impl std::fmt::Display) -> Problem {
    worker::console_error!("visitor: {why}");
    Problem::new(ProblemCode::TooManyRequests, "what is published cannot be read now; try again in a minute")
}

fn kv(env: &Env) -> std::result::Result<Kv, Problem> {
    Kv::of(env).ok_or_else(|| later("the Worker has no KV namespace bound as VITRINE"))
}

/// The pointer of an environment, if there is such an environment.
async fn pointer(kv: &Kv, environment: &str) -> std::result::Result<Option<BundlePointer>, Problem> {
    let bytes = kv.get_recent(&vitrine_api::pointer_key(environment)).await.map_err(later)?;
    bytes.map(|it| serde_json::from_slice(&it)).transpose().map_err(later)
}

/// A published bundle, if there is such a version.
async fn bundle(kv: &Kv, version: u64) -> std::result::Result<Option<BundleState>, Problem> {
    let bytes = kv.get_recent(&bundle_key(version)).await.map_err(later)?;
    bytes.map(|it| BundleState::load(&it)).transpose().map_err(later)
}
