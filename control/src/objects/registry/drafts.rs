//! Drafts: documents with revisions. A change names the revision that it was made from; a stale one is refused with the
//! conflict shown.

use serde::{Deserialize, Serialize};
use vitrine_api::{Change, Draft, DraftChange, DraftState, NewDraft};
use vitrine_config::Diagnostic;

use super::audit::Told;
use super::command::Actor;
use super::compare::changes;
use super::failure::{Outcome, conflict, field, inside, not_found};
use super::schema::integer;
use super::versions::{conflict_with, told};
use super::{Registry, now};
use crate::running_table;

/// Revisions of a draft whose documents are kept, so that a conflict can be shown.
const REVISIONS_KEPT: u64 = 20;
/// Greatest note. Unit: bytes.
const NOTE_BYTES_MAX: usize = 2000;

/// A draft as the database holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub draft: Draft,
    /// The version whose document it has, as long as nobody edits it.
    pub unedited: Option<u64>,
}

#[derive(Deserialize)]
struct Row {
    json: String,
}

fn text_name(draft: &Draft, revision: u64) -> String {
    format!("draft/{}/{revision}", draft.id)
}

fn state_word(state: DraftState) -> &'static str {
    match state {
        DraftState::Open => "open",
        DraftState::Scheduled => "scheduled",
        DraftState::Published => "published",
    }
}

/// Errors: 409 when the draft has been published, or will be.
pub fn check_open(draft: &Draft) -> Outcome<()> {
    match (&draft.state, draft.version, &draft.schedule) {
        (DraftState::Open, _, _) => Ok(()),
        (DraftState::Published, version, _) => {
            let version = version.unwrap_or_default();
            Err(conflict(format!("draft {} has been published as version {version}; begin another", draft.id)))
        }
        (DraftState::Scheduled, _, schedule) => {
            let at = schedule.as_ref().map_or("its time", |it| &it.at);
            Err(conflict(format!("draft {} will be published at {at}; take that back first", draft.id)))
        }
    }
}

fn check_note(note: &str) -> Outcome<()> {
    if note.len() <= NOTE_BYTES_MAX {
        return Ok(());
    }
    Err(field("/note", "too_long", format!("a note has at most {NOTE_BYTES_MAX} bytes")))
}

fn check_document(document: &serde_json::Value) -> Outcome<()> {
    if document.is_object() {
        return Ok(());
    }
    Err(field("/document", "invalid_field", "the document is not a JSON object"))
}

impl Registry {
    /// All findings in a stored document, compared with the table that runs. Lines would count in a text that nobody has seen,
    /// so they are left out.
    async fn diagnostics(&self, document: &str) -> Vec<serde_json::Value> {
        let table = match (self.running_table(), self.kv()) {
            (Ok(Some(pointer)), Ok(kv)) => running_table::manifest(&kv, &pointer.build).await,
            _ => None,
        };
        let found = match running_table::check(document, table.as_deref()) {
            Ok(checked) => checked.warnings,
            Err(diagnostics) => diagnostics,
        };
        found.into_iter().map(|it| Diagnostic { line: None, column: None, ..it }.to_json()).collect()
    }

    /// What is told of a draft after a change: all but its document, and what is wrong with that.
    async fn told_with(&self, draft: &Draft, document: &str) -> Outcome {
        let mut told = serde_json::to_value(draft).map_err(inside)?;
        if let Some(told) = told.as_object_mut() {
            told.insert("diagnostics".to_owned(), self.diagnostics(document).await.into());
        }
        Ok(told)
    }

