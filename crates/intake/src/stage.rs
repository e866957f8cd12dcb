//! Stages source files: each becomes a Parquet table, named by its content, so that what was read once is not read again.

mod csv;
mod json;
mod parquet_file;

use crate::error::IntakeError;
use crate::kind::Kind;
use crate::mapping::{CsvOptions, JsonOptions, Mapping};
use crate::opened::{self, Charset, Recoded};
use crate::raw_table::{Compression, Format, RawTable};
use crate::sink::{FirstRejected, Rejected};
use crate::source::{Place, SourceFile};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Raised when the same bytes would be staged otherwise.
const STAGE_VERSION: u32 = 2;

/// How files are read. One mapping gives the same staged file for all of its kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Name of the mapping, for messages.
    pub mapping: String,
    /// How text files are written.
    pub csv: CsvOptions,
    /// How JSON lines are unfolded.
    pub json: JsonOptions,
    /// Paths into JSON lines that become columns, besides the members that the first rows have.
    pub paths: Vec<String>,
    /// Columns that must be there.
    pub named: Vec<NamedColumn>,
    /// A file with a greater share of rejected rows is refused. Range: 0..=1; 0.05 by default.
    pub rejected_share_max: f64,
    /// Greatest row. Unit: bytes. A megabyte by default.
    pub row_bytes_max: usize,
}

/// A column that a mapping names by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedColumn {
    /// The key that names it, such as `orders.fields.order_id`.
    pub key: String,
    /// The column.
    pub column: String,
    /// Whether a file without any value in it makes no sense.
    pub is_required: bool,
}

impl ReadOptions {
    /// What a mapping says about reading files of a kind; `None` if it does not map the kind.
    pub fn of(mapping: &Mapping, kind: Kind) -> Option<Self> {
        let section = mapping.kind(kind)?;
        let named = section.named_columns().into_iter().map(|(key, column)| {
            let field = key.rsplit_once(".fields.").and_then(|(_, field)| kind.field(field));
            NamedColumn { is_required: field.is_some_and(|field| field.is_required), key, column }
        });
        let all = mapping.kinds.values();
        let paths: BTreeSet<String> = all
            .flat_map(|section| {
                let named = section.named_columns().into_iter().map(|(_, column)| column);
                named.chain(section.quoted_columns())
            })
            .collect();
        Some(Self {
            mapping: mapping.name.clone(),
            csv: mapping.csv.clone(),
            json: mapping.json.clone(),
            paths: paths.into_iter().collect(),
            named: named.collect(),
            rejected_share_max: 0.05,
            row_bytes_max: 1 << 20,
        })
    }

    /// Reading a file of which nothing is known: everything by default.
    pub fn plain() -> Self {
        Self {
            mapping: "none".into(),
            csv: CsvOptions::default(),
            json: JsonOptions::default(),
            paths: Vec::new(),
            named: Vec::new(),
            rejected_share_max: 1.0,
            row_bytes_max: 1 << 20,
        }
    }

    /// What the staged bytes depend on, besides the file.
    fn fingerprint(&self, format: Format) -> String {
        match format {
            Format::Csv | Format::Tsv => format!("{STAGE_VERSION} {format:?} {:?} {}", self.csv, self.row_bytes_max),
            Format::JsonLines => {
                let Self { json, paths, row_bytes_max, .. } = self;
                format!("{STAGE_VERSION} {json:?} {paths:?} {:?} {row_bytes_max}", self.csv.encoding)
            }
            Format::Parquet => format!("{STAGE_VERSION} {format:?}"),
        }
    }
}

