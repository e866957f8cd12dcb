//! Keys of applications: made here, shown once, kept as SHA-256. A key that another replaces stays valid for a while.

use serde::Deserialize;
use serde_json::json;
use vitrine_api::{KeyKind, NewKey, SdkKey, sha256_hex};
use vitrine_engine::TimestampMs;
use worker::SqlStorageValue;

use super::audit::Told;
use super::command::Actor;
use super::failure::{Outcome, conflict, field, inside, not_found};
use super::pointers::Flip;
use super::schema::integer;
use super::{Registry, now, now_ms, secret};

/// Most valid keys of an environment: all are in its pointer.
const KEYS_MAX: usize = 20;
/// Letters and digits of a key's secret part.
const SECRET_CHARS: usize = 32;
/// Longest time for which a key stays valid beside the one that replaces it. Unit: seconds.
const OVERLAP_S_MAX: u64 = 90 * 86_400;

#[derive(Deserialize)]
struct Row {
    number: u64,
    kind: KeyKind,
    note: String,
    sha256: String,
    created_by: String,
    created_at: String,
    expires_at: Option<String>,
}

impl Row {
    fn is_live(&self, now_ms: i64) -> bool {
        let expires = self.expires_at.as_deref().and_then(|it| TimestampMs::parse(it).ok());
        expires.is_none_or(|it| it.0 > now_ms)
    }
}

impl Registry {
    fn key_rows(&self, environment: &str) -> Outcome<Vec<Row>> {
        self.rows(
            "SELECT number, kind, note, sha256, created_by, created_at, expires_at FROM sdk_key
             WHERE environment = ? ORDER BY number",
            vec![environment.into()],
        )
    }

    /// The keys that an environment's pointer holds: the valid ones. When none is left, the last that expired stays, because an
    /// environment without any key would take every call.
    pub(super) fn pointer_keys(&self, environment: &str) -> Outcome<Vec<SdkKey>> {
        let now_ms = now_ms();
        let mut rows = self.key_rows(environment)?;
        let last = rows.len().saturating_sub(1);
        if rows.iter().any(|it| it.is_live(now_ms)) {
            rows.retain(|it| it.is_live(now_ms));
        } else {
            rows.drain(..last);
        }
        let key = |Row { number, kind, sha256, expires_at, .. }| SdkKey {
            id: format!("k{number}"),
            kind,
            sha256,
            expires_at,
        };
        Ok(rows.into_iter().map(key).collect())
    }

    /// The keys of an environment as its administrators see them: nothing from which a key could be made.
    pub(super) fn keys_of(&self, environment: &str) -> Outcome<Vec<serde_json::Value>> {
        let now_ms = now_ms();
        let shown = |row: Row| {
            json!({
                "id": format!("k{}", row.number),
                "kind": row.kind,
                "note": row.note,
                "created_by": row.created_by,
                "created_at": row.created_at,
                "expires_at": row.expires_at,
                "valid": row.is_live(now_ms),
            })
        };
        Ok(self.key_rows(environment)?.into_iter().map(shown).collect())
    }

    pub(super) async fn new_key(&self, actor: &Actor, environment: &str, body: NewKey) -> Outcome {
        actor.may_change(environment)?;
        let pointer = self.pointer(environment)?;
        if self.pointer_keys(environment)?.len() >= KEYS_MAX {
            return Err(conflict(format!("{environment} has {KEYS_MAX} valid keys already; let one expire first")));
        }
        if body.note.len() > 200 {
            return Err(field("/note", "too_long", "a note has at most 200 bytes"));
        }
        let NewKey { kind, note } = body;
        let key = format!("{}_{environment}_{}", kind.prefix(), secret::word(SECRET_CHARS).map_err(inside)?);
        let sha256 = sha256_hex(key.as_bytes());
        let word = match kind {
            KeyKind::Client => "client",
            KeyKind::Server => "server",
        };
        self.execute(
            "INSERT INTO sdk_key (environment, kind, note, sha256, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            vec![
                environment.into(),
                word.into(),
                note.as_str().into(),
                sha256.into(),
                actor.name.as_str().into(),
                now().into(),
            ],
        )?;
        let number = self.inserted()?;
        let id = format!("k{number}");
        let summary = format!("{word} key {id}: {note}");
        let told = Told { action: "key.create", target: environment, reason: "", summary };
        let flip = Flip { action: "key", target: id.clone(), told };
        if let Err(failure) = self.flip_config(actor, environment, pointer, flip).await {
            // Nobody will ever see this key.
            self.execute("DELETE FROM sdk_key WHERE number = ?", vec![integer(number)?])?;
            return Err(failure);
        }
        Ok(json!({ "id": id, "environment": environment, "kind": kind, "note": note, "key": key }))
    }

    pub(super) async fn retire_key(&self, actor: &Actor, environment: &str, id: &str, overlap_s: u64) -> Outcome {
        actor.may_change(environment)?;
        let pointer = self.pointer(environment)?;
        if overlap_s > OVERLAP_S_MAX {
            return Err(field("/overlap_s", "out_of_range", format!("the overlap is at most {OVERLAP_S_MAX} s")));
        }
        let rows = self.key_rows(environment)?;
        let row = rows.iter().find(|it| format!("k{}", it.number) == id);
        let Some(row) = row else { return Err(not_found(format!("{environment} has no key {id:?}"))) };
        if !row.is_live(now_ms()) {
            return Err(conflict(format!("key {id} has expired already")));
        }
        let overlap_ms = i64::try_from(overlap_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        let expires_at = TimestampMs(now_ms().saturating_add(overlap_ms)).to_string();
        let set = |expires_at: SqlStorageValue| -> Outcome<()> {
            let values = vec![expires_at, integer(row.number)?];
            self.execute("UPDATE sdk_key SET expires_at = ? WHERE number = ?", values)
        };
        set(expires_at.as_str().into())?;
        let summary = format!("key {id} is refused from {expires_at} on");
        let told = Told { action: "key.retire", target: environment, reason: "", summary };
        let flip = Flip { action: "key", target: id.to_owned(), told };
        if let Err(failure) = self.flip_config(actor, environment, pointer, flip).await {
            set(row.expires_at.clone().into())?;
            return Err(failure);
        }
        Ok(json!({ "id": id, "environment": environment, "expires_at": expires_at }))
    }
}
