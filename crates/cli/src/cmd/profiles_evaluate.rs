//! `vitrine profiles evaluate`: how well rankers foretell what a shop's customers buy.

use crate::cmd::profiles_build::{Stages, failure, mapping};
use crate::failure::Failure;
use crate::ui::{Ui, count};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use vitrine_profiles::{
    AsOf, Cancellations, Estimate, EvaluateOptions, Evaluated, Evaluation, ModeEvaluated, evaluate, mode_name,
};

/// Evaluate rankers on a shop's orders: train on what came before a day, ask about what came after.
///
/// Orders are cleaned as `profiles build` cleans them. The weights of the hybrid and of the edge blend are chosen on an
/// earlier split inside of the training part. `novel` asks for items that a customer had not bought before, `repeat` for
/// all. Intervals (95 %) come from drawing the tested customers anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles evaluate --orders shop/orders.csv --mapping vitrine-demo
  vitrine profiles evaluate --orders online_retail.parquet --mapping online-retail --split-at 2011-09-09 \\
    --cancellations drop --recommendations recommendations.parquet --json

recommendations.parquet holds user, mode, ranker, rank, item and score: customer ids, so keep it where orders are kept.")]
pub struct Evaluate {
    /// Order files: CSV, JSON lines or Parquet, packed or not; also folders and patterns.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub orders: Vec<PathBuf>,
    /// How columns become order lines: a built-in mapping or a mapping file (.toml).
    #[arg(long, value_name = "NAME_OR_FILE")]
    pub mapping: String,
    /// Training ends and the test begins on this day. Default: 92 days before the end, or a quarter of the history.
    #[arg(long, value_name = "DATE")]
    pub split_at: Option<AsOf>,
    /// The test ends at this date or time. Default: midnight after the last order.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<AsOf>,
    /// Length of the lists.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub k: u8,
    /// Whether cancellations take purchases back, or are dropped.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = How::Net)]
    pub cancellations: How,
    /// File for what was recommended, so that others can compute the figures.
    #[arg(long, value_name = "FILE")]
    pub recommendations: Option<PathBuf>,
    /// Memory for sorting and grouping; beyond it data goes to disk. Unit: MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
    /// Draws the customers of the intervals, and those that are tested when there are many.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// What becomes of cancelled purchases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// Cancellations take back what was bought, as in a build.
    Net,
    /// Cancelling rows are dropped; what was ordered counts, as in published evaluations.
    Drop,
}

impl From<How> for Cancellations {
    fn from(how: How) -> Self {
        match how {
            How::Net => Self::Net,
            How::Drop => Self::Drop,
        }
    }
}

/// Evaluates, and shows a table for each mode.
///
/// # Errors
/// 3 for a mapping, orders or a split that will not do, 1 for what cannot be read or written.
pub fn run(args: &Evaluate, ui: &Ui) -> Result<(), Failure> {
    let mut options = EvaluateOptions::new(args.orders.clone(), mapping(&args.mapping)?);
    options.split_at = args.split_at;
    options.as_of = args.as_of;
    options.k = usize::from(args.k);
    options.cancellations = args.cancellations.into();
    options.recommendations = args.recommendations.clone();
    options.memory_bytes = (args.memory as usize) << 20;
    options.seed = args.seed;
    let mut stages = Stages::new(ui);
    let evaluated = evaluate(&options, &mut stages);
    drop(stages);
    let evaluated = evaluated.map_err(failure)?;
    if let Some(path) = &args.recommendations {
        ui.note(&format!("wrote {}", path.display()));
    }
    ui.result(&evaluated, || shown(&evaluated))
}

fn shown(evaluated: &Evaluated) -> String {
    let mut text = format!(
        "{} customers, {} items, {} pairs before {}; tested from then until {}; chosen on {} to {}\n",
        count(evaluated.customers),
        count(evaluated.items),
        count(evaluated.pairs),
        evaluated.split_at,
        evaluated.as_of,
        evaluated.validation_at,
        evaluated.split_at,
    );
    if evaluated.ease_buyers_min > 1 {
        text.push_str(&format!("EASE knows the items with at least {} buyers\n", evaluated.ease_buyers_min));
    }
    for mode in &evaluated.modes {
        text.push_str(&table(mode, evaluated.k));
    }
    text
}

/// One line of figures and one of intervals for each ranker.
fn table(mode: &ModeEvaluated, k: usize) -> String {
    let mut text = format!(
        "\n{}: {} customers; under each figure its 95 % interval\n{:<16}{:>14}{:>14}{:>14}{:>14}{:>12}{:>12}{:>12}\n",
        mode_name(mode.mode),
        count(mode.customers_tested),
        "ranker",
        format!("P@{k}"),
        format!("R@{k}"),
        format!("F1@{k}"),
        format!("nDCG@{k}"),
        "coverage",
        "diversity",
        "novelty"
    );
    for it in &mode.rankers {
        text.push_str(&lines(it));
    }
    let params = mode.hybrid.params.iter().filter(|(_, weight)| **weight != 0.0);
    let params: Vec<String> = params.map(|(name, weight)| format!("{name} {weight}")).collect();
    text.push_str(&format!("hybrid, validation nDCG {:.4}: {}\n", mode.hybrid.validation_ndcg, params.join(", ")));
    let params: Vec<String> = mode.edge_blend.params.iter().map(|(name, value)| format!("{name} {value}")).collect();
    text.push_str(&format!(
        "edge blend, validation nDCG {:.4}: {}\n",
        mode.edge_blend.validation_ndcg,
        params.join(", ")
    ));
    let rivals = mode.hybrid_less.iter().filter(|(_, gap)| gap.low <= 0.0);
    let rivals: Vec<&str> = rivals.map(|(name, _)| name.as_str()).collect();
    text.push_str(&match rivals.as_slice() {
        [] => "the hybrid is better than every other by more than chance\n".to_owned(),
        rivals => format!("the hybrid is not surely better than {}\n", rivals.join(", ")),
    });
    text
}

fn lines(it: &Evaluation) -> String {
    let shares = [&it.precision, &it.recall, &it.f1, &it.ndcg];
    let others = [(&it.coverage, 3), (&it.diversity, 3), (&it.novelty, 2)];
    let value = |figure: &Estimate, digits: usize| format!("{:.digits$}", figure.value);
    let interval = |figure: &Estimate, digits: usize| format!("{:.digits$}-{:.digits$}", figure.low, figure.high);
    let line = |name: &str, cell: &dyn Fn(&Estimate, usize) -> String| {
        let mut line = format!("{name:<16}");
        shares.iter().for_each(|figure| line.push_str(&format!("{:>14}", cell(figure, 4))));
        others.iter().for_each(|(figure, digits)| line.push_str(&format!("{:>12}", cell(figure, *digits))));
        line + "\n"
    };
    line(&it.ranker, &value) + &line("", &interval)
}
