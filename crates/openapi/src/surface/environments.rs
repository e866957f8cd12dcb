//! Environments, their settings, and the keys of applications.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use vitrine_api::{EnvironmentChange, EnvironmentSettings, KeyKind, NewKey, ProblemCode, Role};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_path, in_query};

/// Longest time for which a key stays valid beside the one that replaces it. Unit: seconds.
const OVERLAP_S_MAX: u64 = 90 * 86_400;

/// All environments.
#[derive(Serialize, JsonSchema)]
struct Environments {
    /// `production` first. At most 16.
    #[schemars(length(max = 16))]
    environments: Vec<Environment>,
}

/// An environment.
#[derive(Serialize, JsonSchema)]
struct Environment {
    /// Its name.
    name: String,
    /// The running version; null before the first publication.
    version: Option<u64>,
    /// The version that ran before.
    previous: Option<u64>,
    /// Rises with every change.
    epoch: u64,
    /// RFC 3339 time of the last change; empty before the first.
    published_at: String,
    /// How it answers.
    settings: EnvironmentSettings,
    /// Flags that are switched off.
    killed: Vec<String>,
    /// Keys of applications, also expired ones.
    keys: Vec<Key>,
}

/// A key of applications, without the key itself.
#[derive(Serialize, JsonSchema)]
struct Key {
    /// `k1`, `k2`, …
    id: String,
    /// What it may be used for.
    kind: KeyKind,
    /// Who uses it.
    note: String,
    /// Who made it.
    created_by: String,
    /// RFC 3339 time.
    created_at: String,
    /// RFC 3339 time from which it is refused; null: never.
    expires_at: Option<String>,
    /// Whether it is taken now.
    valid: bool,
}

/// A key that was made.
#[derive(Serialize, JsonSchema)]
struct KeyMade {
    /// Its id.
    id: String,
    /// Its environment.
    environment: String,
    /// What it may be used for.
    kind: KeyKind,
    /// Who uses it.
    note: String,
    /// The key. Shown this once: only its SHA-256 is kept.
    key: String,
}

/// A key that expires.
#[derive(Serialize, JsonSchema)]
struct KeyRetired {
    /// Its id.
    id: String,
    /// Its environment.
    environment: String,
    /// RFC 3339 time from which it is refused.
    expires_at: String,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let environment = paths.schemas.sent::<Environment>();
    let list = Operation::new("listEnvironments", Tag::Environments, Access::Role(Role::Viewer), "All environments")
        .answer(200, "The environments", paths.schemas.sent::<Environments>(), &[])
        .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/environments", list);

    let show = Operation::new("showEnvironment", Tag::Environments, Access::Role(Role::Viewer), "An environment")
        .parameter(name())
        .answer(200, "The environment", environment.clone(), &[("staging", environment_example())])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/environments/{environment}", show);

    let body = paths.schemas.received::<EnvironmentChange>();
    let change = Operation::new(
        "changeEnvironment",
        Tag::Environments,
        Access::Role(Role::Admin),
        "Make an environment, or change its settings",
    )
    .text("Settings that are left out stay as they are.")
    .parameter(name())
    .optional_body(&[JSON], body, &[("four eyes", json!({ "settings": { "approval": true } }))])
    .body_bytes_max(BODY_BYTES_MAX)
    .answer(200, "The environment", environment, &[])
    .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidRequest, ProblemCode::Conflict]);
    paths.add("put", "/v1/admin/environments/{environment}", change);

    let body = paths.schemas.received::<NewKey>();
    let new_key = Operation::new("newKey", Tag::Environments, Access::Role(Role::Admin), "Make a key for applications")
        .text("With its first key, an environment refuses calls without any. At most 20 are valid at a time.")
        .text("Client keys are public. Server keys are secrets: they are refused in addresses, in bodies and in calls of pages.")
        .parameter(name())
        .body(&[JSON], body, &[("app", json!({ "kind": "client", "note": "the app for phones" }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "The key: shown this once", paths.schemas.sent::<KeyMade>(), &[])
        .links(
            200,
            &["retireKey"],
            json!({ "environment": "$response.body#/environment", "key": "$response.body#/id" }),
        )
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
        ]);
    paths.add("post", "/v1/admin/environments/{environment}/keys", new_key);

    let retire = Operation::new(
        "retireKey",
        Tag::Environments,
        Access::Role(Role::Admin),
        "Let a key expire, at once or after a while",
    )
    .parameter(name())
    .parameter(in_path("key", "Id of the key: `k1`, `k2`, …", json!({ "type": "string", "minLength": 1 })))
    .parameter(in_query(
        "overlap_s",
        "How long it is still taken, beside the one that replaces it. Unit: seconds.",
        json!({ "type": "integer", "minimum": 0, "maximum": OVERLAP_S_MAX, "default": 0 }),
    ))
    .answer(200, "When it expires", paths.schemas.sent::<KeyRetired>(), &[])
    .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound, ProblemCode::Conflict]);
    paths.add("delete", "/v1/admin/environments/{environment}/keys/{key}", retire);
}

fn name() -> Value {
    in_path("environment", "Its name.", json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$" }))
}

fn environment_example() -> Value {
    json!({
        "name": "staging",
        "version": 12,
        "previous": 11,
        "epoch": 31,
        "published_at": "2026-12-01T08:00:00.000Z",
        "settings": { "query_override": true, "require_targeting_key": false, "approval": false },
        "killed": [],
        "keys": [{
            "id": "k1", "kind": "client", "note": "the app for phones", "created_by": "alice",
            "created_at": "2026-11-28T09:30:00.000Z", "expires_at": null, "valid": true,
        }],
    })
}
