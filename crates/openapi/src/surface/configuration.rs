//! Configurations: checks, publications, versions, and flags that are switched off.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use vitrine_api::{BundlePointer, Comparison, KillFlag, ProblemCode, Promote, Role, Rollback};

use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_path, in_query};

/// Greatest configuration. Unit: bytes.
const CONFIG_BYTES_MAX: usize = 4 << 20;
/// Greatest other body of an administrative call. Unit: bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// What runs, and what ran.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{P}History")]
pub struct Shown<P> {
    /// The running pointer; null before the first publication.
    current: Option<P>,
    /// The last 50 changes, newest first.
    #[schemars(length(max = 50))]
    history: Vec<HistoryEntry>,
}

/// A change of a pointer.
#[derive(Serialize, JsonSchema)]
struct HistoryEntry {
    /// RFC 3339 time.
    at: String,
    /// What was done: `publish`, `rollback`, … A change that could not be carried out ends with ` failed`.
    action: String,
    /// What it points to afterwards.
    target: String,
    /// The pointer's epoch.
    epoch: u64,
}

/// A finding about a configuration.
#[derive(Serialize, JsonSchema)]
pub struct Diagnostic {
    /// An error keeps the configuration from being published.
    severity: Severity,
    /// Stable word for the rule. The guide to configurations lists all.
    code: String,
    /// JSON pointer (RFC 6901) into the document; empty for the whole.
    pointer: String,
    /// What is wrong.
    message: String,
    /// How to mend it.
    help: String,
    /// Line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Column of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "written by the control part; described here")]
enum Severity {
    Error,
    Warning,
}

/// A configuration that could be published.
#[derive(Serialize, JsonSchema)]
struct DryRun {
    /// Always true: a configuration with errors is refused.
    #[schemars(extend("const" = true))]
    valid: bool,
    /// What its author should know.
    warnings: Vec<Diagnostic>,
}

/// Everything that a check finds.
#[derive(Serialize, JsonSchema)]
struct Checked {
    /// Whether the configuration could be published.
    valid: bool,
    /// The build of the profile table that rules were compared with; null when none runs, or it cannot be read.
    table: Option<String>,
    /// All findings.
    diagnostics: Vec<Diagnostic>,
    /// How it differs from what runs; null for a configuration with errors.
    comparison: Option<Comparison>,
}

/// Versions, newest first.
#[derive(Serialize, JsonSchema)]
struct Versions {
    /// One page of them.
    #[schemars(length(max = 200))]
    versions: Vec<Version>,
}

/// A published configuration.
#[derive(Serialize, JsonSchema)]
struct Version {
    /// Its number, rising from 1.
    version: u64,
    /// RFC 3339 time of its publication.
    published_at: String,
    /// SHA-256 of its compiled form, in hex.
    sha256: String,
    /// The environments that run it.
    runs_in: Vec<String>,
    /// Who published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The draft that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<String>,
    /// How it differs from what ran before, in words; the first of the differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<String>>,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let pointer = paths.schemas.sent::<BundlePointer>();
    let document = document(paths);

    let show = Operation::new(
        "showConfig",
        Tag::Configuration,
        Access::Role(Role::Viewer),
        "The running version and the last changes",
    )
    .parameter(environment())
    .answer(200, "Running version and history", paths.schemas.sent::<Shown<BundlePointer>>(), &[])
    .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/config", show);

