//! What conditions can ask about: attributes of the profile and of the request's context, and the values that they have.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::items::ItemIdx;

/// Position of an attribute in [`crate::Bundle::attributes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeIdx(pub u16);

/// Where the value of an attribute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A column of the visitor's row in the profile table. Missing when there is no row.
    Profile,
    /// A property of the request: page, device, locale, or whatever the caller sends.
    Context,
}

/// Name of an attribute as configurations write it: `profile.segment`, `context.country`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeName {
    /// Which of the two sources holds it.
    pub scope: Scope,
    /// The name behind the dot.
    pub name: String,
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Profile => "profile",
            Scope::Context => "context",
        };
        write!(f, "{scope}.{}", self.name)
    }
}

/// The value of one attribute for one visitor in one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not known: no profile, an empty column, or a context attribute that the caller did not send.
    Missing,
    /// A truth value.
    Bool(bool),
    /// A finite number, in the unit of its column.
    Number(f64),
    /// A text or a category.
    Text(&'a str),
    /// A set of labels. Its members are asked for one by one, see [`Profile::has_label`], so no list is built.
    Labels,
}

/// One visitor's row, as the engine needs it.
///
/// Implementations decode a column only when it is asked for. They never fail: what cannot be read is [`Value::Missing`].
pub trait Profile {
    /// Value of the profile attribute at `attribute`, an index into [`crate::Bundle::attributes`].
    fn value(&self, attribute: AttributeIdx) -> Value<'_>;

    /// Whether the set column at `attribute` holds `label`. `false` when it is not a set.
    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool;

    /// Calls `visit` with each item of the visitor's history and its weight (0..=1, strongest first).
    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32));

    /// Calls `visit` with the visitor's direction among the items, if the row has one: as many signed bytes as the vectors
    /// of the items have. Default: it has none.
    fn vector(&self, visit: &mut dyn FnMut(&[u8])) {
        let _ = visit;
    }
}

/// A visitor of whom nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProfile;

impl Profile for NoProfile {
    fn value(&self, _: AttributeIdx) -> Value<'_> {
        Value::Missing
    }

    fn has_label(&self, _: AttributeIdx, _: &str) -> bool {
        false
    }

    fn history(&self, _: &mut dyn FnMut(ItemIdx, f32)) {}
}

/// A value that a caller sends with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum ContextValue {
    /// A truth value.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
    /// A set of labels.
    Labels(Vec<String>),
}

/// What the caller tells about this request: attributes by name, the session's items, locale and channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Sorted by name, each name once (kept so by [`Context::set`]).
    attributes: Vec<(String, ContextValue)>,
    /// Items of this session (viewed, in the cart), the most recent first.
    pub items: Vec<String>,
    /// BCP 47 language tag of the page, for the choice of creatives.
    pub locale: Option<String>,
    /// Channel of the request (`web`, `app`, `email`, …), for the choice of creatives.
    pub channel: Option<String>,
}

impl Context {
    /// Sets the attribute `name`, replacing an earlier value.
    pub fn set(&mut self, name: &str, value: ContextValue) {
        match self.attributes.binary_search_by(|(have, _)| have.as_str().cmp(name)) {
            Ok(at) => {
                if let Some(slot) = self.attributes.get_mut(at) {
                    slot.1 = value;
                }
            }
            Err(at) => self.attributes.insert(at, (String::from(name), value)),
        }
    }

    /// The attribute `name`, if the caller sent it.
    pub fn get(&self, name: &str) -> Option<&ContextValue> {
        let at = self.attributes.binary_search_by(|(have, _)| have.as_str().cmp(name)).ok()?;
        self.attributes.get(at).map(|(_, value)| value)
    }

    /// All attributes, by rising name.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn value(&self, name: &str) -> Value<'_> {
        match self.get(name) {
            None => Value::Missing,
            Some(ContextValue::Bool(it)) => Value::Bool(*it),
            Some(ContextValue::Number(it)) => Value::Number(*it),
            Some(ContextValue::Text(it)) => Value::Text(it),
            Some(ContextValue::Labels(_)) => Value::Labels,
        }
    }

    pub(crate) fn has_label(&self, name: &str, label: &str) -> bool {
        match self.get(name) {
            Some(ContextValue::Labels(labels)) => labels.iter().any(|it| it == label),
            _ => false,
        }
    }
}