/// Turns a source file into a Parquet table in `dir`, or finds the one that an earlier call has made of the same bytes and options.
///
/// `progress` gets the number of bytes that were read since the last call, as they lie in the file or came over the network.
///
/// Errors: the file cannot be read, is cut off, is not what its name says, lacks columns, or too many of its rows cannot be read.
pub fn stage(
    file: &SourceFile,
    dir: &Path,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<RawTable, IntakeError> {
    std::fs::create_dir_all(dir).map_err(|error| IntakeError::work(dir, error))?;
    let fetched = fetch(file, dir, options, progress)?;
    let (path, sha256) = match fetched {
        Fetched::Staged(table) => return checked(*table, options),
        Fetched::File { path, sha256 } => (path, sha256),
    };
    let job = Job { file, dir, options, progress, path: &path, key: key_of(&sha256, options, file.format), sha256 };
    let table = match job.reuse() {
        Some(table) => table,
        None => job.run()?,
    };
    if matches!(file.place, Place::Object(..)) && path.exists() {
        std::fs::remove_file(&path).map_err(|error| IntakeError::work(&path, error))?;
    }
    checked(table, options)
}

/// A source file as bytes on this machine.
enum Fetched {
    File { path: PathBuf, sha256: String },
    Staged(Box<RawTable>),
}

fn fetch(
    file: &SourceFile,
    dir: &Path,
    options: &ReadOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Fetched, IntakeError> {
    let (s3, object) = match &file.place {
        Place::Local(path) => {
            let sha256 = hash_file(path).map_err(|error| IntakeError::source(&file.name, error.to_string()))?;
            return Ok(Fetched::File { path: path.clone(), sha256 });
        }
        Place::Object(s3, object) => (s3, object),
    };
    // An object whose tag is known has a known hash, and need not be fetched again.
    let id = hash_text(&format!("{} {} {} {}", object.bucket, object.key, object.etag, object.bytes));
    let note = dir.join(format!("object-{id}.sha256"));
    if let Ok(sha256) = std::fs::read_to_string(&note) {
        let key = key_of(&sha256, options, file.format);
        let job = Job { file, dir, options, progress, path: Path::new(""), key, sha256 };
        if let Some(table) = job.reuse() {
            return Ok(Fetched::Staged(Box::new(table)));
        }
    }
    let path = dir.join(format!("object-{id}.part"));
    s3.download(object, &path, &file.name, progress)?;
    let sha256 = hash_file(&path).map_err(|error| IntakeError::work(&path, error))?;
    replace(&note, sha256.as_bytes())?;
    Ok(Fetched::File { path, sha256 })
}

/// A file on its way.
struct Job<'a> {
    file: &'a SourceFile,
    dir: &'a Path,
    options: &'a ReadOptions,
    progress: &'a (dyn Fn(u64) + Sync),
    /// Where its bytes lie on this machine.
    path: &'a Path,
    /// Names what becomes of it.
    key: String,
    sha256: String,
}

/// Why an attempt to read a text file ended.
enum Fault {
    /// The bytes are no UTF-8, and nobody said that they were.
    NotUtf8,
    Read(io::Error),
    Refused(IntakeError),
}

impl From<IntakeError> for Fault {
    fn from(error: IntakeError) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// What reading a text file gave.
struct RowsRead {
    columns: Vec<String>,
    rows: u64,
    empty_columns: Vec<String>,
    rejected: Rejected,
}

impl Job<'_> {
    fn place(&self, ending: &str) -> PathBuf {
        self.dir.join(format!("{}{ending}", self.key))
    }

    fn refuse(&self, what: impl Into<String>) -> IntakeError {
        IntakeError::source(&self.file.name, what)
    }

    /// What an earlier call has made of the same bytes.
    fn reuse(&self) -> Option<RawTable> {
        let text = std::fs::read_to_string(self.place(".json")).ok()?;
        let mut table: RawTable = serde_json::from_str(&text).ok()?;
        table.file = self.file.name.clone();
        table.path = self.place(".parquet");
        table.rejected = table.rejected.map(|_| self.place(".rejected.parquet"));
        let is_whole = table.path.is_file() && table.rejected.as_ref().is_none_or(|path| path.is_file());
        (is_whole && table.sha256 == self.sha256).then_some(table)
    }

    fn run(&self) -> Result<RawTable, IntakeError> {
        let unread = |error: io::Error| self.refuse(error.to_string());
        let compression = opened::compression(self.path).map_err(unread)?;
        if self.file.bytes == 0 {
            return Err(self.refuse("is empty; there is not even a header"));
        }
        let mut notices = Vec::new();
        let name = self.file.name.to_ascii_lowercase();
        let promised = match () {
            () if name.ends_with(".gz") => Compression::Gzip,
            () if name.ends_with(".zst") => Compression::Zstd,
            () => Compression::Plain,
        };
        if promised != compression {
            notices.push(format!(
                "{}: by its name it is {promised:?}, by its bytes {compression:?}; read by its bytes",
                self.file.name
            ));
        }
        let mut table = match self.file.format {
            Format::Parquet => parquet_file::take(self, compression)?,
            Format::Csv | Format::Tsv | Format::JsonLines => self.text(compression).inspect_err(|_| {
                // What is left of a failed attempt is of no use; that it cannot be removed is not the fault to tell.
                for ending in [".part", ".rejected.part"] {
                    let _ = std::fs::remove_file(self.place(ending));
                }
            })?,
        };
        table.notices.splice(0..0, notices);
        // A table that is not kept here is made again in no time.
        if table.path == self.place(".parquet") {
            let text = serde_json::to_vec(&table).map_err(|error| IntakeError::work(self.dir, error))?;
            replace(&self.place(".json"), &text)?;
        }
        Ok(table)
    }

    fn text(&self, compression: Compression) -> Result<RawTable, IntakeError> {
        let mut notices = Vec::new();
        let mut charset = None;
        let (charset, read) = loop {
            match self.attempt(compression, charset) {
                Ok(done) => break done,
                Err(Fault::Refused(error)) => return Err(error),
                Err(Fault::Read(error)) => return Err(self.broken(compression, &error)),
                Err(Fault::NotUtf8) => {
                    let bytes = opened::unpacked(self.path, compression, &|_| {});
                    let guess = bytes.and_then(opened::guess).map_err(|error| self.broken(compression, &error))?;
                    notices.push(match guess {
                        Charset::Utf8 { .. } => format!("{}: UTF-8 with damage; the rows concerned are rejected", self.file.name),
                        Charset::Other(encoding) => format!(
                            "{}: no UTF-8, so it was read as {}; if names look wrong, name its encoding as csv.encoding in the mapping",
                            self.file.name,
                            encoding.name()
                        ),
                    });
                    charset = Some(guess);
                }
            }
        };
        if !read.empty_columns.is_empty() && read.rows > 0 {
            notices.push(format!("{}: no row has a value in {}", self.file.name, read.empty_columns.join(", ")));
        }
        let (rejected_rows, first) = (read.rejected.rows, read.rejected.first.clone());
        let rejected = read.rejected.finish()?;
        self.bearable(read.rows, rejected_rows, first.as_ref())?;
        let rejected = match rejected {
            Some(path) => {
                let place = self.place(".rejected.parquet");
                std::fs::rename(&path, &place).map_err(|error| IntakeError::work(&place, error))?;
                Some(place)
            }
            None => None,
        };
        let path = self.place(".parquet");
        std::fs::rename(self.place(".part"), &path).map_err(|error| IntakeError::work(&path, error))?;
        Ok(RawTable {
            file: self.file.name.clone(),
            format: self.file.format,
            compression,
            path,
            is_typed: false,
            columns: read.columns,
            empty_columns: read.empty_columns,
            rows: read.rows,
            rejected_rows,
            first_rejected: first.map(|first| (first.line, first.reason.code().to_owned(), first.text)),
            rejected,
            sha256: self.sha256.clone(),
            source_bytes: self.file.bytes,
            encoding: Some(charset.name()),
            notices,
        })
    }

    /// Refuses a file of which too much cannot be read.
    fn bearable(&self, rows: u64, rejected: u64, first: Option<&FirstRejected>) -> Result<(), IntakeError> {
        let Some(first) =
            first.filter(|_| rejected as f64 > (rows + rejected) as f64 * self.options.rejected_share_max)
        else {
            return Ok(());
        };
        Err(IntakeError::TooManyRejected {
            file: self.file.name.clone(),
            rejected,
            rows: rows + rejected,
            allowed_percent: self.options.rejected_share_max * 100.0,
            line: first.line,
            reason: first.reason.code(),
            text: first.text.clone(),
            mend: first.reason.mend(),
        })
    }

    fn attempt(&self, compression: Compression, decided: Option<Charset>) -> Result<(Charset, RowsRead), Fault> {
        let mut bytes = opened::unpacked(self.path, compression, self.progress)?;
        let mut head = Vec::new();
        bytes.by_ref().take(4).read_to_end(&mut head)?;
        match head.as_slice() {
            [b'P', b'K', 3, 4] => {
                return Err(self
                    .refuse("is a ZIP archive (an Excel workbook is one, too); unpack it, or save the sheet as CSV")
                    .into());
            }
            b"PAR1" => return Err(self.refuse("is a Parquet file; give it the ending .parquet").into()),
            _ => {}
        }
        let mark = opened::mark(&head);
        let named =
            self.options.csv.encoding.as_deref().and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
        let named = named.map(|encoding| match encoding == encoding_rs::UTF_8 {
            true => Charset::Utf8 { is_certain: true },
            false => Charset::Other(encoding),
        });
        let charset =
            decided.or(named).or(mark.map(|(charset, _)| charset)).unwrap_or(Charset::Utf8 { is_certain: false });
        let n_mark = mark.filter(|(marked, _)| marked.name() == charset.name()).map_or(0, |(_, n)| n);
        let head = head.get(n_mark..).unwrap_or_default().to_vec();
        let bytes = io::Cursor::new(head).chain(bytes);
        let bytes: Box<dyn Read + '_> = match charset {
            Charset::Utf8 { .. } => Box::new(bytes),
            Charset::Other(encoding) => Box::new(Recoded::new(bytes, encoding)),
        };
        let read = match self.file.format {
            Format::JsonLines => json::read(self, bytes, charset),
            _ => csv::read(self, bytes, charset),
        };
        Ok((charset, read?))
    }

    /// Reading the bytes of the file failed.
    fn broken(&self, compression: Compression, error: &io::Error) -> IntakeError {
        let packed = match compression {
            Compression::Plain => return self.refuse(error.to_string()),
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {packed} file ends in the middle; copy it again"),
            _ => format!("the {packed} file is damaged ({error}); copy it again"),
        };
        self.refuse(what)
    }

    /// The text of a row; `None` if it is to be rejected.
    fn decoded<'r>(&self, row: &'r [u8], charset: Charset) -> Result<Option<&'r str>, Fault> {
        match (std::str::from_utf8(row), charset) {
            (Ok(text), Charset::Utf8 { .. }) => Ok(Some(text)),
            (Ok(text), Charset::Other(_)) => Ok(Some(text).filter(|text| !text.contains('\u{fffd}'))),
            (Err(_), Charset::Utf8 { is_certain: false }) => Err(Fault::NotUtf8),
            (Err(_), _) => Ok(None),
        }
    }

    /// Ends a hopeless file early.
    fn go_on(&self, rows: u64, rejected: &Rejected) -> Result<(), Fault> {
        if rejected.rows < 100_000 || rejected.rows < rows {
            return Ok(());
        }
        Ok(self.bearable(rows, rejected.rows, rejected.first.as_ref())?)
    }
}

