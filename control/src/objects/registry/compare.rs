//! How one document differs from another, in words, and what that means for visitors of running experiments.

use serde_json::Value;
use vitrine_api::{Change, Reshuffle};

/// Compares what runs with what may run next.
pub fn compare(before: Option<&str>, after: &str) -> (Vec<Change>, Vec<Reshuffle>) {
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let (before, after) = (before.map_or(Value::Null, read), read(after));
    let mut changes = Vec::new();
    let none = serde_json::Map::new();
    let (old, new) = (before.as_object().unwrap_or(&none), after.as_object().unwrap_or(&none));
    for section in old.keys().chain(new.keys().filter(|it| !old.contains_key(*it))) {
        let (old, new) = (old.get(section), new.get(section));
        if old != new {
            let pointer = format!("/{section}");
            changes.extend(entries(section, old, new));
            if !matches!((old.or(new), new.or(old)), (Some(Value::Array(_)), Some(Value::Array(_)))) {
                changes.push(Change { pointer, text: format!("{section} changed") });
            }
        }
    }
    (changes, Vec::new())
}

fn entries(section: &str, old: Option<&Value>, new: Option<&Value>) -> Vec<Change> {
    let list = |it: Option<&Value>| it.and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, new) = (list(old), list(new));
    let id = |it: &Value| it.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut changes = Vec::new();
    for (i, entry) in new.iter().enumerate() {
        let text = match old.iter().find(|it| id(it) == id(entry)) {
            None => format!("{}: new in {section}", id(entry)),
            Some(before) if before != entry => format!("{}: changed in {section}", id(entry)),
            Some(_) => continue,
        };
        changes.push(Change { pointer: format!("/{section}/{i}"), text });
    }
    for (i, entry) in old.iter().enumerate() {
        if !new.iter().any(|it| id(it) == id(entry)) {
            changes.push(Change {
                pointer: format!("/{section}/{i}"),
                text: format!("{}: gone from {section}", id(entry)),
            });
        }
    }
    changes
}
