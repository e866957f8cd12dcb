//! One wide table of many narrow ones that have at most a row a customer. Joins would copy every column at each join, and sort
//! the wide rows at the end; here every narrow table is brought into the order of the customers by itself, and columns are
//! then read side by side.

use super::place::Place;
use super::{Engine, PARTITIONS, Prepared, config, stages, table_key, text};
use crate::BuildError;
use datafusion::arrow::array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader, StringArray, new_null_array,
};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::HashMap;
use datafusion::dataframe::DataFrame;
use datafusion::error::{DataFusionError, Result as QueryResult};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use datafusion::physical_plan::stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter};
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionContext, col};
use futures::TryStreamExt;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// Customers that are put in order, and read, at a time.
const ROWS_AT_ONCE: usize = 8192;

/// The name of the wide table.
pub(crate) const SIDE_BY_SIDE: &str = "labels_side_by_side";

/// A table with at most one row a `customer_id`, and the columns that are wanted of it.
pub(crate) struct Narrow<'a> {
    pub(crate) table: &'a str,
    pub(crate) columns: Vec<String>,
}

/// The customers, by rising id.
struct Customers {
    ids: Vec<RecordBatch>,
    places: HashMap<Box<str>, u32>,
}

impl Engine {
    /// Makes the table [`SIDE_BY_SIDE`]: the `customer_id` of `people`, by rising id, and beside it the columns of each table, null
    /// for whom it has no row.
    pub(crate) fn put_side_by_side(&self, tables: &[Narrow<'_>]) -> Result<(), BuildError> {
        let failed = |reason: String| BuildError::Step { step: SIDE_BY_SIDE.to_owned(), reason };
        let customers = Arc::new(self.customers()?);
        let mut asked = Vec::new();
        let first = Narrow { table: "people", columns: Vec::new() };
        for narrow in std::iter::once(&first).chain(tables) {
            asked.push(self.in_order(narrow, &customers).map_err(failed)?);
        }
        let parts = self.run_prepared(asked, |_| ()).into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let rows = SideBySide::open(parts.iter().map(|part| part.path.clone()).collect()).map_err(failed)?;
        let table = StreamingTable::try_new(Arc::clone(&rows.schema), vec![Arc::new(rows)])
            .map_err(|error| failed(text(error)))?
            .with_sort_order(vec![col("customer_id").sort(true, false)]);
        self.context.deregister_table(SIDE_BY_SIDE).map_err(|error| failed(text(error)))?;
        self.context.register_table(SIDE_BY_SIDE, Arc::new(table)).map_err(|error| failed(text(error)))?;
        let key = table_key(parts.iter().map(|part| part.key.as_str()));
        self.stages.know(SIDE_BY_SIDE, &key, parts.first().map_or(0, |part| part.rows));
        Ok(())
    }

    /// Makes a table by a query over [`SIDE_BY_SIDE`], whose rows keep their order. Runs here.
    pub(crate) fn run_in_order(&self, table: &str, sql: &str) -> Result<(), BuildError> {
        let failed = |reason: String| BuildError::Step { step: table.to_owned(), reason };
        let inputs = self.tables_of(table, sql)?;
        let (key, rows_read) = (self.stages.key(table, sql, &inputs), self.stages.rows_of(&inputs));
        // One reader: several would only put the rows in order again.
        let context = SessionContext::new_with_config_rt(config(1), Arc::clone(&self.environment));
        for input in &inputs {
            let provider = self.runtime.block_on(self.context.table_provider(input.as_str()));
            let provider = provider.map_err(|error| failed(text(error)))?;
            context.register_table(input.as_str(), provider).map_err(|error| failed(text(error)))?;
        }
        let asked = self.prepare(&Arc::new(Place::Here), &context, table, sql, &key, rows_read).map_err(failed)?;
        let part = self.run_prepared(vec![asked], |_| ()).remove(0).map_err(failed)?;
        self.adopt(table, vec![part])
    }

    fn customers(&self) -> Result<Customers, BuildError> {
        let mut customers = Customers { ids: Vec::new(), places: HashMap::new() };
        let mut n_all = 0;
        self.each_batch("people", "SELECT customer_id FROM people ORDER BY customer_id", |batch| {
            let ids = super::cells::texts(batch, 0)?;
            for row in 0..ids.len() {
                customers.places.insert(ids.value(row).into(), n_all);
                n_all += 1;
            }
            customers.ids.push(batch.clone());
            Ok(())
        })?;
        Ok(customers)
    }

    /// The query for the rows of a table in the order of the customers, without their ids; of `people` only these.
    fn in_order(&self, narrow: &Narrow<'_>, customers: &Arc<Customers>) -> Result<Prepared, String> {
        let step = format!("in_order_{}", narrow.table);
        let key_of = |table: &str| self.stages.key_of(table).unwrap_or_default();
        let (people, own) = (key_of("people"), key_of(narrow.table));
        let columns: Vec<String> = narrow.columns.iter().map(|column| super::quoted(column)).collect();
        let key = stages::hash([step.as_str(), &people, &own, &columns.join(",")].map(str::as_bytes));
        let columns: String = columns.iter().map(|column| format!(", {column}")).collect();
        let sql = format!("SELECT customer_id{columns} FROM {}", narrow.table);
        let rows = self.runtime.block_on(self.context.sql(&sql)).map_err(text)?;
        let fields =
            rows.schema().fields().iter().filter(|field| narrow.table == "people" || field.name() != "customer_id");
        let fields: Vec<Field> = fields.map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let rows = InOrder { schema: Arc::clone(&schema), customers: Arc::clone(customers), rows };
        let table = StreamingTable::try_new(schema, vec![Arc::new(rows)]).map_err(text)?;
        let context = SessionContext::new_with_config_rt(config(1), Arc::clone(&self.environment));
        context.register_table(step.as_str(), Arc::new(table)).map_err(text)?;
        let sql = format!("SELECT * FROM {step}");
        self.prepare(
            &Arc::new(Place::Here),
            &context,
            &step,
            &sql,
            &key,
            self.stages.rows_of(&[narrow.table.to_owned()]),
        )
    }
}

/// The rows of a table in the order of the customers. They are held while they are put in order.
struct InOrder {
    schema: SchemaRef,
    customers: Arc<Customers>,
    /// The rows, with the customer first.
    rows: DataFrame,
}

impl fmt::Debug for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOrder").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PartitionStream for InOrder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, customers) = (Arc::clone(&self.schema), Arc::clone(&self.customers));
        if self.schema.fields().iter().any(|field| field.name() == "customer_id") {
            let ids = futures::stream::iter(customers.ids.clone().into_iter().map(move |batch| {
                RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).map_err(DataFusionError::from)
            }));
            return Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), ids));
        }
        let rows = self.rows.clone();
        let pool = Arc::clone(context.memory_pool());
        let held = async move { Held::of(rows, &schema, &customers, &pool).await };
        let batches = futures::stream::once(held)
            .map_ok(|held| futures::stream::iter((0..held.n_batches()).map(move |idx| held.batch(idx))))
            .try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Rows of a table, and where in them those of each customer are.
