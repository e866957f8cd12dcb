//! A made-up visitor: a profile that is written down instead of looked up, for previews.

use vitrine_engine::{AttributeIdx, Bundle, ContextValue, ItemIdx, Profile, Scope, Value};
use vitrine_flags::{Json, Object};

use crate::preview::PreviewToken;
use crate::request::DecideRequest;

/// A profile of a bundle, made up. It has no history of items.
#[derive(Clone, Debug, Default)]
pub struct MadeUpProfile {
    /// By attribute of the bundle.
    values: Vec<Option<ContextValue>>,
}

/// A JSON value as rules know values; what they do not know is nothing.
fn value(json: &Json) -> Option<ContextValue> {
    Some(match json {
        Json::Bool(it) => ContextValue::Bool(*it),
        Json::Number(it) => ContextValue::Number(*it),
        Json::Text(it) => ContextValue::Text(it.clone()),
        Json::List(list) => ContextValue::Labels(list.iter().filter_map(Json::as_text).map(str::to_owned).collect()),
        Json::Null | Json::Object(_) => return None,
    })
}

impl MadeUpProfile {
    /// The columns that `profile` gives to the attributes of a bundle. Others are missing.
    pub fn new(bundle: &Bundle, profile: &Object) -> Self {
        let of = |scope: Scope, name: &str| (scope == Scope::Profile).then(|| profile.get(name)).flatten();
        let values = bundle.attributes().iter().map(|it| of(it.scope, &it.name).and_then(value));
        Self { values: values.collect() }
    }

    fn get(&self, attribute: AttributeIdx) -> Option<&ContextValue> {
        self.values.get(usize::from(attribute.0))?.as_ref()
    }
}

impl Profile for MadeUpProfile {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        match self.get(attribute) {
            None => Value::Missing,
            Some(ContextValue::Bool(it)) => Value::Bool(*it),
            Some(ContextValue::Number(it)) => Value::Number(*it),
            Some(ContextValue::Text(it)) => Value::Text(it),
            Some(ContextValue::Labels(_)) => Value::Labels,
        }
    }

    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool {
        matches!(self.get(attribute), Some(ContextValue::Labels(labels)) if labels.iter().any(|it| it == label))
    }

    fn history(&self, _: &mut dyn FnMut(ItemIdx, f32)) {}
}

/// Puts what a preview shows into a decide request: the made-up visitor's context, the time; and that nothing is counted.
pub fn apply_to_request(preview: &PreviewToken, request: &mut DecideRequest) {
    for (name, json) in preview.attributes.iter().filter(|(name, _)| *name != PROFILE) {
        if let Some(value) = value(json) {
            request.context.set(name, value);
        }
    }
    request.at = preview.at_ms.map(vitrine_engine::TimestampMs).or(request.at);
    request.dry_run = true;
}

/// The attribute that holds the columns of the profile.
const PROFILE: &str = "profile";

impl PreviewToken {
    /// The profile of the made-up visitor; `None` if the preview makes none up.
    pub fn profile(&self, bundle: &Bundle) -> Option<MadeUpProfile> {
        let profile = self.attributes.get(PROFILE)?.as_object()?;
        Some(MadeUpProfile::new(bundle, profile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BundleState, Lookup, Occasion, Snapshot, TableSlot, answer};
    use serde_json::Value as JsonValue;
    use std::rc::Rc;
    use vitrine_engine::TimestampMs;

    const DOCUMENT: &str = r#"{"version": 1, "settings": {"consent": "required"}, "offers": [
        {"id": "vip", "when": {"profile.segment": "loyal", "profile.orders": {"$gte": 3}, "context.country": "CN"}, "content": {}},
        {"id": "tea", "when": {"profile.tags": {"$in": ["tea"]}}, "starts": "2026-12-01T00:00:00Z", "content": {}},
        {"id": "all", "content": {}}],
        "placements": [{"id": "home", "count": 3, "offers": ["vip", "tea"], "fallback": "all"}]}"#;

    fn shown(attributes: &str, at_ms: Option<i64>) -> String {
        let checked = vitrine_config::check(DOCUMENT, vitrine_config::Format::Json)
            .unwrap_or_else(|it| panic!("{}", it.iter().map(|it| format!("{it}; {}\n", it.help)).collect::<String>()));
        let state = Rc::new(BundleState::new(0, String::new(), checked.stored()).unwrap());
        let snapshot = Snapshot::new(Some(state.clone()), TableSlot::Absent, false);
        let mut request =
            DecideRequest::parse(br#"{"placements": [{"id": "home"}], "context": {"country": "DE"}}"#).unwrap();
        let mut preview = PreviewToken::new("production", 0);
        preview.attributes = Json::parse(attributes.as_bytes()).unwrap().as_object().unwrap().clone();
        preview.at_ms = at_ms;
        apply_to_request(&preview, &mut request);
        assert!(request.dry_run);
        let profile = preview.profile(state.bundle()).unwrap_or_default();
        let now = request.at.unwrap_or(TimestampMs(1_700_000_000_000));
        let answer = answer(&snapshot, &request, Ok(Lookup::MadeUp(&profile)), Occasion::at(now)).json;
        let json: JsonValue = serde_json::from_str(&answer).unwrap();
        assert_eq!((&json["mode"], &json["dry_run"]), (&JsonValue::from("personalised"), &JsonValue::from(true)));
        let items = json["decisions"][0]["items"].as_array().unwrap().iter().map(|it| it["offer"].as_str().unwrap());
        items.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn made_up_visitors_see_what_they_would_see() {
        let loyal = r#"{"profile": {"segment": "loyal", "orders": 3, "tags": ["tea"]}, "country": "CN"}"#;
        assert_eq!(shown(loyal, None), "vip");
        assert_eq!(shown(loyal, Some(1_796_083_200_000)), "vip tea");
        assert_eq!(shown(&loyal.replace(": 3", ": 2"), Some(1_796_083_200_000)), "tea");
        assert_eq!(shown(&loyal.replace("CN", "FR"), None), "");
        assert_eq!(shown(r#"{"country": "CN"}"#, None), "");
        assert_eq!(shown(r#"{"profile": {"segment": null, "orders": {}, "tags": 5}}"#, Some(1_796_083_200_000)), "");
    }
}
