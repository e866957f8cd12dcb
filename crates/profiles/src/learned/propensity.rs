//! Which of the most bought categories a customer will order from: one model a category, each judged on later origins, as for
//! who stays away. A category whose model is not good enough is left out, and the report says why. Only made on request.

use super::churn::{BUYERS_MIN, DAY_S, FEATURES_SQL, OF_ORDERS, SOURCES, Spans, drawn, past, spans};
use super::{Job, Made, ModelSection, ModelState, Note, json, stored};
use crate::BuildError;
use crate::engine::{Computed, Engine, ReadRows, Values, text_literal};
use crate::labels::FeatureFile;
use serde::Serialize;
use std::collections::BTreeMap;
use vitrine_learn::classify::{
    Candidate, ClassifyError, Export, LogisticParams, Report, RowTime, Table, score, validate_rolling,
};

const ROWS: &str = "learned_propensity";
const NOW: &str = "learned_propensity_now";
const LABEL: &str = "likely_categories";
const WEIGHTS: &str = "likely_category_weights";
/// Features of a customer and a category: orders with it, and days since the last of them.
const OF_CATEGORY: [&str; 2] = ["category_orders", "category_days"];
/// What a model must beat beside the plain rate: the rate among those who bought from the category as often.
const RULE: &str = "category_orders";

#[derive(Serialize)]
struct Found {
    horizon_days: i64,
    /// The times at which features were taken. RFC 3339.
    origins: Vec<String>,
    features: Vec<&'static str>,
    categories: Vec<FoundCategory>,
}

#[derive(Serialize)]
struct FoundCategory {
    category: String,
    is_published: bool,
    /// Why, in words.
    why: String,
    validation: Option<Report>,
}

/// A category that is good enough: its model.
struct Model {
    category: String,
    place: usize,
    export: Export,
}

pub(super) fn made(engine: &Engine, job: &Job<'_>, file: FeatureFile) -> Result<Made, BuildError> {
    let made = |reads: Vec<String>, note| Ok(Made { file: file.clone(), rows_table: ROWS, reads, note });
    let reads = || vec!["people".to_owned(), "orders".to_owned(), "items".to_owned()];
    let n = usize::from(job.options.categories);
    if n == 0 {
        return made(reads(), Note::without(ModelState::Off, "not asked for"));
    }
    let spans = match spans(engine, job)? {
        Ok(spans) => spans,
        Err(why) => return made(reads(), Note::without(ModelState::Skipped, why)),
    };
    let categories = categories(engine, n)?;
    if categories.is_empty() {
        return made(reads(), Note::without(ModelState::Skipped, "no good has a category"));
    }
    let mut inputs = Vec::new();
    for (place, origin_s) in spans.origins_s.iter().enumerate() {
        let table = format!("{ROWS}_{}", origin_s / DAY_S);
        let drawn = drawn(engine, job, "learned_propensity_drawn", place, *origin_s)?;
        rows_at(engine, &table, Some(&drawn), *origin_s, spans.horizon_days, &categories)?;
        inputs.push(table);
    }
    rows_at(engine, NOW, None, job.as_of_s, 0, &categories)?;
    inputs.push(NOW.to_owned());
    let settings = format!(
        "{} propensity seed={} horizon={} origins={:?} {}",
        super::WAY,
        job.seed,
        spans.horizon_days,
        spans.origins_s,
        categories.join("\u{1f}")
    );
    let note = engine.keep_rows(ROWS, &inputs, &settings, || computed(engine, job, &spans, &categories))?;
    made(reads(), super::read_note(&note)?)
}

/// The categories with most buyers.
fn categories(engine: &Engine, n: usize) -> Result<Vec<String>, BuildError> {
    let sql = format!(
        "SELECT category, count(DISTINCT customer_id) AS n FROM tastes WHERE category IS NOT NULL AND category <> 'OTHER' \
         GROUP BY category ORDER BY n DESC, category LIMIT {n}"
    );
    let read = engine.read_rows(ROWS, &sql, 1)?;
    Ok(read.texts.into_iter().flatten().flatten().collect())
}

