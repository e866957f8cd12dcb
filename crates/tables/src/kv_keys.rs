//! Where the parts of a table live in KV. Everything under a build id is immutable; only [`CURRENT`] changes.
//!
//! Source: profile-table v1, "Keys in KV".

use alloc::format;
use alloc::string::String;

/// The pointer to the table in use, see [`crate::Pointer`].
pub const CURRENT: &str = "t/current";

/// The manifest of a build.
pub fn manifest(build: &str) -> String {
    format!("t/{build}/manifest")
}

/// One shard of a build.
pub fn shard(build: &str, shard_idx: u32, shard_bits: u8) -> String {
    format!("t/{build}/{}", shard_name(shard_idx, shard_bits))
}

/// The item table of a build.
pub fn items(build: &str) -> String {
    format!("t/{build}/items")
}

/// The vectors of a build's items. Not announced by the manifest: they name the item table that they belong to.
pub fn item_vectors(build: &str) -> String {
    format!("t/{build}/vectors")
}

/// The name of a shard, in KV and as a file: its index in lower-case hexadecimal digits.
///
/// Width: as many digits as `shard_bits` bits need, at least one, so that names sort as the shards do.
pub fn shard_name(shard_idx: u32, shard_bits: u8) -> String {
    let width = usize::from(shard_bits).div_ceil(4).max(1);
    format!("{shard_idx:0width$x}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_as_wide_as_the_table() {
        assert_eq!(super::shard("00ff", 0, 0), "t/00ff/0");
        assert_eq!(super::shard("00ff", 15, 4), "t/00ff/f");
        assert_eq!(super::shard("00ff", 15, 5), "t/00ff/0f");
        assert_eq!(super::shard("00ff", 0xa_bcde, 20), "t/00ff/abcde");
    }
}
