//! `POST /v1/me/preferences`.

use vitrine_api::{
    DecisionBytes, Dismissal, PREFERENCES_BYTES_MAX, Preferences, Problem, STATE_COOKIE, TokenError, cookie,
};
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use worker::{Env, Request};

use super::{Answered, bundle, kv, now};

/// Answers the call: the objection is a cookie, so that it holds from the next request on and needs no login.
pub async fn post(request: &mut Request, env: &Env) -> Answered {
    let preferences = Preferences::parse(&body::read(request, PREFERENCES_BYTES_MAX).await?)?;
    let settings = Settings::of(env);
    let keys = settings.token_keys.as_ref();
    let offer = match &preferences.dismiss {
        Some(token) => Some(offer(token, env).await?),
        None => None,
    };
    let cookies = request.headers().get("cookie").ok().flatten().unwrap_or_default();
    let state = preferences.state.as_deref().or_else(|| cookie(&cookies, STATE_COOKIE));
    let visitor = &preferences.visitor;
    let dismissal = offer.as_deref().zip(keys).map(|(offer, keys)| Dismissal { offer, visitor, state, keys });
    let answer = preferences.answer(keys, dismissal, now());
    // Names, numbers and texts always serialise.
    let body = serde_json::to_string(&answer).unwrap_or_default();
    Ok(respond::json(200, body).and_then(|response| {
        for it in &answer.set {
            let header = if it.name == STATE_COOKIE { it.hidden_header() } else { it.header() };
            response.headers().append("set-cookie", &header)?;
        }
        Ok(response)
    }))
}

/// The offer of a token.
async fn offer(token: &str, env: &Env) -> Result<String, Problem> {
    let refused = |error: TokenError| Problem::field("/dismiss", error.as_str(), error.detail());
    let settings = Settings::of(env);
    let keys = settings.token_keys.as_ref().ok_or_else(|| refused(TokenError::Malformed))?;
    let bytes = DecisionBytes::parse(token).map_err(refused)?;
    let token = bytes.verify(keys, now()).map_err(refused)?;
    let bundle = bundle(&kv(env)?, u64::from(token.bundle_version)).await?;
    let offer = bundle.as_ref().and_then(|it| it.bundle().offers().get(usize::from(token.offer)));
    offer.map(|it| it.id.clone()).ok_or_else(|| refused(TokenError::Stale))
}
