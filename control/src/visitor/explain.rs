//! `GET /v1/explain?token=…`: the reasons of a decision, for whoever holds its token.

use vitrine_api::{DecisionBytes, Problem, ProblemCode, TokenError, decision_words};
use vitrine_rim::settings::Settings;
use vitrine_rim::{query, respond};
use worker::{Env, Request};

use super::{Answered, bundle, kv, now};

/// Answers the call.
pub async fn get(request: &Request, env: &Env) -> Answered {
    let url = request.inner().url();
    let mut token = None;
    for (name, value) in query::pairs(&url) {
        match name.as_ref() {
            "token" => token = Some(value.into_owned()),
            _ => {
                let detail = "there is no such parameter here; there is: token";
                return Err(Problem::field(format!("/{name}"), "unknown_parameter", detail));
            }
        }
    }
    let token = token.ok_or_else(|| Problem::field("/token", "missing_field", "send ?token=<token of a decision>"))?;
    let settings = Settings::of(env);
    let keys = settings.token_keys.as_ref();
    let keys = keys.ok_or_else(|| Problem::new(ProblemCode::NotFound, "this deployment signs no decisions"))?;
    let refused = |error: TokenError| Problem::field("/token", error.as_str(), detail(error));
    let bytes = DecisionBytes::parse(&token).map_err(refused)?;
    let token = bytes.verify(keys, now()).map_err(refused)?;
    let gone = || Problem::new(ProblemCode::NotFound, "the configuration that decided is no longer kept");
    let bundle = bundle(&kv(env)?, u64::from(token.bundle_version)).await?.ok_or_else(gone)?;
    let words = decision_words(&token, bundle.bundle()).ok_or_else(gone)?;
    // Texts and finite numbers always serialise.
    Ok(respond::json(200, serde_json::to_string(&words).unwrap_or_default()))
}

fn detail(error: TokenError) -> &'static str {
    match error {
        TokenError::Stale => "the token is older than 30 days: its decision is no longer explained",
        other => other.detail(),
    }
}
