//! Flag definitions of flagd (`{ "flags": { … } }`) become documents, as far as their targeting can be said in conditions.
//!
//! Of JsonLogic these are read: `if` with names of variants, `==`, `!=`, `===`, `!==`, `<`, `<=`, `>`, `>=`, `and`, `or`, `!`, `in`, and flagd's
//! `starts_with`, `ends_with`, `sem_ver` and `$ref`. A flag with anything else is left out whole, with the reason. So is one with `fractional`: flagd hashes
//! visitors in another way, and each would get another variant than before.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use vitrine_flags::{Json, Object};

use crate::diagnostic::Severity;
use crate::growthbook::{Imported, Note, escaped, value};
use crate::section::flag_value::type_of_json;
use crate::{Format, check};

/// Makes a document of flagd's flag definitions.
///
/// Errors: in words, when `bytes` are no such definitions at all.
pub fn import_flagd(bytes: &[u8]) -> Result<Imported, String> {
    let definitions = Json::parse(bytes).map_err(|error| error.to_string())?;
    let Some(Json::Object(flags)) = definitions.get("flags") else {
        return Err("there is no object \"flags\"".to_owned());
    };
    let mut notes = Vec::new();
    let evaluators = definitions.get("$evaluators").and_then(Json::as_object).cloned().unwrap_or_default();
    let mut entries: Vec<(String, Value)> = Vec::new();
    for (key, flag) in flags.iter() {
        let pointer = format!("/flags/{}", escaped(key));
        let mut reader = Reader { evaluators: &evaluators, is_loose: false, n_refs: 0 };
        match reader.flag(key, flag, &pointer, &mut notes) {
            Ok(entry) => {
                if reader.is_loose {
                    let message = "flagd compares a missing attribute or a number in quotes as a number; here they are never equal, smaller or greater";
                    notes.push(Note::remark(format!("{pointer}/targeting"), message));
                }
                entries.push((pointer, entry));
            }
            Err(message) => notes.push(Note::left_out(pointer, message)),
        }
    }
    loop {
        let flags: Vec<&Value> = entries.iter().map(|(_, it)| it).collect();
        let document = json!({ "version": 1, "flags": flags });
        let diagnostics = match check(&document.to_string(), Format::Json) {
            Err(diagnostics) if !entries.is_empty() => diagnostics,
            _ => return Ok(Imported { document, notes }),
        };
        let mut refused: BTreeMap<usize, String> = BTreeMap::new();
        for it in diagnostics.into_iter().filter(|it| it.severity == Severity::Error) {
            // What is nobody's error is taken for the first one's, so that this ends.
            let idx = it.pointer.split('/').nth(2).and_then(|it| it.parse().ok()).unwrap_or_default();
            refused.entry(idx).or_insert(it.message);
        }
        let mut kept = Vec::new();
        for (idx, (pointer, entry)) in entries.into_iter().enumerate() {
            match refused.remove(&idx) {
                Some(message) => notes.push(Note::left_out(pointer, message)),
                None => kept.push((pointer, entry)),
            }
        }
        entries = kept;
    }
}

struct Reader<'f> {
    evaluators: &'f Object,
    /// Whether a comparison was read that converts its sides in JsonLogic.
    is_loose: bool,
    /// References that were followed; they may lead in a circle.
    n_refs: usize,
}

/// More references than any honest flag follows.
const REFS_MAX: usize = 100;

