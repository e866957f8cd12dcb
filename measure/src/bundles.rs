//! The names of published bundles, as far as tokens ask for them. Versions never change, so what was read is kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{BundleState, bundle_key};
use vitrine_ledger::Names;
use vitrine_rim::kv::Kv;
use worker::{Env, console_error};

/// Most versions that are kept; the oldest goes first.
const KEPT_MAX: usize = 16;

thread_local! {
    static KEPT: RefCell<BTreeMap<u32, Rc<Names>>> = const { RefCell::new(BTreeMap::new()) };
}

/// What came of asking for a version.
#[derive(Clone)]
pub enum Found {
    /// Its names.
    Names(Rc<Names>),
    /// There is no such version.
    Absent,
    /// It cannot be read now.
    Late,
}

/// The names of a version.
pub async fn names(version: u32, env: &Env) -> Found {
    if let Some(names) = KEPT.with_borrow(|it| it.get(&version).cloned()) {
        return Found::Names(names);
    }
    // Previews decide without a version.
    if version == 0 {
        return Found::Absent;
    }
    let Some(kv) = Kv::of(env) else { return Found::Late };
    let key = bundle_key(version.into());
    let bytes = match kv.get_recent(&key).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Found::Absent,
        Err(error) => {
            console_error!("{key}: {error}");
            return Found::Late;
        }
    };
    match BundleState::load(&bytes) {
        Ok(state) => {
            let names = Rc::new(Names::of(&state));
            keep(version, names.clone());
            Found::Names(names)
        }
        Err(why) => {
            console_error!("{key}: {why}");
            Found::Absent
        }
    }
}

fn keep(version: u32, names: Rc<Names>) {
    KEPT.with_borrow_mut(|kept| {
        kept.insert(version, names);
        if kept.len() > KEPT_MAX {
            kept.pop_first();
        }
    });
}
