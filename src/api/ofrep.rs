//! `POST /ofrep/v1/evaluate/flags` and `…/flags/{key}`: evaluations for OpenFeature clients. The hot way and the general one
//! share every step but input and output.

use vitrine_api::{
    BODY_BYTES_MAX, BundlePointer, ConfigTag, Edge, FlagContext, Lookup, OfrepAnswer, OfrepRefusal, OfrepStamp,
    PreviewToken, ProblemCode, Signals, apply_preview, ofrep_all, ofrep_flag, ofrep_flag_unavailable,
};
use vitrine_engine::{ModeReason, TimestampMs};
use vitrine_rim::settings::Settings;
use vitrine_rim::{body, query, respond};
use worker::{Context, Env, Request, Response, Result};

use crate::counters;
use crate::keys::{self, Refused, Sender};
use crate::preview;
use crate::rows::Place;
use crate::shards::Found;
use crate::snapshot::{self, Held};

/// How often an unsigned claim of a newer configuration makes an isolate look for it at most. Unit: ms.
const CLAIM_PAUSE_MS: u64 = 1_000;

/// A call, apart from its body.
pub struct Call<'c> {
    /// The flag; `None`: all of them.
    pub flag: Option<&'c str>,
    /// The SDK key.
    pub key: Option<&'c str>,
    /// Who sends it.
    pub sender: Sender,
    /// The header `If-None-Match`.
    pub if_none_match: Option<&'c str>,
    /// Signals against personalisation.
    pub signals: Signals,
    /// Scheme and host that the call came to.
    pub origin: &'c str,
    /// When it came. Unit: ms since 1970.
    pub now_ms: u64,
}

impl Call<'_> {
    fn now(&self) -> TimestampMs {
        TimestampMs(i64::try_from(self.now_ms).unwrap_or(i64::MAX))
    }
}

/// Answers a call in the general way. `flag`: the last part of the path, as the caller wrote it; `body`: the request's body, if
/// that has been read already.
pub async fn post(
    flag: Option<&str>,
    mut request: Request,
    body: Option<Vec<u8>>,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> Result<Response> {
    let flag = flag.map(decoded);
    let header = |name: &str| request.headers().get(name).ok().flatten();
    let (key, if_none_match) = (keys::key_of(request.headers()), header("if-none-match"));
    let signals = Signals::read(header("sec-gpc").as_deref(), header("cookie").as_deref());
    let url = request.inner().url();
    let call = Call {
        flag: flag.as_deref(),
        key: key.as_deref(),
        sender: Sender::of(header("origin").is_some()),
        if_none_match: if_none_match.as_deref(),
        signals,
        origin: origin_of(&url),
        now_ms,
    };
    let preview = match preview::of(&request, env, now_ms) {
        Ok(preview) => preview,
        Err(why) => return respond_with(refuse(&OfrepRefusal::Unauthorized(why.detail().to_owned()), call.flag)),
    };
    let answer = answered(&call, preview.as_ref(), &url, &mut request, body, env, ctx).await;
    let response = respond_with(answer.unwrap_or_else(|refusal| refuse(&refusal, call.flag)));
    if preview.is_some() { response.and_then(preview::mark) } else { response }
}

/// The refusal of a call to any other path or with any other method.
pub fn refused(refusal: &OfrepRefusal) -> Result<Response> {
    respond_with(refuse(refusal, None))
}

fn refuse(refusal: &OfrepRefusal, flag: Option<&str>) -> OfrepAnswer {
    count("refused");
    refusal.answer(flag)
}

fn count(kind: &'static str) {
    counters::evaluated(kind);
}

/// The key of a flag as it stands in a path, encoded or not.
fn decoded(segment: &str) -> String {
    js_sys::decode_uri_component(segment).map_or_else(|_| segment.to_owned(), String::from)
}

/// Scheme and host of an address.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |it| it.saturating_add(3));
    let end = url.get(host..).and_then(|it| it.find('/')).map_or(url.len(), |it| it.saturating_add(host));
    url.get(..end).unwrap_or_default()
}

