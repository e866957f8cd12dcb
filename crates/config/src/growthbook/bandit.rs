//! Contextual bandits of a payload.

use serde_json::{Map, Value};
use vitrine_flags::Json;

use crate::growthbook::condition::Scope;
use crate::growthbook::feature::{Importer, Refused};
use crate::section::flag_rule::json_number;

impl Importer<'_> {
    /// The bandit of an experiment.
    pub(super) fn bandit(&mut self, bandit: &Json, pointer: &str) -> Result<Value, Refused> {
        let mut written = Map::new();
        if let Some(version) = bandit.get("banditVersion").and_then(Json::as_number) {
            written.insert("version".into(), json_number(version));
        }
        let mut contexts = Vec::new();
        for (idx, context) in bandit.get("contexts").and_then(Json::as_list).unwrap_or_default().iter().enumerate() {
            let pointer = format!("{pointer}/contexts/{idx}");
            let mut entry = Map::new();
            let leaf = context.get("leafId").and_then(Json::as_number);
            let weights = context.get("weights").and_then(Json::as_list);
            let (Some(leaf), Some(weights)) = (leaf, weights) else {
                return Err(Refused::at(&pointer, "the context has no number or no weights"));
            };
            entry.insert("id".into(), json_number(leaf));
            if let Some(condition) = context.get("condition")
                && let Some(when) =
                    self.condition(condition, Scope::Visitor, &format!("{pointer}/condition"))?.into_when()
            {
                entry.insert("when".into(), when);
            }
            let weights = weights.iter().filter_map(Json::as_number);
            entry.insert("weights".into(), weights.map(|it| self.percentage(it, &pointer)).collect());
            contexts.push(Value::Object(entry));
        }
        written.insert("contexts".into(), contexts.into());
        Ok(written.into())
    }
}
