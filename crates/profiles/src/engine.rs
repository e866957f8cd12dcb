//! The SQL engine: the only part of the crate that knows DataFusion and Arrow.
//!
//! A build is a chain of steps. Each is one file of `sql/`; its result is written to a Parquet file in the work
//! directory and becomes a table of that name for the steps after it. So memory stays bounded, and a step can be tried
//! by hand. A step whose file is there already is not run again; `stages.rs` says when that is so. Steps use built-in
//! functions only, so that the chain can run elsewhere as it stands: `place.rs` has where.

mod canonical;
mod cells;
mod found;
mod history;
mod kept_rows;
mod per_file;
mod place;
mod profile_rows;
mod side_by_side;
mod source;
mod together;

pub(crate) use canonical::{CANONICAL, fits};
pub(crate) use found::{ItemRow, TasteRow, Totals};
pub(crate) use history::{Lines, RecommendedRow, write_recommended};
pub(crate) use kept_rows::{Computed, ReadRows, Values};
pub(crate) use profile_rows::{Cell, Tally};
pub(crate) use side_by_side::{Narrow, SIDE_BY_SIDE};
pub(crate) use source::{Given, RAW, Raw, advice, quoted, text_literal};
pub(crate) use together::NamedQuery;

use crate::stages::{self, Stages};
use crate::{BuildError, ClusterUrl, StageRun};
pub(crate) use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use place::Place;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Threads of a query. Fixed, so that no plan depends on the machine.
const PARTITIONS: usize = 4;

/// A step: the table that it makes, and its SQL.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Name of the table and of the file in `sql/`.
    pub(crate) table: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! step {
    ($table:literal) => {
        Step { table: $table, sql: include_str!(concat!("../sql/", $table, ".sql")) }
    };
}

macro_rules! clean_step {
    ($table:literal) => {
        Step { table: $table, sql: include_str!(concat!("../sql/clean/", $table, ".sql")) }
    };
}

/// The tables between the purchases and the features, in order.
pub(crate) const TABLES: [Step; 8] = [
    step!("repeated_lines"),
    step!("goods"),
    step!("item_words"),
    step!("items"),
    step!("orders"),
    step!("tastes"),
    step!("people"),
    step!("returns"),
];

/// The events of each day, summed: a part for each file of events, then the parts together.
pub(crate) const EVENT_SUMS: (Step, Step) = (step!("event_days_part"), step!("event_days"));

/// The events that name an item or a category: no table of its own, since as good as none could be summed.
pub(crate) const EVENT_ITEMS: Step = step!("event_items");

const REPORT_REASONS: Step = clean_step!("report_reasons");
const REPORT_EXAMPLES: Step = clean_step!("report_examples");
const REPORT_TOTALS: Step = clean_step!("report_totals");

/// An order counts half as much after this time. Unit: seconds.
const HALF_LIFE_S: i64 = 90 * 86_400;

/// The numbers that steps read from the table `params`, one row. Times are seconds since 1970-01-01T00:00:00.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Params {
    pub(crate) as_of_s: i64,
    pub(crate) earliest_s: i64,
    pub(crate) split_s: i64,
    pub(crate) half_life_s: i64,
    pub(crate) items_max: u64,
    pub(crate) categories_max: u64,
    pub(crate) top_categories_max: u64,
    pub(crate) last_items_max: u64,
}

impl Params {
    /// The usual numbers of the features for a time to look back from, without a time split.
    pub(crate) fn of(as_of_s: i64) -> Self {
        Self {
            as_of_s,
            earliest_s: 0,
            split_s: as_of_s + 1,
            half_life_s: HALF_LIFE_S,
            items_max: crate::NeighbourOptions::default().items_max as u64,
            categories_max: crate::table::CATEGORIES_MAX,
            top_categories_max: u64::from(crate::table::TOP_CATEGORIES),
            last_items_max: u64::from(crate::table::LAST_ITEMS),
        }
    }
}

/// A file of a table that is made of several, such as the events of one day.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    /// What it was made from, as a hash.
    pub(crate) key: String,
    pub(crate) rows: u64,
}

/// A step that is asked for.
pub(crate) enum Prepared {
    /// It was done already.
    Done(Part),
    ToDo(Box<Query>),
}

