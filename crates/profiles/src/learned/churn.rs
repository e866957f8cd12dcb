//! Who stays away: learned from what was known of each buyer at earlier times, and from who ordered after them.
//!
//! At each origin the feature files run again over the rows before it, so that no feature knows what came after. One thing
//! does: an order that was cancelled later is not among the orders, at no origin.

use super::{Job, Made, ModelSection, ModelState, Note, json, stored};
use crate::BuildError;
use crate::build::time;
use crate::engine::{Computed, Engine, ReadRows, Values};
use crate::features::builtin_sql;
use crate::labels::FeatureFile;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vitrine_learn::classify::{
    Candidate, ClassifyError, Measures, PartReport, Report, RowTime, Table, Validation, score, validate_kfold,
    validate_rolling,
};
use vitrine_learn::resample::Stream;

const ROWS: &str = "learned_churn";
/// The query that gives the features, over tables of feature files.
pub(super) const FEATURES_SQL: &str = include_str!("../../sql/learned/churn_rows.sql");
/// The files whose tables it reads, in the order in which they read each other.
const FILES: [&str; 4] = ["customers", "cycle", "order_windows", "event_windows"];
/// Features from orders, in the order of the query, and from events after them.
pub(super) const OF_ORDERS: [&str; 14] = [
    "recency_days",
    "frequency",
    "tenure_days",
    "monetary_minor",
    "aov_minor",
    "gap_days",
    "basket_items",
    "n_items",
    "cycle_days",
    "overdue_ratio",
    "orders_30d",
    "orders_90d",
    "orders_365d",
    "spend_90d_minor",
];
const OF_EVENTS: [&str; 6] =
    ["seen_days", "visits_30d", "views_30d", "carts_30d", "active_days_30d", "active_days_90d"];
/// What a model must beat, beside the plain rate: the rate among those who ordered as long ago.
const RULE: &str = "recency_days";
pub(super) const DAY_S: i64 = 86_400;
const HORIZON_DAYS: i64 = 90;
const HORIZON_MIN_DAYS: i64 = 28;
/// Origins to learn from: of the last one the model is judged first of all.
const ORIGINS_MIN: i64 = 3;
const ORIGINS_MAX: i64 = 4;
/// Buyers of an origin that are learned from, drawn at random where there are more.
pub(super) const LEARNED_MAX: usize = 10_000;
/// Buyers at the first origin, at least.
pub(super) const BUYERS_MIN: usize = 200;
const LABEL: &str = "churn_risk";
/// Parts of the validation by folds.
const FOLDS: usize = 5;

/// The spans that are learned from.
pub(super) struct Spans {
    pub(super) horizon_days: i64,
    /// Rising.
    pub(super) origins_s: Vec<i64>,
}

#[derive(Serialize)]
struct Found<'a> {
    /// What outcome 1 is.
    outcome: &'a str,
    horizon_days: i64,
    /// The times at which features were taken. RFC 3339.
    origins: Vec<String>,
    /// Buyers learned from at each.
    customers: Vec<usize>,
    features: &'a [&'static str],
    validation: &'a Report,
    /// The chosen candidate by folds, beside the validation in time; none if it cannot be done.
    kfold: Option<KFold>,
}

/// How the chosen candidate does when customers are split at random, all their rows together. It knows the time that it is
/// judged in, so it reads a little better than what comes; that is what the validation in time is for.
#[derive(Serialize)]
struct KFold {
    folds: usize,
    measures: Measures,
    parts: Vec<PartReport>,
}

