//! Delimited text into a table.

use super::{Fault, Job, RowsRead};
use crate::csv_rows::{CsvRows, Next};
use crate::mapping::Delimiter;
use crate::opened::Charset;
use crate::raw_table::{Format, RejectReason};
use crate::sink::{Rejected, Sink};
use std::io::Read;

pub(super) fn read(job: &Job<'_>, bytes: impl Read, charset: Charset) -> Result<RowsRead, Fault> {
    let csv = &job.options.csv;
    let usual = if job.file.format == Format::Tsv { b'\t' } else { b',' };
    let delimiter = csv.delimiter.unwrap_or(Delimiter::Byte(usual));
    let mut rows = CsvRows::new(bytes, delimiter, csv.quote, job.options.row_bytes_max);
    for _ in 0..csv.skip_lines {
        if !rows.skip_line()? {
            return Err(job
                .refuse(format!("has fewer lines than csv.skip_lines ({}) passes over", csv.skip_lines))
                .into());
        }
    }
    let columns = match &csv.header {
        Some(names) => names.iter().map(|name| name.trim().to_owned()).collect(),
        None => header(job, &mut rows, charset)?,
    };
    super::missing_columns(&job.file.name, &columns, job.options)?;
    let mut sink = Sink::create(&job.place(".part"), &columns)?;
    let mut rejected = Rejected::new(job.place(".rejected.part"));
    let mut scratch = String::new();
    let mut source_row = 0;
    loop {
        let (line, is_long) = match rows.next()? {
            Next::End => break,
            Next::Row { line, is_long } => (line, is_long),
            Next::Bad { line, reason } => {
                // Bytes of another encoding may look like anything.
                let reason = job.decoded(rows.row(), charset)?.map_or(RejectReason::InvalidBytes, |_| reason);
                source_row += 1;
                rejected.push(source_row, line, reason, None, rows.row())?;
                job.go_on(sink.rows, &rejected)?;
                continue;
            }
        };
        source_row += 1;
        let Some(text) = job.decoded(rows.row(), charset)? else {
            rejected.push(source_row, line, RejectReason::InvalidBytes, None, rows.row())?;
            job.go_on(sink.rows, &rejected)?;
            continue;
        };
        if rows.n_fields() != columns.len() {
            let (reason, field) = match columns.get(rows.n_fields()) {
                Some(first) => (RejectReason::TooFewFields, Some(first.as_str())),
                None => (RejectReason::TooManyFields, None),
            };
            if is_long && matches!(rows.refuse_long()?, Next::Bad { .. }) {
                rejected.push(source_row, line, RejectReason::BadQuote, field, rows.row())?;
            } else {
                rejected.push(source_row, line, reason, field, rows.row())?;
            }
            job.go_on(sink.rows, &rejected)?;
            continue;
        }
        sink.push(source_row, line, |idx, put| {
            if let Some(field) = rows.field(idx, text, &mut scratch)
                && (csv.nulls.is_empty() || !csv.nulls.iter().any(|null| null == field.trim()))
            {
                put(field);
            }
        })?;
    }
    let n_rows = sink.rows;
    let empty = sink.finish()?;
    let empty_columns = empty.into_iter().filter_map(|idx| columns.get(idx).cloned()).collect();
    Ok(RowsRead { columns, rows: n_rows, empty_columns, rejected })
}

/// The names of the columns.
fn header(job: &Job<'_>, rows: &mut CsvRows<impl Read>, charset: Charset) -> Result<Vec<String>, Fault> {
    let refuse = |what: String| Fault::Refused(job.refuse(what));
    match rows.next()? {
        Next::End => return Err(refuse("is empty; a CSV file begins with a line of column names".into())),
        Next::Bad { reason, .. } => {
            job.decoded(rows.row(), charset)?;
            return Err(refuse(format!("the header cannot be read ({}): {}", reason.code(), reason.mend())));
        }
        Next::Row { .. } => {}
    }
    let Some(text) = job.decoded(rows.row(), charset)? else {
        return Err(refuse(format!(
            "the header is no text in {}; name the file's encoding as csv.encoding in the mapping",
            charset.name()
        )));
    };
    if text.contains('\0') {
        return Err(refuse("the header has bytes of value 0: it is no text, or UTF-16 without a mark; name the encoding as csv.encoding in the mapping".into()));
    }
    let mut scratch = String::new();
    let mut names: Vec<String> = Vec::with_capacity(rows.n_fields());
    for idx in 0..rows.n_fields() {
        let name = rows.field(idx, text, &mut scratch).unwrap_or_default().trim().to_owned();
        if name.is_empty() {
            return Err(refuse(format!(
                "column {} of the header has no name; name it, or name all as csv.header in the mapping",
                idx + 1
            )));
        }
        if names.contains(&name) {
            return Err(refuse(format!(
                "the header names {name:?} twice; rename one of the columns, or name all as csv.header in the mapping"
            )));
        }
        if matches!(name.as_str(), "source_row" | "source_line") {
            return Err(refuse(format!(
                "a column is named {name:?}, which is taken: tables number their rows there; rename it"
            )));
        }
        names.push(name);
    }
    Ok(names)
}
