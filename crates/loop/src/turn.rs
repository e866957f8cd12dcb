//! One turn of the loop: counts in, posteriors out, and a record of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{CountQuery, CountRow, HOUR_MS, Kind, Rule, coins};

use crate::learner::{BanditKind, Learner, Reward, learners, offers};
use crate::learnt::set_arms;
use crate::posterior::{ArmCounts, bernoulli, gaussian};

/// Most queries of one turn: each asks every shard of the ledger.
const QUERIES_MAX: usize = 60;

/// What all shards answered to a query.
pub type Counted = (CountQuery, Vec<CountRow>);

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoopOutcome {
    /// A version with the new posteriors was published.
    Published,
    /// It would have been: the turn was a trial.
    WouldPublish,
    /// A draft with the new posteriors waits for approval and publication.
    Drafted,
    /// The environment needs the approval of a second person, so nothing was published.
    NeedsApproval,
    /// The counts say what is known already; nothing was published.
    Unchanged,
    /// The configuration has no bandit that learns from counts, or none runs.
    NothingLearns,
    /// Of a scheduled turn: the environment was rolled back, and bandits stay as they are until somebody publishes.
    Paused,
}

/// What one turn of the loop saw and did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LoopRecord {
    /// Where.
    pub environment: String,
    /// RFC 3339 time of the turn.
    pub at: String,
    /// Who took it; `loop` for the schedule.
    pub by: String,
    /// What it came to.
    pub outcome: LoopOutcome,
    /// The version that ran before.
    pub version_before: Option<u64>,
    /// The version that was published; `null` if none was.
    pub version_after: Option<u64>,
    /// The draft that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// How far the ledger had come: by shard, how many events it had counted in all its time.
    pub position: BTreeMap<u32, u64>,
    /// The bandits that learn, in the order of the document.
    pub bandits: Vec<BanditTurn>,
}

/// What a bandit learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BanditTurn {
    /// Id of the placement.
    pub placement: String,
    /// Of a bandit of a variation: the experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Of a bandit of a variation: the variation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<String>,
    /// What is learnt.
    pub model: BanditKind,
    /// What is good.
    pub reward: Reward,
    /// What the conversions are called, where only some count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// RFC 3339 time from which counts were used.
    pub from: String,
    /// RFC 3339 time up to which counts were used; the end of the present hour.
    pub to: String,
    /// The numbers of an arm of which nothing is known.
    pub prior: [f64; 2],
    /// Whether the numbers are others than before.
    pub changed: bool,
    /// Why nothing was learnt, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The arms of which something is known, or was, by offer.
    pub arms: Vec<ArmTurn>,
}

/// What was counted and learnt of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ArmTurn {
    /// Id of the offer.
    pub offer: String,
    /// How often it was shown in the window.
    pub shown: u64,
    /// How often it was rewarded.
    pub rewards: u64,
    /// Sum of the rewards in the currency's unit, where the reward is a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its numbers before; `null`: those of the prior.
    pub before: Option<[f64; 2]>,
    /// Its numbers now; `null`: those of the prior.
    pub after: Option<[f64; 2]>,
}

/// The counts that a document's bandits learn from.
///
/// Errors: there are more than `QUERIES_MAX`, in words.
pub fn queries(document: &Value, environment: &str, now: TimestampMs) -> Result<Vec<CountQuery>, String> {
    let mut queries: Vec<CountQuery> = Vec::new();
    for learner in learners(document) {
        for query in [learner.shown(environment, now), learner.rewarded(environment, now)] {
            if query.from_hour < query.to_hour && !queries.contains(&query) {
                queries.push(query);
            }
        }
    }
    if queries.len() > QUERIES_MAX {
        return Err(format!(
            "the bandits of the configuration need {} counts; at most {QUERIES_MAX} are asked",
            queries.len()
        ));
    }
    Ok(queries)
}

/// What a turn makes of counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// What was seen and done. The outcome is [`LoopOutcome::WouldPublish`], `Unchanged` or `NothingLearns`.
    pub record: LoopRecord,
    /// The document with the new posteriors, if they are others than before.
    pub document: Option<Value>,
}

impl Turn {
    /// A turn in an environment that runs this version of the document. `counted`: the answers to [`queries`] of the same time.
    pub fn of(
        document: &Value,
        environment: &str,
        version: Option<u64>,
        now: TimestampMs,
        counted: &[Counted],
    ) -> Self {
        let offers = offers(document);
        let mut next = document.clone();
        let mut bandits = Vec::new();
        for learner in learners(document) {
            let mut arms = learner.counts(environment, now, counted);
            arms.retain(|offer, _| offers.contains(offer));
            let (known, note) = learner.known(&arms);
            let is_changed = known != learner.arms;
            if is_changed {
                let arms = known.iter().map(|(offer, it)| (offer.clone(), Value::from(it.to_vec())));
                set_arms(&mut next, &learner.pointer, arms.collect::<Map<_, _>>());
            }
            bandits.push(learner.turn(now, &arms, &known, note, is_changed));
        }
        let is_changed = bandits.iter().any(|it| it.changed);
        let record = LoopRecord {
            environment: environment.to_owned(),
            at: now.to_string(),
            by: String::new(),
            outcome: match (bandits.is_empty(), is_changed) {
                (true, _) => LoopOutcome::NothingLearns,
                (_, true) => LoopOutcome::WouldPublish,
                (_, false) => LoopOutcome::Unchanged,
            },
            version_before: version,
            version_after: None,
            draft: None,
            position: position(counted),
            bandits,
        };
        Self { record, document: is_changed.then_some(next) }
    }
}

