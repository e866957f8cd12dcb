//! Decisions: `POST /v1/decide`, and the simple call for one placement.

use serde_json::{Value, json};
use vitrine_api::{
    Answer, BODY_BYTES_MAX, COUNT_MAX, DecideRequest, ITEMS_MAX, ProblemCode, TEXT_BYTES_MAX, URL_BYTES_MAX,
};

use super::previews::previewed;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, TEXT, Tag, in_header, in_path, in_query};

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let request = paths.schemas.received::<DecideRequest>();
    let answer = paths.schemas.sent::<Answer>();
    let decide = Operation::new("decide", Tag::Storefront, Access::OpenOrAdmin, "Fill placements for a visitor")
        .text("Whatever media type the body has, it is read as JSON: pages can send `text/plain` without a preflight.")
        .text("`options.explain` and `options.at` need the administrator's token.")
        .parameter(gpc())
        .body(&[JSON, TEXT], request, &[("visitor", request_example())])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "The answer, in whatever mode", answer.clone(), &[("ranked", answer_example())])
        .header(200, "Server-Timing")
        .header(200, "Cache-Control")
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::Unauthorized,
            ProblemCode::TooManyRequests,
        ]);
    paths.add("post", "/v1/decide", previewed(decide));

    let text = |bytes_max: usize| json!({ "type": "string", "minLength": 1, "maxLength": bytes_max });
    let offers =
        Operation::new("offers", Tag::Storefront, Access::Open, "Fill one placement, for callers that cannot send a body")
            .text("The same answer as `POST /v1/decide` gives for this placement. Parameters that are not named here are refused.")
            .parameter(in_path("placement", "Id of the placement.", text(TEXT_BYTES_MAX)))
            .parameter(in_header(
                "Vitrine-Visitor",
                "The visitor's pseudonymous key. Never a parameter: addresses end up in logs and histories.",
                text(TEXT_BYTES_MAX),
            ))
            .parameter(gpc())
            .parameter(in_query("personalise", "Consent to personalisation.", json!({ "type": "boolean" })))
            .parameter(in_query(
                "count",
                "Most offers wanted.",
                json!({ "type": "integer", "minimum": 1, "maximum": COUNT_MAX }),
            ))
            .parameter(in_query(
                "item",
                "Items of the session, the most recent first; repeat the parameter.",
                json!({ "type": "array", "maxItems": ITEMS_MAX, "items": text(TEXT_BYTES_MAX) }),
            ))
            .parameter(in_query("url", "Address of the page.", text(URL_BYTES_MAX)))
            .parameter(in_query("page_type", "Kind of the page, such as `home`.", text(TEXT_BYTES_MAX)))
            .parameter(in_query("locale", "BCP 47 tag; chooses creatives.", text(TEXT_BYTES_MAX)))
            .parameter(in_query("tz", "Name of the visitor's time zone.", text(TEXT_BYTES_MAX)))
            .parameter(in_query("device", "Class of device.", text(TEXT_BYTES_MAX)))
            .parameter(in_query("channel", "Such as `web`; chooses creatives.", text(TEXT_BYTES_MAX)))
            .parameter(in_query("country", "ISO 3166 code. Default: what the edge sees.", text(TEXT_BYTES_MAX)))
            .answer(200, "The answer, in whatever mode", answer, &[("ranked", answer_example())])
            .header(200, "Server-Timing")
            .header(200, "Cache-Control")
            .refusals(&[
            ProblemCode::InvalidRequest,
            ProblemCode::UnknownPlacement,
            ProblemCode::Unauthorized,
            ProblemCode::TooManyRequests,
        ]);
    paths.add("get", "/v1/offers/{placement}", previewed(offers));
}

fn gpc() -> Value {
    let description = "Global Privacy Control: with `1`, the answer is contextual. Browsers set it.";
    in_header("Sec-GPC", description, json!({ "type": "string", "examples": ["1"] }))
}

fn request_example() -> Value {
    json!({
        "visitor": { "key": "c-20417" },
        "consent": { "personalise": true },
        "context": {
            "url": "https://shop.example/garden",
            "page_type": "category",
            "locale": "en-GB",
            "items": ["lantern-12"],
            "attributes": { "basket_total": 42.5 },
        },
        "placements": [{ "id": "home-hero" }, { "id": "sidebar", "count": 2 }],
        "options": { "dedupe": "page" },
    })
}

fn answer_example() -> Value {
    json!({
        "bundle": 12,
        "table": "5f0c1e9a77b2d340",
        "mode": "personalised",
        "mode_reason": "ok",
        "dry_run": false,
        "decisions": [
            {
                "placement": "home-hero",
                "reason": "ranked",
                "items": [{
                    "offer": "lantern-week",
                    "score": 3.25,
                    "content": { "title": "Lanterns for long evenings" },
                    "valid_until": "2026-12-08T00:00:00.000Z",
                }],
                "fallback": null,
            },
            {
                "placement": "sidebar",
                "reason": "nothing_eligible",
                "items": [],
                "fallback": { "offer": "newsletter", "content": { "title": "News once a month" } },
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_request() {
        let request = DecideRequest::parse(request_example().to_string().as_bytes()).unwrap();
        assert_eq!((request.placements.len(), request.visitor_key.as_deref()), (2, Some("c-20417")));
    }
}