/// A query whose rows are to be in a file of the work directory.
#[derive(Clone)]
pub(crate) struct Query {
    place: Arc<Place>,
    /// The rows, as they are planned.
    rows: DataFrame,
    step: String,
    /// What the file is made from, as a hash.
    key: String,
    /// Rows of the tables that it reads.
    rows_read: u64,
    path: PathBuf,
    /// Where the rows are until all of them are there.
    unfinished: PathBuf,
}

impl Query {
    /// Runs the query. Gives its file, and what is to be noted of the run.
    async fn run(self) -> Result<(Part, StageRun), String> {
        let began = Instant::now();
        let mut n_tries = 0;
        let rows = loop {
            n_tries += 1;
            let rows = self.place.run(&self.step, self.rows.clone()).await;
            match write_rows(rows, &self.unfinished).await {
                Ok(rows) => break rows,
                Err(_) if self.place.tries_again(n_tries) => {}
                Err(reason) => return Err(reason),
            }
        };
        std::fs::rename(&self.unfinished, &self.path).map_err(text)?;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Self { step, key, rows_read, path, .. } = self;
        let run = StageRun { step, rows_read, rows_written: rows, is_reused: false, took_ms };
        Ok((Part { path, key, rows }, run))
    }
}

/// A running engine with the tables made so far.
pub(crate) struct Engine {
    runtime: tokio::runtime::Runtime,
    environment: Arc<RuntimeEnv>,
    context: SessionContext,
    /// Where steps run.
    place: Arc<Place>,
    stages: Stages,
    /// The files of tables that are made of several.
    parts: RefCell<BTreeMap<String, Vec<Part>>>,
}

