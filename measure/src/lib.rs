//! The measure part of the Worker: it takes events and exposures, and holds the Durable Objects that count them. A wasm module
//! of its own, started only when one of these is needed, so that the part that answers storefronts stays small.
//!
//! What may count, and as what, is for `vitrine-ledger` to say; here is only what reads, asks and answers.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]
// A borrow held across an await would meet another request of the same isolate.
#![deny(clippy::await_holding_refcell_ref)]

mod admit;
mod apart;
mod bucket;
mod budgets;
mod bundles;
mod caller;
mod erased;
mod events;
mod exposures;
mod objects;
mod replay;
mod shards;

use js_sys::Promise;
use vitrine_api::{Problem, ProblemCode};
use vitrine_rim::respond::{self, not_allowed};
use vitrine_rim::settings::Settings;
use vitrine_rim::{cors, method};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::worker_sys::Context as JsContext;
use worker::{Context, Date, Env, Method, Request, Response, Result, web_sys};

/// Answers a call of `/v1/events` or `/v1/exposures`.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, ctx: JsContext) -> Promise {
    future_to_promise(async move {
        let response = route(request.into(), &env, &Context::new(ctx)).await;
        response.map(|it| web_sys::Response::from(it).into()).map_err(|error| error.to_string().into())
    })
}

async fn route(request: Request, env: &Env, ctx: &Context) -> Result<Response> {
    let settings = Settings::of(env);
    let path = request.path();
    let allow = cors::allow(&settings, &request);
    let now_ms = Date::now().as_millis();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = method::of(&request);
    let response = match (method, segments.as_slice()) {
        (Method::Post, ["v1", "events"]) => events::post(request, env, ctx, now_ms).await,
        (Method::Post, ["v1", "exposures"]) => exposures::post(request, env, ctx, now_ms).await,
        (_, ["v1", "events" | "exposures"]) => Err(not_allowed("POST")),
        _ => Err(Problem::new(ProblemCode::NotFound, format!("there is nothing at {path}"))),
    };
    let mut response = match response {
        Ok(response) => response?,
        Err(problem) => respond::problem(&problem)?,
    };
    allow.apply(response.headers_mut())?;
    Ok(response)
}
