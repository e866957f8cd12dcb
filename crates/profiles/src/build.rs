//! The way of a build, from order files to the finished directory.

use crate::engine::{Engine, Params};
use crate::features::{self, Made, Own};
use crate::learned::Job;
use crate::lineage::{Input, Lineage};
use crate::neighbours::{self, Fitted, Tastes};
use crate::report::{self, Findings};
use crate::sources::{self, Cleaned};
use crate::stages::Stages;
use crate::table::{self, Clamped, Layout};
use crate::{AsOf, BuildError, BuildOptions, NeighbourOptions, Progress, Registry, Report, Stage, StageRun};
use std::path::Path;
use vitrine_learn::recommend::CodedVectors;
use vitrine_tables::{Manifest, TableWriter, WriteOptions, encode_items};

/// A finished build.
#[derive(Clone, Debug)]
pub struct Built {
    /// What was found; also in `report.json`.
    pub report: Report,
    /// The manifest of the table; also in `manifest.json`. Its `build` names the build by its content.
    pub manifest: Manifest,
    /// What is known of every column; also in `labels.json`.
    pub labels: Registry,
    /// Values that took the end of their column's range, by label.
    pub clamped: Clamped,
    /// The steps of the build, in order: which were run and which were done already.
    pub stages: Vec<StageRun>,
}

const DAY_S: i64 = 86_400;
/// The later side of the time split: a quarter of a year, or a quarter of all time if that is shorter.
const SPLIT_S: i64 = 92 * DAY_S;
/// A shop with less history has no split.
const HISTORY_MIN_S: i64 = 28 * DAY_S;

/// Reads orders, cleans them, computes features and neighbour lists, and writes the directory `options.out`.
///
/// Blocks until the build is done; starts its own threads. The directory appears whole or not at all.
///
/// Errors: [`BuildError`]. Rows that are wrong are no error: they are counted and put aside.
pub fn build(options: &BuildOptions, progress: &mut dyn Progress) -> Result<Built, BuildError> {
    check(options)?;
    let own = Own { features_dir: options.features_dir.as_deref(), labels_file: options.labels_file.as_deref() };
    let n_steps = features::n_steps(own)?;
    // Beside the output: that disk is meant for files of this size.
    let beside = match options.out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let io = |source| BuildError::Io { path: beside.to_owned(), source };
    std::fs::create_dir_all(beside).map_err(io)?;
    // Lives as long as the build.
    let mut vanishing = None;
    let work_dir = match &options.work_dir {
        Some(work_dir) => work_dir.clone(),
        None => {
            let dir = tempfile::Builder::new().prefix(".vitrine-stages-").tempdir_in(beside).map_err(io)?;
            vanishing.insert(dir).path().to_owned()
        }
    };
    let mut engine = Engine::start(Stages::open(&work_dir)?, options.memory_bytes)?;
    if let Some(url) = &options.cluster {
        engine = engine.on_cluster(url, options.cluster_patience)?;
    }

    let cleaned = sources::clean(&engine, options, progress)?;
    let (params, split_s) = params(&engine, options, &cleaned)?;
    let (as_of_s, minor_digits) = (params.as_of_s, options.mapping.minor_digits);
    let job = Job { options: &options.models, as_of_s, seed: options.seed, minor_digits };
    let made = features::run_learning(&engine, own, &job, |done| {
        progress.advance(Stage::Features, done.min(n_steps - 1), n_steps)
    })?;
    progress.advance(Stage::Features, n_steps, n_steps);

    let items = engine.items()?;
    let layout = Layout::new(&made.registry, &made.tally, &items)?;
    let mut fitted = fit(&engine, &layout, options, progress)?;
    let n_customers = engine.count("customers")?;
    let items_bytes = encode_items(&table::item_records(&items, &fitted.lists, n_customers))?;
    let vectors = fitted.vectors.take();
    let as_of = time(params.as_of_s);
    let found = Findings {
        mapping: options.layout_of_orders(),
        as_of: as_of.clone(),
        split_at: split_s.map(time),
        seed: options.seed,
        files: cleaned.files,
        quality: cleaned.quality,
        schema: &layout.schema,
        items_bytes: items_bytes.len() as u64,
        neighbours: fitted.report,
    };
    let mut report = report::of(&engine, found)?;
    report.warnings.extend(cleaned.warnings);
    report.warnings.extend(made.warnings.iter().cloned());
    report.models = made.learned.report.clone();
    let written = Written { engine: &engine, layout: &layout, made: &made, options, vectors, inputs: cleaned.inputs };
    let (manifest, clamped) = written.write(as_of, items_bytes, &mut report, progress)?;
    engine.stages().prune()?;
    Ok(Built { report, manifest, labels: made.registry, clamped, stages: engine.stages().runs() })
}

