//! `vitrine simulate`: what rankers, bandits and caps would earn, in a shop whose truth is known.

use crate::document::{self, Around};
use crate::failure::{Exit, Exits, Failure};
use crate::files;
use crate::ui::{Ui, count};
use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use vitrine_config::Format;
use vitrine_engine::{Bundle, Placement, TimestampMs};
use vitrine_simulate::{
    CapsReport, CapsSide, Contender, Goal, Lift, RankerReport, RegretReport, Report, Segmentation, Settings, Shop,
    TrialCap, Truth, VISITORS_MAX, VISITORS_MIN, Verdict, placement, simulate,
};

/// Simulate rankers, bandits and caps in a shop whose truth is known.
///
/// Customers of the made-up shop visit for four weeks. The engine of the edge decides what each of them sees, by one ranker after
/// the other, and a known truth says what they click. Shown are the lift of each ranker over popularity and over chance, the regret of
/// bandits (what they missed while they learnt, against the best offer for each kind of visitor), and what caps for single visitors
/// change. Lifts have 95 % intervals; where chance could have made a difference, the answer is "cannot tell". The same seed gives the
/// same figures on every machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine simulate
  vitrine simulate --rankers items,hybrid,bandit --visitors 50000 --seed 7 --json
  vitrine simulate --config offers.yaml --placement home-hero
  vitrine simulate --config offers.yaml --truth clicks.csv --segments device --cap 1/3d --fatigue 0.6

The truth file is CSV: segment,offer,click and, if you like, value. A row says with which chance a visitor of the segment clicks
the offer, and what that is worth (in units of the currency); * as the segment speaks for all that have no row:
  segment,offer,click
  mobile,spring-sale,0.06
  *,spring-sale,0.02
  *,newsletter,0.03

Segments, by what --segments says: taste (gardener, home_cook, host, maker, parent, reader, athlete, gadgeteer), device (desktop,
mobile, tablet), channel (web, app, store), country (Germany, France, ...), discount (bargain, mixed, indifferent).

Rankers: priority, popular, items, relevance, formula, hybrid, and the bandits bernoulli, gaussian, linear_thompson, lin_ucb (bandit
names all four). random, popular, single (the best single offer for all) and truth (the best offer for each segment) always take part.
docs/guides/simulate.md says what each of them is, and what a simulation cannot tell.")]
pub struct Simulate {
    /// The configuration: JSON, YAML, CSV or a workbook. Default: that of the made-up shop.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The placement. Default: the first with at least two candidates.
    #[arg(long, value_name = "ID")]
    pub placement: Option<String>,
    /// Number of visitors, 100 to 500,000.
    #[arg(long, value_name = "N", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(i64::from(VISITORS_MIN)..=i64::from(VISITORS_MAX)))]
    pub visitors: u32,
    /// Seed of the shop, the visits, the clicks and the draws.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Who competes, separated by commas. Default: all.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub rankers: Vec<String>,
    /// Chances of a click by segment and offer, CSV. Default: the truth of the made-up shop, by taste.
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// What the truth file tells visitors apart by.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = By::Taste, requires = "truth")]
    pub segments: By,
    /// Cap to try on every candidate: showings to one visitor, and in which time. Default: the offers' own, or 2/7d if there is none.
    #[arg(long, value_name = "N/TIME")]
    pub cap: Option<TrialCap>,
    /// Where caps are tried: what is left of the chance of a click each time that the visitor has seen the offer before, 0 to 1.
    #[arg(long, value_name = "X", default_value_t = 0.8)]
    pub fatigue: f64,
    /// When the first day begins (RFC 3339). Default: the end of the made-up shop's records, 2026-07-01.
    #[arg(long, value_name = "TIME")]
    pub start: Option<Timestamp>,
}

/// What visitors are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum By {
    Taste,
    Device,
    Channel,
    Country,
    Discount,
}

impl From<By> for Segmentation {
    fn from(by: By) -> Self {
        match by {
            By::Taste => Self::Taste,
            By::Device => Self::Device,
            By::Channel => Self::Channel,
            By::Country => Self::Country,
            By::Discount => Self::Discount,
        }
    }
}

