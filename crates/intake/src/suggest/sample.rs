//! The first rows of a file, for a proposal.

use super::{Suggestion, Written, suggest};
use crate::csv_rows::{CsvRows, Next};
use crate::error::IntakeError;
use crate::json_rows::{Object, scalar};
use crate::mapping::Delimiter;
use crate::opened::{self, Charset};
use crate::raw_table::Format;
use crate::source::{Place, SourceFile, find_files};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// So much of a file is looked at. Unit: bytes, unpacked.
const SAMPLE_BYTES: u64 = 1 << 20;
/// So many rows are.
const SAMPLE_ROWS: usize = 500;

/// A header and rows.
type Sample = (Vec<String>, Vec<Vec<String>>, Written);

/// Proposes a mapping for a file on this machine, from its first rows.
///
/// Errors: the file cannot be read, has an unknown ending, or has no header.
pub fn suggest_file(path: &Path) -> Result<Suggestion, IntakeError> {
    let found = find_files(&path.display().to_string())?;
    let Some((file, Place::Local(path))) = found.files.first().map(|file| (file, &file.place)) else {
        return Err(IntakeError::source(path.display().to_string(), "is no file on this machine"));
    };
    let (header, rows, written) = match file.format {
        Format::Parquet => typed(file, path)?,
        Format::Csv | Format::Tsv | Format::JsonLines => text(file, path)?,
    };
    let stem = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(suggest(stem.split('.').next().unwrap_or("shop"), &header, &rows, &written))
}

fn text(file: &SourceFile, path: &Path) -> Result<Sample, IntakeError> {
    let unread = |error: std::io::Error| IntakeError::source(&file.name, error.to_string());
    let packing = opened::compression(path).map_err(unread)?;
    let mut bytes = Vec::new();
    opened::unpacked(path, packing, &|_| {})
        .and_then(|all| all.take(SAMPLE_BYTES).read_to_end(&mut bytes))
        .map_err(unread)?;
    let mut written = Written::default();
    let (text, _) = match opened::mark(&bytes) {
        Some((Charset::Other(encoding), _)) => {
            let (text, _, _) = encoding.decode(&bytes);
            (text.into_owned(), ())
        }
        mark => {
            let plain = bytes.get(mark.map_or(0, |(_, n)| n)..).unwrap_or_default();
            match std::str::from_utf8(plain) {
                Ok(text) => (text.to_owned(), ()),
                // The sample may end within a character.
                Err(error) if error.error_len().is_none() => {
                    (String::from_utf8_lossy(plain.get(..error.valid_up_to()).unwrap_or_default()).into_owned(), ())
                }
                Err(_) => {
                    written.encoding = Some("gb18030".to_owned());
                    (encoding_rs::GB18030.decode(plain).0.into_owned(), ())
                }
            }
        }
    };
    // The last line may be cut.
    let text = match bytes.len() as u64 == SAMPLE_BYTES {
        true => text.rsplit_once('\n').map_or(text.as_str(), |(whole, _)| whole),
        false => text.as_str(),
    };
    let (header, rows) = match file.format {
        Format::JsonLines => objects(text),
        _ => {
            let usual = if file.format == Format::Tsv { '\t' } else { ',' };
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let count = |delimiter: char| first.matches(delimiter).count();
            let best = [usual, ';', '\t', ',', '|']
                .into_iter()
                .rev()
                .max_by_key(|delimiter| count(*delimiter))
                .filter(|best| count(*best) > count(usual));
            written.delimiter = best;
            parted(text, best.unwrap_or(usual)).map_err(unread)?
        }
    };
    if header.is_empty() {
        return Err(IntakeError::source(
            &file.name,
            "has no header and no objects that a mapping could be proposed from",
        ));
    }
    Ok((header, rows, written))
}

fn parted(text: &str, delimiter: char) -> std::io::Result<(Vec<String>, Vec<Vec<String>>)> {
    let delimiter = Delimiter::Byte(u8::try_from(delimiter).unwrap_or(b','));
    let mut reader = CsvRows::new(text.as_bytes(), delimiter, Some(b'"'), SAMPLE_BYTES as usize);
    let mut rows = Vec::new();
    let mut scratch = String::new();
    while rows.len() <= SAMPLE_ROWS {
        match reader.next()? {
            Next::End => break,
            Next::Bad { .. } => {}
            Next::Row { .. } => {
                let row = std::str::from_utf8(reader.row()).unwrap_or_default();
                let field = |idx| reader.field(idx, row, &mut scratch).unwrap_or_default().trim().to_owned();
                rows.push((0..reader.n_fields()).map(field).collect::<Vec<String>>());
            }
        }
    }
    let header = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
    Ok((header, rows))
}

fn objects(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let objects: Vec<Object<'_>> = text.lines().take(SAMPLE_ROWS).filter_map(Object::parse).collect();
    let mut header: Vec<String> = Vec::new();
    for object in &objects {
        for name in object.names() {
            // The members of objects are columns of their own.
            let below = object.raw(name).and_then(Object::parse);
            let names: Vec<String> = match &below {
                Some(below) => below.names().map(|below| format!("{name}.{below}")).collect(),
                None => vec![name.to_owned()],
            };
            names
                .into_iter()
                .filter(|name| !header.contains(name))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|name| header.push(name));
        }
    }
    let value = |object: &Object<'_>, name: &String| {
        object.raw(name).and_then(scalar).map(|text| text.into_owned()).unwrap_or_default()
    };
    let rows = objects.iter().map(|object| header.iter().map(|name| value(object, name)).collect()).collect();
    (header, rows)
}

fn typed(file: &SourceFile, path: &Path) -> Result<Sample, IntakeError> {
    let refuse = |what: String| IntakeError::source(&file.name, what);
    let opened = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .map_err(|error| refuse(format!("is no whole Parquet file ({error})")))?;
    let header: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut reader = reader.with_batch_size(SAMPLE_ROWS).build().map_err(|error| refuse(error.to_string()))?;
    let mut rows = Vec::new();
    if let Some(batch) = reader.next() {
        let batch = batch.map_err(|error| refuse(error.to_string()))?;
        let options = arrow::util::display::FormatOptions::default();
        let columns: Result<Vec<_>, _> = batch
            .columns()
            .iter()
            .map(|column| arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options))
            .collect();
        let columns = columns.map_err(|error| refuse(error.to_string()))?;
        rows = (0..batch.num_rows())
            .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect())
            .collect();
    }
    Ok((header, rows, Written::default()))
}
