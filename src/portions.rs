//! The portions of caps and budgets that this isolate holds, and the calls for more. What follows from them is `vitrine-api`'s
//! [`Portions`].

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::{Either, select};
use vitrine_api::{LeaseCall, Leased, Meter, Metered, PRODUCTION, Portions};
use vitrine_rim::settings::Settings;
use worker::{Date, Delay, Env, Error, Result, web_sys};

use crate::counters;

thread_local! {
    /// Leaked once in the life of an isolate, so that the limits of an answer can borrow it.
    static PORTIONS: &'static RefCell<Portions> = Box::leak(Box::default());
}

/// The portions, of this version of the configuration.
pub fn of(version: u64) -> &'static RefCell<Portions> {
    let portions = PORTIONS.with(|it| *it);
    portions.borrow_mut().turn_to(version);
    portions
}

/// Whether more may be asked for now.
pub fn may_ask(now_ms: u64) -> bool {
    PORTIONS.with(|it| it.borrow().may_ask(now_ms))
}

/// Counts what an answer shows.
pub fn spend(metered: &Metered, now_ms: u64) {
    if !metered.shown.is_empty() {
        PORTIONS.with(|it| it.borrow_mut().spend(&metered.shown, now_ms));
    }
}

/// Whether something is to be renewed behind an answer.
pub fn is_renewal_due(metered: &Metered, now_ms: u64) -> bool {
    PORTIONS.with(|it| it.borrow().due(&metered.shown, metered.met_closed, now_ms).is_some())
}

/// What is to be renewed behind an answer. It is then begun.
pub fn renewal(metered: &Metered, now_ms: u64) -> Option<Vec<Meter>> {
    PORTIONS.with(|it| it.borrow_mut().renewal(&metered.shown, metered.met_closed, now_ms))
}

/// Leases portions. Without an answer what they are of is left out for a while.
pub async fn lease(wanted: &[Meter], env: &Env) {
    let asked_at_ms = Date::now().as_millis();
    let call = PORTIONS.with(|it| it.borrow_mut().call(wanted, asked_at_ms));
    let asked = Box::pin(ask(&call, env));
    let limit = Duration::from_millis(Settings::of(env).lease_timeout_ms);
    let answer = match select(asked, Delay::from(limit)).await {
        Either::Left((answer, _)) => {
            answer.and_then(|it| Leased::parse(&it).map_err(|it| Error::RustError(it.to_string())))
        }
        Either::Right(_) => Err(Error::RustError(format!("no answer within {} ms", limit.as_millis()))),
    };
    PORTIONS.with(|it| match answer {
        Ok(leased) => it.borrow_mut().take(&call, leased, asked_at_ms),
        Err(error) => {
            worker::console_error!("budget of {PRODUCTION}: {error}");
            counters::add(|it| &mut it.lease_failures);
            it.borrow_mut().failed(&call, Date::now().as_millis());
        }
    });
}

async fn ask(call: &LeaseCall, env: &Env) -> Result<String> {
    let stub = env.durable_object("BUDGET")?.get_by_name(PRODUCTION)?;
    // Not `worker::RequestInit`, which brings every option of a request with it.
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&call.to_text().into());
    let request = web_sys::Request::new_with_str_and_init("https://budget/lease", &init)?;
    let mut response = stub.fetch_with_request(request.into()).await?;
    let text = response.text().await?;
    if response.status_code() == 200 { Ok(text) } else { Err(Error::RustError(text)) }
}