impl Reader<'_> {
    fn flag(&mut self, key: &str, flag: &Json, pointer: &str, notes: &mut Vec<Note>) -> Result<Value, String> {
        let Some(Json::Object(variants)) = flag.get("variants") else { return Err("the flag has no variants".into()) };
        let values: Vec<&Json> = variants.iter().map(|(_, it)| it).collect();
        let Some(value_type) = type_of_json(&values) else {
            return Err("its variants are of different types".into());
        };
        let default = match flag.get("defaultVariant") {
            None | Some(Json::Null) => Value::Null,
            Some(name) => value(variant(name, variants)?),
        };
        let mut written = Map::new();
        written.insert("id".into(), key.into());
        written.insert("type".into(), value_type.as_str().into());
        written.insert("default".into(), default);
        match flag.get("state").and_then(Json::as_text) {
            Some("DISABLED") => {
                written.insert("enabled".into(), false.into());
            }
            Some("ENABLED") => {}
            _ => return Err("its state is neither ENABLED nor DISABLED".into()),
        }
        if let Some(metadata) = flag.get("metadata").filter(|it| it.as_object().is_some_and(|it| !it.is_empty())) {
            let message = format!("metadata is left out: {metadata}");
            notes.push(Note::remark(format!("{pointer}/metadata"), message));
        }
        let mut rules = Vec::new();
        if let Some(targeting) = flag.get("targeting").filter(|it| it.as_object().is_none_or(|it| !it.is_empty())) {
            self.targeting(targeting, variants, &mut rules)?;
        }
        if !rules.is_empty() {
            written.insert("rules".into(), rules.into());
        }
        Ok(written.into())
    }

    /// `if` with its branches, or what stands at the end of them.
    fn targeting(&mut self, logic: &Json, variants: &Object, rules: &mut Vec<Value>) -> Result<(), String> {
        let Some((name, operands)) = operation(logic) else {
            // A variant for everybody else; null is the default.
            if *logic != Json::Null {
                rules.push(json!({ "value": value(variant(logic, variants)?) }));
            }
            return Ok(());
        };
        match (name, operands) {
            ("if", Json::List(branches)) => {
                let mut branches = branches.iter();
                while let Some(condition) = branches.next() {
                    let Some(then) = branches.next() else { return self.targeting(condition, variants, rules) };
                    if operation(then).is_some() || *then == Json::Null {
                        return Err("a branch of its targeting is not the name of a variant".into());
                    }
                    let when = self.condition(condition)?;
                    rules.push(json!({ "when": when, "value": value(variant(then, variants)?) }));
                }
                Ok(())
            }
            ("fractional", _) => {
                let message = "its targeting is fractional, and flagd hashes visitors in another way: each would get another variant; make an experiment of it";
                Err(message.into())
            }
            (name, _) => Err(format!("its targeting begins with {name:?}, which is no condition")),
        }
    }

    fn condition(&mut self, logic: &Json) -> Result<Value, String> {
        let Some((name, operands)) = operation(logic) else { return Err(format!("{logic} is no condition")) };
        let list = || operands.as_list().unwrap_or_default();
        match name {
            "and" | "or" => {
                let parts: Result<Vec<Value>, String> = list().iter().map(|it| self.condition(it)).collect();
                Ok(json!({ (format!("${name}")): parts? }))
            }
            "!" => {
                let inner = list().first().unwrap_or(operands);
                Ok(json!({ "$not": self.condition(inner)? }))
            }
            "$ref" => {
                self.n_refs = self.n_refs.saturating_add(1);
                let evaluator = operands.as_text().and_then(|it| self.evaluators.get(it)).cloned();
                match evaluator {
                    Some(evaluator) if self.n_refs <= REFS_MAX => self.condition(&evaluator),
                    _ => Err(format!("there is no evaluator {operands}")),
                }
            }
            "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=" => self.comparison(name, list()),
            "in" => match list() {
                [it, Json::List(values)] => {
                    let path = attribute(it)?;
                    Ok(json!({ path: { "$in": values.iter().map(value).collect::<Vec<_>>() } }))
                }
                [Json::Text(part), it] => Ok(json!({ attribute(it)?: { "$regex": escaped_pattern(part) } })),
                _ => Err(format!("{logic} is neither in a list nor in a text")),
            },
            "starts_with" | "ends_with" => match list() {
                [it, Json::Text(part)] => {
                    let part = escaped_pattern(part);
                    let pattern = if name == "starts_with" { format!("^{part}") } else { format!("{part}$") };
                    Ok(json!({ attribute(it)?: { "$regex": pattern } }))
                }
                _ => Err(format!("{logic} compares with no text")),
            },
            "sem_ver" => match list() {
                [it, Json::Text(operator), Json::Text(version)] => {
                    let operators =
                        [("=", "$veq"), ("!=", "$vne"), ("<", "$vlt"), ("<=", "$vlte"), (">", "$vgt"), (">=", "$vgte")];
                    let found = operators.iter().find(|(it, _)| it == operator);
                    let Some((_, operator)) = found else {
                        return Err(format!("versions cannot be compared with {operator:?} here"));
                    };
                    Ok(json!({ attribute(it)?: { (*operator): version } }))
                }
                _ => Err(format!("{logic} compares no versions")),
            },
            name => Err(format!("its targeting uses {name:?}, for which conditions have no words")),
        }
    }

    fn comparison(&mut self, name: &str, operands: &[Json]) -> Result<Value, String> {
        let [left, right] = operands else { return Err(format!("{name} compares two values")) };
        // The attribute may stand on either side.
        let (at, literal, name) = match (attribute(left), attribute(right)) {
            (Ok(at), Err(_)) => (at, right, name),
            (Err(_), Ok(at)) => (at, left, mirrored(name)),
            _ => return Err(format!("{name} does not compare an attribute with a value")),
        };
        if matches!(literal, Json::List(_) | Json::Object(_)) {
            return Err(format!("{name} compares with {literal}"));
        }
        self.is_loose |= !matches!(name, "===" | "!==");
        let operator = match name {
            "==" | "===" => "$eq",
            "!=" | "!==" => "$ne",
            "<" => "$lt",
            "<=" => "$lte",
            ">" => "$gt",
            _ => "$gte",
        };
        Ok(json!({ at: { operator: value(literal) } }))
    }
}

/// The name and the operands of an operation.
fn operation(logic: &Json) -> Option<(&str, &Json)> {
    let object = logic.as_object()?;
    let mut members = object.iter();
    members.next().filter(|_| object.len() == 1)
}

/// The attribute of `{ "var": "email" }` as a condition names it.
fn attribute(logic: &Json) -> Result<String, String> {
    let name = match operation(logic) {
        Some(("var", Json::Text(name))) => name,
        Some(("var", Json::List(list))) if list.len() == 1 => list.first().and_then(Json::as_text).unwrap_or_default(),
        _ => return Err(format!("{logic} is no attribute")),
    };
    match name {
        "targetingKey" => Ok("context.id".to_owned()),
        name if name.is_empty() || name.starts_with("$flagd") => Err(format!("{logic} is no attribute of a request")),
        name => Ok(format!("context.{name}")),
    }
}

/// The comparison with its sides exchanged.
fn mirrored(name: &str) -> &str {
    match name {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        name => name,
    }
}

/// The value of the variant that `name` names; truth values name the variants `true` and `false`.
fn variant<'v>(name: &Json, variants: &'v Object) -> Result<&'v Json, String> {
    let key = match name {
        Json::Text(name) => name.clone(),
        other => other.to_string(),
    };
    variants.get(&key).ok_or_else(|| format!("there is no variant {key:?}"))
}

/// A pattern that matches the text itself.
fn escaped_pattern(text: &str) -> String {
    regex_lite::escape(text)
}
