//! What this isolate holds of what is published: one immutable snapshot, replaced whole, refreshed behind the answers.
//!
//! Requests never wait for each other: whoever finds nothing loads for itself, and the first to finish is kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{
    BundlePointer, BundleState, FlagState, PRODUCTION, STOCK_KEY, Snapshot, Stock, TOMBSTONES_KEY, TableSlot,
    TableState, Tombstones, bundle_key, pointer_key,
};
use vitrine_rim::kv::Kv;
use vitrine_rim::settings::Settings;
use vitrine_tables::{ItemTable, ItemVectors, Manifest, Pointer, kv_keys};
use wasm_bindgen::prelude::*;
use worker::{Context, Env};

use crate::{counters, registry};

/// What one request sees: a snapshot and where it came from.
#[derive(Clone)]
pub struct Held {
    /// What is published, joined.
    pub snapshot: Rc<Snapshot>,
    /// The pointer to the running table.
    pub table_pointer: Option<Rc<Pointer>>,
    /// The pointer to the running bundle.
    pub bundle_pointer: Option<Rc<BundlePointer>>,
    /// Visitors whose rows may not be used any more.
    pub tombstones: Rc<Tombstones>,
    /// Which items are sold out.
    pub stock: Rc<Stock>,
    /// By offer of the running bundle: whether what it promotes is sold out. Empty when nothing is.
    pub sold_out: Rc<[bool]>,
    /// The running bundle's flags; `None` without bundle.
    pub flags: Option<Rc<FlagState>>,
    /// There is no bundle because it could not be read, not because none was published.
    pub is_unread: bool,
}

impl Held {
    /// The epoch of the bundle's pointer, 0 without one.
    fn epoch(&self) -> u64 {
        self.bundle_pointer.as_ref().map_or(0, |it| it.epoch)
    }

    /// Whether what is known of the stock is too old to keep offers out.
    pub fn is_stock_stale(&self, settings: &Settings, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.stock.at_ms) > settings.stock_age_max_ms
    }
}

/// What is held for one environment.
#[derive(Default)]
struct Slot {
    held: Option<Held>,
    /// When the pointers were last read, or the reading began. Unit: ms since 1970.
    checked_at_ms: u64,
    /// Something was published through this isolate: the next request reads the pointers before it answers.
    look_first: bool,
}

impl Slot {
    fn is_due(&self, refresh_ms: u64, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.checked_at_ms) >= refresh_ms
    }
}

/// Most environments that an isolate holds. Names come from callers' keys, so there must be a bound.
const ENVIRONMENTS_MAX: usize = 16;

thread_local! {
    static ISOLATE: RefCell<BTreeMap<String, Slot>> = RefCell::default();
}

/// Makes the next request of each environment read the pointers before it answers. What is held stays, in case it cannot.
#[wasm_bindgen]
pub fn look_first() {
    ISOLATE.with_borrow_mut(|slots| {
        for slot in slots.values_mut() {
            slot.checked_at_ms = 0;
            slot.look_first = true;
        }
    });
}

/// What is held, if it may be used as it is: nothing needs to be read before or behind the answer.
pub fn fresh(environment: &str, refresh_ms: u64, now_ms: u64) -> Option<Held> {
    ISOLATE.with_borrow(|slots| {
        let slot = slots.get(environment)?;
        slot.held.clone().filter(|_| !slot.is_due(refresh_ms, now_ms) && !slot.look_first)
    })
}

/// Whether this isolate knows the environment, or has just learnt that there is none: asking for it reads nothing new.
pub fn is_known(environment: &str, refresh_ms: u64, now_ms: u64) -> bool {
    ISOLATE.with_borrow(|slots| {
        let slot = slots.get(environment);
        slot.is_some_and(|slot| match &slot.held {
            Some(held) => held.bundle_pointer.is_some() || !slot.is_due(refresh_ms, now_ms),
            None => false,
        })
    })
}

/// What is published in an environment, not older than the epoch of its pointer that a caller has proof of: KV is read
/// again, and where it is behind, the registry is asked. `held` is what the caller would be answered from else.
///
/// `None`: neither has it now.
pub async fn at_least(epoch: u64, environment: &str, held: Held, env: &Env) -> Option<Held> {
    if held.epoch() >= epoch {
        return Some(held);
    }
    let held = refresh(environment, env).await;
    if held.epoch() >= epoch {
        return Some(held);
    }
    let taken = match registry::pointer(environment, env).await {
        Ok(pointer) => take(environment, pointer, env).await,
        Err(why) => Err(why),
    };
    let held = taken.inspect_err(|why| worker::console_error!("epoch {epoch} of {environment}: {why}")).ok()?;
    (held.epoch() >= epoch).then_some(held)
}

