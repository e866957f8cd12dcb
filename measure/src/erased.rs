//! Who was erased: the list that the edge looks into before any row, with the visitors as measuring names them. Their events count,
//! and are joined with nobody.

use std::cell::RefCell;
use std::rc::Rc;

use vitrine_api::{Pseudonyms, TOMBSTONES_KEY, Tombstones};
use vitrine_rim::kv::Kv;
use vitrine_rim::settings::Settings;
use worker::{Env, console_error};

/// Units of erased visitors, ascending.
#[derive(Default)]
struct Units(Vec<u64>);

struct Kept {
    epoch: u64,
    units: Rc<Units>,
    read_at_ms: u64,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// The erased visitors, as far as they are known.
pub struct Erased(Option<Rc<Units>>);

impl Erased {
    /// Whether the visitor with this unit was erased; of everybody while it was never known who was.
    pub fn holds(&self, unit: u64) -> bool {
        self.0.as_ref().is_none_or(|it| it.0.binary_search(&unit).is_ok())
    }
}

/// The list, read again when it is due. One that cannot be read leaves the one before.
pub async fn current(env: &Env, now_ms: u64) -> Erased {
    let settings = Settings::of(env);
    let kept = |it: &Option<Kept>| it.as_ref().map(|it| (it.epoch, it.units.clone(), it.read_at_ms));
    let kept = KEPT.with_borrow(kept);
    if let Some((_, units, read_at_ms)) = &kept
        && now_ms.saturating_sub(*read_at_ms) < settings.refresh_ms.max(1)
    {
        return Erased(Some(units.clone()));
    }
    match read(env).await {
        Ok(list) => {
            // KV may give an older list after a newer one.
            let units = match kept {
                Some((epoch, units, _)) if epoch >= list.epoch => units,
                _ => Rc::new(units_of(&list, &settings)),
            };
            KEPT.set(Some(Kept { epoch: list.epoch, units: units.clone(), read_at_ms: now_ms }));
            Erased(Some(units))
        }
        Err(why) => {
            console_error!("{TOMBSTONES_KEY}: {why}");
            Erased(kept.map(|(_, units, _)| units))
        }
    }
}

async fn read(env: &Env) -> Result<Tombstones, String> {
    let kv = Kv::of(env).ok_or("the Worker has no KV namespace bound as VITRINE")?;
    match kv.get_recent(TOMBSTONES_KEY).await.map_err(|it| it.to_string())? {
        Some(bytes) => Tombstones::parse(&bytes).map_err(|it| it.to_string()),
        None => Ok(Tombstones::default()),
    }
}

/// Without secrets nobody has a unit.
fn units_of(list: &Tombstones, settings: &Settings) -> Units {
    let Some(tokens) = &settings.token_keys else { return Units::default() };
    let pseudonyms = Pseudonyms { tokens, table: settings.table_key.as_ref() };
    let mut units: Vec<u64> = list.keys().map(|it| pseudonyms.unit_of_row(it)).collect();
    units.sort_unstable();
    Units(units)
}
