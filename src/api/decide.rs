//! `POST /v1/decide`, and what it shares with the simple call and the hot one: from a checked request to an answer.

use vitrine_api::{
    Answer, BODY_BYTES_MAX, DecideRequest, Issuer, Keeping, Lookup, Metered, Occasion, PRODUCTION, PortionLimits,
    PreviewToken, Problem, ProblemCode, STATE_COOKIE, Shortage, Signals, VisitorLimits, VisitorState, answer,
    apply_preview_to_request, cookie, personalisation,
};
use vitrine_engine::{ContextValue, Limits, ModeReason, NoLimits, TimestampMs};
use worker::{Context, Date, Env, Request, Response, Result};

use vitrine_rim::settings::Settings;
use vitrine_rim::{auth, body, respond};

use crate::rows::Place;
use crate::shards::Found;
use crate::snapshot::Held;
use crate::{counters, portions, preview, seeds, snapshot};

/// Answers `POST /v1/decide`. Any content type is taken, so that pages can send `text/plain` without a preflight.
/// `body`: the request's body, if it has been read already.
pub async fn post(
    mut request: Request,
    body: Option<Vec<u8>>,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> Result<Result<Response>, Problem> {
    let body = match body {
        Some(body) => body,
        None => body::read(&mut request, BODY_BYTES_MAX).await?,
    };
    let decide = DecideRequest::parse(&body)?;
    let preview = preview::of(&request, env, now_ms)?;
    if decide.is_privileged() {
        auth::admin(&Settings::of(env), &request).map_err(|it| {
            let detail = format!("options.explain and options.at are for administrators: {}", it.detail);
            Problem::new(ProblemCode::Unauthorized, detail)
        })?;
    }
    answered(decide, preview, &request, env, ctx, now_ms).await
}

/// The response to a checked request, or what a preview shows in its place.
///
/// Errors: the preview's draft cannot be read.
pub async fn answered(
    decide: DecideRequest,
    preview: Option<PreviewToken>,
    request: &Request,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> Result<Result<Response>, Problem> {
    let Some(preview) = preview else {
        let held = snapshot::current(PRODUCTION, env, ctx, now_ms).await;
        let (answer, timing) = decided(decide, &held, request, env, Some(ctx), now_ms).await;
        return Ok(respond_with(answer, &timing, request));
    };
    let held = preview::held(&preview, env, ctx, now_ms).await?;
    let mut decide = decide;
    apply_preview_to_request(&preview, &mut decide);
    let profile = held.snapshot.bundle().and_then(|it| preview.profile(it.bundle()));
    let (answer, timing) = match &profile {
        // Nobody is looked up for a visitor who is made up.
        Some(profile) => {
            let now = decide.at.unwrap_or(TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX)));
            let answer = answer(&held.snapshot, &decide, Ok(Lookup::MadeUp(profile)), Occasion::at(now));
            (answer, Timing { snapshot_ms: 0, lookup_ms: 0, decide_ms: 0 })
        }
        None => decided(decide, &held, request, env, None, now_ms).await,
    };
    Ok(respond_with(answer, &timing, request).and_then(preview::mark))
}

/// The response for an answer.
fn respond_with(answer: Answer, timing: &Timing, request: &Request) -> Result<Response> {
    let mut response = respond::json(200, answer.json)?;
    let headers = response.headers_mut();
    headers.set("server-timing", &timing.header())?;
    // Only a page of the shop itself has its cookies set; servers relay `set`, other origins would not keep them.
    if let Some(set) = &answer.set
        && request.headers().get("sec-fetch-site").ok().flatten().is_some_and(|it| it == "same-origin")
    {
        headers.append("set-cookie", &set.hidden_header())?;
    }
    Ok(response)
}

/// How long the parts took. The runtime's clock stands still between inputs and outputs, so pure work shows as 0.
pub struct Timing {
    snapshot_ms: u64,
    lookup_ms: u64,
    decide_ms: u64,
}

