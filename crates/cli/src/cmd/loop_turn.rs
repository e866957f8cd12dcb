//! `vitrine loop`: bandits learn from what was counted.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::ui::{Ui, columns};
use clap::Args;
use serde_json::{Value, json};
use vitrine_loop::{BanditTurn, LoopOutcome, LoopRecord};

/// Let bandits learn from what was counted, and publish what they learnt.
///
/// Bandits with `learn` in their configuration get new posteriors: the prior and all counts of their window. Nothing is published when the
/// counts say what is known already. The Worker's cron trigger does the same by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine loop --dry-run --url https://offers.shop.example
  vitrine loop --reason 'before the sale' --url https://offers.shop.example
  vitrine loop --draft --url https://offers.shop.example     # where a second person must approve
  vitrine loop --history --json --url https://offers.shop.example")]
pub struct Loop {
    /// Publish nothing; show what would be.
    #[arg(long)]
    pub dry_run: bool,
    /// Make a draft, to be approved and published, in place of a version.
    #[arg(long, conflicts_with = "dry_run")]
    pub draft: bool,
    /// Learn nothing; show the turns so far that published something, newest first.
    #[arg(long, conflicts_with_all = ["dry_run", "draft", "reason"])]
    pub history: bool,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Takes a turn, and shows its record.
///
/// # Errors
/// 4 if the Worker refuses or does not answer, or if the environment needs an approval and so nothing was published.
pub fn run(args: &Loop, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let environment = &args.environment.environment;
    if args.history {
        let answer = edge.get(&format!("/v1/admin/loop?environment={environment}"))?;
        let turns: Vec<LoopRecord> = read(answer.get("turns").cloned().unwrap_or_default())?;
        return ui.result(&answer, || history(&turns, &answer));
    }
    let body = json!({
        "environment": environment, "dry_run": args.dry_run, "draft": args.draft, "reason": args.reason,
    });
    // Twice would publish once, but the second answer would not say so.
    let answer = edge.post("/v1/admin/loop", &body, Repeat::Never)?;
    let record: LoopRecord = read(answer.clone())?;
    ui.result(&answer, || shown(&record))?;
    if record.outcome == LoopOutcome::NeedsApproval {
        let message = format!("{environment} needs the approval of a second person; nothing was published");
        return Err(Failure::new(Exit::Edge, message).help("make a draft of it: vitrine loop --draft"));
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::new(Exit::Edge, format!("the record is not readable: {error}")))
}

fn history(turns: &[LoopRecord], answer: &Value) -> String {
    let mut lines: Vec<String> = turns
        .iter()
        .map(|it| {
            let changed: Vec<&str> =
                it.bandits.iter().filter(|it| it.changed).map(|it| it.placement.as_str()).collect();
            format!("{} {} by {}: {}", it.at, verdict(it), it.by, changed.join(", "))
        })
        .collect();
    let last = answer.pointer("/last/at").and_then(Value::as_str).unwrap_or("never");
    lines.push(format!("last turn: {last}"));
    lines.join("\n")
}

/// What the turn came to, in words.
fn verdict(record: &LoopRecord) -> String {
    let version = |it: Option<u64>| it.map_or("nothing".to_owned(), |it| format!("version {it}"));
    let before = version(record.version_before);
    match record.outcome {
        LoopOutcome::Published => format!("{} replaces {before}", version(record.version_after)),
        LoopOutcome::WouldPublish => format!("a new version would replace {before}"),
        LoopOutcome::Drafted => format!("draft {} is made from {before}", record.draft.as_deref().unwrap_or("?")),
        LoopOutcome::NeedsApproval => format!("{before} stays: the environment needs an approval"),
        LoopOutcome::Unchanged => format!("{before} stays: the counts say what is known already"),
        LoopOutcome::NothingLearns => format!("{before} has no bandit that learns"),
        LoopOutcome::Paused => format!("{before} stays: the environment was rolled back"),
    }
}

/// The record for people.
fn shown(record: &LoopRecord) -> String {
    let mut lines = vec![format!("{}: {}", record.environment, verdict(record))];
    record.bandits.iter().for_each(|it| lines.extend(bandit(it)));
    lines.join("\n")
}

fn bandit(bandit: &BanditTurn) -> Vec<String> {
    let word = |value: Result<Value, serde_json::Error>| {
        value.ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let (model, reward) = (word(serde_json::to_value(bandit.model)), word(serde_json::to_value(bandit.reward)));
    let of = bandit.variation.as_ref().map(|it| format!(" in variation {it}")).unwrap_or_default();
    let name = bandit.name.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    let mut lines = vec![format!(
        "{}{of}: {model} by {reward}{name}, counts from {} to {}",
        bandit.placement, bandit.from, bandit.to
    )];
    lines.extend(bandit.note.clone());
    let mut table = vec![["offer", "shown", "rewards", "before", "now"].map(str::to_owned).to_vec()];
    let pair = |it: Option<[f64; 2]>| it.map_or("prior".to_owned(), |[a, b]| format!("{a}, {b}"));
    table.extend(bandit.arms.iter().map(|it| {
        vec![it.offer.clone(), it.shown.to_string(), it.rewards.to_string(), pair(it.before), pair(it.after)]
    }));
    if bandit.arms.is_empty() {
        lines.push("nothing was counted".to_owned());
    } else {
        lines.extend(columns(&table));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_table() {
        let record: LoopRecord = serde_json::from_value(json!({
            "environment": "production", "at": "2026-12-01T08:07:00Z", "by": "loop", "outcome": "published",
            "version_before": 7, "version_after": 8, "position": { "2": 471 },
            "bandits": [{
                "placement": "home", "model": "bernoulli", "reward": "click", "prior": [1, 1], "changed": true,
                "from": "2026-09-02T09:00:00Z", "to": "2026-12-01T09:00:00Z",
                "arms": [
                    { "offer": "spades", "shown": 100, "rewards": 0, "before": [5, 5], "after": [1, 101] },
                    { "offer": "tulips", "shown": 300, "rewards": 12, "before": null, "after": [13, 289] },
                ],
            }],
        }))
        .unwrap();
        let expected = "production: version 8 replaces version 7\n\
                        home: bernoulli by click, counts from 2026-09-02T09:00:00Z to 2026-12-01T09:00:00Z\n\
                        offer   shown  rewards  before  now\n\
                        spades  100    0        5, 5    1, 101\n\
                        tulips  300    12       prior   13, 289";
        assert_eq!(shown(&record), expected);
        let answer = json!({ "last": { "at": "2026-12-01T08:07:00Z" } });
        let expected =
            "2026-12-01T08:07:00Z version 8 replaces version 7 by loop: home\nlast turn: 2026-12-01T08:07:00Z";
        assert_eq!(history(&[record], &answer), expected);
    }
}
