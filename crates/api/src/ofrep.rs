//! OFREP 0.3.0 (OpenFeature Remote Evaluation Protocol): answers to evaluations of one flag and of all, as JSON that every
//! known client understands.
//!
//! Source: open-feature/protocol, `service/openapi.yaml`. Beyond its text, from what clients do:
//! `variant` and `reason` are always told; a value is never `null` but left out, with the reason `DISABLED`; a whole number is
//! written `1.0` for a flag of type `number` and `1` for one of type `integer`; `Retry-After` is in whole seconds.

mod refusal;
mod text;

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};
use vitrine_engine::{ModeReason, TimestampMs};
use vitrine_flags::{Context, Evaluation, ExperimentResult, ExperimentRun, FeatureResult, Json, Source};
use vitrine_tables::TableKey;

use crate::environment::BundlePointer;
use crate::evaluation::{FlagFacts, FlagState};
use crate::exposure_stamp::ExposureStamp;
use crate::token::{StreamToken, TokenKeys};
use text::{Members, push_text, push_value};

pub use refusal::OfrepRefusal;

/// How long an answer to a bulk evaluation counts as unchanged at most: its tokens must be replaced before they are stale.
/// Unit: ms.
const TOKENS_PERIOD_MS: i64 = 3600 * 1000;

/// An answer, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfrepAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body, `application/json`; empty with status 304.
    pub body: String,
    /// The entity tag of an answer to a bulk evaluation, with its quotes.
    pub etag: Option<String>,
    /// The header `Retry-After`. Unit: seconds, at least 1.
    pub retry_after_s: Option<u32>,
    /// The header `Allow`.
    pub allow: Option<&'static str>,
}

impl OfrepAnswer {
    fn new(status: u16, body: String) -> Self {
        Self { status, body, etag: None, retry_after_s: None, allow: None }
    }
}

/// What answers tell besides the flags.
#[derive(Clone, Copy, Debug)]
pub struct OfrepStamp<'s> {
    /// The environment that answers.
    pub environment: &'s str,
    /// Its pointer.
    pub pointer: &'s BundlePointer,
    /// Signs tokens; `None`: there are none, and no streams.
    pub token_keys: Option<&'s TokenKeys>,
    /// Hides visitors in tables, and so in tokens: see [`crate::Pseudonyms`].
    pub table_key: Option<&'s TableKey>,
    /// Scheme and host that the call came to, for the address of the stream: `https://edge.example`.
    pub origin: &'s str,
    /// Whether the visitor's profile was read; `None` when no flag asks for it.
    pub profile: Option<ModeReason>,
    /// The present.
    pub now: TimestampMs,
}

/// Answers the evaluation of one flag. `state`: the flags, `None` when nothing is published.
///
/// Errors: the flag is unknown, or its prerequisites need each other.
pub fn ofrep_flag(
    state: Option<&FlagState>,
    key: &str,
    context: &Context,
    stamp: &OfrepStamp<'_>,
) -> Result<OfrepAnswer, OfrepRefusal> {
    let found = state.and_then(|state| Some((state, state.flag(key)?)));
    let Some((state, facts)) = found else { return Err(OfrepRefusal::FlagNotFound) };
    let result = Evaluation::new(state.payload(), context).feature(key);
    if result.source == Source::CyclicPrerequisite {
        return Err(OfrepRefusal::Cyclic);
    }
    let mut answer = Answer { is_sticky: context.sticky.is_some(), ..Answer::default() };
    answer.flag(facts, &result, stamp);
    Ok(OfrepAnswer::new(200, answer.text))
}

