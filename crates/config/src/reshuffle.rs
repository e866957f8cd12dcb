//! How many visitors would get another variation if a document were published, and which running experiments that would spoil.
//!
//! Method: [`VISITORS`] made-up visitors, always the same ones, are evaluated by both payloads. A visitor has an id of its own for every unit. For
//! every attribute that a condition of either document asks about, it has one of the values that conditions name (or one beside a bound,
//! or none), drawn by a hash of visitor and attribute, and it is in half of the saved groups. All rules are taken as running, ramps at their
//! last step. So shares among those who are in an experiment are good estimates; how many visitors an audience has is not known here.

mod rules;
mod visitors;

use std::collections::{BTreeMap, BTreeSet};

use vitrine_engine::TimestampMs;
use vitrine_flags::{Context, Evaluation, Json, Object, Payload};

use crate::Checked;
use crate::census::grouped;
use rules::Rule;
pub(crate) use rules::running_conditions;
use visitors::Crowd;

/// How many visitors are evaluated; fewer, at least 500, when more than 500 flags change.
pub const VISITORS: usize = 10_000;

/// Evaluations that one comparison may cost.
const EVALUATIONS_MAX: usize = 5_000_000;
const VISITORS_MIN: usize = 500;

/// What publishing would do to one running experiment, or to one flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Reshuffle {
    /// Id of the flag.
    pub flag: String,
    /// Id of the experiment; `None` when this is about all values of the flag.
    pub experiment: Option<String>,
    /// Visitors of the sample that are in the experiment now; for a flag all of the sample.
    pub n_visitors: usize,
    /// Those of them who would get another variation, or none; for a flag, another value.
    pub n_changed: usize,
    /// What changes, in words: `weights`, `audience`, `coverage 50 % -> 20 %`.
    pub reasons: Vec<String>,
    /// Whether the change spoils the experiment, so that it needs a new phase or a permission.
    pub needs_allow: bool,
}

impl Reshuffle {
    /// The share of those who are in it now that would change. Range: 0 to 1. `None` when nobody of the sample is in it.
    pub fn share(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "at most VISITORS")]
        (self.n_visitors > 0).then(|| self.n_changed as f64 / self.n_visitors as f64)
    }

    /// In words, as a share: `hero-test: 20.1 % of its visitors would change their variation (weights)`.
    pub fn text(&self) -> String {
        let percent = self.share().unwrap_or(0.0) * 100.0;
        let what = match &self.experiment {
            Some(id) => format!("{id}: {percent:.1} % of its visitors would change their variation"),
            None => format!("{}: {percent:.1} % of all visitors would get another value", self.flag),
        };
        what + &self.because()
    }

    /// In words, as numbers of visitors of a table each `times`-th of which was compared: `hero-test: about 1,204 of its 6,020
    /// visitors would change their variation (weights)`.
    pub fn text_of_table(&self, times: u64) -> String {
        let number = |it: usize| grouped(u64::try_from(it).unwrap_or(u64::MAX).saturating_mul(times));
        let (changed, visitors) = (number(self.n_changed), number(self.n_visitors));
        let what = match &self.experiment {
            Some(id) => format!("{id}: about {changed} of its {visitors} visitors would change their variation"),
            None => format!("{}: about {changed} of all {visitors} visitors would get another value", self.flag),
        };
        what + &self.because()
    }

    fn because(&self) -> String {
        if self.reasons.is_empty() { String::new() } else { format!(" ({})", self.reasons.join(", ")) }
    }
}

/// Compares what visitors get now with what they would get. Experiments first, then flags; each by id. What stays as it is, is not listed.
///
/// An experiment is running when its status says so, whatever its schedule; see [`reshuffle_at`].
pub fn reshuffle(old: &Checked, new: &Checked) -> Vec<Reshuffle> {
    compare(&old.flags, &new.flags, None)
}

/// [`reshuffle`] at a moment: experiments that have not begun, or are over, need no permission.
pub fn reshuffle_at(old: &Checked, new: &Checked, now: TimestampMs) -> Vec<Reshuffle> {
    compare(&old.flags, &new.flags, Some(now))
}

fn compare(old: &Json, new: &Json, now: Option<TimestampMs>) -> Vec<Reshuffle> {
    let Some(mut tally) = Tally::of(old, new, now) else { return Vec::new() };
    let n_visitors = EVALUATIONS_MAX.checked_div(tally.changed.len()).unwrap_or(VISITORS).clamp(VISITORS_MIN, VISITORS);
    for idx in 0..n_visitors {
        tally.visit(&tally.crowd.visitor(idx));
    }
    tally.finish()
}

/// A comparison under way, visitor by visitor.
pub struct Tally<'c> {
    changed: BTreeSet<&'c str>,
    new_rules: BTreeMap<&'c str, Rule<'c>>,
    payloads: [Payload; 2],
    crowd: Crowd,
    experiments: BTreeMap<&'c str, Reshuffle>,
    flags: BTreeMap<&'c str, Reshuffle>,
    n_profiles: usize,
}

impl<'c> Tally<'c> {
    /// Begins to compare what visitors of a table get now with what they would get; `None` when no flag differs. `now` as for
    /// [`reshuffle_at`], `None` as for [`reshuffle`].
    pub fn new(old: &'c Checked, new: &'c Checked, now: Option<TimestampMs>) -> Option<Self> {
        Self::of(&old.flags, &new.flags, now)
    }

