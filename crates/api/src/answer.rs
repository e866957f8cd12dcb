//! The answer to a decide request, as JSON.

use serde::Serialize;
use serde_json::value::RawValue;
use vitrine_engine::{
    Bundle, Chosen, Context, Decision, Evaluation, Explanation, Filled, Inputs, Mode, ModeReason, NoTrace, Offer,
    OfferTrace, PlacementIdx, Reason, Rejection, ScoreParts, Visitor,
};
use vitrine_tables::Row;

use crate::assignment::{self, Assignments};
use crate::cookie::SetCookie;
use crate::occasion::{Occasion, Showing, Signer};
use crate::outcome::{Language, Outcome};
use crate::profile::{AnyProfile, RowProfile};
use crate::request::{DecideRequest, PlacementRequest};
use crate::scenario;
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
    /// The experiment that the decision is part of, or the control group that the visitor is in. Absent without either.
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment: Option<ExperimentWire<'a>>,
    /// The fate of every candidate, if the request asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<ExplainWire<'a>>>,
}

/// What a decision is part of.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionExperiment"))]
struct ExperimentWire<'a> {
    /// Id of the experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Id of the variation.
    #[serde(skip_serializing_if = "Option::is_none")]
    variation: Option<&'a str>,
    /// The visitor is kept out of decisions, so that their effect can be measured.
    in_holdout: bool,
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
    outcome: Outcome,
    /// The same in a sentence: in Chinese for a request whose locale is Chinese, else in English.
    why: &'static str,
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
    /// What the ranker measures as one number: relevance, formula, mix of a hybrid, draw of a bandit.
    #[serde(skip_serializing_if = "is_zero")]
    measure: f64,
    /// What the sum is multiplied by: the offer's margin over the mean margin of the candidates.
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<f64>,
}

fn is_zero(it: &f64) -> bool {
    *it == 0.0
}

impl From<ScoreParts> for ScoreWire {
    fn from(parts: ScoreParts) -> Self {
        let ScoreParts { profile, session, own, popularity, measure, margin } = parts;
        Self { total: parts.total(), profile, session, own, popularity, measure, margin }
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
    let id = assignment::unit_id(&occasion, request, &lookup);
    let payload = snapshot.bundle().map(|it| occasion.flags.unwrap_or(it.flags()));
    let context = match (id, snapshot.bundle(), payload) {
        (Some(id), Some(state), Some(payload)) if !state.bundle().experiments().is_empty() => {
            Some((payload, assignment::context(snapshot, payload, request, id, &lookup, occasion.now)))
        }
        _ => None,
    };
    let told = snapshot
        .bundle()
        .map(|state| scenario::told(&request.context, state.bundle(), snapshot, lookup.as_ref().ok(), occasion.now));
    let visitor = visitor(snapshot, lookup);
    let mode_reason = visitor.reason();
    let (variations, keys) = match (snapshot.bundle(), &context) {
        (Some(state), Some((payload, context))) => assignment::variations(state, payload, context),
        _ => Default::default(),
    };
    let assignments = Assignments { unit: id.map(assignment::unit), variations, keys };
    let (decisions, shown) = match (snapshot.bundle(), &told) {
        (Some(state), Some(context)) => decisions(snapshot, state, request, context, &visitor, &occasion, &assignments),
        _ => (request.placements.iter().map(|it| without_offer(&it.id, mode_reason.as_str())).collect(), Vec::new()),
    };
    let keeps = mode_reason.mode() != Mode::FallbackOnly && request.may_store && request.counts();
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

/// The decisions, and the offers that they show.
fn decisions<'a>(
    snapshot: &'a Snapshot,
    state: &'a BundleState,
    request: &'a DecideRequest,
    context: &'a Context,
    visitor: &'a Visitor<AnyProfile<'a>>,
    occasion: &Occasion<'a>,
    assignments: &'a Assignments<'a>,
) -> (Vec<DecisionWire<'a>>, Vec<&'a Offer>) {
    let bundle = state.bundle();
    let mut shown = Vec::new();
    let signer = Signer::new(occasion, request, state.version(), visitor.reason().mode());
    let mut evaluation = Evaluation::new(Inputs {
        bundle,
        graph: snapshot.graph(),
        index: snapshot.index(),
        visitor,
        context,
        now: occasion.now,
        dedupe: request.dedupe,
        limits: occasion.limits,
        unit: assignments.unit,
        // Another configuration draws anew, and the same visitor sees the same as long as there is none.
        seed: assignments.unit.map_or(occasion.seed, |it| it.0 ^ state.version()),
        variations: &assignments.variations,
    });
    let mut wire_of = |idx, decision: Decision<'a>| {
        if let Filled::Offers(chosen) = &decision.filled {
            shown.extend(chosen.iter().map(|it| it.offer));
        }
        let experiment = experiment_wire(bundle, &decision, assignments);
        DecisionWire { experiment, ..decision_wire(idx, decision, signer.as_ref()) }
    };
    let language = Language::of(request.context.locale.as_deref());
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
            let explain = explanation.offers.into_iter().filter_map(|it| explain(bundle, it, language)).collect();
            wire.push(DecisionWire { explain: Some(explain), ..wire_of(idx, decision) });
        } else {
            let decision = evaluation.decide(placement, count, &mut NoTrace);
            wire.push(wire_of(idx, decision));
        }
    }
    (wire, shown)
}

