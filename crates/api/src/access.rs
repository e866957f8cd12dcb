//! Cloudflare Access: what its signed assertion says, and the rules that it must keep. The signature itself is checked by
//! whoever has the runtime's cryptography at hand; nothing here may be believed before that.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::role::RoleList;

/// Longest assertion. Unit: bytes.
const ASSERTION_BYTES_MAX: usize = 16 << 10;
/// How far the clocks of two machines may differ. Unit: seconds.
const SKEW_S: i64 = 60;

/// Which Access application stands before the Worker, and who is who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSettings {
    /// Domain of the team, such as `shop.cloudflareaccess.com`, without scheme.
    pub team_domain: String,
    /// The application's audience tag.
    pub audience: String,
    /// The roles of people.
    pub roles: RoleList,
}

impl AccessSettings {
    /// Where the keys are with which Access signs.
    pub fn certs_url(&self) -> String {
        format!("https://{}/cdn-cgi/access/certs", self.team_domain)
    }
}

/// Why an assertion does not let anybody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// It is no JSON Web Token of three parts.
    Malformed(&'static str),
    /// It is not signed by RS256, the only way Access signs. Holds the word that it says.
    Algorithm(String),
    /// It does not name its key.
    NoKey,
    /// No key of the team has this name, or the signature does not fit.
    Signature,
    /// It is for another application.
    Audience,
    /// Another team issued it.
    Issuer,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// It names nobody.
    Nobody,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "the Access assertion is malformed: {what}"),
            Self::Algorithm(found) => write!(f, "the Access assertion is signed by {found:?}, not by RS256"),
            Self::NoKey => f.write_str("the Access assertion names no key"),
            Self::Signature => f.write_str("the Access assertion is not signed by a key of the team"),
            Self::Audience => f.write_str("the Access assertion is for another application"),
            Self::Issuer => f.write_str("the Access assertion is from another team"),
            Self::Expired => f.write_str("the Access assertion has expired"),
            Self::NotYet => f.write_str("the Access assertion is not valid yet"),
            Self::Nobody => f.write_str("the Access assertion names nobody"),
        }
    }
}

impl std::error::Error for AccessError {}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    iss: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    email: String,
    /// Name of a service token: a program, not a person.
    #[serde(default)]
    common_name: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// An assertion, taken apart.
pub struct AccessAssertion {
    /// Name of the key that signed it.
    pub kid: String,
    /// What is signed.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    claims: Claims,
}

impl AccessAssertion {
    /// Takes an assertion apart.
    ///
    /// Errors: it is malformed, or not signed as Access signs.
    pub fn parse(assertion: &str) -> Result<Self, AccessError> {
        if assertion.len() > ASSERTION_BYTES_MAX {
            return Err(AccessError::Malformed("it is too long"));
        }
        let mut parts = assertion.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AccessError::Malformed("it does not have three parts"));
        };
        let bytes =
            |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| AccessError::Malformed("it is not base64url"));
        let header: Header =
            serde_json::from_slice(&bytes(header)?).map_err(|_| AccessError::Malformed("its header is not JSON"))?;
        if header.alg != "RS256" {
            return Err(AccessError::Algorithm(header.alg));
        }
        let kid = header.kid.filter(|it| !it.is_empty()).ok_or(AccessError::NoKey)?;
        let signature = bytes(signature)?;
        let claims: Claims =
            serde_json::from_slice(&bytes(claims)?).map_err(|_| AccessError::Malformed("its claims are not JSON"))?;
        let signed = assertion.rsplit_once('.').map_or("", |(signed, _)| signed).as_bytes().to_vec();
        Ok(Self { kid, signed, signature, claims })
    }

    /// The address (or, of a program, the name) of whom the assertion is about, if it is for this application and this
    /// moment. To be asked only after the signature was found right.
    ///
    /// Errors: the first rule that it breaks.
    pub fn person(&self, settings: &AccessSettings, now_s: i64) -> Result<&str, AccessError> {
        let Claims { aud, iss, exp, nbf, email, common_name } = &self.claims;
        let is_for_us = match aud {
            Audience::One(it) => *it == settings.audience,
            Audience::Many(list) => list.contains(&settings.audience),
        };
        if !is_for_us {
            return Err(AccessError::Audience);
        }
        if iss.strip_prefix("https://") != Some(&settings.team_domain) {
            return Err(AccessError::Issuer);
        }
        let (now_s, skew_s) = (now_s as f64, SKEW_S as f64);
        if *exp <= now_s - skew_s {
            return Err(AccessError::Expired);
        }
        if nbf.is_some_and(|nbf| nbf > now_s + skew_s) {
            return Err(AccessError::NotYet);
        }
        [email, common_name].into_iter().find(|it| !it.is_empty()).map(String::as_str).ok_or(AccessError::Nobody)
    }
}

