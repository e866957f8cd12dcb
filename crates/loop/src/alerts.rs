//! What a document calls out of order, and whether the counts are.

mod book;
mod chi_square;
mod judge;

use serde::Deserialize;
use serde_json::Value;
use vitrine_engine::TimestampMs;
use vitrine_ledger::{CountQuery, Dimension, HOUR_MS, Kind};

pub use book::{AlertBook, AlertChange, AlertMessage, AlertNews, AlertReport, OpenAlert};
pub use chi_square::{sample_ratio_p, upper_tail};
pub use judge::{AlertState, Finding, judge};

/// Hours of a day.
const DAY_HOURS: i64 = 24;
/// How far before its window a placement is looked for. Unit: hours.
const BEFORE_HOURS: i64 = 7 * DAY_HOURS;

/// The section `alerts`, with what is not said filled in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Alerts {
    #[serde(default)]
    quiet_hours: Option<QuietHours>,
    #[serde(default)]
    sample_ratio: Option<SampleRatio>,
    #[serde(default)]
    zero_weight: Option<ZeroWeight>,
    #[serde(default)]
    missing_impressions: Option<MissingImpressions>,
    #[serde(default)]
    counters: Vec<Counter>,
    #[serde(skip)]
    experiments: Vec<Shares>,
    #[serde(skip)]
    placements: Vec<String>,
    #[serde(skip)]
    time_zone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct QuietHours {
    from: String,
    to: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct SampleRatio {
    #[serde(default)]
    alpha: Option<f64>,
    #[serde(default)]
    window_days: Option<i64>,
    #[serde(default)]
    since: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct ZeroWeight {
    #[serde(default)]
    window_hours: Option<i64>,
    #[serde(default)]
    at_least: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct MissingImpressions {
    #[serde(default)]
    window_hours: Option<i64>,
    #[serde(default)]
    placements: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Counter {
    id: String,
    event: Kind,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    placement: Option<String>,
    #[serde(default)]
    offer: Option<String>,
    #[serde(default)]
    experiment: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    per: Option<Kind>,
    #[serde(default)]
    window_hours: Option<i64>,
    #[serde(default)]
    below: Option<f64>,
    #[serde(default)]
    above: Option<f64>,
    #[serde(default)]
    band: Option<Band>,
    #[serde(default)]
    at_least: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Band {
    #[serde(default)]
    days: Option<i64>,
    #[serde(default)]
    deviations: Option<f64>,
}

/// A running experiment, and which part of its visitors each variation is to have.
#[derive(Clone, Debug, PartialEq)]
struct Shares {
    id: String,
    /// Ids and weights, in the order of the document; a weight is at least 0, their sum is above 0.
    variations: Vec<(String, f64)>,
}

impl Alerts {
    /// What a document that was checked says. Without the section nothing is watched.
    pub fn of(document: &Value) -> Self {
        let section = document.get("alerts").cloned().and_then(|it| serde_json::from_value(it).ok());
        let mut alerts: Self = section.unwrap_or_default();
        let list = |key: &str| document.get(key).and_then(Value::as_array).into_iter().flatten();
        let id = |it: &Value| it.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        alerts.placements = list("placements").map(id).collect();
        alerts.experiments = list("experiments").filter_map(Shares::of).collect();
        alerts.time_zone = document.pointer("/settings/time_zone").and_then(Value::as_str).map(str::to_owned);
        alerts
    }

    /// The time zone that quiet hours are in, by its name.
    pub fn time_zone(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }

    /// Whether nobody wants to be disturbed at this time. Unit: minutes since midnight, as clocks show them in [`Self::time_zone`].
    pub fn is_quiet(&self, minute_of_day: u16) -> bool {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            Some(hour.parse::<u16>().ok()?.saturating_mul(60).saturating_add(minute.parse().ok()?))
        };
        let Some(quiet) = &self.quiet_hours else { return false };
        let (Some(from), Some(to)) = (minute(&quiet.from), minute(&quiet.to)) else { return false };
        if from < to { (from..to).contains(&minute_of_day) } else { minute_of_day >= from || minute_of_day < to }
    }

    /// The counts that are needed to judge.
    pub fn queries(&self, environment: &str, now: TimestampMs) -> Vec<CountQuery> {
        let mut queries: Vec<CountQuery> = Vec::new();
        let mut add = |query: Option<CountQuery>| {
            if let Some(query) = query.filter(|it| it.from_hour < it.to_hour)
                && !queries.contains(&query)
            {
                queries.push(query);
            }
        };
        add(self.ratio_query(environment, now));
        add(self.zero_weight_query(environment, now));
        for query in self.missing_queries(environment, now).into_iter().flatten() {
            add(Some(query));
        }
        for counter in &self.counters {
            add(Some(counter.query(environment, now)));
            add(counter.per_query(environment, now));
        }
        queries
    }

    /// Exposures of all experiments in the window of sample ratios.
    fn ratio_query(&self, environment: &str, now: TimestampMs) -> Option<CountQuery> {
        let ratio = self.sample_ratio.as_ref()?;
        let to = hour_of(now).saturating_add(1);
        let from = to.saturating_sub(ratio.window_days.unwrap_or(14).saturating_mul(DAY_HOURS));
        let since = ratio.since.as_deref().and_then(|it| TimestampMs::parse(it).ok());
        let since = since.map(|it| it.0.saturating_add(HOUR_MS).saturating_sub(1).div_euclid(HOUR_MS));
        Some(exposures(environment, since.map_or(from, |it| it.max(from)).min(to), to))
    }

    fn zero_weight_query(&self, environment: &str, now: TimestampMs) -> Option<CountQuery> {
        let zero = self.zero_weight.as_ref()?;
        let to = hour_of(now).saturating_add(1);
        Some(exposures(environment, to.saturating_sub(zero.window_hours.unwrap_or(24)), to))
    }

    /// What was counted by placement in the window, and in the week before it.
    fn missing_queries(&self, environment: &str, now: TimestampMs) -> Option<[CountQuery; 2]> {
        let missing = self.missing_impressions.as_ref()?;
        let to = hour_of(now).saturating_add(1);
        let from = to.saturating_sub(missing.window_hours.unwrap_or(24));
        let query = |from_hour, to_hour| CountQuery {
            environment: environment.to_owned(),
            from_hour,
            to_hour,
            by: vec![Dimension::Placement],
            only: Vec::new(),
        };
        Some([query(from, to), query(from.saturating_sub(BEFORE_HOURS), from)])
    }
}

impl Shares {
    /// `None`: the experiment does not run, its weights follow a bandit, or it has none.
    fn of(experiment: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if text(experiment, "status").is_some_and(|it| it != "running") || experiment.get("bandit").is_some() {
            return None;
        }
        let variations: Vec<(String, f64)> = experiment
            .get("variations")?
            .as_array()?
            .iter()
            .map(|it| {
                (text(it, "id").unwrap_or_default(), it.get("weight").map_or(1.0, |it| it.as_f64().unwrap_or(0.0)))
            })
            .collect();
        let is_sound = variations.iter().map(|(_, weight)| weight).sum::<f64>() > 0.0;
        Some(Self { id: text(experiment, "id")?, variations }).filter(|_| is_sound)
    }
}

impl Counter {
    fn window_hours(&self) -> i64 {
        self.window_hours.unwrap_or(1)
    }

    fn days(&self) -> i64 {
        self.band.as_ref().and_then(|it| it.days).unwrap_or(7)
    }

    /// By hour, as far back as the counter or its band looks, and up to the end of the present hour.
    fn query(&self, environment: &str, now: TimestampMs) -> CountQuery {
        let mut query = self.unnamed(environment, now);
        query.only.extend(self.name.clone().map(|it| (Dimension::Name, it)));
        query
    }

    /// As [`Self::query`], of what it is divided by.
    fn per_query(&self, environment: &str, now: TimestampMs) -> Option<CountQuery> {
        self.per.map(|_| self.unnamed(environment, now))
    }

    fn unnamed(&self, environment: &str, now: TimestampMs) -> CountQuery {
        let whole = hour_of(now);
        let back = self.window_hours().saturating_add(match self.band {
            Some(_) => self.days().saturating_mul(DAY_HOURS),
            None => 0,
        });
        let only = [
            (Dimension::Placement, &self.placement),
            (Dimension::Offer, &self.offer),
            (Dimension::Experiment, &self.experiment),
            (Dimension::Channel, &self.channel),
        ];
        CountQuery {
            environment: environment.to_owned(),
            from_hour: whole.saturating_sub(back),
            to_hour: whole.saturating_add(1),
            by: vec![Dimension::Hour],
            only: only.into_iter().filter_map(|(dimension, it)| Some((dimension, it.clone()?))).collect(),
        }
    }
}

fn exposures(environment: &str, from_hour: i64, to_hour: i64) -> CountQuery {
    CountQuery {
        environment: environment.to_owned(),
        from_hour,
        to_hour,
        by: vec![Dimension::Experiment, Dimension::Variation],
        only: Vec::new(),
    }
}

/// The hour in which a time lies. Unit: whole hours since 1970.
fn hour_of(at: TimestampMs) -> i64 {
    at.0.div_euclid(HOUR_MS)
}
