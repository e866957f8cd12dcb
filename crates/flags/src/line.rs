//! One line of `vitrine eval --format growthbook`: the wire that compares this crate with other implementations.
//!
//! A line holds its payload, so each is compiled anew. What the context may hold is what the specification's cases hold.

use crate::context::Context;
use crate::evaluate::Evaluation;
use crate::json::{Json, Object};
use crate::payload::Payload;
use crate::sticky::StickyDocs;
use std::error::Error;
use std::fmt;

/// A line that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The line to print instead: `{"id"?, "error": {"code", "message"}}`.
    pub answer: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.answer)
    }
}

impl Error for LineError {}

/// Evaluates `{"id", "payload", "attributes", "key"?, "context"?}` and writes `{"id", "features": {key: result}}`, for the
/// feature `key` or for all of them, without a line end.
///
/// `context` holds any of `url`, `forcedVariations`, `forcedFeatureValues` (also called `forcedFeatures`; an object or an
/// array of pairs), `enabled`, `qaMode`, `attributeOverrides`, `savedGroups` (beside those of the payload),
/// `remoteGroupIds`, `stickyBucketAssignmentDocs`, `queryOverride` (default here: true, as other clients do) and `now`
/// (milliseconds since 1970-01-01T00:00Z).
///
/// Errors: the line is not such an object. The error holds the line to write then, so that the rest can go on.
pub fn eval_line(line: &str) -> Result<String, LineError> {
    let mut id = None;
    let answered = answer(line, &mut id);
    let mut json = Object::new();
    if let Some(id) = id {
        json.insert("id", id);
    }
    match answered {
        Ok(features) => {
            json.insert("features", features);
            Ok(Json::Object(json).to_string())
        }
        Err((code, message)) => {
            let mut error = Object::new();
            error.insert("code", code);
            error.insert("message", message);
            json.insert("error", error);
            Err(LineError { answer: Json::Object(json).to_string() })
        }
    }
}

/// A code and a message.
type Problem = (&'static str, String);

fn answer(line: &str, id: &mut Option<Json>) -> Result<Object, Problem> {
    let json = Json::parse(line.as_bytes()).map_err(|error| ("not_json", error.to_string()))?;
    let Json::Object(mut line) = json else { return Err(("not_an_object", "a line is a JSON object".to_owned())) };
    *id = line.remove("id");
    let mut payload = match line.remove("payload") {
        Some(Json::Object(payload)) => payload,
        Some(_) => return Err(wrong("payload", "an object")),
        None => return Err(("missing", "a line needs a payload".to_owned())),
    };
    let attributes = object(&line, "attributes")?;
    let given = object(&line, "context")?;
    let key = match line.remove("key") {
        None | Some(Json::Null) => None,
        Some(Json::Text(key)) => Some(key),
        Some(_) => return Err(wrong("key", "a text")),
    };
    if let Some(groups) = given.get("savedGroups").and_then(Json::as_object) {
        let mut all = payload.get("savedGroups").and_then(Json::as_object).cloned().unwrap_or_default();
        groups.iter().for_each(|(id, group)| all.insert(id, group.clone()));
        payload.insert("savedGroups", all);
    }
    let context = context(attributes, &given)?;
    let payload = Payload::from_json(Json::Object(payload));
    let mut evaluation = Evaluation::new(&payload, &context);
    let mut features = Object::new();
    match key {
        Some(key) => features.insert(key.as_str(), evaluation.feature(&key).to_json()),
        None => {
            payload.features().for_each(|key| features.insert(key, evaluation.feature(key).to_json()));
        }
    }
    Ok(features)
}

/// Reads the members of `given` that a context has; others are ignored, as clients do.
fn context(mut attributes: Object, given: &Object) -> Result<Context, Problem> {
    for (name, value) in object(given, "attributeOverrides")?.iter() {
        attributes.insert(name, value.clone());
    }
    let flag = |name: &str, default: bool| match given.get(name) {
        None | Some(Json::Null) => Ok(default),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(name, "true or false")),
    };
    let url = match given.get("url") {
        None | Some(Json::Null) => None,
        Some(Json::Text(url)) => Some(url.clone()),
        Some(_) => return Err(wrong("url", "a text")),
    };
    let mut forced_variations = std::collections::BTreeMap::new();
    for (key, index) in object(given, "forcedVariations")?.iter() {
        let index = index.as_number().ok_or_else(|| wrong("forcedVariations", "an object of numbers"))?;
        forced_variations.insert(key.to_owned(), crate::experiment::index_of(index));
    }
    let forced_features = match given.get("forcedFeatureValues").or(given.get("forcedFeatures")) {
        None | Some(Json::Null) => Object::new(),
        Some(Json::Object(values)) => values.clone(),
        Some(Json::List(pairs)) => {
            let pair = |pair: &Json| match pair.as_list() {
                Some([Json::Text(key), value]) => Some((key.clone(), value.clone())),
                _ => None,
            };
            let pairs: Option<Object> = pairs.iter().map(pair).collect::<Option<Vec<_>>>().map(Object::from_iter);
            pairs.ok_or_else(|| wrong("forcedFeatures", "an object or an array of pairs"))?
        }
        Some(_) => return Err(wrong("forcedFeatures", "an object or an array of pairs")),
    };
    let remote_group_ids = match given.get("remoteGroupIds") {
        None | Some(Json::Null) => None,
        Some(Json::List(ids)) => Some(ids.iter().filter_map(Json::as_text).map(str::to_owned).collect()),
        Some(_) => return Err(wrong("remoteGroupIds", "an array of texts")),
    };
    Ok(Context {
        attributes,
        url,
        forced_variations,
        forced_features,
        enabled: flag("enabled", true)?,
        qa_mode: flag("qaMode", false)?,
        query_override: flag("queryOverride", true)?,
        remote_group_ids,
        sticky: given.get("stickyBucketAssignmentDocs").map(StickyDocs::from_json),
        now_ms: given.get("now").and_then(Json::as_number).map_or(0, |now| now as i64),
    })
}

