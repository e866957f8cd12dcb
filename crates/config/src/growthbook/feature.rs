//! Features of a payload as flags and experiments of a document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use vitrine_engine::TimestampMs;
use vitrine_flags::{Json, Object};

use crate::growthbook::condition::{Scope, Verdict, value};
use crate::growthbook::{Note, escaped};
use crate::limits::EXPERIMENT_ID_CHARS_MAX;
use crate::section::flag_rule::{fraction, json_number, percent};
use crate::section::flag_value::type_of_json;
use vitrine_flags::ValueType;

/// Why a feature cannot be in a document.
pub(super) struct Refused {
    pub pointer: String,
    pub message: String,
}

impl Refused {
    pub fn at(pointer: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), message: message.into() }
    }
}

/// What one feature becomes.
pub(super) struct Draft {
    /// Where it was in the payload.
    pub pointer: String,
    pub flag: Value,
    pub experiments: Vec<Value>,
    pub layers: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

/// What must hold for a rule.
#[derive(Default)]
struct Parents {
    /// Prerequisites of the whole feature.
    gates: Vec<Value>,
    /// Prerequisites of the rule.
    own: Vec<Value>,
    /// Ids of holdouts that its visitors are not in.
    holdouts: Vec<Value>,
}

/// Members of rules that are carried over, or that no evaluation reads.
const RULE_MEMBERS: [&str; 27] = [
    "id",
    "condition",
    "parentConditions",
    "force",
    "coverage",
    "hashAttribute",
    "seed",
    "hashVersion",
    "vitrine",
    "variations",
    "key",
    "weights",
    "meta",
    "name",
    "phase",
    "namespace",
    "fallbackAttribute",
    "disableStickyBucketing",
    "bucketVersion",
    "minBucketVersion",
    "contextualBanditRef",
    "range",
    "ranges",
    "filters",
    "tracks",
    "contextualVariations",
    "urlPatterns",
];

/// Reads the features of one payload.
pub(super) struct Importer<'p> {
    pub(super) saved_groups: Option<&'p Object>,
    bandits: Option<&'p Object>,
    pub(super) features: &'p Object,
    pub(super) hash: Option<&'p dyn Fn(&str) -> u64>,
    /// Ids of experiments that are taken.
    experiment_ids: BTreeSet<String>,
    /// Entries of saved groups of the document, by their ids.
    pub group_entries: BTreeMap<String, Value>,
    /// Groups and layers of the feature that is read.
    pub(super) groups: BTreeSet<String>,
    layers: BTreeSet<String>,
    /// Saved groups that are conditions, while they are read: they may refer to each other.
    pub(super) open_groups: Vec<String>,
    pub notes: Vec<Note>,
}

