//! Versions: made by publications, immutable, pointed to by environments.

use serde::{Deserialize, Serialize};
use vitrine_api::{
    BundlePointer, Change, Comparison, Envelope, FieldError, Problem, ProblemCode, Promote, Rollback, bundle_key,
    document_key,
};
use vitrine_config::{Checked, Diagnostic, Format, Severity};

use super::audit::Told;
use super::command::{Actor, PutConfig};
use super::compare::{changes, reshuffle};
use super::failure::{Failure, Outcome, conflict, inside, not_found};
use super::pointers::{Flip, name_of};
use super::schema::integer;
use super::{Registry, now};

/// Differences that a refusal, or an entry of the log, tells of.
const CHANGES_TOLD_MAX: usize = 20;

/// What is known of a version besides its document.
#[derive(Debug, Serialize, Deserialize)]
struct Release {
    /// Who published it.
    by: String,
    /// Why.
    reason: String,
    /// The draft that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draft: Option<String>,
    /// How it differs from what ran in its environment before.
    changes: Vec<String>,
}

/// A document on its way to a version.
pub struct Publication<'a> {
    /// Where it will run.
    pub environment: &'a str,
    /// The document, canonical.
    pub document: &'a str,
    /// Whether visitors of running experiments may change their variation.
    pub allow_reshuffle: bool,
    /// Why.
    pub reason: &'a str,
    /// The draft that it is.
    pub draft: Option<&'a str>,
}

#[derive(Deserialize)]
struct VersionRow {
    version: u64,
}

#[derive(Deserialize)]
struct ListRow {
    version: u64,
    published_at: String,
    sha256: String,
    json: Option<String>,
}

/// Says that a configuration has errors. Part of every refusal to publish.
pub fn refused(diagnostics: &[Diagnostic]) -> Problem {
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .map(|it| {
            let line = it.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let detail = format!("{line}{}; {}", it.message, it.help);
            FieldError { pointer: it.pointer.clone(), code: it.code.to_owned(), detail }
        })
        .collect();
    let detail = match errors.len() {
        1 => "the configuration has 1 error; nothing was published".to_owned(),
        n => format!("the configuration has {n} errors; nothing was published"),
    };
    Problem { code: ProblemCode::InvalidConfiguration, detail, errors }
}

/// Checks a stored document.
///
/// Errors: the problem that tells all its errors.
pub fn checked(document: &str) -> Outcome<Checked> {
    vitrine_config::check(document, Format::Json).map_err(|diagnostics| refused(&diagnostics).into())
}

/// A conflict that shows, place by place, what others changed.
pub fn conflict_with(detail: String, changes: &[Change]) -> Failure {
    let error = |it: &Change| FieldError {
        pointer: it.pointer.clone(),
        code: "changed_meanwhile".to_owned(),
        detail: it.text.clone(),
    };
    let errors = changes.iter().take(CHANGES_TOLD_MAX).map(error).collect();
    Problem { code: ProblemCode::Conflict, detail, errors }.into()
}

/// The first differences, as one sentence.
pub fn told(changes: &[Change]) -> String {
    let mut words: Vec<&str> = changes.iter().take(CHANGES_TOLD_MAX).map(|it| it.text.as_str()).collect();
    let more = changes.len().saturating_sub(words.len());
    let rest = format!("and {more} more");
    if more > 0 {
        words.push(&rest);
    }
    if words.is_empty() { "no difference".to_owned() } else { words.join("; ") }
}

/// Errors: visitors of running experiments would change their variation, and that was not allowed.
pub fn guard(comparison: &Comparison, allow_reshuffle: bool) -> Outcome<()> {
    let moved: Vec<_> = comparison.reshuffle.iter().filter(|it| it.needs_allow).collect();
    if allow_reshuffle || moved.is_empty() {
        return Ok(());
    }
    let error = |it: &&vitrine_api::Reshuffle| FieldError {
        pointer: it.pointer.clone(),
        code: "reshuffle".to_owned(),
        detail: it.text.clone(),
    };
    let detail = "visitors of running experiments would change their variation: begin a new phase of the experiment, or \
                  allow it with allow_reshuffle; nothing was published";
    let errors = moved.iter().map(error).collect();
    Err(Problem { code: ProblemCode::Conflict, detail: detail.to_owned(), errors }.into())
}

impl Registry {
    pub(super) fn show_config(&self, environment: &str) -> Outcome {
        self.pointer(environment)?;
        self.show(&name_of(environment))
    }

    /// How a document differs from what runs in an environment.
    pub(super) async fn check_config(&self, environment: &str, document: &serde_json::Value) -> Outcome {
        let running = self.pointer(environment)?;
        let comparison = self.comparison(running.version, &document.to_string()).await?;
        serde_json::to_value(comparison).map_err(inside)
    }

