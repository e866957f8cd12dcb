//! Visitors who were erased and still have a row in some published table: row keys, beside the pointer of the table
//! (`x/current`). The edge reads the list with the pointers, so that nobody's request costs a read more, and looks into it before
//! any row. The next build leaves them out (`vitrine profiles build --tombstones`), which takes the same lines.
//!
//! Form: a line `vitrine-tombstones 1 <epoch>`, then one row key a line, 16 lower-case hexadecimal digits, ascending.

use std::fmt;

use vitrine_tables::RowKey;

/// KV key of the list.
pub const TOMBSTONES_KEY: &str = "x/current";
/// Most visitors in the list; an isolate holds 8 bytes for each.
pub const TOMBSTONES_MAX: usize = 100_000;

const HEAD: &str = "vitrine-tombstones 1 ";

/// The list. The default is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones {
    /// Rises with every change.
    pub epoch: u64,
    /// Ascending, each once.
    keys: Vec<u64>,
}

/// Why bytes are no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TombstonesError {
    /// Not text, or another first line.
    Head,
    /// A line that is no row key, or out of order.
    Line {
        /// Number of the line, from 1.
        number: usize,
    },
    /// More than [`TOMBSTONES_MAX`].
    TooMany,
}

impl fmt::Display for TombstonesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => write!(f, "the first line is not {HEAD:?} and a number"),
            Self::Line { number } => {
                write!(
                    f,
                    "line {number} is not a row key greater than the one before: 16 lower-case hexadecimal digits"
                )
            }
            Self::TooMany => write!(f, "there are more than {TOMBSTONES_MAX} row keys"),
        }
    }
}

impl Tombstones {
    /// A list of these keys, in any order.
    pub fn new(epoch: u64, mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { epoch, keys }
    }

    /// The epoch of a list without reading the rest.
    pub fn epoch_of(bytes: &[u8]) -> Option<u64> {
        let line = bytes.split(|it| *it == b'\n').next()?;
        std::str::from_utf8(line).ok()?.strip_prefix(HEAD)?.parse().ok()
    }

    /// Reads a list.
    ///
    /// Errors: [`TombstonesError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TombstonesError> {
        let epoch = Self::epoch_of(bytes).ok_or(TombstonesError::Head)?;
        let text = std::str::from_utf8(bytes).map_err(|_| TombstonesError::Head)?;
        let mut keys = Vec::new();
        for (at, line) in text.lines().enumerate().skip(1) {
            let fault = TombstonesError::Line { number: at.saturating_add(1) };
            let key = row_key(line).ok_or(fault)?;
            if keys.last().is_some_and(|last| *last >= key) {
                return Err(fault);
            }
            if keys.len() >= TOMBSTONES_MAX {
                return Err(TombstonesError::TooMany);
            }
            keys.push(key);
        }
        Ok(Self { epoch, keys })
    }

    /// The list as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}{}\n", self.epoch);
        for key in &self.keys {
            text.push_str(&format!("{key:016x}\n"));
        }
        text
    }

    /// Whether the visitor was erased.
    pub fn contains(&self, key: RowKey) -> bool {
        self.keys.binary_search(&key.0).is_ok()
    }

    /// All of them, ascending.
    pub fn keys(&self) -> impl Iterator<Item = RowKey> {
        self.keys.iter().copied().map(RowKey)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// A row key as 16 lower-case hexadecimal digits; `None` for anything else.
pub fn row_key(text: &str) -> Option<u64> {
    let is_digit = |it: u8| it.is_ascii_digit() || matches!(it, b'a'..=b'f');
    (text.len() == 16 && text.bytes().all(is_digit)).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let list = Tombstones::new(7, vec![9, 1, u64::MAX, 9]);
        assert_eq!(list.to_text(), "vitrine-tombstones 1 7\n0000000000000001\n0000000000000009\nffffffffffffffff\n");
        assert_eq!(Tombstones::parse(list.to_text().as_bytes()), Ok(list.clone()));
        assert_eq!(Tombstones::epoch_of(list.to_text().as_bytes()), Some(7));
        assert!([1, 9, u64::MAX].iter().all(|it| list.contains(RowKey(*it))) && !list.contains(RowKey(2)));
        assert!(Tombstones::parse(b"vitrine-tombstones 1 0\n").is_ok_and(|it| it.is_empty()));
    }

    #[test]
    fn what_is_no_list() {
        let head = "vitrine-tombstones 1 7\n";
        let fault = |text: &str| Tombstones::parse(text.as_bytes()).unwrap_err();
        for bad in ["", "vitrine-tombstones 2 7\n", "vitrine-tombstones 1 \n", "{}", "vitrine-tombstones 1 -7\n"] {
            assert_eq!(fault(bad), TombstonesError::Head, "{bad:?}");
        }
        for bad in
            ["1\n", "000000000000000G\n", "000000000000000A\n", "\n", "+000000000000001\n", "0000000000000001 \n"]
        {
            assert_eq!(fault(&format!("{head}{bad}")), TombstonesError::Line { number: 2 }, "{bad:?}");
        }
        let twice = "0000000000000001\n".repeat(2);
        assert_eq!(fault(&format!("{head}{twice}")), TombstonesError::Line { number: 3 });
        assert_eq!(Tombstones::parse(b"\xff"), Err(TombstonesError::Head));
        let keys = (0..=u64::try_from(TOMBSTONES_MAX).unwrap()).collect();
        assert_eq!(fault(&Tombstones::new(1, keys).to_text()), TombstonesError::TooMany);
    }
}
