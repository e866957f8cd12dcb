//! Environments (production, staging, …): which version runs in each, with which settings, for which keys.

use serde::{Deserialize, Serialize};
use vitrine_engine::TimestampMs;

use crate::envelope::sha256_hex;

/// The environment of calls that name none.
pub const PRODUCTION: &str = "production";

/// Greatest length of an environment's name. Unit: bytes.
pub const ENVIRONMENT_BYTES_MAX: usize = 32;

/// [`is_environment`] as a regular expression, for schemas.
#[cfg(feature = "openapi")]
pub(crate) const ENVIRONMENT_PATTERN: &str = "^[a-z][a-z0-9-]{0,31}$";

/// Whether `name` may name an environment: 1 to [`ENVIRONMENT_BYTES_MAX`] of `a-z`, `0-9` and `-`, first a letter.
pub fn is_environment(name: &str) -> bool {
    name.len() <= ENVIRONMENT_BYTES_MAX
        && name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

/// KV key of an environment's pointer.
pub fn pointer_key(environment: &str) -> String {
    match environment {
        PRODUCTION => "c/current".to_owned(),
        other => format!("c/{other}/current"),
    }
}

/// KV key of a published bundle: immutable.
pub fn bundle_key(version: u64) -> String {
    format!("c/{version}")
}

/// KV key of the document that a bundle was compiled from: immutable.
pub fn document_key(version: u64) -> String {
    format!("d/{version}")
}

/// Which version runs in an environment, and what else its isolates must know at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BundlePointer {
    /// The running version; `None` until something is published.
    pub version: Option<u64>,
    /// The version that ran before, to which a rollback returns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// Rises with every change of the pointer, so that a late copy of an older one is recognised.
    pub epoch: u64,
    /// RFC 3339 time of the change.
    pub published_at: String,
    /// Keys that calls of this environment may carry. Without any, calls need none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<SdkKey>,
    /// How this environment answers.
    pub settings: EnvironmentSettings,
    /// Flags that the operator has switched off, ascending: they answer without a value, experiments with nobody in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub killed: Vec<String>,
}

impl BundlePointer {
    /// The key that a call carries, if this environment takes it at this time.
    pub fn taken(&self, key: &str, now: TimestampMs) -> Option<&SdkKey> {
        let sha256 = sha256_hex(key.as_bytes());
        // Digests of keys: the time that a comparison takes tells nothing about a key.
        self.keys.iter().find(|it| {
            let expired = it.expires_at.as_deref().is_some_and(|at| TimestampMs::parse(at).is_ok_and(|at| at <= now));
            it.sha256 == sha256 && !expired
        })
    }
}

/// Settings of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct EnvironmentSettings {
    /// Whether the query of a page's URL may choose a variation: `?checkout-cta=1`. Anybody can then choose. Default: no.
    pub query_override: bool,
    /// Whether an evaluation without targeting key is refused. Default: it is answered as far as rules need none.
    pub require_targeting_key: bool,
    /// Whether a publication needs the approval of a second person. Default: no.
    pub approval: bool,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Public: it is in the code of pages and apps, and in addresses.
    Client,
    /// Secret: it stays on the caller's servers, and travels in headers only. Refused where others could read it.
    Server,
}

impl KeyKind {
    /// What keys of this kind begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Client => "vtc",
            Self::Server => "vts",
        }
    }

    /// The kind that a key says it has; `None` if it is no key of ours. Says nothing about whether the key is valid.
    pub fn of(key: &str) -> Option<Self> {
        let (prefix, _) = key.split_once('_')?;
        [Self::Client, Self::Server].into_iter().find(|it| it.prefix() == prefix)
    }
}

/// A key, as the pointer holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SdkKey {
    /// Its name in the registry.
    pub id: String,
    /// What it may be used for.
    pub kind: KeyKind,
    /// SHA-256 of the whole key, in lower-case hex.
    pub sha256: String,
    /// RFC 3339 time from which it is refused, while another takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// The environment that a key (`vtc_<environment>_<secret>`) says it belongs to. Whether it does is for the pointer to say.
pub fn environment_of(key: &str) -> Option<&str> {
    KeyKind::of(key)?;
    let (_, rest) = key.split_once('_')?;
    let (environment, secret) = rest.rsplit_once('_')?;
    (!secret.is_empty() && is_environment(environment)).then_some(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_environment() {
        assert_eq!(environment_of("vtc_staging_8fA3"), Some("staging"));
        assert_eq!(environment_of("vts_pre-prod_8fA3"), Some("pre-prod"));
        for wrong in
            ["", "vtc", "vtc_staging", "vtc_staging_", "xyz_staging_8fA3", "vtc__8fA3", "vtc_Staging_8", "vtc_a/b_8"]
        {
            assert_eq!(environment_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_key_names_its_kind() {
        for (key, kind) in [
            ("vtc_staging_8fA3", Some(KeyKind::Client)),
            ("vts_staging_8fA3", Some(KeyKind::Server)),
            ("vts_", Some(KeyKind::Server)),
            ("vts", None),
            ("VTS_staging_8fA3", None),
            ("sdk-vts_1", None),
            ("", None),
        ] {
            assert_eq!(KeyKind::of(key), kind, "{key:?}");
        }
    }

    #[test]
    fn an_old_pointer_is_read_with_defaults() {
        let pointer: BundlePointer =
            serde_json::from_str(r#"{"version":3,"previous":null,"epoch":4,"published_at":"2026-11-01T00:00:00Z"}"#)
                .unwrap();
        assert_eq!((pointer.version, pointer.epoch, pointer.keys.len()), (Some(3), 4, 0));
        assert!(!pointer.settings.query_override);
    }
}
