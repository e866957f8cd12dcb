//! Columns of a record batch as plain types. A column of another type is cast first, so that a step may say INTEGER or
//! BIGINT as it likes.

use crate::BuildError;
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;

fn column(batch: &RecordBatch, idx: usize) -> Result<(&ArrayRef, &str), BuildError> {
    match (batch.columns().get(idx), batch.schema_ref().fields().get(idx)) {
        (Some(array), Some(field)) => Ok((array, field.name())),
        _ => Err(BuildError::Step {
            step: "result".into(),
            reason: format!("has {} columns, but column {idx} is needed", batch.num_columns()),
        }),
    }
}

fn downcast<T: Array + Clone + 'static>(batch: &RecordBatch, idx: usize, kind: DataType) -> Result<T, BuildError> {
    let (array, name) = column(batch, idx)?;
    let wrong = |what: String| BuildError::Step { step: "result".into(), reason: format!("column {name}: {what}") };
    let array = cast(array, &kind).map_err(|error| wrong(error.to_string()))?;
    let array = array.as_any().downcast_ref::<T>().cloned();
    array.ok_or_else(|| wrong(format!("is not of type {kind}")))
}

pub(super) fn integers(batch: &RecordBatch, idx: usize) -> Result<Int64Array, BuildError> {
    downcast(batch, idx, DataType::Int64)
}

pub(super) fn numbers(batch: &RecordBatch, idx: usize) -> Result<Float64Array, BuildError> {
    downcast(batch, idx, DataType::Float64)
}

pub(super) fn flags(batch: &RecordBatch, idx: usize) -> Result<BooleanArray, BuildError> {
    downcast(batch, idx, DataType::Boolean)
}

pub(super) fn texts(batch: &RecordBatch, idx: usize) -> Result<StringArray, BuildError> {
    downcast(batch, idx, DataType::Utf8)
}

/// A column of lists.
pub(super) fn lists(batch: &RecordBatch, idx: usize) -> Result<ListArray, BuildError> {
    let (array, name) = column(batch, idx)?;
    array
        .as_any()
        .downcast_ref::<ListArray>()
        .cloned()
        .ok_or_else(|| BuildError::Step { step: "result".into(), reason: format!("column {name}: is not a list") })
}

/// The text at a row, if there is one.
pub(super) fn text_at(array: &StringArray, row: usize) -> Option<String> {
    array.is_valid(row).then(|| array.value(row).to_owned())
}
