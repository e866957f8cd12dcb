//! From source tables to one row of labels a customer: runs the feature files and joins what they make.

mod attributes;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod incremental;

use crate::engine::{
    CANONICAL, EVENT_ITEMS, EVENT_SUMS, Engine, NamedQuery, Narrow, SIDE_BY_SIDE, TABLES, Tally, fits,
};
use crate::labels::{Changes, FeatureFile, Label, LabelError, Registry};
use crate::learned::{self, Job, Learned};
use crate::{BuildError, LabelState};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

macro_rules! builtin {
    ($($name:literal),+ $(,)?) => {
        /// The feature files that are built in: their names and texts, in the order of their columns.
        const BUILTIN: &[(&str, &str)] = &[$(($name, include_str!(concat!("../sql/features/", $name, ".sql")))),+];
    };
}

builtin!(
    "customers",
    "rfm",
    "habits",
    "top_categories",
    "last_items",
    "lifecycle",
    "cycle",
    "activity",
    "contribution",
    "order_windows",
    "price_band",
    "discounts",
    "channels",
    "top_brands",
    "dayparts",
    "bought",
    "event_windows",
    "interests",
    "viewed",
    "sentiment",
    "opinions",
    "complaints",
    "risk",
);

/// Where labels come from, beside the files that are built in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<'a> {
    /// Folder of the shop's feature files.
    pub(crate) features_dir: Option<&'a Path>,
    /// The shop's `labels.toml`.
    pub(crate) labels_file: Option<&'a Path>,
}

/// Labels with what the data says of them.
pub(crate) struct Made {
    pub(crate) registry: Registry,
    pub(crate) tally: Tally,
    /// What a person should know: labels that are switched off, models that are not shown.
    pub(crate) warnings: Vec<String>,
    /// What the models found.
    pub(crate) learned: Learned,
}

/// The text of a feature file that is built in; empty if there is none of that name.
pub(crate) fn builtin_sql(name: &str) -> &'static str {
    BUILTIN.iter().find(|(builtin, _)| *builtin == name).map_or("", |(_, sql)| sql)
}

/// The feature files that are built in.
pub(crate) fn builtin() -> Result<Vec<FeatureFile>, LabelError> {
    BUILTIN
        .iter()
        .map(|(name, sql)| FeatureFile::parse(&PathBuf::from(format!("sql/features/{name}.sql")), sql, false))
        .collect()
}

/// Every label that the built-in feature files, a folder of a shop's own ones and its `labels.toml` declare, before any
/// data. The attributes of customers are not among them, since only data says what these are, unless `labels.toml` gives
/// their meaning and type.
///
/// Errors: a file that cannot be read or makes no sense.
pub fn declared_labels(features_dir: Option<&Path>, labels_file: Option<&Path>) -> Result<Registry, LabelError> {
    let own = Own { features_dir, labels_file };
    let changes = own.changes()?;
    let mut registry = Registry { version: 1, labels: Vec::new() };
    for file in builtin()?.iter().chain(&own.files()?) {
        registry.add(file, &changes)?;
    }
    for mut file in learned::files()? {
        file.labels.retain(|label| registry.get(&label.name).is_none());
        registry.add(&file, &changes)?;
    }
    changes.declare(&mut registry)?;
    registry.add_own(&changes)?;
    Ok(registry)
}

impl Own<'_> {
    fn changes(self) -> Result<Changes, LabelError> {
        self.labels_file.map_or_else(|| Ok(Changes::default()), Changes::from_file)
    }

    fn files(self) -> Result<Vec<FeatureFile>, LabelError> {
        self.features_dir.map_or_else(|| Ok(Vec::new()), FeatureFile::read_folder)
    }
}

/// Number of steps that [`run`] reports about.
///
/// Errors: the shop's files make no sense. Known before anything is read.
pub(crate) fn n_steps(own: Own<'_>) -> Result<u64, BuildError> {
    own.changes()?;
    Ok((TABLES.len() + 1 + BUILTIN.len() + own.files()?.len() + 3) as u64)
}

