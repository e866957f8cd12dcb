//! Earlier assignments: looked up before the hash decides, and kept after.

use super::Evaluation;
use crate::experiment::Experiment;
use crate::hash::HashValue;
use crate::sticky::StickyDoc;

/// What an earlier assignment says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Earlier {
    /// The variation that the visitor had.
    pub(super) variation: Option<usize>,
    /// Whether the visitor was assigned in a version that must not go on.
    pub(super) is_blocked: bool,
}

impl<'a> Evaluation<'a> {
    pub(super) fn sticky_assignment(&self, experiment: &Experiment) -> Earlier {
        if self.context.sticky.is_none() {
            return Earlier::default();
        }
        let Some(id) = experiment.sticky_id() else { return Earlier::default() };
        let hashing = &experiment.hashing;
        let doc = |attribute: &str| {
            let value = self.context.attributes.get(attribute).and_then(HashValue::from_json)?;
            self.sticky_doc(attribute, &value.text())
        };
        // The document of the hash attribute counts before that of the fallback. Where an experiment names no fallback,
        // other clients look for one of `id`, and so do we.
        let own = doc(&hashing.attribute);
        let fallback = doc(hashing.fallback.as_deref().unwrap_or("id"));
        let docs = [own, fallback];
        let assignments = docs.iter().flatten().map(|doc| &doc.assignments);

        let is_blocked = assignments.clone().flat_map(|assignments| assignments.keys()).any(|id| {
            let version = id.strip_prefix(experiment.key()).and_then(|rest| rest.strip_prefix("__"));
            let version = version.and_then(|version| version.parse::<i64>().ok());
            version.is_some_and(|version| (0..experiment.sticky.version_min).contains(&version))
        });
        if is_blocked {
            return Earlier { variation: None, is_blocked };
        }
        let key = assignments.clone().find_map(|assignments| assignments.get(&id));
        let variation = key.and_then(|key| experiment.meta_keys.iter().position(|have| have.as_ref() == Some(key)));
        Earlier { variation, is_blocked }
    }

    /// Notes that the visitor is in the variation `key`.
    pub(super) fn keep_sticky(&mut self, experiment: &Experiment, attribute: &str, value: HashValue<'_>, key: &str) {
        if self.context.sticky.is_none() {
            return;
        }
        let Some(id) = experiment.sticky_id() else { return };
        let value = value.text();
        let have = self.sticky_doc(attribute, &value);
        if have.and_then(|doc| doc.assignments.get(&id)).is_some_and(|have| have == key) {
            return;
        }
        let mut doc = have.cloned().unwrap_or_else(|| StickyDoc {
            attribute: attribute.to_owned(),
            value: value.clone(),
            ..StickyDoc::default()
        });
        doc.assignments.insert(id, key.to_owned());
        self.sticky_changes.retain(|change| change.attribute != attribute || change.value != value);
        self.sticky_changes.push(doc);
    }

    /// The document as this evaluation has it by now.
    fn sticky_doc(&self, attribute: &str, value: &str) -> Option<&StickyDoc> {
        let changed = self.sticky_changes.iter().find(|doc| doc.attribute == attribute && doc.value == value);
        changed.or_else(|| self.context.sticky.as_ref()?.get(attribute, value))
    }
}
