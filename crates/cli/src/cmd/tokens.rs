//! `vitrine tokens …`: who may administer.

use crate::args::EdgeArgs;
use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use crate::ui::Ui;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vitrine_api::Role;

/// `vitrine tokens …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Tokens {
    List(List),
    Add(Add),
    Revoke(Revoke),
}

/// List all tokens; what they are themselves is not kept anywhere.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Make a token for a person or a program. It is shown now, and never again.
///
/// Roles: viewer reads; editor also writes drafts; approver also approves, publishes, rolls back and replaces tables; admin
/// also makes environments, keys and tokens.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine tokens add ann@shop.example --role approver --url https://offers.shop.example
  vitrine tokens add nightly-build --role approver --expires-at 2027-01-01T00:00:00Z --url https://offers.shop.example
  vitrine tokens add agency --role editor --environment staging --url https://offers.shop.example")]
pub struct Add {
    /// Whose it is: stands in the audit log, and tells author from approver.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What its holder may do.
    #[arg(long, value_name = "ROLE")]
    pub role: Role,
    /// An environment that its holder may change; several times for several. Default: all.
    #[arg(long = "environment", value_name = "NAME")]
    pub environments: Vec<String>,
    /// When it ends (RFC 3339). Default: never.
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Make a token useless.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The token, such as `t3`.
    #[arg(value_name = "TOKEN")]
    pub id: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Does it.
///
/// # Errors
/// 4 if the Worker refuses or does not answer.
pub fn run(args: &Tokens, ui: &Ui) -> Result<(), Failure> {
    match args {
        Tokens::List(args) => {
            let answer = Edge::new(&args.edge)?.get("/v1/admin/tokens")?;
            ui.result(&answer["tokens"], || {
                let list = answer["tokens"].as_array().into_iter().flatten();
                let lines: Vec<String> = list.map(line).collect();
                if lines.is_empty() { "no tokens but the administrator's".to_owned() } else { lines.join("\n") }
            })
        }
        Tokens::Add(args) => {
            let mut body = json!({ "name": args.name, "role": args.role });
            if !args.environments.is_empty() {
                body["environments"] = json!(args.environments);
            }
            if let Some(at) = &args.expires_at {
                body["expires_at"] = json!(at);
            }
            let answer = Edge::new(&args.edge)?.post("/v1/admin/tokens", &body, Repeat::Never)?;
            let id = answer["id"].as_str().unwrap_or_default();
            ui.note(&format!("token {id}: {} is {}; it is not shown again:", args.name, args.role));
            ui.result(&answer, || answer["token"].as_str().unwrap_or_default().to_owned())
        }
        Tokens::Revoke(args) => {
            let answer = Edge::new(&args.edge)?.delete(&format!("/v1/admin/tokens/{}", args.id), None)?;
            ui.result(&answer, || {
                format!(
                    "token {} of {} is worth nothing from now on",
                    args.id,
                    answer["name"].as_str().unwrap_or_default()
                )
            })
        }
    }
}

fn line(token: &Value) -> String {
    let word = |name: &str| token[name].as_str().unwrap_or_default();
    let mut text = format!("{} {} is {}", word("id"), word("name"), word("role"));
    if let Some(list) = token["environments"].as_array() {
        let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        text.push_str(&format!(" for {}", names.join(", ")));
    }
    text.push_str(&format!(", since {}", word("created_at")));
    match (word("revoked_at"), word("expires_at")) {
        ("", "") => {}
        ("", at) => text.push_str(&format!(", until {at}")),
        (at, _) => text.push_str(&format!(", revoked {at}")),
    }
    text
}
