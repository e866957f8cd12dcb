//! `flags`: values by rules, with a type, perhaps a JSON Schema, and prerequisites.

use serde_json::Value;

use crate::compile::Compiler;
use crate::limits::{FLAG_ID_CHARS_MAX, FLAGS_MAX, REFERENCES_MAX, RULES_MAX};
use crate::section::flag_rule::{Delivery, Prerequisite};
use crate::section::flag_schema::Schema;
use crate::section::flag_value::TYPES;
use crate::source::{At, Kind};
use vitrine_flags::ValueType;

/// Keys of a flag.
pub(crate) const KEYS: [&str; 12] = [
    "id",
    "description",
    "name",
    "owner",
    "tags",
    "type",
    "schema",
    "default",
    "enabled",
    "unit",
    "prerequisites",
    "rules",
];

/// Keys of a rule that gives a value.
pub(crate) const RULE_KEYS: [&str; 14] = [
    "id",
    "description",
    "audience",
    "when",
    "value",
    "coverage",
    "ramp",
    "unit",
    "seed",
    "hash_version",
    "starts",
    "ends",
    "time_zone",
    "prerequisites",
];

/// Keys of a rule that stands for an experiment.
pub(crate) const EXPERIMENT_RULE_KEYS: [&str; 3] = ["id", "description", "experiment"];

/// A flag as written.
pub(crate) struct Flag<'t> {
    pub id: &'t str,
    pub at: At<'t>,
    /// `None` when it is missing or wrong, which is reported.
    pub value_type: Option<ValueType>,
    pub schema: Option<Schema>,
    pub default: Value,
    pub enabled: bool,
    /// What holds for the whole flag.
    pub gates: Vec<Prerequisite<'t>>,
    pub rules: Vec<Rule<'t>>,
}

/// A rule of a flag.
pub(crate) enum Rule<'t> {
    /// Gives a value.
    Value { at: At<'t>, id: Option<&'t str>, value: Value, delivery: Delivery<'t> },
    /// The place of an experiment among the rules: the text of its id.
    Experiment(At<'t>),
}

impl<'t> Compiler<'t, '_> {
    /// Reads the section `flags`.
    pub fn flags(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "flags", "too_many_flags", FLAGS_MAX).enumerate() {
            self.flag(at, idx);
        }
    }

    fn flag(&mut self, at: At<'t>, idx: usize) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        let id = self.draft.flag_names.declare_key(at, idx, FLAG_ID_CHARS_MAX, self.report);
        self.about(at);
        let help = "say what the flag's values are: type: boolean, string, integer, number or object";
        let value_type = self.report.required(at, "type", help).and_then(|at| self.report.word(at, &TYPES));
        let schema = at.get("schema").and_then(|at| Schema::read(at, self.report));
        let help = "say what the flag is when no rule applies; null leaves it to the caller";
        let default = match self.report.required(at, "default", help) {
            Some(at) if matches!(at.kind(), Kind::Null) => Value::Null,
            Some(at) => self.value(at, value_type, schema.as_ref()),
            None => Value::Null,
        };
        let enabled = at.get("enabled").and_then(|at| self.report.bool(at)).unwrap_or(true);
        let unit = self.unit(at, "unit");
        let gates = self.prerequisites(at);
        let mut rules = Vec::new();
        if let Some(at) = at.get("rules") {
            for at in self.report.list(at, "rules", "too_many_rules", RULES_MAX) {
                rules.extend(self.rule(at, value_type, schema.as_ref(), unit.as_deref()));
            }
        }
        let Some(id) = id else { return };
        self.draft.flags.push(Flag { id, at, value_type, schema, default, enabled, gates, rules });
    }

    fn rule(
        &mut self,
        at: At<'t>,
        value_type: Option<ValueType>,
        schema: Option<&Schema>,
        unit: Option<&str>,
    ) -> Option<Rule<'t>> {
        if let Some(experiment) = at.get("experiment") {
            self.report.object(at, &EXPERIMENT_RULE_KEYS);
            self.report.text(experiment)?;
            return Some(Rule::Experiment(experiment));
        }
        let at = self.report.object(at, &RULE_KEYS)?;
        let id = at.get("id").and_then(|at| self.report.name(at, "id"));
        if let Some(at) = at.get("description") {
            self.report.text(at);
        }
        let help = "say which value the rule gives, or write experiment: with the id of an experiment";
        let value = self.report.required(at, "value", help);
        let value = value.map_or(Value::Null, |at| self.value(at, value_type, schema));
        let mut delivery = self.delivery(at);
        delivery.unit = delivery.unit.or_else(|| unit.map(str::to_owned));
        Some(Rule::Value { at, id, value, delivery })
    }

    /// What flags and experiments say for people: texts and tags.
    pub fn about(&mut self, at: At<'t>) {
        for key in ["description", "name", "owner", "hypothesis"] {
            if let Some(at) = at.get(key) {
                self.report.text(at);
            }
        }
        if let Some(at) = at.get("tags") {
            self.report.names(at, "tags", "too_many_tags", REFERENCES_MAX);
        }
    }
}
