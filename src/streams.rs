//! Streams of server-sent events: handed through from the environment's notifier, a Durable Object.

use vitrine_api::{Problem, ProblemCode};
use worker::{Env, Headers, Response, Result};

/// What a caller wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OFREP: that something changed.
    Ofrep,
    /// GrowthBook: the new payload.
    Growthbook,
}

/// Opens a stream of an environment.
///
/// Errors: a problem with status 429 when the notifier does not answer: clients then come back later, and poll meanwhile.
pub async fn open(env: &Env, environment: &str, dialect: Dialect) -> std::result::Result<Result<Response>, Problem> {
    let path = match dialect {
        Dialect::Ofrep => "ofrep",
        Dialect::Growthbook => "growthbook",
    };
    let ask = async {
        let stub = env.durable_object("NOTIFIER")?.get_by_name(environment)?;
        let answer = stub.fetch_with_str(&format!("https://notifier/{path}")).await?;
        // Headers of an answer that was fetched cannot be changed, and the rim adds some.
        let headers: Headers = answer.headers().entries().collect();
        let status = answer.status_code();
        let (_, body) = answer.into_parts();
        Ok(Response::from_body(body)?.with_status(status).with_headers(headers))
    };
    ask.await.map(Ok).map_err(|error: worker::Error| {
        worker::console_error!("notifier of {environment}: {error}");
        Problem::new(ProblemCode::TooManyRequests, "no stream can be opened now; try again in a minute")
    })
}
