//! Where rows come from, and whether they may be used.

use super::layout::Layout;
use crate::engine::{Engine, text_literal};
use crate::report::FeedReport;
use crate::{AsOf, BuildError};
use std::path::PathBuf;
use vitrine_intake::Kind;

/// Files of one kind from one provider.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) provider: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) legal_basis: Option<String>,
    pub(crate) licence: Option<String>,
    /// The first day on which it may no longer be used.
    pub(crate) expires: Option<AsOf>,
    pub(crate) is_authorised: bool,
    pub(crate) layout: Layout,
    /// Paths, folders, patterns or buckets.
    pub(crate) sources: Vec<String>,
    pub(crate) files: Vec<RawFile>,
}

/// A file as intake leaves it: Parquet, all text with `source_row`, or typed as it came.
#[derive(Clone, Debug)]
pub(crate) struct RawFile {
    /// The file as it was given, for messages.
    pub(crate) given: PathBuf,
    /// Its name in reports, without folders.
    pub(crate) name: String,
    /// Where its rows are.
    pub(crate) path: PathBuf,
    /// Whether its columns are typed, as they came, without numbers of rows.
    pub(crate) is_typed: bool,
    /// A hash over the content of the file.
    pub(crate) key: String,
    /// Where the rows are that could not be read, and how many.
    pub(crate) rejected: Option<PathBuf>,
    pub(crate) rejected_rows: u64,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
}

impl Feed {
    /// Why the feed must not be read on a day; `None` if it may be.
    pub(super) fn refusal(&self, today: Option<AsOf>) -> Result<Option<String>, BuildError> {
        if !self.is_authorised {
            return Ok(Some("it is not authorised (authorised = false)".into()));
        }
        match (self.expires, today) {
            (None, _) => Ok(None),
            (Some(expires), Some(today)) => Ok((today >= expires).then(|| format!("it expired on {}", day(expires)))),
            (Some(expires), None) => Err(BuildError::Option {
                option: "today",
                what: format!(
                    "is needed: feed {} expires on {}, and a build reads no clock; give the day, or as_of",
                    self.id,
                    day(expires)
                ),
            }),
        }
    }

    pub(super) fn report(&self, switched_off: Option<String>) -> FeedReport {
        FeedReport {
            feed: self.id.clone(),
            kind: self.kind.name().to_owned(),
            provider: self.provider.clone(),
            purpose: self.purpose.clone(),
            legal_basis: self.legal_basis.clone(),
            licence: self.licence.clone(),
            expires: self.expires.map(day),
            is_active: switched_off.is_none(),
            switched_off,
            files: 0,
            rows: 0,
            latest: None,
            age_days: None,
        }
    }
}

/// What of a shop's features rests on a kind of file, for warnings.
pub(super) fn rests_on(kind: Kind) -> &'static str {
    match kind {
        Kind::Orders => "purchases, RFM, tastes and item lists",
        Kind::Events => "everything from visits, views and clicks",
        Kind::Catalogue => "prices, costs, stock and item attributes",
        Kind::Customers => "declared and inferred attributes",
        Kind::Surveys => "survey averages",
        Kind::Contacts => "service contacts",
        Kind::Identities => "the links between anonymous ids and members",
        Kind::Costs => "costs of channels and campaigns",
    }
}

/// Makes the table `feeds`.
pub(super) fn define(engine: &Engine, feeds: &[Feed], reports: &[FeedReport]) -> Result<(), BuildError> {
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "NULL".to_owned(), text_literal);
    let rows: Vec<String> = feeds
        .iter()
        .zip(reports)
        .map(|(feed, report)| {
            format!(
                "SELECT {} AS feed, {} AS kind, CAST({} AS VARCHAR) AS provider, CAST({} AS VARCHAR) AS purpose, \
                 CAST({} AS VARCHAR) AS legal_basis, CAST({} AS BIGINT) AS expires_s, {} AS is_active",
                text_literal(&feed.id),
                text_literal(feed.kind.name()),
                text(&feed.provider),
                text(&feed.purpose),
                text(&feed.legal_basis),
                feed.expires.map_or_else(|| "NULL".to_owned(), |expires| expires.unix_seconds().to_string()),
                report.is_active,
            )
        })
        .collect();
    engine.define("feeds", &rows.join(" UNION ALL "))
}

fn day(time: AsOf) -> String {
    time.to_string().chars().take(10).collect()
}
