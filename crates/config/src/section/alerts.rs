//! `alerts`: what is out of order, and is told to the shop. The edge does not need it; the schedule of the Worker reads it from the
//! document.

use crate::compile::{Compiler, Names};
use crate::limits::{ALERTS_MAX, SETTINGS_LIST_MAX};
use crate::source::{At, Kind, shortened};

pub(crate) const KEYS: [&str; 5] = ["quiet_hours", "sample_ratio", "zero_weight", "missing_impressions", "counters"];
const QUIET_KEYS: [&str; 2] = ["from", "to"];
const RATIO_KEYS: [&str; 3] = ["alpha", "window_days", "since"];
const ZERO_KEYS: [&str; 2] = ["window_hours", "at_least"];
const MISSING_KEYS: [&str; 2] = ["window_hours", "placements"];
const COUNTER_KEYS: [&str; 14] = [
    "id",
    "description",
    "event",
    "name",
    "placement",
    "offer",
    "experiment",
    "channel",
    "per",
    "window_hours",
    "below",
    "above",
    "band",
    "at_least",
];
const BAND_KEYS: [&str; 2] = ["days", "deviations"];

/// What can be counted, as `POST /v1/events` and `POST /v1/exposures` take it.
const EVENTS: [&str; 12] = [
    "impression",
    "click",
    "conversion",
    "custom",
    "dismiss",
    "service_contact",
    "share",
    "interaction",
    "feedback",
    "view",
    "cart",
    "exposure",
];
/// Longest window. Unit: hours.
const HOURS_MAX: i64 = 168;
/// Longest window of a sample ratio. Unit: days.
const DAYS_MAX: i64 = 90;
/// Greatest count that a rule names.
const COUNT_MAX: f64 = 1e12;

