//! OFREP 0.3.0: evaluations of one flag and of all, and the stream of changes. Written by hand in `vitrine-api`, where speed
//! counts; described here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vitrine_api::{BODY_BYTES_MAX, ProblemCode, Reason};
use vitrine_engine::ModeReason;

use super::previews::previewed;
use crate::document::Paths;
use crate::operation::{Access, EVENTS, JSON, Operation, TEXT, Tag, in_header, in_path, in_query};

/// A question for the value of one flag, or of all. Members that are not named here are ignored.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by `FlagContext::parse`; described here")]
struct EvaluationRequest {
    /// What is known of the visitor. Clients that know nothing leave it out, or send null.
    context: Option<EvaluationContext>,
}

/// What is known of the visitor. Conditions see every member as an attribute.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by `FlagContext::parse`; described here")]
struct EvaluationContext {
    /// The visitor's pseudonymous key. Stands for the attribute `id` too, unless there is one.
    #[serde(rename = "targetingKey")]
    targeting_key: Option<String>,
    /// Consent to personalisation is `{"personalise": true}`: only then the profile is looked up, unless the published
    /// configuration assumes consent.
    consent: Option<Value>,
    /// Earlier assignments, as GrowthBook's SDKs write them: documents by any name, or a list of them. Believed with a server
    /// key only, and ignored otherwise.
    #[serde(rename = "stickyBucketAssignmentDocs")]
    sticky_bucket_assignment_docs: Option<Value>,
    /// Anything else. `profile` is reserved: the edge alone sets it.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The value of a flag.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FlagEvaluation {
    /// The flag.
    key: String,
    /// Why it has this value.
    #[schemars(extend("enum" = Reason::ALL.map(Reason::as_str)))]
    reason: String,
    /// Which of its values: the variation of an experiment, the id of a rule, `default`, or `none` for no value.
    variant: String,
    /// The value, never null. Without it (reason `DISABLED`) callers use their own default. A whole number is written `1.0`
    /// for a flag of type `number`, and `1` for one of type `integer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "flag_value")]
    value: Option<Value>,
    /// Where the value comes from.
    metadata: FlagMetadata,
}

fn flag_value(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["boolean", "string", "number", "object", "array"] })
}

/// Where a value comes from. Flat, since clients pass on nothing else.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FlagMetadata {
    /// Version of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config_version: Option<u64>,
    /// The rule that gave the value, if it has an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_id: Option<String>,
    /// The value was chosen by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#override: Option<bool>,
    /// Tracking key of the experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    experiment_key: Option<String>,
    /// Index of the variation, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variation_id: Option<u64>,
    /// Id of the variation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variation_key: Option<String>,
    /// Whether the visitor is part of the experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_experiment: Option<bool>,
    /// The attribute that the visitor was assigned by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash_attribute: Option<String>,
    /// Where the visitor's hash lies. Range: 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bucket: Option<f64>,
    /// Leaf of the contextual bandit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf_id: Option<i64>,
    /// Chance with which the bandit chose the variation. Range: 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    propensity: Option<f64>,
    /// Under which name of `assignments` the variation is to be kept. Only where the caller sends earlier assignments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sticky_id: Option<String>,
    /// Whether an earlier assignment decided. Only where the caller sends earlier assignments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sticky_bucket_used: Option<bool>,
    /// To be sent to `POST /v1/exposures` when the visitor meets the variation. Good for 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposure_token: Option<String>,
    /// Nothing that is published can be read now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unavailable: Option<bool>,
}

/// Why there is no evaluation.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EvaluationFailure {
    /// The flag, if the call is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// OpenFeature's code.
    error_code: ErrorCode,
    /// What is wrong, in words.
    error_details: String,
}

/// OpenFeature's error codes, those that are used.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
enum ErrorCode {
    ParseError,
    TargetingKeyMissing,
    InvalidContext,
    FlagNotFound,
    General,
}

/// The values of all flags.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BulkEvaluation {
    /// Each flag once.
    flags: Vec<FlagOutcome>,
    /// What answered.
    metadata: BulkMetadata,
    /// Where to listen for changes. Absent in a deployment that signs no tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_streams: Option<Vec<EventStream>>,
}

/// A flag's value, or why it has none.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum FlagOutcome {
    Value(Box<FlagEvaluation>),
    Failure(EvaluationFailure),
}

