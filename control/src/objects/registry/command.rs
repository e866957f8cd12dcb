//! What may be asked of the registry, by whom.

use serde::{Deserialize, Serialize};
use vitrine_api::{
    DraftChange, EnvironmentChange, KillFlag, NewDraft, NewKey, NewPreview, NewToken, Problem, ProblemCode, Promote,
    PublishDraft, Role, Rollback,
};
use vitrine_loop::LoopRecord;

/// Who asks. The administrative interface has made sure of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Stands in the audit log, and tells author from approver.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The environments that it may change; `None`: all.
    #[serde(default)]
    pub environments: Option<Vec<String>>,
}

impl Actor {
    /// Errors: 403 when the role is not enough. `what` completes "… needs the role".
    pub fn require(&self, role: Role, what: &str) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let detail = format!("{what} needs the role {role}; {} is {}", self.name, self.role);
        Err(Problem::new(ProblemCode::Forbidden, detail))
    }

    /// Errors: 403 when this environment is not among those that the actor may change.
    pub fn may_change(&self, environment: &str) -> Result<(), Problem> {
        match &self.environments {
            Some(list) if !list.iter().any(|it| it == environment) => {
                let detail = format!("{} may change only: {}", self.name, list.join(", "));
                Err(Problem::new(ProblemCode::Forbidden, detail))
            }
            _ => Ok(()),
        }
    }

    /// Errors: 403 when the actor may change some environments only.
    pub fn may_change_all(&self, what: &str) -> Result<(), Problem> {
        if self.environments.is_none() {
            return Ok(());
        }
        let detail = format!("{what} concerns all environments; {} may change only some", self.name);
        Err(Problem::new(ProblemCode::Forbidden, detail))
    }
}

/// A command and who gives it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    /// Who.
    pub actor: Actor,
    /// What.
    pub command: Command,
}

/// A configuration that is published at once.
#[derive(Debug, Serialize, Deserialize)]
pub struct PutConfig {
    /// Where.
    pub environment: String,
    /// The document.
    pub document: serde_json::Value,
    /// The version that it was written against, if its author says so.
    pub base_version: Option<u64>,
    /// Whether visitors of running experiments may change their variation.
    pub allow_reshuffle: bool,
    /// Why.
    pub reason: String,
}

/// A turn of the loop.
#[derive(Debug, Serialize, Deserialize)]
pub struct TakeTurn {
    /// Where.
    pub environment: String,
    /// The document with new posteriors, if there is anything new; it was made of the version that the record names.
    pub document: Option<serde_json::Value>,
    /// Why, for the log.
    pub reason: String,
    /// What the turn saw and made.
    pub record: LoopRecord,
}

/// What the administrative interface asks of the registry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Whose token has this SHA-256.
    WhoIs { sha256: String },

    /// Tells the running version and the history of an environment.
    ShowConfig { environment: String },
    /// Checks and compares a document with what runs, and changes nothing.
    CheckConfig { environment: String, document: serde_json::Value },
    /// Publishes a document as the next version.
    PutConfig(PutConfig),
    /// Makes a version that exists the running one of an environment.
    Promote(Promote),
    /// Returns to an earlier version.
    Rollback(Rollback),
    /// Tells of versions, newest first.
    ListVersions { before: Option<u64>, limit: u32 },
    /// Gives the document of a version.
    ShowVersion { version: u64 },

    /// Begins a draft.
    NewDraft(NewDraft),
    /// Tells of all drafts.
    ListDrafts,
    /// Tells of a draft and gives its document.
    ShowDraft { id: String },
    /// Makes the next revision of a draft from this one.
    ChangeDraft { id: String, revision: u64, change: DraftChange },
    /// Drops a draft.
    DiscardDraft { id: String, revision: u64 },
    /// Compares a draft with what runs.
    DiffDraft { id: String },
    /// Approves a draft; only this revision, if one is named.
    ApproveDraft { id: String, revision: Option<u64>, reason: String },
    /// Publishes a draft now or later; only this revision, if one is named.
    PublishDraft { id: String, revision: Option<u64>, body: PublishDraft },
    /// Takes back that a draft will be published.
    UnscheduleDraft { id: String },

    /// Tells of all environments.
    ListEnvironments,
    /// Tells of one.
    ShowEnvironment { name: String },
    /// Makes an environment, or changes its settings.
    ChangeEnvironment { name: String, change: EnvironmentChange },
    /// Makes a key for applications.
    NewKey { environment: String, body: NewKey },
    /// Lets a key expire, at once or after a while.
    RetireKey { environment: String, id: String, overlap_s: u64 },
    /// Switches a flag off or on again.
    KillFlag { flag: String, body: KillFlag },

    /// Signs a preview.
    NewPreview(NewPreview),

    /// Tells of all tokens.
    ListTokens,
    /// Makes a token.
    NewToken(NewToken),
    /// Makes a token useless.
    RevokeToken { id: String },

    /// Tells of changes after an entry of the log.
    ShowAudit { after: u64, limit: u32 },

    /// Tells of turns of the loop, newest first.
    ShowTurns { environment: String, limit: u32 },
    /// Publishes what a turn of the loop made.
    TakeTurn(TakeTurn),

    /// Tells the running build and the history.
    ShowTables,
    /// Verifies the next shards of an uploaded build; flips the pointer when all are verified.
    Activate { build: String },
    /// Returns to the build that ran before.
    RollbackTable,
    /// Switches decisions off (only fallback offers) or on.
    Kill { kill: bool },

    /// Erases visitors, by their row keys.
    Erase { keys: Vec<String> },
    /// Tells who was erased.
    ListErased,
    /// Tells what every store holds of a visitor.
    VerifyErased { key: String },
    /// Forgets who was erased before a time.
    ForgetErased { before: String },
}

