//! What this isolate holds of what is published: one immutable snapshot, replaced whole, refreshed behind the answers.
//!
//! Requests never wait for each other: whoever finds nothing loads for itself, and the first to finish is kept.

use std::cell::RefCell;
use std::rc::Rc;

use vitrine_api::{BundlePointer, BundleState, Snapshot, TableSlot, TableState};
use vitrine_tables::{Manifest, Pointer, kv_keys};
use worker::{Context, Env};

use crate::counters;
use crate::kv::{Kv, KvError};
use crate::settings::Settings;

/// Key of the pointer to the running bundle.
pub const BUNDLE_CURRENT: &str = "c/current";

/// Key of a published bundle.
pub fn bundle_key(version: u64) -> String {
    format!("c/{version}")
}

/// What one request sees: a snapshot and where it came from.
#[derive(Clone)]
pub struct Held {
    /// What is published, joined.
    pub snapshot: Rc<Snapshot>,
    /// The pointer to the running table.
    pub table_pointer: Option<Rc<Pointer>>,
    /// The pointer to the running bundle.
    pub bundle_pointer: Option<Rc<BundlePointer>>,
}

#[derive(Default)]
struct Isolate {
    settings: Option<Rc<Settings>>,
    kv: Option<Kv>,
    held: Option<Held>,
    /// When the pointers were last read, or the reading began. Unit: ms since 1970.
    checked_at_ms: u64,
    /// Something was published through this isolate: the next request reads the pointers before it answers.
    look_first: bool,
}

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::default();
}

/// The settings of this isolate.
pub fn settings(env: &Env) -> Rc<Settings> {
    ISOLATE.with_borrow_mut(|isolate| isolate.settings.get_or_insert_with(|| Settings::read(env)).clone())
}

/// The namespace of this isolate; `None` when the Worker has no such binding.
pub fn kv(env: &Env) -> Option<Kv> {
    let timeout_ms = settings(env).kv_timeout_ms;
    ISOLATE.with_borrow_mut(|isolate| {
        if isolate.kv.is_none() {
            isolate.kv = Kv::open(env, timeout_ms);
        }
        isolate.kv.clone()
    })
}

/// Makes the next request of this isolate read the pointers before it answers. What is held stays, in case it cannot.
pub fn look_first() {
    ISOLATE.with_borrow_mut(|isolate| {
        isolate.checked_at_ms = 0;
        isolate.look_first = true;
    });
}

/// The settings, if a request has needed them before.
pub fn known_settings() -> Option<Rc<Settings>> {
    ISOLATE.with_borrow(|isolate| isolate.settings.clone())
}

/// What is held, if it may be used as it is: nothing needs to be read before or behind the answer.
pub fn fresh(now_ms: u64) -> Option<(Rc<Settings>, Held)> {
    ISOLATE.with_borrow(|isolate| {
        let settings = isolate.settings.clone()?;
        let due = now_ms.saturating_sub(isolate.checked_at_ms) >= settings.refresh_ms;
        let held = isolate.held.clone().filter(|_| !due && !isolate.look_first)?;
        Some((settings, held))
    })
}

/// What is published, as this isolate knows it. Old pointers are read again behind the answer, not before it.
pub async fn current(env: &Env, ctx: &Context, now_ms: u64) -> Held {
    let settings = settings(env);
    let (held, due) = ISOLATE.with_borrow_mut(|isolate| {
        let due = now_ms.saturating_sub(isolate.checked_at_ms) >= settings.refresh_ms;
        if due {
            isolate.checked_at_ms = now_ms;
        }
        let look_first = std::mem::take(&mut isolate.look_first);
        (isolate.held.clone().filter(|_| !look_first), due)
    });
    match held {
        Some(held) => {
            if due {
                let env = env.clone();
                ctx.wait_until(async move {
                    refresh(&env).await;
                });
            }
            held
        }
        None => refresh(env).await,
    }
}

/// Reads the pointers and what they name, keeps it, and returns it. What cannot be read stays as it was.
async fn refresh(env: &Env) -> Held {
    let before = ISOLATE.with_borrow(|isolate| isolate.held.clone());
    let Some(kv) = kv(env) else {
        worker::console_error!("the Worker has no KV namespace bound as VITRINE");
        counters::add(|it| &mut it.refresh_failures);
        return before.unwrap_or_else(nothing);
    };
    let (bundle, TableFound { killed, table }) =
        futures_util::future::join(load_bundle(&kv, before.as_ref()), load_table(&kv, env, before.as_ref())).await;
    let failed = bundle.is_err() || table.is_err();
    for error in [bundle.as_ref().err(), table.as_ref().err()].into_iter().flatten() {
        counters::add(|it| &mut it.refresh_failures);
        worker::console_error!("refresh: {error}");
    }
    let (bundle_pointer, bundle) = bundle.unwrap_or_else(|_| {
        let held = before.as_ref();
        (held.and_then(|it| it.bundle_pointer.clone()), held.and_then(|it| it.snapshot.bundle().cloned()))
    });
    let (table_pointer, table) = match (table, &before) {
        (Ok((pointer, Some(table))), _) => (pointer, TableSlot::Ready(table)),
        (Ok((pointer, None)), _) => (pointer, TableSlot::Absent),
        (Err(_), Some(before)) => (before.table_pointer.clone(), before.snapshot.table_slot().clone()),
        (Err(_), None) => (None, TableSlot::Unreadable),
    };
    if let Some(before) = before
        && before.bundle_pointer == bundle_pointer
        && before.table_pointer == table_pointer
        && before.snapshot.killed() == killed
        && !matches!(before.snapshot.table_slot(), TableSlot::Unreadable)
    {
        return before;
    }
    let held = Held { snapshot: Rc::new(Snapshot::new(bundle, table, killed)), table_pointer, bundle_pointer };
    // Nothing at all because of a failure is not worth keeping: the next request tries again.
    if !failed || held.snapshot.bundle().is_some() {
        ISOLATE.with_borrow_mut(|isolate| isolate.held = Some(held.clone()));
    }
    held
}

