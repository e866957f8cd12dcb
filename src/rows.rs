//! Rows of visitors: where they lie, and how their shards get into the isolate.

use vitrine_api::Tombstones;
use vitrine_rim::kv::Kv;
use vitrine_rim::settings::Settings;
use vitrine_tables::{Manifest, RowKey, TableKey, kv_keys};
use worker::Env;

use crate::counters;
use crate::shards::{self, Found};

/// Where the row of a visitor lies.
#[derive(Clone, Copy)]
pub struct Place<'m> {
    manifest: &'m Manifest,
    key: RowKey,
    shard_idx: u32,
    /// The visitor was erased: there may be a row, and it is not looked at.
    is_erased: bool,
}

impl<'m> Place<'m> {
    /// The place of a visitor in the table of this manifest.
    pub fn of(manifest: &'m Manifest, tombstones: &Tombstones, table_key: &TableKey, visitor_key: &str) -> Self {
        let key = table_key.hash(visitor_key);
        Self { manifest, key, shard_idx: key.shard(manifest.shard_bits), is_erased: tombstones.contains(key) }
    }

    /// What the isolate knows of the row without reading KV.
    pub fn find(self) -> Found {
        if self.is_erased {
            return Found::Nothing;
        }
        shards::find(&self.manifest.build, self.shard_idx, self.key)
    }

    /// The row, its shard being read from KV unless it is held: at most one read.
    pub async fn read(self, env: &Env, settings: &Settings) -> Found {
        match self.find() {
            Found::NotHeld => {
                load(env, settings, self.manifest, self.shard_idx).await;
                self.find()
            }
            found => found,
        }
    }
}

/// Reads a shard from KV and holds it. A failure is logged and counted; the shard is then not held.
async fn load(env: &Env, settings: &Settings, manifest: &Manifest, shard_idx: u32) {
    let Some(kv) = Kv::of(env) else { return };
    let kv_key = kv_keys::shard(&manifest.build, shard_idx, manifest.shard_bits);
    let loaded = match kv.get_immutable(&kv_key).await {
        Ok(Some(bytes)) => {
            // As with the manifest, there are no words for what is wrong.
            shards::hold(manifest, shard_idx, bytes, settings.shard_cache_bytes)
                .map_err(|_| "damaged, or a shard of another build".to_owned())
        }
        Ok(None) => Err("announced and missing".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = loaded {
        counters::add(|it| &mut it.shard_failures);
        worker::console_error!("{kv_key}: {why}");
    }
}
