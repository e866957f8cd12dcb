//! JSON lines as rows of text: scalars without quotes, lists and objects as JSON, dotted paths into them.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of an object, in its order; values as they are written.
struct Members<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'t> serde::Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'t> Visitor<'t> for Take {
            type Value = Members<'t>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(16));
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Take)
    }
}

/// A name that is borrowed where it can be.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

/// An object.
pub(crate) struct Object<'t> {
    members: Vec<(Cow<'t, str>, &'t RawValue)>,
}

impl<'t> Object<'t> {
    /// Reads an object; `None` if the text is anything else.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        serde_json::from_str::<Members<'t>>(text).ok().map(|Members(members)| Self { members })
    }

    /// The names of its members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_ref())
    }

    /// The last member of that name, as it is written.
    fn member(&self, name: &str) -> Option<&'t str> {
        self.members.iter().rev().find(|(member, _)| member == name).map(|(_, value)| value.get())
    }

    /// The value at a path, as it is written: a member of that very name, else its parts one by one. In a list of `{ key, value }`, as
    /// Google Analytics writes parameters, a part is a key.
    pub(crate) fn raw(&self, path: &str) -> Option<&'t str> {
        if let Some(raw) = self.member(path) {
            return Some(raw);
        }
        let (first, rest) = path.split_once('.')?;
        step(self.member(first)?, rest)
    }

    /// The elements of the list at a path; empty if there is none.
    pub(crate) fn list(&self, path: &str) -> Vec<&'t str> {
        let raw = self.raw(path).and_then(|raw| serde_json::from_str::<Vec<&'t RawValue>>(raw).ok());
        raw.unwrap_or_default().into_iter().map(RawValue::get).collect()
    }
}

/// The value at a path below a value.
pub(crate) fn step<'t>(raw: &'t str, path: &str) -> Option<&'t str> {
    if raw.starts_with('{') {
        return Object::parse(raw)?.raw(path);
    }
    if !raw.starts_with('[') {
        return None;
    }
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let elements = serde_json::from_str::<Vec<&'t RawValue>>(raw).ok()?;
    for element in elements {
        let Some(element) = Object::parse(element.get()) else { continue };
        if element.member("key").and_then(scalar).as_deref() != Some(key) {
            continue;
        }
        let value = element.member("value")?;
        return match (rest, Object::parse(value)) {
            (Some(rest), _) => step(value, rest),
            // One of string_value, int_value, float_value, double_value is there.
            (None, Some(typed)) => typed.members.iter().map(|(_, value)| value.get()).find(|value| *value != "null"),
            (None, None) => Some(value),
        };
    }
    None
}

/// A value as text: `None` for null, texts without quotes, the rest as it is written.
pub(crate) fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'n') | None => None,
        Some(b'"') => serde_json::from_str::<Name<'_>>(raw).ok().map(|Name(text)| text),
        Some(_) => Some(Cow::Borrowed(raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_objects_and_lists_of_keys() {
        let text = r#"{"a":1,"b":{"c":"x\ny","d":[1, 2]},"b.e":true,"a":null,
            "event_params":[{"key":"page","value":{"string_value":"/cart"}},{"key":"n","value":{"int_value":"7","string_value":null}}]}"#;
        let object = Object::parse(text).unwrap();
        for (path, value) in [
            ("a", None),
            ("b", Some(r#"{"c":"x\ny","d":[1, 2]}"#)),
            ("b.c", Some("x\ny")),
            ("b.d", Some("[1, 2]")),
            ("b.e", Some("true")),
            ("b.f", None),
            ("c.d", None),
            ("event_params.page", Some("/cart")),
            ("event_params.n", Some("7")),
            ("event_params.page.string_value", Some("/cart")),
            ("event_params.other", None),
        ] {
            assert_eq!(object.raw(path).and_then(scalar).as_deref(), value, "{path}");
        }
        for text in ["", "1", "[1]", "{", "{\"a\":}", "{}{}", "null"] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }
}
