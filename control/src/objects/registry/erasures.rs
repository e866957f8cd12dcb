//! Visitors who were erased: noted here, told to the edge by one list in KV, given to the next build.

use serde::Deserialize;
use serde_json::{Value, json};
use vitrine_api::{Problem, ProblemCode, TOMBSTONES_KEY, TOMBSTONES_MAX, Tombstones, row_key};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{Call, Named, Whom};
use vitrine_rim::kv::Kv;
use vitrine_rim::manifests::read_manifest;
use vitrine_rim::settings::Settings;
use vitrine_tables::{RowKey, kv_keys};

use super::audit::Told;
use super::command::Actor;
use super::failure::{Failure, Outcome, conflict, field, inside};
use super::schema::integer;
use super::{Registry, now};
use crate::ledger;

/// Most visitors of one call.
pub const ERASE_MAX: usize = 1000;

#[derive(Deserialize)]
struct Erased {
    row_key: String,
    at: String,
    receipt: u64,
}

#[derive(Deserialize)]
struct Numbers {
    count: u64,
    receipt: Option<u64>,
}

impl Registry {
    /// Erases visitors by their row keys, and gives a receipt. Who was erased before keeps the first receipt.
    pub(super) async fn erase(&self, actor: &Actor, keys: Vec<String>) -> Outcome {
        actor.may_change_all("erasing a visitor")?;
        if keys.is_empty() || keys.len() > ERASE_MAX {
            return Err(field("/visitors", "out_of_range", format!("name 1 to {ERASE_MAX} visitors")));
        }
        if let Some(at) = keys.iter().position(|it| row_key(it).is_none()) {
            let detail = "a visitor is named by the row key: 16 lower-case hexadecimal digits";
            return Err(field(&format!("/visitors/{at}"), "invalid_field", detail));
        }
        let numbers: Option<Numbers> =
            self.row("SELECT count(*) AS count, max(receipt) AS receipt FROM erased", Vec::new())?;
        let (count, last) = numbers.map_or((0, 0), |it| (it.count, it.receipt.unwrap_or(0)));
        let room = u64::try_from(TOMBSTONES_MAX).unwrap_or(u64::MAX).saturating_sub(count);
        if u64::try_from(keys.len()).unwrap_or(u64::MAX) > room {
            return Err(conflict(format!(
                "the list of erased visitors has room for {room} more: build a table without them, then forget the old ones"
            )));
        }
        let (receipt, at) = (last.saturating_add(1), now());
        for key in &keys {
            self.execute(
                "INSERT INTO erased (row_key, at, receipt) VALUES (?, ?, ?) ON CONFLICT (row_key) DO NOTHING",
                vec![key.as_str().into(), at.as_str().into(), integer(receipt)?],
            )?;
        }
        // Noted before it is told: what KV or the ledger did not take is told by the same call, given again.
        self.write_tombstones().await?;
        let forgotten = match self.whom(&keys)? {
            Some(whom) => ledger::ask_how_much(&self.env, &Call::Forget(whom)).await.map_err(unmeasured)?,
            None => 0,
        };
        let summary = format!("{} visitors, receipt e{receipt}", keys.len());
        self.audit(actor, Told { action: "visitor.erase", target: "profiles", reason: "", summary })?;
        let visitors = keys.len();
        Ok(json!({
            "receipt": format!("e{receipt}"), "at": at, "visitors": visitors, "forgotten": forgotten, "effective_within_s": 60,
        }))
    }

    /// Forgets who was erased before a time: for visitors whom no published table holds any more.
    pub(super) async fn forget_erased(&self, actor: &Actor, before: &str) -> Outcome {
        actor.may_change_all("forgetting erasures")?;
        let Ok(before) = TimestampMs::parse(before) else {
            return Err(field("/before", "invalid_time", "send ?before= with an RFC 3339 time"));
        };
        // One form for all times, so that they compare as texts do.
        let before = before.to_string();
        let rows: Vec<Erased> =
            self.rows("SELECT row_key, at, receipt FROM erased WHERE at < ?", vec![before.as_str().into()])?;
        self.execute("DELETE FROM erased WHERE at < ?", vec![before.as_str().into()])?;
        self.write_tombstones().await?;
        let summary = format!("{} visitors, erased before {before}", rows.len());
        self.audit(actor, Told { action: "visitor.forget", target: "profiles", reason: "", summary })?;
        Ok(json!({ "forgotten": rows.len() }))
    }

