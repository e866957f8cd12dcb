//! Offers as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vitrine_engine::{AudienceIdx, CampaignIdx, Creative, Offer, Schedule, ScheduleError, TimestampMs};

use crate::campaigns::{CapsWire, suppression, suppression_days};

/// An offer. Absent members have the engine's defaults.
#[derive(Serialize, Deserialize)]
pub struct OfferWire<'a> {
    id: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    priority: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    #[serde(borrow)]
    creatives: Vec<CreativeWire<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caps: Option<CapsWire>,
    /// After a conversion the offer is not shown for so many days; 0 is for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suppress_days: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campaign: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    margin: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct CreativeWire<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(borrow)]
    content: &'a RawValue,
}

fn is_zero(it: &i32) -> bool {
    *it == 0
}

impl<'a> OfferWire<'a> {
    /// Errors: the content of a creative is not JSON.
    pub fn new(offer: &'a Offer) -> Result<Self, serde_json::Error> {
        let creative = |it: &'a Creative| {
            let content = serde_json::from_str(&it.content)?;
            let Creative { locale, channel, variant, .. } = it.clone();
            Ok(CreativeWire { locale, channel, variant, content })
        };
        Ok(Self {
            id: offer.id.clone(),
            priority: offer.priority,
            starts: offer.schedule.starts().map(|it| it.0),
            ends: offer.schedule.ends().map(|it| it.0),
            audience: offer.audience.map(|it| it.0),
            items: offer.items.clone(),
            categories: offer.categories.clone(),
            creatives: offer.creatives.iter().map(creative).collect::<Result<_, serde_json::Error>>()?,
            caps: CapsWire::new(&offer.caps),
            suppress_days: offer.suppress_after_conversion.map(suppression_days),
            campaign: offer.campaign.map(|it| it.0),
            margin: offer.margin_minor,
        })
    }

    /// Errors: the offer would end before it starts.
    pub fn read(self) -> Result<Offer, ScheduleError> {
        let creative = |it: CreativeWire<'_>| Creative {
            locale: it.locale,
            channel: it.channel,
            variant: it.variant,
            content: it.content.get().to_owned(),
        };
        Ok(Offer {
            schedule: Schedule::new(self.starts.map(TimestampMs), self.ends.map(TimestampMs))?,
            id: self.id,
            priority: self.priority,
            audience: self.audience.map(AudienceIdx),
            items: self.items,
            categories: self.categories,
            creatives: self.creatives.into_iter().map(creative).collect(),
            caps: self.caps.unwrap_or_default().into(),
            suppress_after_conversion: self.suppress_days.map(suppression),
            campaign: self.campaign.map(CampaignIdx),
            margin_minor: self.margin,
        })
    }
}
