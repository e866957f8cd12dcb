//! Addresses: which pages an experiment runs on, and what the query string overrides.
//!
//! Only as much of an address is read as patterns compare: host, path, parameters, fragment. Nothing is normalised beyond
//! that.

use crate::condition::{Case, Compiler, compile_pattern};
use crate::json::Json;
use regex_lite::Regex;

/// The pages an experiment runs on (`urlPatterns`).
#[derive(Clone, Debug)]
pub(crate) struct Targets(Vec<Target>);

#[derive(Clone, Debug)]
struct Target {
    is_excluding: bool,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    /// `simple`: each part compared with `*` for anything.
    Simple { host: Glob, path: Glob, fragment: Option<Glob>, parameters: Vec<(String, Glob)> },
    /// `regex`: on the whole address, and on what follows the host.
    Regex(Box<Regex>),
    /// Of a type nobody knows, or a pattern that cannot run.
    Never,
}

impl Targets {
    pub(crate) fn compile(json: &Json, compiler: &mut Compiler) -> Self {
        let targets = json.as_list().unwrap_or_default().iter().enumerate().map(|(at, target)| {
            let text = |name: &str| target.get(name).and_then(Json::as_text).unwrap_or_default();
            let pattern = match text("type") {
                "simple" => Pattern::simple(text("pattern")),
                "regex" => match compile_pattern(text("pattern"), Case::Sensitive) {
                    Ok(regex) => Pattern::Regex(Box::new(regex)),
                    Err(reason) => {
                        compiler.at(at, |compiler| compiler.fault(format!("{reason}; it matches no address")));
                        Pattern::Never
                    }
                },
                _ => {
                    compiler
                        .at(at, |it| it.fault("an address pattern is `simple` or `regex`; this matches no address"));
                    Pattern::Never
                }
            };
            Target { is_excluding: target.get("include") == Some(&Json::Bool(false)), pattern }
        });
        Self(targets.collect())
    }

    /// Whether the page at `url` is one of them: no excluding pattern fits, and an including one does, if there is any.
    pub(crate) fn contain(&self, url: &str) -> bool {
        let mut has_including = false;
        let mut is_included = false;
        for target in &self.0 {
            let fits = target.pattern.fits(url);
            if target.is_excluding {
                if fits {
                    return false;
                }
            } else {
                has_including = true;
                is_included |= fits;
            }
        }
        !self.0.is_empty() && (is_included || !has_including)
    }
}

impl Pattern {
    fn simple(pattern: &str) -> Self {
        // `example.com/home` means a host, `/home` and `home` any host.
        let host_end = pattern.find([':', '/', '?']).unwrap_or(pattern.len());
        let is_host = pattern.get(..host_end).is_some_and(|host| host.contains('.')) && !pattern.contains("://");
        let absolute = if is_host { format!("https://{pattern}") } else { pattern.to_owned() };
        let parts = Parts::of(&absolute);
        Self::Simple {
            host: Glob::new(parts.host.unwrap_or("*")),
            path: Glob::new(parts.path.trim_matches('/')),
            fragment: parts.fragment.filter(|it| !it.is_empty()).map(Glob::new),
            parameters: parts.parameters().map(|(name, value)| (name, Glob::new(&value))).collect(),
        }
    }

    fn fits(&self, url: &str) -> bool {
        match self {
            Self::Simple { host, path, fragment, parameters } => {
                let parts = Parts::of(url);
                let value = |name: &str| parts.parameters().find(|(have, _)| have == name).map(|(_, value)| value);
                host.fits(parts.host.unwrap_or("_"))
                    && path.fits(parts.path.trim_matches('/'))
                    && fragment.as_ref().is_none_or(|it| it.fits(parts.fragment.unwrap_or_default()))
                    && parameters.iter().all(|(name, glob)| glob.fits(&value(name).unwrap_or_default()))
            }
            Self::Regex(regex) => {
                let (origin, rest) = Parts::origin(url);
                // An address without a path has the path `/`.
                let whole = if rest.starts_with('/') { url.to_owned() } else { format!("{origin}/{rest}") };
                regex.is_match(&whole) || regex.is_match(whole.get(origin.len()..).unwrap_or_default())
            }
            Self::Never => false,
        }
    }
}

/// The parts of an address.
#[derive(Clone, Copy, Debug)]
struct Parts<'u> {
    /// With the port. `None` if the address has none.
    host: Option<&'u str>,
    path: &'u str,
    query: Option<&'u str>,
    fragment: Option<&'u str>,
}