/// What answered.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BulkMetadata {
    /// The environment of the key.
    environment: String,
    /// Version of the configuration; absent before the first publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config_version: Option<u64>,
    /// When it was published. Unit: seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<i64>,
    /// Whether the profile was used, as `mode_reason` of a decision says it; absent when no flag asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ModeReason::ALL.map(ModeReason::as_str)))]
    profile: Option<String>,
}

/// A stream of changes.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventStream {
    /// Always `sse`: server-sent events.
    r#type: String,
    /// The address with a signed token in it: to be treated as a secret. Good for one to two hours.
    #[schemars(extend("format" = "uri"))]
    url: String,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let request = paths.schemas.received::<EvaluationRequest>();
    let failure = paths.schemas.sent::<EvaluationFailure>();
    let flag = paths.schemas.sent::<FlagEvaluation>();
    let all = paths.schemas.sent::<BulkEvaluation>();

    let one = Operation::new("evaluateFlag", Tag::Flags, Access::SdkKey, "Evaluate one flag")
        .text("For servers, which ask anew for each visitor. An evaluation is no exposure: report that with the token.")
        .parameter(in_path(
            "key",
            "Key of the flag, percent-encoded or not.",
            json!({ "type": "string", "minLength": 1 }),
        ))
        .parameter(gpc())
        .body(&[JSON, TEXT], request.clone(), &[("visitor", request_example()), ("nobody", json!({}))])
        .answer(200, "The value of the flag", flag, &[("experiment", flag_example()), ("disabled", disabled_example())])
        .answer(404, "There is no such flag", failure.clone(), &[("unknown", failure_example())]);
    paths.add("post", "/ofrep/v1/evaluate/flags/{key}", previewed(refused(one, &failure)));

    let bulk = Operation::new("evaluateFlagsBulk", Tag::Flags, Access::SdkKey, "Evaluate all flags")
        .text("For pages and apps, which ask once for their visitor and again after a change.")
        .text("The tag covers everything that depends on visitor and configuration, and is replaced every hour with the tokens.")
        .parameter(in_header(
            "If-None-Match",
            "The tag of the answer that the caller holds.",
            json!({ "type": "string" }),
        ))
        .parameter(in_query(
            "flagConfigEtag",
            "The tag of the notification that made the caller ask: the answer is then at least as new.",
            json!({ "type": "string" }),
        ))
        .parameter(in_query(
            "flagConfigLastModified",
            "The time of that notification: seconds since 1970, or RFC 3339. Followed as far as KV goes; anything else is ignored.",
            json!({ "type": ["integer", "string"] }),
        ))
        .parameter(gpc())
        .body(&[JSON, TEXT], request, &[("visitor", request_example()), ("nobody", json!({}))])
        .answer(200, "The values of all flags", all, &[("two flags", bulk_example())])
        .header(200, "ETag")
        .header(200, "Cache-Control")
        .empty_answer(304, "Nothing has changed for this visitor")
        .header(304, "ETag");
    paths.add("post", "/ofrep/v1/evaluate/flags", previewed(refused(bulk, &failure)));

    let stream = Operation::new("stream", Tag::Flags, Access::InAddress, "Listen for changes of flags")
        .text(
            "Server-sent events, of notification only: `event: message` whose data are \
             `{\"type\": \"refetchEvaluation\", \"etag\": …, \"lastModified\": …}`. Clients then ask again with these as \
             `flagConfigEtag` and `flagConfigLastModified`. A comment comes every 25 seconds; a stream ends after 15 minutes, and \
             clients open another.",
        )
        .parameter(crate::operation::required(in_query(
            "token",
            "The signed token of `eventStreams[].url`.",
            json!({ "type": "string", "minLength": 1 }),
        )))
        .answer_of(200, "The stream", EVENTS, json!({ "type": "string" }), &[("notification", stream_example())])
        .header(200, "Cache-Control")
        .refusals(&[ProblemCode::Unauthorized, ProblemCode::TooManyRequests]);
    paths.add("get", "/v1/stream", stream);
}

/// The refusals of both evaluations, in OFREP's form.
fn refused(operation: Operation, failure: &Value) -> Operation {
    operation
        .body_bytes_max_of(BODY_BYTES_MAX)
        .answer(400, "Not JSON, no context, or a context that cannot be used", failure.clone(), &[])
        .answer(401, "The environment has keys, and the call carries none of them", failure.clone(), &[])
        .header(401, "WWW-Authenticate")
        .answer(403, "A page sends a server key", failure.clone(), &[])
        .answer(413, "The body is too large", failure.clone(), &[])
        .answer(429, "The edge cannot answer now as it should", failure.clone(), &[])
        .header(429, "Retry-After")
}

