//! `GET` and `DELETE /v1/me/tags`: what is known of a visitor, and its end. For the shop's server, which knows who is logged in:
//! the call carries a secret key of kind `server`, and names the visitor in a header.

use serde_json::json;
use vitrine_api::{
    BundlePointer, KeyKind, Problem, ProblemCode, Role, SdkKey, TOMBSTONES_KEY, Tombstones, document_key,
    environment_of, hexadecimal, tags,
};
use vitrine_rim::kv::Kv;
use vitrine_rim::manifests::check_manifest;
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use vitrine_tables::{ColumnType, ItemTable, Manifest, Pointer, RowKey, kv_keys};
use worker::{Env, Request};

use super::{Answered, kv, later, now, pointer};
use crate::admin::ask_registry;
use crate::objects::registry::{Actor, Command};

/// Header that names the visitor, as for `GET /v1/offers/{placement}`.
const VISITOR_HEADER: &str = "vitrine-visitor";

/// Answers with all tags that are not sensitive.
pub async fn get(request: &Request, env: &Env) -> Answered {
    let kv = kv(env)?;
    let (_, pointer) = admitted(request, &kv).await?;
    let key = row_key(request, env)?;
    let answer = match tombstones(&kv).await?.contains(key) {
        true => json!({ "erased": true, "as_of": null, "tags": [] }),
        false => match manifest(&kv).await? {
            Some(manifest) => {
                let hidden = hidden(&kv, &pointer).await?;
                let tags = read(&kv, &manifest, key, &hidden).await?;
                json!({ "erased": false, "as_of": manifest.as_of, "tags": tags })
            }
            None => json!({ "erased": false, "as_of": null, "tags": [] }),
        },
    };
    Ok(respond::json(200, answer.to_string()))
}

/// Erases the visitor: the row is not used from now on, and the next build leaves the visitor out.
pub async fn delete(request: &Request, env: &Env) -> Answered {
    let (key, _) = admitted(request, &kv(env)?).await?;
    let row_key = row_key(request, env)?;
    let actor = Actor { name: format!("key {}", key.id), role: Role::Approver, environments: None };
    let answered = ask_registry(env, &actor, Command::Erase { keys: vec![hexadecimal(row_key.0)] }).await;
    let has_failed = match &answered {
        Ok(Ok(response)) => response.status_code() >= 500,
        Ok(Err(_)) => false,
        Err(problem) => problem.code.status() >= 500,
    };
    // No storefront's call ends in a 5xx.
    if has_failed {
        let detail = "the visitor may not be erased everywhere yet; send the call again in a minute";
        return Err(Problem::new(ProblemCode::TooManyRequests, detail));
    }
    answered
}

/// Whether the caller is the shop's server: an answer without body, or the refusal. For calls that are answered elsewhere.
pub async fn admit(request: &Request, env: &Env) -> Answered {
    admitted(request, &kv(env)?).await?;
    Ok(respond::empty(204))
}

/// The key of the call, which must be a secret one, and the pointer of its environment.
async fn admitted(request: &Request, kv: &Kv) -> Result<(SdkKey, BundlePointer), Problem> {
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let refused = || {
        let detail = "this call is for the shop's server: send Authorization: Bearer <key> with a key of kind server";
        Problem::new(ProblemCode::Unauthorized, detail)
    };
    let authorization = header("authorization").ok_or_else(refused)?;
    let key = authorization.strip_prefix("Bearer ").map(str::trim).ok_or_else(refused)?;
    let environment = environment_of(key).ok_or_else(refused)?;
    let pointer = pointer(kv, environment).await?.ok_or_else(refused)?;
    let taken = pointer.taken(key, now()).filter(|it| it.kind == KeyKind::Server).cloned();
    Ok((taken.ok_or_else(refused)?, pointer))
}

fn row_key(request: &Request, env: &Env) -> Result<RowKey, Problem> {
    let visitor = request.headers().get(VISITOR_HEADER).ok().flatten().filter(|it| !it.is_empty());
    let visitor = visitor.ok_or_else(|| {
        let detail = format!("name the visitor in the header {VISITOR_HEADER}: never in a URL");
        Problem::field(format!("/{VISITOR_HEADER}"), "missing_field", detail)
    })?;
    let settings = Settings::of(env);
    let key = settings.table_key.as_ref().ok_or_else(|| later("the secret TABLE_KEY is not set"))?;
    Ok(key.hash(&visitor))
}

async fn tombstones(kv: &Kv) -> Result<Tombstones, Problem> {
    match kv.get_recent(TOMBSTONES_KEY).await.map_err(later)? {
        Some(bytes) => Tombstones::parse(&bytes).map_err(|it| later(format!("{TOMBSTONES_KEY}: {it}"))),
        None => Ok(Tombstones::default()),
    }
}

/// The manifest of the running table, if there is one.
async fn manifest(kv: &Kv) -> Result<Option<Manifest>, Problem> {
    let Some(bytes) = kv.get_recent(kv_keys::CURRENT).await.map_err(later)? else { return Ok(None) };
    let Pointer { build, .. } = Pointer::from_json(&bytes).map_err(later)?;
    let bytes = kv.get_recent(&kv_keys::manifest(&build)).await.map_err(later)?;
    check_manifest(&build, bytes).map(Some).map_err(later)
}

/// The attributes that the shop calls sensitive, by the document of the running version.
async fn hidden(kv: &Kv, pointer: &BundlePointer) -> Result<Vec<String>, Problem> {
    let Some(version) = pointer.version else { return Ok(Vec::new()) };
    let Some(bytes) = kv.get_recent(&document_key(version)).await.map_err(later)? else { return Ok(Vec::new()) };
    let document: serde_json::Value = serde_json::from_slice(&bytes).map_err(later)?;
    let listed = document.pointer("/settings/sensitive_attributes").and_then(|it| it.as_array());
    let names = listed.into_iter().flatten().filter_map(|it| it.as_str());
    Ok(names.map(|it| it.strip_prefix("profile.").unwrap_or(it).to_owned()).collect())
}

async fn read(kv: &Kv, manifest: &Manifest, key: RowKey, hidden: &[String]) -> Result<serde_json::Value, Problem> {
    let shard_idx = key.shard(manifest.shard_bits);
    let kv_key = kv_keys::shard(&manifest.build, shard_idx, manifest.shard_bits);
    let bytes = kv.get_recent(&kv_key).await.map_err(later)?.ok_or_else(|| later(format!("{kv_key} is missing")))?;
    let shard = manifest.decode_shard(shard_idx, &bytes).map_err(|it| later(format!("{kv_key}: {it}")))?;
    let Some(row) = shard.find(key) else { return Ok(json!([])) };
    let has_items = manifest
        .schema
        .columns()
        .iter()
        .any(|it| matches!(&it.kind, ColumnType::TopK { dictionary, .. } if dictionary == "items"));
    let items = if has_items { items(kv, manifest).await? } else { None };
    let is_hidden = |name: &str| hidden.iter().any(|it| it == name) || vitrine_config::is_sensitive(name);
    // Names, texts and finite numbers always serialise.
    Ok(serde_json::to_value(tags(&row, items.as_ref(), is_hidden)).unwrap_or_default())
}

async fn items(kv: &Kv, manifest: &Manifest) -> Result<Option<ItemTable>, Problem> {
    let Some(announced) = &manifest.items else { return Ok(None) };
    let Some(bytes) = kv.get_recent(&kv_keys::items(&manifest.build)).await.map_err(later)? else { return Ok(None) };
    announced.decode(bytes).map(Some).map_err(later)
}
