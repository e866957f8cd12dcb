//! Environments: made once, each with a pointer and settings of its own.

use serde_json::json;
use vitrine_api::{BundlePointer, EnvironmentChange, PRODUCTION, is_environment};

use super::Registry;
use super::audit::Told;
use super::command::Actor;
use super::failure::{Outcome, field, inside};
use super::pointers::{Flip, name_of};

/// Most environments.
const ENVIRONMENTS_MAX: usize = 16;

impl Registry {
    pub(super) fn list_environments(&self) -> Outcome {
        let list: Vec<serde_json::Value> =
            self.environments()?.iter().map(|name| self.show_environment(name)).collect::<Outcome<_>>()?;
        Ok(json!({ "environments": list }))
    }

    pub(super) fn show_environment(&self, name: &str) -> Outcome {
        let pointer = self.pointer(name)?;
        let BundlePointer { version, previous, epoch, published_at, keys: _, settings, killed } = pointer;
        Ok(json!({
            "name": name,
            "version": version,
            "previous": previous,
            "epoch": epoch,
            "published_at": published_at,
            "settings": serde_json::to_value(settings).map_err(inside)?,
            "killed": killed,
            "keys": self.keys_of(name)?,
        }))
    }

    pub(super) async fn change_environment(&self, actor: &Actor, name: &str, change: EnvironmentChange) -> Outcome {
        actor.may_change(name)?;
        if !is_environment(name) {
            let detail = format!("{name:?} is no name of an environment: a-z, 0-9 and -, first a letter, at most 32");
            return Err(field("/environment", "invalid_environment", detail));
        }
        let names = self.environments()?;
        let is_new = self.stored(&name_of(name))?.is_none() && name != PRODUCTION;
        if is_new && names.len() >= ENVIRONMENTS_MAX {
            return Err(field(
                "/environment",
                "too_many",
                format!("there are {ENVIRONMENTS_MAX} environments already"),
            ));
        }
        let pointer = if is_new { BundlePointer::default() } else { self.pointer(name)? };
        let (settings, mut words) = change.settings.apply(pointer.settings);
        if words.is_empty() && !is_new {
            return self.show_environment(name);
        }
        if words.is_empty() {
            words.push("settings as usual".to_owned());
        }
        let action = if is_new { "environment.create" } else { "environment.settings" };
        let told = Told { action, target: name, reason: &change.reason, summary: words.join(", ") };
        let flip = Flip { action: "settings", target: words.join(", "), told };
        self.flip_config(actor, name, BundlePointer { settings, ..pointer }, flip).await?;
        self.show_environment(name)
    }
}
