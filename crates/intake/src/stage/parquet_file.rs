//! Parquet files stay as they are; here they are only found to be whole.

use super::Job;
use crate::error::IntakeError;
use crate::opened;
use crate::raw_table::{Compression, Format, RawTable};
use crate::source::Place;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

pub(super) fn take(job: &Job<'_>, compression: Compression) -> Result<RawTable, IntakeError> {
    let kept = job.place(".parquet");
    let is_local = matches!(job.file.place, Place::Local(_));
    let path = match (compression, is_local) {
        (Compression::Plain, true) => job.path.to_owned(),
        (Compression::Plain, false) => {
            whole(job, job.path)?;
            std::fs::rename(job.path, &kept).map_err(|error| IntakeError::work(&kept, error))?;
            kept
        }
        (Compression::Gzip | Compression::Zstd, _) => {
            let part = job.place(".part");
            let mut out = File::create(&part).map_err(|error| IntakeError::work(&part, error))?;
            let bytes = opened::unpacked(job.path, compression, job.progress);
            bytes
                .and_then(|mut bytes| std::io::copy(&mut bytes, &mut out))
                .and_then(|_| out.sync_all())
                .map_err(|error| job.broken(compression, &error))?;
            std::fs::rename(&part, &kept).map_err(|error| IntakeError::work(&kept, error))?;
            kept
        }
    };
    let (rows, columns) = whole(job, &path)?;
    Ok(RawTable {
        file: job.file.name.clone(),
        format: Format::Parquet,
        compression,
        path,
        is_typed: true,
        columns,
        empty_columns: Vec::new(),
        rows,
        rejected_rows: 0,
        first_rejected: None,
        rejected: None,
        sha256: job.sha256.clone(),
        source_bytes: job.file.bytes,
        encoding: None,
        notices: Vec::new(),
    })
}

/// Checks the footer and that everything it speaks of lies within the file. Gives rows and columns.
fn whole(job: &Job<'_>, path: &Path) -> Result<(u64, Vec<String>), IntakeError> {
    let unread = |error: std::io::Error| job.refuse(error.to_string());
    let file = File::open(path).map_err(unread)?;
    let n_bytes = file.metadata().map_err(unread)?.len();
    let cut = |what: String| job.refuse(format!("is no whole Parquet file ({what}); copy or export it again"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| cut(error.to_string()))?;
    let metadata = reader.metadata();
    for group in metadata.row_groups() {
        for column in group.columns() {
            let (start, n) = column.byte_range();
            // The footer has at least 8 bytes.
            if start.saturating_add(n).saturating_add(8) > n_bytes {
                return Err(cut(format!("column {} ends behind the file", column.column_path())));
            }
        }
    }
    let columns = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    Ok((u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0), columns))
}
