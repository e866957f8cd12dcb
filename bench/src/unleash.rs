//! Unleash's evaluation.

use crate::flags::Visitor;
use unleash_types::client_features::ClientFeatures;
use unleash_yggdrasil::{Context, EngineState};

/// Its name and version.
pub const NAME: &str = "unleash-yggdrasil 0.21";

/// An engine with these toggles.
pub fn engine(toggles: &str) -> EngineState {
    let toggles: ClientFeatures = serde_json::from_str(toggles).unwrap();
    let engine = EngineState::initial_state(chrono::DateTime::UNIX_EPOCH);
    assert!(engine.apply_client_features(toggles).is_none());
    engine
}

/// The visitor as Unleash asks for it.
pub fn user(visitor: &Visitor) -> Context {
    let [(_, id), properties @ ..] = &visitor.texts;
    let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Context {
        user_id: Some(id.clone()),
        session_id: None,
        environment: None,
        app_name: None,
        current_time: None,
        remote_address: None,
        properties: Some(properties.chain([("age".to_owned(), visitor.age.to_string())]).collect()),
    }
}