/// Makes the table of buyers as they were at a time: features, and for each category what they had bought of it and whether
/// they did again within the horizon.
fn rows_at(
    engine: &Engine,
    table: &str,
    drawn: Option<&str>,
    origin_s: i64,
    horizon_days: i64,
    categories: &[String],
) -> Result<(), BuildError> {
    let until_s = origin_s + horizon_days * DAY_S;
    let mut past = past(origin_s, drawn);
    past.push(("known", FEATURES_SQL.to_owned()));
    past.push((
        "bought",
        "SELECT p.customer_id, i.category, count(DISTINCT p.order_id) AS n_orders, max(p.ordered_s) AS last_s \
         FROM purchases AS p JOIN now_items AS i ON i.item_id = p.item_id WHERE p.is_goods \
         GROUP BY p.customer_id, i.category"
            .to_owned(),
    ));
    past.push((
        "later",
        format!(
            "SELECT p.customer_id, i.category FROM now_purchases AS p JOIN now_items AS i ON i.item_id = p.item_id \
             WHERE p.is_goods AND p.ordered_s >= {origin_s} AND p.ordered_s < {until_s} \
             GROUP BY p.customer_id, i.category"
        ),
    ));
    let base: Vec<String> = OF_ORDERS.iter().map(|name| format!("k.{name}")).collect();
    let (mut columns, mut joins) = (base, String::new());
    for (idx, category) in categories.iter().enumerate() {
        let category = text_literal(category);
        columns.push(format!("coalesce(b{idx}.n_orders, 0) AS c{idx}_orders"));
        columns.push(format!("CAST(({origin_s} - b{idx}.last_s) / 86400 AS DOUBLE) AS c{idx}_days"));
        columns.push(format!("CASE WHEN l{idx}.customer_id IS NULL THEN 0 ELSE 1 END AS c{idx}_later"));
        for (alias, source) in [("b", "bought"), ("l", "later")] {
            joins.push_str(&format!(
                " LEFT JOIN (SELECT * FROM {source} WHERE category = {category}) AS {alias}{idx} \
                 ON {alias}{idx}.customer_id = k.customer_id"
            ));
        }
    }
    let sql = format!("SELECT k.customer_id, {} FROM known AS k{joins} ORDER BY k.customer_id", columns.join(", "));
    let sources: Vec<&str> = SOURCES.into_iter().chain(["items"]).chain(drawn).collect();
    engine.run_in_past(table, &sources, &past, &sql)
}

fn computed(engine: &Engine, job: &Job<'_>, spans: &Spans, categories: &[String]) -> Result<Computed, BuildError> {
    let training = Training::read(engine, spans, categories.len())?;
    let names: Vec<&'static str> = OF_ORDERS.into_iter().chain(OF_CATEGORY).collect();
    let mut found = Found {
        horizon_days: spans.horizon_days,
        origins: spans.origins_s.iter().copied().map(crate::build::time).collect(),
        features: names.clone(),
        categories: Vec::new(),
    };
    let mut models = Vec::new();
    for (place, category) in categories.iter().enumerate() {
        let (one, export) = training.learned(spans, &names, place, category, job.seed);
        models.extend(export.map(|export| Model { category: category.clone(), place, export }));
        found.categories.push(one);
    }
    let no_rows = || {
        vec![
            ("customer_id".to_owned(), Values::Texts(Vec::new())),
            (LABEL.to_owned(), Values::TextLists(Vec::new())),
            (WEIGHTS.to_owned(), Values::Lists(Vec::new())),
        ]
    };
    if models.is_empty() {
        let mut note = Note::without(ModelState::Refused, "no category's model is better than plain rules");
        note.section.found = json(&found)?;
        note.warnings.push("chances of categories are not shown: no model is better than plain rules".to_owned());
        return Ok(Computed { columns: no_rows(), note: note.to_json()? });
    }
    let now = read(engine, NOW, categories.len())?;
    let ids = now.texts.first().cloned().unwrap_or_default();
    let (mut lists, mut weights) = (Vec::new(), Vec::new());
    for row in 0..ids.len() {
        let mut chances: Vec<(f64, &str)> = models
            .iter()
            .map(|model| (score(&model.export, &features_of(&now, row, model.place)), model.category.as_str()))
            .filter(|(chance, _)| *chance > 0.0)
            .collect();
        // Of equal ones the more bought category first: models are in that order, and sorting keeps it.
        chances.sort_by(|one, other| other.0.total_cmp(&one.0));
        lists.push(Some(chances.iter().map(|(_, category)| (*category).to_owned()).collect()));
        weights.push(Some(chances.iter().filter_map(|(chance, _)| stored(chance.min(1.0))).collect()));
    }
    let shown: Vec<&str> = models.iter().map(|model| model.category.as_str()).collect();
    let means = format!(
        "chance that the customer orders from a category within the next {} days, of: {}",
        spans.horizon_days,
        shown.join(", ")
    );
    let section = ModelSection {
        state: ModelState::Published,
        why: format!(
            "{} of {} categories have a model that is better than plain rules",
            models.len(),
            categories.len()
        ),
        labels: vec![LABEL.to_owned()],
        found: json(&found)?,
    };
    let note = Note {
        section,
        means: BTreeMap::from([(LABEL.to_owned(), means)]),
        exports: models.iter().map(|model| model.export.to_json()).collect(),
        ..Note::default()
    };
    let columns = vec![
        ("customer_id".to_owned(), Values::Texts(ids)),
        (LABEL.to_owned(), Values::TextLists(lists)),
        (WEIGHTS.to_owned(), Values::Lists(weights)),
    ];
    Ok(Computed { columns, note: note.to_json()? })
}

