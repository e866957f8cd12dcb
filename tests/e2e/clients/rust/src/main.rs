//! Reads questions from standard input, one JSON object a line, asks the OFREP server at `argv[1]` (with the SDK key
//! `argv[2]`, if there is one) through the Rust provider of OpenFeature, and writes one JSON object a line.
//!
//! A question: `{"type", "flag", "default", "context"}`. An answer: `{"value", "variant", "error"}`, where the value is the
//! default if there is an error.

use std::io::{BufRead, Write};

use open_feature::{Client, EvaluationContext, EvaluationError, EvaluationErrorCode, OpenFeature, StructValue, Value as Feature};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let base_url = args.next().ok_or("name the server")?;
    let mut headers = HeaderMap::new();
    if let Some(key) = args.next() {
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {key}"))?);
    }
    let provider = OfrepProvider::new(OfrepOptions { base_url, headers, ..OfrepOptions::default() }).await?;
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(provider).await;
    let client = api.create_client();
    drop(api);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = answer(&client, &serde_json::from_str(&line?)?).await;
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

async fn answer(client: &Client, question: &Value) -> Value {
    let flag = question["flag"].as_str().unwrap_or_default();
    let context = context(&question["context"]);
    let context = Some(&context);
    let asked = match question["type"].as_str().unwrap_or_default() {
        "boolean" => client.get_bool_details(flag, context, None).await.map(|it| (json!(it.value), it.variant)),
        "string" => client.get_string_details(flag, context, None).await.map(|it| (json!(it.value), it.variant)),
        "integer" => client.get_int_details(flag, context, None).await.map(|it| (json!(it.value), it.variant)),
        "number" => client.get_float_details(flag, context, None).await.map(|it| (json!(it.value), it.variant)),
        _ => {
            let asked = client.get_struct_details::<Tree>(flag, context, None).await;
            asked.map(|it| (it.value.0, it.variant))
        }
    };
    match asked {
        Ok((value, variant)) => json!({ "value": value, "variant": variant, "error": null }),
        Err(error) => json!({ "value": question["default"], "variant": null, "error": code(&error) }),
    }
}

/// A structured value, back as JSON.
struct Tree(Value);

impl TryFrom<StructValue> for Tree {
    type Error = String;

    fn try_from(value: StructValue) -> Result<Self, String> {
        Ok(Self(object(value)))
    }
}

fn object(value: StructValue) -> Value {
    value.fields.into_iter().map(|(key, it)| (key, tree(it))).collect()
}

fn tree(value: Feature) -> Value {
    match value {
        Feature::Bool(it) => json!(it),
        Feature::Int(it) => json!(it),
        Feature::Float(it) => json!(it),
        Feature::String(it) => json!(it),
        Feature::Array(it) => it.into_iter().map(tree).collect(),
        Feature::Struct(it) => object(it),
    }
}

fn context(members: &Value) -> EvaluationContext {
    let mut context = EvaluationContext::default();
    for (name, value) in members.as_object().into_iter().flatten() {
        context = match value {
            Value::String(it) if name == "targetingKey" => context.with_targeting_key(it),
            Value::String(it) => context.with_custom_field(name, it.as_str()),
            Value::Bool(it) => context.with_custom_field(name, *it),
            Value::Number(it) => context.with_custom_field(name, it.as_f64().unwrap_or_default()),
            _ => context,
        };
    }
    context
}

fn code(error: &EvaluationError) -> &'static str {
    match error.code {
        EvaluationErrorCode::FlagNotFound => "FLAG_NOT_FOUND",
        EvaluationErrorCode::ParseError => "PARSE_ERROR",
        EvaluationErrorCode::TypeMismatch => "TYPE_MISMATCH",
        EvaluationErrorCode::TargetingKeyMissing => "TARGETING_KEY_MISSING",
        EvaluationErrorCode::InvalidContext => "INVALID_CONTEXT",
        EvaluationErrorCode::ProviderNotReady => "PROVIDER_NOT_READY",
        EvaluationErrorCode::General(_) => "GENERAL",
    }
}
