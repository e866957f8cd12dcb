//! `vitrine environments …`: environments, their settings, and the keys of applications.

use crate::args::EdgeArgs;
use crate::cmd::config_preview::seconds;
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

/// `vitrine environments …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Environments {
    List(List),
    Set(Set),
    /// Keys that applications call with.
    #[command(subcommand)]
    Keys(Keys),
}

/// List environments: what runs in each, settings, keys, flags that are switched off.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Make an environment, or change its settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine environments set staging --url https://offers.shop.example
  vitrine environments set production --approval on --reason 'four eyes' --url https://offers.shop.example")]
pub struct Set {
    /// The environment.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Whether a publication needs the approval of a second person.
    #[arg(long, value_name = "ON|OFF")]
    pub approval: Option<Switch>,
    /// Whether the query of a page's address may choose a variation. Anybody can then choose.
    #[arg(long, value_name = "ON|OFF")]
    pub query_override: Option<Switch>,
    /// Whether evaluations without a targeting key are refused.
    #[arg(long, value_name = "ON|OFF")]
    pub require_targeting_key: Option<Switch>,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "they say it")]
pub enum Switch {
    On,
    Off,
}

/// `vitrine environments keys …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Keys {
    Add(Add),
    Retire(Retire),
}

/// Make a key. It is shown now, and never again.
///
/// As soon as an environment has keys, calls need one. Client keys are public, they stand in pages and apps; server keys are
/// secrets.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine environments keys add production --kind client --note 'the app' --url https://offers.shop.example")]
pub struct Add {
    /// The environment.
    #[arg(value_name = "ENVIRONMENT")]
    pub environment: String,
    /// What it may be used for.
    #[arg(long)]
    pub kind: Kind,
    /// Who uses it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Public: in pages and apps.
    Client,
    /// Secret: on servers.
    Server,
}

/// Let a key expire: at once, or after a while in which the new one takes its place.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine environments keys add production --kind server --url https://offers.shop.example
  vitrine environments keys retire production k1 --overlap 2d --url https://offers.shop.example")]
pub struct Retire {
    /// The environment.
    #[arg(value_name = "ENVIRONMENT")]
    pub environment: String,
    /// The key, such as `k1`.
    #[arg(value_name = "KEY")]
    pub id: String,
    /// How long it goes on being valid: `90m`, `12h`, `7d`; at most 90 days.
    #[arg(long, value_name = "SPAN", default_value = "0s")]
    pub overlap: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Does it.
///
/// # Errors
/// 4 if the Worker refuses or does not answer.
pub fn run(args: &Environments, ui: &Ui) -> Result<(), Failure> {
    match args {
        Environments::List(args) => {
            let answer = Edge::new(&args.edge)?.get("/v1/admin/environments")?;
            ui.result(&answer["environments"], || {
                let list = answer["environments"].as_array().into_iter().flatten();
                list.map(shown).collect::<Vec<_>>().join("\n")
            })
        }
        Environments::Set(args) => {
            let mut settings = json!({});
            let wanted = [
                ("approval", args.approval),
                ("query_override", args.query_override),
                ("require_targeting_key", args.require_targeting_key),
            ];
            for (name, switch) in wanted {
                if let Some(switch) = switch {
                    settings[name] = json!(switch == Switch::On);
                }
            }
            let body = json!({ "settings": settings, "reason": args.reason });
            let edge = Edge::new(&args.edge)?;
            let answer = edge.put_json(&format!("/v1/admin/environments/{}", args.name), &body, None)?;
            ui.result(&answer, || shown(&answer))
        }
        Environments::Keys(Keys::Add(args)) => {
            let kind = match args.kind {
                Kind::Client => "client",
                Kind::Server => "server",
            };
            let path = format!("/v1/admin/environments/{}/keys", args.environment);
            let body = json!({ "kind": kind, "note": args.note });
            let answer = Edge::new(&args.edge)?.post(&path, &body, Repeat::Never)?;
            let id = answer["id"].as_str().unwrap_or_default();
            ui.note(&format!("{kind} key {id} of {}; it is not shown again:", args.environment));
            ui.result(&answer, || answer["key"].as_str().unwrap_or_default().to_owned())
        }
        Environments::Keys(Keys::Retire(args)) => {
            let overlap_s = seconds(&args.overlap)?;
            let path = format!("/v1/admin/environments/{}/keys/{}?overlap_s={overlap_s}", args.environment, args.id);
            let answer = Edge::new(&args.edge)?.delete(&path, None)?;
            ui.result(&answer, || {
                let at = answer["expires_at"].as_str().unwrap_or_default();
                format!("key {} of {} is refused from {at} on", args.id, args.environment)
            })
        }
    }
}

fn shown(environment: &Value) -> String {
    let version = environment["version"].as_u64().map_or("nothing".to_owned(), |it| format!("version {it}"));
    let mut text = format!("{} runs {version}", environment["name"].as_str().unwrap_or_default());
    let settings = environment["settings"].as_object().into_iter().flatten();
    let on: Vec<&str> = settings.filter(|(_, it)| **it == json!(true)).map(|(name, _)| name.as_str()).collect();
    if !on.is_empty() {
        text.push_str(&format!("; on: {}", on.join(", ")));
    }
    let killed: Vec<&str> = environment["killed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !killed.is_empty() {
        text.push_str(&format!("; switched off: {}", killed.join(", ")));
    }
    for key in environment["keys"].as_array().into_iter().flatten().filter(|it| it["valid"] == json!(true)) {
        let word = |name: &str| key[name].as_str().unwrap_or_default();
        text.push_str(&format!("\n  {} key {} since {}", word("kind"), word("id"), word("created_at")));
        if !word("expires_at").is_empty() {
            text.push_str(&format!(" until {}", word("expires_at")));
        }
        if !word("note").is_empty() {
            text.push_str(&format!(": {}", word("note")));
        }
    }
    text
}