    pub(super) async fn new_draft(&self, actor: &Actor, body: NewDraft) -> Outcome {
        let NewDraft { environment, document, version, base_version, note } = body;
        actor.may_change(&environment)?;
        check_note(&note)?;
        let running = self.pointer(&environment)?;
        if let Some(base) = base_version {
            self.check_version(base)?;
        }
        let (document, unedited) = match (document, version.or(running.version)) {
            (Some(_), _) if version.is_some() => {
                return Err(field("/version", "contradictory", "give a document or a version, not both"));
            }
            (Some(document), _) => {
                check_document(&document)?;
                (document.to_string(), None)
            }
            (None, Some(version)) => (self.document(version).await?, Some(version)),
            (None, None) => {
                return Err(field("", "missing_field", "nothing runs yet that the draft could copy: send a document"));
            }
        };
        let at = now();
        self.execute("INSERT INTO draft (json, state) VALUES ('', 'open')", Vec::new())?;
        let id = format!("d{}", self.inserted()?);
        let draft = Draft {
            id,
            environment,
            base_version: base_version.or(running.version),
            revision: 1,
            state: DraftState::Open,
            note,
            authors: vec![actor.name.clone()],
            created_at: at.clone(),
            updated_by: actor.name.clone(),
            updated_at: at,
            approval: None,
            schedule: None,
            version: None,
            outcome: None,
        };
        self.put_text(&text_name(&draft, 1), &document)?;
        let kept = Kept { draft, unedited };
        self.keep(&kept)?;
        let target = format!("draft {}", kept.draft.id);
        let base = kept.draft.base_version.map_or("nothing".to_owned(), |it| format!("version {it}"));
        let summary = format!("for {}, against {base}: {}", kept.draft.environment, kept.draft.note);
        self.audit(actor, Told { action: "draft.create", target: &target, reason: "", summary })?;
        self.told_with(&kept.draft, &document).await
    }

    /// Stores what is known of a draft.
    pub(super) fn keep(&self, kept: &Kept) -> Outcome<()> {
        let Kept { draft, .. } = kept;
        let due_ms = draft.schedule.as_ref().and_then(|it| vitrine_engine::TimestampMs::parse(&it.at).ok());
        self.execute(
            "UPDATE draft SET json = ?, state = ?, due_ms = ? WHERE number = ?",
            vec![
                serde_json::to_string(kept).map_err(inside)?.into(),
                state_word(draft.state).into(),
                due_ms.map(|it| it.0).into(),
                integer(number(&draft.id).unwrap_or_default())?,
            ],
        )
    }

    /// Errors: 404.
    pub(super) fn kept(&self, id: &str) -> Outcome<Kept> {
        let number = number(id).unwrap_or_default();
        let row: Option<Row> = self.row("SELECT json FROM draft WHERE number = ?", vec![integer(number)?])?;
        let row = row.ok_or_else(|| not_found(format!("there is no draft {id:?}")))?;
        serde_json::from_str(&row.json).map_err(inside)
    }

    /// The document of a draft's present revision.
    pub(super) fn draft_document(&self, draft: &Draft) -> Outcome<String> {
        let text = self.text(&text_name(draft, draft.revision))?;
        text.ok_or_else(|| inside(format!("the document of draft {} is gone", draft.id)))
    }

    pub(super) fn list_drafts(&self) -> Outcome {
        let rows: Vec<Row> =
            self.rows("SELECT json FROM draft WHERE json <> '' ORDER BY number DESC LIMIT 200", Vec::new())?;
        let drafts: Vec<Draft> = rows
            .iter()
            .map(|row| serde_json::from_str::<Kept>(&row.json).map(|it| it.draft))
            .collect::<Result<_, _>>()
            .map_err(inside)?;
        Ok(serde_json::json!({ "drafts": drafts }))
    }

    pub(super) async fn show_draft(&self, id: &str) -> Outcome {
        let draft = self.kept(id)?.draft;
        let document = self.draft_document(&draft)?;
        let mut told = self.told_with(&draft, &document).await?;
        if let Some(told) = told.as_object_mut() {
            told.insert("document".to_owned(), serde_json::from_str(&document).map_err(inside)?);
        }
        Ok(told)
    }

