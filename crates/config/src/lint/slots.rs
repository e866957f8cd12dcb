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
    for placement in &facts.placements {
        let offers = placement.offers.iter().chain(placement.fallback.as_ref());
        for OfferIdx(idx) in offers.clone() {
            let Some(offer) = facts.offers.get(usize::from(*idx)) else { continue };
            check_channels(offer, &placement.channels, "placement", placement.id, placement.at, report, &mut told);
            let Some(rules) = &placement.content else { continue };
            for content in offer.contents.iter().filter(|it| can_show(it, placement)) {
                let slot = Slot { placement, rules };
                slot.check(content.at, report);
            }
        }
    }
    campaign_channels(facts, report, &mut told);
}

/// Whether a creative can be chosen in one of the placement's channels.
fn can_show(content: &ContentFacts<'_>, placement: &PlacementFacts<'_>) -> bool {
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
}

impl Slot<'_, '_> {
    fn check(self, content: At<'_>, report: &mut Report) {
        for member in &self.rules.required {
            if has_member(content, member) {
                continue;
            }
            report.error_with(content, "content_misses_member", || {
                let place = self.rules.required_at.unwrap_or(self.placement.at).pointer();
                let id = self.placement.id;
                let message = format!("the content has no {member:?}, which the placement {id:?} requires at {place}");
                (message, "add it, or keep the offer out of the placement")
            });
        }
        let cta = content.get("cta").map(|it| it.get("label").unwrap_or(it));
        self.check_length(content.get("title"), "title", self.rules.title_max, report);
        self.check_length(content.get("text"), "text", self.rules.text_max, report);
        self.check_length(cta, "label of the cta", self.rules.cta_max, report);
        if let (Some(rule), Some(image)) = (self.rules.image, present(content, "image")) {
            self.check_image(image, rule, report);
        }
    }

    fn check_length(self, at: Option<At<'_>>, what: &str, max: Option<CharsMax<'_>>, report: &mut Report) {
        let (Some(at), Some(CharsMax { n_chars: max, at: rule })) = (at, max) else { return };
        let n_chars = at.as_text().chars().count();
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

    fn check_image(self, image: At<'_>, rule: ImageRule<'_>, report: &mut Report) {
        let pixels = |key: &str| match image.get(key)?.kind() {
            Kind::Number(it) => it.as_f64().filter(|it| *it > 0.0),
            _ => None,
        };
        let size = pixels("width").zip(pixels("height"));
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
