//! What stands for a visitor where nothing may name them: the row key, by which the profile table knows them, and the unit, by which
//! measuring does. The unit is made of the row key, so that whoever is erased by row key can be forgotten everywhere; the way back
//! needs both secrets.

use vitrine_tables::{RowKey, TableKey};

use crate::token::TokenKeys;

/// The attribute of flags that names visitors.
const VISITOR: &str = "id";

/// The secrets that hide visitors.
#[derive(Clone, Copy, Debug)]
pub struct Pseudonyms<'k> {
    /// Hides them from whoever reads what was measured.
    pub tokens: &'k TokenKeys,
    /// Hides them from whoever reads a table; a deployment without tables may have none.
    pub table: Option<&'k TableKey>,
}

impl Pseudonyms<'_> {
    /// The visitor in tables and in files of raw events, with the secret `TABLE_KEY`.
    pub fn row_key(&self, visitor: &str) -> Option<RowKey> {
        self.table.map(|it| it.hash(visitor))
    }

    /// The visitor in exposure tokens and in the ledger.
    pub fn unit(&self, visitor: &str) -> u64 {
        match self.row_key(visitor) {
            Some(key) => self.unit_of_row(key),
            None => self.tokens.unit(VISITOR, visitor),
        }
    }

    /// The same, of a visitor who is known by row key alone. Not the unit of who is known without `TABLE_KEY`.
    pub fn unit_of_row(&self, key: RowKey) -> u64 {
        self.tokens.unit(VISITOR, &hexadecimal(key.0))
    }

    /// What stands for the value of an attribute that experiments assign by: the visitor for `id`, and anything else for others.
    pub fn unit_of_attribute(&self, attribute: &str, value: &str) -> u64 {
        if attribute == VISITOR { self.unit(value) } else { self.tokens.unit(attribute, value) }
    }
}

/// A row key or unit as texts hold it: 16 lower-case hexadecimal digits.
pub fn hexadecimal(key: u64) -> String {
    format!("{key:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_by_row_key_finds_the_unit() {
        let tokens = TokenKeys::from_hex(&"0b".repeat(32), None).unwrap();
        let table = TableKey::from_bytes([7; 16]);
        let with = Pseudonyms { tokens: &tokens, table: Some(&table) };
        let key = with.row_key("ann").unwrap();
        assert_eq!(with.unit("ann"), with.unit_of_row(key));
        assert_eq!(with.unit_of_attribute("id", "ann"), with.unit("ann"));
        assert_ne!(with.unit("ann"), key.0, "tables and counts cannot be joined without the secret");
        assert_eq!(with.unit_of_attribute("company", "ann"), tokens.unit("company", "ann"));
        let without = Pseudonyms { table: None, ..with };
        assert_eq!((without.row_key("ann"), without.unit("ann")), (None, tokens.unit("id", "ann")));
        assert_eq!(hexadecimal(26), "000000000000001a");
    }
}
