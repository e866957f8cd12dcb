//! `offers`: what can fill placements, with schedule, audience, items and creatives.

use std::collections::BTreeSet;

use vitrine_engine::{Audience, AudienceIdx, Creative, Offer, Schedule};

use crate::compile::Compiler;
use crate::facts::{ContentFacts, OfferClass, OfferFacts};
use crate::limits::{CONTENT_BYTES_MAX, CREATIVES_MAX, ITEMS_MAX, OFFERS_MAX, TAGS_MAX};
use crate::section::{money, terms};
use crate::source::{At, Kind, shortened};

pub(crate) const KEYS: [&str; 19] = [
    "id",
    "description",
    "class",
    "campaign",
    "terms",
    "tags",
    "priority",
    "starts",
    "ends",
    "time_zone",
    "audience",
    "when",
    "items",
    "categories",
    "caps",
    "suppress_after_conversion",
    "margin",
    "content",
    "creatives",
];

pub(crate) const CREATIVE_KEYS: [&str; 4] = ["locale", "channel", "variant", "content"];

/// What offers are for.
const CLASSES: [(&str, OfferClass); 5] = [
    ("promotion", OfferClass::Promotion),
    ("content", OfferClass::Content),
    ("care", OfferClass::Care),
    ("coupon", OfferClass::Coupon),
    ("survey", OfferClass::Survey),
];

