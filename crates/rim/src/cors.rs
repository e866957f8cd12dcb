//! Which pages may call the storefront's endpoints (Fetch standard, CORS protocol). Answers never carry credentials.

use worker::{Headers, Request, Response, Result};

use crate::respond;
use crate::settings::{Origins, Settings};

/// Headers of answers that scripts of other origins may read.
const EXPOSED: &str = "etag, retry-after";

/// The value of `Access-Control-Allow-Origin` for an origin, if it is allowed.
pub fn allowed(settings: &Settings, origin: String) -> Option<String> {
    match &settings.origins {
        Origins::Any => Some("*".to_owned()),
        Origins::Listed(origins) => origins.contains(&origin).then_some(origin),
    }
}

/// The answer to a preflight request.
pub fn preflight(settings: &Settings, request: &Request) -> Result<Response> {
    let mut response = respond::empty(204)?;
    let allow = allow(settings, request);
    let headers = response.headers_mut();
    allow.apply(headers)?;
    headers.set("access-control-allow-methods", "GET, POST, DELETE, OPTIONS")?;
    headers.set(
        "access-control-allow-headers",
        "authorization, content-type, if-none-match, vitrine-preview, vitrine-visitor, x-api-key",
    )?;
    headers.set("access-control-max-age", "86400")?;
    Ok(response)
}

/// What a response to this request must say about its origin. Worked out before the request is consumed.
pub struct Allow(Option<String>);

/// See [`Allow`].
pub fn allow(settings: &Settings, request: &Request) -> Allow {
    let origin = request.headers().get("origin").ok().flatten();
    Allow(origin.and_then(|origin| allowed(settings, origin)))
}

impl Allow {
    /// Adds the headers.
    pub fn apply(&self, headers: &Headers) -> Result<()> {
        headers.append("vary", "origin")?;
        if let Some(origin) = &self.0 {
            headers.set("access-control-allow-origin", origin)?;
            headers.set("timing-allow-origin", origin)?;
            // Else scripts would not see them.
            headers.append("access-control-expose-headers", EXPOSED)?;
        }
        Ok(())
    }
}
