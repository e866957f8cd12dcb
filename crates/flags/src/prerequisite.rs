//! Prerequisites: other features that must have certain values.

use crate::condition::{Compiler, Condition, Scope};
use crate::json::Json;

/// One of `parentConditions`.
#[derive(Clone, Debug)]
pub(crate) struct Prerequisite {
    /// The other feature.
    pub(crate) feature: Box<str>,
    /// Asked about `{"value": …}`. `None` passes.
    pub(crate) condition: Option<Condition>,
    /// Whether the whole feature, not only the rule, depends on it.
    pub(crate) is_gate: bool,
}

impl Prerequisite {
    /// Reads `parentConditions` of a rule or an experiment. Entries without an id are left out.
    pub(crate) fn compile(item: &Json, compiler: &mut Compiler) -> Vec<Self> {
        let Some(list) = item.get("parentConditions").and_then(Json::as_list) else { return Vec::new() };
        compiler.at("parentConditions", |compiler| {
            let parents = list.iter().enumerate();
            parents.filter_map(|(at, json)| compiler.at(at, |compiler| Self::compile_one(json, compiler))).collect()
        })
    }

    fn compile_one(json: &Json, compiler: &mut Compiler) -> Option<Self> {
        let Some(feature) = json.get("id").and_then(Json::as_text) else {
            compiler.fault("a prerequisite needs the id of a feature; it is left out");
            return None;
        };
        Some(Self {
            feature: feature.into(),
            condition: compiler.optional_condition(json.get("condition"), Scope::Other),
            is_gate: json.get("gate").is_some_and(Json::is_truthy),
        })
    }
}
