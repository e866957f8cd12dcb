//! GrowthBook's own crate.

use crate::flags::Visitor;
use growthbook_rust::client::{GrowthBookClient, GrowthBookClientBuilder, GrowthBookClientTrait as _};
use growthbook_rust::dto::GrowthBookResponse;
use growthbook_rust::model_public::{FeatureResult, GrowthBookAttribute, GrowthBookAttributeValue};
use std::collections::HashMap;
use std::sync::OnceLock;
use tokio::runtime::Runtime;

/// At its best: the visitor's attributes are set once, when the client is built.
pub const NAME: &str = "growthbook-rust 0.4.0";
/// As a server must: the visitor's attributes come with each call.
pub const NAME_WITH_ATTRIBUTES: &str = "growthbook-rust 0.4.0, attributes per call";

/// A client with a payload.
pub struct Client(GrowthBookClient);

impl Client {
    /// Loads a payload, for one visitor to begin with.
    pub fn new(payload: &str, visitor: &Visitor) -> Self {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        let runtime = RUNTIME.get_or_init(|| Runtime::new().unwrap());
        let response: GrowthBookResponse = serde_json::from_str(payload).unwrap();
        let builder = GrowthBookClientBuilder::new().features(response.features.unwrap_or_default());
        let attributes: HashMap<String, GrowthBookAttribute> =
            attributes(visitor).into_iter().map(|it| (it.key.clone(), it)).collect();
        Self(runtime.block_on(builder.attributes(attributes).build()).unwrap())
    }

    /// For the visitor of [`Self::new`].
    pub fn feature(&self, key: &str) -> FeatureResult {
        self.0.feature_result(key, None)
    }

    /// For any visitor.
    pub fn feature_for(&self, key: &str, visitor: &Visitor) -> FeatureResult {
        self.0.feature_result(key, Some(attributes(visitor)))
    }
}

fn attributes(visitor: &Visitor) -> Vec<GrowthBookAttribute> {
    let text = |(name, value): &(&str, String)| {
        GrowthBookAttribute::new((*name).to_owned(), GrowthBookAttributeValue::String(value.clone()))
    };
    let age = GrowthBookAttribute::new("age".to_owned(), GrowthBookAttributeValue::Int(i64::from(visitor.age)));
    visitor.texts.iter().map(text).chain([age]).collect()
}
