//! Writes tables of text as Parquet, in a thread of its own, so that reading goes on meanwhile.

use crate::error::IntakeError;
use crate::raw_table::RejectReason;
use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Rows that go to the writer at once.
const BATCH_ROWS: usize = 8192;
/// Bytes of text that go to the writer at once.
const BATCH_BYTES: usize = 8 << 20;
/// A row group is closed when it takes more memory than that.
const GROUP_BYTES: usize = 64 << 20;

/// Characters of the excerpt of a rejected row.
const EXCERPT_CHARS: usize = 80;

/// Writes a table.
pub(crate) struct Sink {
    schema: Arc<Schema>,
    texts: Vec<StringBuilder>,
    /// Whether a column has had any value.
    used: Vec<bool>,
    source_rows: Int64Builder,
    source_lines: Int64Builder,
    n_batch: usize,
    n_bytes: usize,
    pub(crate) rows: u64,
    sender: Option<SyncSender<RecordBatch>>,
    thread: Option<JoinHandle<Result<(), IntakeError>>>,
}

impl Sink {
    /// Begins a file with these columns, and `source_row` and `source_line` behind them.
    pub(crate) fn create(path: &Path, columns: &[String]) -> Result<Self, IntakeError> {
        let mut fields: Vec<Field> = columns.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        fields.push(Field::new("source_row", DataType::Int64, false));
        fields.push(Field::new("source_line", DataType::Int64, false));
        let schema = Arc::new(Schema::new(fields));
        let file = File::create(path).map_err(|error| IntakeError::work(path, error))?;
        // No smallest and largest values: nobody looks for a few rows, and comparing every text costs. Rows are numbered without
        // a dictionary, in which every number would stand once.
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::None);
        for numbers in ["source_row", "source_line"] {
            let column = ColumnPath::from(numbers);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let properties = properties.build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(|error| IntakeError::work(path, error))?;
        let (sender, receiver) = sync_channel(2);
        let thread_path = path.to_owned();
        let thread = std::thread::spawn(move || write(writer, &receiver, &thread_path));
        Ok(Self {
            schema,
            texts: columns.iter().map(|_| StringBuilder::new()).collect(),
            used: vec![false; columns.len()],
            source_rows: Int64Builder::new(),
            source_lines: Int64Builder::new(),
            n_batch: 0,
            n_bytes: 0,
            rows: 0,
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Adds a row; `value` gives the text of each column. White space around it is left out, and what is then empty is null.
    pub(crate) fn push(
        &mut self,
        source_row: u64,
        source_line: u64,
        mut value: impl FnMut(usize, &mut dyn FnMut(&str)),
    ) -> Result<(), IntakeError> {
        for (idx, (builder, used)) in self.texts.iter_mut().zip(&mut self.used).enumerate() {
            let mut is_null = true;
            value(idx, &mut |text: &str| {
                let text = text.trim();
                if !text.is_empty() {
                    is_null = false;
                    self.n_bytes += text.len();
                    builder.append_value(text);
                }
            });
            if is_null {
                builder.append_null();
            } else {
                *used = true;
            }
        }
        self.source_rows.append_value(i64::try_from(source_row).unwrap_or(i64::MAX));
        self.source_lines.append_value(i64::try_from(source_line).unwrap_or(i64::MAX));
        self.n_batch += 1;
        self.rows += 1;
        if self.n_batch >= BATCH_ROWS || self.n_bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), IntakeError> {
        let mut arrays: Vec<ArrayRef> =
            self.texts.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        arrays.push(Arc::new(self.source_rows.finish()));
        arrays.push(Arc::new(self.source_lines.finish()));
        (self.n_batch, self.n_bytes) = (0, 0);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|error| IntakeError::work(Path::new(""), error))?;
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(batch).is_ok());
        // A writer that has gone says why.
        if sent { Ok(()) } else { self.join() }
    }

    /// Ends the file; gives the indexes of columns without any value.
    pub(crate) fn finish(mut self) -> Result<Vec<usize>, IntakeError> {
        self.flush()?;
        self.join()?;
        Ok(self.used.iter().enumerate().filter(|(_, used)| !**used).map(|(idx, _)| idx).collect())
    }

    fn join(&mut self) -> Result<(), IntakeError> {
        self.sender = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(IntakeError::work(Path::new(""), "the writer of tables failed")),
            None => Ok(()),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.join();
    }
}

fn write(mut writer: ArrowWriter<File>, batches: &Receiver<RecordBatch>, path: &Path) -> Result<(), IntakeError> {
    for batch in batches {
        writer.write(&batch).map_err(|error| IntakeError::work(path, error))?;
        if writer.memory_size() > GROUP_BYTES {
            writer.flush().map_err(|error| IntakeError::work(path, error))?;
        }
    }
    let file = writer.into_inner().map_err(|error| IntakeError::work(path, error))?;
    file.sync_all().map_err(|error| IntakeError::work(path, error))
}

/// The first rejected row, for messages.
#[derive(Clone, Debug)]
pub(crate) struct FirstRejected {
    pub(crate) line: u64,
    pub(crate) reason: RejectReason,
    pub(crate) text: String,
}

/// Rows that cannot be read. Their file is made with the first one.
pub(crate) struct Rejected {
    path: PathBuf,
    sink: Option<Sink>,
    pub(crate) rows: u64,
    pub(crate) first: Option<FirstRejected>,
}

impl Rejected {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, sink: None, rows: 0, first: None }
    }

    pub(crate) fn push(
        &mut self,
        source_row: u64,
        line: u64,
        reason: RejectReason,
        field: Option<&str>,
        row: &[u8],
    ) -> Result<(), IntakeError> {
        let text = excerpt(row);
        if self.first.is_none() {
            let columns = ["reason", "field", "text"].map(str::to_owned);
            self.sink = Some(Sink::create(&self.path, &columns)?);
            self.first = Some(FirstRejected { line, reason, text: text.clone() });
        }
        self.rows += 1;
        let Some(sink) = &mut self.sink else { return Ok(()) };
        sink.push(source_row, line, |idx, put| match (idx, field) {
            (0, _) => put(reason.code()),
            (1, Some(field)) => put(field),
            (2, _) => put(&text),
            _ => {}
        })
    }

    pub(crate) fn finish(self) -> Result<Option<PathBuf>, IntakeError> {
        match self.sink {
            Some(sink) => sink.finish().map(|_| Some(self.path)),
            None => Ok(None),
        }
    }
}

/// How a row begins, in at most 80 characters that can be printed.
fn excerpt(row: &[u8]) -> String {
    let text = String::from_utf8_lossy(row.get(..row.len().min(4 * EXCERPT_CHARS)).unwrap_or_default());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT_CHARS).collect()
}
