//! Drafts: configurations on their way to a publication.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use vitrine_api::{Approve, BundlePointer, Comparison, Draft, DraftChange, NewDraft, ProblemCode, PublishDraft, Role};

use super::configuration::{BODY_BYTES_MAX, Diagnostic, pointer_example, publish_refusals};
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_header, in_path, required};

/// Greatest body that holds a draft: a configuration and a little more. Unit: bytes.
const DRAFT_BYTES_MAX: usize = (4 << 20) + 8192;

/// Drafts, newest first.
#[derive(Serialize, JsonSchema)]
struct Drafts {
    /// At most 200.
    #[schemars(length(max = 200))]
    drafts: Vec<Draft>,
}

/// A draft after a change, and what is wrong with its document.
#[derive(Serialize, JsonSchema)]
struct DraftTold {
    #[serde(flatten)]
    draft: Draft,
    /// All findings. A draft with errors may be kept, and not be published.
    diagnostics: Vec<Diagnostic>,
}

/// A draft with its document.
#[derive(Serialize, JsonSchema)]
struct DraftShown {
    #[serde(flatten)]
    draft: Draft,
    /// All findings.
    diagnostics: Vec<Diagnostic>,
    /// The configuration.
    document: Map<String, Value>,
}

/// How a draft differs from what runs in its environment.
#[derive(Serialize, JsonSchema)]
struct DraftDiff {
    #[serde(flatten)]
    comparison: Comparison,
    /// Whether something else runs now than what the draft was written against.
    stale: bool,
    /// The draft's revision.
    revision: u64,
    /// All findings.
    diagnostics: Vec<Diagnostic>,
}

/// A draft that is no more.
#[derive(Serialize, JsonSchema)]
struct Discarded {
    /// Its id.
    id: String,
    /// Always true.
    #[schemars(extend("const" = true))]
    discarded: bool,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let told = paths.schemas.sent::<DraftTold>();
    let draft = paths.schemas.sent::<Draft>();
    let body = paths.schemas.received::<NewDraft>();
    let new = Operation::new("newDraft", Tag::Configuration, Access::Role(Role::Editor), "Begin a draft")
        .text("With a document, or from a version, or as a copy of what runs.")
        .body(&[JSON], body, &[("copy of what runs", json!({ "note": "the week of lanterns" }))])
        .body_bytes_max(DRAFT_BYTES_MAX)
        .answer(200, "The draft", told.clone(), &[("open", told_example())])
        .links(
            200,
            &["showDraft", "diffDraft", "approveDraft", "publishDraft", "unscheduleDraft"],
            json!({ "draft": "$response.body#/id" }),
        )
        .links(
            200,
            &["changeDraft", "discardDraft"],
            json!({ "draft": "$response.body#/id", "header.If-Match": "\"{$response.body#/revision}\"" }),
        )
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
        ]);
    paths.add("post", "/v1/admin/drafts", new);

    let list = Operation::new("listDrafts", Tag::Configuration, Access::Role(Role::Viewer), "Drafts, newest first")
        .answer(200, "The drafts", paths.schemas.sent::<Drafts>(), &[])
        .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/drafts", list);

    let show = Operation::new("showDraft", Tag::Configuration, Access::Role(Role::Viewer), "A draft with its document")
        .parameter(draft_id())
        .answer(200, "The draft", paths.schemas.sent::<DraftShown>(), &[])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/drafts/{draft}", show);

    let body = paths.schemas.received::<DraftChange>();
    let change = Operation::new("changeDraft", Tag::Configuration, Access::Role(Role::Editor), "Make the next revision of a draft")
        .text("A draft that somebody else has changed meanwhile is refused with 409, and the conflict shown. An approval is void afterwards.")
        .parameter(draft_id())
        .parameter(required(if_match()))
        .body(&[JSON], body, &[("note", json!({ "note": "the week of lanterns, with prices" }))])
        .body_bytes_max(DRAFT_BYTES_MAX)
        .answer(200, "The draft", told, &[])
        .refusals(&publish_refusals())
        .refusals(&[ProblemCode::MalformedJson]);
    paths.add("put", "/v1/admin/drafts/{draft}", change);

    let discard = Operation::new("discardDraft", Tag::Configuration, Access::Role(Role::Editor), "Drop a draft")
        .parameter(draft_id())
        .parameter(required(if_match()))
        .answer(200, "It is no more", paths.schemas.sent::<Discarded>(), &[])
        .refusals(&publish_refusals());
    paths.add("delete", "/v1/admin/drafts/{draft}", discard);

    let diff = Operation::new(
        "diffDraft",
        Tag::Configuration,
        Access::Role(Role::Viewer),
        "How a draft differs from what runs, in words",
    )
    .parameter(draft_id())
    .answer(200, "The differences", paths.schemas.sent::<DraftDiff>(), &[])
    .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/drafts/{draft}/diff", diff);

    let body = paths.schemas.received::<Approve>();
    let approve = Operation::new("approveDraft", Tag::Configuration, Access::Role(Role::Approver), "Approve a draft")
        .text("For somebody who wrote no part of it.")
        .parameter(draft_id())
        .parameter(if_match())
        .body(&[JSON], body, &[("checked", json!({ "reason": "prices compared with the list" }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "The draft", draft.clone(), &[])
        .refusals(&publish_refusals())
        .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidConfiguration]);
    paths.add("post", "/v1/admin/drafts/{draft}/approve", approve);

    let body = paths.schemas.received::<PublishDraft>();
    let pointer = paths.schemas.sent::<BundlePointer>();
    let publish = Operation::new(
        "publishDraft",
        Tag::Configuration,
        Access::Role(Role::Approver),
        "Publish a draft, now or at a time",
    )
    .parameter(draft_id())
    .parameter(if_match())
    .optional_body(&[JSON], body, &[("now", json!({})), ("later", json!({ "at": "2026-12-01T00:00:00+08:00" }))])
    .body_bytes_max(BODY_BYTES_MAX)
    .answer(
        200,
        "Published: the pointer. Scheduled: the draft",
        json!({ "anyOf": [pointer, draft.clone()] }),
        &[("published", pointer_example())],
    )
    .refusals(&publish_refusals())
    .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidConfiguration]);
    paths.add("post", "/v1/admin/drafts/{draft}/publish", publish);

    let unschedule = Operation::new(
        "unscheduleDraft",
        Tag::Configuration,
        Access::Role(Role::Approver),
        "Take back that a draft will be published",
    )
    .parameter(draft_id())
    .answer(200, "The draft", draft, &[])
    .refusals(&publish_refusals());
    paths.add("delete", "/v1/admin/drafts/{draft}/schedule", unschedule);
}

fn draft_id() -> Value {
    in_path("draft", "Id of the draft: `d1`, `d2`, …", json!({ "type": "string", "minLength": 1 }))
}

fn if_match() -> Value {
    let description = "The revision that the caller has seen, such as `\"3\"`.";
    in_header("If-Match", description, json!({ "type": "string", "pattern": "^\"?[0-9]{1,15}\"?$" }))
}

fn told_example() -> Value {
    json!({
        "id": "d7",
        "environment": "production",
        "base_version": 12,
        "revision": 1,
        "state": "open",
        "note": "the week of lanterns",
        "authors": ["alice"],
        "created_at": "2026-11-28T09:30:00.000Z",
        "updated_by": "alice",
        "updated_at": "2026-11-28T09:30:00.000Z",
        "diagnostics": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_draft() {
        serde_json::from_value::<Draft>(told_example()).unwrap();
    }
}
