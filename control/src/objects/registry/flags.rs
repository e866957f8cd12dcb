//! The switch of single flags, without a publication.

use vitrine_api::{BundlePointer, KillFlag};

use super::Registry;
use super::audit::Told;
use super::command::Actor;
use super::failure::{Outcome, conflict, inside, not_found};
use super::pointers::Flip;

/// Most flags that are switched off at a time: they are in the pointer.
const KILLED_MAX: usize = 200;

impl Registry {
    pub(super) async fn kill_flag(&self, actor: &Actor, flag: &str, body: KillFlag) -> Outcome {
        let KillFlag { environment, killed, reason } = body;
        actor.may_change(&environment)?;
        let pointer = self.pointer(&environment)?;
        let was_killed = pointer.killed.iter().any(|it| it == flag);
        if killed && !was_killed {
            self.check_flag(&environment, &pointer, flag).await?;
            if pointer.killed.len() >= KILLED_MAX {
                return Err(conflict(format!(
                    "{KILLED_MAX} flags are off already; publish a configuration without them"
                )));
            }
        }
        if !killed && !was_killed {
            return Err(not_found(format!("the flag {flag:?} is not switched off in {environment}")));
        }
        let mut list = pointer.killed.clone();
        list.retain(|it| it != flag);
        if killed {
            list.push(flag.to_owned());
            list.sort_unstable();
        }
        let (action, word) = if killed { ("flag.kill", "kill") } else { ("flag.revive", "revive") };
        let summary = format!("flag {flag} {}", if killed { "off" } else { "on again" });
        let told = Told { action, target: &environment, reason: &reason, summary };
        let flip = Flip { action: word, target: flag.to_owned(), told };
        self.flip_config(actor, &environment, BundlePointer { killed: list, ..pointer }, flip).await
    }

    /// Errors: 404 when the running version has no such flag, nor an experiment of that name.
    async fn check_flag(&self, environment: &str, pointer: &BundlePointer, flag: &str) -> Outcome<()> {
        let missing = || not_found(format!("no flag {flag:?} runs in {environment}"));
        let Some(version) = pointer.version else { return Err(missing()) };
        let document: serde_json::Value = serde_json::from_str(&self.document(version).await?).map_err(inside)?;
        let names = |section: &str| {
            let entries = document.get(section).and_then(serde_json::Value::as_array).into_iter().flatten();
            entries.flat_map(|it| [it.get("id"), it.get("flag")]).flatten().any(|it| it.as_str() == Some(flag))
        };
        if names("flags") || names("experiments") { Ok(()) } else { Err(missing()) }
    }
}
