//! Where a condition looks: paths into attributes, and what they lead to.

use crate::json::{Json, NULL, Object};
use std::borrow::Cow;

/// The attribute that tells the remote groups of a visitor.
const REMOTE_GROUPS: &str = "__gb_remoteGroupIds";
/// The attribute that holds the visitor's profile.
const PROFILE: &str = "profile";

/// A path like `company.plan` or `tags.0`, split once.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    first: Box<str>,
    rest: Vec<Box<str>>,
}

impl Path {
    pub(crate) fn new(path: &str) -> Self {
        let mut segments = path.split('.').map(Box::from);
        Self { first: segments.next().unwrap_or_default(), rest: segments.collect() }
    }

    /// The column of the visitor's profile that it reads: `Some(None)` if it reads the profile as a whole.
    pub(crate) fn profile_column(&self) -> Option<Option<&str>> {
        (*self.first == *PROFILE).then(|| self.rest.first().map(|column| &**column))
    }
}

/// What a condition is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'s> {
    /// A visitor.
    Visitor {
        /// The visitor's attributes.
        attributes: &'s Object,
        /// Ids of remote groups that were looked up; they hide the attribute of the same meaning.
        remote_groups: Option<&'s Json>,
    },
    /// A prerequisite, which has the one attribute `value`.
    Value(&'s Json),
    /// An element of an array.
    Element(&'s Json),
}

impl<'s> Subject<'s> {
    /// The value at `path`; `null` if there is none.
    #[inline]
    pub(crate) fn get(self, path: &Path) -> Cow<'s, Json> {
        let first = match self {
            Self::Visitor { remote_groups: Some(groups), .. } if *path.first == *REMOTE_GROUPS => Some(groups),
            Self::Visitor { attributes, .. } => attributes.get(&path.first),
            Self::Value(value) => (*path.first == *"value").then_some(value),
            Self::Element(element) => return descend(element, std::iter::once(&path.first).chain(&path.rest)),
        };
        match first {
            None => Cow::Borrowed(&NULL),
            Some(first) if path.rest.is_empty() => Cow::Borrowed(first),
            Some(first) => descend(first, path.rest.iter()),
        }
    }

    /// The ids of the remote groups that the subject is in, as far as anybody told.
    pub(crate) fn remote_groups(self) -> Option<&'s Json> {
        match self {
            Self::Visitor { remote_groups: Some(groups), .. } => Some(groups),
            Self::Visitor { attributes, .. } => attributes.get(REMOTE_GROUPS),
            Self::Value(_) => None,
            Self::Element(element) => element.get(REMOTE_GROUPS),
        }
    }
}

/// Follows own members of objects, indices of arrays and their `length`.
fn descend<'s, 'p>(start: &'s Json, path: impl Iterator<Item = &'p Box<str>>) -> Cow<'s, Json> {
    let mut current = Cow::Borrowed(start);
    for segment in path {
        let Cow::Borrowed(json) = current else { return Cow::Borrowed(&NULL) };
        let next = match json {
            Json::Object(object) => object.get(segment),
            Json::List(list) if **segment == *"length" => {
                current = Cow::Owned(Json::Number(list.len() as f64));
                continue;
            }
            Json::List(list) => index(segment).and_then(|at| list.get(at)),
            _ => None,
        };
        match next {
            Some(next) => current = Cow::Borrowed(next),
            None => return Cow::Borrowed(&NULL),
        }
    }
    current
}

/// "0" and "12", but not "01" or "+1".
fn index(segment: &str) -> Option<usize> {
    let is_canonical = segment == "0" || segment.starts_with(|c: char| ('1'..='9').contains(&c));
    if is_canonical { segment.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_own_members() {
        let json = Json::parse(br#"{"a": {"b": [1, {"c": "x"}], "length": 7}, "a.b": 9, "s": "text"}"#).unwrap();
        for (path, expected) in [
            ("a.b.0", "1"),
            ("a.b.1.c", "\"x\""),
            ("a.b.01", "null"),
            ("a.b.2", "null"),
            ("a.b.-1", "null"),
            ("a.b.length", "2"),
            ("a.b.length.x", "null"),
            ("a.length", "7"),
            ("s.length", "null"),
            ("s.0", "null"),
            ("toString", "null"),
            ("", "null"),
            ("a.b.", "null"),
        ] {
            let path = Path::new(path);
            let visitor = Subject::Visitor { attributes: json.as_object().unwrap(), remote_groups: None };
            assert_eq!(visitor.get(&path).to_string(), expected, "{path:?}");
            assert_eq!(Subject::Element(&json).get(&path).to_string(), expected, "{path:?}");
        }
    }
}
