//! Counting: each event once.

use std::collections::{BTreeMap, BTreeSet};

use vitrine_engine::TimestampMs;
use vitrine_ledger::{Cost, CountKey, HOUR_MS, Record, Recorded, Tally};
use worker::{Result, SqlStorageValue};

use super::Ledger;
use crate::objects::sqlite::integer;

/// Length of a day. Unit: ms.
pub const DAY_MS: i64 = 24 * HOUR_MS;

#[derive(serde::Deserialize)]
struct One {}

impl Ledger {
    /// Counts what has not been counted. Gives, for each event, whether it is new; and of each campaign that one of them costs
    /// something, everything that it has cost here.
    pub(super) fn record(&self, record: &Record) -> Result<(Vec<bool>, Vec<Cost>)> {
        let has_bucket = self.bucket().is_some();
        self.transaction(|| {
            self.note_shard(record.shard)?;
            let day = record.now_ms.div_euclid(DAY_MS);
            let date = TimestampMs(record.now_ms).to_string();
            let date = date.get(..10).unwrap_or_default();
            let mut are_new = Vec::with_capacity(record.events.len());
            let mut tallies: BTreeMap<&CountKey, Tally> = BTreeMap::new();
            for event in &record.events {
                let is_new = !self.is_seen(event)?;
                are_new.push(is_new);
                if !is_new {
                    continue;
                }
                self.mark_seen(event, day)?;
                if let Some(cost) = &event.cost {
                    self.add_cost(&record.environment, cost)?;
                }
                for count in &event.counts {
                    tallies.entry(count).or_default().add(&Tally::of(event.value_minor));
                }
                if has_bucket {
                    self.execute(
                        "INSERT INTO outbox (environment, date, line) VALUES (?, ?, ?)",
                        vec![record.environment.as_str().into(), date.into(), event.line.as_str().into()],
                    )?;
                }
            }
            let n_new = are_new.iter().filter(|it| **it).count();
            self.execute(
                "INSERT INTO fact VALUES ('counted', ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
                vec![integer(u64::try_from(n_new).unwrap_or(u64::MAX))],
            )?;
            for (key, tally) in tallies {
                self.add_tally(&record.environment, key, &tally)?;
            }
            for (why, n) in &record.apart {
                self.execute(
                    "INSERT INTO apart VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                    vec![
                        record.environment.as_str().into(),
                        record.now_ms.div_euclid(HOUR_MS).into(),
                        why.as_str().into(),
                        integer(*n),
                    ],
                )?;
            }
            Ok((are_new, self.costs(record)?))
        })
    }

    fn add_cost(&self, environment: &str, cost: &Cost) -> Result<()> {
        self.execute(
            "INSERT INTO cost VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET milli = milli + excluded.milli",
            vec![environment.into(), cost.campaign.as_str().into(), integer(cost.milli)],
        )
    }

    /// Also where no event was new: whoever was not told before is told then.
    fn costs(&self, record: &Record) -> Result<Vec<Cost>> {
        let campaigns: BTreeSet<&str> =
            record.events.iter().filter_map(|it| it.cost.as_ref()).map(|it| it.campaign.as_str()).collect();
        let mut costs = Vec::new();
        for campaign in campaigns {
            let of = vec![record.environment.as_str().into(), campaign.into()];
            costs.extend(
                self.rows::<Cost>("SELECT campaign, milli FROM cost WHERE environment = ? AND campaign = ?", of)?,
            );
        }
        Ok(costs)
    }

    fn note_shard(&self, shard: u32) -> Result<()> {
        self.execute(
            "INSERT INTO fact VALUES ('shard', ?) ON CONFLICT DO NOTHING",
            vec![SqlStorageValue::Integer(shard.into())],
        )
    }

    fn is_seen(&self, event: &Recorded) -> Result<bool> {
        // One or two keys: an event's own, and that of its showing or order.
        let mut keys = event.keys.iter().map(|it| SqlStorageValue::from(it.as_str()));
        let (first, second) =
            (keys.next().unwrap_or(SqlStorageValue::Null), keys.next().unwrap_or(SqlStorageValue::Null));
        let found: Vec<One> =
            self.rows("SELECT 1 AS one FROM seen WHERE key IN (?, ?) LIMIT 1", vec![first, second])?;
        Ok(!found.is_empty())
    }

    fn mark_seen(&self, event: &Recorded, day: i64) -> Result<()> {
        for key in &event.keys {
            self.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", vec![key.as_str().into(), day.into()])?;
        }
        Ok(())
    }

    fn add_tally(&self, environment: &str, key: &CountKey, tally: &Tally) -> Result<()> {
        self.execute(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                n = n + excluded.n, value = value + excluded.value,
                squares_high = squares_high + excluded.squares_high, squares_low = squares_low + excluded.squares_low",
            vec![
                environment.into(),
                key.hour.into(),
                key.kind.as_str().into(),
                key.rule.as_str().into(),
                key.placement.as_str().into(),
                key.offer.as_str().into(),
                key.creative.as_str().into(),
                key.experiment.as_str().into(),
                key.variation.as_str().into(),
                key.channel.as_str().into(),
                key.name.as_str().into(),
                key.currency.as_str().into(),
                integer(tally.n),
                integer(tally.value),
                integer(tally.squares.0),
                integer(tally.squares.1),
            ],
        )
    }
}
