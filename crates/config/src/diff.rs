//! What changes between two documents, in words that a marketer reads before publishing: `hero-test: bold 50 % -> 70 %`.
//!
//! Works on canonical documents ([`crate::Checked::document`]). Entries are matched by their ids, so that moving one is not removing and adding
//! it. What has no words of its own is named by its path; nothing that differs is left out.

mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use words::{Scope, Subject};

/// Whether something is new, gone or different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only in the new document.
    Added,
    /// Only in the old document.
    Removed,
    /// In both, and different.
    Changed,
}

impl ChangeKind {
    /// The word of the API: `added`, `removed` or `changed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened to the value at [`Self::pointer`].
    pub kind: ChangeKind,
    /// JSON pointer (RFC 6901) into the new document; of what was removed, into the old one.
    pub pointer: String,
    /// What changes, for people.
    pub text: String,
}

/// All differences, in the order of the sections and of their entries in the new document; what was removed comes last in its section.
///
/// `None` is a document with nothing in it. Empty if and only if the documents are equal (objects have no order).
pub fn diff(old: Option<&Value>, new: &Value) -> Vec<Change> {
    let empty = Value::Object(Map::new());
    let old = old.unwrap_or(&empty);
    let mut differ = Differ { zones: [zone(old), zone(new)], changes: Vec::new() };
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        differ.value(&Subject::document(), "", &Place::both(String::new()), old, new);
        return differ.changes;
    };
    let mut keys: Vec<&String> = new.keys().chain(old.keys().filter(|it| !new.contains_key(*it))).collect();
    keys.sort_by_key(|key| (words::rank(key), key.as_str()));
    for key in keys {
        differ.section(key, old.get(key), new.get(key));
    }
    differ.changes
}

/// The time zone of a document's settings.
fn zone(document: &Value) -> Option<&str> {
    document.get("settings")?.get("time_zone")?.as_str()
}

/// Where a value is in the old and in the new document.
#[derive(Clone)]
struct Place {
    old: String,
    new: String,
}

impl Place {
    fn both(pointer: String) -> Self {
        Self { old: pointer.clone(), new: pointer }
    }

    fn key(&self, key: &str) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { old: format!("{}/{key}", self.old), new: format!("{}/{key}", self.new) }
    }

    fn at(&self, old: usize, new: usize) -> Self {
        Self { old: format!("{}/{old}", self.old), new: format!("{}/{new}", self.new) }
    }
}

struct Differ<'v> {
    /// Time zones of the old and the new settings.
    zones: [Option<&'v str>; 2],
    changes: Vec<Change>,
}

impl<'v> Differ<'v> {
    fn section(&mut self, key: &str, old: Option<&'v Value>, new: Option<&'v Value>) {
        let place = Place::both(String::new()).key(key);
        let entries = |value: Option<&'v Value>| value.and_then(Value::as_array).map(Vec::as_slice);
        let is_list = |value: Option<&'v Value>| value.is_none_or(Value::is_array);
        if !(is_list(old) && is_list(new)) {
            return self.member(&Subject::document(), "", &place, key, [old, new]);
        }
        let (old_entries, new_entries) = (entries(old).unwrap_or_default(), entries(new).unwrap_or_default());
        // A list without entries means the same as none, but is another document.
        if old_entries.is_empty() && new_entries.is_empty() && old != new {
            return self.member(&Subject::document(), "", &place, key, [old, new]);
        }
        let Some(matched) = by_id(old_entries, new_entries) else {
            return self.list(&Subject::document(), key, &place, old_entries, new_entries);
        };
        for (id, old_idx, new_idx) in &matched {
            let subject = Subject::entry(key, id);
            let pair = [old_idx.and_then(|it| old_entries.get(it)), new_idx.and_then(|it| new_entries.get(it))];
            let place = place.at(old_idx.unwrap_or_default(), new_idx.unwrap_or_default());
            match pair {
                [Some(old), Some(new)] => self.entry(&subject, &place, old, new),
                [None, Some(new)] => {
                    let text = format!("{subject}: added{}", words::introduction(key, new, self.zones[1]));
                    self.push(ChangeKind::Added, &place, text);
                }
                [Some(_), None] => self.push(ChangeKind::Removed, &place, format!("{subject}: removed")),
                [None, None] => {}
            }
        }
        self.order(&format!("{key}: "), &place, &matched);
    }

    /// An entry of a section.
    fn entry(&mut self, subject: &Subject, place: &Place, old: &'v Value, new: &'v Value) {
        let zones = [self.zones[0], self.zones[1]];
        let own = |entry: &'v Value, of_settings| entry.get("time_zone").and_then(Value::as_str).or(of_settings);
        self.zones = [own(old, zones[0]), own(new, zones[1])];
        self.value(subject, "", place, old, new);
        self.zones = zones;
    }

