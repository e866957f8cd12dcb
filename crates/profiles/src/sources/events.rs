//! Events, file by file. What is kept of a file rests on that file alone: ids stay as they were sent, and who they belong to
//! is looked up afterwards. So a new file costs no more than itself, and a new link or an erased visitor reads no file again.

use super::feeds::Feed;
use super::identity::Resolved;
use super::numbering::ROWS_PER_FILE;
use super::policies::{self, Applied};
use super::{Given, duplicates, fields, raw_table, tables};
use crate::engine::{Engine, Part};
use crate::report::PolicyCount;
use crate::{BuildError, TableKey};
use std::collections::BTreeMap;
use vitrine_intake::Kind;

const EVENTS: &str = include_str!("../../sql/clean/events.sql");
const COUNTS: &str = include_str!("../../sql/clean/event_counts.sql");
const TOTALS: &str = include_str!("../../sql/clean/event_totals.sql");

/// The table that a step over one file reads it as.
const ONE_FILE: &str = "raw_events_part";

/// The files of all event feeds, with what is known of each by itself.
pub(super) struct EventFiles<'a> {
    files: Vec<EventFile<'a>>,
}

struct EventFile<'a> {
    feed: &'a Feed,
    no: u64,
    part: Part,
    policies: Applied,
    facts: Facts,
}

/// What a file says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) rows: u64,
    /// The latest time. Unit: seconds since 1970.
    pub(super) latest_s: Option<i64>,
    /// The latest time that is believed.
    believed_s: Option<i64>,
    /// Rows without text, and rows whose text cannot be read, of every field of events, in order.
    pub(super) fields: Vec<[u64; 2]>,
    /// Rows that each policy touches.
    policies: Vec<u64>,
}

