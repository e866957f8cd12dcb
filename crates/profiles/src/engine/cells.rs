//! Columns of a record batch as plain types. A column of another type is cast first, so that a step may say INTEGER or
//! BIGINT as it likes.

use crate::BuildError;
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::record_batch::RecordBatch;
use std::sync::Arc;

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

/// A column of lists of texts: where each list lies, and the texts of all.
pub(super) fn text_lists(batch: &RecordBatch, idx: usize) -> Result<(ListArray, StringArray), BuildError> {
    lists(batch, idx, DataType::Utf8)
}

/// A column of lists of numbers: where each list lies, and the numbers of all.
pub(super) fn number_lists(batch: &RecordBatch, idx: usize) -> Result<(ListArray, Float64Array), BuildError> {
    lists(batch, idx, DataType::Float64)
}

fn lists<T: Array + Clone + 'static>(
    batch: &RecordBatch,
    idx: usize,
    kind: DataType,
) -> Result<(ListArray, T), BuildError> {
    let list: ListArray = downcast(batch, idx, DataType::List(Arc::new(Field::new("item", kind.clone(), true))))?;
    let values = list.values().as_any().downcast_ref::<T>().cloned();
    let values = values.ok_or_else(|| BuildError::Step {
        step: "result".into(),
        reason: format!("column {}: is no list of {kind}", batch.schema_ref().field(idx).name()),
    })?;
    Ok((list, values))
}

/// The text at a row, if there is one.
pub(super) fn text_at(array: &StringArray, row: usize) -> Option<String> {
    array.is_valid(row).then(|| array.value(row).to_owned())
}
