//! Campaigns, caps and suppression as they are stored.

use serde::{Deserialize, Serialize};
use vitrine_engine::{
    Campaign, Caps, CostModel, Pacing, Schedule, ScheduleError, Suppression, TimestampMs, VisitorCap,
};

/// A campaign. Absent members have the engine's defaults.
#[derive(Serialize, Deserialize)]
pub struct CampaignWire {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<i64>,
    /// What is paid for, the budget and the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<u64>,
    #[serde(default, skip_serializing_if = "CostWire::is_fixed")]
    cost: CostWire,
    #[serde(default, skip_serializing_if = "is_zero")]
    price: u64,
    /// Whether the budget is spread evenly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    even: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CostWire {
    #[default]
    Fixed,
    Cpc,
    Cpm,
    Cpa,
}

impl CostWire {
    fn is_fixed(&self) -> bool {
        *self == Self::Fixed
    }
}

fn is_zero(it: &u64) -> bool {
    *it == 0
}

impl From<&Campaign> for CampaignWire {
    fn from(campaign: &Campaign) -> Self {
        Self {
            id: campaign.id.clone(),
            starts: campaign.schedule.starts().map(|it| it.0),
            ends: campaign.schedule.ends().map(|it| it.0),
            budget: campaign.budget_minor,
            cost: match campaign.cost {
                CostModel::Fixed => CostWire::Fixed,
                CostModel::Cpc => CostWire::Cpc,
                CostModel::Cpm => CostWire::Cpm,
                CostModel::Cpa => CostWire::Cpa,
            },
            price: campaign.cost_minor,
            even: campaign.pacing == Pacing::Even,
        }
    }
}

impl CampaignWire {
    /// Errors: the campaign would end before it starts.
    pub fn read(self) -> Result<Campaign, ScheduleError> {
        Ok(Campaign {
            schedule: Schedule::new(self.starts.map(TimestampMs), self.ends.map(TimestampMs))?,
            id: self.id,
            budget_minor: self.budget,
            cost: match self.cost {
                CostWire::Fixed => CostModel::Fixed,
                CostWire::Cpc => CostModel::Cpc,
                CostWire::Cpm => CostModel::Cpm,
                CostWire::Cpa => CostModel::Cpa,
            },
            cost_minor: self.price,
            pacing: if self.even { Pacing::Even } else { Pacing::Asap },
        })
    }
}

/// Caps of an offer.
#[derive(Default, Serialize, Deserialize)]
pub struct CapsWire {
    /// `[count, seconds]` each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    visitor: Vec<(u16, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    daily: Option<u32>,
}

impl CapsWire {
    /// `None` when nothing is capped.
    pub fn new(caps: &Caps) -> Option<Self> {
        (*caps != Caps::default()).then(|| Self {
            visitor: caps.visitor.iter().map(|it| (it.count_max, it.window_s)).collect(),
            total: caps.total,
            daily: caps.daily,
        })
    }
}

impl From<CapsWire> for Caps {
    fn from(wire: CapsWire) -> Self {
        let visitor = wire.visitor.into_iter().map(|(count_max, window_s)| VisitorCap { count_max, window_s });
        Self { visitor: visitor.collect(), total: wire.total, daily: wire.daily }
    }
}

/// [`Suppression`] in days; 0 is for good.
pub fn suppression_days(suppression: Suppression) -> u16 {
    match suppression {
        Suppression::ForGood => 0,
        Suppression::Days(days) => days,
    }
}

/// Reads [`suppression_days`].
pub fn suppression(days: u16) -> Suppression {
    if days == 0 { Suppression::ForGood } else { Suppression::Days(days) }
}
