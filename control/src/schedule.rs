//! What happens by the cron trigger (`[triggers]` in wrangler.toml), in every environment: bandits learn, and what is out of
//! order is told.
//!
//! A part that fails is told to the log, and tried again by the next trigger.

use vitrine_api::Role;
use vitrine_rim::settings::Settings;
use worker::{Env, console_error};

use crate::admin::{self, LOOP, alerts, learning};
use crate::objects::registry::Actor;

/// Does all that is due.
pub async fn run(env: &Env) {
    let actor = Actor { name: LOOP.to_owned(), role: Role::Approver, environments: None };
    let environments = match admin::environments(env, &actor).await {
        Ok(environments) => environments,
        Err(why) => return console_error!("schedule: {why}"),
    };
    let every_s = Settings::measure(env).loop_every_s;
    for environment in environments {
        if every_s > 0 {
            learning::scheduled(env, &environment, &actor, every_s).await;
        }
        alerts::scheduled(env, &environment, &actor).await;
    }
}