    pub(super) async fn put_config(&self, actor: &Actor, body: PutConfig) -> Outcome {
        let PutConfig { environment, document, base_version, allow_reshuffle, reason } = body;
        actor.may_change(&environment)?;
        let running = self.pointer(&environment)?;
        if running.settings.approval {
            let detail = format!("{environment} needs the approval of a second person: send a draft (POST drafts)");
            return Err(conflict(detail));
        }
        if base_version.is_some() {
            self.check_base(base_version, &running, &environment).await?;
        }
        let document = document.to_string();
        let publication = Publication {
            environment: &environment,
            document: &document,
            allow_reshuffle,
            reason: &reason,
            draft: None,
        };
        self.publish(actor, running, publication).await
    }

    /// Errors: something else runs than what the author of a change has seen; the conflict is shown.
    pub(super) async fn check_base(
        &self,
        base: Option<u64>,
        running: &BundlePointer,
        environment: &str,
    ) -> Outcome<()> {
        if self.is_base(base, running.version).await? {
            return Ok(());
        }
        let named = |version: Option<u64>| version.map_or("nothing".to_owned(), |it| format!("version {it}"));
        let differences = match running.version {
            Some(version) => {
                let base = match base {
                    Some(base) => Some(self.document(base).await?),
                    None => None,
                };
                changes(base.as_deref(), &self.document(version).await?)
            }
            None => Vec::new(),
        };
        let detail = format!(
            "this was written against {}, but {environment} runs {}, which differs: {}. Take that over, and name it as base_version",
            named(base),
            named(running.version),
            told(&differences),
        );
        Err(conflict_with(detail, &differences))
    }

    /// How a document differs from a version. A document with errors is compared in words only.
    pub(super) async fn comparison(&self, against: Option<u64>, document: &str) -> Outcome<Comparison> {
        let Some(version) = against else {
            return Ok(Comparison { against, changes: changes(None, document), reshuffle: Vec::new() });
        };
        let before = self.document(version).await?;
        let document = self.with_learnt(document, against).await?;
        let after = vitrine_config::check(&document, Format::Json).ok();
        let reshuffle = after.map(|after| reshuffle(&before, &after)).unwrap_or_default();
        Ok(Comparison { against, changes: changes(Some(&before), &document), reshuffle })
    }

    /// Makes a document the next version and lets the environment's pointer name it.
    pub(super) async fn publish(&self, actor: &Actor, running: BundlePointer, publication: Publication<'_>) -> Outcome {
        let Publication { environment, document, allow_reshuffle, reason, draft } = publication;
        let document = &self.with_learnt(document, running.version).await?;
        let bundle = vitrine_bundle::encode(&checked(document)?.stored()).map_err(inside)?;
        let comparison = self.comparison(running.version, document).await?;
        guard(&comparison, allow_reshuffle)?;
        let version = self.latest_version()?.saturating_add(1);
        let envelope = Envelope::new(version, now(), bundle).map_err(inside)?;
        let kv = self.kv()?;
        kv.put(&document_key(version), document.as_bytes()).await?;
        kv.put(&bundle_key(version), envelope.to_json().as_bytes()).await?;
        self.execute(
            "INSERT INTO version (version, published_at, sha256) VALUES (?, ?, ?)",
            vec![integer(version)?, envelope.published_at.into(), envelope.sha256.into()],
        )?;
        let release = Release {
            by: actor.name.clone(),
            reason: reason.to_owned(),
            draft: draft.map(str::to_owned),
            changes: comparison.changes.iter().take(CHANGES_TOLD_MAX).map(|it| it.text.clone()).collect(),
        };
        self.execute(
            "INSERT INTO release (version, json) VALUES (?, ?)",
            vec![integer(version)?, serde_json::to_string(&release).map_err(inside)?.into()],
        )?;
        self.put_text(&format!("version/{version}"), document)?;
        let from = draft.map(|id| format!(" from draft {id}")).unwrap_or_default();
        let reshuffled = if allow_reshuffle && comparison.reshuffle.iter().any(|it| it.needs_allow) {
            ", reshuffle allowed"
        } else {
            ""
        };
        let summary = format!("version {version}{from}{reshuffled}: {}", told(&comparison.changes));
        let told = Told { action: "config.publish", target: environment, reason, summary };
        let flip = Flip { action: "publish", target: version.to_string(), told };
        let pointer = BundlePointer { version: Some(version), previous: running.version, ..running };
        self.flip_config(actor, environment, pointer, flip).await
    }

    fn latest_version(&self) -> Outcome<u64> {
        let row: Option<VersionRow> =
            self.row("SELECT coalesce(max(version), 0) AS version FROM version", Vec::new())?;
        Ok(row.map_or(0, |it| it.version))
    }

    /// Errors: 404.
    pub(super) fn check_version(&self, version: u64) -> Outcome<()> {
        let row: Option<VersionRow> =
            self.row("SELECT version FROM version WHERE version = ?", vec![integer(version)?])?;
        row.map(drop).ok_or_else(|| not_found(format!("there is no version {version}")))
    }

    /// The document of a version.
    pub(super) async fn document(&self, version: u64) -> Outcome<String> {
        self.check_version(version)?;
        if let Some(text) = self.text(&format!("version/{version}"))? {
            return Ok(text);
        }
        // Versions of earlier releases are in KV alone.
        let key = document_key(version);
        let bytes = self.kv()?.get_recent(&key).await?;
        let bytes = bytes.ok_or_else(|| not_found(format!("the document of version {version} was not kept")))?;
        String::from_utf8(bytes).map_err(|error| inside(format!("{key}: {error}")))
    }

