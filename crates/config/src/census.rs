//! How many visitors of a table the rules of a document admit, rule by rule.
//!
//! What a rule asks of the profile, each row answers. What it asks of the request (`context.…`, saved groups), no row knows: there a
//! rule gets the benefit of the doubt. Its count is then the most that it can admit, and a count of 0 is certain.
//!
//! Rules of offers are evaluated by the engine, those of flags and experiments by their evaluator, as the edge does.
//! What this module leaves out: reading tables. Whoever has one hands in the rows.

mod words;

use vitrine_engine::{AttributeName, Condition, Context, NoProfile, Profile, Scope};
use vitrine_flags::{Evaluation, Json, Object, Payload};

use crate::Checked;
use crate::reshuffle::running_conditions;

pub use words::{CountChange, count_changes, grouped};

/// What a rule is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountedRule {
    /// A named audience that something refers to.
    Audience,
    /// An offer with a rule of its own.
    Offer,
    /// A running experiment with a rule of its own.
    Experiment,
}

impl CountedRule {
    /// The section of the document that it stands in.
    pub fn section(self) -> &'static str {
        match self {
            Self::Audience => "audiences",
            Self::Offer => "offers",
            Self::Experiment => "experiments",
        }
    }

    /// What one entry of the section is called: `audience`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Audience => "audience",
            Self::Offer => "offer",
            Self::Experiment => "experiment",
        }
    }
}

/// How many visitors one rule admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// What it is part of.
    pub rule: CountedRule,
    /// Id of the audience, offer or experiment.
    pub id: String,
    /// Its place in its section of the document, from 0.
    pub idx: usize,
    /// Visitors that it admits; if [`Self::is_at_most`], that it can admit.
    pub n_visitors: u64,
    /// Whether the rule also asks about the request or a saved group, so that the count is an upper bound.
    pub is_at_most: bool,
    /// Whether it also admits, or can admit, visitors who have no row, such as `{ "profile.segment": { "$exists": false } }`.
    pub admits_strangers: bool,
}

/// How many visitors each rule of a document admits. Audiences first, then offers, then experiments, each in the order of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Visitors that were counted.
    pub n_visitors: u64,
    /// The rules.
    pub rules: Vec<RuleCount>,
}

/// A count under way.
#[derive(Debug)]
pub struct Census {
    counts: Counts,
    names: Vec<AttributeName>,
    /// For each rule of the counts, how it is evaluated.
    tests: Vec<Test>,
    /// A flag for each rule that only flags and experiments use.
    payload: Payload,
}

#[derive(Debug)]
enum Test {
    Offers(Condition),
    /// The flag of the payload that is true for whom the rule admits.
    Flags(String),
}

impl Census {
    /// Prepares to count for a document.
    pub fn new(checked: &Checked) -> Self {
        let mut census = Draft::default();
        let names = checked.bundle.attributes();
        for (idx, id) in ids(checked, "audiences") {
            let by_offers = checked.bundle.audiences().iter().enumerate().find(|(_, it)| it.id == id);
            let is_of_offers = |idx: usize| {
                checked.bundle.offers().iter().any(|it| it.audience.is_some_and(|it| usize::from(it.0) == idx))
            };
            if let Some((_, audience)) = by_offers.filter(|(idx, _)| is_of_offers(*idx)) {
                census.by_engine(CountedRule::Audience, id, idx, &audience.condition, names);
            } else if let Some(condition) = checked.audiences_of_flags.get(id) {
                census.by_flags(CountedRule::Audience, id, idx, condition);
            }
        }
        for (idx, id) in ids(checked, "offers") {
            // No audience of the document has a colon in its id.
            let own = format!("offer:{id}");
            if let Some(audience) = checked.bundle.audiences().iter().find(|it| it.id == own) {
                census.by_engine(CountedRule::Offer, id, idx, &audience.condition, names);
            }
        }
        let running = running_conditions(&checked.flags);
        let experiments = checked.document.get("experiments");
        for (idx, id) in ids(checked, "experiments") {
            let has_rule = experiments.and_then(|it| it.get(idx)?.get("when")).is_some();
            if let Some(condition) = running.get(id).filter(|_| has_rule) {
                census.by_flags(CountedRule::Experiment, id, idx, condition);
            }
        }
        let Draft { rules, tests, features } = census;
        let mut payload = Object::new();
        payload.insert("features", features);
        let mut census = Self {
            counts: Counts { n_visitors: 0, rules },
            names: names.to_vec(),
            tests,
            payload: Payload::from_json(Json::Object(payload)),
        };
        census.ask(&NoProfile, &Object::new(), |rule| rule.admits_strangers = true);
        census
    }

    /// Columns that [`Self::add`] wants among its attributes.
    pub fn columns(&self) -> &[String] {
        self.payload.profile_columns()
    }

    /// Counts one visitor: `profile` as offers see it, with the attributes of the document's bundle; `columns` as flags see it, by
    /// their names.
    pub fn add<P: Profile>(&mut self, profile: &P, columns: &Object) {
        self.ask(profile, columns, |rule| rule.n_visitors = rule.n_visitors.saturating_add(1));
        self.counts.n_visitors = self.counts.n_visitors.saturating_add(1);
    }

