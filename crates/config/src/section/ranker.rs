//! `ranker`: how the eligible candidates of a placement are ordered.

use vitrine_engine::{BANDIT_FEATURES_MAX, Bandit, BanditFeature, BanditModel, ItemsRanker, Literal, OfferIdx, Ranker};

use crate::compile::Compiler;
use crate::formula;
use crate::limits::{HYBRID_PARTS_MAX, OFFERS_MAX, WEIGHT_MAX};
use crate::section::money::required_currency;
use crate::source::{At, Kind, shortened};

/// Every key that some ranker has.
const KEYS: [&str; 13] = [
    "type",
    "profile",
    "session",
    "own",
    "popularity",
    "formula",
    "of",
    "model",
    "width",
    "features",
    "prior",
    "arms",
    "learn",
];
const ITEMS_KEYS: [&str; 5] = ["type", "profile", "session", "own", "popularity"];
const FORMULA_KEYS: [&str; 2] = ["type", "formula"];
const HYBRID_KEYS: [&str; 2] = ["type", "of"];
const BANDIT_KEYS: [&str; 7] = ["type", "model", "width", "features", "prior", "arms", "learn"];
const LEARN_KEYS: [&str; 5] = ["reward", "name", "currency", "window_days", "since"];
const PART_KEYS: [&str; 2] = ["ranker", "weight"];
const FEATURE_KEYS: [&str; 3] = ["attribute", "equals", "scale"];

/// Longest window of counts that a bandit learns from. Unit: days.
const WINDOW_DAYS_MAX: i64 = 730;

/// Kinds of rankers.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Priority,
    Items,
    Popular,
    Relevance,
    Formula,
    Hybrid,
    Bandit,
}

const TYPES: [(&str, Type); 7] = [
    ("priority", Type::Priority),
    ("items", Type::Items),
    ("popular", Type::Popular),
    ("relevance", Type::Relevance),
    ("formula", Type::Formula),
    ("hybrid", Type::Hybrid),
    ("bandit", Type::Bandit),
];

