//! Which bandits of a document learn from counts, and from which counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vitrine_engine::TimestampMs;
use vitrine_ledger::{CountQuery, Dimension, HOUR_MS};

/// How far back counts go unless the document says otherwise. Unit: days.
const WINDOW_DAYS_DEFAULT: i64 = 90;

/// Models whose posteriors follow from counts alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BanditKind {
    /// A share; the numbers of an arm are alpha and beta.
    Bernoulli,
    /// A mean; the numbers of an arm are mean and standard deviation.
    Gaussian,
}

/// What is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "LoopReward"))]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// That the offer is followed.
    Click,
    /// That a conversion is attributed to it.
    Conversion,
    /// What its conversions are worth.
    Value,
}

/// `learn` of a ranker.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Learn {
    reward: Reward,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    window_days: Option<i64>,
    #[serde(default)]
    since: Option<String>,
}

/// A bandit that learns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Learner {
    /// JSON pointer of its ranker in the document.
    pub pointer: String,
    /// How it is known in other documents.
    pub subject: Subject,
    /// Experiment and index of the variation that it ranks for; `None`: it is the placement's own.
    pub treatment: Option<(String, String)>,
    /// Of the placement's own bandit: the variations, in the same form, that other rankers rank for.
    pub others: BTreeSet<(String, String)>,
    /// What it knows, by offer.
    pub arms: BTreeMap<String, [f64; 2]>,
}

/// What a bandit is about. Where it is the same in two documents, what one has learnt holds for the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    /// Id of the placement.
    pub placement: String,
    /// Experiment and variation that it ranks for, by their ids.
    pub treatment: Option<(String, String)>,
    pub kind: BanditKind,
    /// The numbers of an arm of which nothing is known.
    pub prior: [f64; 2],
    pub reward: Reward,
    /// What the conversions are called; `None`: all.
    pub name: Option<String>,
    /// The currency of their value.
    pub currency: Option<String>,
    /// Unit: days.
    pub window_days: i64,
    /// From when on it is counted.
    pub since: Option<TimestampMs>,
}

/// All bandits of a document that learn, in its order.
pub(crate) fn learners(document: &Value) -> Vec<Learner> {
    let mut found = Vec::new();
    for (idx, placement) in list(document, "placements").iter().enumerate() {
        let id = text(placement, "id");
        let experiment = placement.get("experiment");
        let experiment_id = experiment.map(|it| text(it, "id")).unwrap_or_default();
        let treatments = experiment.and_then(|it| it.get("variations")).and_then(Value::as_object);
        let treatments: Vec<(&String, &Value)> = treatments.into_iter().flatten().collect();
        let key = |variation: &str| (experiment_id.clone(), variation_idx(document, &experiment_id, variation));
        let with_ranker = treatments.iter().filter(|(_, it)| it.get("ranker").is_some());
        let others = with_ranker.map(|(variation, _)| key(variation)).collect();
        if let Some((subject, arms)) = placement.get("ranker").and_then(|it| subject(it, &id, None)) {
            let pointer = format!("/placements/{idx}/ranker");
            found.push(Learner { pointer, subject, treatment: None, others, arms });
        }
        for (variation, treatment) in treatments {
            let names = Some((experiment_id.clone(), variation.clone()));
            let Some((subject, arms)) = treatment.get("ranker").and_then(|it| subject(it, &id, names)) else {
                continue;
            };
            let member = variation.replace('~', "~0").replace('/', "~1");
            let pointer = format!("/placements/{idx}/experiment/variations/{member}/ranker");
            let treatment = Some(key(variation));
            found.push(Learner { pointer, subject, treatment, others: BTreeSet::new(), arms });
        }
    }
    found
}

/// Ids of all offers.
pub(crate) fn offers(document: &Value) -> BTreeSet<String> {
    list(document, "offers").iter().map(|it| text(it, "id")).collect()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The position of a variation, as counts name it.
fn variation_idx(document: &Value, experiment: &str, variation: &str) -> String {
    let experiment = list(document, "experiments").iter().find(|it| text(it, "id") == experiment);
    let variations = experiment.map(|it| list(it, "variations")).unwrap_or_default();
    variations.iter().position(|it| text(it, "id") == variation).map(|it| it.to_string()).unwrap_or_default()
}

/// What a ranker is about and what it knows, if it is a bandit that learns from counts.
fn subject(
    ranker: &Value,
    placement: &str,
    treatment: Option<(String, String)>,
) -> Option<(Subject, BTreeMap<String, [f64; 2]>)> {
    let learn: Learn = serde_json::from_value(ranker.get("learn")?.clone()).ok()?;
    let kind: BanditKind = serde_json::from_value(ranker.get("model")?.clone()).ok()?;
    let pair = |value: &Value| serde_json::from_value::<[f64; 2]>(value.clone()).ok();
    let prior = ranker.get("prior").and_then(pair).unwrap_or(match kind {
        BanditKind::Bernoulli => [1.0, 1.0],
        BanditKind::Gaussian => [0.0, 1.0],
    });
    let arms = ranker.get("arms").and_then(Value::as_object);
    let arms = arms.into_iter().flatten().filter_map(|(offer, it)| Some((offer.clone(), pair(it)?))).collect();
    let subject = Subject {
        placement: placement.to_owned(),
        treatment,
        kind,
        prior,
        reward: learn.reward,
        name: learn.name,
        currency: learn.currency,
        window_days: learn.window_days.unwrap_or(WINDOW_DAYS_DEFAULT),
        since: learn.since.and_then(|it| TimestampMs::parse(&it).ok()),
    };
    Some((subject, arms))
}

impl Learner {
    /// The hours that count: from the first to the one before the second. Unit: whole hours since 1970.
    ///
    /// The present hour counts as far as it has come. Of the hour in which `since` lies nothing counts, because hours are not
    /// divided: what was before must not.
    pub fn hours(&self, now: TimestampMs) -> (i64, i64) {
        let to = now.0.div_euclid(HOUR_MS).saturating_add(1);
        let from = to.saturating_sub(self.subject.window_days.saturating_mul(24));
        let since = self.subject.since.map(|it| it.0.saturating_add(HOUR_MS).saturating_sub(1).div_euclid(HOUR_MS));
        (since.map_or(from, |it| it.max(from)).min(to), to)
    }

    /// Which counts tell how often offers were shown.
    pub fn shown(&self, environment: &str, now: TimestampMs) -> CountQuery {
        let (from_hour, to_hour) = self.hours(now);
        CountQuery {
            environment: environment.to_owned(),
            from_hour,
            to_hour,
            by: vec![Dimension::Offer, Dimension::Experiment, Dimension::Variation],
            only: vec![(Dimension::Placement, self.subject.placement.clone())],
        }
    }

    /// Which counts tell of the reward.
    pub fn rewarded(&self, environment: &str, now: TimestampMs) -> CountQuery {
        let mut query = self.shown(environment, now);
        query.only.extend(self.subject.name.clone().map(|it| (Dimension::Name, it)));
        query
    }

    /// Whether it ranked what was shown in this variation of this experiment.
    pub fn ranked(&self, experiment: &str, variation: &str) -> bool {
        let shown = (experiment.to_owned(), variation.to_owned());
        match &self.treatment {
            Some(own) => *own == shown,
            None => !self.others.contains(&shown),
        }
    }
}