/// The answer for a flag whose value nobody can know now, because nothing published can be read: callers use their own
/// default.
pub fn ofrep_flag_unavailable(key: &str) -> OfrepAnswer {
    let mut text = String::from("{");
    let mut members = Members::new(&mut text);
    members.text("key", key);
    members.text("reason", "DISABLED");
    members.text("variant", NO_VALUE);
    text.push_str(r#","metadata":{"unavailable":true}}"#);
    OfrepAnswer::new(200, text)
}

/// Answers the evaluation of all flags. `state`: the flags, `None` when nothing is published: then there are none.
///
/// The entity tag is a hash of the body without its tokens, which differ with every call, and of the hour, so that tokens are
/// replaced in time. Is it the one in `if_none_match`, the answer is 304.
pub fn ofrep_all(
    state: Option<&FlagState>,
    context: &Context,
    if_none_match: Option<&str>,
    stamp: &OfrepStamp<'_>,
) -> OfrepAnswer {
    let is_sticky = context.sticky.is_some();
    let mut answer = Answer { text: String::with_capacity(4096), is_sticky, ..Answer::default() };
    answer.text.push_str(r#"{"flags":["#);
    if let Some(state) = state {
        let mut evaluation = Evaluation::new(state.payload(), context);
        for (at, facts) in state.flags().iter().enumerate() {
            if at > 0 {
                answer.text.push(',');
            }
            let result = evaluation.feature(&facts.key);
            match result.source {
                Source::CyclicPrerequisite => answer.text.push_str(&OfrepRefusal::Cyclic.body(Some(&facts.key))),
                _ => answer.flag(facts, &result, stamp),
            }
        }
    }
    answer.text.push_str(r#"],"metadata":{"#);
    let mut metadata = Members::new(&mut answer.text);
    metadata.text("environment", stamp.environment);
    if let Some(version) = stamp.pointer.version {
        metadata.raw("configVersion", &version.to_string());
        if let Ok(at) = TimestampMs::parse(&stamp.pointer.published_at) {
            metadata.raw("lastModified", &at.0.div_euclid(1000).to_string());
        }
    }
    if let Some(reason) = stamp.profile {
        metadata.text("profile", reason.as_str());
    }
    answer.text.push('}');
    answer.streams(stamp);
    answer.text.push('}');
    let etag = answer.etag(stamp);
    let unchanged = if_none_match.is_some_and(|header| matches(header, &etag));
    let (status, body) = if unchanged { (304, String::new()) } else { (200, answer.text) };
    OfrepAnswer { etag: Some(etag), ..OfrepAnswer::new(status, body) }
}

/// Whether `If-None-Match` names the tag. Compared weakly: whoever compresses an answer on its way makes its tag weak.
fn matches(if_none_match: &str, etag: &str) -> bool {
    let opaque = |tag: &'_ str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let etag = opaque(etag);
    if_none_match.split(',').map(opaque).any(|it| it == "*" || it == etag)
}

/// The variant of an answer without a value.
const NO_VALUE: &str = "none";

/// An answer that is being written.
#[derive(Default)]
struct Answer {
    text: String,
    /// Of the text up to `hashed`, without tokens.
    hash: SipHasher13,
    hashed: usize,
    has_tokens: bool,
    /// Whether the caller keeps assignments, and so is told under which name.
    is_sticky: bool,
}

impl Answer {
    /// Writes one flag.
    fn flag(&mut self, facts: &FlagFacts, result: &FeatureResult<'_>, stamp: &OfrepStamp<'_>) {
        let reason = facts.reason(result);
        let has_value = !result.disabled && *result.value != Json::Null;
        self.text.push('{');
        let mut members = Members::new(&mut self.text);
        members.text("key", &facts.key);
        members.text("reason", reason.as_str());
        members.text("variant", if has_value { variant(result) } else { NO_VALUE });
        if has_value {
            push_value(members.value("value"), result.value, facts.value_type);
        }
        self.text.push_str(r#","metadata":{"#);
        let mut metadata = Members::new(&mut self.text);
        if let Some(version) = stamp.pointer.version {
            metadata.raw("configVersion", &version.to_string());
        }
        if !result.rule_id.is_empty() {
            metadata.text("ruleId", result.rule_id);
        }
        if result.source == Source::Override {
            metadata.raw("override", "true");
        }
        if let (Some(run), Some(assigned)) = (&result.experiment, &result.experiment_result) {
            experiment(&mut metadata, run, assigned);
            if self.is_sticky
                && assigned.hash_used
                && let Some(id) = run.experiment.sticky_id()
            {
                metadata.text("stickyId", &id);
                metadata.raw("stickyBucketUsed", if assigned.sticky_bucket_used { "true" } else { "false" });
            }
            if let Some(token) = stamp.exposures().token(run, assigned) {
                self.token(r#","exposureToken":"#, &token);
            }
        }
        self.text.push_str("}}");
    }

    /// Writes where to listen for changes.
    fn streams(&mut self, stamp: &OfrepStamp<'_>) {
        let Some(keys) = stamp.token_keys else { return };
        // The same for a whole hour, so that clients keep their stream; then good for another, by when they have asked again.
        let period = stamp.now.0.div_euclid(TOKENS_PERIOD_MS);
        let expires_at_ms = period.saturating_add(2).saturating_mul(TOKENS_PERIOD_MS);
        let token = StreamToken { environment: stamp.environment.to_owned(), expires_at_ms }.sign(keys);
        self.text.push_str(r#","eventStreams":[{"type":"sse""#);
        self.token(r#","url":"#, &format!("{}/v1/stream?token={token}", stamp.origin));
        self.text.push_str("}]");
    }

    /// Writes a member that differs with every call, and so is no part of the entity tag.
    fn token(&mut self, member: &str, token: &str) {
        self.text.push_str(member);
        self.hash_text();
        push_text(&mut self.text, token);
        self.hashed = self.text.len();
        self.has_tokens = true;
    }

    fn hash_text(&mut self) {
        self.hash.write(self.text.as_bytes().get(self.hashed..).unwrap_or_default());
        self.hashed = self.text.len();
    }

    fn etag(&mut self, stamp: &OfrepStamp<'_>) -> String {
        self.hash_text();
        if self.has_tokens {
            self.hash.write_i64(stamp.now.0.div_euclid(TOKENS_PERIOD_MS));
        }
        format!("\"{:032x}\"", self.hash.finish128().as_u128())
    }
}

/// Which of its possible values a flag has.
fn variant<'r>(result: &'r FeatureResult<'_>) -> &'r str {
    match (result.source, &result.experiment_result) {
        (Source::Experiment, Some(assigned)) => assigned.key,
        (Source::Override, _) => "override",
        (Source::Force, _) if !result.rule_id.is_empty() => result.rule_id,
        (Source::Force, _) => "rule",
        _ => "default",
    }
}

fn experiment(metadata: &mut Members<'_>, run: &ExperimentRun<'_>, assigned: &ExperimentResult<'_>) {
    metadata.text("experimentKey", run.experiment.key());
    metadata.raw("variationId", &assigned.variation_id.to_string());
    metadata.text("variationKey", assigned.key);
    metadata.raw("inExperiment", if assigned.in_experiment { "true" } else { "false" });
    metadata.text("hashAttribute", assigned.hash_attribute);
    if let Some(bucket) = assigned.bucket {
        metadata.raw("bucket", &Json::Number(bucket).to_string());
    }
    if let Some(leaf) = assigned.leaf {
        metadata.raw("leafId", &leaf.leaf_id.to_string());
        if let Some(propensity) = leaf.weights.get(assigned.variation_id) {
            metadata.raw("propensity", &Json::Number(*propensity).to_string());
        }
    }
}

impl<'s> OfrepStamp<'s> {
    fn exposures(&self) -> ExposureStamp<'s> {
        let Self { environment, pointer, token_keys, table_key, now, .. } = *self;
        ExposureStamp { environment, pointer, token_keys, table_key, now }
    }
}
