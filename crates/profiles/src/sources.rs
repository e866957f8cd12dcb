//! From a shop's raw files to clean canonical tables, with a report on everything that was found on the way.
//!
//! Each file is read through the mapping of its feed into `read_…` tables: canonical fields, each with its text as
//! written (`read`). Cleaning policies are applied (`policies`), ids are linked (`identity`), and `sql/clean/*.sql`
//! judges every row: it becomes a row of a canonical table, or stands in the quarantine with its reason.

mod drift;
mod erased;
mod feeds;
mod fields;
mod identity;
mod layout;
mod numbers;
mod policies;
mod quality;
mod raw;
mod read;
mod tables;

pub use identity::IdentityRule;

use crate::engine::{Engine, Part};
use crate::lineage::Input;
use crate::report::{FeedReport, IdentityReport, PolicyCount, Quality};
use crate::{BuildError, BuildOptions, Progress, Stage};
use feeds::Feed;
use read::Reader;
use std::collections::BTreeSet;
use vitrine_intake::Kind;

const DAY_S: i64 = 86_400;
/// Numbers of rows below this belong to a file's own rows, above to its place among files.
const ROWS_PER_FILE: u64 = 1 << 40;

/// What reading and cleaning gave beside the tables.
pub(crate) struct Cleaned {
    /// The time that features look back from. Unit: seconds since 1970.
    pub(crate) as_of_s: i64,
    /// Before this, rows were put aside. Unit: seconds since 1970.
    pub(crate) earliest_s: i64,
    /// Order files and their rows.
    pub(crate) files: Vec<(String, u64)>,
    /// Every file that was read, with its hash.
    pub(crate) inputs: Vec<Input>,
    pub(crate) quality: Quality,
    pub(crate) warnings: Vec<String>,
}

/// A feed that was read: its table of typed rows, and the columns of its rows after policies.
struct Given<'a> {
    feed: &'a Feed,
    report: FeedReport,
    parts: Vec<Part>,
    first_file_idx: usize,
}

