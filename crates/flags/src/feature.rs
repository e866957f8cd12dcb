//! Features and their rules, compiled.

use crate::bucket::{Filter, Range};
use crate::condition::{Compiler, Condition, Scope};
use crate::experiment::{Experiment, Hashing, text};
use crate::json::{Json, NULL, Object};
use crate::payload::ValueType;
use crate::prerequisite::Prerequisite;
use crate::schedule::{MEMBER, Schedule};

/// A feature: its rules in order, and the value when none applies.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) key: Box<str>,
    pub(crate) default: Json,
    pub(crate) rules: Vec<Rule>,
    pub(crate) value_type: Option<ValueType>,
    pub(crate) is_disabled: bool,
}

/// One rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) prerequisites: Vec<Prerequisite>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) effect: Effect,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Gives a value to all, or to a part.
    Force(Box<Force>),
    /// Runs an experiment.
    Experiment(Box<Experiment>),
    /// Nothing but asking for prerequisites.
    Nothing,
}

/// A value for all whom the condition fits, or for a part of them.
#[derive(Clone, Debug)]
pub(crate) struct Force {
    pub(crate) value: Json,
    pub(crate) condition: Option<Condition>,
    pub(crate) hashing: Hashing,
    pub(crate) is_sticky_disabled: bool,
    /// Takes precedence over coverage.
    pub(crate) range: Option<Range>,
    pub(crate) coverage: Option<f64>,
    /// Exposures to tell when the rule applies.
    pub(crate) tracks: Vec<Json>,
}

impl Feature {
    pub(crate) fn compile(key: &str, json: &Json, bandits: &Object, compiler: &mut Compiler) -> Self {
        let rules = json.get("rules").and_then(Json::as_list).unwrap_or_default();
        let rules = compiler.at("rules", |compiler| {
            let rules = rules.iter().enumerate();
            rules.map(|(at, rule)| compiler.at(at, |it| Rule::compile(rule, key, bandits, it))).collect()
        });
        let extension = json.get(MEMBER);
        let value_type = extension.and_then(|extension| extension.get("type"));
        Self {
            key: key.into(),
            default: json.get("defaultValue").unwrap_or(&NULL).clone(),
            rules,
            value_type: value_type.and_then(|name| {
                let value_type = name.as_text().and_then(ValueType::from_name);
                if value_type.is_none() {
                    let message = "a type is boolean, string, integer, number or object";
                    compiler.at(MEMBER, |compiler| compiler.at("type", |compiler| compiler.fault(message)));
                }
                value_type
            }),
            is_disabled: extension.and_then(|extension| extension.get("enabled")) == Some(&Json::Bool(false)),
        }
    }
}

impl Rule {
    fn compile(json: &Json, feature: &str, bandits: &Object, compiler: &mut Compiler) -> Self {
        let filters = json.get("filters").and_then(Json::as_list).unwrap_or_default();
        let effect = match json.get("force") {
            Some(value) => Effect::Force(Box::new(Force::compile(json, value, feature, compiler))),
            None => match Experiment::of_rule(json, feature, bandits, compiler) {
                Some(experiment) => Effect::Experiment(Box::new(experiment)),
                None => Effect::Nothing,
            },
        };
        Self {
            id: text(json, "id").unwrap_or_default().into(),
            schedule: Schedule::compile(json, compiler),
            prerequisites: Prerequisite::compile(json, compiler),
            filters: filters.iter().map(Filter::from_json).collect(),
            effect,
        }
    }
}

impl Force {
    fn compile(json: &Json, value: &Json, feature: &str, compiler: &mut Compiler) -> Self {
        let given = |name: &str| json.get(name).filter(|json| **json != Json::Null);
        Self {
            value: value.clone(),
            condition: compiler.optional_condition(json.get("condition"), Scope::Visitor),
            hashing: Hashing::from_json(json, feature),
            is_sticky_disabled: json.get("disableStickyBucketing").is_some_and(Json::is_truthy),
            range: json.get("range").filter(|json| json.is_truthy()).map(Range::from_json),
            // What is no number covers nobody.
            coverage: given("coverage").map(|json| json.as_number().unwrap_or(f64::NAN)),
            tracks: given("tracks").and_then(Json::as_list).unwrap_or_default().to_vec(),
        }
    }
}