    pub(super) async fn show_version(&self, version: u64) -> Outcome {
        serde_json::from_str(&self.document(version).await?).map_err(inside)
    }

    pub(super) fn list_versions(&self, before: Option<u64>, limit: u32) -> Outcome {
        let limit = u64::from(limit.clamp(1, 200));
        let rows: Vec<ListRow> = self.rows(
            "SELECT version.version, published_at, sha256, json FROM version LEFT JOIN release USING (version)
             WHERE version.version < ? ORDER BY version.version DESC LIMIT ?",
            vec![integer(before.unwrap_or(1 << 50))?, integer(limit)?],
        )?;
        let running: Vec<(String, Option<u64>)> = self
            .environments()?
            .into_iter()
            .map(|name| self.pointer(&name).map(|it| (name, it.version)))
            .collect::<Outcome<_>>()?;
        let versions = rows.into_iter().map(|row| {
            let runs_in: Vec<&str> =
                running.iter().filter(|(_, it)| *it == Some(row.version)).map(|(name, _)| name.as_str()).collect();
            let mut json = serde_json::json!({
                "version": row.version,
                "published_at": row.published_at,
                "sha256": row.sha256,
                "runs_in": runs_in,
            });
            let release = row.json.as_deref().and_then(|it| serde_json::from_str(it).ok());
            if let (Some(json), Some(serde_json::Value::Object(release))) = (json.as_object_mut(), release) {
                json.extend(release);
            }
            json
        });
        Ok(serde_json::json!({ "versions": versions.collect::<Vec<_>>() }))
    }

    pub(super) async fn promote(&self, actor: &Actor, body: Promote) -> Outcome {
        let Promote { environment, version, allow_reshuffle, reason } = body;
        actor.may_change(&environment)?;
        let running = self.pointer(&environment)?;
        if running.settings.approval {
            let detail = format!(
                "{environment} needs the approval of a second person: send a draft with this version (POST drafts)"
            );
            return Err(conflict(detail));
        }
        self.run_version(actor, running, &environment, version, allow_reshuffle, &reason).await
    }

    /// Lets an environment run a version that exists.
    pub(super) async fn run_version(
        &self,
        actor: &Actor,
        running: BundlePointer,
        environment: &str,
        version: u64,
        allow_reshuffle: bool,
        reason: &str,
    ) -> Outcome {
        let document = self.document(version).await?;
        if running.version == Some(version) {
            return Err(conflict(format!("version {version} runs in {environment} already")));
        }
        let comparison = self.comparison(running.version, &document).await?;
        guard(&comparison, allow_reshuffle)?;
        let summary = format!("version {version}: {}", told(&comparison.changes));
        let told = Told { action: "config.promote", target: environment, reason, summary };
        let flip = Flip { action: "promote", target: version.to_string(), told };
        let pointer = BundlePointer { version: Some(version), previous: running.version, ..running };
        self.flip_config(actor, environment, pointer, flip).await
    }

    pub(super) async fn rollback_config(&self, actor: &Actor, body: Rollback) -> Outcome {
        let Rollback { environment, version: wanted, reason } = body;
        actor.may_change(&environment)?;
        let running = self.pointer(&environment)?;
        let Some(version) = running.version else { return Err(conflict("no configuration has been published yet")) };
        let target = match (wanted, running.previous) {
            (Some(wanted), _) if wanted == version => {
                return Err(conflict(format!("version {version} runs in {environment} already")));
            }
            (Some(wanted), _) => {
                self.check_version(wanted)?;
                if running.settings.approval && !self.has_run(&environment, wanted)? {
                    let detail = format!(
                        "version {wanted} has never run in {environment}, which needs the approval of a second person: \
                         send a draft with this version (POST drafts)"
                    );
                    return Err(conflict(detail));
                }
                wanted
            }
            (None, Some(previous)) => previous,
            (None, None) => {
                return Err(conflict(format!("version {version} is the first; there is nothing to roll back to")));
            }
        };
        let differences = match self.document(target).await {
            Ok(document) => told(&changes(self.document(version).await.ok().as_deref(), &document)),
            // Going back must not depend on a document that an earlier release did not keep.
            Err(_) => "the differences are not known".to_owned(),
        };
        let summary = format!("from version {version} back to {target}: {differences}");
        let told = Told { action: "config.rollback", target: &environment, reason: &reason, summary };
        let flip = Flip { action: "rollback", target: target.to_string(), told };
        let pointer = BundlePointer { version: Some(target), previous: Some(version), ..running };
        self.flip_config(actor, &environment, pointer, flip).await
    }

    /// Whether a version has run in an environment before.
    fn has_run(&self, environment: &str, version: u64) -> Outcome<bool> {
        let row: Option<VersionRow> = self.row(
            "SELECT epoch AS version FROM history WHERE name = ? AND target = ?
             AND action IN ('publish', 'promote', 'rollback') LIMIT 1",
            vec![name_of(environment).into(), version.to_string().into()],
        )?;
        Ok(row.is_some())
    }
}
