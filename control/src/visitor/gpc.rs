//! `GET /.well-known/gpc.json`: whether this shop obeys Global Privacy Control. Source: W3C, Global Privacy Control, "GPC support
//! resource".

use serde_json::json;
use vitrine_api::PRODUCTION;
use vitrine_engine::GpcRule;
use vitrine_rim::respond;
use worker::Env;

use super::{Answered, bundle, kv, pointer};

/// Answers the call from the configuration that runs. Without one, every signal is obeyed.
pub async fn get(env: &Env) -> Answered {
    let kv = kv(env)?;
    let pointer = pointer(&kv, PRODUCTION).await?.unwrap_or_default();
    let running = match pointer.version {
        Some(version) => bundle(&kv, version).await?,
        None => None,
    };
    let rule = running.map(|it| it.bundle().settings().gpc).unwrap_or_default();
    let mut support = json!({ "gpc": rule != GpcRule::Ignore });
    // The day of an RFC 3339 time.
    if let (Some(day), Some(members)) = (pointer.published_at.get(..10), support.as_object_mut()) {
        members.insert("lastUpdate".to_owned(), json!(day));
    }
    Ok(respond::json(200, support.to_string()).and_then(|response| {
        response.headers().set("cache-control", "public, max-age=3600")?;
        Ok(response)
    }))
}