/// Makes the table `features` from the source tables, without models.
#[cfg(test)]
pub(crate) fn run(engine: &Engine, own: Own<'_>, as_of_s: i64, done: impl FnMut(u64)) -> Result<Made, BuildError> {
    let options = crate::ModelOptions::none();
    run_learning(engine, own, &Job { options: &options, as_of_s, seed: 0, minor_digits: 2 }, done)
}

/// Makes the table `features` from the source tables, with the models that `job` asks for.
pub(crate) fn run_learning(
    engine: &Engine,
    own: Own<'_>,
    job: &Job<'_>,
    mut done: impl FnMut(u64),
) -> Result<Made, BuildError> {
    let as_of_s = job.as_of_s;
    let changes = own.changes()?;
    engine.complete()?;
    let filled = engine.filled_sources()?;
    let mut lineage = Lineage::default();
    let mut n_done = 0;
    let mut advance = || {
        done(n_done);
        n_done += 1;
    };
    advance();
    let (source, of) = events(engine)?;
    let (part, whole) = EVENT_SUMS;
    engine.run_parts(source, of, part, whole)?;
    lineage.add(whole.table, vec!["events".to_owned()]);
    engine.define(EVENT_ITEMS.table, EVENT_ITEMS.sql)?;
    lineage.add(EVENT_ITEMS.table, vec!["events".to_owned()]);
    let builtin = builtin()?;
    let steps = TABLES.iter().map(|step| (step.table, step.sql));
    let steps: Vec<NamedQuery<'_>> =
        steps.chain(builtin.iter().map(|file| (file.name.as_str(), file.sql.as_str()))).collect();
    engine.run_all(&steps, |_| Ok(()), &mut advance)?;
    for step in TABLES {
        lineage.add(step.table, engine.tables_of(step.table, step.sql)?);
    }
    let mut registry = Registry { version: 1, labels: Vec::new() };
    let mut files = Vec::new();
    for file in builtin {
        files.push(run_file(engine, file, &changes, &filled, &mut lineage, &mut registry)?);
    }
    for file in in_order(engine, own.files()?)? {
        advance();
        if engine.has_table(&file.name)? || learned::is_table(&file.name) {
            let what = format!("there is a table {} already; give the file another name", file.name);
            return Err(LabelError::Line { file: file.path, line: 1, what }.into());
        }
        files.push(run_file(engine, file, &changes, &filled, &mut lineage, &mut registry)?);
    }
    advance();
    if let Some(file) = attributes::feature_file(engine, &registry, &changes)? {
        files.push(run_file(engine, file, &changes, &filled, &mut lineage, &mut registry)?);
    }
    let mut warnings = Vec::new();
    // Once before the models, which tell nothing of what is off, and once with their labels.
    switch_off(engine, &files, &mut registry, as_of_s, &mut warnings)?;
    advance();
    let mut learned = Learned::default();
    for model in learned::run(engine, job, &registry, &filled)? {
        learned.add(&model)?;
        warnings.extend(model.note.warnings.iter().cloned());
        let (there, missing, taken) = model.split(&registry);
        warnings.extend(taken);
        lineage.add(model.rows_table, model.reads.clone());
        if let Some(file) = there {
            files.push(run_file(engine, file, &changes, &filled, &mut lineage, &mut registry)?);
        }
        registry.add(&missing, &changes)?;
        for label in registry.labels.iter_mut().filter(|label| missing.labels.iter().any(|one| one.name == label.name))
        {
            label.state = model.why_not(&label.name);
        }
    }
    registry.add_own(&changes)?;
    switch_off(engine, &files, &mut registry, as_of_s, &mut warnings)?;

    advance();
    join(engine, &files, &mut registry, &changes, &lineage)?;
    let tally = engine.tally(&registry)?;
    for label in &mut registry.labels {
        if label.state == LabelState::InTable && !label.always && tally.is_empty(&label.name) {
            label.state = LabelState::Absent { why: "no customer has a value".into() };
        }
    }
    done(n_done);
    Ok(Made { registry, tally, warnings, learned })
}

