//! The types of flags' values.

use serde_json::Value;
use vitrine_flags::{Json, ValueType};

use crate::compile::Compiler;
use crate::section::flag_schema::Schema;
use crate::source::{At, Kind, shortened};

/// The words of documents.
pub(crate) const TYPES: [(&str, ValueType); 5] = [
    ("boolean", ValueType::Boolean),
    ("string", ValueType::String),
    ("integer", ValueType::Integer),
    ("number", ValueType::Number),
    ("object", ValueType::Object),
];

/// Whole numbers that every client holds exactly: up to 2^53.
const INTEGER_MAX: u64 = 1 << 53;

/// What a value of the type is, in words.
fn described(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Boolean => "true or false",
        ValueType::String => "a text in quotes",
        ValueType::Integer => "a whole number up to 2^53",
        ValueType::Number => "a number",
        ValueType::Object => "an object or a list",
    }
}

fn admits(value_type: ValueType, kind: &Kind) -> bool {
    match (value_type, kind) {
        (ValueType::Boolean, Kind::Bool(_))
        | (ValueType::String, Kind::Text(_))
        | (ValueType::Number, Kind::Number(_))
        | (ValueType::Object, Kind::Object(_) | Kind::List(_)) => true,
        (ValueType::Integer, Kind::Number(it)) => {
            it.as_i64().is_some_and(|it| it.unsigned_abs() <= INTEGER_MAX)
                || (it.is_f64()
                    && it.as_f64().is_some_and(|it| it.fract() == 0.0 && it.abs() <= 9_007_199_254_740_992.0))
        }
        _ => false,
    }
}

fn admits_json(value_type: ValueType, value: &Json) -> bool {
    match (value_type, value) {
        (ValueType::Boolean, Json::Bool(_))
        | (ValueType::String, Json::Text(_))
        | (ValueType::Number, Json::Number(_))
        | (ValueType::Object, Json::Object(_) | Json::List(_)) => true,
        (ValueType::Integer, Json::Number(it)) => it.fract() == 0.0 && it.abs() <= 9_007_199_254_740_992.0,
        _ => false,
    }
}

/// The narrowest type that values of a payload have; `None` if there is none. Of no values it is the first type.
pub(crate) fn type_of_json(values: &[&Json]) -> Option<ValueType> {
    TYPES.iter().map(|(_, it)| *it).find(|value_type| values.iter().all(|it| admits_json(*value_type, it)))
}

/// The narrowest type that all values have; `None` if there is none.
pub(crate) fn type_of_all<'t>(values: impl Iterator<Item = At<'t>> + Clone) -> Option<ValueType> {
    TYPES.iter().map(|(_, it)| *it).find(|it| values.clone().all(|at| admits(*it, at.kind())))
}

impl<'t> Compiler<'t, '_> {
    /// A value of a flag, checked against its type and schema.
    pub fn value(&mut self, at: At<'t>, value_type: Option<ValueType>, schema: Option<&Schema>) -> Value {
        if let Some(value_type) = value_type
            && !matches!(at.kind(), Kind::Broken)
            && !admits(value_type, at.kind())
        {
            let message = format!("the flag's type is {}, found {at}", value_type.as_str());
            let help = format!("write {}, or change the type", described(value_type));
            self.report.error(at, "value_does_not_fit", message, help);
        } else if let Some(schema) = schema
            && let Err(breach) = schema.check(at)
        {
            let place = if breach.path.is_empty() { String::new() } else { format!("{}: ", shortened(&breach.path)) };
            let message = format!("the flag's schema refuses the value: {place}{}", breach.message);
            self.report.error(at, "value_breaks_schema", message, "change the value, or the schema of the flag");
        }
        // A tree holds only what JSON can hold, so this cannot fail.
        serde_json::to_value(at).unwrap_or(Value::Null)
    }
}
