//! GrowthBook payloads become documents, and documents become GrowthBook payloads.
//!
//! An import changes nothing silently: a feature that no document can express alike is left out whole, with the reason, and so is everything that
//! depends on it. What stays evaluates as in the payload, for every visitor. Members that no evaluation reads get a remark.

mod bandit;
mod condition;
mod feature;
mod group;
mod holdout;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use vitrine_engine::TimestampMs;
use vitrine_flags::{Json, Object, Payload};

use crate::diagnostic::Severity;
use crate::section::saved_group::hashes_base64;
use crate::{Checked, Format, check};
pub(crate) use condition::value;
use feature::Draft;

/// Whether something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// It is not in the result, and somebody may get another value than before.
    LeftOut,
    /// Nobody gets another value, but something is different.
    Remark,
}

/// What an import or export could not carry over as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether something was lost.
    pub kind: NoteKind,
    /// JSON pointer (RFC 6901) into what was read.
    pub pointer: String,
    /// What, and why.
    pub message: String,
}

/// A document made of something else.
#[derive(Clone, Debug)]
pub struct Imported {
    /// It checks without errors.
    pub document: Value,
    /// What was not carried over as it was.
    pub notes: Vec<Note>,
}

/// What an import may know besides the payload.
#[derive(Clone, Copy, Default)]
pub struct ImportOptions<'a> {
    /// Makes the keyed hash of an id, as tables and saved groups have it. Without it, saved groups of ids are refused: ids never
    /// stand in a document.
    pub hash: Option<&'a dyn Fn(&str) -> u64>,
    /// The key of encrypted members: 16 bytes in base64. Needs the feature `crypto`.
    pub decryption_key: Option<&'a str>,
}

/// Makes a document of a GrowthBook payload.
///
/// Errors: in words, when `bytes` are no payload at all.
pub fn import_growthbook(bytes: &[u8], options: ImportOptions<'_>) -> Result<Imported, String> {
    let payload = match Payload::parse(bytes) {
        Ok(payload) => payload.source().clone(),
        Err(error) => return Err(error.to_string()),
    };
    let (payload, mut notes) = decrypted(payload, options.decryption_key);
    let features = match payload.get("features") {
        Some(Json::Object(features)) => features.clone(),
        None if notes.is_empty() => return Err("the payload has no features".to_owned()),
        None => Object::new(),
        Some(_) => return Err("the features of the payload are not an object".to_owned()),
    };
    for (name, section) in payload.iter() {
        match (name, section) {
            ("features" | "savedGroups" | "contextualBandits" | "dateUpdated" | "status", _) => {}
            ("experiments", Json::List(list)) => {
                for idx in 0..list.len() {
                    let message = "experiments on whole pages (visual editor, redirects) have no place in a document";
                    notes.push(Note::left_out(format!("/experiments/{idx}"), message));
                }
            }
            (name, _) => notes.push(Note::remark(format!("/{name}"), "nothing evaluates this member")),
        }
    }
    let mut importer = feature::Importer::new(&payload, &features, options.hash);
    let mut drafts = Vec::new();
    let mut holdouts = Vec::new();
    for (key, feature) in features.iter() {
        match importer.holdout(key, feature) {
            Some(Ok(holdout)) => {
                holdouts.push(holdout);
                continue;
            }
            Some(Err(refused)) => {
                notes.push(Note::left_out(refused.pointer, refused.message));
                continue;
            }
            None => {}
        }
        match importer.feature(key, feature) {
            Ok(draft) => drafts.push(draft),
            Err(refused) => notes.push(Note::left_out(refused.pointer, refused.message)),
        }
    }
    notes.append(&mut importer.notes);
    let groups = std::mem::take(&mut importer.group_entries);
    let document = settled(drafts, &groups, &holdouts, &mut notes);
    Ok(Imported { document, notes })
}

/// A GrowthBook payload as clients read it, made of a document.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Pure GrowthBook JSON.
    pub payload: Json,
    /// When another export would differ because a schedule or a ramp goes on. `None`: never.
    pub changes_at: Option<TimestampMs>,
    /// What the format has no words for.
    pub notes: Vec<Note>,
}

/// The payload of a document at a moment: GrowthBook has no schedules, so rules that do not run then are not in it.
pub fn export_growthbook(checked: &Checked, now: TimestampMs) -> Exported {
    let resolved = Payload::from_json(checked.flags.clone()).resolve(now.0);
    let mut notes = Vec::new();
    for (idx, group) in checked.groups.iter().enumerate() {
        let message =
            format!("of the saved group {:?} only hashes are known: clients cannot tell who is in it", group.id);
        notes.push(Note::left_out(format!("/saved_groups/{idx}"), message));
    }
    if let Some(features) = checked.flags.get("features").and_then(Json::as_object) {
        for (key, feature) in features.iter() {
            for (idx, rule) in feature.get("rules").and_then(Json::as_list).unwrap_or_default().iter().enumerate() {
                if rule.get("vitrine").is_some() {
                    let pointer = format!("/features/{}/rules/{idx}", escaped(key));
                    let message =
                        format!("the schedule of a rule of {key:?} is not in the format: the payload is that of now");
                    notes.push(Note::left_out(pointer, message));
                }
            }
        }
    }
    Exported { payload: resolved.payload, changes_at: resolved.changes_at.map(TimestampMs), notes }
}

