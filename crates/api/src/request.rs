//! The body of `POST /v1/decide`: received, checked against the published limits, ready for the engine.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use vitrine_engine::{Context, ContextValue, Dedupe, TimestampMs};
use vitrine_flags::Json;

use crate::consent::Consent;
use crate::pointer::escaped;
use crate::problem::{Problem, ProblemCode};

/// Greatest size of a body. Unit: bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most placements in a request.
pub const PLACEMENTS_MAX: usize = 30;
/// Most offers that a placement may ask for.
pub const COUNT_MAX: u8 = 30;
/// Most attributes in `context.attributes`.
pub const ATTRIBUTES_MAX: usize = 64;
/// Most entries of `context.items`.
pub const ITEMS_MAX: usize = 50;
/// Most labels in one attribute.
pub const LABELS_MAX: usize = 64;
/// Greatest length of a text, unless another limit is named. Unit: bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 256;
/// Greatest length of `context.url`. Unit: bytes of UTF-8.
pub const URL_BYTES_MAX: usize = 2048;
/// Greatest length of `consent.tcf`. Unit: bytes of UTF-8.
pub const TCF_BYTES_MAX: usize = 4096;
/// Greatest length of `state`. Unit: bytes of UTF-8.
pub const STATE_BYTES_MAX: usize = 2048;

/// What a page, an app or a mail asks. Unknown members are refused.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideRequest"))]
struct RequestWire<'b> {
    /// The caller's id of the request, given back.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    request_id: Option<String>,
    /// Who the decision is for.
    #[serde(default)]
    visitor: VisitorWire,
    /// What the visitor agreed to.
    #[serde(default)]
    consent: ConsentWire,
    /// What an earlier answer asked to keep for this visitor (`set`, the entry `__Host-vitrine_state`), from callers whose
    /// requests carry no cookies. Without consent it is not looked at.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = STATE_BYTES_MAX)))]
    state: Option<String>,
    /// Where and when the decision is shown.
    #[serde(borrow, default)]
    context: ContextWire<'b>,
    /// What to fill; each placement once.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = PLACEMENTS_MAX)))]
    placements: Vec<PlacementWire>,
    /// How to answer.
    #[serde(default)]
    options: OptionsWire,
}

/// Who the decision is for. All may be left out: the answer is then contextual.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideVisitor"))]
struct VisitorWire {
    /// Pseudonymous key of the visitor, as the shop's data names the customer.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    key: Option<String>,
    /// First-party id of a visitor who is not known by key. Not looked at without consent.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    anon: Option<String>,
    /// The visitor objects to personalisation.
    #[serde(default)]
    opt_out: bool,
    /// The visitor is under the age for profiling.
    #[serde(default)]
    minor: bool,
}

/// What the visitor agreed to. Where several sources speak, a refusal by any of them wins.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideConsent"))]
struct ConsentWire {
    /// Personalisation. Left out, the published configuration decides (`settings.consent`); by default there is none.
    personalise: Option<bool>,
    /// Joining events with the visitor. Left out, as above.
    measure: Option<bool>,
    /// Consent string of a consent platform (IAB TCF, version 2), as in the cookie `euconsent-v2`: purposes 3 to 6 are
    /// personalisation, purpose 8 is measurement. What is no such string counts as a refusal.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TCF_BYTES_MAX)))]
    tcf: Option<String>,
    /// State of Google's consent mode.
    gcm: Option<ConsentModeWire>,
    /// Where the consent comes from, such as `app`. For the caller's own records: no rule asks for it.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    source: Option<String>,
    /// Version of the text that the visitor agreed to. For the caller's own records too.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    version: Option<String>,
}

/// The fields of Google's consent mode that matter here; others are taken and not looked at.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideConsentMode"))]
struct ConsentModeWire {
    /// Personalisation.
    personalization_storage: Option<Grant>,
    /// Joining events with the visitor.
    analytics_storage: Option<Grant>,
}

/// A value of Google's consent mode.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schemars(inline))]
enum Grant {
    Granted,
    Denied,
}

