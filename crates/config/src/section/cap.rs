//! `caps` and `suppress_after_conversion` of an offer: how often it may be shown, and for how long it is spared afterwards.

use vitrine_engine::{Caps, Suppression, VisitorCap};

use crate::compile::Compiler;
use crate::limits::VISITOR_CAPS_MAX;
use crate::source::{At, Kind};

const KEYS: [&str; 3] = ["visitor", "total", "daily"];
const VISITOR_KEYS: [&str; 2] = ["count", "per"];

/// Greatest count of a cap for all visitors.
const COUNT_MAX: i64 = 4_000_000_000;
const DAY_S: u32 = 24 * 3600;

impl<'t> Compiler<'t, '_> {
    /// Reads `caps`.
    pub(super) fn caps(&mut self, at: At<'t>) -> Caps {
        let mut caps = Caps::default();
        let Some(at) = self.report.object(at, &KEYS) else { return caps };
        if let Some(at) = at.get("visitor") {
            let list = self.report.list(at, "caps", "too_many_caps", VISITOR_CAPS_MAX);
            caps.visitor = list.filter_map(|at| self.visitor_cap(at)).collect();
        }
        for (key, cap) in [("total", &mut caps.total), ("daily", &mut caps.daily)] {
            let count = at.get(key).and_then(|at| self.report.integer(at, 1..=COUNT_MAX));
            *cap = count.and_then(|it| u32::try_from(it).ok());
        }
        if let (Some(total), Some(daily), Some(at)) = (caps.total, caps.daily, at.get("daily"))
            && daily > total
        {
            let message = format!("{daily} a day are more than the {total} in total, so the cap of a day never counts");
            self.report.warning(at, "cap_without_effect", message, "remove it, or lower it");
        }
        caps
    }

    fn visitor_cap(&mut self, at: At<'t>) -> Option<VisitorCap> {
        let at = self.report.object(at, &VISITOR_KEYS)?;
        let count = self.report.required(at, "count", "say how often: count: 3");
        let count = count.and_then(|at| self.report.integer(at, 1..=1000));
        let window = self.report.required(at, "per", "say in which time: per: 7d");
        let window_s = window.and_then(|at| self.report.duration_s(at));
        Some(VisitorCap { count_max: u16::try_from(count?).ok()?, window_s: window_s? })
    }

    /// Reads `suppress_after_conversion`: a truth value, or a number of days.
    pub(super) fn suppression(&mut self, at: At<'t>) -> Option<Suppression> {
        if let Kind::Bool(is_on) = at.kind() {
            return is_on.then_some(Suppression::ForGood);
        }
        let found_s = self.report.duration_s(at)?;
        // A duration is at least a second.
        let days = u16::try_from(found_s / DAY_S).ok().filter(|it| *it > 0 && found_s.is_multiple_of(DAY_S));
        if days.is_none() {
            let message = format!("{at} is no number of whole days");
            self.report.error(at, "invalid_duration", message, "write true for ever, or days like 30d");
        }
        days.map(Suppression::Days)
    }
}
