//! Offers and placements as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vitrine_engine::{
    AudienceIdx, CampaignIdx, Creative, ItemsRanker, Offer, OfferIdx, Placement, Ranker, Schedule, ScheduleError,
    TimestampMs,
};

use crate::campaigns::{CapsWire, suppression, suppression_days};
use crate::exact::Exact;

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
}

#[derive(Serialize, Deserialize)]
struct CreativeWire<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
pub struct PlacementWire {
    id: String,
    offers: Vec<u16>,
    ranker: RankerWire,
    fallback: u16,
    count: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RankerWire {
    Priority,
    Items { profile: Exact, session: Exact, own: Exact, popularity: Exact },
}

fn is_zero(it: &i32) -> bool {
    *it == 0
}

impl<'a> OfferWire<'a> {
    /// Errors: the content of a creative is not JSON.
    pub fn new(offer: &'a Offer) -> Result<Self, serde_json::Error> {
        let creative = |it: &'a Creative| {
            let content = serde_json::from_str(&it.content)?;
            Ok(CreativeWire { locale: it.locale.clone(), channel: it.channel.clone(), content })
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
        })
    }

    /// Errors: the offer would end before it starts.
    pub fn read(self) -> Result<Offer, ScheduleError> {
        let creative = |it: CreativeWire<'_>| Creative {
            locale: it.locale,
            channel: it.channel,
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
        })
    }
}

impl From<&Placement> for PlacementWire {
    fn from(placement: &Placement) -> Self {
        let ranker = match placement.ranker {
            Ranker::Priority => RankerWire::Priority,
            Ranker::Items(ItemsRanker { profile, session, own, popularity }) => RankerWire::Items {
                profile: Exact(profile),
                session: Exact(session),
                own: Exact(own),
                popularity: Exact(popularity),
            },
        };
        Self {
            id: placement.id.clone(),
            offers: placement.offers.iter().map(|it| it.0).collect(),
            ranker,
            fallback: placement.fallback.0,
            count: placement.count_max,
        }
    }
}

impl From<PlacementWire> for Placement {
    fn from(wire: PlacementWire) -> Self {
        let ranker = match wire.ranker {
            RankerWire::Priority => Ranker::Priority,
            RankerWire::Items { profile, session, own, popularity } => Ranker::Items(ItemsRanker {
                profile: profile.0,
                session: session.0,
                own: own.0,
                popularity: popularity.0,
            }),
        };
        Self {
            id: wire.id,
            offers: wire.offers.into_iter().map(OfferIdx).collect(),
            ranker,
            fallback: OfferIdx(wire.fallback),
            count_max: wire.count,
        }
    }
}
