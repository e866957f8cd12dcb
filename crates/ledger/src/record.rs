//! From checked events to what the ledger's objects are told: first the visitor's shard, then the shard that counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vitrine_api::hexadecimal;
use vitrine_engine::TimestampMs;

use crate::attribution::{Rule, Touch, TouchKind, attributed, exposed};
use crate::budget::Cost;
use crate::call::{Looked, Visits};
use crate::counts::{CountKey, HOUR_MS};
use crate::event::Event;
use crate::kind::Kind;
use crate::names::Shown;
use crate::shard::key;

/// One event, ready to be counted by one shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// What knows it again: if the shard has seen any of these, it does not count. The first one names the shard.
    pub keys: Vec<String>,
    /// What is raised by one, and by the value.
    pub counts: Vec<CountKey>,
    /// The value in the smallest coin; 0 for none.
    pub value_minor: u64,
    /// What it is attributed to, exactly or through the visitor: version of the bundle, and offer.
    #[serde(skip)]
    pub of: Option<(u32, String)>,
    /// What it costs a campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The event as the raw file keeps it: one JSON object, see `docs/formats/events.md`.
    pub line: String,
}

/// What holds for all events of a call.
#[derive(Clone, Copy, Debug)]
pub struct RecordContext<'c> {
    /// The environment of the call.
    pub environment: &'c str,
    /// When it arrived.
    pub now: TimestampMs,
    /// The window of attribution. Unit: seconds.
    pub window_s: u32,
}

/// An event with the names of what its token says.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its place in the batch.
    pub index: usize,
    /// The event.
    pub event: Event,
    /// What was shown, if the event has a token.
    pub shown: Option<Shown>,
}

/// One line of the raw file. The order of the members is that of the file.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    pub v: u8,
    pub id: &'a str,
    pub r#type: &'static str,
    pub at: String,
    pub received_at: String,
    pub environment: &'a str,
    pub placement: Option<&'a str>,
    pub offer: Option<&'a str>,
    pub creative: Option<&'a str>,
    pub rank: Option<u8>,
    pub experiment: Option<&'a str>,
    pub variation: Option<u32>,
    pub mode: Option<&'a str>,
    pub propensity: Option<f64>,
    pub visitor: Option<&'a str>,
    pub unit: Option<&'a str>,
    pub value_minor: Option<u64>,
    pub currency: Option<&'a str>,
    pub order_id_hash: Option<&'a str>,
    pub channel: Option<&'a str>,
    pub bundle: Option<u32>,
    pub name: Option<&'a str>,
    pub props: Option<&'a BTreeMap<String, Value>>,
}

impl Recorded {
    /// What happened.
    pub fn kind(&self) -> Option<Kind> {
        self.counts.first().map(|it| it.kind)
    }
}

