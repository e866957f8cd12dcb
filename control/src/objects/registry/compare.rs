//! How one document differs from another, in words, and what that means for visitors of running experiments.

use serde_json::Value;
use vitrine_api::{Change, Reshuffle};
use vitrine_config::{Checked, Format};
use vitrine_engine::TimestampMs;

use super::now_ms;

fn read(document: &str) -> Value {
    // What is stored was written from such a value.
    serde_json::from_str(document).unwrap_or_default()
}

/// All differences between two stored documents, in words.
pub fn changes(before: Option<&str>, after: &str) -> Vec<Change> {
    let (before, after) = (before.map(read), read(after));
    let change = |it: vitrine_config::Change| Change { pointer: it.pointer, text: it.text };
    vitrine_config::diff(before.as_ref(), &after).into_iter().map(change).collect()
}

/// What would happen to visitors of running experiments and flags if one document took the other's place now.
pub fn reshuffle(before: &str, after: &Checked) -> Vec<Reshuffle> {
    let Ok(before) = vitrine_config::check(before, Format::Json) else {
        // Published by an earlier release with other rules: what it means for visitors is not known.
        return Vec::new();
    };
    let found = vitrine_config::reshuffle_at(&before, after, TimestampMs(now_ms()));
    found.into_iter().map(|it| told(it, &before.document, &after.document)).collect()
}

fn told(it: vitrine_config::Reshuffle, before: &Value, after: &Value) -> Reshuffle {
    let moved_percent = it.share().unwrap_or(0.0) * 100.0;
    let (section, id) = match &it.experiment {
        Some(experiment) => ("experiments", experiment),
        None => ("flags", &it.flag),
    };
    let pointer = place(after, section, id).or_else(|| place(before, section, id)).unwrap_or_default();
    let text = it.text();
    let vitrine_config::Reshuffle { flag, experiment, needs_allow, .. } = it;
    Reshuffle { pointer, flag, experiment, moved_percent, needs_allow, text }
}

/// JSON pointer to the entry of a section with this id.
fn place(document: &Value, section: &str, id: &str) -> Option<String> {
    let entries = document.get(section)?.as_array()?;
    let idx = entries.iter().position(|it| it.get("id").and_then(Value::as_str) == Some(id))?;
    Some(format!("/{section}/{idx}"))
}