impl Command {
    /// The least role that may give the command.
    pub fn needs(&self) -> Role {
        match self {
            Self::WhoIs { .. }
            | Self::ShowConfig { .. }
            | Self::ListVersions { .. }
            | Self::ShowVersion { .. }
            | Self::ListDrafts
            | Self::ShowDraft { .. }
            | Self::DiffDraft { .. }
            | Self::ListEnvironments
            | Self::ShowEnvironment { .. }
            | Self::ShowAudit { .. }
            | Self::ShowTurns { .. }
            | Self::ShowTables
            | Self::ListErased
            | Self::VerifyErased { .. } => Role::Viewer,
            Self::CheckConfig { .. }
            | Self::NewDraft(_)
            | Self::ChangeDraft { .. }
            | Self::DiscardDraft { .. }
            | Self::NewPreview(_) => Role::Editor,
            Self::PutConfig(_)
            | Self::Promote(_)
            | Self::Rollback(_)
            | Self::ApproveDraft { .. }
            | Self::PublishDraft { .. }
            | Self::UnscheduleDraft { .. }
            | Self::KillFlag { .. }
            | Self::TakeTurn(_)
            | Self::Activate { .. }
            | Self::RollbackTable
            | Self::Kill { .. }
            | Self::Erase { .. } => Role::Approver,
            Self::ChangeEnvironment { .. }
            | Self::NewKey { .. }
            | Self::RetireKey { .. }
            | Self::ListTokens
            | Self::NewToken(_)
            | Self::RevokeToken { .. }
            | Self::ForgetErased { .. } => Role::Admin,
        }
    }

    /// What the command does, as the subject of a sentence.
    pub fn words(&self) -> &'static str {
        match self {
            Self::WhoIs { .. } => "asking for a token",
            Self::ShowConfig { .. } | Self::ListVersions { .. } | Self::ShowVersion { .. } => "reading configurations",
            Self::CheckConfig { .. } => "checking a configuration",
            Self::PutConfig(_) | Self::Promote(_) => "publishing",
            Self::Rollback(_) => "rolling back",
            Self::ListDrafts | Self::ShowDraft { .. } | Self::DiffDraft { .. } => "reading drafts",
            Self::NewDraft(_) | Self::ChangeDraft { .. } | Self::DiscardDraft { .. } => "writing drafts",
            Self::ApproveDraft { .. } => "approving",
            Self::PublishDraft { .. } | Self::UnscheduleDraft { .. } => "publishing a draft",
            Self::ListEnvironments | Self::ShowEnvironment { .. } => "reading environments",
            Self::ChangeEnvironment { .. } => "changing an environment",
            Self::NewKey { .. } | Self::RetireKey { .. } => "changing keys",
            Self::NewPreview(_) => "making a preview",
            Self::KillFlag { .. } => "switching a flag off or on",
            Self::ListTokens | Self::NewToken(_) | Self::RevokeToken { .. } => "administering tokens",
            Self::ShowAudit { .. } => "reading the audit log",
            Self::ShowTurns { .. } => "reading what bandits learnt",
            Self::TakeTurn(_) => "publishing what bandits learnt",
            Self::ShowTables => "reading tables",
            Self::Activate { .. } | Self::RollbackTable | Self::Kill { .. } => "changing the table",
            Self::Erase { .. } | Self::ForgetErased { .. } => "erasing visitors",
            Self::ListErased | Self::VerifyErased { .. } => "reading erasures",
        }
    }

    /// Whether the command changes something, so that it must not meet another that does.
    pub fn is_change(&self) -> bool {
        match self {
            Self::WhoIs { .. }
            | Self::ShowConfig { .. }
            | Self::CheckConfig { .. }
            | Self::ListVersions { .. }
            | Self::ShowVersion { .. }
            | Self::ListDrafts
            | Self::ShowDraft { .. }
            | Self::DiffDraft { .. }
            | Self::ListEnvironments
            | Self::ShowEnvironment { .. }
            | Self::ListTokens
            | Self::ShowAudit { .. }
            | Self::ShowTurns { .. }
            | Self::ShowTables
            | Self::ListErased
            | Self::VerifyErased { .. } => false,
            Self::PutConfig(_)
            | Self::Promote(_)
            | Self::Rollback(_)
            | Self::NewDraft(_)
            | Self::ChangeDraft { .. }
            | Self::DiscardDraft { .. }
            | Self::ApproveDraft { .. }
            | Self::PublishDraft { .. }
            | Self::UnscheduleDraft { .. }
            | Self::ChangeEnvironment { .. }
            | Self::NewKey { .. }
            | Self::RetireKey { .. }
            | Self::KillFlag { .. }
            | Self::NewPreview(_)
            | Self::NewToken(_)
            | Self::RevokeToken { .. }
            | Self::TakeTurn(_)
            | Self::Activate { .. }
            | Self::RollbackTable
            | Self::Kill { .. }
            | Self::Erase { .. }
            | Self::ForgetErased { .. } => true,
        }
    }
}
