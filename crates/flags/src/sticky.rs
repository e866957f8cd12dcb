//! Sticky bucketing: what a visitor was assigned before, so that changed weights do not move them.

use crate::json::{Json, Object};
use std::collections::BTreeMap;

/// Assignments of one value of one attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StickyDoc {
    /// Name of the attribute: `id`.
    pub attribute: String,
    /// Its value as text.
    pub value: String,
    /// Variation keys by `<experiment key>__<bucket version>`.
    pub assignments: BTreeMap<String, String>,
}

/// The documents of one visitor, by `<attribute>||<value>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StickyDocs {
    /// With their keys, by which they are sorted; each key once. A list: there are few, and a map of documents is compiled for them alone.
    docs: Vec<(String, StickyDoc)>,
}

impl StickyDocs {
    /// The document of `value` of `attribute`.
    pub fn get(&self, attribute: &str, value: &str) -> Option<&StickyDoc> {
        let at = self.find(&key_of(attribute, value)).ok()?;
        self.docs.get(at).map(|(_, doc)| doc)
    }

    /// Adds a document, replacing the one of the same attribute and value.
    pub fn insert(&mut self, doc: StickyDoc) {
        let key = key_of(&doc.attribute, &doc.value);
        match self.find(&key) {
            Ok(at) => {
                if let Some((_, before)) = self.docs.get_mut(at) {
                    *before = doc;
                }
            }
            Err(at) => self.docs.insert(at, (key, doc)),
        }
    }

    /// Where the document of a key is, or would be.
    fn find(&self, key: &str) -> Result<usize, usize> {
        self.docs.binary_search_by(|(it, _)| it.as_str().cmp(key))
    }

    /// All documents with their keys, sorted by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &StickyDoc)> {
        self.docs.iter().map(|(key, doc)| (key.as_str(), doc))
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    /// Reads documents as clients store them: an object of documents by key, or an array of documents. What is not a document
    /// is left out.
    pub fn from_json(json: &Json) -> Self {
        let mut docs = Self::default();
        match json {
            Json::List(list) => list.iter().filter_map(StickyDoc::from_json).for_each(|doc| docs.insert(doc)),
            Json::Object(object) => {
                object.iter().filter_map(|(_, doc)| StickyDoc::from_json(doc)).for_each(|doc| docs.insert(doc));
            }
            _ => {}
        }
        docs
    }

    /// The documents as clients store them: an object by key.
    pub fn to_json(&self) -> Json {
        Json::Object(self.docs.iter().map(|(key, doc)| (key.clone(), doc.to_json())).collect())
    }
}

impl StickyDoc {
    /// Reads `{attributeName, attributeValue, assignments}`. `None` if it is anything else.
    pub fn from_json(json: &Json) -> Option<Self> {
        let mut assignments = BTreeMap::new();
        // One by one: collecting into a map sorts first, and a sort is compiled anew for whatever it sorts.
        for (id, key) in json.get("assignments")?.as_object()?.iter() {
            if let Some(key) = key.as_text() {
                assignments.insert(id.to_owned(), key.to_owned());
            }
        }
        Some(Self {
            attribute: json.get("attributeName")?.as_text()?.to_owned(),
            value: json.get("attributeValue")?.as_text()?.to_owned(),
            assignments,
        })
    }

    /// `{attributeName, attributeValue, assignments}`.
    pub fn to_json(&self) -> Json {
        let mut json = Object::new();
        json.insert("attributeName", self.attribute.as_str());
        json.insert("attributeValue", self.value.as_str());
        let assignments = self.assignments.iter().map(|(id, key)| (id.clone(), Json::from(key.as_str())));
        json.insert("assignments", Json::Object(assignments.collect()));
        Json::Object(json)
    }
}

fn key_of(attribute: &str, value: &str) -> String {
    format!("{attribute}||{value}")
}
