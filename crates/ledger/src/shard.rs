//! Where something is counted, and how it is known again.

use vitrine_api::sha256_hex;

/// How many shards there are unless the operator says otherwise.
pub const SHARDS_DEFAULT: u32 = 8;
/// Most shards.
pub const SHARDS_MAX: u32 = 64;

/// Hexadecimal digits of a key: 128 bits, so that two of a thousand million have the same with a chance below 10^-20.
const KEY_DIGITS: usize = 32;

/// What knows a thing again: the first 128 bits of the SHA-256 of its parts, in hexadecimal digits. Parts are set apart by a
/// byte that no text has.
pub fn key(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(part.as_bytes());
        bytes.push(0xff);
    }
    let mut hex = sha256_hex(&bytes);
    hex.truncate(KEY_DIGITS);
    hex
}

/// The shard of a key, 0..`n_shards`.
pub fn shard_of(key: &str, n_shards: u32) -> u32 {
    let head = key.get(..8).and_then(|it| u32::from_str_radix(it, 16).ok()).unwrap_or_default();
    head.checked_rem(n_shards).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_spread() {
        assert_eq!(key(&["a", "b"]).len(), KEY_DIGITS);
        assert_ne!(key(&["a", "b"]), key(&["ab", ""]));
        assert_ne!(key(&["a", "b"]), key(&["a", "b", ""]));
        let mut counts = [0_u32; 8];
        for n in 0..8000 {
            counts[shard_of(&key(&["id", &n.to_string()]), 8) as usize] += 1;
        }
        assert!(counts.iter().all(|it| (850..1150).contains(it)), "{counts:?}");
        assert_eq!(shard_of("", 8), 0);
        assert_eq!(shard_of(&key(&["x"]), 0), 0);
    }
}
