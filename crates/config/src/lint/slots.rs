//! Whether every content that can fill a placement fits it: members, lengths, size of the image, channels.

use std::collections::BTreeSet;

use vitrine_engine::OfferIdx;

use crate::compile::Compiler;
use crate::facts::{ContentFacts, Facts, OfferFacts, PlacementFacts};
use crate::report::Report;
use crate::section::content::present;
use crate::section::placement::content::{CharsMax, ContentRules, ImageRule};
use crate::source::{At, Kind};

pub(super) fn check(compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, .. } = compiler;
    let mut told = BTreeSet::new();
    let paths = Paths::new(facts);
    // Many placements ask the same of the same contents.
    let measured: Vec<Vec<Measured<'_>>> =
        facts.offers.iter().map(|it| it.contents.iter().map(|it| Measured::new(it, &paths)).collect()).collect();
    for placement in &facts.placements {
        let offers = placement.offers.iter().chain(placement.fallback.as_ref());
        for OfferIdx(idx) in offers.clone().filter(|_| !placement.channels.is_empty()) {
            let Some(offer) = facts.offers.get(usize::from(*idx)) else { continue };
            check_channels(offer, &placement.channels, "placement", placement.id, placement.at, report, &mut told);
        }
        let Some(rules) = &placement.content else { continue };
        let slot = Slot { placement, rules, required: &paths.bits(&rules.required) };
        for OfferIdx(idx) in offers {
            let contents = measured.get(usize::from(*idx)).map(Vec::as_slice).unwrap_or_default();
            for content in contents.iter().filter(|it| can_show(it, placement)) {
                slot.check(content, report);
            }
        }
    }
    campaign_channels(facts, report, &mut told);
}

/// The members that placements require. The first 64 have a bit.
struct Paths<'t>(Vec<&'t str>);

impl<'t> Paths<'t> {
    fn new(facts: &Facts<'t>) -> Self {
        let rules = facts.placements.iter().filter_map(|it| it.content.as_ref());
        let paths: BTreeSet<&'t str> = rules.flat_map(|it| it.required.iter().copied()).collect();
        Self(paths.into_iter().take(64).collect())
    }

    /// The bits of a content's members.
    fn members(&self, content: At<'_>) -> u64 {
        let bits = self.0.iter().zip(0_u32..).map(|(path, bit)| u64::from(has_member(content, path)).wrapping_shl(bit));
        bits.fold(0, |all, bit| all | bit)
    }

    /// Each path with its bit, if it has one.
    fn bits(&self, required: &[&'t str]) -> Vec<(&'t str, Option<u64>)> {
        let bit = |path: &str| self.0.iter().zip(0_u32..).find(|(it, _)| **it == path);
        required.iter().map(|path| (*path, bit(path).map(|(_, bit)| 1_u64.wrapping_shl(bit)))).collect()
    }
}

/// What rules ask about a content, looked up once.
struct Measured<'t> {
    content: &'t ContentFacts<'t>,
    title: Option<Length<'t>>,
    text: Option<Length<'t>>,
    cta: Option<Length<'t>>,
    /// With its width and height in pixels, if it says them.
    image: Option<(At<'t>, Option<(f64, f64)>)>,
    /// Bits of the required members that are there.
    members: u64,
}

/// A text and its number of characters.
#[derive(Clone, Copy)]
struct Length<'t> {
    at: At<'t>,
    n_chars: usize,
}

impl<'t> Measured<'t> {
    fn new(content: &'t ContentFacts<'t>, paths: &Paths<'_>) -> Self {
        let at = content.at;
        let length = |at: At<'t>| Length { at, n_chars: at.as_text().chars().count() };
        let image = present(at, "image").map(|image| {
            let pixels = |key: &str| match image.get(key)?.kind() {
                Kind::Number(it) => it.as_f64().filter(|it| *it > 0.0),
                _ => None,
            };
            (image, pixels("width").zip(pixels("height")))
        });
        Self {
            content,
            title: at.get("title").map(length),
            text: at.get("text").map(length),
            cta: at.get("cta").map(|it| it.get("label").unwrap_or(it)).map(length),
            image,
            members: paths.members(at),
        }
    }
}

/// Whether a creative can be chosen in one of the placement's channels.
fn can_show(content: &Measured<'_>, placement: &PlacementFacts<'_>) -> bool {
    let content = content.content;
    matches!(content.at.kind(), Kind::Object(_))
        && (placement.channels.is_empty() || content.channel.is_none_or(|it| placement.channels.contains(&it)))
}

