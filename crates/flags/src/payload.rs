//! A payload, compiled once and then asked for many visitors.

mod resolve;

use crate::bandit::Bandit;
use crate::condition::{Compiler, KeyHasher};
use crate::experiment::Experiment;
use crate::feature::Feature;
use crate::groups::Groups;
use crate::json::{Json, JsonError, Object};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::hash::BuildHasherDefault;

/// Why bytes are not a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Not JSON.
    Json(JsonError),
    /// JSON, but not an object.
    NotAnObject,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::NotAnObject => f.write_str("a payload is a JSON object"),
        }
    }
}

impl Error for PayloadError {}

/// Something in a payload that can never do what it seems to ask for. Evaluation goes on as the specification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the place.
    pub pointer: String,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
}

/// The declared type of a feature's values (`vitrine.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueType {
    /// `true` or `false`.
    Boolean,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A JSON object (or array).
    Object,
}

impl ValueType {
    /// `boolean`, `string`, `integer`, `number`, `object`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
        }
    }

    /// The type that [`Self::as_str`] names so.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Boolean, Self::String, Self::Integer, Self::Number, Self::Object]
            .into_iter()
            .find(|value_type| value_type.as_str() == name)
    }
}

/// A payload at one moment, as plain GrowthBook JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Without `vitrine` members: rules that do not run are gone, ramps are coverage.
    pub payload: Json,
    /// When it would next differ. Unit: milliseconds since 1970-01-01T00:00Z. `None`: never.
    pub changes_at: Option<i64>,
}

/// Features, experiments, saved groups and bandits, compiled.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    source: Object,
    features: Vec<Feature>,
    /// Positions in `features`.
    by_key: HashMap<Box<str>, usize, BuildHasherDefault<KeyHasher>>,
    experiments: Vec<Experiment>,
    pub(crate) groups: Groups,
    faults: Vec<Fault>,
    asks_for_profile: bool,
    profile_columns: Vec<String>,
}

impl Payload {
    /// Reads and compiles a payload. Malformed parts are kept as the specification treats them, and named by
    /// [`Self::faults`].
    ///
    /// Errors: the bytes are not JSON, or not an object.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        match Json::parse(bytes).map_err(PayloadError::Json)? {
            json @ Json::Object(_) => Ok(Self::from_json(json)),
            _ => Err(PayloadError::NotAnObject),
        }
    }

    /// Compiles a payload. Anything but an object is an empty payload.
    pub fn from_json(json: Json) -> Self {
        let source = match json {
            Json::Object(object) => object,
            _ => Object::new(),
        };
        let empty = Object::new();
        let member = |name: &str| source.get(name).and_then(Json::as_object).unwrap_or(&empty);
        let mut compiler = Compiler::with_groups(member("savedGroups").keys());

        let bandits = member("contextualBandits");
        let features: Vec<Feature> = compiler.at("features", |compiler| {
            let features = member("features").iter();
            features.map(|(key, json)| compiler.at(key, |it| Feature::compile(key, json, bandits, it))).collect()
        });
        let experiments = source.get("experiments").and_then(Json::as_list).unwrap_or_default().iter().enumerate();
        let experiments = compiler.at("experiments", |compiler| {
            experiments.map(|(at, json)| compiler.at(at, |it| Experiment::compile(json, it))).collect()
        });
        let groups = compiler.at("savedGroups", |compiler| Groups::compile(member("savedGroups"), compiler));
        compiler.at("contextualBandits", |compiler| Bandit::check(bandits, compiler));

        let by_key = features.iter().enumerate().map(|(at, feature)| (feature.key.clone(), at)).collect();
        Self {
            features,
            by_key,
            experiments,
            groups,
            faults: compiler.faults,
            asks_for_profile: compiler.asks_for_profile,
            profile_columns: compiler.profile_columns.into_iter().collect(),
            source,
        }
    }

    /// Conditions that cannot be evaluated, patterns that cannot be run, operators nobody knows: features first, then
    /// experiments, saved groups and bandits, each in the payload's order.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Keys of the features, in the payload's order.
    pub fn features(&self) -> impl ExactSizeIterator<Item = &str> {
        self.features.iter().map(|feature| &*feature.key)
    }

    /// Whether it has the feature `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The declared type of the feature `key`, if it declares one.
    pub fn value_type(&self, key: &str) -> Option<ValueType> {
        self.feature(key)?.value_type
    }

    /// The value of the feature `key` when no rule applies; `null` if it has none. `None`: there is no such feature.
    pub fn default_value(&self, key: &str) -> Option<&Json> {
        self.feature(key).map(|feature| &feature.default)
    }

    /// The experiments on whole pages (`experiments`), in order.
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// Whether any condition reads the visitor's profile (`profile`, `profile.<column>`).
    pub fn asks_for_profile(&self) -> bool {
        self.asks_for_profile
    }

    /// The columns of the profile that conditions read, sorted, each once: `segment` for `profile.segment`.
    pub fn profile_columns(&self) -> &[String] {
        &self.profile_columns
    }

    /// Saved groups whose members are looked up elsewhere (`remote`): id, and the attribute to look up; in the payload's order.
    pub fn remote_groups(&self) -> impl Iterator<Item = (&str, &str)> {
        self.groups.remote()
    }

    /// The payload as it was read.
    pub fn source(&self) -> &Object {
        &self.source
    }

    /// The payload at `now_ms` (milliseconds since 1970-01-01T00:00Z) as any GrowthBook client reads it.
    pub fn resolve(&self, now_ms: i64) -> Resolved {
        resolve::resolve(&self.source, &self.features, &self.experiments, now_ms)
    }

    #[inline]
    pub(crate) fn feature(&self, key: &str) -> Option<&Feature> {
        self.by_key.get(key).and_then(|at| self.features.get(*at))
    }
}
