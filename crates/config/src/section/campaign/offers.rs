//! What campaigns and offers have in common: which offers belong to which campaign, and what they inherit from it.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use vitrine_engine::{CampaignIdx, Schedule, TimestampMs};

use crate::compile::Compiler;
use crate::source::At;

/// The member of a content that holds the end of a campaign with countdown.
const COUNTDOWN: &str = "countdown_ends";

impl<'t> Compiler<'t, '_> {
    /// The offer with the index `offer` belongs to the campaign with the index `campaign`, says the reference `at`.
    pub(super) fn join(&mut self, offer: u16, campaign: u16, at: At<'t>) {
        let Some(facts) = self.facts.offers.get_mut(usize::from(offer)) else { return };
        let first = *facts.campaign.get_or_insert(campaign);
        if first != campaign {
            let id = self.facts.campaigns.get(usize::from(first)).map_or("", |it| it.id);
            let message = format!("the offer {:?} belongs to the campaign {id:?} already", facts.id);
            let help = "an offer inherits from one campaign: write a second offer with the same content";
            self.report.error(at, "offer_in_two_campaigns", message, help);
            return;
        }
        if let Some(campaign) = self.facts.campaigns.get_mut(usize::from(campaign)) {
            campaign.offers.insert(offer);
        }
    }

    /// Offers take over what they do not say themselves: times, priority, audience, terms, the end for a countdown.
    pub(super) fn inherit(&mut self) {
        let Self { report, parts, facts, .. } = self;
        for (offer, facts_of_offer) in parts.offers.iter_mut().zip(&mut facts.offers) {
            let Some(idx) = facts_of_offer.campaign else { continue };
            let Some(campaign) = facts.campaigns.get(usize::from(idx)) else { continue };
            offer.campaign = Some(CampaignIdx(idx));
            if let (None, Some(priority)) = (facts_of_offer.at.get("priority"), campaign.priority) {
                offer.priority = priority;
            }
            offer.audience = offer.audience.or(campaign.audience);
            let own = offer.schedule;
            let starts = own.starts().or(campaign.schedule.starts());
            let ends = own.ends().or(campaign.schedule.ends());
            match Schedule::new(starts, ends) {
                Ok(schedule) => offer.schedule = schedule,
                Err(_) => {
                    let message = format!("the offer never shows within the time of its campaign {:?}", campaign.id);
                    let help = "remove starts and ends of the offer to take those of the campaign, or change them";
                    report.error(facts_of_offer.at, "offer_outside_campaign", message, help);
                }
            }
            let is_early = own.starts().is_some_and(|it| campaign.schedule.starts().is_some_and(|begin| it < begin));
            let is_late = own.ends().is_some_and(|it| campaign.schedule.ends().is_some_and(|end| it > end));
            for (is_outside, key, place) in
                [(is_early, "starts", "before the start"), (is_late, "ends", "after the end")]
            {
                if let (true, Some(at)) = (is_outside, facts_of_offer.at.get(key)) {
                    let message = format!("the offer {key} {place} of its campaign {:?}", campaign.id);
                    let help = "remove it to take over the campaign's time, or change the campaign";
                    report.warning(at, "offer_beyond_campaign", message, help);
                }
            }
            match (facts_of_offer.terms, campaign.terms) {
                (None, terms) => facts_of_offer.terms = terms,
                (Some(own), Some(common)) if own != common => {
                    let at = facts_of_offer.at.get("terms").unwrap_or(facts_of_offer.at);
                    let message = format!("{own}, but its campaign {:?} says {common}", campaign.id);
                    let help = "remove the terms of the offer: those of the campaign hold for all of its offers";
                    report.error(at, "terms_against_campaign", message, help);
                }
                _ => {}
            }
            if let (true, Some(ends)) = (campaign.has_countdown, offer.schedule.ends()) {
                for (creative, content) in offer.creatives.iter_mut().zip(&facts_of_offer.contents) {
                    let content = WithCountdown { content: content.at, ends };
                    // A tree holds only what JSON can hold, so this cannot fail.
                    creative.content = serde_json::to_string(&content).unwrap_or_default();
                }
            }
        }
    }
}

/// A content with a member more, in its place among the sorted keys. A content that has the member keeps its own.
struct WithCountdown<'t> {
    content: At<'t>,
    ends: TimestampMs,
}

impl Serialize for WithCountdown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let children = self.content.children();
        let mut is_due = self.content.get(COUNTDOWN).is_none();
        let mut map = serializer.serialize_map(None)?;
        for child in children {
            if is_due && child.key() > COUNTDOWN {
                is_due = false;
                map.serialize_entry(COUNTDOWN, &Shown(self.ends))?;
            }
            map.serialize_entry(child.key(), &child)?;
        }
        if is_due {
            map.serialize_entry(COUNTDOWN, &Shown(self.ends))?;
        }
        map.end()
    }
}

/// A value as the text that it displays as.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
