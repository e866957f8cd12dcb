//! The answer to a decide request, as JSON.

use serde::Serialize;
use serde_json::value::RawValue;
use vitrine_engine::{
    Bundle, Chosen, Decision, Evaluation, Explanation, Filled, Inputs, ModeReason, NoTrace, OfferTrace, Rejection,
    ScoreParts, TimestampMs, Visitor,
};
use vitrine_tables::Row;

use crate::profile::RowProfile;
use crate::request::{DecideRequest, PlacementRequest};
use crate::snapshot::{Lookup, Snapshot};

/// A finished answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The body, one JSON object.
    pub json: String,
    /// Why the answer has its mode, for counters.
    pub mode_reason: ModeReason,
}

#[derive(Serialize)]
struct AnswerWire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    bundle: Option<u64>,
    table: Option<&'a str>,
    mode: &'static str,
    mode_reason: &'static str,
    dry_run: bool,
    decisions: Vec<DecisionWire<'a>>,
}

#[derive(Serialize)]
struct DecisionWire<'a> {
    placement: &'a str,
    reason: &'static str,
    items: Vec<ItemWire<'a>>,
    fallback: Option<FallbackWire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<ExplainWire<'a>>>,
}

#[derive(Serialize)]
struct ItemWire<'a> {
    offer: &'a str,
    score: f64,
    content: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
}

/// Without a bundle, or for an unknown placement, there is no offer: the page shows what it has of its own.
#[derive(Default, Serialize)]
struct FallbackWire<'a> {
    offer: Option<&'a str>,
    content: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct ExplainWire<'a> {
    offer: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreWire>,
}

#[derive(Serialize)]
struct ScoreWire {
    total: f64,
    profile: f64,
    session: f64,
    own: f64,
    popularity: f64,
}

impl From<ScoreParts> for ScoreWire {
    fn from(parts: ScoreParts) -> Self {
        let ScoreParts { profile, session, own, popularity } = parts;
        Self { total: parts.total(), profile, session, own, popularity }
    }
}

/// Answers a request from a snapshot.
///
/// `lookup` is what the caller found under the key that [`crate::personalisation`] returned, or the reason that it
/// returned instead. Never fails: what is missing leads to the best answer left, and `mode_reason` says so.
pub fn answer(
    snapshot: &Snapshot,
    request: &DecideRequest,
    lookup: Result<Lookup<'_>, ModeReason>,
    now: TimestampMs,
) -> Answer {
    let visitor = visitor(snapshot, lookup);
    let mode_reason = visitor.reason();
    let decisions = match snapshot.bundle() {
        Some(state) => decisions(snapshot, state.bundle(), request, &visitor, now),
        None => request.placements.iter().map(|it| without_offer(&it.id, mode_reason.as_str())).collect(),
    };
    let wire = AnswerWire {
        request_id: request.request_id.as_deref(),
        bundle: snapshot.bundle().map(|it| it.version()),
        table: snapshot.table().map(|it| it.manifest.build.as_str()),
        mode: mode_reason.mode().as_str(),
        mode_reason: mode_reason.as_str(),
        dry_run: request.dry_run,
        decisions,
    };
    // Strings, finite numbers and JSON text always serialise.
    Answer { json: serde_json::to_string(&wire).unwrap_or_default(), mode_reason }
}

fn visitor<'a>(snapshot: &'a Snapshot, lookup: Result<Lookup<'a>, ModeReason>) -> Visitor<RowProfile<'a>> {
    let bytes = match lookup {
        Ok(Lookup::Row(bytes)) => bytes,
        Ok(Lookup::NotFound) => return Visitor::Unknown(ModeReason::NoProfile),
        Ok(Lookup::Unavailable) => return Visitor::Unknown(ModeReason::ProfileUnavailable),
        Err(reason) => return Visitor::Unknown(reason),
    };
    let row = snapshot.table().and_then(|it| Row::new(&it.manifest.schema, bytes).ok());
    match row {
        Some(row) => Visitor::Known(RowProfile::new(snapshot, row)),
        None => Visitor::Unknown(ModeReason::ProfileUnavailable),
    }
}

fn decisions<'a>(
    snapshot: &'a Snapshot,
    bundle: &'a Bundle,
    request: &'a DecideRequest,
    visitor: &'a Visitor<RowProfile<'a>>,
    now: TimestampMs,
) -> Vec<DecisionWire<'a>> {
    let mut evaluation = Evaluation::new(Inputs {
        bundle,
        graph: snapshot.graph(),
        index: snapshot.index(),
        visitor,
        context: &request.context,
        now,
        dedupe: request.dedupe,
    });
    let mut wire = Vec::with_capacity(request.placements.len());
    for PlacementRequest { id, count } in &request.placements {
        let Some(placement) = bundle.placement(id) else {
            wire.push(without_offer(id, "unknown_placement"));
            continue;
        };
        let count = count.unwrap_or(placement.count_max);
        if request.explain {
            let mut explanation = Explanation::default();
            let decision = evaluation.decide(placement, count, &mut explanation);
            let explain = explanation.offers.into_iter().filter_map(|it| explain(bundle, it)).collect();
            wire.push(DecisionWire { explain: Some(explain), ..decision_wire(decision) });
        } else {
            wire.push(decision_wire(evaluation.decide(placement, count, &mut NoTrace)));
        }
    }
    wire
}

fn without_offer<'a>(placement: &'a str, reason: &'static str) -> DecisionWire<'a> {
    DecisionWire { placement, reason, items: Vec::new(), fallback: Some(FallbackWire::default()), explain: None }
}

fn decision_wire<'a>(decision: Decision<'a>) -> DecisionWire<'a> {
    let (items, fallback) = match decision.filled {
        Filled::Offers(chosen) => (chosen.into_iter().map(item_wire).collect(), None),
        Filled::Fallback(offer, creative) => {
            (Vec::new(), Some(FallbackWire { offer: Some(&offer.id), content: Some(raw(&creative.content)) }))
        }
    };
    DecisionWire { placement: &decision.placement.id, reason: decision.reason.as_str(), items, fallback, explain: None }
}

fn item_wire<'a>(chosen: Chosen<'a>) -> ItemWire<'a> {
    ItemWire {
        offer: &chosen.offer.id,
        score: chosen.score.total(),
        content: raw(&chosen.creative.content),
        valid_until: chosen.offer.schedule.ends().map(|ends| ends.to_string()),
    }
}

/// The content of a creative as it is. A bundle holds JSON objects only; anything else would become `null`.
fn raw(content: &str) -> &RawValue {
    serde_json::from_str(content).unwrap_or(RawValue::NULL)
}

fn explain<'a>(bundle: &'a Bundle, trace: OfferTrace<'a>) -> Option<ExplainWire<'a>> {
    let offer = bundle.offers().get(usize::from(trace.offer.0))?;
    let mut wire = ExplainWire {
        offer: &offer.id,
        outcome: "shown",
        audience: None,
        failed: None,
        score: trace.score.map(ScoreWire::from),
    };
    wire.outcome = match trace.rejection {
        None => "shown",
        Some(Rejection::NotStarted) => "not_started",
        Some(Rejection::Ended) => "ended",
        Some(Rejection::NoCreative) => "no_creative",
        Some(Rejection::AlreadyShown) => "already_shown",
        Some(Rejection::Outranked) => "outranked",
        Some(Rejection::Audience { audience, failed }) => {
            wire.audience = bundle.audiences().get(usize::from(audience.0)).map(|it| it.id.as_str());
            wire.failed = Some(failed.display(bundle.attributes()).to_string());
            "not_in_audience"
        }
    };
    Some(wire)
}
