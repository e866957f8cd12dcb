//! One table: method and path lead to a handler. A storefront's call never ends in a 5xx.

use vitrine_api::{OfrepRefusal, Problem, ProblemCode};
use worker::{Context, Date, Env, Method, Request, Response, Result};

use vitrine_rim::cors;
use vitrine_rim::method;
use vitrine_rim::respond::{self, not_allowed};
use vitrine_rim::settings::Settings;

use crate::api;

/// Answers a request. `body`: its body, if that has been read already.
pub async fn route(request: Request, body: Option<Vec<u8>>, env: Env, ctx: Context) -> Result<Response> {
    let settings = Settings::of(&env);
    let path = request.path();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = method::of(&request);

    if method == Method::Options {
        return cors::preflight(&settings, &request);
    }
    let allow = cors::allow(&settings, &request);
    let now_ms = Date::now().as_millis();
    let response = match (method, segments.as_slice()) {
        (Method::Post, ["v1", "decide"]) => api::decide::post(request, body, &env, &ctx, now_ms).await,
        (Method::Get | Method::Head, ["v1", "offers", placement]) => {
            api::offers::get(placement, &request, &env, &ctx, now_ms).await
        }
        (Method::Get | Method::Head, ["api", "features", key]) => {
            api::growthbook::features(key, &request, &env, &ctx, now_ms).await
        }
        (Method::Post, ["ofrep", "v1", "evaluate", "flags"]) => {
            Ok(api::ofrep::post(None, request, body, &env, &ctx, now_ms).await)
        }
        (Method::Post, ["ofrep", "v1", "evaluate", "flags", key]) => {
            Ok(api::ofrep::post(Some(key), request, body, &env, &ctx, now_ms).await)
        }
        (_, ["ofrep", "v1", "evaluate", "flags"] | ["ofrep", "v1", "evaluate", "flags", _]) => {
            Ok(api::ofrep::refused(&OfrepRefusal::MethodNotAllowed))
        }
        (_, ["ofrep", ..]) => Ok(api::ofrep::refused(&OfrepRefusal::NotFound)),
        (Method::Post, ["api", "eval", key]) => api::growthbook::eval(key, request, &env, &ctx, now_ms).await,
        (Method::Get, ["v1", "stream"]) => api::stream::get(&request, &env, now_ms).await,
        (Method::Get, ["sub", key]) => api::growthbook::sub(key, &env, &ctx, now_ms).await,
        (Method::Get | Method::Head, ["healthz"]) => api::health::get(&env, &ctx, now_ms).await,
        (_, ["v1", "decide"] | ["api", "eval", _]) => Err(not_allowed("POST")),
        (_, ["v1", "offers", _] | ["api", "features", _] | ["healthz"]) => Err(not_allowed("GET, HEAD")),
        (_, ["sub", _] | ["v1", "stream"]) => Err(not_allowed("GET")),
        _ => Err(Problem::new(ProblemCode::NotFound, format!("there is nothing at {path}"))),
    };
    let mut response = match response {
        Ok(response) => response?,
        Err(problem) => respond::problem(&problem)?,
    };
    allow.apply(response.headers_mut())?;
    Ok(response)
}
