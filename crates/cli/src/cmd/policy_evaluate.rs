//! `vitrine policy evaluate`: what another policy would have earned, from a log of decisions.

use crate::decision_log::{Columns, DecisionLog};
use crate::failure::{Exit, Exits, Failure};
use crate::files;
use crate::ui::{Ui, count};
use anyhow::{Context, anyhow};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vitrine_learn::off_policy::{
    BetaPrior, Comparison, Estimated, PolicyEstimates, Verdict, compare, estimate, thompson_propensities,
};

/// Estimate what Thompson sampling with given beliefs would have earned, from the log of the policy that ran.
///
/// The log has one row a showing: what was shown, with which chance, and what came of it. Estimates are inverse propensity
/// scoring (ips), self-normalised (snips) and doubly robust (dr), each with a 95 % interval. The effective sample size says how
/// many rows of an own log would say as much. A policy is called better or worse only where the log allows it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine policy evaluate --log random_all.parquet --offer item_id --place position \\
    --propensity propensity_score --reward click --beliefs prior_bts.yaml --campaign all
  vitrine policy evaluate --log decisions.csv --beliefs beliefs.yaml --json

The beliefs are YAML or JSON: alpha and beta, a list each with one entry an offer, in the order of the offers in the
log (numbers by value, names by alphabet). With --campaign they are looked up below that name.")]
pub struct Evaluate {
    /// The log: .parquet, .csv, .ndjson or .jsonl.
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// Column of what was shown.
    #[arg(long, value_name = "COLUMN", default_value = "offer")]
    pub offer: String,
    /// Column of the place where it was shown. Default: one place.
    #[arg(long, value_name = "COLUMN")]
    pub place: Option<String>,
    /// Column of the chance with which it was shown.
    #[arg(long, value_name = "COLUMN", default_value = "propensity")]
    pub propensity: String,
    /// Column of what came of it: 1 for a click and 0 for none, or an amount.
    #[arg(long, value_name = "COLUMN", default_value = "reward")]
    pub reward: String,
    /// File with the beliefs of the Thompson policy.
    #[arg(long, value_name = "FILE")]
    pub beliefs: PathBuf,
    /// Which of several beliefs in that file.
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
    /// Draws from the beliefs, from which the chances of the policy are counted.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub draws: u32,
    /// Seed of draws, folds and intervals.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// Beliefs as people write them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beliefs {
    alpha: Vec<f64>,
    beta: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Evaluated {
    offers: usize,
    places: usize,
    #[serde(flatten)]
    estimates: PolicyEstimates,
    #[serde(flatten)]
    comparison: Comparison,
}

/// Reads log and beliefs, estimates, shows.
///
/// # Errors
/// 3 for a log or beliefs that will not do, 1 for a file that cannot be read.
pub fn run(args: &Evaluate, ui: &Ui) -> Result<(), Failure> {
    let columns = Columns {
        offer: args.offer.clone(),
        place: args.place.clone(),
        propensity: args.propensity.clone(),
        reward: args.reward.clone(),
    };
    let beliefs = beliefs(&args.beliefs, args.campaign.as_deref())?;
    let spinner = ui.spinner("estimating");
    let log = DecisionLog::read(&args.log, &columns).invalid()?;
    if log.offers.len() != beliefs.len() {
        let message = format!(
            "{} has beliefs about {} offers, the log shows {}",
            args.beliefs.display(),
            beliefs.len(),
            log.offers.len()
        );
        return Err(Failure::new(Exit::Invalid, message).help("give one alpha and one beta for each offer of the log"));
    }
    let policy = thompson_propensities(&beliefs, log.places.len().max(1), args.draws as usize, args.seed);
    let policy = policy.with_context(|| args.beliefs.display().to_string()).invalid()?;
    let within = || args.log.display().to_string();
    let estimates = estimate(&log.rows, &policy, args.seed).with_context(within).invalid()?;
    let comparison = compare(&log.rows, &policy, args.seed).with_context(within).invalid()?;
    drop(spinner);
    let evaluated = Evaluated { offers: log.offers.len(), places: log.places.len(), estimates, comparison };
    ui.result(&evaluated, || shown(&evaluated))
}

fn beliefs(path: &Path, campaign: Option<&str>) -> Result<Vec<BetaPrior>, Failure> {
    let bytes = files::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let found = match campaign {
        None => serde_saphyr::from_str::<Beliefs>(&text),
        Some(name) => serde_saphyr::from_str::<BTreeMap<String, Beliefs>>(&text)
            .map(|mut all| all.remove(name).unwrap_or(Beliefs { alpha: Vec::new(), beta: Vec::new() })),
    };
    let Beliefs { alpha, beta } = found
        .map_err(|error| anyhow!("{}: {error}", path.display()))
        .invalid()
        .map_err(|it| it.help("write alpha: [..] and beta: [..], or name the part of the file with --campaign"))?;
    if alpha.is_empty() || alpha.len() != beta.len() {
        let message = format!("{}: {} entries of alpha, {} of beta", path.display(), alpha.len(), beta.len());
        return Err(
            Failure::new(Exit::Invalid, message).help("give as many of one as of the other, one for each offer")
        );
    }
    Ok(alpha.into_iter().zip(beta).map(|(alpha, beta)| BetaPrior { alpha, beta }).collect())
}

fn shown(evaluated: &Evaluated) -> String {
    let Evaluated { offers, places, estimates: it, comparison } = evaluated;
    let line = |name: &str, figure: Estimated| {
        format!("{name:<22}{:>10.5}   {:.5} to {:.5}\n", figure.value, figure.low, figure.high)
    };
    let mut text = format!(
        "{} showings, {offers} offers, {places} places; value of a showing, and its 95 % interval\n\n",
        count(it.rows as u64)
    );
    text.push_str(&line("the policy that ran", it.logged));
    text.push_str(&line("ips", it.ips));
    text.push_str(&line("snips", it.snips));
    text.push_str(&line("dr", it.dr));
    text.push_str(&line("snips less what ran", comparison.difference));
    text.push_str(&format!(
        "\neffective sample size {:.0}, greatest weight {:.1}, mean weight {:.3}\n",
        it.effective_rows, it.weight_max, it.weight_mean
    ));
    text.push_str(match comparison.verdict {
        Verdict::Better => "the policy is better than the one that ran, by more than chance\n",
        Verdict::Worse => "the policy is worse than the one that ran, by more than chance\n",
        Verdict::CannotTell => "the log cannot tell which is better: the interval of the difference holds 0\n",
        Verdict::TooLittleOverlap => "the log says too little: it seldom shows what the policy would\n",
    });
    text
}
