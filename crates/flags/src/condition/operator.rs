//! Tests of one value: literals and operators.

use super::compile::{Compiler, Scope};
use super::order::utf16;
use super::pattern::{self, Case};
use super::values::Values;
use super::version::Version;
use super::{Answer, Condition, Place, Verdict, all, any};
use crate::json::Json;
use regex_lite::Regex;
use std::cmp::Ordering;

/// What a value must be.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// Equal to this; arrays and objects by their serialisation.
    Literal(Json),
    /// Equal to this text, which is in lower case, whatever the case of the value.
    Lowercase(String),
    /// Every operator must pass.
    Operators(Vec<Operator>),
}

/// One operator with its operand.
#[derive(Clone, Debug)]
pub(crate) enum Operator {
    /// `$eq`, `$ne`: strictly; arrays and objects equal nothing.
    Equal { operand: Json, wanted: bool },
    /// `$lt`, `$lte`, `$gt`, `$gte`.
    Compare(Comparison, Json),
    /// `$veq`, `$vlt`, …; `operand` as it was written and padded.
    Version { comparison: Comparison, operand: Json, padded: Version },
    /// `$in`, `$nin`.
    In { values: Values, wanted: bool },
    /// `$ini`, `$nini`.
    InInsensitively { values: Values, wanted: bool },
    /// `$inGroup`, `$notInGroup`.
    InGroup { id: Box<str>, wanted: bool },
    /// `$all`, `$alli`.
    All(Vec<Test>),
    /// `$elemMatch` on the elements themselves.
    SomeElement(Test),
    /// `$elemMatch` on the elements' fields.
    SomeElementWith(Condition),
    /// `$size`.
    Size(Box<Test>),
    /// `$exists`.
    Exists(bool),
    /// `$type`.
    Type(Json),
    /// `$regex`, `$regexi`, `$notRegex`, `$notRegexi`; without a pattern it never matches.
    Pattern { pattern: Option<Box<Regex>>, wanted: bool },
    /// `$not`.
    Not(Box<Test>),
    /// What always turns out the same: operands of the wrong type, operators that stand at the wrong place.
    Always(Verdict),
}

/// Which orders pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Test {
    pub(crate) fn compile(json: &Json, compiler: &mut Compiler) -> Self {
        match json {
            Json::Object(object) if object.keys().all(|key| key.starts_with('$')) => {
                let operators = object
                    .iter()
                    .map(|(name, operand)| compiler.at(name, |compiler| Operator::compile(name, operand, compiler)));
                Self::Operators(operators.collect())
            }
            _ => Self::Literal(json.clone()),
        }
    }

    fn compile_insensitive(json: &Json, compiler: &mut Compiler) -> Self {
        match json {
            Json::Text(text) => Self::Lowercase(text.to_lowercase()),
            _ => Self::compile(json, compiler),
        }
    }

    #[inline]
    pub(crate) fn eval(&self, value: &Json, place: Place<'_>) -> Answer {
        match self {
            Self::Literal(literal) => Ok(literal.is_same_text(value).into()),
            Self::Lowercase(text) => Ok(value.as_text().is_some_and(|value| value.to_lowercase() == *text).into()),
            Self::Operators(operators) => {
                let place = place.deeper()?;
                all(operators.iter().map(|operator| operator.eval(value, place)))
            }
        }
    }
}

impl Operator {
    fn compile(name: &str, operand: &Json, compiler: &mut Compiler) -> Self {
        match name {
            "$eq" => Self::equal(operand, true),
            "$ne" => Self::equal(operand, false),
            "$lt" => Self::compare(Comparison::Less, operand, compiler),
            "$lte" => Self::compare(Comparison::LessOrEqual, operand, compiler),
            "$gt" => Self::compare(Comparison::Greater, operand, compiler),
            "$gte" => Self::compare(Comparison::GreaterOrEqual, operand, compiler),
            "$veq" => Self::version(Comparison::Equal, operand, compiler),
            "$vne" => Self::version(Comparison::NotEqual, operand, compiler),
            "$vlt" => Self::version(Comparison::Less, operand, compiler),
            "$vlte" => Self::version(Comparison::LessOrEqual, operand, compiler),
            "$vgt" => Self::version(Comparison::Greater, operand, compiler),
            "$vgte" => Self::version(Comparison::GreaterOrEqual, operand, compiler),
            "$in" | "$nin" => match array(operand, compiler) {
                Some(values) => Self::In { values: Values::new(values), wanted: name == "$in" },
                None => Self::Always(Verdict::Fails),
            },
            "$ini" | "$nini" => match array(operand, compiler) {
                Some(values) => Self::InInsensitively { values: Values::lowercased(values), wanted: name == "$ini" },
                None => Self::Always(Verdict::Fails),
            },
            "$inGroup" | "$notInGroup" => match operand {
                Json::Text(id) => {
                    compiler.group_id(id);
                    Self::InGroup { id: id.as_str().into(), wanted: name == "$inGroup" }
                }
                _ => {
                    compiler.fault("this needs the id of a saved group; it never passes");
                    Self::Always(Verdict::Fails)
                }
            },
            "$all" | "$alli" => match array(operand, compiler) {
                Some(values) => Self::All(
                    values
                        .iter()
                        .enumerate()
                        .map(|(at, value)| {
                            compiler.at(at, |compiler| match name {
                                "$alli" => Test::compile_insensitive(value, compiler),
                                _ => Test::compile(value, compiler),
                            })
                        })
                        .collect(),
                ),
                None => Self::Always(Verdict::Fails),
            },
            "$elemMatch" => Self::element(operand, compiler),
            "$size" => Self::Size(Box::new(Test::compile(operand, compiler))),
            "$exists" => Self::Exists(operand.is_truthy()),
            "$type" => Self::Type(operand.clone()),
            "$regex" => Self::pattern(operand, Case::Sensitive, true, compiler),
            "$regexi" => Self::pattern(operand, Case::Insensitive, true, compiler),
            "$notRegex" => Self::pattern(operand, Case::Sensitive, false, compiler),
            "$notRegexi" => Self::pattern(operand, Case::Insensitive, false, compiler),
            "$not" => Self::Not(Box::new(Test::compile(operand, compiler))),
            "$or" | "$and" | "$nor" | "$savedGroup" => {
                compiler.fault(format!("{name} stands where a value is tested; it never passes there"));
                Self::Always(Verdict::Fails)
            }
            _ => {
                compiler.fault(format!("there is no operator {name}; a condition that rests on it does not pass"));
                Self::Always(Verdict::Unknown)
            }
        }
    }

