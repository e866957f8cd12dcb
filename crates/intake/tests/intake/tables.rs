//! Reads staged tables back as texts.

use arrow::array::{Array, Int64Array, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::path::Path;

/// Rows of a table of text: the texts, `source_row`, `source_line`.
pub fn rows(path: &Path) -> Vec<(Vec<Option<String>>, i64, i64)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let n = batch.num_columns() - 2;
        let whole = |idx: usize| batch.column(idx).as_any().downcast_ref::<Int64Array>().unwrap().clone();
        let (source_rows, lines) = (whole(n), whole(n + 1));
        for row in 0..batch.num_rows() {
            let text = |idx: usize| {
                let column = batch.column(idx).as_any().downcast_ref::<StringArray>().unwrap();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            rows.push(((0..n).map(text).collect(), source_rows.value(row), lines.value(row)));
        }
    }
    rows
}