impl<'t> Compiler<'t, '_> {
    /// Reads the section `alerts`.
    pub fn alerts(&mut self, at: At<'t>) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        if let Some(at) = at.get("quiet_hours") {
            self.quiet_hours(at);
        }
        if let Some(at) = at.get("sample_ratio").and_then(|at| self.report.object(at, &RATIO_KEYS)) {
            if let Some(at) = at.get("alpha") {
                self.report.number_in(at, 1e-9..=0.1);
            }
            self.whole(at, "window_days", DAYS_MAX);
            if let Some(at) = at.get("since") {
                self.report.timestamp(at);
            }
        }
        if let Some(at) = at.get("zero_weight").and_then(|at| self.report.object(at, &ZERO_KEYS)) {
            self.whole(at, "window_hours", HOURS_MAX);
            self.whole(at, "at_least", 1_000_000);
        }
        if let Some(at) = at.get("missing_impressions").and_then(|at| self.report.object(at, &MISSING_KEYS)) {
            self.whole(at, "window_hours", HOURS_MAX);
            if let Some(at) = at.get("placements") {
                for at in self.report.list(at, "placements", "too_many_settings", SETTINGS_LIST_MAX) {
                    self.placements.find(at, "unknown_placement", self.report);
                }
            }
        }
        if let Some(at) = at.get("counters") {
            let mut names = Names::new("alert");
            for (idx, at) in self.report.list(at, "counters", "too_many_alerts", ALERTS_MAX).enumerate() {
                let Some(at) = self.report.object(at, &COUNTER_KEYS) else { continue };
                names.declare(at, idx, self.report);
                self.counter(at);
            }
        }
    }

    fn whole(&mut self, at: At<'t>, key: &str, max: i64) {
        if let Some(at) = at.get(key) {
            self.report.integer(at, 1..=max);
        }
    }

    fn quiet_hours(&mut self, at: At<'t>) {
        let Some(at) = self.report.object(at, &QUIET_KEYS) else { return };
        let help = "write quiet_hours: { from: \"22:00\", to: \"07:00\" }, in the time zone of the settings";
        let mut times = Vec::new();
        for key in QUIET_KEYS {
            let Some(at) = self.report.required(at, key, help) else { continue };
            let Some(text) = self.report.text(at) else { continue };
            match minute_of_day(text) {
                Some(minute) => times.push(minute),
                None => {
                    let message = format!("{:?} is no time of day", shortened(text));
                    self.report.error(at, "invalid_time", message, "write hours and minutes, such as \"22:00\"");
                }
            }
        }
        if let [from, to] = times.as_slice()
            && from == to
        {
            let message = "the quiet hours end when they begin";
            self.report.error(at, "ends_before_start", message, "choose another end, or remove quiet_hours");
        }
    }

    fn counter(&mut self, at: At<'t>) {
        if let Some(at) = at.get("description") {
            self.report.text(at);
        }
        let events = EVENTS.map(|it| (it, ()));
        let help = "say what is counted: event: impression, click, conversion, …";
        if let Some(at) = self.report.required(at, "event", help) {
            self.report.word(at, &events);
        }
        if let Some(at) = at.get("name") {
            self.event_name(at);
        }
        if let Some(at) = at.get("placement") {
            self.placements.find(at, "unknown_placement", self.report);
        }
        if let Some(at) = at.get("offer") {
            self.offers.find(at, "unknown_offer", self.report);
        }
        if let Some(at) = at.get("experiment") {
            self.draft.experiment_names.find(at, "unknown_experiment", self.report);
        }
        if let Some(at) = at.get("channel") {
            self.report.id(at);
        }
        self.whole(at, "window_hours", HOURS_MAX);
        let per = at.get("per");
        if let Some(at) = per {
            self.report.word(at, &events);
        }
        match (at.get("at_least"), per) {
            (Some(at), None) => {
                let message = "only a counter that is divided by another (per) asks for at_least so many of the other";
                self.report.key_error(at, "contradictory_keys", message, "remove it, or say per: impression");
            }
            (Some(at), Some(_)) => {
                self.report.number_in(at, 1.0..=COUNT_MAX);
            }
            (None, _) => {}
        }
        let [below, above] = ["below", "above"]
            .map(|key| at.get(key).and_then(|at| Some((at, self.report.number_in(at, 0.0..=COUNT_MAX)?))));
        if let (Some((below_at, below)), Some((_, above))) = (below, above)
            && below > above
        {
            let message = format!("every number is below {below} or above {above}");
            self.report.error(below_at, "never_right", message, "below is the smaller of the two");
        }
        self.band(at, per.is_some());
    }

    /// The normal range that a counter has by itself.
    fn band(&mut self, counter: At<'t>, has_per: bool) {
        let has_threshold = ["below", "above"].iter().any(|key| counter.get(key).is_some());
        match counter.get("band") {
            None if !has_threshold => {
                let message = "the counter has no range, so it never tells anything";
                self.report.error(counter, "missing_key", message, "add below, above or band: { days: 7 }");
            }
            None => {}
            Some(at) if has_threshold => {
                let message = "a band takes the place of below and above";
                self.report.key_error(at, "contradictory_keys", message, "keep one of the two, or write two counters");
            }
            Some(at) if has_per => {
                let message = "a band is of a single counter";
                self.report.key_error(at, "contradictory_keys", message, "remove per, or write below and above");
            }
            Some(at) => {
                if !matches!(at.kind(), Kind::Object(_)) {
                    self.report.wrong_type(at, "an object", "write band: { days: 7, deviations: 3 }");
                    return;
                }
                let Some(at) = self.report.object(at, &BAND_KEYS) else { return };
                if let Some(at) = at.get("days") {
                    self.report.integer(at, 3..=28);
                }
                if let Some(at) = at.get("deviations") {
                    self.report.number_in(at, 1.0..=100.0);
                }
            }
        }
    }
}

/// Minutes since midnight of `22:00`.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, max: u16| {
        let is_number = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
        text.parse::<u16>().ok().filter(|it| is_number && *it <= max)
    };
    Some(number(hour, 23)?.saturating_mul(60).saturating_add(number(minute, 59)?))
}