impl<'u> Parts<'u> {
    fn of(url: &'u str) -> Self {
        let (origin, rest) = Self::origin(url);
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let host = origin.split_once("//").map(|(_, authority)| authority);
        let host = host.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        Self { host, path, query, fragment }
    }

    /// The address up to its host and port, and the rest.
    fn origin(url: &'u str) -> (&'u str, &'u str) {
        let authority = match url.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => scheme.len().saturating_add(3),
            _ if url.starts_with("//") => 2,
            _ => return ("", url),
        };
        let behind = url.get(authority..).unwrap_or_default();
        let host_end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        url.split_at_checked(authority.saturating_add(host_end)).unwrap_or((url, ""))
    }

    /// The parameters of the query, decoded.
    fn parameters(self) -> impl Iterator<Item = (String, String)> + 'u {
        pairs(self.query.unwrap_or_default()).map(|(name, value)| (decoded(name), decoded(value)))
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The pairs of a query as they are written; without `=` the value is empty.
fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Takes the encoding of a parameter away: `+` is a space, `%41` a byte. What is not UTF-8 is replaced.
fn decoded(text: &str) -> String {
    if !text.contains(['+', '%']) {
        return text.to_owned();
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let mut ahead = rest.clone();
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits are a byte.
                bytes.push(high.wrapping_mul(16).wrapping_add(low) as u8);
                rest = ahead;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text with `*` for anything, whatever the case.
#[derive(Clone, Debug)]
struct Glob {
    /// In lower case; what stands between the stars.
    pieces: Vec<String>,
}

impl Glob {
    fn new(pattern: &str) -> Self {
        Self { pieces: pattern.to_lowercase().split('*').map(str::to_owned).collect() }
    }

    fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Some((first, rest)) = self.pieces.split_first() else { return text.is_empty() };
        let Some((last, middle)) = rest.split_last() else { return text == *first };
        let Some(mut inner) = text.strip_prefix(first.as_str()).and_then(|it| it.strip_suffix(last.as_str())) else {
            return false;
        };
        for piece in middle {
            match inner.split_once(piece.as_str()) {
                Some((_, behind)) => inner = behind,
                None => return false,
            }
        }
        true
    }
}

/// The variation that the query string of `url` chooses: `?<key>=<index>` with an index below `n_variations`.
///
/// Names and values are decoded; the first value that is not empty counts, and only digits are an index. A fragment chooses
/// nothing.
pub fn query_string_override(key: &str, url: &str, n_variations: usize) -> Option<usize> {
    let (url, _) = url.split_once('#').unwrap_or((url, ""));
    let (_, query) = url.split_once('?')?;
    let chosen = pairs(query).find(|(name, value)| !value.is_empty() && (*name == key || decoded(name) == key));
    let value = decoded(chosen?.1);
    let is_index = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let index: usize = if is_index { value.parse().ok()? } else { return None };
    (index < n_variations).then_some(index)
}

/// `target` with those parameters of `page` that it does not have itself. Unless both are whole addresses: `target`.
pub(crate) fn with_parameters_of(target: &str, page: &str) -> String {
    let (to, from) = (Parts::of(target), Parts::of(page));
    let has = |name: &str| to.parameters().any(|(have, _)| have == decoded(name));
    if to.host.is_none() || from.host.is_none() {
        return target.to_owned();
    }
    let added = pairs(from.query.unwrap_or_default()).filter(|(name, _)| !has(name));
    let added: Vec<String> = added.map(|(name, value)| format!("{name}={value}")).collect();
    if added.is_empty() {
        return target.to_owned();
    }
    let (front, fragment) = target.split_once('#').map_or((target, String::new()), |(a, b)| (a, format!("#{b}")));
    let joint = match to.query {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    format!("{front}{joint}{}{fragment}", added.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(source: &str) -> Targets {
        Targets::compile(&Json::parse(source.as_bytes()).unwrap(), &mut Compiler::default())
    }

    #[track_caller]
    fn simple(pattern: &str, fitting: &[&str], other: &[&str]) {
        let targets = targets(&format!(r#"[{{"type": "simple", "include": true, "pattern": "{pattern}"}}]"#));
        fitting.iter().for_each(|url| assert!(targets.contain(url), "{pattern} should fit {url}"));
        other.iter().for_each(|url| assert!(!targets.contain(url), "{pattern} should not fit {url}"));
    }

    #[test]
    fn simple_patterns_compare_part_by_part() {
        simple(
            "http://www.example.com/home",
            &[
                "http://www.example.com/home",
                "https://WWW.example.com/Home/?a=b#c",
                "http://www.example.com/home?x=1",
                "//www.example.com/home",
            ],
            &["http://example.com/home", "http://www.example.com/", "http://www.example.com/home/x", "", "/home"],
        );
        simple(
            "www.example.com/shop/*",
            &["https://www.example.com/shop/cart", "http://www.example.com/shop//a/b"],
            &["https://www.example.com/shopping", "https://www.example.com/"],
        );
        simple("/home", &["https://any.example/home", "/home", "home"], &["https://any.example/home2"]);
        simple("*.example.com", &["https://a.example.com/", "https://a.b.example.com"], &["https://example.com/"]);
        simple(
            "example.com/?q=a*&r=1#top",
            &["https://example.com/?r=1&q=abc#TOP", "https://example.com?q=a&r=1&s=2#top"],
            &["https://example.com/?q=abc#top", "https://example.com/?q=b&r=1#top", "https://example.com/?q=a&r=1"],
        );
        simple("http://localhost:3000/a", &["http://localhost:3000/a"], &["http://localhost/a"]);
        simple("/a*b*c", &["/abc", "/axbxc"], &["/acb", "/ab"]);
        simple("/*", &["/", "https://x.example/anything"], &[]);
    }

    #[test]
    fn a_query_is_decoded_before_it_is_compared() {
        simple("/?q=a b", &["/?q=a+b", "/?q=a%20b"], &["/?q=ab", "/?q=a%2"]);
    }

    #[test]
    fn including_and_excluding_patterns_work_together() {
        let both = targets(
            r#"[{"type": "simple", "include": true, "pattern": "/a*"},
                {"type": "regex", "include": false, "pattern": "secret$"}]"#,
        );
        assert!(both.contain("https://x.example/abc"));
        assert!(!both.contain("https://x.example/a-secret"));
        assert!(!both.contain("https://x.example/b"));
        let excluding = targets(r#"[{"type": "regex", "include": false, "pattern": "^/b"}]"#);
        assert!(excluding.contain("https://x.example/abc"));
        assert!(!excluding.contain("https://x.example/bcd"));
        assert!(!targets("[]").contain("https://x.example/"));
        assert!(!targets(r#"[{"type": "regex", "pattern": "("}, {"type": "other", "pattern": ""}]"#).contain("/"));
        assert!(targets(r#"[{"type": "regex", "pattern": "^https://x.example/$"}]"#).contain("https://x.example"));
    }

    #[test]
    fn the_query_string_overrides_with_whole_indices_only() {
        for (query, expected) in [
            ("?k=1", Some(1)),
            ("?a=b&k=0#k=1", Some(0)),
            ("?%6b=1", Some(1)),
            ("?k=01", Some(1)),
            ("?k=2", None),
            ("?k=-1", None),
            ("?k=+1", None),
            ("?k=1.0", None),
            ("?k=1abc", None),
            ("?k=", None),
            ("?k", None),
            ("?kk=1", None),
            ("?k=%31", Some(1)),
            ("?k=&k=1", Some(1)),
            ("?k=x&k=1", None),
            ("??k=1", None),
            ("?a=?&k=1", Some(1)),
            ("?k=1?", None),
            ("?k=%20", None),
            ("?k=١", None),
            ("?k=99999999999999999999999", None),
            ("#?k=1", None),
            ("", None),
        ] {
            let url = format!("https://x.example/{query}");
            assert_eq!(query_string_override("k", &url, 2), expected, "{url}");
        }
    }

    #[test]
    fn parameters_of_the_page_do_not_replace_the_target_s() {
        for (target, page, expected) in [
            ("https://b.example/x", "https://a.example/?a=1&b=2", "https://b.example/x?a=1&b=2"),
            ("https://b.example/x?a=0#f", "https://a.example/?a=1&b=%20", "https://b.example/x?a=0&b=%20#f"),
            ("https://b.example/x?", "https://a.example/?a=1", "https://b.example/x?a=1"),
            ("https://b.example/x", "https://a.example/", "https://b.example/x"),
            ("/x", "https://a.example/?a=1", "/x"),
        ] {
            assert_eq!(with_parameters_of(target, page), expected);
        }
    }
}
