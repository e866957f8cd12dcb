//! What a call tells of its visitor, and what the edge adds to it before flags are evaluated: the profile, and groups of
//! hashed ids.

use std::fmt;

use vitrine_bundle::Groups;
use vitrine_engine::{ModeReason, TimestampMs};
use vitrine_flags::{Context, Json, JsonError, Object, Payload, StickyDocs};
use vitrine_tables::{Row, TableKey, Value};

use crate::consent::Consent;
use crate::environment::EnvironmentSettings;
use crate::personalisation::{Signals, Wishes, profile_key};
use crate::snapshot::{Lookup, Snapshot};

/// Members that only the edge may set: a caller cannot give itself a profile or put itself into a group.
const RESERVED: [&str; 2] = ["profile", "__gb_remoteGroupIds"];
/// The member that holds earlier assignments, as GrowthBook's SDKs name and write them. Never an attribute.
const EARLIER: &str = "stickyBucketAssignmentDocs";

/// The context of an OFREP evaluation, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlagContext {
    /// What conditions see: the members as they came, `id` being the targeting key unless there is one.
    attributes: Object,
    /// The visitor's key, if the context names one that is not empty.
    targeting_key: Option<String>,
    /// What the context says about consent (`consent.personalise`, `consent.tcf`, `consent.gcm`).
    consent: Consent,
    /// What the caller says of the visitor's earlier assignments.
    earlier: Option<StickyDocs>,
    /// Whether it is believed.
    is_vouched_for: bool,
}

/// Why a body is no evaluation request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagContextError {
    /// Not JSON.
    Json(JsonError),
    /// JSON, but not an object.
    BodyNotAnObject,
    /// `context` is not an object.
    ContextNotAnObject,
    /// `context.targetingKey` is not a text.
    TargetingKeyNotAText,
}

impl fmt::Display for FlagContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the body is not JSON: {error}"),
            Self::BodyNotAnObject => f.write_str("the body must be a JSON object with a member \"context\""),
            Self::ContextNotAnObject => f.write_str("context must be an object"),
            Self::TargetingKeyNotAText => f.write_str("context.targetingKey must be a text"),
        }
    }
}

impl std::error::Error for FlagContextError {}

impl FlagContext {
    /// Reads a body, `{"context": {"targetingKey": …, …}}`. Clients that have no context send `{}` or `null` for it.
    ///
    /// Errors: [`FlagContextError`].
    pub fn parse(body: &[u8]) -> Result<Self, FlagContextError> {
        let Json::Object(mut members) = Json::parse(body).map_err(FlagContextError::Json)? else {
            return Err(FlagContextError::BodyNotAnObject);
        };
        match members.remove("context") {
            None | Some(Json::Null) => Ok(Self::default()),
            Some(Json::Object(attributes)) => Self::new(attributes),
            Some(_) => Err(FlagContextError::ContextNotAnObject),
        }
    }

    /// Takes the members of a context.
    ///
    /// Errors: [`FlagContextError::TargetingKeyNotAText`].
    pub fn new(mut attributes: Object) -> Result<Self, FlagContextError> {
        let earlier = take_reserved(&mut attributes);
        let targeting_key = match attributes.get("targetingKey") {
            None | Some(Json::Null) => None,
            Some(Json::Text(key)) => Some(key.clone()).filter(|it| !it.is_empty()),
            Some(_) => return Err(FlagContextError::TargetingKeyNotAText),
        };
        if let Some(key) = &targeting_key
            && attributes.get("id").is_none_or(|it| *it == Json::Null)
        {
            attributes.insert("id", key.as_str());
        }
        let consent = consent(&attributes);
        Ok(Self { attributes, targeting_key, consent, earlier, is_vouched_for: false })
    }

    /// Takes the attributes that a GrowthBook SDK sends: its visitor is `id`, if that is a text.
    pub fn of_attributes(mut attributes: Object) -> Self {
        let earlier = take_reserved(&mut attributes);
        let targeting_key = attributes.get("id").and_then(Json::as_text).filter(|it| !it.is_empty()).map(str::to_owned);
        let consent = consent(&attributes);
        Self { attributes, targeting_key, consent, earlier, is_vouched_for: false }
    }

    /// Believes the caller what it says of earlier assignments: it holds a secret, so it is no visitor who chooses variations
    /// and has them counted.
    pub fn vouched_for(self) -> Self {
        Self { is_vouched_for: true, ..self }
    }

    /// Gives the visitor made-up attributes, which go before what the caller says. Whose row is looked up stays as it was.
    pub fn make_up(&mut self, attributes: &Object) {
        for (name, value) in attributes.iter().filter(|(name, _)| !RESERVED.contains(name)) {
            self.attributes.insert(name, value.clone());
        }
    }

    /// Whether the context names a visitor.
    pub fn has_targeting_key(&self) -> bool {
        self.targeting_key.is_some()
    }

