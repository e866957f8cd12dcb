//! One row of a batch: what it says, and whether it may count.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use vitrine_api::{DecisionBytes, DecisionToken, Pseudonyms, TokenError, TokenKeys, TokenMode};
use vitrine_engine::TimestampMs;

use crate::kind::{CHANNELS, Kind};
use crate::{money, personal};

/// How old an event may be when it comes: as long as tokens are good, and less than its id is remembered. Unit: seconds.
pub const AGE_MAX_S: i64 = vitrine_api::DECISION_TOKEN_AGE_MAX_S as i64;
/// Longest id of an event or an order. Unit: bytes.
const ID_BYTES_MAX: usize = 64;
/// Longest name of what happened. Unit: bytes.
const NAME_BYTES_MAX: usize = 32;
/// Most properties.
const PROPS_MAX: usize = 8;
/// Longest text of a property. Unit: bytes.
const PROP_BYTES_MAX: usize = 64;

/// What happened.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "EventRow"))]
pub(crate) struct RowWire<'b> {
    /// Names this event for good: sent again, it counts once. 1 to 64 of `A-Z a-z 0-9 . _ : -`. May be left out where the call
    /// has an `Idempotency-Key`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = ID_BYTES_MAX)))]
    id: Option<String>,
    /// What happened.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = Kind::SENT.map(Kind::as_str))))]
    r#type: Cow<'b, str>,
    /// RFC 3339 time at which it happened, by the caller's clock. Default: when the call arrives.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    at: Option<String>,
    /// The token of the decision that it answers to. Impressions, clicks and dismissals need one.
    #[serde(default)]
    token: Option<String>,
    /// What a custom event or a conversion is called: `signup`. 1 to 32 of `a-z 0-9 _`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = "^[a-z0-9_]{1,32}$")))]
    name: Option<String>,
    /// What it is worth, in the currency's own unit: 199.00.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 10_000_000)))]
    value: Option<f64>,
    /// ISO 4217 code; needed with `value`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = "^[A-Z]{3}$")))]
    currency: Option<String>,
    /// The order of a conversion: it counts once, whoever reports it and under whichever event id. Only its hash is kept.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = ID_BYTES_MAX)))]
    order_id: Option<String>,
    /// Where it happened. Default: the batch's.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = CHANNELS)))]
    channel: Option<String>,
    /// Who did it, where the rows of a batch are of several visitors. Default: the batch's.
    #[serde(default)]
    visitor: Option<VisitorWire>,
    /// What this visitor agreed to. Default: the batch's.
    #[serde(default)]
    consent: Option<ConsentWire>,
    /// At most 8 properties: numbers, true and false, texts of at most 64 bytes. What looks like it names a person is refused.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(extend("maxProperties" = PROPS_MAX)))]
    props: Option<BTreeMap<String, Value>>,
}

/// A visitor, as the shop names them. Nothing of it is kept but, with consent, keyed hashes.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "EventVisitor"))]
pub(crate) struct VisitorWire {
    /// The pseudonymous key of a known visitor: the same as in decide calls and as targeting key of flags.
    #[serde(default)]
    key: Option<String>,
    /// The first-party id of an unknown one; used where there is no key.
    #[serde(default)]
    anon: Option<String>,
}

/// What the visitor agreed to.
#[derive(Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
#[cfg_attr(feature = "openapi", schemars(rename = "EventConsent"))]
pub(crate) struct ConsentWire {
    /// Whether events may be joined with each other through the visitor. Default: no; they count all the same.
    pub(crate) measure: bool,
}

impl VisitorWire {
    /// What names the visitor, the key before the first-party id.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        [&self.key, &self.anon].into_iter().flatten().map(String::as_str).filter(|it| !it.is_empty())
    }

    /// The text that names the visitor, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.names().next()
    }
}