impl ConsentWire {
    fn check(&self) -> Result<Consent, Problem> {
        let texts = [("tcf", &self.tcf, TCF_BYTES_MAX), ("source", &self.source, TEXT_BYTES_MAX)];
        for (name, value, bytes_max) in texts.into_iter().chain([("version", &self.version, TEXT_BYTES_MAX)]) {
            if let Some(value) = value {
                text(value, &format!("/consent/{name}"), bytes_max)?;
            }
        }
        let mode = self.gcm.as_ref().map_or_else(Consent::default, |it| {
            let granted = |it: Option<Grant>| it.map(|it| it == Grant::Granted);
            Consent::of_consent_mode(granted(it.personalization_storage), granted(it.analytics_storage))
        });
        let said = Consent { personalise: self.personalise, measure: self.measure, store: None };
        Ok(said.and(mode).and(self.tcf.as_deref().map_or_else(Consent::default, Consent::of_tcf)))
    }
}

/// Where and when the decision is shown.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideContext"))]
struct ContextWire<'b> {
    /// Address of the page.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = URL_BYTES_MAX)))]
    url: Option<String>,
    /// Kind of the page, such as `home`.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    page_type: Option<String>,
    /// BCP 47 tag; chooses creatives.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    locale: Option<String>,
    /// Name of the visitor's time zone.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    tz: Option<String>,
    /// Class of device.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    device: Option<String>,
    /// Such as `web`; chooses creatives.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    channel: Option<String>,
    /// ISO 3166 code. Default: what the edge sees.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    country: Option<String>,
    /// Items of this session, the most recent first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(max = ITEMS_MAX), inner(length(min = 1, max = TEXT_BYTES_MAX))))]
    items: Vec<String>,
    /// Seen by conditions as `context.<name>`. The names of the members beside this one are reserved.
    #[serde(borrow, default)]
    #[cfg_attr(feature = "openapi", schemars(extend("maxProperties" = ATTRIBUTES_MAX), with = "BTreeMap<String, AttributeWire>"))]
    attributes: BTreeMap<String, &'b RawValue>,
}

/// A fact about the request, as the API's document shows it.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "DecideAttribute", untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum AttributeWire {
    Bool(bool),
    Number(f64),
    Text(#[schemars(length(min = 1, max = TEXT_BYTES_MAX))] String),
    Labels(#[schemars(length(max = LABELS_MAX), inner(length(min = 1, max = TEXT_BYTES_MAX)))] Vec<String>),
}

/// A placement to fill.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "DecidePlacement"))]
struct PlacementWire {
    /// Id of the placement, as the configuration names it.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    id: String,
    /// Most offers wanted; never more come than the placement has room for.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = COUNT_MAX)))]
    count: Option<u8>,
}

/// How to answer.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideOptions"))]
struct OptionsWire {
    /// Counts nothing.
    #[serde(default)]
    dry_run: bool,
    /// Tells the fate of every candidate. For administrators: it shows what is known of the visitor.
    #[serde(default)]
    explain: bool,
    /// Whether placements may repeat offers.
    #[serde(default)]
    dedupe: DedupeWire,
    /// RFC 3339 time: decides as if it were then. For administrators: it shows what is not yet public.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    at: Option<String>,
}

/// Whether two placements may show the same offer.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schemars(rename = "DecideDedupe"))]
enum DedupeWire {
    /// They may.
    #[default]
    Off,
    /// They may not: an earlier placement takes it. Fallback offers are exempt.
    Page,
}

/// One placement of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementRequest {
    /// Id of the placement.
    pub id: String,
    /// Most offers wanted, 1..=30; `None` takes the placement's own count.
    pub count: Option<u8>,
}

/// A decide request within all limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecideRequest {
    /// The caller's id of the request, echoed.
    pub request_id: Option<String>,
    /// The visitor's pseudonymous key, as the shop's data names the customer. Not empty.
    pub visitor_key: Option<String>,
    /// First-party id of a visitor who is not known by key. Not empty.
    pub anon: Option<String>,
    /// The visitor objects to personalisation.
    pub opt_out: bool,
    /// The visitor is under the age for profiling.
    pub minor: bool,
    /// What the body says about consent.
    pub consent: Consent,
    /// The visitor's signed state, unread.
    pub state: Option<String>,
    /// Events of this decision may be joined with the visitor. Set by [`crate::personalisation`], false before.
    pub measure: bool,
    /// Something may be kept on the visitor's device. Set by [`crate::personalisation`], false before.
    pub may_store: bool,
    /// Nothing about the visitor may go to others. Set by [`crate::personalisation`], false before.
    pub limit_sharing: bool,
    /// The request's context.
    pub context: Context,
    /// The placements to fill, 1..=30, each once.
    pub placements: Vec<PlacementRequest>,
    /// Counts nothing.
    pub dry_run: bool,
    /// Asks for explanations. Privileged: they show what is known of the visitor.
    pub explain: bool,
    /// Whether placements may repeat offers.
    pub dedupe: Dedupe,
    /// Decides as if it were this time. Privileged: it shows what is not yet public.
    pub at: Option<TimestampMs>,
}