/// What is published in an environment, read again unless that was done less than `pause_ms` ago.
pub async fn again(environment: &str, pause_ms: u64, held: Held, env: &Env, now_ms: u64) -> Held {
    let due = ISOLATE.with_borrow_mut(|slots| {
        let slot = slot(slots, environment);
        let due = slot.is_due(pause_ms, now_ms);
        if due {
            slot.checked_at_ms = now_ms;
        }
        due
    });
    if due { refresh(environment, env).await } else { held }
}

/// What is published in an environment, as this isolate knows it. Old pointers are read again behind the answer, not before it.
pub async fn current(environment: &str, env: &Env, ctx: &Context, now_ms: u64) -> Held {
    let settings = Settings::of(env);
    let (held, due) = ISOLATE.with_borrow_mut(|slots| {
        let slot = slot(slots, environment);
        let due = slot.is_due(settings.refresh_ms, now_ms);
        if due {
            slot.checked_at_ms = now_ms;
        }
        let look_first = std::mem::take(&mut slot.look_first);
        (slot.held.clone().filter(|_| !look_first), due)
    });
    match held {
        Some(held) => {
            if due {
                let (env, environment) = (env.clone(), environment.to_owned());
                ctx.wait_until(async move {
                    refresh(&environment, &env).await;
                });
            }
            held
        }
        None => refresh(environment, env).await,
    }
}

/// The slot of an environment. A new one may push out another that holds nothing, or else the one that was read least lately.
fn slot<'s>(slots: &'s mut BTreeMap<String, Slot>, environment: &str) -> &'s mut Slot {
    if !slots.contains_key(environment) && slots.len() >= ENVIRONMENTS_MAX {
        let others = slots.iter().filter(|(name, _)| *name != PRODUCTION);
        let is_real = |slot: &Slot| slot.held.as_ref().is_some_and(|it| it.bundle_pointer.is_some());
        let oldest = others.min_by_key(|(_, slot)| (is_real(slot), slot.checked_at_ms));
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            slots.remove(&name);
        }
    }
    slots.entry(environment.to_owned()).or_default()
}

/// What is held for an environment, or the table that another one holds: all environments share one.
fn before(environment: &str) -> (Option<Held>, Option<Held>) {
    ISOLATE.with_borrow(|slots| {
        let own = slots.get(environment).and_then(|it| it.held.clone());
        let any = own.clone().or_else(|| slots.values().find_map(|it| it.held.clone()));
        (own, any)
    })
}

/// Reads the pointers and what they name, keeps it, and returns it. What cannot be read stays as it was.
async fn refresh(environment: &str, env: &Env) -> Held {
    let (before, any) = before(environment);
    let Some(kv) = Kv::of(env) else {
        worker::console_error!("the Worker has no KV namespace bound as VITRINE");
        counters::add(|it| &mut it.refresh_failures);
        return before.unwrap_or_else(nothing);
    };
    let (bundle, TableFound { killed, table }, tombstones, stock) = futures_util::future::join4(
        load_bundle(environment, &kv, before.as_ref()),
        load_table(&kv, env, any.as_ref()),
        load_tombstones(&kv, any.as_ref()),
        load_stock(&kv, any.as_ref()),
    )
    .await;
    let (bundle_failed, failed) = (bundle.is_err(), bundle.is_err() || table.is_err() || tombstones.is_err());
    for error in [bundle.as_ref().err(), table.as_ref().err(), tombstones.as_ref().err(), stock.as_ref().err()]
        .into_iter()
        .flatten()
    {
        counters::add(|it| &mut it.refresh_failures);
        worker::console_error!("refresh: {error}");
    }
    let (bundle_pointer, bundle) = bundle.unwrap_or_else(|_| {
        let held = before.as_ref();
        (held.and_then(|it| it.bundle_pointer.clone()), held.and_then(|it| it.snapshot.bundle().cloned()))
    });
    let (table_pointer, table) = match (table, &any) {
        (Ok((pointer, Some(table))), _) => (pointer, TableSlot::Ready(table)),
        (Ok((pointer, None)), _) => (pointer, TableSlot::Absent),
        (Err(_), Some(any)) => (any.table_pointer.clone(), any.snapshot.table_slot().clone()),
        (Err(_), None) => (None, TableSlot::Unreadable),
    };
    let (tombstones, table) = match tombstones {
        Ok(tombstones) => (tombstones, table),
        // Who was erased is not known: nobody's row is used, rather than one that must not be.
        Err(_) => match &any {
            Some(any) => (any.tombstones.clone(), table),
            None => (Rc::default(), TableSlot::Unreadable),
        },
    };
    // A list that cannot be read leaves the one before.
    let stock = stock.unwrap_or_else(|_| any.as_ref().map(|it| it.stock.clone()).unwrap_or_default());
    if let Some(before) = &before
        && Rc::ptr_eq(&before.stock, &stock)
        && Rc::ptr_eq(&before.tombstones, &tombstones)
        && before.bundle_pointer == bundle_pointer
        && before.table_pointer == table_pointer
        && before.snapshot.killed() == killed
        && !matches!(before.snapshot.table_slot(), TableSlot::Unreadable)
    {
        return before.clone();
    }
    let held = Held {
        flags: flags(before.as_ref(), bundle.as_ref(), bundle_pointer.as_deref()),
        sold_out: sold_out(&stock, bundle.as_ref()),
        stock,
        is_unread: bundle_failed && bundle.is_none(),
        snapshot: Rc::new(Snapshot::new(bundle, table, killed)),
        table_pointer,
        bundle_pointer,
        tombstones,
    };
    // Nothing at all because of a failure is not worth keeping: the next request tries again.
    if !failed || held.snapshot.bundle().is_some() {
        ISOLATE.with_borrow_mut(|slots| slot(slots, environment).held = Some(held.clone()));
    }
    held
}

