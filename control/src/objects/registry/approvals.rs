//! Approvals: a second person says yes to one revision of a draft, and why. An edit afterwards voids it.

use vitrine_api::{Approval, BundlePointer, Draft};

use super::audit::Told;
use super::command::Actor;
use super::drafts::{Kept, check_open};
use super::failure::{Outcome, conflict, field, forbidden, inside};
use super::versions::checked;
use super::{Registry, now};

impl Registry {
    pub(super) async fn approve_draft(&self, actor: &Actor, id: &str, seen: Option<u64>, reason: String) -> Outcome {
        let Kept { mut draft, unedited } = self.kept(id)?;
        actor.may_change(&draft.environment)?;
        if let Some(seen) = seen {
            self.check_revision(&draft, seen)?;
        }
        check_open(&draft)?;
        if reason.trim().is_empty() {
            return Err(field("/reason", "missing_field", "say why you approve"));
        }
        if draft.authors.iter().any(|it| it.eq_ignore_ascii_case(&actor.name)) {
            let detail = format!("{} wrote a part of draft {id}: it is for a second person to approve", actor.name);
            return Err(forbidden(detail));
        }
        checked(&self.draft_document(&draft)?)?;
        draft.approval = Some(Approval { by: actor.name.clone(), at: now(), reason: reason.clone() });
        let (target, summary) =
            (format!("draft {id}"), format!("revision {}, for {}", draft.revision, draft.environment));
        let kept = Kept { draft, unedited };
        self.keep(&kept)?;
        self.audit(actor, Told { action: "draft.approve", target: &target, reason: &reason, summary })?;
        serde_json::to_value(&kept.draft).map_err(inside)
    }
}

/// Errors: 409 when the environment needs an approval and the draft has none.
pub fn check_approval(draft: &Draft, running: &BundlePointer) -> Outcome<()> {
    if !running.settings.approval || draft.approval.is_some() {
        return Ok(());
    }
    let (id, environment, authors) = (&draft.id, &draft.environment, draft.authors.join(", "));
    let detail = format!(
        "{environment} needs the approval of a second person: somebody else than {authors} must approve revision {} of draft {id}",
        draft.revision
    );
    Err(conflict(detail))
}
