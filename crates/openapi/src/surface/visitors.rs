//! What visitors may ask about their own data, and what operators do for them; and the storefront's tag.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use vitrine_api::{
    DECISION_TOKEN_CHARS_MAX, DecisionWords, EraseVisitors, PREFERENCES_BYTES_MAX, Preferences, PreferencesAnswer,
    ProblemCode, Role, TEXT_BYTES_MAX,
};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, LINES, Operation, TEXT, Tag, in_header, in_path, in_query, required};

/// What is known of a visitor.
#[derive(Serialize, JsonSchema)]
struct Tags {
    /// The visitor was erased: nothing of it is used any more.
    erased: bool,
    /// RFC 3339 time that the data stand for; null when there is none.
    as_of: Option<String>,
    /// What the profile says, without what is sensitive.
    tags: Vec<vitrine_api::Tag>,
}

/// Proof of an erasure.
#[derive(Serialize, JsonSchema)]
struct Receipt {
    /// Its number: `e1`, `e2`, …
    receipt: String,
    /// RFC 3339 time.
    at: String,
    /// How many visitors the call named.
    visitors: u64,
    /// How much the ledger knew of what they met, and has forgotten.
    forgotten: u64,
    /// When the last isolate in the world has heard of it. Unit: seconds.
    effective_within_s: u64,
}

/// Who was erased.
#[derive(Serialize, JsonSchema)]
struct ErasedVisitors {
    /// By row key.
    visitors: Vec<Erased>,
}

/// A visitor who was erased.
#[derive(Serialize, JsonSchema)]
struct Erased {
    /// The row key: 16 lower-case hexadecimal digits. `vitrine profiles build --tombstones` takes a file of these.
    row_key: String,
    /// RFC 3339 time.
    at: String,
    /// The receipt.
    receipt: String,
}

/// What every store holds of a visitor.
#[derive(Serialize, JsonSchema)]
struct ErasureState {
    /// The erasure; null when there was none.
    erased: Option<Erased>,
    /// The list that the edge reads names the visitor: no row is used.
    honoured: bool,
    /// The running table and the one before.
    tables: Vec<TableRow>,
    /// How much the ledger knows of what the visitor met.
    measured: u64,
}

/// A table and a visitor.
#[derive(Serialize, JsonSchema)]
struct TableRow {
    /// The build.
    build: String,
    /// Whether it still holds a row of the visitor.
    has_row: bool,
}

/// How many erasures were forgotten.
#[derive(Serialize, JsonSchema)]
struct ForgottenErasures {
    /// Visitors.
    forgotten: u64,
}

/// Whether Global Privacy Control is obeyed.
#[derive(Serialize, JsonSchema)]
struct GpcSupport {
    /// False when the configuration says `gpc: ignore`.
    gpc: bool,
    /// Day of the last change; left out before the first publication.
    #[serde(rename = "lastUpdate", skip_serializing_if = "Option::is_none")]
    last_update: Option<String>,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    own_data(paths);
    mails(paths);
    operators(paths);
    let tag = Operation::new("storefrontTag", Tag::Storefront, Access::Open, "The storefront's tag")
        .text("A script of at most 3 KiB that fills the slots of a page; see docs/guides/storefront.md.")
        .answer_of(200, "The script", "text/javascript", json!({ "type": "string" }), &[])
        .header(200, "Cache-Control")
        .header(200, "ETag")
        .empty_answer(304, "It is as `If-None-Match` says")
        .header(304, "ETag");
    paths.add("get", "/vitrine.js", tag);
}

fn own_data(paths: &mut Paths) {
    let body = paths.schemas.received::<Preferences>();
    let preferences = Operation::new("setPreferences", Tag::Storefront, Access::Open, "Object to personalisation, or take it back")
        .text("The answer sets a first-party cookie, which holds from the next request on. Callers that relay answers take it from `set`.")
        .body(&[JSON, TEXT], body, &[("objection", json!({ "personalise": false }))])
        .body_bytes_max(PREFERENCES_BYTES_MAX)
        .answer(200, "What is kept, and what is forgotten", paths.schemas.sent::<PreferencesAnswer>(), &[])
        .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidRequest]);
    paths.add("post", "/v1/me/preferences", preferences);

    let visitor = || {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": TEXT_BYTES_MAX });
        required(in_header("Vitrine-Visitor", "The visitor's pseudonymous key.", schema))
    };
    let refusals = [ProblemCode::Unauthorized, ProblemCode::InvalidRequest, ProblemCode::TooManyRequests];
    let tags = Operation::new("showTags", Tag::Storefront, Access::ServerKey, "What is known of a visitor")
        .text("For the shop's server, which knows who is logged in. Sensitive columns are hidden.")
        .parameter(visitor())
        .answer(200, "The tags", paths.schemas.sent::<Tags>(), &[("a customer", tags_example())])
        .refusals(&refusals);
    paths.add("get", "/v1/me/tags", tags);

    let erase = Operation::new("eraseTags", Tag::Storefront, Access::ServerKey, "Erase what is known of a visitor")
        .text("The row is not used any more, and the next build leaves the visitor out.")
        .parameter(visitor())
        .answer(200, "The receipt", paths.schemas.sent::<Receipt>(), &[])
        .refusals(&refusals)
        .refusals(&[ProblemCode::Conflict]);
    paths.add("delete", "/v1/me/tags", erase);

    let token = json!({ "type": "string", "minLength": 1, "maxLength": DECISION_TOKEN_CHARS_MAX });
    let explain =
        Operation::new("explainDecision", Tag::Storefront, Access::Open, "The reasons of a decision, in words")
            .text("For whoever holds the decision's token, for 30 days. In English and Chinese.")
            .parameter(required(in_query("token", "The token of an offer.", token)))
            .answer(200, "The reasons", paths.schemas.sent::<DecisionWords>(), &[])
            .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound, ProblemCode::TooManyRequests]);
    paths.add("get", "/v1/explain", explain);

    let gpc = Operation::new("gpcSupport", Tag::Storefront, Access::Open, "Whether Global Privacy Control is obeyed")
        .answer(
            200,
            "As the W3C describes it",
            paths.schemas.sent::<GpcSupport>(),
            &[("obeyed", json!({ "gpc": true, "lastUpdate": "2026-11-01" }))],
        )
        .header(200, "Cache-Control")
        .refusals(&[ProblemCode::TooManyRequests]);
    paths.add("get", "/.well-known/gpc.json", gpc);
}

