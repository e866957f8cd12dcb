//! The types of flags' values.

use serde_json::Value;
use vitrine_flags::Json;

use crate::compile::Compiler;
use crate::section::flag_schema::Schema;
use crate::source::{At, Kind, shortened};

/// What a flag's values are. The words are those of documents and of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    Boolean,
    String,
    Integer,
    Number,
    /// An object or a list.
    Object,
}

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

impl ValueType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
        }
    }

    /// What a value of the type is, in words.
    fn described(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::String => "a text in quotes",
            Self::Integer => "a whole number up to 2^53",
            Self::Number => "a number",
            Self::Object => "an object or a list",
        }
    }

    fn admits(self, kind: &Kind) -> bool {
        match (self, kind) {
            (Self::Boolean, Kind::Bool(_))
            | (Self::String, Kind::Text(_))
            | (Self::Number, Kind::Number(_))
            | (Self::Object, Kind::Object(_) | Kind::List(_)) => true,
            (Self::Integer, Kind::Number(it)) => {
                it.as_i64().is_some_and(|it| it.unsigned_abs() <= INTEGER_MAX)
                    || (it.is_f64()
                        && it.as_f64().is_some_and(|it| it.fract() == 0.0 && it.abs() <= 9_007_199_254_740_992.0))
            }
            _ => false,
        }
    }

    /// The narrowest type that values of a payload have; `None` if there is none. Of no values it is the first type.
    pub fn of_json(values: &[&Json]) -> Option<Self> {
        let admits = |value_type: Self, value: &Json| match (value_type, value) {
            (Self::Boolean, Json::Bool(_))
            | (Self::String, Json::Text(_))
            | (Self::Number, Json::Number(_))
            | (Self::Object, Json::Object(_) | Json::List(_)) => true,
            (Self::Integer, Json::Number(it)) => it.fract() == 0.0 && it.abs() <= 9_007_199_254_740_992.0,
            _ => false,
        };
        TYPES.iter().map(|(_, it)| *it).find(|value_type| values.iter().all(|it| admits(*value_type, it)))
    }

    /// The narrowest type that all values have; `None` if there is none.
    pub fn of_all<'t>(values: impl Iterator<Item = At<'t>> + Clone) -> Option<Self> {
        TYPES.iter().map(|(_, it)| *it).find(|it| values.clone().all(|at| it.admits(at.kind())))
    }
}

impl<'t> Compiler<'t, '_> {
    /// A value of a flag, checked against its type and schema.
    pub fn value(&mut self, at: At<'t>, value_type: Option<ValueType>, schema: Option<&Schema>) -> Value {
        if let Some(value_type) = value_type
            && !matches!(at.kind(), Kind::Broken)
            && !value_type.admits(at.kind())
        {
            let message = format!("the flag's type is {}, found {at}", value_type.as_str());
            let help = format!("write {}, or change the type", value_type.described());
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