impl<'t> Compiler<'t, '_> {
    pub fn offers(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "offers", "too_many_offers", OFFERS_MAX).enumerate() {
            let (offer, facts) = self.offer(at, idx);
            self.parts.offers.push(offer);
            self.facts.offers.push(facts);
        }
    }

    fn offer(&mut self, at: At<'t>, idx: usize) -> (Offer, OfferFacts<'t>) {
        let mut offer = Offer::new("", Vec::new());
        let class = OfferClass::Promotion;
        let mut facts = OfferFacts { at, id: "", class, terms: None, campaign: None, contents: Vec::new() };
        let Some(at) = self.report.object(at, &KEYS) else { return (offer, facts) };
        if let Some(id) = self.offers.declare(at, idx, self.report) {
            offer.id = id.to_owned();
            facts.id = id;
        }
        if let Some(at) = at.get("class") {
            facts.class = self.report.word(at, &CLASSES).unwrap_or(class);
        }
        // The campaign that it names is looked up when all campaigns are known.
        facts.terms = at.get("terms").and_then(|at| terms::read(at, self.report));
        if let Some(at) = at.get("tags") {
            self.report.names(at, "tags", "too_many_tags", TAGS_MAX);
        }
        if let Some(at) = at.get("description") {
            self.report.text(at);
        }
        if let Some(at) = at.get("priority") {
            offer.priority = self.priority(at).unwrap_or_default();
        }
        if let Some(at) = at.get("items") {
            offer.items = self.report.names(at, "items", "too_many_items", ITEMS_MAX);
        }
        if let Some(at) = at.get("categories") {
            offer.categories = self.report.names(at, "categories", "too_many_categories", ITEMS_MAX);
        }
        if let Some(at) = at.get("caps") {
            offer.caps = self.caps(at);
        }
        if let Some(at) = at.get("suppress_after_conversion") {
            offer.suppress_after_conversion = self.suppression(at);
        }
        if let Some(margin_at) = at.get("margin") {
            let margin = money::amount(margin_at, self.report);
            offer.margin_minor = margin.and_then(|it| u32::try_from(it.0).ok());
            if margin.is_some() && offer.margin_minor.is_none() {
                let message = format!("{margin_at} is too much for a margin");
                self.report.error(margin_at, "invalid_amount", message, "write a number below 40 million");
            }
        }
        offer.schedule = self.schedule(at);
        offer.audience = self.offer_audience(at, &offer.id);
        offer.creatives = self.creatives(at, &mut facts.contents);
        (offer, facts)
    }

    /// A priority, of an offer or of a campaign for its offers.
    pub(super) fn priority(&mut self, at: At<'_>) -> Option<i32> {
        let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
        self.report.integer(at, range).and_then(|it| i32::try_from(it).ok())
    }

    fn schedule(&mut self, offer: At<'t>) -> Schedule {
        let zone = self.zone(offer);
        let starts = offer.get("starts").and_then(|at| self.report.moment(at, zone.as_ref()));
        let ends = offer.get("ends").and_then(|at| self.report.moment(at, zone.as_ref()));
        match Schedule::new(starts, ends) {
            Ok(schedule) => schedule,
            Err(_) => {
                if let (Some(starts), Some(ends)) = (offer.get("starts"), offer.get("ends")) {
                    let (start, end) = (starts.as_text(), ends.as_text());
                    let message = format!("the offer ends at {end}, which is not after its start at {start}");
                    self.report.error(ends, "ends_before_start", message, "choose a later end, or an earlier start");
                }
                Schedule::default()
            }
        }
    }

    fn offer_audience(&mut self, offer: At<'t>, id: &str) -> Option<AudienceIdx> {
        self.report.contradiction(offer, "audience", "when", "keep one; put the condition into the audience");
        if let Some(at) = offer.get("audience") {
            return self.audiences.resolve(at, "unknown_audience", self.report).map(|named| AudienceIdx(named.idx));
        }
        let condition = self.attributes.condition(offer.get("when")?, self.report);
        let idx = u16::try_from(self.parts.audiences.len()).ok()?;
        // No audience of the document has a colon in its id.
        self.parts.audiences.push(Audience { id: format!("offer:{id}"), condition });
        Some(AudienceIdx(idx))
    }

    fn creatives(&mut self, offer: At<'t>, contents: &mut Vec<ContentFacts<'t>>) -> Vec<Creative> {
        self.report.contradiction(offer, "content", "creatives", "keep one; content is short for a single creative");
        match (offer.get("content"), offer.get("creatives")) {
            (None, None) => {
                let help = "add content: { title: … }, or creatives for several locales or channels";
                self.report.error(offer, "offer_without_content", "the offer has nothing to show", help);
                Vec::new()
            }
            (Some(at), _) => {
                contents.push(ContentFacts { at, channel: None });
                vec![Creative::new(self.content(at))]
            }
            (None, Some(at)) => self.creative_list(at, contents),
        }
    }

    fn creative_list(&mut self, at: At<'t>, contents: &mut Vec<ContentFacts<'t>>) -> Vec<Creative> {
        let mut taken = BTreeSet::new();
        let mut creatives = Vec::new();
        if matches!(at.kind(), Kind::List(entries) if entries.is_empty()) {
            let help = "add a creative, or write content instead";
            self.report.error(at, "offer_without_content", "the list of creatives is empty", help);
        }
        for at in self.report.list(at, "creatives", "too_many_creatives", CREATIVES_MAX) {
            let Some(at) = self.report.object(at, &CREATIVE_KEYS) else { continue };
            let locale = at.get("locale").and_then(|at| self.locale(at));
            let channel = at.get("channel").and_then(|at| self.report.id(at));
            let content = self.report.required(at, "content", "say what the creative shows: content: { title: … }");
            contents.push(ContentFacts { at: content.unwrap_or(at), channel });
            let channel = channel.map(str::to_owned);
            let variant = at.get("variant").and_then(|at| self.report.id(at)).map(str::to_owned);
            let content = content.map(|at| self.content(at)).unwrap_or_default();
            let is_read = [("locale", &locale), ("channel", &channel), ("variant", &variant)]
                .iter()
                .all(|(key, value)| value.is_some() == at.get(key).is_some());
            let fits = (locale.as_deref().map(str::to_ascii_lowercase), channel.clone(), variant.clone());
            if is_read && !taken.insert(fits) {
                let message = format!(
                    "another creative has the locale {} and the channel {} already{}",
                    locale.as_deref().unwrap_or("(any)"),
                    channel.as_deref().unwrap_or("(any)"),
                    variant.as_deref().map(|it| format!(", for the variant {it}")).unwrap_or_default(),
                );
                self.report.error(at, "duplicate_creative", message, "remove one: the second is never shown");
            }
            creatives.push(Creative { locale, channel, variant, content });
        }
        creatives
    }

    /// A language tag: its primary language and any subtags, `de` or `zh-Hans-CN`.
    fn locale(&mut self, at: At<'_>) -> Option<String> {
        let text = self.report.text(at)?;
        let mut subtags = text.split('-');
        let is_language = |it: &str| (2..=3).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphabetic());
        let is_subtag = |it: &str| (1..=8).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric());
        if text.len() <= 35 && subtags.next().is_some_and(is_language) && subtags.all(is_subtag) {
            return Some(text.to_owned());
        }
        let message = format!("{:?} is no language tag", shortened(text));
        self.report.error(
            at,
            "invalid_locale",
            message,
            "write it like \"de\", \"de-AT\" or \"zh-Hans-CN\", with hyphens",
        );
        None
    }

    /// Any JSON object, as text.
    fn content(&mut self, at: At<'_>) -> String {
        match at.kind() {
            Kind::Object(entries) if entries.is_empty() => {
                self.report.warning(
                    at,
                    "empty_content",
                    "the content is empty",
                    "add what the page shows, for example a title",
                );
            }
            Kind::Object(_) => self.typed_content(at),
            _ => self.report.wrong_type(at, "an object", "write the content as keys and values: { title: … }"),
        }
        // A tree holds only what JSON can hold, so this cannot fail.
        let content = serde_json::to_string(&at).unwrap_or_default();
        if content.len() > CONTENT_BYTES_MAX {
            let message = format!("the content has {} bytes, at most {CONTENT_BYTES_MAX} are allowed", content.len());
            self.report.error(at, "content_too_large", message, "shorten it; refer to images and long texts by a link");
        }
        content
    }
}
