//! `vitrine experiments explain`: why a visitor gets a variation.

use crate::args::{EnvironmentArg, PerhapsEdgeArgs};
use crate::cmd::config_export::{checked_again, running};
use crate::cmd::config_preview::object;
use crate::document::{self, Around};
use crate::edge::Edge;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::table;
use crate::ui::Ui;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::rc::Rc;
use vitrine_api::{
    BundlePointer, BundleState, Edge as FlagEdge, EnvironmentSettings, FlagContext, FlagExplanation, Lookup, Snapshot,
    TableSlot, TableState, explain_flag,
};
use vitrine_config::Checked;
use vitrine_engine::TimestampMs;
use vitrine_flags::{Context, Json, Object};

/// Say why a visitor gets a variation, rule by rule.
///
/// Takes a file, or with --url what runs in an environment, and asks the evaluator that the edge uses. Nothing is counted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine experiments explain --visitor 17850 --config offers.yaml
  vitrine experiments explain hero-test --visitor 17850 --attributes '{\"country\":\"CN\"}' --url https://offers.shop.example
  vitrine experiments explain --visitor 17850 --config offers.yaml --table table --key-file table.key --at 2026-11-11T00:00:00Z")]
pub struct Explain {
    /// Flags or experiments; default: all flags that have rules.
    #[arg(value_name = "FLAG")]
    pub flags: Vec<String>,
    /// The visitor's key: the targeting key of an evaluation.
    #[arg(long, value_name = "ID")]
    pub visitor: String,
    /// What else is known of the visitor: a JSON object, members as in the context of an evaluation.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub attributes: String,
    /// The configuration: JSON, YAML, CSV or a workbook.
    #[arg(long, value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: PerhapsEdgeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    /// Table directory, for rules that ask for the profile.
    #[arg(long, value_name = "DIR")]
    pub table: Option<PathBuf>,
    /// File with the table key, for the profile and for groups of hashed ids. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Explain as if it were this time (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
}

/// Evaluates and explains.
///
/// # Errors
/// 3 for a configuration with errors or a flag that there is not, 2 for attributes that are no JSON object, 4 if the Worker
/// refuses or does not answer.
pub fn run(args: &Explain, ui: &Ui) -> Result<(), Failure> {
    let attributes = object(&args.attributes, "--attributes")?;
    let (checked, pointer) = configuration(args, ui)?;
    let stored = checked.stored();
    let state = BundleState::new(pointer.version.unwrap_or(0), String::new(), stored);
    let state = Rc::new(state.map_err(|why| Failure::new(Exit::Invalid, why))?);
    let context = context(args, &attributes, &state, pointer.settings)?;
    let payload = state.flags();
    let names: Vec<String> = if args.flags.is_empty() {
        payload.features().filter(|flag| has_rules(payload.source(), flag)).map(str::to_owned).collect()
    } else {
        args.flags.iter().map(|it| flag_of(&checked, it)).collect()
    };
    let known: Vec<&str> = payload.features().collect();
    if let Some(unknown) = names.iter().find(|it| !known.contains(&it.as_str())) {
        let message = format!("there is no flag or experiment {unknown:?}; there are: {}", known.join(", "));
        return Err(Failure::new(Exit::Invalid, message));
    }
    let explained: Vec<FlagExplanation> = names
        .iter()
        .map(|flag| {
            let mut explained = explain_flag(payload, &context, flag);
            if pointer.killed.contains(flag) {
                explained.because = format!("an operator switched it off in {}", args.environment.environment);
            }
            explained
        })
        .collect();
    ui.result(&explained, || {
        let texts: Vec<String> = explained.iter().map(shown).collect();
        if texts.is_empty() { "no flag has rules: everybody gets the defaults".to_owned() } else { texts.join("\n") }
    })
}

