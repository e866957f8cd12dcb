//! What rules of flags, experiments and holdouts have in common: for whom, how many, from when to when, by which identifier.

use std::rc::Rc;

use serde_json::Value;
use vitrine_engine::TimestampMs;

use crate::compile::Compiler;
use crate::limits::{NAME_BYTES_MAX, PREREQUISITES_MAX, RAMP_STEPS_MAX};
use crate::payload::condition::Target;
use crate::source::{At, Kind, shortened};
use crate::time_zone::Zone;

const RAMP_STEP_KEYS: [&str; 2] = ["at", "coverage"];

/// Keys of a prerequisite.
const PREREQUISITE_KEYS: [&str; 3] = ["flag", "value", "when"];

/// For whom, how many, when, and by which identifier.
pub(crate) struct Delivery<'t> {
    /// `None` is everybody.
    pub who: Option<Rc<Target<'t>>>,
    pub coverage: Coverage,
    pub window: Window,
    pub unit: Option<String>,
    pub seed: Option<String>,
    /// 1 or 2.
    pub hash_version: i64,
    pub prerequisites: Vec<Prerequisite<'t>>,
}

/// How many of those who are meant are served.
#[derive(Debug, PartialEq)]
pub(crate) enum Coverage {
    /// Nothing is said.
    All,
    /// Unit: percent.
    Share(f64),
    /// Times and percentages, in rising order of both.
    Ramp(Vec<(TimestampMs, f64)>),
}

/// From when to when; the end is no longer in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Window {
    pub starts: Option<TimestampMs>,
    pub ends: Option<TimestampMs>,
}

impl Window {
    /// Whether there is a moment in both.
    pub fn meets(self, other: Self) -> bool {
        let before = |ends: Option<TimestampMs>, starts: Option<TimestampMs>| match (ends, starts) {
            (Some(ends), Some(starts)) => ends <= starts,
            _ => false,
        };
        !before(self.ends, other.starts) && !before(other.ends, self.starts)
    }
}

/// Another flag that must have a value.
pub(crate) struct Prerequisite<'t> {
    pub at: At<'t>,
    /// The text that names the flag.
    pub flag: At<'t>,
    pub wanted: Wanted<'t>,
}

