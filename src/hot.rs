//! The hot calls, `POST /v1/decide` and the evaluations of OFREP, answered from what the isolate holds, without an await and
//! with one crossing into wasm.
//!
//! `js/serve.js` asks here first. Both ways share every step but input and output, so they give the same answer; a request
//! that this one declines is answered by the general one.

use js_sys::{Promise, Uint8Array};
use vitrine_api::{Answer, DecideRequest, OfrepAnswer, PRODUCTION, Signals};
use vitrine_rim::cors;
use vitrine_rim::settings::Settings;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::worker_sys::Context as JsContext;
use worker::{Context, Env, web_sys};

use crate::api::decide::{Facts, decided_at_once};
use crate::api::ofrep::{Call, answered_at_once};
use crate::keys::{self, Sender};
use crate::{router, snapshot};

#[wasm_bindgen(module = "/js/serve.js")]
extern "C" {
    #[allow(clippy::too_many_arguments)]
    fn serve(
        request: &web_sys::Request,
        env: &Env,
        ctx: &JsContext,
        decide: &JsValue,
        evaluate: &JsValue,
        allow: &JsValue,
        general: &JsValue,
    ) -> Promise;
}

type Decide = dyn Fn(Uint8Array, Option<String>, Option<String>, Option<String>, f64) -> Option<String>;
type Evaluate = dyn Fn(Uint8Array, String, Option<String>, EvaluateHeaders, f64) -> Option<String>;
type Allow = dyn Fn(String) -> Option<String>;
type General = dyn Fn(web_sys::Request, Env, JsContext, Option<Uint8Array>) -> Promise;

#[wasm_bindgen]
extern "C" {
    /// The headers that an evaluation reads, by name; each absent or a text, and whether there is an `Origin`.
    pub type EvaluateHeaders;
    #[wasm_bindgen(method, getter)]
    fn authorization(this: &EvaluateHeaders) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn api_key(this: &EvaluateHeaders) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn if_none_match(this: &EvaluateHeaders) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn gpc(this: &EvaluateHeaders) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn cookie(this: &EvaluateHeaders) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn has_origin(this: &EvaluateHeaders) -> bool;
}

/// What JavaScript may call, made once in the life of an instance.
struct Ways {
    decide: Closure<Decide>,
    evaluate: Closure<Evaluate>,
    allow: Closure<Allow>,
    general: Closure<General>,
}

thread_local! {
    static WAYS: Ways = Ways {
        decide: Closure::new(decide),
        evaluate: Closure::new(evaluate),
        allow: Closure::new(allow),
        general: Closure::new(general),
    };
}

/// The Worker's `fetch` event.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, ctx: JsContext) -> Promise {
    WAYS.with(|Ways { decide, evaluate, allow, general }| {
        serve(&request, &env, &ctx, decide.as_ref(), evaluate.as_ref(), allow.as_ref(), general.as_ref())
    })
}

/// The answer to the body of a decide request: the cookie to set, if any, a line feed, and the body; or `None` when the general way must take it.
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
    let facts = Facts::of(gpc.as_deref(), cookie.as_deref(), country, now_ms);
    let Answer { mut json, set, .. } = decided_at_once(&settings, &held, decide, &facts)?;
    json.insert(0, '\n');
    if let Some(set) = set {
        json.insert_str(0, &set.hidden_header());
    }
    Some(json)
}

/// The answer to an evaluation of `flag`, or of all flags: `<status> <etag>`, a line feed, and the body. `None` when the
/// general way must take it.
fn evaluate(
    body: Uint8Array,
    origin: String,
    flag: Option<String>,
    headers: EvaluateHeaders,
    now_ms: f64,
) -> Option<String> {
    let settings = Settings::known()?;
    let (authorization, api_key, if_none_match) = (headers.authorization(), headers.api_key(), headers.if_none_match());
    let call = Call {
        flag: flag.as_deref(),
        key: keys::key_in(authorization.as_deref(), api_key.as_deref()),
        sender: Sender::of(headers.has_origin()),
        if_none_match: if_none_match.as_deref(),
        signals: Signals::read(headers.gpc().as_deref(), headers.cookie().as_deref()),
        origin: &origin,
        now_ms: now_ms as u64,
    };
    let OfrepAnswer { status, etag, mut body, .. } = answered_at_once(&settings, &call, &body.to_vec())?;
    body.insert_str(0, &format!("{status} {}\n", etag.unwrap_or_default()));
    Some(body)
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
