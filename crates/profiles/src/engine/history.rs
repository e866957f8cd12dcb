//! Purchases one by one, as evaluations need them, and what rankers recommended, as a file.

use super::{Engine, cells, text};
use crate::{BuildError, Cancellations};
use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A good of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) customer_id: &'a str,
    pub(crate) order_id: &'a str,
    pub(crate) item_id: &'a str,
    /// Days since 1970-01-01.
    pub(crate) day: i64,
}

/// What an item is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemName {
    pub(crate) item_id: String,
    pub(crate) name: Option<String>,
    pub(crate) category: Option<String>,
}

/// Which rows of the cleaned orders count as purchases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// What is left after cancellations took theirs back.
    Netted,
    /// Everything that was bought, whatever was cancelled later.
    Ordered,
}

impl From<Cancellations> for Lines {
    fn from(cancellations: Cancellations) -> Self {
        match cancellations {
            Cancellations::Net => Self::Netted,
            Cancellations::Drop => Self::Ordered,
        }
    }
}

impl Lines {
    fn table(self) -> &'static str {
        match self {
            Self::Netted => "purchases",
            Self::Ordered => "(SELECT * FROM checked WHERE reason IS NULL)",
        }
    }

    /// The rows that tell of a purchase: those of [`Lines::table`], and what was taken for nothing.
    pub(crate) fn kept_rows(self) -> String {
        let amount = match self {
            Self::Netted => "amount_minor",
            Self::Ordered => "CAST(CAST(quantity * unit_price_minor AS DECIMAL(38, 0)) AS BIGINT) AS amount_minor",
        };
        format!(
            "(SELECT customer_id, ordered_s, {amount} FROM {} UNION ALL \
             SELECT customer_id, ordered_s, CAST(0 AS BIGINT) AS amount_minor FROM checked \
             WHERE reason = 'nonpositive_price' AND unit_price_minor = 0)",
            self.table()
        )
    }
}

/// A recommended item, as a row of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RecommendedRow<'a> {
    pub(crate) user: &'a str,
    pub(crate) mode: &'a str,
    pub(crate) ranker: &'a str,
    /// From 1.
    pub(crate) rank: i64,
    pub(crate) item: &'a str,
    pub(crate) score: f64,
}

impl Engine {
    /// The goods of each order, each once, by rising customer, order and item.
    pub(crate) fn each_line(&self, lines: Lines, mut each: impl FnMut(Line<'_>)) -> Result<(), BuildError> {
        let sql = format!(
            "SELECT customer_id, order_id, item_id, CAST(min(ordered_s) / 86400 AS BIGINT) AS day FROM {} WHERE is_goods \
             GROUP BY customer_id, order_id, item_id ORDER BY customer_id, order_id, item_id",
            lines.table()
        );
        self.each_batch("purchases to evaluate", &sql, |batch| {
            let (customer_id, order_id) = (cells::texts(batch, 0)?, cells::texts(batch, 1)?);
            let (item_id, day) = (cells::texts(batch, 2)?, cells::integers(batch, 3)?);
            for row in 0..batch.num_rows() {
                each(Line {
                    customer_id: customer_id.value(row),
                    order_id: order_id.value(row),
                    item_id: item_id.value(row),
                    day: day.value(row),
                });
            }
            Ok(())
        })
    }

    /// What each customer paid on each day with a purchase, also if it was nothing: customer, day since 1970-01-01, minor
    /// units. By rising customer and day.
    pub(crate) fn each_purchase_day(
        &self,
        lines: Lines,
        mut each: impl FnMut(&str, i64, i64),
    ) -> Result<(), BuildError> {
        let sql = format!(
            "SELECT customer_id, CAST(ordered_s / 86400 AS BIGINT) AS day, CAST(sum(amount_minor) AS BIGINT) AS amount \
             FROM {} GROUP BY customer_id, CAST(ordered_s / 86400 AS BIGINT) ORDER BY customer_id, day",
            lines.kept_rows()
        );
        self.each_batch("purchases by day", &sql, |batch| {
            let customer_id = cells::texts(batch, 0)?;
            let (day, amount) = (cells::integers(batch, 1)?, cells::integers(batch, 2)?);
            for row in 0..batch.num_rows() {
                each(customer_id.value(row), day.value(row), amount.value(row));
            }
            Ok(())
        })
    }

    /// The goods that were bought before a time, by rising id, with their most frequent name and its category. Unit of
    /// the time: seconds since 1970.
    pub(crate) fn item_names(&self, lines: Lines, before_s: i64) -> Result<Vec<ItemName>, BuildError> {
        let sql = format!(
            "WITH named AS (SELECT item_id, item_name, category, count(*) AS n FROM {} \
             WHERE is_goods AND ordered_s < {before_s} GROUP BY item_id, item_name, category), \
             summed AS (SELECT *, sum(n) OVER (PARTITION BY item_id, item_name) AS n_named FROM named), \
             placed AS (SELECT *, row_number() OVER (PARTITION BY item_id \
             ORDER BY item_name IS NULL, n_named DESC, item_name, n DESC, category) AS place FROM summed) \
             SELECT item_id, item_name, category FROM placed WHERE place = 1 ORDER BY item_id",
            lines.table()
        );
        let mut names = Vec::new();
        self.each_batch("names of items", &sql, |batch| {
            let (item_id, name) = (cells::texts(batch, 0)?, cells::texts(batch, 1)?);
            let category = cells::texts(batch, 2)?;
            names.extend((0..batch.num_rows()).map(|row| ItemName {
                item_id: item_id.value(row).to_owned(),
                name: cells::text_at(&name, row),
                category: cells::text_at(&category, row),
            }));
            Ok(())
        })?;
        Ok(names)
    }
}

/// Writes recommendations as Parquet, portion by portion: a file that is there is replaced when all are written.
pub(crate) fn write_recommended<'a>(
    path: &Path,
    portions: impl Iterator<Item = Vec<RecommendedRow<'a>>>,
) -> Result<(), BuildError> {
    let io = |source| BuildError::Io { path: path.to_owned(), source };
    let failed = |reason: String| BuildError::Step { step: path.display().to_string(), reason };
    let beside = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let unfinished = tempfile::NamedTempFile::new_in(beside).map_err(io)?;
    let column = |name: &str, kind| Field::new(name, kind, false);
    let schema = Arc::new(Schema::new(vec![
        column("user", DataType::Utf8),
        column("mode", DataType::Utf8),
        column("ranker", DataType::Utf8),
        column("rank", DataType::Int64),
        column("item", DataType::Utf8),
        column("score", DataType::Float64),
    ]));
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file: File = unfinished.reopen().map_err(io)?;
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(|error| failed(text(error)))?;
    for rows in portions {
        let texts = |of: fn(&RecommendedRow<'a>) -> &'a str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let columns: Vec<ArrayRef> = vec![
            texts(|row| row.user),
            texts(|row| row.mode),
            texts(|row| row.ranker),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.rank))),
            texts(|row| row.item),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.score))),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| failed(text(error)))?;
        writer.write(&batch).map_err(|error| failed(text(error)))?;
    }
    writer.close().map_err(|error| failed(text(error)))?;
    unfinished.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}
