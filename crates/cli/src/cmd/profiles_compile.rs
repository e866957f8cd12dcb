//! `vitrine profiles compile`: a table from features that another engine computed.

use crate::cmd::profiles_build::{Stages, failure};
use crate::failure::Failure;
use crate::files;
use crate::ui::{Ui, count};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vitrine_profiles::{AsOf, CompileOptions, compile};

/// Make a table from features.parquet, items.parquet and tastes.parquet, whoever wrote them: a build, or a warehouse.
///
/// docs/guides/features.md says what the files hold. The directory appears whole or not at all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles compile --features export --as-of 2026-07-01 --out table --key-file table.key
  vitrine profiles compile --features export --own-features features/ --labels labels.toml --as-of 2026-07-01 \\
    --out table --key-file table.key --replace")]
pub struct Compile {
    /// Directory with the three files, and perhaps labels.json.
    #[arg(long, value_name = "DIR")]
    pub features: PathBuf,
    /// The time that the features speak about.
    #[arg(long, value_name = "DATE")]
    pub as_of: AsOf,
    /// Directory to write.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Folder of feature files whose heads declare labels; their queries are not run.
    #[arg(long, value_name = "DIR")]
    pub own_features: Option<PathBuf>,
    /// Changes to labels (.toml). Not used when the features come with labels.json.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
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

/// Makes the table and says what is in it.
///
/// # Errors
/// 3 for files, labels or a key with errors, 1 for what cannot be read or written.
pub fn run(args: &Compile, ui: &Ui) -> Result<(), Failure> {
    let key = files::table_key(args.key_file.as_deref())?;
    let mut options = CompileOptions::new(args.features.clone(), args.out.clone(), key, args.as_of);
    options.features_dir = args.own_features.clone();
    options.labels_file = args.labels.clone();
    options.replace = args.replace;
    options.memory_bytes = (args.memory as usize) << 20;
    options.seed = args.seed;
    let mut stages = Stages::new(ui);
    let compiled = compile(&options, &mut stages);
    drop(stages);
    let compiled = compiled.map_err(failure)?;
    for warning in &compiled.warnings {
        ui.note(&format!("warning: {warning}"));
    }
    let manifest = &compiled.manifest;
    let value = json!({
        "dir": args.out,
        "build": manifest.build,
        "rows": manifest.rows,
        "visitor_bytes": manifest.schema.visitor_bytes(),
        "columns": manifest.schema.columns().len(),
        "clamped": compiled.clamped,
        "neighbours": compiled.neighbours,
        "warnings": compiled.warnings,
    });
    ui.result(&value, || {
        format!(
            "build {} in {}: {} visitors, {} columns, {} bytes a visitor\n",
            manifest.build,
            args.out.display(),
            count(manifest.rows),
            manifest.schema.columns().len(),
            manifest.schema.visitor_bytes()
        )
    })
}