struct Held {
    schema: SchemaRef,
    /// The batches of each column; the last one is a single null.
    columns: Vec<Vec<ArrayRef>>,
    /// Batch and row, by customer.
    places: Vec<(usize, usize)>,
    _memory: MemoryReservation,
}

impl Held {
    async fn of(
        rows: DataFrame,
        schema: &SchemaRef,
        customers: &Customers,
        pool: &Arc<dyn MemoryPool>,
    ) -> QueryResult<Self> {
        let memory = MemoryConsumer::new("rows in order").register(pool);
        let mut columns: Vec<Vec<ArrayRef>> = schema.fields().iter().map(|_| Vec::new()).collect();
        let mut places = vec![(usize::MAX, 0); customers.places.len()];
        let mut n_batches = 0;
        let mut batches = rows.execute_stream().await?;
        while let Some(batch) = batches.try_next().await? {
            memory.try_grow(batch.get_array_memory_size())?;
            let ids = batch.column(0).as_any().downcast_ref::<StringArray>();
            let ids = ids.ok_or_else(|| DataFusionError::Execution("customer_id is no text".to_owned()))?;
            for (row, id) in ids.iter().enumerate() {
                let place =
                    id.and_then(|id| customers.places.get(id)).and_then(|place| places.get_mut(*place as usize));
                if let Some(place) = place {
                    *place = (n_batches, row);
                }
            }
            for (column, array) in columns.iter_mut().zip(batch.columns().iter().skip(1)) {
                column.push(Arc::clone(array));
            }
            n_batches += 1;
        }
        for (column, field) in columns.iter_mut().zip(schema.fields()) {
            column.push(new_null_array(field.data_type(), 1));
        }
        // Whoever has no row has the null.
        places.iter_mut().filter(|(batch, _)| *batch == usize::MAX).for_each(|place| *place = (n_batches, 0));
        Ok(Self { schema: Arc::clone(schema), columns, places, _memory: memory })
    }

    fn n_batches(&self) -> usize {
        self.places.len().div_ceil(ROWS_AT_ONCE)
    }

