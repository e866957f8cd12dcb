//! The flags of a snapshot, ready to be evaluated and told in OpenFeature's words.

use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_flags::{FeatureResult, Json, Object, Payload, Source, ValueType};

use crate::environment::BundlePointer;
use crate::snapshot::BundleState;

/// OpenFeature's word for why a flag has its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The same for everybody.
    Static,
    /// A rule about the context.
    TargetingMatch,
    /// A share of all visitors.
    Split,
    /// There is no value to give: callers use their own default.
    Disabled,
    /// Which of these cannot be told.
    Unknown,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Static, Self::TargetingMatch, Self::Split, Self::Disabled, Self::Unknown];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What is known of a flag before anybody asks for it.
#[derive(Debug)]
pub struct FlagFacts {
    /// The flag's key.
    pub key: String,
    /// The declared type of its values.
    pub value_type: Option<ValueType>,
    /// By id of a rule that forces a value: the reason that it stands for.
    reasons: BTreeMap<String, Reason>,
}

impl FlagFacts {
    /// Why the flag has this value, in OpenFeature's words.
    pub fn reason(&self, result: &FeatureResult<'_>) -> Reason {
        if result.disabled || *result.value == Json::Null {
            return Reason::Disabled;
        }
        match result.source {
            Source::DefaultValue | Source::Override => Reason::Static,
            Source::Experiment => Reason::Split,
            Source::Force => self.reasons.get(result.rule_id).copied().unwrap_or(Reason::Unknown),
            Source::Prerequisite | Source::CyclicPrerequisite | Source::UnknownFeature => Reason::Disabled,
        }
    }
}

/// Whether callers ask for the feature: those of holdouts are there for experiments to depend on.
pub(crate) fn is_asked_for(key: &&str) -> bool {
    !key.starts_with("$holdout:")
}

/// The flags of one bundle, with those left out that the operator has switched off.
#[derive(Debug)]
pub struct FlagState {
    bundle: Rc<BundleState>,
    /// The bundle's flags with some switched off; `None` when none is.
    switched: Option<Payload>,
    facts: Vec<FlagFacts>,
    /// Positions in `facts`.
    by_key: BTreeMap<String, usize>,
}

impl FlagState {
    /// Joins a bundle with the pointer that runs it.
    pub fn new(bundle: Rc<BundleState>, pointer: &BundlePointer) -> Self {
        let switched = switched_off(bundle.flags(), &pointer.killed);
        let flags = switched.as_ref().unwrap_or_else(|| bundle.flags());
        let facts: Vec<FlagFacts> = flags.features().filter(is_asked_for).map(|key| facts(flags, key)).collect();
        let mut by_key = BTreeMap::new();
        // One by one: collecting into a map sorts first, and a sort is compiled anew for whatever it sorts.
        for (at, it) in facts.iter().enumerate() {
            by_key.insert(it.key.clone(), at);
        }
        Self { bundle, switched, facts, by_key }
    }

    /// The compiled flags.
    pub fn payload(&self) -> &Payload {
        self.switched.as_ref().unwrap_or_else(|| self.bundle.flags())
    }

    /// All flags that callers ask for, in the payload's order.
    pub fn flags(&self) -> &[FlagFacts] {
        &self.facts
    }

    /// One flag.
    pub fn flag(&self, key: &str) -> Option<&FlagFacts> {
        self.facts.get(*self.by_key.get(key)?)
    }
}

/// The flags with `killed` switched off; `None` when none of them is there.
fn switched_off(flags: &Payload, killed: &[String]) -> Option<Payload> {
    if !killed.iter().any(|key| flags.contains(key)) {
        return None;
    }
    let mut source = flags.source().clone();
    if let Some(Json::Object(features)) = source.get_mut("features") {
        for key in killed {
            let Some(Json::Object(feature)) = features.get_mut(key) else { continue };
            let mut extension = feature.get("vitrine").and_then(Json::as_object).cloned().unwrap_or_default();
            extension.insert("enabled", false);
            feature.insert("vitrine", extension);
        }
    }
    Some(Payload::from_json(Json::Object(source)))
}

fn facts(flags: &Payload, key: &str) -> FlagFacts {
    let mut reasons = BTreeMap::new();
    let feature = flags.source().get("features").and_then(|it| it.get(key));
    let rules = feature.and_then(|it| it.get("rules")).and_then(Json::as_list).unwrap_or_default();
    for rule in rules.iter().filter_map(Json::as_object).filter(|it| it.contains("force")) {
        let id = rule.get("id").and_then(Json::as_text).unwrap_or_default();
        let reason = reason_of_rule(rule);
        // Rules that cannot be told apart must agree.
        reasons
            .entry(id.to_owned())
            .and_modify(|it| *it = if *it == reason { reason } else { Reason::Unknown })
            .or_insert(reason);
    }
    FlagFacts { key: key.to_owned(), value_type: flags.value_type(key), reasons }
}

/// The reason that a rule which forces a value stands for.
fn reason_of_rule(rule: &Object) -> Reason {
    let is_filled = |name: &str| match rule.get(name) {
        Some(Json::Object(it)) => !it.is_empty(),
        Some(Json::List(it)) => !it.is_empty(),
        _ => false,
    };
    let has_ramp = rule.get("vitrine").is_some_and(|it| it.get("ramp").is_some());
    if has_ramp || rule.contains("coverage") || rule.contains("range") || is_filled("filters") {
        Reason::Split
    } else if is_filled("condition") || is_filled("parentConditions") {
        Reason::TargetingMatch
    } else {
        Reason::Static
    }
}
