//! The registry: the one writer of versions and pointers.
//!
//! It gives every publication a version, keeps the history, verifies a table shard by shard, and only then flips the
//! pointer: in KV, where the edge reads it, and then in its own SQLite database, so that a flip that fails can be given again.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use vitrine_api::{BundlePointer, Envelope, PRODUCTION, Problem, ProblemCode, bundle_key, document_key, pointer_key};
use vitrine_bundle::{Groups, Stored};
use vitrine_engine::TimestampMs;
use vitrine_tables::{Manifest, Pointer, ShardsDigest, kv_keys};
use worker::{
    Date, DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State, console_error,
    durable_object,
};

use vitrine_rim::kv::Kv;
use vitrine_rim::manifests::{NoManifest, read_manifest};
use vitrine_rim::respond;

/// Shards that one call of [`Command::Activate`] reads back. A Worker may make 1,000 reads in a call.
const VERIFY_STEP: u32 = 400;

/// What the administrative interface asks of the registry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Publishes a checked document as the next version.
    PublishConfig {
        /// The document in canonical form.
        document: serde_json::Value,
    },
    /// Returns to the version that ran before.
    RollbackConfig,
    /// Tells the running version and the history.
    ShowConfig,
    /// Verifies the next shards of an uploaded build; flips the pointer when all are verified.
    Activate {
        /// The build.
        build: String,
    },
    /// Returns to the build that ran before.
    RollbackTable,
    /// Switches decisions off (only fallback offers) or on.
    Kill {
        /// Off or on.
        kill: bool,
    },
    /// Tells the running build and the history.
    ShowTables,
}

#[durable_object]
pub struct Registry {
    state: State,
    env: Env,
    /// A change is under way: its steps must not interleave with another's.
    busy: Cell<bool>,
}

impl DurableObject for Registry {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, busy: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let command: Command = request.json().await?;
        match self.run(command).await {
            Ok(answer) => respond::json(200, answer.to_string()),
            Err(Failure::Problem(problem)) => respond::problem(&problem),
            Err(Failure::Inside(why)) => {
                console_error!("registry: {why}");
                let detail = "the registry could not complete the call; nothing was published; try again";
                respond::problem(&Problem::new(ProblemCode::Unavailable, detail))
            }
        }
    }
}

/// Why a command was not carried out.
enum Failure {
    /// The caller can mend it.
    Problem(Problem),
    /// Storage or KV failed; the text is for the log.
    Inside(String),
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Inside(error.to_string())
    }
}

impl From<vitrine_rim::kv::KvError> for Failure {
    fn from(error: vitrine_rim::kv::KvError) -> Self {
        Self::Inside(error.to_string())
    }
}

impl From<NoManifest> for Failure {
    fn from(error: NoManifest) -> Self {
        match error {
            NoManifest::Kv(error) => error.into(),
            NoManifest::Unfit(why) => invalid(why),
        }
    }
}

/// A number for SQL.
fn integer(value: u64) -> Outcome<SqlStorageValue> {
    Ok(SqlStorageValue::try_from_i64(i64::try_from(value).unwrap_or(i64::MAX))?)
}

fn inside(error: impl std::fmt::Display) -> Failure {
    Failure::Inside(error.to_string())
}

fn conflict(detail: impl Into<String>) -> Failure {
    Failure::Problem(Problem::new(ProblemCode::Conflict, detail))
}

fn invalid(detail: impl Into<String>) -> Failure {
    Failure::Problem(Problem::new(ProblemCode::InvalidTable, detail))
}

type Outcome<T = serde_json::Value> = std::result::Result<T, Failure>;

/// Frees the registry for the next change, however this one ends.
struct Turn<'a>(&'a Cell<bool>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[derive(Deserialize)]
struct PointerRow {
    json: String,
}

#[derive(Deserialize)]
struct VersionRow {
    version: u64,
}

#[derive(Deserialize)]
struct EpochRow {
    epoch: Option<u64>,
}

