//! A table from features that another engine computed: the boundary at which a warehouse hands over.

use crate::build::{check_neighbours, push_rows, time, write_vectors};
use crate::engine::DataType;
use crate::engine::{Engine, Params, Part, Tally, fits};
use crate::features::declared_labels;
use crate::labels::{Label, Registry};
use crate::lineage::{Input, Lineage};
use crate::neighbours::{self, Tastes};
use crate::stages::{self, Stages};
use crate::table::{self, Clamped, Layout};
use crate::{AsOf, BuildError, LabelState, NeighbourOptions, NeighbourReport, Progress, Stage};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vitrine_tables::{Manifest, TableKey, TableWriter, WriteOptions, encode_items};

/// What a compilation is asked to do.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// Directory with `features.parquet`, `items.parquet`, `tastes.parquet`, and perhaps `labels.json`, as
    /// `docs/guides/features.md` describes them. The output of a build is one.
    pub features: PathBuf,
    /// The directory to write. Appears whole or not at all.
    pub out: PathBuf,
    /// Secret under which customer ids are hashed.
    pub key: TableKey,
    /// The time that the features speak about.
    pub as_of: AsOf,
    /// Picks the customers whose purchases tune the neighbour lists, when there are more than are needed. Default 0.
    pub seed: u64,
    /// Whether a directory that is there already is replaced. Default: no, it is an error.
    pub replace: bool,
    /// The table has `2^shard_bits` shards. Default: by the number and width of the rows.
    pub shard_bits: Option<u8>,
    /// Memory for sorting and grouping. Unit: bytes. Default 2 GiB.
    pub memory_bytes: usize,
    /// How item neighbour lists are made.
    pub neighbours: NeighbourOptions,
    /// Folder with feature files whose heads declare labels; their queries are not run. Default: none.
    pub features_dir: Option<PathBuf>,
    /// The shop's changes to labels. Not used when `labels.json` is there. Default: none.
    pub labels_file: Option<PathBuf>,
}

impl CompileOptions {
    /// The defaults of every option that has one.
    pub fn new(features: PathBuf, out: PathBuf, key: TableKey, as_of: AsOf) -> Self {
        Self {
            features,
            out,
            key,
            as_of,
            seed: 0,
            replace: false,
            shard_bits: None,
            memory_bytes: 2 << 30,
            neighbours: NeighbourOptions::default(),
            features_dir: None,
            labels_file: None,
        }
    }
}

/// A finished compilation.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The manifest of the table; also in `manifest.json`.
    pub manifest: Manifest,
    /// What is known of every column; also in `labels.json`.
    pub labels: Registry,
    /// Values that took the end of their column's range, by label.
    pub clamped: Clamped,
    /// The item lists and how good they are.
    pub neighbours: NeighbourReport,
    /// What a person should look at.
    pub warnings: Vec<String>,
}

/// A file that is given: the columns that it must have, with the types that will do.
struct Needed {
    table: &'static str,
    columns: &'static [NeededColumn],
}

/// A column: its name, whether values of a type will do, and what to call the types that do.
type NeededColumn = (&'static str, fn(&DataType) -> bool, &'static str);

const IS_TEXT: fn(&DataType) -> bool = DataType::is_string;
const IS_WHOLE: fn(&DataType) -> bool = DataType::is_integer;
const NEEDED: [Needed; 3] = [
    Needed { table: "features", columns: &[("customer_id", IS_TEXT, "text")] },
    Needed {
        table: "items",
        columns: &[
            ("item_id", IS_TEXT, "text"),
            ("category", IS_TEXT, "text"),
            ("n_buyers", IS_WHOLE, "whole numbers"),
        ],
    },
    Needed {
        table: "tastes",
        columns: &[
            ("customer_id", IS_TEXT, "text"),
            ("item_id", IS_TEXT, "text"),
            ("weight", IS_WHOLE, "whole numbers"),
        ],
    },
];