/// Reads and cleans everything that the options name: makes every canonical table, `quarantine` and `unmatched`.
pub(crate) fn clean(
    engine: &Engine,
    options: &BuildOptions,
    progress: &mut dyn Progress,
) -> Result<Cleaned, BuildError> {
    let mut feeds = raw::feeds(options)?;
    let today = options.today.or(options.as_of);
    let mut warnings = Vec::new();
    let mut reports = Vec::new();
    let dir = engine.stages().dir().join("raw");
    for feed in &mut feeds {
        let refusal = feed.refusal(today)?;
        if refusal.is_none() {
            raw::read(feed, &dir)?;
            let named = |file: &feeds::RawFile| {
                file.notices.iter().map(|notice| format!("{}: {notice}", file.name)).collect::<Vec<_>>()
            };
            warnings.extend(feed.files.iter().flat_map(named));
        }
        if let Some(why) = &refusal {
            warnings.push(format!(
                "feed {} was not read: {why}; switched off: {}",
                feed.id,
                feeds::rests_on(feed.kind)
            ));
        }
        reports.push(feed.report(refusal));
    }
    feeds::define(engine, &feeds, &reports)?;
    tables::lookups(engine)?;
    let mut given = read_all(engine, &feeds, reports.clone(), progress)?;
    let read: u64 = given.iter().flat_map(|given| &given.parts).map(|part| part.rows).sum();
    if read == 0 {
        return Err(BuildError::NothingLeft { read, reasons: "the files have no rows".into() });
    }
    let mut quality = Quality { policies: apply_policies(engine, &given)?, ..Quality::default() };
    let (as_of_s, earliest_s) = clock(engine, options, &given)?;

    // Whose rows are whose, before anything is counted.
    let mut steps = Steps { done: 0, of: 12, progress };
    steps.next();
    engine.run_sql("checked_identities", tables::IDENTITIES)?;
    let resolved = tables::resolve(engine, options.identity_rule)?;
    let entries = match &options.tombstones {
        Some(path) => erased::read(path)?,
        None => BTreeSet::new(),
    };
    let erased = if entries.is_empty() {
        BTreeSet::new()
    } else {
        erased::ids(engine, &options.key, &entries, &resolved, &tables::WITH_CUSTOMERS)?
    };
    tables::identities(engine, &resolved, &erased)?;
    quality.identity = IdentityReport {
        links: resolved.links,
        unlinked: resolved.unlinked,
        conflicts: resolved.conflicts,
        rings: resolved.rings,
        tombstones: entries.len() as u64,
    };
    if resolved.conflicts > 0 {
        warnings.push(format!(
            "{} aliases were linked to several members; each was given to one of them (identity_rule)",
            resolved.conflicts
        ));
    }

    for (table, sql) in tables::CHECKS {
        steps.next();
        engine.run_sql(table, sql)?;
    }
    steps.next();
    events(engine, &given, as_of_s, &mut quality.policies)?;
    for (table, sql) in tables::CANONICAL {
        engine.define(table, sql)?;
    }
    steps.next();
    engine.run_sql("quarantine", tables::QUARANTINE)?;

    for given in &mut given {
        let table = raw_table(given.feed, given.first_file_idx);
        if !given.parts.is_empty() {
            quality::feed(engine, given.feed, &table, as_of_s, &mut given.report)?;
        }
    }
    for kind in Kind::ALL {
        let own: Vec<&Feed> = given
            .iter()
            .filter(|given| given.feed.kind == kind && given.report.is_active)
            .map(|given| given.feed)
            .collect();
        if !own.is_empty() {
            quality.kinds.push(quality::kind(engine, kind, &own)?);
        }
    }
    for given in given.iter().filter(|given| !given.parts.is_empty()) {
        let table = clean_table(given.feed, given.first_file_idx);
        quality.scales.extend(policies::scales(engine, given.feed.kind, &given.feed.layout, &given.feed.id, &table)?);
    }
    steps.next();
    quality.joins = quality::joins(engine)?;
    quality.distributions = quality::distributions(engine)?;
    quality.drift = match drift::previous(options) {
        Some(before) => drift::between(&before, &quality.distributions),
        None => Vec::new(),
    };
    for drift in quality.drift.iter().filter(|drift| drift.has_moved) {
        warnings.push(format!(
            "{}.{} has moved since the last build (PSI {}); check the feed",
            drift.table, drift.column, drift.psi
        ));
    }
    steps.finish();
    let files = given
        .iter()
        .filter(|given| given.feed.kind == Kind::Orders)
        .flat_map(|given| given.feed.files.iter().zip(&given.parts))
        .map(|(file, part)| (file.name.clone(), part.rows + file.rejected_rows))
        .collect();
    let inputs = inputs(&given);
    quality.feeds = given.into_iter().map(|given| given.report).collect();
    Ok(Cleaned { as_of_s, earliest_s, files, inputs, quality, warnings })
}

/// The files of the feeds that were read, in their order.
fn inputs(given: &[Given<'_>]) -> Vec<Input> {
    let files = given.iter().flat_map(|given| {
        given.feed.files.iter().zip(&given.parts).map(|(file, part)| Input {
            feed: given.feed.id.clone(),
            kind: given.feed.kind.name().to_owned(),
            name: file.name.clone(),
            // The key begins with the hash of the content.
            sha256: file.key.split(' ').next().unwrap_or_default().to_owned(),
            rows: part.rows + file.rejected_rows,
        })
    });
    files.collect()
}

/// Progress over the steps of cleaning.
struct Steps<'a> {
    done: u64,
    of: u64,
    progress: &'a mut dyn Progress,
}

impl Steps<'_> {
    fn next(&mut self) {
        self.progress.advance(Stage::Clean, self.done.min(self.of - 1), self.of);
        self.done += 1;
    }

    fn finish(&mut self) {
        self.progress.advance(Stage::Clean, self.of, self.of);
    }
}

/// The table of the typed rows of a feed.
fn raw_table(feed: &Feed, first_file_idx: usize) -> String {
    format!("raw_{}_{first_file_idx}", feed.kind.name())
}

