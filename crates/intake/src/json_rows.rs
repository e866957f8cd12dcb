//! JSON lines as rows of text: scalars without quotes, lists and objects as JSON, dotted paths into them.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
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

/// Columns that are members of the object itself, by their names. Most lines have the same members in the same order, so after
/// each the one is expected that came after it last.
pub(crate) struct FlatColumns {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    /// Which column came after each; the last place: which came first.
    after: Vec<usize>,
}

impl FlatColumns {
    /// `None` if a name is a path, or stands there twice: then objects are to be looked into.
    pub(crate) fn of<'n>(names: impl Iterator<Item = &'n str>) -> Option<Self> {
        let names: Vec<String> = names.map(str::to_owned).collect();
        let by_name: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
        let is_flat = by_name.len() == names.len() && !names.iter().any(|name| name.contains('.'));
        is_flat.then(|| Self { after: (1..=names.len()).chain([0]).collect(), names, by_name })
    }

    /// The values of an object's members, as they are written, by column: of several of one name the last. `None` if the text
    /// is anything else.
    pub(crate) fn read<'t>(&mut self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let mut found = vec![None; self.names.len()];
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(Fill { columns: self, found: &mut found }).ok()?;
        json.end().ok()?;
        Some(found)
    }

    fn place(&mut self, name: &str, before: usize) -> Option<usize> {
        let expected = self.after.get(before).copied().unwrap_or_default();
        if self.names.get(expected).is_some_and(|column| column == name) {
            return Some(expected);
        }
        let place = self.by_name.get(name).copied()?;
        if let Some(after) = self.after.get_mut(before) {
            *after = place;
        }
        Some(place)
    }
}

/// Takes the values of an object.
struct Fill<'c, 't> {
    columns: &'c mut FlatColumns,
    found: &'c mut [Option<&'t str>],
}

impl<'t> Visitor<'t> for Fill<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        let mut before = self.found.len();
        while let Some((Name(name), value)) = map.next_entry::<Name<'t>, &'t RawValue>()? {
            if let Some(place) = self.columns.place(&name, before)
                && let Some(found) = self.found.get_mut(place)
            {
                *found = Some(value.get());
                before = place;
            }
        }
        Ok(())
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

/// A value of a document that was read, as text: `None` for null, texts without quotes, the rest as it is written.
pub(crate) fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'n') | None => None,
        Some(b'"') => match raw.get(1..raw.len().saturating_sub(1)) {
            Some(text) if !text.as_bytes().contains(&b'\\') => Some(Cow::Borrowed(text)),
            _ => serde_json::from_str::<Name<'_>>(raw).ok().map(|Name(text)| text),
        },
        Some(_) => Some(Cow::Borrowed(raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_find_their_columns_in_any_order() {
        let mut columns = FlatColumns::of(["a", "b", "c"].into_iter()).unwrap();
        let cases: [(&str, Option<[Option<&str>; 3]>); 11] = [
            (r#"{"a":1,"b":"x","c":null}"#, Some([Some("1"), Some("\"x\""), Some("null")])),
            (r#"{"c":3,"a":1}"#, Some([Some("1"), None, Some("3")])),
            (r#"{"c":3,"a":1}"#, Some([Some("1"), None, Some("3")])),
            (r#"{"a":1,"b":2,"c":3}"#, Some([Some("1"), Some("2"), Some("3")])),
            (r#"{"a":1,"x":{"a":5},"a":2}"#, Some([Some("2"), None, None])),
            (r#"{"\u0062":[1, 2]}"#, Some([None, Some("[1, 2]"), None])),
            ("{}", Some([None; 3])),
            (r#"{"a":1"#, None),
            (r#"{"a":1} x"#, None),
            (r#"[{"a":1}]"#, None),
            (r#"{"a":tru}"#, None),
        ];
        for (text, values) in cases {
            assert_eq!(columns.read(text), values.map(Vec::from), "{text}");
            // As when objects are looked into.
            let looked = Object::parse(text).map(|object| ["a", "b", "c"].map(|name| object.raw(name)).to_vec());
            assert_eq!(columns.read(text), looked, "{text}");
        }
        assert!(
            FlatColumns::of(["a", "b.c"].into_iter()).is_none() && FlatColumns::of(["a", "a"].into_iter()).is_none()
        );
    }

    #[test]
    fn scalars_are_unescaped() {
        for (raw, value) in [
            (r#""x""#, Some("x")),
            (r#""""#, Some("")),
            (r#""a\nb""#, Some("a\nb")),
            (r#""\"""#, Some("\"")),
            (r#""\u4e2d""#, Some("中")),
            ("1.50", Some("1.50")),
            ("null", None),
        ] {
            assert_eq!(scalar(raw).as_deref(), value, "{raw}");
        }
    }

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
