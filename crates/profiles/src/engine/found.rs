//! What the steps found, as plain rows for the rest of the crate.

use super::{Engine, REPORT_EXAMPLES, REPORT_REASONS, REPORT_TOTALS, cells};
use crate::{BuildError, Example};

/// One row of the step `items` that is in the item table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ItemRow {
    pub(crate) item_id: String,
    pub(crate) category: Option<String>,
    pub(crate) n_buyers: u64,
}

/// One row of the step `tastes` whose item is in the item table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TasteRow<'a> {
    pub(crate) customer_id: &'a str,
    pub(crate) item_id: &'a str,
    pub(crate) weight: u64,
    pub(crate) early_orders: u64,
    pub(crate) early_weight: u64,
    pub(crate) late_orders: u64,
    pub(crate) early_fresh: u64,
    pub(crate) fresh: u64,
}

/// How often a reason applied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReasonRow {
    pub(crate) code: String,
    pub(crate) n_rows: u64,
    pub(crate) n_matching: u64,
    pub(crate) examples: Vec<Example>,
}

/// The counts and sums of the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) rows_read: u64,
    pub(crate) bad_dates: u64,
    pub(crate) bad_quantities: u64,
    pub(crate) bad_prices: u64,
    pub(crate) purchase_rows: u64,
    /// Unit: minor units, as a decimal number.
    pub(crate) purchases_exact_minor: String,
    pub(crate) purchases_minor: i64,
    pub(crate) cancellations: u64,
    pub(crate) units_cancelled: String,
    pub(crate) units_netted: String,
    pub(crate) purchases_removed: u64,
    pub(crate) purchases_reduced: u64,
    pub(crate) rows_kept: u64,
    pub(crate) kept_minor: i64,
    pub(crate) items: u64,
    pub(crate) goods: u64,
    pub(crate) categories: u64,
    pub(crate) items_left_out: u64,
}

impl Engine {
    /// The items of the item table, by rising id.
    pub(crate) fn items(&self) -> Result<Vec<ItemRow>, BuildError> {
        let mut items = Vec::new();
        let sql = "SELECT item_id, category, n_buyers FROM items WHERE in_table ORDER BY item_id";
        self.each_batch("items", sql, |batch| {
            let (item_id, category) = (cells::texts(batch, 0)?, cells::texts(batch, 1)?);
            let n_buyers = cells::integers(batch, 2)?;
            items.extend((0..batch.num_rows()).map(|row| ItemRow {
                item_id: item_id.value(row).to_owned(),
                category: cells::text_at(&category, row),
                n_buyers: count(n_buyers.value(row)),
            }));
            Ok(())
        })?;
        Ok(items)
    }

