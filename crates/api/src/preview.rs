//! Previews: a signed, expiring text that shows a chosen variation, a made-up visitor, another time or a draft. What it shows is
//! never counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vitrine_engine::TimestampMs;
use vitrine_flags::{Context, Json, Object};

use crate::environment::is_environment;
use crate::token::{TokenError, TokenKeys};

/// Header that carries a preview.
pub const PREVIEW_HEADER: &str = "vitrine-preview";
/// Parameter of an address that carries a preview.
pub const PREVIEW_PARAMETER: &str = "vitrine_preview";
/// Longest text of a preview. Unit: characters.
pub const PREVIEW_CHARS_MAX: usize = 6000;
/// Shortest and longest life of a preview. Unit: seconds.
pub const PREVIEW_LIFE_S: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;

/// What sets the signed bytes apart from those of other texts.
const PREVIEW: &[u8] = b"preview\0";

/// KV key of the compiled draft of a preview.
pub fn preview_key(id: &str) -> String {
    format!("p/{id}")
}

/// Body of `POST previews`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPreview {
    /// The environment to show. Default: `production`. With a draft: the draft's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::environment::ENVIRONMENT_PATTERN)))]
    pub environment: Option<String>,
    /// The draft to show in place of what runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// Variations chosen by hand: experiment to the variation's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub experiments: BTreeMap<String, String>,
    /// Values chosen by hand: flag to value.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub flags: Map<String, Value>,
    /// What the made-up visitor has; goes before what the page says of its visitor. `profile` holds columns of the profile.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// RFC 3339 time to show; absent: the present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    pub at: Option<String>,
    /// How long it works. Unit: seconds. Range: [`PREVIEW_LIFE_S`]. Default: a day.
    #[serde(default = "day_s")]
    #[cfg_attr(feature = "openapi", schemars(range(min = *PREVIEW_LIFE_S.start(), max = *PREVIEW_LIFE_S.end())))]
    pub expires_in: u64,
}

fn day_s() -> u64 {
    86_400
}

/// What a preview shows.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewToken {
    /// The environment.
    pub environment: String,
    /// From when on it shows nothing. Unit: ms since 1970.
    pub expires_at_ms: i64,
    /// Where the compiled draft is ([`preview_key`]), if it shows one.
    pub draft: Option<String>,
    /// Variations by hand: index by tracking key.
    pub variations: BTreeMap<String, i64>,
    /// Values by hand.
    pub flags: Object,
    /// The made-up visitor.
    pub attributes: Object,
    /// The time that it shows. Unit: ms since 1970. `None`: the present.
    pub at_ms: Option<i64>,
}

impl PreviewToken {
    /// A preview of an environment as it is, until a moment.
    pub fn new(environment: impl Into<String>, expires_at_ms: i64) -> Self {
        Self {
            environment: environment.into(),
            expires_at_ms,
            draft: None,
            variations: BTreeMap::new(),
            flags: Object::new(),
            attributes: Object::new(),
            at_ms: None,
        }
    }

    /// What is signed: an object with the members `e`, `x`, `d`, `v`, `f`, `a` and `t`, in the order of the fields.
    fn to_json(&self) -> String {
        let mut json = Object::new();
        json.insert("e", self.environment.as_str());
        json.insert("x", self.expires_at_ms as f64);
        if let Some(draft) = &self.draft {
            json.insert("d", draft.as_str());
        }
        let mut variations = Object::new();
        self.variations.iter().for_each(|(key, idx)| variations.insert(key.as_str(), *idx as f64));
        for (name, object) in [("v", &variations), ("f", &self.flags), ("a", &self.attributes)] {
            if !object.is_empty() {
                json.insert(name, object.clone());
            }
        }
        if let Some(at_ms) = self.at_ms {
            json.insert("t", at_ms as f64);
        }
        Json::Object(json).to_string()
    }

