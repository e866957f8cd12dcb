//! Holdouts of a payload that Vitrine wrote: features that tell who is held out.

use serde_json::{Map, Value, json};
use vitrine_flags::Json;

use crate::growthbook::escaped;
use crate::growthbook::feature::{Importer, Refused, filled};
use crate::payload::{GENERAL, HELD_OUT};
use crate::section::holdout::{Holdout, ID_CHARS_MAX};

impl Importer<'_> {
    /// The entry of a holdout; `None` when the feature is none.
    pub fn holdout(&mut self, key: &str, feature: &Json) -> Option<Result<Value, Refused>> {
        let id = holdout_id(key)?;
        Some(self.holdout_entry(id, key, feature))
    }

    fn holdout_entry(&mut self, id: &str, key: &str, feature: &Json) -> Result<Value, Refused> {
        let pointer = format!("/features/{}", escaped(key));
        let Some([Json::Object(rule)]) = feature.get("rules").and_then(Json::as_list) else {
            return Err(Refused::at(&pointer, "a holdout of a document has one rule"));
        };
        let weights: Option<Vec<f64>> =
            rule.get("weights").and_then(Json::as_list).map(|it| it.iter().filter_map(Json::as_number).collect());
        let variations = Json::List(vec![HELD_OUT.into(), GENERAL.into()]);
        let is_ours = rule.get("variations") == Some(&variations)
            && feature.get("defaultValue").and_then(Json::as_text) == Some(GENERAL)
            && filled(rule, "key") == Some(Holdout::tracking_key(id).as_str())
            && ["condition", "parentConditions", "coverage", "namespace", "filters", "ranges", "force"]
                .iter()
                .all(|it| rule.get(it).is_none())
            && rule.get("hashVersion") == Some(&Json::Number(2.0));
        let (true, Some([held_out, _])) = (is_ours, weights.as_deref()) else {
            let message =
                "the holdout has another form than those of documents; declare it anew in the section holdouts";
            return Err(Refused::at(&pointer, message));
        };
        let mut entry = Map::new();
        entry.insert("id".into(), id.into());
        entry.insert("share".into(), self.percentage(*held_out, &format!("{pointer}/rules/0/weights/0")));
        if let Some(seed) = filled(rule, "seed").filter(|it| *it != key) {
            entry.insert("seed".into(), seed.into());
        }
        if let Some(unit) = filled(rule, "hashAttribute").filter(|it| *it != "id") {
            entry.insert("unit".into(), unit.into());
        }
        self.coverage(rule, &mut entry, &pointer);
        Ok(entry.into())
    }

    /// The id of the holdout that a prerequisite keeps visitors out by.
    pub(super) fn holdout_reference(&mut self, parent_id: &str, parent: &Json) -> Option<Value> {
        let id = holdout_id(parent_id)?;
        let condition = parent.get("condition").map(Json::to_string);
        let is_known = self.features.get(parent_id).cloned().is_some_and(|it| {
            let n_notes = self.notes.len();
            let is_ours = self.holdout_entry(id, parent_id, &it).is_ok();
            self.notes.truncate(n_notes);
            is_ours
        });
        let wanted = json!({ "value": { "$ne": HELD_OUT } }).to_string();
        (is_known && condition == Some(wanted)).then(|| id.into())
    }
}

/// The id of a holdout whose feature has the key `key`, if it is one that documents take.
fn holdout_id(key: &str) -> Option<&str> {
    let id = key.strip_prefix(&Holdout::feature(""))?;
    let is_word = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_id = (1..=ID_CHARS_MAX).contains(&id.len())
        && id.bytes().next().is_some_and(is_word)
        && id.bytes().all(|it| is_word(it) || matches!(it, b'.' | b'_' | b'-'));
    is_id.then_some(id)
}
