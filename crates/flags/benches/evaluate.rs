//! How long flags take: one visitor assigned, a page's worth of flags at once, and a condition shrunk for a client.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use std::fmt::Write as _;
use std::hint::black_box;
use vitrine_flags::{Context, Evaluation, Json, Object, Payload, Reduction, prune_condition, reduce_payload};

/// `n` flags as shops have them: every fourth an experiment for everybody, one for an audience, a rollout, and a plain value
/// behind a condition.
fn flags(n: usize) -> String {
    let mut features = String::new();
    for at in 0..n {
        let rules = match at % 4 {
            0 => {
                r#"{"variations": ["a", "b"], "weights": [0.5, 0.5], "hashVersion": 2, "meta": [{"key": "a"}, {"key": "b"}]}"#
            }
            1 => {
                r#"{"variations": ["a", "b", "c"], "weights": [0.4, 0.3, 0.3], "coverage": 0.8, "hashVersion": 2,
                    "condition": {"country": {"$in": ["CN", "JP", "KR"]}, "age": {"$gte": 18}}}"#
            }
            2 => r#"{"force": true, "coverage": 0.25, "hashVersion": 2}"#,
            _ => r#"{"force": "x", "condition": {"plan": "pro", "$not": {"version": {"$vlt": "2.1.0"}}}}"#,
        };
        let comma = if at > 0 { "," } else { "" };
        write!(features, r#"{comma}"flag-{at}": {{"defaultValue": "off", "rules": [{rules}]}}"#).unwrap();
    }
    format!(r#"{{"features": {{{features}}}}}"#)
}

fn visitor() -> Context {
    let mut context = Context::default();
    for (name, value) in [("id", "b9a5fa1c-8d1c-4a5f"), ("country", "CN"), ("plan", "pro"), ("version", "2.4.1")] {
        context.attributes.insert(name, value);
    }
    context.attributes.insert("age", 34.0);
    context
}

fn evaluation(criterion: &mut Criterion) {
    let context = visitor();
    let mut group = criterion.benchmark_group("evaluation");
    let one = Payload::parse(flags(1).as_bytes()).unwrap();
    group.bench_function("one experiment assigned", |bencher| {
        bencher.iter(|| black_box(Evaluation::new(black_box(&one), &context).feature("flag-0").value));
    });
    for n in [20, 200] {
        let payload = Payload::parse(flags(n).as_bytes()).unwrap();
        group.bench_function(format!("{n} flags"), |bencher| {
            bencher.iter(|| {
                let mut evaluation = Evaluation::new(black_box(&payload), &context);
                payload.features().map(|key| evaluation.feature(key).on()).filter(|on| *on).count()
            });
        });
        group.bench_function(format!("{n} flags, written as JSON"), |bencher| {
            bencher.iter(|| {
                let mut evaluation = Evaluation::new(black_box(&payload), &context);
                payload.features().map(|key| evaluation.feature(key).to_json().to_string().len()).sum::<usize>()
            });
        });
    }
    group.finish();
}

fn payloads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payload");
    let source = flags(200);
    group.bench_function("200 flags compiled", |bencher| {
        bencher.iter(|| Payload::parse(black_box(source.as_bytes())).unwrap());
    });
    let payload = Payload::parse(source.as_bytes()).unwrap();
    group.bench_function("200 flags resolved", |bencher| bencher.iter(|| black_box(&payload).resolve(0)));
    let reduction = Reduction { attributes: visitor().attributes, ..Reduction::default() };
    group.bench_function("200 flags reduced", |bencher| {
        bencher.iter(|| reduce_payload(black_box(payload.source()), &reduction));
    });
    let condition = Json::parse(
        br#"{"$or": [{"country": "US"}, {"plan": {"$in": ["pro", "team"]}, "cart.total": {"$gt": 100}}], "age": {"$gte": 18}}"#,
    )
    .unwrap();
    let groups = Object::new();
    group.bench_function("a condition pruned", |bencher| {
        bencher.iter(|| prune_condition(&reduction.attributes, black_box(&condition), &groups));
    });
    group.finish();
}

criterion_group!(benches, evaluation, payloads);
criterion_main!(benches);