pub(super) fn made(
    engine: &Engine,
    job: &Job<'_>,
    filled: &BTreeSet<String>,
    file: FeatureFile,
) -> Result<Made, BuildError> {
    let mut reads: Vec<String> = ["people"].into_iter().chain(FILES).map(str::to_owned).collect();
    let without = |state, why: String| Note::without(state, why);
    let made = |note| Ok(Made { file: file.clone(), rows_table: ROWS, reads: reads.clone(), note });
    if !job.options.churn {
        return made(without(ModelState::Off, "not asked for".into()));
    }
    let spans = match spans(engine, job)? {
        Ok(spans) => spans,
        Err(why) => return made(without(ModelState::Skipped, why)),
    };
    let mut features = OF_ORDERS.to_vec();
    if has_events_throughout(engine, filled, &spans)? {
        features.extend(OF_EVENTS);
    }
    let mut inputs = Vec::new();
    for (place, origin_s) in spans.origins_s.iter().enumerate() {
        let drawn = drawn(engine, job, "learned_churn_drawn", place, *origin_s)?;
        inputs.push(rows_at(engine, &drawn, *origin_s, &spans)?);
    }
    let settings = format!(
        "{} churn seed={} horizon={} origins={:?} {}",
        super::WAY,
        job.seed,
        spans.horizon_days,
        spans.origins_s,
        features.join(" ")
    );
    engine.run_sql("learned_churn_now", &format!("{FEATURES_SQL}ORDER BY c.customer_id"))?;
    inputs.push("learned_churn_now".to_owned());
    let note = engine.keep_rows(ROWS, &inputs, &settings, || {
        let (note, ids, chances) = learned(engine, job, &spans, &features)?;
        let columns =
            vec![("customer_id".to_owned(), Values::Texts(ids)), (LABEL.to_owned(), Values::Numbers(chances))];
        Ok(Computed { columns, note: note.to_json()? })
    })?;
    reads.extend(["orders".to_owned()]);
    Ok(Made { file, rows_table: ROWS, reads, note: super::read_note(&note)? })
}

/// The spans, or why there are none.
pub(super) fn spans(engine: &Engine, job: &Job<'_>) -> Result<Result<Spans, String>, BuildError> {
    let first = engine.read_rows(ROWS, "SELECT min(ordered_s) AS first_s FROM orders", 0)?;
    let first_s = first.numbers.first().and_then(|column| column.first()).copied().unwrap_or(f64::NAN);
    if !first_s.is_finite() {
        return Ok(Err("nobody bought anything".to_owned()));
    }
    let end_s = job.as_of_s.div_euclid(DAY_S) * DAY_S;
    let history_days = (end_s - first_s as i64) / DAY_S;
    let asked = job.options.churn_days.map(i64::from);
    let horizon_days = asked.unwrap_or_else(|| HORIZON_DAYS.min(history_days / (ORIGINS_MIN + 1)));
    let n = (history_days / horizon_days.max(1) - 1).min(ORIGINS_MAX);
    if n < ORIGINS_MIN || (asked.is_none() && horizon_days < HORIZON_MIN_DAYS) {
        let needed = (ORIGINS_MIN + 1) * asked.unwrap_or(HORIZON_MIN_DAYS);
        return Ok(Err(format!("the orders span {history_days} days; {needed} are needed to learn who stays away")));
    }
    let origins_s = (1..=n).rev().map(|back| end_s - back * horizon_days * DAY_S).collect();
    Ok(Ok(Spans { horizon_days, origins_s }))
}

/// Whether there are events from before the first origin on: features of events would else differ between origins.
fn has_events_throughout(engine: &Engine, filled: &BTreeSet<String>, spans: &Spans) -> Result<bool, BuildError> {
    if !filled.contains("events") {
        return Ok(false);
    }
    let first = engine.read_rows(ROWS, "SELECT min(day) AS day FROM event_days", 0)?;
    let first_day = first.numbers.first().and_then(|column| column.first()).copied().unwrap_or(f64::NAN);
    let first_origin_s = spans.origins_s.first().copied().unwrap_or(i64::MIN);
    Ok(first_day.is_finite() && first_day as i64 + 30 <= first_origin_s / DAY_S)
}

/// Makes the table of the buyers of the `place`th origin that are learned from: all, or [`LEARNED_MAX`] drawn at random. Gives its
/// name. They are drawn before features are made, which would else be made four times for everybody.
pub(super) fn drawn(
    engine: &Engine,
    job: &Job<'_>,
    name: &str,
    place: usize,
    origin_s: i64,
) -> Result<String, BuildError> {
    let table = format!("{name}_{}", origin_s / DAY_S);
    let sql = format!(
        "SELECT customer_id FROM orders WHERE ordered_s < {origin_s} GROUP BY customer_id ORDER BY customer_id"
    );
    let read = engine.read_rows(&table, &sql, 1)?;
    let mut buyers = read.texts.into_iter().next().unwrap_or_default();
    let places = Stream::numbered(job.seed, name, place as u64).sample_indices(buyers.len(), LEARNED_MAX);
    let rows: Vec<_> = places.into_iter().filter_map(|row| Some(vec![buyers.get_mut(row)?.take()])).collect();
    engine.put(&table, &["customer_id"], &rows)?;
    Ok(table)
}

