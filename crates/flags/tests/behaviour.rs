//! What the specification leaves to us, and the extension: schedules, limits, faults, what is read and what is told.
#![allow(missing_docs)]

#[path = "behaviour/exposures.rs"]
mod exposures;
#[path = "behaviour/extension.rs"]
mod extension;
#[path = "behaviour/faults.rs"]
mod faults;
#[path = "behaviour/limits.rs"]
mod limits;
#[path = "behaviour/page.rs"]
mod page;

use vitrine_flags::{Context, Evaluation, Json, Payload};

fn payload(source: &str) -> Payload {
    Payload::parse(source.as_bytes()).unwrap()
}

fn json(source: &str) -> Json {
    Json::parse(source.as_bytes()).unwrap()
}

/// A visitor with these attributes.
fn visitor(attributes: &str) -> Context {
    Context { attributes: json(attributes).as_object().unwrap().clone(), ..Context::default() }
}

/// Value, source and whether the feature is disabled, as one text.
fn said(payload: &Payload, context: &Context, key: &str) -> String {
    let result = Evaluation::new(payload, context).feature(key);
    let disabled = if result.disabled { " disabled" } else { "" };
    format!("{} {}{disabled}", result.value, result.source.as_str())
}
