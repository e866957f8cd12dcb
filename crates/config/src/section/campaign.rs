//! `campaigns`: why offers are shown: goal, budget, time, terms and evaluation of a marketing activity.
//!
//! The edge needs of a campaign only what its offers inherit: schedule, priority and the end for a countdown. Everything
//! else is for plans and reports. What a plan must have before its campaign runs is required here: a document is what
//! runs, and plans in the making are drafts.

pub(crate) mod goal;
mod offers;
pub(crate) mod plan;

use std::collections::BTreeSet;

use vitrine_engine::{self as engine, AudienceIdx, Schedule, TimestampMs};

use crate::calendar::{PRESETS, YEARS};
use crate::compile::Compiler;
use crate::limits::{CAMPAIGNS_MAX, OFFERS_MAX, SETTINGS_LIST_MAX};
use crate::section::terms::{self, Terms};
use crate::source::At;
use crate::time_zone::Zone;

pub(crate) const KEYS: [&str; 26] = [
    "id",
    "description",
    "name",
    "theme",
    "message",
    "brand",
    "form",
    "owner",
    "partner",
    "member_tier",
    "audience",
    "priority",
    "starts",
    "ends",
    "calendar",
    "time_zone",
    "channels",
    "goal",
    "budget",
    "evaluation",
    "terms",
    "countdown",
    "offers",
    "experiments",
    "placements",
    "predecessor",
];

pub(crate) const CALENDAR_KEYS: [&str; 4] = ["preset", "year", "lead_days", "trail_days"];

/// Most days that a calendar can add on either side.
const CALENDAR_DAYS_MAX: i64 = 60;

/// Forms that a campaign can have.
const FORMS: [&str; 7] = ["festival", "member", "joint", "social", "content", "care", "other"];

/// A campaign, for the checks that compare campaigns, offers and placements.
pub(crate) struct Campaign<'t> {
    pub at: At<'t>,
    /// Empty when the document gives none, which is reported already.
    pub id: &'t str,
    pub schedule: Schedule,
    /// Where its local times are.
    pub zone: Option<Zone>,
    /// Inherited by its offers that have none of their own.
    pub priority: Option<i32>,
    /// Whom it is for, a partner's customers for example. Inherited by its offers that have no audience and no rule of their own.
    pub audience: Option<AudienceIdx>,
    pub terms: Option<Terms<'t>>,
    pub has_countdown: bool,
    /// Channels that it uses, in the order of the document.
    pub channels: Vec<&'t str>,
    /// Its offers, by their index in the document; those that it lists and those that name it.
    pub offers: BTreeSet<u16>,
}

impl Campaign<'_> {
    /// Whether the document says when it ends, be it rightly or wrongly.
    fn says_end(&self) -> bool {
        self.at.get("ends").or(self.at.get("calendar")).is_some()
    }
}