/// What a token says of the decision: positions in a bundle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decided {
    /// When it was decided. Unit: seconds since 1970.
    pub issued_at_s: u32,
    /// The version of the bundle that decided.
    pub bundle_version: u32,
    /// Position of the placement.
    pub placement: u16,
    /// Position of the offer.
    pub offer: u16,
    /// Position of the creative in its offer.
    pub creative: u8,
    /// Place in the answer, from 0.
    pub rank: u8,
    /// How much of the visitor the decision rested on.
    pub mode: TokenMode,
    /// The placement's experiment and the variation.
    pub experiment: Option<(u16, u8)>,
    /// Chance with which the offer was chosen, 0..=1.
    pub propensity: f64,
    /// The visitor agreed to be measured.
    pub may_measure: bool,
}

impl From<DecisionToken<'_>> for Decided {
    fn from(token: DecisionToken<'_>) -> Self {
        Self {
            issued_at_s: token.issued_at_s,
            bundle_version: token.bundle_version,
            placement: token.placement,
            offer: token.offer,
            creative: token.creative,
            rank: token.rank,
            mode: token.mode,
            experiment: token.experiment,
            propensity: token.propensity,
            may_measure: token.may_measure,
        }
    }
}

/// A visitor who agreed to be measured, see [`Pseudonyms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// As the ledger and exposure tokens name them.
    pub unit: u64,
    /// As tables name them; `None` without the secret `TABLE_KEY`.
    pub row_key: Option<u64>,
}

/// An event that may count.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// What happened.
    pub kind: Kind,
    /// When, by the Worker's clock; not after the call arrived.
    pub at: TimestampMs,
    /// The decision that it answers to, with the text of the token.
    pub decided: Option<(String, Decided)>,
    /// What it is called; empty for none.
    pub name: String,
    /// Its value in the smallest coin of the currency.
    pub value: Option<(u64, String)>,
    /// The order, as a keyed hash.
    pub order: Option<String>,
    /// Where it happened; empty if nobody said.
    pub channel: String,
    /// The visitor, only if they agreed to be measured and were not erased.
    pub visitor: Option<Measured>,
    /// The visitor is the batch's, and not one that the row names.
    pub is_of_batch: bool,
    /// Properties, by name.
    pub props: BTreeMap<String, Value>,
}

/// Why a row does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventError {
    /// Not an object of the known members. Holds what is wrong.
    Malformed(String),
    /// No such type.
    InvalidType,
    /// No id, or one of other signs or length.
    InvalidId,
    /// `at` is no RFC 3339 time.
    InvalidTime,
    /// It happened longer ago than [`AGE_MAX_S`].
    TooOld,
    /// An impression, click or dismissal without token.
    TokenRequired,
    /// The token.
    Token(TokenError),
    /// The token names a bundle that there is not, or a place in it that there is not.
    UnknownDecision,
    /// This deployment has no `TOKEN_KEY`: no token is its own, and no visitor can be hashed.
    NoKey,
    /// `value` or `currency`.
    InvalidValue,
    /// `order_id`, or it stands at what is no conversion.
    InvalidOrder,
    /// `channel`.
    InvalidChannel,
    /// `name`.
    InvalidName,
    /// `props`: too many, too long, or of another kind.
    InvalidProps,
    /// A property looks like it names a person.
    PersonalData,
    /// The ledger did not answer: the row was not counted, and may be sent again.
    Retry,
}

impl EventError {
    /// All words.
    pub const WORDS: [&'static str; 19] = [
        "malformed",
        "invalid_type",
        "invalid_id",
        "invalid_time",
        "too_old",
        "token_required",
        "forged",
        "stale",
        "not_yet",
        "other_environment",
        "unknown_decision",
        "no_key",
        "invalid_value",
        "invalid_order",
        "invalid_channel",
        "invalid_name",
        "invalid_props",
        "personal_data",
        "retry",
    ];