/// What is held when nothing could be read, ever.
fn nothing() -> Held {
    Held {
        snapshot: Rc::default(),
        table_pointer: None,
        bundle_pointer: None,
        tombstones: Rc::default(),
        stock: Rc::default(),
        sold_out: Rc::default(),
        flags: None,
        is_unread: true,
    }
}

/// The flags of a bundle under its pointer. Those of before, if nothing that concerns them changed.
fn flags(
    before: Option<&Held>,
    bundle: Option<&Rc<BundleState>>,
    pointer: Option<&BundlePointer>,
) -> Option<Rc<FlagState>> {
    let (bundle, pointer) = (bundle?, pointer?);
    let unchanged = before.filter(|before| {
        before.snapshot.bundle().is_some_and(|it| Rc::ptr_eq(it, bundle))
            && before.bundle_pointer.as_ref().is_some_and(|it| it.killed == pointer.killed)
    });
    match unchanged.and_then(|it| it.flags.clone()) {
        Some(flags) => Some(flags),
        None => Some(Rc::new(FlagState::new(bundle.clone(), pointer))),
    }
}

/// Holds what a pointer names that did not come from KV. Everything else stays as it was.
async fn take(environment: &str, pointer: BundlePointer, env: &Env) -> Result<Held, String> {
    let kv = Kv::of(env).ok_or("the Worker has no KV namespace bound as VITRINE")?;
    let (before, any) = before(environment);
    let (bundle_pointer, bundle) = load_announced(pointer, &kv, before.as_ref()).await?;
    let (table_pointer, table, killed) = match &any {
        Some(any) => (any.table_pointer.clone(), any.snapshot.table_slot().clone(), any.snapshot.killed()),
        None => (None, TableSlot::Unreadable, false),
    };
    let stock = any.as_ref().map(|it| it.stock.clone()).unwrap_or_default();
    let held = Held {
        flags: flags(before.as_ref(), bundle.as_ref(), bundle_pointer.as_deref()),
        sold_out: sold_out(&stock, bundle.as_ref()),
        stock,
        is_unread: false,
        snapshot: Rc::new(Snapshot::new(bundle, table, killed)),
        table_pointer,
        bundle_pointer,
        tombstones: any.map(|it| it.tombstones).unwrap_or_default(),
    };
    ISOLATE.with_borrow_mut(|slots| slot(slots, environment).held = Some(held.clone()));
    Ok(held)
}

type Loaded<P, S> = Result<(Option<Rc<P>>, Option<Rc<S>>), String>;

async fn load_bundle(environment: &str, kv: &Kv, before: Option<&Held>) -> Loaded<BundlePointer, BundleState> {
    let have = before.and_then(|it| it.bundle_pointer.as_ref());
    let key = pointer_key(environment);
    let Some(bytes) = kv.get_recent(&key).await.map_err(|it| it.to_string())? else {
        return absent(&key, have);
    };
    let pointer: BundlePointer = serde_json::from_slice(&bytes).map_err(|it| format!("{key}: {it}"))?;
    load_announced(pointer, kv, before).await
}

