//! Manifests of table builds, read from KV and checked.

use vitrine_tables::{Manifest, kv_keys};

use crate::kv::{Kv, KvError};

/// Why there is no manifest. In words for an operator.
pub enum NoManifest {
    /// KV gave no answer; another try may succeed.
    Kv(KvError),
    /// It is missing, or not the manifest of this build.
    Unfit(String),
}

impl std::fmt::Display for NoManifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kv(error) => error.fmt(f),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

/// Reads and checks the manifest of a build that may not have been uploaded yet.
///
/// Errors: [`NoManifest`].
pub async fn read_manifest(kv: &Kv, build: &str) -> Result<Manifest, NoManifest> {
    check_manifest(build, kv.get_recent(&kv_keys::manifest(build)).await.map_err(NoManifest::Kv)?)
}

/// Checks the stored manifest of a build.
///
/// Errors: [`NoManifest::Unfit`] when it is missing, broken, or another build's.
pub fn check_manifest(build: &str, bytes: Option<Vec<u8>>) -> Result<Manifest, NoManifest> {
    let unfit = |why: String| NoManifest::Unfit(format!("{} {why}", kv_keys::manifest(build)));
    let bytes = bytes.ok_or_else(|| unfit("is missing".to_owned()))?;
    let manifest = Manifest::from_json(&bytes).map_err(|it| unfit(format!("is not sound: {it}")))?;
    if manifest.build != build {
        return Err(unfit(format!("holds the manifest of build {}", manifest.build)));
    }
    Ok(manifest)
}
