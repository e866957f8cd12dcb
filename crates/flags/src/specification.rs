//! The specification's own functions, one by one: for its suite, for tools, and for whoever wants to know where a visitor lies.
//!
//! Evaluation does the same by shorter ways; the suite holds both to the same cases.

use crate::bucket::{self, Namespace, Range};
use crate::condition::{Compiler, Scope, Subject};
use crate::groups::Groups;
use crate::hash::{HashValue, HashVersion, Seed};
use crate::json::{Json, Object};

pub use crate::url::query_string_override;

/// Where `value` lies with `seed`. Range: 0..1. `version`: 1 or 2; `None` for any other.
pub fn hash(seed: &str, value: &str, version: u32) -> Option<f64> {
    let version = match version {
        1 => HashVersion::One,
        2 => HashVersion::Two,
        _ => HashVersion::Unknown,
    };
    Seed::new(seed).bucket(HashValue::Text(value), version)
}

/// `n` equal weights.
pub fn equal_weights(n: usize) -> Vec<f64> {
    bucket::equal_weights(n)
}

/// Start and end of the range of each variation. `weights` that cannot be used become equal ones.
pub fn bucket_ranges(n: usize, coverage: f64, weights: Option<&[f64]>) -> Vec<(f64, f64)> {
    let weights = weights.map(|weights| Json::from(weights.to_vec()));
    let weights = bucket::usable_weights(n, weights.as_ref());
    bucket::ranges(coverage, &weights).map(|range| (range.start, range.end)).collect()
}

/// The first of `ranges` that contains `bucket`.
pub fn choose_variation(bucket: f64, ranges: &[(f64, f64)]) -> Option<usize> {
    ranges.iter().position(|(start, end)| Range { start: *start, end: *end }.contains(bucket))
}

/// Whether `value` lies from `start` to below `end` of the namespace `id`.
pub fn in_namespace(value: &str, id: &str, start: f64, end: f64) -> bool {
    Namespace::new(id, Range { start, end }).contains(HashValue::Text(value))
}

/// Whether a visitor with `attributes` fulfils `condition`. Compiles everything for this one answer.
pub fn eval_condition(attributes: &Object, condition: &Json, saved_groups: &Object) -> bool {
    let mut compiler = Compiler::default();
    let groups = Groups::compile(saved_groups, &mut compiler);
    let condition = compiler.condition(condition, Scope::Visitor);
    condition.passes(Subject::Visitor { attributes, remote_groups: None }, &groups)
}