    let dry_run = paths.schemas.sent::<DryRun>();
    let put = Operation::new(
        "publishConfig",
        Tag::Configuration,
        Access::Role(Role::Approver),
        "Check a configuration and publish it",
    )
    .text("Taken whole or not at all. An environment that needs approval takes drafts only.")
    .parameter(in_query("dry_run", "Check only, and give the warnings.", boolean()))
    .parameter(environment())
    .parameter(in_query("allow_reshuffle", "Visitors of running experiments may change their variation.", boolean()))
    .parameter(in_query(
        "base_version",
        "The version that the document was written against: refused if another runs.",
        number(),
    ))
    .parameter(in_query("reason", "Why, for the audit log.", json!({ "type": "string" })))
    .body(&[JSON], document.clone(), &[("one offer", document_example())])
    .body_bytes_max(CONFIG_BYTES_MAX)
    .answer(
        200,
        "Published: the pointer. With `dry_run`: the warnings",
        json!({ "anyOf": [pointer.clone(), dry_run] }),
        &[("published", pointer_example())],
    )
    .links(200, &["showVersion"], json!({ "version": "$response.body#/version" }))
    .refusals(&publish_refusals())
    .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidConfiguration]);
    paths.add("put", "/v1/admin/config", put);

    let check = Operation::new(
        "checkConfig",
        Tag::Configuration,
        Access::Role(Role::Editor),
        "Say everything that is wrong with a configuration",
    )
    .text("And how it differs from what runs. Changes nothing.")
    .parameter(environment())
    .body(&[JSON], document.clone(), &[("one offer", document_example())])
    .body_bytes_max(CONFIG_BYTES_MAX)
    .answer(200, "The findings", paths.schemas.sent::<Checked>(), &[])
    .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("post", "/v1/admin/config/check", check);

    let body = paths.schemas.received::<Promote>();
    let promote = Operation::new(
        "promoteConfig",
        Tag::Configuration,
        Access::Role(Role::Approver),
        "Run a version that exists in an environment",
    )
    .body(&[JSON], body, &[("to production", json!({ "environment": "production", "version": 12 }))])
    .body_bytes_max(BODY_BYTES_MAX)
    .answer(200, "The new pointer", pointer.clone(), &[])
    .refusals(&publish_refusals())
    .refusals(&[ProblemCode::MalformedJson]);
    paths.add("post", "/v1/admin/config/publish", promote);

    let body = paths.schemas.received::<Rollback>();
    let rollback = Operation::new(
        "rollBackConfig",
        Tag::Configuration,
        Access::Role(Role::Approver),
        "Return to an earlier version",
    )
    .text(
        "Without a body: production returns to the version that ran before. Visitors may change their variation by it.",
    )
    .optional_body(
        &[JSON],
        body,
        &[("the one before", json!({})), ("by number", json!({ "version": 11, "reason": "wrong price" }))],
    )
    .body_bytes_max(BODY_BYTES_MAX)
    .answer(200, "The new pointer", pointer.clone(), &[])
    .refusals(&publish_refusals())
    .refusals(&[ProblemCode::MalformedJson]);
    paths.add("post", "/v1/admin/config/rollback", rollback);

    let versions =
        Operation::new("listVersions", Tag::Configuration, Access::Role(Role::Viewer), "Versions, newest first")
            .parameter(in_query("before", "Only versions below this one: the last of the page before.", number()))
            .parameter(in_query("limit", "Most versions of a page; at most 200 come.", number()))
            .answer(200, "A page of versions", paths.schemas.sent::<Versions>(), &[])
            .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/config/versions", versions);

    let version =
        Operation::new("showVersion", Tag::Configuration, Access::Role(Role::Viewer), "The document of a version")
            .parameter(in_path("version", "Its number.", json!({ "type": "integer", "minimum": 1 })))
            .answer(200, "The document", document, &[("one offer", document_example())])
            .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/config/versions/{version}", version);

    let body = paths.schemas.received::<KillFlag>();
    let kill =
        Operation::new("killFlag", Tag::Configuration, Access::Role(Role::Approver), "Switch a flag off, or on again")
            .text("At once and without a publication: the flag gives no value, its experiment nobody in.")
            .parameter(in_path("flag", "Id of the flag or experiment.", json!({ "type": "string", "minLength": 1 })))
            .body(&[JSON], body, &[("off", json!({ "killed": true, "reason": "the till is down" }))])
            .body_bytes_max(BODY_BYTES_MAX)
            .answer(200, "The new pointer", pointer, &[])
            .refusals(&publish_refusals())
            .refusals(&[ProblemCode::MalformedJson]);
    paths.add("post", "/v1/admin/flags/{flag}/kill", kill);
}

/// Why a publication is refused, besides its document.
pub fn publish_refusals() -> [ProblemCode; 3] {
    [ProblemCode::InvalidRequest, ProblemCode::NotFound, ProblemCode::Conflict]
}

/// The configuration as marketers write it.
pub fn document(paths: &mut Paths) -> Value {
    let mut document = paths.schemas.received::<Map<String, Value>>();
    document["description"] =
        "A configuration. The guides to configurations, flags and campaigns describe its members.".into();
    document
}

/// The parameter that names an environment.
pub fn environment() -> Value {
    let name = json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$", "default": "production" });
    in_query("environment", "The environment.", name)
}

/// A pointer.
pub fn pointer_example() -> Value {
    json!({
        "version": 12,
        "previous": 11,
        "epoch": 31,
        "published_at": "2026-12-01T08:00:00.000Z",
        "settings": { "query_override": false, "require_targeting_key": false, "approval": false },
    })
}

fn document_example() -> Value {
    json!({
        "version": 1,
        "offers": [{ "id": "welcome", "content": { "title": "Hello" } }],
        "placements": [{ "id": "home", "offers": ["welcome"], "fallback": "welcome" }],
    })
}

fn boolean() -> Value {
    json!({ "type": "boolean", "default": false })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0, "exclusiveMaximum": 1_u64 << 50 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_are_what_they_should_be() {
        let pointer: BundlePointer = serde_json::from_value(pointer_example()).unwrap();
        assert_eq!(json!(pointer), pointer_example());
    }
}
