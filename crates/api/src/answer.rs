//! The answer to a decide request, as JSON.

use serde::Serialize;
use serde_json::value::RawValue;
use vitrine_engine::{
    Bundle, Chosen, Decision, Evaluation, Explanation, Filled, Inputs, Limit, Mode, ModeReason, NoTrace, Offer,
    OfferTrace, PlacementIdx, Rejection, ScoreParts, Visitor,
};
use vitrine_tables::Row;

use crate::cookie::SetCookie;
use crate::occasion::{Occasion, Showing, Signer};
use crate::profile::{AnyProfile, RowProfile};
use crate::request::{DecideRequest, PlacementRequest};
use crate::snapshot::{BundleState, Lookup, Snapshot};

/// A finished answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The body, one JSON object.
    pub json: String,
    /// Why the answer has its mode, for counters.
    pub mode_reason: ModeReason,
    /// What the visitor's device is to keep; the body says it too.
    pub set: Option<SetCookie>,
}

/// Reason of a decision about a placement that the configuration does not have.
const UNKNOWN_PLACEMENT: &str = "unknown_placement";

/// The answer to a decide request, in whatever mode.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideAnswer"))]
struct AnswerWire<'a> {
    /// The caller's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// Version of the configuration that answered; null when none is published.
    bundle: Option<u64>,
    /// Build of the table that answered; null when none can be read.
    table: Option<&'a str>,
    /// How much of the visitor the answer rests on.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = vitrine_engine::Mode::ALL.map(vitrine_engine::Mode::as_str))))]
    mode: &'static str,
    /// Why it has this mode.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = ModeReason::ALL.map(ModeReason::as_str))))]
    mode_reason: &'static str,
    /// Whether the request asked to count nothing.
    dry_run: bool,
    /// The browser forbids that anything about its visitor goes to others, and the configuration obeys. Left out when false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    limit_sharing: bool,
    /// In the order of the request.
    decisions: Vec<DecisionWire<'a>>,
    /// What the visitor's device is to keep, for callers that relay answers: as a cookie, or for `state` of the next request.
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<[&'a SetCookie; 1]>,
}

/// What fills a placement: `items` or `fallback`, never both.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Decision"))]
struct DecisionWire<'a> {
    /// Id of the placement.
    placement: &'a str,
    /// Why it holds what it holds.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = decision_reasons())))]
    reason: &'static str,
    /// Best first.
    items: Vec<ItemWire<'a>>,
    /// What shows when nothing else may.
    fallback: Option<FallbackWire<'a>>,
    /// The fate of every candidate, if the request asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<ExplainWire<'a>>>,
}

/// An offer that was chosen.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionItem"))]
struct ItemWire<'a> {
    /// Id of the offer.
    offer: &'a str,
    /// Comparable within one decision only.
    score: f64,
    /// What events about this offer carry. Absent without the secret `TOKEN_KEY`, in previews and for dry runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// The creative that fits locale and channel, as its author wrote it.
    #[cfg_attr(feature = "openapi", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    content: &'a RawValue,
    /// RFC 3339 time at which the offer ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    valid_until: Option<String>,
}

/// The placement's fallback offer. Without a bundle, or for an unknown placement, there is none: both members are null, and
/// the page shows what it has of its own.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionFallback"))]
struct FallbackWire<'a> {
    /// Id of the offer.
    offer: Option<&'a str>,
    /// What events about this offer carry. Absent as that of an item; also without an offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Its creative.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    content: Option<&'a RawValue>,
}

/// The fate of a candidate.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionCandidate"))]
struct ExplainWire<'a> {
    /// Id of the offer.
    offer: &'a str,
    /// What became of it.
    outcome: OutcomeWire,
    /// The audience that the visitor is not in.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    /// The part of the audience's condition that did not hold, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    /// How it was ranked, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreWire>,
}

