//! Publishing a draft, now or at its time. The object's alarm carries out what is due; what has become stale meanwhile is not
//! published, and why stands at the draft and in the audit log.

use serde::Deserialize;
use vitrine_api::{BundlePointer, Draft, DraftState, PublishDraft, Role, Schedule};
use vitrine_engine::TimestampMs;
use worker::ScheduledTime;

use super::approvals::check_approval;
use super::audit::Told;
use super::command::Actor;
use super::drafts::{Kept, check_open};
use super::failure::{Failure, Outcome, conflict, field, inside};
use super::versions::{Publication, checked, guard};
use super::{Registry, now_ms};

/// Wait before a publication that failed is tried again. Unit: ms.
pub const RETRY_MS: i64 = 30_000;
/// How long a publication that fails is tried again, before it is given up. Unit: ms.
const GIVE_UP_MS: i64 = 3_600_000;
/// How far ahead a publication may be scheduled. Unit: ms.
const AHEAD_MS_MAX: i64 = 400 * 86_400_000;

#[derive(Deserialize)]
struct DueRow {
    json: String,
    due_ms: i64,
}

impl Registry {
    pub(super) async fn publish_draft(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        body: PublishDraft,
    ) -> Outcome {
        let kept = self.kept(id)?;
        actor.may_change(&kept.draft.environment)?;
        if let Some(seen) = seen {
            self.check_revision(&kept.draft, seen)?;
        }
        check_open(&kept.draft)?;
        match &body.at {
            None => self.carry_out(actor, kept, body.allow_reshuffle, &body.reason).await,
            Some(at) => {
                let at = due(at)?;
                self.schedule(actor, kept, at, body).await
            }
        }
    }

    /// What must be so for a draft to be published. Gives the running pointer.
    async fn check_publishable(&self, draft: &Draft) -> Outcome<BundlePointer> {
        let running = self.pointer(&draft.environment)?;
        check_approval(draft, &running)?;
        self.check_base(draft.base_version, &running, &draft.environment).await?;
        Ok(running)
    }

    /// Publishes a draft. Gives the new pointer.
    async fn carry_out(&self, actor: &Actor, kept: Kept, allow_reshuffle: bool, reason: &str) -> Outcome {
        let Kept { mut draft, unedited } = kept;
        let running = self.check_publishable(&draft).await?;
        let environment = draft.environment.clone();
        let pointer = match unedited {
            // A version that another environment runs, unchanged: it keeps its number.
            Some(version) => self.run_version(actor, running, &environment, version, allow_reshuffle, reason).await?,
            None => {
                let document = self.draft_document(&draft)?;
                let publication = Publication {
                    environment: &environment,
                    document: &document,
                    allow_reshuffle,
                    reason,
                    draft: Some(&draft.id),
                };
                self.publish(actor, running, publication).await?
            }
        };
        draft.state = DraftState::Published;
        draft.schedule = None;
        draft.outcome = None;
        draft.version = pointer.get("version").and_then(serde_json::Value::as_u64);
        self.keep(&Kept { draft, unedited })?;
        Ok(pointer)
    }

    async fn schedule(&self, actor: &Actor, kept: Kept, at: TimestampMs, body: PublishDraft) -> Outcome {
        let Kept { mut draft, unedited } = kept;
        let running = self.check_publishable(&draft).await?;
        let document = self.draft_document(&draft)?;
        checked(&document)?;
        guard(&self.comparison(running.version, &document).await?, body.allow_reshuffle)?;
        let PublishDraft { allow_reshuffle, reason, .. } = body;
        draft.state = DraftState::Scheduled;
        draft.outcome = None;
        draft.schedule =
            Some(Schedule { at: at.to_string(), by: actor.name.clone(), allow_reshuffle, reason: reason.clone() });
        let target = format!("draft {}", draft.id);
        let summary = format!("revision {} will be published in {} at {at}", draft.revision, draft.environment);
        let kept = Kept { draft, unedited };
        self.keep(&kept)?;
        self.audit(actor, Told { action: "draft.schedule", target: &target, reason: &reason, summary })?;
        self.wake_for_next().await?;
        serde_json::to_value(&kept.draft).map_err(inside)
    }