/// The table of the events of each file under the ids that were sent, and which of its rows are sound. Whoever made `events`
/// by other means has none.
fn events(engine: &Engine) -> Result<(&'static str, &'static str), BuildError> {
    Ok(if engine.has_table("judged_events")? { ("judged_events", "WHERE set_aside IS NULL") } else { ("events", "") })
}

/// Runs one feature file, unless its table was made, and checks that it gives what it declares.
fn run_file(
    engine: &Engine,
    mut file: FeatureFile,
    changes: &Changes,
    filled: &BTreeSet<String>,
    lineage: &mut Lineage,
    registry: &mut Registry,
) -> Result<FeatureFile, BuildError> {
    let refuse =
        |line: usize, what: String| BuildError::Labels(LabelError::Line { file: file.path.clone(), line, what });
    let own_error = |error: BuildError| match error {
        BuildError::Step { reason, .. } if file.is_own => refuse(1, reason),
        other => other,
    };
    let reads = engine.tables_of(&file.name, &file.sql).map_err(own_error)?;
    engine.run_sql(&file.name, &file.sql).map_err(own_error)?;
    let columns: BTreeMap<_, _> =
        engine.columns_of(&file.name, &format!("SELECT * FROM {}", file.name))?.into_iter().collect();
    let names = || columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if !columns.get("customer_id").is_some_and(|kind| kind.is_string()) {
        return Err(refuse(1, format!("gives no text column customer_id; it gives {}", names())));
    }
    let n_before = registry.labels.len();
    registry.add(&file, changes)?;
    for label in registry.labels.iter().skip(n_before) {
        let line = file.line_of(&label.name);
        for (idx, column) in label.columns().iter().enumerate() {
            let Some(found) = columns.get(column) else {
                return Err(refuse(
                    line,
                    format!("label {} needs a column {column}, but the query gives {}", label.name, names()),
                ));
            };
            if let Err(needed) = fits(&label.kind, idx, found) {
                let what = format!(
                    "label {} is of type {} and needs {needed}, but column {column} is {found}",
                    label.name,
                    label.type_name()
                );
                return Err(refuse(line, what));
            }
        }
    }
    if file.is_own {
        let n_rows = engine.count(&file.name)?;
        let n_customers =
            engine.count(&format!("(SELECT DISTINCT customer_id FROM {} WHERE customer_id IS NOT NULL)", file.name))?;
        if n_rows != n_customers {
            return Err(refuse(
                1,
                format!(
                    "gives {n_rows} rows for {n_customers} customers; give one row a customer (GROUP BY customer_id)"
                ),
            ));
        }
    }
    lineage.add(&file.name, reads.clone());
    let requires = file.requires.clone().unwrap_or_else(|| lineage.required(&reads));
    // `a|b` is one or the other.
    let is_there = |tables: &str| tables.split('|').any(|table| filled.contains(table));
    let missing = requires.iter().find(|tables| !is_there(tables));
    let (steps, tables) = lineage.of(&file.name);
    for label in registry.labels.iter_mut().skip(n_before) {
        (label.steps, label.tables) = (steps.clone(), tables.clone());
        label.state = match missing {
            _ if label.is_withheld() => LabelState::Withheld,
            Some(table) if !label.always => LabelState::Absent { why: format!("table {table} has no rows") },
            _ if label.in_table => LabelState::InTable,
            _ => LabelState::FeaturesOnly,
        };
    }
    file.requires = Some(requires);
    Ok(file)
}

