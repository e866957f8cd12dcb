//! The Worker's settings: the only place that reads variables and secrets of the environment.

use std::cell::OnceCell;
use std::rc::Rc;

use vitrine_api::{AccessSettings, RoleList, TokenKeys};
use vitrine_tables::TableKey;
use worker::Env;

/// Which origins may call the storefront's endpoints from a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any origin; answers carry no credentials.
    Any,
    /// These origins, for example `https://shop.example`.
    Listed(Vec<String>),
}

/// What the operator has set for counting. Fixed for the life of an isolate.
#[derive(Clone, Copy, Debug)]
pub struct MeasureSettings {
    /// `LEDGER_SHARDS`: how many objects count. Default 8, at most 64. May grow; what was counted stays where it is.
    pub shards: u32,
    /// `ATTRIBUTION_WINDOW_S`: how long before a conversion without token a visitor may have met what it is attributed to.
    /// Default 604,800 s, at most 30 days.
    pub window_s: u32,
    /// `EVENTS_SEGMENT_MS`: how long raw events wait for others before a file of them is written. Default 60,000 ms.
    pub segment_ms: u64,
    /// `PORTION_LIFE_MS`: how long isolates may use portions of caps and budgets. Default 60,000 ms, at least 1,000.
    pub portion_life_ms: u64,
    /// `LOOP_EVERY_S`: how often the cron trigger lets bandits learn. Default 3,600 s; 0: not at all.
    pub loop_every_s: u64,
}

/// What the operator has set. Fixed for the life of an isolate.
#[derive(Debug)]
pub struct Settings {
    /// `TABLE_KEY`: the secret that visitor keys are hashed with. `None` when absent or not 32 hex digits.
    pub table_key: Option<TableKey>,
    /// `ADMIN_TOKEN_SHA256`: SHA-256 of the administrator's token, in lower-case hex.
    pub admin_token_sha256: Option<String>,
    /// `TOKEN_KEY`: the secret that signs tokens, and `TOKEN_KEY_PREVIOUS`, the one before it, which is still accepted. `None`
    /// when absent or not 64 hex digits: then no tokens are issued and none is accepted.
    pub token_keys: Option<TokenKeys>,
    /// `ALLOWED_ORIGINS`: `*`, or a comma-separated list. Default: none.
    pub origins: Origins,
    /// `REFRESH_MS`: how old the pointers may be before they are read again in the background. Default 10,000 ms.
    pub refresh_ms: u64,
    /// `KV_TIMEOUT_MS`: longest wait for one read of KV. Default 1,000 ms.
    pub kv_timeout_ms: u64,
    /// `LEASE_TIMEOUT_MS`: longest wait for a portion of a cap or budget. Default 1,000 ms.
    pub lease_timeout_ms: u64,
    /// `STOCK_AGE_MAX_S`: how old the list of what is sold out may be before it no longer keeps offers out. Default: a day. Here in ms.
    pub stock_age_max_ms: u64,
    /// `SHARD_CACHE_BYTES`: most bytes of shards that an isolate holds. Default 32 MiB.
    pub shard_cache_bytes: usize,
}

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

impl Settings {
    /// The settings of this isolate: read once.
    pub fn of(env: &Env) -> Rc<Self> {
        SETTINGS.with(|it| it.get_or_init(|| Self::read(env)).clone())
    }

    /// The settings, if a request has needed them before.
    pub fn known() -> Option<Rc<Self>> {
        SETTINGS.with(|it| it.get().cloned())
    }

    /// `ACCESS_TEAM_DOMAIN` (`shop.cloudflareaccess.com`), `ACCESS_AUD` (the application's tag) and `ACCESS_ROLES`
    /// (`alice@shop.example=approver, *@shop.example=viewer`): people whom Cloudflare Access lets in may administer. `None`
    /// unless all three are set and can be read. Apart from the others, so that the edge part carries no reader of roles.
    pub fn access(env: &Env) -> Option<Rc<AccessSettings>> {
        thread_local! {
            static ACCESS: OnceCell<Option<Rc<AccessSettings>>> = const { OnceCell::new() };
        }
        ACCESS.with(|it| it.get_or_init(|| access(env).map(Rc::new)).clone())
    }

