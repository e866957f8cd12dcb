//! The endpoints of GrowthBook SDKs. Payloads and answers are written by `vitrine-flags`; described here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use vitrine_api::{ProblemCode, REMOTE_EVAL_BYTES_MAX};

use crate::document::Paths;
use crate::operation::{Access, EVENTS, JSON, Operation, TEXT, Tag, in_header, in_path};

/// The payload of GrowthBook's SDK specification 0.12.0, as it holds now: schedules and ramps are worked out, flags that are
/// switched off are left out.
#[derive(Serialize, Deserialize, JsonSchema)]
struct SdkPayload {
    /// Always 200; some SDKs look for it.
    status: u16,
    /// RFC 3339 time of the publication; empty before the first.
    #[serde(rename = "dateUpdated")]
    date_updated: String,
    /// Definitions by key.
    features: BTreeMap<String, SdkFeature>,
    /// What else the published payload holds: `experiments`, `savedGroups`.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The definition of a feature.
#[derive(Serialize, Deserialize, JsonSchema)]
struct SdkFeature {
    /// The value if no rule gives another.
    #[serde(rename = "defaultValue", default, skip_serializing_if = "Option::is_none")]
    default_value: Option<Value>,
    /// Rules, tried in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<Map<String, Value>>>,
    /// What else the definition holds.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A visitor for whom all features are to be evaluated. Members that are not named here are ignored.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read by `RemoteEval::parse`; described here")]
struct RemoteEvaluationRequest {
    /// The visitor's attributes.
    attributes: Option<Map<String, Value>>,
    /// Indices of variations chosen by hand, by experiment.
    forced_variations: Option<BTreeMap<String, Index>>,
    /// Values chosen by hand: pairs of key and value.
    forced_features: Option<Vec<(String, Value)>>,
    /// Address of the page.
    url: Option<String>,
}

/// The index of a variation.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline, extend("exclusiveMinimum" = -1_000_000_000, "exclusiveMaximum" = 1_000_000_000))]
struct Index(#[expect(dead_code, reason = "read by `RemoteEval::parse`; described here")] i32);

/// The visitor's values, as a payload whose rules are decided already.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemoteEvaluation {
    /// Always 200.
    status: u16,
    /// RFC 3339 time of the publication; empty before the first.
    #[serde(rename = "dateUpdated")]
    date_updated: String,
    /// By key: `defaultValue`, or one rule with the value (`force`) and what the SDK must track (`tracks`).
    features: BTreeMap<String, EvaluatedFeature>,
    /// Always empty.
    experiments: Vec<Value>,
}

/// A feature whose rules are decided. Without either member there is no value.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EvaluatedFeature {
    /// The value, where there is nothing to track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_value: Option<Value>,
    /// One rule with the value, where there is something to track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1))]
    rules: Option<Vec<EvaluatedRule>>,
}

/// The rule that gives the value.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EvaluatedRule {
    /// The value.
    force: Value,
    /// What the SDK hands to the tracking callback when the feature is used.
    tracks: Vec<Track>,
}

/// An assignment by hash.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Track {
    /// The experiment as GrowthBook describes it: `key`, `variations`, `weights`, …
    experiment: Map<String, Value>,
    /// What it decided.
    result: TrackResult,
}

/// What an experiment decided, as GrowthBook describes it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TrackResult {
    /// The variation's key.
    key: String,
    /// Index of the variation.
    variation_id: u32,
    /// The token by which the page reports that the visitor met the variation (`POST /v1/exposures`). Absent where the secret
    /// `TOKEN_KEY` is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposure_token: Option<String>,
    /// `inExperiment`, `hashUsed`, `hashAttribute`, `hashValue`, `value`, `bucket` and so on.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let payload = paths.schemas.sent::<SdkPayload>();
    let request = paths.schemas.received::<RemoteEvaluationRequest>();
    let evaluation = paths.schemas.sent::<RemoteEvaluation>();
    let refusals = [ProblemCode::Unauthorized, ProblemCode::Forbidden, ProblemCode::TooManyRequests];

    let features =
        Operation::new("sdkPayload", Tag::GrowthBook, Access::InAddress, "The payload, for SDKs that evaluate")
            .parameter(client_key())
            .parameter(in_header(
                "If-None-Match",
                "The tag of the answer that the caller holds.",
                json!({ "type": "string" }),
            ))
            .answer(200, "The payload", payload, &[("two features", payload_example())])
            .header(200, "ETag")
            .header(200, "Cache-Control")
            .header(200, "X-SSE-Support")
            .empty_answer(304, "The caller holds it")
            .header(304, "ETag")
            .header(304, "Cache-Control")
            .refusals(&refusals);
    paths.add("get", "/api/features/{clientKey}", features);

    let eval =
        Operation::new("remoteEvaluation", Tag::GrowthBook, Access::InAddress, "A visitor's values, for SDKs that ask")
            .text("No condition, group or other visitor's value leaves the edge.")
            .parameter(client_key())
            .body(&[JSON, TEXT], request, &[("visitor", request_example())])
            .body_bytes_max(REMOTE_EVAL_BYTES_MAX)
            .answer(200, "The values", evaluation, &[("two features", evaluation_example())])
            .header(200, "Cache-Control")
            .refusals(&refusals)
            .refusals(&[ProblemCode::MalformedJson, ProblemCode::InvalidRequest]);
    paths.add("post", "/api/eval/{clientKey}", eval);

    let sub = Operation::new("sdkStream", Tag::GrowthBook, Access::InAddress, "Listen for new payloads")
        .text(
            "Server-sent events: `event: features` with the payload as data, at once and after every change, also one by \
             schedule. A comment comes every 25 seconds; a stream ends after 15 minutes, and SDKs open another.",
        )
        .parameter(client_key())
        .answer_of(200, "The stream", EVENTS, json!({ "type": "string" }), &[("payload", stream_example())])
        .header(200, "Cache-Control")
        .refusals(&refusals);
    paths.add("get", "/sub/{clientKey}", sub);
}

