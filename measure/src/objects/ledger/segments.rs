//! Files of raw events, and forgetting what is old.
//!
//! A file is named by the number of its first event, and events leave the database only when their file is written. So what is
//! done again after a failure writes the same file again, with at least the same events.

use serde::Deserialize;
use vitrine_ledger::AGE_MAX_S;
use vitrine_rim::settings::Settings;
use worker::{Error, Result};

use super::record::DAY_MS;
use super::{Ledger, now_ms};

/// Longest wait before a file that could not be written is tried again. Unit: ms.
pub const RETRY_MS: u64 = 15_000;
/// And at least. Unit: ms.
pub const RETRY_MS_MIN: u64 = 50;
/// Wait before what is old is looked for again. Unit: ms.
const FORGET_EVERY_MS: u64 = 6 * 3_600_000;
/// Most events of a file.
const EVENTS_MAX: i64 = 5_000;
/// Most files of one alarm.
const FILES_MAX: usize = 20;
/// How long it is known what was counted: longer than an event may be old. Unit: days.
const SEEN_DAYS: i64 = AGE_MAX_S / 86_400 + 1;
/// How long answers of batches are kept. Unit: ms.
const REPLAY_MS: i64 = DAY_MS;

#[derive(Deserialize)]
struct Head {
    environment: String,
    date: String,
    number: i64,
}

#[derive(Deserialize)]
struct LineRow {
    number: i64,
    line: String,
}

#[derive(Deserialize)]
struct Number {
    value: i64,
}

impl Ledger {
    /// Writes files and forgets. Gives how long to wait until the next time; `None` when nothing is left. Unit: ms.
    pub(super) async fn tidy(&self) -> Result<Option<u64>> {
        self.prepare()?;
        for _ in 0..FILES_MAX {
            if !self.write_one().await? {
                break;
            }
        }
        self.forget_old()?;
        let waiting: Vec<Number> =
            self.rows("SELECT COUNT(*) AS value FROM (SELECT 1 FROM outbox LIMIT 1)", Vec::new())?;
        if waiting.first().is_some_and(|it| it.value > 0) {
            return Ok(Some(self.retry_ms()));
        }
        let kept: Vec<Number> = self.rows(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM seen LIMIT 1)) + (SELECT COUNT(*) FROM (SELECT 1 FROM touch LIMIT 1))
                + (SELECT COUNT(*) FROM (SELECT 1 FROM replay LIMIT 1)) AS value",
            Vec::new(),
        )?;
        Ok(kept.first().filter(|it| it.value > 0).map(|_| FORGET_EVERY_MS))
    }

    /// Writes one file, if there is anything to write.
    async fn write_one(&self) -> Result<bool> {
        let Some(bucket) = self.bucket() else { return Ok(false) };
        let heads: Vec<Head> =
            self.rows("SELECT environment, date, number FROM outbox ORDER BY number LIMIT 1", Vec::new())?;
        let Some(Head { environment, date, number }) = heads.into_iter().next() else { return Ok(false) };
        let group = || vec![environment.as_str().into(), date.as_str().into()];
        let mut of_group = group();
        of_group.push(EVENTS_MAX.into());
        let rows: Vec<LineRow> = self.rows(
            "SELECT number, line FROM outbox WHERE environment = ? AND date = ? ORDER BY number LIMIT ?",
            of_group,
        )?;
        let Some(last) = rows.last().map(|it| it.number) else { return Ok(false) };
        let shards: Vec<Number> = self.rows("SELECT value FROM fact WHERE name = 'shard'", Vec::new())?;
        let shard = shards.first().map_or(0, |it| it.value);
        let mut text = String::new();
        for row in &rows {
            text.push_str(&row.line);
            text.push('\n');
        }
        let name = format!("events/{environment}/{date}/{shard}-{number:012}.ndjson");
        bucket.write(&name, &text).await.map_err(|why| Error::RustError(format!("{name}: {why}")))?;
        let mut written = group();
        written.push(last.into());
        self.execute("DELETE FROM outbox WHERE environment = ? AND date = ? AND number <= ?", written)?;
        Ok(true)
    }

    fn forget_old(&self) -> Result<()> {
        let now_ms = now_ms();
        let window_ms = i64::from(Settings::measure(&self.env).window_s).saturating_mul(1000);
        // What happened long ago may still be reported, and asks what its visitor had met before.
        let touch_ms = window_ms.saturating_add(AGE_MAX_S.saturating_mul(1000));
        let first_day = now_ms.div_euclid(DAY_MS).saturating_sub(SEEN_DAYS);
        self.execute("DELETE FROM seen WHERE day < ?", vec![first_day.into()])?;
        self.execute("DELETE FROM touch WHERE at_ms < ?", vec![now_ms.saturating_sub(touch_ms).into()])?;
        self.execute("DELETE FROM replay WHERE at_ms < ?", vec![now_ms.saturating_sub(REPLAY_MS).into()])
    }
}
