//! Exposures as the ledger counts them: each visitor once for each variation.

use vitrine_api::{Exposed, hexadecimal};
use vitrine_engine::TimestampMs;

use crate::attribution::{Rule, Touch, TouchKind};
use crate::call::Visits;
use crate::counts::CountKey;
use crate::kind::Kind;
use crate::names::Shown;
use crate::record::{Line, RecordContext, Recorded, hour};
use crate::shard::key;

/// Length of a day. Unit: ms.
const DAY_MS: i64 = 24 * 3_600_000;

/// What is to be counted for each exposure. `may_join`: whether the visitor agreed to be measured and was not erased; else the line
/// holds no visitor.
pub fn exposure_records(
    exposed: &[Exposed],
    may_join: &dyn Fn(&Exposed) -> bool,
    context: &RecordContext<'_>,
) -> Vec<Recorded> {
    exposed.iter().map(|it| record(it, may_join(it), context)).collect()
}

/// What the shards of the visitors are to be told, of those who may be joined.
pub fn exposure_touches(exposed: &[Exposed], may_join: &dyn Fn(&Exposed) -> bool, now: TimestampMs) -> Visits {
    let touch = |it: &Exposed| {
        let at_ms = at(it, now).0;
        let slot = format!("{}|{}", it.experiment, at_ms.div_euclid(DAY_MS));
        (hexadecimal(it.unit), Touch { kind: TouchKind::Exposure, slot, at_ms, shown: shown(it) })
    };
    Visits { touches: exposed.iter().filter(|it| may_join(it)).map(touch).collect(), looks: Vec::new() }
}

/// When the visitor met the variation: not before it was assigned, and not after it was reported.
fn at(exposed: &Exposed, now: TimestampMs) -> TimestampMs {
    let issued_ms = i64::from(exposed.issued_at_s).saturating_mul(1000);
    let said_ms = exposed.at.map_or(now.0, |it| it.0);
    TimestampMs(said_ms.max(issued_ms).min(now.0))
}

fn shown(exposed: &Exposed) -> Shown {
    Shown {
        experiment: exposed.experiment.clone(),
        variation: exposed.variation.to_string(),
        bundle: exposed.bundle_version,
        ..Shown::default()
    }
}

fn record(exposed: &Exposed, may_join: bool, context: &RecordContext<'_>) -> Recorded {
    let at = at(exposed, context.now);
    let shown = shown(exposed);
    let unit = hexadecimal(exposed.unit);
    // The experiment is part of it, so what is kept of a visitor in one says nothing about another.
    let id = key(&[context.environment, "exposure", &shown.experiment, &shown.variation, &unit]);
    let line = Line {
        v: 1,
        id: &id,
        r#type: Kind::Exposure.as_str(),
        at: at.to_string(),
        received_at: context.now.to_string(),
        environment: context.environment,
        placement: None,
        offer: None,
        creative: None,
        rank: None,
        experiment: Some(&shown.experiment),
        variation: Some(u32::from(exposed.variation)),
        mode: None,
        propensity: None,
        // The token does not tell by which key a table knows its visitor.
        visitor: None,
        unit: Some(unit.as_str()).filter(|_| may_join),
        value_minor: None,
        currency: None,
        order_id_hash: None,
        channel: None,
        bundle: Some(exposed.bundle_version),
        name: None,
        props: None,
    };
    let line = line.to_json();
    let count = CountKey { hour: hour(at), kind: Kind::Exposure, rule: Rule::Token, ..CountKey::of(Some(&shown)) };
    Recorded { keys: vec![id], counts: vec![count], value_minor: 0, of: None, cost: None, line }
}
