//! Problem details (RFC 9457): every refusal of the HTTP interface, with a stable code.

use serde::Serialize;

use crate::pointer::pointer;

/// What went wrong, as a stable word. The code fixes status and title; part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemCode {
    /// The body is not JSON, or not UTF-8.
    MalformedJson,
    /// The body is JSON, but a field breaks a rule.
    InvalidRequest,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// No such path.
    NotFound,
    /// No such placement.
    UnknownPlacement,
    /// The path exists, the method does not. Holds the methods that do, as the header `Allow` lists them.
    MethodNotAllowed(&'static str),
    /// The call needs a bearer token.
    Unauthorized,
    /// The caller is known, and may not do this.
    Forbidden,
    /// A configuration with errors.
    InvalidConfiguration,
    /// Bytes that are not a shard, manifest or item table, or not the announced one.
    InvalidTable,
    /// The call does not fit the present state.
    Conflict,
    /// The caller, or everybody, asks too often; the answer says when to come back.
    TooManyRequests,
    /// An administrative call failed inside. Never sent for a storefront's call.
    Unavailable,
}

impl ProblemCode {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::MalformedJson,
        Self::InvalidRequest,
        Self::BodyTooLarge,
        Self::NotFound,
        Self::UnknownPlacement,
        Self::MethodNotAllowed(""),
        Self::Unauthorized,
        Self::Forbidden,
        Self::InvalidConfiguration,
        Self::InvalidTable,
        Self::Conflict,
        Self::TooManyRequests,
        Self::Unavailable,
    ];

    /// HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::MalformedJson | Self::InvalidRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound | Self::UnknownPlacement => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::Conflict => 409,
            Self::BodyTooLarge => 413,
            Self::InvalidConfiguration | Self::InvalidTable => 422,
            Self::TooManyRequests => 429,
            Self::Unavailable => 503,
        }
    }

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::InvalidRequest => "invalid_request",
            Self::BodyTooLarge => "body_too_large",
            Self::NotFound => "not_found",
            Self::UnknownPlacement => "unknown_placement",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::InvalidTable => "invalid_table",
            Self::Conflict => "conflict",
            Self::TooManyRequests => "too_many_requests",
            Self::Unavailable => "unavailable",
        }
    }

    /// What the code means, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not valid JSON",
            Self::InvalidRequest => "The request breaks a rule",
            Self::BodyTooLarge => "The body is too large",
            Self::NotFound => "There is nothing at this path",
            Self::UnknownPlacement => "There is no such placement",
            Self::MethodNotAllowed(_) => "The method is not allowed here",
            Self::Unauthorized => "A valid bearer token is needed",
            Self::Forbidden => "The caller may not do this",
            Self::InvalidConfiguration => "The configuration has errors",
            Self::InvalidTable => "The table data was refused",
            Self::Conflict => "The call does not fit the present state",
            Self::TooManyRequests => "Come back later",
            Self::Unavailable => "The call could not be completed",
        }
    }
}

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// RFC 6901 pointer into the body; empty for the whole.
    pub pointer: String,
    /// Stable word for the rule.
    pub code: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong.
    pub code: ProblemCode,
    /// This occurrence in words, for the caller. Holds nothing from the inside.
    pub detail: String,
    /// Where, if it is about fields.
    pub errors: Vec<FieldError>,
}

/// A refusal (RFC 9457, problem details).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Problem"))]
struct Wire<'a> {
    /// Always `about:blank`: the code tells what went wrong.
    r#type: &'static str,
    /// What the code means.
    title: &'static str,
    /// HTTP status.
    #[cfg_attr(feature = "openapi", schemars(range(min = 400, max = 599)))]
    status: u16,
    /// What went wrong, as a stable word.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = ProblemCode::ALL.map(ProblemCode::as_str))))]
    code: &'static str,
    /// This occurrence in words.
    detail: &'a str,
    /// Where, if it is about fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem about the request as a whole.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new() }
    }

    /// A problem about a body that serde_json refused, which names the field if it is JSON up to there.
    #[cold]
    pub fn unreadable(body: &[u8], error: &serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::field(pointer(body, error), "invalid_field", error.to_string()),
            _ => Self::new(ProblemCode::MalformedJson, error.to_string()),
        }
    }

    /// A problem about one field.
    pub fn field(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        Self {
            code: ProblemCode::InvalidRequest,
            detail: if pointer.is_empty() { detail.clone() } else { format!("{pointer}: {detail}") },
            errors: vec![FieldError { pointer, code: code.into(), detail }],
        }
    }

    /// The body of the response, `application/problem+json`.
    pub fn to_json(&self) -> String {
        let wire = Wire {
            r#type: "about:blank",
            title: self.code.title(),
            status: self.code.status(),
            code: self.code.as_str(),
            detail: &self.detail,
            errors: &self.errors,
        };
        // A struct of strings and numbers always serialises.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Problem {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Wire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Wire::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new code does not compile here until it is looked at; it then belongs into [`ProblemCode::ALL`] too.
    #[test]
    fn all_codes_are_listed() {
        for (idx, code) in ProblemCode::ALL.into_iter().enumerate() {
            let expected_idx = match code {
                ProblemCode::MalformedJson => 0,
                ProblemCode::InvalidRequest => 1,
                ProblemCode::BodyTooLarge => 2,
                ProblemCode::NotFound => 3,
                ProblemCode::UnknownPlacement => 4,
                ProblemCode::MethodNotAllowed(_) => 5,
                ProblemCode::Unauthorized => 6,
                ProblemCode::Forbidden => 7,
                ProblemCode::InvalidConfiguration => 8,
                ProblemCode::InvalidTable => 9,
                ProblemCode::Conflict => 10,
                ProblemCode::TooManyRequests => 11,
                ProblemCode::Unavailable => 12,
            };
            assert_eq!(idx, expected_idx);
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
    }
}
