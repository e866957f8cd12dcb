//! The shop's campaigns: where they run, what they take off the price, what they cost a day.

use crate::calendar::{DAY_S, Instant};
use crate::csv::{decimal, record};
use crate::draw::{Choice, Draw, Purpose};
use crate::habits::{Channel, Habits};
use crate::shop::{DemoShop, PERIOD_DAYS};
use crate::truth::FileTruth;
use std::io::{self, Write};

/// A campaign of the shop.
#[derive(Debug)]
pub struct Campaign {
    /// Name in orders, events and costs.
    pub id: &'static str,
    /// Where it runs.
    pub channel: Channel,
    /// What its code takes off the list price; 0 for one that only brings visitors. Unit: parts in 100.
    pub percent: i64,
    /// What a day costs, by the middle. Unit: minor units.
    pub cost_minor: i64,
}

/// All campaigns, those with a discount first.
pub const CAMPAIGNS: [Campaign; 7] = [
    Campaign { id: "newsletter-10", channel: Channel::Email, percent: 10, cost_minor: 4_000 },
    Campaign { id: "app-push-10", channel: Channel::App, percent: 10, cost_minor: 2_500 },
    Campaign { id: "web-spring-20", channel: Channel::Web, percent: 20, cost_minor: 9_000 },
    Campaign { id: "partner-20", channel: Channel::Partner, percent: 20, cost_minor: 12_000 },
    Campaign { id: "sms-flash-30", channel: Channel::Sms, percent: 30, cost_minor: 3_000 },
    Campaign { id: "social-teaser", channel: Channel::Social, percent: 0, cost_minor: 8_000 },
    Campaign { id: "brand-search", channel: Channel::Web, percent: 0, cost_minor: 15_000 },
];

/// Number of campaigns with a discount.
const N_DISCOUNTS: u32 = 5;

/// The campaign that an order came by: an index into [`CAMPAIGNS`].
pub(crate) fn draw_campaign(habits: &Habits, draw: &mut Draw) -> Option<usize> {
    if draw.chance(habits.discount.chance()) {
        Some(draw.below(N_DISCOUNTS) as usize)
    } else if draw.chance(0.15) {
        Some((N_DISCOUNTS + draw.below(2)) as usize)
    } else {
        None
    }
}

impl DemoShop {
    /// Writes what each campaign cost on each day, `channel,campaign,day,cost`, with some dirt, which is counted.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_costs(&self, out: &mut impl Write) -> io::Result<FileTruth> {
        record(out, &["channel", "campaign", "day", "cost"])?;
        let mut truth = FileTruth::default();
        let mut draw = Draw::new(self.seed, Purpose::Costs, 0);
        let dirt = Choice::new([1000, 3, 2, 2, 2, 2]);
        for day in 0..PERIOD_DAYS {
            for campaign in &CAMPAIGNS {
                let cost = decimal((campaign.cost_minor as f64 * (0.6 + 0.8 * draw.unit())) as i64);
                let date = Instant(Instant::at(day, 0).0.div_euclid(DAY_S) * DAY_S).day();
                let channel = campaign.channel.id();
                record(out, &[channel, campaign.id, &date, &cost])?;
                truth.clean_rows += 1;
                match dirt.pick(&mut draw) {
                    1 => {
                        record(out, &[channel, campaign.id, &date, &cost])?;
                        truth.exact_duplicates += 1;
                    }
                    2 => {
                        record(out, &["fax", campaign.id, &date, &cost])?;
                        truth.unknown_codes += 1;
                    }
                    3 => {
                        record(out, &[channel, campaign.id, "2025-02-30", &cost])?;
                        truth.bad_dates += 1;
                    }
                    4 => {
                        record(out, &[channel, campaign.id, &date, "-99999.00"])?;
                        truth.outliers += 1;
                    }
                    5 => {
                        record(out, &[channel, campaign.id, &date, "n/a"])?;
                        truth.bad_numbers += 1;
                    }
                    _ => {}
                }
            }
        }
        truth.close();
        Ok(truth)
    }
}