fn gpc() -> Value {
    let description = "Global Privacy Control: with `1`, flags see no profile. Browsers set it.";
    in_header("Sec-GPC", description, json!({ "type": "string", "examples": ["1"] }))
}

fn request_example() -> Value {
    json!({
        "context": {
            "targetingKey": "c-20417", "consent": { "personalise": true }, "country": "DE", "url": "https://shop.example/basket",
        },
    })
}

fn flag_example() -> Value {
    json!({
        "key": "checkout-cta",
        "reason": "SPLIT",
        "variant": "now",
        "value": "buy now",
        "metadata": {
            "configVersion": 12, "experimentKey": "checkout-cta", "variationId": 1, "variationKey": "now",
            "inExperiment": true, "hashAttribute": "id", "bucket": 0.6131,
            "exposureToken": "AQGAm_ppDAAAAHcLq0vJd5hEAQpwcm9kdWN0aW9uDGNoZWNrb3V0LWN0YYxQ3kqJ0n7Yk1vH2m8sZbE",
        },
    })
}

fn disabled_example() -> Value {
    json!({ "key": "new-search", "reason": "DISABLED", "variant": "none", "metadata": { "configVersion": 12 } })
}

fn failure_example() -> Value {
    json!({ "key": "chekout-cta", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "there is no flag \"chekout-cta\"" })
}

fn bulk_example() -> Value {
    json!({
        "flags": [flag_example(), disabled_example()],
        "metadata": { "environment": "production", "configVersion": 12, "lastModified": 1_796_112_000, "profile": "ok" },
        "eventStreams": [{ "type": "sse", "url": "https://vitrine.example/v1/stream?token=cHJvZHVjdGlvbg" }],
    })
}

fn stream_example() -> Value {
    let data =
        json!({ "type": "refetchEvaluation", "etag": "v12.31.q8Zk3nZ0bYcF0XkJm0eQ2A", "lastModified": 1_796_112_000 });
    format!(": open\n\nevent: message\nid: 31\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_api::{FlagContext, FlagContextError, OfrepRefusal, ofrep_flag_unavailable};

    #[test]
    fn requests_are_what_the_parser_takes() {
        for (example, has_key) in [(request_example(), true), (json!({}), false), (json!({ "context": null }), false)] {
            serde_json::from_value::<EvaluationRequest>(example.clone()).unwrap();
            let parsed = FlagContext::parse(example.to_string().as_bytes()).unwrap();
            assert_eq!(parsed.has_targeting_key(), has_key, "{example}");
        }
        for wrong in [json!([]), json!({ "context": [] }), json!({ "context": { "targetingKey": 1 } })] {
            assert!(serde_json::from_value::<EvaluationRequest>(wrong.clone()).is_err() || wrong.is_array(), "{wrong}");
            assert!(FlagContext::parse(wrong.to_string().as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn refusals_are_as_described() {
        let refusals = [
            OfrepRefusal::Context(FlagContextError::BodyNotAnObject),
            OfrepRefusal::Context(FlagContextError::ContextNotAnObject),
            OfrepRefusal::TargetingKeyMissing,
            OfrepRefusal::FlagNotFound,
            OfrepRefusal::Cyclic,
            OfrepRefusal::TooLarge { bytes_max: BODY_BYTES_MAX },
            OfrepRefusal::Unauthorized("no".to_owned()),
            OfrepRefusal::Forbidden("not here"),
            OfrepRefusal::TryAgain { after_s: 1, detail: "later" },
            OfrepRefusal::NotFound,
            OfrepRefusal::MethodNotAllowed,
        ];
        for refusal in refusals {
            for key in [None, Some("checkout-cta")] {
                let answer = refusal.answer(key);
                let failure: EvaluationFailure = serde_json::from_str(&answer.body).unwrap();
                assert_eq!(failure.key.as_deref(), key);
            }
        }
    }

    #[test]
    fn answers_are_as_described() {
        let unavailable: FlagEvaluation = serde_json::from_str(&ofrep_flag_unavailable("a").body).unwrap();
        assert_eq!((unavailable.value, unavailable.metadata.unavailable), (None, Some(true)));
        for example in [flag_example(), disabled_example()] {
            let read: FlagEvaluation = serde_json::from_value(example.clone()).unwrap();
            assert_eq!(json!(read), example);
        }
        let read: BulkEvaluation = serde_json::from_value(bulk_example()).unwrap();
        assert_eq!(json!(read), bulk_example());
    }
}