/// The configuration, and the pointer of the environment if there is one.
fn configuration(args: &Explain, ui: &Ui) -> Result<(Checked, BundlePointer), Failure> {
    match (&args.config, args.edge.given()) {
        (Some(file), _) => {
            let around = Around { key_file: args.key_file.as_deref(), ..Around::default() };
            Ok((document::checked(file, around, ui)?, BundlePointer::default()))
        }
        (None, Some(edge_args)) => {
            let edge = Edge::new(&edge_args)?;
            let environment = &args.environment.environment;
            let version = running(&edge, environment)?;
            let document = edge.get(&format!("/v1/admin/config/versions/{version}"))?;
            let shown = edge.get(&format!("/v1/admin/environments/{environment}"))?;
            let settings: EnvironmentSettings = serde_json::from_value(shown["settings"].clone()).unwrap_or_default();
            let killed: Vec<String> = serde_json::from_value(shown["killed"].clone()).unwrap_or_default();
            let pointer = BundlePointer { version: Some(version), settings, killed, ..BundlePointer::default() };
            Ok((checked_again(&document)?, pointer))
        }
        (None, None) => Err(Failure::new(Exit::Usage, "give --config or --url")),
    }
}

/// The visitor as the edge would see it.
fn context(
    args: &Explain,
    attributes: &Value,
    state: &Rc<BundleState>,
    settings: EnvironmentSettings,
) -> Result<Context, Failure> {
    let table = args.table.as_deref().map(table::open).transpose()?;
    let has_groups = !state.groups().is_empty();
    let key = match (&table, &args.key_file) {
        (Some(table), file) => {
            let key = files::table_key(file.as_deref())?;
            table::check_key(table, &key)?;
            Some(key)
        }
        (None, Some(file)) => Some(files::table_key(Some(file))?),
        // Only wanted for groups, and then without it nobody is in one.
        (None, None) => files::table_key(None).ok().filter(|_| has_groups),
    };
    let slot = match &table {
        Some(dir) => TableSlot::Ready(Rc::new(TableState {
            manifest: dir.manifest().clone(),
            items: dir.items()?,
            vectors: None,
        })),
        None => TableSlot::Absent,
    };
    let snapshot = Snapshot::new(Some(state.clone()), slot, false);
    let mut members = match Json::parse(attributes.to_string().as_bytes()) {
        Ok(Json::Object(members)) => members,
        _ => Object::new(),
    };
    members.insert("targetingKey", args.visitor.as_str());
    // The edge takes no profile from a caller; whoever explains may make one up.
    let made_up = members.remove("profile");
    let flag_context = FlagContext::new(members).map_err(|error| Failure::new(Exit::Usage, error))?;
    let now = TimestampMs(args.at.unwrap_or_else(Timestamp::now).as_millisecond());
    let edge = FlagEdge { settings, table_key: key.as_ref(), now };
    let mut context = match (&table, &key) {
        (Some(dir), Some(key)) => table::with_row(dir, key, &args.visitor, |row| {
            let lookup = row.as_ref().map_or(Lookup::NotFound, |row| Lookup::Row(row.as_bytes()));
            flag_context.into_context(state.flags(), &snapshot, lookup, &edge)
        })?,
        _ => flag_context.into_context(state.flags(), &snapshot, Lookup::Unavailable, &edge),
    };
    if let Some(profile) = made_up {
        context.attributes.insert("profile", profile);
    }
    Ok(context)
}

fn has_rules(payload: &Object, flag: &str) -> bool {
    let feature = payload.get("features").and_then(|it| it.get(flag));
    feature.and_then(|it| it.get("rules")).and_then(Json::as_list).is_some_and(|it| !it.is_empty())
}

/// The flag of an experiment; a flag is its own.
fn flag_of(checked: &Checked, name: &str) -> String {
    let experiments = checked.document["experiments"].as_array().into_iter().flatten();
    let mut found = experiments.filter(|it| it["id"] == json!(name));
    found.next().and_then(|it| it["flag"].as_str()).unwrap_or(name).to_owned()
}

fn shown(it: &FlagExplanation) -> String {
    let mut text = format!("{} = {}", it.flag, it.value);
    if let Some(variation) = &it.variation {
        text.push_str(&format!(", variation {variation}"));
    }
    text.push_str(&format!("\n  {}", it.because));
    for rule in it.rules.iter().filter(|rule| !rule.decided) {
        let id = if rule.id.is_empty() { String::new() } else { format!(" ({})", rule.id) };
        text.push_str(&format!("\n  rule {}{id} not: {}", rule.number, rule.why));
    }
    text
}
