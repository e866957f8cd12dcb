//! Who may administer: bearer tokens, stored as SHA-256, compared in constant time.

use subtle::ConstantTimeEq;
use vitrine_api::{Problem, ProblemCode, sha256_hex};
use worker::Request;

use crate::settings::Settings;

/// Whether the request carries the administrator's token.
///
/// Errors: a problem with status 401 that says what is missing, and nothing about the expected token.
pub fn admin(settings: &Settings, request: &Request) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(ProblemCode::Unauthorized, detail));
    let Some(expected) = &settings.admin_token_sha256 else {
        return refuse("no administrator's token is set: set the secret ADMIN_TOKEN_SHA256");
    };
    let header = request.headers().get("authorization").ok().flatten();
    let Some(token) = header.as_deref().and_then(|it| it.strip_prefix("Bearer ")) else {
        return refuse("send the header Authorization: Bearer <token>");
    };
    // Digests are compared, so neither the token's length nor a common prefix shows in the time taken.
    if bool::from(sha256_hex(token.as_bytes()).as_bytes().ct_eq(expected.as_bytes())) {
        Ok(())
    } else {
        refuse("the token is not valid")
    }
}
