//! The numbers of the quality report, by short queries.

use super::events::Facts;
use super::feeds::Feed;
use super::{fields, numbering};
use crate::engine::{Engine, text_literal};
use crate::report::{
    Bin, CastFailures, Distribution, FeedReport, JoinReport, KindReport, MissingShare, Reason, Rows, rounded,
};
use crate::{AsOf, BuildError};
use std::collections::BTreeMap;
use vitrine_intake::Kind;

const DAY_S: i64 = 86_400;
/// Values of a text column that keep their names in a distribution.
const TOP: usize = 20;

/// Rows kept, by kind: what is left of the rows that were read.
fn kept(kind: Kind) -> &'static str {
    match kind {
        Kind::Orders => "purchases",
        Kind::Events => "events",
        Kind::Catalogue => "catalogue",
        Kind::Customers => "(SELECT * FROM checked_customers WHERE reason IS NULL)",
        Kind::Surveys => "surveys",
        Kind::Contacts => "contacts",
        Kind::Identities => "(SELECT * FROM checked_identities WHERE reason IS NULL)",
        Kind::Costs => "costs",
    }
}

/// What became of the rows of a kind; of events, `facts` are known already. Errors also when numbers contradict each other.
pub(super) fn kind(
    engine: &Engine,
    kind: Kind,
    feeds: &[&Feed],
    facts: Option<&Facts>,
) -> Result<KindReport, BuildError> {
    let name = kind.name();
    let unreadable = engine.count(&format!("(SELECT * FROM unreadable WHERE kind = {})", text_literal(name)))?;
    let (read, kept) = match facts {
        Some(facts) => (facts.rows, event_total(engine)?),
        None => (engine.count(&format!("read_{name}"))?, engine.count(kept(kind))?),
    };
    let read = read + unreadable;
    let sql = format!(
        "SELECT reason, field, count(*) AS n, min(file_idx * {} + source_row) AS first_row \
         FROM quarantine WHERE kind = {} GROUP BY reason, field ORDER BY reason, field",
        numbering::ROWS_PER_FILE,
        text_literal(name)
    );
    let names: BTreeMap<u64, String> = engine
        .texts("files", "SELECT file_idx, file FROM files")?
        .into_iter()
        .filter_map(|row| {
            let [file_no, file] = <[Option<String>; 2]>::try_from(row).ok()?;
            Some((file_no?.parse().ok()?, file?))
        })
        .collect();
    let reasons = engine.texts("quality", &sql)?.into_iter().filter_map(|row| {
        let [code, field, rows, first] = <[Option<String>; 4]>::try_from(row).ok()?;
        let (file_no, source_row) = numbering::split(first?.parse().ok()?);
        let first = format!("{} row {source_row}", names.get(&file_no).map_or("", String::as_str));
        Some(Reason { code: code?, field, rows: rows?.parse().ok()?, first })
    });
    let reasons: Vec<Reason> = reasons.collect();
    // Customer files: single cells are set aside too, so their rows are counted apart.
    let quarantined = match kind {
        Kind::Customers => engine.count("(SELECT * FROM checked_customers WHERE reason IS NOT NULL)")? + unreadable,
        Kind::Catalogue => engine.count("(SELECT * FROM checked_catalogue WHERE reason IS NOT NULL)")? + unreadable,
        _ => reasons.iter().map(|reason| reason.rows).sum(),
    };
    if read != kept + quarantined {
        return Err(BuildError::Inconsistent {
            what: format!("{name}: {read} rows read, but {kept} kept and {quarantined} put aside"),
        });
    }
    let mapped: Vec<fields::Field> = fields::of(kind)
        .into_iter()
        .filter(|field| feeds.iter().any(|feed| feed.layout.section.field(field.name).is_some()))
        .collect();
    let counted: Vec<[u64; 2]> = match facts {
        Some(facts) => {
            let counted = fields::of(kind).into_iter().zip(facts.fields.iter().copied());
            counted.filter(|(field, _)| mapped.contains(field)).map(|(_, counted)| counted).collect()
        }
        None => missing_and_failed(engine, name, &mapped)?,
    };
    let (mut missing, mut conversion_failures) = (Vec::new(), Vec::new());
    for (field, [empty, failed]) in mapped.iter().zip(counted) {
        missing.push(MissingShare { field: field.name.to_owned(), rows: empty, share: share(empty, read) });
        if field.text_column() != field.column() {
            conversion_failures.push(CastFailures { field: field.name.to_owned(), rows: failed });
        }
    }
    Ok(KindReport {
        kind: name.to_owned(),
        rows: Rows { read, kept, quarantined },
        reasons,
        missing,
        conversion_failures,
    })
}