impl Timing {
    fn header(&self) -> String {
        let Self { snapshot_ms, lookup_ms, decide_ms } = self;
        let total_ms = snapshot_ms.saturating_add(*lookup_ms).saturating_add(*decide_ms);
        format!("snapshot;dur={snapshot_ms}, lookup;dur={lookup_ms}, decide;dur={decide_ms}, total;dur={total_ms}")
    }
}

/// What a request tells besides its body.
pub struct Facts {
    /// Signals against personalisation.
    pub signals: Signals,
    /// The cookie with the visitor's state, unread.
    pub state: Option<String>,
    /// The country that the edge sees, ISO 3166.
    pub country: Option<String>,
    /// When the request arrived. Unit: ms since 1970.
    pub now_ms: u64,
}

impl Facts {
    /// Takes the values of the headers `Sec-GPC` and `Cookie`.
    pub fn of(gpc: Option<&str>, cookies: Option<&str>, country: Option<String>, now_ms: u64) -> Self {
        let state = cookies.and_then(|it| cookie(it, STATE_COOKIE)).map(str::to_owned);
        Self { signals: Signals::read(gpc, cookies), state, country, now_ms }
    }

    /// Reads the headers of a request.
    fn read(request: &Request, now_ms: u64) -> Self {
        let header = |name: &str| request.headers().get(name).ok().flatten();
        let (gpc, cookie) = (header("sec-gpc"), header("cookie"));
        let country = request.cf().and_then(worker::Cf::country);
        Self::of(gpc.as_deref(), cookie.as_deref(), country, now_ms)
    }
}

/// Most times that one answer asks for portions: what shows in the place of something that is over may be limited too.
const LEASES_MAX: usize = 3;

/// Decides a request: at most one read of KV for the row, engine; and where limited offers come up of which this isolate has no
/// portion, a call for these. `ctx`: renews portions behind the answer; `None` for previews, which are not limited.
async fn decided(
    mut decide: DecideRequest,
    held: &Held,
    request: &Request,
    env: &Env,
    ctx: Option<&Context>,
    now_ms: u64,
) -> (Answer, Timing) {
    let (settings, facts) = (Settings::of(env), Facts::read(request, now_ms));
    let snapshot_at_ms = Date::now().as_millis();
    let found = match begin(&settings, held, &mut decide, &facts) {
        Err(reason) => Err(reason),
        Ok(place) => Ok(place.read(env, &settings).await),
    };
    let lookup_at_ms = Date::now().as_millis();
    let mut n_leases = 0;
    let answer = loop {
        let shortage = match ctx {
            Some(_) if n_leases < LEASES_MAX && portions::may_ask(facts.now_ms) => Shortage::Asks,
            Some(_) => Shortage::LeavesOut,
            None => break finish(&settings, held, &decide, &found, &facts, None).0,
        };
        let (answer, metered) = finish(&settings, held, &decide, &found, &facts, Some(shortage));
        if metered.lacking.is_empty() {
            portions::spend(&metered, facts.now_ms);
            let due = portions::renewal(&metered, facts.now_ms);
            if let (Some(due), Some(ctx)) = (due, ctx) {
                let env = env.clone();
                ctx.wait_until(async move { portions::lease(&due, &env).await });
            }
            break answer;
        }
        n_leases = n_leases.saturating_add(1);
        let wanted = if decide.counts() { metered.lacking } else { Vec::new() };
        portions::lease(&wanted, env).await;
    };
    count(&decide, &answer);
    let timing = Timing {
        snapshot_ms: snapshot_at_ms.saturating_sub(now_ms),
        lookup_ms: lookup_at_ms.saturating_sub(snapshot_at_ms),
        decide_ms: Date::now().as_millis().saturating_sub(lookup_at_ms),
    };
    (answer, timing)
}

