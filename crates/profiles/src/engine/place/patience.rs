//! Waiting for a query on a cluster, and not without end: a job that was lost stays "running" for its scheduler.

use super::cluster::Job;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pause between looks at a job of which no rows come.
const LOOK: Duration = Duration::from_secs(10);

/// The rows of a job, with these columns. In place of a row comes an error once nothing of the job has moved for its patience; then the job is taken
/// back.
pub(super) fn rows_of(job: Job, rows: SendableRecordBatchStream, columns: SchemaRef) -> SendableRecordBatchStream {
    let waiting = Waiting { job, rows, columns: Arc::clone(&columns) };
    let rows = futures::stream::unfold(Some(waiting), async |waiting| {
        let mut waiting = waiting?;
        match waiting.next().await? {
            Ok(batch) => Some((Ok(batch), Some(waiting))),
            Err(error) => Some((Err(DataFusionError::Execution(waiting.job.complaint(&error))), None)),
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(columns, rows))
}

struct Waiting {
    job: Job,
    rows: SendableRecordBatchStream,
    columns: SchemaRef,
}

impl Waiting {
    async fn next(&mut self) -> Option<Result<RecordBatch, String>> {
        let (mut last_sign, mut stages_done) = (Instant::now(), None);
        loop {
            if let Ok(next) = tokio::time::timeout(LOOK.min(self.job.patience()), self.rows.next()).await {
                return next.map(|batch| self.with_columns(batch.map_err(super::text)?));
            }
            // A stage that is undone, because its machine was lost, is a sign as well: of work that is done again.
            let now_done = self.job.stages_done().await;
            if now_done.is_some() && now_done != stages_done {
                (last_sign, stages_done) = (Instant::now(), now_done);
            } else if last_sign.elapsed() >= self.job.patience() {
                return Some(Err(self.job.give_up().await));
            }
        }
    }

    /// Errors: the rows are not those of the columns.
    fn with_columns(&self, batch: RecordBatch) -> Result<RecordBatch, String> {
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.columns), batch.columns().to_vec(), &rows)
            .map_err(super::text)
    }
}