impl<'a> EventFiles<'a> {
    /// Looks at every file once. `latest_s`: times after it are not believed.
    pub(super) fn read(engine: &Engine, given: &[Given<'a>], latest_s: i64) -> Result<Self, BuildError> {
        let mut files = Vec::new();
        for given in given.iter().filter(|given| given.feed.kind == Kind::Events && !given.parts.is_empty()) {
            files.extend(files_of(engine, given, latest_s)?);
        }
        Ok(Self { files })
    }

    /// The latest time of all that is believed. Unit: seconds since 1970.
    pub(super) fn believed_s(&self) -> Option<i64> {
        self.files.iter().filter_map(|file| file.facts.believed_s).max()
    }

    /// Of all files of a feed together, or of all feeds.
    pub(super) fn facts(&self, feed: Option<&Feed>) -> Facts {
        let mut all = Facts { fields: vec![[0, 0]; fields::of(Kind::Events).len()], ..Facts::default() };
        let wanted = |file: &&EventFile<'_>| feed.is_none_or(|feed| feed.id == file.feed.id);
        for file in self.files.iter().filter(wanted) {
            all.rows += file.facts.rows;
            all.latest_s = all.latest_s.max(file.facts.latest_s);
            for (sum, more) in all.fields.iter_mut().zip(&file.facts.fields) {
                *sum = [sum[0] + more[0], sum[1] + more[1]];
            }
        }
        all
    }

    /// Makes `judged_events`, a row an event with why it was set aside, and `counts_as_sent`, the numbers of the report by the
    /// ids that were sent.
    pub(super) fn judge(self, engine: &Engine, given: &[Given<'_>], as_of_s: i64) -> Result<Judged, BuildError> {
        let copies = copies_by_key(engine, given)?;
        let (mut judged, mut counts) = (Vec::new(), Vec::new());
        let mut n_copies: BTreeMap<&str, u64> = BTreeMap::new();
        let mut clock_s = None;
        for file in &self.files {
            // A file of which nothing is too late says the same, whatever the day of the build.
            let late_s =
                if file.facts.latest_s.is_some_and(|latest_s| latest_s > as_of_s) { as_of_s } else { i64::MAX };
            if clock_s.replace(late_s) != Some(late_s) {
                engine.define("clock", &format!("SELECT CAST({late_s} AS BIGINT) AS as_of_s"))?;
            }
            let copied = match copies.get(file.feed.id.as_str()) {
                Some(table) => file.copies_by_key(engine, table)?,
                None => file.copies_of_all(engine)?,
            };
            *n_copies.entry(file.feed.id.as_str()).or_default() += copied.as_ref().map_or(0, |part| part.rows);
            let copies_sql = match copied.filter(|part| part.rows > 0) {
                Some(part) => {
                    engine.adopt("copies_events_part", vec![part])?;
                    "SELECT * FROM copies_events_part".to_owned()
                }
                None => tables::no_copies(),
            };
            let part = engine.run_on(
                &format!("judged_events-{:07}", file.no),
                ONE_FILE,
                &file.part,
                &judged_sql(&file.read_sql(), &copies_sql),
            )?;
            counts.push(engine.run_on(&format!("event_counts-{:07}", file.no), "judged", &part, COUNTS)?);
            judged.push(part);
        }
        if judged.is_empty() {
            engine.define("no_events", "SELECT * FROM read_events")?;
            engine.run_sql("judged_events", &judged_sql("SELECT * FROM no_events", &tables::no_copies()))?;
        } else {
            engine.adopt("judged_events", judged)?;
        }
        match counts.is_empty() {
            true => {
                engine.define("counts_as_sent", &format!("WITH judged AS (SELECT * FROM judged_events) {COUNTS}"))?
            }
            false => engine.adopt("counts_as_sent", counts.clone())?,
        }
        let mut all: Vec<PolicyCount> = Vec::new();
        for file in self.files {
            let feed = file.feed;
            for policy in file.policies.counted(file.facts.policies) {
                add(&mut all, policy);
            }
            let key = tables::duplicate_key(Kind::Events, &feed.layout);
            let by_what = if key.is_empty() { "all fields".to_owned() } else { key.join(", ") };
            let said = |n: &u64| *n > 0 || copies.contains_key(&feed.id);
            if let Some(n) = n_copies.remove(feed.id.as_str()).filter(said) {
                all.push(duplicates(feed, by_what, n));
            }
        }
        Ok(Judged { counts, policies: all })
    }
}

/// Events that were judged, of whom it is not yet known whose they are.
pub(super) struct Judged {
    /// The counts of each file.
    counts: Vec<Part>,
    /// What the policies did.
    pub(super) policies: Vec<PolicyCount>,
}

/// The same policy of another file adds to it. Bounds are those of each file: the widest stand in the report.
fn add(all: &mut Vec<PolicyCount>, policy: PolicyCount) {
    let is_same = |other: &&mut PolicyCount| {
        (&other.feed, &other.column, &other.policy) == (&policy.feed, &policy.column, &policy.policy)
    };
    let Some(same) = all.iter_mut().find(is_same) else { return all.push(policy) };
    let widest = |a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64| match (a, b) {
        (Some(a), Some(b)) => Some(of(a, b)),
        (one, other) => one.or(other),
    };
    same.rows += policy.rows;
    same.low = widest(same.low, policy.low, f64::min);
    same.high = widest(same.high, policy.high, f64::max);
    if same.filled_with != policy.filled_with {
        same.filled_with = None;
    }
}

/// The files of a feed.
fn files_of<'a>(engine: &Engine, given: &Given<'a>, latest_s: i64) -> Result<Vec<EventFile<'a>>, BuildError> {
    let (feed, layout) = (given.feed, &given.feed.layout);
    let ask_rows = policies::ask_rows(Kind::Events, layout);
    let (mut files, mut facts) = (Vec::new(), Vec::new());
    for (no, part) in given.numbered() {
        if ask_rows {
            engine.adopt(ONE_FILE, vec![part.clone()])?;
        }
        let policies = policies::plan(engine, Kind::Events, layout, &feed.id, ONE_FILE)?;
        let file = EventFile { feed, no, part: part.clone(), policies, facts: Facts::default() };
        facts.push(engine.run_on(&format!("event_facts-{no:07}"), ONE_FILE, part, &file.facts_sql(latest_s))?);
        files.push(file);
    }
    engine.adopt("event_facts", facts)?;
    let rows = engine.texts("event_facts", "SELECT * FROM event_facts ORDER BY file_no")?;
    for (file, row) in files.iter_mut().zip(rows) {
        let mut numbers = row.into_iter().skip(1).map(|cell| cell.and_then(|cell| cell.parse::<i64>().ok()));
        let mut count = || numbers.next().flatten().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        file.facts.rows = count();
        let n_fields = fields::of(Kind::Events).len();
        file.facts.fields = (0..n_fields).map(|_| [count(), count()]).collect();
        file.facts.policies = file.policies.counts().iter().map(|_| count()).collect();
        file.facts.latest_s = numbers.next().flatten();
        file.facts.believed_s = numbers.next().flatten();
    }
    Ok(files)
}