impl<'p> Importer<'p> {
    pub fn new(payload: &'p Object, features: &'p Object, hash: Option<&'p dyn Fn(&str) -> u64>) -> Self {
        Self {
            saved_groups: payload.get("savedGroups").and_then(Json::as_object),
            bandits: payload.get("contextualBandits").and_then(Json::as_object),
            features,
            hash,
            experiment_ids: BTreeSet::new(),
            group_entries: BTreeMap::new(),
            groups: BTreeSet::new(),
            layers: BTreeSet::new(),
            open_groups: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn feature(&mut self, key: &str, feature: &Json) -> Result<Draft, Refused> {
        let pointer = format!("/features/{}", escaped(key));
        let Json::Object(feature) = feature else {
            return Err(Refused::at(&pointer, "the feature is not an object"));
        };
        self.groups.clear();
        self.layers.clear();
        for (name, _) in feature.iter().filter(|(name, _)| !matches!(*name, "defaultValue" | "rules" | "vitrine")) {
            self.notes.push(Note::remark(format!("{pointer}/{name}"), "nothing evaluates this member"));
        }
        let extension = feature.get("vitrine");
        let rules = feature.get("rules").and_then(Json::as_list).unwrap_or_default();
        let value_type = type_of(feature)
            .ok_or_else(|| Refused::at(&pointer, "its values are of different types; a flag has one type"))?;
        let mut flag = Map::new();
        flag.insert("id".into(), key.into());
        flag.insert("type".into(), value_type.as_str().into());
        flag.insert("default".into(), feature.get("defaultValue").map_or(Value::Null, value));
        if extension.and_then(|it| it.get("enabled")) == Some(&Json::Bool(false)) {
            flag.insert("enabled".into(), false.into());
        }
        let mut gates: Vec<Value> = Vec::new();
        let mut written: Vec<Value> = Vec::new();
        let mut experiments: Vec<Value> = Vec::new();
        for (idx, rule) in rules.iter().enumerate() {
            let pointer = format!("{pointer}/rules/{idx}");
            let Json::Object(rule) = rule else {
                self.notes.push(Note::remark(pointer, "this is no rule, and never applies"));
                continue;
            };
            let is_first = written.is_empty();
            let mut parents = self.parents(rule, &pointer)?;
            if !parents.gates.is_empty() && !is_first {
                let message =
                    "a prerequisite of the whole feature stands behind other rules; a document has it before all";
                return Err(Refused::at(&format!("{pointer}/parentConditions"), message));
            }
            gates.append(&mut parents.gates);
            for (name, _) in rule.iter().filter(|(name, _)| !RULE_MEMBERS.contains(name)) {
                self.notes.push(Note::remark(format!("{pointer}/{name}"), "nothing evaluates this member"));
            }
            for name in ["filters", "ranges", "range", "urlPatterns"] {
                let is_coverage = name == "range" && rule.get("force").is_some() && range_from_0(rule).is_some();
                if rule.get(name).is_some() && !is_coverage {
                    let message = format!("a document has no words for {name:?}; use coverage, weights or a layer");
                    return Err(Refused::at(&format!("{pointer}/{name}"), message));
                }
            }
            if rule.get("force").is_some() {
                written.push(self.value_rule(rule, parents, &pointer)?);
            } else if rule.get("contextualVariations").or(rule.get("variations")).is_some() {
                let experiment = self.experiment(key, rule, parents, &pointer)?;
                let id = experiment.get("id").cloned().unwrap_or(Value::Null);
                written.push(json!({ "experiment": id }));
                experiments.push(experiment);
            } else if rule.get("parentConditions").is_none() {
                self.notes.push(Note::remark(pointer, "the rule gives no value, and never applies"));
            }
        }
        if !gates.is_empty() {
            flag.insert("prerequisites".into(), gates.into());
        }
        if !written.is_empty() {
            flag.insert("rules".into(), written.into());
        }
        let (layers, groups) = (std::mem::take(&mut self.layers), std::mem::take(&mut self.groups));
        Ok(Draft { pointer, flag: flag.into(), experiments, layers, groups })
    }

    /// Prerequisites and holdouts of a rule.
    fn parents(&mut self, rule: &Object, pointer: &str) -> Result<Parents, Refused> {
        let mut found = Parents::default();
        let parents = rule.get("parentConditions").and_then(Json::as_list).unwrap_or_default();
        for (idx, parent) in parents.iter().enumerate() {
            let pointer = format!("{pointer}/parentConditions/{idx}");
            let Some(id) = parent.get("id").and_then(Json::as_text) else {
                return Err(Refused::at(&pointer, "the prerequisite names no feature"));
            };
            if let Some(holdout) = self.holdout_reference(id, parent) {
                found.holdouts.push(holdout);
                continue;
            }
            let mut entry = Map::new();
            entry.insert("flag".into(), id.into());
            let condition = parent.get("condition").cloned().unwrap_or_else(|| Json::Object(Object::new()));
            match self.condition(&condition, Scope::Plain, &format!("{pointer}/condition"))? {
                // The parent may still be in a circle, but nothing else can come of it.
                Verdict::Always => {
                    let message = "the prerequisite admits any value; it is left out";
                    self.notes.push(Note::remark(pointer, message));
                    continue;
                }
                verdict => {
                    let when = verdict.into_when().unwrap_or(Value::Null);
                    match when.get("value").filter(|_| when.as_object().is_some_and(|it| it.len() == 1)) {
                        Some(wanted) if self.is_of_type(id, wanted) => entry.insert("value".into(), wanted.clone()),
                        _ => entry.insert("when".into(), when),
                    };
                }
            }
            if !parent.get("gate").is_some_and(Json::is_truthy) {
                found.own.push(entry.into());
            } else if found.own.is_empty() && found.holdouts.is_empty() {
                found.gates.push(entry.into());
            } else {
                let message =
                    "a prerequisite of the whole feature stands behind one of the rule; a document has it before all";
                return Err(Refused::at(&pointer, message));
            }
        }
        Ok(found)
    }

    /// Whether a scalar is of the type of a feature's values.
    fn is_of_type(&self, feature: &str, wanted: &Value) -> bool {
        let value_type = self.features.get(feature).and_then(Json::as_object).and_then(type_of);
        match (value_type, wanted) {
            (Some(ValueType::Boolean), Value::Bool(_)) | (Some(ValueType::String), Value::String(_)) => true,
            (Some(ValueType::Integer), Value::Number(it)) => it.is_i64(),
            (Some(ValueType::Number), Value::Number(_)) => true,
            _ => false,
        }
    }

    fn value_rule(&mut self, rule: &Object, parents: Parents, pointer: &str) -> Result<Value, Refused> {
        if !parents.holdouts.is_empty() {
            let message =
                "a holdout keeps visitors out of a rule that gives a value; a document keeps them out of experiments";
            return Err(Refused::at(&format!("{pointer}/parentConditions"), message));
        }
        let mut written = Map::new();
        if let Some(id) = rule.get("id").and_then(Json::as_text).filter(|it| !it.is_empty()) {
            written.insert("id".into(), id.into());
        }
        written.insert("value".into(), rule.get("force").map_or(Value::Null, value));
        self.who(rule, &mut written, pointer)?;
        let has_coverage = self.coverage(rule, &mut written, pointer);
        if has_coverage {
            self.hash_version(rule, &mut written, pointer)?;
            if let Some(unit) = filled(rule, "hashAttribute") {
                written.insert("unit".into(), unit.into());
            }
            if let Some(seed) = filled(rule, "seed") {
                written.insert("seed".into(), seed.into());
            }
            if filled(rule, "fallbackAttribute").is_some() {
                let message = "the fallback attribute of a rollout is left out; only sticky clients read it";
                self.notes.push(Note::remark(format!("{pointer}/fallbackAttribute"), message));
            }
        }
        if rule.get("tracks").is_some() {
            let message = "exposures that a remote evaluation has put in are left out";
            self.notes.push(Note::remark(format!("{pointer}/tracks"), message));
        }
        if !parents.own.is_empty() {
            written.insert("prerequisites".into(), parents.own.into());
        }
        Ok(written.into())
    }

    fn experiment(&mut self, feature: &str, rule: &Object, parents: Parents, pointer: &str) -> Result<Value, Refused> {
        let key = filled(rule, "key").unwrap_or(feature);
        let mut id = key.to_owned();
        if self.experiment_ids.contains(&id) {
            id = format!("{key}-{feature}");
            let message = format!(
                "another feature has the experiment {key:?} too; here it is {id:?}: the same assignment, but exposures of its own"
            );
            self.notes.push(Note::remark(format!("{pointer}/key"), message));
        }
        if id.len() > EXPERIMENT_ID_CHARS_MAX {
            let message =
                format!("the key of an experiment has at most {EXPERIMENT_ID_CHARS_MAX} characters, found {id:?}");
            return Err(Refused::at(&format!("{pointer}/key"), message));
        }
        let mut written = Map::new();
        written.insert("id".into(), id.as_str().into());
        written.insert("flag".into(), feature.into());
        if let Some(name) = filled(rule, "name") {
            written.insert("name".into(), name.into());
        }
        let phase = match rule.get("phase") {
            Some(Json::Text(it)) => it.parse().ok(),
            Some(Json::Number(it)) => Some(*it),
            _ => Some(0.0),
        };
        match phase {
            Some(phase) if phase >= 0.0 && phase.fract() == 0.0 => {
                if phase > 0.0 {
                    written.insert("phase".into(), json_number(phase + 1.0));
                }
            }
            _ => self.notes.push(Note::remark(format!("{pointer}/phase"), "the phase is no number, and left out")),
        }
        // What a document says by saying nothing.
        let seed = filled(rule, "seed").unwrap_or(key);
        if seed != id || written.contains_key("phase") {
            written.insert("seed".into(), seed.into());
        }
        self.hash_version(rule, &mut written, pointer)?;
        if let Some(unit) = filled(rule, "hashAttribute").filter(|it| *it != "id") {
            written.insert("unit".into(), unit.into());
        }
        let is_sticky = !rule.get("disableStickyBucketing").is_some_and(Json::is_truthy);
        if is_sticky {
            written.insert("sticky".into(), true.into());
            if let Some(unit) = filled(rule, "fallbackAttribute") {
                written.insert("fallback_unit".into(), unit.into());
            }
            for (name, key) in [("bucketVersion", "bucket_version"), ("minBucketVersion", "min_bucket_version")] {
                if let Some(version) = rule.get(name).and_then(Json::as_number).filter(|it| *it != 0.0) {
                    written.insert(key.into(), json_number(version));
                }
            }
        }
        written.insert("variations".into(), self.variations(rule, pointer)?);
        self.who(rule, &mut written, pointer)?;
        self.coverage(rule, &mut written, pointer);
        if let Some(namespace) = rule.get("namespace") {
            let Some([Json::Text(layer), Json::Number(from), Json::Number(to)]) = namespace.as_list() else {
                return Err(Refused::at(&format!("{pointer}/namespace"), "the namespace is malformed"));
            };
            self.layers.insert(layer.clone());
            let (from, to) = (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0));
            let slot = json!({ "id": layer, "from": json_number(percent(from)), "to": json_number(percent(to)) });
            written.insert("layer".into(), slot);
        }
        if !parents.own.is_empty() {
            written.insert("prerequisites".into(), parents.own.into());
        }
        if !parents.holdouts.is_empty() {
            written.insert("holdouts".into(), parents.holdouts.into());
        }
        if let Some(reference) = filled(rule, "contextualBanditRef") {
            match self.bandits.and_then(|it| it.get(reference)) {
                Some(bandit) => {
                    let bandit = self.bandit(bandit, &format!("/contextualBandits/{}", escaped(reference)))?;
                    written.insert("bandit".into(), bandit);
                }
                None => {
                    let message = format!("there is no bandit {reference:?}; the experiment runs with its own weights");
                    self.notes.push(Note::remark(format!("{pointer}/contextualBanditRef"), message));
                }
            }
        }
        self.experiment_ids.insert(id);
        Ok(written.into())
    }

    fn variations(&mut self, rule: &Object, pointer: &str) -> Result<Value, Refused> {
        let values = rule.get("contextualVariations").or(rule.get("variations")).and_then(Json::as_list);
        let values = values.unwrap_or_default();
        let meta = rule.get("meta").and_then(Json::as_list).unwrap_or_default();
        let weights: Option<Vec<f64>> =
            rule.get("weights").and_then(Json::as_list).map(|it| it.iter().filter_map(Json::as_number).collect());
        let weights = weights.filter(|it| {
            let sum: f64 = it.iter().sum();
            it.len() == values.len() && (0.99..=1.01).contains(&sum) && it.iter().all(|it| *it >= 0.0)
        });
        if weights.is_none() && rule.get("weights").is_some() {
            let message = "the weights are not usable, so all variations get the same";
            self.notes.push(Note::remark(format!("{pointer}/weights"), message));
        }
        let mut variations = Vec::new();
        for (idx, it) in values.iter().enumerate() {
            let own = meta.get(idx);
            if own.and_then(|it| it.get("passthrough")).is_some_and(Json::is_truthy) {
                let message =
                    "visitors pass through a variation to the next rules, as in holdouts; declare a holdout instead";
                return Err(Refused::at(&format!("{pointer}/meta/{idx}"), message));
            }
            let id = own.and_then(|it| it.get("key")).and_then(Json::as_text).filter(|it| !it.is_empty());
            let mut variation = Map::new();
            variation.insert("id".into(), id.map_or_else(|| idx.to_string(), str::to_owned).into());
            if let Some(name) = own.and_then(|it| it.get("name")).and_then(Json::as_text).filter(|it| !it.is_empty()) {
                variation.insert("name".into(), name.into());
            }
            variation.insert("value".into(), value(it));
            if let Some(weight) = weights.as_ref().and_then(|it| it.get(idx)) {
                variation.insert("weight".into(), self.percentage(*weight, &format!("{pointer}/weights/{idx}")));
            }
            variations.push(Value::Object(variation));
        }
        Ok(variations.into())
    }

    fn who(&mut self, rule: &Object, written: &mut Map<String, Value>, pointer: &str) -> Result<(), Refused> {
        if let Some(condition) = rule.get("condition").filter(|it| **it != Json::Null)
            && let Some(when) = self.condition(condition, Scope::Visitor, &format!("{pointer}/condition"))?.into_when()
        {
            written.insert("when".into(), when);
        }
        Ok(())
    }

    /// Coverage, and what only Vitrine's own payloads say. Whether visitors are hashed.
    pub(super) fn coverage(&mut self, rule: &Object, written: &mut Map<String, Value>, pointer: &str) -> bool {
        let time = |json: &Json| {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds are whole and below 2^53")]
            json.as_number().map(|it| Value::from(TimestampMs(it as i64).to_string()))
        };
        let extension = rule.get("vitrine");
        for key in ["starts", "ends"] {
            let found = extension.and_then(|it| it.get(key)).and_then(time);
            written.extend(found.map(|it| (key.to_owned(), it)));
        }
        if let Some(ramp) = extension.and_then(|it| it.get("ramp")).and_then(Json::as_list) {
            let steps = ramp.iter().filter_map(|it| {
                let [at, coverage] = it.as_list()? else { return None };
                Some(json!({ "at": time(at)?, "coverage": json_number(percent(coverage.as_number()?)) }))
            });
            written.insert("ramp".into(), steps.collect());
            return true;
        }
        let coverage = range_from_0(rule).or_else(|| rule.get("coverage")?.as_number());
        let Some(coverage) = coverage else { return false };
        let coverage = self.percentage(coverage.clamp(0.0, 1.0), &format!("{pointer}/coverage"));
        written.insert("coverage".into(), coverage);
        true
    }

    pub(super) fn percentage(&mut self, share: f64, pointer: &str) -> Value {
        let found = percent(share);
        if fraction(found).total_cmp(&share).is_ne() {
            let message = format!("{share} is no percentage that is written exactly; {found} % is the nearest");
            self.notes.push(Note::remark(pointer, message));
        }
        json_number(found)
    }

    pub(super) fn hash_version(
        &mut self,
        rule: &Object,
        written: &mut Map<String, Value>,
        pointer: &str,
    ) -> Result<(), Refused> {
        let found = rule.get("hashVersion").and_then(Json::as_number).filter(|it| *it != 0.0).unwrap_or(1.0);
        if found == 2.0 {
            return Ok(());
        }
        if found != 1.0 {
            let message = format!("there is no hash version {found}, so the rule never applies");
            return Err(Refused::at(&format!("{pointer}/hashVersion"), message));
        }
        written.insert("hash_version".into(), 1.into());
        Ok(())
    }
}

/// A text that is not empty.
pub(super) fn filled<'j>(rule: &'j Object, name: &str) -> Option<&'j str> {
    rule.get(name).and_then(Json::as_text).filter(|it| !it.is_empty())
}