impl DecideRequest {
    /// Parses and checks a body.
    ///
    /// Errors: a [`Problem`] with status 413, or 400 that names the field and the rule.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Problem::new(
                ProblemCode::BodyTooLarge,
                format!("the body has {} bytes, at most {BODY_BYTES_MAX} are taken", body.len()),
            ));
        }
        // serde would also take the fields of a struct as a list.
        if body.trim_ascii_start().first().is_some_and(|it| *it == b'[') {
            return Err(Problem::field("", "invalid_field", "the body must be a JSON object"));
        }
        serde_json::from_slice::<RequestWire>(body).map_err(|error| Problem::unreadable(body, &error))?.check()
    }

    /// What names the visitor, the key before the first-party id. Nothing once [`crate::personalisation`] found an objection.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.visitor_key, &self.anon].into_iter().flatten().map(String::as_str)
    }

    /// Whether what is decided counts: neither dry runs do, nor what is decided as if it were another time.
    pub fn counts(&self) -> bool {
        !self.dry_run && self.at.is_none()
    }

    /// Whether the request asks for something that only an administrator may see.
    pub fn is_privileged(&self) -> bool {
        self.explain || self.at.is_some()
    }
}

pub(crate) fn text(value: &str, pointer: &str, bytes_max: usize) -> Result<(), Problem> {
    if value.is_empty() {
        return Err(Problem::field(pointer, "empty", "the text is empty; leave the field out instead"));
    }
    if value.len() > bytes_max {
        let detail = format!("the text has {} bytes, at most {bytes_max} are taken", value.len());
        return Err(Problem::field(pointer, "too_long", detail));
    }
    Ok(())
}

fn at_most(found: usize, max: usize, pointer: &str, what: &str) -> Result<(), Problem> {
    if found > max {
        return Err(Problem::field(pointer, "too_many", format!("{found} {what}, at most {max} are taken")));
    }
    Ok(())
}

impl RequestWire<'_> {
    fn check(self) -> Result<DecideRequest, Problem> {
        if let Some(id) = &self.request_id {
            text(id, "/request_id", TEXT_BYTES_MAX)?;
        }
        if let Some(key) = &self.visitor.key {
            text(key, "/visitor/key", TEXT_BYTES_MAX)?;
        }
        if let Some(anon) = &self.visitor.anon {
            text(anon, "/visitor/anon", TEXT_BYTES_MAX)?;
        }
        if let Some(state) = &self.state {
            text(state, "/state", STATE_BYTES_MAX)?;
        }
        let at = self.options.at.as_deref().map(timestamp).transpose()?;
        Ok(DecideRequest {
            request_id: self.request_id,
            visitor_key: self.visitor.key,
            opt_out: self.visitor.opt_out,
            minor: self.visitor.minor,
            anon: self.visitor.anon,
            consent: self.consent.check()?,
            state: self.state,
            measure: false,
            may_store: false,
            limit_sharing: false,
            context: self.context.check()?,
            placements: check_placements(self.placements)?,
            dry_run: self.options.dry_run,
            explain: self.options.explain,
            dedupe: match self.options.dedupe {
                DedupeWire::Off => Dedupe::Off,
                DedupeWire::Page => Dedupe::Page,
            },
            at,
        })
    }
}

fn timestamp(text: &str) -> Result<TimestampMs, Problem> {
    TimestampMs::parse(text).map_err(|_| {
        let detail = format!("{text:?} is not an RFC 3339 time such as 2026-12-01T08:00:00Z");
        Problem::field("/options/at", "invalid_time", detail)
    })
}

