//! What a table was made from: `lineage.json`, whose hash the manifest holds. Its form is `docs/formats/lineage.md`.
//!
//! Holds no customer id, no time of day and no path but the names of files, so that equal input gives equal bytes.

use crate::engine::Engine;
use crate::report::ScaleParameters;
use crate::{BuildError, BuildOptions, Clusters, CompileOptions, IdentityRule, NeighbourOptions, Report};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Tables whose keys tell which queries ran over which rows, with which parameters.
const TABLES: [&str; 5] = ["purchases", "features", "items", "tastes", "quarantine"];

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Input {
    /// Id of its feed.
    pub(crate) feed: String,
    /// Kind of its rows.
    pub(crate) kind: String,
    /// Name without its folder.
    pub(crate) name: String,
    /// SHA-256 of its bytes: 64 hexadecimal digits.
    pub(crate) sha256: String,
    /// Rows read.
    pub(crate) rows: u64,
}

/// The document.
#[derive(Debug, Serialize)]
pub(crate) struct Lineage {
    version: u32,
    program: &'static str,
    program_version: &'static str,
    /// `build` or `compile`.
    command: &'static str,
    as_of: String,
    inputs: Vec<Input>,
    parameters: Parameters,
    tables: BTreeMap<&'static str, String>,
    counts: BTreeMap<&'static str, u64>,
    scales: Vec<ScaleParameters>,
    files: BTreeMap<&'static str, String>,
}

/// Everything that was asked for and that changes what comes out.
#[derive(Debug, Serialize)]
struct Parameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    mapping: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    today: Option<String>,
    seed: u64,
    shard_bits: Option<u8>,
    neighbours: Neighbours,
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Models>,
}

#[derive(Debug, Serialize)]
struct Neighbours {
    per_item: usize,
    buyers_min: u64,
    items_max: usize,
    lambdas: Vec<f64>,
    ease_items_max: usize,
    vectors: bool,
}

#[derive(Debug, Serialize)]
struct Models {
    value: bool,
    clusters: Option<u8>,
    clusters_auto: bool,
    churn: bool,
    churn_days: Option<u32>,
    vectors: bool,
    categories: u8,
}

impl Lineage {
    /// That of a build.
    pub(crate) fn of_build(engine: &Engine, options: &BuildOptions, inputs: Vec<Input>, report: &Report) -> Self {
        let models = options.models;
        let parameters = Parameters {
            mapping: Some(report.mapping.clone()),
            identity_rule: Some(identity_rule(options.identity_rule).to_owned()),
            today: options.today.map(|today| today.to_string()),
            seed: options.seed,
            shard_bits: options.shard_bits,
            neighbours: Neighbours::of(&options.neighbours),
            models: Some(Models {
                value: models.value,
                clusters: match models.clusters {
                    Clusters::Exactly(k) => Some(k),
                    Clusters::Auto | Clusters::Off => None,
                },
                clusters_auto: models.clusters == Clusters::Auto,
                churn: models.churn,
                churn_days: models.churn_days,
                vectors: models.vectors,
                categories: models.categories,
            }),
        };
        let counts = BTreeMap::from([
            ("order_lines_read", report.rows.read),
            ("order_lines_kept", report.rows.kept),
            ("customers", report.customers),
            ("orders", report.orders),
            ("items", report.items),
            ("columns", report.table.columns),
        ]);
        let lineage = Self::new("build", report.as_of.clone(), inputs, parameters, counts);
        Self { scales: report.quality.scales.clone(), tables: tables(engine), ..lineage }
    }

    /// That of a compilation.
    pub(crate) fn of_compile(
        engine: &Engine,
        options: &CompileOptions,
        inputs: Vec<Input>,
        columns: u64,
    ) -> Result<Self, BuildError> {
        let parameters = Parameters {
            mapping: None,
            identity_rule: None,
            today: None,
            seed: options.seed,
            shard_bits: options.shard_bits,
            neighbours: Neighbours::of(&options.neighbours),
            models: None,
        };
        let counts = BTreeMap::from([
            ("customers", engine.count("features")?),
            ("items", engine.count("items")?),
            ("columns", columns),
        ]);
        Ok(Self::new("compile", options.as_of.to_string(), inputs, parameters, counts))
    }

    fn new(
        command: &'static str,
        as_of: String,
        inputs: Vec<Input>,
        parameters: Parameters,
        counts: BTreeMap<&'static str, u64>,
    ) -> Self {
        Self {
            version: 1,
            program: env!("CARGO_PKG_NAME"),
            program_version: env!("CARGO_PKG_VERSION"),
            command,
            as_of,
            inputs,
            parameters,
            tables: BTreeMap::new(),
            counts,
            scales: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// Names a file beside the table by its hash.
    pub(crate) fn add_file(&mut self, name: &'static str, bytes: &[u8]) {
        let digest = Sha256::digest(bytes);
        self.files.insert(name, digest.iter().map(|byte| format!("{byte:02x}")).collect());
    }

    /// The document as JSON, with line breaks, ending in one.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, BuildError> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|error| BuildError::Inconsistent { what: format!("the lineage is no JSON: {error}") })?;
        json.push(b'\n');
        Ok(json)
    }
}

impl Neighbours {
    fn of(options: &NeighbourOptions) -> Self {
        Self {
            per_item: options.per_item,
            buyers_min: options.buyers_min,
            items_max: options.items_max,
            lambdas: options.lambdas.clone(),
            ease_items_max: options.ease_items_max,
            vectors: options.vectors,
        }
    }
}

fn identity_rule(rule: IdentityRule) -> &'static str {
    match rule {
        IdentityRule::LatestLogin => "latest-login",
        IdentityRule::FirstMember => "first-member",
    }
}

fn tables(engine: &Engine) -> BTreeMap<&'static str, String> {
    let keys = TABLES.into_iter().filter_map(|table| Some((table, engine.stages().key_of(table)?)));
    keys.collect()
}