/// The bundle that a pointer names.
async fn load_announced(
    pointer: BundlePointer,
    kv: &Kv,
    before: Option<&Held>,
) -> Result<(Option<Rc<BundlePointer>>, Option<Rc<BundleState>>), String> {
    let have = before.and_then(|it| it.bundle_pointer.as_ref());
    if let Some(have) = have.filter(|have| pointer.epoch <= have.epoch) {
        // The same pointer, or a late copy of an older one.
        return Ok((Some(have.clone()), before.and_then(|it| it.snapshot.bundle().cloned())));
    }
    let held = before.and_then(|it| it.snapshot.bundle().cloned());
    let Some(version) = pointer.version else { return Ok((Some(Rc::new(pointer)), None)) };
    if let Some(held) = held.filter(|it| it.version() == version) {
        // Only keys, settings or the kill switch of a flag moved.
        return Ok((Some(Rc::new(pointer)), Some(held)));
    }
    let key = bundle_key(version);
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

/// Who was erased. An older list than the one that is held is a late copy.
async fn load_tombstones(kv: &Kv, before: Option<&Held>) -> Result<Rc<Tombstones>, String> {
    let held = before.map(|it| it.tombstones.clone()).unwrap_or_default();
    let Some(bytes) = kv.get_recent(TOMBSTONES_KEY).await.map_err(|it| it.to_string())? else { return Ok(held) };
    if Tombstones::epoch_of(&bytes).is_some_and(|it| it <= held.epoch) {
        return Ok(held);
    }
    Tombstones::parse(&bytes).map(Rc::new).map_err(|it| format!("{TOMBSTONES_KEY}: {it}"))
}

/// Which items are sold out. An older list than the one that is held is a late copy.
async fn load_stock(kv: &Kv, before: Option<&Held>) -> Result<Rc<Stock>, String> {
    let held = before.map(|it| it.stock.clone()).unwrap_or_default();
    let Some(bytes) = kv.get_recent(STOCK_KEY).await.map_err(|it| it.to_string())? else { return Ok(held) };
    if Stock::time_of(&bytes).is_some_and(|it| it <= held.at_ms) {
        return Ok(held);
    }
    Stock::parse(&bytes).map(Rc::new).ok_or_else(|| format!("{STOCK_KEY}: damaged"))
}

/// Which offers of a bundle promote nothing that is left.
pub fn sold_out(stock: &Stock, bundle: Option<&Rc<BundleState>>) -> Rc<[bool]> {
    bundle.map(|it| stock.offers(it.bundle()).into()).unwrap_or_default()
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
    let manifest = read_manifest(kv, build).await?;
    match &Settings::of(env).table_key {
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
            Some(announced.decode(bytes).map_err(|_| format!("{key}: damaged, or the items of another build"))?)
        }
    };
    let vectors = match &items {
        None => None,
        Some(items) => read_vectors(kv, build, items).await?,
    };
    Ok(TableState { manifest, items, vectors })
}

/// The manifest of a build. What is wrong with one is not told in words, of which there would be more than of what reads it: it was
/// checked when the table was published, and `vitrine tables verify` says what has become of it.
async fn read_manifest(kv: &Kv, build: &str) -> Result<Manifest, String> {
    let key = kv_keys::manifest(build);
    let bytes = kv.get_immutable(&key).await.map_err(|it| it.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{key} is announced and missing"))?.to_vec();
    let manifest = Manifest::from_json(&bytes).ok().filter(|it| it.build == build);
    manifest.ok_or_else(|| format!("{key}: damaged, or the manifest of another build"))
}

/// The vectors of a build's items, which a build need not have.
async fn read_vectors(kv: &Kv, build: &str, items: &ItemTable) -> Result<Option<ItemVectors>, String> {
    let key = kv_keys::item_vectors(build);
    let Some(bytes) = kv.get_immutable(&key).await.map_err(|it| it.to_string())? else { return Ok(None) };
    let vectors = ItemVectors::decode(bytes.to_vec()).and_then(|it| it.check_items(items).map(|()| it));
    // They were checked when they were uploaded; in words, each rule that they may break would weigh more than reading them.
    vectors.map(Some).map_err(|_| format!("{key}: damaged, or vectors of other items"))
}
