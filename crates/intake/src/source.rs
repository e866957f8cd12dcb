//! Which files a shop means: a path, a folder, a pattern, or what lies in a bucket.

use crate::bucket::{Object, S3};
use crate::error::IntakeError;
use crate::raw_table::Format;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The endings that can be read; each may have `.gz` or `.zst` behind it.
const ENDINGS: &str = ".csv, .tsv, .txt, .jsonl, .ndjson, .json and .parquet, each perhaps with .gz or .zst behind it";

/// A file that can be staged.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As the shop calls it: a path, or `s3://bucket/key`.
    pub name: String,
    /// How its rows are written, by its name.
    pub format: Format,
    /// Its size. Unit: bytes.
    pub bytes: u64,
    pub(crate) place: Place,
}

/// Where a file lies.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Local(PathBuf),
    Object(Arc<S3>, Object),
}

/// The files that a text means, in the order of their names.
#[derive(Clone, Debug)]
pub struct Found {
    /// Never empty.
    pub files: Vec<SourceFile>,
    /// Files beside them that were left out, since their endings are unknown or their names begin with `.` or `_`.
    pub skipped: Vec<String>,
}

/// Finds the files of a path, a folder (with what lies below it), a pattern (`*`, `?`, `[…]`, `**`) or `s3://bucket/prefix`.
///
/// Errors: there are none, one cannot be read, a file named by itself has an unknown ending, or the bucket refuses.
pub fn find_files(text: &str) -> Result<Found, IntakeError> {
    match text.strip_prefix("s3://") {
        Some(_) => find_objects(text, &Arc::new(S3::from_env(text)?)),
        None => find_local(text),
    }
}

/// Finds the objects of `s3://bucket/prefix` behind a given door: a key, all below a prefix, or a pattern of keys.
///
/// Errors: as [`find_files`].
pub fn find_objects(text: &str, s3: &Arc<S3>) -> Result<Found, IntakeError> {
    let refuse = |what: String| IntakeError::source(text, what);
    let (bucket, key) =
        text.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, ""))).unwrap_or_default();
    if bucket.is_empty() {
        return Err(refuse("names no bucket; write s3://bucket/prefix".into()));
    }
    let plain = key.find(['*', '?', '[']).map_or(key, |at| key.get(..at).unwrap_or(key));
    let pattern = (plain.len() < key.len()).then(|| glob::Pattern::new(key)).transpose();
    let pattern = pattern.map_err(|error| refuse(format!("is no pattern: {error}")))?;
    let below = if plain.is_empty() || plain.ends_with('/') { plain.to_owned() } else { format!("{plain}/") };
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    let mut objects = s3.list(bucket, plain, text)?;
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    for object in objects {
        let fits = match &pattern {
            Some(pattern) => pattern.matches(&object.key),
            None => object.key == key || object.key.starts_with(&below),
        };
        // Consoles make empty objects for folders.
        if !fits || object.key.ends_with('/') {
            continue;
        }
        let name = format!("s3://{bucket}/{}", object.key);
        match format_of(&object.key).filter(|_| !is_hidden(object.key.strip_prefix(&below).unwrap_or(&object.key))) {
            Some(format) => files.push(SourceFile {
                name,
                format,
                bytes: object.bytes,
                place: Place::Object(Arc::clone(s3), object),
            }),
            None => skipped.push(name),
        }
    }
    some(text, files, skipped)
}

fn find_local(text: &str) -> Result<Found, IntakeError> {
    if text.contains("://") {
        return Err(IntakeError::source(text, "is neither a path nor s3://bucket/prefix; other schemes are unknown"));
    }
    let path = Path::new(text);
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    if path.is_file() {
        let Some(format) = format_of(text) else {
            return Err(IntakeError::source(text, format!("has an ending that is unknown; there are {ENDINGS}")));
        };
        files.push(local(path, format)?);
    } else if path.is_dir() {
        walk(path, &mut files, &mut skipped)?;
    } else if text.contains(['*', '?', '[']) {
        let paths = glob::glob(text).map_err(|error| IntakeError::source(text, format!("is no pattern: {error}")))?;
        for path in paths {
            let path = path.map_err(|error| IntakeError::source(text, error.to_string()))?;
            if path.is_file() {
                add(&path, &mut files, &mut skipped)?;
            }
        }
    } else {
        return Err(IntakeError::source(
            text,
            "there is no such file or folder; paths are relative to the folder of the shop file, else to the current one",
        ));
    }
    some(text, files, skipped)
}

fn some(text: &str, files: Vec<SourceFile>, skipped: Vec<String>) -> Result<Found, IntakeError> {
    if files.is_empty() {
        let what = match skipped.first() {
            None => "means no file; check the path".to_owned(),
            Some(first) => format!(
                "means no file that can be read ({} others such as {first}); endings are {ENDINGS}",
                skipped.len()
            ),
        };
        return Err(IntakeError::source(text, what));
    }
    Ok(Found { files, skipped })
}

fn walk(folder: &Path, files: &mut Vec<SourceFile>, skipped: &mut Vec<String>) -> Result<(), IntakeError> {
    let unread = |error: std::io::Error| IntakeError::source(folder.display().to_string(), error.to_string());
    let entries = std::fs::read_dir(folder).map_err(unread)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unread)?;
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true if is_hidden(&name_of(&path)) => skipped.push(path.display().to_string()),
            true => walk(&path, files, skipped)?,
            false => add(&path, files, skipped)?,
        }
    }
    Ok(())
}

fn add(path: &Path, files: &mut Vec<SourceFile>, skipped: &mut Vec<String>) -> Result<(), IntakeError> {
    let name = name_of(path);
    match format_of(&name).filter(|_| !is_hidden(&name)) {
        Some(format) => files.push(local(path, format)?),
        None => skipped.push(path.display().to_string()),
    }
    Ok(())
}

fn local(path: &Path, format: Format) -> Result<SourceFile, IntakeError> {
    let name = path.display().to_string();
    let bytes = std::fs::metadata(path).map_err(|error| IntakeError::source(&name, error.to_string()))?.len();
    Ok(SourceFile { name, format, bytes, place: Place::Local(path.to_owned()) })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a name, or a folder in it, is meant to be overlooked.
fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with(['.', '_']))
}

/// The format that a name promises.
fn format_of(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    Some(match name.rsplit_once('.')?.1 {
        "csv" | "txt" => Format::Csv,
        "tsv" => Format::Tsv,
        "jsonl" | "ndjson" | "json" => Format::JsonLines,
        "parquet" => Format::Parquet,
        _ => return None,
    })
}
