//! SDK keys: which environment a call belongs to, and whether it may be answered.

use vitrine_api::{KeyKind, PRODUCTION, environment_of};
use vitrine_rim::settings::Settings;
use worker::{Context, Env};

use crate::snapshot::{self, Held};

pub use vitrine_rim::admission::{Refused, Sender, is_admitted, key_in, key_of};

/// The environment of a call with this key, or without any, and what is published there.
///
/// Errors: [`Refused`].
pub async fn admit(
    key: Option<&str>,
    sender: Sender,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> Result<(String, Held), Refused> {
    sender.check(key)?;
    let environment = key.and_then(environment_of).unwrap_or(PRODUCTION);
    let refresh_ms = Settings::of(env).refresh_ms;
    if environment != PRODUCTION && !snapshot::is_known(environment, refresh_ms, now_ms) {
        vitrine_rim::admission::may_look(now_ms)?;
    }
    let held = snapshot::current(environment, env, ctx, now_ms).await;
    if is_admitted(environment, held.bundle_pointer.as_deref(), key, now_ms) {
        return Ok((environment.to_owned(), held));
    }
    Err(Refused::of(key, held.is_unread))
}

/// As [`admit`], from what the isolate holds; `None` when something must be read first, or the call is to be refused.
pub fn admit_at_once(key: Option<&str>, sender: Sender, refresh_ms: u64, now_ms: u64) -> Option<(&str, Held)> {
    sender.check(key).ok()?;
    let environment = key.and_then(environment_of).unwrap_or(PRODUCTION);
    let held = snapshot::fresh(environment, refresh_ms, now_ms)?;
    is_admitted(environment, held.bundle_pointer.as_deref(), key, now_ms).then_some((environment, held))
}

/// Whether an admitted call comes from a server of the shop: it carries a server key, which was checked.
pub fn is_server(key: Option<&str>, held: &Held) -> bool {
    let is_keyed = held.bundle_pointer.as_ref().is_some_and(|it| !it.keys.is_empty());
    is_keyed && key.and_then(KeyKind::of) == Some(KeyKind::Server)
}
