//! Campaigns in time and place: which compete for one placement, which never get to where they want to be.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use vitrine_engine::{OfferIdx, Schedule};

use crate::compile::Compiler;
use crate::facts::{Facts, PlacementFacts};
use crate::lint::overlap;
use crate::report::Report;
use crate::section::campaign::Campaign;
use crate::source::Kind;

pub(super) fn check(compiler: &mut Compiler<'_, '_>) {
    let placements: BTreeMap<&str, usize> =
        compiler.facts.placements.iter().enumerate().map(|(idx, it)| (it.id, idx)).collect();
    for idx in 0..compiler.facts.campaigns.len() {
        wanted_placements(idx, &placements, compiler);
    }
    let Compiler { report, facts, .. } = compiler;
    for placement in &facts.placements {
        competition(placement, facts, report);
    }
    empty_campaigns(facts, report);
}

/// Campaigns of which nothing can be seen.
fn empty_campaigns(facts: &Facts<'_>, report: &mut Report) {
    for campaign in &facts.campaigns {
        // Names of offers that do not exist are reported as such.
        let names_some =
            ["offers", "experiments"].iter().any(|key| campaign.at.get(key).is_some_and(|it| it.children().len() > 0));
        if campaign.offers.is_empty() && !names_some && matches!(campaign.at.kind(), Kind::Object(_)) {
            let help = "add offers:, or campaign: to the offers that belong to it";
            report.error(
                campaign.at,
                "incomplete_campaign",
                "the campaign has no content: no offers and no experiments",
                help,
            );
        }
    }
}

/// Placements that a campaign names: are they there, and does one of its offers compete in them?
fn wanted_placements(idx: usize, by_id: &BTreeMap<&str, usize>, compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, placements, .. } = compiler;
    let Some(campaign) = facts.campaigns.get(idx) else { return };
    let Some(list) = campaign.at.get("placements") else { return };
    for at in report.list(list, "placements", "too_many_settings", crate::limits::SETTINGS_LIST_MAX) {
        if placements.find(at, "unknown_placement", report).is_none() {
            continue;
        }
        let Some(placement) = by_id.get(at.as_text()).and_then(|it| facts.placements.get(*it)) else { continue };
        let campaign_of = |OfferIdx(it): &OfferIdx| facts.offers.get(usize::from(*it))?.campaign.map(usize::from);
        let competes = placement.offers.iter().any(|it| campaign_of(it) == Some(idx));
        if !competes && !campaign.offers.is_empty() {
            let message =
                format!("no offer of the campaign is a candidate of {:?} at {}", placement.id, placement.at.pointer());
            report.warning(
                at,
                "campaign_not_in_placement",
                message,
                "add its offers to the placement, or remove it here",
            );
        }
    }
}

/// Most campaigns of one placement that each is compared with: those that start next. Bounds the work.
const NEIGHBOURS_MAX: usize = 20;

/// Campaigns whose offers want the same slot at the same time, when there are more campaigns than the slot shows offers.
fn competition(placement: &PlacementFacts<'_>, facts: &Facts<'_>, report: &mut Report) {
    let mut present: BTreeSet<u16> = BTreeSet::new();
    for OfferIdx(idx) in &placement.offers {
        present.extend(facts.offers.get(usize::from(*idx)).and_then(|it| it.campaign));
    }
    if let Some(OfferIdx(idx)) = placement.fallback {
        fallback(placement, idx, facts, report);
    }
    let mut present: Vec<&Campaign<'_>> =
        present.into_iter().filter_map(|idx| facts.campaigns.get(usize::from(idx))).collect();
    present.sort_by_key(|it| it.schedule.starts());
    for (nth, first) in present.iter().enumerate() {
        for second in present.iter().skip(nth).skip(1).take(NEIGHBOURS_MAX) {
            let Some(common) = intersection(first.schedule, second.schedule) else { continue };
            let mut at_once = present.iter().filter(|it| overlap(it.schedule, common));
            if at_once.nth(usize::from(placement.count_max)).is_none() {
                continue;
            }
            report.warning_with(second.at, "campaigns_compete", || {
                let message = competing(first, second, common, placement);
                (
                    message,
                    "separate them in time or audience, show more offers there, or give them different priorities",
                )
            });
        }
    }
}

/// Says that two campaigns compete in a placement, for how long, and which goes first.
fn competing(first: &Campaign<'_>, second: &Campaign<'_>, common: Schedule, placement: &PlacementFacts<'_>) -> String {
    let priority = |it: &Campaign<'_>| it.priority.unwrap_or(0);
    let order = match priority(first).cmp(&priority(second)) {
        Ordering::Greater => format!("{:?} goes first by its priority", first.id),
        Ordering::Less => format!("{:?} goes first by its priority", second.id),
        Ordering::Equal => "both have the same priority, so the order of the offers decides".to_owned(),
    };
    let until = common.ends().map_or_else(|| "without end".to_owned(), |it| format!("until {it}"));
    let from = common.starts().map_or_else(|| "from the beginning".to_owned(), |it| format!("from {it}"));
    format!(
        "the campaign competes with {:?} at {} for the placement {:?} at {}, {from} {until}: {order}",
        first.id,
        first.at.pointer(),
        placement.id,
        placement.at.pointer(),
    )
}

/// A fallback shows also after its campaign is over.
fn fallback(placement: &PlacementFacts<'_>, offer: u16, facts: &Facts<'_>, report: &mut Report) {
    let campaign = facts.offers.get(usize::from(offer)).and_then(|it| it.campaign);
    let Some(campaign) = campaign.and_then(|it| facts.campaigns.get(usize::from(it))) else { return };
    let at = placement.at.get("fallback").unwrap_or(placement.at);
    let message = format!(
        "the fallback offer belongs to the campaign {:?} at {}: it also shows before and after the campaign",
        campaign.id,
        campaign.at.pointer()
    );
    report.warning(at, "campaign_offer_as_fallback", message, "choose a fallback offer that may always be shown");
}

/// The time that two schedules have in common.
fn intersection(first: Schedule, second: Schedule) -> Option<Schedule> {
    let starts = first.starts().max(second.starts());
    let ends = match (first.ends(), second.ends()) {
        (Some(first), Some(second)) => Some(first.min(second)),
        (first, second) => first.or(second),
    };
    Schedule::new(starts, ends).ok()
}
