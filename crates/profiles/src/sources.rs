//! From a shop's raw files to clean canonical tables, with a report on everything that was found on the way.
//!
//! Each file is read through the mapping of its feed into `read_…` tables: canonical fields, each with its text as
//! written (`read`). Cleaning policies are applied (`policies`), ids are linked (`identity`), and `sql/clean/*.sql`
//! judges every row: it becomes a row of a canonical table, or stands in the quarantine with its reason.

mod drift;
mod erased;
mod events;
mod feeds;
mod fields;
mod identity;
mod layout;
mod numbering;
mod numbers;
mod policies;
mod quality;
mod raw;
mod read;
mod tables;

pub use identity::IdentityRule;

use crate::engine::{Engine, NamedQuery, Part};
use crate::lineage::Input;
use crate::report::{FeedReport, IdentityReport, PolicyCount, Quality};
use crate::{BuildError, BuildOptions, Progress, Stage};
use events::{EventFiles, Facts};
use feeds::Feed;
use read::Reader;
use std::collections::BTreeSet;
use vitrine_intake::Kind;

const DAY_S: i64 = 86_400;

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
    feed_idx: usize,
}

impl Given<'_> {
    /// The files with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (u64, &Part)> {
        self.parts.iter().enumerate().map(|(place, part)| (numbering::file_no(self.feed_idx, place), part))
    }
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
    let refusals = feeds.iter().map(|feed| feed.refusal(today)).collect::<Result<Vec<_>, _>>()?;
    let readable = feeds.iter_mut().zip(&refusals).filter(|(_, refusal)| refusal.is_none()).map(|(feed, _)| feed);
    raw::read(readable.collect(), &dir)?;
    for (feed, refusal) in feeds.iter().zip(refusals) {
        warnings.extend(
            feed.files
                .iter()
                .flat_map(|file| file.notices.iter().map(move |notice| format!("{}: {notice}", file.name))),
        );
        if let Some(why) = &refusal {
            warnings.push(format!(
                "feed {} was not read: {why}; switched off: {}",
                feed.id,
                feeds::rests_on(feed.kind)
            ));
        }
        reports.push(feed.report(refusal));
    }
    numbering::check(&feeds)?;
    feeds::define(engine, &feeds, &reports)?;
    tables::lookups(engine)?;
    let mut given = read_all(engine, &feeds, reports.clone(), progress)?;
    let read: u64 = given.iter().flat_map(|given| &given.parts).map(|part| part.rows).sum();
    if read == 0 {
        return Err(BuildError::NothingLeft { read, reasons: "the files have no rows".into() });
    }
    let mut quality = Quality { policies: apply_policies(engine, &given)?, ..Quality::default() };
    let event_files = EventFiles::read(engine, &given, bound_s(&given).unwrap_or(i64::MAX))?;
    let event_facts: Vec<Facts> = given.iter().map(|given| event_files.facts(Some(given.feed))).collect();
    let all_event_facts = event_files.facts(None);
    let (as_of_s, earliest_s) = clock(engine, options, &given, event_files.believed_s())?;

    let mut steps = Steps { done: 0, of: 13, progress };
    steps.next();
    let mut judged = event_files.judge(engine, &given, as_of_s)?;
    quality.policies.append(&mut judged.policies);

    // Whose rows are whose, before anything is counted.
    steps.next();
    engine.run_sql("checked_identities", tables::IDENTITIES)?;
    let mut resolved = tables::resolve(engine, options.identity_rule)?;
    events::know_again(engine, &options.key, &mut resolved)?;
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

    let checks: Vec<NamedQuery<'_>> = tables::CHECKS.iter().map(|(_, table, sql)| (*table, *sql)).collect();
    let kind_of = |step: &str| tables::CHECKS.iter().find(|(_, table, _)| *table == step).map(|(kind, ..)| *kind);
    let set_clock_of = |step: &str| kind_of(step).map_or(Ok(()), |kind| set_clock(engine, kind, as_of_s));
    engine.run_all(&checks, set_clock_of, || steps.next())?;
    events::assign(engine, judged)?;
    engine.define("clock", &format!("SELECT CAST({as_of_s} AS BIGINT) AS as_of_s"))?;
    for (table, sql) in tables::CANONICAL {
        engine.define(table, sql)?;
    }
    steps.next();
    engine.run_sql("quarantine", tables::QUARANTINE)?;

    for (given, facts) in given.iter_mut().zip(&event_facts) {
        if given.parts.is_empty() {
            continue;
        }
        let (rows, latest_s) = match given.feed.kind {
            Kind::Events => (facts.rows, facts.latest_s),
            _ => quality::rows_and_latest(engine, given.feed.kind, &raw_table(given.feed, given.feed_idx))?,
        };
        quality::feed(given.feed, rows, latest_s, as_of_s, &mut given.report);
    }
    for kind in Kind::ALL {
        let own: Vec<&Feed> = given
            .iter()
            .filter(|given| given.feed.kind == kind && given.report.is_active)
            .map(|given| given.feed)
            .collect();
        if !own.is_empty() {
            let facts = (kind == Kind::Events).then_some(&all_event_facts);
            quality.kinds.push(quality::kind(engine, kind, &own, facts)?);
        }
    }
    for given in given.iter().filter(|given| !given.parts.is_empty()) {
        let table = clean_table(given.feed, given.feed_idx);
        if given.feed.kind == Kind::Events {
            if !policies::ask_scales(Kind::Events, &given.feed.layout) {
                continue;
            }
            let raw = raw_table(given.feed, given.feed_idx);
            let applied = policies::plan(engine, Kind::Events, &given.feed.layout, &given.feed.id, &raw)?;
            engine.define(&table, &applied.sql(&raw))?;
        }
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
fn raw_table(feed: &Feed, feed_idx: usize) -> String {
    format!("raw_{}_{feed_idx}", feed.kind.name())
}

/// The table of the rows of a feed after its policies.
fn clean_table(feed: &Feed, feed_idx: usize) -> String {
    format!("clean_{}_{feed_idx}", feed.kind.name())
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
    let unreadable = |file: &feeds::RawFile, reason: String| BuildError::Source {
        file: file.given.clone(),
        reason: crate::engine::advice(reason),
    };
    let mut asked = Vec::new();
    for (feed_idx, (feed, _)) in feeds.iter().zip(&reports).enumerate().filter(|(_, (_, report))| report.is_active) {
        for (place, file) in feed.files.iter().enumerate() {
            let file_no = numbering::file_no(feed_idx, place);
            let raw = engine.open(&file.path, file.is_typed).map_err(|reason| unreadable(file, reason))?;
            let reader =
                Reader { raw: &raw, path: &file.given, kind: feed.kind, layout: &feed.layout, is_typed: file.is_typed };
            let step = format!("read-{}-{file_no:07}", feed.kind.name());
            let prepared = raw.prepare(&step, &reader.query(file_no)?, &file.key);
            asked.push(prepared.map_err(|reason| unreadable(file, reason))?);
        }
    }
    progress.advance(Stage::Read, 0, of);
    let mut read = engine.run_prepared(asked, |done| progress.advance(Stage::Read, done, of)).into_iter();
    let mut all = Vec::new();
    let mut names = Vec::new();
    let mut unreadable_rows = Vec::new();
    for (feed_idx, (feed, report)) in feeds.iter().zip(reports).enumerate() {
        let mut given = Given { feed, report, parts: Vec::new(), feed_idx };
        if feed.files.is_empty() || !given.report.is_active {
            names.push((numbering::file_no(feed_idx, 0), format!("({})", feed.id), feed));
            all.push(given);
            continue;
        }
        for ((place, file), part) in feed.files.iter().enumerate().zip(&mut read) {
            let file_no = numbering::file_no(feed_idx, place);
            given.parts.push(part.map_err(|reason| unreadable(file, reason))?);
            if let Some(rejected) = &file.rejected {
                let part = Part { path: rejected.clone(), key: file.key.clone(), rows: file.rejected_rows };
                engine.adopt(&format!("rejected_file_{file_no}"), vec![part])?;
                unreadable_rows.push(tables::unreadable(feed.kind, file_no));
            }
            names.push((file_no, file.name.clone(), feed));
        }
        engine.adopt(&raw_table(feed, feed_idx), given.parts.clone())?;
        all.push(given);
    }
    let rows: Vec<String> = names
        .iter()
        .map(|(file_no, name, feed)| {
            let text = crate::engine::text_literal;
            format!("SELECT CAST({file_no} AS BIGINT) AS file_idx, {} AS file, {} AS feed", text(name), text(&feed.id))
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
            let (raw, clean) = (raw_table(feed, given.feed_idx), clean_table(feed, given.feed_idx));
            if kind == Kind::Events {
                // They are judged file by file; only who they name is asked for all at once.
                reads.push(format!("SELECT customer_id FROM {raw}"));
                continue;
            }
            let (sql, policies) = policies::apply(engine, kind, &feed.layout, &feed.id, &raw)?;
            engine.define(&clean, &sql)?;
            counts.extend(policies);
            reads.push(tables::select(kind, &feed.layout, &clean));
            if let Some((sql, how)) = tables::copies(kind, &feed.layout, &clean) {
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

/// How dates are read in the files that there are.
fn dates<'a>(given: &'a [Given<'_>]) -> impl Iterator<Item = &'a vitrine_intake::Dates> {
    given.iter().filter(|given| !given.parts.is_empty()).map(|given| &given.feed.layout.mapping.dates)
}

/// Times after this are not believed. Unit: seconds since 1970.
fn bound_s(given: &[Given<'_>]) -> Option<i64> {
    dates(given).filter_map(|dates| dates.latest_s).min()
}

/// Sets the table `clock` for the rows of a kind: where none is later than the build, they say the same on every day.
fn set_clock(engine: &Engine, kind: Kind, as_of_s: i64) -> Result<(), BuildError> {
    let Some((time, _)) = fields::series(kind) else { return Ok(()) };
    let sql = format!("SELECT CAST(max(to_unixtime({time})) AS BIGINT) AS s FROM read_{}", kind.name());
    let latest = engine.texts("clock", &sql)?.into_iter().flatten().flatten().next();
    let is_late = latest.and_then(|latest| latest.parse::<i64>().ok()).is_some_and(|latest_s| latest_s > as_of_s);
    let clock_s = if is_late { as_of_s } else { i64::MAX };
    engine.define("clock", &format!("SELECT CAST({clock_s} AS BIGINT) AS as_of_s"))
}

/// Makes the table `clock`. Gives the time to look back from, and the earliest time that is believed.
fn clock(
    engine: &Engine,
    options: &BuildOptions,
    given: &[Given<'_>],
    last_event_s: Option<i64>,
) -> Result<(i64, i64), BuildError> {
    let earliest_s = dates(given).map(|dates| dates.earliest_s).min().unwrap_or(0);
    let bound_s = bound_s(given);
    let as_of_s = match options.as_of {
        Some(as_of) => bound_s.map_or(as_of.unix_seconds(), |bound_s| bound_s.min(as_of.unix_seconds())),
        None => {
            // Midnight after the last order line or event. Without any, every row fails a check, and that is said later.
            let bound_s = bound_s.unwrap_or(i64::MAX);
            let sql = format!(
                "SELECT max(to_unixtime(ordered_at)) AS s FROM read_orders WHERE order_id IS NOT NULL AND item_id IS NOT NULL \
                 AND to_unixtime(ordered_at) BETWEEN earliest_s AND {bound_s}"
            );
            let last = engine.texts("clock", &sql)?.into_iter().flatten().flatten().next();
            let last_s = last.and_then(|last| last.parse::<i64>().ok()).max(last_event_s);
            last_s.map_or(earliest_s, |last_s| (last_s / DAY_S + 1) * DAY_S)
        }
    };
    engine.define("clock", &format!("SELECT CAST({as_of_s} AS BIGINT) AS as_of_s"))?;
    Ok((as_of_s, earliest_s))
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
