//! What is known of one request: the visitor's attributes, what is forced, and the time.

use crate::json::Object;
use crate::sticky::StickyDocs;
use std::collections::BTreeMap;

/// Everything that an evaluation reads besides the payload.
#[derive(Clone, Debug)]
pub struct Context {
    /// The visitor's attributes; conditions see them under their names. `id` is the usual one to assign by.
    pub attributes: Object,
    /// The page's address, for address patterns and the query-string override.
    pub url: Option<String>,
    /// Variations chosen by hand, by experiment key. Not exposures. An index out of range puts the visitor out.
    pub forced_variations: BTreeMap<String, i64>,
    /// Values chosen by hand, by feature key; their source is `override`.
    pub forced_features: Object,
    /// Whether experiments run at all. Default: true.
    pub enabled: bool,
    /// Whether only forced variations count. Default: false.
    pub qa_mode: bool,
    /// Whether `?<experiment key>=<index>` in [`Self::url`] chooses a variation. Anybody can write an address, so this is
    /// off by default; what it chooses is not an exposure.
    pub query_override: bool,
    /// Ids of the remote saved groups that the visitor is in. `None`: not looked up; such groups then match nobody unless the
    /// attribute `__gb_remoteGroupIds` tells them.
    pub remote_group_ids: Option<Vec<String>>,
    /// Earlier assignments. `None`: no sticky bucketing, and no fallback attributes.
    pub sticky: Option<StickyDocs>,
    /// The present. Unit: milliseconds since 1970-01-01T00:00Z. Only schedules and ramps (`vitrine` members) read it.
    pub now_ms: i64,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            attributes: Object::new(),
            url: None,
            forced_variations: BTreeMap::new(),
            forced_features: Object::new(),
            enabled: true,
            qa_mode: false,
            query_override: false,
            remote_group_ids: None,
            sticky: None,
            now_ms: 0,
        }
    }
}
