//! The SQL engine: the only part of the crate that knows DataFusion and Arrow.
//!
//! A build is a chain of steps. Each is one file of `sql/`; its result is written to a Parquet file in the stage
//! directory and becomes a table of that name for the steps after it. So memory stays bounded, and a step can be tried
//! by hand. Steps use built-in functions only: the chain could run on another engine as it stands.

mod cells;
mod found;
mod source;

pub(crate) use found::{CustomerRow, ItemRow, TasteRow, Totals};

use crate::{BuildError, BuildOptions};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Threads of a query. Fixed, so that no plan depends on the machine.
const PARTITIONS: usize = 4;

/// A step: the table that it makes, and its SQL.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Name of the table and of the file in `sql/`.
    pub(crate) table: &'static str,
    sql: &'static str,
}

macro_rules! step {
    ($table:literal) => {
        Step { table: $table, sql: include_str!(concat!("../sql/", $table, ".sql")) }
    };
}

/// The steps of cleaning, in order.
pub(crate) const CLEANING: [Step; 4] = [step!("checked"), step!("netted"), step!("purchases"), step!("quarantine")];

/// The steps of the features, in order.
pub(crate) const FEATURES: [Step; 9] = [
    step!("items"),
    step!("orders"),
    step!("customers"),
    step!("rfm"),
    step!("habits"),
    step!("tastes"),
    step!("top_categories"),
    step!("last_items"),
    step!("features"),
];

const REPORT_REASONS: Step = step!("report_reasons");
const REPORT_EXAMPLES: Step = step!("report_examples");
const REPORT_TOTALS: Step = step!("report_totals");

/// The numbers that steps read from the table `params`, one row. Times are seconds since 1970-01-01T00:00:00.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Params {
    pub(crate) as_of_s: i64,
    pub(crate) earliest_s: i64,
    pub(crate) split_s: i64,
    pub(crate) drop_duplicates: bool,
    pub(crate) half_life_s: i64,
    pub(crate) items_max: u64,
    pub(crate) categories_max: u64,
    pub(crate) top_categories_max: u64,
    pub(crate) last_items_max: u64,
}

/// A running engine with the tables made so far.
pub(crate) struct Engine {
    runtime: tokio::runtime::Runtime,
    environment: Arc<RuntimeEnv>,
    context: SessionContext,
    dir: PathBuf,
}

