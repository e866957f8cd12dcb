//! Saved groups whose ids are kept as keyed hashes: who is in one cannot be read out of it, only asked.

use std::collections::BTreeMap;

/// One saved group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The attribute whose value was hashed, for example `id`.
    pub attribute: String,
    /// Keyed hashes of the ids, ascending, each once.
    hashes: Vec<u64>,
}

impl Group {
    /// A group of these hashes, in any order.
    pub fn new(attribute: String, mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        Self { attribute, hashes }
    }

    /// Hashes of the members, ascending.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Whether the id with this hash is a member.
    pub fn contains(&self, hash: u64) -> bool {
        self.hashes.binary_search(&hash).is_ok()
    }

    /// The hashes as hex digits, 16 for each.
    pub(crate) fn to_hex(&self) -> String {
        self.hashes.iter().map(|it| format!("{it:016x}")).collect()
    }

    /// Reads [`Group::to_hex`]; `None` when it is not a rising list.
    pub(crate) fn from_hex(attribute: String, hex: &str) -> Option<Self> {
        let chunks = hex.as_bytes().chunks(16);
        let hashes: Option<Vec<u64>> = chunks
            .map(|digits| {
                let digits = std::str::from_utf8(digits).ok().filter(|it| it.len() == 16)?;
                u64::from_str_radix(digits, 16).ok()
            })
            .collect();
        let hashes = hashes?;
        hashes.is_sorted_by(|a, b| a < b).then_some(Self { attribute, hashes })
    }
}

/// All saved groups of hashed ids, by id.
pub type Groups = BTreeMap<String, Group>;