/// Reads configuration and truth, simulates, shows.
///
/// # Errors
/// 2 for rankers or a placement that there are not, 3 for a configuration or a truth with errors, 1 for a file that cannot be read.
pub fn run(args: &Simulate, ui: &Ui) -> Result<(), Failure> {
    let usage = |error: vitrine_simulate::SimulateError| Failure::new(Exit::Usage, error);
    let settings = Settings {
        placement: args.placement.clone(),
        rankers: Contender::named(&args.rankers).map_err(usage)?,
        cap: args.cap,
        fatigue: args.fatigue,
        start: args.start.map(|it| TimestampMs(it.as_millisecond())),
    };
    if !(0.0..=1.0).contains(&args.fatigue) {
        return Err(usage(vitrine_simulate::SimulateError::Fatigue { found: args.fatigue }));
    }
    let bundle = match &args.config {
        Some(file) => document::checked(file, Around::default(), ui)?.bundle,
        None => made_up()?,
    };
    let chosen = placement(&bundle, settings.placement.as_deref()).map_err(usage)?;
    let read = args.truth.as_deref().map(|file| truth(file, args.segments.into(), &bundle, chosen)).transpose()?;

    let bar = ui.bar("customers", u64::from(args.visitors));
    let shop = Shop::new(args.seed, args.visitors, |done| {
        if done.is_multiple_of(256) || done == args.visitors {
            bar.set(u64::from(done), u64::from(args.visitors));
        }
    });
    let shop = shop.map_err(usage)?;
    drop(bar);
    let truth = read.unwrap_or_else(|| Truth::made_up(&shop, &bundle));
    let bar = ui.bar("visits", 0);
    let report = simulate(&shop, &bundle, &truth, &settings, &mut |done, of| bar.set(done, of));
    drop(bar);
    let report = report.map_err(anyhow::Error::from)?;
    ui.result(&report, || shown(&report))
}

/// The configuration of the made-up shop.
fn made_up() -> Result<Bundle, Failure> {
    let document = vitrine_demo::offers_document().to_string();
    let checked = vitrine_config::check(&document, Format::Json);
    // It is checked by tests.
    let checked =
        checked.map_err(|found| Failure::new(Exit::Failed, format!("the made-up configuration: {found:?}")))?;
    Ok(checked.bundle)
}

fn truth(file: &Path, by: Segmentation, bundle: &Bundle, placement: &Placement) -> Result<Truth, Failure> {
    let bytes = files::read_or_stdin(file)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| anyhow!("{}: not UTF-8 from byte {} on", file.display(), error.utf8_error().valid_up_to()))
        .invalid()
        .map_err(|failure| failure.help("save the file with the encoding UTF-8"))?;
    Truth::read(&text, by, bundle, placement).with_context(|| file.display().to_string()).invalid()
}

fn shown(report: &Report) -> String {
    let goal = match report.goal {
        Goal::Clicks => "clicks",
        Goal::Value => "value",
    };
    let mut text = format!(
        "{}: {} candidates, {} visitors, {} visits in {} days from {}; {goal} by the truth for each {}; seed {}\n\n",
        report.placement,
        report.candidates,
        count(u64::from(report.visitors)),
        count(report.visits),
        report.days,
        report.start.get(..10).unwrap_or(&report.start),
        report.by.as_str(),
        report.seed,
    );
    text.push_str(&rankers(report));
    text.push_str(&winner(report));
    text.push_str(&regret(report));
    text.push_str(&caps(&report.caps));
    for note in &report.notes {
        text.push_str(&format!("\nnote: {note}"));
    }
    text
}

/// Earnings are shown per 100 visits: clicks, or units of the currency.
fn of_hundred(goal: Goal, of_visit: f64) -> f64 {
    match goal {
        Goal::Clicks => 100.0 * of_visit,
        Goal::Value => of_visit,
    }
}