impl Engine {
    /// Starts an engine that keeps its tables and what memory has no room for in `dir`.
    pub(crate) fn start(dir: &Path, memory_bytes: usize) -> Result<Self, BuildError> {
        let failed = |error: &dyn Display| BuildError::Step { step: "start".into(), reason: error.to_string() };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(PARTITIONS)
            .thread_stack_size(8 << 20)
            .build()
            .map_err(|error| failed(&error))?;
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)))
            .with_temp_file_path(dir)
            .build_arc()
            .map_err(|error| failed(&error))?;
        let context = SessionContext::new_with_config_rt(config(PARTITIONS), Arc::clone(&environment));
        Ok(Self { runtime, environment, context, dir: dir.to_owned() })
    }

    /// Reads the order files into the table `staged`, and their names into `files`. Gives the rows of each file.
    pub(crate) fn read_orders(
        &self,
        options: &BuildOptions,
        mut read: impl FnMut(u64),
    ) -> Result<Vec<(String, u64)>, BuildError> {
        let staged = self.dir.join("staged");
        std::fs::create_dir(&staged).map_err(|source| BuildError::Io { path: staged.clone(), source })?;
        let mut files = Vec::new();
        for (file_idx, path) in options.orders.iter().enumerate() {
            read(file_idx as u64);
            // One partition: rows keep the order of the file, and so their numbers.
            let context = SessionContext::new_with_config_rt(config(1), Arc::clone(&self.environment));
            let query = self.runtime.block_on(source::open(&context, path, &options.mapping, file_idx))?;
            let unreadable = |reason: String| BuildError::Source { file: path.clone(), reason: source::advice(reason) };
            let rows =
                self.write(&context, &query, &staged.join(format!("{file_idx:05}.parquet"))).map_err(unreadable)?;
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            files.push((name, rows));
        }
        read(files.len() as u64);
        self.register("staged", &format!("{}/", staged.display()))?;
        let names: Vec<String> = files
            .iter()
            .enumerate()
            .map(|(file_idx, (name, _))| {
                format!("SELECT {file_idx} AS file_idx, {} AS file", source::text_literal(name))
            })
            .collect();
        self.define("files", &names.join(" UNION ALL "))?;
        Ok(files)
    }

    /// The time of the latest order line that the calendar allows; `None` if there is none.
    pub(crate) fn latest_order_s(&self, earliest_s: i64, latest_s: Option<i64>) -> Result<Option<i64>, BuildError> {
        let latest_s = latest_s.unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT max(to_unixtime(ordered_at)) AS latest_s FROM staged WHERE order_id IS NOT NULL AND item_id IS NOT NULL \
             AND to_unixtime(ordered_at) BETWEEN {earliest_s} AND {latest_s}"
        );
        self.one_integer("latest order", &sql)
    }

    /// The time of the first purchase that is left after cleaning; `None` if none is.
    pub(crate) fn first_purchase_s(&self) -> Result<Option<i64>, BuildError> {
        self.one_integer("first purchase", "SELECT min(ordered_s) AS first_s FROM purchases")
    }

    /// Defines or redefines the table `params`.
    pub(crate) fn set_params(&self, params: &Params) -> Result<(), BuildError> {
        let Params { as_of_s, earliest_s, split_s, drop_duplicates, half_life_s, .. } = params;
        let Params { items_max, categories_max, top_categories_max, last_items_max, .. } = params;
        self.define(
            "params",
            &format!(
                "SELECT {as_of_s} AS as_of_s, {earliest_s} AS earliest_s, {split_s} AS split_s, \
                 {drop_duplicates} AS drop_duplicates, {half_life_s} AS half_life_s, {items_max} AS items_max, \
                 {categories_max} AS categories_max, {top_categories_max} AS top_categories_max, \
                 {last_items_max} AS last_items_max"
            ),
        )
    }

    /// Runs a step: makes its table.
    pub(crate) fn run(&self, step: Step) -> Result<(), BuildError> {
        let path = self.stage_file(step.table);
        self.write(&self.context, step.sql, &path)
            .map_err(|reason| BuildError::Step { step: step.table.into(), reason })?;
        self.register(step.table, &path.display().to_string())
    }

    /// Copies the table of a step, as a Parquet file.
    pub(crate) fn export(&self, table: &str, to: &Path) -> Result<(), BuildError> {
        std::fs::copy(self.stage_file(table), to).map_err(|source| BuildError::Io { path: to.to_owned(), source })?;
        Ok(())
    }

    fn stage_file(&self, table: &str) -> PathBuf {
        self.dir.join(format!("{table}.parquet"))
    }

    /// Runs a query into a Parquet file and gives the number of rows. One writer, so equal rows give equal bytes.
    fn write(&self, context: &SessionContext, sql: &str, path: &Path) -> Result<u64, String> {
        self.runtime.block_on(async {
            let mut batches = context.sql(sql).await.map_err(text)?.execute_stream().await.map_err(text)?;
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let file = File::create_new(path).map_err(text)?;
            let mut writer = ArrowWriter::try_new(file, batches.schema(), Some(properties)).map_err(text)?;
            let mut n_rows = 0;
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(text)?;
                n_rows += batch.num_rows() as u64;
                writer.write(&batch).map_err(text)?;
            }
            writer.close().map_err(text)?;
            Ok(n_rows)
        })
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

    /// Makes a table of a Parquet file, or of a folder of them.
    fn register(&self, table: &str, path: &str) -> Result<(), BuildError> {
        self.runtime
            .block_on(self.context.register_parquet(table, path, ParquetReadOptions::default()))
            .map_err(|error| BuildError::Step { step: table.to_owned(), reason: text(error) })
    }

    /// Makes a table of a short query, in place of one of the same name.
    fn define(&self, table: &str, sql: &str) -> Result<(), BuildError> {
        let failed = |error| BuildError::Step { step: table.to_owned(), reason: text(error) };
        let frame = self.runtime.block_on(self.context.sql(sql)).map_err(failed)?;
        self.context.deregister_table(table).map_err(failed)?;
        self.context.register_table(table, frame.into_view()).map_err(failed)?;
        Ok(())
    }
}

fn config(n_partitions: usize) -> SessionConfig {
    SessionConfig::new()
        .with_target_partitions(n_partitions)
        // Plain strings everywhere: the tables are read back by their plain types.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        .set_bool("datafusion.execution.collect_statistics", true)
}

/// The first line of an engine's message (the rest is often a backtrace or a plan), and what to do about it.
fn text(error: impl Display) -> String {
    let message = error.to_string();
    let line = message.lines().next().unwrap_or_default();
    if line.contains("Resources exhausted") || line.contains("Not enough memory") {
        return format!("{line}; allow more memory (memory_bytes)");
    }
    line.to_owned()
}
