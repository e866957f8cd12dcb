//! `POST /v1/exposures`: callers report that visitors met the variations they were assigned. Every row stands for itself.
//!
//! Here a report is checked and nothing else: who counts it, and how often, is for whoever keeps the ledger.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashSet;
use vitrine_engine::TimestampMs;

use crate::problem::{Problem, ProblemCode};
use crate::token::{ExposureBytes, TokenError, TokenKeys};

/// Greatest body: what a page may still send while it is closed. Unit: bytes.
pub const EXPOSURES_BYTES_MAX: usize = 60 * 1024;
/// Most rows of a report.
pub const EXPOSURES_MAX: usize = 100;

/// A report within all limits.
#[derive(Debug)]
pub struct ExposureReport<'b> {
    /// The SDK key, for pages that cannot send a header while they are closed.
    pub key: Option<String>,
    /// The visitors agreed to be measured: conversions may be joined with their exposures.
    pub may_measure: bool,
    rows: Vec<&'b RawValue>,
}

/// Which visitors met which variations.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "ExposureReport"))]
struct ReportWire<'b> {
    /// The SDK key, for pages that cannot send a header while they are closed.
    #[serde(default)]
    key: Option<String>,
    /// What the visitors agreed to.
    #[serde(default)]
    consent: Option<ConsentWire>,
    /// One row for each visitor and experiment. A row that is wrong is refused by itself, and the others count.
    #[serde(borrow)]
    #[cfg_attr(feature = "openapi", schemars(length(max = EXPOSURES_MAX), with = "Vec<RowWire>"))]
    exposures: Vec<&'b RawValue>,
}

/// What the visitors agreed to.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
#[cfg_attr(feature = "openapi", schemars(rename = "ExposureConsent"))]
struct ConsentWire {
    /// Whether conversions may be joined with these exposures. Default: no; exposures count all the same.
    measure: bool,
}

/// One exposure.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "ExposureRow"))]
struct RowWire {
    /// The token that came with the evaluation.
    token: String,
    /// RFC 3339 time at which the visitor met the variation, by the caller's clock.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    at: Option<String>,
}

/// One exposure that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The experiment's tracking key.
    pub experiment: String,
    /// Index of the variation.
    pub variation: u8,
    /// The visitor, as tokens name it.
    pub unit: u64,
    /// The version of the bundle that decided.
    pub bundle_version: u32,
    /// When the token was issued. Unit: seconds since 1970.
    pub issued_at_s: u32,
    /// When the visitor met the variation, by the caller's clock; `None` if the caller did not say.
    pub at: Option<TimestampMs>,
}

/// Why a row does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowError {
    /// The token.
    Token(TokenError),
    /// Not an object with `token` and perhaps `at`.
    Malformed,
    /// `at` is not an RFC 3339 time.
    InvalidTime,
    /// An earlier row has the same token.
    Duplicate,
    /// This deployment has no `TOKEN_KEY`, so no token is its own.
    NoKey,
    /// The page was fetched ahead, and nobody saw it.
    Prefetch,
    /// The ledger did not answer: the row was not counted, and may be sent again.
    Retry,
}

impl RowError {
    /// All of them, those with the same word once.
    pub const ALL: [Self; 10] = [
        Self::Token(TokenError::Malformed),
        Self::Token(TokenError::Forged),
        Self::Token(TokenError::Stale),
        Self::Token(TokenError::NotYet),
        Self::Token(TokenError::OtherEnvironment),
        Self::InvalidTime,
        Self::Duplicate,
        Self::NoKey,
        Self::Prefetch,
        Self::Retry,
    ];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token(error) => error.as_str(),
            Self::Malformed => "malformed",
            Self::InvalidTime => "invalid_time",
            Self::Duplicate => "duplicate",
            Self::NoKey => "no_key",
            Self::Prefetch => "prefetch",
            Self::Retry => "retry",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Token(error) => error.detail(),
            Self::Malformed => "a row is {\"token\": …} and perhaps \"at\"",
            Self::InvalidTime => "at is not an RFC 3339 time such as 2026-12-01T08:00:00Z",
            Self::Duplicate => "an earlier row of this report has the same token",
            Self::NoKey => "the secret TOKEN_KEY is not set, so no tokens are issued here",
            Self::Prefetch => "the page was fetched ahead, and nobody saw it",
            Self::Retry => "the row was not counted; send it again",
        }
    }
}

/// What became of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExposureVerdict {
    /// Rows that count, in their order.
    pub accepted: Vec<Exposed>,
    /// Their positions.
    indices: Vec<usize>,
    /// Rows that do not, with their positions.
    pub rejected: Vec<(usize, RowError)>,
}