fn rankers(report: &Report) -> String {
    let unit = match report.goal {
        Goal::Clicks => "clicks of 100 visits",
        Goal::Value => "value of 100 visits",
    };
    let mut text = format!(
        "{:<17}{unit:>21}{:>10}  {:<38}{}\n",
        "ranker", "of best", "over popular, 95 % interval", "over random, 95 % interval"
    );
    for row in &report.rankers {
        let RankerReport { ranker, earned, .. } = row;
        let mark = if row.is_configured { "*" } else { "" };
        let of = |it: f64| of_hundred(report.goal, it);
        let rate = format!("{:.2} ({:.2} to {:.2})", of(earned.value), of(earned.low), of(earned.high));
        let best = row.of_the_best.map_or("-".to_owned(), |it| format!("{:.0} %", 100.0 * it));
        let name = format!("{}{mark}", ranker.as_str());
        let over = |yardstick: Contender, it: &Lift| if *ranker == yardstick { "-".to_owned() } else { lift(it) };
        let popular = over(Contender::Popular, &row.over_popular);
        let random = over(Contender::Random, &row.over_random);
        text.push_str(&format!("{name:<17}{rate:>21}{best:>10}  {popular:<38}{random}\n"));
    }
    text.push_str("* the placement's own ranker; single and truth know what nobody can know\n");
    text
}

fn lift(it: &Lift) -> String {
    let percent = |it: f64| format!("{:+.0} %", 100.0 * it);
    let measured = it.measured.map_or("nothing to compare with".to_owned(), |it| {
        format!("{} ({} to {})", percent(it.value), percent(it.low), percent(it.high))
    });
    format!("{measured} {}", it.verdict.as_str())
}

fn winner(report: &Report) -> String {
    let winner = &report.winner;
    if winner.cannot_tell_from.is_empty() {
        return format!("\nwinner: {}, ahead of every other by more than chance\n", winner.first.as_str());
    }
    let others: Vec<&str> = winner.cannot_tell_from.iter().map(|it| it.as_str()).collect();
    format!(
        "\nwinner: cannot tell. {} earned most, but chance may have put it before {}\n",
        winner.first.as_str(),
        others.join(", ")
    )
}

fn regret(report: &Report) -> String {
    let unit = match report.goal {
        Goal::Clicks => "clicks",
        Goal::Value => "value",
    };
    let mut text = format!(
        "\nregret: {unit} missed against the best offer for each {}\n{:<17}{:>10}{:>22}{:>22}{:>22}\n",
        report.by.as_str(),
        "ranker",
        "in all",
        "first week, of 1000",
        "last week, of 1000",
        "against single"
    );
    let is_shown =
        |it: &&RegretReport| it.ranker.is_bandit() || matches!(it.ranker, Contender::Random | Contender::Single);
    // Value is counted in minor units.
    let shown = |it: f64| if report.goal == Goal::Value { it / 100.0 } else { it };
    for it in report.regret.iter().filter(is_shown) {
        text.push_str(&format!(
            "{:<17}{:>10.1}{:>22.2}{:>22.2}{:>22.1}\n",
            it.ranker.as_str(),
            shown(it.total),
            shown(it.first_week),
            shown(it.last_week),
            shown(it.over_single)
        ));
    }
    text
}

fn caps(it: &CapsReport) -> String {
    let what = it.cap.as_ref().map_or("the offers' own caps".to_owned(), |cap| format!("a cap of {cap} on each offer"));
    let mut text = format!(
        "\ncaps: {what}, ranker {}, a click {} times as likely with each showing before\n{:<10}{:>13}{:>11}{:>9}{:>13}{:>27}\n",
        it.ranker.as_str(),
        it.fatigue,
        "",
        "impressions",
        "fallbacks",
        "clicks",
        "value",
        "most showings to a visitor"
    );
    let mut line = |name: &str, side: &CapsSide| {
        text.push_str(&format!(
            "{name:<10}{:>13}{:>11}{:>9.0}{:>13.2}{:>27}\n",
            count(side.impressions),
            count(side.fallbacks),
            side.clicks,
            side.value_minor / 100.0,
            side.repeats_max
        ));
    };
    line("with", &it.with);
    line("without", &it.without);
    text.push_str(&format!("clicks {}; value {}\n", words(&it.clicks), words(&it.value)));
    text
}

/// What caps do to a figure.
fn words(it: &Lift) -> String {
    let what = lift(it);
    match it.verdict {
        Verdict::CannotTell => format!("{what} whether caps help"),
        Verdict::Better | Verdict::Worse => format!("{what} with caps"),
    }
}
