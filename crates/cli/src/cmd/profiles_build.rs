//! `vitrine profiles build`: from order files to a profile table.

use crate::failure::{Exit, Exits, Failure};
use crate::files;
use crate::ui::{Bar, Ui, count};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use vitrine_profiles::{
    AsOf, BUILTIN_MAPPINGS, BuildError, BuildOptions, Built, ClusterUrl, Clusters, IdentityRule, Mapping, ModelOptions,
    Progress, Shop, Stage, build,
};
use vitrine_tables::WriteError;

/// Build profiles from a shop's raw data: clean it, compute features and item neighbours, write a table.
///
/// Either name order files with their mapping, or a shop file, which names all that the shop has: orders, events, catalogue,
/// customers, surveys, service contacts, identities and costs, with the terms of each feed (docs/guides/mappings.md).
///
/// The directory appears whole or not at all. Rows that are wrong do not stop the build: they go to quarantine.parquet
/// with a reason, and report.json counts them. The same input and options give the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles build --orders shop/orders.csv --mapping vitrine-demo --out table --key-file table.key
  vitrine profiles build --orders 2025.parquet 2026.csv --mapping our-shop.toml --out table --key-file table.key \\
    --as-of 2026-07-01 --replace
  vitrine profiles build --shop shop/shop.toml --out table --key-file table.key --work table.work

Built-in mappings: online-retail, vitrine-demo (columns named as the fields), cdnow, shopify, ga4, vitrine-events.")]
pub struct Build {
    /// Order files: CSV, JSON lines or Parquet, packed or not; also folders, patterns and s3://bucket/prefix.
    #[arg(long, value_name = "FILE", required_unless_present = "shop", requires = "mapping", num_args = 1..)]
    pub orders: Vec<PathBuf>,
    /// How columns become order lines: a built-in mapping or a mapping file (.toml).
    #[arg(long, value_name = "NAME_OR_FILE", requires = "orders")]
    pub mapping: Option<String>,
    /// Shop file: all feeds of a shop with their mappings and terms (.toml).
    #[arg(long, value_name = "FILE")]
    pub shop: Option<PathBuf>,
    /// Directory to write.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Look back from this date or time. Default: midnight after the last order.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<AsOf>,
    /// The day on which feeds must not have expired. Default: that of --as-of.
    #[arg(long, value_name = "DATE")]
    pub today: Option<AsOf>,
    /// Visitors that must not come back: one a line, an id or the 16 digits of a row key.
    #[arg(long, value_name = "FILE")]
    pub tombstones: Option<PathBuf>,
    /// Folder of the shop's own feature files (.sql).
    #[arg(long, value_name = "DIR")]
    pub features: Option<PathBuf>,
    /// The shop's changes to labels, and its own segments (.toml).
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// The report.json of the build before, to say what has moved since. Default: the one that is replaced.
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
    /// Directory that keeps each step's result: a build that was ended goes on there, and the next one does only what is
    /// new. It holds customer ids. Default: none is kept.
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Learn no models: no customer value, no groups, no risk of churn.
    #[arg(long, conflicts_with_all = ["clusters", "churn_days"])]
    pub no_models: bool,
    /// Groups of alike customers: auto (as many as come back when customers are drawn again), off, or a number from 2 to 32.
    #[arg(long, value_name = "K", default_value = "auto", value_parser = clusters)]
    pub clusters: Clusters,
    /// Whoever does not order within this many days has stayed away, 7 to 365. Default: 90, or a quarter of the history.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(7..=365))]
    pub churn_days: Option<u32>,
    /// Learn the chance that a customer orders from each of so many of the most bought categories (likely_categories), 0 to 20.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "no_models", value_parser = clap::value_parser!(u8).range(0..=20))]
    pub categories: u8,
    /// Give each customer the direction of the taste as a label (taste_vector): 32 bytes a row.
    #[arg(long, conflicts_with = "no_models")]
    pub visitor_vectors: bool,
    /// Which member an alias belongs to that was linked to several.
    #[arg(long, value_name = "RULE", value_enum, default_value_t = Rule::LatestLogin)]
    pub identity_rule: Rule,
    /// Run the SQL steps on an Apache DataFusion Ballista cluster with its scheduler at df://host:port, whose machines see
    /// the work directory under the same path (docs/guides/cluster.md). Needs the feature `cluster`.
    #[arg(long, value_name = "URL")]
    pub cluster: Option<ClusterUrl>,
    /// Fail once nothing of a step has moved on the cluster for so long. Unit: minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 60, requires = "cluster", value_parser = clap::value_parser!(u32).range(1..=10_080))]
    pub cluster_patience: u32,
    /// Replace DIR if it is there already.
    #[arg(long)]
    pub replace: bool,
    /// Memory for sorting and grouping; beyond it data goes to disk. Unit: MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
    /// Picks the customers that tune the neighbour lists, when there are more than are needed.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// Which member an alias belongs to that was linked to several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rule {
    /// The one that logged in last: a device changes hands.
    LatestLogin,
    /// The one that was first.
    FirstMember,
}

/// Reads `auto`, `off` or a number.
fn clusters(text: &str) -> Result<Clusters, String> {
    match text {
        "auto" => Ok(Clusters::Auto),
        "off" => Ok(Clusters::Off),
        number => match number.parse() {
            Ok(k @ 2..=32) => Ok(Clusters::Exactly(k)),
            _ => Err("give auto, off, or a number from 2 to 32".to_owned()),
        },
    }
}