/// The end of a range that begins at 0: the same as a coverage, which it goes before.
fn range_from_0(rule: &Object) -> Option<f64> {
    match rule.get("range")?.as_list()? {
        [Json::Number(0.0), Json::Number(end)] => Some(*end),
        _ => None,
    }
}

/// The narrowest type of all values that a feature may have, or the one that it declares.
fn type_of(feature: &Object) -> Option<ValueType> {
    let declared = feature.get("vitrine").and_then(|it| it.get("type")).and_then(Json::as_text);
    let declared = crate::section::flag_value::TYPES.iter().find(|(word, _)| Some(*word) == declared);
    if let Some((_, declared)) = declared {
        return Some(*declared);
    }
    let rules = feature.get("rules").and_then(Json::as_list).unwrap_or_default().iter();
    let mut values: Vec<&Json> = feature.get("defaultValue").into_iter().filter(|it| **it != Json::Null).collect();
    for rule in rules {
        match rule.get("force") {
            Some(value) => values.push(value),
            None => {
                let variations = rule.get("contextualVariations").or(rule.get("variations"));
                values.extend(variations.and_then(Json::as_list).unwrap_or_default());
            }
        }
    }
    // A feature that is never anything but null has any type.
    if values.is_empty() { Some(ValueType::Object) } else { type_of_json(&values) }
}
