//! Conditions as they are stored.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use vitrine_engine::{AttributeIdx, Condition, Literal, Test};

use crate::exact::Exact;

/// A condition: an object with one member that says which kind it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionWire {
    All(Vec<ConditionWire>),
    Any(Vec<ConditionWire>),
    Not(Box<ConditionWire>),
    /// Index of the attribute, and the question.
    Is(u16, TestWire),
}

/// A question about one attribute.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestWire {
    Eq(LiteralWire),
    In(Vec<LiteralWire>),
    All(Vec<String>),
    Lt(Exact),
    Lte(Exact),
    Gt(Exact),
    Gte(Exact),
    Exists,
}

/// `null`, a truth value, a number or a text.
pub struct LiteralWire(pub Literal);

impl Serialize for LiteralWire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Literal::Null => serializer.serialize_unit(),
            Literal::Bool(it) => serializer.serialize_bool(*it),
            Literal::Number(it) => serializer.serialize_f64(*it),
            Literal::Text(it) => serializer.serialize_str(it),
        }
    }
}

impl<'de> Deserialize<'de> for LiteralWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let literal = match raw.get().as_bytes().first() {
            Some(b'n') => Literal::Null,
            Some(b't') => Literal::Bool(true),
            Some(b'f') => Literal::Bool(false),
            Some(b'"') => Literal::Text(serde_json::from_slice(raw.get().as_bytes()).map_err(D::Error::custom)?),
            _ => match raw.get().parse() {
                Ok(number) if f64::is_finite(number) => Literal::Number(number),
                _ => return Err(D::Error::custom(format!("expected a constant, found {}", raw.get()))),
            },
        };
        Ok(Self(literal))
    }
}

impl From<&Condition> for ConditionWire {
    fn from(condition: &Condition) -> Self {
        let all = |parts: &[Condition]| parts.iter().map(Self::from).collect();
        match condition {
            Condition::All(parts) => Self::All(all(parts)),
            Condition::Any(parts) => Self::Any(all(parts)),
            Condition::Not(inner) => Self::Not(Box::new(Self::from(&**inner))),
            Condition::Attribute(attribute, test) => Self::Is(attribute.0, test.into()),
        }
    }
}

impl From<ConditionWire> for Condition {
    fn from(wire: ConditionWire) -> Self {
        let all = |parts: Vec<ConditionWire>| parts.into_iter().map(Self::from).collect();
        match wire {
            ConditionWire::All(parts) => Self::All(all(parts)),
            ConditionWire::Any(parts) => Self::Any(all(parts)),
            ConditionWire::Not(inner) => Self::Not(Box::new(Self::from(*inner))),
            ConditionWire::Is(attribute, test) => Self::Attribute(AttributeIdx(attribute), test.into()),
        }
    }
}

impl From<&Test> for TestWire {
    fn from(test: &Test) -> Self {
        match test {
            Test::Equals(literal) => Self::Eq(LiteralWire(literal.clone())),
            Test::In(literals) => Self::In(literals.iter().cloned().map(LiteralWire).collect()),
            Test::HasAll(labels) => Self::All(labels.clone()),
            Test::Less(bound) => Self::Lt(Exact(*bound)),
            Test::AtMost(bound) => Self::Lte(Exact(*bound)),
            Test::Greater(bound) => Self::Gt(Exact(*bound)),
            Test::AtLeast(bound) => Self::Gte(Exact(*bound)),
            Test::Exists => Self::Exists,
        }
    }
}

impl From<TestWire> for Test {
    fn from(wire: TestWire) -> Self {
        match wire {
            TestWire::Eq(literal) => Self::Equals(literal.0),
            TestWire::In(literals) => Self::In(literals.into_iter().map(|it| it.0).collect()),
            TestWire::All(labels) => Self::HasAll(labels),
            TestWire::Lt(bound) => Self::Less(bound.0),
            TestWire::Lte(bound) => Self::AtMost(bound.0),
            TestWire::Gt(bound) => Self::Greater(bound.0),
            TestWire::Gte(bound) => Self::AtLeast(bound.0),
            TestWire::Exists => Self::Exists,
        }
    }
}