/// The shop's files, each after those whose tables it reads.
fn in_order(engine: &Engine, mut files: Vec<FeatureFile>) -> Result<Vec<FeatureFile>, BuildError> {
    let mut ordered: Vec<FeatureFile> = Vec::new();
    while !files.is_empty() {
        let mut next = None;
        for (idx, file) in files.iter().enumerate() {
            let reads = engine.tables_of(&file.name, &file.sql).map_err(|error| LabelError::Line {
                file: file.path.clone(),
                line: 1,
                what: error.to_string(),
            })?;
            if !files.iter().any(|other| other.name != file.name && reads.contains(&other.name)) {
                next = Some(idx);
                break;
            }
        }
        let Some(idx) = next else {
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            let what = format!("feature files read each other in a circle: {}", names.join(", "));
            let file = files.first().map(|file| file.path.clone()).unwrap_or_default();
            return Err(LabelError::Line { file, line: 1, what }.into());
        };
        ordered.push(files.remove(idx));
    }
    Ok(ordered)
}

/// Switches off the labels that have expired, and those that need a source table all of whose feeds have.
fn switch_off(
    engine: &Engine,
    files: &[FeatureFile],
    registry: &mut Registry,
    as_of_s: i64,
    warnings: &mut Vec<String>,
) -> Result<(), BuildError> {
    let expired = engine.expired_kinds(as_of_s)?;
    // `a|b` is gone when both are.
    let gone = |tables: &String| {
        let feeds: Option<Vec<&str>> = tables.split('|').map(|table| expired.get(table).map(String::as_str)).collect();
        feeds.map(|feeds| format!("the feed {} that it comes from has expired", feeds.join(", ")))
    };
    for label in &mut registry.labels {
        if matches!(label.state, LabelState::Withheld | LabelState::Off { .. }) {
            continue;
        }
        let file = files.iter().find(|file| file.name == label.step);
        let feed = file.and_then(|file| file.requires.iter().flatten().find_map(gone));
        if let Some(why) = label.expired(as_of_s).or(feed) {
            warnings.push(format!("label {} is switched off: {why}", label.name));
            label.state = LabelState::Off { why };
        }
    }
    Ok(())
}

/// Puts what the feature files made side by side into `features`, one row a customer in the order of their ids, and adds the labels
/// that are expressions over the others.
fn join(
    engine: &Engine,
    files: &[FeatureFile],
    registry: &mut Registry,
    changes: &Changes,
    lineage: &Lineage,
) -> Result<(), BuildError> {
    let has_columns = |label: &&Label| !matches!(label.state, LabelState::Absent { .. } | LabelState::Withheld);
    let of_file = |file: &FeatureFile| {
        registry
            .labels
            .iter()
            .filter(|label| label.step == file.name && label.sql.is_none())
            .filter(has_columns)
            .collect::<Vec<_>>()
    };
    let made: Vec<(&FeatureFile, Vec<&Label>)> =
        files.iter().map(|file| (file, of_file(file))).filter(|(_, labels)| !labels.is_empty()).collect();
    let mut columns = String::new();
    let mut tables = Vec::new();
    for (file, labels) in made {
        let names: Vec<String> = labels.iter().flat_map(|label| label.columns()).collect();
        for label in labels {
            for column in label.columns() {
                columns += &format!(",\n    {}", final_column(label, &column));
            }
        }
        tables.push(Narrow { table: &file.name, columns: names });
    }
    engine.put_side_by_side(&tables)?;
    let base = format!("SELECT customer_id{columns}\nFROM {SIDE_BY_SIDE}");
    let mut sql = base.clone();
    let mut own = String::new();
    for label in registry.labels.iter_mut().filter(|label| label.sql.is_some()) {
        let Some(expression) = label.sql.clone() else { continue };
        let value = match &label.default {
            Some(default) => format!("coalesce(({expression}), {default})"),
            None => format!("({expression})"),
        };
        let one = format!("SELECT ({expression}) AS {} FROM ({base}) AS f", label.name);
        let found =
            engine.columns_of("labels", &one).map_err(|error| changes.expression_error(label, &error.to_string()))?;
        if let Some((_, kind)) = found.first()
            && let Err(needed) = fits(&label.kind, 0, kind)
        {
            let what = format!("is {kind}, but a label of type {} needs {needed}", label.type_name());
            return Err(changes.expression_error(label, &what).into());
        }
        (label.steps, label.tables) = lineage.of_expression(registry_names(files), expression.as_str());
        if label.is_withheld() {
            label.state = LabelState::Withheld;
            continue;
        }
        if !matches!(label.state, LabelState::Off { .. }) {
            label.state = if label.in_table { LabelState::InTable } else { LabelState::FeaturesOnly };
        }
        let value = if matches!(label.state, LabelState::Off { .. }) {
            format!("CASE WHEN false THEN {value} END")
        } else {
            value
        };
        own += &format!(",\n    {value} AS {}", label.name);
    }
    if !own.is_empty() {
        sql = format!("SELECT f.*{own}\nFROM ({base}) AS f");
    }
    engine.run_in_order("features", &format!("{sql}\nORDER BY customer_id"))
}

