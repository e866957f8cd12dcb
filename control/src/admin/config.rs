//! Configurations as they arrive: read as text, so that findings have lines, then given to the registry.

use std::rc::Rc;

use serde_json::{Value, json};
use vitrine_api::{Problem, ProblemCode};
use vitrine_config::{Diagnostic, Format};
use vitrine_rim::kv::Kv;
use vitrine_rim::{body, respond};
use vitrine_tables::Manifest;
use worker::{Env, Request};

use super::Answered;
use super::params::Params;
use super::registry::{ask, ask_value};
use crate::objects::registry::{Actor, Command, PutConfig, refused};
use crate::running_table;

/// Greatest configuration. Unit: bytes.
const CONFIG_BYTES_MAX: usize = 4 << 20;

async fn text(request: &mut Request) -> Result<String, Problem> {
    let body = body::read(request, CONFIG_BYTES_MAX).await?;
    String::from_utf8(body)
        .map_err(|error| Problem::new(ProblemCode::MalformedJson, format!("the body is not UTF-8: {error}")))
}

/// The table that runs, if one does and can be read.
async fn table(env: &Env, actor: &Actor) -> Option<Rc<Manifest>> {
    let tables = ask_value(env, actor, Command::ShowTables).await.ok()?.ok()?;
    let build = tables.get("current")?.get("build").and_then(Value::as_str)?;
    running_table::manifest(&Kv::of(env)?, build).await
}

/// Publishes a configuration at once, or only checks it.
pub async fn put(request: &mut Request, env: &Env, actor: &Actor) -> Answered {
    let known = ["dry_run", "environment", "allow_reshuffle", "base_version", "reason"];
    let params = Params::read(request, &known)?;
    let dry_run = params.flag("dry_run")?;
    let allow_reshuffle = params.flag("allow_reshuffle")?;
    let base_version = params.number("base_version")?;
    let source = text(request).await?;
    if dry_run {
        let table = table(env, actor).await;
        let checked = running_table::check(&source, table.as_deref()).map_err(|it| refused(&it))?;
        let warnings: Vec<_> = checked.warnings.iter().map(Diagnostic::to_json).collect();
        return Ok(respond::json(200, json!({ "valid": true, "warnings": warnings }).to_string()));
    }
    // The table can only lead to warnings, which a publication does not tell.
    let checked = vitrine_config::check(&source, Format::Json).map_err(|it| refused(&it))?;
    let command = Command::PutConfig(PutConfig {
        environment: params.environment(),
        document: checked.document,
        base_version,
        allow_reshuffle,
        reason: params.text("reason").unwrap_or_default().to_owned(),
    });
    ask(env, actor, command).await
}

/// Says everything that is wrong with a configuration, and how it differs from what runs.
pub async fn check(request: &mut Request, env: &Env, actor: &Actor) -> Answered {
    let params = Params::read(request, &["environment"])?;
    let environment = params.environment();
    let source = text(request).await?;
    let table = table(env, actor).await;
    let (diagnostics, comparison) = match running_table::check(&source, table.as_deref()) {
        Err(diagnostics) => (diagnostics, None),
        Ok(checked) => {
            let command = Command::CheckConfig { environment, document: checked.document };
            match ask_value(env, actor, command).await? {
                Ok(comparison) => (checked.warnings, Some(comparison)),
                Err(refusal) => return Ok(refusal),
            }
        }
    };
    let diagnostics: Vec<_> = diagnostics.iter().map(Diagnostic::to_json).collect();
    let answer = json!({
        "valid": comparison.is_some(),
        "table": table.map(|it| it.build.clone()),
        "diagnostics": diagnostics,
        "comparison": comparison,
    });
    Ok(respond::json(200, answer.to_string()))
}
