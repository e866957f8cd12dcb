//! Putting the report together, and checking that its numbers agree with each other.

use super::{
    CastFailures, Money, NeighbourReport, Netting, Quality, ReasonCount, Report, Rows, SegmentCount, SourceFile,
    TableReport,
};
use crate::engine::{Engine, Totals};
use crate::table::SEGMENTS;
use crate::{BuildError, Mapping};
use vitrine_tables::Schema;

/// What a report needs beside what the engine counted.
pub(crate) struct Findings<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) as_of: String,
    pub(crate) split_at: Option<String>,
    pub(crate) seed: u64,
    pub(crate) files: Vec<(String, u64)>,
    pub(crate) quality: Quality,
    pub(crate) schema: &'a Schema,
    pub(crate) items_bytes: u64,
    pub(crate) neighbours: NeighbourReport,
}

/// Reasons to put an order line aside, in the order in which `sql/clean/checked.sql` tries them, and what each means.
const REASONS: [(&str, &str); 27] = [
    ("erased", "of a visitor who was erased"),
    ("missing_order", "no order id"),
    ("missing_item", "no item id, or one longer than 128 bytes"),
    ("bad_date", "no date, or text that is none in the formats of the mapping"),
    ("bad_quantity", "no quantity, or text that is no number below 10^9"),
    ("bad_price", "no price, or text that is no number below 10^9"),
    ("date_too_early", "ordered before dates.earliest of the mapping"),
    ("date_too_late", "ordered after the time that the build looks back from"),
    ("duplicate", "equal to an earlier row in every mapped column"),
    ("duplicate_key", "equal to an earlier row in the fields of duplicates.key"),
    ("missing_customer", "no customer id"),
    ("missing_value", "no value in a column with missing = \"drop\""),
    ("invalid_value", "a value that its column's validator refuses"),
    ("bad_type", "text that is not of its column's declared type"),
    ("outlier", "a number that its column's outlier rule drops"),
    ("unknown_code", "a channel that is none of the known ones"),
    ("cancellation", "takes earlier purchases back; counted under netting"),
    ("nonpositive_quantity", "a quantity of 0 or less that is no cancellation"),
    ("nonpositive_price", "a price of 0 or less"),
    ("amount_too_large", "quantity times price is 10^12 minor units or more"),
    ("too_few_fields", "fewer fields than the header"),
    ("too_many_fields", "more fields than the header"),
    ("bad_quote", "a quote that is not closed, or text behind a closing one"),
    ("invalid_bytes", "bytes that are no text in the encoding of the file"),
    ("not_an_object", "a line that is no JSON object"),
    ("row_too_long", "longer than a row may be"),
    ("netted", "a purchase that cancellations took back whole"),
];

/// The report of a build. Errors: the numbers contradict each other.
pub(crate) fn of(engine: &Engine, findings: Findings<'_>) -> Result<Report, BuildError> {
    let totals = engine.totals()?;
    let reasons = reasons(engine)?;
    let quarantined = reasons.iter().map(|reason| reason.rows).sum();
    let rows = Rows { read: totals.rows_read, kept: totals.rows_kept, quarantined };
    let buyers = engine.count("customers")?;
    let customers = engine.count("people")?;
    let segments = segments(engine)?;
    let rfm_grid = rfm_grid(engine)?;
    agree("rows of the files and rows checked", findings.files.iter().map(|(_, rows)| rows).sum(), rows.read)?;
    agree("rows read and rows kept or put aside", rows.read, rows.kept + rows.quarantined)?;
    agree(
        "order lines put aside and in quarantine.parquet",
        rows.quarantined,
        engine.count("(SELECT * FROM quarantine WHERE kind = 'orders')")?,
    )?;
    agree("buyers and customers in segments", buyers, segments.iter().map(|s| s.customers).sum())?;
    agree("buyers and customers by recency and frequency", buyers, rfm_grid.iter().flatten().sum())?;
    agree("customers and rows of features.parquet", customers, engine.count("features")?)?;

    let mapping = findings.mapping;
    let minor_digits = mapping.minor_digits;
    let bytes_per_row = findings.schema.visitor_bytes() as u64;
    let mut neighbours = findings.neighbours;
    neighbours.items_left_out = totals.items_left_out;
    neighbours.split_at = findings.split_at.filter(|_| neighbours.customers_tested > 0);
    let warnings = warnings(&rows, &reasons, &totals, &neighbours);
    Ok(Report {
        version: 1,
        mapping: mapping.name.clone(),
        currency: mapping.currency.clone(),
        minor_digits,
        as_of: findings.as_of,
        seed: findings.seed,
        files: findings.files.into_iter().map(|(name, rows)| SourceFile { name, rows }).collect(),
        rows,
        reasons,
        cast_failures: [
            ("ordered_at", totals.bad_dates),
            ("quantity", totals.bad_quantities),
            ("unit_price", totals.bad_prices),
        ]
        .map(|(field, rows)| CastFailures { field: field.to_owned(), rows })
        .to_vec(),
        netting: Netting {
            cancellations: totals.cancellations,
            units_cancelled: plain(&totals.units_cancelled, 0),
            units_netted: plain(&totals.units_netted, 0),
            purchases_removed: totals.purchases_removed,
            purchases_reduced: totals.purchases_reduced,
            netted_minor: totals.purchases_minor - totals.kept_minor,
        },
        money: Money {
            rows_before_netting: totals.purchase_rows,
            before_netting: plain(&totals.purchases_exact_minor, minor_digits),
            before_netting_minor: totals.purchases_minor,
            kept_minor: totals.kept_minor,
        },
        customers,
        orders: engine.count("orders")?,
        items: totals.items,
        categories: totals.categories,
        segments,
        rfm_grid,
        neighbours,
        table: TableReport {
            columns: findings.schema.columns().len() as u64,
            bytes_per_row,
            rows_bytes: bytes_per_row * customers,
            items_bytes: findings.items_bytes,
        },
        quality: findings.quality,
        warnings,
        models: crate::ModelReport::default(),
    })
}

