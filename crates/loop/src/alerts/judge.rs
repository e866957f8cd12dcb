//! Whether what is watched is in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{CountQuery, CountRow, HOUR_MS, Kind, Rule};

use super::{Alerts, Counter, DAY_HOURS, Shares, hour_of, sample_ratio_p};
use crate::turn::Counted;

/// Chance of a false alarm of one look at one experiment, unless the document says otherwise.
const ALPHA_DEFAULT: f64 = 0.001;
/// How many deviations from the mean are normal, unless the document says otherwise.
const DEVIATIONS_DEFAULT: f64 = 3.0;
/// Fewest days before with any count: with fewer it is not known what is normal.
const DAYS_MIN: usize = 3;
/// Least divisor, unless the document says otherwise.
const AT_LEAST_DEFAULT: f64 = 100.0;

/// Whether something is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It is not.
    Fires,
    /// It is.
    Clear,
    /// Too little was counted to say. An alert that is open stays open.
    Unknown,
}

/// What was found of one thing that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "AlertFinding"))]
pub struct Finding {
    /// Names it for good: the kind of the alert and what it is about, `counter/few-orders`, `sample_ratio/hero-test`.
    pub key: String,
    /// Whether it is in order.
    pub state: AlertState,
    /// What was found, in words.
    pub text: String,
    /// What was counted: a number of events, a quotient, or the p-value of a sample ratio.
    pub observed: Option<f64>,
    /// RFC 3339 time from which was counted.
    pub from: String,
    /// RFC 3339 time up to which was counted; the present hour counts as far as it has come.
    pub to: String,
}

/// Judges all that a document watches. `counted`: the answers to [`Alerts::queries`] of the same time.
pub fn judge(alerts: &Alerts, environment: &str, now: TimestampMs, counted: &[Counted]) -> Vec<Finding> {
    let counts = Counts { counted };
    let mut findings = Vec::new();
    if let Some(query) = alerts.ratio_query(environment, now) {
        let alpha = alerts.sample_ratio.as_ref().and_then(|it| it.alpha).unwrap_or(ALPHA_DEFAULT);
        findings.extend(alerts.experiments.iter().map(|it| sample_ratio(it, alpha, &query, &counts)));
    }
    if let Some(query) = alerts.zero_weight_query(environment, now) {
        let at_least = alerts.zero_weight.as_ref().and_then(|it| it.at_least).unwrap_or(1);
        findings.extend(alerts.experiments.iter().flat_map(|it| zero_weight(it, at_least, &query, &counts)));
    }
    if let Some([query, before]) = alerts.missing_queries(environment, now) {
        let listed = alerts.missing_impressions.as_ref().and_then(|it| it.placements.as_ref());
        for placement in listed.unwrap_or(&alerts.placements) {
            findings.push(missing(placement, listed.is_some(), [&query, &before], &counts));
        }
    }
    findings.extend(alerts.counters.iter().map(|it| it.judge(environment, now, &counts)));
    findings
}

/// Answers to queries.
struct Counts<'c> {
    counted: &'c [Counted],
}

impl<'c> Counts<'c> {
    /// By the values of the query's dimensions, how many events of a kind. Conversions that are seen from experiments once more
    /// are left out.
    fn of(&self, query: &CountQuery, kind: Kind) -> BTreeMap<&'c [String], u64> {
        let rows = self.counted.iter().filter(|(it, _)| it == query).flat_map(|(_, rows)| rows);
        let mut sums: BTreeMap<&[String], u64> = BTreeMap::new();
        for row in rows {
            if let CountRow::Count { of, kind: found, rule, tally, .. } = row
                && *found == kind
                && (kind == Kind::Exposure || *rule != Rule::Exposure)
            {
                let sum = sums.entry(of.as_slice()).or_default();
                *sum = sum.saturating_add(tally.n);
            }
        }
        sums
    }
}

fn finding(key: String, state: AlertState, text: String, observed: Option<f64>, hours: (i64, i64)) -> Finding {
    let time = |hour: i64| TimestampMs(hour.saturating_mul(HOUR_MS)).to_string();
    Finding { key, state, text, observed, from: time(hours.0), to: time(hours.1) }
}

