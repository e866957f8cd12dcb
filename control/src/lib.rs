//! The control part of the Worker: what administers, and the Durable Objects. A wasm module of its own, started only when one
//! of these is needed, so that the part that answers storefronts stays small.
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

mod admin;
mod ledger;
mod objects;
mod running_table;
mod schedule;
mod visitor;

use js_sys::Promise;
use vitrine_api::Problem;
use vitrine_rim::settings::Settings;
use vitrine_rim::{cors, method, respond};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::worker_sys::Context as JsContext;
use worker::{Env, Method, Request, Response, Result, web_sys};

/// Does what is due by the cron trigger.
#[wasm_bindgen]
pub fn scheduled(_event: JsValue, env: Env, _ctx: JsContext) -> Promise {
    future_to_promise(async move {
        schedule::run(&env).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// Answers a call below `/v1/admin/`, or one about a visitor's own data.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, _ctx: JsContext) -> Promise {
    future_to_promise(async move {
        let request = Request::from(request);
        let method = method::of(&request);
        let path = request.path();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let response = match segments.as_slice() {
            ["v1", "admin", rest @ ..] => finished(admin::handle(&method, rest, request, &env).await),
            _ => storefront(&method, &segments, request, &env).await,
        };
        response.map(|it| web_sys::Response::from(it).into()).map_err(|error| error.to_string().into())
    })
}

fn finished(answered: std::result::Result<Result<Response>, Problem>) -> Result<Response> {
    answered.unwrap_or_else(|problem| respond::problem(&problem))
}

/// Answers a call that pages of other origins may make.
async fn storefront(method: &Method, path: &[&str], request: Request, env: &Env) -> Result<Response> {
    let settings = Settings::of(env);
    if *method == Method::Options {
        return cors::preflight(&settings, &request);
    }
    let allow = cors::allow(&settings, &request);
    let mut response = finished(visitor::handle(method, path, request, env).await)?;
    allow.apply(response.headers_mut())?;
    Ok(response)
}
