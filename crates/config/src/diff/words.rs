//! The words of a difference: how subjects are called, and how percentages, times, hashes and values read.

use std::fmt;

use serde_json::Value;

/// Sections in the order in which they are told, and what one of their entries is called.
const SECTIONS: [(&str, &str); 13] = [
    ("version", ""),
    ("settings", ""),
    ("saved_groups", "saved group"),
    ("audiences", "audience"),
    ("metrics", "metric"),
    ("layers", "layer"),
    ("holdouts", "holdout"),
    ("flags", "flag"),
    // Called by their ids alone: they are what most changes are about.
    ("experiments", ""),
    ("offers", "offer"),
    ("campaigns", "campaign"),
    ("placements", "placement"),
    ("alerts", ""),
];

/// Keys whose numbers are percentages.
const PERCENT_KEYS: [&str; 7] = ["coverage", "share", "weight", "from", "to", "winsorise", "minimum_effect"];
/// Keys whose texts are times.
const TIME_KEYS: [&str; 4] = ["starts", "ends", "at", "deadline"];
/// Keys whose values read better as wholes.
const WHOLE_KEYS: [&str; 4] = ["when", "value", "default", "schema"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Most characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 80;

/// The place of a section among the others.
pub(super) fn rank(section: &str) -> usize {
    SECTIONS.iter().position(|(key, _)| *key == section).unwrap_or(SECTIONS.len())
}

/// Whether the values at a path are told as wholes: hashes always, others when they are short enough to be read.
pub(super) fn are_wholes(path: &str, old: &Value, new: &Value) -> bool {
    let key = last(path);
    let is_short = |it: &Value| it.to_string().chars().count() <= SHOWN_CHARS_MAX;
    key == "hashes" || (WHOLE_KEYS.contains(&key) && is_short(old) && is_short(new))
}

/// What a change is about: an entry, or the document.
pub(super) struct Subject {
    name: String,
}

impl Subject {
    pub fn document() -> Self {
        Self { name: String::new() }
    }

    pub fn entry(section: &str, id: &str) -> Self {
        let what = SECTIONS.iter().find(|(key, _)| *key == section).map_or(section, |(_, what)| what);
        Self { name: if what.is_empty() { id.to_owned() } else { format!("{what} {id}") } }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A value's surroundings.
pub(super) struct Scope<'s> {
    pub subject: &'s Subject,
    /// Keys from the entry to the value, joined by dots.
    pub path: &'s str,
    /// Time zones of local times, old and new.
    pub zones: [Option<&'s str>; 2],
}

impl Scope<'_> {
    pub fn changed(&self, old: &Value, new: &Value) -> String {
        let [old_zone, new_zone] = self.zones;
        let key = last(self.path);
        if let (Some(old), Some(new)) = (n_hashes(key, old), n_hashes(key, new)) {
            return self.line(&format!("{old} ids -> {new} ids"));
        }
        if let (Some(old), Some(new)) = (time(key, old, old_zone), time(key, new, new_zone)) {
            return self.line(&format!("{} {new}, was {old}", self.name()));
        }
        let text = format!("{} {} -> {}", self.name(), self.shown(old), self.shown(new));
        if self.path == "settings.time_zone" {
            return self.line(&format!("{text}; every local time without a zone of its own moves"));
        }
        if self.path == "status" {
            return self.line(&format!("{} -> {}", self.shown(old), self.shown(new)));
        }
        self.line(&text)
    }

    pub fn added(&self, new: &Value) -> String {
        let key = last(self.path);
        if let Some(n) = n_hashes(key, new) {
            return self.line(&format!("{n} ids"));
        }
        if let Some(new) = time(key, new, self.zones[1]) {
            return self.line(&format!("{} {new}", self.name()));
        }
        self.line(&format!("{} {} added", self.name(), self.shown(new)))
    }

    pub fn removed(&self, old: &Value) -> String {
        let key = last(self.path);
        if let Some(n) = n_hashes(key, old) {
            return self.line(&format!("{n} ids removed"));
        }
        let was = time(key, old, self.zones[0]).unwrap_or_else(|| self.shown(old));
        self.line(&format!("{} removed (was {was})", self.name()))
    }

    fn line(&self, text: &str) -> String {
        if self.subject.name.is_empty() { text.to_owned() } else { format!("{}: {text}", self.subject) }
    }

    /// The path as people say it: the weight of a variation is the variation's.
    fn name(&self) -> String {
        let path = self.path.strip_prefix("variations ").unwrap_or(self.path);
        match path.strip_suffix(".weight") {
            Some(variation) => variation.to_owned(),
            None => path.to_owned(),
        }
    }

    fn shown(&self, value: &Value) -> String {
        match value {
            Value::Number(it) if PERCENT_KEYS.contains(&last(self.path)) => format!("{it} %"),
            Value::String(it) if self.path == "status" => it.clone(),
            _ => shortened(&value.to_string()),
        }
    }
}

/// What is worth saying of a new entry.
pub(super) fn introduction(section: &str, entry: &Value, zone: Option<&str>) -> String {
    let zone = entry.get("time_zone").and_then(Value::as_str).or(zone);
    let mut parts = Vec::new();
    if section == "experiments" {
        for it in entry.get("variations").and_then(Value::as_array).into_iter().flatten() {
            let id = it.get("id").and_then(Value::as_str).unwrap_or_default();
            parts.push(match it.get("weight") {
                Some(weight) => format!("{id} {weight} %"),
                None => id.to_owned(),
            });
        }
    }
    for key in ["starts", "ends"] {
        if let Some(at) = entry.get(key).and_then(|it| time(key, it, zone)) {
            parts.push(format!("{key} {at}"));
        }
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Ids, not all if they are many.
pub(super) fn listed(ids: &[&str]) -> String {
    shortened(&ids.join(", "))
}

fn last(path: &str) -> &str {
    path.rsplit(['.', ' ']).next().unwrap_or(path)
}

/// How many ids hashes stand for.
fn n_hashes(key: &str, value: &Value) -> Option<usize> {
    match (key, value) {
        ("hashes", Value::Array(hashes)) => Some(hashes.len()),
        // Four characters for three bytes, eight bytes for an id.
        ("hashes_base64", Value::String(text)) => {
            let n_padding = text.bytes().rev().take_while(|it| *it == b'=').count();
            let n_bytes = (text.len() / 4).saturating_mul(3).saturating_sub(n_padding);
            Some(n_bytes / 8)
        }
        _ => None,
    }
}

/// A time as people read it: `1 Dec 2026 00:00 Asia/Shanghai`. `None` if it is no time.
fn time(key: &str, value: &Value, zone: Option<&str>) -> Option<String> {
    if !TIME_KEYS.contains(&key) {
        return None;
    }
    let text = value.as_str()?;
    let (date, rest) = text.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.parse::<u8>().ok()?;
    let clock = rest.get(..5)?;
    let rest = rest.get(5..)?;
    let (seconds, offset) = rest.split_at_checked(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()))?;
    let seconds = if matches!(seconds, "" | ":00") { "" } else { seconds };
    let zone = match offset {
        "" => zone.unwrap_or("local time"),
        "Z" | "z" => "UTC",
        offset => offset,
    };
    Some(format!("{day} {month} {year} {clock}{seconds} {zone}"))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