impl Note {
    pub(crate) fn left_out(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: NoteKind::LeftOut, pointer: pointer.into(), message: message.into() }
    }

    pub(crate) fn remark(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: NoteKind::Remark, pointer: pointer.into(), message: message.into() }
    }
}

/// A key in a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Members that may be encrypted, and what they are called then.
const ENCRYPTED: [(&str, &str); 4] = [
    ("features", "encryptedFeatures"),
    ("experiments", "encryptedExperiments"),
    ("savedGroups", "encryptedSavedGroups"),
    ("contextualBandits", "encryptedContextualBandits"),
];

/// Whether a text can be the key of encrypted payloads: 16 bytes in base64.
pub fn is_decryption_key(text: &str) -> bool {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.decode(text).is_ok_and(|it| it.len() == 16)
}

/// The payload with its encrypted members in plain. Those that cannot be read are named.
fn decrypted(payload: Object, key: Option<&str>) -> (Object, Vec<Note>) {
    let is_encrypted = |payload: &Object, name: &str| payload.get(name).is_some_and(|it| matches!(it, Json::Text(_)));
    if !ENCRYPTED.iter().any(|(_, name)| is_encrypted(&payload, name)) {
        return (payload, Vec::new());
    }
    #[cfg(feature = "crypto")]
    let mut plain = match key {
        Some(key) => vitrine_flags::crypto::decrypt_payload(&payload, key),
        None => payload.clone(),
    };
    #[cfg(not(feature = "crypto"))]
    let mut plain = payload.clone();
    let mut notes = Vec::new();
    for (name, encrypted) in ENCRYPTED {
        if is_encrypted(&payload, encrypted) && (key.is_none() || plain.get(name).is_none()) {
            let message = "this is encrypted, and not with the key that was given; give the key of the connection";
            notes.push(Note::left_out(format!("/{encrypted}"), message));
        }
        plain.remove(encrypted);
    }
    (plain, notes)
}

/// The document of what can stay: whatever the check refuses is left out, until it refuses nothing.
fn settled(
    mut drafts: Vec<Draft>,
    groups: &BTreeMap<String, Value>,
    holdouts: &[Value],
    notes: &mut Vec<Note>,
) -> Value {
    loop {
        let document = assembled(&drafts, groups, holdouts);
        let Err(diagnostics) = check(&document.to_string(), Format::Json) else { return document };
        let mut refused: BTreeMap<usize, String> = BTreeMap::new();
        for it in diagnostics.iter().filter(|it| it.severity == Severity::Error) {
            let owner = owner(&document, &it.pointer).and_then(|(section, id)| {
                drafts.iter().position(|draft| match section {
                    "flags" => draft.flag.get("id") == Some(&id),
                    "experiments" => draft.experiments.iter().any(|it| it.get("id") == Some(&id)),
                    "layers" => id.as_str().is_some_and(|id| draft.layers.contains(id)),
                    "saved_groups" => id.as_str().is_some_and(|id| draft.groups.contains(id)),
                    _ => false,
                })
            });
            // Nobody's: something must go, or this would never end.
            let owner = owner.unwrap_or(drafts.len().saturating_sub(1));
            refused.entry(owner).or_insert_with(|| it.message.clone());
        }
        if drafts.is_empty() || refused.is_empty() {
            return json!({ "version": 1, "flags": [] });
        }
        let mut idx = 0;
        drafts.retain(|draft| {
            let message = refused.get(&idx);
            if let Some(message) = message {
                notes.push(Note::left_out(draft.pointer.clone(), message.clone()));
            }
            idx = idx.saturating_add(1);
            message.is_none()
        });
    }
}

/// The section and the id of the entry that a pointer leads into.
fn owner<'p>(document: &Value, pointer: &'p str) -> Option<(&'p str, Value)> {
    let mut steps = pointer.split('/').skip(1);
    let section = steps.next()?;
    let idx: usize = steps.next()?.parse().ok()?;
    Some((section, document.get(section)?.get(idx)?.get("id")?.clone()))
}

fn assembled(drafts: &[Draft], groups: &BTreeMap<String, Value>, holdouts: &[Value]) -> Value {
    let mut document = Map::new();
    document.insert("version".into(), 1.into());
    let used: BTreeSet<&String> = drafts.iter().flat_map(|it| &it.groups).collect();
    let layers: BTreeSet<&String> = drafts.iter().flat_map(|it| &it.layers).collect();
    let mut section = |name: &str, entries: Vec<Value>| {
        if !entries.is_empty() {
            document.insert(name.into(), entries.into());
        }
    };
    section("saved_groups", used.iter().filter_map(|id| groups.get(*id)).cloned().collect());
    section("layers", layers.iter().map(|id| json!({ "id": id })).collect());
    section("holdouts", holdouts.to_vec());
    section("experiments", drafts.iter().flat_map(|it| it.experiments.iter().cloned()).collect());
    section("flags", drafts.iter().map(|it| it.flag.clone()).collect());
    document.into()
}

/// A saved group of a document: an entry with hashes.
pub(crate) fn group_entry(id: &str, attribute: &str, mut hashes: Vec<u64>) -> Value {
    hashes.sort_unstable();
    hashes.dedup();
    if hashes.is_empty() {
        return json!({ "id": id, "attribute": attribute, "hashes": [] });
    }
    json!({ "id": id, "attribute": attribute, "hashes_base64": hashes_base64(&hashes) })
}
