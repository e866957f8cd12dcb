//! The shards that this isolate holds: checked once, kept outside of wasm memory, bounded by bytes.

use std::cell::RefCell;

use js_sys::Uint8Array;
use lru::LruCache;
use vitrine_tables::{Manifest, RowKey, ShardError, ShardHeader};

/// A checked shard. Its bytes stay in JavaScript's memory, which is given back when the shard is forgotten.
struct Held {
    header: ShardHeader,
    bytes: Uint8Array,
}

impl Held {
    fn row(&self, key: RowKey) -> Option<Vec<u8>> {
        let range = self.header.locate(key, |offset| {
            let mut word = [0; 8];
            self.copy(offset, &mut word);
            u64::from_le_bytes(word)
        })?;
        let mut row = vec![0; range.len()];
        self.copy(range.start, &mut row);
        Some(row)
    }

    /// `from..from + into.len()` lies inside the shard: the header was checked against its length.
    fn copy(&self, from: usize, into: &mut [u8]) {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        let to = from.saturating_add(u32::try_from(into.len()).unwrap_or(u32::MAX));
        if to <= self.bytes.length() {
            self.bytes.subarray(from, to).copy_to(into);
        }
    }
}

/// Shards of one build.
struct Shards {
    build: String,
    held: LruCache<u32, Held>,
    bytes: usize,
}

thread_local! {
    static SHARDS: RefCell<Shards> =
        RefCell::new(Shards { build: String::new(), held: LruCache::unbounded(), bytes: 0 });
}

/// What the isolate knows of a row without reading KV.
pub enum Found {
    /// The row's bytes.
    Row(Vec<u8>),
    /// The shard is held, and holds no such row.
    Nothing,
    /// The shard is not held.
    NotHeld,
}

/// Looks for a row among the shards that are held.
pub fn find(build: &str, shard: u32, key: RowKey) -> Found {
    SHARDS.with_borrow_mut(|shards| {
        if shards.build != build {
            return Found::NotHeld;
        }
        match shards.held.get(&shard) {
            None => Found::NotHeld,
            Some(held) => held.row(key).map_or(Found::Nothing, Found::Row),
        }
    })
}

/// Checks the bytes of a shard and holds it; the shards of other builds, and the longest unused ones beyond `bytes_max`, go.
///
/// Errors: [`ShardError`] when the bytes are not this shard of the build.
pub fn hold(manifest: &Manifest, shard_idx: u32, bytes: Uint8Array, bytes_max: usize) -> Result<(), ShardError> {
    let copy = bytes.to_vec();
    let header = *manifest.decode_shard(shard_idx, &copy)?.header();
    SHARDS.with_borrow_mut(|shards| {
        if shards.build != manifest.build {
            shards.build = manifest.build.clone();
            shards.held.clear();
            shards.bytes = 0;
        }
        shards.bytes = shards.bytes.saturating_add(copy.len());
        if let Some((_, old)) = shards.held.push(shard_idx, Held { header, bytes }) {
            shards.bytes = shards.bytes.saturating_sub(old.len());
        }
        while shards.bytes > bytes_max && shards.held.len() > 1 {
            let Some((_, old)) = shards.held.pop_lru() else { break };
            shards.bytes = shards.bytes.saturating_sub(old.len());
        }
    });
    Ok(())
}

impl Held {
    fn len(&self) -> usize {
        usize::try_from(self.bytes.length()).unwrap_or(usize::MAX)
    }
}

/// Number of shards held, and their bytes.
pub fn size() -> (usize, usize) {
    SHARDS.with_borrow(|shards| (shards.held.len(), shards.bytes))
}
