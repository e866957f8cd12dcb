//! Objects: members in JavaScript's order, found quickly.

use std::cmp::Ordering;

use super::Json;

/// Up to this many members, looking through all of them is as quick as any index.
const SCANNED_MAX: usize = 16;

/// The members of a JSON object.
///
/// Order: keys that are array indices ("0", "17", not "01") ascending, then the others as they were inserted; the order in
/// which JavaScript enumerates and serialises. Each key occurs once.
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: Vec<(String, Json)>,
    /// Positions in `members` sorted by key; empty while there are at most [`SCANNED_MAX`] members.
    sorted: Vec<u32>,
}

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Self { members: Vec::new(), sorted: Vec::new() }
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Json> {
        if self.sorted.is_empty() {
            return self.members.iter().find(|(have, _)| have == key).map(|(_, value)| value);
        }
        let at = self.find(key).ok()?;
        self.members.get(at).map(|(_, value)| value)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        let at = self.find(key).ok()?;
        self.members.get_mut(at).map(|(_, value)| value)
    }

    /// Whether it has the member `key`.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets `key`, at its old place if it is there already.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Json>) {
        let (key, value) = (key.into(), value.into());
        if let Some(slot) = self.get_mut(&key) {
            *slot = value;
            return;
        }
        let at = match index_of(&key) {
            None => self.members.len(),
            Some(index) => self.members.partition_point(|(have, _)| index_of(have).is_some_and(|it| it < index)),
        };
        self.members.insert(at, (key, value));
        // Quick for the usual case: a new last member finds its place in the index, everything else builds it anew.
        if at.saturating_add(1) == self.members.len() && !self.sorted.is_empty() {
            let place = self.place_of_last();
            self.sorted.insert(place, u32::try_from(at).unwrap_or(u32::MAX));
        } else {
            self.index();
        }
    }

    /// Takes the member `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let at = self.find(key).ok()?;
        let (_, value) = self.members.remove(at);
        self.index();
        Some(value)
    }

    /// All members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json)> + Clone {
        self.members.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.members.iter().map(|(key, _)| key.as_str())
    }

    /// Position of `key` in `members`.
    fn find(&self, key: &str) -> Result<usize, ()> {
        if self.sorted.is_empty() {
            return self.members.iter().position(|(have, _)| have == key).ok_or(());
        }
        let place = self.sorted.binary_search_by(|at| self.key_at(*at).cmp(key)).map_err(drop)?;
        self.sorted.get(place).map(|at| *at as usize).ok_or(())
    }

    fn key_at(&self, at: u32) -> &str {
        self.members.get(at as usize).map_or("", |(key, _)| key.as_str())
    }

    fn place_of_last(&self) -> usize {
        let last = self.members.last().map_or("", |(key, _)| key.as_str());
        self.sorted.partition_point(|at| self.key_at(*at) < last)
    }

    fn index(&mut self) {
        self.sorted.clear();
        if self.members.len() > SCANNED_MAX {
            self.sorted = by_key(&self.members);
        }
    }
}

/// Members in any order; of a key that occurs twice the last value counts, at the first place.
impl FromIterator<(String, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(members: I) -> Self {
        Self::of(members.into_iter().collect())
    }
}

impl Object {
    /// Apart from `from_iter`, which is compiled anew for every kind of iterator.
    fn of(mut members: Vec<(String, Json)>) -> Self {
        if members.len() <= SCANNED_MAX && is_in_order(&members) {
            return Self { members, sorted: Vec::new() };
        }
        let mut is_dropped = vec![false; members.len()];
        let mut has_duplicates = false;
        // Equal keys stand beside each other, the first occurrence first.
        let mut first = None;
        for at in by_key(&members) {
            let at = at as usize;
            let is_same = first.is_some_and(|first: usize| {
                members.get(first).map(|(key, _)| key) == members.get(at).map(|(key, _)| key)
            });
            match first {
                Some(first) if is_same => {
                    let value = members.get_mut(at).map(|(_, value)| std::mem::take(value)).unwrap_or_default();
                    if let (Some(slot), Some(dropped)) = (members.get_mut(first), is_dropped.get_mut(at)) {
                        slot.1 = value;
                        *dropped = true;
                        has_duplicates = true;
                    }
                }
                _ => first = Some(at),
            }
        }
        if has_duplicates {
            let mut dropped = is_dropped.into_iter();
            members.retain(|_| !dropped.next().unwrap_or(false));
        }
        let members = in_order(members);
        let mut object = Self { members, sorted: Vec::new() };
        object.index();
        object
    }
}