fn check_placements(wire: Vec<PlacementWire>) -> Result<Vec<PlacementRequest>, Problem> {
    if wire.is_empty() {
        return Err(Problem::field("/placements", "empty", "name at least one placement"));
    }
    at_most(wire.len(), PLACEMENTS_MAX, "/placements", "placements")?;
    let mut placements: Vec<PlacementRequest> = Vec::with_capacity(wire.len());
    for (i, PlacementWire { id, count }) in wire.into_iter().enumerate() {
        text(&id, &format!("/placements/{i}/id"), TEXT_BYTES_MAX)?;
        if placements.iter().any(|it| it.id == id) {
            let detail = format!("the placement {id:?} is named twice");
            return Err(Problem::field(format!("/placements/{i}/id"), "duplicate", detail));
        }
        if count.is_some_and(|it| !(1..=COUNT_MAX).contains(&it)) {
            let detail = format!("the count must be 1 to {COUNT_MAX}");
            return Err(Problem::field(format!("/placements/{i}/count"), "out_of_range", detail));
        }
        placements.push(PlacementRequest { id, count });
    }
    Ok(placements)
}

impl ContextWire<'_> {
    fn check(self) -> Result<Context, Problem> {
        at_most(self.attributes.len(), ATTRIBUTES_MAX, "/context/attributes", "attributes")?;
        at_most(self.items.len(), ITEMS_MAX, "/context/items", "items")?;
        for (i, item) in self.items.iter().enumerate() {
            text(item, &format!("/context/items/{i}"), TEXT_BYTES_MAX)?;
        }
        let mut context = Context::default();
        context.items = self.items;
        context.locale.clone_from(&self.locale);
        context.channel.clone_from(&self.channel);
        for (name, value, bytes_max) in [
            ("url", self.url, URL_BYTES_MAX),
            ("page_type", self.page_type, TEXT_BYTES_MAX),
            ("locale", self.locale, TEXT_BYTES_MAX),
            ("tz", self.tz, TEXT_BYTES_MAX),
            ("device", self.device, TEXT_BYTES_MAX),
            ("channel", self.channel, TEXT_BYTES_MAX),
            ("country", self.country, TEXT_BYTES_MAX),
        ] {
            let Some(value) = value else { continue };
            text(&value, &format!("/context/{name}"), bytes_max)?;
            context.set(name, ContextValue::Text(value));
        }
        for (name, value) in self.attributes {
            let pointer = format!("/context/attributes/{}", escaped(&name));
            text(&name, &pointer, TEXT_BYTES_MAX)?;
            if ["url", "page_type", "locale", "tz", "device", "channel", "country"].contains(&name.as_str()) {
                let detail = format!("{name:?} has a field of its own: set /context/{name}");
                return Err(Problem::field(pointer, "reserved", detail));
            }
            context.set(&name, attribute(value, &pointer)?);
        }
        Ok(context)
    }
}

/// The value of an attribute. Not by serde, whose reader of decimals may be off by the last bit.
fn attribute(raw: &RawValue, pointer: &str) -> Result<ContextValue, Problem> {
    let refused = |pointer: &str, found: &Json, expected: &str| {
        let found = match found {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        };
        Problem::field(pointer, "invalid_field", format!("expected {expected}, found {found}"))
    };
    let value = Json::parse(raw.get().as_bytes())
        .map_err(|error| Problem::field(pointer, "invalid_field", format!("not readable: {error}")))?;
    Ok(match value {
        Json::Bool(it) => ContextValue::Bool(it),
        Json::Number(it) if it.is_finite() => ContextValue::Number(it),
        Json::Text(it) => {
            text(&it, pointer, TEXT_BYTES_MAX)?;
            ContextValue::Text(it)
        }
        Json::List(list) => {
            at_most(list.len(), LABELS_MAX, pointer, "labels")?;
            let label = |(i, label): (usize, Json)| {
                let pointer = format!("{pointer}/{i}");
                match label {
                    Json::Text(label) => text(&label, &pointer, TEXT_BYTES_MAX).map(|()| label),
                    other => Err(refused(&pointer, &other, "a string")),
                }
            };
            ContextValue::Labels(list.into_iter().enumerate().map(label).collect::<Result<_, _>>()?)
        }
        other => return Err(refused(pointer, &other, "a boolean, a number, a text or a list of texts")),
    })
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for DecideRequest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        RequestWire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RequestWire::json_schema(generator)
    }
}
