//! `GET /v1/stream?token=…`: the notifications of an environment for OFREP clients. The address comes with every bulk answer.

use vitrine_api::{Problem, ProblemCode, StreamToken, TokenError};
use vitrine_engine::TimestampMs;
use vitrine_rim::query;
use vitrine_rim::settings::Settings;
use worker::{Env, Request, Response, Result};

use crate::streams::{self, Dialect};

/// Answers the call.
pub async fn get(request: &Request, env: &Env, now_ms: u64) -> std::result::Result<Result<Response>, Problem> {
    let unauthorized = |detail: &str| Problem::new(ProblemCode::Unauthorized, detail);
    let url = request.inner().url();
    let token = query::pairs(&url).find(|(name, _)| name == "token").map(|(_, value)| value);
    let token =
        token.ok_or_else(|| unauthorized("the address of a stream carries a token: ask for all flags to get one"))?;
    let settings = Settings::of(env);
    let keys = settings.token_keys.as_ref().ok_or_else(|| unauthorized("this Worker signs no tokens"))?;
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    match StreamToken::verify(&token, keys, now) {
        Ok(token) => streams::open(env, &token.environment, Dialect::Ofrep).await,
        Err(TokenError::Stale) => Err(unauthorized("the address has expired: ask for all flags to get a new one")),
        Err(_) => Err(unauthorized("the token is not one of this Worker's")),
    }
}
