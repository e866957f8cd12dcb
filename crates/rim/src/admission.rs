//! SDK keys: what a call carries, and whether the pointer of its environment takes it.

use std::cell::Cell;

use vitrine_api::{BundlePointer, KeyKind, PRODUCTION, Problem, ProblemCode, sha256_hex};
use vitrine_engine::TimestampMs;
use worker::Headers;

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

impl Refused {
    /// The refusal of a call with this key. `is_unread`: nothing could be read that would tell.
    pub fn of(key: Option<&str>, is_unread: bool) -> Self {
        match key {
            Some(_) if is_unread => Self::NotNow("the key cannot be checked now; try again in a minute"),
            Some(_) => Self::Key("the key is not valid here, or not any more"),
            None => Self::Key("this call needs an SDK key: send Authorization: Bearer <key>, or X-API-Key: <key>"),
        }
    }
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
    ///
    /// Errors: [`Refused::Exposed`].
    pub fn check(self, key: Option<&str>) -> Result<(), Refused> {
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

/// Whether the pointer of the environment takes a call with this key. An environment that has no keys takes any call if it is
/// `production`, and none otherwise.
pub fn is_admitted(environment: &str, pointer: Option<&BundlePointer>, key: Option<&str>, now_ms: u64) -> bool {
    let keys = pointer.map_or(&[][..], |it| &it.keys);
    if keys.is_empty() {
        return environment == PRODUCTION;
    }
    let Some(key) = key else { return false };
    let sha256 = sha256_hex(key.as_bytes());
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    // Digests of keys: the time that a comparison takes tells nothing about a key.
    keys.iter().any(|it| {
        let expired = it.expires_at.as_deref().is_some_and(|at| TimestampMs::parse(at).is_ok_and(|at| at <= now));
        it.sha256 == sha256 && !expired
    })
}

/// Whether one more unknown environment may be looked up now.
///
/// Errors: [`Refused::NotNow`].
pub fn may_look(now_ms: u64) -> Result<(), Refused> {
    thread_local! {
        /// When the period began, and how many were looked up in it.
        static LOOKED: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
    }
    let (since_ms, n_looked) = match LOOKED.get() {
        (since_ms, _) if now_ms.saturating_sub(since_ms) >= STRANGERS_PERIOD_MS => (now_ms, 0),
        looked => looked,
    };
    LOOKED.set((since_ms, n_looked.saturating_add(1)));
    if n_looked < STRANGERS_MAX { Ok(()) } else { Err(Refused::NotNow("too many unknown keys; try again in a minute")) }
}
