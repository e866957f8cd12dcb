//! `GET /v1/offers/{placement}`: one placement for callers that cannot send a body.

use vitrine_api::{DecideRequest, PREVIEW_PARAMETER, PRODUCTION, Problem, ProblemCode};
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
    let mut context = serde_json::Map::new();
    let mut wanted = serde_json::Map::from_iter([("id".to_owned(), placement.into())]);
    let mut body = serde_json::Map::new();
    let mut items = Vec::new();
    for (name, value) in query::pairs(&request.inner().url()) {
        match name.as_ref() {
            "url" | "page_type" | "locale" | "tz" | "device" | "channel" | "country" => {
                context.insert(name.into_owned(), value.into_owned().into());
            }
            "item" => items.push(serde_json::Value::from(value.into_owned())),
            "count" => {
                let count: u8 = value
                    .parse()
                    .map_err(|_| Problem::field("/count", "out_of_range", format!("{value:?} is not 1 to 30")))?;
                wanted.insert("count".to_owned(), count.into());
            }
            "personalise" => {
                let consent: bool = value.parse().map_err(|_| {
                    Problem::field("/personalise", "invalid_field", format!("{value:?} is not true or false"))
                })?;
                body.insert("consent".to_owned(), serde_json::json!({ "personalise": consent }));
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
        body.insert("visitor".to_owned(), serde_json::json!({ "key": key }));
    }
    context.insert("items".to_owned(), items.into());
    body.insert("context".to_owned(), context.into());
    body.insert("placements".to_owned(), vec![serde_json::Value::from(wanted)].into());
    DecideRequest::parse(serde_json::Value::from(body).to_string().as_bytes())
}
