//! Bodies of the registry's calls, and what it answers: shared by the Worker and the `vitrine` command.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use crate::environment::{EnvironmentSettings, KeyKind, PRODUCTION};
use crate::role::Role;

fn production() -> String {
    PRODUCTION.to_owned()
}

/// One difference between two configurations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Change {
    /// JSON pointer to the place in the newer document, or in the older one for what is gone.
    pub pointer: String,
    /// In words: `hero-test: weight of B 50 % -> 70 %`.
    pub text: String,
}

/// Visitors of one running experiment, or of one flag, who would get something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Reshuffle {
    /// JSON pointer to the experiment or flag in the newer document, or in the older one when it is gone.
    pub pointer: String,
    /// The flag.
    pub flag: String,
    /// The experiment; absent when this is about all values of the flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Part of the experiment's visitors whose variation would change; of a flag, part of all visitors who would get another
    /// value. An estimate with made-up visitors. Unit: percent.
    pub moved_percent: f64,
    /// Whether a publication needs `allow_reshuffle` because of it.
    pub needs_allow: bool,
    /// In words.
    pub text: String,
}

/// How a configuration differs from what runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// The running version; `None` when nothing has been published.
    pub against: Option<u64>,
    /// All differences, in words.
    pub changes: Vec<Change>,
    /// What would happen to visitors of running experiments.
    pub reshuffle: Vec<Reshuffle>,
}

/// Body of `POST config/rollback`. Without a version: to the one that ran before.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The environment. Default: `production`.
    #[serde(default = "production")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::environment::ENVIRONMENT_PATTERN)))]
    pub environment: String,
    /// The version to return to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Default for Rollback {
    fn default() -> Self {
        Self { environment: production(), version: None, reason: String::new() }
    }
}

/// Body of `POST config/publish`: a version that exists becomes the running one of another environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The environment. Default: `production`.
    #[serde(default = "production")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::environment::ENVIRONMENT_PATTERN)))]
    pub environment: String,
    /// The version.
    pub version: u64,
    /// Whether visitors of running experiments may change their variation.
    #[serde(default)]
    pub allow_reshuffle: bool,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Body of `POST flags/{id}/kill`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KillFlag {
    /// The environment. Default: `production`.
    #[serde(default = "production")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::environment::ENVIRONMENT_PATTERN)))]
    pub environment: String,
    /// Off (true) or on again (false).
    pub killed: bool,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Body of `PUT environments/{name}`: makes the environment if there is none; settings that are absent stay as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentChange {
    /// New values of settings.
    #[serde(deserialize_with = "object")]
    pub settings: SettingsChange,
    /// Why, for the audit log.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// serde would also take the members of an object as a list.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(json: D) -> Result<T, D::Error> {
    let members = serde_json::Map::deserialize(json)?;
    serde_json::from_value(members.into()).map_err(D::Error::custom)
}

/// New values of settings of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// See [`EnvironmentSettings::query_override`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_override: Option<bool>,
    /// See [`EnvironmentSettings::require_targeting_key`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_targeting_key: Option<bool>,
    /// See [`EnvironmentSettings::approval`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
}

impl SettingsChange {
    /// The settings after the change, and what changed in words.
    pub fn apply(self, before: EnvironmentSettings) -> (EnvironmentSettings, Vec<String>) {
        let mut words = Vec::new();
        let mut set = |name: &str, before: bool, wanted: Option<bool>| {
            let after = wanted.unwrap_or(before);
            if after != before {
                words.push(format!("{name} {}", if after { "on" } else { "off" }));
            }
            after
        };
        let after = EnvironmentSettings {
            query_override: set("query_override", before.query_override, self.query_override),
            require_targeting_key: set(
                "require_targeting_key",
                before.require_targeting_key,
                self.require_targeting_key,
            ),
            approval: set("approval", before.approval, self.approval),
        };
        (after, words)
    }
}

/// Body of `POST environments/{name}/keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What it may be used for.
    pub kind: KeyKind,
    /// Who uses it, such as `the app for phones`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(length(max = 200)))]
    pub note: String,
}

/// Body of `POST tokens`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Whose it is: stands in the audit log, and tells author from approver.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = 100), extend("pattern" = r"^[\p{L}\p{N}._+@-]+$")))]
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The environments that its holder may change; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// RFC 3339 time from which it is refused; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// What registry tokens begin with: `vta_` and 43 letters and digits.
pub const TOKEN_PREFIX: &str = "vta_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_one_by_one_and_say_so() {
        let change: EnvironmentChange = serde_json::from_str(r#"{"settings":{"approval":true}}"#).unwrap();
        let before = EnvironmentSettings { query_override: true, ..EnvironmentSettings::default() };
        let (after, words) = change.settings.apply(before);
        assert_eq!(after, EnvironmentSettings { query_override: true, require_targeting_key: false, approval: true });
        assert_eq!(words, ["approval on"]);
        assert!(change.settings.apply(after).1.is_empty());
    }

    #[test]
    fn bodies_with_mistakes() {
        assert!(serde_json::from_str::<EnvironmentChange>(r#"{"settings":{"aproval":true}}"#).is_err());
        assert!(serde_json::from_str::<EnvironmentChange>(r#"{"approval":true}"#).is_err());
        assert!(serde_json::from_str::<EnvironmentChange>(r#"{"settings":[true]}"#).is_err());
        assert!(serde_json::from_str::<Rollback>(r#"{"version":"1"}"#).is_err());
        assert!(serde_json::from_str::<Rollback>(r#"{"version":-1}"#).is_err());
        assert!(serde_json::from_str::<Promote>(r#"{"environment":"staging"}"#).is_err());
        assert!(serde_json::from_str::<KillFlag>(r#"{"killed":"yes"}"#).is_err());
        assert!(serde_json::from_str::<NewKey>(r#"{"kind":"admin"}"#).is_err());
        assert!(serde_json::from_str::<NewToken>(r#"{"name":"a","role":"owner"}"#).is_err());
        let rollback: Rollback = serde_json::from_str("{}").unwrap();
        assert_eq!((rollback.environment.as_str(), rollback.version), (PRODUCTION, None));
    }
}

/// Visitors to erase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EraseVisitors {
    /// Their row keys, 16 lower-case hexadecimal digits each; 1 to 1,000.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = 1000), inner(regex(pattern = "^[0-9a-f]{16}$"))))]
    pub visitors: Vec<String>,
}