/// Options that make no sense, before any work.
pub(crate) fn check(options: &BuildOptions) -> Result<(), BuildError> {
    let refuse = |option, what: &str| Err(BuildError::Option { option, what: what.to_owned() });
    let neighbours = &options.neighbours;
    let in_work_dir = options.work_dir.iter().any(|dir| dir.to_string_lossy().contains(['*', '?', '[']));
    if in_work_dir {
        return refuse(
            "work_dir",
            "has *, ? or [ in its path, which the engine takes for a pattern; choose another path",
        );
    }
    if options.out.to_string_lossy().contains(['*', '?', '[']) {
        return refuse("out", "has *, ? or [ in its path, which the engine takes for a pattern; choose another path");
    }
    if options.orders.is_empty() && options.shop.is_none() {
        return refuse("orders", "is empty; name at least one order file");
    }
    check_neighbours(neighbours, options.memory_bytes)?;
    options.models.check()?;
    if let Some(as_of) = options.as_of
        && as_of.unix_seconds() <= options.mapping.dates.earliest_s
    {
        return refuse("as_of", "is not after dates.earliest of the mapping");
    }
    Ok(())
}

/// The same for the options that building and compiling share.
pub(crate) fn check_neighbours(neighbours: &NeighbourOptions, memory_bytes: usize) -> Result<(), BuildError> {
    let refuse = |option, what: &str| Err(BuildError::Option { option, what: what.to_owned() });
    if !(1..=255).contains(&neighbours.per_item) {
        return refuse("neighbours.per_item", "must be 1 to 255");
    }
    if neighbours.buyers_min == 0 {
        return refuse("neighbours.buyers_min", "must be at least 1");
    }
    if !(1..=20_000).contains(&neighbours.items_max) {
        return refuse("neighbours.items_max", "must be 1 to 20000; the fit needs memory for its square");
    }
    if neighbours.lambdas.is_empty() || !neighbours.lambdas.iter().all(|lambda| lambda.is_finite() && *lambda > 0.0) {
        return refuse("neighbours.lambdas", "must hold at least one number, and only numbers above 0");
    }
    if memory_bytes < 64 << 20 {
        return refuse("memory_bytes", "must be at least 64 MiB");
    }
    Ok(())
}

/// Sets the parameters of the features. Gives them, and the time of the split if there is one.
fn params(engine: &Engine, options: &BuildOptions, cleaned: &Cleaned) -> Result<(Params, Option<i64>), BuildError> {
    let Cleaned { as_of_s, earliest_s, .. } = *cleaned;
    let first_s = engine.first_purchase_s()?;
    if first_s.is_none() && engine.count("events")? + engine.count("attributes")? + engine.count("surveys")? == 0 {
        return Err(cleaned.nothing_left());
    }
    // A shop without orders has no history to split.
    let history_s = first_s.map_or(0, |first_s| as_of_s - first_s);
    let split_s = (history_s >= HISTORY_MIN_S).then(|| as_of_s - SPLIT_S.min(history_s / 4));
    let params = Params {
        earliest_s,
        split_s: split_s.unwrap_or(as_of_s + 1),
        items_max: options.neighbours.items_max as u64,
        ..Params::of(as_of_s)
    };
    engine.set_params(&params)?;
    Ok((params, split_s))
}

fn fit(
    engine: &Engine,
    layout: &Layout,
    options: &BuildOptions,
    progress: &mut dyn Progress,
) -> Result<Fitted, BuildError> {
    let mut tastes = Tastes::default();
    engine.each_taste(|row| {
        tastes.push(&row, layout.items());
        Ok(())
    })?;
    let of = neighbours::n_fits(&options.neighbours);
    neighbours::fit(&tastes, layout.items().len(), layout.shape(), &options.neighbours, options.seed, |done| {
        progress.advance(Stage::Neighbours, done, of);
    })
}

