//! What all visitors together may be shown, and what campaigns may cost: the arithmetic of the object that owns these counts.
//!
//! An isolate asks for portions; what it is given counts as shown until it is given back ([`Account::portion`]). What is paid for
//! by click or by conversion is counted when that happens; isolates are only told whether there is money for one more
//! ([`Account::is_open`]).
//!
//! Money is counted in thousandths of the smallest coin, so that one impression of a price by the thousand is a whole number.

use serde::{Deserialize, Serialize};
use vitrine_api::Meter;
use vitrine_engine::{Bundle, Campaign, CampaignIdx, CostModel, OfferIdx, Pacing, TimestampMs};

use crate::kind::Kind;

/// Of what is left, one portion is at most this part.
const SHARE: u64 = 8;
/// Thousandths.
const MILLI: u64 = 1_000;
/// Length of a day. Unit: ms.
const DAY_MS: i64 = 86_400_000;
/// Wait before what is closed is looked at again: at least and at most. Unit: ms.
const LOOK_AGAIN_MS: (u64, u64) = (1_000, 30_000);

/// What one version of the configuration limits for all visitors together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    offers: Vec<OfferTerms>,
    campaigns: Vec<Campaign>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OfferTerms {
    id: String,
    total: Option<u32>,
    daily: Option<u32>,
    campaign: Option<CampaignIdx>,
}

/// What something costs a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Id of the campaign.
    pub campaign: String,
    /// Unit: thousandths of the smallest coin.
    pub milli: u64,
}

/// How something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// By showings: portions are leased.
    Showings,
    /// By what happens later.
    Events,
}

/// One meter at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Under what the object keeps it: the same in every version of the configuration.
    pub key: String,
    /// The day that it counts, in whole days since 1970; 0 for all time.
    pub day: i64,
    /// What may be spent by now.
    pub allowed: u64,
    /// What may be spent ever, or this day.
    pub max: u64,
    /// What one showing, click or conversion takes.
    pub each: u64,
    /// What is counted.
    pub basis: Basis,
    /// The time over which it is spread: start, and length. Unit: ms.
    spread: Option<(i64, u64)>,
}

impl Terms {
    /// The terms of a bundle.
    pub fn of(bundle: &Bundle) -> Self {
        let offers = bundle.offers().iter().map(|it| OfferTerms {
            id: it.id.clone(),
            total: it.caps.total,
            daily: it.caps.daily,
            campaign: it.campaign,
        });
        Self { offers: offers.collect(), campaigns: bundle.campaigns().to_vec() }
    }

    /// Everything that is limited, in the order of the bundle.
    pub fn meters(&self) -> impl Iterator<Item = Meter> {
        let offers = self.offers.iter().zip(0_u16..).flat_map(|(offer, at)| {
            let idx = OfferIdx(at);
            [offer.total.map(|_| Meter::Total(idx)), offer.daily.map(|_| Meter::Daily(idx))].into_iter().flatten()
        });
        let campaigns = self.campaigns.iter().zip(0_u16..).filter(|(it, _)| is_limited(it));
        offers.chain(campaigns.map(|(_, at)| Meter::Budget(CampaignIdx(at))))
    }

    /// A meter at `now`; `None` when this version does not limit it.
    pub fn account(&self, meter: Meter, now: TimestampMs) -> Option<Account> {
        let offer = |idx: OfferIdx| self.offers.get(usize::from(idx.0));
        let of_offer = |key: String, day: i64, max: u32| Account {
            key,
            day,
            allowed: max.into(),
            max: max.into(),
            each: 1,
            basis: Basis::Showings,
            spread: None,
        };
        match meter {
            Meter::Total(idx) => offer(idx).and_then(|it| Some(of_offer(format!("offer/{}", it.id), 0, it.total?))),
            Meter::Daily(idx) => {
                let today = now.0.div_euclid(DAY_MS);
                offer(idx).and_then(|it| Some(of_offer(format!("offer/{}", it.id), today, it.daily?)))
            }
            Meter::Budget(idx) => {
                let campaign = self.campaigns.get(usize::from(idx.0)).filter(|it| is_limited(it))?;
                let max = campaign.budget_minor?.saturating_mul(MILLI);
                let spread = spread(campaign);
                Some(Account {
                    key: campaign_key(&campaign.id),
                    day: 0,
                    allowed: spread.map_or(max, |it| planned(max, it, now)),
                    max,
                    each: price_milli(campaign),
                    basis: if campaign.cost == CostModel::Cpm { Basis::Showings } else { Basis::Events },
                    spread,
                })
            }
        }
    }