impl EventFile<'_> {
    /// The rows of the file with the columns of events.
    fn read_sql(&self) -> String {
        tables::select(Kind::Events, &self.feed.layout, &format!("({})", self.policies.sql(ONE_FILE)))
    }

    fn facts_sql(&self, latest_s: i64) -> String {
        let count = |condition: String| format!("coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)");
        let mut sums = vec!["count(*)".to_owned()];
        for field in fields::of(Kind::Events) {
            let (text, value) = (field.text_column(), field.column());
            sums.push(count(format!("{text} IS NULL")));
            sums.push(count(format!("{text} IS NOT NULL AND {value} IS NULL")));
        }
        let named = |names: &str, sums: &[String]| {
            let named: Vec<String> =
                sums.iter().enumerate().map(|(idx, sql)| format!("{sql} AS {names}{idx}")).collect();
            named.join(", ")
        };
        // What policies count, they count in the rows as they were read.
        let counts = match self.policies.counts() {
            [] => "SELECT 1 AS one".to_owned(),
            counts => format!("SELECT {} FROM {ONE_FILE}", named("p", counts)),
        };
        let policies: String = (0..self.policies.counts().len()).map(|idx| format!("p.p{idx}, ")).collect();
        let fields: Vec<String> = (0..sums.len()).map(|idx| format!("f.f{idx}")).collect();
        format!(
            "SELECT CAST({no} AS BIGINT) AS file_no, {fields}, {policies}f.latest_s, f.believed_s FROM (\
             SELECT {sums}, CAST(max(at_s) AS BIGINT) AS latest_s, \
             CAST(max(CASE WHEN at_s BETWEEN earliest_s AND {latest_s} THEN at_s END) AS BIGINT) AS believed_s \
             FROM (SELECT *, to_unixtime(at) AS at_s FROM ({read}))) AS f CROSS JOIN ({counts}) AS p",
            no = self.no,
            fields = fields.join(", "),
            sums = named("f", &sums),
            read = self.read_sql(),
        )
    }

    /// The rows of the file that say the same as an earlier one of their feed, known by which they are.
    fn copies_by_key(&self, engine: &Engine, table: &str) -> Result<Option<Part>, BuildError> {
        let (from, to) = (self.no * ROWS_PER_FILE, (self.no + 1) * ROWS_PER_FILE);
        let own = format!("SELECT * FROM {table} WHERE row_no >= {from} AND row_no < {to} ORDER BY row_no");
        engine.run_by_content(&format!("copies_events-{:07}", self.no), &own).map(Some)
    }

    /// Events without an id: whoever says exactly the same twice does so in one file.
    fn copies_of_all(&self, engine: &Engine) -> Result<Option<Part>, BuildError> {
        let table = format!("({})", self.policies.sql(ONE_FILE));
        let Some((sql, _)) = tables::copies(Kind::Events, &self.feed.layout, &table) else { return Ok(None) };
        engine.run_on(&format!("copies_events-{:07}", self.no), ONE_FILE, &self.part, &sql).map(Some)
    }
}

