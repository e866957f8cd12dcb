//! When and where campaigns run: what a calendar of campaigns shows.

use std::collections::BTreeSet;

use vitrine_engine::{OfferIdx, TimestampMs};

use crate::compile::Compiler;

/// A campaign as it runs, with its calendar resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignRun {
    /// Its id.
    pub id: String,
    /// From when; `None` has no beginning.
    pub starts: Option<TimestampMs>,
    /// The first moment after it; `None` has no end.
    pub ends: Option<TimestampMs>,
    /// What its offers inherit. Higher goes first; equal ones in the order of the placement's offers.
    pub priority: i32,
    /// Ids of its offers, in the order of the document.
    pub offers: Vec<String>,
    /// Ids of the placements in which one of its offers competes, in the order of the document.
    pub placements: Vec<String>,
}

/// All campaigns, in the order of the document.
pub(crate) fn timetable(compiler: &Compiler<'_, '_>) -> Vec<CampaignRun> {
    let facts = &compiler.facts;
    let id_of = |idx: &u16| facts.offers.get(usize::from(*idx)).map(|it| it.id.to_owned());
    let runs = facts.campaigns.iter().map(|campaign| CampaignRun {
        id: campaign.id.to_owned(),
        starts: campaign.schedule.starts(),
        ends: campaign.schedule.ends(),
        priority: campaign.priority.unwrap_or_default(),
        offers: campaign.offers.iter().filter_map(id_of).collect(),
        placements: Vec::new(),
    });
    let mut runs: Vec<CampaignRun> = runs.collect();
    for placement in &facts.placements {
        let campaign_of = |OfferIdx(it): &OfferIdx| facts.offers.get(usize::from(*it))?.campaign;
        let campaigns: BTreeSet<u16> = placement.offers.iter().filter_map(campaign_of).collect();
        for idx in campaigns {
            if let Some(run) = runs.get_mut(usize::from(idx)) {
                run.placements.push(placement.id.to_owned());
            }
        }
    }
    runs
}
