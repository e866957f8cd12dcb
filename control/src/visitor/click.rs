//! `GET /c/{token}`: from a mail or a plain page to what an offer leads to.

use serde_json::Value;
use vitrine_api::{DecisionBytes, NoTarget, Problem, ProblemCode, TokenError, click_target, document_key};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{Env, Request};

use super::{Answered, bundle, kv, later, now};

/// Answers with the redirection. The door counts the click.
pub async fn get(token: &str, request: &Request, env: &Env) -> Answered {
    let settings = Settings::of(env);
    let refused =
        |error: TokenError| Problem::new(ProblemCode::NotFound, format!("this link is not valid: {}", error.as_str()));
    let keys = settings.token_keys.as_ref().ok_or_else(|| refused(TokenError::Malformed))?;
    let bytes = DecisionBytes::parse(token).map_err(refused)?;
    let token = bytes.verify(keys, now()).map_err(refused)?;
    let version = u64::from(token.bundle_version);
    let kv = kv(env)?;
    let gone = || Problem::new(ProblemCode::NotFound, "the offer of this link is no longer kept");
    let bundle = bundle(&kv, version).await?.ok_or_else(gone)?;
    let offer = bundle.bundle().offers().get(usize::from(token.offer)).ok_or_else(gone)?;
    let creative = offer.creatives.get(usize::from(token.creative)).ok_or_else(gone)?;
    let content: Value = serde_json::from_str(&creative.content).map_err(later)?;
    let document = kv.get_recent(&document_key(version)).await.map_err(later)?;
    let document: Value = document.map_or(Ok(Value::Null), |it| serde_json::from_slice(&it)).map_err(later)?;
    let hosts = document.pointer("/settings/link_hosts").and_then(Value::as_array);
    let hosts: Option<Vec<String>> =
        hosts.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let url = request.inner().url();
    let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let target = click_target(&content, &origin, hosts.as_deref()).map_err(|why| match why {
        NoTarget::NoLink => Problem::new(ProblemCode::NotFound, "the offer leads nowhere: its creative has no link"),
        NoTarget::NotWeb => Problem::new(ProblemCode::Forbidden, "the offer's link is no address of the web"),
        NoTarget::ForeignHost => Problem::new(
            ProblemCode::Forbidden,
            "the offer's link leads to a host that is not registered: add it to settings.link_hosts and publish",
        ),
    })?;
    Ok(respond::empty(302).and_then(|response| {
        response.headers().set("location", &target)?;
        response.headers().set("cache-control", "private, no-store")?;
        response.headers().set("referrer-policy", "no-referrer")?;
        Ok(response)
    }))
}
