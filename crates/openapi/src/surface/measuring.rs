//! Measuring: `POST /v1/events`, and what was counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vitrine_api::{ProblemCode, Role};
use vitrine_ledger::{Counts, Dimension, EVENTS_BYTES_MAX, EventBatch, EventVerdict};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, TEXT, Tag, in_header, in_query};

/// A visitor who is to be forgotten.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ForgetVisitor {
    /// The visitor's key, as events name it.
    visitor: String,
    /// Where; `production` if none is named.
    #[serde(default)]
    environment: Option<String>,
}

/// A visitor who was forgotten.
#[derive(Serialize, JsonSchema)]
struct Forgotten {
    /// How much was known: clicks, views and exposures.
    forgotten: u64,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let batch = paths.schemas.received::<EventBatch<'_>>();
    let verdict = paths.schemas.sent::<EventVerdict>();
    let events = Operation::new("reportEvents", Tag::Measuring, Access::SdkKey, "Report what visitors did")
        .text("Whatever media type the body has, it is read as JSON: pages can send `text/plain` while they are closed.")
        .text("Rows stand for themselves: what is wrong with one is told, and the others count. What is sent again counts once: an event by its id, an impression, click or dismissal by its token, a conversion by its order. Rows with the code `retry` were not counted, and are to be sent again.")
        .text("Tokens are good for 30 days. Events count without consent too; only with it are they joined with their visitor.")
        .parameter(in_header(
            "Idempotency-Key",
            "For servers: names the batch. Its answer is given again to the same key and body, for a day; rows need no ids.",
            json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
        ))
        .body(&[JSON, TEXT], batch, &[("a page that is closed", batch_example())])
        .body_bytes_max(EVENTS_BYTES_MAX)
        .answer(202, "What became of the rows", verdict, &[("one refused", verdict_example())])
        .header(202, "Cache-Control")
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::Unauthorized,
            ProblemCode::Forbidden,
            ProblemCode::Conflict,
            ProblemCode::TooManyRequests,
        ]);
    paths.add("post", "/v1/events", events);

    let counts = paths.schemas.sent::<Counts>();
    let words: Vec<&str> = Dimension::ALL.into_iter().map(Dimension::as_str).collect();
    let time = || json!({ "type": "string", "format": "date-time" });
    let mut operation = Operation::new("showCounts", Tag::Measuring, Access::Role(Role::Viewer), "What was counted")
        .text("What an answer of `POST /v1/events` says is accepted is counted here at once.")
        .parameter(in_query("environment", "Where; `production` if none is named.", json!({ "type": "string" })))
        .parameter(in_query("from", "From the hour of this time on; a day before `to` if left out.", time()))
        .parameter(in_query("to", "Up to the end of the hour before this time; now if left out.", time()))
        .parameter(in_query(
            "by",
            &format!("Tell apart by these, with commas between: {}.", words.join(", ")),
            json!({ "type": "string" }),
        ));
    for dimension in Dimension::ALL.into_iter().filter(|it| *it != Dimension::Hour) {
        let name = dimension.as_str();
        operation = operation.parameter(in_query(name, "Only what has this value.", json!({ "type": "string" })));
    }
    let operation = operation
        .answer(200, "The counts", counts, &[("by offer", counts_example())])
        .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/counts", operation);

    let body = paths.schemas.received::<ForgetVisitor>();
    let forget = Operation::new("forgetVisitor", Tag::Measuring, Access::Role(Role::Approver), "Forget what a visitor met")
        .text("Conversions that come later are attributed to nothing from before. Counts hold nobody and stay; files of raw events are not touched.")
        .body(&[JSON], body, &[("a member", json!({ "visitor": "member-1042" }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "How much was known", paths.schemas.sent::<Forgotten>(), &[("some", json!({ "forgotten": 4 }))])
        .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidRequest, ProblemCode::Conflict]);
    paths.add("post", "/v1/admin/counts/forget", forget);
}

fn batch_example() -> Value {
    json!({
        "sent_at": "2026-12-01T08:00:07Z",
        "visitor": { "key": "member-1042" },
        "consent": { "measure": true },
        "channel": "web",
        "events": [
            {
                "id": "5f1c7a52-2f0e-4f0e-9d0d-5a3c1f6f6a01", "type": "impression", "at": "2026-12-01T08:00:05Z",
                "token": "AQIAi_ppDAAAAAcAAAAAAAEAAAIQ__8A__8KcHJvZHVjdGlvbn9CYc0r1sQm0mI1m2m8sZY",
            },
            {
                "id": "5f1c7a52-2f0e-4f0e-9d0d-5a3c1f6f6a02", "type": "conversion", "name": "purchase",
                "value": 199.00, "currency": "CNY", "order_id": "A-2026-4711", "props": { "n_items": 2 },
            },
        ],
    })
}

fn verdict_example() -> Value {
    json!({
        "accepted": 1, "duplicate": 0, "excluded": 0,
        "rejected": [{ "index": 0, "code": "stale", "detail": "the token is older than 30 days" }],
    })
}

fn counts_example() -> Value {
    json!({
        "environment": "production", "from": "2026-11-30T09:00:00Z", "to": "2026-12-01T09:00:00Z", "window_s": 604_800,
        "rules": { "token": "exact: the event carried the token of the decision" },
        "rows": [
            { "offer": "green-life", "type": "impression", "rule": "token", "currency": "", "n": 1200, "value_minor": 0, "value_squares": "0" },
            { "offer": "green-life", "type": "conversion", "rule": "token", "currency": "CNY", "n": 14, "value_minor": 278_600, "value_squares": "5544140000" },
        ],
        "apart": { "bot": 31, "duplicate": 12 },
        "position": { "0": 655, "1": 701 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_batch() {
        let body = batch_example().to_string();
        assert_eq!(EventBatch::parse(body.as_bytes()).unwrap().n_rows(), 2);
    }

    #[test]
    fn the_example_is_counts() {
        let counts: Counts = serde_json::from_value(counts_example()).unwrap();
        assert_eq!(counts.rows.len(), 2);
    }
}