/// Which file makes each label.
fn registry_names(files: &[FeatureFile]) -> impl Iterator<Item = (&str, &str)> {
    files.iter().flat_map(|file| file.labels.iter().map(|label| (label.name.as_str(), file.name.as_str())))
}

fn final_column(label: &Label, column: &str) -> String {
    if matches!(label.state, LabelState::Off { .. }) {
        return format!("CASE WHEN false THEN \"{column}\" END AS \"{column}\"");
    }
    match &label.default {
        Some(default) if column == label.name => format!("coalesce(\"{column}\", {default}) AS \"{column}\""),
        _ => format!("\"{column}\""),
    }
}

/// Which tables each step reads.
#[derive(Debug, Default)]
struct Lineage {
    /// In the order in which they ran.
    reads: Vec<(String, Vec<String>)>,
}

impl Lineage {
    fn add(&mut self, step: &str, reads: Vec<String>) {
        self.reads.push((step.to_owned(), reads));
    }

    /// The steps that a step rests on, itself last, and the source tables that these read.
    fn of<'a>(&'a self, step: &'a str) -> (Vec<String>, Vec<String>) {
        self.of_all(BTreeSet::from([step]))
    }

    /// The source tables without which a step has nothing to say, unless it says so itself: all that it rests on, but for
    /// the list of people, which rests on everything, and for what only adds to others.
    fn required<'a>(&'a self, reads: &'a [String]) -> Vec<String> {
        let wanted = reads.iter().map(String::as_str).filter(|table| *table != "people").collect();
        let (_, mut tables) = self.of_all(wanted);
        tables.retain(|table| !["catalogue", "feeds", "identities", "tombstones"].contains(&table.as_str()));
        tables
    }

    /// The same for an expression over labels: for the steps of the labels that it mentions.
    fn of_expression<'a>(
        &'a self,
        makers: impl Iterator<Item = (&'a str, &'a str)>,
        sql: &str,
    ) -> (Vec<String>, Vec<String>) {
        let words: BTreeSet<&str> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        self.of_all(makers.filter(|(label, _)| words.contains(label)).map(|(_, file)| file).collect())
    }

    fn of_all<'a>(&'a self, mut wanted: BTreeSet<&'a str>) -> (Vec<String>, Vec<String>) {
        let mut steps = Vec::new();
        for (step, reads) in self.reads.iter().rev() {
            if wanted.contains(step.as_str()) {
                steps.push(step.clone());
                wanted.extend(reads.iter().map(String::as_str));
            }
        }
        steps.reverse();
        let sources = CANONICAL.iter().map(|source| source.table).filter(|table| wanted.contains(table));
        let mut tables: Vec<String> = sources.map(str::to_owned).collect();
        tables.sort();
        (steps, tables)
    }
}
