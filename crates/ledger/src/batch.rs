//! `POST /v1/events`: a batch of rows, each of which stands for itself.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use vitrine_api::{Problem, ProblemCode, Pseudonyms, Signals};
use vitrine_engine::TimestampMs;

use crate::event::{self, ConsentWire, Event, EventError, RowContext, VisitorWire};
use crate::kind::CHANNELS;

/// Greatest body: what a page may still send while it is closed. Unit: bytes.
pub const EVENTS_BYTES_MAX: usize = 64 * 1024;
/// Most rows of a batch.
pub const EVENTS_MAX: usize = 100;

/// A batch within all limits.
pub struct EventBatch<'b> {
    /// The SDK key, for pages that cannot send a header while they are closed.
    pub key: Option<String>,
    /// The visitor's signed state, unread, from callers whose requests carry no cookies.
    pub state: Option<String>,
    sent_at: Option<TimestampMs>,
    visitor: Option<VisitorWire>,
    consent: ConsentWire,
    channel: Option<String>,
    rows: Vec<&'b RawValue>,
}

/// What happened, in rows.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "EventBatch"))]
struct BatchWire<'b> {
    /// The SDK key, for pages that cannot send a header while they are closed.
    #[serde(default)]
    key: Option<String>,
    /// RFC 3339 time of sending by the caller's clock. What it differs from the arrival is added to the times of all rows.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    sent_at: Option<String>,
    /// Who did it.
    #[serde(default)]
    visitor: Option<VisitorWire>,
    /// What they agreed to.
    #[serde(default)]
    consent: Option<ConsentWire>,
    /// What an earlier answer asked to keep for this visitor (`set`, the entry `__Host-vitrine_state`), from callers whose
    /// requests carry no cookies. One that is too long or cannot be read is as good as none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = vitrine_api::STATE_BYTES_MAX)))]
    state: Option<String>,
    /// Where it happened.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = CHANNELS)))]
    channel: Option<String>,
    /// What happened. A row that is wrong is refused by itself, and the others count.
    #[serde(borrow)]
    #[cfg_attr(feature = "openapi", schemars(length(max = EVENTS_MAX), with = "Vec<event::RowWire>"))]
    events: Vec<&'b RawValue>,
}

/// Rows that were checked.
#[derive(Debug, Default)]
pub struct CheckedBatch {
    /// Events that may count, with their places in the batch.
    pub events: Vec<(usize, Event)>,
    /// How many rows repeat the id of an earlier one.
    pub n_duplicates: usize,
    /// Rows that do not count, with their places.
    pub rejected: Vec<(usize, EventError)>,
}

impl<'b> EventBatch<'b> {
    /// Reads a body, whatever its media type.
    ///
    /// Errors: a problem with status 413 or 400.
    pub fn parse(body: &'b [u8]) -> Result<Self, Problem> {
        if body.len() > EVENTS_BYTES_MAX {
            let detail = format!("the body has {} bytes, at most {EVENTS_BYTES_MAX} are taken", body.len());
            return Err(Problem::new(ProblemCode::BodyTooLarge, detail));
        }
        // serde would also take the members of an object as a list.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::field("", "invalid_field", "the body must be a JSON object"));
        }
        let wire: BatchWire<'b> = serde_json::from_slice(body).map_err(|error| Problem::unreadable(body, &error))?;
        if wire.events.len() > EVENTS_MAX {
            let detail = format!("{} events, at most {EVENTS_MAX} are taken", wire.events.len());
            return Err(Problem::field("/events", "too_many", detail));
        }
        if wire.channel.as_deref().is_some_and(|it| !CHANNELS.contains(&it)) {
            return Err(Problem::field(
                "/channel",
                "invalid_field",
                format!("the channels are {}", CHANNELS.join(", ")),
            ));
        }
        let sent_at = wire.sent_at.as_deref().map(TimestampMs::parse).transpose().map_err(|_| {
            Problem::field("/sent_at", "invalid_field", "not an RFC 3339 time such as 2026-12-01T08:00:00Z")
        })?;
        Ok(Self {
            key: wire.key,
            state: wire.state,
            sent_at,
            visitor: wire.visitor,
            consent: wire.consent.unwrap_or_default(),
            channel: wire.channel,
            rows: wire.events,
        })
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// What names the visitor whom the rows are of: the key before the first-party id.
    pub fn visitor_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.visitor.iter().flat_map(VisitorWire::names)
    }

    /// Checks every row. `pseudonyms`: the secrets, if the deployment has any. `is_erased`: whether a unit is that of a visitor who
    /// was erased. `signals`: what the visitor's browser says; any may be against joining events through the visitor. `batch_id`: the
    /// `Idempotency-Key`, if the call has one.
    pub fn check(
        &self,
        pseudonyms: Option<Pseudonyms<'_>>,
        is_erased: &dyn Fn(u64) -> bool,
        environment: &str,
        now: TimestampMs,
        signals: Signals,
        batch_id: Option<&str>,
    ) -> CheckedBatch {
        let context = RowContext {
            pseudonyms,
            is_erased,
            environment,
            now,
            skew_ms: self.sent_at.map_or(0, |it| now.0.saturating_sub(it.0)),
            channel: self.channel.as_deref(),
            visitor: self.visitor.as_ref(),
            consent: self.consent,
            is_against: signals.forbid_joining(),
            batch_id,
        };
        let mut checked = CheckedBatch::default();
        let mut seen = HashSet::new();
        for (index, row) in self.rows.iter().enumerate() {
            match event::check(row.get(), index, &context) {
                Ok(event) if seen.insert(event.id.clone()) => checked.events.push((index, event)),
                Ok(_) => checked.n_duplicates = checked.n_duplicates.saturating_add(1),
                Err(error) => checked.rejected.push((index, error)),
            }
        }
        checked
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for EventBatch<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        BatchWire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BatchWire::json_schema(generator)
    }
}