/// Refuses a table without the columns that its mapping names.
fn checked(table: RawTable, options: &ReadOptions) -> Result<RawTable, IntakeError> {
    missing_columns(&table.file, &table.columns, options)?;
    // JSON lines have every column that is asked for: one that is never filled is missing.
    if table.format == Format::JsonLines && table.rows > 0 {
        let found: Vec<String> =
            table.columns.iter().filter(|column| !table.empty_columns.contains(column)).cloned().collect();
        let required = ReadOptions {
            named: options.named.iter().filter(|named| named.is_required).cloned().collect(),
            ..options.clone()
        };
        missing_columns(&table.file, &found, &required)?;
    }
    let first = table.first_rejected.clone();
    if let Some((line, code, text)) = first
        && table.rejected_rows as f64 > (table.rows + table.rejected_rows) as f64 * options.rejected_share_max
    {
        let reason = crate::raw_table::RejectReason::ALL.into_iter().find(|reason| reason.code() == code);
        let reason = reason.unwrap_or(crate::raw_table::RejectReason::NotAnObject);
        return Err(IntakeError::TooManyRejected {
            file: table.file,
            rejected: table.rejected_rows,
            rows: table.rows + table.rejected_rows,
            allowed_percent: options.rejected_share_max * 100.0,
            line,
            reason: reason.code(),
            text,
            mend: reason.mend(),
        });
    }
    Ok(table)
}