fn client_key() -> Value {
    let description = "Client key of the environment, `vtc_<environment>_…`; any word where production has no keys. Server keys are \
                       refused: addresses are no secrets.";
    in_path("clientKey", description, json!({ "type": "string", "minLength": 1 }))
}

fn payload_example() -> Value {
    json!({
        "status": 200,
        "dateUpdated": "2026-12-01T08:00:00.000Z",
        "features": {
            "dark-mode": { "defaultValue": false, "rules": [{ "id": "de", "condition": { "country": "DE" }, "force": true }] },
            "checkout-cta": {
                "defaultValue": "buy",
                "rules": [{
                    "key": "checkout-cta", "variations": ["buy", "buy now"], "weights": [0.5, 0.5], "coverage": 1.0,
                    "hashAttribute": "id", "hashVersion": 2, "seed": "checkout-cta",
                }],
            },
        },
    })
}

fn request_example() -> Value {
    json!({
        "attributes": { "id": "c-20417", "country": "DE" },
        "forcedVariations": {},
        "forcedFeatures": [["dark-mode", true]],
        "url": "https://shop.example/basket",
    })
}

fn evaluation_example() -> Value {
    json!({
        "status": 200,
        "dateUpdated": "2026-12-01T08:00:00.000Z",
        "features": {
            "dark-mode": { "defaultValue": true },
            "checkout-cta": {
                "rules": [{
                    "force": "buy now",
                    "tracks": [{
                        "experiment": { "key": "checkout-cta", "variations": ["buy", "buy now"], "hashVersion": 2 },
                        "result": {
                            "key": "now", "featureId": "checkout-cta", "inExperiment": true, "hashUsed": true, "variationId": 1,
                            "value": "buy now", "hashAttribute": "id", "hashValue": "c-20417", "stickyBucketUsed": false,
                            "bucket": 0.6131,
                            "exposureToken": "AQGAm_ppDAAAAHcLq0vJd5hEAQpwcm9kdWN0aW9uDGNoZWNrb3V0LWN0YYxQ3kqJ0n7Yk1vH2m8sZbE",
                        },
                    }],
                }],
            },
        },
        "experiments": [],
    })
}

fn stream_example() -> Value {
    ": open\n\nevent: features\ndata: {\"features\":{\"dark-mode\":{\"defaultValue\":false}}}\n\n".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_api::{BundlePointer, RemoteEval, sdk_payload};

    #[test]
    fn the_example_is_a_request() {
        serde_json::from_value::<RemoteEvaluationRequest>(request_example()).unwrap();
        let parsed = RemoteEval::parse(request_example().to_string().as_bytes()).unwrap();
        assert_eq!((parsed.attributes.len(), parsed.forced_features.len()), (2, 1));
    }

    #[test]
    fn what_is_refused_is_described_as_wrong() {
        for wrong in [
            json!({ "attributes": [] }),
            json!({ "forcedVariations": { "a": "1" } }),
            json!({ "forcedVariations": { "a": 0.5 } }),
            json!({ "forcedFeatures": {} }),
            json!({ "forcedFeatures": [["a"]] }),
            json!({ "url": 1 }),
        ] {
            assert!(RemoteEval::parse(wrong.to_string().as_bytes()).is_err(), "{wrong}");
            assert!(serde_json::from_value::<RemoteEvaluationRequest>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn payloads_are_as_described() {
        let now = vitrine_engine::TimestampMs(0);
        let empty = sdk_payload(None, &BundlePointer::default(), now);
        serde_json::from_str::<SdkPayload>(&empty.json).unwrap();
        serde_json::from_value::<SdkPayload>(payload_example()).unwrap();
        serde_json::from_value::<RemoteEvaluation>(evaluation_example()).unwrap();
    }
}