/// Rows without text, and rows whose text cannot be read, of each field of a kind.
fn missing_and_failed(engine: &Engine, kind: &str, of: &[fields::Field]) -> Result<Vec<[u64; 2]>, BuildError> {
    let mut sums = Vec::new();
    for field in of {
        let (text, value) = (field.text_column(), field.column());
        sums.push(format!("coalesce(sum(CASE WHEN {text} IS NULL THEN 1 ELSE 0 END), 0)"));
        sums.push(format!("coalesce(sum(CASE WHEN {text} IS NOT NULL AND {value} IS NULL THEN 1 ELSE 0 END), 0)"));
    }
    if sums.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {} FROM read_{kind}", super::policies::aliased(&sums));
    let counted: Vec<u64> = engine
        .texts("quality", &sql)?
        .into_iter()
        .flatten()
        .map(|n| n.and_then(|n| n.parse().ok()).unwrap_or(0))
        .collect();
    Ok(counted.as_chunks().0.to_vec())
}

/// Sound events of people who were not erased.
fn event_total(engine: &Engine) -> Result<u64, BuildError> {
    let sql = "SELECT coalesce(sum(n), 0) AS n FROM event_totals WHERE what = 'kind'";
    let total = engine.texts("quality", sql)?.into_iter().flatten().flatten().next();
    Ok(total.and_then(|total| total.parse().ok()).unwrap_or(0))
}

/// Rows of a feed's table, and their latest time. Unit: seconds since 1970.
pub(super) fn rows_and_latest(engine: &Engine, kind: Kind, table: &str) -> Result<(u64, Option<i64>), BuildError> {
    let time = fields::series(kind).map(|(time, _)| time);
    let latest = time.map_or_else(|| "CAST(NULL AS BIGINT)".to_owned(), |time| format!("max(to_unixtime({time}))"));
    let sql = format!("SELECT count(*) AS n, {latest} AS latest FROM {table}");
    let row: Vec<Option<i64>> = engine
        .texts("quality", &sql)?
        .into_iter()
        .flatten()
        .map(|cell| cell.and_then(|cell| cell.parse().ok()))
        .collect();
    let [rows, latest] = row.as_slice() else { return Ok((0, None)) };
    Ok((rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0), *latest))
}

/// Rows and freshness of a feed.
pub(super) fn feed(feed: &Feed, rows: u64, latest_s: Option<i64>, as_of_s: i64, report: &mut FeedReport) {
    report.files = feed.files.len() as u64;
    report.rows = rows;
    report.latest = latest_s.and_then(AsOf::from_unix_seconds).map(|time| time.to_string());
    report.age_days = latest_s.map(|latest_s| (as_of_s - latest_s).div_euclid(DAY_S));
}

/// A join whose match rate is reported: left table and key, right table and key.
type Join = (&'static str, &'static str, &'static str, &'static str);

const JOINS: [Join; 9] = [
    ("purchases", "item_id", "catalogue", "item_id"),
    ("events", "item_id", "catalogue", "item_id"),
    ("events", "customer_id", "identities", "alias"),
    ("events", "customer_id", "purchases", "customer_id"),
    ("attributes", "customer_id", "purchases", "customer_id"),
    ("surveys", "customer_id", "purchases", "customer_id"),
    ("contacts", "customer_id", "purchases", "customer_id"),
    ("costs", "campaign", "purchases", "campaign"),
    ("identities", "customer_id", "purchases", "customer_id"),
];

/// Makes the table `unmatched` and counts every join of which both sides have rows.
pub(super) fn joins(engine: &Engine) -> Result<Vec<JoinReport>, BuildError> {
    let mut reports = Vec::new();
    let mut unmatched = Vec::new();
    for (left, left_key, right, right_key) in JOINS {
        if !engine.has_rows(left)? || !engine.has_rows(right)? {
            continue;
        }
        let join = format!("{left}.{left_key} = {right}.{right_key}");
        let counted = match (left, left_key) {
            ("events", "item_id") => "SELECT key AS k, n FROM event_totals WHERE what = 'item'".to_owned(),
            ("events", _) => "SELECT key AS k, n FROM event_totals WHERE what = 'visitor'".to_owned(),
            _ => format!(
                "SELECT {left_key} AS k, count(*) AS n FROM {left} WHERE {left_key} IS NOT NULL GROUP BY {left_key}"
            ),
        };
        let partners = format!("SELECT DISTINCT {right_key} AS k FROM {right} WHERE {right_key} IS NOT NULL");
        let joined = format!("({counted}) AS l LEFT JOIN ({partners}) AS r ON r.k = l.k");
        let sql = format!(
            "SELECT coalesce(sum(l.n), 0) AS n, coalesce(sum(CASE WHEN r.k IS NOT NULL THEN l.n END), 0) AS matched, \
             coalesce(sum(CASE WHEN r.k IS NULL THEN 1 END), 0) AS keys FROM {joined}"
        );
        let row: Vec<u64> = engine
            .texts("joins", &sql)?
            .into_iter()
            .flatten()
            .map(|cell| cell.and_then(|cell| cell.parse().ok()).unwrap_or(0))
            .collect();
        if let [rows, matched, keys_unmatched] = *row.as_slice() {
            let share = if rows == 0 { 1.0 } else { share(matched, rows) };
            reports.push(JoinReport { join: join.clone(), rows, matched, share, keys_unmatched });
        }
        unmatched.push(format!(
            "SELECT {} AS join_name, l.k AS key, l.n AS n_rows FROM {joined} WHERE r.k IS NULL",
            text_literal(&join)
        ));
    }
    let sql = if unmatched.is_empty() {
        "SELECT CAST(NULL AS VARCHAR) AS join_name, CAST(NULL AS VARCHAR) AS key, CAST(NULL AS BIGINT) AS n_rows WHERE false"
            .to_owned()
    } else {
        format!("SELECT * FROM ({}) ORDER BY join_name, key", unmatched.join(" UNION ALL "))
    };
    engine.run_sql("unmatched", &sql)?;
    Ok(reports)
}

