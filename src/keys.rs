//! SDK keys: which environment a call belongs to, and whether it may be answered.

use std::cell::Cell;

use vitrine_api::{BundlePointer, KeyKind, PRODUCTION, Problem, ProblemCode, environment_of};
use vitrine_engine::TimestampMs;
use vitrine_rim::settings::Settings;
use worker::{Context, Env, Headers};

use crate::snapshot::{self, Held};

/// Environments that nobody here has heard of are looked up in KV this often at most; their names come from callers.
const STRANGERS_MAX: u32 = 20;
/// In this time. Unit: ms.
const STRANGERS_PERIOD_MS: u64 = 10_000;

/// Why a call is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has no key and needs one, or the wrong one. In words for the caller; says nothing about the keys that there are.
    Key(&'static str),
    /// It has a server key where others can read it. In words for the caller.
    Exposed(&'static str),
    /// It cannot be known now whether the key is right. In words for the caller.
    NotNow(&'static str),
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Key(detail) => Self::new(ProblemCode::Unauthorized, detail),
            Refused::Exposed(detail) => Self::new(ProblemCode::Forbidden, detail),
            Refused::NotNow(detail) => Self::new(ProblemCode::TooManyRequests, detail),
        }
    }
}

/// From where a key comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// From where others can read it: the address of the call, or a page.
    Public,
    /// From a program, in a header.
    Program,
}

impl Sender {
    /// Who sends a call with a key in a header. Browsers say from which page a call comes; programs do not.
    pub fn of(has_origin: bool) -> Self {
        if has_origin { Self::Public } else { Self::Program }
    }

    /// Refuses a server key from where others can read it, valid or not: nobody shall get used to it.
    fn check(self, key: Option<&str>) -> Result<(), Refused> {
        match self {
            Self::Public if key.and_then(KeyKind::of) == Some(KeyKind::Server) => Err(Refused::Exposed(
                "a server key is secret and must not be in an address or in a page: use a client key there, and replace \
                 this one",
            )),
            _ => Ok(()),
        }
    }
}

/// The key of a call that sends it in a header: `Authorization: Bearer <key>`, or `X-API-Key: <key>`.
pub fn key_of(headers: &Headers) -> Option<String> {
    let header = |name: &str| headers.get(name).ok().flatten();
    key_in(header("authorization").as_deref(), header("x-api-key").as_deref()).map(str::to_owned)
}

/// As [`key_of`], from the headers' values.
pub fn key_in<'h>(authorization: Option<&'h str>, api_key: Option<&'h str>) -> Option<&'h str> {
    let bearer = |it: &'h str| {
        let (scheme, key) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    };
    authorization.and_then(bearer).or_else(|| api_key.map(str::trim)).filter(|it| !it.is_empty())
}

/// The environment of a call with this key, or without any, and what is published there.
///
/// An environment that has no keys takes any call if it is `production`, and none otherwise.
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
    if environment != PRODUCTION && !snapshot::is_known(environment, refresh_ms, now_ms) && !may_look(now_ms) {
        return Err(Refused::NotNow("too many unknown keys; try again in a minute"));
    }
    let held = snapshot::current(environment, env, ctx, now_ms).await;
    if is_admitted(environment, held.bundle_pointer.as_deref(), key, now_ms) {
        return Ok((environment.to_owned(), held));
    }
    Err(match key {
        Some(_) if held.is_unread => Refused::NotNow("the key cannot be checked now; try again in a minute"),
        Some(_) => Refused::Key("the key is not valid here, or not any more"),
        None => Refused::Key("this call needs an SDK key: send Authorization: Bearer <key>, or X-API-Key: <key>"),
    })
}

/// As [`admit`], from what the isolate holds; `None` when something must be read first, or the call is to be refused.
pub fn admit_at_once(key: Option<&str>, sender: Sender, refresh_ms: u64, now_ms: u64) -> Option<(&str, Held)> {
    sender.check(key).ok()?;
    let environment = key.and_then(environment_of).unwrap_or(PRODUCTION);
    let held = snapshot::fresh(environment, refresh_ms, now_ms)?;
    is_admitted(environment, held.bundle_pointer.as_deref(), key, now_ms).then_some((environment, held))
}

/// Whether the pointer of the environment takes a call with this key.
pub fn is_admitted(environment: &str, pointer: Option<&BundlePointer>, key: Option<&str>, now_ms: u64) -> bool {
    let keys = pointer.map_or(&[][..], |it| &it.keys);
    if keys.is_empty() {
        return environment == PRODUCTION;
    }
    let Some(key) = key else { return false };
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    pointer.is_some_and(|it| it.taken(key, now).is_some())
}

/// Whether an admitted call comes from a server of the shop: it carries a server key, which was checked.
pub fn is_server(key: Option<&str>, held: &Held) -> bool {
    let is_keyed = held.bundle_pointer.as_ref().is_some_and(|it| !it.keys.is_empty());
    is_keyed && key.and_then(KeyKind::of) == Some(KeyKind::Server)
}

/// Whether one more unknown environment may be looked up now.
fn may_look(now_ms: u64) -> bool {
    thread_local! {
        /// When the period began, and how many were looked up in it.
        static LOOKED: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
    }
    let (since_ms, n_looked) = match LOOKED.get() {
        (since_ms, _) if now_ms.saturating_sub(since_ms) >= STRANGERS_PERIOD_MS => (now_ms, 0),
        looked => looked,
    };
    LOOKED.set((since_ms, n_looked.saturating_add(1)));
    n_looked < STRANGERS_MAX
}