impl<'t> Compiler<'t, '_> {
    /// Reads the campaigns and lets their offers inherit.
    pub fn campaigns(&mut self, at: Option<At<'t>>) {
        let list = at.map(|at| self.report.list(at, "campaigns", "too_many_campaigns", CAMPAIGNS_MAX));
        let list: Vec<At<'t>> = list.into_iter().flatten().collect();
        for (idx, at) in list.iter().enumerate() {
            let mut run = engine::Campaign::default();
            let campaign = self.campaign(*at, idx, &mut run);
            self.facts.campaigns.push(campaign);
            self.parts.campaigns.push(run);
        }
        // Only now is every campaign known. What an offer says of itself goes before what a campaign says of it.
        let offers: Vec<At<'t>> = self.facts.offers.iter().map(|it| it.at).collect();
        for (idx, offer) in (0..).zip(offers) {
            let Some(at) = offer.get("campaign") else { continue };
            if let Some(named) = self.campaigns.resolve(at, "unknown_campaign", self.report) {
                self.join(idx, named.idx, at);
            }
        }
        for (idx, at) in (0..).zip(&list) {
            self.predecessor(*at, idx);
            if let Some(at) = at.get("offers") {
                for entry in self.report.list(at, "offers", "too_many_offers", OFFERS_MAX) {
                    let Some(named) = self.offers.find(entry, "unknown_offer", self.report) else { continue };
                    self.join(named.idx, idx, entry);
                }
            }
        }
        self.inherit();
    }

    /// What checks and reports need of a campaign; what the edge needs of it comes into `run`.
    fn campaign(&mut self, at: At<'t>, idx: usize, run: &mut engine::Campaign) -> Campaign<'t> {
        let mut campaign = Campaign {
            at,
            id: "",
            schedule: Schedule::default(),
            zone: None,
            priority: None,
            audience: None,
            terms: None,
            has_countdown: false,
            channels: Vec::new(),
            offers: BTreeSet::new(),
        };
        let Some(at) = self.report.object(at, &KEYS) else { return campaign };
        campaign.id = self.campaigns.declare(at, idx, self.report).unwrap_or_default();
        for key in ["description", "name", "theme", "message", "brand", "owner", "partner", "member_tier"] {
            at.get(key).and_then(|at| self.report.text(at));
        }
        self.form(at);
        campaign.zone = self.zone(at);
        campaign.priority = at.get("priority").and_then(|at| self.priority(at));
        let audience = at.get("audience").and_then(|at| self.audiences.resolve(at, "unknown_audience", self.report));
        campaign.audience = audience.map(|named| AudienceIdx(named.idx));
        campaign.schedule = self.campaign_schedule(at, campaign.zone.as_ref());
        (run.id, run.schedule) = (campaign.id.to_owned(), campaign.schedule);
        campaign.channels = self.channels(at);
        campaign.terms = at.get("terms").and_then(|at| terms::read(at, self.report));
        campaign.has_countdown = at.get("countdown").and_then(|at| self.report.bool(at)).unwrap_or(false);
        if let (true, false, Some(at)) = (campaign.has_countdown, campaign.says_end(), at.get("countdown")) {
            let help = "give the campaign an end, or remove the countdown";
            self.report.error(at, "countdown_without_end", "the campaign counts down to no end", help);
        }
        self.check_plan(at);
        if let Some(goal) = at.get("goal") {
            self.goal(goal, &campaign);
        }
        if let Some(budget) = at.get("budget") {
            self.budget(budget, run);
        }
        if let Some(evaluation) = at.get("evaluation") {
            self.evaluation(evaluation, &campaign);
        }
        if let Some(at) = at.get("experiments") {
            let entries = self.report.list(at, "experiments", "too_many_settings", SETTINGS_LIST_MAX);
            self.facts.experiment_references.extend(entries);
        }
        campaign
    }

    fn form(&mut self, campaign: At<'t>) {
        let form = campaign.get("form").and_then(|at| self.report.word(at, &FORMS.map(|it| (it, it))));
        for (wanted, key) in [("joint", "partner"), ("member", "member_tier")] {
            if form == Some(wanted) && campaign.get(key).is_none() {
                let message = format!("the campaign has the form {wanted}, but no {key}");
                self.report.warning(campaign, "form_without_detail", message, format!("add {key}, or change the form"));
            }
        }
    }

    fn campaign_schedule(&mut self, campaign: At<'t>, zone: Option<&Zone>) -> Schedule {
        for key in ["starts", "ends"] {
            let help = "keep one; lead_days and trail_days of the calendar make the time longer";
            self.report.contradiction(campaign, "calendar", key, help);
        }
        if let Some(at) = campaign.get("calendar") {
            let days = self.calendar(at, zone).unwrap_or_default();
            return Schedule::new(days.0, days.1).unwrap_or_default();
        }
        let starts = campaign.get("starts").and_then(|at| self.report.moment(at, zone));
        let ends = campaign.get("ends").and_then(|at| self.report.moment(at, zone));
        match Schedule::new(starts, ends) {
            Ok(schedule) => schedule,
            Err(_) => {
                if let (Some(starts), Some(ends)) = (campaign.get("starts"), campaign.get("ends")) {
                    let (start, end) = (starts.as_text(), ends.as_text());
                    let message = format!("the campaign ends at {end}, which is not after its start at {start}");
                    self.report.error(ends, "ends_before_start", message, "choose a later end, or an earlier start");
                }
                Schedule::default()
            }
        }
    }

    /// First and last moment of a festival in its zone.
    fn calendar(&mut self, at: At<'t>, zone: Option<&Zone>) -> Option<(Option<TimestampMs>, Option<TimestampMs>)> {
        let at = self.report.object(at, &CALENDAR_KEYS)?;
        let help = "name a festival, for example preset: double-11";
        let choice: Vec<_> = PRESETS.iter().map(|preset| (preset.id, preset)).collect();
        let preset = self.report.required(at, "preset", help).and_then(|at| self.report.word(at, &choice));
        let year = self.report.required(at, "year", "write the year, for example year: 2026");
        let year = year.and_then(|at| self.report.integer(at, YEARS));
        let [lead, trail] = ["lead_days", "trail_days"]
            .map(|key| at.get(key).map_or(Some(0), |at| self.report.integer(at, 0..=CALENDAR_DAYS_MAX)));
        let preset = preset?;
        let Some(zone) = zone.cloned().or_else(|| Zone::find(preset.zone?)) else {
            let message = format!("{:?} is celebrated everywhere, so a time zone is wanted", preset.id);
            let help = "add time_zone: to the campaign or to settings, for example Europe/Paris";
            self.report.error(at, "calendar_without_zone", message, help);
            return None;
        };
        let (begin, end) = preset.days(year?, lead?, trail?)?;
        Some((zone.midnight(begin), zone.midnight(end)))
    }

    /// A list of different channels; empty if there is none.
    pub(super) fn channels(&mut self, entry: At<'t>) -> Vec<&'t str> {
        let Some(at) = entry.get("channels") else { return Vec::new() };
        let mut channels = Vec::new();
        for at in self.report.list(at, "channels", "too_many_settings", SETTINGS_LIST_MAX) {
            let Some(channel) = self.report.id(at) else { continue };
            if channels.contains(&channel) {
                let message = format!("{channel:?} is named twice in one list");
                self.report.warning(at, "named_twice", message, "remove one of the two");
            } else {
                channels.push(channel);
            }
        }
        channels
    }

    fn predecessor(&mut self, campaign: At<'t>, idx: u16) {
        let Some(at) = campaign.get("predecessor") else { return };
        let Some(named) = self.campaigns.find(at, "unknown_campaign", self.report) else { return };
        let schedule = |idx: u16| self.facts.campaigns.get(usize::from(idx)).map(|it| it.schedule).unwrap_or_default();
        let is_after = match (schedule(named.idx).starts(), schedule(idx).starts()) {
            (Some(before), Some(start)) => before < start,
            _ => named.idx != idx,
        };
        if !is_after {
            let message = format!("the campaign {:?} does not start before this one", at.as_text());
            self.report.error(at, "predecessor_not_before", message, "name an earlier campaign");
        }
    }
}
