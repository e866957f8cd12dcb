//! Uploads shards over several kept connections, and remembers how far it came.

use crate::edge::{Edge, Repeat};
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use vitrine_tables::{TableDir, kv_keys};

/// How far a publication came, in a file beside the table directory, so that a run that broke off can be continued.
///
/// It only saves work: what it says is checked by the Worker before anything is activated, and without it everything is
/// uploaded again. So an unreadable file counts as none, and one that cannot be written is no mistake.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    record: Record,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    url: String,
    build: String,
    /// So many shards, counted from the first, are uploaded.
    n_uploaded: u32,
}

/// The journal is written after so many shards, and at the end of a run.
const JOURNAL_STEP: u32 = 64;

impl Journal {
    /// The journal for this table and this Worker; empty if there is none, or `from_start`.
    pub fn open(table: &TableDir, edge: &Edge, from_start: bool) -> Self {
        let path = table.path().with_added_extension("publish.json");
        let fresh = Record { url: edge.base().to_owned(), build: table.manifest().build.clone(), n_uploaded: 0 };
        let stored = fs::read(&path).ok().and_then(|json| serde_json::from_slice::<Record>(&json).ok());
        let fits = |it: &Record| {
            !from_start
                && it.url == fresh.url
                && it.build == fresh.build
                && it.n_uploaded <= table.manifest().n_shards()
        };
        let record = stored.filter(fits).unwrap_or(fresh);
        Self { path, record }
    }

    /// So many shards, counted from the first, are uploaded.
    pub fn n_uploaded(&self) -> u32 {
        self.record.n_uploaded
    }

    /// Nothing is uploaded, or nothing is left to do.
    pub fn forget(&mut self) {
        self.record.n_uploaded = 0;
        let _ = fs::remove_file(&self.path);
    }

    fn save(&self) {
        if let Ok(json) = serde_json::to_vec(&self.record) {
            let _ = fs::write(&self.path, json);
        }
    }
}

/// Uploads the shards that the journal does not have yet. `progress` hears how many are there.
///
/// # Errors
/// The first failure; uploads under way are finished, and the journal knows what is done.
pub fn upload_shards(
    edge: &Edge,
    table: &TableDir,
    journal: &mut Journal,
    connections: NonZeroU8,
    progress: impl Fn(u32) + Sync,
) -> Result<(), Failure> {
    let n_shards = table.manifest().n_shards();
    let start = journal.n_uploaded();
    let next = AtomicU32::new(start);
    let stop = AtomicBool::new(false);
    let done = Mutex::new(Done { journal, beyond: BTreeSet::new(), failure: None });
    progress(start);
    thread::scope(|scope| {
        for _ in 0..connections.get() {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let shard_idx = next.fetch_add(1, Ordering::Relaxed);
                    if shard_idx >= n_shards {
                        return;
                    }
                    let outcome = upload_shard(edge, table, shard_idx);
                    // A thread that panicked has stopped the program already.
                    let Ok(mut done) = done.lock() else { return };
                    match outcome {
                        Ok(()) => {
                            done.add(shard_idx);
                            progress(done.n_uploaded());
                        }
                        Err(failure) => {
                            stop.store(true, Ordering::Relaxed);
                            done.failure.get_or_insert(failure);
                        }
                    }
                }
            });
        }
    });
    let Done { journal, failure, .. } = done.into_inner().unwrap_or_else(|poison| poison.into_inner());
    journal.save();
    match failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn upload_shard(edge: &Edge, table: &TableDir, shard_idx: u32) -> Result<(), Failure> {
    let manifest = table.manifest();
    let name = kv_keys::shard_name(shard_idx, manifest.shard_bits);
    let path = format!("/v1/admin/tables/{}/shards/{name}", manifest.build);
    edge.put(&path, "application/octet-stream", &table.read_shard(shard_idx)?, Repeat::Safe)?;
    Ok(())
}

/// What the threads have done.
struct Done<'a> {
    journal: &'a mut Journal,
    /// Shards that are uploaded while one before them is not.
    beyond: BTreeSet<u32>,
    failure: Option<Failure>,
}

impl Done<'_> {
    fn add(&mut self, shard_idx: u32) {
        self.beyond.insert(shard_idx);
        let record = &mut self.journal.record;
        while self.beyond.remove(&record.n_uploaded) {
            record.n_uploaded += 1;
        }
        if record.n_uploaded.is_multiple_of(JOURNAL_STEP) {
            self.journal.save();
        }
    }

    fn n_uploaded(&self) -> u32 {
        self.journal.n_uploaded() + self.beyond.len() as u32
    }
}