/// How many visitors met each variation, in the order of the document.
fn met(experiment: &Shares, query: &CountQuery, counts: &Counts<'_>) -> Vec<u64> {
    let sums = counts.of(query, Kind::Exposure);
    let n = |idx: usize| sums.get([experiment.id.clone(), idx.to_string()].as_slice()).copied().unwrap_or_default();
    (0..experiment.variations.len()).map(n).collect()
}

fn sample_ratio(experiment: &Shares, alpha: f64, query: &CountQuery, counts: &Counts<'_>) -> Finding {
    let met = met(experiment, query, counts);
    let cells: Vec<(u64, f64)> = met.iter().zip(&experiment.variations).map(|(n, (_, weight))| (*n, *weight)).collect();
    let p = sample_ratio_p(&cells);
    let shown: Vec<String> =
        met.iter().zip(&experiment.variations).map(|(n, (id, weight))| format!("{id} {n} (weight {weight})")).collect();
    let shown = shown.join(", ");
    let id = &experiment.id;
    let (state, text) = match p {
        None => (AlertState::Unknown, format!("{id}: too few visitors to compare with the weights: {shown}")),
        Some(p) if p < alpha => (
            AlertState::Fires,
            format!("{id}: visitors do not come by the weights (p = {p:.2e}, alpha {alpha}): {shown}"),
        ),
        Some(p) => (AlertState::Clear, format!("{id}: visitors come by the weights (p = {p:.3}): {shown}")),
    };
    finding(format!("sample_ratio/{id}"), state, text, p, (query.from_hour, query.to_hour))
}

fn zero_weight(experiment: &Shares, at_least: u64, query: &CountQuery, counts: &Counts<'_>) -> Vec<Finding> {
    let met = met(experiment, query, counts);
    let without = met.into_iter().zip(&experiment.variations).filter(|(_, (_, weight))| *weight == 0.0);
    without
        .map(|(n, (variation, _))| {
            let state = if n >= at_least { AlertState::Fires } else { AlertState::Clear };
            let text = format!("{}: {n} visitors met {variation}, whose weight is 0", experiment.id);
            let key = format!("zero_weight/{}/{variation}", experiment.id);
            finding(key, state, text, Some(as_f64(n)), (query.from_hour, query.to_hour))
        })
        .collect()
}