    /// The name of what a meter measures: of the offer, or of the campaign.
    pub fn name(&self, meter: Meter) -> &str {
        match meter {
            Meter::Total(idx) | Meter::Daily(idx) => self.offers.get(usize::from(idx.0)).map(|it| it.id.as_str()),
            Meter::Budget(idx) => self.campaigns.get(usize::from(idx.0)).map(|it| it.id.as_str()),
        }
        .unwrap_or_default()
    }

    /// What a campaign is paid for by.
    pub fn cost_model(&self, idx: CampaignIdx) -> Option<CostModel> {
        self.campaigns.get(usize::from(idx.0)).map(|it| it.cost)
    }

    /// What an event of an offer costs its campaign; `None` when it costs nothing, or nothing limits what it costs.
    pub fn cost(&self, offer: &str, kind: Kind) -> Option<Cost> {
        let idx = self.offers.iter().find(|it| it.id == offer)?.campaign?;
        let campaign = self.campaigns.get(usize::from(idx.0)).filter(|it| is_limited(it))?;
        let is_paid = match campaign.cost {
            CostModel::Cpc => kind == Kind::Click,
            CostModel::Cpa => kind == Kind::Conversion,
            CostModel::Cpm | CostModel::Fixed => false,
        };
        is_paid.then(|| Cost { campaign: campaign.id.clone(), milli: price_milli(campaign) })
    }
}

/// Under what the money of a campaign is kept.
pub fn campaign_key(id: &str) -> String {
    format!("campaign/{id}")
}

fn is_limited(campaign: &Campaign) -> bool {
    campaign.budget_minor.is_some() && campaign.cost_minor > 0 && campaign.cost != CostModel::Fixed
}

/// What one showing, click or conversion costs.
fn price_milli(campaign: &Campaign) -> u64 {
    match campaign.cost {
        // The price of a thousand, in coins, is the price of one, in thousandths.
        CostModel::Cpm => campaign.cost_minor,
        CostModel::Cpc | CostModel::Cpa | CostModel::Fixed => campaign.cost_minor.saturating_mul(MILLI),
    }
}

/// Start and length of the time over which a budget is spread, if it is.
fn spread(campaign: &Campaign) -> Option<(i64, u64)> {
    let (starts, ends) = (campaign.schedule.starts()?, campaign.schedule.ends()?);
    let length = u64::try_from(ends.0.saturating_sub(starts.0)).ok()?;
    (campaign.pacing == Pacing::Even && length > 0).then_some((starts.0, length))
}

/// The part of `max` whose part of the time is over.
fn planned(max: u64, (starts, length): (i64, u64), now: TimestampMs) -> u64 {
    let over = u64::try_from(now.0.saturating_sub(starts)).unwrap_or(0).min(length);
    let part = u128::from(max).saturating_mul(over.into()).checked_div(length.into()).unwrap_or(0);
    u64::try_from(part).unwrap_or(max)
}

impl Account {
    /// How many more showings, clicks or conversions there is room for.
    pub fn left(&self, spent: u64) -> u64 {
        self.allowed.saturating_sub(spent).checked_div(self.each).unwrap_or(u64::MAX)
    }

    /// Whether there is room for one more.
    pub fn is_open(&self, spent: u64) -> bool {
        self.left(spent) > 0
    }

    /// How many showings an isolate is given that wants so many: at most an eighth of what is left, rounded up, so that the rest is
    /// shared the more finely the less it is. 0 when nothing is left.
    pub fn portion(&self, spent: u64, wanted: u32) -> u32 {
        u32::try_from(self.left(spent).div_ceil(SHARE)).unwrap_or(u32::MAX).min(wanted)
    }