    /// The word of the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::InvalidType => "invalid_type",
            Self::InvalidId => "invalid_id",
            Self::InvalidTime => "invalid_time",
            Self::TooOld => "too_old",
            Self::TokenRequired => "token_required",
            Self::Token(error) => error.as_str(),
            Self::UnknownDecision => "unknown_decision",
            Self::NoKey => "no_key",
            Self::InvalidValue => "invalid_value",
            Self::InvalidOrder => "invalid_order",
            Self::InvalidChannel => "invalid_channel",
            Self::InvalidName => "invalid_name",
            Self::InvalidProps => "invalid_props",
            Self::PersonalData => "personal_data",
            Self::Retry => "retry",
        }
    }

    /// In words for the caller.
    pub fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Malformed(why) => return Cow::Owned(why.clone()),
            Self::InvalidType => "there is no such type of event",
            Self::InvalidId => {
                "an id has 1 to 64 of A-Z a-z 0-9 . _ : -; it may be left out only with an Idempotency-Key"
            }
            Self::InvalidTime => "at is not an RFC 3339 time such as 2026-12-01T08:00:00Z",
            Self::TooOld => "it happened more than 30 days ago",
            Self::TokenRequired => "impressions, clicks and dismissals need the token of the decision",
            Self::Token(TokenError::Stale) => "the token is older than 30 days",
            Self::Token(error) => error.detail(),
            Self::UnknownDecision => "the token names a decision of a configuration that is not there",
            Self::NoKey => "the secret TOKEN_KEY is not set, so nothing can be measured here",
            Self::InvalidValue => {
                "value is a number from 0 to 10000000 with a currency of three capital letters, for a conversion, custom or cart event"
            }
            Self::InvalidOrder => "order_id has 1 to 64 bytes and stands at a conversion",
            Self::InvalidChannel => "there is no such channel",
            Self::InvalidName => "name has 1 to 32 of a-z 0-9 _",
            Self::InvalidProps => {
                "props are at most 8 numbers, true, false, or texts of at most 64 bytes, with names of 1 to 32 of a-z 0-9 _"
            }
            Self::PersonalData => "a property looks like it names a person",
            Self::Retry => "the row was not counted; send it again",
        })
    }
}

/// What holds for all rows of a call.
pub(crate) struct RowContext<'c> {
    pub pseudonyms: Option<Pseudonyms<'c>>,
    /// Whether a unit is that of a visitor who was erased.
    pub is_erased: &'c dyn Fn(u64) -> bool,
    pub environment: &'c str,
    pub now: TimestampMs,
    /// What is added to the caller's clock. Unit: ms.
    pub skew_ms: i64,
    pub channel: Option<&'c str>,
    pub visitor: Option<&'c VisitorWire>,
    pub consent: ConsentWire,
    /// A signal of the visitor's browser is against joining.
    pub is_against: bool,
    /// Stands for missing ids: the `Idempotency-Key`.
    pub batch_id: Option<&'c str>,
}