/// Builds the table and shows the report in short.
///
/// # Errors
/// 3 for a mapping, key or order files with errors, 1 for what cannot be read or written.
pub fn run(args: &Build, ui: &Ui) -> Result<(), Failure> {
    let shop = args.shop.as_deref().map(Shop::from_file).transpose().invalid()?;
    let of_feed = || shop.iter().flat_map(|shop| &shop.feeds).next().map(|feed| feed.mapping.clone());
    let mapping = match args.mapping.as_deref().map(mapping).transpose()?.or_else(of_feed) {
        Some(mapping) => mapping,
        None => return Err(Failure::new(Exit::Usage, "give --orders with --mapping, or --shop")),
    };
    let key = files::table_key(args.key_file.as_deref())?;
    let mut options = BuildOptions::new(args.orders.clone(), mapping, args.out.clone(), key);
    let of_shop = |file: fn(&Shop) -> &Option<PathBuf>| shop.as_ref().and_then(|shop| file(shop).clone());
    options.features_dir = args.features.clone().or_else(|| of_shop(|shop| &shop.features));
    options.labels_file = args.labels.clone().or_else(|| of_shop(|shop| &shop.labels));
    options.tombstones = args.tombstones.clone().or_else(|| of_shop(|shop| &shop.tombstones));
    options.shop = shop;
    options.today = args.today;
    options.previous = args.previous.clone();
    options.work_dir = args.work.clone();
    options.cluster = args.cluster.clone();
    options.cluster_patience = Duration::from_secs(u64::from(args.cluster_patience) * 60);
    options.as_of = args.as_of;
    options.replace = args.replace;
    options.memory_bytes = (args.memory as usize) << 20;
    options.seed = args.seed;
    options.models = match args.no_models {
        true => ModelOptions::none(),
        false => ModelOptions {
            clusters: args.clusters,
            churn_days: args.churn_days,
            vectors: args.visitor_vectors,
            categories: args.categories,
            ..ModelOptions::default()
        },
    };
    options.identity_rule = match args.identity_rule {
        Rule::LatestLogin => IdentityRule::LatestLogin,
        Rule::FirstMember => IdentityRule::FirstMember,
    };
    let mut stages = Stages::new(ui);
    let built = build(&options, &mut stages);
    drop(stages);
    let Built { report, manifest, .. } = built.map_err(failure)?;
    for warning in &report.warnings {
        ui.note(&format!("warning: {warning}"));
    }
    let value = json!({ "dir": args.out, "build": manifest.build, "report": report });
    ui.result(&value, || {
        let mut text = format!(
            "build {} in {}: {} customers, {} orders, {} items, {} bytes a visitor\n\
             {} of {} rows kept; set aside:\n",
            manifest.build,
            args.out.display(),
            count(report.customers),
            count(report.orders),
            count(report.items),
            report.table.bytes_per_row,
            count(report.rows.kept),
            count(report.rows.read),
        );
        for reason in report.reasons.iter().filter(|reason| reason.rows > 0) {
            text.push_str(&format!("  {:>9}  {}\n", count(reason.rows), reason.code));
        }
        text
    })
}

/// A built-in mapping by its name, or a mapping file.
pub(super) fn mapping(name_or_file: &str) -> Result<Mapping, Failure> {
    let looks_like_file = name_or_file.ends_with(".toml") || name_or_file.contains(['/', '\\']);
    if BUILTIN_MAPPINGS.contains(&name_or_file) || !looks_like_file {
        let advice = "or give the path of a mapping file, which ends in .toml";
        return Mapping::builtin(name_or_file).invalid().map_err(|failure| failure.help(advice));
    }
    Mapping::from_file(name_or_file.as_ref()).invalid()
}

/// Which exit code a failed build means: whatever the user can mend in what was given is invalid input.
pub(super) fn failure(error: BuildError) -> Failure {
    let exit = match &error {
        BuildError::Option { .. }
        | BuildError::Source { .. }
        | BuildError::MissingColumns { .. }
        | BuildError::Expression { .. }
        | BuildError::Policy { .. }
        | BuildError::Labels(_)
        | BuildError::Label { .. }
        | BuildError::Input { .. }
        | BuildError::NothingLeft { .. } => Exit::Invalid,
        BuildError::Step { .. }
        | BuildError::Neighbours { .. }
        | BuildError::Inconsistent { .. }
        | BuildError::Schema(_)
        | BuildError::Cell(_)
        | BuildError::Items(_)
        | BuildError::Write(_)
        | BuildError::Io { .. } => Exit::Failed,
    };
    let exists = matches!(&error, BuildError::Write(WriteError::Exists { .. }));
    let help = exists.then(|| "give --replace to replace it".to_owned());
    Failure::Told { exit, error: error.into(), help }
}

/// Shows each stage with a bar of its own.
pub(super) struct Stages {
    ui: Ui,
    shown: Option<(Stage, Bar)>,
}

impl Stages {
    /// Shows nothing before the first stage.
    pub(super) fn new(ui: &Ui) -> Self {
        Self { ui: *ui, shown: None }
    }
}

impl Progress for Stages {
    fn advance(&mut self, stage: Stage, done: u64, of: u64) {
        match &self.shown {
            Some((shown, bar)) if *shown == stage => bar.set(done, of),
            _ => {
                // The bar before goes away first.
                self.shown = None;
                let bar = self.ui.bar(stage.label(), of);
                bar.set(done, of);
                self.shown = Some((stage, bar));
            }
        }
    }
}