fn without_offer<'a>(placement: &'a str, reason: &'static str) -> DecisionWire<'a> {
    DecisionWire {
        placement,
        reason,
        items: Vec::new(),
        fallback: Some(FallbackWire::default()),
        experiment: None,
        explain: None,
    }
}

fn decision_wire<'a>(idx: PlacementIdx, decision: Decision<'a>, signer: Option<&Signer<'_>>) -> DecisionWire<'a> {
    let token = |chosen: &Chosen<'_>, rank: usize, is_fallback: bool| {
        let (in_holdout, experiment) = (decision.reason == Reason::Holdout, decision.experiment);
        signer?.sign(&Showing { placement: idx, chosen, rank, is_fallback, in_holdout, experiment })
    };
    let (items, fallback) = match &decision.filled {
        Filled::Offers(chosen) => {
            let items = chosen.iter().enumerate().map(|(rank, it)| item_wire(it, token(it, rank, false)));
            (items.collect(), None)
        }
        Filled::Fallback(chosen) => {
            let token = token(chosen, 0, true);
            let content = Some(raw(&chosen.creative.content));
            (Vec::new(), Some(FallbackWire { offer: Some(&chosen.offer.id), token, content }))
        }
    };
    let reason = decision.reason.as_str();
    DecisionWire { placement: &decision.placement.id, reason, items, fallback, experiment: None, explain: None }
}

fn experiment_wire<'a>(
    bundle: &'a Bundle,
    decision: &Decision<'_>,
    assignments: &Assignments<'a>,
) -> Option<ExperimentWire<'a>> {
    let in_holdout = decision.reason == Reason::Holdout;
    let at = decision.experiment.map(|(idx, _)| usize::from(idx.0));
    let id = at.and_then(|at| bundle.experiments().get(at)).map(|it| it.id.as_str());
    let variation = at.and_then(|at| assignments.keys.get(at).copied().flatten());
    (in_holdout || id.is_some()).then_some(ExperimentWire { id, variation, in_holdout })
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

fn explain<'a>(bundle: &'a Bundle, trace: OfferTrace<'a>, language: Language) -> Option<ExplainWire<'a>> {
    let outcome = Outcome::from(trace.rejection.as_ref());
    let (audience, failed) = match trace.rejection {
        Some(Rejection::Audience { audience, failed }) => {
            (bundle.audiences().get(usize::from(audience.0)), Some(failed))
        }
        _ => (None, None),
    };
    Some(ExplainWire {
        offer: &bundle.offers().get(usize::from(trace.offer.0))?.id,
        outcome,
        why: outcome.words(language),
        audience: audience.map(|it| it.id.as_str()),
        failed: failed.map(|it| it.display(bundle.attributes()).to_string()),
        score: trace.score.map(ScoreWire::from),
    })
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