/// The features of a row: those of the customer, and of the customer and one category.
fn features_of(rows: &ReadRows, row: usize, place: usize) -> Vec<f64> {
    let at = |column: usize| rows.numbers.get(column).and_then(|column| column.get(row)).copied().unwrap_or(f64::NAN);
    (0..OF_ORDERS.len()).chain(category_columns(place)).map(at).collect()
}

/// Where the features of a category are.
fn category_columns(place: usize) -> std::ops::Range<usize> {
    let first = OF_ORDERS.len() + 3 * place;
    first..first + OF_CATEGORY.len()
}

fn read(engine: &Engine, table: &str, n_categories: usize) -> Result<ReadRows, BuildError> {
    let of_category = (0..n_categories).map(|idx| format!("c{idx}_orders, c{idx}_days, c{idx}_later"));
    let columns: Vec<String> = OF_ORDERS.iter().map(|name| (*name).to_owned()).chain(of_category).collect();
    engine.read_rows(table, &format!("SELECT customer_id, {} FROM {table} ORDER BY customer_id", columns.join(", ")), 1)
}

/// Buyers of all origins, below each other.
#[derive(Default)]
struct Training {
    rows: ReadRows,
    /// Which customer.
    groups: Vec<u64>,
    times: Vec<RowTime>,
    /// Buyers at the first origin.
    first: usize,
}

impl Training {
    fn read(engine: &Engine, spans: &Spans, n_categories: usize) -> Result<Self, BuildError> {
        let mut training = Self::default();
        training.rows.numbers = vec![Vec::new(); OF_ORDERS.len() + 3 * n_categories];
        let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
        for (place, origin_s) in spans.origins_s.iter().enumerate() {
            let mut read = read(engine, &format!("{ROWS}_{}", origin_s / DAY_S), n_categories)?;
            let ids = read.texts.pop().unwrap_or_default();
            if place == 0 {
                training.first = ids.len();
            }
            for (column, values) in training.rows.numbers.iter_mut().zip(read.numbers) {
                column.extend(values);
            }
            for id in ids {
                let next = numbers.len() as u64;
                training.groups.push(*numbers.entry(id.unwrap_or_default()).or_insert(next));
                training.times.push(RowTime {
                    features_until_s: *origin_s,
                    outcome_from_s: *origin_s,
                    outcome_until_s: origin_s + spans.horizon_days * DAY_S,
                });
            }
        }
        Ok(training)
    }

    /// Learns and judges one category.
    fn learned(
        &self,
        spans: &Spans,
        names: &[&'static str],
        place: usize,
        category: &str,
        seed: u64,
    ) -> (FoundCategory, Option<Export>) {
        let found = |is_published, why: String, validation| FoundCategory {
            category: category.to_owned(),
            is_published,
            why,
            validation,
        };
        if self.first < BUYERS_MIN {
            let why =
                format!("{} customers had bought by the first origin; at least {BUYERS_MIN} are needed", self.first);
            return (found(false, why, None), None);
        }
        let validated = || {
            let column = |at: usize| self.rows.numbers.get(at).cloned().unwrap_or_default();
            let outcomes = column(category_columns(place).end);
            let mut table = Table::builder(&outcomes);
            for (name, at) in names.iter().zip((0..OF_ORDERS.len()).chain(category_columns(place))) {
                table = table.number(name, column(at));
            }
            let table = table.groups(self.groups.clone()).times(self.times.clone()).build()?;
            let origins = spans.origins_s.get(1..).unwrap_or_default();
            // Regressions only: a model a category has to be cheap.
            let logistic = |l2| Candidate::Logistic(LogisticParams { l2, ..LogisticParams::default() });
            let candidates = [logistic(300.0), logistic(30.0), logistic(3.0)];
            let window_s = spans.horizon_days * DAY_S;
            let validation = validate_rolling(&table, origins, window_s, &candidates, Some(RULE), seed)?;
            Ok::<_, ClassifyError>((table, validation))
        };
        let (table, validation) = match validated() {
            Ok(found) => found,
            Err(error) => return (found(false, error.to_string(), None), None),
        };
        let outcome = format!("order from category {category} within {} days", spans.horizon_days);
        let report = validation.report.clone();
        match validation.publish(&table, &format!("category_{}", place + 1), &outcome) {
            Ok(export) => {
                let why = format!("area under the curve {:.3}", report.measures.auc);
                (found(true, why, Some(report)), Some(export))
            }
            Err(error) => (found(false, error.to_string(), Some(report)), None),
        }
    }
}