impl Line<'_> {
    pub fn to_json(&self) -> String {
        // Texts and finite numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a line says where there is nothing.
pub(crate) fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What the shards of visitors are to be told and asked before anything is counted. Nothing, when nobody may be joined.
pub fn plan(plans: &[Plan]) -> Visits {
    let mut visits = Visits::default();
    for Plan { event, shown, .. } in plans {
        let Some(visitor) = event.visitor.map(|it| hexadecimal(it.unit)) else { continue };
        match (event.kind, shown, &event.decided) {
            (Kind::Click, Some(shown), Some((token, _))) => {
                let slot = key(&["click", token]);
                visits
                    .touches
                    .push((visitor, Touch { kind: TouchKind::Click, slot, at_ms: event.at.0, shown: shown.clone() }));
            }
            (Kind::Impression, Some(shown), _) => {
                let slot = format!("{}|{}|{}", shown.placement, shown.offer, hour(event.at));
                visits
                    .touches
                    .push((visitor, Touch { kind: TouchKind::View, slot, at_ms: event.at.0, shown: shown.clone() }));
            }
            (Kind::Conversion, ..) => visits.looks.push((visitor, event.at.0)),
            _ => {}
        }
    }
    visits
}

/// What is to be counted for each event. `looked`: what the visitors of conversions had met, as the shards answered to [`plan`].
pub fn records(plans: &[Plan], looked: &Looked, context: &RecordContext<'_>) -> Vec<Recorded> {
    plans.iter().map(|it| record(it, looked, context)).collect()
}

fn record(Plan { event, shown, .. }: &Plan, looked: &Looked, context: &RecordContext<'_>) -> Recorded {
    let environment = context.environment;
    let unit = event.visitor.map(|it| hexadecimal(it.unit));
    let is_conversion = event.kind == Kind::Conversion;
    let nothing = Vec::new();
    let touches =
        unit.as_deref().filter(|_| is_conversion).and_then(|unit| looked.found(unit, event.at.0)).unwrap_or(&nothing);
    let (rule, what) = match shown {
        Some(shown) => (Rule::Token, Some(shown)),
        None if is_conversion => attributed(touches, event.at.0, context.window_s),
        None => (Rule::None, None),
    };
    let base = CountKey {
        hour: hour(event.at),
        kind: event.kind,
        rule,
        channel: event.channel.clone(),
        name: event.name.clone(),
        currency: event.value.as_ref().map(|(_, currency)| currency.clone()).unwrap_or_default(),
        ..CountKey::of(what)
    };
    let mut counts = vec![base.clone()];
    if is_conversion {
        counts.extend(exposed(touches, event.at.0, context.window_s).into_iter().map(|shown| CountKey {
            rule: Rule::Exposure,
            placement: String::new(),
            offer: String::new(),
            creative: String::new(),
            experiment: shown.experiment.clone(),
            variation: shown.variation.clone(),
            ..base.clone()
        }));
    }
    Recorded {
        keys: keys(event, environment),
        counts,
        value_minor: event.value.as_ref().map_or(0, |(value, _)| *value),
        of: what.map(|it| (it.bundle, it.offer.clone())),
        cost: None,
        line: line(event, what, unit.as_deref(), context),
    }
}

/// What knows an event again: its id; its showing, where that counts once; its order.
fn keys(event: &Event, environment: &str) -> Vec<String> {
    let id = key(&[environment, "id", &event.id]);
    match (&event.order, &event.decided) {
        (Some(order), _) => vec![key(&[environment, "order", order]), id],
        (None, Some((token, _))) if event.kind.is_of_a_showing() => {
            vec![key(&[environment, event.kind.as_str(), token]), id]
        }
        _ => vec![id],
    }
}

/// Whole hours since 1970.
pub(crate) fn hour(at: TimestampMs) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

fn line(event: &Event, shown: Option<&Shown>, unit: Option<&str>, context: &RecordContext<'_>) -> String {
    let visitor = event.visitor.and_then(|it| it.row_key).map(hexadecimal);
    // What is attributed through the visitor is not what the event says; a reader joins by the rule of its own choice.
    let shown = shown.filter(|_| event.decided.is_some());
    Line {
        v: 1,
        id: &event.id,
        r#type: event.kind.as_str(),
        at: event.at.to_string(),
        received_at: context.now.to_string(),
        environment: context.environment,
        placement: shown.map(|it| it.placement.as_str()),
        offer: shown.map(|it| it.offer.as_str()),
        creative: shown.map(|it| it.creative.as_str()),
        rank: shown.map(|it| it.rank),
        experiment: shown.and_then(|it| some(&it.experiment)),
        variation: shown.and_then(|it| it.variation.parse().ok()),
        mode: shown.and_then(|it| some(&it.mode)),
        propensity: shown.map(|it| it.propensity),
        visitor: visitor.as_deref(),
        unit,
        value_minor: event.value.as_ref().map(|(value, _)| *value),
        currency: event.value.as_ref().map(|(_, currency)| currency.as_str()),
        order_id_hash: event.order.as_deref(),
        channel: some(&event.channel),
        bundle: shown.map(|it| it.bundle),
        name: some(&event.name),
        props: Some(&event.props).filter(|it| !it.is_empty()),
    }
    .to_json()
}
