//! Which environment a call belongs to, and whether it may be answered: by the pointers, of which this part keeps its own copies.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{BundlePointer, PRODUCTION, environment_of, pointer_key};
use vitrine_rim::admission::{Refused, Sender, is_admitted, may_look};
use vitrine_rim::kv::Kv;
use vitrine_rim::settings::Settings;
use worker::{Env, console_error};

/// Most environments that are kept; their names come from callers.
const KEPT_MAX: usize = 64;

/// Not sooner is a pointer read again for a key that does not fit. Unit: ms.
const AGAIN_MS: u64 = 1_000;

#[derive(Clone)]
struct Kept {
    pointer: Option<Rc<BundlePointer>>,
    read_at_ms: u64,
}

thread_local! {
    static KEPT: RefCell<BTreeMap<String, Kept>> = const { RefCell::new(BTreeMap::new()) };
}

/// The environment of a call with this key, or without any.
///
/// Errors: [`Refused`].
pub async fn admit(key: Option<&str>, sender: Sender, env: &Env, now_ms: u64) -> Result<String, Refused> {
    sender.check(key)?;
    let environment = key.and_then(environment_of).unwrap_or(PRODUCTION);
    let kept = KEPT.with_borrow(|it| it.get(environment).cloned());
    let refresh_ms = Settings::of(env).refresh_ms;
    let fresh = kept.as_ref().filter(|it| now_ms.saturating_sub(it.read_at_ms) < refresh_ms.max(1));
    if let Some(kept) = fresh {
        if is_admitted(environment, kept.pointer.as_deref(), key, now_ms) {
            return Ok(environment.to_owned());
        }
        // A key that does not fit may be younger than what is kept, but not every wrong one costs a reading.
        if now_ms.saturating_sub(kept.read_at_ms) < AGAIN_MS {
            return Err(Refused::of(key, false));
        }
    }
    if environment != PRODUCTION && kept.as_ref().is_none_or(|it| it.pointer.is_none()) {
        may_look(now_ms)?;
    }
    let (pointer, is_unread) = match read(environment, env).await {
        Ok(found) => (newer(kept.and_then(|it| it.pointer), found), false),
        Err(why) => {
            console_error!("{why}");
            (kept.and_then(|it| it.pointer), true)
        }
    };
    if !is_unread {
        keep(environment, Kept { pointer: pointer.clone(), read_at_ms: now_ms });
    }
    if is_admitted(environment, pointer.as_deref(), key, now_ms) {
        return Ok(environment.to_owned());
    }
    Err(Refused::of(key, is_unread))
}

async fn read(environment: &str, env: &Env) -> Result<Option<BundlePointer>, String> {
    let kv = Kv::of(env).ok_or("the Worker has no KV namespace bound as VITRINE")?;
    let key = pointer_key(environment);
    let Some(bytes) = kv.get_recent(&key).await.map_err(|it| it.to_string())? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("{key}: {error}"))
}

/// KV may give an older pointer after a newer one.
fn newer(kept: Option<Rc<BundlePointer>>, found: Option<BundlePointer>) -> Option<Rc<BundlePointer>> {
    match (kept, found) {
        (Some(kept), Some(found)) if found.epoch <= kept.epoch => Some(kept),
        (kept, None) => kept,
        (_, Some(found)) => Some(Rc::new(found)),
    }
}

fn keep(environment: &str, kept: Kept) {
    KEPT.with_borrow_mut(|all| {
        if all.len() >= KEPT_MAX && !all.contains_key(environment) {
            all.retain(|_, it| it.pointer.is_some());
        }
        if all.len() < KEPT_MAX || all.contains_key(environment) {
            all.insert(environment.to_owned(), kept);
        }
    });
}
