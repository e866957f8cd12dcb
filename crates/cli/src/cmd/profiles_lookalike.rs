//! `vitrine profiles lookalike`: customers who are like those of a group.

use crate::cmd::profiles_build::failure;
use crate::failure::Failure;
use crate::ui::{Ui, count};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use vitrine_profiles::{LookalikeMethod, LookalikeOptions, Lookalikes, lookalike};

/// Find customers who buy like those of a group, without the group itself, the closest first.
///
/// Each customer has a direction: the sum of the item vectors of what was bought. The centroid looks for those who point the way of
/// the group's mean, the logistic method for those whom a regression takes for members rather than for others.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles lookalike table --seed-segment champions --top 500 --out lookalikes.csv
  vitrine profiles lookalike table --seed-segment value_tier=top --method logistic --json

lookalikes.csv holds customer ids, so keep it where orders are kept.")]
pub struct Lookalike {
    /// Directory of a build, with tastes.parquet, features.parquet and items/vectors.bin.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The group: a label that is a flag (a segment of labels.toml, say), LABEL=VALUE, or a segment by recency and frequency.
    #[arg(long, value_name = "NAME")]
    pub seed_segment: String,
    /// Customers wanted.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
    /// How closeness is measured.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Method::Centroid)]
    pub method: Method,
    /// File for one row a customer found (.csv): id and score.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Draws the others that the logistic method tells the group apart from.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// How closeness to a group is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Cosine to the mean direction of the group: for groups of one kind.
    Centroid,
    /// Chance of belonging to the group, by a regression: for groups of several kinds.
    Logistic,
}

/// Finds, and shows how close.
///
/// # Errors
/// 3 for a directory that is no build with vectors and a group that cannot be asked for, 1 for what cannot be written.
pub fn run(args: &Lookalike, ui: &Ui) -> Result<(), Failure> {
    let mut options = LookalikeOptions::new(args.dir.clone(), args.seed_segment.clone());
    options.top = args.top as usize;
    options.method = match args.method {
        Method::Centroid => LookalikeMethod::Centroid,
        Method::Logistic => LookalikeMethod::Logistic,
    };
    options.out = args.out.clone();
    options.seed = args.seed;
    let found = lookalike(&options).map_err(failure)?;
    if let Some(path) = &args.out {
        ui.note(&format!("wrote {}", path.display()));
    }
    ui.result(&found, || shown(&found))
}

fn shown(found: &Lookalikes) -> String {
    let score = |score: Option<f64>| score.map_or_else(|| "-".to_owned(), |score| format!("{score:.3}"));
    format!(
        "{}: {} customers with a direction, of {}\n{} found, scores {} to {}; the mean of all others is {}\n",
        found.seed_segment,
        count(found.seed_customers),
        count(found.customers),
        count(found.found),
        score(found.highest_score),
        score(found.lowest_score),
        score(found.mean_score),
    )
}
