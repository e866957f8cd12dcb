//! Writes the payload. Objects are in the order of their keys, features in the order of their ids: equal documents have equal payloads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::payload::condition::Target;
use crate::payload::layers::Range;
use crate::payload::{Feature, FeatureRule};
use crate::section::experiment::{Bandit, Experiment, Status};
use crate::section::flag::Rule;
use crate::section::flag_rule::{Coverage, Delivery, Prerequisite, Wanted, Window, fraction, json_number};
use crate::section::holdout::Holdout;
use crate::section::saved_group::Group;
use crate::source::At;
use vitrine_flags::ValueType;

/// Values of the flag that tells who is held out.
pub(crate) const HELD_OUT: &str = "held-out";
pub(crate) const GENERAL: &str = "general";

pub(super) struct Writer<'d, 't> {
    pub holdouts: &'d [Holdout<'t>],
    /// Holdouts of each experiment.
    pub covered: &'d BTreeMap<&'t str, BTreeSet<&'t str>>,
    /// Layer and range of each running experiment that is in one.
    pub ranges: &'d BTreeMap<&'t str, (&'t str, Range)>,
    /// Where parts of the payload were written: JSON pointer, and the value in the document. A part of a part comes later.
    pub places: Vec<(String, At<'t>)>,
}

impl<'t> Writer<'_, 't> {
    pub fn payload(&mut self, features: &BTreeMap<&'t str, Feature<'_, 't>>, groups: &[Group]) -> Value {
        let mut written = Map::new();
        let mut bandits = Map::new();
        for feature in features.values() {
            if let Some(value) = self.feature(feature, &mut bandits) {
                written.insert(feature.id.to_owned(), value);
            }
        }
        for holdout in self.holdouts {
            written.insert(Holdout::feature(holdout.id), holdout_feature(holdout));
        }
        let mut payload = Map::new();
        payload.insert("features".into(), written.into());
        if !groups.is_empty() {
            let entry = |it: &Group| (it.id.clone(), json!({ "type": "remote", "attributeKey": it.attribute }));
            payload.insert("savedGroups".into(), Value::Object(groups.iter().map(entry).collect()));
        }
        if !bandits.is_empty() {
            payload.insert("contextualBandits".into(), bandits.into());
        }
        payload.into()
    }

    /// `None` for a flag that was made for an experiment that is a draft.
    fn feature(&mut self, feature: &Feature<'_, 't>, bandits: &mut Map<String, Value>) -> Option<Value> {
        let pointer = format!("/features/{}", feature.id);
        self.places.push((pointer.clone(), feature.at));
        let mut rules: Vec<Value> = Vec::new();
        let gates = feature.flag.map(|it| it.gates.as_slice()).unwrap_or_default();
        if !gates.is_empty() {
            let parents = self.parents(gates, true, &format!("{pointer}/rules/0"));
            rules.push(json!({ "parentConditions": parents }));
        }
        let mut is_draft = true;
        for rule in &feature.rules {
            match rule {
                FeatureRule::Value(Rule::Value { at, id, value, delivery }) => {
                    is_draft = false;
                    let pointer = format!("{pointer}/rules/{}", rules.len());
                    self.places.push((pointer.clone(), *at));
                    rules.push(self.value_rule(*id, value, delivery, &pointer));
                }
                FeatureRule::Value(Rule::Experiment(_)) => {}
                FeatureRule::Experiment(experiment) => {
                    is_draft &= experiment.status == Status::Draft;
                    self.experiment(experiment, &pointer, &mut rules, bandits);
                }
            }
        }
        if feature.flag.is_none() && is_draft {
            return None;
        }
        let control = feature.rules.iter().find_map(|rule| match rule {
            FeatureRule::Experiment(experiment) => experiment.variations.first()?.value.map(value_of),
            FeatureRule::Value(_) => None,
        });
        let default = feature.flag.map_or_else(|| control.unwrap_or(Value::Null), |it| it.default.clone());
        let mut extension = Map::new();
        extension.insert("type".into(), feature.value_type.map_or("object", ValueType::as_str).into());
        if feature.flag.is_some_and(|it| !it.enabled) {
            extension.insert("enabled".into(), false.into());
        }
        let mut value = json!({ "defaultValue": default, "vitrine": extension });
        if !rules.is_empty()
            && let Some(object) = value.as_object_mut()
        {
            object.insert("rules".into(), rules.into());
        }
        Some(value)
    }

    fn value_rule(&mut self, id: Option<&str>, value: &Value, delivery: &Delivery<'t>, pointer: &str) -> Value {
        let mut rule = Map::new();
        rule.extend(id.map(|it| ("id".to_owned(), it.into())));
        rule.insert("force".into(), value.clone());
        self.who(delivery.who.as_deref(), &mut rule, pointer);
        if let Coverage::Share(_) | Coverage::Ramp(_) = delivery.coverage {
            rule.insert("hashVersion".into(), delivery.hash_version.into());
            rule.extend(delivery.unit.as_deref().map(|it| ("hashAttribute".to_owned(), it.into())));
            rule.extend(delivery.seed.as_deref().map(|it| ("seed".to_owned(), it.into())));
        }
        coverage_and_window(&delivery.coverage, delivery.window, &mut rule);
        if !delivery.prerequisites.is_empty() {
            let parents = self.parents(&delivery.prerequisites, false, pointer);
            rule.insert("parentConditions".into(), parents);
        }
        rule.into()
    }

    fn experiment(
        &mut self,
        experiment: &Experiment<'t>,
        feature: &str,
        rules: &mut Vec<Value>,
        bandits: &mut Map<String, Value>,
    ) {
        match experiment.status {
            Status::Draft => {}
            Status::Running => {
                for qa in &experiment.qa {
                    let pointer = format!("{feature}/rules/{}", rules.len());
                    self.places.push((pointer.clone(), qa.at));
                    let variation = experiment.variations.get(qa.variation_idx);
                    let id = format!("{}:qa:{}", experiment.id, variation.map_or("", |it| it.id));
                    let mut rule = Map::new();
                    rule.insert("id".into(), id.into());
                    rule.insert("force".into(), variation.and_then(|it| it.value).map_or(Value::Null, value_of));
                    self.who(qa.who.as_deref(), &mut rule, &pointer);
                    rules.push(rule.into());
                }
                let pointer = format!("{feature}/rules/{}", rules.len());
                self.places.push((pointer.clone(), experiment.at));
                rules.push(self.experiment_rule(experiment, &pointer));
                if let Some(bandit) = &experiment.bandit {
                    bandits.insert(experiment.id.to_owned(), self.bandit(bandit, experiment));
                }
            }
            Status::Stopped => {
                let Some(winner) = experiment.winner.and_then(|it| experiment.variations.get(it)) else { return };
                let pointer = format!("{feature}/rules/{}", rules.len());
                self.places.push((pointer.clone(), experiment.at));
                let mut rule = Map::new();
                rule.insert("id".into(), experiment.id.into());
                rule.insert("force".into(), winner.value.map_or(Value::Null, value_of));
                self.who(experiment.delivery.who.as_deref(), &mut rule, &pointer);
                let mut parents = self.parents(&experiment.delivery.prerequisites, false, &pointer);
                self.keep_out(experiment, &mut parents);
                if parents != json!([]) {
                    rule.insert("parentConditions".into(), parents);
                }
                rules.push(rule.into());
            }
        }
    }

    fn experiment_rule(&mut self, experiment: &Experiment<'t>, pointer: &str) -> Value {
        let delivery = &experiment.delivery;
        let mut rule = Map::new();
        rule.insert("id".into(), experiment.id.into());
        rule.insert("key".into(), experiment.id.into());
        rule.extend(experiment.name.map(|it| ("name".to_owned(), it.into())));
        rule.insert("phase".into(), experiment.phase.saturating_sub(1).to_string().into());
        rule.insert("seed".into(), experiment.seed().into());
        rule.insert("hashVersion".into(), delivery.hash_version.into());
        rule.insert("hashAttribute".into(), experiment.unit().into());
        rule.extend(experiment.fallback_unit.as_deref().map(|it| ("fallbackAttribute".to_owned(), it.into())));
        if experiment.sticky {
            rule.insert("bucketVersion".into(), experiment.bucket_version.into());
            rule.insert("minBucketVersion".into(), experiment.min_bucket_version.into());
        } else {
            rule.insert("disableStickyBucketing".into(), true.into());
        }
        let variations = experiment.variations.iter();
        rule.insert("variations".into(), variations.clone().map(|it| it.value.map_or(Value::Null, value_of)).collect());
        let meta = variations.map(|it| match it.name {
            Some(name) => json!({ "key": it.id, "name": name }),
            None => json!({ "key": it.id }),
        });
        rule.insert("meta".into(), meta.collect());
        if !experiment.weights.is_empty() {
            rule.insert("weights".into(), fractions(&experiment.weights));
        }
        if let Some((layer, (from, to))) = self.ranges.get(experiment.id) {
            let namespace = json!([layer, json_number(fraction(*from)), json_number(fraction(*to))]);
            rule.insert("namespace".into(), namespace);
        }
        if experiment.bandit.is_some() {
            rule.insert("contextualBanditRef".into(), experiment.id.into());
        }
        self.who(delivery.who.as_deref(), &mut rule, pointer);
        coverage_and_window(&delivery.coverage, delivery.window, &mut rule);
        let mut parents = self.parents(&delivery.prerequisites, false, pointer);
        self.keep_out(experiment, &mut parents);
        if parents != json!([]) {
            rule.insert("parentConditions".into(), parents);
        }
        rule.into()
    }

    /// Adds that a visitor is in none of the experiment's holdouts.
    fn keep_out(&self, experiment: &Experiment<'t>, parents: &mut Value) {
        let ids = self.covered.get(experiment.id).into_iter().flatten();
        let conditions =
            ids.map(|id| json!({ "id": Holdout::feature(id), "condition": { "value": { "$ne": HELD_OUT } } }));
        if let Some(parents) = parents.as_array_mut() {
            parents.extend(conditions);
        }
    }

    fn bandit(&mut self, bandit: &Bandit<'t>, experiment: &Experiment<'t>) -> Value {
        let pointer = format!("/contextualBandits/{}", experiment.id);
        self.places.push((pointer.clone(), experiment.at));
        let contexts = bandit.contexts.iter().enumerate().map(|(idx, it)| {
            let mut context = Map::new();
            context.insert("leafId".into(), it.id.into());
            context.insert("weights".into(), fractions(&it.weights));
            if let Some(who) = &it.who {
                let pointer = format!("{pointer}/contexts/{idx}");
                self.condition(who, &mut context, &pointer);
            }
            Value::Object(context)
        });
        let mut value = json!({ "contexts": contexts.collect::<Vec<_>>() });
        if let (Some(version), Some(object)) = (bandit.version, value.as_object_mut()) {
            object.insert("banditVersion".into(), version.into());
        }
        value
    }

    fn who(&mut self, who: Option<&Target<'t>>, rule: &mut Map<String, Value>, pointer: &str) {
        if let Some(who) = who {
            self.condition(who, rule, pointer);
        }
    }

    fn condition(&mut self, target: &Target<'t>, entry: &mut Map<String, Value>, pointer: &str) {
        let pointer = format!("{pointer}/condition");
        self.places.push((pointer.clone(), target.at));
        self.places.extend(target.patterns.iter().map(|(below, at)| (format!("{pointer}{below}"), *at)));
        entry.insert("condition".into(), target.condition.clone());
    }

    fn parents(&mut self, prerequisites: &[Prerequisite<'t>], is_gate: bool, rule: &str) -> Value {
        let mut parents = Vec::new();
        for (idx, it) in prerequisites.iter().enumerate() {
            let pointer = format!("{rule}/parentConditions/{idx}");
            self.places.push((pointer.clone(), it.at));
            let mut parent = Map::new();
            parent.insert("id".into(), it.flag.as_text().into());
            match &it.wanted {
                Wanted::On => {
                    parent.insert("condition".into(), json!({ "value": true }));
                }
                Wanted::Value(at) => {
                    parent.insert("condition".into(), json!({ "value": value_of(*at) }));
                }
                Wanted::When(target) => self.condition(target, &mut parent, &pointer),
            }
            if is_gate {
                parent.insert("gate".into(), true.into());
            }
            parents.push(Value::Object(parent));
        }
        parents.into()
    }
}

/// The flag that tells who is held out. Those who are not are counted as well: they are whom the others are compared with.
fn holdout_feature(holdout: &Holdout<'_>) -> Value {
    let feature = Holdout::feature(holdout.id);
    let held_out = fraction(holdout.share);
    let general = fraction(((100.0 - holdout.share) * 1e9).round() / 1e9);
    let mut rule = Map::new();
    rule.insert("id".into(), feature.clone().into());
    rule.insert("key".into(), Holdout::tracking_key(holdout.id).into());
    rule.insert("seed".into(), holdout.seed.clone().unwrap_or(feature).into());
    rule.insert("hashVersion".into(), 2.into());
    rule.insert("hashAttribute".into(), holdout.unit.as_deref().unwrap_or("id").into());
    rule.insert("variations".into(), json!([HELD_OUT, GENERAL]));
    rule.insert("meta".into(), json!([{ "key": HELD_OUT }, { "key": GENERAL }]));
    rule.insert("weights".into(), json!([json_number(held_out), json_number(general)]));
    rule.insert("disableStickyBucketing".into(), true.into());
    coverage_and_window(&Coverage::All, holdout.window, &mut rule);
    json!({ "defaultValue": GENERAL, "rules": [rule], "vitrine": { "type": "string" } })
}

/// `coverage`, or what says when and how many in the extension member.
fn coverage_and_window(coverage: &Coverage, window: Window, rule: &mut Map<String, Value>) {
    let mut extension = Map::new();
    extension.extend(window.starts.map(|it| ("starts".to_owned(), it.0.into())));
    extension.extend(window.ends.map(|it| ("ends".to_owned(), it.0.into())));
    match coverage {
        Coverage::All => {}
        Coverage::Share(percent) => {
            rule.insert("coverage".into(), json_number(fraction(*percent)));
        }
        Coverage::Ramp(steps) => {
            let steps = steps.iter().map(|(at, percent)| json!([at.0, json_number(fraction(*percent))]));
            extension.insert("ramp".into(), steps.collect());
        }
    }
    if !extension.is_empty() {
        rule.insert("vitrine".into(), extension.into());
    }
}

fn fractions(percentages: &[f64]) -> Value {
    percentages.iter().map(|it| json_number(fraction(*it))).collect()
}

fn value_of(at: At<'_>) -> Value {
    // A tree holds only what JSON can hold, so this cannot fail.
    serde_json::to_value(at).unwrap_or(Value::Null)
}