/// Makes the table from `features.parquet`, `items.parquet` and `tastes.parquet`, whoever wrote them.
///
/// Blocks until the table is done; starts its own threads. The directory appears whole or not at all.
///
/// Errors: a file that is missing or not as documented, a label that does not fit its column, and what a build can
/// fail with.
pub fn compile(options: &CompileOptions, progress: &mut dyn Progress) -> Result<Compiled, BuildError> {
    check_neighbours(&options.neighbours, options.memory_bytes)?;
    let io = |source| BuildError::Io { path: options.out.clone(), source };
    let beside = match options.out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(beside).map_err(io)?;
    let work = tempfile::Builder::new().prefix(".vitrine-stages-").tempdir_in(beside).map_err(io)?;
    let engine = Engine::start(Stages::open(work.path())?, options.memory_bytes)?;
    let as_of_s = options.as_of.unix_seconds();
    engine.set_params(&Params { items_max: options.neighbours.items_max as u64, ..Params::of(as_of_s) })?;

    progress.advance(Stage::Read, 0, NEEDED.len() as u64);
    let mut inputs = Vec::new();
    for (done, needed) in NEEDED.iter().enumerate() {
        inputs.push(read(&engine, options, needed)?);
        progress.advance(Stage::Read, done as u64 + 1, NEEDED.len() as u64);
    }
    progress.advance(Stage::Features, 0, 1);
    let (mut registry, warnings) = labels(&engine, options, as_of_s)?;
    check_rows(&engine, options)?;
    define_items(&engine, options)?;
    define_tastes(&engine)?;
    let tally = engine.tally(&registry)?;
    absent(&mut registry, &tally);
    progress.advance(Stage::Features, 1, 1);

    let items = engine.items()?;
    let layout = Layout::new(&registry, &tally, &items)?;
    let mut tastes = Tastes::default();
    engine.each_taste(|row| {
        tastes.push(&row, layout.items());
        Ok(())
    })?;
    let of = neighbours::n_fits(&options.neighbours);
    let shape = layout.shape();
    let fitted = neighbours::fit(&tastes, layout.items().len(), shape, &options.neighbours, options.seed, |done| {
        progress.advance(Stage::Neighbours, done, of);
    })?;
    let buyers = match registry.get("frequency").is_some_and(|label| engine.has_column("features", &label.name)) {
        true => engine.count("(SELECT customer_id FROM features WHERE frequency > 0)")?,
        false => engine.count("(SELECT DISTINCT customer_id FROM tastes)")?,
    };
    let items_bytes = encode_items(&table::item_records(&items, &fitted.lists, buyers))?;
    let write_options = WriteOptions { as_of: time(as_of_s), replace: options.replace, shard_bits: options.shard_bits };
    let mut writer = TableWriter::create(&options.out, layout.schema.clone(), options.key, write_options)?;
    write_vectors(&writer, &items_bytes, fitted.vectors.as_ref())?;
    writer.set_items(items_bytes)?;
    let clamped = push_rows(&engine, &layout, &registry, &mut writer, engine.count("features")?, progress)?;
    let labels_json = registry.to_json()?;
    writer.add_file("labels.json", &labels_json)?;
    let mut lineage = Lineage::of_compile(&engine, options, inputs, layout.schema.columns().len() as u64)?;
    lineage.add_file("labels.json", &labels_json);
    writer.set_lineage(lineage.to_json()?);
    let manifest = writer.finish(|done, of| progress.advance(Stage::Write, done as u64, of as u64))?;
    Ok(Compiled { manifest, labels: registry, clamped, neighbours: fitted.report, warnings })
}

fn input(options: &CompileOptions, table: &str, what: String) -> BuildError {
    BuildError::Input { file: options.features.join(format!("{table}.parquet")), what }
}

/// Makes the table `given_<name>` of a file and checks the columns that it must have.
fn read(engine: &Engine, options: &CompileOptions, needed: &Needed) -> Result<Input, BuildError> {
    let refuse = |what: String| input(options, needed.table, what);
    let path = options.features.join(format!("{}.parquet", needed.table));
    let path = path.canonicalize().map_err(|error| refuse(error.to_string()))?;
    let key = stages::hash_file(&path).map_err(|error| refuse(error.to_string()))?;
    let rows = crate::engine::file_rows(&path)
        .map_err(|reason| refuse(format!("{reason}; is it a Parquet file, and whole?")))?;
    let given = format!("given_{}", needed.table);
    let input = Input {
        feed: options.features.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        kind: needed.table.to_owned(),
        name: format!("{}.parquet", needed.table),
        sha256: key.clone(),
        rows,
    };
    engine.adopt(&given, vec![Part { path, key, rows }])?;
    let columns: BTreeMap<_, _> = engine.columns_of(&given, &format!("SELECT * FROM {given}"))?.into_iter().collect();
    for (column, will_do, kind) in needed.columns {
        match columns.get(*column) {
            None => {
                let found: Vec<&str> = columns.keys().map(String::as_str).collect();
                return Err(refuse(format!("has no column {column}; it has {}", found.join(", "))));
            }
            Some(found) if !will_do(found) => {
                return Err(refuse(format!("column {column} is {found}, but must be {kind}")));
            }
            Some(_) => {}
        }
    }
    Ok(input)
}

