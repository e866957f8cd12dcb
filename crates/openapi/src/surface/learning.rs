//! Learning: turns of the loop from counts to posteriors.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use vitrine_api::{ProblemCode, Role};
use vitrine_loop::{LoopRecord, LoopRequest};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_query};

/// Turns that published something.
#[derive(Serialize, JsonSchema)]
struct LoopHistory {
    /// Newest first.
    #[schemars(length(max = 200))]
    turns: Vec<LoopRecord>,
    /// The last turn, whatever it came to; null: there was none.
    last: Option<LastTurn>,
}

/// When a turn was taken last.
#[derive(Serialize, JsonSchema)]
struct LastTurn {
    /// RFC 3339 time.
    at: String,
    /// The same. Unit: ms since 1970.
    at_ms: i64,
    /// The version that ran afterwards; null: none.
    version: Option<u64>,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let body = paths.schemas.received::<LoopRequest>();
    let record = paths.schemas.sent::<LoopRecord>();
    let take = Operation::new("takeTurn", Tag::Configuration, Access::Role(Role::Viewer), "Let bandits learn from the counts")
        .text("Bandits with `learn` get new posteriors: the prior and all counts of their window. If these are others than before, they are published as a version; a second turn on the same counts publishes nothing.")
        .text("Publishing needs the role approver, a draft the role editor. In an environment that needs approvals nothing is published, and the outcome is `needs_approval`.")
        .body(&[JSON], body, &[("a trial", json!({ "dry_run": true }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "What the turn saw and did", record, &[("published", record_example())])
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
        ]);
    paths.add("post", "/v1/admin/loop", take);

    let history = paths.schemas.sent::<LoopHistory>();
    let number = json!({ "type": "integer", "minimum": 0 });
    let show = Operation::new(
        "showTurns",
        Tag::Configuration,
        Access::Role(Role::Viewer),
        "What bandits learnt, turn by turn",
    )
    .parameter(in_query("environment", "Where; `production` if none is named.", json!({ "type": "string" })))
    .parameter(in_query("limit", "How many; 100 if left out, at most 200.", number))
    .answer(200, "The turns that published something, newest first", history, &[("one", history_example())])
    .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/loop", show);
}

fn record_example() -> Value {
    json!({
        "environment": "production", "at": "2026-12-01T08:07:00Z", "by": "loop", "outcome": "published",
        "version_before": 7, "version_after": 8, "position": { "0": 655, "1": 701 },
        "bandits": [{
            "placement": "home-hero", "model": "bernoulli", "reward": "click", "prior": [1.0, 20.0], "changed": true,
            "from": "2026-09-02T09:00:00Z", "to": "2026-12-01T09:00:00Z",
            "arms": [{ "offer": "tulips", "shown": 300, "rewards": 12, "before": null, "after": [13.0, 308.0] }],
        }],
    })
}

fn history_example() -> Value {
    json!({
        "turns": [record_example()],
        "last": { "at": "2026-12-01T08:07:00Z", "at_ms": 1_796_112_420_000_i64, "version": 8 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_record() {
        let record: LoopRecord = serde_json::from_value(record_example()).unwrap();
        assert_eq!(serde_json::to_value(record).unwrap(), record_example());
    }
}
