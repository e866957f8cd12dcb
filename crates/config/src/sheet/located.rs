//! A document in the making: rows add to it in any order, and every value knows the cell that it comes from.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Number;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Located {
    /// Number of its cell, or of its row, in [`super::Places`]; 0 for the document.
    pub place: usize,
    pub value: Value,
}

/// What JSON can hold.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
    List(Vec<Located>),
    Object(Object),
    /// Not a value at all. Already reported, so that readers keep silent about it.
    Broken,
}

/// Members by key; each key has the place of its value.
#[derive(Debug, Default)]
pub(crate) struct Object(BTreeMap<Box<str>, Located>);

/// Something else stands already where a value should go.
#[derive(Debug)]
pub(crate) struct Taken;

impl Object {
    /// Puts a value at a path of keys. An object is merged with the object that stands there, anything else needs a free place.
    pub fn set(&mut self, path: &[&str], value: Located) -> Result<(), Taken> {
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        self.descend(parents, value.place)?.put((*last).into(), value)
    }

    /// The list at a path of keys, made if there is none.
    pub fn list(&mut self, path: &[&str], place: usize) -> Result<&mut Vec<Located>, Taken> {
        let Some((last, parents)) = path.split_last() else { return Err(Taken) };
        let slot = self.descend(parents, place)?.0.entry((*last).into());
        let found = slot.or_insert_with(|| Located { place, value: Value::List(Vec::new()) });
        match found {
            Located { value: Value::List(list), .. } => Ok(list),
            _ => Err(Taken),
        }
    }

    /// The members, by key.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&str, &Located)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// The member of a key.
    pub fn get(&self, key: &str) -> Option<&Located> {
        self.0.get(key)
    }

    fn descend(&mut self, path: &[&str], place: usize) -> Result<&mut Self, Taken> {
        let mut object = self;
        for key in path {
            let slot = object.0.entry((*key).into());
            let next = slot.or_insert_with(|| Located { place, value: Value::Object(Self::default()) });
            match next {
                Located { value: Value::Object(next), .. } => object = next,
                _ => return Err(Taken),
            }
        }
        Ok(object)
    }

    /// Recursion is bounded by the depth of what a cell can hold.
    fn put(&mut self, key: Box<str>, value: Located) -> Result<(), Taken> {
        match (self.0.entry(key), value) {
            (Entry::Vacant(slot), value) => {
                slot.insert(value);
                Ok(())
            }
            (Entry::Occupied(slot), Located { value: Value::Object(more), .. })
                if matches!(slot.get().value, Value::Object(_)) =>
            {
                let Value::Object(object) = &mut slot.into_mut().value else { return Ok(()) };
                object.merge(more)
            }
            _ => Err(Taken),
        }
    }

    /// Takes over all members of another object; stops at the first that has no place here.
    pub fn merge(&mut self, more: Self) -> Result<(), Taken> {
        more.0.into_iter().try_for_each(|(key, value)| self.put(key, value))
    }
}

impl FromIterator<(Box<str>, Located)> for Object {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Located)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

/// Whether a value is `expected`.
impl PartialEq<serde_json::Value> for Value {
    fn eq(&self, expected: &serde_json::Value) -> bool {
        use serde_json::Value as Json;
        match (self, expected) {
            (Self::Null, Json::Null) => true,
            (Self::Bool(found), Json::Bool(expected)) => found == expected,
            // By their digits: 1 and 1.0, and 0 and -0, are different texts.
            (Self::Number(found), Json::Number(expected)) => found.to_string() == expected.to_string(),
            (Self::Text(found), Json::String(expected)) => **found == **expected,
            (Self::List(found), Json::Array(expected)) => {
                found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| a.value == *b)
            }
            (Self::Object(found), Json::Object(expected)) => {
                found.0.len() == expected.len()
                    && found.members().all(|(key, found)| expected.get(key).is_some_and(|it| found.value == *it))
            }
            _ => false,
        }
    }
}