/// What became of a candidate.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionOutcome"))]
enum OutcomeWire {
    /// It is among the items.
    Shown,
    /// Others were better.
    Outranked,
    /// Its schedule has not begun.
    NotStarted,
    /// Its schedule is over.
    Ended,
    /// The visitor is not in its audience.
    NotInAudience,
    /// None of its creatives fits.
    NoCreative,
    /// Another placement of the page shows it.
    AlreadyShown,
    /// The visitor has seen it often enough.
    VisitorCap,
    /// It was shown often enough.
    TotalCap,
    /// It was shown often enough today.
    DailyCap,
    /// The budget of its campaign is spent, or what is planned for this part of its time.
    Budget,
    /// The visitor does not want it.
    Dismissed,
    /// The visitor has done what it asks for.
    Converted,
    /// What it promotes is sold out.
    OutOfStock,
}

impl From<Limit> for OutcomeWire {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::VisitorCap => Self::VisitorCap,
            Limit::TotalCap => Self::TotalCap,
            Limit::DailyCap => Self::DailyCap,
            Limit::Budget => Self::Budget,
            Limit::Dismissed => Self::Dismissed,
            Limit::Converted => Self::Converted,
            Limit::OutOfStock => Self::OutOfStock,
        }
    }
}

/// The parts of a score, and their sum.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionScore"))]
struct ScoreWire {
    /// The sum.
    total: f64,
    /// From neighbours of the profile's items.
    profile: f64,
    /// From neighbours of the session's items.
    session: f64,
    /// From items that the visitor bought before.
    own: f64,
    /// From the popularity of the offer's items.
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
/// returned instead. A request that is a dry run, or decides as if it were another time, gets no tokens. Never fails: what is missing leads to the best answer left, and `mode_reason` says so.
pub fn answer(
    snapshot: &Snapshot,
    request: &DecideRequest,
    lookup: Result<Lookup<'_>, ModeReason>,
    occasion: Occasion<'_>,
) -> Answer {
    let visitor = visitor(snapshot, lookup);
    let mode_reason = visitor.reason();
    let mut shown = Vec::new();
    let decisions = match snapshot.bundle() {
        Some(state) => decisions(snapshot, state, request, &visitor, &occasion, &mut shown),
        None => request.placements.iter().map(|it| without_offer(&it.id, mode_reason.as_str())).collect(),
    };
    let keeps = mode_reason.mode() == Mode::Personalised && request.may_store && request.counts();
    let set = occasion.keeping.filter(|_| keeps).and_then(|it| it.after(&shown, occasion.now));
    let wire = AnswerWire {
        request_id: request.request_id.as_deref(),
        bundle: snapshot.bundle().map(|it| it.version()),
        table: snapshot.table().map(|it| it.manifest.build.as_str()),
        mode: mode_reason.mode().as_str(),
        mode_reason: mode_reason.as_str(),
        dry_run: request.dry_run,
        limit_sharing: request.limit_sharing,
        decisions,
        set: set.as_ref().map(|it| [it]),
    };
    // Strings, finite numbers and JSON text always serialise.
    let json = serde_json::to_string(&wire).unwrap_or_default();
    Answer { json, mode_reason, set }
}

fn visitor<'a>(snapshot: &'a Snapshot, lookup: Result<Lookup<'a>, ModeReason>) -> Visitor<AnyProfile<'a>> {
    let bytes = match lookup {
        Ok(Lookup::Row(bytes)) => bytes,
        Ok(Lookup::MadeUp(profile)) => return Visitor::Known(AnyProfile::MadeUp(profile)),
        Ok(Lookup::NotFound) => return Visitor::Unknown(ModeReason::NoProfile),
        Ok(Lookup::Unavailable) => return Visitor::Unknown(ModeReason::ProfileUnavailable),
        Err(reason) => return Visitor::Unknown(reason),
    };
    let row = snapshot.table().and_then(|it| Row::new(&it.manifest.schema, bytes).ok());
    match row {
        Some(row) => Visitor::Known(AnyProfile::Row(RowProfile::new(snapshot, row))),
        None => Visitor::Unknown(ModeReason::ProfileUnavailable),
    }
}

fn decisions<'a>(
    snapshot: &'a Snapshot,
    state: &'a BundleState,
    request: &'a DecideRequest,
    visitor: &'a Visitor<AnyProfile<'a>>,
    occasion: &Occasion<'a>,
    shown: &mut Vec<&'a Offer>,
) -> Vec<DecisionWire<'a>> {
    let bundle = state.bundle();
    let signer = Signer::new(occasion, request, state.version(), visitor.reason().mode());
    let mut evaluation = Evaluation::new(Inputs {
        bundle,
        graph: snapshot.graph(),
        index: snapshot.index(),
        visitor,
        context: &request.context,
        now: occasion.now,
        dedupe: request.dedupe,
        limits: occasion.limits,
    });
    let mut wire = Vec::with_capacity(request.placements.len());
    for PlacementRequest { id, count } in &request.placements {
        let Some((idx, placement)) = bundle.placement_with_idx(id) else {
            wire.push(without_offer(id, UNKNOWN_PLACEMENT));
            continue;
        };
        let count = count.unwrap_or(placement.count_max);
        if request.explain {
            let mut explanation = Explanation::default();
            let decision = evaluation.decide(placement, count, &mut explanation);
            let explain = explanation.offers.into_iter().filter_map(|it| explain(bundle, it)).collect();
            wire.push(DecisionWire { explain: Some(explain), ..decision_wire(idx, decision, signer.as_ref(), shown) });
        } else {
            let decision = evaluation.decide(placement, count, &mut NoTrace);
            wire.push(decision_wire(idx, decision, signer.as_ref(), shown));
        }
    }
    wire
}

