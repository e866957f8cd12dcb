//! What is no visitor: programs, and pages that are fetched before anybody looks at them. It is counted apart.

/// Why a call does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// The caller says that it is a program.
    Bot,
    /// The browser fetches ahead.
    Prefetch,
}

impl Excluded {
    /// The word of the counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Prefetch => "prefetch",
        }
    }
}

/// What programs that say who they are have in their `User-Agent`, in lower case.
const BOTS: [&str; 23] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "headlesschrome",
    "lighthouse",
    "pingdom",
    "uptime",
    "monitor",
    "preview",
    "facebookexternalhit",
    "whatsapp/",
    "embedly",
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "go-http-client",
    "scrapy",
    "phantomjs",
    "selenium",
    "feedfetcher",
    "mediapartners",
];

/// Why a page's call is to be excluded. `user_agent`, `purpose`: the headers `User-Agent` and `Sec-Purpose` (or `Purpose`).
/// Servers speak for visitors whose browser they do not pass on, so their calls are not asked.
pub fn excluded(user_agent: Option<&str>, purpose: Option<&str>) -> Option<Excluded> {
    if purpose.is_some_and(|it| it.to_ascii_lowercase().contains("prefetch")) {
        return Some(Excluded::Prefetch);
    }
    let agent = user_agent?.to_ascii_lowercase();
    BOTS.iter().any(|bot| agent.contains(bot)).then_some(Excluded::Bot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_prefetches_are_told_from_visitors() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";
        for (agent, purpose, expected) in [
            (Some(chrome), None, None),
            (None, None, None),
            (Some("node"), None, None),
            (
                Some("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
                None,
                Some(Excluded::Bot),
            ),
            (Some("Mozilla/5.0 (compatible; Baiduspider/2.0)"), None, Some(Excluded::Bot)),
            (Some("curl/8.5.0"), None, Some(Excluded::Bot)),
            (Some("Mozilla/5.0 HeadlessChrome/142.0"), None, Some(Excluded::Bot)),
            (Some(chrome), Some("prefetch"), Some(Excluded::Prefetch)),
            (Some(chrome), Some("prefetch;prerender"), Some(Excluded::Prefetch)),
            (Some("Googlebot"), Some("Prefetch"), Some(Excluded::Prefetch)),
            (Some(chrome), Some("navigate"), None),
        ] {
            assert_eq!(excluded(agent, purpose), expected, "{agent:?} {purpose:?}");
        }
    }
}
