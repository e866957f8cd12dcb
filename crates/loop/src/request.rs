//! How a turn of the loop and a look for alerts are asked for: the bodies of `POST /v1/admin/loop` and `POST /v1/admin/alerts`.

use serde::{Deserialize, Serialize};

/// How a turn is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoopRequest {
    /// Where; `production` if none is named.
    #[serde(default)]
    pub environment: Option<String>,
    /// Nothing is published; what would be is told.
    #[serde(default)]
    pub dry_run: bool,
    /// A draft is made in place of a version. Not together with `dry_run`.
    #[serde(default)]
    pub draft: bool,
    /// Why, for the audit log.
    #[serde(default)]
    pub reason: String,
}

/// How a look is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AlertsRequest {
    /// Where; `production` if none is named.
    #[serde(default)]
    pub environment: Option<String>,
    /// Nobody is told, and nothing is noted.
    #[serde(default)]
    pub dry_run: bool,
    /// A test is sent to the webhook, and nothing else is done. Not together with `dry_run`.
    #[serde(default)]
    pub test: bool,
}
