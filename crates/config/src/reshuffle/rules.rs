//! Experiments as rules of a payload, and what of a rule decides who gets which variation.

use std::collections::BTreeMap;

use vitrine_engine::TimestampMs;
use vitrine_flags::{Json, Object};

use crate::section::flag_rule::percent;

/// Members of a rule whose change moves visitors or spoils the numbers, and what they are called.
const DECISIVE: [(&str, &str); 11] = [
    ("weights", "weights"),
    ("meta", "variations"),
    ("variations", "values of the variations"),
    ("condition", "audience"),
    ("hashAttribute", "unit"),
    ("fallbackAttribute", "fallback unit"),
    ("seed", "seed"),
    ("hashVersion", "hash version"),
    ("namespace", "part of the layer"),
    ("parentConditions", "prerequisites or holdouts"),
    ("bucketVersion", "bucket version"),
];

/// An experiment that runs.
pub(super) struct Rule<'p> {
    pub flag: &'p str,
    rule: &'p Object,
}

/// The experiments of a payload by their keys.
pub(super) fn running(payload: &Json) -> BTreeMap<&str, Rule<'_>> {
    let features = payload.get("features").and_then(Json::as_object).into_iter().flat_map(Object::iter);
    let rules = features.flat_map(|(flag, feature)| rules(feature).map(move |rule| Rule { flag, rule }));
    rules.filter_map(|it| Some((it.rule.get("key")?.as_text()?, it))).collect()
}

/// The conditions of the experiments that run, by their keys; those without one are left out.
pub(crate) fn running_conditions(payload: &Json) -> BTreeMap<&str, &Json> {
    running(payload).into_iter().filter_map(|(key, it)| Some((key, it.rule.get("condition")?))).collect()
}

/// Rules of a feature.
fn rules(feature: &Json) -> impl Iterator<Item = &Object> {
    feature.get("rules").and_then(Json::as_list).unwrap_or_default().iter().filter_map(Json::as_object)
}

/// The features that the rules of a feature depend on.
pub(super) fn parents(feature: &Json) -> Vec<&str> {
    let conditions = rules(feature).filter_map(|it| it.get("parentConditions")?.as_list()).flatten();
    conditions.filter_map(|it| it.get("id")?.as_text()).collect()
}

/// The bandits that the rules of a feature refer to.
pub(super) fn bandits(feature: &Json) -> Vec<&str> {
    rules(feature).filter_map(|it| it.get("contextualBanditRef")?.as_text()).collect()
}

/// The payload as if all of its rules ran, with ramps at their last step.
pub(super) fn timeless(payload: &Json) -> Json {
    let Json::Object(payload) = payload else { return payload.clone() };
    let mut written = Object::new();
    for (name, section) in payload.iter() {
        let Some(features) = section.as_object().filter(|_| name == "features") else {
            written.insert(name, section.clone());
            continue;
        };
        let mut timeless = Object::new();
        for (key, feature) in features.iter() {
            let mut feature = feature.as_object().cloned().unwrap_or_default();
            if let Some(rules) = feature.get("rules").and_then(Json::as_list) {
                let rules: Vec<Json> = rules.iter().map(without_time).collect();
                feature.insert("rules", rules);
            }
            timeless.insert(key, feature);
        }
        written.insert(name, timeless);
    }
    Json::Object(written)
}

fn without_time(rule: &Json) -> Json {
    let Json::Object(rule) = rule else { return rule.clone() };
    let mut written = rule.clone();
    if let Some(coverage) = last_step(rule) {
        written.insert("coverage", coverage);
    }
    written.remove("vitrine");
    Json::Object(written)
}

/// The coverage at the end of a ramp.
fn last_step(rule: &Object) -> Option<f64> {
    rule.get("vitrine")?.get("ramp")?.as_list()?.last()?.as_list()?.get(1)?.as_number()
}

impl Rule<'_> {
    /// What differs, and whether that spoils the experiment.
    pub fn differences(&self, new: &Self) -> (Vec<String>, bool) {
        let mut reasons = Vec::new();
        let [old_phase, new_phase] = [self, new].map(|it| it.rule.get("phase").and_then(Json::as_text));
        let is_new_phase = old_phase != new_phase;
        if is_new_phase {
            reasons.push("a new phase".to_owned());
        }
        if self.flag != new.flag {
            reasons.push(format!("its flag, {} -> {}", self.flag, new.flag));
        }
        let decisive = DECISIVE.iter().filter(|(member, _)| self.part(member) != new.part(member));
        reasons.extend(decisive.map(|(_, word)| (*word).to_owned()));
        let mut needs_allow = reasons.len() > usize::from(is_new_phase);
        let [old_coverage, new_coverage] = [self, new].map(Rule::coverage);
        if old_coverage.total_cmp(&new_coverage).is_ne() {
            reasons.push(format!("coverage {} % -> {} %", percent(old_coverage), percent(new_coverage)));
            needs_allow |= new_coverage < old_coverage;
        }
        (reasons, needs_allow && !is_new_phase)
    }

    /// Whether the schedule lets it run at a moment.
    pub fn runs_at(&self, now: TimestampMs) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds are whole and below 2^53")]
        let bound = |key: &str| self.rule.get("vitrine")?.get(key)?.as_number().map(|it| it as i64);
        bound("starts").is_none_or(|it| it <= now.0) && bound("ends").is_none_or(|it| now.0 < it)
    }

    /// A member, without what is only for people.
    fn part(&self, member: &str) -> Option<Json> {
        let value = self.rule.get(member)?;
        if member != "meta" {
            return Some(value.clone());
        }
        let keys = value.as_list()?.iter().map(|it| it.get("key").cloned().unwrap_or(Json::Null));
        Some(Json::List(keys.collect()))
    }

    fn coverage(&self) -> f64 {
        last_step(self.rule).or_else(|| self.rule.get("coverage")?.as_number()).unwrap_or(1.0)
    }
}