fn missing_columns(file: &str, columns: &[String], options: &ReadOptions) -> Result<(), IntakeError> {
    let missing: Vec<String> = options
        .named
        .iter()
        .filter(|named| !columns.contains(&named.column))
        .map(|named| {
            let known: Vec<&str> = columns.iter().map(String::as_str).collect();
            match crate::document::near(&named.column, &known) {
                Some(near) => format!("{:?} ({}; is it {near:?}?)", named.column, named.key),
                None => format!("{:?} ({})", named.column, named.key),
            }
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut found = columns.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(", ");
    if let [only] = columns
        && let Some(delimiter) = [';', '\t', ',', '|'].into_iter().find(|delimiter| only.contains(*delimiter))
    {
        found.push_str(&format!(" as its only column: is csv.delimiter {delimiter:?}?"));
    }
    if columns.is_empty() {
        found.push_str("none");
    }
    Err(IntakeError::MissingColumns {
        file: file.to_owned(),
        mapping: options.mapping.clone(),
        missing: missing.join(", "),
        found,
    })
}

/// Names what becomes of a file.
fn key_of(sha256: &str, options: &ReadOptions, format: Format) -> String {
    hash_text(&format!("{sha256} {}", options.fingerprint(format)))
}

/// Writes a file by another name first, so that it is whole or not there.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), IntakeError> {
    let part = path.with_extension("part-of-note");
    let written = File::create(&part).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| std::fs::rename(&part, path)).map_err(|error| IntakeError::work(path, error))
}

fn hash_text(text: &str) -> String {
    let mut hex = hex(&Sha256::digest(text.as_bytes()));
    hex.truncate(32);
    hex
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 18];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(chunk.get(..n).unwrap_or_default()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
