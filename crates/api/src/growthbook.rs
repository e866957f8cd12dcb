//! The GrowthBook SDK endpoints: the payload for SDKs that evaluate themselves, and answers for those that have it done
//! (`remoteEval`). Source: specification 0.12.0 and the repository calls of the SDKs that speak it.

use std::collections::BTreeMap;

use vitrine_engine::TimestampMs;
use vitrine_flags::{Context, Evaluation, Exposure, FeatureResult, Json, Object, Payload, Resolved};

use crate::envelope::sha256_hex;
use crate::environment::BundlePointer;
use crate::evaluation::is_asked_for;
use crate::exposure_stamp::ExposureStamp;
use crate::problem::{Problem, ProblemCode};

/// Greatest body of a remote evaluation. Unit: bytes.
pub const REMOTE_EVAL_BYTES_MAX: usize = 64 * 1024;

/// The answer to `GET /api/features/{clientKey}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdkPayload {
    /// The body.
    pub json: String,
    /// A strong entity tag of the body, with its quotes.
    pub etag: String,
    /// When the same version would give another body, by a schedule or a ramp. Unit: ms since 1970. `None`: never.
    pub changes_at: Option<i64>,
}

/// The payload at `now` as GrowthBook SDKs read it. `flags`: those of [`crate::FlagState`], `None` when nothing is published.
/// Flags that are switched off are `null` there, so that callers use their own defaults.
pub fn sdk_payload(flags: Option<&Payload>, pointer: &BundlePointer, now: TimestampMs) -> SdkPayload {
    let resolved = match flags {
        Some(flags) => flags.resolve(now.0),
        None => Resolved { payload: Json::Object(Object::new()), changes_at: None },
    };
    let mut members = match resolved.payload {
        Json::Object(members) => members,
        _ => Object::new(),
    };
    if members.get("features").is_none() {
        members.insert("features", Json::Object(Object::new()));
    }
    let mut body = head(pointer);
    for (name, value) in members.iter() {
        body.insert(name, value.clone());
    }
    let json = Json::Object(body).to_string();
    let digest = sha256_hex(json.as_bytes());
    let etag = format!("\"{}\"", digest.get(..32).unwrap_or_default());
    SdkPayload { json, etag, changes_at: resolved.changes_at }
}

/// What every answer to an SDK begins with.
fn head(pointer: &BundlePointer) -> Object {
    let mut head = Object::new();
    head.insert("status", 200.0);
    head.insert("dateUpdated", pointer.published_at.as_str());
    head
}

/// The body of `POST /api/eval/{clientKey}`.
#[derive(Clone, Debug, Default)]
pub struct RemoteEval {
    /// The visitor's attributes.
    pub attributes: Object,
    /// Variations chosen by hand, by experiment key.
    pub forced_variations: BTreeMap<String, i64>,
    /// Values chosen by hand, by feature key.
    pub forced_features: Object,
    /// The page's address.
    pub url: Option<String>,
}

impl RemoteEval {
    /// Reads a body: `{attributes, forcedVariations, forcedFeatures: [[key, value]], url}`, each optional. Other members are
    /// ignored, as SDKs send more with every release.
    ///
    /// Errors: a problem that names the member.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let json = Json::parse(body).map_err(|error| Problem::new(ProblemCode::MalformedJson, error.to_string()))?;
        let Json::Object(members) = json else {
            return Err(Problem::new(ProblemCode::InvalidRequest, "the body is not an object"));
        };
        let mut parsed = Self::default();
        for (name, value) in members.iter() {
            match (name, value) {
                ("attributes", Json::Object(attributes)) => parsed.attributes = attributes.clone(),
                ("forcedVariations", Json::Object(forced)) => parsed.forced_variations = variations(forced)?,
                ("forcedFeatures", Json::List(pairs)) => parsed.forced_features = features(pairs)?,
                ("url", Json::Text(url)) => parsed.url = Some(url.clone()),
                (_, Json::Null) => {}
                ("attributes" | "forcedVariations", _) => return Err(wrong(name, "an object")),
                ("forcedFeatures", _) => return Err(wrong(name, "a list of pairs")),
                ("url", _) => return Err(wrong(name, "a text")),
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn wrong(member: &str, expected: &str) -> Problem {
    Problem::field(format!("/{member}"), "invalid_field", format!("expected {expected}"))
}

fn variations(forced: &Object) -> Result<BTreeMap<String, i64>, Problem> {
    let whole = |value: &Json| value.as_number().filter(|it| it.fract() == 0.0 && it.abs() < 1e9);
    let mut variations = BTreeMap::new();
    // One by one: collecting into a map sorts first, and a sort is compiled anew for whatever it sorts.
    for (key, value) in forced.iter() {
        let Some(index) = whole(value) else {
            return Err(wrong(&format!("forcedVariations/{key}"), "the index of a variation"));
        };
        variations.insert(key.to_owned(), index as i64);
    }
    Ok(variations)
}

fn features(pairs: &[Json]) -> Result<Object, Problem> {
    let mut forced = Object::new();
    for (at, pair) in pairs.iter().enumerate() {
        match pair.as_list() {
            Some([Json::Text(key), value]) => forced.insert(key.as_str(), value.clone()),
            _ => return Err(wrong(&format!("forcedFeatures/{at}"), "a key and a value")),
        }
    }
    Ok(forced)
}

/// The answer to a remote evaluation: every feature reduced to the visitor's own value, with the exposures that the SDK must
/// track when the feature is used. Each has its signed token in `result.exposureToken`, which the SDK hands to the page's
/// tracking callback with the rest of the result. No condition, group or other visitor's value leaves the edge.
pub fn remote_eval(flags: &Payload, context: &Context, stamp: &ExposureStamp<'_>) -> String {
    let mut features = Object::new();
    for key in flags.features().filter(is_asked_for) {
        // One evaluation for each feature, so that each names its own exposures.
        let mut evaluation = Evaluation::new(flags, context);
        let result = evaluation.feature(key);
        features.insert(key, reduced(&result, evaluation.exposures(), stamp));
    }
    let mut body = head(stamp.pointer);
    body.insert("features", Json::Object(features));
    body.insert("experiments", Json::List(Vec::new()));
    Json::Object(body).to_string()
}

fn reduced(result: &FeatureResult<'_>, exposures: &[Exposure<'_>], stamp: &ExposureStamp<'_>) -> Json {
    let mut feature = Object::new();
    if exposures.is_empty() {
        feature.insert("defaultValue", result.value.clone());
        return Json::Object(feature);
    }
    let track = |exposure: &Exposure<'_>| {
        let mut track = Object::new();
        track.insert("experiment", exposure.experiment.to_json());
        let mut result = exposure.result.to_json();
        if let (Json::Object(members), Some(token)) = (&mut result, stamp.token(&exposure.experiment, &exposure.result))
        {
            members.insert("exposureToken", token);
        }
        track.insert("result", result);
        Json::Object(track)
    };
    let mut rule = Object::new();
    rule.insert("force", result.value.clone());
    rule.insert("tracks", Json::List(exposures.iter().map(track).collect()));
    feature.insert("rules", Json::List(vec![Json::Object(rule)]));
    Json::Object(feature)
}
