//! The notifier: one object for each environment, to which pages and applications hold a stream of server-sent events open.
//!
//! The registry tells it of every change of the environment's pointer. OFREP clients get a notification and ask again
//! (`event: message`, OFREP 0.3.0 event streams); GrowthBook SDKs get the new payload itself (`event: features`). A rule that
//! starts or ends by its schedule changes answers too, without a publication: an alarm tells of it at that moment.
//!
//! It also tells the shop what is out of order: `alerts` keeps what is open and calls the webhook.

mod alerts;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use vitrine_api::{BundlePointer, BundleState, ConfigTag, FlagState, TokenKeys, bundle_key, sdk_payload};
use vitrine_engine::TimestampMs;
use vitrine_rim::kv::Kv;
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{
    Date, Delay, DurableObject, Env, Method, Request, RequestInit, Response, Result, ScheduledTime, State,
    console_error, durable_object,
};

pub use alerts::{AlertCall, alerts};

/// Streams that one object holds; beyond, callers are told to come back later.
const STREAMS_MAX: usize = 10_000;
/// Events that may wait for one slow caller. A caller that is further behind is disconnected, and catches up when it returns.
const WAITING_MAX: usize = 8;
/// A comment is sent after this time without event, so that nobody between takes the stream for dead.
const QUIET: Duration = Duration::from_secs(25);
/// Life of a stream. Clients reconnect by themselves; so none is held for a caller who left without a word.
const LIFE_MS: u64 = 15 * 60 * 1000;
/// Where the newest notification is kept.
const LATEST: &str = "latest";

/// What a caller wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// OFREP: that something changed.
    Ofrep,
    /// GrowthBook: the new payload.
    Growthbook,
}

/// The newest pointer of the environment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Latest {
    environment: String,
    pointer: BundlePointer,
}

struct Listener {
    dialect: Dialect,
    events: mpsc::Sender<Vec<u8>>,
}

/// See the module's text.
#[durable_object]
pub struct Notifier {
    state: State,
    env: Env,
    listeners: RefCell<Vec<Listener>>,
    /// The webhook is being called.
    is_telling: Cell<bool>,
}

/// Tells the notifier of an environment about its new pointer. A failure is logged: streams are an extra, and clients that
/// miss a notification find the change when they ask next.
pub async fn notify(env: &Env, environment: &str, pointer: &BundlePointer) {
    let latest = Latest { environment: environment.to_owned(), pointer: pointer.clone() };
    let tell = async {
        let stub = env.durable_object("NOTIFIER")?.get_by_name(environment)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(serde_json::to_string(&latest)?.into()));
        stub.fetch_with_request(Request::new_with_init("https://notifier/", &init)?).await
    };
    if let Err(error) = tell.await {
        console_error!("notifier of {environment}: {error}");
    }
}

impl DurableObject for Notifier {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, listeners: RefCell::default(), is_telling: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match request.method() {
            Method::Post if request.path() == "/alerts" => self.answer_alerts(request).await,
            Method::Post => {
                let latest: Latest = request.json().await?;
                let known = self.latest().await;
                if latest.pointer.epoch > known.pointer.epoch {
                    self.state.storage().put(LATEST, &latest).await?;
                    self.tell_all(&latest).await;
                }
                respond::empty(204)
            }
            _ if request.path().ends_with("/growthbook") => self.listen(Dialect::Growthbook).await,
            _ => self.listen(Dialect::Ofrep).await,
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let latest = self.latest().await;
        self.tell_all(&latest).await;
        respond::empty(204)
    }
}

impl Notifier {
    async fn latest(&self) -> Latest {
        self.state.storage().get(LATEST).await.ok().flatten().unwrap_or_default()
    }

