//! Previews: `POST /v1/admin/previews`, and how calls carry one.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use vitrine_api::{NewPreview, PREVIEW_CHARS_MAX, PREVIEW_HEADER, PREVIEW_PARAMETER, ProblemCode, Role};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_header, in_query};

/// A preview that was made.
#[derive(Serialize, JsonSchema)]
struct PreviewMade {
    /// The signed text. Whoever has it sees what it shows.
    token: String,
    /// The header that carries it.
    header: String,
    /// What an address ends with to carry it.
    query: String,
    /// RFC 3339 time from which it shows nothing.
    expires_at: String,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let body = paths.schemas.received::<NewPreview>();
    let new = Operation::new("newPreview", Tag::Configuration, Access::Role(Role::Editor), "Make a preview")
        .text("Of a draft, of chosen variations or values, of a made-up visitor, of another time. What it shows is never counted.")
        .optional_body(&[JSON], body, &[("a draft on the first day", example())])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "The preview", paths.schemas.sent::<PreviewMade>(), &[])
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
            ProblemCode::InvalidConfiguration,
        ]);
    paths.add("post", "/v1/admin/previews", new);
}

/// A call that shows what a preview says, if it carries one. Its answer says so.
pub fn previewed(operation: Operation) -> Operation {
    let schema = || json!({ "type": "string", "minLength": 1, "maxLength": PREVIEW_CHARS_MAX });
    operation
        .parameter(in_header(PREVIEW_HEADER, "A preview: what it shows is answered, and never counted.", schema()))
        .parameter(in_query(PREVIEW_PARAMETER, "The same, for callers that set no header.", schema()))
        .header(200, "Vitrine-Preview")
        .header(200, "X-Robots-Tag")
}

fn example() -> Value {
    json!({ "draft": "d7", "attributes": { "country": "CN" }, "at": "2026-12-01T00:00:00+08:00" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_request() {
        let body: NewPreview = serde_json::from_value(example()).unwrap();
        assert_eq!(body.draft.as_deref(), Some("d7"));
    }
}
