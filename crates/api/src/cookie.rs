//! What an answer asks to keep on the visitor's device: for browsers a header `Set-Cookie`, for servers that relay it an entry of
//! `set`. All cookies are first-party (`__Host-`) and none outlives 13 months.

use serde::Serialize;

/// Longest life of a cookie: 13 months, less two days. Unit: seconds.
pub const COOKIE_AGE_MAX_S: u32 = 395 * 24 * 3600;

/// One thing to keep, or to forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SetCookie {
    /// Name of the cookie.
    pub name: &'static str,
    /// Its value; without characters that a cookie cannot hold. Empty when it is to be forgotten.
    pub value: String,
    /// How long it is kept; 0: forget it. Unit: seconds.
    pub max_age: u32,
}

impl SetCookie {
    /// Forget the cookie.
    pub fn forget(name: &'static str) -> Self {
        Self { name, value: String::new(), max_age: 0 }
    }

    /// The header of a cookie that only servers read.
    pub fn hidden_header(&self) -> String {
        format!("{}; HttpOnly", self.header())
    }

    /// The header of a cookie that the page may read, too.
    pub fn header(&self) -> String {
        let Self { name, value, max_age } = self;
        format!("{name}={value}; Path=/; Max-Age={max_age}; Secure; SameSite=Lax")
    }
}