    /// Opens a stream. A GrowthBook SDK gets the present payload at once, so that nothing is missed between two streams.
    async fn listen(&self, dialect: Dialect) -> Result<Response> {
        self.listeners.borrow_mut().retain(|it| !it.events.is_closed());
        if self.listeners.borrow().len() >= STREAMS_MAX {
            let response =
                respond::json(429, r#"{"errorDetails":"too many streams are open; try again later"}"#.into())?;
            response.headers().set("retry-after", "60")?;
            return Ok(response);
        }
        let (mut events, waiting) = mpsc::channel(WAITING_MAX);
        // A comment opens the stream, so that the caller sees headers at once.
        let _ = events.try_send(b": open\n\n".to_vec());
        if dialect == Dialect::Growthbook
            && let Some(event) = self.payload_event(&self.latest().await).await
        {
            let _ = events.try_send(event);
        }
        self.listeners.borrow_mut().push(Listener { dialect, events });
        let response = Response::from_stream(lines(waiting))?;
        let headers = response.headers();
        headers.set("content-type", "text/event-stream")?;
        headers.set("cache-control", "no-store")?;
        Ok(response)
    }

    async fn tell_all(&self, latest: &Latest) {
        let notification = notification(latest, Settings::of(&self.env).token_keys.as_ref());
        let payload = self.payload_event(latest).await;
        self.listeners.borrow_mut().retain_mut(|listener| {
            let event = match listener.dialect {
                Dialect::Ofrep => Some(&notification),
                Dialect::Growthbook => payload.as_ref(),
            };
            event.is_none_or(|event| listener.events.try_send(event.clone()).is_ok())
        });
    }

    /// The event that carries the payload of a version, and an alarm for the moment at which the payload changes by itself.
    async fn payload_event(&self, latest: &Latest) -> Option<Vec<u8>> {
        let key = bundle_key(latest.pointer.version?);
        let found = Kv::of(&self.env)?.get_recent(&key).await;
        let bundle = found.map_err(|error| error.to_string()).and_then(|bytes| {
            let bytes = bytes.ok_or_else(|| "announced and missing".to_owned())?;
            BundleState::load(&bytes)
        });
        let bundle = bundle.inspect_err(|why| console_error!("{key}: {why}")).ok()?;
        let flags = FlagState::new(Rc::new(bundle), &latest.pointer);
        let now = TimestampMs(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX));
        let payload = sdk_payload(Some(flags.payload()), &latest.pointer, now);
        if let Some(at) = payload.changes_at {
            self.wake_at(at).await;
        }
        Some(format!("event: features\ndata: {}\n\n", payload.json).into_bytes())
    }

    async fn wake_at(&self, at_ms: i64) {
        let date = js_sys::Date::new(&(at_ms as f64).into());
        if let Err(error) = self.state.storage().set_alarm(ScheduledTime::new(date)).await {
            console_error!("notifier: no alarm: {error}");
        }
    }
}

/// The notification of OFREP 0.3.0. `lastModified` is in seconds since 1970; the tag is signed, so that it proves to the edge
/// that there is such a configuration.
fn notification(latest: &Latest, keys: Option<&TokenKeys>) -> Vec<u8> {
    let Latest { environment, pointer } = latest;
    let last_modified = TimestampMs::parse(&pointer.published_at).map_or(0, |it| it.0.div_euclid(1000));
    let tag = ConfigTag { version: pointer.version.unwrap_or_default(), epoch: pointer.epoch };
    let data = serde_json::json!({
        "type": "refetchEvaluation",
        "etag": keys.map(|keys| tag.sign(keys, environment)),
        "lastModified": last_modified,
    });
    format!("event: message\nid: {}\ndata: {data}\n\n", pointer.epoch).into_bytes()
}

/// The bytes of a stream: events as they come, comments in between, an end after [`LIFE_MS`].
fn lines(waiting: mpsc::Receiver<Vec<u8>>) -> impl Stream<Item = Result<Vec<u8>>> {
    let end_ms = Date::now().as_millis().saturating_add(LIFE_MS);
    stream::unfold(waiting, move |mut waiting| async move {
        let chunk = match select(waiting.next(), Delay::from(QUIET)).await {
            Either::Left((event, _)) => event?,
            Either::Right(_) if Date::now().as_millis() >= end_ms => return None,
            Either::Right(_) => b":\n\n".to_vec(),
        };
        Some((Ok(chunk), waiting))
    })
}
