//! A payload, compiled once and then asked for many visitors.

use crate::experiment::Experiment;
use crate::json::{Json, JsonError, Object};
use std::error::Error;
use std::fmt;

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
    experiments: Vec<Experiment>,
    faults: Vec<Fault>,
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
        Self { source, ..Self::default() }
    }

    /// Conditions that cannot be evaluated, patterns that cannot be run, operators nobody knows, in the payload's order.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Keys of the features, in the payload's order.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.source.get("features").and_then(Json::as_object).into_iter().flat_map(Object::keys)
    }

    /// Whether it has the feature `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.source.get("features").and_then(|features| features.get(key)).is_some()
    }

    /// The declared type of the feature `key`, if it declares one.
    pub fn value_type(&self, _key: &str) -> Option<ValueType> {
        None
    }

    /// The experiments on whole pages (`experiments`), in order.
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// Whether any condition or hash attribute reads the visitor's profile.
    pub fn asks_for_profile(&self) -> bool {
        !self.profile_columns.is_empty()
    }

    /// The columns of the profile that conditions and hash attributes read, sorted, each once: `segment` for `profile.segment`.
    pub fn profile_columns(&self) -> &[String] {
        &self.profile_columns
    }

    /// Ids of the saved groups whose members are looked up elsewhere (`remote`), with the attribute that is looked up.
    pub fn remote_groups(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::empty()
    }

    /// The payload as it was read.
    pub fn source(&self) -> &Object {
        &self.source
    }

    /// The payload at `now_ms` (milliseconds since 1970-01-01T00:00Z) as any GrowthBook client reads it.
    pub fn resolve(&self, _now_ms: i64) -> Resolved {
        Resolved { payload: Json::Object(self.source.clone()), changes_at: None }
    }
}