impl IntoIterator for Object {
    type Item = (String, Json);
    type IntoIter = std::vec::IntoIter<(String, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

/// Equal members, whatever their order.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

/// Positions of members, sorted by key and then by position.
fn by_key(members: &[(String, Json)]) -> Vec<u32> {
    let key_at = |at: u32| members.get(at as usize).map(|(key, _)| key.as_str());
    let mut positions: Vec<u32> = (0..members.len()).filter_map(|at| u32::try_from(at).ok()).collect();
    // Called by address: the sort would take this comparison in at thirty places, 14 KB of the Worker.
    let compare: &mut dyn FnMut(&u32, &u32) -> Ordering = &mut |a, b| key_at(*a).cmp(&key_at(*b)).then(a.cmp(b));
    positions.sort_unstable_by(compare);
    positions
}

/// Keys that are array indices first, ascending; the others as they are.
fn in_order(mut members: Vec<(String, Json)>) -> Vec<(String, Json)> {
    // The index above, the position below.
    let indices = members.iter().zip(0_u64..).filter_map(|((key, _), at)| Some((u64::from(index_of(key)?) << 32) | at));
    let mut indices: Vec<u64> = indices.collect();
    if indices.is_empty() {
        return members;
    }
    indices.sort_unstable();
    let mut ordered = Vec::with_capacity(members.len());
    let mut is_taken = vec![false; members.len()];
    for packed in indices {
        let at = (packed & u64::from(u32::MAX)) as usize;
        if let (Some(member), Some(taken)) = (members.get_mut(at), is_taken.get_mut(at)) {
            ordered.push(std::mem::take(member));
            *taken = true;
        }
    }
    ordered.extend(members.into_iter().zip(is_taken).filter(|(_, is_taken)| !is_taken).map(|(member, _)| member));
    ordered
}

/// Whether no key occurs twice and none is an array index, as in almost every object.
fn is_in_order(members: &[(String, Json)]) -> bool {
    members.iter().enumerate().all(|(at, (key, _))| {
        let before = members.get(..at).unwrap_or_default();
        index_of(key).is_none() && !before.iter().any(|(other, _)| other == key)
    })
}

/// The number behind a key that JavaScript takes for an array index: 0..=2^32 - 2 without leading zeros.
fn index_of(key: &str) -> Option<u32> {
    let first = key.as_bytes().first()?;
    if !first.is_ascii_digit() || (*first == b'0' && key.len() > 1) || key.len() > 10 {
        return None;
    }
    // `parse` would take a sign, but the first byte is a digit.
    key.parse().ok().filter(|index| *index != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_objects_behave_alike() {
        for n in [1_usize, 5, 16, 17, 18, 100] {
            let mut inserted = Object::new();
            (0..n).for_each(|at| inserted.insert(format!("key{at}"), at as f64));
            let collected: Object = (0..n).map(|at| (format!("key{at}"), Json::from(at as f64))).collect();
            assert_eq!(inserted, collected);
            assert!(inserted.keys().eq(collected.keys()));
            for at in 0..n {
                assert_eq!(inserted.get(&format!("key{at}")), Some(&Json::from(at as f64)));
            }
            assert_eq!(inserted.get("key"), None);
            assert_eq!(inserted.remove("key0"), Some(Json::from(0)));
            assert_eq!(inserted.remove("key0"), None);
            assert_eq!(inserted.len(), n - 1);
            inserted.insert("0", true);
            assert_eq!(inserted.keys().next(), Some("0"));
            assert_eq!(inserted.get("0"), Some(&Json::Bool(true)));
        }
    }

    #[test]
    fn the_last_of_two_values_counts_at_the_first_place() {
        let object: Object = [("b", 1), ("a", 2), ("b", 3), ("7", 4), ("b", 5)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Json::from(value)))
            .collect();
        assert_eq!(Json::Object(object).to_string(), r#"{"7":4,"b":5,"a":2}"#);
        let source = r#"{"":1,"10":2,"x":3,"9":4,"01":5,"0":6,"10":7}"#;
        let object = Json::parse(source.as_bytes()).unwrap();
        assert_eq!(object.to_string(), r#"{"0":6,"9":4,"10":7,"":1,"x":3,"01":5}"#);
    }
}