async fn answered(
    call: &Call<'_>,
    preview: Option<&PreviewToken>,
    url: &str,
    request: &mut Request,
    body: Option<Vec<u8>>,
    env: &Env,
    ctx: &Context,
) -> std::result::Result<OfrepAnswer, OfrepRefusal> {
    let settings = Settings::of(env);
    let (environment, held) = match preview {
        // The signature is the right to see it.
        Some(preview) => {
            let held = preview::held(preview, env, ctx, call.now_ms).await;
            let held = held.map_err(|why| OfrepRefusal::TryAgain { after_s: 1, detail: why.detail() })?;
            (preview.environment.clone(), held)
        }
        None => {
            let admitted =
                keys::admit(call.key, call.sender, env, ctx, call.now_ms).await.map_err(|refused| match refused {
                    Refused::Key(detail) => OfrepRefusal::Unauthorized(detail.to_owned()),
                    Refused::Exposed(detail) => OfrepRefusal::Forbidden(detail),
                    Refused::NotNow(detail) => OfrepRefusal::TryAgain { after_s: 60, detail },
                })?;
            let (environment, held) = admitted;
            let held = as_new_as_claimed(url, &environment, held, env, call).await?;
            (environment, held)
        }
    };
    let body = match body {
        Some(body) => body,
        None => body::read(request, BODY_BYTES_MAX).await.map_err(|problem| match problem.code {
            ProblemCode::BodyTooLarge => OfrepRefusal::TooLarge { bytes_max: BODY_BYTES_MAX },
            _ => OfrepRefusal::TryAgain { after_s: 1, detail: "the body could not be read" },
        })?,
    };
    let mut begun = begin(&held, call.key.filter(|_| preview.is_none()), &body)?;
    if let Some(preview) = preview {
        // Before groups are looked up: who is made up may be in one.
        begun.context.make_up(&preview.attributes);
    }
    let found = match begun.place(&settings, &held, call) {
        None => None,
        Some(Err(reason)) => Some(Err(reason)),
        Some(Ok(place)) => Some(Ok(place.read(env, &settings).await)),
    };
    begun.finish(found, preview, &settings, &environment, &held, call)
}

/// Answers a call from what the isolate holds; `None` when something must be read, or the call must be refused.
pub fn answered_at_once(settings: &Settings, call: &Call<'_>, body: &[u8]) -> Option<OfrepAnswer> {
    let (environment, held) = keys::admit_at_once(call.key, call.sender, settings.refresh_ms, call.now_ms)?;
    if body.len() > BODY_BYTES_MAX {
        return None;
    }
    let begun = begin(&held, call.key, body).ok()?;
    let found = match begun.place(settings, &held, call) {
        None => None,
        Some(Err(reason)) => Some(Err(reason)),
        Some(Ok(place)) => match place.find() {
            Found::NotHeld => return None,
            found => Some(Ok(found)),
        },
    };
    begun.finish(found, None, settings, environment, &held, call).ok()
}

/// What is published, as new as the notification says that made the client ask (`flagConfigEtag`), so that it is never
/// answered with what it knows to be old. A date alone (`flagConfigLastModified`) proves nothing, and is followed as far as KV
/// goes.
///
/// Errors: nobody has anything as new now.
async fn as_new_as_claimed(
    url: &str,
    environment: &str,
    held: Held,
    env: &Env,
    call: &Call<'_>,
) -> std::result::Result<Held, OfrepRefusal> {
    if !url.contains("flagConfig") {
        return Ok(held);
    }
    let (mut proven, mut claimed) = (None, None);
    for (name, value) in query::pairs(url) {
        match (name.as_ref(), &Settings::of(env).token_keys) {
            ("flagConfigEtag", Some(keys)) => proven = ConfigTag::verify(&value, keys, environment),
            ("flagConfigLastModified", _) => claimed = seconds(&value),
            _ => {}
        }
    }
    if let Some(ConfigTag { epoch, .. }) = proven {
        let detail = "the newest configuration has not arrived here yet";
        let behind = OfrepRefusal::TryAgain { after_s: 2, detail };
        return snapshot::at_least(epoch, environment, held, env).await.ok_or(behind);
    }
    let held_at = held.bundle_pointer.as_ref().and_then(|it| seconds(&it.published_at));
    if claimed.is_some_and(|claimed| held_at.is_none_or(|held_at| claimed > held_at)) {
        return Ok(snapshot::again(environment, CLAIM_PAUSE_MS, held, env, call.now_ms).await);
    }
    Ok(held)
}

/// Seconds since 1970, from digits or an RFC 3339 time.
fn seconds(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| TimestampMs::parse(text).ok().map(|it| it.0.div_euclid(1000)))
}

/// A call whose body has been read.
struct Begun {
    context: FlagContext,
}

