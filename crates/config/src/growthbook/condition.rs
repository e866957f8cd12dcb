//! Conditions of a payload as a document writes them: attributes with their scope, and no test that can only be true or only be false.

use serde_json::{Map, Value, json};
use vitrine_flags::{Json, Object};

use crate::growthbook::feature::{Importer, Refused};
use crate::section::flag_rule::json_number;

/// What a condition comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Everybody.
    Always,
    /// Nobody.
    Never,
    When(Value),
}

/// What the keys of a condition name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Scope {
    /// Attributes of a visitor.
    Visitor,
    /// Fields of an element of a list, or the value of a flag.
    Plain,
}

impl Verdict {
    /// The condition of a document; `None` admits everybody.
    pub fn into_when(self) -> Option<Value> {
        match self {
            Self::Always => None,
            Self::Never => Some(json!({ "$nor": [{}] })),
            Self::When(value) => Some(value),
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::When(value) => Self::When(json!({ "$not": value })),
        }
    }
}

/// As Vitrine's own values; keys are sorted.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(it) => (*it).into(),
        Json::Number(it) => json_number(*it),
        Json::Text(it) => it.as_str().into(),
        Json::List(list) => list.iter().map(value).collect(),
        Json::Object(object) => Value::Object(object.iter().map(|(key, it)| (key.to_owned(), value(it))).collect()),
    }
}

