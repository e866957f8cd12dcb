//! How long an assignment takes.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};

fn assignment(_: &mut Criterion) {}

criterion_group!(benches, assignment);
criterion_main!(benches);
