//! Tokens of people and programs, and the log of what they did.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use vitrine_api::{AuditEntry, AuditHead, NewToken, ProblemCode, Role};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_path, in_query};

/// All tokens, also those that are no longer taken.
#[derive(Serialize, JsonSchema)]
struct Tokens {
    /// Oldest first.
    tokens: Vec<Token>,
}

/// A token, without the token itself.
#[derive(Serialize, JsonSchema)]
struct Token {
    /// `t1`, `t2`, …
    id: String,
    /// Whose it is.
    name: String,
    /// What its holder may do.
    role: Role,
    /// The environments that its holder may change; null: all.
    environments: Option<Vec<String>>,
    /// Who made it.
    created_by: String,
    /// RFC 3339 time.
    created_at: String,
    /// RFC 3339 time from which it is refused; null: never.
    expires_at: Option<String>,
    /// RFC 3339 time at which it was revoked; null: it was not.
    revoked_at: Option<String>,
    /// Whether it is taken now.
    valid: bool,
}

/// A token that was made.
#[derive(Serialize, JsonSchema)]
struct TokenMade {
    /// Its id.
    id: String,
    /// Whose it is.
    name: String,
    /// What its holder may do.
    role: Role,
    /// The environments that its holder may change; null: all.
    environments: Option<Vec<String>>,
    /// RFC 3339 time from which it is refused; null: never.
    expires_at: Option<String>,
    /// The token. Shown this once: only its SHA-256 is kept.
    token: String,
}

/// A token that is no longer taken.
#[derive(Serialize, JsonSchema)]
struct TokenRevoked {
    /// Its id.
    id: String,
    /// Whose it was.
    name: String,
    /// RFC 3339 time.
    revoked_at: String,
}

/// A page of the audit log.
#[derive(Serialize, JsonSchema)]
struct AuditPage {
    /// In their order.
    #[schemars(length(max = 1000))]
    entries: Vec<AuditEntry>,
    /// Whether there are more after the last of these.
    more: bool,
    /// Where the log ends now.
    head: AuditHead,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let list = Operation::new("listTokens", Tag::Access, Access::Role(Role::Admin), "All tokens")
        .answer(200, "The tokens", paths.schemas.sent::<Tokens>(), &[])
        .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/tokens", list);

    let body = paths.schemas.received::<NewToken>();
    let new = Operation::new("newToken", Tag::Access, Access::Role(Role::Admin), "Make a token")
        .text("One valid token for each name: the name tells author from approver.")
        .body(&[JSON], body, &[("editor", json!({ "name": "alice", "role": "editor" }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "The token: shown this once", paths.schemas.sent::<TokenMade>(), &[])
        .links(200, &["revokeToken"], json!({ "token": "$response.body#/id" }))
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
        ]);
    paths.add("post", "/v1/admin/tokens", new);

    let revoke = Operation::new("revokeToken", Tag::Access, Access::Role(Role::Admin), "Make a token useless")
        .parameter(in_path("token", "Id of the token: `t1`, `t2`, …", json!({ "type": "string", "minLength": 1 })))
        .answer(200, "When it was revoked", paths.schemas.sent::<TokenRevoked>(), &[])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound, ProblemCode::Conflict]);
    paths.add("delete", "/v1/admin/tokens/{token}", revoke);

    let number = || json!({ "type": "integer", "minimum": 0, "exclusiveMaximum": 1_u64 << 50 });
    let audit = Operation::new("showAudit", Tag::Access, Access::Role(Role::Viewer), "The audit log")
        .text("Entries are chained by SHA-256; the format is described in docs/formats/audit-log.md.")
        .parameter(in_query("after", "Only entries after this number: the last of the page before.", number()))
        .parameter(in_query("limit", "Most entries of a page; at most 1000 come.", number()))
        .answer(200, "A page of entries", paths.schemas.sent::<AuditPage>(), &[("empty", page_example())])
        .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/audit", audit);
}

fn page_example() -> Value {
    json!({ "entries": [], "more": false, "head": AuditHead::default() })
}