fn nothing() -> Held {
    Held { snapshot: Rc::default(), table_pointer: None, bundle_pointer: None }
}

type Loaded<P, S> = Result<(Option<Rc<P>>, Option<Rc<S>>), String>;

async fn load_bundle(kv: &Kv, before: Option<&Held>) -> Loaded<BundlePointer, BundleState> {
    let have = before.and_then(|it| it.bundle_pointer.as_ref());
    let Some(bytes) = kv.get_recent(BUNDLE_CURRENT).await.map_err(|it| it.to_string())? else {
        return absent(BUNDLE_CURRENT, have);
    };
    let pointer: BundlePointer = serde_json::from_slice(&bytes).map_err(|it| format!("{BUNDLE_CURRENT}: {it}"))?;
    if let Some(have) = have.filter(|have| pointer.epoch <= have.epoch) {
        // The same pointer, or a late copy of an older one.
        return Ok((Some(have.clone()), before.and_then(|it| it.snapshot.bundle().cloned())));
    }
    let key = bundle_key(pointer.version);
    let bytes = kv.get_immutable(&key).await.map_err(|it| it.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{key} is announced and missing"))?;
    let state = BundleState::load(&bytes.to_vec()).map_err(|it| format!("{key}: {it}"))?;
    Ok((Some(Rc::new(pointer)), Some(Rc::new(state))))
}

/// Nothing has been published; or it has, because this isolate holds it: pointers are never taken away, so KV is mistaken.
fn absent<P, S>(key: &str, have: Option<&Rc<P>>) -> Loaded<P, S> {
    match have {
        None => Ok((None, None)),
        Some(_) => Err(format!("{key} is gone")),
    }
}

/// What a refresh found of the table.
struct TableFound {
    /// The operator's switch, as the newest pointer that could be read has it, whether its table can be read or not.
    killed: bool,
    table: Loaded<Pointer, TableState>,
}

async fn load_table(kv: &Kv, env: &Env, before: Option<&Held>) -> TableFound {
    let killed = before.is_some_and(|it| it.snapshot.killed());
    let have = before.and_then(|it| it.table_pointer.as_ref());
    let pointer = match read_pointer(kv).await {
        Ok(Some(pointer)) => pointer,
        Ok(None) => return TableFound { killed, table: absent(kv_keys::CURRENT, have) },
        Err(why) => return TableFound { killed, table: Err(why) },
    };
    let held = before.and_then(|it| it.snapshot.table().cloned());
    if let Some(have) = have.filter(|have| pointer.epoch <= have.epoch) {
        return TableFound { killed: have.kill, table: Ok((Some(have.clone()), held)) };
    }
    let killed = pointer.kill;
    if have.is_some_and(|have| have.build == pointer.build) {
        // Only the kill switch moved.
        return TableFound { killed, table: Ok((Some(Rc::new(pointer)), held)) };
    }
    let table = read_table(kv, env, &pointer.build).await;
    TableFound { killed, table: table.map(|table| (Some(Rc::new(pointer)), Some(Rc::new(table)))) }
}

async fn read_pointer(kv: &Kv) -> Result<Option<Pointer>, String> {
    let bytes = kv.get_recent(kv_keys::CURRENT).await.map_err(|it| it.to_string())?;
    bytes.map(|it| Pointer::from_json(&it)).transpose().map_err(|it| format!("{}: {it}", kv_keys::CURRENT))
}

async fn read_table(kv: &Kv, env: &Env, build: &str) -> Result<TableState, String> {
    let bytes = kv.get_immutable(&kv_keys::manifest(build)).await.map_err(|it| it.to_string())?;
    let manifest = check_manifest(build, bytes.map(|it| it.to_vec())).map_err(|it| it.to_string())?;
    match &settings(env).table_key {
        None => return Err("a table is published, but the secret TABLE_KEY is not set or not 32 hex digits".into()),
        Some(key) if key.check() != manifest.key_check => {
            return Err(format!("build {build} was made with another TABLE_KEY than this Worker's"));
        }
        Some(_) => {}
    }
    let items = match &manifest.items {
        None => None,
        Some(announced) => {
            let key = kv_keys::items(build);
            let bytes = kv.get_immutable(&key).await.map_err(|it| it.to_string())?;
            let bytes = bytes.ok_or_else(|| format!("{key} is announced and missing"))?.to_vec();
            Some(announced.decode(bytes).map_err(|it| format!("{key}: {it}"))?)
        }
    };
    Ok(TableState { manifest, items })
}

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

fn check_manifest(build: &str, bytes: Option<Vec<u8>>) -> Result<Manifest, NoManifest> {
    let unfit = |why: String| NoManifest::Unfit(format!("{} {why}", kv_keys::manifest(build)));
    let bytes = bytes.ok_or_else(|| unfit("is missing".to_owned()))?;
    let manifest = Manifest::from_json(&bytes).map_err(|it| unfit(format!("is not sound: {it}")))?;
    if manifest.build != build {
        return Err(unfit(format!("holds the manifest of build {}", manifest.build)));
    }
    Ok(manifest)
}