    pub(super) async fn unschedule_draft(&self, actor: &Actor, id: &str) -> Outcome {
        let Kept { mut draft, unedited } = self.kept(id)?;
        actor.may_change(&draft.environment)?;
        let Some(schedule) = draft.schedule.take() else {
            return Err(conflict(format!("no publication of draft {id} is scheduled")));
        };
        draft.state = DraftState::Open;
        let kept = Kept { draft, unedited };
        self.keep(&kept)?;
        let (target, summary) = (format!("draft {id}"), format!("will not be published at {}", schedule.at));
        self.audit(actor, Told { action: "draft.unschedule", target: &target, reason: "", summary })?;
        self.wake_for_next().await?;
        serde_json::to_value(&kept.draft).map_err(inside)
    }

    fn scheduled(&self) -> Outcome<Vec<DueRow>> {
        self.rows(
            "SELECT json, due_ms FROM draft WHERE state = 'scheduled' AND due_ms IS NOT NULL ORDER BY due_ms, number",
            Vec::new(),
        )
    }

    async fn wake_for_next(&self) -> Outcome<()> {
        match self.scheduled()?.first() {
            Some(next) => Ok(self.wake_at(next.due_ms).await?),
            None => Ok(self.state.storage().delete_alarm().await?),
        }
    }

    pub(super) async fn wake_at(&self, at_ms: i64) -> worker::Result<()> {
        let date = js_sys::Date::new(&(at_ms as f64).into());
        self.state.storage().set_alarm(ScheduledTime::new(date)).await
    }

    /// Publishes what is due, in the order of its times.
    pub(super) async fn publish_due(&self) -> Outcome<()> {
        self.prepare()?;
        let Ok(turn) = self.turn() else { return Ok(self.wake_at(now_ms().saturating_add(1000)).await?) };
        let mut wake_ms: Option<i64> = None;
        for row in self.scheduled()? {
            let now_ms = now_ms();
            let mut next_ms = row.due_ms;
            if row.due_ms <= now_ms {
                let kept: Kept = serde_json::from_str(&row.json).map_err(inside)?;
                if self.publish_one_due(kept, row.due_ms, now_ms).await? {
                    continue;
                }
                next_ms = now_ms.saturating_add(RETRY_MS);
            }
            wake_ms = Some(wake_ms.map_or(next_ms, |it| it.min(next_ms)));
        }
        drop(turn);
        match wake_ms {
            Some(at_ms) => Ok(self.wake_at(at_ms).await?),
            None => Ok(()),
        }
    }

    /// Publishes a draft whose time has come. Whether it is done with, one way or the other.
    async fn publish_one_due(&self, kept: Kept, due_ms: i64, now_ms: i64) -> Outcome<bool> {
        let Some(Schedule { at, by, allow_reshuffle, reason }) = kept.draft.schedule.clone() else { return Ok(true) };
        // Who scheduled it was allowed to publish then.
        let actor = Actor { name: by, role: Role::Approver, environments: None };
        let why = match self.carry_out(&actor, kept.clone(), allow_reshuffle, &reason).await {
            Ok(_) => return Ok(true),
            Err(Failure::Problem(problem)) => problem.detail,
            Err(Failure::Inside(why)) if now_ms.saturating_sub(due_ms) < GIVE_UP_MS => {
                worker::console_error!("scheduled publication of draft {}: {why}", kept.draft.id);
                return Ok(false);
            }
            Err(Failure::Inside(why)) => {
                worker::console_error!("scheduled publication of draft {}: {why}", kept.draft.id);
                "storage failed for an hour".to_owned()
            }
        };
        let Kept { mut draft, unedited } = kept;
        let (target, environment) = (format!("draft {}", draft.id), draft.environment.clone());
        let summary = format!("not published in {environment} at {at}: {why}");
        draft.state = DraftState::Open;
        draft.schedule = None;
        draft.outcome = Some(summary.clone());
        self.keep(&Kept { draft, unedited })?;
        self.audit(&actor, Told { action: "config.publish.refused", target: &target, reason: &reason, summary })?;
        Ok(true)
    }
}

/// Reads the time of a publication that is to come.
fn due(at: &str) -> Outcome<TimestampMs> {
    let time =
        TimestampMs::parse(at).map_err(|_| field("/at", "invalid_time", format!("{at:?} is not an RFC 3339 time")))?;
    let ahead_ms = time.0.saturating_sub(now_ms());
    if ahead_ms <= 0 {
        return Err(field("/at", "in_the_past", format!("{at} is past; without a time it is published now")));
    }
    if ahead_ms > AHEAD_MS_MAX {
        return Err(field("/at", "too_far_ahead", format!("{at} is more than 400 days ahead")));
    }
    Ok(time)
}