/// Greatest body of a batch, as `js/batch.js` has it. Unit: bytes.
const BATCH_BYTES_MAX: usize = 8 << 20;

fn mails(paths: &mut Paths) {
    let lines = json!({ "type": "string", "description": "A body of `POST /v1/decide` a line; at most 1,000." });
    let answers = json!({ "type": "string", "description": "An answer of `POST /v1/decide`, or a refusal, a line; in the same order." });
    let batch = Operation::new("decideBatch", Tag::Storefront, Access::ServerKey, "Fill placements for many visitors")
        .text("For mail senders. Answers are written while requests are still being read.")
        .body(&[LINES], lines, &[])
        .body_bytes_max(BATCH_BYTES_MAX)
        .answer_of(200, "The answers", LINES, answers, &[])
        .header(200, "Cache-Control")
        .refusals(&[ProblemCode::Unauthorized, ProblemCode::TooManyRequests]);
    paths.add("post", "/v1/decide/batch", batch);

    let placement = json!({ "type": "string", "minLength": 1, "maxLength": TEXT_BYTES_MAX });
    let banner = Operation::new("banner", Tag::Storefront, Access::Open, "The picture of the offer that is decided now")
        .text("For mails and pages without scripts. Takes the parameters of `GET /v1/offers/{placement}` but consent; `channel` is `email` unless it says otherwise. Always contextual.")
        .parameter(in_path("placement", "Id of the placement.", placement))
        .empty_answer(302, "Where the picture is")
        .header(302, "Location")
        .empty_answer(204, "The offer has no picture")
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::UnknownPlacement, ProblemCode::Unauthorized, ProblemCode::TooManyRequests]);
    paths.add("get", "/v1/banner/{placement}", banner);

    let token = json!({ "type": "string", "minLength": 1, "maxLength": DECISION_TOKEN_CHARS_MAX });
    let click =
        Operation::new("click", Tag::Storefront, Access::Open, "Count a click, and lead to what the offer is about")
            .text("Leads only to the shop's own host and to those of `settings.link_hosts`.")
            .parameter(in_path("token", "The token of an offer.", token))
            .empty_answer(302, "Where the offer leads")
            .header(302, "Location")
            .refusals(&[ProblemCode::NotFound, ProblemCode::Forbidden, ProblemCode::TooManyRequests]);
    paths.add("get", "/c/{token}", click);
}

fn operators(paths: &mut Paths) {
    let admin = |id, role, summary| Operation::new(id, Tag::Tables, Access::Role(role), summary);
    let list = admin("listErasures", Role::Viewer, "Who was erased")
        .text("For the next build: it must leave these visitors out.")
        .answer(200, "The visitors", paths.schemas.sent::<ErasedVisitors>(), &[])
        .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/visitors", list);

    let body = paths.schemas.received::<EraseVisitors>();
    let erase = admin("eraseVisitors", Role::Approver, "Erase visitors")
        .body(&[JSON], body, &[("one", json!({ "visitors": ["00e1c6a2b7d05f39"] }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "The receipt", paths.schemas.sent::<Receipt>(), &[])
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::Conflict,
            ProblemCode::Unavailable,
        ]);
    paths.add("post", "/v1/admin/visitors", erase);

    let time = json!({ "type": "string", "format": "date-time" });
    let forget = admin("forgetErasures", Role::Admin, "Forget who was erased before a time")
        .text("Once no table that may run holds these visitors.")
        .parameter(required(in_query("before", "RFC 3339 time.", time)))
        .answer(200, "How many", paths.schemas.sent::<ForgottenErasures>(), &[])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::Conflict]);
    paths.add("delete", "/v1/admin/visitors", forget);

    let visitor = || {
        in_path(
            "visitor",
            "Row key of the visitor: 16 lower-case hexadecimal digits.",
            json!({ "type": "string", "minLength": 1 }),
        )
    };
    let verify = admin("verifyErasure", Role::Viewer, "What every store holds of a visitor")
        .parameter(visitor())
        .answer(200, "What was found", paths.schemas.sent::<ErasureState>(), &[])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::InvalidTable, ProblemCode::Unavailable]);
    paths.add("get", "/v1/admin/visitors/{visitor}", verify);

    let erase = admin("eraseVisitor", Role::Approver, "Erase a visitor")
        .parameter(visitor())
        .answer(200, "The receipt", paths.schemas.sent::<Receipt>(), &[])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::Conflict, ProblemCode::Unavailable]);
    paths.add("delete", "/v1/admin/visitors/{visitor}", erase);
}

fn tags_example() -> Value {
    json!({
        "erased": false,
        "as_of": "2026-11-30T00:00:00Z",
        "tags": [{ "name": "segment", "value": "loyal" }, { "name": "orders", "value": 7.0 }, { "name": "top_categories", "value": ["tea"] }],
    })
}