/// The table of the rows of a feed after its policies.
fn clean_table(feed: &Feed, first_file_idx: usize) -> String {
    format!("clean_{}_{first_file_idx}", feed.kind.name())
}

/// Reads the files of every feed that may be read, and makes the table `files`.
fn read_all<'a>(
    engine: &Engine,
    feeds: &'a [Feed],
    reports: Vec<FeedReport>,
    progress: &mut dyn Progress,
) -> Result<Vec<Given<'a>>, BuildError> {
    let active = feeds.iter().zip(&reports).filter(|(_, report)| report.is_active);
    let of = active.map(|(feed, _)| feed.files.len() as u64).sum();
    let mut all = Vec::new();
    let mut names = Vec::new();
    let mut unreadable_rows = Vec::new();
    for (feed, report) in feeds.iter().zip(reports) {
        let mut given = Given { feed, report, parts: Vec::new(), first_file_idx: names.len() };
        if !given.report.is_active {
            // Its place stays empty: numbers of files of other feeds do not depend on it.
            names.push((format!("({})", feed.id), feed));
            all.push(given);
            continue;
        }
        for file in &feed.files {
            progress.advance(Stage::Read, names.len() as u64, of);
            let file_idx = names.len();
            let unreadable =
                |reason: String| BuildError::Source { file: file.given.clone(), reason: crate::engine::advice(reason) };
            let raw = engine.open(&file.path, file.is_typed).map_err(unreadable)?;
            let reader = Reader { raw: &raw, path: &file.given, kind: feed.kind, layout: &feed.layout };
            let query = reader.query(file_idx)?;
            let step = format!("read-{}-{file_idx:05}", feed.kind.name());
            given.parts.push(raw.stage(&step, &query, &file.key).map_err(unreadable)?);
            if let Some(rejected) = &file.rejected {
                let part = Part { path: rejected.clone(), key: file.key.clone(), rows: file.rejected_rows };
                engine.adopt(&format!("rejected_file_{file_idx}"), vec![part])?;
                unreadable_rows.push(tables::unreadable(feed.kind, file_idx));
            }
            names.push((file.name.clone(), feed));
        }
        if feed.files.is_empty() {
            names.push((format!("({})", feed.id), feed));
        } else {
            engine.adopt(&raw_table(feed, given.first_file_idx), given.parts.clone())?;
        }
        all.push(given);
    }
    progress.advance(Stage::Read, of, of);
    let rows: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(file_idx, (name, feed))| {
            let text = crate::engine::text_literal;
            format!("SELECT CAST({file_idx} AS BIGINT) AS file_idx, {} AS file, {} AS feed", text(name), text(&feed.id))
        })
        .collect();
    engine.define("files", &rows.join(" UNION ALL "))?;
    let none = tables::no_unreadable();
    engine
        .define("unreadable", &if unreadable_rows.is_empty() { none } else { unreadable_rows.join(" UNION ALL ") })?;
    Ok(all)
}