    /// The list for the next build.
    pub(super) fn list_erased(&self) -> Outcome {
        let rows: Vec<Erased> = self.rows("SELECT row_key, at, receipt FROM erased ORDER BY row_key", Vec::new())?;
        let entries = rows.iter().map(told);
        Ok(json!({ "visitors": entries.collect::<Vec<_>>() }))
    }

    /// What every store holds of a visitor.
    pub(super) async fn verify_erased(&self, key: &str) -> Outcome {
        let Some(parsed) = row_key(key) else {
            return Err(field("/visitor", "invalid_field", "a row key has 16 lower-case hexadecimal digits"));
        };
        let noted: Option<Erased> =
            self.row("SELECT row_key, at, receipt FROM erased WHERE row_key = ?", vec![key.into()])?;
        let kv = self.kv()?;
        let listed = match kv.get_recent(TOMBSTONES_KEY).await? {
            Some(bytes) => Tombstones::parse(&bytes).map_err(inside)?.contains(RowKey(parsed)),
            None => false,
        };
        let mut tables = Vec::new();
        if let Some(running) = self.running_table()? {
            for build in [Some(running.build), running.previous].into_iter().flatten() {
                let has_row = has_row(&kv, &build, RowKey(parsed)).await?;
                tables.push(json!({ "build": build, "has_row": has_row }));
            }
        }
        let measured = match self.whom(&[key.to_owned()])? {
            Some(whom) => ledger::ask_how_much(&self.env, &Call::Held(whom)).await.map_err(unmeasured)?,
            None => 0,
        };
        Ok(json!({ "erased": noted.as_ref().map(told), "honoured": listed, "tables": tables, "measured": measured }))
    }

    /// The visitors with these row keys, for the ledger; `None` where nothing is measured.
    fn whom(&self, keys: &[String]) -> Outcome<Option<Whom>> {
        let settings = Settings::of(&self.env);
        let Some(pseudonyms) = ledger::pseudonyms(&settings) else { return Ok(None) };
        let rows = keys.iter().filter_map(|it| row_key(it));
        let visitors = rows.map(|it| Named::of_row(pseudonyms.unit_of_row(RowKey(it)), it)).collect();
        Ok(Some(Whom { environments: self.environments()?, visitors }))
    }

    async fn write_tombstones(&self) -> Outcome<()> {
        let rows: Vec<Erased> = self.rows("SELECT row_key, at, receipt FROM erased", Vec::new())?;
        let keys = rows.iter().filter_map(|it| row_key(&it.row_key)).collect();
        // Rises with every list, whether KV took the one before or not.
        self.execute("INSERT INTO tombstones_epoch DEFAULT VALUES", Vec::new())?;
        let list = Tombstones::new(self.inserted()?, keys);
        Ok(self.kv()?.put(TOMBSTONES_KEY, list.to_text().as_bytes()).await?)
    }
}

/// The ledger gave no answer.
fn unmeasured(why: String) -> Failure {
    worker::console_error!("{why}");
    let detail = "the ledger did not answer, so it is not known to have forgotten anybody; the rest is done. Send the call again";
    Problem::new(ProblemCode::Unavailable, detail).into()
}

fn told(it: &Erased) -> Value {
    json!({ "row_key": it.row_key, "at": it.at, "receipt": format!("e{}", it.receipt) })
}

/// Whether a build holds a row of the visitor.
async fn has_row(kv: &Kv, build: &str, key: RowKey) -> Outcome<bool> {
    let manifest = read_manifest(kv, build).await?;
    let shard_idx = key.shard(manifest.shard_bits);
    let kv_key = kv_keys::shard(build, shard_idx, manifest.shard_bits);
    let Some(bytes) = kv.get_recent(&kv_key).await? else { return Ok(false) };
    let shard = manifest.decode_shard(shard_idx, &bytes).map_err(inside)?;
    Ok(shard.find(key).is_some())
}