    /// `ALERT_WEBHOOK`: the address that is told what is out of order. A secret, because such addresses are.
    pub fn alert_webhook(env: &Env) -> Option<String> {
        text(env, "ALERT_WEBHOOK")
    }

    /// The settings of counting. Apart from the others, so that the edge part does not carry their reader.
    pub fn measure(env: &Env) -> MeasureSettings {
        thread_local! {
            static MEASURE: OnceCell<MeasureSettings> = const { OnceCell::new() };
        }
        let text = |name: &str| text(env, name);
        let read = || {
            let small = |name, default: u32, max: u32| {
                u32::try_from(number(&text, name, default.into())).map_or(max, |it| it.clamp(1, max))
            };
            MeasureSettings {
                shards: small("LEDGER_SHARDS", 8, 64),
                window_s: small("ATTRIBUTION_WINDOW_S", 604_800, 2_592_000),
                segment_ms: number(&text, "EVENTS_SEGMENT_MS", 60_000),
                portion_life_ms: number(&text, "PORTION_LIFE_MS", 60_000).max(1_000),
                loop_every_s: number(&text, "LOOP_EVERY_S", 3_600),
            }
        };
        MEASURE.with(|it| *it.get_or_init(read))
    }

    /// Reads the environment. A value that cannot be read is reported to the log and takes its default.
    fn read(env: &Env) -> Rc<Self> {
        let text = |name: &str| text(env, name);
        let table_key = text("TABLE_KEY").and_then(|hex| {
            TableKey::from_hex(&hex).inspect_err(|error| worker::console_error!("TABLE_KEY: {error}")).ok()
        });
        let token_keys = text("TOKEN_KEY").and_then(|key| {
            let keys = TokenKeys::from_hex(&key, text("TOKEN_KEY_PREVIOUS").as_deref());
            keys.inspect_err(|error| worker::console_error!("TOKEN_KEY, TOKEN_KEY_PREVIOUS: {error}")).ok()
        });
        let origins = match text("ALLOWED_ORIGINS").as_deref() {
            Some("*") => Origins::Any,
            list => Origins::Listed(list.unwrap_or_default().split(',').map(|it| it.trim().to_owned()).collect()),
        };
        Rc::new(Self {
            table_key,
            token_keys,
            admin_token_sha256: text("ADMIN_TOKEN_SHA256").map(|it| it.to_ascii_lowercase()),
            origins,
            refresh_ms: number(&text, "REFRESH_MS", 10_000),
            kv_timeout_ms: number(&text, "KV_TIMEOUT_MS", 1_000),
            lease_timeout_ms: number(&text, "LEASE_TIMEOUT_MS", 1_000),
            stock_age_max_ms: number(&text, "STOCK_AGE_MAX_S", 86_400).saturating_mul(1000),
            shard_cache_bytes: usize::try_from(number(&text, "SHARD_CACHE_BYTES", 32 << 20)).unwrap_or(32 << 20),
        })
    }
}

/// The variable or secret `name`; `None` when it is absent or empty.
fn text(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|it| it.to_string()).filter(|it| !it.is_empty())
}

fn access(env: &Env) -> Option<AccessSettings> {
    let text = |name: &str| text(env, name);
    let (team, audience, roles) = (text("ACCESS_TEAM_DOMAIN")?, text("ACCESS_AUD")?, text("ACCESS_ROLES")?);
    let roles = roles.parse::<RoleList>();
    let roles =
        roles.inspect_err(|why| worker::console_error!("ACCESS_ROLES: {why}; nobody gets in by Access")).ok()?;
    let team_domain = team.trim().trim_start_matches("https://").trim_end_matches('/').to_owned();
    Some(AccessSettings { team_domain, audience: audience.trim().to_owned(), roles })
}

fn number(text: &impl Fn(&str) -> Option<String>, name: &str, default: u64) -> u64 {
    let Some(value) = text(name) else { return default };
    value.parse().unwrap_or_else(|_| {
        worker::console_error!("{name}: {value:?} is not a whole number; using {default}");
        default
    })
}