    /// The key to look the visitor's row up by, or why not to. Nobody is looked up for flags that ask for no profile.
    pub fn profile_key(
        &self,
        flags: &Payload,
        snapshot: &Snapshot,
        signals: Signals,
    ) -> Option<Result<&str, ModeReason>> {
        let visitor_key = self.targeting_key.as_deref();
        let wishes = Wishes { visitor_key, consent: self.consent, ..Wishes::default() };
        flags.asks_for_profile().then(|| profile_key(snapshot, wishes, signals))
    }

    /// The context to evaluate with. `lookup` is what was found under [`Self::profile_key`].
    pub fn into_context(self, flags: &Payload, snapshot: &Snapshot, lookup: Lookup<'_>, edge: &Edge<'_>) -> Context {
        let Self { mut attributes, earlier, is_vouched_for, .. } = self;
        let remote_group_ids = group_ids(flags, snapshot, &attributes, edge.table_key);
        if let (Lookup::Row(bytes), Some(table)) = (lookup, snapshot.table()) {
            let row = Row::new(&table.manifest.schema, bytes);
            let profile = row.map(|row| profile_columns(snapshot, flags.profile_columns(), row)).unwrap_or_default();
            attributes.insert("profile", profile);
        }
        Context {
            url: attributes.get("url").and_then(Json::as_text).map(str::to_owned),
            attributes,
            query_override: edge.settings.query_override,
            remote_group_ids: Some(remote_group_ids),
            sticky: earlier.filter(|_| is_vouched_for),
            now_ms: edge.now.0,
            ..Context::default()
        }
    }
}

/// Removes what is no attribute, and gives the earlier assignments; `None` if they are neither an object nor a list.
fn take_reserved(attributes: &mut Object) -> Option<StickyDocs> {
    for name in RESERVED {
        attributes.remove(name);
    }
    let earlier = attributes.remove(EARLIER)?;
    matches!(earlier, Json::Object(_) | Json::List(_)).then(|| StickyDocs::from_json(&earlier))
}

/// What a member `consent` says; what has another form says nothing.
fn consent(attributes: &Object) -> Consent {
    let member = |name: &str| attributes.get("consent").and_then(|it| it.get(name));
    let granted = |name: &str| match member("gcm")?.get(name)?.as_text()? {
        "granted" => Some(true),
        "denied" => Some(false),
        _ => None,
    };
    let said = Consent { personalise: member("personalise").and_then(Json::as_bool), ..Consent::default() };
    let mode = Consent::of_consent_mode(granted("personalization_storage"), granted("analytics_storage"));
    said.and(mode).and(member("tcf").and_then(Json::as_text).map_or_else(Consent::default, Consent::of_tcf))
}

/// What the edge itself brings to an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'e> {
    /// The environment's settings.
    pub settings: EnvironmentSettings,
    /// The secret that ids of groups are hashed with; without it nobody is in a group of hashed ids.
    pub table_key: Option<&'e TableKey>,
    /// The present.
    pub now: TimestampMs,
}

/// The groups of hashed ids that the visitor is in. Ids are hashed as the rows of a table are.
fn group_ids(flags: &Payload, snapshot: &Snapshot, attributes: &Object, key: Option<&TableKey>) -> Vec<String> {
    let (Some(key), Some(bundle)) = (key, snapshot.bundle()) else { return Vec::new() };
    let groups: &Groups = bundle.groups();
    let is_member = |(id, attribute): &(&str, &str)| {
        groups.get(*id).is_some_and(|group| match attributes.get(attribute) {
            Some(Json::Text(text)) => group.contains(key.hash(text).0),
            Some(number @ Json::Number(_)) => group.contains(key.hash(&number.to_string()).0),
            _ => false,
        })
    };
    flags.remote_groups().filter(is_member).map(|(id, _)| id.to_owned()).collect()
}

/// The columns of a row of the snapshot's table as conditions of flags see them, by their names; a column that is missing in the
/// table or in the row is left out.
pub fn profile_columns(snapshot: &Snapshot, columns: &[String], row: Row<'_>) -> Object {
    let schema = row.schema();
    let member = |name: &String| {
        let value = match row.get(schema.column(name)?) {
            Value::Missing | Value::Vector(_) => return None,
            Value::Bool(it) => Json::Bool(it),
            // Counts beyond 2^53 would lose their last digits, as they do in every JSON number.
            Value::Unsigned(it) => Json::Number(it as f64),
            Value::Number(it) => Json::Number(it),
            Value::Category(it) => Json::from(it),
            Value::Labels(labels) => Json::List(labels.iter().map(Json::from).collect()),
            Value::TopK(list) => {
                let dictionary = snapshot.dictionary(list.dictionary())?;
                Json::List(list.iter().filter_map(|(id, _)| dictionary.text(id)).map(Json::from).collect())
            }
        };
        Some((name.clone(), value))
    };
    columns.iter().filter_map(member).collect()
}
