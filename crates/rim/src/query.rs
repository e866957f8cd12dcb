//! Parameters of a URL. Not through the `url` crate: its tables for international host names are a fifth of the Worker.

use std::borrow::Cow;

/// The decoded parameters of `url`, in their order.
pub fn pairs(url: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let url = url.split('#').next().unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
}