impl Importer<'_> {
    /// An object: all of its entries hold.
    pub fn condition(&mut self, json: &Json, scope: Scope, pointer: &str) -> Result<Verdict, Refused> {
        let Json::Object(entries) = json else {
            return Err(Refused::at(
                pointer,
                "the condition is not an object, so it admits nobody; remove it or the rule",
            ));
        };
        let mut written = Map::new();
        for (key, test) in entries.iter() {
            let below = format!("{pointer}/{}", super::escaped(key));
            let (key, verdict) = match key {
                "$and" | "$or" | "$nor" => (key.to_owned(), self.join(key, test, scope, &below)?),
                "$not" => match self.condition(test, scope, &below)?.not() {
                    // The key says it already.
                    Verdict::When(value) => {
                        (key.to_owned(), Verdict::When(value.get("$not").cloned().unwrap_or(value)))
                    }
                    verdict => (key.to_owned(), verdict),
                },
                "$savedGroup" => {
                    let verdict = self.saved_group(test, scope, &below)?;
                    if let Verdict::When(value) = verdict {
                        // A condition that stands for a group is joined, because its keys may be taken.
                        let mut parts =
                            written.remove("$and").and_then(|it| it.as_array().cloned()).unwrap_or_default();
                        parts.push(value);
                        written.insert("$and".into(), parts.into());
                        continue;
                    }
                    (key.to_owned(), verdict)
                }
                // Only authors' tools know it; to evaluation it is false.
                "$savedGroups" => (key.to_owned(), Verdict::Never),
                key if key.starts_with('$') => {
                    return Err(Refused::at(&below, format!("there is no operator {key:?}")));
                }
                path => {
                    let name = match scope {
                        Scope::Plain => path.to_owned(),
                        Scope::Visitor if path.starts_with("profile.") => path.to_owned(),
                        Scope::Visitor => format!("context.{path}"),
                    };
                    (name, self.test(test, scope, path, &below)?)
                }
            };
            match verdict {
                Verdict::Always => {}
                Verdict::Never => return Ok(Verdict::Never),
                Verdict::When(value) => match (key.as_str(), written.get_mut("$and"), &value) {
                    ("$and", Some(Value::Array(parts)), Value::Array(more)) => parts.extend(more.iter().cloned()),
                    _ => {
                        written.insert(key, value);
                    }
                },
            }
        }
        Ok(if written.is_empty() { Verdict::Always } else { Verdict::When(written.into()) })
    }

    /// `$and`, `$or`, `$nor`: the list that stands behind the key.
    fn join(&mut self, key: &str, json: &Json, scope: Scope, pointer: &str) -> Result<Verdict, Refused> {
        let Json::List(list) = json else { return Err(Refused::at(pointer, format!("{key} has no list"))) };
        let is_and = key == "$and";
        let (neutral, absorbing) =
            if is_and { (Verdict::Always, Verdict::Never) } else { (Verdict::Never, Verdict::Always) };
        let mut parts = Vec::new();
        let mut is_absorbed = list.is_empty() && !is_and;
        for (idx, it) in list.iter().enumerate() {
            match self.condition(it, scope, &format!("{pointer}/{idx}"))? {
                verdict if verdict == absorbing => is_absorbed = true,
                Verdict::When(value) => parts.push(value),
                _ => {}
            }
        }
        // An empty list passes, whether of $and or of $or.
        let verdict = match (is_absorbed, parts.is_empty()) {
            (true, _) => absorbing,
            (false, true) => neutral,
            (false, false) => return Ok(Verdict::When(parts.into())),
        };
        Ok(if key == "$nor" { verdict.not() } else { verdict })
    }

    /// What stands behind an attribute.
    fn test(&mut self, json: &Json, scope: Scope, path: &str, pointer: &str) -> Result<Verdict, Refused> {
        match json {
            Json::Object(operators) if operators.keys().all(|it| it.starts_with('$')) => {
                self.operators(operators, scope, path, pointer)
            }
            Json::List(_) | Json::Object(_) => {
                let sorted = value(json).to_string();
                if json.to_string() != sorted {
                    let message = "the attribute must equal an object whose keys are not sorted; a document sorts them";
                    return Err(Refused::at(pointer, message));
                }
                Ok(Verdict::When(value(json)))
            }
            scalar => Ok(Verdict::When(value(scalar))),
        }
    }

    fn operators(&mut self, operators: &Object, scope: Scope, path: &str, pointer: &str) -> Result<Verdict, Refused> {
        let mut written = Map::new();
        for (key, operand) in operators.iter() {
            let below = format!("{pointer}/{key}");
            match self.operator(key, operand, scope, path, &below)? {
                Verdict::Always => {}
                Verdict::Never => return Ok(Verdict::Never),
                Verdict::When(value) => {
                    written.insert(key.to_owned(), value);
                }
            }
        }
        Ok(if written.is_empty() { Verdict::Always } else { Verdict::When(written.into()) })
    }

    fn operator(
        &mut self,
        key: &str,
        operand: &Json,
        scope: Scope,
        path: &str,
        pointer: &str,
    ) -> Result<Verdict, Refused> {
        let is_scalar = |it: &Json| !matches!(it, Json::List(_) | Json::Object(_));
        match key {
            "$or" | "$and" | "$nor" | "$savedGroup" => Ok(Verdict::Never),
            // Lists and objects never equal.
            "$eq" if !is_scalar(operand) => Ok(Verdict::Never),
            "$ne" if !is_scalar(operand) => Ok(Verdict::Always),
            "$in" | "$nin" | "$ini" | "$nini" => {
                let Json::List(list) = operand else { return Ok(Verdict::Never) };
                let scalars: Vec<Value> = list.iter().filter(|it| is_scalar(it)).map(value).collect();
                Ok(match (scalars.is_empty(), key) {
                    (false, _) => Verdict::When(scalars.into()),
                    (true, "$in" | "$ini") => Verdict::Never,
                    (true, _) => Verdict::Always,
                })
            }
            "$exists" => Ok(Verdict::When(operand.is_truthy().into())),
            "$inGroup" | "$notInGroup" => {
                let verdict = self.in_group(operand, scope, path, pointer)?;
                Ok(match (verdict, key) {
                    (Verdict::When(id), _) => Verdict::When(id),
                    (verdict, "$inGroup") => verdict,
                    (verdict, _) => verdict.not(),
                })
            }
            "$not" => match self.test(operand, scope, path, pointer)? {
                Verdict::When(value) => Ok(Verdict::When(value)),
                verdict => Ok(verdict.not()),
            },
            "$elemMatch" => {
                let Json::Object(inner) = operand else { return Ok(Verdict::Never) };
                let is_test = inner.keys().all(|it| it.starts_with('$'))
                    && !inner.keys().any(|it| matches!(it, "$or" | "$and" | "$nor" | "$savedGroup"));
                let verdict = match is_test {
                    true => self.test(operand, Scope::Plain, "", pointer)?,
                    false => self.condition(operand, Scope::Plain, pointer)?,
                };
                match verdict {
                    Verdict::Always => {
                        Err(Refused::at(pointer, "$elemMatch admits any element; a document wants a test"))
                    }
                    verdict => Ok(verdict),
                }
            }
            "$all" | "$alli" => {
                let Json::List(list) = operand else { return Ok(Verdict::Never) };
                let mut tests = Vec::new();
                for (idx, it) in list.iter().enumerate() {
                    match self.test(it, Scope::Plain, "", &format!("{pointer}/{idx}"))? {
                        Verdict::When(value) => tests.push(value),
                        Verdict::Never => return Ok(Verdict::Never),
                        Verdict::Always => {
                            return Err(Refused::at(
                                pointer,
                                "an element of the list admits anything; a document wants a test",
                            ));
                        }
                    }
                }
                Ok(Verdict::When(tests.into()))
            }
            "$size" => match operand {
                Json::Object(_) => self.test(operand, Scope::Plain, "", pointer),
                _ => Ok(Verdict::When(value(operand))),
            },
            // The check of the document says what is wrong with others.
            _ => Ok(Verdict::When(value(operand))),
        }
    }
}