    fn of(old: &'c Json, new: &'c Json, now: Option<TimestampMs>) -> Option<Self> {
        let changed = changed_flags(old, new);
        if changed.is_empty() {
            return None;
        }
        let old_rules = rules::running(old);
        let new_rules = rules::running(new);
        let nobody = |flag: &str| Reshuffle {
            flag: flag.to_owned(),
            experiment: None,
            n_visitors: 0,
            n_changed: 0,
            reasons: Vec::new(),
            needs_allow: false,
        };
        let mut experiments = BTreeMap::new();
        for (key, rule) in old_rules.iter().filter(|(_, rule)| changed.contains(rule.flag)) {
            let Some(new_rule) = new_rules.get(key) else { continue };
            let (reasons, needs_allow) = rule.differences(new_rule);
            let needs_allow = needs_allow && now.is_none_or(|now| rule.runs_at(now));
            let experiment = Some((*key).to_owned());
            experiments.insert(*key, Reshuffle { experiment, reasons, needs_allow, ..nobody(rule.flag) });
        }
        let flags = changed.iter().map(|flag| (*flag, nobody(flag))).collect();
        let payloads = [old, new].map(|it| Payload::from_json(rules::timeless(it)));
        let crowd = Crowd::of([old, new]);
        Some(Self { changed, new_rules, payloads, crowd, experiments, flags, n_profiles: 0 })
    }

    /// Columns that [`Self::add`] wants: those that either document asks about.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.payloads.iter().flat_map(|it| it.profile_columns()).map(String::as_str).collect()
    }

    /// How many visitors can be compared in reasonable time: some seconds.
    pub fn visitors_max(&self) -> usize {
        EVALUATIONS_MAX.checked_div(self.changed.len()).unwrap_or(VISITORS).max(VISITORS)
    }

    /// Compares for a visitor of a table, with the columns of its row by their names.
    pub fn add(&mut self, profile: Object) {
        let mut context = self.crowd.visitor(self.n_profiles);
        context.attributes.insert("profile", profile);
        self.visit(&context);
        self.n_profiles = self.n_profiles.saturating_add(1);
    }

    fn visit(&mut self, context: &Context) {
        let Self { changed, new_rules, payloads, experiments, flags, .. } = self;
        for flag in changed.iter() {
            let [old, new] = [&payloads[0], &payloads[1]].map(|payload| outcome(payload, context, flag));
            if let Some(entry) = flags.get_mut(flag) {
                entry.n_visitors = entry.n_visitors.saturating_add(1);
                entry.n_changed = entry.n_changed.saturating_add(usize::from(old.value != new.value));
            }
            for (key, variation) in &old.variations {
                // Parents are evaluated as well; each experiment counts with its own flag.
                let Some(entry) = experiments.get_mut(key.as_str()).filter(|it| it.flag == **flag) else { continue };
                entry.n_visitors = entry.n_visitors.saturating_add(1);
                let is_same = new_rules.get(key.as_str()).is_some_and(|it| it.flag == *flag)
                    && new.variations.get(key) == Some(variation);
                entry.n_changed = entry.n_changed.saturating_add(usize::from(!is_same));
            }
        }
    }

    /// What was found. Experiments first, then flags; each by id.
    pub fn finish(self) -> Vec<Reshuffle> {
        let experiments = self.experiments.into_values().filter(|it| it.n_changed > 0 || !it.reasons.is_empty());
        experiments.chain(self.flags.into_values().filter(|it| it.n_changed > 0)).collect()
    }
}

/// What a flag gives one visitor.
struct Outcome {
    value: String,
    /// Keys of the experiments that the visitor is in, and ids of their variations.
    variations: BTreeMap<String, String>,
}

fn outcome(payload: &Payload, context: &Context, flag: &str) -> Outcome {
    let mut evaluation = Evaluation::new(payload, context);
    let value = evaluation.feature(flag).value.to_string();
    let exposures = evaluation.exposures().iter();
    let variations =
        exposures.map(|it| (it.experiment.experiment.key().to_owned(), it.result.key.to_owned())).collect();
    Outcome { value, variations }
}

/// Flags of both payloads whose rules differ, or those of a flag or a bandit that they depend on.
fn changed_flags<'p>(old: &'p Json, new: &'p Json) -> BTreeSet<&'p str> {
    let features = |payload: &'p Json| payload.get("features").and_then(Json::as_object);
    let (Some(old_features), Some(new_features)) = (features(old), features(new)) else { return BTreeSet::new() };
    let bandit = |payload: &'p Json, key: &str| payload.get("contextualBandits").and_then(|it| it.get(key));
    let mut changed: BTreeSet<&'p str> = BTreeSet::new();
    let all: BTreeSet<&'p str> = old_features.keys().chain(new_features.keys()).collect();
    for key in &all {
        let bandits = old_features.get(key).map(rules::bandits).unwrap_or_default();
        if old_features.get(key) != new_features.get(key) || bandits.iter().any(|it| bandit(old, it) != bandit(new, it))
        {
            changed.insert(key);
        }
    }
    // Whoever depends on one that changed; each round reaches one level further.
    loop {
        let more: Vec<&'p str> = all
            .iter()
            .filter(|key| !changed.contains(**key))
            .filter(|key| {
                new_features.get(key).is_some_and(|it| rules::parents(it).iter().any(|it| changed.contains(it)))
            })
            .copied()
            .collect();
        if more.is_empty() {
            break;
        }
        changed.extend(more);
    }
    changed.retain(|key| old_features.get(key).is_some() && new_features.get(key).is_some());
    changed
}
