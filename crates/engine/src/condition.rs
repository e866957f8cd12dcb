//! Conditions over the profile and the context: the compiled form of what a configuration writes, and its evaluation.
//!
//! The operators follow the GrowthBook condition syntax: a missing attribute equals only `null`, orders before and after
//! nothing, and is in no list; a set "is in" a list when they share a label.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::attribute::{AttributeIdx, AttributeName, Context, Profile, Scope, Value};

/// Deepest nesting of a condition that [`crate::Bundle::new`] takes.
pub const CONDITION_DEPTH_MAX: usize = 16;

/// A condition, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Holds when every part holds; an empty one always holds.
    All(Vec<Condition>),
    /// Holds when at least one part holds; an empty one never holds.
    Any(Vec<Condition>),
    /// Holds when the inner condition does not.
    Not(Box<Condition>),
    /// Holds when the attribute passes the test.
    Attribute(AttributeIdx, Test),
}

/// A constant in a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// The absence of a value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A question about one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `$eq`: the value is this one; a set holds this label; `null` means missing.
    Equals(Literal),
    /// `$in`: [`Test::Equals`] holds for one of these.
    In(Vec<Literal>),
    /// `$all`: the value is a set that holds all of these labels.
    HasAll(Vec<String>),
    /// `$lt`: a number below this one.
    Less(f64),
    /// `$lte`: a number not above this one.
    AtMost(f64),
    /// `$gt`: a number above this one.
    Greater(f64),
    /// `$gte`: a number not below this one.
    AtLeast(f64),
    /// `$exists: true`: there is a value.
    Exists,
}

/// Where the values of attributes come from during one evaluation.
pub(crate) struct Sources<'a, P> {
    pub names: &'a [AttributeName],
    pub profile: &'a P,
    pub context: &'a Context,
}

impl<P: Profile> Sources<'_, P> {
    pub fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        match self.names.get(usize::from(attribute.0)) {
            None => Value::Missing,
            Some(AttributeName { scope: Scope::Profile, .. }) => self.profile.value(attribute),
            Some(AttributeName { scope: Scope::Context, name }) => self.context.value(name),
        }
    }

    /// The number of an attribute; truth values are 1 and 0.
    pub fn number(&self, attribute: AttributeIdx) -> Option<f64> {
        match self.value(attribute) {
            Value::Number(it) => Some(it),
            Value::Bool(it) => Some(f64::from(u8::from(it))),
            Value::Missing | Value::Text(_) | Value::Labels => None,
        }
    }

    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool {
        match self.names.get(usize::from(attribute.0)) {
            None => false,
            Some(AttributeName { scope: Scope::Profile, .. }) => self.profile.has_label(attribute, label),
            Some(AttributeName { scope: Scope::Context, name }) => self.context.has_label(name, label),
        }
    }

    fn equals(&self, attribute: AttributeIdx, value: Value<'_>, literal: &Literal) -> bool {
        match (value, literal) {
            (Value::Missing, Literal::Null) => true,
            (Value::Bool(have), Literal::Bool(want)) => have == *want,
            (Value::Number(have), Literal::Number(want)) => have == *want,
            (Value::Text(have), Literal::Text(want)) => have == want,
            (Value::Labels, Literal::Text(want)) => self.has_label(attribute, want),
            _ => false,
        }
    }

    pub fn passes(&self, attribute: AttributeIdx, test: &Test) -> bool {
        let value = self.value(attribute);
        let number = |holds: &dyn Fn(f64) -> bool| matches!(value, Value::Number(it) if holds(it));
        match test {
            Test::Equals(literal) => self.equals(attribute, value, literal),
            Test::In(literals) => literals.iter().any(|it| self.equals(attribute, value, it)),
            Test::HasAll(labels) => {
                value == Value::Labels && labels.iter().all(|label| self.has_label(attribute, label))
            }
            Test::Less(bound) => number(&|it| it < *bound),
            Test::AtMost(bound) => number(&|it| it <= *bound),
            Test::Greater(bound) => number(&|it| it > *bound),
            Test::AtLeast(bound) => number(&|it| it >= *bound),
            Test::Exists => value != Value::Missing,
        }
    }
}

