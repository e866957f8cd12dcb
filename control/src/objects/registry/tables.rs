//! Profile tables: verified shard by shard, then pointed to.

use serde::Deserialize;
use serde_json::json;
use vitrine_api::{Problem, ProblemCode};
use vitrine_rim::kv::Kv;
use vitrine_rim::manifests::read_manifest;
use vitrine_tables::{Manifest, Pointer, ShardsDigest, kv_keys};

use super::audit::Told;
use super::command::Actor;
use super::failure::{Failure, Outcome, conflict, inside};
use super::pointers::{Flip, TABLE};
use super::{Registry, now};

/// Shards that one call reads back. A Worker may make 1,000 reads in a call.
const VERIFY_STEP: u32 = 400;

#[derive(Deserialize)]
struct VerificationRow {
    digest: String,
}

fn invalid(detail: impl Into<String>) -> Failure {
    Problem::new(ProblemCode::InvalidTable, detail).into()
}

impl Registry {
    pub(super) fn show_tables(&self) -> Outcome {
        self.show(TABLE)
    }

    pub(super) fn running_table(&self) -> Outcome<Option<Pointer>> {
        let stored = self.stored(TABLE)?;
        stored.map(|json| Pointer::from_json(json.as_bytes())).transpose().map_err(inside)
    }

    pub(super) async fn activate(&self, actor: &Actor, build: &str) -> Outcome {
        actor.may_change_all("the table")?;
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
        self.execute(
            "INSERT INTO verification (build, digest) VALUES (?1, ?2) ON CONFLICT (build) DO UPDATE SET digest = ?2",
            vec![build.into(), digest.state().into()],
        )?;
        let progress = json!({ "done": last == of, "build": build, "verified": last, "of": of });
        if last < of {
            return Ok(progress);
        }
        self.check_digest(&manifest, &digest)?;
        let running = self.running_table()?;
        if running.as_ref().is_none_or(|it| it.build != build) {
            let pointer = Pointer {
                build: build.to_owned(),
                previous: running.as_ref().map(|it| it.build.clone()),
                epoch: self.next_epoch(TABLE)?,
                kill: running.is_some_and(|it| it.kill),
                activated_at: now(),
            };
            let summary = format!("{} visitors, data of {}", manifest.rows, manifest.as_of);
            self.flip_table(actor, "activate", summary, &pointer).await?;
        }
        Ok(progress)
    }

    /// How far the verification of a build has come in earlier calls.
    fn verified(&self, build: &str) -> Outcome<ShardsDigest> {
        let row: Option<VerificationRow> =
            self.row("SELECT digest FROM verification WHERE build = ?", vec![build.into()])?;
        match row {
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
        self.execute("DELETE FROM verification WHERE build = ?", vec![manifest.build.as_str().into()])?;
        Err(invalid(format!(
            "the shards of build {} are not the ones that its manifest announces ({} rows of {}); upload them again",
            manifest.build,
            digest.n_rows(),
            manifest.rows
        )))
    }

    pub(super) async fn rollback_table(&self, actor: &Actor) -> Outcome {
        actor.may_change_all("the table")?;
        let running = self.running_table()?;
        let Some(running) = running else { return Err(conflict("no table has been activated yet")) };
        let Some(previous) = running.previous else {
            return Err(conflict(format!("build {} is the first; there is nothing to roll back to", running.build)));
        };
        let summary = format!("from build {}", running.build);
        let pointer = Pointer {
            build: previous,
            previous: Some(running.build),
            epoch: self.next_epoch(TABLE)?,
            kill: running.kill,
            activated_at: now(),
        };
        self.flip_table(actor, "rollback", summary, &pointer).await
    }

    pub(super) async fn kill(&self, actor: &Actor, kill: bool) -> Outcome {
        actor.may_change_all("the table")?;
        let running = self.running_table()?;
        let Some(running) = running else { return Err(conflict("no table has been activated yet")) };
        let pointer = Pointer { epoch: self.next_epoch(TABLE)?, kill, ..running };
        let (action, summary) = if kill { ("kill", "decisions off") } else { ("revive", "decisions on again") };
        self.flip_table(actor, action, summary.to_owned(), &pointer).await
    }

    async fn flip_table(&self, actor: &Actor, action: &str, summary: String, pointer: &Pointer) -> Outcome {
        let json = String::from_utf8(pointer.to_json()).map_err(inside)?;
        let (audited, target) = (format!("table.{action}"), format!("build {}", pointer.build));
        let told = Told { action: &audited, target: &target, reason: "", summary };
        let flip = Flip { action, target: pointer.build.clone(), told };
        self.flip(actor, TABLE, pointer.epoch, &json, flip).await?;
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
