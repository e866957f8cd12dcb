//! `POST /v1/me/preferences`: a visitor objects to personalisation, takes the objection back, or does not want to see an offer.

use serde::{Deserialize, Serialize};
use vitrine_engine::TimestampMs;

use crate::cookie::{COOKIE_AGE_MAX_S, SetCookie};
use crate::personalisation::OPT_OUT_COOKIE;
use crate::problem::Problem;
use crate::request::{STATE_BYTES_MAX, TEXT_BYTES_MAX, text};
use crate::token::{DECISION_TOKEN_CHARS_MAX, TokenKeys};
use crate::visitor_state::{STATE_COOKIE, VisitorState};

/// Greatest body. Unit: bytes.
pub const PREFERENCES_BYTES_MAX: usize = 8 * 1024;

/// First bytes of what is signed in an objection.
const OPT_OUT: &[u8] = b"opt-out\0";

/// What the visitor wants; at least one of `personalise` and `dismiss`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// False: no personalisation from the next request on. True: the objection is taken back; whether there is consent is another
    /// question.
    pub personalise: Option<bool>,
    /// Token of an offer that the visitor does not want to see any more. Needs `visitor.key` or `visitor.anon`.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = DECISION_TOKEN_CHARS_MAX)))]
    pub dismiss: Option<String>,
    /// Who asks, as in `POST /v1/decide`.
    #[serde(default)]
    pub visitor: PreferencesVisitor,
    /// The visitor's state, from callers whose requests carry no cookies.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = STATE_BYTES_MAX)))]
    pub state: Option<String>,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PreferencesVisitor {
    /// Pseudonymous key of the visitor.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    pub key: Option<String>,
    /// First-party id of a visitor who is not known by key.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = TEXT_BYTES_MAX)))]
    pub anon: Option<String>,
}

impl PreferencesVisitor {
    /// What names the visitor, the key first.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        [&self.key, &self.anon].into_iter().flatten().map(String::as_str)
    }
}

/// What came of it. Where the answer's cookies do not reach the visitor, the caller keeps the entries of `set` and sends them as
/// cookies with later requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PreferencesAnswer {
    /// What the answer keeps on the visitor's device, or forgets there.
    pub set: Vec<SetCookie>,
}

/// An offer that is dismissed, and what its visitor's state is changed with.
#[derive(Clone, Copy, Debug)]
pub struct Dismissal<'a> {
    /// Id of the offer, as the token's bundle has it.
    pub offer: &'a str,
    /// Who dismisses it; named by key or first-party id.
    pub visitor: &'a PreferencesVisitor,
    /// The state so far, unread.
    pub state: Option<&'a str>,
    /// The secrets.
    pub keys: &'a TokenKeys,
}

impl Preferences {
    /// Reads a body.
    ///
    /// Errors: 400 that names the field and the rule, 413.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        if body.trim_ascii_start().first().is_some_and(|it| *it == b'[') {
            return Err(Problem::field("", "invalid_field", "the body must be a JSON object"));
        }
        let read: Self = serde_json::from_slice(body).map_err(|error| Problem::unreadable(body, &error))?;
        let texts = [
            ("/dismiss", &read.dismiss, DECISION_TOKEN_CHARS_MAX),
            ("/visitor/key", &read.visitor.key, TEXT_BYTES_MAX),
            ("/visitor/anon", &read.visitor.anon, TEXT_BYTES_MAX),
            ("/state", &read.state, STATE_BYTES_MAX),
        ];
        for (pointer, value, bytes_max) in texts {
            if let Some(value) = value {
                text(value, pointer, bytes_max)?;
            }
        }
        let is_named = read.visitor.names().next().is_some();
        match (read.personalise, &read.dismiss, is_named) {
            (None, None, _) => Err(Problem::field("", "missing_field", "say personalise, or dismiss")),
            (_, Some(_), false) => {
                Err(Problem::field("/visitor/key", "missing_field", "name the visitor who dismisses the offer"))
            }
            _ => Ok(read),
        }
    }

    /// The answer. An objection takes with it what was kept for personalisation. It is signed with its time; where no secret is
    /// set it is not, and counts as much.
    pub fn answer(
        &self,
        keys: Option<&TokenKeys>,
        dismissal: Option<Dismissal<'_>>,
        now: TimestampMs,
    ) -> PreferencesAnswer {
        let mut set = Vec::new();
        match self.personalise {
            Some(true) => set.push(SetCookie::forget(OPT_OUT_COOKIE)),
            Some(false) => {
                let value = objection(keys, now);
                set.push(SetCookie { name: OPT_OUT_COOKIE, value, max_age: COOKIE_AGE_MAX_S });
                set.push(SetCookie::forget(STATE_COOKIE));
            }
            None => {}
        }
        if let Some(dismissal) = dismissal.filter(|_| self.personalise != Some(false)) {
            set.extend(dismissal.keep(now));
        }
        PreferencesAnswer { set }
    }
}

