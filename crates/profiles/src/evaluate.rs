//! How well rankers foretell what a shop's customers buy: one split of time, every ranker, one table of figures.
//!
//! Orders are cleaned as a build cleans them. Rankers are fitted on what came before the split and asked about what came
//! after; weights and factors are chosen on an earlier split inside of the training part, so that nothing is chosen by
//! what it is judged by.

mod history;
mod rankers;

use crate::build::time;
use crate::engine::{Lines, RecommendedRow, write_recommended};
use crate::reading::{Orders, Reading};
use crate::{AsOf, BuildError, Mapping, Progress, Stage};
use history::{Days, History, shown};
use rankers::{Fitted, RANKERS};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vitrine_learn::recommend::{Case, Protocol, RecommendError, evaluate as measure, paired_difference};
pub use vitrine_learn::recommend::{Estimate, Evaluation, Mode, Trial};

/// What becomes of cancelled purchases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancellations {
    /// Cancellations take back what was bought, as in a build.
    #[default]
    Net,
    /// Rows that cancel are dropped, and what was ordered counts, also if it was cancelled later. Published evaluations do
    /// so.
    Drop,
}

/// Everything that an evaluation depends on.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// Order files, CSV or Parquet by their extension. Range: at least one.
    pub orders: Vec<PathBuf>,
    /// How the columns of the files become order lines.
    pub mapping: Mapping,
    /// The test ends here; later rows are put aside. Default: midnight after the last order line.
    pub as_of: Option<AsOf>,
    /// Training ends and the test begins at the start of this day. Default: 92 days before the end, or a quarter of the
    /// history if that is shorter.
    pub split_at: Option<AsOf>,
    /// Length of the lists. Range: 1..=100. Default 10.
    pub k: usize,
    /// What becomes of cancelled purchases. Default: netted.
    pub cancellations: Cancellations,
    /// Decides which customers are drawn for the intervals, and which are tested if there are more than 10,000. Default 1.
    pub seed: u64,
    /// Times that customers are drawn anew for the 95 % intervals; 0 for none. Default 1,000.
    pub n_resamples: usize,
    /// Memory for sorting and grouping. Unit: bytes. Default 2 GiB.
    pub memory_bytes: usize,
    /// A Parquet file for what was recommended, so that others can compute the figures. It holds customer ids. Replaced if
    /// it is there. Default: none.
    pub recommendations: Option<PathBuf>,
}

impl EvaluateOptions {
    /// The defaults of every option that has one.
    pub fn new(orders: Vec<PathBuf>, mapping: Mapping) -> Self {
        Self {
            orders,
            mapping,
            as_of: None,
            split_at: None,
            k: 10,
            cancellations: Cancellations::default(),
            seed: 1,
            n_resamples: 1_000,
            memory_bytes: 2 << 30,
            recommendations: None,
        }
    }
}

/// What an evaluation found. Holds no customer id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluated {
    /// Name of the mapping.
    pub mapping: String,
    /// What became of cancelled purchases.
    pub cancellations: Cancellations,
    /// Whatever was chosen was fitted on what came before this day. `2026-01-31`.
    pub validation_at: String,
    /// Training ends, the test begins.
    pub split_at: String,
    /// The time at which the test ends. RFC 3339.
    pub as_of: String,
    /// Length of the lists.
    pub k: usize,
    /// The seed.
    pub seed: u64,
    /// Customers with a purchase before the split.
    pub customers: u64,
    /// Items that were bought before the split.
    pub items: u64,
    /// Customers and items of which the one bought the other before the split.
    pub pairs: u64,
    /// Least buyers of an item that EASE knows: above 1 in shops with more than 10,000 items.
    pub ease_buyers_min: u32,
    /// The figures, for items new to the customer and for all.
    pub modes: Vec<ModeEvaluated>,
}

/// The figures of one mode.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModeEvaluated {
    /// Which items may be recommended.
    pub mode: Mode,
    /// Customers over whom the figures are.
    pub customers_tested: u64,
    /// Weights of the hybrid's parts, chosen on the validation split.
    pub hybrid: Chosen,
    /// What the edge adds to its sums, chosen on the validation split.
    pub edge_blend: Chosen,
    /// The figures of each ranker.
    pub rankers: Vec<Evaluation>,
    /// By how much the hybrid is better than each other ranker, in nDCG, customer by customer.
    pub hybrid_less: BTreeMap<String, Estimate>,
}

/// Parameters that were chosen on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// The nDCG that they reached there.
    pub validation_ndcg: f64,
    /// Combinations that were tried.
    pub n_trials: u64,
    /// The parameters.
    pub params: BTreeMap<String, f64>,
    /// Every combination that was tried, in order, with the nDCG that it reached, or why it failed.
    pub trials: Vec<Trial>,
}