/// What the finished directory is written from.
struct Written<'a> {
    engine: &'a Engine,
    layout: &'a Layout,
    made: &'a Made,
    options: &'a BuildOptions,
    vectors: Option<CodedVectors>,
    inputs: Vec<Input>,
}

impl Written<'_> {
    fn write(
        &self,
        as_of: String,
        items_bytes: Vec<u8>,
        report: &mut Report,
        progress: &mut dyn Progress,
    ) -> Result<(Manifest, Clamped), BuildError> {
        let Self { engine, layout, made, options, vectors, inputs } = self;
        let write_options = WriteOptions { as_of, replace: options.replace, shard_bits: options.shard_bits };
        let mut writer = TableWriter::create(&options.out, layout.schema.clone(), options.key, write_options)?;
        write_vectors(&writer, &items_bytes, vectors.as_ref())?;
        writer.set_items(items_bytes)?;
        let n_rows = engine.count("features")?;
        let clamped = push_rows(engine, layout, &made.registry, &mut writer, n_rows, progress)?;
        report.warnings.extend(clamp_warnings(&clamped, n_rows));
        for table in ["features", "items", "tastes", "quarantine", "unmatched"] {
            engine.export(table, &writer.work_dir().join(format!("{table}.parquet")))?;
        }
        let mut json = serde_json::to_vec_pretty(report)
            .map_err(|error| BuildError::Inconsistent { what: format!("the report is no JSON: {error}") })?;
        json.push(b'\n');
        let beside = [
            ("report.json", json),
            ("report.html", report.to_html().into_bytes()),
            ("labels.json", made.registry.to_json()?),
            ("models.json", made.learned.models.to_json().into_bytes()),
        ];
        let mut lineage = Lineage::of_build(engine, options, inputs.clone(), report);
        for (name, bytes) in beside {
            writer.add_file(name, &bytes)?;
            lineage.add_file(name, &bytes);
        }
        writer.set_lineage(lineage.to_json()?);
        let manifest = writer.finish(|done, of| progress.advance(Stage::Write, done as u64, of as u64))?;
        Ok((manifest, clamped))
    }
}

/// Writes `items/vectors.bin`, if there are vectors.
pub(crate) fn write_vectors(
    writer: &TableWriter,
    items_bytes: &[u8],
    vectors: Option<&CodedVectors>,
) -> Result<(), BuildError> {
    let Some(vectors) = vectors else { return Ok(()) };
    let dir = writer.work_dir().join("items");
    let path = dir.join("vectors.bin");
    let io = |source| BuildError::Io { path: path.clone(), source };
    std::fs::create_dir_all(&dir).map_err(io)?;
    std::fs::write(&path, table::item_vectors(items_bytes, vectors)?).map_err(io)
}

/// Labels of which more than one value in fifty took the end of its range.
fn clamp_warnings(clamped: &Clamped, n_rows: u64) -> impl Iterator<Item = String> {
    clamped.iter().filter(move |(_, n)| **n * 50 > n_rows).map(move |(label, n)| {
        format!("{n} of {n_rows} values of label {label} are outside of its range and took the end of it; give it more bits or another max")
    })
}

/// Encodes the rows of `features`. Gives how many values took the end of their column's range.
pub(crate) fn push_rows(
    engine: &Engine,
    layout: &Layout,
    registry: &Registry,
    writer: &mut TableWriter,
    of: u64,
    progress: &mut dyn Progress,
) -> Result<Clamped, BuildError> {
    let mut clamped = Clamped::new();
    let mut done = 0;
    progress.advance(Stage::Encode, 0, of);
    engine.each_profile(&layout.labels(registry), |customer_id, cells| {
        layout.with_row(cells, &mut clamped, |values| writer.push(customer_id, values))??;
        done += 1;
        if done % 4096 == 0 || done == of {
            progress.advance(Stage::Encode, done, of);
        }
        Ok(())
    })?;
    Ok(clamped)
}

/// A time of the data as text. Every time here comes from a timestamp, so the calendar has it.
pub(crate) fn time(seconds: i64) -> String {
    AsOf::from_unix_seconds(seconds).map_or_else(String::new, |time| time.to_string())
}
