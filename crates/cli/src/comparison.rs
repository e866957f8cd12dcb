//! What a publication would change, for people.

use crate::failure::Failure;
use crate::headcount;
use crate::ui::{Ui, count};
use serde::Serialize;
use serde_json::Value;
use vitrine_api::{Change, Comparison, Reshuffle};
use vitrine_config::{Checked, count_changes};
use vitrine_engine::TimestampMs;
use vitrine_tables::TableDir;

/// A comparison, and what a profile table adds to it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Told {
    /// Differences, and what they mean for visitors. With a table its visitors are compared, else made-up ones.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What was counted in the table, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Counted>,
}

/// What was counted in a table.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// Visitors of the table.
    pub visitors: u64,
    /// Rules that admit another number of them than before, or are new.
    pub rules: Vec<RuleTold>,
}

/// How many visitors a rule admits.
#[derive(Clone, Debug, Serialize)]
pub struct RuleTold {
    /// JSON pointer to the audience, offer or experiment in the newer document.
    pub pointer: String,
    /// Visitors that it admits.
    pub visitors: u64,
    /// Whether that is the most that it can admit, because it also asks about the request.
    pub at_most: bool,
    /// Visitors that it admitted before; absent for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<u64>,
    /// In words.
    pub text: String,
}

/// Reads what the Worker says.
pub fn read(value: &Value) -> Comparison {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// Differences line by line, then what they mean for visitors.
pub fn shown(comparison: &Comparison, against: &str) -> String {
    told(&Told { comparison: comparison.clone(), table: None }, against)
}

/// [`shown`], with what was counted.
pub fn told(told: &Told, against: &str) -> String {
    let Told { comparison: Comparison { changes, reshuffle, .. }, table } = told;
    let mut text = match changes.len() {
        0 => format!("no difference to {against}\n"),
        1 => format!("1 difference to {against}:\n"),
        n => format!("{n} differences to {against}:\n"),
    };
    for Change { text: words, .. } in changes {
        text.push_str(&format!("  {words}\n"));
    }
    match table {
        Some(Counted { visitors, rules }) if !(rules.is_empty() && reshuffle.is_empty()) => {
            text.push_str(&format!("for the {} visitors of the table:\n", count(*visitors)));
            for RuleTold { text: words, .. } in rules {
                text.push_str(&format!("  {words}\n"));
            }
        }
        None if !reshuffle.is_empty() => text.push_str("for visitors (an estimate):\n"),
        _ => {}
    }
    for Reshuffle { text: words, needs_allow, .. } in reshuffle {
        let needs = if *needs_allow { " — needs a new phase, or --allow-reshuffle" } else { "" };
        text.push_str(&format!("  {words}{needs}\n"));
    }
    text
}

/// Compares two checked configurations on this machine.
pub fn local(old: &Checked, new: &Checked) -> Comparison {
    let change = |it: vitrine_config::Change| Change { pointer: it.pointer, text: it.text };
    let changes = vitrine_config::diff(Some(&old.document), &new.document).into_iter().map(change).collect();
    let reshuffle = vitrine_config::reshuffle(old, new);
    let reshuffle = reshuffle.into_iter().map(|it| (it.text(), it)).map(|(text, it)| wire(it, text)).collect();
    Comparison { against: None, changes, reshuffle }
}

/// Counts in a table what a comparison means for its visitors. `now` as for [`headcount::compare`].
///
/// # Errors
/// 1 if the table cannot be read or is not sound.
pub fn with_table(
    comparison: Comparison,
    table: &TableDir,
    [old, new]: [&Checked; 2],
    now: Option<TimestampMs>,
    ui: &Ui,
) -> Result<Told, Failure> {
    let headcount::Compared { old, new, reshuffle, times } = headcount::compare(table, [old, new], now, ui)?;
    let rules = count_changes(&old, &new).into_iter().map(|it| RuleTold {
        pointer: format!("/{}/{}", it.count.rule.section(), it.count.idx),
        visitors: it.count.n_visitors,
        at_most: it.count.is_at_most,
        was: it.was,
        text: it.text,
    });
    let table = Counted { visitors: new.n_visitors, rules: rules.collect() };
    let reshuffle = reshuffle.into_iter().map(|it| (it.text_of_table(times), it));
    let reshuffle = reshuffle.map(|(text, it)| wire(it, text)).collect();
    Ok(Told { comparison: Comparison { reshuffle, ..comparison }, table: Some(table) })
}

fn wire(it: vitrine_config::Reshuffle, text: String) -> Reshuffle {
    let moved_percent = it.share().unwrap_or(0.0) * 100.0;
    let vitrine_config::Reshuffle { flag, experiment, needs_allow, .. } = it;
    Reshuffle { pointer: String::new(), flag, experiment, moved_percent, needs_allow, text }
}
