//! Uploads of profile tables, part by part. Nothing of a table is used before the registry has verified it whole.

use std::cell::RefCell;
use std::rc::Rc;

use vitrine_api::{Problem, ProblemCode};
use vitrine_rim::kv::{Kv, KvError};
use vitrine_rim::manifests::{NoManifest, read_manifest};
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, respond};
use vitrine_tables::{ITEM_VECTORS_BYTES_MAX, ItemVectors, Manifest, Pointer, kv_keys};
use worker::{Env, Request};

use super::Answered;

/// Greatest manifest. Unit: bytes.
const MANIFEST_BYTES_MAX: usize = 8 << 20;
/// Greatest shard. Unit: bytes.
const SHARD_BYTES_MAX: usize = 4 << 20;
/// Greatest item table; KV takes values of 25 MiB. Unit: bytes.
const ITEMS_BYTES_MAX: usize = 24 << 20;

/// Errors: 400 for what is no name of a build.
pub fn check_build(build: &str) -> std::result::Result<(), Problem> {
    if build.len() == 16 && build.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(Problem::field("/build", "invalid_build", format!("{build:?} is not a build: 16 lower-case hex digits")))
}

fn refuse(error: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemCode::InvalidTable, error.to_string())
}

fn open(env: &Env) -> std::result::Result<Kv, Problem> {
    Kv::of(env).ok_or_else(|| Problem::new(ProblemCode::Unavailable, "the Worker has no KV namespace bound as VITRINE"))
}

async fn store(kv: &Kv, key: &str, bytes: &[u8]) -> Answered {
    kv.put(key, bytes).await.map_err(|error| {
        worker::console_error!("{key}: {error}");
        Problem::new(ProblemCode::Unavailable, "KV did not take the value; try again")
    })?;
    Ok(respond::empty(204))
}

/// Takes the manifest, first of all parts.
pub async fn put_manifest(build: &str, request: &mut Request, env: &Env) -> Answered {
    check_build(build)?;
    let body = body::read(request, MANIFEST_BYTES_MAX).await?;
    let manifest = Manifest::from_json(&body).map_err(refuse)?;
    if manifest.build != build {
        return Err(refuse(format!("this is the manifest of build {}, not of {build}", manifest.build)));
    }
    match &Settings::of(env).table_key {
        None => return Err(Problem::new(ProblemCode::Conflict, "set the secret TABLE_KEY (32 hex digits) first")),
        Some(key) if key.check() != manifest.key_check => {
            let detail = "the table was built with another key than the Worker's secret TABLE_KEY";
            return Err(Problem::new(ProblemCode::Conflict, detail));
        }
        Some(_) => {}
    }
    store(&open(env)?, &kv_keys::manifest(build), &body).await
}

thread_local! {
    /// The manifest of the build that is being uploaded, so that its shards do not each read it again.
    static UPLOADING: RefCell<Option<Rc<Manifest>>> = const { RefCell::new(None) };
}

async fn uploading(kv: &Kv, build: &str) -> std::result::Result<Rc<Manifest>, Problem> {
    check_build(build)?;
    let held = UPLOADING.with_borrow(|it| it.clone().filter(|it| it.build == build));
    if let Some(manifest) = held {
        return Ok(manifest);
    }
    let manifest = read_manifest(kv, build).await.map(Rc::new).map_err(|error| match error {
        NoManifest::Kv(error) => {
            worker::console_error!("build {build}: {error}");
            Problem::new(ProblemCode::Unavailable, "KV did not give the manifest; try again")
        }
        NoManifest::Unfit(why) => Problem::new(ProblemCode::Conflict, format!("upload the manifest first: {why}")),
    })?;
    UPLOADING.with_borrow_mut(|it| *it = Some(manifest.clone()));
    Ok(manifest)
}

/// Takes the item table.
pub async fn put_items(build: &str, request: &mut Request, env: &Env) -> Answered {
    let kv = open(env)?;
    let manifest = uploading(&kv, build).await?;
    let body = body::read(request, ITEMS_BYTES_MAX).await?;
    let announced = manifest.items.as_ref().ok_or_else(|| refuse("the manifest announces no item table"))?;
    announced.decode(body.clone()).map_err(refuse)?;
    store(&kv, &kv_keys::items(build), &body).await
}

/// Takes the vectors of the items, which must have been uploaded before.
pub async fn put_vectors(build: &str, request: &mut Request, env: &Env) -> Answered {
    let kv = open(env)?;
    let manifest = uploading(&kv, build).await?;
    let body = body::read(request, ITEM_VECTORS_BYTES_MAX).await?;
    let announced = manifest.items.as_ref().ok_or_else(|| refuse("the manifest announces no item table"))?;
    let unavailable = |error: KvError| {
        worker::console_error!("build {build}: {error}");
        Problem::new(ProblemCode::Unavailable, "KV gave no answer; try again")
    };
    let items = kv.get_recent(&kv_keys::items(build)).await.map_err(unavailable)?;
    let items = items.ok_or_else(|| Problem::new(ProblemCode::Conflict, "upload the item table first"))?;
    let items = announced.decode(items).map_err(refuse)?;
    ItemVectors::decode(body.clone()).and_then(|it| it.check_items(&items)).map_err(refuse)?;
    store(&kv, &kv_keys::item_vectors(build), &body).await
}

/// Takes a shard.
pub async fn put_shard(build: &str, shard: &str, request: &mut Request, env: &Env) -> Answered {
    let kv = open(env)?;
    let manifest = uploading(&kv, build).await?;
    let shard_idx = u32::from_str_radix(shard, 16)
        .ok()
        .filter(|idx| *idx < manifest.n_shards() && kv_keys::shard_name(*idx, manifest.shard_bits) == shard)
        .ok_or_else(|| refuse(format!("{shard:?} is not one of the {} shards of this table", manifest.n_shards())))?;
    let body = body::read(request, SHARD_BYTES_MAX).await?;
    manifest.decode_shard(shard_idx, &body).map_err(refuse)?;
    let key = kv_keys::shard(build, shard_idx, manifest.shard_bits);
    match sound_shard_in_use(&kv, &manifest, shard_idx, &key).await? {
        Some(stored) if stored == body => Ok(respond::empty(204)),
        Some(_) => {
            let detail = format!("build {build} is in use and holds another shard {shard}: a build never changes");
            Err(Problem::new(ProblemCode::Conflict, detail))
        }
        None => store(&kv, &key, &body).await,
    }
}

/// The stored shard, if visitors may be answered from it: its build runs, or a rollback would return to it. A shard of
/// another build can fit in form, and only the digest over all shards tells it apart; so what is in use stays as it was
/// verified. What is missing or broken may be mended.
async fn sound_shard_in_use(
    kv: &Kv,
    manifest: &Manifest,
    shard_idx: u32,
    key: &str,
) -> std::result::Result<Option<Vec<u8>>, Problem> {
    let unavailable = |error: KvError| {
        worker::console_error!("{key}: {error}");
        Problem::new(ProblemCode::Unavailable, "KV gave no answer; try again")
    };
    let running = kv.get_recent(kv_keys::CURRENT).await.map_err(unavailable)?;
    let running = running.and_then(|it| Pointer::from_json(&it).ok());
    let build = Some(&manifest.build);
    if running.is_none_or(|it| build != Some(&it.build) && build != it.previous.as_ref()) {
        return Ok(None);
    }
    let stored = kv.get_recent(key).await.map_err(unavailable)?;
    Ok(stored.filter(|it| manifest.decode_shard(shard_idx, it).is_ok()))
}
