//! The columns that a step ends in, made here of rows that a cluster made: its executors know no functions of lists.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::Projection;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::sync::Arc;

/// Expressions over the rows of another query.
pub(super) struct LastColumns {
    columns: SchemaRef,
    expressions: Vec<Arc<dyn PhysicalExpr>>,
}

impl LastColumns {
    /// Those of `last`, whose rows have these columns.
    pub(super) fn new(last: &Projection, state: &SessionState, columns: SchemaRef) -> Result<Self> {
        let over = last.input.schema();
        let expressions = last.expr.iter().map(|expression| state.create_physical_expr(expression.clone(), over));
        Ok(Self { columns, expressions: expressions.collect::<Result<_>>()? })
    }

    /// The rows with these columns, of the rows of the other query.
    pub(super) fn of(self, rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let columns = Arc::clone(&self.columns);
        let rows = rows.map(move |batch| self.of_batch(&batch?));
        Box::pin(RecordBatchStreamAdapter::new(columns, rows))
    }

    fn of_batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let arrays = self.expressions.iter().map(|expression| expression.evaluate(batch)?.into_array(batch.num_rows()));
        let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&self.columns), arrays)?)
    }
}
