//! What is counted of published bundles: their names, as far as tokens ask for them, and their caps and budgets. Versions never
//! change, so what was read is kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_api::{BundleState, bundle_key};
use vitrine_ledger::{Names, Terms};
use vitrine_rim::kv::Kv;
use worker::{Env, console_error};

/// Most versions that are kept; the oldest goes first.
const KEPT_MAX: usize = 16;

thread_local! {
    static KEPT: RefCell<BTreeMap<u32, Rc<Bundle>>> = const { RefCell::new(BTreeMap::new()) };
}

/// What is counted of one version.
pub struct Bundle {
    /// What the positions in tokens are called.
    pub names: Names,
    /// Caps and budgets.
    pub terms: Terms,
}

/// What came of asking for a version.
#[derive(Clone)]
pub enum Found {
    /// It is there.
    Bundle(Rc<Bundle>),
    /// There is no such version.
    Absent,
    /// It cannot be read now.
    Late,
}

/// A version.
pub async fn bundle(version: u32, env: &Env) -> Found {
    if let Some(bundle) = KEPT.with_borrow(|it| it.get(&version).cloned()) {
        return Found::Bundle(bundle);
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
            let bundle = Rc::new(Bundle { names: Names::of(&state), terms: Terms::of(state.bundle()) });
            keep(version, bundle.clone());
            Found::Bundle(bundle)
        }
        Err(why) => {
            console_error!("{key}: {why}");
            Found::Absent
        }
    }
}

fn keep(version: u32, bundle: Rc<Bundle>) {
    KEPT.with_borrow_mut(|kept| {
        kept.insert(version, bundle);
        if kept.len() > KEPT_MAX {
            kept.pop_first();
        }
    });
}