/// The modulus and exponent of the key with a name, out of the document at [`AccessSettings::certs_url`]: `(n, e)` in
/// base64url, as JSON Web Keys hold them.
pub fn access_key(certs: &str, kid: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Certs {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        #[serde(default)]
        kid: String,
        #[serde(default)]
        kty: String,
        #[serde(default)]
        n: String,
        #[serde(default)]
        e: String,
    }
    let certs: Certs = serde_json::from_str(certs).ok()?;
    certs.keys.into_iter().find(|it| it.kid == kid && it.kty == "RSA").map(|it| (it.n, it.e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn assertion(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims), "c2ln")
    }

    fn settings() -> AccessSettings {
        AccessSettings {
            team_domain: "shop.cloudflareaccess.com".into(),
            audience: "tag".into(),
            roles: RoleList::default(),
        }
    }

    #[track_caller]
    fn check(header: &str, claims: &str, expected: Result<&str, AccessError>) {
        let parsed = AccessAssertion::parse(&assertion(header, claims));
        let found = parsed.and_then(|it| it.person(&settings(), NOW_S).map(str::to_owned));
        assert_eq!(found, expected.map(str::to_owned), "{header} {claims}");
    }

    const HEADER: &str = r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#;

    #[test]
    fn good_ones_name_a_person() {
        let claims = |more: &str| format!(r#"{{"iss":"https://shop.cloudflareaccess.com",{more}}}"#);
        for (more, who) in [
            (r#""aud":["tag"],"exp":1800000001,"email":"a@shop.example""#, "a@shop.example"),
            (r#""aud":["other","tag"],"exp":1800000001,"nbf":1800000000,"email":"a@shop.example""#, "a@shop.example"),
            (r#""aud":"tag","exp":1799999941,"email":"a@shop.example""#, "a@shop.example"),
            (r#""aud":["tag"],"exp":1800000001.5,"nbf":1800000060,"email":"","common_name":"ci.access""#, "ci.access"),
        ] {
            check(HEADER, &claims(more), Ok(who));
        }
    }

    #[test]
    fn bad_ones_let_nobody_in() {
        let good =
            r#"{"iss":"https://shop.cloudflareaccess.com","aud":["tag"],"exp":1800000001,"email":"a@shop.example"}"#;
        for (from, to, why) in [
            (r#"["tag"]"#, r#"["other"]"#, AccessError::Audience),
            (r#"["tag"]"#, "[]", AccessError::Audience),
            (r#""aud":["tag"],"#, "", AccessError::Audience),
            ("https://shop.", "https://evil.", AccessError::Issuer),
            ("https://shop.", "http://shop.", AccessError::Issuer),
            (".com\"", ".com.evil\"", AccessError::Issuer),
            ("1800000001", "1799999940", AccessError::Expired),
            ("1800000001", "0", AccessError::Expired),
            ("\"exp\"", "\"nbf\":1800000061,\"exp\"", AccessError::NotYet),
            ("a@shop.example", "", AccessError::Nobody),
            ("\"exp\":1800000001,", "", AccessError::Malformed("its claims are not JSON")),
            ("1800000001", "\"1800000001\"", AccessError::Malformed("its claims are not JSON")),
        ] {
            check(HEADER, &good.replace(from, to), Err(why));
        }
        for (header, why) in [
            (r#"{"alg":"none"}"#, AccessError::Algorithm("none".into())),
            (r#"{"alg":"HS256","kid":"k"}"#, AccessError::Algorithm("HS256".into())),
            (r#"{"alg":"rs256","kid":"k"}"#, AccessError::Algorithm("rs256".into())),
            (r#"{"alg":"RS256"}"#, AccessError::NoKey),
            (r#"{"alg":"RS256","kid":""}"#, AccessError::NoKey),
            (r#"{"kid":"k"}"#, AccessError::Malformed("its header is not JSON")),
            ("RS256", AccessError::Malformed("its header is not JSON")),
        ] {
            check(header, good, Err(why));
        }
    }

    #[test]
    fn what_is_no_assertion() {
        let long = "a".repeat(ASSERTION_BYTES_MAX + 1);
        for text in ["", "a", "a.b", "a.b.c.d", "!.!.!", "....", &long] {
            assert!(matches!(AccessAssertion::parse(text), Err(AccessError::Malformed(_))), "{text:.20}");
        }
    }

    #[test]
    fn keys_are_found_by_name_and_kind() {
        let certs =
            r#"{"keys":[{"kid":"a","kty":"EC","x":"1"},{"kid":"b","kty":"RSA","n":"N","e":"AQAB"}],"public_cert":{}}"#;
        assert_eq!(access_key(certs, "b"), Some(("N".into(), "AQAB".into())));
        for (certs, kid) in [(certs, "a"), (certs, "c"), (certs, ""), ("{}", "b"), ("", "b"), ("<html>", "b")] {
            assert_eq!(access_key(certs, kid), None);
        }
    }
}
