//! JSON lines into a table.

use super::{Fault, Job, RowsRead};
use crate::json_rows::{FlatColumns, Object, scalar, step};
use crate::opened::Charset;
use crate::raw_table::RejectReason;
use crate::sink::{Rejected, Sink};
use crate::window::{Line, Window};
use std::io::Read;

/// The members of so many rows become columns,
const KNOWN_ROWS: usize = 1000;
/// as long as these rows have no more bytes.
const KNOWN_BYTES: usize = 8 << 20;
/// No table has more columns.
const COLUMNS_MAX: usize = 2000;

/// A column, and its path in the element of the list that makes rows.
struct Column {
    name: String,
    in_element: Option<String>,
}

pub(super) fn read(job: &Job<'_>, bytes: impl Read, charset: Charset) -> Result<RowsRead, Fault> {
    let mut window = Window::new(bytes, job.options.row_bytes_max);
    let mut table = Table {
        job,
        charset,
        columns: Vec::new(),
        flat: None,
        sink: None,
        rejected: Rejected::new(job.place(".rejected.part")),
        source_row: 0,
    };
    // The first rows wait until their columns are known.
    let mut waiting: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut n_waiting = 0;
    let mut line = 0;
    loop {
        line += 1;
        let n_all = match window.line()? {
            Line::None => break,
            Line::TooLong => {
                table.begin(&mut waiting)?;
                table.source_row += 1;
                let beginning: Vec<u8> = window.view().iter().take(1024).copied().collect();
                table.rejected.push(table.source_row, line, RejectReason::RowTooLong, None, &beginning)?;
                window.pass_line()?;
                continue;
            }
            Line::Whole(n, n_all) => {
                let row = window.view().get(..n).unwrap_or_default();
                if row.iter().all(u8::is_ascii_whitespace) {
                    window.pass(n_all);
                    continue;
                }
                if table.source_row == 0 && waiting.is_empty() && row.trim_ascii_start().first() == Some(&b'[') {
                    let what =
                        "is one JSON list; write one object a line, for example with: jq -c '.[]' IN > OUT.jsonl";
                    return Err(job.refuse(what).into());
                }
                if table.sink.is_none() {
                    n_waiting += row.len();
                    waiting.push((line, row.to_vec()));
                    if waiting.len() >= KNOWN_ROWS || n_waiting >= KNOWN_BYTES {
                        table.begin(&mut waiting)?;
                    }
                } else {
                    table.take(line, row)?;
                }
                n_all
            }
        };
        window.pass(n_all);
    }
    if table.source_row == 0 && waiting.is_empty() {
        return Err(job.refuse("is empty; it needs one JSON object a line").into());
    }
    table.begin(&mut waiting)?;
    let rows = table.sink.as_ref().map_or(0, |sink| sink.rows);
    let empty = table.sink.take().map_or(Ok(Vec::new()), Sink::finish)?;
    let columns: Vec<String> = table.columns.into_iter().map(|column| column.name).collect();
    let empty_columns = empty.into_iter().filter_map(|idx| columns.get(idx).cloned()).collect();
    Ok(RowsRead { columns, rows, empty_columns, rejected: table.rejected })
}

struct Table<'j> {
    job: &'j Job<'j>,
    charset: Charset,
    columns: Vec<Column>,
    /// If no column is a path.
    flat: Option<FlatColumns>,
    sink: Option<Sink>,
    rejected: Rejected,
    source_row: u64,
}

impl Table<'_> {
    /// Settles the columns, and takes the rows that waited for them.
    fn begin(&mut self, waiting: &mut Vec<(u64, Vec<u8>)>) -> Result<(), Fault> {
        if self.sink.is_some() {
            return Ok(());
        }
        let explode = self.job.options.json.explode.as_deref();
        let mut names: Vec<String> = self.job.options.paths.clone();
        let mut add = |name: String| {
            if !names.contains(&name) && names.len() < COLUMNS_MAX {
                names.push(name);
            }
        };
        for (_, row) in waiting.iter() {
            let Some(object) = self.job.decoded(row, self.charset)?.and_then(Object::parse) else { continue };
            object.names().filter(|name| Some(*name) != explode).for_each(|name| add(name.to_owned()));
            let Some(path) = explode else { continue };
            for element in object.list(path).into_iter().filter_map(Object::parse) {
                element.names().for_each(|name| add(format!("{path}.{name}")));
            }
        }
        if let Some(taken) = names.iter().find(|name| matches!(name.as_str(), "source_row" | "source_line")) {
            let what =
                format!("objects have a member {taken:?}, which is taken: tables number their rows there; rename it");
            return Err(self.job.refuse(what).into());
        }
        let prefix = explode.map(|path| format!("{path}."));
        let column = |name: String| {
            let in_element = prefix.as_ref().and_then(|prefix| name.strip_prefix(prefix)).map(str::to_owned);
            Column { name, in_element }
        };
        self.sink = Some(Sink::create(&self.job.place(".part"), &names)?);
        self.flat = FlatColumns::of(names.iter().map(String::as_str)).filter(|_| explode.is_none());
        self.columns = names.into_iter().map(column).collect();
        for (line, row) in std::mem::take(waiting) {
            self.take(line, &row)?;
        }
        Ok(())
    }

    /// Adds the row or rows of a line.
    fn take(&mut self, line: u64, row: &[u8]) -> Result<(), Fault> {
        let text = self.job.decoded(row, self.charset)?;
        if let Some(flat) = &mut self.flat {
            let Some((sink, values)) = self.sink.as_mut().zip(text.and_then(|text| flat.read(text))) else {
                return self.reject(line, text, row);
            };
            self.source_row += 1;
            return Ok(sink.push(self.source_row, line, |idx, put| {
                if let Some(value) = values.get(idx).copied().flatten().and_then(scalar) {
                    put(&value);
                }
            })?);
        }
        let object = text.and_then(Object::parse);
        let (Some(sink), Some(object)) = (&mut self.sink, object) else { return self.reject(line, text, row) };
        let elements = match &self.job.options.json.explode {
            Some(path) => object.list(path),
            None => Vec::new(),
        };
        for idx in 0..elements.len().max(1) {
            self.source_row += 1;
            let element = elements.get(idx);
            sink.push(self.source_row, line, |idx, put| {
                let Some(column) = self.columns.get(idx) else { return };
                let raw = match (&column.in_element, element) {
                    (Some(path), Some(element)) => step(element, path),
                    (Some(_), None) => None,
                    (None, _) => object.raw(&column.name),
                };
                if let Some(value) = raw.and_then(scalar) {
                    put(&value);
                }
            })?;
        }
        Ok(())
    }

    /// Puts a line aside of which nothing can be read.
    fn reject(&mut self, line: u64, text: Option<&str>, row: &[u8]) -> Result<(), Fault> {
        let reason = if text.is_none() { RejectReason::InvalidBytes } else { RejectReason::NotAnObject };
        self.source_row += 1;
        self.rejected.push(self.source_row, line, reason, None, row)?;
        self.job.go_on(self.sink.as_ref().map_or(0, |sink| sink.rows), &self.rejected)
    }
}
