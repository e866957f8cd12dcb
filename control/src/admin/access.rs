//! People whom Cloudflare Access lets in: their assertion is checked against the keys of the team.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::Promise;
use vitrine_api::{AccessAssertion, AccessError, AccessSettings, Problem, ProblemCode, access_key};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::{Date, Delay, Fetch, console_error};

use crate::objects::registry::Actor;

/// How long the keys of the team are kept. Access rotates them every six weeks and takes the old ones for another week.
const CERTS_MS: u64 = 3_600_000;
/// Not sooner are they read again for a key that is not among them.
const CERTS_AGAIN_MS: u64 = 60_000;
/// Longest wait for them.
const CERTS_WAIT: Duration = Duration::from_secs(5);
/// Longest document with them. Unit: bytes.
const CERTS_BYTES_MAX: usize = 256 << 10;

#[wasm_bindgen(module = "/js/access.js")]
extern "C" {
    fn verify(n: &str, e: &str, signed: &[u8], signature: &[u8]) -> Promise;
}

/// The keys of the team, as this isolate read them last.
struct Certs {
    url: String,
    text: String,
    read_at_ms: u64,
}

thread_local! {
    static CERTS: RefCell<Option<Certs>> = const { RefCell::new(None) };
}

/// The person that an assertion names.
///
/// Errors: 401 when it does not hold, 403 when the person has no role, 503 when the keys of the team cannot be read.
pub async fn person(settings: &AccessSettings, assertion: &str) -> Result<Actor, Problem> {
    let refuse = |error: AccessError| Problem::new(ProblemCode::Unauthorized, error.to_string());
    let assertion = AccessAssertion::parse(assertion).map_err(refuse)?;
    let (n, e) = key(settings, &assertion.kid).await?.ok_or_else(|| refuse(AccessError::Signature))?;
    let verified = JsFuture::from(verify(&n, &e, &assertion.signed, &assertion.signature)).await;
    if !verified.is_ok_and(|it| it.is_truthy()) {
        return Err(refuse(AccessError::Signature));
    }
    let now_s = i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX).div_euclid(1000);
    let who = assertion.person(settings, now_s).map_err(refuse)?;
    match settings.roles.role_of(who) {
        Some(role) => Ok(Actor { name: who.to_lowercase(), role, environments: None }),
        None => {
            let detail = format!("{who} has no role here: ACCESS_ROLES names none");
            Err(Problem::new(ProblemCode::Forbidden, detail))
        }
    }
}

/// Modulus and exponent of the team's key with this name, if there is one.
async fn key(settings: &AccessSettings, kid: &str) -> Result<Option<(String, String)>, Problem> {
    let (url, now_ms) = (settings.certs_url(), Date::now().as_millis());
    let held = CERTS.with_borrow(|certs| {
        let certs = certs.as_ref().filter(|it| it.url == url)?;
        let age_ms = now_ms.saturating_sub(certs.read_at_ms);
        let found = access_key(&certs.text, kid);
        let may_be_new = found.is_none() && age_ms >= CERTS_AGAIN_MS;
        (age_ms < CERTS_MS && !may_be_new).then_some(found)
    });
    if let Some(found) = held {
        return Ok(found);
    }
    let text = read(&url).await.map_err(|why| {
        console_error!("{url}: {why}");
        Problem::new(ProblemCode::Unavailable, "the keys of Cloudflare Access cannot be read; try again")
    })?;
    let found = access_key(&text, kid);
    CERTS.with_borrow_mut(|it| *it = Some(Certs { url, text, read_at_ms: now_ms }));
    Ok(found)
}

async fn read(url: &str) -> Result<String, String> {
    let fetched = async {
        let fetch = Fetch::Url(url.parse().map_err(|error| format!("{error}"))?);
        let mut response = fetch.send().await.map_err(|error| error.to_string())?;
        if response.status_code() != 200 {
            return Err(format!("status {}", response.status_code()));
        }
        response.text().await.map_err(|error| error.to_string())
    };
    match select(Box::pin(fetched), Delay::from(CERTS_WAIT)).await {
        Either::Left((text, _)) => text.and_then(|text| {
            if text.len() > CERTS_BYTES_MAX { Err("the document is too long".to_owned()) } else { Ok(text) }
        }),
        Either::Right(_) => Err("no answer in time".to_owned()),
    }
}
