//! `POST /v1/admin/alerts`: what is out of order is found and told. `GET /v1/admin/alerts`: what is open. The schedule does the same.

use serde_json::Value;
use vitrine_api::{PRODUCTION, Problem, ProblemCode, Role};
use vitrine_config::minute_of_day;
use vitrine_engine::TimestampMs;
use vitrine_ledger::CountQuery;
use vitrine_loop::{AlertReport, Alerts, AlertsRequest, Counted, Finding, judge};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{Date, Env, console_error};

use super::learning::{Stop, running, value};
use super::{Answered, ledger};
use crate::objects::notifier::{self, AlertCall};
use crate::objects::registry::{Actor, Command};

/// Looks for somebody.
pub async fn post(request: AlertsRequest, env: &Env, actor: &Actor) -> Answered {
    let AlertsRequest { environment, dry_run, test } = request;
    let environment = environment.unwrap_or_else(|| PRODUCTION.to_owned());
    if dry_run && test {
        return Err(Problem::field("/test", "contradictory", "a dry run sends nothing: choose one of the two"));
    }
    if !dry_run {
        actor.require(Role::Editor, "sending alerts")?;
        actor.may_change(&environment)?;
    }
    if test && Settings::alert_webhook(env).is_none() {
        return Err(Problem::new(ProblemCode::Conflict, "no webhook is set: set the secret ALERT_WEBHOOK"));
    }
    let report = async {
        if test {
            running(env, actor, &environment).await?;
            return Ok(notifier::alerts(env, &environment, &AlertCall::Test { at: now().to_string() }).await?);
        }
        let (findings, quiet) = found(env, actor, &environment).await?;
        let call = match dry_run {
            true => AlertCall::Show,
            false => AlertCall::Note { findings: findings.clone(), quiet, at: now().to_string() },
        };
        let report = notifier::alerts(env, &environment, &call).await?;
        Ok(AlertReport { findings, quiet, ..report })
    };
    answered(report.await)
}

/// Tells what is open, as the last look found it.
pub async fn show(environment: String, env: &Env, actor: &Actor) -> Answered {
    let report = async {
        running(env, actor, &environment).await?;
        Ok(notifier::alerts(env, &environment, &AlertCall::Show).await?)
    };
    answered(report.await)
}

fn answered(report: std::result::Result<AlertReport, Stop>) -> Answered {
    match report {
        Ok(report) => match serde_json::to_string(&report) {
            Ok(json) => Ok(respond::json(200, json)),
            Err(error) => Err(Problem::new(ProblemCode::Unavailable, error.to_string())),
        },
        Err(Stop::Refused(response)) => Ok(response),
        Err(Stop::Problem(problem)) => Err(problem),
    }
}

/// Looks by schedule.
pub async fn scheduled(env: &Env, environment: &str, actor: &Actor) {
    let told = async {
        let (findings, quiet) = found(env, actor, environment).await?;
        let call = AlertCall::Note { findings, quiet, at: now().to_string() };
        Ok::<_, Stop>(notifier::alerts(env, environment, &call).await?)
    };
    match told.await {
        Ok(AlertReport { failure: Some(why), .. }) => console_error!("alerts of {environment}: {why}"),
        Ok(_) => {}
        Err(stop) => console_error!("alerts of {environment}: {stop}"),
    }
}

/// What is found of all that the running configuration watches, and whether now nobody wants to be disturbed.
async fn found(env: &Env, actor: &Actor, environment: &str) -> std::result::Result<(Vec<Finding>, bool), Stop> {
    let now = now();
    let (pointer, _) = running(env, actor, environment).await?;
    let document = match pointer.get("version").and_then(Value::as_u64) {
        Some(version) => value(env, actor, Command::ShowVersion { version }).await?,
        None => Value::Null,
    };
    let alerts = Alerts::of(&document);
    let queries: Vec<CountQuery> = alerts.queries(environment, now);
    let mut counted: Vec<Counted> = Vec::with_capacity(queries.len());
    for query in queries {
        let rows = ledger::rows(env, &query).await?;
        counted.push((query, rows));
    }
    let quiet = alerts.is_quiet(minute_of_day(alerts.time_zone(), now));
    Ok((judge(&alerts, environment, now, &counted), quiet))
}

fn now() -> TimestampMs {
    TimestampMs(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
}
