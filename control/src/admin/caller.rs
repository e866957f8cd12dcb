//! Who calls: the holder of a token, or a person whom Cloudflare Access lets in.

use subtle::ConstantTimeEq;
use vitrine_api::{Problem, ProblemCode, Role, TOKEN_PREFIX, sha256_hex};
use vitrine_rim::settings::Settings;
use worker::{Env, Method, Request};

use super::{access, registry};
use crate::objects::registry::{Actor, Command};

/// The name of the holder of `ADMIN_TOKEN_SHA256`.
pub const ROOT: &str = "root";

/// The name of the schedule that lets bandits learn; nobody's token can have it.
pub const LOOP: &str = "loop";

/// Makes sure of the caller.
///
/// Errors: 401 that says what is missing, and nothing about any token; 403 for a person without a role.
pub async fn who(env: &Env, request: &Request) -> Result<Actor, Problem> {
    let settings = Settings::of(env);
    let header = |name: &str| request.headers().get(name).ok().flatten();
    if header("authorization").is_none()
        && let Some(access) = Settings::access(env)
        && let Some(assertion) = header("cf-access-jwt-assertion")
    {
        check_same_origin(request)?;
        return access::person(&access, &assertion).await;
    }
    let refuse = |detail: &str| Err(Problem::new(ProblemCode::Unauthorized, detail));
    let Some(expected) = &settings.admin_token_sha256 else {
        return refuse("no administrator's token is set: set the secret ADMIN_TOKEN_SHA256");
    };
    let authorization = header("authorization");
    let Some(token) = authorization.as_deref().and_then(|it| it.strip_prefix("Bearer ")) else {
        return refuse("send the header Authorization: Bearer <token>");
    };
    let sha256 = sha256_hex(token.as_bytes());
    // Digests are compared, so neither the token's length nor a common prefix shows in the time taken.
    if bool::from(sha256.as_bytes().ct_eq(expected.as_bytes())) {
        return Ok(Actor { name: ROOT.to_owned(), role: Role::Admin, environments: None });
    }
    // Anything else cannot be one of the registry's, which is then not even asked.
    let secret = token.strip_prefix(TOKEN_PREFIX).filter(|it| it.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if secret.is_none_or(|it| it.len() != 43) {
        return refuse("the token is not valid");
    }
    match registry::who_is(env, Command::WhoIs { sha256 }).await? {
        Some(actor) => Ok(actor),
        None => refuse("the token is not valid: unknown, expired or revoked"),
    }
}

/// Cloudflare Access lets a person's browser in whatever page sends it here, so another site's pages must be kept out.
fn check_same_origin(request: &Request) -> Result<(), Problem> {
    if matches!(request.method(), Method::Get | Method::Head) {
        return Ok(());
    }
    let url = request.inner().url();
    let own = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let foreign_origin = header("origin").is_some_and(|it| it != own);
    let foreign_site = header("sec-fetch-site").is_some_and(|it| it != "same-origin" && it != "none");
    if foreign_origin || foreign_site {
        return Err(Problem::new(ProblemCode::Forbidden, "a page of another site may not administer"));
    }
    Ok(())
}