impl Engine {
    /// Starts an engine that keeps its tables, and what memory has no room for, in a work directory.
    pub(crate) fn start(stages: Stages, memory_bytes: usize) -> Result<Self, BuildError> {
        let failed = |error: &dyn Display| BuildError::Step { step: "start".into(), reason: error.to_string() };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(PARTITIONS)
            .thread_stack_size(8 << 20)
            // A cluster is reached over the network, and waited for.
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)))
            .with_temp_file_path(stages.dir())
            .build_arc()
            .map_err(|error| failed(&error))?;
        let context = SessionContext::new_with_config_rt(config(PARTITIONS), Arc::clone(&environment));
        Ok(Self { runtime, environment, context, place: Arc::new(Place::Here), stages, parts: RefCell::default() })
    }

    /// The same engine, with its steps on a cluster. Raw files are still read here, and so are results. A step fails once
    /// nothing of it has moved on the cluster for `patience`.
    ///
    /// Errors: the cluster does not answer, or the feature `cluster` was left out.
    pub(crate) fn on_cluster(self, url: &ClusterUrl, patience: Duration) -> Result<Self, BuildError> {
        Ok(Self { place: Arc::new(Place::cluster(url, patience, &self.environment)?), ..self })
    }

    /// The time of the first purchase that is left after cleaning; `None` if none is.
    pub(crate) fn first_purchase_s(&self) -> Result<Option<i64>, BuildError> {
        self.one_integer("first purchase", "SELECT min(ordered_s) AS first_s FROM purchases")
    }

    /// Defines or redefines the table `params`.
    pub(crate) fn set_params(&self, params: &Params) -> Result<(), BuildError> {
        let values = [
            ("as_of_s", params.as_of_s.to_string()),
            ("earliest_s", params.earliest_s.to_string()),
            ("split_s", params.split_s.to_string()),
            ("half_life_s", params.half_life_s.to_string()),
            ("items_max", params.items_max.to_string()),
            ("categories_max", params.categories_max.to_string()),
            ("top_categories_max", params.top_categories_max.to_string()),
            ("last_items_max", params.last_items_max.to_string()),
        ];
        self.stages.set_params(&values);
        let columns: Vec<String> = values.iter().map(|(name, value)| format!("{value} AS {name}")).collect();
        self.define("params", &format!("SELECT {}", columns.join(", ")))
    }

    /// Runs a step: makes its table.
    pub(crate) fn run(&self, step: Step) -> Result<(), BuildError> {
        self.run_sql(step.table, step.sql)
    }

    /// Makes a table by a query, unless it was made by the same query from the same tables before.
    pub(crate) fn run_sql(&self, table: &str, sql: &str) -> Result<(), BuildError> {
        let inputs = self.tables_of(table, sql)?;
        let key = self.stages.key(table, sql, &inputs);
        if self.stages.key_of(table) == Some(table_key([key.as_str()])) {
            return Ok(());
        }
        let rows_read = self.stages.rows_of(&inputs);
        let failed = |reason| BuildError::Step { step: table.into(), reason };
        let part = self.stage(&self.context, table, sql, &key, rows_read).map_err(failed)?;
        self.adopt(table, vec![part])
    }

    /// The result of a query as a file of the work directory, which may be there already.
    fn stage(
        &self,
        context: &SessionContext,
        step: &str,
        sql: &str,
        key: &str,
        rows_read: u64,
    ) -> Result<Part, String> {
        match self.prepare(&self.place, context, step, sql, key, rows_read)? {
            Prepared::Done(part) => Ok(part),
            Prepared::ToDo(query) => self.runtime.block_on(query.run()).map(|(part, run)| {
                self.stages.note(run);
                part
            }),
        }
    }

    /// The result of a query, or what is to be done for it.
    fn prepare(
        &self,
        place: &Arc<Place>,
        context: &SessionContext,
        step: &str,
        sql: &str,
        key: &str,
        rows_read: u64,
    ) -> Result<Prepared, String> {
        if let Some(found) = self.found(step, key) {
            return Ok(Prepared::Done(found));
        }
        let rows = self.runtime.block_on(context.sql(sql)).map_err(text)?;
        let (path, _) = self.stages.file(step, key);
        let unfinished = self.stages.unfinished(&path);
        let (place, step, key) = (Arc::clone(place), step.to_owned(), key.to_owned());
        Ok(Prepared::ToDo(Box::new(Query { place, rows, step, key, rows_read, path, unfinished })))
    }

    /// The result of a step, if it is there and whole.
    fn found(&self, step: &str, key: &str) -> Option<Part> {
        let (path, is_there) = self.stages.file(step, key);
        let rows = is_there.then(|| file_rows(&path).ok()).flatten()?;
        let step = step.to_owned();
        self.stages.note(StageRun { step, rows_read: 0, rows_written: rows, is_reused: true, took_ms: 0 });
        Some(Part { path, key: key.to_owned(), rows })
    }

    /// Makes a table of Parquet files of one schema.
    pub(crate) fn adopt(&self, table: &str, parts: Vec<Part>) -> Result<(), BuildError> {
        let failed = |error| BuildError::Step { step: table.to_owned(), reason: text(error) };
        let paths: Vec<String> = parts.iter().map(|part| part.path.display().to_string()).collect();
        let frame = self.runtime.block_on(self.context.read_parquet(paths, ParquetReadOptions::default()));
        let view = frame.map_err(failed)?.into_view();
        self.context.deregister_table(table).map_err(failed)?;
        self.context.register_table(table, view).map_err(failed)?;
        let key = table_key(parts.iter().map(|part| part.key.as_str()));
        self.stages.know(table, &key, parts.iter().map(|part| part.rows).sum());
        self.parts.borrow_mut().insert(table.to_owned(), parts);
        Ok(())
    }

    /// The files of a table.
    #[cfg(test)]
    pub(crate) fn parts_of(&self, table: &str) -> Vec<Part> {
        self.parts.borrow().get(table).cloned().unwrap_or_default()
    }

    /// The tables that a query reads, by name, without those that it makes for itself.
    pub(crate) fn tables_of(&self, step: &str, sql: &str) -> Result<Vec<String>, BuildError> {
        let failed = |error| BuildError::Step { step: step.to_owned(), reason: text(error) };
        let state = self.context.state();
        let dialect = state.config().options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect).map_err(failed)?;
        let references = state.resolve_table_references(&statement).map_err(failed)?;
        let names: BTreeSet<String> = references.iter().map(|reference| reference.table().to_owned()).collect();
        Ok(names.into_iter().collect())
    }

    /// The columns of a query's result, with their types, without running it.
    pub(crate) fn columns_of(&self, step: &str, sql: &str) -> Result<Vec<(String, DataType)>, BuildError> {
        let frame = self.runtime.block_on(self.context.sql(sql));
        let frame = frame.map_err(|error| BuildError::Step { step: step.to_owned(), reason: text(error) })?;
        let fields = frame.schema().fields().iter();
        Ok(fields.map(|field| (field.name().clone(), field.data_type().clone())).collect())
    }

    /// Whether there is a table of that name.
    pub(crate) fn has_table(&self, table: &str) -> Result<bool, BuildError> {
        let found = self.context.table_exist(table);
        found.map_err(|error| BuildError::Step { step: table.to_owned(), reason: text(error) })
    }

    /// Whether a table has a column.
    pub(crate) fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns_of(table, &format!("SELECT {column} FROM {table}")).is_ok()
    }

    /// What was run so far, and what was done already.
    pub(crate) fn stages(&self) -> &Stages {
        &self.stages
    }

    /// Copies the table of a step, as a Parquet file.
    pub(crate) fn export(&self, table: &str, to: &Path) -> Result<(), BuildError> {
        let from = self.parts.borrow().get(table).and_then(|parts| parts.first().cloned());
        let from = from.ok_or_else(|| BuildError::Inconsistent { what: format!("there is no table {table}") })?;
        std::fs::copy(&from.path, to).map_err(|source| BuildError::Io { path: to.to_owned(), source })?;
        Ok(())
    }

    /// Runs a query and hands on its rows in portions.
    fn each_batch(
        &self,
        step: &str,
        sql: &str,
        mut each: impl FnMut(&RecordBatch) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let failed =
            |error: datafusion::error::DataFusionError| BuildError::Step { step: step.to_owned(), reason: text(error) };
        self.runtime.block_on(async {
            let mut batches = self.context.sql(sql).await.map_err(failed)?.execute_stream().await.map_err(failed)?;
            while let Some(batch) = batches.next().await {
                each(&batch.map_err(failed)?)?;
            }
            Ok(())
        })
    }

    fn one_integer(&self, step: &str, sql: &str) -> Result<Option<i64>, BuildError> {
        let mut found = None;
        self.each_batch(step, sql, |batch| {
            let column = cells::integers(batch, 0)?;
            found = column.iter().next().flatten().or(found);
            Ok(())
        })?;
        Ok(found)
    }

    /// Makes a table of a short query, in place of one of the same name.
    pub(crate) fn define(&self, table: &str, sql: &str) -> Result<(), BuildError> {
        let failed = |error| BuildError::Step { step: table.to_owned(), reason: text(error) };
        let inputs = self.tables_of(table, sql)?;
        let frame = self.runtime.block_on(self.context.sql(sql)).map_err(failed)?;
        self.context.deregister_table(table).map_err(failed)?;
        self.context.register_table(table, frame.into_view()).map_err(failed)?;
        let (key, rows) = (self.stages.key(table, sql, &inputs), self.stages.rows_of(&inputs));
        self.stages.know(table, &key, rows);
        Ok(())
    }
}