    fn batch(&self, idx: usize) -> QueryResult<RecordBatch> {
        let places = self.places.chunks(ROWS_AT_ONCE).nth(idx).unwrap_or_default();
        let columns = self.columns.iter().map(|arrays| {
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            interleave(&arrays, places)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// Parquet files of equally many rows, with the columns of one beside those of the other.
#[derive(Debug)]
struct SideBySide {
    schema: SchemaRef,
    paths: Vec<PathBuf>,
}

impl SideBySide {
    fn open(paths: Vec<PathBuf>) -> Result<Self, String> {
        let mut fields = Vec::new();
        for path in &paths {
            let reader = reader(path).map_err(text)?;
            fields.extend(reader.schema().fields().iter().cloned());
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), paths })
    }
}

fn reader(path: &PathBuf) -> QueryResult<ParquetRecordBatchReader> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    Ok(builder.with_batch_size(ROWS_AT_ONCE).build()?)
}

impl PartitionStream for SideBySide {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), PARTITIONS);
        let (schema, paths, sender) = (Arc::clone(&self.schema), self.paths.clone(), builder.tx());
        builder.spawn_blocking(move || {
            let mut readers = paths.iter().map(reader).collect::<QueryResult<Vec<_>>>()?;
            loop {
                let mut columns = Vec::new();
                for reader in &mut readers {
                    let Some(batch) = reader.next() else { return Ok(()) };
                    columns.extend_from_slice(batch?.columns());
                }
                let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
                if sender.blocking_send(Ok(batch)).is_err() {
                    // Nobody wants the rest.
                    return Ok(());
                }
            }
        });
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Stages;

    fn engine(dir: &std::path::Path) -> Engine {
        let engine = Engine::start(Stages::open(dir).unwrap(), 64 << 20).unwrap();
        // More customers than are taken at a time, and not in order.
        let people = "SELECT concat('c', lpad(CAST(value AS VARCHAR), 5, '0')) AS customer_id FROM generate_series(1, 20000) \
                      ORDER BY value % 7, value";
        engine.run_sql("people", people).unwrap();
        let odd = "SELECT customer_id, CAST(substr(customer_id, 2) AS BIGINT) AS n, make_array(customer_id, 'x') AS names \
                   FROM people WHERE CAST(substr(customer_id, 2) AS BIGINT) % 2 = 1 ORDER BY customer_id DESC";
        engine.run_sql("odd", odd).unwrap();
        // Somebody who is not among the people, and nobody.
        engine
            .run_sql("few", "SELECT * FROM (VALUES ('z', 1.5), (NULL, 2.5), ('c00002', 3.5)) AS t (customer_id, share)")
            .unwrap();
        engine.run_sql("none", "SELECT customer_id, true AS flag FROM people WHERE false").unwrap();
        engine
    }

    fn narrow<'a>(table: &'a str, columns: &[&str]) -> Narrow<'a> {
        Narrow { table, columns: columns.iter().map(|column| (*column).to_owned()).collect() }
    }

    #[test]
    fn rows_are_those_of_joins_in_the_order_of_customers() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let tables = [narrow("odd", &["n", "names"]), narrow("few", &["share"]), narrow("none", &["flag"])];
        engine.put_side_by_side(&tables).unwrap();
        let columns = "customer_id, coalesce(n, 0) AS n, names, share, flag";
        engine.run_in_order("wide", &format!("SELECT {columns} FROM {SIDE_BY_SIDE} ORDER BY customer_id")).unwrap();
        let joined = "SELECT p.customer_id, coalesce(n, 0) AS n, names, share, flag FROM people AS p \
                      LEFT JOIN odd AS o ON o.customer_id = p.customer_id LEFT JOIN few AS f ON f.customer_id = p.customer_id \
                      LEFT JOIN none AS e ON e.customer_id = p.customer_id ORDER BY p.customer_id";
        engine.run_sql("joined", joined).unwrap();
        let rows = |table: &str| {
            let columns = "customer_id, n, array_to_string(names, ','), share, flag";
            engine.texts(table, &format!("SELECT {columns} FROM {table} ORDER BY customer_id")).unwrap()
        };
        let wide = rows("wide");
        assert_eq!(wide.len(), 20_000);
        assert!(wide == rows("joined"));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(wide.get(1).unwrap(), &[text("c00002"), text("0"), None, text("3.5"), None]);

        // As they stand in the file, which a query with several readers need not keep to.
        let part = engine.parts_of("wide").remove(0);
        let ids = reader(&part.path).unwrap().flat_map(|batch| {
            let batch = batch.unwrap();
            let ids = batch.column(0).as_any().downcast_ref::<StringArray>().unwrap().clone();
            (0..ids.len()).map(move |row| Some(ids.value(row).to_owned())).collect::<Vec<_>>()
        });
        assert!(ids.eq(wide.iter().map(|row| row.first().cloned().flatten())), "the rows of the file are not in order");
    }

    #[test]
    fn what_was_put_in_order_is_not_again_and_lack_of_memory_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let tables = [narrow("odd", &["n"]), narrow("few", &["share"])];
        engine.put_side_by_side(&tables).unwrap();
        engine.put_side_by_side(&tables).unwrap();
        let runs = engine.stages().runs();
        let of = |step: &str| runs.iter().filter(|run| run.step == step).map(|run| run.is_reused).collect::<Vec<_>>();
        assert_eq!((of("in_order_odd"), of("in_order_people")), (vec![false, true], vec![false, true]));
        drop(engine);

        let dir = tempfile::tempdir().unwrap();
        let small = Engine::start(Stages::open(dir.path()).unwrap(), 64 << 20).unwrap();
        small
            .run_sql(
                "people",
                "SELECT concat('c', CAST(value AS VARCHAR)) AS customer_id FROM generate_series(1, 1000) ORDER BY 1",
            )
            .unwrap();
        small.run_sql("texts", "SELECT customer_id, repeat(customer_id, 25000) AS long FROM people").unwrap();
        let error = small.put_side_by_side(&[narrow("texts", &["long"])]).unwrap_err().to_string();
        assert!(error.contains("allow more memory"), "{error}");
    }
}
