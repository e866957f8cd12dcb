//! Where a click on an offer leads: to what its creative says, and only to hosts that the shop has registered, so that nobody can
//! borrow the shop's name to lead people elsewhere.

use serde_json::Value;

/// Why a click leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTarget {
    /// The creative has no link.
    NoLink,
    /// The link is none that a browser may be sent to: not `https:` or `http:`.
    NotWeb,
    /// The link leads to a host that is not registered (`settings.link_hosts`).
    ForeignHost,
}

/// The address that a creative's `content` leads to: `link` (a text or `{url}`), or else `cta.link`, or `href`. Links without host belong to
/// `origin`, the shop's own (`https://shop.example`). `link_hosts` as `settings.link_hosts` has them; without any, only the
/// shop's own host is registered.
///
/// Errors: [`NoTarget`].
pub fn click_target(content: &Value, origin: &str, link_hosts: Option<&[String]>) -> Result<String, NoTarget> {
    let link = content.get("link");
    let found = [
        link.and_then(Value::as_str),
        link.and_then(|it| it.get("url")).and_then(Value::as_str),
        content.pointer("/cta/link").and_then(Value::as_str),
        content.get("href").and_then(Value::as_str),
    ];
    let link = found.into_iter().flatten().find(|it| !it.is_empty()).ok_or(NoTarget::NoLink)?;
    // What browsers would take out, or read as a slash, could hide a host.
    if link.chars().any(|it| it.is_ascii_control() || it == '\\' || it == ' ') {
        return Err(NoTarget::NotWeb);
    }
    if link.starts_with('/') && !link.starts_with("//") {
        return Ok(format!("{origin}{link}"));
    }
    let (scheme, rest) = link.split_once("://").ok_or(NoTarget::NotWeb)?;
    if !["https", "http"].iter().any(|it| scheme.eq_ignore_ascii_case(it)) {
        return Err(NoTarget::NotWeb);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host(authority).ok_or(NoTarget::ForeignHost)?;
    let own = origin.split_once("://").and_then(|(_, it)| self::host(it));
    let is_own = own.as_deref() == Some(host.as_str());
    let is_registered = link_hosts.unwrap_or_default().iter().any(|it| covers(it, &host));
    if is_own || is_registered { Ok(link.to_owned()) } else { Err(NoTarget::ForeignHost) }
}

/// The host of an authority, in lower case; `None` when it names a user, or nothing.
fn host(authority: &str) -> Option<String> {
    let host = authority.split(':').next().unwrap_or_default();
    (!authority.contains('@') && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// `shop.example` covers itself, `*.shop.example` all hosts below it.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|it| it.ends_with('.') && it.len() > 1),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ORIGIN: &str = "https://shop.example";

    fn target(content: Value) -> Result<String, NoTarget> {
        let hosts = ["partner.example".to_owned(), "*.cdn.example".to_owned()];
        click_target(&content, ORIGIN, Some(&hosts))
    }

    #[test]
    fn links_of_creatives() {
        for (content, expected) in [
            (json!({ "link": "/tea?a=1#b" }), "https://shop.example/tea?a=1#b"),
            (json!({ "link": { "url": "/tea", "text": "Tea" } }), "https://shop.example/tea"),
            (json!({ "cta": { "label": "Buy", "link": "/buy" } }), "https://shop.example/buy"),
            (json!({ "href": "/home" }), "https://shop.example/home"),
            (json!({ "link": "https://partner.example/x" }), "https://partner.example/x"),
            (json!({ "link": "HTTPS://Partner.Example:8443?x" }), "HTTPS://Partner.Example:8443?x"),
            (json!({ "link": "https://a.cdn.example/" }), "https://a.cdn.example/"),
            (json!({ "link": "https://shop.example" }), "https://shop.example"),
        ] {
            assert_eq!(target(content.clone()).as_deref(), Ok(expected), "{content}");
        }
    }

    #[test]
    fn links_that_lead_nowhere() {
        use NoTarget::{ForeignHost, NoLink, NotWeb};
        for (link, expected) in [
            ("https://evil.example/", ForeignHost),
            ("https://partner.example.evil.example/", ForeignHost),
            ("https://evilpartner.example/", ForeignHost),
            ("https://cdn.example/", ForeignHost),
            ("https://.cdn.example/", ForeignHost),
            ("https://partner.example@evil.example/", ForeignHost),
            ("https://evil.example#partner.example", ForeignHost),
            ("https://evil.example?partner.example", ForeignHost),
            ("https://", ForeignHost),
            ("//evil.example/", NotWeb),
            ("/\\evil.example/", NotWeb),
            ("https:\\\\evil.example", NotWeb),
            ("java\nscript:alert(1)", NotWeb),
            ("javascript:alert(1)//://", NotWeb),
            ("data:text/html,x", NotWeb),
            ("tel:+861012345678", NotWeb),
            ("tea", NotWeb),
            ("", NoLink),
        ] {
            assert_eq!(target(json!({ "link": link })), Err(expected), "{link}");
        }
        for content in [json!({}), json!({ "link": null }), json!({ "link": 1, "cta": "Buy" }), json!([])] {
            assert_eq!(target(content), Err(NoLink));
        }
        let own = json!({ "link": "https://partner.example/" });
        assert_eq!(click_target(&own, ORIGIN, None), Err(ForeignHost), "without a list only the own host");
    }
}