/// The key of a table by those of its files.
fn table_key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    stages::hash(parts.into_iter().map(str::as_bytes))
}

/// Writes rows into a Parquet file and gives their number. One writer, so equal rows give equal bytes.
async fn write_rows(rows: Result<SendableRecordBatchStream, String>, path: &Path) -> Result<u64, String> {
    let mut batches = rows?;
    // No smallest and largest values: no step looks for a few rows, and comparing every text costs.
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let file = File::create(path).map_err(text)?;
    let mut writer = ArrowWriter::try_new(file, batches.schema(), Some(properties)).map_err(text)?;
    let mut n_rows = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(text)?;
        n_rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(text)?;
    }
    writer.close().map_err(text)?;
    Ok(n_rows)
}

/// Rows of a Parquet file; an error if it is not whole.
pub(crate) fn file_rows(path: &Path) -> Result<u64, String> {
    let file = File::open(path).map_err(text)?;
    let reader = SerializedFileReader::new(file).map_err(text)?;
    Ok(u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0))
}

fn config(n_partitions: usize) -> SessionConfig {
    SessionConfig::new()
        .with_target_partitions(n_partitions)
        // Plain strings everywhere: views of a few rows would hold on to the pages that they were read from, and sorts would
        // run out of memory.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        .set_bool("datafusion.execution.collect_statistics", true)
}

/// The first line of an engine's message (the rest is often a backtrace or a plan), and what to do about it.
fn text(error: impl Display) -> String {
    let message = error.to_string();
    let line = message.lines().next().unwrap_or_default();
    if lacks_memory(line) {
        return format!("{line}; allow more memory (memory_bytes)");
    }
    line.to_owned()
}

/// Whether a message says that memory has no room.
fn lacks_memory(message: &str) -> bool {
    message.contains("Resources exhausted") || message.contains("Not enough memory")
}