/// What became of a report.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "ExposureVerdict"))]
struct VerdictWire {
    /// How many rows count.
    accepted: usize,
    /// The rows that do not.
    rejected: Vec<RejectedWire>,
}

/// A row that does not count.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "ExposureRejected"))]
struct RejectedWire {
    /// Position of the row in the report, from 0.
    index: usize,
    /// Why, as a stable word.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = RowError::ALL.map(RowError::as_str))))]
    code: &'static str,
    /// Why, in words.
    detail: &'static str,
}

impl<'b> ExposureReport<'b> {
    /// Reads a body: `{"exposures": [{"token": …, "at"?: RFC 3339}], "key"?: …}`.
    ///
    /// Errors: a problem with status 413 or 400.
    pub fn parse(body: &'b [u8]) -> Result<Self, Problem> {
        if body.len() > EXPOSURES_BYTES_MAX {
            let detail = format!("the body has {} bytes, at most {EXPOSURES_BYTES_MAX} are taken", body.len());
            return Err(Problem::new(ProblemCode::BodyTooLarge, detail));
        }
        // serde would also take the members of an object as a list.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::field("", "invalid_field", "the body must be a JSON object"));
        }
        let wire: ReportWire<'b> = serde_json::from_slice(body).map_err(|error| Problem::unreadable(body, &error))?;
        if wire.exposures.len() > EXPOSURES_MAX {
            let detail = format!("{} exposures, at most {EXPOSURES_MAX} are taken", wire.exposures.len());
            return Err(Problem::field("/exposures", "too_many", detail));
        }
        Ok(Self { key: wire.key, may_measure: wire.consent.is_some_and(|it| it.measure), rows: wire.exposures })
    }

    /// Checks every row. `keys`: the secrets, if the deployment has any.
    pub fn check(&self, keys: Option<&TokenKeys>, environment: &str, now: TimestampMs) -> ExposureVerdict {
        let mut verdict = ExposureVerdict::default();
        let mut seen = HashSet::new();
        for (index, row) in self.rows.iter().enumerate() {
            match check_row(row, keys, environment, now, &mut seen) {
                Ok(exposed) => {
                    verdict.accepted.push(exposed);
                    verdict.indices.push(index);
                }
                Err(error) => verdict.rejected.push((index, error)),
            }
        }
        verdict
    }
}

fn check_row(
    row: &RawValue,
    keys: Option<&TokenKeys>,
    environment: &str,
    now: TimestampMs,
    seen: &mut HashSet<String>,
) -> Result<Exposed, RowError> {
    // serde would also take the fields of a struct as a list.
    let row: RowWire = Some(row.get())
        .filter(|it| it.starts_with('{'))
        .and_then(|it| serde_json::from_slice(it.as_bytes()).ok())
        .ok_or(RowError::Malformed)?;
    let at = row.at.as_deref().map(TimestampMs::parse).transpose().map_err(|_| RowError::InvalidTime)?;
    let keys = keys.ok_or(RowError::NoKey)?;
    let bytes = ExposureBytes::parse(&row.token).map_err(RowError::Token)?;
    let token = bytes.verify(keys, environment, now).map_err(RowError::Token)?;
    let exposed = Exposed {
        experiment: token.experiment.to_owned(),
        variation: token.variation,
        unit: token.unit,
        bundle_version: token.bundle_version,
        issued_at_s: token.issued_at_s,
        at,
    };
    if seen.insert(row.token) { Ok(exposed) } else { Err(RowError::Duplicate) }
}

impl ExposureVerdict {
    /// Takes rows back that were taken before. `are_refused`: of each, in their order, whether it is.
    pub fn reject(&mut self, are_refused: &[bool], error: RowError) {
        let accepted = std::mem::take(&mut self.accepted);
        let indices = std::mem::take(&mut self.indices);
        let are_refused = are_refused.iter().copied().chain(std::iter::repeat(false));
        for ((exposed, index), is_refused) in accepted.into_iter().zip(indices).zip(are_refused) {
            if is_refused {
                self.rejected.push((index, error));
            } else {
                self.accepted.push(exposed);
                self.indices.push(index);
            }
        }
        self.rejected.sort_by_key(|(index, _)| *index);
    }

    /// The body of the answer: `{"accepted": n, "rejected": [{"index", "code", "detail"}]}`.
    pub fn to_json(&self) -> String {
        let rejected = self.rejected.iter();
        let wire = VerdictWire {
            accepted: self.accepted.len(),
            rejected: rejected
                .map(|(index, error)| RejectedWire { index: *index, code: error.as_str(), detail: error.detail() })
                .collect(),
        };
        // Numbers and texts always serialise.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for ExposureReport<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        ReportWire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        ReportWire::json_schema(generator)
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for ExposureVerdict {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        VerdictWire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        VerdictWire::json_schema(generator)
    }
}
