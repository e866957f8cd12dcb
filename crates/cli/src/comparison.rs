//! What a publication would change, for people.

use serde_json::Value;
use vitrine_api::{Change, Comparison, Reshuffle};

/// Reads what the Worker says.
pub fn read(value: &Value) -> Comparison {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// Differences line by line, then what they mean for visitors.
pub fn shown(comparison: &Comparison, against: &str) -> String {
    let Comparison { changes, reshuffle, .. } = comparison;
    let mut text = match changes.len() {
        0 => format!("no difference to {against}\n"),
        1 => format!("1 difference to {against}:\n"),
        n => format!("{n} differences to {against}:\n"),
    };
    for Change { text: words, .. } in changes {
        text.push_str(&format!("  {words}\n"));
    }
    if !reshuffle.is_empty() {
        text.push_str("for visitors (an estimate):\n");
    }
    for Reshuffle { text: words, needs_allow, .. } in reshuffle {
        let needs = if *needs_allow { " — needs a new phase, or --allow-reshuffle" } else { "" };
        text.push_str(&format!("  {words}{needs}\n"));
    }
    text
}

/// Compares two checked configurations on this machine.
pub fn local(old: &vitrine_config::Checked, new: &vitrine_config::Checked) -> Comparison {
    let change = |it: vitrine_config::Change| Change { pointer: it.pointer, text: it.text };
    let changes = vitrine_config::diff(Some(&old.document), &new.document).into_iter().map(change).collect();
    let reshuffle = vitrine_config::reshuffle(old, new).into_iter().map(told).collect();
    Comparison { against: None, changes, reshuffle }
}

fn told(it: vitrine_config::Reshuffle) -> Reshuffle {
    let moved_percent = it.share().unwrap_or(0.0) * 100.0;
    let reasons = if it.reasons.is_empty() { String::new() } else { format!(" ({})", it.reasons.join(", ")) };
    let text = match &it.experiment {
        Some(id) => format!("{id}: {moved_percent:.1} % of its visitors would change their variation{reasons}"),
        None => format!("{}: {moved_percent:.1} % of all visitors would get another value{reasons}", it.flag),
    };
    let vitrine_config::Reshuffle { flag, experiment, needs_allow, .. } = it;
    Reshuffle { pointer: String::new(), flag, experiment, moved_percent, needs_allow, text }
}
