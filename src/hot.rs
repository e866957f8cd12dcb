//! The hot call: `POST /v1/decide` answered from what the isolate holds, without an await and with one crossing into wasm.
//!
//! `js/serve.js` asks here first. Both ways share every step but input and output, so they give the same answer; a request
//! that this one declines is answered by the general one.

use js_sys::{Promise, Uint8Array};
use vitrine_api::{DecideRequest, PRODUCTION, Signals};
use vitrine_rim::settings::Settings;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::worker_sys::Context as JsContext;
use worker::{Context, Env, web_sys};

use crate::api::decide::{Facts, decided_at_once};
use crate::{cors, router, snapshot};

#[wasm_bindgen(module = "/js/serve.js")]
extern "C" {
    fn serve(
        request: &web_sys::Request,
        env: &Env,
        ctx: &JsContext,
        decide: &JsValue,
        allow: &JsValue,
        general: &JsValue,
    ) -> Promise;
}

type Decide = dyn Fn(Uint8Array, Option<String>, Option<String>, Option<String>, f64) -> Option<String>;
type Allow = dyn Fn(String) -> Option<String>;
type General = dyn Fn(web_sys::Request, Env, JsContext, Option<Uint8Array>) -> Promise;

/// What JavaScript may call, made once in the life of an instance.
struct Ways {
    decide: Closure<Decide>,
    allow: Closure<Allow>,
    general: Closure<General>,
}

thread_local! {
    static WAYS: Ways = Ways {
        decide: Closure::new(decide),
        allow: Closure::new(allow),
        general: Closure::new(general),
    };
}

/// The Worker's `fetch` event.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, ctx: JsContext) -> Promise {
    WAYS.with(|ways| serve(&request, &env, &ctx, ways.decide.as_ref(), ways.allow.as_ref(), ways.general.as_ref()))
}

/// The answer to a body, or `None` when the general way must take it.
fn decide(
    body: Uint8Array,
    gpc: Option<String>,
    cookie: Option<String>,
    country: Option<String>,
    now_ms: f64,
) -> Option<String> {
    // Milliseconds since 1970 are whole and far below 2^53.
    let now_ms = now_ms as u64;
    let settings = Settings::known()?;
    let held = snapshot::fresh(PRODUCTION, settings.refresh_ms, now_ms)?;
    let decide = DecideRequest::parse(&body.to_vec()).ok().filter(|it| !it.is_privileged())?;
    let facts = Facts { signals: Signals::read(gpc.as_deref(), cookie.as_deref()), country, now_ms };
    decided_at_once(&settings, &held, decide, &facts).map(|answer| answer.json)
}

fn allow(origin: String) -> Option<String> {
    Settings::known().and_then(|settings| cors::allowed(&settings, origin))
}

fn general(request: web_sys::Request, env: Env, ctx: JsContext, body: Option<Uint8Array>) -> Promise {
    future_to_promise(async move {
        let body = body.map(|it| it.to_vec());
        let response = router::route(request.into(), body, env, Context::new(ctx)).await;
        response.map(|it| web_sys::Response::from(it).into()).map_err(|error| error.to_string().into())
    })
}