impl Dismissal<'_> {
    /// The state with the offer dismissed. One that cannot be read begins anew.
    fn keep(&self, now: TimestampMs) -> Option<SetCookie> {
        let Self { offer, visitor, state, keys } = *self;
        let name = visitor.names().next()?;
        let mut state = state.map(|it| VisitorState::of(it, keys, visitor.names(), now)).unwrap_or_default();
        state.dismiss(offer, now);
        Some(state.kept(keys, name, now))
    }
}

/// `1.<seconds since 1970>.<signature>`, or `1`.
fn objection(keys: Option<&TokenKeys>, now: TimestampMs) -> String {
    let Some(keys) = keys else { return "1".to_owned() };
    let said = format!("1.{}", now.0.div_euclid(1000));
    let signature = keys.signature_text(&[OPT_OUT, said.as_bytes()]);
    format!("{said}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personalisation::Signals;

    const NOW: TimestampMs = TimestampMs(1_800_000_000_123);

    #[test]
    fn an_objection_holds_from_the_next_request_on() {
        let keys = TokenKeys::from_hex(&"0b".repeat(32), None).unwrap();
        for keys in [None, Some(&keys)] {
            let answer = Preferences::parse(br#"{"personalise":false}"#).unwrap().answer(keys, None, NOW);
            let [kept, forgotten] = &answer.set[..] else { panic!("{answer:?}") };
            let cookie = format!("a=b; {}={}", kept.name, kept.value);
            assert!(Signals::read(None, Some(&cookie)).opt_out, "{cookie}");
            assert_eq!((forgotten.name, forgotten.max_age), (STATE_COOKIE, 0));
            assert!(kept.max_age <= 396 * 24 * 3600, "13 months");
            assert_eq!(kept.value.starts_with("1.1800000000."), keys.is_some(), "{}", kept.value);
            let header = kept.header();
            assert!(header.contains("; Path=/; Max-Age=34128000; Secure; SameSite=Lax"), "{header}");
            assert!(!header.contains("Domain") && !header.contains("HttpOnly"), "{header}");
        }
    }

    #[test]
    fn an_objection_is_taken_back() {
        let answer = Preferences { personalise: Some(true), ..Preferences::default() }.answer(None, None, NOW);
        assert_eq!(answer.set, [SetCookie::forget(OPT_OUT_COOKIE)]);
        let cookie = format!("{OPT_OUT_COOKIE}=");
        assert!(!Signals::read(None, Some(&cookie)).opt_out);
    }

    #[test]
    fn a_dismissed_offer_is_kept_with_what_was_there() {
        let keys = TokenKeys::from_hex(&"0b".repeat(32), None).unwrap();
        let mut state = VisitorState::default();
        state.show("tea", NOW);
        let kept = state.sign(&keys, "42", NOW);
        for (before, n_tea) in [(Some(kept.as_str()), 1), (Some("rubbish"), 0), (None, 0)] {
            let visitor = PreferencesVisitor { key: Some("42".into()), anon: None };
            let dismissal = Dismissal { offer: "cups", visitor: &visitor, state: before, keys: &keys };
            let wish = Preferences { dismiss: Some("token".into()), ..Preferences::default() };
            let answer = wish.answer(Some(&keys), Some(dismissal), NOW);
            let [kept] = &answer.set[..] else { panic!("{answer:?}") };
            let state = VisitorState::read(&kept.value, &keys, "42", NOW).unwrap();
            let n_shown = state.offer("tea", NOW).map_or(0, |it| it.n_shown(3600));
            assert_eq!((kept.name, n_shown), (STATE_COOKIE, n_tea));
            assert!(state.offer("cups", NOW).is_some_and(|it| it.dismissed_for_s().is_some()));
            let both = Preferences { personalise: Some(false), ..wish };
            let names: Vec<_> = both.answer(None, Some(dismissal), NOW).set.iter().map(|it| it.max_age).collect();
            assert_eq!(names, [COOKIE_AGE_MAX_S, 0], "an objection leaves nothing");
        }
    }

    #[test]
    fn bodies_that_break_a_rule() {
        for (body, pointer) in [
            ("", ""),
            ("[false]", ""),
            ("{}", ""),
            (r#"{"personalise":"no"}"#, "/personalise"),
            (r#"{"personalise":false,"forget":true}"#, "/forget"),
            (r#"{"dismiss":"t"}"#, "/visitor/key"),
            (r#"{"dismiss":"","visitor":{"key":"42"}}"#, "/dismiss"),
            (r#"{"dismiss":"t","visitor":{"key":""}}"#, "/visitor/key"),
        ] {
            let problem = Preferences::parse(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code.status(), 400);
            assert_eq!(problem.errors.first().map_or("", |it| it.pointer.as_str()), pointer, "{body}");
        }
    }
}