fn without_offer<'a>(placement: &'a str, reason: &'static str) -> DecisionWire<'a> {
    DecisionWire { placement, reason, items: Vec::new(), fallback: Some(FallbackWire::default()), explain: None }
}

fn decision_wire<'a>(
    idx: PlacementIdx,
    decision: Decision<'a>,
    signer: Option<&Signer<'_>>,
    shown: &mut Vec<&'a Offer>,
) -> DecisionWire<'a> {
    let token = |chosen: &Chosen<'_>, rank: usize, is_fallback: bool| {
        signer?.sign(&Showing { placement: idx, chosen, rank, is_fallback })
    };
    let (items, fallback) = match decision.filled {
        Filled::Offers(chosen) => {
            shown.extend(chosen.iter().map(|it| it.offer));
            let items = chosen.iter().enumerate().map(|(rank, it)| item_wire(it, token(it, rank, false)));
            (items.collect(), None)
        }
        Filled::Fallback(chosen) => {
            let token = token(&chosen, 0, true);
            let content = Some(raw(&chosen.creative.content));
            (Vec::new(), Some(FallbackWire { offer: Some(&chosen.offer.id), token, content }))
        }
    };
    DecisionWire { placement: &decision.placement.id, reason: decision.reason.as_str(), items, fallback, explain: None }
}

fn item_wire<'a>(chosen: &Chosen<'a>, token: Option<String>) -> ItemWire<'a> {
    ItemWire {
        offer: &chosen.offer.id,
        score: chosen.score.total(),
        token,
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
        outcome: OutcomeWire::Shown,
        audience: None,
        failed: None,
        score: trace.score.map(ScoreWire::from),
    };
    wire.outcome = match trace.rejection {
        None => OutcomeWire::Shown,
        Some(Rejection::NotStarted) => OutcomeWire::NotStarted,
        Some(Rejection::Ended) => OutcomeWire::Ended,
        Some(Rejection::NoCreative) => OutcomeWire::NoCreative,
        Some(Rejection::AlreadyShown) => OutcomeWire::AlreadyShown,
        Some(Rejection::Limit(limit)) => limit.into(),
        Some(Rejection::Outranked) => OutcomeWire::Outranked,
        Some(Rejection::Audience { audience, failed }) => {
            wire.audience = bundle.audiences().get(usize::from(audience.0)).map(|it| it.id.as_str());
            wire.failed = Some(failed.display(bundle.attributes()).to_string());
            OutcomeWire::NotInAudience
        }
    };
    Some(wire)
}

/// Every reason that a decision may have.
#[cfg(feature = "openapi")]
fn decision_reasons() -> Vec<&'static str> {
    let ranked = vitrine_engine::Reason::ALL.map(vitrine_engine::Reason::as_str);
    // Without a bundle a decision has the reason of the whole answer.
    ranked.into_iter().chain([UNKNOWN_PLACEMENT, ModeReason::NoBundle.as_str()]).collect()
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Answer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        AnswerWire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        AnswerWire::json_schema(generator)
    }
}