/// Makes a table of the copies of each feed whose events are known by a key. Gives their names, by feed.
fn copies_by_key(engine: &Engine, given: &[Given<'_>]) -> Result<BTreeMap<String, String>, BuildError> {
    let mut made = BTreeMap::new();
    for given in given.iter().filter(|given| given.feed.kind == Kind::Events && !given.parts.is_empty()) {
        let (feed, layout) = (given.feed, &given.feed.layout);
        if tables::duplicate_key(Kind::Events, layout).is_empty() {
            continue;
        }
        let raw = raw_table(feed, given.feed_idx);
        if let Some((sql, _)) = tables::copies(Kind::Events, layout, &raw) {
            let table = format!("copies_events_{}", given.feed_idx);
            engine.run_sql(&table, &sql)?;
            made.insert(feed.id.clone(), table);
        }
    }
    Ok(made)
}

/// The events of a file with what is wrong with each: `set_aside`, `field` and `text` say it, beside the columns of events.
fn judged_sql(read: &str, copies: &str) -> String {
    format!(
        "WITH read_events AS ({read}), copies_events AS ({copies}) \
         SELECT row_no, file_idx, source_row, customer_id, kind, at_s, session_id, item_id, category, channel, device, source, \
         placement, offer_id, campaign, value_minor, rating, sentiment_milli, said_reason AS reason, outcome, \
         reason AS set_aside, field, text FROM ({EVENTS})"
    )
}

/// Adds to the links those of visitors whose events have no id but the key of their row, 16 hexadecimal digits: who they are,
/// is known where the files have an id of that key. Nobody needs to send ids to the edge for this.
pub(super) fn know_again(engine: &Engine, key: &TableKey, resolved: &mut Resolved) -> Result<(), BuildError> {
    let mut unknown: BTreeMap<u64, String> = BTreeMap::new();
    let sql = "SELECT DISTINCT key FROM counts_as_sent WHERE what = 'visitor' AND octet_length(key) = 16";
    engine.each_row("identities", sql, |row| {
        if let [Some(id)] = row
            && !resolved.canonical.contains_key(*id)
            && let Some(hash) = u64::from_str_radix(id, 16).ok().filter(|hash| format!("{hash:016x}") == *id)
        {
            unknown.insert(hash, (*id).to_owned());
        }
        Ok(())
    })?;
    if unknown.is_empty() {
        return Ok(());
    }
    let mut found: BTreeMap<u64, String> = BTreeMap::new();
    let mut look_at = |id: &str| {
        let hash = key.hash(id).0;
        if unknown.contains_key(&hash) && found.get(&hash).is_none_or(|other| id < other.as_str()) {
            found.insert(hash, id.to_owned());
        }
    };
    resolved.canonical.keys().for_each(|id| look_at(id));
    for table in ["read_orders", "read_customers", "read_surveys", "read_contacts"] {
        let sql = format!("SELECT DISTINCT customer_id FROM {table} WHERE customer_id IS NOT NULL");
        engine.each_row("identities", &sql, |row| {
            row.iter().flatten().for_each(|id| look_at(id));
            Ok(())
        })?;
    }
    for (hash, id) in found {
        let Some(sent) = unknown.remove(&hash) else { continue };
        let member = resolved.canonical.get(&id).cloned().unwrap_or(id);
        resolved.canonical.entry(member.clone()).or_insert_with(|| member.clone());
        resolved.canonical.insert(sent, member);
        resolved.links += 1;
    }
    Ok(())
}

/// Makes the tables that say whose events they are: `events`, `rejected_events`, and `event_totals`, the numbers of the report.
pub(super) fn assign(engine: &Engine, judged: Judged) -> Result<(), BuildError> {
    engine.define(
        "events",
        "SELECT coalesce(i.customer_id, e.customer_id) AS customer_id, e.kind, e.at_s, e.session_id, e.item_id, e.category, \
         e.channel, e.device, e.source, e.placement, e.offer_id, e.campaign, e.value_minor, e.rating, e.sentiment_milli, \
         e.reason, e.outcome FROM judged_events AS e \
         LEFT JOIN identities AS i ON i.alias = e.customer_id LEFT JOIN tombstones AS t ON t.visitor = e.customer_id \
         WHERE e.set_aside IS NULL AND t.visitor IS NULL",
    )?;
    // Whoever was erased leaves nothing but the number of the row.
    engine.define(
        "rejected_events",
        "SELECT e.row_no, e.file_idx, e.source_row, CASE WHEN t.visitor IS NULL THEN e.set_aside ELSE 'erased' END AS reason, \
         CASE WHEN t.visitor IS NULL THEN e.field END AS field, CASE WHEN t.visitor IS NULL THEN e.text END AS text \
         FROM judged_events AS e LEFT JOIN tombstones AS t ON t.visitor = e.customer_id \
         WHERE e.set_aside IS NOT NULL OR t.visitor IS NOT NULL",
    )?;
    if engine.has_rows("tombstones")? {
        let of_erased = "SELECT e.* FROM judged_events AS e JOIN tombstones AS t ON t.visitor = e.customer_id";
        let sql = format!("WITH judged AS ({of_erased}) SELECT what, key, -n AS n FROM ({COUNTS})");
        let mut counts = judged.counts;
        counts.push(engine.run_part("counts_of_erased", &sql)?);
        engine.adopt("event_counts", counts)?;
    } else {
        engine.define("event_counts", "SELECT * FROM counts_as_sent")?;
    }
    engine.run_sql("event_totals", TOTALS)
}
