//! The audit log: written with each change, given in pages.

use serde::Deserialize;
use vitrine_api::{AuditDraft, AuditEntry, AuditHead};

use super::command::Actor;
use super::failure::{Outcome, inside};
use super::schema::integer;
use super::{Registry, now};

/// Most entries of one page.
const PAGE_MAX: u32 = 1000;

#[derive(Deserialize)]
struct Row {
    json: String,
}

/// A change as the log tells of it.
pub struct Told<'a> {
    /// What was done, such as `config.publish`.
    pub action: &'a str,
    /// What it was done to.
    pub target: &'a str,
    /// Why, as the actor said it.
    pub reason: &'a str,
    /// The change in words.
    pub summary: String,
}

impl Registry {
    /// Writes an entry.
    pub(super) fn audit(&self, actor: &Actor, told: Told<'_>) -> Outcome<()> {
        let entry = self.audit_head()?.seal(AuditDraft {
            action: told.action.to_owned(),
            actor: actor.name.clone(),
            at: now(),
            reason: told.reason.to_owned(),
            role: actor.role,
            summary: told.summary,
            target: told.target.to_owned(),
        });
        self.execute("INSERT INTO audit (seq, json) VALUES (?, ?)", vec![integer(entry.seq)?, entry.to_json().into()])
    }

    fn audit_head(&self) -> Outcome<AuditHead> {
        let last: Option<Row> = self.row("SELECT json FROM audit ORDER BY seq DESC LIMIT 1", Vec::new())?;
        let Some(last) = last else { return Ok(AuditHead::default()) };
        let AuditEntry { seq, hash, .. } = serde_json::from_str(&last.json).map_err(inside)?;
        Ok(AuditHead { seq, hash })
    }

    pub(super) fn show_audit(&self, after: u64, limit: u32) -> Outcome {
        let limit = u64::from(limit.clamp(1, PAGE_MAX));
        let rows: Vec<Row> = self.rows(
            "SELECT json FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
            vec![integer(after)?, integer(limit)?],
        )?;
        let entries: Vec<AuditEntry> =
            rows.iter().map(|it| serde_json::from_str(&it.json)).collect::<Result<_, _>>().map_err(inside)?;
        let head = self.audit_head()?;
        let more = entries.last().is_some_and(|it| it.seq < head.seq);
        Ok(serde_json::json!({ "entries": entries, "more": more, "head": head }))
    }
}