/// Makes the tables `read_…` and `copies_…` of every kind, and the cells of attributes.
fn apply_policies(engine: &Engine, given: &[Given<'_>]) -> Result<Vec<PolicyCount>, BuildError> {
    let mut counts = Vec::new();
    let (mut customer_cells, mut catalogue_cells) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let name = kind.name();
        let columns = tables::columns(kind);
        let (mut reads, mut copies) = (Vec::new(), Vec::new());
        for given in given.iter().filter(|given| given.feed.kind == kind && !given.parts.is_empty()) {
            let feed = given.feed;
            let (raw, clean) = (raw_table(feed, given.first_file_idx), clean_table(feed, given.first_file_idx));
            let (sql, policies) = policies::apply(engine, kind, &feed.layout, &feed.id, &raw)?;
            engine.define(&clean, &sql)?;
            counts.extend(policies);
            reads.push(tables::select(kind, &feed.layout, &clean));
            let by_file = kind == Kind::Events && tables::duplicate_key(kind, &feed.layout).is_empty();
            if let Some((sql, how)) = tables::copies(kind, &feed.layout, &clean).filter(|_| !by_file) {
                let table = format!("copies_{}", clean.trim_start_matches("clean_"));
                engine.run_sql(&table, &sql)?;
                counts.push(duplicates(feed, how, engine.count(&table)?));
                copies.push(format!("SELECT * FROM {table}"));
            }
            let cells = tables::cells(&feed.layout, &clean);
            match kind {
                Kind::Catalogue => catalogue_cells.extend(cells),
                _ => customer_cells.extend(cells),
            }
        }
        let none = |columns: &[(String, String)]| {
            let nulls: Vec<String> =
                columns.iter().map(|(name, kind)| format!("CAST(NULL AS {kind}) AS {name}")).collect();
            format!("SELECT {} WHERE false", nulls.join(", "))
        };
        let or_none = |parts: Vec<String>, columns: &[(String, String)]| {
            if parts.is_empty() { none(columns) } else { parts.join(" UNION ALL ") }
        };
        engine.define(&format!("read_{name}"), &or_none(reads, &columns))?;
        engine.define(&format!("copies_{name}"), &or_none(copies, &tables::copies_columns()))?;
    }
    for (table, cells) in [("read_attributes", customer_cells), ("catalogue_cells", catalogue_cells)] {
        let sql = if cells.is_empty() { tables::no_cells() } else { cells.join(" UNION ALL ") };
        engine.define(table, &sql)?;
    }
    Ok(counts)
}