    /// Reads [`Self::to_json`]; `None` when it is something else.
    fn of_json(json: Json) -> Option<Self> {
        let Json::Object(mut json) = json else { return None };
        let Some(Json::Text(environment)) = json.remove("e") else { return None };
        let mut preview = Self::new(environment, json.remove("x")?.as_whole()?);
        preview.draft = match json.remove("d") {
            None => None,
            Some(Json::Text(draft)) => Some(draft),
            Some(_) => return None,
        };
        let mut object = |name: &str| match json.remove(name) {
            None => Some(Object::new()),
            Some(Json::Object(object)) => Some(object),
            Some(_) => None,
        };
        let variations = object("v")?;
        (preview.flags, preview.attributes) = (object("f")?, object("a")?);
        for (key, idx) in variations.iter() {
            preview.variations.insert(key.to_owned(), idx.as_whole()?);
        }
        if let Some(at) = json.remove("t") {
            preview.at_ms = Some(at.as_whole()?);
        }
        (json.is_empty() && is_environment(&preview.environment)).then_some(preview)
    }

    /// The signed text: base64url of its JSON, a point, base64url of the HMAC; `None` if it is longer than
    /// [`PREVIEW_CHARS_MAX`].
    pub fn sign(&self, keys: &TokenKeys) -> Option<String> {
        let text = keys.seal(PREVIEW, &self.to_json());
        (text.len() <= PREVIEW_CHARS_MAX).then_some(text)
    }

    /// Reads and checks the text.
    ///
    /// Errors: [`TokenError::Malformed`], [`TokenError::Forged`], [`TokenError::Stale`].
    pub fn verify(text: &str, keys: &TokenKeys, now: TimestampMs) -> Result<Self, TokenError> {
        if text.len() > PREVIEW_CHARS_MAX {
            return Err(TokenError::Malformed);
        }
        let token = Self::of_json(keys.open(PREVIEW, text)?).ok_or(TokenError::Malformed)?;
        if now.0 >= token.expires_at_ms { Err(TokenError::Stale) } else { Ok(token) }
    }

    /// The time that is shown; `now` is the present.
    pub fn now(&self, now: TimestampMs) -> TimestampMs {
        self.at_ms.map_or(now, TimestampMs)
    }
}