fn begin(held: &Held, key: Option<&str>, body: &[u8]) -> std::result::Result<Begun, OfrepRefusal> {
    let mut context = FlagContext::parse(body)?;
    if keys::is_server(key, held) {
        context = context.vouched_for();
    }
    let strict = held.bundle_pointer.as_ref().is_some_and(|it| it.settings.require_targeting_key);
    if strict && !context.has_targeting_key() {
        return Err(OfrepRefusal::TargetingKeyMissing);
    }
    Ok(Begun { context })
}

impl Begun {
    /// Where to look for the visitor's row, or why not to; `None` when no flag asks for it.
    fn place<'h>(
        &self,
        settings: &Settings,
        held: &'h Held,
        call: &Call<'_>,
    ) -> Option<std::result::Result<Place<'h>, ModeReason>> {
        let flags = held.flags.as_ref()?.payload();
        let key = self.context.profile_key(flags, &held.snapshot, call.signals)?;
        Some(key.and_then(|key| match (held.snapshot.table(), &settings.table_key) {
            (Some(table), Some(table_key)) => Ok(Place::of(&table.manifest, &held.tombstones, table_key, key)),
            _ => Err(ModeReason::ProfileUnavailable),
        }))
    }

    /// Evaluates. `found`: what lies at [`Self::place`].
    fn finish(
        self,
        found: Option<std::result::Result<Found, ModeReason>>,
        preview: Option<&PreviewToken>,
        settings: &Settings,
        environment: &str,
        held: &Held,
        call: &Call<'_>,
    ) -> std::result::Result<OfrepAnswer, OfrepRefusal> {
        if held.is_unread {
            let detail = "nothing published can be read now";
            let later = OfrepRefusal::TryAgain { after_s: 5, detail };
            return call.flag.map(ofrep_flag_unavailable).ok_or(later);
        }
        let (lookup, profile) = match &found {
            None => (Lookup::NotFound, None),
            Some(Err(reason)) => (Lookup::NotFound, Some(*reason)),
            Some(Ok(Found::Row(bytes))) => (Lookup::Row(bytes), Some(ModeReason::Ok)),
            Some(Ok(Found::Nothing)) => (Lookup::NotFound, Some(ModeReason::NoProfile)),
            Some(Ok(Found::NotHeld)) => (Lookup::Unavailable, Some(ModeReason::ProfileUnavailable)),
        };
        let nothing = BundlePointer::default();
        let pointer = held.bundle_pointer.as_deref().unwrap_or(&nothing);
        let now = call.now();
        let flags = held.flags.as_deref();
        let mut context = match flags {
            Some(flags) => {
                let edge = Edge { settings: pointer.settings, table_key: settings.table_key.as_ref(), now };
                self.context.into_context(flags.payload(), &held.snapshot, lookup, &edge)
            }
            None => vitrine_flags::Context::default(),
        };
        // What a preview shows is never counted: no exposure can be reported of it.
        let token_keys = settings.token_keys.as_ref().filter(|_| preview.is_none());
        if let Some(preview) = preview {
            apply_preview(preview, &mut context);
        }
        let table_key = settings.table_key.as_ref();
        let stamp = OfrepStamp { environment, pointer, token_keys, table_key, origin: call.origin, profile, now };
        let answer = match call.flag {
            Some(key) => ofrep_flag(flags, key, &context, &stamp)?,
            None => ofrep_all(flags, &context, call.if_none_match, &stamp),
        };
        if preview.is_none() {
            count(match (answer.status, call.flag) {
                (304, _) => "unchanged",
                (_, Some(_)) => "flag",
                (_, None) => "all",
            });
        }
        Ok(answer)
    }
}

fn respond_with(answer: OfrepAnswer) -> Result<Response> {
    let response = match answer.status {
        304 => {
            let response = respond::empty(304)?;
            response.headers().set("content-type", "application/json")?;
            response.headers().set("cache-control", "private, no-store")?;
            response.headers().set("x-content-type-options", "nosniff")?;
            response
        }
        status => respond::json(status, answer.body)?,
    };
    let headers = response.headers();
    if let Some(etag) = &answer.etag {
        headers.set("etag", etag)?;
    }
    if let Some(after_s) = answer.retry_after_s {
        headers.set("retry-after", &after_s.to_string())?;
    }
    if let Some(allow) = answer.allow {
        headers.set("allow", allow)?;
    }
    if answer.status == 401 {
        headers.set("www-authenticate", "Bearer")?;
    }
    Ok(response)
}
