//! Writes the extension out of a payload: what holds at one moment, for clients that know nothing of schedules.

use super::Resolved;
use crate::experiment::Experiment;
use crate::feature::Feature;
use crate::json::{Json, Object};
use crate::schedule::{MEMBER, Schedule};

pub(super) fn resolve(source: &Object, features: &[Feature], experiments: &[Experiment], now_ms: i64) -> Resolved {
    let mut payload = source.clone();
    let mut moment = Moment { now_ms, changes_at: None };
    payload.remove(MEMBER);
    if let Some(Json::Object(object)) = payload.get_mut("features") {
        for feature in features {
            if let Some(json) = object.get_mut(&feature.key) {
                moment.feature(feature, json);
            }
        }
    }
    if let Some(Json::List(list)) = payload.get_mut("experiments") {
        let schedules = experiments.iter().map(|experiment| experiment.schedule.as_ref());
        moment.scheduled(list, schedules);
    }
    Resolved { payload: Json::Object(payload), changes_at: moment.changes_at }
}

/// The moment to resolve for, and the next one of which anything is known.
struct Moment {
    now_ms: i64,
    changes_at: Option<i64>,
}

impl Moment {
    fn feature(&mut self, feature: &Feature, json: &mut Json) {
        let Json::Object(object) = json else { return };
        object.remove(MEMBER);
        if feature.is_disabled {
            object.remove("rules");
            object.insert("defaultValue", Json::Null);
        } else if let Some(Json::List(rules)) = object.get_mut("rules") {
            self.scheduled(rules, feature.rules.iter().map(|rule| rule.schedule.as_ref()));
        }
    }

    /// Takes out what does not run, and the extension out of what does. `schedules` are those of `items`, in order.
    fn scheduled<'s>(&mut self, items: &mut Vec<Json>, schedules: impl Iterator<Item = Option<&'s Schedule>>) {
        let mut schedules = schedules.fuse();
        items.retain_mut(|item| {
            let schedule = schedules.next().flatten();
            if let Json::Object(object) = item {
                object.remove(MEMBER);
                if let Some(coverage) = schedule.and_then(|schedule| schedule.coverage(self.now_ms)) {
                    object.insert("coverage", coverage);
                }
                rollout_as_range(object);
            }
            let changes_at = schedule.and_then(|schedule| schedule.changes_at(self.now_ms));
            self.changes_at = self.changes_at.into_iter().chain(changes_at).min();
            schedule.is_none_or(|schedule| schedule.runs(self.now_ms))
        });
    }
}

/// Writes the coverage of a force rule as a range, which means the same. Clients older than the specification take the visitor
/// whose hash equals the coverage in; of a range, all leave the end out.
fn rollout_as_range(rule: &mut Object) {
    if !rule.contains("force") || rule.contains("range") {
        return;
    }
    if let Some(coverage) = rule.get("coverage").and_then(Json::as_number) {
        rule.remove("coverage");
        rule.insert("range", vec![0.0, coverage]);
    }
}
