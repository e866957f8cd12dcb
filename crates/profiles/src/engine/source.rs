//! Order files as a table, and the query that turns their columns into the canonical fields.
//!
//! Nothing is guessed: every column of a CSV file is text, and text that is not what its field needs becomes null
//! beside the text as it was written, so that it can be counted and shown.

use crate::mapping::{Cancellations, FieldSource};
use crate::{BuildError, Mapping};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable;
use datafusion::prelude::{CsvReadOptions, ParquetReadOptions, SessionContext};
use std::path::Path;

/// The table of one order file.
const SOURCE: &str = "source";

/// Makes a table of an order file and gives the query for its canonical rows.
pub(super) async fn open(
    context: &SessionContext,
    path: &Path,
    mapping: &Mapping,
    file_idx: usize,
) -> Result<String, BuildError> {
    let refuse = |reason: String| BuildError::Source { file: path.to_owned(), reason };
    let found = path.canonicalize().map_err(|error| refuse(error.to_string()))?;
    if !found.is_file() {
        return Err(refuse("is no file; name each order file".into()));
    }
    let location = found.to_str().filter(|location| !location.contains(['*', '?', '[']));
    let location =
        location.ok_or_else(|| refuse("has a name with *, ?, [ or bytes that are no text; rename it".into()))?;
    let extension = found.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension.eq_ignore_ascii_case("parquet") {
        let options = ParquetReadOptions::default().file_extension(extension);
        context
            .register_parquet(SOURCE, location, options)
            .await
            .map_err(|error| refuse(advice(super::text(error))))?;
    } else if ["csv", "tsv", "txt"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
        let schema = header(&found, mapping.delimiter).map_err(refuse)?;
        let options = CsvReadOptions::new()
            .schema(&schema)
            .has_header(true)
            .delimiter(mapping.delimiter)
            .newlines_in_values(true)
            .file_extension(extension);
        context.register_csv(SOURCE, location, options).await.map_err(|error| refuse(advice(super::text(error))))?;
    } else {
        return Err(refuse(format!(
            "the ending {extension:?} is unknown; order files are .csv, .tsv, .txt or .parquet"
        )));
    }
    let table = context.table(SOURCE).await.map_err(|error| refuse(super::text(error)))?;
    Canonical { context, path, mapping, schema: table.schema() }.query(file_idx)
}

/// Adds what to do to messages that people meet.
pub(super) fn advice(reason: String) -> String {
    let mend = if reason.contains("invalid UTF-8") || reason.contains("UTF8") || reason.contains("utf-8") {
        "; the file is not UTF-8, convert it first, for example: iconv -f latin1 -t utf-8 IN.csv > OUT.csv"
    } else if reason.contains("incorrect number of fields") {
        "; a row has more or fewer fields than the header: check its quotes and the mapping's csv.delimiter"
    } else if reason.contains("Invalid Parquet file") || reason.contains("Parquet error") {
        "; is it a Parquet file, and whole?"
    } else {
        ""
    };
    format!("{reason}{mend}")
}

/// A text as an SQL literal.
pub(super) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The columns of a CSV file by its header, all of them text.
fn header(path: &Path, delimiter: u8) -> Result<Schema, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .from_path(path)
        .map_err(|error| error.to_string())?;
    let mut line = csv::ByteRecord::new();
    if !reader.read_byte_record(&mut line).map_err(|error| error.to_string())? {
        return Err("is empty; a CSV file begins with a line of column names".into());
    }
    let mut names: Vec<String> = Vec::with_capacity(line.len());
    for (idx, name) in line.iter().enumerate() {
        let name = if idx == 0 { name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name) } else { name };
        let name = std::str::from_utf8(name)
            .map_err(|_| advice(format!("column {} of the header is invalid UTF-8", idx + 1)))?
            .trim();
        if name.is_empty() {
            return Err(format!("column {} of the header has no name; name it", idx + 1));
        }
        if names.iter().any(|other| other == name) {
            return Err(format!("the header names {name:?} twice; rename one of the columns"));
        }
        names.push(name.to_owned());
    }
    Ok(Schema::new(names.into_iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>()))
}

/// What an SQL expression gives.
enum Given {
    Text,
    Whole,
    Real,
    Decimal,
    Time,
    Flag,
}

