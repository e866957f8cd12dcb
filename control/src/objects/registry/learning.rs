//! Turns of the loop: what bandits learnt becomes a version like any other, and a record of the turn is kept.

use serde::Deserialize;
use serde_json::json;
use vitrine_loop::{LoopOutcome, differ_in_learnt_only, keep_learnt};

use super::command::{Actor, PutConfig, TakeTurn};
use super::failure::{Outcome, inside};
use super::schema::integer;
use super::{Registry, now_ms};

/// Most records of one answer.
const RECORDS_MAX: u32 = 200;

#[derive(Deserialize)]
struct Row {
    json: String,
}

#[derive(Deserialize)]
struct LastRow {
    at_ms: i64,
    version: Option<u64>,
}

impl Registry {
    /// Publishes what a turn made, if anything, and keeps its record. The record says what was published.
    pub(super) async fn take_turn(&self, actor: &Actor, turn: TakeTurn) -> Outcome {
        let TakeTurn { environment, document, reason, mut record } = turn;
        actor.may_change(&environment)?;
        let mut version = record.version_before;
        if let Some(document) = document {
            let put = PutConfig {
                environment: environment.clone(),
                document,
                base_version: version,
                allow_reshuffle: false,
                reason,
            };
            let pointer = self.put_config(actor, put).await?;
            version = pointer.get("version").and_then(serde_json::Value::as_u64);
            record.version_after = version;
            record.outcome = LoopOutcome::Published;
            self.execute(
                "INSERT INTO turn (environment, json) VALUES (?, ?)",
                vec![environment.as_str().into(), serde_json::to_string(&record).map_err(inside)?.into()],
            )?;
        }
        let version = version.map_or(Ok(worker::SqlStorageValue::Null), integer)?;
        self.execute(
            "INSERT INTO last_turn (environment, at_ms, version) VALUES (?1, ?2, ?3)
             ON CONFLICT (environment) DO UPDATE SET at_ms = ?2, version = ?3",
            vec![environment.as_str().into(), now_ms().into(), version],
        )?;
        serde_json::to_value(record).map_err(inside)
    }

    /// The records of turns that published something, newest first; and when the last turn was, whatever it came to.
    pub(super) fn show_turns(&self, environment: &str, limit: u32) -> Outcome {
        self.pointer(environment)?;
        let rows: Vec<Row> = self.rows(
            "SELECT json FROM turn WHERE environment = ? ORDER BY number DESC LIMIT ?",
            vec![environment.into(), integer(limit.clamp(1, RECORDS_MAX).into())?],
        )?;
        let records = rows.iter().map(|it| serde_json::from_str(&it.json));
        let records: Vec<serde_json::Value> = records.collect::<Result<_, _>>().map_err(inside)?;
        let last: Option<LastRow> =
            self.row("SELECT at_ms, version FROM last_turn WHERE environment = ?", vec![environment.into()])?;
        let last = last.map(|LastRow { at_ms, version }| {
            let at = vitrine_engine::TimestampMs(at_ms).to_string();
            json!({ "at": at, "at_ms": at_ms, "version": version })
        });
        Ok(json!({ "turns": records, "last": last }))
    }

    /// A document as it would be published: bandits that learn, and of which it does not say what they know, know what they
    /// know in the running version.
    pub(super) async fn with_learnt(&self, document: &str, running: Option<u64>) -> Outcome<String> {
        let mut document: serde_json::Value = serde_json::from_str(document).map_err(inside)?;
        let running = match running {
            Some(version) => Some(serde_json::from_str(&self.document(version).await?).map_err(inside)?),
            None => None,
        };
        keep_learnt(&mut document, running.as_ref());
        Ok(document.to_string())
    }

    /// Whether what runs is still what a change was written against: bandits may have learnt meanwhile.
    pub(super) async fn is_base(&self, base: Option<u64>, running: Option<u64>) -> Outcome<bool> {
        let (Some(base), Some(running)) = (base, running) else { return Ok(base == running) };
        if base == running {
            return Ok(true);
        }
        let read = |text: String| serde_json::from_str(&text).map_err(inside);
        let (base, running): (serde_json::Value, serde_json::Value) =
            (read(self.document(base).await?)?, read(self.document(running).await?)?);
        Ok(differ_in_learnt_only(&base, &running))
    }
}
