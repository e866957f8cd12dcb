//! `vitrine profiles rank`: which labels tell an outcome.

use crate::cmd::profiles_build::failure;
use crate::failure::Failure;
use crate::ui::{Ui, count};
use clap::Args;
use std::path::PathBuf;
use vitrine_profiles::{RankOptions, Ranked, rank};

/// Rank the labels of a build by how they tell an outcome: chi-square, mutual information, recursive elimination.
///
/// Chi-square asks whether a label and the outcome are related at all, mutual information how much the label tells by itself,
/// elimination what it adds to the others. Kept are those that are related beyond chance and needed for the fit. A label that is
/// made of what the outcome is made of tells it, and means nothing: leave it out with --without.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles rank table --outcome is_repeat --without frequency f_quintile segment gap_days
  vitrine profiles rank table --outcome segment=champions --keep 10 --json")]
pub struct Rank {
    /// Directory of a build, with features.parquet and labels.json.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The label to be told: a flag, a category or a number; or LABEL=VALUE of a category or a set.
    #[arg(long, value_name = "LABEL")]
    pub outcome: String,
    /// Labels that take no part.
    #[arg(long, value_name = "LABEL", num_args = 1..)]
    pub without: Vec<String>,
    /// Labels to keep. Default: as many as tests and elimination call for.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Draws the customers that elimination looks at, when there are many.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// Ranks, and shows the list.
///
/// # Errors
/// 3 for a directory that is no build and an outcome that cannot be asked for.
pub fn run(args: &Rank, ui: &Ui) -> Result<(), Failure> {
    let mut options = RankOptions::new(args.dir.clone(), args.outcome.clone());
    options.without = args.without.clone();
    options.keep = args.keep.map(|keep| keep as usize);
    options.seed = args.seed;
    let ranked = rank(&options).map_err(failure)?;
    ui.result(&ranked, || shown(&ranked))
}

fn shown(ranked: &Ranked) -> String {
    let ranking = &ranked.ranking;
    let classes = ranked.class_names.iter().zip(&ranking.classes).map(|(name, (_, n))| format!("{name} {}", count(*n)));
    let mut text = format!(
        "{}: {} customers; {}\n\n{:>4} {:<28}{:>10}{:>12}{:>10}{:>12}\n",
        ranked.outcome,
        count(ranking.n_rows as u64),
        classes.collect::<Vec<_>>().join(", "),
        "",
        "label",
        "bits",
        "Cramér's V",
        "p",
        "elimination"
    );
    for feature in &ranking.features {
        text.push_str(&format!(
            "{:>4} {:<28}{:>10.4}{:>12.3}{:>10.1e}{:>12}{}\n",
            feature.rank,
            feature.name,
            feature.mutual_information.bits,
            feature.chi_square.cramers_v,
            feature.p_adjusted,
            feature.elimination_rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string()),
            if feature.is_kept { "  kept" } else { "" }
        ));
    }
    text
}
