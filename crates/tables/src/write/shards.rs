//! Writing the shards of a table and comparing each with what was meant. Several at a time: almost all of the time is
//! spent waiting for the disk to say that a file is safe.

use super::error::WriteError;
use super::file::write_and_compare;
use super::spill::Record;
use crate::kv_keys::shard_name;
use crate::schema::Schema;
use crate::shard::{Shard, ShardHeader, ShardPlace, encode_shard};
use std::ops::Range;
use std::path::PathBuf;
use std::thread;
use std::vec::Vec;

/// How many files wait for the disk at the same time. More gains nothing on the disks that were tried.
const WRITERS: usize = 8;

/// The shards of one table.
pub(super) struct Shards<'t> {
    pub(super) dir: PathBuf,
    pub(super) schema: &'t Schema,
    pub(super) shard_bits: u8,
}

impl Shards<'_> {
    /// Writes some shards, whose rows are `rows` in rising order, and gives their headers to `done` in order.
    pub(super) fn write(
        &self,
        shard_idxs: Range<usize>,
        rows: &[Record],
        mut done: impl FnMut(ShardHeader),
    ) -> Result<(), WriteError> {
        let mut rest = rows;
        let shards: Vec<(u32, &[Record])> = shard_idxs
            .map(|shard_idx| {
                let shard_idx = shard_idx as u32;
                let n_mine = rest.partition_point(|(key, _)| key.shard(self.shard_bits) <= shard_idx);
                let (mine, others) = rest.split_at_checked(n_mine).unwrap_or((rest, &[]));
                rest = others;
                (shard_idx, mine)
            })
            .collect();
        for batch in shards.chunks(WRITERS) {
            let headers: Vec<Result<ShardHeader, WriteError>> = thread::scope(|scope| {
                let start = |(shard_idx, rows): &(u32, _)| {
                    let (shard_idx, rows) = (*shard_idx, *rows);
                    scope.spawn(move || self.write_one(shard_idx, rows))
                };
                let writers: Vec<_> = batch.iter().map(start).collect();
                let join = |writer: thread::ScopedJoinHandle<'_, _>| match writer.join() {
                    Ok(header) => header,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                writers.into_iter().map(join).collect()
            });
            for header in headers {
                done(header?);
            }
        }
        Ok(())
    }

    fn write_one(&self, shard_idx: u32, rows: &[Record]) -> Result<ShardHeader, WriteError> {
        let error = |source| WriteError::Shard { shard_idx, source };
        let place = ShardPlace { shard_idx, shard_bits: self.shard_bits };
        let bytes = encode_shard(self.schema, place, rows).map_err(error)?;
        let path = self.dir.join(shard_name(shard_idx, self.shard_bits));
        let read_back = write_and_compare(&path, &bytes)?;
        let shard = Shard::decode(&read_back, self.schema).map_err(error)?;
        let meant = rows.iter().map(|(key, row)| (*key, row.as_slice()));
        if shard.rows().map(|(key, row)| (key, row.as_bytes())).eq(meant) {
            Ok(*shard.header())
        } else {
            Err(WriteError::ReadBack { path })
        }
    }
}