/// What is wanted of a prerequisite's value.
pub(crate) enum Wanted<'t> {
    /// To be true.
    On,
    Value(At<'t>),
    When(Target<'t>),
}

impl<'t> Compiler<'t, '_> {
    /// Reads what the entry `at` says about its delivery. Keys that its section does not have are not looked for twice: they are reported.
    pub fn delivery(&mut self, at: At<'t>) -> Delivery<'t> {
        let hash_version = at.get("hash_version").and_then(|at| self.report.integer(at, 1..=2)).unwrap_or(2);
        Delivery {
            who: self.who(at),
            coverage: self.coverage(at),
            window: self.window(at),
            unit: self.unit(at, "unit"),
            seed: self.seed(at),
            hash_version,
            prerequisites: self.prerequisites(at),
        }
    }

    /// `audience` or `when`.
    pub fn who(&mut self, at: At<'t>) -> Option<Rc<Target<'t>>> {
        self.report.contradiction(
            at,
            "audience",
            "when",
            "keep one; name the condition as an audience to use it twice",
        );
        if let Some(at) = at.get("audience") {
            self.audiences.resolve(at, "unknown_audience", self.report)?;
            // Of an audience that could not be read there is nothing, and it is reported.
            return self.draft.targets.get(at.as_text()).cloned();
        }
        let at = at.get("when")?;
        Some(Rc::new(self.target(at)))
    }

    /// `starts` and `ends`.
    pub fn window(&mut self, entry: At<'t>) -> Window {
        let zone = self.zone(entry);
        let starts = entry.get("starts").and_then(|at| self.report.moment(at, zone.as_ref()));
        let ends = entry.get("ends").and_then(|at| self.report.moment(at, zone.as_ref()));
        if let (Some(from), Some(to), Some(starts_at), Some(ends_at)) =
            (starts, ends, entry.get("starts"), entry.get("ends"))
            && to <= from
        {
            let (start, end) = (starts_at.as_text(), ends_at.as_text());
            let message = format!("it ends at {end}, which is not after its start at {start}");
            self.report.error(ends_at, "ends_before_start", message, "choose a later end, or an earlier start");
        }
        Window { starts, ends }
    }

    /// The time zone of an entry's local times: its own, or that of the settings.
    pub fn zone(&mut self, entry: At<'t>) -> Option<Zone> {
        match entry.get("time_zone") {
            Some(at) => self.report.zone(at).or_else(|| self.draft.zone.clone()).or_else(|| Some(Zone::utc())),
            None => self.draft.zone.clone(),
        }
    }

    fn coverage(&mut self, entry: At<'t>) -> Coverage {
        self.report.contradiction(entry, "coverage", "ramp", "keep one; a ramp says the coverage over time");
        if let Some(at) = entry.get("coverage") {
            return self.report.percent(at).map_or(Coverage::All, Coverage::Share);
        }
        let Some(ramp) = entry.get("ramp") else { return Coverage::All };
        if matches!(ramp.kind(), Kind::List(steps) if steps.is_empty()) {
            let help = "write at least one step: { at: 2026-12-01T00:00:00Z, coverage: 10 }";
            self.report.error(ramp, "empty_list", "the ramp has no steps", help);
        }
        let zone = self.zone(entry);
        let mut steps: Vec<(TimestampMs, f64)> = Vec::new();
        for step in self.report.list(ramp, "steps", "too_many_steps", RAMP_STEPS_MAX) {
            let Some(step) = self.report.object(step, &RAMP_STEP_KEYS) else { continue };
            let at = self.report.required(step, "at", "say from when on: at: 2026-12-01T00:00:00Z");
            let time = at.and_then(|at| self.report.moment(at, zone.as_ref()));
            let coverage_at = self.report.required(step, "coverage", "say how many percent: coverage: 10");
            let coverage = coverage_at.and_then(|at| self.report.percent(at));
            let (Some(time), Some(coverage)) = (time, coverage) else { continue };
            if let Some((earlier, lower)) = steps.last().copied() {
                if time <= earlier {
                    let message = format!("the step at {} is not after the step before it", at.map_or("", At::as_text));
                    self.report.error(step, "ramp_out_of_order", message, "sort the steps by time");
                }
                if coverage < lower {
                    let message =
                        format!("the ramp falls from {lower} % to {coverage} %, which takes visitors out again");
                    let help = "let the coverage rise; to end early, use ends, or stop the experiment";
                    self.report.error(coverage_at.unwrap_or(step), "ramp_falls", message, help);
                }
            }
            steps.push((time, coverage));
        }
        Coverage::Ramp(steps)
    }

    /// The name of an attribute that identifies visitors.
    pub fn unit(&mut self, entry: At<'t>, key: &str) -> Option<String> {
        let at = entry.get(key)?;
        let text = self.report.text(at)?;
        let is_word = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '.');
        if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.chars().all(is_word) {
            let message = format!("{:?} is no attribute", shortened(text));
            self.report.error(
                at,
                "unknown_attribute",
                message,
                "use letters, digits, '_', '-' and '.', for example id",
            );
            return None;
        }
        if let Some((scope @ ("context" | "profile"), name)) = text.split_once('.') {
            let message = format!("{text:?} has a scope, but a unit is always an attribute of the request");
            let help = match scope {
                "context" => format!("write {name:?}"),
                _ => "write the name of an attribute of the request, for example id".to_owned(),
            };
            self.report.error(at, "unknown_attribute", message, help);
            return None;
        }
        Some(text.to_owned())
    }

    /// A text that shuffles visitors.
    pub fn seed(&mut self, entry: At<'t>) -> Option<String> {
        entry.get("seed").and_then(|at| self.report.name(at, "seed")).map(str::to_owned)
    }

    /// `prerequisites`: flags are looked for later, when all are known.
    pub fn prerequisites(&mut self, entry: At<'t>) -> Vec<Prerequisite<'t>> {
        let Some(at) = entry.get("prerequisites") else { return Vec::new() };
        let mut found = Vec::new();
        for at in self.report.list(at, "prerequisites", "too_many_prerequisites", PREREQUISITES_MAX) {
            let Some(at) = self.report.object(at, &PREREQUISITE_KEYS) else { continue };
            self.report.contradiction(at, "value", "when", "keep one; when is a condition on value");
            let flag = self.report.required(at, "flag", "name the flag that must have a value: flag: new-checkout");
            let wanted = match (at.get("value"), at.get("when")) {
                (Some(at), _) => Wanted::Value(at),
                (None, Some(at)) => Wanted::When(self.value_target(at)),
                (None, None) => Wanted::On,
            };
            let Some(flag) = flag else { continue };
            if self.report.text(flag).is_some() {
                found.push(Prerequisite { at, flag, wanted });
            }
        }
        found
    }
}

/// A percentage as a fraction: 33.3 is 0.333 exactly as that would be written, which division by 100 misses.
pub(crate) fn fraction(percent: f64) -> f64 {
    format!("{percent}e-2").parse().unwrap_or_default()
}

/// A fraction as a percentage, see [`fraction`].
pub(crate) fn percent(fraction: f64) -> f64 {
    format!("{fraction}e2").parse().unwrap_or_default()
}

/// A number as JSON, whole ones without decimals.
pub(crate) fn json_number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 && !(number == 0.0 && number.is_sign_negative())
    {
        return Value::from(number as i64);
    }
    Value::from(number)
}
