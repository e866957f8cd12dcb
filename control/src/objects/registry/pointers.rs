//! Pointers: which version runs in an environment, which build of the table. Flipped in KV first, then here.

use std::time::Duration;

use serde::Deserialize;
use vitrine_api::{BundlePointer, PRODUCTION, is_environment, pointer_key};
use vitrine_tables::kv_keys;
use worker::Delay;

use super::audit::Told;
use super::command::Actor;
use super::failure::{Outcome, field, inside, not_found};
use super::schema::integer;
use super::{Registry, now};
use crate::objects::notifier;

#[derive(Deserialize)]
struct PointerRow {
    json: String,
}

#[derive(Deserialize)]
struct EpochRow {
    epoch: Option<u64>,
}

#[derive(Deserialize)]
struct NameRow {
    name: String,
}

/// KV takes one write of a key in this time.
const WRITE_PAUSE: Duration = Duration::from_millis(1100);

/// Names of pointers in the database.
pub const TABLE: &str = "table";
const CONFIG: &str = "config";

/// The name of an environment's pointer in the database.
pub fn name_of(environment: &str) -> String {
    match environment {
        PRODUCTION => CONFIG.to_owned(),
        other => format!("{CONFIG}:{other}"),
    }
}

/// One change of a pointer.
pub struct Flip<'a> {
    /// The word of the history: `publish`, `rollback`, …
    pub action: &'a str,
    /// What it points to afterwards.
    pub target: String,
    /// How the audit log tells of it.
    pub told: Told<'a>,
}

impl Registry {
    /// A stored pointer, as JSON.
    pub(super) fn stored(&self, name: &str) -> Outcome<Option<String>> {
        let row: Option<PointerRow> = self.row("SELECT json FROM pointer WHERE name = ?", vec![name.into()])?;
        Ok(row.map(|it| it.json))
    }

    /// The pointer of an environment; `production` is always there.
    ///
    /// Errors: 404 for an environment that has not been made.
    pub(super) fn pointer(&self, environment: &str) -> Outcome<BundlePointer> {
        if !is_environment(environment) {
            let detail = format!("{environment:?} is no name of an environment: a-z, 0-9 and -, at most 32");
            return Err(field("/environment", "invalid_environment", detail));
        }
        match self.stored(&name_of(environment))? {
            Some(json) => serde_json::from_str(&json).map_err(inside),
            None if environment == PRODUCTION => Ok(BundlePointer::default()),
            None => {
                let names = self.environments()?.join(", ");
                Err(not_found(format!("there is no environment {environment:?}; there are: {names}")))
            }
        }
    }

    /// The names of all environments, `production` first.
    pub(super) fn environments(&self) -> Outcome<Vec<String>> {
        let rows: Vec<NameRow> =
            self.rows("SELECT name FROM pointer WHERE name LIKE 'config:%' ORDER BY name", Vec::new())?;
        let others = rows.iter().filter_map(|it| it.name.split_once(':')).map(|(_, name)| name.to_owned());
        Ok(std::iter::once(PRODUCTION.to_owned()).chain(others).collect())
    }

    /// The epoch of the next flip: rises for ever, also over flips that failed.
    pub(super) fn next_epoch(&self, name: &str) -> Outcome<u64> {
        let row: Option<EpochRow> =
            self.row("SELECT max(epoch) AS epoch FROM history WHERE name = ?", vec![name.into()])?;
        Ok(row.and_then(|it| it.epoch).unwrap_or(0).saturating_add(1))
    }

    /// Flips a pointer: first in KV, where the edge reads it, then here. A flip that fails leaves the running one running,
    /// here as there, so the same command can be given again.
    pub(super) async fn flip(&self, actor: &Actor, name: &str, epoch: u64, json: &str, flip: Flip<'_>) -> Outcome<()> {
        let epoch = integer(epoch)?;
        // Noted first, so that no epoch is used twice: KV may have taken a pointer and failed to say so.
        self.execute(
            "INSERT INTO history (at, name, action, target, epoch) VALUES (?, ?, ?, ?, ?)",
            vec![now().into(), name.into(), flip.action.into(), flip.target.into(), epoch.clone()],
        )?;
        let key = match name.split_once(':') {
            Some((_, environment)) => pointer_key(environment),
            None if name == CONFIG => pointer_key(PRODUCTION),
            None => kv_keys::CURRENT.to_owned(),
        };
        if let Err(error) = self.put_pointer(&key, json.as_bytes()).await {
            self.execute(
                "UPDATE history SET action = action || ' failed' WHERE name = ? AND epoch = ?",
                vec![name.into(), epoch],
            )?;
            let action = format!("{}.failed", flip.told.action);
            let summary = format!("{}: the pointer could not be written", flip.told.summary);
            self.audit(actor, Told { action: &action, summary, ..flip.told })?;
            return Err(error);
        }
        self.execute(
            "INSERT INTO pointer (name, json) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET json = ?2",
            vec![name.into(), json.into()],
        )?;
        self.audit(actor, flip.told)
    }

    /// Writes a pointer; once more after a wait, because KV takes one write of a key in a second.
    async fn put_pointer(&self, key: &str, json: &[u8]) -> Outcome<()> {
        let kv = self.kv()?;
        if kv.put(key, json).await.is_ok() {
            return Ok(());
        }
        Delay::from(WRITE_PAUSE).await;
        Ok(kv.put(key, json).await?)
    }

    /// Flips the pointer of an environment and tells those who wait for it. Gives the pointer as JSON.
    pub(super) async fn flip_config(
        &self,
        actor: &Actor,
        environment: &str,
        pointer: BundlePointer,
        flip: Flip<'_>,
    ) -> Outcome {
        let name = name_of(environment);
        let pointer = BundlePointer {
            epoch: self.next_epoch(&name)?,
            published_at: now(),
            keys: self.pointer_keys(environment)?,
            ..pointer
        };
        let json = serde_json::to_string(&pointer).map_err(inside)?;
        self.flip(actor, &name, pointer.epoch, &json, flip).await?;
        let (env, environment) = (self.env.clone(), environment.to_owned());
        self.state.wait_until(async move { notifier::notify(&env, &environment, &pointer).await });
        serde_json::from_str(&json).map_err(inside)
    }

    /// The running pointer and the last changes of it.
    pub(super) fn show(&self, name: &str) -> Outcome {
        let stored = self.stored(name)?;
        let current: Option<serde_json::Value> =
            stored.map(|json| serde_json::from_str(&json)).transpose().map_err(inside)?;
        let history: Vec<serde_json::Value> = self.rows(
            "SELECT at, action, target, epoch FROM history WHERE name = ? ORDER BY rowid DESC LIMIT 50",
            vec![name.into()],
        )?;
        Ok(serde_json::json!({ "current": current, "history": history }))
    }
}