/// Makes the table of the drawn buyers as they were at an origin, with what they did after it. Gives its name.
fn rows_at(engine: &Engine, drawn: &str, origin_s: i64, spans: &Spans) -> Result<String, BuildError> {
    let table = format!("learned_churn_{}", origin_s / DAY_S);
    let until_s = origin_s + spans.horizon_days * DAY_S;
    let mut past = past(origin_s, Some(drawn));
    past.push((
        "later",
        format!(
            "SELECT customer_id FROM now_orders WHERE ordered_s >= {origin_s} AND ordered_s < {until_s} GROUP BY customer_id"
        ),
    ));
    past.push(("known", FEATURES_SQL.to_owned()));
    let sql = "SELECT k.*, CASE WHEN l.customer_id IS NULL THEN 1 ELSE 0 END AS stayed_away FROM known AS k \
               LEFT JOIN later AS l ON l.customer_id = k.customer_id ORDER BY k.customer_id";
    let sources: Vec<&str> = SOURCES.into_iter().chain([drawn]).collect();
    engine.run_in_past(&table, &sources, &past, sql)?;
    Ok(table)
}

/// Tables that features are made from again.
pub(super) const SOURCES: [&str; 4] = ["people", "orders", "purchases", "event_days"];

/// The source tables as they were at a time, and the tables of the feature files over them. `drawn`: the table of the only
/// customers to look at; none: everybody.
pub(super) fn past(origin_s: i64, drawn: Option<&str>) -> Vec<(&'static str, String)> {
    let only =
        drawn.map_or_else(String::new, |table| format!(" JOIN now_{table} AS d ON d.customer_id = t.customer_id"));
    let rows = |table: &str| format!("SELECT t.* FROM now_{table} AS t{only}");
    let sources = vec![
        ("params", format!("SELECT CAST({origin_s} AS BIGINT) AS as_of_s")),
        ("people", rows("people")),
        ("orders", format!("{} WHERE t.ordered_s < {origin_s}", rows("orders"))),
        ("purchases", format!("{} WHERE t.ordered_s < {origin_s}", rows("purchases"))),
        ("tastes", "SELECT DISTINCT customer_id, item_id FROM purchases WHERE is_goods".to_owned()),
        ("event_days", format!("{} WHERE t.day < {}", rows("event_days"), origin_s / DAY_S)),
    ];
    sources.into_iter().chain(FILES.map(|file| (file, builtin_sql(file).to_owned()))).collect()
}

/// The note, and each buyer's chance if the model is good enough.
type Learned = (Note, Vec<Option<String>>, Vec<Option<f64>>);