/// Puts what a preview shows into the context of an evaluation: the made-up visitor goes before what the caller says, hand-made
/// choices before rules.
pub fn apply(preview: &PreviewToken, context: &mut Context) {
    for (name, value) in preview.attributes.iter() {
        context.attributes.insert(name, value.clone());
    }
    context.forced_variations.extend(preview.variations.iter().map(|(key, idx)| (key.clone(), *idx)));
    for (flag, value) in preview.flags.iter() {
        context.forced_features.insert(flag, value.clone());
    }
    context.now_ms = preview.now(TimestampMs(context.now_ms)).0;
    // Earlier assignments of whoever looks must not hide what is to be seen.
    context.sticky = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use vitrine_flags::{Evaluation, Payload};

    fn keys(digit: &str) -> TokenKeys {
        TokenKeys::from_hex(&digit.repeat(64), None).unwrap()
    }

    fn preview() -> PreviewToken {
        let mut preview = PreviewToken::new("staging", 1_000_000);
        preview.variations.insert("hero-test".into(), 1);
        preview.flags.insert("search", "new");
        preview.attributes.insert("country", "CN");
        preview.at_ms = Some(5000);
        preview
    }

    const NOW: TimestampMs = TimestampMs(999_999);

    #[test]
    fn a_preview_comes_back() {
        let text = preview().sign(&keys("a")).unwrap();
        assert!(text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it)), "fits into an address");
        assert_eq!(PreviewToken::verify(&text, &keys("a"), NOW), Ok(preview()));
        let both = TokenKeys::from_hex(&"b".repeat(64), Some(&"a".repeat(64))).unwrap();
        assert_eq!(PreviewToken::verify(&text, &both, NOW), Ok(preview()));
    }

    #[test]
    fn what_is_changed_or_over_shows_nothing() {
        let text = preview().sign(&keys("a")).unwrap();
        let check = |text: &str, now: TimestampMs, error: TokenError| {
            assert_eq!(PreviewToken::verify(text, &keys("a"), now), Err(error), "{text:.40}");
        };
        check(&text, TimestampMs(1_000_000), TokenError::Stale);
        assert_eq!(PreviewToken::verify(&text, &keys("b"), NOW), Err(TokenError::Forged));
        let (json, mac) = text.split_once('.').unwrap();
        let mut longer = preview();
        longer.expires_at_ms = 1 << 52;
        let other = URL_SAFE_NO_PAD.encode(longer.to_json());
        check(&format!("{other}.{mac}"), NOW, TokenError::Forged);
        check(&format!("{json}.{}", URL_SAFE_NO_PAD.encode([0; 16])), NOW, TokenError::Forged);
        for malformed in ["", ".", json, mac, "a.b", &format!("{text}."), &format!("{json}.AA"), &"a".repeat(7000)] {
            check(malformed, NOW, TokenError::Malformed);
        }
        // Signed texts of another kind are no previews.
        let stream = crate::StreamToken { environment: "staging".into(), expires_at_ms: i64::MAX };
        check(&stream.sign(&keys("a")), NOW, TokenError::Forged);
    }

    #[test]
    fn what_is_signed_and_no_preview_shows_nothing() {
        let good = preview().to_json();
        let read = |json: &str| PreviewToken::of_json(Json::parse(json.as_bytes()).ok()?);
        assert_eq!(read(&good), Some(preview()));
        for (from, to) in [
            ("\"e\":\"staging\"", "\"e\":\"../x\""),
            ("\"e\":\"staging\",", ""),
            ("1000000", "1000000.5"),
            ("1000000", "1e300"),
            ("1000000", "\"1000000\""),
            ("\"hero-test\":1", "\"hero-test\":\"1\""),
            ("{\"search\":\"new\"}", "[]"),
            ("\"t\":5000", "\"t\":null"),
            ("\"t\":5000", "\"z\":5000"),
            ("{", "["),
        ] {
            let wrong = good.replacen(from, to, 1);
            assert_ne!(wrong, good, "{from}");
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_that_is_too_long_is_not_made() {
        let mut preview = preview();
        preview.attributes.insert("x", "x".repeat(5000).as_str());
        assert_eq!(preview.sign(&keys("a")), None);
    }

    #[test]
    fn what_it_shows_goes_first() {
        let payload = Payload::parse(
            br#"{"features": {
              "hero": {"defaultValue": 0, "rules": [{"key": "hero-test", "variations": [1, 2], "hashVersion": 2}]},
              "search": {"defaultValue": "old"},
              "gift": {"defaultValue": false, "rules": [{"force": true, "condition": {"country": "CN"}, "vitrine": {"ends": 6000}}]}
            }}"#,
        )
        .unwrap();
        let mut context = Context { now_ms: 1_000_000, ..Context::default() };
        context.attributes.insert("id", "u");
        context.attributes.insert("country", "DE");
        apply(&preview(), &mut context);
        let mut evaluation = Evaluation::new(&payload, &context);
        let mut value = |flag: &str| evaluation.feature(flag).value.to_string();
        assert_eq!([value("hero"), value("search"), value("gift")], ["2", "\"new\"", "true"]);
        assert!(evaluation.exposures().is_empty(), "nothing to count");
    }

    #[test]
    fn bodies_with_mistakes() {
        for wrong in [
            r#"{"experiment":{}}"#,
            r#"{"experiments":{"a":1}}"#,
            r#"{"expires_in":"1d"}"#,
            r#"{"expires_in":-1}"#,
            r#"{"attributes":[]}"#,
            r#"{"at":5}"#,
        ] {
            assert!(serde_json::from_str::<NewPreview>(wrong).is_err(), "{wrong}");
        }
        let empty: NewPreview = serde_json::from_str("{}").unwrap();
        assert_eq!((empty.environment, empty.expires_in), (None, 86_400));
    }
}