/// Evaluates every ranker on a shop's orders.
///
/// Blocks until it is done; starts its own threads.
///
/// Errors: as a build; too little history, nobody to test, or a split outside of the history
/// ([`BuildError::Option`]).
pub fn evaluate(options: &EvaluateOptions, progress: &mut dyn Progress) -> Result<Evaluated, BuildError> {
    if !(1..=100).contains(&options.k) {
        return Err(BuildError::Option { option: "k", what: format!("is {}, but must be 1 to 100", options.k) });
    }
    let Reading { engine, cleaned, .. } = &Orders {
        files: &options.orders,
        mapping: &options.mapping,
        as_of: options.as_of,
        memory_bytes: options.memory_bytes,
    }
    .read(progress)?;
    if engine.first_purchase_s()?.is_none() {
        return Err(cleaned.nothing_left());
    }
    let as_of_s = cleaned.as_of_s;

    let lines = Lines::from(options.cancellations);
    // Two fits; then for each mode a choice, and every ranker.
    let mut steps = Steps { done: 0, of: 2 + 2 * (1 + RANKERS.len() as u64), progress };
    steps.show();
    let history = History::read(engine, lines, as_of_s, options.split_at)?;
    let days = history.days;
    let earlier = fitted(&history, days.validation, days.split, options.seed)?;
    steps.next();
    let later = fitted(&history, days.split, days.until, options.seed)?;
    steps.next();
    let modes = [Mode::Novel, Mode::Repeat];
    let modes = modes.into_iter().map(|mode| evaluate_mode(mode, &earlier, &later, options, &mut steps));
    let modes: Vec<ModeEvaluated> = modes.collect::<Result<_, _>>()?;
    if let Some(path) = &options.recommendations {
        write_recommended(path, modes.iter().flat_map(|mode| mode.rankers.iter().map(|it| recommended(it, &history))))?;
    }
    let Days { validation, split, .. } = days;
    Ok(Evaluated {
        mapping: options.mapping.name.clone(),
        cancellations: options.cancellations,
        validation_at: shown(validation),
        split_at: shown(split),
        as_of: time(as_of_s),
        k: options.k,
        seed: options.seed,
        customers: u64::from(later.binary.n_users()),
        items: u64::from(later.binary.n_items()),
        pairs: later.binary.n_entries() as u64,
        ease_buyers_min: later.ease_buyers_min,
        modes,
    })
}

/// Fits on what came before a day, and finds customers who bought again from then on.
fn fitted(history: &History, day: i32, until: i32, seed: u64) -> Result<Fitted, BuildError> {
    let fitted = Fitted::new(history, day, until, seed).map_err(failed)?;
    if fitted.cases.is_empty() {
        let what = format!(
            "no customer with a purchase before {} bought an item of that time from then until {}; choose another day, \
             or give more history",
            shown(day),
            shown(until)
        );
        return Err(BuildError::Option { option: "split_at", what });
    }
    Ok(fitted)
}

fn failed(error: RecommendError) -> BuildError {
    match error {
        // Nobody bought anything that may be recommended.
        RecommendError::NoTrial { .. } => BuildError::Option { option: "split_at", what: error.to_string() },
        other => BuildError::from(other),
    }
}

fn evaluate_mode(
    mode: Mode,
    earlier: &Fitted,
    later: &Fitted,
    options: &EvaluateOptions,
    steps: &mut Steps<'_>,
) -> Result<ModeEvaluated, BuildError> {
    let choice = earlier.choose(mode, options.k).map_err(failed)?;
    steps.next();
    let protocol =
        Protocol { k: options.k, n_resamples: options.n_resamples, seed: options.seed, ..Protocol::new(mode) };
    let cases: &[Case] = &later.cases;
    let mut rankers = Vec::new();
    let measured = later.each_ranker(&choice, |name, ranker| {
        rankers.push(measure(name, ranker, &later.binary, cases, protocol));
        steps.next();
    });
    measured.map_err(failed)?;
    let mut hybrid_less = BTreeMap::new();
    if let Some((hybrid, others)) = rankers.split_last() {
        let gaps = others.iter().filter_map(|other| Some((other.ranker.clone(), paired_difference(hybrid, other)?)));
        hybrid_less.extend(gaps);
    }
    let chosen = |tuning: &vitrine_learn::recommend::Tuning| Chosen {
        validation_ndcg: tuning.score(),
        n_trials: tuning.trials.len() as u64,
        params: tuning.best().clone(),
        trials: tuning.trials.clone(),
    };
    Ok(ModeEvaluated {
        mode,
        customers_tested: rankers.first().map_or(0, |first| first.n_users as u64),
        hybrid: chosen(&choice.hybrid),
        edge_blend: chosen(&choice.edge),
        rankers,
        hybrid_less,
    })
}

/// The rows of one ranker.
fn recommended<'a>(evaluation: &'a Evaluation, history: &'a History) -> Vec<RecommendedRow<'a>> {
    let mode = mode_name(evaluation.protocol.mode);
    let name = |names: &'a [String], at: u32| names.get(at as usize).map_or("", String::as_str);
    let rows = evaluation.lists.iter().flat_map(|list| {
        let places = (1_i64..).zip(&list.items).zip(&list.scores);
        places.map(|((rank, item), score)| RecommendedRow {
            user: name(&history.users, list.user),
            mode,
            ranker: &evaluation.ranker,
            rank,
            item: name(&history.items, *item),
            score: *score,
        })
    });
    rows.collect()
}

/// The name of a mode in files and tables.
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Novel => "novel",
        Mode::Repeat => "repeat",
    }
}

/// Progress over fits and measurements.
struct Steps<'a> {
    done: u64,
    of: u64,
    progress: &'a mut dyn Progress,
}

impl Steps<'_> {
    fn show(&mut self) {
        self.progress.advance(Stage::Evaluate, self.done, self.of);
    }

    fn next(&mut self) {
        self.done += 1;
        self.show();
    }
}
