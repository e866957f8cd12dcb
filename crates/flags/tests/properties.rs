//! What holds for every payload and every visitor.
#![allow(missing_docs)]

#[path = "properties/any_input.rs"]
mod any_input;
#[path = "properties/assignment.rs"]
mod assignment;
#[path = "properties/fairness.rs"]
mod fairness;
#[allow(dead_code)]
#[path = "../examples/random_cases.rs"]
mod random_cases;
#[path = "properties/time.rs"]
mod time;

use random_cases::{Draw, case};
use vitrine_flags::{Context, Json, Object, Payload};

/// Seed of the random cases.
const SEED: u64 = 20_261_111;

/// Payload and attributes of `n` random cases.
fn random_cases(n: u64) -> impl Iterator<Item = (Payload, Object)> {
    (0..n).map(|id| {
        let line = case(id, &mut Draw::new(SEED, id));
        let member = |name: &str| line.get(name).unwrap().clone();
        (Payload::from_json(member("payload")), member("attributes").as_object().unwrap().clone())
    })
}

fn payload(source: &str) -> Payload {
    Payload::parse(source.as_bytes()).unwrap()
}

/// A visitor of whom only the id is known.
fn visitor(id: &str) -> Context {
    let mut context = Context::default();
    context.attributes.insert("id", id);
    context
}

fn json(source: &str) -> Json {
    Json::parse(source.as_bytes()).unwrap()
}