    /// Calls `admitted` for each rule that admits a visitor.
    fn ask<P: Profile>(&mut self, profile: &P, columns: &Object, admitted: impl Fn(&mut RuleCount)) {
        let mut context = vitrine_flags::Context::default();
        if !self.payload.profile_columns().is_empty() {
            context.attributes.insert("profile", columns.clone());
        }
        let nothing = Context::default();
        let mut evaluation = Evaluation::new(&self.payload, &context);
        for (rule, test) in self.counts.rules.iter_mut().zip(&self.tests) {
            let admits = match test {
                Test::Offers(condition) => condition.holds(&self.names, profile, &nothing),
                Test::Flags(key) => evaluation.feature(key).on(),
            };
            if admits {
                admitted(rule);
            }
        }
    }

    /// What was counted.
    pub fn finish(self) -> Counts {
        self.counts
    }
}

/// The entries of a section that have ids, with their places.
fn ids<'c>(checked: &'c Checked, section: &str) -> impl Iterator<Item = (usize, &'c str)> + use<'c> {
    let entries = checked.document.get(section).and_then(serde_json::Value::as_array);
    entries.into_iter().flatten().enumerate().filter_map(|(idx, it)| Some((idx, it.get("id")?.as_str()?)))
}

#[derive(Default)]
struct Draft {
    rules: Vec<RuleCount>,
    tests: Vec<Test>,
    features: Object,
}

impl Draft {
    fn by_engine(&mut self, rule: CountedRule, id: &str, idx: usize, of: &Condition, names: &[AttributeName]) {
        let is_profile = |it: usize| names.get(it).is_some_and(|it| it.scope == Scope::Profile);
        let mut is_at_most = false;
        of.attributes(&mut |it| is_at_most |= !is_profile(usize::from(it.0)));
        self.rules.push(RuleCount { rule, id: id.to_owned(), idx, n_visitors: 0, is_at_most, admits_strangers: false });
        self.tests.push(Test::Offers(Doubt::Holds.resolve(of, &is_profile)));
    }

    fn by_flags(&mut self, rule: CountedRule, id: &str, idx: usize, condition: &Json) {
        let mut is_at_most = false;
        let condition = Doubt::Holds.resolve_json(condition, &mut is_at_most);
        let key = format!("{}:{id}", rule.word());
        let mut delivery = Object::new();
        delivery.insert("condition", condition);
        delivery.insert("force", true);
        let mut feature = Object::new();
        feature.insert("defaultValue", false);
        feature.insert("rules", vec![Json::Object(delivery)]);
        self.features.insert(key.as_str(), feature);
        self.rules.push(RuleCount { rule, id: id.to_owned(), idx, n_visitors: 0, is_at_most, admits_strangers: false });
        self.tests.push(Test::Flags(key));
    }
}

/// What a test counts as whose outcome is not known: whatever helps the rule, which below a negation is to fail.
#[derive(Clone, Copy)]
enum Doubt {
    Holds,
    Fails,
}

impl Doubt {
    fn opposite(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
        }
    }

    /// The condition with all tests decided that are not about the profile.
    fn resolve(self, condition: &Condition, is_profile: &dyn Fn(usize) -> bool) -> Condition {
        let all = |parts: &[Condition]| parts.iter().map(|it| self.resolve(it, is_profile)).collect();
        match condition {
            Condition::All(parts) => Condition::All(all(parts)),
            Condition::Any(parts) => Condition::Any(all(parts)),
            Condition::Not(inner) => Condition::Not(Box::new(self.opposite().resolve(inner, is_profile))),
            Condition::Attribute(idx, _) if is_profile(usize::from(idx.0)) => condition.clone(),
            Condition::Attribute(..) => match self {
                Self::Holds => Condition::All(Vec::new()),
                Self::Fails => Condition::Any(Vec::new()),
            },
        }
    }

    /// [`Self::resolve`] of a condition of a payload. `found` becomes true if there was such a test.
    fn resolve_json(self, condition: &Json, found: &mut bool) -> Json {
        let Some(members) = condition.as_object() else { return condition.clone() };
        let mut parts = Vec::new();
        for (key, value) in members.iter() {
            let below = if matches!(key, "$nor" | "$not") { self.opposite() } else { self };
            let resolved = match (key, value) {
                ("$and" | "$or" | "$nor", Json::List(list)) => {
                    Json::List(list.iter().map(|it| below.resolve_json(it, found)).collect())
                }
                ("$not", inner) => below.resolve_json(inner, found),
                (path, test) if path.starts_with("profile.") => test.clone(),
                _ => {
                    *found = true;
                    match self {
                        Self::Holds => continue,
                        Self::Fails => {
                            parts.push(single("$not", Json::Object(Object::new())));
                            continue;
                        }
                    }
                }
            };
            parts.push(single(key, resolved));
        }
        if parts.is_empty() { Json::Object(Object::new()) } else { single("$and", Json::List(parts)) }
    }
}

/// An object with one member.
fn single(key: &str, value: Json) -> Json {
    let mut object = Object::new();
    object.insert(key, value);
    Json::Object(object)
}