/// Checks one row. `index`: its place in the batch.
///
/// Errors: the first [`EventError`].
pub(crate) fn check(row: &str, index: usize, context: &RowContext<'_>) -> Result<Event, EventError> {
    if !row.starts_with('{') {
        return Err(EventError::Malformed("a row is a JSON object".to_owned()));
    }
    let row: RowWire<'_> =
        serde_json::from_slice(row.as_bytes()).map_err(|error| EventError::Malformed(error.to_string()))?;
    let kind = Kind::of(&row.r#type).ok_or(EventError::InvalidType)?;
    let id = match (row.id, context.batch_id) {
        (Some(id), _) if is_id(&id) => id,
        (None, Some(batch)) => crate::shard::key(&["row", batch, &index.to_string()]),
        _ => return Err(EventError::InvalidId),
    };
    let at = corrected(row.at.as_deref(), context)?;
    let pseudonyms = context.pseudonyms.ok_or(EventError::NoKey)?;
    let keys = pseudonyms.tokens;
    let decided = match row.token {
        None if kind.is_of_a_showing() => return Err(EventError::TokenRequired),
        None => None,
        Some(text) => {
            let decided = verified(&text, keys, context)?;
            Some((text, decided))
        }
    };
    let value = checked_value(kind, row.value, row.currency)?;
    let order = match row.order_id {
        None => None,
        Some(id) if kind == Kind::Conversion && (1..=ID_BYTES_MAX).contains(&id.len()) => {
            Some(keys.pseudonym("order", &id))
        }
        Some(_) => return Err(EventError::InvalidOrder),
    };
    let channel = row.channel.as_deref().or(context.channel).unwrap_or_default();
    if !channel.is_empty() && !CHANNELS.contains(&channel) {
        return Err(EventError::InvalidChannel);
    }
    let name = row.name.unwrap_or_default();
    if !name.is_empty() && !is_name(&name) {
        return Err(EventError::InvalidName);
    }
    let props = row.props.unwrap_or_default();
    check_props(&props)?;
    // Every voice is asked: the caller's, the browser's, and what was agreed to when it was decided.
    let may_join = row.consent.unwrap_or(context.consent).measure
        && !context.is_against
        && decided.as_ref().is_none_or(|(_, it)| it.may_measure);
    let name_of_visitor = row.visitor.as_ref().or(context.visitor).and_then(VisitorWire::text).filter(|_| may_join);
    let measured =
        |it: &str| Measured { unit: pseudonyms.unit(it), row_key: pseudonyms.row_key(it).map(|row_key| row_key.0) };
    Ok(Event {
        id,
        kind,
        at,
        decided,
        name,
        value,
        order,
        channel: channel.to_owned(),
        visitor: name_of_visitor.map(measured).filter(|it| !(context.is_erased)(it.unit)),
        is_of_batch: row.visitor.is_none(),
        props,
    })
}

fn is_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b':' | b'-'))
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// When it happened by our clock: the caller's clock is moved by what it differs, and nothing happens after it was reported.
fn corrected(at: Option<&str>, context: &RowContext<'_>) -> Result<TimestampMs, EventError> {
    let Some(at) = at else { return Ok(context.now) };
    let at = TimestampMs::parse(at).map_err(|_| EventError::InvalidTime)?;
    let at = TimestampMs(at.0.saturating_add(context.skew_ms).min(context.now.0));
    let age_s = context.now.0.saturating_sub(at.0).div_euclid(1000);
    if age_s > AGE_MAX_S { Err(EventError::TooOld) } else { Ok(at) }
}

fn verified(text: &str, keys: &TokenKeys, context: &RowContext<'_>) -> Result<Decided, EventError> {
    let bytes = DecisionBytes::parse(text).map_err(EventError::Token)?;
    let token = bytes.verify(keys, context.now).map_err(EventError::Token)?;
    if token.environment != context.environment {
        return Err(EventError::Token(TokenError::OtherEnvironment));
    }
    Ok(token.into())
}

fn checked_value(
    kind: Kind,
    value: Option<f64>,
    currency: Option<String>,
) -> Result<Option<(u64, String)>, EventError> {
    match (value, currency) {
        (None, None) => Ok(None),
        (Some(value), Some(currency))
            if matches!(kind, Kind::Conversion | Kind::Custom | Kind::Cart) && money::is_currency(&currency) =>
        {
            let minor = money::minor(value, &currency).ok_or(EventError::InvalidValue)?;
            Ok(Some((minor, currency)))
        }
        _ => Err(EventError::InvalidValue),
    }
}

fn check_props(props: &BTreeMap<String, Value>) -> Result<(), EventError> {
    if props.len() > PROPS_MAX {
        return Err(EventError::InvalidProps);
    }
    for (name, value) in props {
        let is_personal = match value {
            Value::Bool(_) => false,
            Value::Number(number) => number.as_f64().is_some_and(personal::is_personal_number),
            Value::String(text) if text.len() <= PROP_BYTES_MAX => personal::is_personal(text),
            _ => return Err(EventError::InvalidProps),
        };
        if !is_name(name) {
            return Err(EventError::InvalidProps);
        }
        if is_personal {
            return Err(EventError::PersonalData);
        }
    }
    Ok(())
}