const NUMBERS: [(&str, &str); 7] = [
    ("purchases", "amount_minor"),
    ("purchases", "quantity"),
    ("events", "value_minor"),
    ("catalogue", "price_minor"),
    ("catalogue", "stock"),
    ("surveys", "score"),
    ("costs", "cost_minor"),
];
const TEXTS: [(&str, &str); 10] = [
    ("purchases", "country"),
    ("purchases", "category"),
    ("purchases", "channel"),
    ("events", "kind"),
    ("events", "channel"),
    ("events", "device"),
    ("catalogue", "category"),
    ("surveys", "answer"),
    ("contacts", "reason"),
    ("costs", "channel"),
];

/// How columns are spread, in bins that are the same in every build.
pub(super) fn distributions(engine: &Engine) -> Result<Vec<Distribution>, BuildError> {
    let mut distributions = Vec::new();
    for (table, column) in NUMBERS {
        let sql = match table {
            "events" => totals(column, "CAST(key AS BIGINT)"),
            _ => format!(
                "SELECT bin, count(*) AS n FROM (SELECT CASE WHEN {column} > 0 THEN CAST(floor(4 * log10(CAST({column} AS DOUBLE))) AS BIGINT) \
             WHEN {column} = 0 THEN -1000 ELSE -2000 END AS bin FROM {table} WHERE {column} IS NOT NULL) GROUP BY bin ORDER BY bin"
            ),
        };
        let bins = bins(engine, &sql)?;
        if !bins.is_empty() {
            distributions.push(Distribution { table: table.into(), column: column.into(), is_ordered: true, bins });
        }
    }
    for (table, column) in TEXTS {
        let sql = match table {
            "events" => totals(column, "n DESC, key"),
            _ => format!(
                "SELECT {column} AS bin, count(*) AS n FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY n DESC, bin"
            ),
        };
        let bins = top(bins(engine, &sql)?);
        if !bins.is_empty() {
            distributions.push(Distribution { table: table.into(), column: column.into(), is_ordered: false, bins });
        }
    }
    let names = engine.texts("quality", "SELECT DISTINCT name FROM attributes ORDER BY name")?;
    for name in names.into_iter().flatten().flatten() {
        let sql = format!(
            "SELECT value AS bin, count(*) AS n FROM attributes WHERE name = {} GROUP BY value ORDER BY n DESC, bin",
            text_literal(&name)
        );
        let found = bins(engine, &sql)?;
        // A value that few share may be a name or a telephone number: nothing for a report.
        let kept: Vec<Bin> = found.iter().filter(|bin| bin.rows >= 5).cloned().collect();
        let rest = found.iter().filter(|bin| bin.rows < 5).map(|bin| bin.rows).sum();
        let mut bins = top(kept);
        if rest > 0 {
            match bins.iter_mut().find(|bin| bin.bin.is_empty()) {
                Some(other) => other.rows += rest,
                None => bins.push(Bin { bin: String::new(), rows: rest }),
            }
        }
        distributions.push(Distribution { table: "attributes".into(), column: name, is_ordered: false, bins });
    }
    Ok(distributions)
}

/// The query for the bins of a column of events.
fn totals(column: &str, order: &str) -> String {
    format!("SELECT key AS bin, n FROM event_totals WHERE what = {} ORDER BY {order}", text_literal(column))
}

/// The most frequent values by name, and the others together.
fn top(mut bins: Vec<Bin>) -> Vec<Bin> {
    let rest: u64 = bins.iter().skip(TOP).map(|bin| bin.rows).sum();
    bins.truncate(TOP);
    bins.sort_by(|a, b| a.bin.cmp(&b.bin));
    if rest > 0 {
        bins.push(Bin { bin: String::new(), rows: rest });
    }
    bins
}

fn bins(engine: &Engine, sql: &str) -> Result<Vec<Bin>, BuildError> {
    let rows = engine.texts("quality", sql)?.into_iter();
    Ok(rows
        .filter_map(|row| {
            let [bin, rows] = <[Option<String>; 2]>::try_from(row).ok()?;
            Some(Bin { bin: bin?, rows: rows?.parse().ok()? })
        })
        .collect())
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { rounded(part as f64 / whole as f64) }
}
