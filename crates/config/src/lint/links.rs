//! Links and media of contents: where links lead, whether a page can reserve room for images, and whether everybody learns what they show.

use crate::compile::Compiler;
use crate::section::content::present;
use crate::source::{At, Kind, shortened};

/// Where a text leads.
#[derive(Debug, PartialEq)]
enum Target {
    /// Within the own site, or a scheme that opens no page (`tel:`, `mailto:`).
    Local,
    /// A host, over TLS or not.
    Host { name: String, is_secure: bool },
    /// A scheme that runs code.
    Code,
}

pub(super) fn check(compiler: &mut Compiler<'_, '_>) {
    let contents: Vec<At<'_>> = compiler.facts.offers.iter().flat_map(|it| &it.contents).map(|it| it.at).collect();
    for content in contents {
        walk(content, false, compiler);
        for key in ["image", "video"] {
            if let Some(at) = present(content, key).filter(|it| matches!(it.kind(), Kind::Object(_))) {
                media(at, key, compiler);
            }
        }
    }
}

/// Every link and source in a content, however deep.
fn walk(at: At<'_>, is_media: bool, compiler: &mut Compiler<'_, '_>) {
    let is_list = matches!(at.kind(), Kind::List(_));
    for child in at.children() {
        let key = if is_list { at.key() } else { child.key() };
        let is_media = is_media || matches!(key, "image" | "video" | "images");
        match (child.kind(), key) {
            (Kind::Text(text), "link" | "href" | "url") if !is_media => leads(child, text, true, compiler),
            (Kind::Text(text), "src" | "poster" | "image" | "video" | "url") => leads(child, text, false, compiler),
            _ => walk(child, is_media, compiler),
        }
    }
}

fn leads(at: At<'_>, text: &str, is_link: bool, compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, .. } = compiler;
    match target(text) {
        Target::Local => {}
        Target::Code => {
            let message = format!("{:?} runs code in the page", shortened(text));
            report.error(at, "unsafe_link", message, "link to a page: https://… or a path that begins with /");
        }
        Target::Host { name, is_secure } => {
            if !is_secure {
                let message = format!("{:?} is not encrypted; browsers block or warn of it", shortened(text));
                report.warning(at, "insecure_link", message, "write https:// instead of http://");
            }
            let hosts = facts.settings.link_hosts.as_deref().filter(|_| is_link);
            if hosts.is_some_and(|hosts| !hosts.iter().any(|host| fits(host, &name))) {
                let suggestion = report.did_you_mean(&name, hosts.unwrap_or_default().iter().copied());
                let message = format!("the host {:?} is not registered{suggestion}", shortened(&name));
                report.error(at, "unregistered_host", message, "add it to link_hosts in settings, or link elsewhere");
            }
        }
    }
}

/// Whether `*.shop.example` or `shop.example` means the host `name`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => name == pattern,
    }
}

/// Reads a link as browsers do, as far as the question where it leads needs it.
fn target(text: &str) -> Target {
    let text: String = text.chars().filter(|it| !matches!(it, '\t' | '\n' | '\r')).collect();
    let text = text.trim_matches(|it: char| it.is_ascii_control() || it == ' ');
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ if is_double_slash(text) => ("https".to_owned(), text),
        _ => return Target::Local,
    };
    match scheme.as_str() {
        "http" | "https" => {
            let rest = rest.trim_start_matches(['/', '\\']);
            let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            let name = host.split(':').next().unwrap_or_default();
            Target::Host { name: name.to_ascii_lowercase(), is_secure: scheme == "https" }
        }
        "javascript" | "vbscript" => Target::Code,
        // A data: picture is one, a data: page is code.
        "data" if !rest.trim_start().to_ascii_lowercase().starts_with("image/") => Target::Code,
        _ => Target::Local,
    }
}

fn is_scheme(text: &str) -> bool {
    text.chars().next().is_some_and(|it| it.is_ascii_alphabetic())
        && text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '-' | '.'))
}

fn is_double_slash(text: &str) -> bool {
    let mut chars = text.chars();
    let mut is_slash = || matches!(chars.next(), Some('/' | '\\'));
    is_slash() && is_slash()
}

fn media(at: At<'_>, what: &str, compiler: &mut Compiler<'_, '_>) {
    let report = &mut *compiler.report;
    if present(at, "src").or_else(|| present(at, "url")).is_none() {
        let message = format!("the {what} has no source");
        report.warning(at, "media_without_source", message, format!("add src: with the address of the {what}"));
    }
    if present(at, "width").is_none() || present(at, "height").is_none() {
        let message = format!("the {what} does not say its width and height, so the page jumps when it arrives");
        report.warning(at, "media_without_size", message, "add width and height in pixels");
    }
    if what == "image" && present(at, "alt").is_none() {
        let message = "the image has no text for those who do not see it";
        report.warning(at, "image_without_alt", message, "add alt:, or alt: \"\" if it is mere decoration");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let host = |name: &str, is_secure| Target::Host { name: name.to_owned(), is_secure };
        for (text, expected) in [
            ("/sale", Target::Local),
            ("sale.html", Target::Local),
            ("?page=2", Target::Local),
            ("#top", Target::Local),
            ("", Target::Local),
            ("tel:+861012345678", Target::Local),
            ("mailto:a@b.example", Target::Local),
            ("a/b:c", Target::Local),
            ("https://shop.example/a", host("shop.example", true)),
            ("HTTPS://Shop.Example:8443/a", host("shop.example", true)),
            ("http://shop.example", host("shop.example", false)),
            ("//shop.example/a", host("shop.example", true)),
            ("\\\\shop.example/a", host("shop.example", true)),
            ("https:/shop.example/a", host("shop.example", true)),
            ("https://shop.example@evil.example/", host("evil.example", true)),
            ("https://evil.example\\@shop.example/", host("evil.example", true)),
            ("https://shop.example?x=/", host("shop.example", true)),
            ("javascript:alert(1)", Target::Code),
            (" JavaScript:alert(1)", Target::Code),
            ("java\tscript:alert(1)", Target::Code),
            ("data:text/html,<b>", Target::Code),
            ("data:image/png;base64,AA", Target::Local),
        ] {
            assert_eq!(target(text), expected, "{text:?}");
        }
    }

    #[test]
    fn patterns_of_hosts() {
        assert!(fits("shop.example", "shop.example"));
        assert!(fits("*.shop.example", "www.shop.example"));
        assert!(!fits("shop.example", "www.shop.example"));
        assert!(!fits("*.shop.example", "shop.example"));
        assert!(!fits("*.shop.example", "evilshop.example"));
        assert!(!fits("*.shop.example", ".shop.example"));
    }
}
