//! The feeds of a build, from the short options or from a shop file, and their files, staged as Parquet.

use super::feeds::{Feed, RawFile};
use super::layout::Layout;
use crate::{AsOf, BuildError, BuildOptions};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use vitrine_intake::{IntakeError, Kind, Mapping, RawTable, ReadOptions, SourceFile, find_files, stage};

/// Files that are staged at a time: more would hold more memory, and one keeps little more than a processor busy.
const FILES_AT_ONCE: usize = 2;

/// All feeds, without their files.
pub(super) fn feeds(options: &BuildOptions) -> Result<Vec<Feed>, BuildError> {
    let mut feeds = Vec::new();
    if !options.orders.is_empty() {
        feeds.push(Feed {
            id: "orders".into(),
            kind: Kind::Orders,
            provider: None,
            purpose: None,
            legal_basis: None,
            licence: None,
            expires: None,
            is_authorised: true,
            layout: layout(&options.mapping, Kind::Orders)?,
            sources: options.orders.iter().map(|path| path.display().to_string()).collect(),
            files: Vec::new(),
        });
    }
    for feed in options.shop.iter().flat_map(|shop| &shop.feeds) {
        feeds.push(Feed {
            id: feed.id.clone(),
            kind: feed.kind,
            provider: feed.provider.clone(),
            purpose: feed.purpose.clone(),
            legal_basis: feed.legal_basis.clone(),
            licence: feed.licence.clone(),
            expires: feed.expires_s.and_then(AsOf::from_unix_seconds),
            is_authorised: feed.is_authorised,
            layout: layout(&feed.mapping, feed.kind)?,
            sources: feed.files.clone(),
            files: Vec::new(),
        });
    }
    Ok(feeds)
}

/// Finds the files of feeds, and stages them below a directory, some at a time.
pub(super) fn read(mut feeds: Vec<&mut Feed>, dir: &Path) -> Result<(), BuildError> {
    let mut found = Vec::new();
    for (feed_idx, feed) in feeds.iter().enumerate() {
        let Some(options) = ReadOptions::of(&feed.layout.mapping, feed.kind) else { continue };
        for source in &feed.sources {
            let files = find_files(source).map_err(|error| refused(source, error))?.files;
            found.extend(files.into_iter().map(|file| Wanted {
                feed_idx,
                source: source.clone(),
                file,
                options: options.clone(),
            }));
        }
    }
    let staged = stage_all(&found, dir);
    for (wanted, table) in found.iter().zip(staged) {
        let Wanted { feed_idx, source, file, .. } = wanted;
        let table = table.map_err(|error| refused(source, error))?;
        // The staged file is named by the content and by how it was read.
        let staged = table.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let Some(feed) = feeds.get_mut(*feed_idx) else { continue };
        feed.files.push(RawFile {
            given: file.name.clone().into(),
            name: file.name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
            path: table.path,
            is_typed: table.is_typed,
            key: format!("{} {staged}", table.sha256),
            rejected: table.rejected,
            rejected_rows: table.rejected_rows,
            notices: table.notices,
        });
    }
    Ok(())
}

/// A file that is to be staged.
struct Wanted {
    feed_idx: usize,
    /// As the user gave it.
    source: String,
    file: SourceFile,
    options: ReadOptions,
}

/// Stages files, in their order; those after one that fails may be missing.
fn stage_all(wanted: &[Wanted], dir: &Path) -> Vec<Result<RawTable, IntakeError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut staged = Vec::new();
        loop {
            let idx = next.fetch_add(1, Ordering::Relaxed);
            let Some(Wanted { file, options, .. }) = wanted.get(idx) else { break staged };
            let table = stage(file, dir, options, &|_| ());
            if table.is_err() {
                // Nobody needs the others.
                next.store(wanted.len(), Ordering::Relaxed);
            }
            staged.push((idx, table));
        }
    };
    let mut staged: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..FILES_AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    staged.sort_by_key(|(idx, _)| *idx);
    staged.into_iter().map(|(_, table)| table).collect()
}

/// An error of intake, with the file as the user gave it.
fn refused(given: &str, error: IntakeError) -> BuildError {
    match error {
        IntakeError::MissingColumns { file, mapping, missing, found } => {
            // Mappings of version 1 have no sections.
            let missing = missing.replace("(orders.", "(");
            BuildError::MissingColumns { file: file.into(), mapping, missing, found }
        }
        IntakeError::Source { file, what } => BuildError::Source { file: file.into(), reason: what },
        error @ (IntakeError::TooManyRejected { .. } | IntakeError::Work { .. }) => {
            let reason = error.to_string();
            let reason = reason.strip_prefix(&format!("{given}: ")).map_or(reason.clone(), str::to_owned);
            BuildError::Source { file: given.into(), reason }
        }
    }
}

fn layout(mapping: &Mapping, kind: Kind) -> Result<Layout, BuildError> {
    Layout::new(mapping, kind).ok_or_else(|| BuildError::Policy {
        mapping: mapping.name.clone(),
        key: kind.name().to_owned(),
        what: format!(
            "is missing, but the files are {kind}; add [{kind}.fields], or choose another mapping (it maps {})",
            mapping.kind_names()
        ),
    })
}