impl Condition {
    /// Whether the condition holds, outside of a decision. `names` are the attributes that its indices point to:
    /// [`crate::Bundle::attributes`].
    pub fn holds<P: Profile>(&self, names: &[AttributeName], profile: &P, context: &Context) -> bool {
        self.check(&Sources { names, profile, context }).is_ok()
    }

    /// Whether the condition holds; if not, the part of it that decided so (for explanations).
    pub(crate) fn check<P: Profile>(&self, sources: &Sources<'_, P>) -> Result<(), &Condition> {
        let holds = match self {
            Condition::All(parts) => return parts.iter().try_for_each(|part| part.check(sources)),
            Condition::Any(parts) => parts.iter().any(|part| part.check(sources).is_ok()),
            Condition::Not(inner) => inner.check(sources).is_err(),
            Condition::Attribute(attribute, test) => sources.passes(*attribute, test),
        };
        if holds { Ok(()) } else { Err(self) }
    }

    /// Levels of nesting; a single test has 1.
    pub(crate) fn depth(&self) -> usize {
        let inner = match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().map(Condition::depth).max().unwrap_or(0),
            Condition::Not(inner) => inner.depth(),
            Condition::Attribute(..) => 0,
        };
        inner.saturating_add(1)
    }

    /// Calls `visit` with every attribute that the condition asks about.
    pub fn attributes(&self, visit: &mut impl FnMut(AttributeIdx)) {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.attributes(visit)),
            Condition::Not(inner) => inner.attributes(visit),
            Condition::Attribute(attribute, _) => visit(*attribute),
        }
    }

    /// The condition in words, for explanations: `profile.segment is "loyal"`.
    pub fn display<'a>(&'a self, names: &'a [AttributeName]) -> impl fmt::Display + 'a {
        Words { condition: self, names }
    }
}

struct Words<'a> {
    condition: &'a Condition,
    names: &'a [AttributeName],
}

impl Words<'_> {
    fn list(&self, f: &mut fmt::Formatter<'_>, parts: &[Condition], separator: &str) -> fmt::Result {
        f.write_str("(")?;
        for (i, condition) in parts.iter().enumerate() {
            if i > 0 {
                f.write_str(separator)?;
            }
            write!(f, "{}", Words { condition, names: self.names })?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.condition {
            Condition::All(parts) => self.list(f, parts, " and "),
            Condition::Any(parts) => self.list(f, parts, " or "),
            Condition::Not(inner) => write!(f, "not {}", Words { condition: inner, names: self.names }),
            Condition::Attribute(attribute, test) => match self.names.get(usize::from(attribute.0)) {
                Some(name) => write!(f, "{name} {test}"),
                None => write!(f, "attribute {} {test}", attribute.0),
            },
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("missing"),
            Literal::Bool(it) => write!(f, "{it}"),
            Literal::Number(it) => write!(f, "{it}"),
            Literal::Text(it) => write!(f, "{it:?}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
            for (i, item) in items.enumerate() {
                write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
            }
            Ok(())
        }
        match self {
            Test::Equals(literal) => write!(f, "is {literal}"),
            Test::In(literals) => {
                f.write_str("is one of ")?;
                list(f, literals.iter())
            }
            Test::HasAll(labels) => {
                f.write_str("has all of ")?;
                list(f, labels.iter())
            }
            Test::Less(bound) => write!(f, "< {bound}"),
            Test::AtMost(bound) => write!(f, "<= {bound}"),
            Test::Greater(bound) => write!(f, "> {bound}"),
            Test::AtLeast(bound) => write!(f, ">= {bound}"),
            Test::Exists => f.write_str("exists"),
        }
    }
}
