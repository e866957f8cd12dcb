//! Plans as a cluster takes them: what does not survive the way there, in words that do.
//!
//! Found with Ballista 55.0.0, by `cargo xtask test-cluster`:
//!
//! - A branch of a UNION that reads no table (`SELECT 1 AS file_idx`) is a `PlaceholderRowExec`, which keeps no metrics. Of a task
//!   that does not run the branch, the scheduler makes it an empty `DataSourceExec`, which does. So tasks of one stage report
//!   different numbers of metrics, the scheduler refuses the second number, and the stage never ends.
//! - A relation without rows loses its columns when a plan is written down, so the plan that arrives is another one.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::{EmptyRelation, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, lit};
use std::sync::Arc;

/// An optimized plan with the same rows that a cluster can run: a row of no table is a row of values, and so are no rows, behind
/// a filter that lets none pass.
pub(super) fn portable(plan: LogicalPlan) -> Result<LogicalPlan> {
    let portable = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Projection(projection) if is_row_of_no_table(&projection.input) => {
            let Projection { expr, schema, .. } = projection;
            Projection::try_new_with_schema(expr, one_row()?, schema).map(LogicalPlan::Projection).map(Transformed::yes)
        }
        LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema }) if !schema.fields().is_empty() => {
            no_rows(schema).map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(portable.data)
}

fn is_row_of_no_table(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, .. }))
}

/// A row whose one column nobody asks for.
fn one_row() -> Result<Arc<LogicalPlan>> {
    LogicalPlanBuilder::values(vec![vec![lit(true)]])?.build().map(Arc::new)
}

/// No rows, with the columns of `schema`.
fn no_rows(schema: DFSchemaRef) -> Result<LogicalPlan> {
    let columns = schema.iter().map(|(table, field)| {
        let nothing = Expr::Literal(ScalarValue::try_from(field.data_type())?, None);
        Ok(nothing.alias_qualified(table.cloned(), field.name()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let row = Projection::try_new_with_schema(columns, one_row()?, schema)?;
    Ok(LogicalPlan::Filter(Filter::try_new(lit(false), Arc::new(LogicalPlan::Projection(row)))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    fn optimized(sql: &str) -> LogicalPlan {
        let context = SessionContext::new();
        let plan = futures::executor::block_on(context.sql(sql)).unwrap().into_optimized_plan();
        portable(plan.unwrap()).unwrap()
    }

    #[test]
    fn branches_of_no_table_become_rows_of_values() {
        let plan = optimized("SELECT 1 AS file, 'orders' AS feed UNION ALL SELECT 2, 'events'");
        let shown = plan.display_indent().to_string();
        assert_eq!((shown.matches("Values: (Boolean(true))").count(), shown.matches("EmptyRelation").count()), (2, 0));
        assert_eq!(plan.schema().field_names(), ["file", "feed"]);
    }

    #[test]
    fn relations_without_rows_keep_their_columns() {
        let plan = optimized("SELECT 1 AS file, 'orders' AS feed WHERE false");
        assert_eq!(plan.schema().field_names(), ["file", "feed"]);
        assert!(plan.display_indent().to_string().starts_with("Filter: Boolean(false)\n"));
    }
}
