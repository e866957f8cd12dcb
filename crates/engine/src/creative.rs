//! The content of an offer, per locale and channel, and which of several fits a request.

use alloc::string::String;

/// What is rendered for an offer. An absent locale or channel fits every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creative {
    /// BCP 47 language tag, for example `de` or `zh-CN`.
    pub locale: Option<String>,
    /// Channel, for example `web` or `email`.
    pub channel: Option<String>,
    /// Shown only in variations of an experiment that ask for this variant; see [`crate::Treatment`].
    pub variant: Option<String>,
    /// The content as one JSON object in text. Opaque to the engine.
    pub content: String,
}

impl Creative {
    /// A content for everybody.
    pub fn new(content: impl Into<String>) -> Self {
        Self { locale: None, channel: None, variant: None, content: content.into() }
    }

    /// Whether it fits every request.
    pub fn fits_everywhere(&self) -> bool {
        self.locale.is_none() && self.channel.is_none() && self.variant.is_none()
    }
}

/// How well a creative fits; greater is better. The locale weighs most, the channel least.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    locale: u8,
    variant: u8,
    channel: u8,
}

/// What a creative must fit.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    pub locale: Option<&'a str>,
    pub channel: Option<&'a str>,
    pub variant: Option<&'a str>,
}

impl Creative {
    fn fit(&self, wanted: Wanted<'_>) -> Option<Fit> {
        let locale = match (self.locale.as_deref(), wanted.locale) {
            (None, _) => 0,
            (Some(have), Some(want)) if have.eq_ignore_ascii_case(want) => 2,
            (Some(have), Some(want)) if have.eq_ignore_ascii_case(language(want)) => 1,
            _ => return None,
        };
        let exact = |have: Option<&str>, want: Option<&str>| match (have, want) {
            (None, _) => Some(0),
            (Some(have), Some(want)) if have == want => Some(1),
            _ => None,
        };
        let variant = exact(self.variant.as_deref(), wanted.variant)?;
        let channel = exact(self.channel.as_deref(), wanted.channel)?;
        Some(Fit { locale, variant, channel })
    }
}

/// The primary language of a tag: `de` of `de-AT`.
fn language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// The creative that fits best, and its position; the first of equals. A creative for another locale or channel never fits.
pub(crate) fn best<'a>(creatives: &'a [Creative], wanted: Wanted<'_>) -> Option<(u8, &'a Creative)> {
    // Most offers have one creative, for everybody.
    if let [only @ Creative { locale: None, channel: None, variant: None, .. }] = creatives {
        return Some((0, only));
    }
    let mut best: Option<(Fit, u8, &Creative)> = None;
    for (idx, creative) in (0..=u8::MAX).zip(creatives) {
        if let Some(fit) = creative.fit(wanted)
            && best.as_ref().is_none_or(|(have, ..)| fit > *have)
        {
            best = Some((fit, idx, creative));
        }
    }
    best.map(|(_, idx, creative)| (idx, creative))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn creatives(list: &[(&str, &str)]) -> Vec<Creative> {
        let tag = |it: &str| (it != "*").then(|| it.into());
        list.iter()
            .map(|(locale, channel)| Creative {
                locale: tag(locale),
                channel: tag(channel),
                variant: None,
                content: std::format!("{locale}/{channel}"),
            })
            .collect()
    }

    #[track_caller]
    fn check(list: &[(&str, &str)], locale: Option<&str>, channel: Option<&str>, expected: Option<&str>) {
        let creatives = creatives(list);
        assert_eq!(
            best(&creatives, Wanted { locale, channel, variant: None }).map(|(_, it)| it.content.as_str()),
            expected
        );
    }

    #[test]
    fn the_closest_locale_wins() {
        let list = [("*", "*"), ("de", "*"), ("de-AT", "*")];
        check(&list, Some("de-AT"), None, Some("de-AT/*"));
        check(&list, Some("DE-at"), None, Some("de-AT/*"));
        check(&list, Some("de-CH"), None, Some("de/*"));
        check(&list, Some("fr"), None, Some("*/*"));
        check(&list, None, None, Some("*/*"));
    }

    #[test]
    fn the_channel_breaks_ties_of_the_locale() {
        let list = [("de", "*"), ("de", "email"), ("*", "email")];
        check(&list, Some("de"), Some("email"), Some("de/email"));
        check(&list, Some("de"), Some("web"), Some("de/*"));
        check(&list, Some("fr"), Some("email"), Some("*/email"));
    }

    #[test]
    fn a_variant_is_shown_only_where_it_is_wanted() {
        let mut creatives = creatives(&[("*", "*"), ("*", "web"), ("de", "*"), ("*", "*")]);
        creatives[3].variant = Some("bold".into());
        let at = |locale, channel, variant| best(&creatives, Wanted { locale, channel, variant }).map(|(at, _)| at);
        assert_eq!(at(None, Some("web"), None), Some(1));
        assert_eq!(at(None, Some("web"), Some("bold")), Some(3), "the variant weighs more than the channel");
        assert_eq!(at(Some("de"), None, Some("bold")), Some(2), "and less than the language");
        assert_eq!(at(None, None, Some("quiet")), Some(0));
        assert_eq!(best(&creatives[3..], Wanted::default()), None);
    }

    #[test]
    fn nothing_fits_another_locale() {
        check(&[("de", "*")], Some("fr"), None, None);
        check(&[("de", "*")], None, None, None);
        check(&[], Some("fr"), None, None);
    }
}
