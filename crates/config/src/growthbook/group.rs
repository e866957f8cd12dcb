//! Saved groups of a payload: lists of ids become hashes, conditions take the place of their references.

use serde_json::{Value, json};
use vitrine_flags::Json;

use crate::growthbook::condition::{Scope, Verdict};
use crate::growthbook::feature::{Importer, Refused};
use crate::growthbook::{Note, escaped, group_entry};

impl Importer<'_> {
    /// `$savedGroup: { id, attributeKey }`.
    pub(super) fn saved_group(&mut self, json: &Json, scope: Scope, pointer: &str) -> Result<Verdict, Refused> {
        let Some(id) = json.get("id").and_then(Json::as_text) else { return Ok(Verdict::Never) };
        let own = match json.get("attributeKey") {
            None => None,
            Some(Json::Text(it)) => Some(it.as_str()),
            Some(_) => return Ok(Verdict::Never),
        };
        let Some(entry) = self.saved_groups.and_then(|it| it.get(id)) else { return Ok(Verdict::Never) };
        match (entry.get("type").and_then(Json::as_text), entry.get("condition")) {
            (Some("condition"), Some(condition)) => {
                if self.open_groups.iter().any(|it| it == id) {
                    return Ok(Verdict::Never);
                }
                self.open_groups.push(id.to_owned());
                let below = format!("/savedGroups/{}/condition", escaped(id));
                let verdict = self.condition(&condition.clone(), scope, &below);
                self.open_groups.pop();
                verdict
            }
            // An old list has no attribute, and matches nobody here.
            (None, _) => Ok(Verdict::Never),
            _ => {
                let of_group = entry.get("attributeKey").and_then(Json::as_text);
                let attribute = own.or(of_group).unwrap_or("id").to_owned();
                self.group(id, entry, &attribute, scope, pointer)?;
                Ok(Verdict::When(json!({ "$savedGroup": { "id": id } })))
            }
        }
    }

    /// `$inGroup` behind the attribute `path`: the id of the group.
    pub(super) fn in_group(
        &mut self,
        json: &Json,
        scope: Scope,
        path: &str,
        pointer: &str,
    ) -> Result<Verdict, Refused> {
        let Json::Text(id) = json else { return Err(Refused::at(pointer, "the group has no id")) };
        let Some(entry) = self.saved_groups.and_then(|it| it.get(id)) else { return Ok(Verdict::Never) };
        let kind = entry.get("type").and_then(Json::as_text);
        if !(entry.as_list().is_some() || kind == Some("list")) {
            return Err(Refused::at(pointer, format!("the saved group {id:?} is not a list")));
        }
        self.group(id, entry, path, scope, pointer)?;
        Ok(Verdict::When(id.as_str().into()))
    }

    /// Makes an entry of a saved group of ids.
    fn group(&mut self, id: &str, entry: &Json, attribute: &str, scope: Scope, pointer: &str) -> Result<(), Refused> {
        if scope != Scope::Visitor {
            return Err(Refused::at(pointer, "saved groups hold visitors; a document cannot ask elements of a list"));
        }
        self.groups.insert(id.to_owned());
        if let Some(known) = self.group_entries.get(id) {
            if known.get("attribute").and_then(Value::as_str) == Some(attribute) {
                return Ok(());
            }
            let message = format!("the saved group {id:?} is asked about two attributes; make two groups of it");
            return Err(Refused::at(pointer, message));
        }
        let place = format!("/savedGroups/{}", escaped(id));
        let values = entry.as_list().or_else(|| entry.get("values").and_then(Json::as_list));
        let Some(values) = values else {
            let message = "its members are not in the payload; publish them as a file of ids";
            self.notes.push(Note::left_out(place, message));
            self.group_entries.insert(id.to_owned(), group_entry(id, attribute, Vec::new()));
            return Ok(());
        };
        let Some(hash) = self.hash else {
            let message = format!(
                "the saved group {id:?} holds ids as they are, which never stand in a document; give the key of the tables, so that they are hashed"
            );
            return Err(Refused::at(&place, message));
        };
        if values.iter().any(|it| !matches!(it, Json::Text(_))) {
            let message = "members that are no texts are taken as the texts of their numbers";
            self.notes.push(Note::remark(place, message));
        }
        let text = |it: &Json| match it {
            Json::Text(text) => Some(text.clone()),
            Json::Number(_) => Some(it.to_string()),
            _ => None,
        };
        let hashes = values.iter().filter_map(text).map(|it| hash(&it)).collect();
        self.group_entries.insert(id.to_owned(), group_entry(id, attribute, hashes));
        Ok(())
    }
}