/// An SQL expression with its type.
struct Value {
    sql: String,
    given: Given,
}

impl Value {
    /// Trimmed text; null if there is none.
    fn text(&self) -> String {
        let Self { sql, given } = self;
        match given {
            Given::Text => format!("nullif(trim({sql}), '')"),
            // Ids in a column of reals are a way to have empty cells: 17850.0 means 17850, and NaN means none.
            Given::Real => format!(
                "CASE WHEN isnan({sql}) THEN NULL WHEN {sql} = trunc({sql}) THEN CAST(TRY_CAST({sql} AS BIGINT) AS VARCHAR) \
                 ELSE CAST({sql} AS VARCHAR) END"
            ),
            _ => format!("CAST({sql} AS VARCHAR)"),
        }
    }
}

/// Writes the query for the canonical rows of one file.
struct Canonical<'a> {
    context: &'a SessionContext,
    path: &'a Path,
    mapping: &'a Mapping,
    schema: &'a DFSchema,
}

impl Canonical<'_> {
    fn query(&self, file_idx: usize) -> Result<String, BuildError> {
        self.check_columns()?;
        let fields = &self.mapping.fields;
        let text = |key, source: &FieldSource| Ok::<_, BuildError>(self.value(key, source)?.text());
        let optional = |key, source: &Option<FieldSource>| match source {
            Some(source) => text(key, source),
            None => Ok("CAST(NULL AS VARCHAR)".to_owned()),
        };
        let quantity = self.value("quantity", &fields.quantity)?;
        let price = self.value("unit_price", &fields.unit_price)?;
        let time = self.value("ordered_at", &fields.ordered_at)?;
        let is_goods = match &fields.is_goods {
            None => "true".to_owned(),
            Some(source) => format!("coalesce(TRY_CAST({} AS BOOLEAN), false)", self.value("is_goods", source)?.sql),
        };
        let line_key = match self.mapping.line_columns.as_slice() {
            [] => "CAST(NULL AS VARCHAR)".to_owned(),
            columns => {
                let texts: Vec<String> =
                    columns.iter().map(|column| format!("CAST({} AS VARCHAR)", quoted(column))).collect();
                format!("concat_ws(chr(31), {})", texts.join(", "))
            }
        };
        let is_cancellation = match &self.mapping.cancellations {
            Cancellations::Never => "false".to_owned(),
            Cancellations::OrderIdPrefix(prefix) => {
                format!("coalesce(starts_with(order_id, {}), false)", text_literal(prefix))
            }
            Cancellations::NegativeQuantity => "coalesce(quantity < 0, false)".to_owned(),
        };
        // `row_no` numbers the rows of all files: 2^40 numbers a file.
        // Prices in minor units, with room for prices finer than that. The ranges keep every product in 38 digits.
        let minor = 10_i64.pow(u32::from(self.mapping.minor_digits));
        Ok(format!(
            "SELECT {file_idx} * 1099511627776 + CAST(source_row AS BIGINT) AS row_no, {file_idx} AS file_idx, \
             CAST(source_row AS BIGINT) AS source_row, order_id, item_id, item_name, category, \
               quantity_text, quantity, ordered_at_text, CAST(ordered_at AS TIMESTAMP) AS ordered_at, unit_price_text, \
               CAST(unit_price * {minor} AS DECIMAL(19, 6)) AS unit_price_minor, customer_id, country, is_goods, \
               line_key, {is_cancellation} AS is_cancellation \
             FROM (SELECT \"source row\" AS source_row, {order_id} AS order_id, {item_id} AS item_id, \
               {item_name} AS item_name, {category} AS category, {quantity_text} AS quantity_text, \
               TRY_CAST({quantity} AS DECIMAL(12, 3)) AS quantity, {time_text} AS ordered_at_text, \
               {time} AS ordered_at, {price_text} AS unit_price_text, TRY_CAST({price} AS DECIMAL(15, 6)) AS unit_price, \
               {customer_id} AS customer_id, {country} AS country, {is_goods} AS is_goods, {line_key} AS line_key \
             FROM (SELECT *, row_number() OVER () AS \"source row\" FROM {SOURCE}))",
            order_id = text("order_id", &fields.order_id)?,
            item_id = text("item_id", &fields.item_id)?,
            item_name = optional("item_name", &fields.item_name)?,
            category = optional("category", &fields.category)?,
            quantity_text = quantity.text(),
            quantity = self.number(&quantity),
            time_text = time.text(),
            time = self.time(&time)?,
            price_text = price.text(),
            price = self.number(&price),
            customer_id = text("customer_id", &fields.customer_id)?,
            country = optional("country", &fields.country)?,
        ))
    }

    /// Every column that the mapping names by itself is there.
    fn check_columns(&self) -> Result<(), BuildError> {
        let has = |column: &str| self.schema.fields().iter().any(|field| field.name() == column);
        let named = self.mapping.fields.all().filter_map(|(key, source)| match source {
            FieldSource::Column(column) => Some((format!("fields.{key}"), column)),
            FieldSource::Sql(_) => None,
        });
        let lines = self.mapping.line_columns.iter().map(|column| ("duplicates.line_columns".to_owned(), column));
        let missing: Vec<String> = named
            .chain(lines)
            .filter(|(_, column)| !has(column))
            .map(|(key, column)| format!("{column:?} ({key})"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(BuildError::MissingColumns {
            file: self.path.to_owned(),
            mapping: self.mapping.name.clone(),
            missing: missing.join(", "),
            found: self.found(),
        })
    }

    fn value(&self, field: &'static str, source: &FieldSource) -> Result<Value, BuildError> {
        let refuse = |reason: String| BuildError::Expression {
            mapping: self.mapping.name.clone(),
            field,
            reason,
            found: self.found(),
        };
        let (sql, kind) = match source {
            FieldSource::Column(column) => {
                let kind = self
                    .schema
                    .fields()
                    .iter()
                    .find(|found| found.name() == column)
                    .map(|found| found.data_type().clone());
                (quoted(column), kind.unwrap_or(DataType::Utf8))
            }
            FieldSource::Sql(sql) => {
                let kind = self
                    .context
                    .parse_sql_expr(sql, self.schema)
                    .and_then(|expression| expression.get_type(self.schema))
                    .map_err(|error| refuse(super::text(error)))?;
                (format!("({sql})"), kind)
            }
        };
        let given = match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Given::Text,
            DataType::Dictionary(_, value) if value.is_string() => {
                return Ok(Value { sql: format!("CAST({sql} AS VARCHAR)"), given: Given::Text });
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Given::Real,
            kind if kind.is_integer() => Given::Whole,
            kind if kind.is_decimal() => Given::Decimal,
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Given::Time,
            DataType::Boolean => Given::Flag,
            kind => {
                return Err(refuse(format!("is of type {kind}; text, numbers, dates and truth values can be read")));
            }
        };
        Ok(Value { sql, given })
    }

    /// SQL for a number that can be cast to a decimal, or for text that may hold one.
    fn number(&self, value: &Value) -> String {
        match value.given {
            Given::Text if self.mapping.decimal_comma => format!("replace({}, ',', '.')", value.text()),
            Given::Text => value.text(),
            Given::Whole | Given::Real | Given::Decimal => value.sql.clone(),
            Given::Time | Given::Flag => "CAST(NULL AS VARCHAR)".to_owned(),
        }
    }

    fn time(&self, value: &Value) -> Result<String, BuildError> {
        match value.given {
            Given::Time => Ok(format!("TRY_CAST({} AS TIMESTAMP)", value.sql)),
            Given::Text => {
                let text = value.text();
                let formats: Vec<String> = self.mapping.date_formats.iter().map(|format| format.sql(&text)).collect();
                Ok(format!("coalesce({})", formats.join(", ")))
            }
            _ => Err(BuildError::Expression {
                mapping: self.mapping.name.clone(),
                field: "ordered_at",
                reason: "is neither text nor a date; for seconds since 1970 write { sql = 'to_timestamp_seconds(\"the_column\")' }".into(),
                found: self.found(),
            }),
        }
    }

    /// The columns of the file, for messages.
    fn found(&self) -> String {
        let names: Vec<String> = self.schema.fields().iter().map(|field| format!("{:?}", field.name())).collect();
        names.join(", ")
    }
}

/// A column name as an SQL identifier.
fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}
