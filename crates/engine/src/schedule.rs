//! When an offer may be shown.

use core::fmt;

use crate::timestamp::TimestampMs;

/// The time during which an offer may be shown: `starts <= now < ends`. An absent end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    starts: Option<TimestampMs>,
    ends: Option<TimestampMs>,
}

/// Where a moment lies relative to a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleState {
    /// The schedule has not begun.
    NotStarted,
    /// The offer may be shown.
    Running,
    /// The schedule is over.
    Ended,
}

/// A schedule that could never run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The refused start.
    pub starts: TimestampMs,
    /// The refused end, at or before the start.
    pub ends: TimestampMs,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schedule ends ({}) at or before it starts ({})", self.ends, self.starts)
    }
}

impl core::error::Error for ScheduleError {}

impl Schedule {
    /// A schedule from `starts` (included) to `ends` (excluded); `None` is open.
    ///
    /// Errors: [`ScheduleError`] when it would end at or before its start.
    pub fn new(starts: Option<TimestampMs>, ends: Option<TimestampMs>) -> Result<Self, ScheduleError> {
        match (starts, ends) {
            (Some(starts), Some(ends)) if ends <= starts => Err(ScheduleError { starts, ends }),
            _ => Ok(Self { starts, ends }),
        }
    }

    /// The first moment at which the schedule runs, if it has a beginning.
    pub fn starts(&self) -> Option<TimestampMs> {
        self.starts
    }

    /// The first moment at which the schedule is over, if it ends.
    pub fn ends(&self) -> Option<TimestampMs> {
        self.ends
    }

    /// Where `now` lies.
    pub fn state(&self, now: TimestampMs) -> ScheduleState {
        if self.starts.is_some_and(|starts| now < starts) {
            ScheduleState::NotStarted
        } else if self.ends.is_some_and(|ends| now >= ends) {
            ScheduleState::Ended
        } else {
            ScheduleState::Running
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_included_and_end_is_not() {
        let schedule = Schedule::new(Some(TimestampMs(10)), Some(TimestampMs(20))).unwrap();
        let states = [9, 10, 19, 20].map(|ms| schedule.state(TimestampMs(ms)));
        use ScheduleState::*;
        assert_eq!(states, [NotStarted, Running, Running, Ended]);
    }

    #[test]
    fn an_open_schedule_always_runs() {
        for ms in [i64::MIN, 0, i64::MAX] {
            assert_eq!(Schedule::default().state(TimestampMs(ms)), ScheduleState::Running);
        }
    }

    #[test]
    fn an_empty_schedule_is_refused() {
        let at = Some(TimestampMs(10));
        assert_eq!(
            Schedule::new(at, at).unwrap_err(),
            ScheduleError { starts: TimestampMs(10), ends: TimestampMs(10) }
        );
    }
}
