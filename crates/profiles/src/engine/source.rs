//! Raw files as tables, and results of short queries as texts. What a column means is `crate::sources`' matter.

use super::place::Place;
use super::{Engine, Part, Prepared, config, text};
use crate::{BuildError, StageRun, stages};
use datafusion::arrow::array::{Array, ArrayRef, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The table of one raw file, in its own context.
pub(crate) const RAW: &str = "raw";

/// What a column or an SQL expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Text, plain or by dictionary.
    Text,
    /// A whole number.
    Whole,
    /// A floating-point number.
    Real,
    /// A decimal number.
    Decimal,
    /// A date or time.
    Time,
    /// True or false.
    Flag,
}

/// A raw Parquet file that is open as the table [`RAW`].
pub(crate) struct Raw<'a> {
    engine: &'a Engine,
    context: SessionContext,
    schema: DFSchema,
}

impl Engine {
    /// Opens a Parquet file. With `ordered`, rows keep the order of the file, at the price of one thread.
    pub(crate) fn open(&self, path: &Path, ordered: bool) -> Result<Raw<'_>, String> {
        let found = path.canonicalize().map_err(text)?;
        let location = found.to_str().filter(|location| !location.contains(['*', '?', '[']));
        let location = location.ok_or("has a name with *, ?, [ or bytes that are no text; rename it")?;
        let n_partitions = if ordered { 1 } else { super::PARTITIONS };
        let context = SessionContext::new_with_config_rt(config(n_partitions), Arc::clone(&self.environment));
        let extension = found.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let options = ParquetReadOptions::default().file_extension(extension);
        let schema = self.runtime.block_on(async {
            context.register_parquet(RAW, location, options).await.map_err(text)?;
            Ok::<_, String>(context.table(RAW).await.map_err(text)?.schema().clone())
        })?;
        Ok(Raw { engine: self, context, schema })
    }

    /// Every row of a query as texts; what is no text is cast to it.
    pub(crate) fn texts(&self, step: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, BuildError> {
        let mut rows = Vec::new();
        self.each_row(step, sql, |row| {
            rows.push(row.iter().map(|cell| cell.map(str::to_owned)).collect());
            Ok(())
        })?;
        Ok(rows)
    }

    /// Hands on every row of a query as texts.
    pub(crate) fn each_row(
        &self,
        step: &str,
        sql: &str,
        mut each: impl FnMut(&[Option<&str>]) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let wrong = |reason: String| BuildError::Step { step: step.to_owned(), reason };
        self.each_batch(step, sql, |batch| {
            let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
            let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
            let columns: Vec<&StringArray> =
                columns.iter().filter_map(|column| column.as_any().downcast_ref::<StringArray>()).collect();
            if columns.len() != batch.num_columns() {
                return Err(wrong("a column cannot be read as text".into()));
            }
            let mut row = Vec::with_capacity(columns.len());
            for idx in 0..batch.num_rows() {
                row.clear();
                row.extend(columns.iter().map(|column| (!column.is_null(idx)).then(|| column.value(idx))));
                each(&row)?;
            }
            Ok(())
        })
    }

    /// Makes a table of rows of text.
    pub(crate) fn put(&self, table: &str, columns: &[&str], rows: &[Vec<Option<String>>]) -> Result<(), BuildError> {
        let wrong = |reason: String| BuildError::Step { step: table.to_owned(), reason };
        let fields: Vec<Field> = columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let arrays = (0..columns.len())
            .map(|idx| {
                let cells = rows.iter().map(|row| row.get(idx).and_then(Option::as_deref));
                Arc::new(cells.collect::<StringArray>()) as ArrayRef
            })
            .collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|error| wrong(error.to_string()))?;
        let cells = rows.iter().flatten().map(|cell| cell.as_deref().unwrap_or("\0").as_bytes());
        let key = stages::hash(columns.iter().map(|column| column.as_bytes()).chain(cells));
        let (path, is_there) = self.stages.file(table, &key);
        if !is_there {
            let io = |source| BuildError::Io { path: path.clone(), source };
            let unfinished = self.stages.unfinished(&path);
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let file = File::create(&unfinished).map_err(io)?;
            let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|e| wrong(e.to_string()))?;
            writer.write(&batch).map_err(|error| wrong(error.to_string()))?;
            writer.close().map_err(|error| wrong(error.to_string()))?;
            std::fs::rename(&unfinished, &path).map_err(io)?;
        }
        let n_rows = rows.len() as u64;
        let step = table.to_owned();
        self.stages.note(StageRun { step, rows_read: 0, rows_written: n_rows, is_reused: is_there, took_ms: 0 });
        self.adopt(table, vec![Part { path, key, rows: n_rows }])
    }
}

impl Raw<'_> {
    /// The names of the columns, in order.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// What a column gives. Errors: it is of a type that cannot be read.
    pub(crate) fn column(&self, name: &str) -> Result<Given, String> {
        let found = self.schema.fields().iter().find(|found| found.name() == name);
        found.map_or(Ok(Given::Text), |found| given(found.data_type()))
    }

    /// What an expression gives. Errors: it is no expression over the columns, or of a type that cannot be read.
    pub(crate) fn expression(&self, sql: &str) -> Result<Given, String> {
        let expression = self.context.parse_sql_expr(sql, &self.schema).map_err(text)?;
        given(&expression.get_type(&self.schema).map_err(text)?)
    }

    /// What a query makes of the file, as a part of a table, for [`Engine::run_prepared`]. `content`: a hash over the file.
    pub(crate) fn prepare(&self, step: &str, sql: &str, content: &str) -> Result<Prepared, String> {
        let key = stages::hash([sql.as_bytes(), content.as_bytes()]);
        // Rows are numbered as they come: that is one reader's work.
        self.engine.prepare(&Arc::new(Place::Here), &self.context, step, sql, &key, 0)
    }
}

fn given(kind: &DataType) -> Result<Given, String> {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(Given::Text),
        DataType::Dictionary(_, value) if value.is_string() => Ok(Given::Text),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Ok(Given::Real),
        kind if kind.is_integer() => Ok(Given::Whole),
        kind if kind.is_decimal() => Ok(Given::Decimal),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Ok(Given::Time),
        DataType::Boolean => Ok(Given::Flag),
        kind => Err(format!("is of type {kind}; text, numbers, dates and truth values can be read")),
    }
}

/// Adds what to do to messages that people meet.
pub(crate) fn advice(reason: String) -> String {
    let is_parquet = reason.contains("Invalid Parquet file") || reason.contains("Parquet error");
    if is_parquet { format!("{reason}; is it a Parquet file, and whole?") } else { reason }
}

/// A text as an SQL literal.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A column name as an SQL identifier.
pub(crate) fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}
