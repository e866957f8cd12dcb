//! When a rule runs and how its coverage grows: the `vitrine` member of a rule.

use crate::condition::Compiler;
use crate::json::Json;

/// Name of the extension member of features, rules and experiments.
pub(crate) const MEMBER: &str = "vitrine";

/// A window of time and a ramp. Unit of every time: milliseconds since 1970-01-01T00:00Z.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Schedule {
    /// First moment.
    starts: Option<i64>,
    /// First moment after it.
    ends: Option<i64>,
    /// Coverage from each moment on, sorted by time.
    ramp: Option<Vec<(i64, f64)>>,
}

impl Schedule {
    /// Reads `{"starts", "ends", "ramp"}` out of a rule's `vitrine` member. `None` if the rule has none, or it says nothing.
    pub(crate) fn compile(rule: &Json, compiler: &mut Compiler) -> Option<Self> {
        let json = rule.get(MEMBER)?;
        compiler.at(MEMBER, |compiler| {
            let mut time = |name: &str| {
                let json = json.get(name).filter(|json| **json != Json::Null)?;
                let time = json.as_whole();
                if time.is_none() {
                    compiler.at(name, |compiler| compiler.fault("a time is a whole number of milliseconds"));
                }
                time
            };
            let (starts, ends) = (time("starts"), time("ends"));
            let ramp = json.get("ramp").filter(|json| **json != Json::Null).map(|ramp| {
                let steps = ramp.as_list().unwrap_or_default();
                let mut ramp: Vec<(i64, f64)> = Vec::new();
                for step in steps.iter().filter_map(step_of) {
                    let at = ramp.partition_point(|(time, _)| *time <= step.0);
                    ramp.insert(at, step);
                }
                if ramp.len() != steps.len() || ramp.is_empty() {
                    compiler.at("ramp", |it| it.fault("a ramp is an array of pairs [time, coverage]"));
                }
                ramp
            });
            let schedule = Self { starts, ends, ramp };
            (schedule != Self::default()).then_some(schedule)
        })
    }

    /// Whether the rule runs at `now_ms`.
    #[inline]
    pub(crate) fn runs(&self, now_ms: i64) -> bool {
        self.starts.is_none_or(|starts| starts <= now_ms) && self.ends.is_none_or(|ends| now_ms < ends)
    }

    /// The coverage at `now_ms`, if there is a ramp: that of the last step whose time has come, 0 before the first.
    #[inline]
    pub(crate) fn coverage(&self, now_ms: i64) -> Option<f64> {
        let ramp = self.ramp.as_ref()?;
        let n_begun = ramp.partition_point(|(at, _)| *at <= now_ms);
        Some(n_begun.checked_sub(1).and_then(|last| ramp.get(last)).map_or(0.0, |(_, coverage)| *coverage))
    }

    /// The next moment after `now_ms` at which the rule starts, ends or covers more or fewer visitors.
    pub(crate) fn changes_at(&self, now_ms: i64) -> Option<i64> {
        let runs_until = self.ends.unwrap_or(i64::MAX);
        if runs_until <= now_ms || self.starts.is_some_and(|starts| starts >= runs_until) {
            return None;
        }
        if let Some(starts) = self.starts.filter(|starts| *starts > now_ms) {
            return Some(starts);
        }
        let now = self.coverage(now_ms);
        let steps = self.ramp.iter().flatten().map(|(at, _)| *at);
        let step = steps.filter(|at| *at > now_ms && self.coverage(*at) != now).min();
        step.into_iter().chain(self.ends).min()
    }
}

fn step_of(json: &Json) -> Option<(i64, f64)> {
    match json.as_list()? {
        [at, coverage] => Some((at.as_whole()?, coverage.as_number()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(source: &str) -> Option<Schedule> {
        let rule = format!(r#"{{"vitrine": {source}}}"#);
        Schedule::compile(&Json::parse(rule.as_bytes()).unwrap(), &mut Compiler::default())
    }

    #[test]
    fn a_window_begins_with_its_start_and_ends_before_its_end() {
        let window = schedule(r#"{"starts": 100, "ends": 200}"#).unwrap();
        for (now, runs, changes_at) in [
            (-1, false, Some(100)),
            (99, false, Some(100)),
            (100, true, Some(200)),
            (199, true, Some(200)),
            (200, false, None),
            (i64::MAX, false, None),
        ] {
            assert_eq!((window.runs(now), window.changes_at(now)), (runs, changes_at), "{now}");
        }
        let backwards = schedule(r#"{"starts": 200, "ends": 100}"#).unwrap();
        for now in [0, 100, 150, 200, 300] {
            assert_eq!((backwards.runs(now), backwards.changes_at(now)), (false, None), "{now}");
        }
    }

    #[test]
    fn a_ramp_holds_each_step_until_the_next() {
        let ramp = schedule(r#"{"ramp": [[300, 1], [100, 0.1], [200, 0.1]], "ends": 400}"#).unwrap();
        for (now, coverage, changes_at) in [
            (0, 0.0, Some(100)),
            (99, 0.0, Some(100)),
            (100, 0.1, Some(300)),
            (299, 0.1, Some(300)),
            (300, 1.0, Some(400)),
            (400, 1.0, None),
        ] {
            assert_eq!((ramp.coverage(now), ramp.changes_at(now)), (Some(coverage), changes_at), "{now}");
        }
    }

    #[test]
    fn a_start_hides_the_steps_before_it() {
        let schedule = schedule(r#"{"starts": 250, "ramp": [[100, 0.1], [200, 0.5], [300, 1]]}"#).unwrap();
        assert_eq!(schedule.changes_at(0), Some(250));
        assert_eq!(schedule.changes_at(250), Some(300));
    }

    #[test]
    fn what_says_nothing_is_no_schedule() {
        for source in ["{}", "null", "7", r#"{"starts": null}"#, r#"{"starts": "soon"}"#, r#"{"type": "boolean"}"#] {
            assert_eq!(schedule(source), None, "{source}");
        }
    }
}
