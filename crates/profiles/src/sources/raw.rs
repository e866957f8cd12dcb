//! The feeds of a build, from the short options or from a shop file, and their files, staged as Parquet.

use super::feeds::{Feed, RawFile};
use super::layout::Layout;
use crate::{AsOf, BuildError, BuildOptions};
use std::path::Path;
use vitrine_intake::{IntakeError, Kind, Mapping, ReadOptions, find_files, stage};

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

/// Finds and stages the files of a feed below a directory.
pub(super) fn read(feed: &mut Feed, dir: &Path) -> Result<(), BuildError> {
    let options = ReadOptions::of(&feed.layout.mapping, feed.kind);
    let Some(options) = options else { return Ok(()) };
    for source in &feed.sources {
        let found = find_files(source).map_err(|error| refused(source, error))?;
        for file in found.files {
            let table = stage(&file, dir, &options, &|_| ()).map_err(|error| refused(source, error))?;
            // The staged file is named by the content and by how it was read.
            let staged = table.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
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
    }
    Ok(())
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
