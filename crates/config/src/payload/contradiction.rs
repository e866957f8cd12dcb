//! Whether a condition can ever hold, as far as that is plain: two values of one attribute, bounds that exclude each other.
//!
//! Only tests that hold together (`$and`, entries of one object) are compared, and only those on the same attribute.

use std::collections::BTreeMap;

use serde_json::Value;

/// Why nothing meets the condition; `None` if that is not plain.
pub(crate) fn contradiction(condition: &Value) -> Option<String> {
    let mut facts = BTreeMap::new();
    gather(condition, &mut facts);
    facts.into_iter().find_map(|(path, facts)| facts.contradiction(path))
}

/// What must hold of one attribute.
#[derive(Default)]
struct Facts<'c> {
    equals: Vec<&'c Value>,
    differs: Vec<&'c Value>,
    one_of: Vec<&'c Vec<Value>>,
    none_of: Vec<&'c Vec<Value>>,
    exists: Vec<bool>,
    /// The bound, and whether it is itself allowed.
    lower: Option<(f64, bool)>,
    upper: Option<(f64, bool)>,
}

fn gather<'c>(condition: &'c Value, facts: &mut BTreeMap<&'c str, Facts<'c>>) {
    let Some(entries) = condition.as_object() else { return };
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("$and", Value::Array(parts)) => parts.iter().for_each(|it| gather(it, facts)),
            (key, _) if key.starts_with('$') => {}
            (path, value) => facts.entry(path).or_default().add(value),
        }
    }
}

impl<'c> Facts<'c> {
    fn add(&mut self, test: &'c Value) {
        let operators = test.as_object().filter(|it| it.keys().all(|key| key.starts_with('$')));
        let Some(operators) = operators else { return self.equals.push(test) };
        for (operator, operand) in operators {
            match (operator.as_str(), operand) {
                ("$eq", it) => self.equals.push(it),
                ("$ne", it) => self.differs.push(it),
                ("$in", Value::Array(it)) => self.one_of.push(it),
                ("$nin", Value::Array(it)) => self.none_of.push(it),
                ("$exists", Value::Bool(it)) => self.exists.push(*it),
                ("$gt", Value::Number(it)) => self.raise(it.as_f64(), false),
                ("$gte", Value::Number(it)) => self.raise(it.as_f64(), true),
                ("$lt", Value::Number(it)) => self.lower(it.as_f64(), false),
                ("$lte", Value::Number(it)) => self.lower(it.as_f64(), true),
                _ => {}
            }
        }
    }

    fn raise(&mut self, bound: Option<f64>, is_in: bool) {
        let Some(bound) = bound else { return };
        if self.lower.is_none_or(|(old, old_in)| bound > old || (bound == old && old_in && !is_in)) {
            self.lower = Some((bound, is_in));
        }
    }

    fn lower(&mut self, bound: Option<f64>, is_in: bool) {
        let Some(bound) = bound else { return };
        if self.upper.is_none_or(|(old, old_in)| bound < old || (bound == old && old_in && !is_in)) {
            self.upper = Some((bound, is_in));
        }
    }

    fn contradiction(&self, path: &str) -> Option<String> {
        if let (Some((lower, lower_in)), Some((upper, upper_in))) = (self.lower, self.upper)
            && (lower > upper || (lower == upper && !(lower_in && upper_in)))
        {
            let (above, below) = (if lower_in { "$gte" } else { "$gt" }, if upper_in { "$lte" } else { "$lt" });
            return Some(format!("no number is both {above} {lower} and {below} {upper}"));
        }
        let has_bound = self.lower.is_some() || self.upper.is_some();
        let needs_value = has_bound || self.exists.contains(&true);
        if self.exists.contains(&false) && (needs_value || self.equals.iter().any(|it| !it.is_null())) {
            return Some(format!("{path} cannot both be missing and have a value"));
        }
        let value = *self.equals.first()?;
        if let Some(other) = self.equals.iter().find(|it| !same(it, value)) {
            return Some(format!("{path} cannot be both {value} and {other}"));
        }
        if self.differs.iter().any(|it| same(it, value)) {
            return Some(format!("{path} cannot both be {value} and not be it"));
        }
        if value.is_null() && needs_value {
            return Some(format!("{path} cannot both be missing and have a value"));
        }
        if value.is_array() || value.is_object() {
            return None;
        }
        if self.one_of.iter().any(|list| !list.iter().any(|it| same(it, value))) {
            return Some(format!("{path} cannot be {value} and one of a list without it"));
        }
        if self.none_of.iter().any(|list| list.iter().any(|it| same(it, value))) {
            return Some(format!("{path} cannot be {value} and none of a list with it"));
        }
        let outside = match value.as_f64() {
            Some(it) => {
                let below = self.lower.is_some_and(|(bound, is_in)| it < bound || (it == bound && !is_in));
                let above = self.upper.is_some_and(|(bound, is_in)| it > bound || (it == bound && !is_in));
                below || above
            }
            None => has_bound,
        };
        outside.then(|| format!("{path} cannot be {value} and within these bounds"))
    }
}

/// Numbers are compared as numbers.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_hold_is_found() {
        for (condition, expected) in [
            (json!({ "a": { "$gt": 5, "$lt": 5 } }), "no number is both $gt 5 and $lt 5"),
            (
                json!({ "$and": [{ "a": { "$gte": 6 } }, { "a": { "$lte": 5 } }] }),
                "no number is both $gte 6 and $lte 5",
            ),
            (json!({ "$and": [{ "a": "FR" }, { "a": "DE" }] }), "a cannot be both \"FR\" and \"DE\""),
            (json!({ "$and": [{ "a": 1 }, { "a": { "$ne": 1.0 } }] }), "a cannot both be 1 and not be it"),
            (json!({ "a": { "$exists": false, "$gt": 1 } }), "a cannot both be missing and have a value"),
            (json!({ "a": { "$eq": null, "$exists": true } }), "a cannot both be missing and have a value"),
            (json!({ "a": { "$eq": "x", "$in": ["y"] } }), "a cannot be \"x\" and one of a list without it"),
            (json!({ "a": { "$eq": "x", "$nin": ["x"] } }), "a cannot be \"x\" and none of a list with it"),
            (json!({ "a": { "$eq": 7, "$lt": 7 } }), "a cannot be 7 and within these bounds"),
            (json!({ "a": { "$eq": "x", "$lt": 7 } }), "a cannot be \"x\" and within these bounds"),
        ] {
            assert_eq!(contradiction(&condition).as_deref(), Some(expected), "{condition}");
        }
    }

    #[test]
    fn what_may_hold_is_left_alone() {
        for condition in [
            json!({}),
            json!({ "a": { "$gte": 5, "$lte": 5 } }),
            json!({ "a": { "$in": ["x"], "$nin": ["x"] } }),
            json!({ "$or": [{ "a": 1 }, { "a": 2 }] }),
            json!({ "a": 1, "b": 2 }),
            json!({ "a": [1], "$and": [{ "a": { "$in": [1] } }] }),
            json!({ "a": { "$not": { "$gt": 5 }, "$gt": 6 } }),
            json!({ "a": { "$gt": "x", "$lt": "b" } }),
        ] {
            assert_eq!(contradiction(&condition), None, "{condition}");
        }
    }
}
