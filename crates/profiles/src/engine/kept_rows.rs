//! Rows that are made outside of SQL: read from tables, computed, and kept like the result of a step; and features as they
//! were at an earlier time.

use super::{Engine, PARTITIONS, Part, cells, config, file_rows, stages, text};
use crate::{BuildError, StageRun};
use datafusion::arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A column that was computed.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Texts(Vec<Option<String>>),
    Whole(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    /// Numbers in lists.
    Lists(Vec<Option<Vec<f64>>>),
    /// Texts in lists.
    TextLists(Vec<Option<Vec<String>>>),
}

/// What was computed of a step: its columns by name, and a note beside them.
pub(crate) struct Computed {
    pub(crate) columns: Vec<(String, Values)>,
    pub(crate) note: String,
}

/// Rows of a query, column by column.
#[derive(Debug, Default)]
pub(crate) struct ReadRows {
    /// The first columns.
    pub(crate) texts: Vec<Vec<Option<String>>>,
    /// The columns after them; a null is NaN.
    pub(crate) numbers: Vec<Vec<f64>>,
}

impl Engine {
    /// Reads a query whose first `n_texts` columns are texts and the others numbers.
    pub(crate) fn read_rows(&self, step: &str, sql: &str, n_texts: usize) -> Result<ReadRows, BuildError> {
        let mut read = ReadRows::default();
        self.each_batch(step, sql, |batch| {
            read.texts.resize(n_texts, Vec::new());
            read.numbers.resize(batch.num_columns().saturating_sub(n_texts), Vec::new());
            for (idx, column) in read.texts.iter_mut().enumerate() {
                let array = cells::texts(batch, idx)?;
                column.extend((0..array.len()).map(|row| cells::text_at(&array, row)));
            }
            for (idx, column) in read.numbers.iter_mut().enumerate() {
                let array = cells::numbers(batch, n_texts + idx)?;
                column.extend(array.iter().map(|number| number.unwrap_or(f64::NAN)));
            }
            Ok(())
        })?;
        Ok(read)
    }

    /// Makes the table `step` of what `make` computes of tables, unless it was computed of the same before. `settings` is
    /// everything else that the result depends on. Gives the note.
    pub(crate) fn keep_rows(
        &self,
        step: &str,
        inputs: &[String],
        settings: &str,
        make: impl FnOnce() -> Result<Computed, BuildError>,
    ) -> Result<String, BuildError> {
        let key = self.stages.key(step, settings, inputs);
        let note_step = format!("{step}_note");
        let names = [step, note_step.as_str()];
        let found = names.map(|name| {
            let (path, is_there) = self.stages.file(name, &key);
            let rows = is_there.then(|| file_rows(&path).ok()).flatten();
            (path, rows)
        });
        let is_reused = found.iter().all(|(_, rows)| rows.is_some());
        let failed = |reason: String| BuildError::Step { step: step.to_owned(), reason };
        let (mut rows, mut took_ms) = ([0, 0], 0);
        if is_reused {
            rows = found.each_ref().map(|(_, rows)| rows.unwrap_or(0));
        } else {
            let began = Instant::now();
            let Computed { columns, note } = make()?;
            took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let note = vec![("note".to_owned(), Values::Texts(vec![Some(note)]))];
            for (((path, _), columns), rows) in found.iter().zip([columns, note]).zip(&mut rows) {
                let unfinished = self.stages.unfinished(path);
                *rows = write_columns(columns, &unfinished).map_err(failed)?;
                std::fs::rename(&unfinished, path).map_err(|error| failed(error.to_string()))?;
            }
        }
        let rows_read = if is_reused { 0 } else { self.stages.rows_of(inputs) };
        for ((name, (path, _)), rows) in names.into_iter().zip(found).zip(rows) {
            let step = name.to_owned();
            self.stages.note(StageRun { step, rows_read, rows_written: rows, is_reused, took_ms });
            self.adopt(name, vec![Part { path, key: key.clone(), rows }])?;
        }
        let note = self.read_rows(&note_step, &format!("SELECT note FROM {note_step}"), 1)?;
        let note = note.texts.into_iter().flatten().flatten().next();
        note.ok_or_else(|| failed("its note is empty".to_owned()))
    }

    /// Makes the table `step` by a query over tables as they were at an earlier time: `past` are queries, by the names of the
    /// tables that they make, over the tables `sources` of today, which are called `now_<table>` there.
    pub(crate) fn run_in_past(
        &self,
        step: &str,
        sources: &[&str],
        past: &[(&str, String)],
        sql: &str,
    ) -> Result<(), BuildError> {
        let failed = |reason: String| BuildError::Step { step: step.to_owned(), reason };
        let context = SessionContext::new_with_config_rt(config(PARTITIONS), Arc::clone(&self.environment));
        let mut key = vec![step.to_owned(), sql.to_owned()];
        for table in sources {
            let parts = self.parts.borrow().get(*table).cloned().unwrap_or_default();
            let paths: Vec<String> = parts.iter().map(|part| part.path.display().to_string()).collect();
            let frame = self.runtime.block_on(context.read_parquet(paths, ParquetReadOptions::default()));
            let view = frame.map_err(|error| failed(text(error)))?.into_view();
            context.register_table(format!("now_{table}"), view).map_err(|error| failed(text(error)))?;
            key.push(format!("{table}={}", self.stages.key_of(table).unwrap_or_default()));
        }
        for (table, query) in past {
            let frame = self.runtime.block_on(context.sql(query));
            let view = frame.map_err(|error| failed(text(error)))?.into_view();
            context.register_table(*table, view).map_err(|error| failed(text(error)))?;
            key.push(format!("{table}={query}"));
        }
        let key = stages::hash(key.iter().map(String::as_bytes));
        let names: Vec<String> = sources.iter().map(|table| (*table).to_owned()).collect();
        let rows_read = self.stages.rows_of(&names);
        let part = self.stage(&context, step, sql, &key, rows_read).map_err(failed)?;
        self.adopt(step, vec![part])
    }
}

fn write_columns(columns: Vec<(String, Values)>, path: &Path) -> Result<u64, String> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (name, values) in columns {
        let (kind, array): (_, ArrayRef) = match values {
            Values::Texts(texts) => (DataType::Utf8, Arc::new(StringArray::from(texts))),
            Values::Whole(numbers) => (DataType::Int64, Arc::new(Int64Array::from(numbers))),
            Values::Numbers(numbers) => (DataType::Float64, Arc::new(Float64Array::from(numbers))),
            Values::TextLists(lists) => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for list in lists {
                    builder.append_option(list.map(|list| list.into_iter().map(Some)));
                }
                let array = builder.finish();
                (array.data_type().clone(), Arc::new(array))
            }
            Values::Lists(lists) => {
                let lists = lists.into_iter().map(|list| list.map(|list| list.into_iter().map(Some)));
                let array = ListArray::from_iter_primitive::<Float64Type, _, _>(lists);
                (array.data_type().clone(), Arc::new(array))
            }
        };
        fields.push(Field::new(name, kind, true));
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(text)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file = File::create(path).map_err(text)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(text)?;
    writer.write(&batch).map_err(text)?;
    writer.close().map_err(text)?;
    Ok(batch.num_rows() as u64)
}
