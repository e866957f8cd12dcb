//! Drafts: configurations on their way to a publication, as the registry tells of them.

use serde::{Deserialize, Serialize};

use crate::environment::PRODUCTION;

/// Where a draft stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DraftState {
    /// It may be changed, approved, published and scheduled.
    Open,
    /// It will be published at its time.
    Scheduled,
    /// It has become a version.
    Published,
}

/// What the registry tells of a draft. Its document comes apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Draft {
    /// `d1`, `d2`, …
    pub id: String,
    /// The environment that it is for.
    pub environment: String,
    /// The version that it changes; `None` when nothing had been published.
    pub base_version: Option<u64>,
    /// Rises with every change of the draft, from 1. A change names the one that it was made from.
    pub revision: u64,
    /// Where it stands.
    pub state: DraftState,
    /// What it is for, in its author's words.
    pub note: String,
    /// Who wrote any part of it; none of them may approve it.
    pub authors: Vec<String>,
    /// RFC 3339 time of the first revision.
    pub created_at: String,
    /// Who made this revision.
    pub updated_by: String,
    /// RFC 3339 time of this revision.
    pub updated_at: String,
    /// Who approved this revision, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// When it will be published, if that is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The version that it has become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why a publication that was scheduled was not carried out, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// An approval of one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Approval {
    /// Who.
    pub by: String,
    /// RFC 3339 time.
    pub at: String,
    /// Why.
    pub reason: String,
}

/// A publication that is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Schedule {
    /// RFC 3339 time.
    pub at: String,
    /// Who scheduled it.
    pub by: String,
    /// Whether visitors may change their variation by it.
    pub allow_reshuffle: bool,
    /// Why.
    pub reason: String,
}

fn production() -> String {
    PRODUCTION.to_owned()
}

/// Body of `POST drafts`. Without `document` and `version` the draft begins as a copy of what runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// The environment that it is for. Default: `production`.
    #[serde(default = "production")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::environment::ENVIRONMENT_PATTERN)))]
    pub environment: String,
    /// The configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<serde_json::Value>,
    /// A version whose document the draft begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The version that the document was written against. Default: the running one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(length(max = 2000)))]
    pub note: String,
}

/// Body of `PUT drafts/{id}`: what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DraftChange {
    /// The configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<serde_json::Value>,
    /// The version that the document is now written against, after its author has looked at what changed meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(length(max = 2000)))]
    pub note: Option<String>,
}

/// Body of `POST drafts/{id}/approve`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Why; must not be empty.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1), extend("pattern" = r"\S")))]
    pub reason: String,
}

/// Body of `POST drafts/{id}/publish`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PublishDraft {
    /// Whether visitors of running experiments may change their variation.
    pub allow_reshuffle: bool,
    /// RFC 3339 time at which it is published; absent: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    pub at: Option<String>,
    /// Why, for the audit log.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
