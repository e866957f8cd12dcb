//! What the edge needs of a campaign: its budget, what an answer costs, and how the budget is spread over its time.

use alloc::string::String;

use crate::schedule::Schedule;

/// Position of a campaign in [`crate::Bundle::campaigns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CampaignIdx(pub u16);

/// A marketing activity that offers belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Campaign {
    /// Unique id.
    pub id: String,
    /// When it runs; its budget is spread over this time.
    pub schedule: Schedule,
    /// What may be spent. Unit: hundredths of the currency's unit. `None` sets no limit.
    pub budget_minor: Option<u64>,
    /// What is paid for.
    pub cost: CostModel,
    /// The price of what is paid for. Unit: hundredths of the currency's unit; for [`CostModel::Cpm`], of a thousand.
    pub cost_minor: u64,
    /// How the budget is spread.
    pub pacing: Pacing,
}

/// What of a campaign is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostModel {
    /// A sum for all of it: what is shown costs nothing more.
    #[default]
    Fixed,
    /// Each click.
    Cpc,
    /// A thousand impressions.
    Cpm,
    /// Each conversion.
    Cpa,
}

/// How a budget is spread over the time of its campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// Spent as it comes.
    #[default]
    Asap,
    /// At any time no more is spent than the part of the budget that the part of the schedule that is over has.
    Even,
}
