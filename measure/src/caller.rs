//! Who calls, as the headers say, and which environment the call belongs to.

use vitrine_api::Signals;
use vitrine_rim::admission::{Refused, Sender, key_of};
use worker::{Env, Headers};

use crate::admit;

/// What the headers of a call say.
pub struct Caller {
    key: Option<String>,
    has_origin: bool,
    /// Why the call was made, if it is not for a visitor who is there (`Sec-Purpose`, or `Purpose` of older browsers).
    pub purpose: Option<String>,
    /// Signals against being joined with a visitor.
    pub signals: Signals,
}

impl Caller {
    /// Reads the headers.
    pub fn read(headers: &Headers) -> Self {
        let header = |name: &str| headers.get(name).ok().flatten();
        Self {
            key: key_of(headers),
            has_origin: headers.has("origin").unwrap_or(true),
            purpose: header("sec-purpose").or_else(|| header("purpose")),
            signals: Signals::read(header("sec-gpc").as_deref(), header("cookie").as_deref()),
        }
    }

    /// The environment of the call. `body_key`: the SDK key that its body names, for pages that cannot send a header.
    ///
    /// Errors: [`Refused`].
    pub async fn admit(&self, body_key: Option<&str>, env: &Env, now_ms: u64) -> Result<String, Refused> {
        // A page that names its key in the body may be one that no header tells of.
        let sender = Sender::of(self.has_origin || self.key.is_none());
        admit::admit(self.key.as_deref().or(body_key), sender, env, now_ms).await
    }
}
