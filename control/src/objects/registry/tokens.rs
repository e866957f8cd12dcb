//! Tokens of people and programs that administer: shown once, kept as SHA-256, with a role and perhaps some environments only.

use serde::Deserialize;
use serde_json::json;
use vitrine_api::{NewToken, Role, TOKEN_PREFIX, sha256_hex};
use vitrine_engine::TimestampMs;

use super::audit::Told;
use super::command::Actor;
use super::failure::{Outcome, conflict, field, inside, not_found};
use super::schema::integer;
use super::{Registry, now, now_ms, secret};

/// Letters and digits of a token after its prefix: 256 bits.
const SECRET_CHARS: usize = 43;
/// Longest name. Unit: bytes.
const NAME_BYTES_MAX: usize = 100;

#[derive(Deserialize)]
struct Row {
    number: u64,
    name: String,
    role: Role,
    environments: Option<String>,
    created_by: String,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

const COLUMNS: &str = "number, name, role, environments, created_by, created_at, expires_at, revoked_at";

impl Row {
    fn environments(&self) -> Option<Vec<String>> {
        self.environments.as_ref().map(|it| it.split(' ').map(str::to_owned).collect())
    }

    fn is_valid(&self) -> bool {
        let expires = self.expires_at.as_deref().and_then(|it| TimestampMs::parse(it).ok());
        self.revoked_at.is_none() && expires.is_none_or(|it| it.0 > now_ms())
    }
}

impl Registry {
    /// The holder of a token, or null. The digest of a token of 256 random bits gives nothing away by how long it takes.
    pub(super) fn who_is(&self, sha256: &str) -> Outcome {
        let query = format!("SELECT {COLUMNS} FROM token WHERE sha256 = ?");
        let row: Option<Row> = self.row(&query, vec![sha256.into()])?;
        let actor =
            row.filter(Row::is_valid).map(|it| Actor { environments: it.environments(), name: it.name, role: it.role });
        serde_json::to_value(actor).map_err(inside)
    }

    fn token_rows(&self) -> Outcome<Vec<Row>> {
        self.rows(&format!("SELECT {COLUMNS} FROM token ORDER BY number"), Vec::new())
    }

    pub(super) fn list_tokens(&self) -> Outcome {
        let shown = |row: Row| {
            json!({
                "id": format!("t{}", row.number),
                "name": row.name,
                "role": row.role,
                "environments": row.environments(),
                "created_by": row.created_by,
                "created_at": row.created_at,
                "expires_at": row.expires_at,
                "revoked_at": row.revoked_at,
                "valid": row.is_valid(),
            })
        };
        Ok(json!({ "tokens": self.token_rows()?.into_iter().map(shown).collect::<Vec<_>>() }))
    }

    pub(super) fn new_token(&self, actor: &Actor, body: NewToken) -> Outcome {
        actor.may_change_all("making tokens")?;
        let NewToken { name, role, environments, expires_at } = body;
        self.check_name(&name)?;
        if let Some(environments) = &environments {
            if environments.is_empty() {
                return Err(field("/environments", "invalid_field", "name at least one environment, or leave it out"));
            }
            for environment in environments {
                self.pointer(environment)?;
            }
        }
        if let Some(at) = &expires_at {
            let time = TimestampMs::parse(at)
                .map_err(|_| field("/expires_at", "invalid_time", format!("{at:?} is not an RFC 3339 time")))?;
            if time.0 <= now_ms() {
                return Err(field("/expires_at", "in_the_past", format!("{at} is past")));
            }
        }
        let token = format!("{TOKEN_PREFIX}{}", secret::word(SECRET_CHARS).map_err(inside)?);
        self.execute(
            "INSERT INTO token (name, role, environments, sha256, created_by, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            vec![
                name.as_str().into(),
                role.as_str().into(),
                environments.as_ref().map(|it| it.join(" ")).into(),
                sha256_hex(token.as_bytes()).into(),
                actor.name.as_str().into(),
                now().into(),
                expires_at.clone().into(),
            ],
        )?;
        let id = format!("t{}", self.inserted()?);
        let scope = environments.as_ref().map(|it| format!(", only for {}", it.join(", "))).unwrap_or_default();
        let (target, summary) = (format!("token {id}"), format!("{name} is {role}{scope}"));
        self.audit(actor, Told { action: "token.create", target: &target, reason: "", summary })?;
        Ok(json!({
            "id": id, "name": name, "role": role, "environments": environments, "expires_at": expires_at, "token": token,
        }))
    }

    /// A name is one person or program: it tells author from approver.
    fn check_name(&self, name: &str) -> Outcome<()> {
        let is_plain = |it: char| it.is_alphanumeric() || "._-+@".contains(it);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
            let detail = format!("a name has letters, digits and ._-+@, at most {NAME_BYTES_MAX} bytes");
            return Err(field("/name", "invalid_field", detail));
        }
        if name.eq_ignore_ascii_case(crate::admin::ROOT) {
            return Err(field("/name", "invalid_field", "root is the holder of ADMIN_TOKEN_SHA256"));
        }
        if name.eq_ignore_ascii_case(crate::admin::LOOP) {
            return Err(field("/name", "invalid_field", "loop is the schedule that lets bandits learn"));
        }
        if let Some(other) = self.token_rows()?.iter().find(|it| it.name.eq_ignore_ascii_case(name) && it.is_valid()) {
            let detail = format!("token t{} of {name} is valid: revoke it first, or take another name", other.number);
            return Err(conflict(detail));
        }
        Ok(())
    }

    pub(super) fn revoke_token(&self, actor: &Actor, id: &str) -> Outcome {
        actor.may_change_all("revoking tokens")?;
        let rows = self.token_rows()?;
        let Some(row) = rows.iter().find(|it| format!("t{}", it.number) == id) else {
            return Err(not_found(format!("there is no token {id:?}")));
        };
        if row.revoked_at.is_some() {
            return Err(conflict(format!("token {id} has been revoked already")));
        }
        let at = now();
        self.execute(
            "UPDATE token SET revoked_at = ? WHERE number = ?",
            vec![at.as_str().into(), integer(row.number)?],
        )?;
        let (target, summary) = (format!("token {id}"), format!("{} was {}", row.name, row.role));
        self.audit(actor, Told { action: "token.revoke", target: &target, reason: "", summary })?;
        Ok(json!({ "id": id, "name": row.name, "revoked_at": at }))
    }
}
