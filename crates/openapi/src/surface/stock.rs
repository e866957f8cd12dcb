//! What is sold out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vitrine_api::{ProblemCode, Role, SOLD_OUT_MAX, STOCK_ITEM_BYTES_MAX};

use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag};

/// Greatest body. Unit: bytes.
const BODY_BYTES_MAX: usize = 8 << 20;

/// Items of which there is nothing left.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StockList {
    /// Ids, as offers name their `items`. The list takes the place of the one before, whole.
    #[schemars(length(max = SOLD_OUT_MAX), inner(length(min = 1, max = STOCK_ITEM_BYTES_MAX)))]
    sold_out: Vec<String>,
}

/// What was published.
#[derive(Serialize, JsonSchema)]
struct StockPublished {
    /// RFC 3339 time of it.
    #[schemars(extend("format" = "date-time"))]
    published_at: String,
    /// How many items are sold out.
    sold_out: usize,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let list = paths.schemas.received::<StockList>();
    let published = paths.schemas.sent::<StockPublished>();
    let put = Operation::new("publishStock", Tag::Tables, Access::Role(Role::Approver), "Tell which items are sold out")
        .text("Offers that name only such items are left out, in every environment, within some 40 s, until they are in stock again or nobody has told for a day. It is no change of the configuration and not in its log.")
        .body(&[JSON], list, &[("two items", json!({ "sold_out": ["22423", "85123A"] }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "Published", published, &[("two items", json!({ "published_at": "2026-12-01T08:00:00Z", "sold_out": 2 }))])
        .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidRequest, ProblemCode::Unavailable]);
    paths.add("put", "/v1/admin/stock", put);
}
