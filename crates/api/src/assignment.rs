//! Which visitor an answer is for, as control groups, draws and experiments see it.

use siphasher::sip::SipHasher13;
use vitrine_engine::{ContextValue, ModeReason, TimestampMs, Unit};
use vitrine_flags::{Context, Evaluation, Json, Object, Payload};
use vitrine_tables::Row;

use crate::flag_context;
use crate::occasion::Occasion;
use crate::request::DecideRequest;
use crate::snapshot::{BundleState, Lookup, Snapshot};

/// The variations of one visitor, by experiment of the bundle.
#[derive(Default)]
pub(crate) struct Assignments<'a> {
    /// The visitor, if one may be known again.
    pub unit: Option<Unit>,
    /// Index of the variation, where the visitor is in the experiment.
    pub variations: Vec<Option<u8>>,
    /// Keys of the same variations.
    pub keys: Vec<Option<&'a str>>,
}

/// The id that assignments may rest on: the caller's, or the visitor's key where it may be looked up.
pub(crate) fn unit_id<'r>(
    occasion: &Occasion<'r>,
    request: &'r DecideRequest,
    lookup: &Result<Lookup<'_>, ModeReason>,
) -> Option<&'r str> {
    let may_be_known = match lookup {
        Ok(Lookup::MadeUp(_)) => false,
        Ok(_) | Err(ModeReason::NoTable | ModeReason::ProfileUnavailable) => true,
        Err(_) => false,
    };
    occasion.unit.or(request.visitor_key.as_deref().filter(|_| may_be_known))
}

/// The number for an id: SipHash-1-3 without a key, so that every program gives the same answer. Nothing leaves with it.
pub(crate) fn unit(id: &str) -> Unit {
    Unit(SipHasher13::new().hash(id.as_bytes()))
}

/// Asks the flags of the bundle which variations the visitor is in. Saved groups of hashed ids match nobody here.
pub(crate) fn variations<'a>(
    state: &BundleState,
    payload: &'a Payload,
    context: &'a Context,
) -> (Vec<Option<u8>>, Vec<Option<&'a str>>) {
    let mut evaluation = Evaluation::new(payload, context);
    let of = |experiment: &vitrine_engine::Experiment| {
        let result = evaluation.feature(&experiment.flag);
        let is_this = result.experiment.as_ref().is_some_and(|it| it.experiment.key() == experiment.id);
        let assigned = result.experiment_result.filter(|it| is_this && it.in_experiment);
        let idx = assigned.as_ref().and_then(|it| u8::try_from(it.variation_id).ok());
        (idx, assigned.map(|it| it.key))
    };
    state.bundle().experiments().iter().map(of).unzip()
}

/// What the conditions of an experiment see: `id`, the request's context, and the row.
pub(crate) fn context(
    snapshot: &Snapshot,
    payload: &Payload,
    request: &DecideRequest,
    id: &str,
    lookup: &Result<Lookup<'_>, ModeReason>,
    now: TimestampMs,
) -> Context {
    let mut attributes = Object::new();
    for (name, value) in request.context.attributes() {
        attributes.insert(name, json(value));
    }
    attributes.insert("id", id);
    if let Ok(Lookup::Row(bytes)) = lookup {
        let row = snapshot.table().and_then(|it| Row::new(&it.manifest.schema, bytes).ok());
        let columns = row.map(|row| flag_context::profile_columns(snapshot, payload.profile_columns(), row));
        attributes.insert("profile", columns.unwrap_or_default());
    }
    let url = attributes.get("url").and_then(Json::as_text).map(str::to_owned);
    Context { attributes, url, now_ms: now.0, ..Context::default() }
}

fn json(value: &ContextValue) -> Json {
    match value {
        ContextValue::Bool(it) => Json::Bool(*it),
        ContextValue::Number(it) => Json::Number(*it),
        ContextValue::Text(it) => Json::from(it.as_str()),
        ContextValue::Labels(labels) => Json::List(labels.iter().map(|it| Json::from(it.as_str())).collect()),
    }
}