    /// Who bought which items of the item table, by rising customer and item.
    pub(crate) fn each_taste(
        &self,
        mut each: impl FnMut(TasteRow<'_>) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let sql = "SELECT customer_id, item_id, weight, early_orders, early_weight, late_orders, early_fresh, fresh FROM tastes \
             WHERE in_table ORDER BY customer_id, item_id";
        self.each_batch("tastes", sql, |batch| {
            let (customer_id, item_id) = (cells::texts(batch, 0)?, cells::texts(batch, 1)?);
            let (weight, early_orders, early_weight, late_orders, early_fresh, fresh) = (
                cells::integers(batch, 2)?,
                cells::integers(batch, 3)?,
                cells::integers(batch, 4)?,
                cells::integers(batch, 5)?,
                cells::integers(batch, 6)?,
                cells::integers(batch, 7)?,
            );
            for row in 0..batch.num_rows() {
                each(TasteRow {
                    customer_id: customer_id.value(row),
                    item_id: item_id.value(row),
                    weight: count(weight.value(row)),
                    early_orders: count(early_orders.value(row)),
                    early_weight: count(early_weight.value(row)),
                    late_orders: count(late_orders.value(row)),
                    early_fresh: count(early_fresh.value(row)),
                    fresh: count(fresh.value(row)),
                })?;
            }
            Ok(())
        })
    }

    /// Different values of a text column of a table with the rows of each, by rising value.
    pub(crate) fn values(&self, table: &str, column: &str) -> Result<Vec<(String, u64)>, BuildError> {
        let mut values = Vec::new();
        // In quotes: a label may be named like a word of SQL.
        let column = format!("\"{column}\"");
        let sql = format!(
            "SELECT {column}, count(*) AS n FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY {column}"
        );
        self.each_batch(table, &sql, |batch| {
            let (value, n) = (cells::texts(batch, 0)?, cells::integers(batch, 1)?);
            values.extend((0..batch.num_rows()).map(|row| (value.value(row).to_owned(), count(n.value(row)))));
            Ok(())
        })?;
        Ok(values)
    }

    /// Whether a table has any row.
    pub(crate) fn has_rows(&self, table: &str) -> Result<bool, BuildError> {
        Ok(self.one_integer(table, &format!("SELECT CAST(1 AS BIGINT) AS one FROM {table} LIMIT 1"))?.is_some())
    }

    /// Rows of a table, or of a query in brackets.
    pub(crate) fn count(&self, table: &str) -> Result<u64, BuildError> {
        Ok(count(self.one_integer(table, &format!("SELECT count(*) AS n FROM {table}"))?.unwrap_or(0)))
    }

    /// Every reason, in no particular order.
    pub(crate) fn reasons(&self) -> Result<Vec<ReasonRow>, BuildError> {
        let mut reasons = Vec::new();
        self.each_batch(REPORT_REASONS.table, REPORT_REASONS.sql, |batch| {
            let code = cells::texts(batch, 0)?;
            let (n_rows, n_matching) = (cells::integers(batch, 1)?, cells::integers(batch, 2)?);
            reasons.extend((0..batch.num_rows()).map(|row| ReasonRow {
                code: code.value(row).to_owned(),
                n_rows: count(n_rows.value(row)),
                n_matching: count(n_matching.value(row)),
                examples: Vec::new(),
            }));
            Ok(())
        })?;
        self.each_batch(REPORT_EXAMPLES.table, REPORT_EXAMPLES.sql, |batch| {
            let (reason, file, source_row) =
                (cells::texts(batch, 0)?, cells::texts(batch, 1)?, cells::integers(batch, 2)?);
            let written = [3, 4, 5, 6].map(|idx| cells::texts(batch, idx));
            let [item_id, quantity, unit_price, ordered_at] = written;
            let (item_id, quantity, unit_price, ordered_at) = (item_id?, quantity?, unit_price?, ordered_at?);
            for row in 0..batch.num_rows() {
                if let Some(found) = reasons.iter_mut().find(|found| found.code == reason.value(row)) {
                    found.examples.push(Example {
                        file: file.value(row).to_owned(),
                        row: count(source_row.value(row)),
                        item_id: cells::text_at(&item_id, row),
                        quantity: cells::text_at(&quantity, row),
                        unit_price: cells::text_at(&unit_price, row),
                        ordered_at: cells::text_at(&ordered_at, row),
                    });
                }
            }
            Ok(())
        })?;
        Ok(reasons)
    }

    /// The counts and sums of the report.
    pub(crate) fn totals(&self) -> Result<Totals, BuildError> {
        let mut totals = Totals::default();
        self.each_batch(REPORT_TOTALS.table, REPORT_TOTALS.sql, |batch| {
            if batch.num_rows() == 0 {
                return Ok(());
            }
            let integer = |idx| cells::integers(batch, idx).map(|column| column.value(0));
            let text = |idx| cells::texts(batch, idx).map(|column| column.value(0).to_owned());
            totals = Totals {
                rows_read: count(integer(0)?),
                bad_dates: count(integer(1)?),
                bad_quantities: count(integer(2)?),
                bad_prices: count(integer(3)?),
                purchase_rows: count(integer(4)?),
                purchases_exact_minor: text(5)?,
                purchases_minor: integer(6)?,
                cancellations: count(integer(7)?),
                units_cancelled: text(8)?,
                units_netted: text(9)?,
                purchases_removed: count(integer(10)?),
                purchases_reduced: count(integer(11)?),
                rows_kept: count(integer(12)?),
                kept_minor: integer(13)?,
                items: count(integer(14)?),
                goods: count(integer(15)?),
                categories: count(integer(16)?),
                items_left_out: count(integer(17)?),
            };
            Ok(())
        })?;
        Ok(totals)
    }
}

/// A count of the engine, which has signed numbers only.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
