//! Refusals in OFREP's form: status, `errorCode`, `errorDetails`, and the flag's key if the call is about one.

use super::OfrepAnswer;
use super::text::Members;
use crate::flag_context::FlagContextError;

/// Why a call got no evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfrepRefusal {
    /// The body or its context cannot be used.
    Context(FlagContextError),
    /// The environment asks for a targeting key, and the context has none.
    TargetingKeyMissing,
    /// There is no such flag.
    FlagNotFound,
    /// The flag's prerequisites need each other.
    Cyclic,
    /// The body is larger than the limit.
    TooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// The call needs a key, or another one. In words for the caller.
    Unauthorized(String),
    /// The call must not carry the key that it carries. In words for the caller.
    Forbidden(&'static str),
    /// The edge cannot answer now as it should. In words for the caller.
    TryAgain {
        /// When to. Unit: seconds, at least 1.
        after_s: u32,
        /// In words for the caller.
        detail: &'static str,
    },
    /// Nothing is at this path.
    NotFound,
    /// The method is not POST.
    MethodNotAllowed,
}

impl From<FlagContextError> for OfrepRefusal {
    fn from(error: FlagContextError) -> Self {
        Self::Context(error)
    }
}

impl OfrepRefusal {
    /// The answer to a call about the flag `key`, or about all flags.
    pub fn answer(&self, key: Option<&str>) -> OfrepAnswer {
        let mut answer = OfrepAnswer::new(self.status(), self.body(key));
        match self {
            Self::TryAgain { after_s, .. } => answer.retry_after_s = Some((*after_s).max(1)),
            Self::MethodNotAllowed => answer.allow = Some("POST"),
            _ => {}
        }
        answer
    }

    /// The body alone; also an entry in the answer to a bulk evaluation.
    pub(super) fn body(&self, key: Option<&str>) -> String {
        let mut text = String::from("{");
        let mut members = Members::new(&mut text);
        if let Some(key) = key {
            members.text("key", key);
        }
        members.text("errorCode", self.code());
        members.text("errorDetails", &self.details(key));
        text.push('}');
        text
    }

    fn status(&self) -> u16 {
        match self {
            Self::Context(_) | Self::TargetingKeyMissing | Self::Cyclic => 400,
            Self::Unauthorized(_) => 401,
            Self::Forbidden(_) => 403,
            Self::FlagNotFound | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge { .. } => 413,
            Self::TryAgain { .. } => 429,
        }
    }

    /// OpenFeature's error code.
    fn code(&self) -> &'static str {
        match self {
            Self::Context(FlagContextError::Json(_) | FlagContextError::BodyNotAnObject) | Self::Cyclic => {
                "PARSE_ERROR"
            }
            Self::Context(FlagContextError::ContextNotAnObject | FlagContextError::TargetingKeyNotAText) => {
                "INVALID_CONTEXT"
            }
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::TooLarge { .. }
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::TryAgain { .. }
            | Self::NotFound
            | Self::MethodNotAllowed => "GENERAL",
        }
    }

    fn details(&self, key: Option<&str>) -> String {
        match self {
            Self::Context(error) => error.to_string(),
            Self::TargetingKeyMissing => "this environment evaluates only with context.targetingKey".to_owned(),
            Self::FlagNotFound => format!("there is no flag {:?}", key.unwrap_or_default()),
            Self::Cyclic => "the flag's prerequisites need each other".to_owned(),
            Self::TooLarge { bytes_max } => format!("the body is larger than {bytes_max} bytes"),
            Self::Unauthorized(detail) => detail.clone(),
            Self::Forbidden(detail) | Self::TryAgain { detail, .. } => (*detail).to_owned(),
            Self::NotFound => "POST /ofrep/v1/evaluate/flags, or below it the key of a flag".to_owned(),
            Self::MethodNotAllowed => "evaluations are asked for with POST".to_owned(),
        }
    }
}
