//! `vitrine profiles diff`: what changed between two builds.

use crate::cmd::profiles_explain::failure;
use crate::failure::Failure;
use crate::ui::{Ui, count};
use clap::Args;
use std::path::PathBuf;
use vitrine_profiles::{Difference, Pair, diff};

/// Compare two builds: labels that came and went, sizes, how far each column's distribution moved, and how the models did.
///
/// Their models too: what became of each, and how it did on the later part of its own build's history.
///
/// `moved` is the share of visitors who would have to change their group for the two distributions to be equal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine profiles diff table-monday table-tuesday
  vitrine profiles diff old new --json | jq '.moved[] | select(.moved > 0.1)'")]
pub struct Diff {
    /// Directory of the earlier build.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Directory of the later build.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
}

/// Compares and shows.
///
/// # Errors
/// 1 if a file cannot be read or is not sound.
pub fn run(args: &Diff, ui: &Ui) -> Result<(), Failure> {
    let difference = diff(&args.before, &args.after).map_err(failure)?;
    ui.result(&difference, || in_words(&difference))
}

fn in_words(difference: &Difference) -> String {
    let pair = |name: &str, Pair { before, after }: Pair| format!("{name:<18}{} -> {}\n", count(before), count(after));
    let mut text = pair("visitors", difference.rows);
    text.push_str(&pair("items", difference.items));
    text.push_str(&pair("bytes a visitor", difference.visitor_bytes));
    for (what, names) in [
        ("added", &difference.added),
        ("removed", &difference.removed),
        ("another type", &difference.retyped),
        ("another meaning", &difference.redefined),
    ] {
        if !names.is_empty() {
            text.push_str(&format!("{what:<18}{}\n", names.join(", ")));
        }
    }
    text.push_str("\ncolumn                        moved  missing\n");
    for moved in &difference.moved {
        let (before, after) = moved.missing;
        text.push_str(&format!(
            "{:<28}{:>6.1}%  {:.1}% -> {:.1}%\n",
            moved.name,
            100.0 * moved.moved,
            100.0 * before,
            100.0 * after
        ));
    }
    for model in &difference.models {
        let state = |state: &Option<String>| state.clone().unwrap_or_else(|| "-".to_owned());
        text.push_str(&format!("\n{}: {} -> {}\n", model.model, state(&model.states.0), state(&model.states.1)));
        for figure in &model.figures {
            let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.4}"));
            let verdict = match figure.is_better {
                Some(true) => "  better",
                Some(false) => "  worse",
                None => "",
            };
            text.push_str(&format!(
                "  {:<32}{:>9} -> {:>9}{verdict}\n",
                figure.figure,
                number(figure.before),
                number(figure.after)
            ));
        }
    }
    text
}
