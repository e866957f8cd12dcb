//! `vitrine config publish`: a configuration, a draft or a version goes to the edge.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::document::{self, Around};
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Publish a configuration, a draft, or a version that exists.
///
/// A file is checked here first and by the Worker again; with errors nothing is sent. The Worker gives it the next version
/// number and answers from it within seconds. A change that would move visitors of a running experiment to another
/// variation is refused unless --allow-reshuffle is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config publish offers.yaml --url https://offers.shop.example --token-file admin.token --dry-run
  VITRINE_ADMIN_TOKEN=… vitrine config publish offers.csv --url http://127.0.0.1:8787 --reason 'the sale begins'
  vitrine config publish --draft d7 --url https://offers.shop.example --at 2026-12-01T00:00:00+08:00
  vitrine config publish --version 12 --environment production --url https://offers.shop.example")]
pub struct Publish {
    /// The configuration: JSON, YAML, CSV or a workbook; `-` reads JSON from standard input.
    #[arg(value_name = "FILE", required_unless_present_any = ["draft", "version"], conflicts_with_all = ["draft", "version"])]
    pub file: Option<PathBuf>,
    /// Publish this draft.
    #[arg(long, value_name = "ID", conflicts_with = "version")]
    pub draft: Option<String>,
    /// Let an environment run this version, as it is.
    #[arg(long, value_name = "N")]
    pub version: Option<u64>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    /// When to publish a draft (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME", requires = "draft", conflicts_with_all = ["file", "version"])]
    pub at: Option<String>,
    /// Publish the draft only if it is still at this revision.
    #[arg(long, value_name = "N", requires = "draft", conflicts_with_all = ["file", "version"])]
    pub revision: Option<u64>,
    /// Publish only if this version still runs: the one that the file was made from.
    #[arg(long, value_name = "N", requires = "file", conflicts_with_all = ["draft", "version"])]
    pub base_version: Option<u64>,
    /// Let visitors of running experiments change their variation.
    #[arg(long)]
    pub allow_reshuffle: bool,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE", requires = "file", conflicts_with_all = ["draft", "version"])]
    pub key_file: Option<PathBuf>,
    /// Table directory: warn about rules that none of its visitors meets, and about columns and values that it lacks.
    #[arg(long, value_name = "DIR", requires = "file", conflicts_with_all = ["draft", "version"])]
    pub table: Option<PathBuf>,
    /// Let the Worker check it, and publish nothing.
    #[arg(long, requires = "file", conflicts_with_all = ["draft", "version"])]
    pub dry_run: bool,
}

/// Publishes.
///
/// # Errors
/// 3 if the file has errors, 4 if the Worker refuses or does not answer.
pub fn run(args: &Publish, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let environment = &args.environment.environment;
    match (&args.file, &args.draft, args.version) {
        (Some(file), ..) => publish_file(args, file, &edge, ui),
        (None, Some(draft), _) => {
            let body = json!({ "allow_reshuffle": args.allow_reshuffle, "at": args.at, "reason": args.reason });
            let answer = edge.post_to(&format!("/v1/admin/drafts/{draft}/publish"), &body, args.revision)?;
            ui.result(&answer, || match answer["schedule"]["at"].as_str() {
                Some(at) => format!("draft {draft} will be published at {at} on {}", edge.base()),
                None => format!("draft {draft} is {} on {}", version_of(&answer), edge.base()),
            })
        }
        (None, None, Some(version)) => {
            let body = json!({
                "environment": environment,
                "version": version,
                "allow_reshuffle": args.allow_reshuffle,
                "reason": args.reason,
            });
            let answer = edge.post("/v1/admin/config/publish", &body, Repeat::Never)?;
            ui.result(&answer, || format!("version {version} runs in {environment} on {}", edge.base()))
        }
        (None, None, None) => Err(Failure::new(Exit::Usage, "give a file, --draft or --version")),
    }
}

fn publish_file(args: &Publish, file: &Path, edge: &Edge, ui: &Ui) -> Result<(), Failure> {
    let table = args.table.as_deref().map(crate::table::open).transpose()?;
    let around = Around { table: table.as_ref(), is_counted: true, key_file: args.key_file.as_deref() };
    let checked = document::checked(file, around, ui)?;
    let body = serde_json::to_vec(&checked.document).context("cannot write the configuration as JSON")?;
    let environment = &args.environment.environment;
    let spinner = ui.spinner(if args.dry_run { "checking" } else { "publishing" });
    let answer = if args.dry_run {
        edge.put("/v1/admin/config?dry_run=true", "application/json", &body, Repeat::Safe)
    } else {
        edge.put(&format!("/v1/admin/config{}", query(args)), "application/json", &body, Repeat::Never)
    };
    drop(spinner);
    let answer = answer?;
    let in_environment =
        if environment == vitrine_api::PRODUCTION { String::new() } else { format!(" in {environment}") };
    ui.result(&answer, || match args.dry_run {
        true => format!("{} would be accepted by {}", file.display(), edge.base()),
        false => format!("{} is {}{in_environment} on {}", file.display(), version_of(&answer), edge.base()),
    })
}

/// The parameters of a publication; none when all are as usual.
fn query(args: &Publish) -> String {
    let mut parameters = Vec::new();
    if args.environment.environment != vitrine_api::PRODUCTION {
        parameters.push(format!("environment={}", escaped(&args.environment.environment)));
    }
    if args.allow_reshuffle {
        parameters.push("allow_reshuffle=true".to_owned());
    }
    if let Some(version) = args.base_version {
        parameters.push(format!("base_version={version}"));
    }
    if !args.reason.is_empty() {
        parameters.push(format!("reason={}", escaped(&args.reason)));
    }
    if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
}

/// A text as part of a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn version_of(answer: &Value) -> String {
    answer["version"].as_u64().map_or("published".to_owned(), |version| format!("version {version}"))
}
