//! `saved_groups`: lists of ids, kept as keyed hashes. A raw id in a document is refused.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::compile::Compiler;
use crate::limits::{EXPERIMENT_ID_CHARS_MAX, GROUP_HASHES_MAX, LAYERS_MAX};
use crate::source::{At, Kind, shortened};

/// Keys of a saved group.
pub(crate) const KEYS: [&str; 7] = ["id", "description", "name", "attribute", "file", "hashes", "hashes_base64"];

/// Ids that a document keeps as hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id in the document and in the payload.
    pub id: String,
    /// The attribute of the request whose value is looked up.
    pub attribute: String,
    /// Keyed 64-bit hashes of the ids; rising, each once.
    pub hashes: Vec<u64>,
}

/// Ids of a group's file, hashed by the command line before a document is checked: group id to hashes, in any order.
pub type GroupFiles = BTreeMap<String, Vec<u64>>;

impl<'t> Compiler<'t, '_> {
    /// Reads the section `saved_groups`.
    pub fn saved_groups(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "saved groups", "too_many_groups", LAYERS_MAX).enumerate() {
            let Some(at) = self.report.object(at, &KEYS) else { continue };
            let id = self.draft.group_names.declare_key(at, idx, EXPERIMENT_ID_CHARS_MAX, self.report);
            for key in ["description", "name"] {
                if let Some(at) = at.get(key) {
                    self.report.text(at);
                }
            }
            let attribute = self.unit(at, "attribute").unwrap_or_else(|| "id".to_owned());
            let mut hashes = self.hashes(at, id);
            hashes.sort_unstable();
            hashes.dedup();
            self.draft.groups.push(Group { id: id.unwrap_or_default().to_owned(), attribute, hashes });
        }
        let n_hashes: usize = self.draft.groups.iter().map(|it| it.hashes.len()).sum();
        if n_hashes > GROUP_HASHES_MAX {
            let message =
                format!("the saved groups have {n_hashes} ids together, at most {GROUP_HASHES_MAX} are allowed");
            let help = "put large groups into a column of the profile table";
            self.report.error(at, "too_many_hashes", message, help);
        }
    }

    fn hashes(&mut self, group: At<'t>, id: Option<&str>) -> Vec<u64> {
        let help = "keep one of file, hashes and hashes_base64";
        self.report.contradiction(group, "hashes", "file", help);
        self.report.contradiction(group, "hashes", "hashes_base64", help);
        self.report.contradiction(group, "hashes_base64", "file", help);
        if let Some(at) = group.get("hashes") {
            return self.hash_list(at);
        }
        if let Some(at) = group.get("hashes_base64") {
            return self.hash_bytes(at);
        }
        let Some(at) = group.get("file") else {
            let message = "the saved group has no ids";
            let help = "add file: with the path of a list of ids, one a line; the command line hashes them";
            self.report.error(group, "group_without_ids", message, help);
            return Vec::new();
        };
        let Some(path) = self.report.text(at) else { return Vec::new() };
        let found = self.files.zip(id).and_then(|(files, id)| files.get(id)).cloned();
        found.unwrap_or_else(|| {
            let message = format!("the ids of {:?} are not hashed yet", shortened(path));
            let help = "check and publish with the vitrine command, which reads and hashes the file";
            self.report.error(at, "file_not_hashed", message, help);
            Vec::new()
        })
    }

    fn hash_list(&mut self, at: At<'t>) -> Vec<u64> {
        let mut hashes = Vec::new();
        for at in self.report.list(at, "hashes", "too_many_hashes", GROUP_HASHES_MAX) {
            let found = match at.kind() {
                Kind::Text(it) if it.len() == 16 && it.bytes().all(|it| it.is_ascii_hexdigit()) => {
                    u64::from_str_radix(it, 16).ok()
                }
                Kind::Broken => continue,
                _ => None,
            };
            match found {
                Some(hash) => hashes.push(hash),
                None => {
                    // The value itself may be somebody's id: it is not repeated.
                    let message = "this is no hash; ids must not stand in a document as they are";
                    let help = "put the ids into a file and write file: with its path; the command line hashes them";
                    self.report.error(at, "raw_ids", message, help);
                    break;
                }
            }
        }
        hashes
    }

    /// Hashes of eight bytes each, little endian.
    fn hash_bytes(&mut self, at: At<'t>) -> Vec<u64> {
        let Some(text) = self.report.text(at) else { return Vec::new() };
        let bytes = STANDARD.decode(text).unwrap_or_default();
        let (hashes, rest) = bytes.as_chunks::<8>();
        if hashes.is_empty() || !rest.is_empty() {
            let message = "this is not base64 of hashes of eight bytes each";
            let help = "let the command line write it: give the group a file";
            self.report.error(at, "raw_ids", message, help);
        }
        hashes.iter().map(|it| u64::from_le_bytes(*it)).collect()
    }
}

/// Hashes as `hashes_base64` has them.
pub(crate) fn hashes_base64(hashes: &[u64]) -> String {
    STANDARD.encode(hashes.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>())
}

/// Puts the hashes of groups into a canonical document in place of their files.
pub(crate) fn keep_hashes(document: &mut Value, groups: &[Group]) {
    let entries = document.get_mut("saved_groups").and_then(Value::as_array_mut).into_iter().flatten();
    for (entry, group) in entries.zip(groups) {
        if let Some(entry) = entry.as_object_mut()
            && entry.remove("file").is_some()
        {
            entry.insert("hashes_base64".into(), hashes_base64(&group.hashes).into());
        }
    }
}