fn campaign_channels(facts: &Facts<'_>, report: &mut Report, told: &mut BTreeSet<(usize, String)>) {
    for campaign in &facts.campaigns {
        for idx in &campaign.offers {
            let Some(offer) = facts.offers.get(usize::from(*idx)) else { continue };
            check_channels(offer, &campaign.channels, "campaign", campaign.id, campaign.at, report, told);
        }
    }
}

/// Warns once of each offer and channel.
fn check_channels(
    offer: &OfferFacts<'_>,
    channels: &[&str],
    what: &str,
    id: &str,
    at: At<'_>,
    report: &mut Report,
    told: &mut BTreeSet<(usize, String)>,
) {
    if offer.contents.iter().any(|it| it.channel.is_none()) {
        return;
    }
    for channel in channels {
        if offer.contents.iter().any(|it| it.channel == Some(*channel)) {
            continue;
        }
        if told.insert((offer.at.offset(), (*channel).to_owned())) {
            let message = format!(
                "the offer has no creative for the channel {channel:?} of the {what} {id:?} at {}, so it never shows there",
                at.pointer()
            );
            let help = "add a creative for the channel, or one without channel for all others";
            report.warning(offer.at, "no_creative_for_channel", message, help);
        }
    }
}

/// A placement with rules for its contents.
#[derive(Clone, Copy)]
struct Slot<'s, 't> {
    placement: &'s PlacementFacts<'t>,
    rules: &'s ContentRules<'t>,
    required: &'s [(&'t str, Option<u64>)],
}

impl Slot<'_, '_> {
    fn check(self, measured: &Measured<'_>, report: &mut Report) {
        let content = measured.content.at;
        for (member, bit) in self.required {
            let is_there = bit.map_or_else(|| has_member(content, member), |bit| measured.members & bit != 0);
            if is_there {
                continue;
            }
            report.error_with(content, "content_misses_member", || {
                let place = self.rules.required_at.unwrap_or(self.placement.at).pointer();
                let id = self.placement.id;
                let message = format!("the content has no {member:?}, which the placement {id:?} requires at {place}");
                (message, "add it, or keep the offer out of the placement")
            });
        }
        self.check_length(measured.title, "title", self.rules.title_max, report);
        self.check_length(measured.text, "text", self.rules.text_max, report);
        self.check_length(measured.cta, "label of the cta", self.rules.cta_max, report);
        if let (Some(rule), Some((image, size))) = (self.rules.image, measured.image) {
            self.check_image(image, size, rule, report);
        }
    }

    fn check_length(self, found: Option<Length<'_>>, what: &str, max: Option<CharsMax<'_>>, report: &mut Report) {
        let (Some(Length { at, n_chars }), Some(CharsMax { n_chars: max, at: rule })) = (found, max) else { return };
        if n_chars > max {
            report.error_with(at, "content_too_long", || {
                let (id, place) = (self.placement.id, rule.pointer());
                let message = format!(
                    "the {what} has {n_chars} characters, but the placement {id:?} has room for {max}, says {place}"
                );
                (message, "shorten it, or keep the offer out of the placement")
            });
        }
    }

    fn check_image(self, image: At<'_>, size: Option<(f64, f64)>, rule: ImageRule<'_>, report: &mut Report) {
        let misfit = match size {
            None => Misfit::Unknown,
            Some((width, height)) => {
                let ratio = (width / height) / (rule.width / rule.height);
                if (ratio - 1.0).abs() * 100.0 > rule.ratio_tolerance + 1e-9 {
                    Misfit::Ratio(width, height)
                } else if width < rule.width && height < rule.height {
                    Misfit::Small(width, height)
                } else {
                    return;
                }
            }
        };
        report.error_with(image, "image_of_other_size", || {
            let (found, help) = match misfit {
                Misfit::Unknown => ("does not say its size".to_owned(), "write image: { src, alt, width, height }"),
                Misfit::Ratio(width, height) => (
                    format!("has {width} by {height} pixels, another ratio"),
                    "cut the image, or widen ratio_tolerance of the placement",
                ),
                Misfit::Small(width, height) => (format!("has only {width} by {height} pixels"), "use a larger image"),
            };
            let (id, place) = (self.placement.id, rule.at.pointer());
            let (width, height) = (rule.width, rule.height);
            (format!("the image {found}: the placement {id:?} shows {width} by {height} pixels, says {place}"), help)
        });
    }
}

/// Why an image does not fit, with its width and height in pixels.
#[derive(Clone, Copy)]
enum Misfit {
    Unknown,
    Ratio(f64, f64),
    Small(f64, f64),
}

/// Whether `a.b` leads to something that is neither `null` nor an empty text.
fn has_member(content: At<'_>, path: &str) -> bool {
    let found = path.split('.').try_fold(content, |at, key| present(at, key));
    found.is_some_and(|it| !matches!(it.kind(), Kind::Text(text) if text.trim().is_empty()))
}