fn learned(engine: &Engine, job: &Job<'_>, spans: &Spans, features: &[&'static str]) -> Result<Learned, BuildError> {
    let nothing = |note| Ok((note, Vec::new(), Vec::new()));
    let outcome = format!("no order within {} days", spans.horizon_days);
    let (rows, customers) = training(engine, spans, features)?;
    if customers.first().is_none_or(|n| *n < BUYERS_MIN) {
        let n = customers.first().copied().unwrap_or(0);
        let why =
            format!("{n} customers had bought by the first origin; at least {BUYERS_MIN} are needed to learn from");
        return nothing(Note::without(ModelState::Skipped, why));
    }
    let (table, validation) = match rows.validated(spans, features, job.seed) {
        Ok(found) => found,
        Err(error) => return nothing(Note::without(ModelState::Skipped, error.to_string())),
    };
    let found = Found {
        outcome: &outcome,
        horizon_days: spans.horizon_days,
        origins: spans.origins_s.iter().copied().map(time).collect(),
        customers,
        features,
        validation: &validation.report,
        kfold: kfold(&table, validation.chosen, job.seed),
    };
    let found = json(&found)?;
    let export = match validation.publish(&table, LABEL, &outcome) {
        Ok(export) => export,
        Err(error) => {
            let mut note = Note::without(ModelState::Refused, error.to_string());
            note.section.found = found;
            note.warnings.push(format!("the chance that customers stay away is not shown: {error}"));
            return nothing(note);
        }
    };
    let now = read(engine, "learned_churn_now", features, "")?;
    let n_rows = now.texts.first().map_or(0, Vec::len);
    let chance = |row: usize| {
        let values: Vec<f64> = now.numbers.iter().map(|column| column.get(row).copied().unwrap_or(f64::NAN)).collect();
        stored(score(&export, &values))
    };
    let chances = (0..n_rows).map(chance).collect();
    let measures = validation.report.measures;
    let why = format!(
        "of {} judged customers {} stayed away; area under the curve {:.3}, with the rule by {RULE} {:.3}",
        measures.n_rows,
        measures.n_positive,
        measures.auc,
        validation.report.baselines.iter().find(|one| one.name == "rule").map_or(0.5, |rule| rule.measures.auc)
    );
    let means = format!("chance that the customer does not order within the next {} days", spans.horizon_days);
    let section = ModelSection { state: ModelState::Published, why, labels: vec![LABEL.to_owned()], found };
    let note = Note {
        section,
        means: BTreeMap::from([(LABEL.to_owned(), means)]),
        exports: vec![export.to_json()],
        warnings: Vec::new(),
        ..Note::default()
    };
    Ok((note, now.texts.into_iter().next().unwrap_or_default(), chances))
}

fn kfold(table: &Table, chosen: Candidate, seed: u64) -> Option<KFold> {
    let found = validate_kfold(table, FOLDS, &[chosen], Some(RULE), seed).ok()?;
    Some(KFold { folds: FOLDS, measures: found.report.measures, parts: found.report.parts })
}

/// Buyers of all origins, below each other.
#[derive(Default)]
struct Rows {
    values: Vec<Vec<f64>>,
    outcomes: Vec<f64>,
    times: Vec<RowTime>,
    /// Which customer.
    groups: Vec<u64>,
}

fn read(engine: &Engine, table: &str, features: &[&str], more: &str) -> Result<ReadRows, BuildError> {
    let sql = format!("SELECT customer_id, {}{more} FROM {table} ORDER BY customer_id", features.join(", "));
    engine.read_rows(table, &sql, 1)
}

/// The rows to learn from, and how many there are at each origin.
fn training(engine: &Engine, spans: &Spans, features: &[&str]) -> Result<(Rows, Vec<usize>), BuildError> {
    let mut rows = Rows { values: vec![Vec::new(); features.len()], ..Rows::default() };
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    let mut customers = Vec::new();
    for origin_s in &spans.origins_s {
        let table = format!("learned_churn_{}", origin_s / DAY_S);
        let ReadRows { texts, numbers: columns } = read(engine, &table, features, ", stayed_away")?;
        let ids = texts.into_iter().next().unwrap_or_default();
        customers.push(ids.len());
        let at = |column: Option<&Vec<f64>>, row: usize| {
            column.and_then(|column| column.get(row)).copied().unwrap_or(f64::NAN)
        };
        for (row, id) in ids.into_iter().enumerate() {
            let next = numbers.len() as u64;
            rows.groups.push(*numbers.entry(id.unwrap_or_default()).or_insert(next));
            for (idx, values) in rows.values.iter_mut().enumerate() {
                values.push(at(columns.get(idx), row));
            }
            rows.outcomes.push(at(columns.last(), row));
            rows.times.push(RowTime {
                features_until_s: *origin_s,
                outcome_from_s: *origin_s,
                outcome_until_s: origin_s + spans.horizon_days * DAY_S,
            });
        }
    }
    Ok((rows, customers))
}

impl Rows {
    fn validated(self, spans: &Spans, features: &[&str], seed: u64) -> Result<(Table, Validation), ClassifyError> {
        let mut table = Table::builder(&self.outcomes);
        for (name, values) in features.iter().zip(self.values) {
            table = table.number(name, values);
        }
        let table = table.groups(self.groups).times(self.times).build()?;
        let origins = spans.origins_s.get(1..).unwrap_or_default();
        let window_s = spans.horizon_days * DAY_S;
        let validation = validate_rolling(&table, origins, window_s, &Candidate::usual(), Some(RULE), seed)?;
        Ok((table, validation))
    }
}
