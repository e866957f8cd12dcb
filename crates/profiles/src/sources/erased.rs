//! Visitors who asked to be forgotten: whoever is on the list, by id or by the key of their row, comes into no output.

use super::identity::Resolved;
use crate::engine::Engine;
use crate::{BuildError, TableKey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The entries of a file of erased visitors: one a line, an id or 16 hexadecimal digits; blank lines and `#` say nothing.
pub(super) fn read(path: &Path) -> Result<BTreeSet<String>, BuildError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| BuildError::Source { file: path.to_owned(), reason: error.to_string() })?;
    let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// Every id of an erased visitor: those on the list, those whose row key is on it, and all other ids of the same people.
pub(super) fn ids(
    engine: &Engine,
    key: &TableKey,
    entries: &BTreeSet<String>,
    resolved: &Resolved,
    tables: &[&str],
) -> Result<BTreeSet<String>, BuildError> {
    let mut erased: BTreeSet<String> = entries.clone();
    let hashes: BTreeSet<u64> = entries
        .iter()
        .filter(|entry| entry.len() == 16)
        .filter_map(|entry| u64::from_str_radix(entry, 16).ok())
        .collect();
    if !hashes.is_empty() {
        erased.extend(resolved.canonical.keys().filter(|id| hashes.contains(&key.hash(id).0)).cloned());
        for table in tables {
            let sql = format!("SELECT DISTINCT customer_id FROM {table} WHERE customer_id IS NOT NULL");
            engine.each_row("tombstones", &sql, |row| {
                if let [Some(id)] = row
                    && hashes.contains(&key.hash(id).0)
                {
                    erased.insert((*id).to_owned());
                }
                Ok(())
            })?;
        }
    }
    // The same person under another id is the same person.
    let mut own: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, canonical) in &resolved.canonical {
        own.entry(canonical).or_default().push(id);
    }
    let people: BTreeSet<&str> =
        erased.iter().map(|id| resolved.canonical.get(id).map_or(id.as_str(), String::as_str)).collect();
    let mut all: BTreeSet<String> = people.iter().map(|id| (*id).to_owned()).collect();
    all.extend(people.iter().flat_map(|id| own.get(id).into_iter().flatten()).map(|id| (*id).to_owned()));
    all.extend(erased.iter().cloned());
    Ok(all)
}