    pub(super) async fn diff_draft(&self, id: &str) -> Outcome {
        let draft = self.kept(id)?.draft;
        let running = self.pointer(&draft.environment)?;
        let document = self.draft_document(&draft)?;
        let comparison = self.comparison(running.version, &document).await?;
        let mut answer = serde_json::to_value(comparison).map_err(inside)?;
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("stale".to_owned(), (!self.is_base(draft.base_version, running.version).await?).into());
            answer.insert("revision".to_owned(), draft.revision.into());
            answer.insert("diagnostics".to_owned(), self.diagnostics(&document).await.into());
        }
        Ok(answer)
    }

    /// Errors: 409 when the draft is at another revision than the caller has seen, with what changed since.
    pub(super) fn check_revision(&self, draft: &Draft, seen: u64) -> Outcome<()> {
        if draft.revision == seen {
            return Ok(());
        }
        let (differences, what): (Vec<Change>, String) = match self.text(&text_name(draft, seen))? {
            None => (Vec::new(), "what changed is not kept".to_owned()),
            Some(before) => {
                let differences = changes(Some(&before), &self.draft_document(draft)?);
                let what = if differences.is_empty() { "the document is the same".into() } else { told(&differences) };
                (differences, what)
            }
        };
        let (id, revision, by, at) = (&draft.id, draft.revision, &draft.updated_by, &draft.updated_at);
        let detail = format!(
            "you have seen revision {seen} of draft {id}; it is at revision {revision}, by {by} at {at}: {what}. Read it again, \
             take that over, and send If-Match: \"{revision}\""
        );
        Err(conflict_with(detail, &differences))
    }

    pub(super) async fn change_draft(&self, actor: &Actor, id: &str, seen: u64, change: DraftChange) -> Outcome {
        let Kept { mut draft, mut unedited } = self.kept(id)?;
        actor.may_change(&draft.environment)?;
        self.check_revision(&draft, seen)?;
        check_open(&draft)?;
        let before = self.draft_document(&draft)?;
        let DraftChange { document, base_version, note } = change;
        if let Some(note) = note {
            check_note(&note)?;
            draft.note = note;
        }
        if let Some(base) = base_version {
            self.check_version(base)?;
            draft.base_version = Some(base);
        }
        let after = match document {
            Some(document) => {
                check_document(&document)?;
                document.to_string()
            }
            None => before.clone(),
        };
        let differences = changes(Some(&before), &after);
        if after != before {
            unedited = None;
        }
        let voided = draft.approval.take().map(|it| format!("; the approval by {} is void", it.by)).unwrap_or_default();
        draft.revision = draft.revision.saturating_add(1);
        draft.updated_by = actor.name.clone();
        draft.updated_at = now();
        draft.outcome = None;
        if !draft.authors.contains(&actor.name) {
            draft.authors.push(actor.name.clone());
        }
        self.put_text(&text_name(&draft, draft.revision), &after)?;
        if let Some(old) = draft.revision.checked_sub(REVISIONS_KEPT) {
            self.drop_text(&text_name(&draft, old))?;
        }
        let summary = format!("revision {}: {}{voided}", draft.revision, told(&differences));
        let kept = Kept { draft, unedited };
        self.keep(&kept)?;
        let target = format!("draft {id}");
        self.audit(actor, Told { action: "draft.change", target: &target, reason: "", summary })?;
        self.told_with(&kept.draft, &after).await
    }

    pub(super) async fn discard_draft(&self, actor: &Actor, id: &str, seen: u64) -> Outcome {
        let draft = self.kept(id)?.draft;
        actor.may_change(&draft.environment)?;
        self.check_revision(&draft, seen)?;
        check_open(&draft)?;
        for revision in draft.revision.saturating_sub(REVISIONS_KEPT)..=draft.revision {
            self.drop_text(&text_name(&draft, revision))?;
        }
        self.execute("DELETE FROM draft WHERE number = ?", vec![integer(number(id).unwrap_or_default())?])?;
        let (target, summary) = (format!("draft {id}"), format!("at revision {}: {}", draft.revision, draft.note));
        self.audit(actor, Told { action: "draft.discard", target: &target, reason: "", summary })?;
        Ok(serde_json::json!({ "id": id, "discarded": true }))
    }
}

/// The number in `d12`.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix('d').filter(|it| it.starts_with(|it: char| it.is_ascii_digit()))?.parse().ok()
}
