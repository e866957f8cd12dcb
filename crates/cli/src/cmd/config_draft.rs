//! `vitrine config draft …`: changes that others look at before they are published.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::comparison;
use crate::document::{self, Around, Face};
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// `vitrine config draft …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Draft {
    Create(Create),
    List(List),
    Show(Show),
    Change(Change),
    Diff(One),
    Discard(Revised),
    Unschedule(One),
}

/// Send a configuration as a draft: nothing is published.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config draft create offers.csv --url https://offers.shop.example --note 'winter prices'
  vitrine config draft create --version 12 --environment production --url https://offers.shop.example")]
pub struct Create {
    /// The configuration: JSON, YAML, CSV or a workbook.
    #[arg(value_name = "FILE", required_unless_present = "version", conflicts_with = "version")]
    pub file: Option<PathBuf>,
    /// Begin with a version that exists, to take it to another environment.
    #[arg(long, value_name = "N")]
    pub version: Option<u64>,
    /// The version that the file was made from. Default: the running one.
    #[arg(long, value_name = "N")]
    pub base_version: Option<u64>,
    /// What it is for.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// List all drafts.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Show a draft, or write its document to a file.
#[derive(Debug, Args)]
pub struct Show {
    /// The draft, such as `d7`.
    #[arg(value_name = "DRAFT")]
    pub id: String,
    /// Where to write its document; the name says the form: .yaml, .json or .csv.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Send the next revision of a draft.
///
/// It names the revision that it was made from. If somebody else has changed the draft since, it is refused, and what they
/// changed is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine config draft change d7 offers.csv --revision 2 --url https://offers.shop.example")]
pub struct Change {
    /// The draft, such as `d7`.
    #[arg(value_name = "DRAFT")]
    pub id: String,
    /// The configuration. Without one, only the note or the base version changes.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The revision that the change was made from.
    #[arg(long, value_name = "N")]
    pub revision: u64,
    /// The version that the document is now written against, after you have looked at what changed meanwhile.
    #[arg(long, value_name = "N")]
    pub base_version: Option<u64>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
    /// File with the table key, for saved groups in files of ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Say in words what the draft changes; or take back its scheduled publication.
#[derive(Debug, Args)]
pub struct One {
    /// The draft, such as `d7`.
    #[arg(value_name = "DRAFT")]
    pub id: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Drop a draft.
#[derive(Debug, Args)]
pub struct Revised {
    /// The draft, such as `d7`.
    #[arg(value_name = "DRAFT")]
    pub id: String,
    /// The revision that you have seen.
    #[arg(long, value_name = "N")]
    pub revision: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Does it.
///
/// # Errors
/// 3 if a file has errors, 4 if the Worker refuses or does not answer.
pub fn run(args: &Draft, ui: &Ui) -> Result<(), Failure> {
    match args {
        Draft::Create(args) => create(args, ui),
        Draft::List(args) => {
            let answer = Edge::new(&args.edge)?.get("/v1/admin/drafts")?;
            ui.result(&answer["drafts"], || {
                let drafts = answer["drafts"].as_array().into_iter().flatten();
                let lines: Vec<String> = drafts.map(line).collect();
                if lines.is_empty() { "no drafts".to_owned() } else { lines.join("\n") }
            })
        }
        Draft::Show(args) => show(args, ui),
        Draft::Change(args) => change(args, ui),
        Draft::Diff(One { id, edge }) => {
            let answer = Edge::new(edge)?.get(&format!("/v1/admin/drafts/{id}/diff"))?;
            ui.result(&answer, || diff_words(&answer))
        }
        Draft::Discard(Revised { id, revision, edge }) => {
            let answer = Edge::new(edge)?.delete(&format!("/v1/admin/drafts/{id}"), Some(*revision))?;
            ui.result(&answer, || format!("draft {id} is dropped"))
        }
        Draft::Unschedule(One { id, edge }) => {
            let answer = Edge::new(edge)?.delete(&format!("/v1/admin/drafts/{id}/schedule"), None)?;
            ui.result(&answer, || format!("draft {id} will not be published by itself"))
        }
    }
}

fn create(args: &Create, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let mut body = json!({ "environment": args.environment.environment, "note": args.note });
    match &args.file {
        Some(file) => {
            let around = Around { key_file: args.key_file.as_deref(), ..Around::default() };
            body["document"] = document::checked(file, around, ui)?.document;
        }
        None => body["version"] = json!(args.version),
    }
    if let Some(base) = args.base_version {
        body["base_version"] = json!(base);
    }
    let answer = edge.post("/v1/admin/drafts", &body, Repeat::Never)?;
    ui.result(&answer, || format!("{}\n{}", line(&answer), next_step(&answer)))
}

fn change(args: &Change, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let mut body = json!({});
    if let Some(file) = &args.file {
        let around = Around { key_file: args.key_file.as_deref(), ..Around::default() };
        body["document"] = document::checked(file, around, ui)?.document;
    }
    if let Some(base) = args.base_version {
        body["base_version"] = json!(base);
    }
    if let Some(note) = &args.note {
        body["note"] = json!(note);
    }
    let answer = edge.put_json(&format!("/v1/admin/drafts/{}", args.id), &body, Some(args.revision))?;
    ui.result(&answer, || line(&answer))
}

fn show(args: &Show, ui: &Ui) -> Result<(), Failure> {
    let answer = Edge::new(&args.edge)?.get(&format!("/v1/admin/drafts/{}", args.id))?;
    if let Some(out) = &args.out {
        let text = Face::of(out).write(&answer["document"])?;
        std::fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))?;
    }
    ui.result(&answer, || {
        let mut text = line(&answer);
        if let Some(out) = &args.out {
            text.push_str(&format!("\nits document is in {}", out.display()));
        }
        for finding in answer["diagnostics"].as_array().into_iter().flatten() {
            let word = |name: &str| finding[name].as_str().unwrap_or_default();
            text.push_str(&format!(
                "\n{}[{}]: {}: {}",
                word("severity"),
                word("code"),
                word("pointer"),
                word("message")
            ));
        }
        text
    })
}

/// What a draft changes, and whether it may be published.
pub fn diff_words(answer: &Value) -> String {
    let comparison = comparison::read(answer);
    let against = comparison.against.map_or("nothing".to_owned(), |version| format!("version {version}"));
    let mut text = comparison::shown(&comparison, &against);
    if answer["stale"] == json!(true) {
        text.push_str("it was written against another version than the running one: see --base-version\n");
    }
    for finding in answer["diagnostics"].as_array().into_iter().flatten() {
        let word = |name: &str| finding[name].as_str().unwrap_or_default();
        text.push_str(&format!("{}[{}]: {}: {}\n", word("severity"), word("code"), word("pointer"), word("message")));
    }
    text
}

/// A draft on one line.
fn line(draft: &Value) -> String {
    let word = |name: &str| draft[name].as_str().unwrap_or_default();
    let base = draft["base_version"].as_u64().map_or("nothing".to_owned(), |it| format!("version {it}"));
    let mut text = format!(
        "draft {} for {}, revision {} by {}, against {base}: {}",
        word("id"),
        word("environment"),
        draft["revision"],
        word("updated_by"),
        word("state"),
    );
    if let Some(by) = draft["approval"]["by"].as_str() {
        text.push_str(&format!(", approved by {by}"));
    }
    if let Some(at) = draft["schedule"]["at"].as_str() {
        text.push_str(&format!(" for {at}"));
    }
    if let Some(version) = draft["version"].as_u64() {
        text.push_str(&format!(" as version {version}"));
    }
    for (name, before) in [("note", ": "), ("outcome", "\n  ")] {
        if !word(name).is_empty() {
            text.push_str(&format!("{before}{}", word(name)));
        }
    }
    text
}

fn next_step(draft: &Value) -> String {
    let id = draft["id"].as_str().unwrap_or_default();
    format!("look at it with `vitrine config draft diff {id}`, publish it with `vitrine config publish --draft {id}`")
}