/// Stops a build whose numbers contradict each other: it would be wrong somewhere.
fn agree(what: &str, one: u64, other: u64) -> Result<(), BuildError> {
    if one == other {
        return Ok(());
    }
    Err(BuildError::Inconsistent { what: format!("{what}: {one} and {other}") })
}

fn reasons(engine: &Engine) -> Result<Vec<ReasonCount>, BuildError> {
    let mut found = engine.reasons()?;
    let reasons = REASONS
        .iter()
        .filter_map(|(code, meaning)| {
            let at = found.iter().position(|reason| reason.code == *code)?;
            let reason = found.swap_remove(at);
            Some(ReasonCount {
                code: reason.code,
                meaning: (*meaning).to_owned(),
                rows: reason.n_rows,
                rows_matching: reason.n_matching,
                examples: reason.examples,
            })
        })
        .collect::<Vec<_>>();
    agree("reasons known and reasons counted", REASONS.len() as u64, (reasons.len() + found.len()) as u64)?;
    Ok(reasons)
}

fn segments(engine: &Engine) -> Result<Vec<SegmentCount>, BuildError> {
    let counted = engine.values("rfm", "segment")?;
    let of = |segment: &str| counted.iter().find(|(name, _)| name == segment).map_or(0, |(_, customers)| *customers);
    Ok(SEGMENTS.map(|segment| SegmentCount { segment: segment.to_owned(), customers: of(segment) }).to_vec())
}

/// Customers by fifths of recency and frequency, each from 1 to 5.
fn rfm_grid(engine: &Engine) -> Result<[[u64; 5]; 5], BuildError> {
    let sql = "SELECT r_quintile, f_quintile, count(*) AS n FROM rfm GROUP BY r_quintile, f_quintile ORDER BY r_quintile, f_quintile";
    let read = engine.read_rows("rfm_grid", sql, 0)?;
    let mut grid = [[0; 5]; 5];
    if let [recency, frequency, customers] = read.numbers.as_slice() {
        for ((r, f), n) in recency.iter().zip(frequency).zip(customers) {
            let row = grid.get_mut((*r as usize).wrapping_sub(1));
            if let Some(cell) = row.and_then(|row| row.get_mut((*f as usize).wrapping_sub(1))) {
                *cell += *n as u64;
            }
        }
    }
    Ok(grid)
}

fn warnings(rows: &Rows, reasons: &[ReasonCount], totals: &Totals, neighbours: &NeighbourReport) -> Vec<String> {
    let mut warnings = Vec::new();
    if rows.kept * 2 < rows.read {
        warnings.push(format!("only {} of {} rows were kept; check the reasons", rows.kept, rows.read));
    }
    for reason in reasons.iter().filter(|reason| reason.code.starts_with("bad_")) {
        if reason.rows * 100 >= rows.read {
            warnings.push(format!(
                "{} of {} rows: {} ({}); check the mapping",
                reason.rows, rows.read, reason.meaning, reason.code
            ));
        }
    }
    if totals.goods == 0 {
        warnings.push("no item is a good (fields.is_goods), so there are no items to recommend".into());
    }
    if totals.items_left_out > 0 {
        warnings.push(format!(
            "{} items are not in the item table, because only the {} most bought have room; raise neighbours.items_max",
            totals.items_left_out, neighbours.items
        ));
    }
    match (neighbours.rankers.get(neighbours.method.name()), neighbours.rankers.get("popularity")) {
        (Some(ease), Some(popularity)) if ease.novel_ndcg_10 < popularity.novel_ndcg_10 => warnings.push(
            "on the time split the item lists foretell worse than popularity; prefer offers ranked by popularity"
                .into(),
        ),
        (None, _) => warnings.push("too little history to tell how good the item lists are".into()),
        _ => {}
    }
    warnings
}

/// A decimal number with its point moved `digits` places to the left and no needless zeros: `888720889.400` with 2
/// digits is `8887208.894`.
fn plain(number: &str, digits: u8) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = usize::from(digits);
    let whole = format!("{whole:0>width$}", width = digits + 1);
    let (whole, moved) = whole.split_at(whole.len() - digits);
    let fraction = format!("{moved}{fraction}");
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn decimal_points_move() {
        for (number, digits, moved) in [
            ("888720889.400000000", 2, "8887208.894"),
            ("5", 2, "0.05"),
            ("0", 2, "0"),
            ("-1250.500", 2, "-12.505"),
            ("1200.000", 0, "1200"),
            ("7.5", 3, "0.0075"),
        ] {
            assert_eq!(plain(number, digits), moved);
        }
    }
}