/// Decides a request from what the isolate holds; `None` when a shard would have to be read, or a portion leased or renewed.
pub fn decided_at_once(settings: &Settings, held: &Held, mut decide: DecideRequest, facts: &Facts) -> Option<Answer> {
    let found = match begin(settings, held, &mut decide, facts) {
        Err(reason) => Err(reason),
        Ok(place) => match place.find() {
            Found::NotHeld => return None,
            found => Ok(found),
        },
    };
    let (answer, metered) = finish(settings, held, &decide, &found, facts, Some(Shortage::Asks));
    if !metered.lacking.is_empty() || portions::is_renewal_due(&metered, facts.now_ms) {
        return None;
    }
    portions::spend(&metered, facts.now_ms);
    count(&decide, &answer);
    Some(answer)
}

fn count(decide: &DecideRequest, answer: &Answer) {
    if !decide.dry_run {
        counters::answered(answer.mode_reason);
    }
}

/// Where to look for the visitor, or why not to.
fn begin<'h>(
    settings: &Settings,
    held: &'h Held,
    decide: &mut DecideRequest,
    facts: &Facts,
) -> std::result::Result<Place<'h>, ModeReason> {
    if let Some(country) = &facts.country
        && decide.context.get("country").is_none()
    {
        decide.context.set("country", ContextValue::Text(country.clone()));
    }
    if decide.state.is_none() {
        decide.state.clone_from(&facts.state);
    }
    let visitor_key = personalisation(&held.snapshot, decide, facts.signals)?;
    match (held.snapshot.table(), &settings.table_key) {
        (Some(table), Some(table_key)) => Ok(Place::of(&table.manifest, &held.tombstones, table_key, visitor_key)),
        _ => Err(ModeReason::ProfileUnavailable),
    }
}

/// The answer, and what it came to for the limits of all visitors together; without `shortage` there are none.
fn finish(
    settings: &Settings,
    held: &Held,
    decide: &DecideRequest,
    found: &std::result::Result<Found, ModeReason>,
    facts: &Facts,
    shortage: Option<Shortage>,
) -> (Answer, Metered) {
    let lookup = match found {
        Ok(Found::Row(bytes)) => Ok(Lookup::Row(bytes)),
        Ok(Found::Nothing) => Ok(Lookup::NotFound),
        Ok(Found::NotHeld) => Ok(Lookup::Unavailable),
        Err(reason) => Err(*reason),
    };
    let now = decide.at.unwrap_or(TimestampMs(i64::try_from(facts.now_ms).unwrap_or(i64::MAX)));
    let keys = settings.token_keys.as_ref();
    let state = &match (&decide.state, keys) {
        (Some(text), Some(keys)) => VisitorState::of(text, keys, decide.names(), now),
        _ => VisitorState::default(),
    };
    let running = held.snapshot.bundle();
    let bundle = running.map(|it| it.bundle());
    // Nobody counts for a draft.
    let metered = running.zip(shortage).filter(|(it, _)| it.version() > 0).map(|(running, shortage)| {
        let portions = portions::of(running.version());
        PortionLimits::new(running.bundle(), portions, facts.now_ms, shortage, decide.counts())
    });
    let others: &dyn Limits = match &metered {
        Some(metered) => metered,
        None => &NoLimits,
    };
    let sold_out: &[bool] = if held.is_stock_stale(settings, facts.now_ms) { &[] } else { &held.sold_out };
    let limits = bundle.map(|bundle| VisitorLimits { bundle, state, now, sold_out, others });
    let limits: &dyn Limits = match &limits {
        Some(limits) => limits,
        None => &NoLimits,
    };
    let seed = seeds::next();
    let issuer = |keys| Issuer { keys, environment: PRODUCTION, seed, may_measure: decide.measure };
    let occasion = Occasion {
        limits,
        issuer: keys.map(issuer),
        keeping: decide.names().next().zip(keys).map(|(visitor, keys)| Keeping { state, visitor, keys }),
        // Whoever is known by key is so only where the key may be looked up, which the answer sees for itself.
        unit: decide.anon.as_deref().filter(|_| decide.visitor_key.is_none()),
        seed,
        flags: held.flags.as_ref().map(|it| it.payload()),
        ..Occasion::at(now)
    };
    let answer = answer(&held.snapshot, decide, lookup, occasion);
    (answer, metered.map(PortionLimits::into_metered).unwrap_or_default())
}