/// How far each shard had come, as the first answer of each says.
fn position(counted: &[Counted]) -> BTreeMap<u32, u64> {
    let mut position = BTreeMap::new();
    for row in counted.iter().flat_map(|(_, rows)| rows) {
        if let CountRow::Position { shard, n } = row {
            position.entry(*shard).or_insert(*n);
        }
    }
    position
}

impl Learner {
    /// What was counted of each arm.
    fn counts(&self, environment: &str, now: TimestampMs, counted: &[Counted]) -> BTreeMap<String, ArmCounts> {
        let mut arms: BTreeMap<String, ArmCounts> = BTreeMap::new();
        let coins = self.subject.currency.as_deref().map_or(1.0, coins);
        let rows = |wanted: &CountQuery| counted.iter().find(|(query, _)| query == wanted).map(|(_, rows)| rows);
        let mut add = |query: &CountQuery,
                       counts: &mut dyn FnMut(&mut ArmCounts, &Row<'_>),
                       is_wanted: &dyn Fn(&Row<'_>) -> bool| {
            for row in rows(query).into_iter().flatten().filter_map(Row::of) {
                if self.ranked(row.experiment, row.variation) && is_wanted(&row) {
                    counts(arms.entry(row.offer.to_owned()).or_default(), &row);
                }
            }
        };
        add(&self.shown(environment, now), &mut |arm, row| arm.n_shown = arm.n_shown.saturating_add(row.n), &|row| {
            row.kind == Kind::Impression && row.rule == Rule::Token
        });
        add(
            &self.rewarded(environment, now),
            &mut |arm, row| {
                arm.n_rewards = arm.n_rewards.saturating_add(row.n);
                arm.sum += row.value / coins;
                arm.squares += row.squares / (coins * coins);
            },
            &|row| self.is_reward(row),
        );
        arms
    }

    fn is_reward(&self, row: &Row<'_>) -> bool {
        // The rule `exposure` is another view of conversions that stand under these too.
        let is_attributed = matches!(row.rule, Rule::Token | Rule::VisitorClick | Rule::VisitorView);
        match self.subject.reward {
            Reward::Click => row.kind == Kind::Click && row.rule == Rule::Token,
            Reward::Conversion => row.kind == Kind::Conversion && is_attributed,
            Reward::Value => {
                row.kind == Kind::Conversion && is_attributed && Some(row.currency) == self.subject.currency.as_deref()
            }
        }
    }

    /// The posteriors of the arms of which something was counted; with why there are none, if so.
    fn known(&self, arms: &BTreeMap<String, ArmCounts>) -> (BTreeMap<String, [f64; 2]>, Option<String>) {
        match self.subject.kind {
            BanditKind::Bernoulli => {
                (arms.iter().map(|(offer, it)| (offer.clone(), bernoulli(self.subject.prior, it))).collect(), None)
            }
            BanditKind::Gaussian => match gaussian(self.subject.prior, arms) {
                Some(known) => (known, None),
                None => {
                    let note = "too little was counted to know how far rewards differ; all arms have the prior";
                    (BTreeMap::new(), Some(note.to_owned()))
                }
            },
        }
    }

    fn turn(
        &self,
        now: TimestampMs,
        counts: &BTreeMap<String, ArmCounts>,
        known: &BTreeMap<String, [f64; 2]>,
        note: Option<String>,
        changed: bool,
    ) -> BanditTurn {
        let (from_hour, to_hour) = self.hours(now);
        let time = |hour: i64| TimestampMs(hour.saturating_mul(HOUR_MS)).to_string();
        let mut offers: Vec<&String> = counts.keys().chain(self.arms.keys()).collect();
        offers.sort_unstable();
        offers.dedup();
        let arm = |offer: &String| {
            let counted = counts.get(offer).copied().unwrap_or_default();
            ArmTurn {
                offer: offer.clone(),
                shown: counted.n_shown,
                rewards: counted.n_rewards,
                value: (self.subject.reward == Reward::Value).then_some(counted.sum),
                before: self.arms.get(offer).copied(),
                after: known.get(offer).copied(),
            }
        };
        let (experiment, variation) = self.subject.treatment.clone().unzip();
        BanditTurn {
            placement: self.subject.placement.clone(),
            experiment,
            variation,
            model: self.subject.kind,
            reward: self.subject.reward,
            name: self.subject.name.clone(),
            from: time(from_hour),
            to: time(to_hour),
            prior: self.subject.prior,
            changed,
            note,
            arms: offers.into_iter().map(arm).collect(),
        }
    }
}

/// A count, as the queries of bandits tell it.
struct Row<'r> {
    offer: &'r str,
    experiment: &'r str,
    variation: &'r str,
    kind: Kind,
    rule: Rule,
    currency: &'r str,
    n: u64,
    value: f64,
    squares: f64,
}

impl<'r> Row<'r> {
    #[expect(clippy::cast_precision_loss, reason = "to the nearest float is near enough")]
    fn of(row: &'r CountRow) -> Option<Self> {
        let CountRow::Count { of, kind, rule, currency, tally } = row else { return None };
        let [offer, experiment, variation] = of.as_slice() else { return None };
        Some(Self {
            offer,
            experiment,
            variation,
            kind: *kind,
            rule: *rule,
            currency,
            n: tally.n,
            value: tally.value as f64,
            squares: tally.sum_of_squares() as f64,
        })
    }
}
