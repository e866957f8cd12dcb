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
mod objects;
mod running_table;
mod schedule;

use js_sys::Promise;
use vitrine_rim::{method, respond};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::worker_sys::Context as JsContext;
use worker::{Env, Request, web_sys};

/// Does what is due by the cron trigger.
#[wasm_bindgen]
pub fn scheduled(_event: JsValue, env: Env, _ctx: JsContext) -> Promise {
    future_to_promise(async move {
        schedule::run(&env).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// Answers a call below `/v1/admin/`.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, _ctx: JsContext) -> Promise {
    future_to_promise(async move {
        let request = Request::from(request);
        let method = method::of(&request);
        let path = request.path();
        let segments: Vec<&str> = path.trim_matches('/').split('/').skip(2).collect();
        let response = match admin::handle(&method, &segments, request, &env).await {
            Ok(response) => response,
            Err(problem) => respond::problem(&problem),
        };
        response.map(|it| web_sys::Response::from(it).into()).map_err(|error| error.to_string().into())
    })
}
