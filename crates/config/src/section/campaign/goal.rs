//! `goal` of a campaign: a metric, from where to where, until when, whose task; and its parts, as a tree.

use std::collections::BTreeMap;

use vitrine_engine::TimestampMs;

use crate::compile::Compiler;
use crate::limits::{GOAL_LEVELS_MAX, SUB_GOALS_MAX};
use crate::section::campaign::Campaign;
use crate::section::metric::Metric;
use crate::source::At;
use crate::time_zone::Zone;

pub(crate) const KEYS: [&str; 9] =
    ["description", "name", "metric", "base", "target", "deadline", "owner", "rank", "sub_goals"];

/// What a part of a goal takes over from the whole.
#[derive(Clone, Copy)]
struct Whole {
    level: usize,
    starts: Option<TimestampMs>,
    deadline: Option<TimestampMs>,
    /// Whether the document says a deadline or an end, be it rightly or wrongly.
    says_deadline: bool,
    has_owner: bool,
}

impl<'t> Compiler<'t, '_> {
    /// Reads the goal `at` of a campaign.
    pub fn goal(&mut self, at: At<'t>, campaign: &Campaign<'t>) {
        let whole = Whole {
            level: 1,
            starts: campaign.schedule.starts(),
            deadline: campaign.schedule.ends(),
            says_deadline: campaign.says_end(),
            has_owner: campaign.at.get("owner").is_some(),
        };
        self.one_goal(at, whole, campaign.zone.as_ref());
    }

    fn one_goal(&mut self, at: At<'t>, whole: Whole, zone: Option<&Zone>) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        for key in ["description", "name", "owner"] {
            at.get(key).and_then(|at| self.report.text(at));
        }
        at.get("rank").and_then(|at| self.report.integer(at, 1..=1_000));
        self.goal_values(at);
        let deadline = self.deadline(at, whole, zone);
        let has_owner = whole.has_owner || at.get("owner").is_some();
        if !has_owner {
            let help = "add owner: to the goal or to its campaign";
            self.report.error(at, "incomplete_campaign", "nobody is responsible for the goal", help);
        }
        let Some(parts) = at.get("sub_goals") else { return };
        let level = whole.level.saturating_add(1);
        if level > GOAL_LEVELS_MAX {
            let message = format!("goals are divided into more than {GOAL_LEVELS_MAX} levels");
            self.report.key_error(parts, "too_many_sub_goals", message, "divide the goal less deeply");
            return;
        }
        let says_deadline = whole.says_deadline || at.get("deadline").is_some();
        let whole = Whole { level, deadline, says_deadline, has_owner, ..whole };
        let mut ranks = BTreeMap::new();
        for at in self.report.list(parts, "sub_goals", "too_many_sub_goals", SUB_GOALS_MAX) {
            self.one_goal(at, whole, zone);
            let Some(rank_at) = at.get("rank") else { continue };
            let rank = rank_at.to_string();
            if let Some(first) = ranks.insert(rank, at.pointer()) {
                let message = format!("the goal {first} has the same rank");
                self.report.warning(rank_at, "same_rank", message, "give each goal a rank of its own, 1 for the first");
            }
        }
    }

    /// Metric, base and target, and whether the way from base to target is the metric's way.
    fn goal_values(&mut self, at: At<'t>) {
        let help = "name a metric of this document, for example metric: order-rate";
        let metric_at = self.report.required(at, "metric", help);
        let metric = metric_at.and_then(|at| self.metrics.resolve(at, "unknown_metric", self.report));
        let metric: Option<Metric> = metric.and_then(|named| self.facts.metrics.get(usize::from(named.idx)).copied());
        let is_share = metric.and_then(|it| it.kind).is_some_and(|it| it.is_share());
        let range = if is_share { 0.0..=100.0 } else { f64::MIN..=f64::MAX };
        let base = at.get("base").and_then(|at| self.report.number_in(at, range.clone()));
        let target_at = self.report.required(at, "target", "write what is to be reached, in the unit of the metric");
        let target = target_at.and_then(|at| self.report.number_in(at, range));
        let (Some(metric), Some(base), Some(target), Some(target_at)) = (metric, base, target, target_at) else {
            return;
        };
        let is_better = if metric.wants_decrease { target < base } else { target > base };
        if !is_better {
            let wanted = if metric.wants_decrease { "less" } else { "more" };
            let message = format!("of this metric {wanted} is better, but the target {target} is not, from {base}");
            let help = "change the target, or the metric's goal: increase or decrease";
            self.report.warning(target_at, "goal_against_metric", message, help);
        }
    }

    fn deadline(&mut self, at: At<'t>, whole: Whole, zone: Option<&Zone>) -> Option<TimestampMs> {
        let Some(deadline_at) = at.get("deadline") else {
            if !whole.says_deadline {
                let help = "add deadline: to the goal, or ends: to the campaign";
                self.report.error(at, "incomplete_campaign", "the goal has no deadline, and the campaign no end", help);
            }
            return whole.deadline;
        };
        let deadline = self.report.moment(deadline_at, zone)?;
        if whole.starts.is_some_and(|starts| deadline <= starts) {
            let message = format!("the deadline {} is not after the start of the campaign", deadline_at.as_text());
            self.report.error(deadline_at, "deadline_before_start", message, "choose a later deadline");
        }
        // A campaign's goal may well be measured after its end, a part of it not after the whole.
        if whole.level > 1 && whole.deadline.is_some_and(|end| deadline > end) {
            let message = format!("the deadline {} is after that of the whole goal", deadline_at.as_text());
            self.report.warning(deadline_at, "deadline_after_whole", message, "choose an earlier deadline");
        }
        Some(deadline)
    }
}
