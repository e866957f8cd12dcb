//! `GET /v1/offers/{placement}`: one placement for callers that cannot send a body.

use vitrine_api::{DecideRequest, PREVIEW_PARAMETER, PRODUCTION, Problem, ProblemCode};
use vitrine_flags::{Json, Object};
use worker::{Context, Env, Request, Response, Result};

use vitrine_rim::query;

use crate::api::decide::answered;
use crate::{preview, snapshot};

/// Header that names the visitor. Never a query parameter: URLs end up in logs and histories.
const VISITOR_HEADER: &str = "vitrine-visitor";

/// Answers the call with the same answer as `POST /v1/decide` gives for this one placement.
pub async fn get(
    placement: &str,
    request: &Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> Result<Result<Response>, Problem> {
    let decide = parse(placement, request)?;
    let preview = preview::of(request, env, now_ms)?;
    let held = match &preview {
        Some(preview) => preview::held(preview, env, ctx, now_ms).await?,
        None => snapshot::current(PRODUCTION, env, ctx, now_ms).await,
    };
    if held.snapshot.bundle().is_some_and(|it| it.bundle().placement(placement).is_none()) {
        return Err(Problem::new(ProblemCode::UnknownPlacement, format!("there is no placement {placement:?}")));
    }
    answered(decide, preview, request, env, ctx, now_ms).await
}

/// Brings the parts of the URL into the shape of a decide body, so that both calls obey one set of rules.
fn parse(placement: &str, request: &Request) -> Result<DecideRequest, Problem> {
    let mut context = Object::new();
    let mut wanted = Object::new();
    wanted.insert("id", placement);
    let mut body = Object::new();
    let mut items = Vec::new();
    for (name, value) in query::pairs(&request.inner().url()) {
        match name.as_ref() {
            "url" | "page_type" | "locale" | "tz" | "device" | "channel" | "country" => {
                context.insert(name, value.into_owned());
            }
            "item" => items.push(Json::Text(value.into_owned())),
            "count" => {
                let count: u8 = value
                    .parse()
                    .map_err(|_| Problem::field("/count", "out_of_range", format!("{value:?} is not 1 to 30")))?;
                wanted.insert("count", f64::from(count));
            }
            "personalise" => {
                let consent: bool = value.parse().map_err(|_| {
                    Problem::field("/personalise", "invalid_field", format!("{value:?} is not true or false"))
                })?;
                body.insert("consent", one("personalise", consent));
            }
            PREVIEW_PARAMETER => {}
            "visitor" | "key" | "email" => {
                let detail = format!("a visitor is never named in a URL: send the header {VISITOR_HEADER}");
                return Err(Problem::field(format!("/{name}"), "visitor_in_url", detail));
            }
            _ => {
                let known = "url, page_type, locale, tz, device, channel, country, item, count, personalise";
                let detail = format!("there is no such parameter; there are {known}");
                return Err(Problem::field(format!("/{name}"), "unknown_parameter", detail));
            }
        }
    }
    if let Some(key) = request.headers().get(VISITOR_HEADER).ok().flatten() {
        body.insert("visitor", one("key", key));
    }
    context.insert("items", Json::List(items));
    body.insert("context", context);
    body.insert("placements", Json::List(vec![Json::Object(wanted)]));
    DecideRequest::parse(Json::Object(body).to_string().as_bytes())
}

/// An object of one member.
fn one(name: &str, value: impl Into<Json>) -> Object {
    Object::from_iter([(name.to_owned(), value.into())])
}