    /// A value at `path` inside of its entry.
    fn value(&mut self, subject: &Subject, path: &str, place: &Place, old: &'v Value, new: &'v Value) {
        if old == new {
            return;
        }
        match (old, new) {
            _ if words::are_wholes(path, old, new) => {
                let scope = Scope { subject, path, zones: self.zones };
                self.push(ChangeKind::Changed, place, scope.changed(old, new));
            }
            (Value::Object(old), Value::Object(new)) => {
                for key in new.keys().chain(old.keys().filter(|it| !new.contains_key(*it))) {
                    self.member(subject, path, &place.key(key), key, [old.get(key), new.get(key)]);
                }
            }
            (Value::Array(old), Value::Array(new)) => self.list(subject, path, place, old, new),
            _ => {
                let scope = Scope { subject, path, zones: self.zones };
                self.push(ChangeKind::Changed, place, scope.changed(old, new));
            }
        }
    }

    /// A member of an object, that at least one of the documents has.
    fn member(&mut self, subject: &Subject, path: &str, place: &Place, key: &str, pair: [Option<&'v Value>; 2]) {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        self.element(subject, &path, place, pair);
    }

    fn list(&mut self, subject: &Subject, path: &str, place: &Place, old: &'v [Value], new: &'v [Value]) {
        if let Some(matched) = by_id(old, new) {
            for (id, old_idx, new_idx) in &matched {
                let pair = [old_idx.and_then(|it| old.get(it)), new_idx.and_then(|it| new.get(it))];
                let place = place.at(old_idx.unwrap_or_default(), new_idx.unwrap_or_default());
                self.element(subject, &format!("{path} {id}"), &place, pair);
            }
            return self.order(&format!("{subject}: {path}: "), place, &matched);
        }
        // The same at the beginning and at the end is left alone; what is between is compared in order.
        let n_same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old_rest, new_rest) = (old.get(n_same..).unwrap_or_default(), new.get(n_same..).unwrap_or_default());
        let n_tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
        let n_old = old_rest.len().saturating_sub(n_tail);
        let n_new = new_rest.len().saturating_sub(n_tail);
        for step in 0..n_old.max(n_new) {
            let idx = n_same.saturating_add(step);
            let pair = [old.get(idx).filter(|_| step < n_old), new.get(idx).filter(|_| step < n_new)];
            let number = idx.saturating_add(1);
            self.element(subject, &format!("{path} {number}"), &place.at(idx, idx), pair);
        }
    }

    fn element(&mut self, subject: &Subject, path: &str, place: &Place, pair: [Option<&'v Value>; 2]) {
        let scope = Scope { subject, path, zones: self.zones };
        match pair {
            [Some(old), Some(new)] => self.value(subject, path, place, old, new),
            [None, Some(new)] => {
                let text = scope.added(new);
                self.push(ChangeKind::Added, place, text);
            }
            [Some(old), None] => {
                let text = scope.removed(old);
                self.push(ChangeKind::Removed, place, text);
            }
            [None, None] => {}
        }
    }

    /// Says when entries that are in both documents have another order.
    fn order(&mut self, before: &str, place: &Place, matched: &[Matched]) {
        let mut kept: Vec<(usize, &str)> =
            matched.iter().filter_map(|(id, old, new)| new.and(*old).map(|old| (old, id.as_str()))).collect();
        if !kept.is_sorted_by_key(|(old, _)| *old) {
            let ids: Vec<&str> = kept.drain(..).map(|(_, id)| id).collect();
            let text = format!("{before}another order: {}", words::listed(&ids));
            self.push(ChangeKind::Changed, place, text);
        }
    }

    fn push(&mut self, kind: ChangeKind, place: &Place, text: String) {
        let pointer = if kind == ChangeKind::Removed { place.old.clone() } else { place.new.clone() };
        self.changes.push(Change { kind, pointer, text });
    }
}

/// An entry: its id, its place in the old list, its place in the new one.
type Matched = (String, Option<usize>, Option<usize>);

/// Entries by their ids, in the order of the new list, then those that are only in the old one; `None` if not all have different ids.
///
/// A text stands for itself: lists of ids are matched as lists of entries are.
fn by_id(old: &[Value], new: &[Value]) -> Option<Vec<Matched>> {
    let id = |value: &Value| match value {
        Value::Object(entry) => match entry.get("id")? {
            Value::String(it) => Some(it.clone()),
            Value::Number(it) => Some(it.to_string()),
            _ => None,
        },
        Value::String(it) => Some(it.clone()),
        _ => None,
    };
    let index = |list: &[Value]| -> Option<BTreeMap<String, usize>> {
        let ids: Option<BTreeMap<String, usize>> =
            list.iter().enumerate().map(|(idx, it)| Some((id(it)?, idx))).collect();
        ids.filter(|it| it.len() == list.len())
    };
    let (old_by_id, new_by_id) = (index(old)?, index(new)?);
    let of_new = new.iter().enumerate().filter_map(|(idx, it)| {
        let id = id(it)?;
        let old_idx = old_by_id.get(&id).copied();
        Some((id, old_idx, Some(idx)))
    });
    let of_old = old.iter().enumerate().filter_map(|(idx, it)| {
        let id = id(it)?;
        (!new_by_id.contains_key(&id)).then_some((id, Some(idx), None))
    });
    Some(of_new.chain(of_old).collect())
}