    fn equal(operand: &Json, wanted: bool) -> Self {
        match operand {
            Json::List(_) | Json::Object(_) => Self::Always((!wanted).into()),
            _ => Self::Equal { operand: operand.clone(), wanted },
        }
    }

    fn compare(comparison: Comparison, operand: &Json, compiler: &mut Compiler) -> Self {
        match operand {
            Json::Text(_) | Json::Number(_) => Self::Compare(comparison, operand.clone()),
            _ => {
                compiler.fault("only numbers and texts have an order; this never passes");
                Self::Always(Verdict::Fails)
            }
        }
    }

    fn version(comparison: Comparison, operand: &Json, compiler: &mut Compiler) -> Self {
        match Version::from_json(operand) {
            Some(padded) => Self::Version { comparison, operand: operand.clone(), padded },
            None => {
                compiler.fault("a version is a text (or a number)");
                Self::Always((comparison == Comparison::NotEqual).into())
            }
        }
    }

    fn element(operand: &Json, compiler: &mut Compiler) -> Self {
        const OF_CONDITIONS: [&str; 4] = ["$or", "$and", "$nor", "$savedGroup"];
        match operand {
            Json::Object(object) if object.keys().all(|key| key.starts_with('$') && !OF_CONDITIONS.contains(&key)) => {
                Self::SomeElement(Test::compile(operand, compiler))
            }
            _ => Self::SomeElementWith(compiler.condition(operand, Scope::Other)),
        }
    }

    fn pattern(operand: &Json, case: Case, wanted: bool, compiler: &mut Compiler) -> Self {
        let pattern = match operand {
            Json::Text(pattern) => pattern::compile(pattern, case),
            _ => Err("a pattern is a text"),
        };
        if let Err(reason) = pattern {
            compiler.fault(format!("{reason}; it matches nothing"));
        }
        Self::Pattern { pattern: pattern.ok().map(Box::new), wanted }
    }

    fn eval(&self, value: &Json, place: Place<'_>) -> Answer {
        Ok(match self {
            // Arrays and objects are never operands here.
            Self::Equal { operand, wanted } => ((value == operand) == *wanted).into(),
            Self::Compare(comparison, operand) => {
                order(value, operand).is_some_and(|order| comparison.holds(order)).into()
            }
            Self::Version { comparison, operand, padded } => match (value, operand) {
                (Json::Text(_), Json::Text(_)) | (Json::Number(_), Json::Number(_)) => {
                    Version::from_json(value).is_some_and(|value| comparison.holds(value.cmp(padded))).into()
                }
                _ => (*comparison == Comparison::NotEqual).into(),
            },
            Self::In { values, wanted } => (values.matches(value) == *wanted).into(),
            Self::InInsensitively { values, wanted } => (values.matches_insensitively(value) == *wanted).into(),
            Self::InGroup { id, wanted } => place.groups.contains(id, value, *wanted),
            Self::All(tests) => match value {
                Json::List(list) => {
                    return all(tests.iter().map(|test| any(list.iter().map(|item| test.eval(item, place)))));
                }
                _ => Verdict::Fails,
            },
            Self::SomeElement(test) => {
                return any(elements(value).map(|item| test.eval(item, place)));
            }
            Self::SomeElementWith(condition) => {
                return any(elements(value).map(|item| condition.eval(place.of(item))));
            }
            Self::Size(test) => match value {
                Json::List(list) => return test.eval(&Json::Number(list.len() as f64), place),
                _ => Verdict::Fails,
            },
            Self::Exists(wanted) => ((*value != Json::Null) == *wanted).into(),
            Self::Type(name) => (name.as_text() == Some(type_of(value))).into(),
            Self::Pattern { pattern, wanted } => {
                let is_match = match (pattern, value) {
                    (Some(pattern), Json::Text(text)) => pattern.is_match(text),
                    _ => false,
                };
                (is_match == *wanted).into()
            }
            Self::Not(test) => return test.eval(value, place).map(|verdict| !verdict),
            Self::Always(verdict) => *verdict,
        })
    }
}

/// The operand of an operator that needs an array.
fn array<'j>(operand: &'j Json, compiler: &mut Compiler) -> Option<&'j [Json]> {
    if operand.as_list().is_none() {
        compiler.fault("this needs an array; it never passes");
    }
    operand.as_list()
}

/// The elements that `$elemMatch` looks at: those of an array that are not `null`.
fn elements(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_list().unwrap_or_default().iter().filter(|item| **item != Json::Null)
}

/// Two numbers or two texts have an order.
fn order(one: &Json, two: &Json) -> Option<Ordering> {
    match (one, two) {
        (Json::Number(one), Json::Number(two)) => one.partial_cmp(two),
        (Json::Text(one), Json::Text(two)) => Some(utf16(one, two)),
        _ => None,
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::Text(_) => "string",
        Json::List(_) => "array",
        Json::Object(_) => "object",
    }
}