/// The labels whose columns are there, and the table `features`.
fn labels(engine: &Engine, options: &CompileOptions, as_of_s: i64) -> Result<(Registry, Vec<String>), BuildError> {
    let known = options.features.join("labels.json");
    let mut registry = if known.is_file() {
        Registry::from_file(&known)?
    } else {
        declared_labels(options.features_dir.as_deref(), options.labels_file.as_deref())?
    };
    let columns: BTreeMap<_, _> = engine.columns_of("features", "SELECT * FROM given_features")?.into_iter().collect();
    let known: Vec<String> = registry.labels.iter().flat_map(Label::columns).collect();
    if let Some(unknown) = columns.keys().find(|column| *column != "customer_id" && !known.contains(column)) {
        let what =
            format!("column {unknown} is no known label; declare it in the head of a feature file, or leave it out");
        return Err(input(options, "features", what));
    }
    let mut warnings = Vec::new();
    let mut selected = String::new();
    for label in &mut registry.labels {
        let own = label.columns();
        if !own.iter().any(|column| columns.contains_key(column)) {
            label.state = LabelState::Absent { why: "features.parquet has no such column".into() };
            continue;
        }
        for (idx, column) in own.iter().enumerate() {
            let found = columns.get(column);
            let found = found.ok_or_else(|| {
                input(options, "features", format!("label {} needs a column {column} too", label.name))
            })?;
            fits(&label.kind, idx, found).map_err(|needed| {
                let what = format!(
                    "column {column} is {found}, but label {} is of type {} and needs {needed}",
                    label.name,
                    label.type_name()
                );
                input(options, "features", what)
            })?;
        }
        let expired = label.expired(as_of_s);
        label.state = match expired {
            _ if label.is_withheld() => LabelState::Withheld,
            Some(why) => {
                warnings.push(format!("label {} is switched off: {why}", label.name));
                LabelState::Off { why }
            }
            None if label.in_table => LabelState::InTable,
            None => LabelState::FeaturesOnly,
        };
        let is_off = matches!(label.state, LabelState::Off { .. });
        if label.state == LabelState::Withheld {
            continue;
        }
        for column in own {
            selected += &if is_off {
                format!(", CASE WHEN false THEN \"{column}\" END AS \"{column}\"")
            } else {
                format!(", \"{column}\"")
            };
        }
    }
    engine.define("features", &format!("SELECT customer_id{selected} FROM given_features"))?;
    Ok((registry, warnings))
}

fn absent(registry: &mut Registry, tally: &Tally) {
    for label in &mut registry.labels {
        if label.state == LabelState::InTable && !label.always && tally.is_empty(&label.name) {
            label.state = LabelState::Absent { why: "no customer has a value".into() };
        }
    }
}

/// Ids are there, and there once.
fn check_rows(engine: &Engine, options: &CompileOptions) -> Result<(), BuildError> {
    let unique = [("features", "customer_id"), ("items", "item_id"), ("tastes", "customer_id, item_id")];
    for (table, columns) in unique {
        let given = engine.count(&format!("given_{table}"))?;
        let first = columns.split(',').next().unwrap_or(columns);
        let different =
            engine.count(&format!("(SELECT DISTINCT {columns} FROM given_{table} WHERE {first} IS NOT NULL)"))?;
        if given != different {
            let what =
                format!("has {given} rows, but {different} different {columns}; give each once, and none without");
            return Err(input(options, table, what));
        }
    }
    let long = engine.count("(SELECT item_id FROM given_items WHERE octet_length(item_id) NOT BETWEEN 1 AND 128)")?;
    if long > 0 {
        return Err(input(options, "items", format!("has {long} item ids that are empty or longer than 128 bytes")));
    }
    let unknown = engine.count(
        "(SELECT t.item_id FROM given_tastes AS t LEFT JOIN given_items AS i ON i.item_id = t.item_id WHERE i.item_id IS NULL)",
    )?;
    if unknown > 0 {
        return Err(input(
            options,
            "tastes",
            format!("has {unknown} rows whose item is not in items.parquet; add these items"),
        ));
    }
    Ok(())
}

fn define_items(engine: &Engine, options: &CompileOptions) -> Result<(), BuildError> {
    let lines = if engine.has_column("given_items", "n_lines") { "n_lines DESC, " } else { "" };
    let rank = format!("row_number() OVER (ORDER BY n_buyers DESC, {lines}item_id)");
    engine.define(
        "items",
        &format!(
            "SELECT item_id, category, n_buyers, {rank} AS item_rank, {rank} <= {} AS in_table FROM given_items",
            options.neighbours.items_max
        ),
    )
}

fn define_tastes(engine: &Engine) -> Result<(), BuildError> {
    // Without the sides of a time split the lists are made, but neither tuned nor measured.
    let column = |name: &str| match engine.has_column("given_tastes", name) {
        true => format!("t.{name}"),
        false => format!("0 AS {name}"),
    };
    let columns = ["early_orders", "early_weight", "late_orders", "early_fresh", "fresh"].map(column).join(", ");
    engine.define(
        "tastes",
        &format!(
            "SELECT t.customer_id, t.item_id, t.weight, {columns}, i.in_table \
             FROM given_tastes AS t JOIN items AS i ON i.item_id = t.item_id"
        ),
    )
}