fn object(from: &Object, name: &str) -> Result<Object, Problem> {
    match from.get(name) {
        None | Some(Json::Null) => Ok(Object::new()),
        Some(Json::Object(object)) => Ok(object.clone()),
        Some(_) => Err(wrong(name, "an object")),
    }
}

fn wrong(name: &str, expected: &str) -> Problem {
    ("wrong_type", format!("{name} must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(eval_line(line).unwrap_or_else(|error| error.answer), expected);
    }

    #[test]
    fn a_line_is_answered_for_one_feature_or_for_all() {
        let payload = r#"{"features": {"a": {"defaultValue": 1}, "b": {"rules": [{"force": "x", "id": "r"}]}}}"#;
        check(
            &format!(r#"{{"id": 7, "payload": {payload}, "attributes": {{}}, "key": "a"}}"#),
            r#"{"id":7,"features":{"a":{"value":1,"on":true,"off":false,"source":"defaultValue","ruleId":""}}}"#,
        );
        check(
            &format!(r#"{{"id": "l", "payload": {payload}}}"#),
            concat!(
                r#"{"id":"l","features":{"a":{"value":1,"on":true,"off":false,"source":"defaultValue","ruleId":""},"#,
                r#""b":{"value":"x","on":true,"off":false,"source":"force","ruleId":"r"}}}"#
            ),
        );
        check(
            &format!(r#"{{"payload": {payload}, "key": "c", "context": {{"forcedFeatures": [["c", 0]]}}}}"#),
            r#"{"features":{"c":{"value":0,"on":false,"off":true,"source":"override","ruleId":""}}}"#,
        );
        check(
            &format!(r#"{{"payload": {payload}, "key": "none"}}"#),
            r#"{"features":{"none":{"value":null,"on":false,"off":true,"source":"unknownFeature","ruleId":""}}}"#,
        );
    }

    #[test]
    fn a_broken_line_says_what_is_wrong_and_which_it_was() {
        for (line, expected) in [
            ("", r#"{"error":{"code":"not_json","message":"not JSON at byte 0: expected a value"}}"#),
            ("[]", r#"{"error":{"code":"not_an_object","message":"a line is a JSON object"}}"#),
            (r#"{"id": 1}"#, r#"{"id":1,"error":{"code":"missing","message":"a line needs a payload"}}"#),
            (
                r#"{"id": 1, "payload": 5}"#,
                r#"{"id":1,"error":{"code":"wrong_type","message":"payload must be an object"}}"#,
            ),
            (
                r#"{"payload": {}, "attributes": []}"#,
                r#"{"error":{"code":"wrong_type","message":"attributes must be an object"}}"#,
            ),
            (r#"{"payload": {}, "key": 1}"#, r#"{"error":{"code":"wrong_type","message":"key must be a text"}}"#),
            (
                r#"{"payload": {}, "context": {"enabled": 1}}"#,
                r#"{"error":{"code":"wrong_type","message":"enabled must be true or false"}}"#,
            ),
            (
                r#"{"payload": {}, "context": {"forcedFeatures": [["a"]]}}"#,
                r#"{"error":{"code":"wrong_type","message":"forcedFeatures must be an object or an array of pairs"}}"#,
            ),
        ] {
            check(line, expected);
        }
    }
}