impl<'t> Compiler<'t, '_> {
    /// Reads a ranker. What is wrong is reported; the ranker is then only good for reading on.
    pub(super) fn ranker(&mut self, at: At<'t>) -> Ranker {
        self.ranker_of(at, false)
    }

    /// `is_part`: it is one of a hybrid.
    fn ranker_of(&mut self, at: At<'t>, is_part: bool) -> Ranker {
        let (kind, keys) = match at.kind() {
            Kind::Text(_) => (self.report.word(at, &TYPES), None),
            Kind::Object(_) => {
                let kind = self.report.required(at, "type", "say how offers are ordered: type: items");
                let kind = kind.and_then(|at| self.report.word(at, &TYPES));
                let keys: &[&str] = match kind {
                    Some(Type::Items | Type::Priority | Type::Popular | Type::Relevance) => &ITEMS_KEYS,
                    Some(Type::Formula) => &FORMULA_KEYS,
                    Some(Type::Hybrid) => &HYBRID_KEYS,
                    Some(Type::Bandit) => &BANDIT_KEYS,
                    None => &KEYS,
                };
                self.report.object(at, keys);
                (kind, Some(keys))
            }
            _ => {
                let help = "write priority, items, popular, relevance, or an object with type: and what it needs";
                self.report.wrong_type(at, "a ranker", help);
                (None, None)
            }
        };
        let Some(kind) = kind else { return Ranker::Priority };
        if is_part && matches!(kind, Type::Hybrid | Type::Bandit) {
            let message = "a hybrid has no hybrid and no bandit as a part";
            self.report.error(at, "ranker_in_hybrid", message, "use priority, items, popular, relevance or formula");
            return Ranker::Priority;
        }
        match kind {
            Type::Priority | Type::Popular | Type::Relevance => {
                self.no_weights(at, kind);
                match kind {
                    Type::Popular => Ranker::Popular,
                    Type::Relevance => Ranker::Relevance,
                    _ => Ranker::Priority,
                }
            }
            Type::Items => self.items(at),
            Type::Formula | Type::Hybrid | Type::Bandit if keys.is_none() => {
                let message = "this ranker needs more than its name";
                let help = "write an object: { type: formula, formula: … }, { type: hybrid, of: … } or { type: bandit, model: … }";
                self.report.error(at, "missing_key", message, help);
                Ranker::Priority
            }
            Type::Formula => {
                let help = "write what offers are ordered by, for example formula: offer.popularity * offer.margin";
                let found = self.report.required(at, "formula", help);
                let formula = found.and_then(|at| formula::read(at, &mut self.attributes, self.report));
                formula.map_or(Ranker::Priority, Ranker::Formula)
            }
            Type::Hybrid => self.hybrid(at),
            Type::Bandit => self.bandit_ranker(at).map_or(Ranker::Priority, Ranker::Bandit),
        }
    }

    /// Weights that only the ranker `items` has.
    fn no_weights(&mut self, at: At<'t>, kind: Type) {
        let name = TYPES.iter().find(|(_, it)| *it == kind).map_or("", |(name, _)| name);
        for child in at.children().filter(|it| it.key() != "type" && ITEMS_KEYS.contains(&it.key())) {
            let message = format!("the ranker {name} has no weight {:?}", child.key());
            self.report.key_error(child, "contradictory_keys", message, "remove it, or write type: items");
        }
    }

    fn items(&mut self, at: At<'t>) -> Ranker {
        let mut ranker = ItemsRanker::default();
        for (key, weight) in [
            ("profile", &mut ranker.profile),
            ("session", &mut ranker.session),
            ("own", &mut ranker.own),
            ("popularity", &mut ranker.popularity),
        ] {
            let found = at.get(key).and_then(|at| self.report.number_in(at, -WEIGHT_MAX..=WEIGHT_MAX));
            *weight = found.unwrap_or(*weight);
        }
        let ItemsRanker { profile, session, own, popularity } = ranker;
        if [profile, session, own, popularity].iter().all(|it| *it == 0.0) {
            let message = "all weights of the ranker are 0, so it orders by priority alone";
            self.report.warning(at, "ranker_without_weight", message, "give a weight, or write ranker: priority");
        }
        Ranker::Items(ranker)
    }

    fn hybrid(&mut self, at: At<'t>) -> Ranker {
        let help = "write of: [{ ranker: items, weight: 2 }, { ranker: popular, weight: 1 }]";
        let Some(list) = self.report.required(at, "of", help) else { return Ranker::Priority };
        if matches!(list.kind(), Kind::List(entries) if entries.is_empty()) {
            self.report.error(list, "empty_list", "the hybrid has no parts", help);
        }
        let mut parts = Vec::new();
        for at in self.report.list(list, "rankers", "too_many_rankers", HYBRID_PARTS_MAX) {
            let Some(at) = self.report.object(at, &PART_KEYS) else { continue };
            let part = self.report.required(at, "ranker", "name a ranker: ranker: items");
            let part = part.map(|at| self.ranker_of(at, true));
            let weight = at.get("weight").map_or(Some(1.0), |at| self.report.number_in(at, -WEIGHT_MAX..=WEIGHT_MAX));
            parts.extend(weight.zip(part));
        }
        if !parts.is_empty() && parts.iter().all(|(weight, _)| *weight == 0.0) {
            let message = "all weights of the ranker are 0, so it orders by priority alone";
            self.report.warning(at, "ranker_without_weight", message, "give a weight, or write ranker: priority");
        }
        Ranker::Hybrid(parts)
    }

    fn bandit_ranker(&mut self, at: At<'t>) -> Option<Bandit> {
        let help = "say what is learnt: model: bernoulli (shares), gaussian (values), linear_thompson or lin_ucb";
        let choice = [
            ("bernoulli", BanditModel::Bernoulli),
            ("gaussian", BanditModel::Gaussian),
            ("linear_thompson", BanditModel::LinearThompson),
            ("lin_ucb", BanditModel::LinUcb { width: 1.0 }),
        ];
        let model = self.report.required(at, "model", help).and_then(|at| self.report.word(at, &choice));
        let mut model = model?;
        let is_linear = is_linear(model);
        if let (BanditModel::LinUcb { width }, Some(at)) = (&mut model, at.get("width")) {
            *width = self.report.number_in(at, 0.0..=100.0).unwrap_or(*width);
        } else if let Some(at) = at.get("width") {
            let message = "only the model lin_ucb has a width";
            self.report.key_error(at, "contradictory_keys", message, "remove it, or write model: lin_ucb");
        }
        let mut features = Vec::new();
        match at.get("features") {
            Some(at) if !is_linear => {
                let message = "the model has no features";
                let help = "remove them, or write model: linear_thompson or lin_ucb";
                self.report.key_error(at, "contradictory_keys", message, help);
            }
            Some(at) => {
                for at in self.report.list(at, "features", "too_many_features", BANDIT_FEATURES_MAX) {
                    features.extend(self.feature(at));
                }
            }
            None => {}
        }
        let n_dims = features.len().saturating_add(1);
        let mut bandit = Bandit { model, prior: prior(model, n_dims), features, arms: Vec::new() };
        if let Some(at) = at.get("prior") {
            bandit.prior = self.posterior(at, &bandit)?;
        }
        if let Some(at) = at.get("arms") {
            self.arms(at, &mut bandit);
        }
        if let Some(at) = at.get("learn") {
            self.learn(at, model);
        }
        Some(bandit)
    }

    /// `learn`: what counts the bandit learns from. The edge does not need it; the loop reads it from the document.
    fn learn(&mut self, at: At<'t>, model: BanditModel) {
        #[derive(Clone, Copy, PartialEq)]
        enum Reward {
            Click,
            Conversion,
            Value,
        }
        if is_linear(model) {
            let message = "only the models bernoulli and gaussian learn from counts, which have no features";
            let help = "remove learn and bring arms from an analysis of raw events, or choose another model";
            self.report.key_error(at, "contradictory_keys", message, help);
            return;
        }
        let Some(at) = self.report.object(at, &LEARN_KEYS) else { return };
        let help = "say what is good: reward: click, conversion or value";
        let choice = [("click", Reward::Click), ("conversion", Reward::Conversion), ("value", Reward::Value)];
        let reward_at = self.report.required(at, "reward", help);
        let reward = reward_at.and_then(|at| self.report.word(at, &choice));
        if let (Some(reward_at), Some(reward)) = (reward_at, reward)
            && (reward == Reward::Value) != (model == BanditModel::Gaussian)
        {
            let message = "bernoulli learns a share (reward: click or conversion), gaussian a mean (reward: value)";
            self.report.error(reward_at, "contradictory_keys", message, "change the model or the reward");
        }
        if let Some(at) = at.get("name") {
            self.event_name(at);
            if reward == Some(Reward::Click) {
                let message = "clicks have no name, so none would count";
                self.report.key_error(at, "contradictory_keys", message, "remove it, or write reward: conversion");
            }
        }
        if reward == Some(Reward::Value) {
            required_currency(at, self.report);
        } else if let (Some(at), Some(_)) = (at.get("currency"), reward) {
            let message = "only the reward value has a currency";
            self.report.key_error(at, "contradictory_keys", message, "remove it, or write reward: value");
        }
        if let Some(at) = at.get("window_days") {
            self.report.integer(at, 1..=WINDOW_DAYS_MAX);
        }
        if let Some(at) = at.get("since") {
            self.report.timestamp(at);
        }
    }

    /// What an event is called: as `POST /v1/events` takes it.
    pub(super) fn event_name(&mut self, at: At<'t>) {
        let Some(name) = self.report.text(at) else { return };
        let is_name = (1..=32).contains(&name.len())
            && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
        if !is_name {
            let message = format!("{:?} is no name of an event", shortened(name));
            self.report.error(at, "invalid_name", message, "use 1 to 32 of a-z 0-9 _, as events have it");
        }
    }

    fn arms(&mut self, at: At<'t>, bandit: &mut Bandit) {
        if !matches!(at.kind(), Kind::Object(_)) {
            let help = "write the numbers of each offer: arms: { tulips: [12, 300] }";
            self.report.wrong_type(at, "an object", help);
            return;
        }
        for at in at.children().take(OFFERS_MAX) {
            // An offer that left the document leaves what was learnt of it behind.
            let Some(named) = self.offers.get(at.key()) else {
                let message = format!("there is no offer {:?}, so its numbers have no effect", at.key());
                self.report.warning(at, "arm_without_offer", message, "remove them, or correct the id");
                continue;
            };
            if let Some(numbers) = self.posterior(at, bandit) {
                bandit.arms.push((OfferIdx(named.idx), numbers));
            }
        }
        bandit.arms.sort_by_key(|(idx, _)| *idx);
    }

    /// The numbers of an arm, as its model wants them.
    fn posterior(&mut self, at: At<'t>, bandit: &Bandit) -> Option<Vec<f64>> {
        let n_wanted = prior(bandit.model, bandit.features.len().saturating_add(1)).len();
        let entries = self.report.list(at, "numbers", "invalid_posterior", n_wanted);
        let numbers: Vec<f64> = entries.filter_map(|at| self.report.number_in(at, -1e9..=1e9)).collect();
        let (is_fitting, what) = match (bandit.model, numbers.as_slice()) {
            (BanditModel::Bernoulli, numbers) => {
                (matches!(numbers, [alpha, beta] if *alpha > 0.0 && *beta > 0.0), "alpha and beta, both above 0")
            }
            (BanditModel::Gaussian, numbers) => {
                (matches!(numbers, [_, deviation] if *deviation >= 0.0), "mean and standard deviation, at least 0")
            }
            (_, numbers) => (numbers.len() == n_wanted, "the means of the coefficients, then the rows of the root"),
        };
        if !is_fitting {
            let message = "these numbers do not fit the model";
            self.report.error(at, "invalid_posterior", message, format!("write {n_wanted} numbers: {what}"));
            return None;
        }
        Some(numbers)
    }

    fn feature(&mut self, at: At<'t>) -> Option<BanditFeature> {
        let at = self.report.object(at, &FEATURE_KEYS)?;
        let name_at = self.report.required(at, "attribute", "name an attribute: attribute: profile.orders")?;
        let name = self.report.text(name_at)?;
        let attribute = match self.attributes.named(name_at, name, self.report) {
            Ok(attribute) => attribute,
            Err((message, help)) => {
                self.report.error(name_at, "unknown_attribute", message, help);
                return None;
            }
        };
        let equals = at.get("equals").and_then(|at| match at.kind() {
            Kind::Text(text) => Some(Literal::Text((**text).to_owned())),
            Kind::Bool(it) => Some(Literal::Bool(*it)),
            Kind::Number(it) => it.as_f64().map(Literal::Number),
            _ => {
                self.report.wrong_type(at, "a text, a number or a truth value", "write what the attribute must be");
                None
            }
        });
        let scale = at.get("scale").map_or(Some(1.0), |at| self.report.number_in(at, -1e6..=1e6))?;
        Some(BanditFeature { attribute, equals, scale })
    }
}

fn is_linear(model: BanditModel) -> bool {
    matches!(model, BanditModel::LinearThompson | BanditModel::LinUcb { .. })
}

/// What is known of an arm before anything is: any share is as likely; means are 0 with a deviation of 1.
fn prior(model: BanditModel, n_dims: usize) -> Vec<f64> {
    match model {
        BanditModel::Bernoulli => return vec![1.0, 1.0],
        BanditModel::Gaussian => return vec![0.0, 1.0],
        BanditModel::LinearThompson | BanditModel::LinUcb { .. } => {}
    }
    let mut numbers = vec![0.0; n_dims];
    for row in 0..n_dims {
        numbers.extend((0..=row).map(|column| if column == row { 1.0 } else { 0.0 }));
    }
    numbers
}