#[derive(Deserialize)]
struct VerificationRow {
    digest: String,
}

impl Registry {
    async fn run(&self, command: Command) -> Outcome {
        self.prepare()?;
        match command {
            Command::ShowConfig => self.show("config"),
            Command::ShowTables => self.show("table"),
            change => {
                let _turn = self.turn()?;
                match change {
                    Command::PublishConfig { document } => self.publish_config(&document).await,
                    Command::RollbackConfig => self.rollback_config().await,
                    Command::Activate { build } => self.activate(&build).await,
                    Command::RollbackTable => self.rollback_table().await,
                    Command::Kill { kill } => self.kill(kill).await,
                    Command::ShowConfig | Command::ShowTables => Ok(serde_json::Value::Null),
                }
            }
        }
    }

    fn turn(&self) -> Outcome<Turn<'_>> {
        if self.busy.replace(true) {
            return Err(conflict("another change is under way; try again when it is done"));
        }
        Ok(Turn(&self.busy))
    }

    fn sql(&self) -> SqlStorage {
        self.state.storage().sql()
    }

    fn prepare(&self) -> Outcome<()> {
        self.sql().exec(
            "CREATE TABLE IF NOT EXISTS pointer (name TEXT PRIMARY KEY, json TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS history (
                 at TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, epoch INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS version (
                 version INTEGER PRIMARY KEY, published_at TEXT NOT NULL, sha256 TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS verification (build TEXT PRIMARY KEY, digest TEXT NOT NULL);",
            None,
        )?;
        Ok(())
    }

    /// The stored pointer `config` or `table`, as JSON.
    fn stored(&self, name: &str) -> Outcome<Option<String>> {
        let rows = self.sql().exec("SELECT json FROM pointer WHERE name = ?", vec![name.into()])?;
        let rows: Vec<PointerRow> = rows.to_array()?;
        Ok(rows.into_iter().next().map(|row| row.json))
    }

    fn running_config(&self) -> Outcome<Option<BundlePointer>> {
        let stored = self.stored("config")?;
        stored.map(|json| serde_json::from_str(&json)).transpose().map_err(inside)
    }

    fn running_table(&self) -> Outcome<Option<Pointer>> {
        let stored = self.stored("table")?;
        stored.map(|json| Pointer::from_json(json.as_bytes())).transpose().map_err(inside)
    }

    /// Flips a pointer: first in KV, where the edge reads it, then here. A flip that fails leaves the running one running,
    /// here as there, so the same command can be given again.
    async fn flip(&self, name: &str, action: &str, target: &str, epoch: u64, json: &str) -> Outcome<()> {
        let epoch = integer(epoch)?;
        // Noted first, so that no epoch is used twice: KV may have taken a pointer and failed to say so.
        self.sql().exec(
            "INSERT INTO history (at, name, action, target, epoch) VALUES (?, ?, ?, ?, ?)",
            vec![now().into(), name.into(), action.into(), target.into(), epoch.clone()],
        )?;
        let key = if name == "config" { pointer_key(PRODUCTION) } else { kv_keys::CURRENT.to_owned() };
        if let Err(error) = self.kv()?.put(&key, json.as_bytes()).await {
            self.sql().exec(
                "UPDATE history SET action = action || ' failed' WHERE name = ? AND epoch = ?",
                vec![name.into(), epoch],
            )?;
            return Err(error.into());
        }
        self.sql().exec(
            "INSERT INTO pointer (name, json) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET json = ?2",
            vec![name.into(), json.into()],
        )?;
        Ok(())
    }

    /// The epoch of the next flip: rises for ever, also over flips that failed.
    fn next_epoch(&self, name: &str) -> Outcome<u64> {
        let rows = self.sql().exec("SELECT max(epoch) AS epoch FROM history WHERE name = ?", vec![name.into()])?;
        let rows: Vec<EpochRow> = rows.to_array()?;
        Ok(rows.first().and_then(|it| it.epoch).unwrap_or(0).saturating_add(1))
    }

    fn kv(&self) -> Outcome<Kv> {
        Kv::of(&self.env).ok_or_else(|| Failure::Inside("no KV namespace is bound as VITRINE".to_owned()))
    }

    fn show(&self, name: &str) -> Outcome {
        let stored = self.stored(name)?;
        let current: Option<serde_json::Value> =
            stored.map(|json| serde_json::from_str(&json)).transpose().map_err(inside)?;
        let rows = self.sql().exec(
            "SELECT at, action, target, epoch FROM history WHERE name = ? ORDER BY rowid DESC LIMIT 50",
            vec![name.into()],
        )?;
        let history: Vec<serde_json::Value> = rows.to_array()?;
        Ok(serde_json::json!({ "current": current, "history": history }))
    }

    async fn publish_config(&self, document: &serde_json::Value) -> Outcome {
        let running = self.running_config()?.unwrap_or_default();
        let latest = self.sql().exec("SELECT coalesce(max(version), 0) AS version FROM version", None)?;
        let latest: Vec<VersionRow> = latest.to_array()?;
        let version = latest.first().map_or(0, |it| it.version).saturating_add(1);
        let document = document.to_string();
        let bundle = vitrine_config::compile_json(document.as_bytes())
            .map_err(|diagnostics| inside(diagnostics.first().map(ToString::to_string).unwrap_or_default()))?;
        let stored = Stored { bundle, flags: "{}".to_owned(), groups: Groups::default() };
        let envelope =
            Envelope::new(version, now(), vitrine_bundle::encode(&stored).map_err(inside)?).map_err(inside)?;
        let kv = self.kv()?;
        kv.put(&document_key(version), document.as_bytes()).await?;
        kv.put(&bundle_key(version), envelope.to_json().as_bytes()).await?;
        self.sql().exec(
            "INSERT INTO version (version, published_at, sha256) VALUES (?, ?, ?)",
            vec![integer(version)?, envelope.published_at.clone().into(), envelope.sha256.clone().into()],
        )?;
        let pointer = BundlePointer {
            version: Some(version),
            previous: running.version,
            epoch: self.next_epoch("config")?,
            published_at: envelope.published_at,
            ..running
        };
        self.flip_config("publish", version, &pointer).await
    }

    async fn rollback_config(&self) -> Outcome {
        let running = self.running_config()?.unwrap_or_default();
        let Some(version) = running.version else { return Err(conflict("no configuration has been published yet")) };
        let Some(previous) = running.previous else {
            return Err(conflict(format!("version {version} is the first; there is nothing to roll back to")));
        };
        let pointer = BundlePointer {
            version: Some(previous),
            previous: Some(version),
            epoch: self.next_epoch("config")?,
            published_at: now(),
            ..running
        };
        self.flip_config("rollback", previous, &pointer).await
    }

    async fn flip_config(&self, action: &str, version: u64, pointer: &BundlePointer) -> Outcome {
        let json = serde_json::to_string(pointer).map_err(inside)?;
        self.flip("config", action, &version.to_string(), pointer.epoch, &json).await?;
        serde_json::from_str(&json).map_err(inside)
    }

    async fn activate(&self, build: &str) -> Outcome {
        let kv = self.kv()?;
        let manifest = read_manifest(&kv, build).await?;
        let of = manifest.n_shards();
        let mut digest = self.verified(build)?;
        if digest.n_shards() == 0 {
            verify_items(&kv, &manifest).await?;
        }
        let last = of.min(digest.n_shards().saturating_add(VERIFY_STEP));
        for shard_idx in digest.n_shards()..last {
            let key = kv_keys::shard(build, shard_idx, manifest.shard_bits);
            let bytes = uploaded(&kv, &key).await?;
            let shard = manifest.decode_shard(shard_idx, &bytes).map_err(|error| invalid(format!("{key}: {error}")))?;
            digest.push(shard.header()).map_err(inside)?;
        }
        self.sql().exec(
            "INSERT INTO verification (build, digest) VALUES (?1, ?2) ON CONFLICT (build) DO UPDATE SET digest = ?2",
            vec![build.into(), digest.state().into()],
        )?;
        let progress = serde_json::json!({ "done": last == of, "build": build, "verified": last, "of": of });
        if last < of {
            return Ok(progress);
        }
        self.check_digest(&manifest, &digest)?;
        let running = self.running_table()?;
        if running.as_ref().is_none_or(|it| it.build != build) {
            let pointer = Pointer {
                build: build.to_owned(),
                previous: running.as_ref().map(|it| it.build.clone()),
                epoch: self.next_epoch("table")?,
                kill: running.is_some_and(|it| it.kill),
                activated_at: now(),
            };
            self.flip_table("activate", &pointer).await?;
        }
        Ok(progress)
    }

    /// How far the verification of a build has come in earlier calls.
    fn verified(&self, build: &str) -> Outcome<ShardsDigest> {
        let rows = self.sql().exec("SELECT digest FROM verification WHERE build = ?", vec![build.into()])?;
        let rows: Vec<VerificationRow> = rows.to_array()?;
        match rows.first() {
            None => Ok(ShardsDigest::new()),
            Some(row) => ShardsDigest::resume(&row.digest).map_err(inside),
        }
    }

    /// Every shard is sound by itself; together they must be the ones that the manifest announces.
    fn check_digest(&self, manifest: &Manifest, digest: &ShardsDigest) -> Outcome<()> {
        if digest.finish() == manifest.shards_digest && digest.n_rows() == manifest.rows {
            return Ok(());
        }
        // Some shard is from another build: read them all again next time.
        self.sql().exec("DELETE FROM verification WHERE build = ?", vec![manifest.build.as_str().into()])?;
        Err(invalid(format!(
            "the shards of build {} are not the ones that its manifest announces ({} rows of {}); upload them again",
            manifest.build,
            digest.n_rows(),
            manifest.rows
        )))
    }

    async fn rollback_table(&self) -> Outcome {
        let running = self.running_table()?;
        let Some(running) = running else { return Err(conflict("no table has been activated yet")) };
        let Some(previous) = running.previous else {
            return Err(conflict(format!("build {} is the first; there is nothing to roll back to", running.build)));
        };
        let pointer = Pointer {
            build: previous,
            previous: Some(running.build),
            epoch: self.next_epoch("table")?,
            kill: running.kill,
            activated_at: now(),
        };
        self.flip_table("rollback", &pointer).await
    }

    async fn kill(&self, kill: bool) -> Outcome {
        let running = self.running_table()?;
        let Some(running) = running else { return Err(conflict("no table has been activated yet")) };
        let pointer = Pointer { epoch: self.next_epoch("table")?, kill, ..running };
        self.flip_table(if kill { "kill" } else { "revive" }, &pointer).await
    }

    async fn flip_table(&self, action: &str, pointer: &Pointer) -> Outcome {
        let json = String::from_utf8(pointer.to_json()).map_err(inside)?;
        self.flip("table", action, &pointer.build, pointer.epoch, &json).await?;
        serde_json::from_str(&json).map_err(inside)
    }
}

/// A value that must have been uploaded before.
async fn uploaded(kv: &Kv, key: &str) -> Outcome<Vec<u8>> {
    kv.get_recent(key).await?.ok_or_else(|| invalid(format!("{key} has not been uploaded")))
}

async fn verify_items(kv: &Kv, manifest: &Manifest) -> Outcome<()> {
    let Some(announced) = &manifest.items else { return Ok(()) };
    let key = kv_keys::items(&manifest.build);
    announced.decode(uploaded(kv, &key).await?).map(drop).map_err(|error| invalid(format!("{key}: {error}")))
}

/// The present time in RFC 3339.
fn now() -> String {
    let ms = i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX);
    TimestampMs(ms).to_string()
}