/// Makes the table `clock`. Gives the time to look back from, and the earliest time that is believed.
fn clock(engine: &Engine, options: &BuildOptions, given: &[Given<'_>]) -> Result<(i64, i64), BuildError> {
    let dates = given.iter().filter(|given| !given.parts.is_empty()).map(|given| &given.feed.layout.mapping.dates);
    let earliest_s = dates.clone().map(|dates| dates.earliest_s).min().unwrap_or(0);
    let bound_s = dates.filter_map(|dates| dates.latest_s).min();
    let as_of_s = match options.as_of {
        Some(as_of) => bound_s.map_or(as_of.unix_seconds(), |bound_s| bound_s.min(as_of.unix_seconds())),
        None => {
            // Midnight after the last order line or event. Without any, every row fails a check, and that is said later.
            let bound_s = bound_s.unwrap_or(i64::MAX);
            let sql = format!(
                "SELECT max(s) AS s FROM (\
                 SELECT max(to_unixtime(ordered_at)) AS s FROM read_orders WHERE order_id IS NOT NULL AND item_id IS NOT NULL \
                 AND to_unixtime(ordered_at) BETWEEN earliest_s AND {bound_s} UNION ALL \
                 SELECT max(to_unixtime(at)) AS s FROM read_events WHERE to_unixtime(at) BETWEEN earliest_s AND {bound_s})"
            );
            let last = engine.texts("clock", &sql)?.into_iter().flatten().flatten().next();
            last.and_then(|last| last.parse::<i64>().ok()).map_or(earliest_s, |last_s| (last_s / DAY_S + 1) * DAY_S)
        }
    };
    engine.define("clock", &format!("SELECT CAST({as_of_s} AS BIGINT) AS as_of_s"))?;
    Ok((as_of_s, earliest_s))
}

/// Makes `events` and `rejected_events`, file by file, so that a new file costs no more than itself.
fn events(
    engine: &Engine,
    given: &[Given<'_>],
    as_of_s: i64,
    policies: &mut Vec<PolicyCount>,
) -> Result<(), BuildError> {
    let (mut kept, mut rejected) = (Vec::new(), Vec::new());
    for given in given.iter().filter(|given| given.feed.kind == Kind::Events && !given.parts.is_empty()) {
        let feed = given.feed;
        let whole = clean_table(feed, given.first_file_idx);
        let copies = format!("copies_{}", whole.trim_start_matches("clean_"));
        let mut n_copies = 0;
        for (place, part) in given.parts.iter().enumerate() {
            let file_idx = (given.first_file_idx + place) as u64;
            engine.adopt("raw_events_part", vec![part.clone()])?;
            let (sql, _) =
                crate::sources::policies::apply(engine, Kind::Events, &feed.layout, &feed.id, "raw_events_part")?;
            engine.define("clean_events_part", &sql)?;
            engine.define("read_events", &tables::select(Kind::Events, &feed.layout, "clean_events_part"))?;
            // A file of which nothing is too late says the same, whatever the day of the build; the same for copies.
            let latest = engine.texts("clock", "SELECT max(to_unixtime(at)) AS s FROM read_events")?;
            let latest_s = latest.into_iter().flatten().flatten().next().and_then(|latest| latest.parse::<i64>().ok());
            let clock_s = if latest_s.is_some_and(|latest_s| latest_s > as_of_s) { as_of_s } else { i64::MAX };
            engine.define("clock", &format!("SELECT CAST({clock_s} AS BIGINT) AS as_of_s"))?;
            let copied = match tables::copies(Kind::Events, &feed.layout, "clean_events_part") {
                None => None,
                // Events without an id: whoever says exactly the same twice does so in one file.
                Some((sql, _)) if tables::duplicate_key(Kind::Events, &feed.layout).is_empty() => {
                    let part = engine.run_part(&format!("copies_events-{file_idx:05}"), &sql)?;
                    n_copies += part.rows;
                    engine.adopt("copies_events_part", vec![part.clone()])?;
                    (part.rows > 0).then(|| "SELECT * FROM copies_events_part".to_owned())
                }
                Some(_) => {
                    let (from, to) = (file_idx * ROWS_PER_FILE, (file_idx + 1) * ROWS_PER_FILE);
                    let own = format!("SELECT * FROM {copies} WHERE row_no >= {from} AND row_no < {to}");
                    (engine.count(&format!("({own})"))? > 0).then_some(own)
                }
            };
            engine.define("copies_events", &copied.unwrap_or_else(tables::no_copies))?;
            kept.push(engine.run_part(&format!("events-{file_idx:05}"), &tables::events_kept())?);
            rejected.push(engine.run_part(&format!("rejected_events-{file_idx:05}"), &tables::events_rejected())?);
        }
        if n_copies > 0 {
            policies.push(duplicates(feed, "all fields".into(), n_copies));
        }
    }
    if kept.is_empty() {
        engine.run_sql("events", &tables::events_kept())?;
        engine.run_sql("rejected_events", &tables::events_rejected())?;
    } else {
        engine.adopt("events", kept)?;
        engine.adopt("rejected_events", rejected)?;
    }
    engine.define("clock", &format!("SELECT CAST({as_of_s} AS BIGINT) AS as_of_s"))?;
    // For the counts of the report: all files again.
    let reads: Vec<String> = given
        .iter()
        .filter(|given| given.feed.kind == Kind::Events && !given.parts.is_empty())
        .map(|given| tables::select(Kind::Events, &given.feed.layout, &clean_table(given.feed, given.first_file_idx)))
        .collect();
    if reads.is_empty() { Ok(()) } else { engine.define("read_events", &reads.join(" UNION ALL ")) }
}

/// What was found of rows that say the same.
fn duplicates(feed: &Feed, by: String, rows: u64) -> PolicyCount {
    PolicyCount {
        feed: feed.id.clone(),
        kind: feed.kind.name().to_owned(),
        column: by,
        policy: "duplicates".into(),
        rows,
        low: None,
        high: None,
        filled_with: None,
    }
}

impl Cleaned {
    /// The error of a build of which nothing is left.
    pub(crate) fn nothing_left(&self) -> BuildError {
        let read = self.quality.kinds.iter().map(|kind| kind.rows.read).sum();
        let mut reasons: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
        for reason in self.quality.kinds.iter().flat_map(|kind| &kind.reasons) {
            *reasons.entry(&reason.code).or_default() += reason.rows;
        }
        let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let reasons: Vec<String> = reasons.iter().map(|(code, rows)| format!("{rows} {code}")).collect();
        BuildError::NothingLeft { read, reasons: reasons.join(", ") }
    }
}
