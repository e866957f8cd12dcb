//! Responses: JSON bodies, problem details, and the headers that every answer carries.

use vitrine_api::{Problem, ProblemCode};
use worker::{Headers, Response, ResponseBody, Result};

/// A response with a JSON body that no cache may keep.
pub fn json(status: u16, body: String) -> Result<Response> {
    typed(status, "application/json", body)
}

/// A problem (RFC 9457).
pub fn problem(problem: &Problem) -> Result<Response> {
    let response = typed(problem.code.status(), "application/problem+json", problem.to_json())?;
    match problem.code {
        ProblemCode::MethodNotAllowed(allowed) => response.headers().set("allow", allowed)?,
        ProblemCode::Unauthorized => response.headers().set("www-authenticate", "Bearer")?,
        // Whole seconds: the only form that all clients understand.
        ProblemCode::TooManyRequests => response.headers().set("retry-after", "60")?,
        _ => {}
    }
    Ok(response)
}

/// A response without a body.
pub fn empty(status: u16) -> Result<Response> {
    Ok(Response::empty()?.with_status(status))
}

fn typed(status: u16, content_type: &str, body: String) -> Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", content_type)?;
    headers.set("cache-control", "private, no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(Response::from_body(ResponseBody::Body(body.into_bytes()))?.with_status(status).with_headers(headers))
}

/// The method does not exist at this path; `allowed` do.
pub fn not_allowed(allowed: &'static str) -> Problem {
    Problem::new(ProblemCode::MethodNotAllowed(allowed), format!("the methods here are: {allowed}"))
}