/// `is_listed`: the document names the placement, so it is expected to be seen even if it never was.
fn missing(placement: &str, is_listed: bool, [query, before]: [&CountQuery; 2], counts: &Counts<'_>) -> Finding {
    let n = |query: &CountQuery, kind: Kind| {
        counts.of(query, kind).get([placement.to_owned()].as_slice()).copied().unwrap_or_default()
    };
    let (seen, clicked, seen_before) = (n(query, Kind::Impression), n(query, Kind::Click), n(before, Kind::Impression));
    let (state, text) = match (seen, clicked) {
        (seen, clicked) if clicked > seen => {
            (AlertState::Fires, format!("{placement}: {clicked} clicks and only {seen} impressions"))
        }
        (0, _) if seen_before > 0 => {
            (AlertState::Fires, format!("{placement}: no impressions, after {seen_before} in the week before"))
        }
        (0, _) if is_listed => {
            (AlertState::Fires, format!("{placement}: no impressions, in this window or the week before"))
        }
        (0, _) => (AlertState::Unknown, format!("{placement}: never seen so far")),
        (seen, _) => (AlertState::Clear, format!("{placement}: {seen} impressions, {clicked} clicks")),
    };
    finding(
        format!("missing_impressions/{placement}"),
        state,
        text,
        Some(as_f64(seen)),
        (query.from_hour, query.to_hour),
    )
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn as_f64(n: u64) -> f64 {
    n as f64
}

impl Counter {
    fn judge(&self, environment: &str, now: TimestampMs, counts: &Counts<'_>) -> Finding {
        let whole = hour_of(now);
        let hourly = by_hour(&counts.of(&self.query(environment, now), self.event));
        let key = format!("counter/{}", self.id);
        let hours = self.window_hours();
        // What has begun cannot be too little yet, but it can be too much already.
        let complete = (whole.saturating_sub(hours), whole);
        let begun = (complete.0.saturating_add(1), complete.1.saturating_add(1));
        let what = self.what();
        if self.band.is_some() {
            return self.judge_band(key, &what, &hourly, complete);
        }
        let per = self.per.map(|kind| (kind, self.per_query(environment, now)));
        let divisor = per.and_then(|(kind, query)| Some(by_hour(&counts.of(&query?, kind))));
        let value = |window: (i64, i64)| -> Option<f64> {
            let n = as_f64(sum(&hourly, window));
            let Some(divisor) = &divisor else { return Some(n) };
            let by = as_f64(sum(divisor, window));
            (by >= self.at_least.unwrap_or(AT_LEAST_DEFAULT)).then(|| n / by)
        };
        let (low, high) = (value(complete), value(begun));
        if let (Some(below), Some(low)) = (self.below, low)
            && low < below
        {
            let text = format!("{}: {} {what} in {hours} h, below {below}", self.id, number(low));
            return finding(key, AlertState::Fires, text, Some(low), complete);
        }
        if let (Some(above), Some(high)) = (self.above, high)
            && high > above
        {
            let text = format!("{}: {} {what} in {hours} h, above {above}", self.id, number(high));
            return finding(key, AlertState::Fires, text, Some(high), begun);
        }
        let (found, window) = if self.below.is_some() { (low, complete) } else { (high, begun) };
        match found {
            Some(found) => {
                let text = format!("{}: {} {what} in {hours} h", self.id, number(found));
                finding(key, AlertState::Clear, text, Some(found), window)
            }
            None => {
                let text = format!("{}: too little to divide by in {hours} h", self.id);
                finding(key, AlertState::Unknown, text, None, window)
            }
        }
    }

    /// Compares with the same hours of the days before: mean and standard deviation, which is at least that of events that come
    /// independently (the root of the mean, and of one).
    fn judge_band(&self, key: String, what: &str, hourly: &BTreeMap<i64, u64>, complete: (i64, i64)) -> Finding {
        let found = as_f64(sum(hourly, complete));
        let day = |days: i64| {
            let back = days.saturating_mul(DAY_HOURS);
            sum(hourly, (complete.0.saturating_sub(back), complete.1.saturating_sub(back)))
        };
        let before: Vec<f64> = (1..=self.days()).map(|it| as_f64(day(it))).collect();
        let id = &self.id;
        if before.iter().filter(|it| **it > 0.0).count() < DAYS_MIN {
            let text = format!("{id}: too few days were counted to know what is normal; {found} {what} now");
            return finding(key, AlertState::Unknown, text, Some(found), complete);
        }
        let n = before.iter().map(|_| 1.0).sum::<f64>();
        let mean = before.iter().sum::<f64>() / n;
        let variance = before.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let deviation = variance.max(mean).max(1.0).sqrt();
        let width = deviation * self.band.as_ref().and_then(|it| it.deviations).unwrap_or(DEVIATIONS_DEFAULT);
        let (low, high) = ((mean - width).max(0.0), mean + width);
        let state = if (low..=high).contains(&found) { AlertState::Clear } else { AlertState::Fires };
        let (hours, days) = (self.window_hours(), self.days());
        let text = format!(
            "{id}: {found} {what} in {hours} h; in these hours of the {days} days before {low:.1} to {high:.1} are normal"
        );
        finding(key, state, text, Some(found), complete)
    }

    /// What is counted, in words.
    fn what(&self) -> String {
        let mut words = vec![self.event.as_str().to_owned()];
        words.extend(self.name.clone());
        let of = [&self.placement, &self.offer, &self.experiment, &self.channel];
        words.extend(of.into_iter().flatten().map(|it| format!("of {it}")));
        words.extend(self.per.map(|it| format!("per {}", it.as_str())));
        words.join(" ")
    }
}

/// A count as it is, a quotient with four decimals.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.4}") }
}

fn by_hour(sums: &BTreeMap<&[String], u64>) -> BTreeMap<i64, u64> {
    let hour = |of: &&[String]| TimestampMs::parse(of.first()?).ok().map(hour_of);
    sums.iter().filter_map(|(of, n)| Some((hour(of)?, *n))).collect()
}

fn sum(hourly: &BTreeMap<i64, u64>, (from, to): (i64, i64)) -> u64 {
    hourly.range(from..to.max(from)).fold(0, |sum: u64, (_, n)| sum.saturating_add(*n))
}