    /// When something that is closed may be open again, from `now` on. Unit: ms.
    pub fn look_again_ms(&self, spent: u64, now: TimestampMs) -> u64 {
        let (min, max) = LOOK_AGAIN_MS;
        let Some((starts, length)) = self.spread else { return max };
        let needed = u128::from(spent.saturating_add(self.each)).saturating_mul(length.into());
        let Some(over) = needed.div_ceil(u128::from(self.max.max(1))).try_into().ok() else { return max };
        let wait_ms = starts.saturating_add(over).saturating_sub(now.0);
        u64::try_from(wait_ms).unwrap_or(0).clamp(min, max)
    }
}

/// A call of the object, but for those of isolates (`vitrine-api`, `LeaseCall`).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetCall {
    /// What a shard of the ledger has counted so far, of campaigns. Told twice, or late, it is the same as told once.
    Charge {
        /// The shard.
        shard: u32,
        /// By campaign, everything that the shard has ever counted.
        costs: Vec<Cost>,
    },
    /// Tells what is left of everything that a version limits.
    Show {
        /// The environment whose object this is.
        environment: String,
        /// The version.
        version: u64,
    },
}

/// What is left of caps and budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BudgetReport {
    /// The environment.
    pub environment: String,
    /// The version of the configuration whose limits these are; 0 when none is published.
    pub version: u64,
    /// RFC 3339 time of the answer.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    pub at: String,
    /// Caps of offers.
    pub caps: Vec<CapReport>,
    /// Budgets of campaigns.
    pub budgets: Vec<MoneyReport>,
}

/// A cap of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CapReport {
    /// Id of the offer.
    pub offer: String,
    /// `total`, or `daily`: the present day in UTC.
    pub cap: String,
    /// How often it may be shown.
    pub max: u64,
    /// How often it was shown, portions that isolates hold or have lost among it.
    pub used: u64,
    /// How much of that isolates may not have shown yet.
    pub leased: u64,
    /// It may be shown.
    pub open: bool,
}

/// A budget of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MoneyReport {
    /// Id of the campaign.
    pub campaign: String,
    /// What is paid for: `cpm`, `cpc` or `cpa`.
    pub cost: String,
    /// What may be spent in all. Unit of all sums: hundredths of the currency's unit, rounded down.
    pub budget_minor: u64,
    /// What may be spent by now, as its pacing has it.
    pub planned_minor: u64,
    /// What was spent, portions that isolates hold or have lost among it.
    pub spent_minor: u64,
    /// How much of that isolates may not have shown yet.
    pub leased_minor: u64,
    /// Its offers may be shown.
    pub open: bool,
}

/// Sums of the object, for a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Spent or leased.
    pub spent: u64,
    /// Leased lately, and not given back.
    pub leased: u64,
}

impl BudgetReport {
    /// The report on a version. `spent`: what the object knows of an account.
    pub fn of<E>(
        environment: &str,
        version: u64,
        terms: &Terms,
        now: TimestampMs,
        mut spent: impl FnMut(&Account) -> Result<Spent, E>,
    ) -> Result<Self, E> {
        let mut report = Self { environment: environment.to_owned(), version, at: now.to_string(), ..Self::default() };
        for meter in terms.meters() {
            let Some(account) = terms.account(meter, now) else { continue };
            let Spent { spent, leased } = spent(&account)?;
            let (name, open) = (terms.name(meter).to_owned(), account.is_open(spent));
            let minor = |milli: u64| milli.div_euclid(MILLI);
            match meter {
                Meter::Total(_) | Meter::Daily(_) => report.caps.push(CapReport {
                    offer: name,
                    cap: if matches!(meter, Meter::Total(_)) { "total" } else { "daily" }.to_owned(),
                    max: account.max,
                    used: spent,
                    leased,
                    open,
                }),
                Meter::Budget(idx) => report.budgets.push(MoneyReport {
                    campaign: name,
                    cost: match terms.cost_model(idx) {
                        Some(CostModel::Cpm) => "cpm",
                        Some(CostModel::Cpc) => "cpc",
                        Some(CostModel::Cpa) => "cpa",
                        Some(CostModel::Fixed) | None => "fixed",
                    }
                    .to_owned(),
                    budget_minor: minor(account.max),
                    planned_minor: minor(account.allowed),
                    spent_minor: minor(spent),
                    leased_minor: minor(leased),
                    open,
                }),
            }
        }
        Ok(report)
    }
}
